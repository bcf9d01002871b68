"""Rows from arXiv's OAI-PMH answers and its metadata snapshot."""
