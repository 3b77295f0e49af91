"""Measurements; run each file as a script."""
