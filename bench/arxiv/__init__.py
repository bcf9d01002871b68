"""Benchmarks of reading arXiv's OAI pages and its snapshot."""
