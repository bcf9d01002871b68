"""Results of a benchmark run, as tables and as a page."""
