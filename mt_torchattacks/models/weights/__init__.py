"""The weights of the zoo."""
