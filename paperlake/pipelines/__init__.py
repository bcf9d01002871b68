"""The steps of each kind of run, and their order. Plain functions that take the runner of their steps."""
