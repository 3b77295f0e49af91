"""What the command line trains and measures, one JSON file per set of models or per table."""
