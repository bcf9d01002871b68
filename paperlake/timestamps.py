"""Timestamps and capture names as text: in file names, on the command line, in messages."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime

_COMPACT = re.compile(r"(\d{4}-\d{2}-\d{2}T)(\d{2})(\d{2})(\d{2})(\.\d{1,6})?(Z|[+-]\d{2}:?\d{2})")


def parse_timestamp(text: str) -> datetime:
    """Parse a timestamp in ISO 8601, or in the compact form of file names (`2025-01-08T170741Z`), to UTC.

    Raises ValueError, also if there is no time zone.
    """
    compact = _COMPACT.fullmatch(text)
    at = datetime.fromisoformat(
        "{}{}:{}:{}{}{}".format(*(part or "" for part in compact.groups())) if compact else text
    )
    if at.tzinfo is None:
        raise ValueError(f"{text!r} has no time zone; end it with Z for UTC")
    return at.astimezone(UTC)


def filename_timestamp(at: datetime) -> str:
    """A timestamp in the compact form of file names, with fractional seconds only if there are any."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H%M%S.%fZ").replace(".000000Z", "Z")


def capture_name(day: date, began: datetime) -> str:
    """The name of a capture: its date, and the time at which it began."""
    return f"{day.isoformat()}/{filename_timestamp(began)}"


def parse_capture(name: str) -> tuple[date, datetime]:
    """The date and the start time in the name of a capture. Raises ValueError."""
    day, _, began = name.partition("/")
    return date.fromisoformat(day), parse_timestamp(began)
