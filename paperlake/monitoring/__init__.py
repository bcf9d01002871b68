"""What happened in a run, and whether the promises of the lake hold."""
