"""Saved Daily Papers pages to rows."""
