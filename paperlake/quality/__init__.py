"""Validate tables before they are published. Only this package imports Great Expectations and pandas."""
