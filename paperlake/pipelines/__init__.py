"""The pipelines: which steps a run has, in which order. Plain functions that are handed who runs their steps."""
