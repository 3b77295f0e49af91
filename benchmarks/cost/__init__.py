"""The parts of the benchmark of an attack's cost per step."""
