"""Answers of the Hub to rows."""
