"""Reading data sets from files: what they have in common, and the forms of NYUv2."""
