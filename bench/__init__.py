"""Benchmarks of Paperlake against alternatives, on the same answers in the same run."""
