"""Rows from the Hub's answers."""
