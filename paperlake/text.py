"""Counts in words."""

from __future__ import annotations


def plural(count: int, noun: str, nouns: str = "") -> str:
    """`1 vote`, `1,234 votes`. `nouns` is the plural of a noun that takes more than an s."""
    return f"{count:,} {noun if count == 1 else nouns or f'{noun}s'}"
