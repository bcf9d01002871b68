"""Answers and snapshots of arXiv to rows."""
