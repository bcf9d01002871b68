"""Which editions there are."""

from __future__ import annotations

from store.subscribers import EDITION


class EditionUnknown(Exception):
    """There is no such edition."""


def edition_named(name: str) -> str:
    """The edition so called: the one place that knows which there are. Raises EditionUnknown."""
    if not EDITION.fullmatch(name):
        raise EditionUnknown("an edition is named with a-z, 0-9 and -, in at most 40 characters")
    return name
