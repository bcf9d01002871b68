"""Which captures are in doubt, in plain Python."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

SATURDAY = 5


def find_doubts(captures: Sequence[Any]) -> None:
    """Mark the captures whose list does not count without a second answer."""
    known: set[str] = set()
    is_known_empty = False
    waiting: list[Any] = []
    for capture in (capture for capture in captures if capture.is_whole and not capture.is_refused):
        papers = set(capture.papers)
        is_empty = not papers and capture.is_closed and capture.day.weekday() < SATURDAY
        loses = len(known & papers) * 2 < len(known)
        capture.doubt = loses or (is_empty and not is_known_empty)
        agreeing = [
            other
            for other in waiting
            if capture.doubt
            and capture.began - other.began >= timedelta(hours=1)
            and (known or capture.began.date() != other.began.date())
            and len(papers & set(other.papers)) * 2 >= max(len(papers), len(other.papers))
        ]
        for other in [*agreeing, *([capture] if agreeing else [])]:
            other.doubt = False
        if capture.doubt and not capture.is_accepted:
            waiting.append(capture)
        else:
            known, is_known_empty, waiting = papers, not papers and capture.is_closed, []
