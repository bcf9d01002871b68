"""Ranked search: an index of the words of all papers beside the lake, and queries on it."""
