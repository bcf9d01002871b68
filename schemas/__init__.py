"""What the data means: every table declared once, in pyarrow and nothing else."""
