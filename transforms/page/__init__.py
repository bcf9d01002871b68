"""Rows from saved Daily Papers pages."""
