"""What our speed is, beside what else one could use, on the same answers in the same run."""
