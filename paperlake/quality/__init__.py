"""Judging a frame before it is published: the only Great Expectations and pandas."""
