"""Instants and captures by name: in files, on the command line, in messages."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime

_COMPACT = re.compile(r"(\d{4}-\d{2}-\d{2}T)(\d{2})(\d{2})(\d{2})(\.\d{1,6})?(Z|[+-]\d{2}:?\d{2})")


def format_timestamp(text: str) -> datetime:
    """An instant in UTC from ISO 8601, also as file names have it (`2025-01-08T170741Z`).

    Raises ValueError; also for one without a zone, which could be meant in any.
    """
    compact = _COMPACT.fullmatch(text)
    at = datetime.fromisoformat(
        "{}{}:{}:{}{}{}".format(*(part or "" for part in compact.groups())) if compact else text
    )
    if at.tzinfo is None:
        raise ValueError(f"{text!r} has no zone; end it with Z for UTC")
    return at.astimezone(UTC)


def instant_name(at: datetime) -> str:
    """An instant as file names have it; the fraction only where there is one."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H%M%S.%fZ").replace(".000000Z", "Z")


def capture_name(day: date, began: datetime) -> str:
    """What a capture is called: its date, and when it began."""
    return f"{day.isoformat()}/{instant_name(began)}"


def parse_capture(name: str) -> tuple[date, datetime]:
    """The date and the beginning of the capture so called. Raises ValueError."""
    day, _, began = name.partition("/")
    return date.fromisoformat(day), format_timestamp(began)
