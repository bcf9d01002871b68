"""How a run gets on, for whoever watches it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from paperlake.ingest.hub import Captured
from paperlake.ingest.oai_harvest import Harvest

DatesListener = Callable[[int, Captured | None], None]
"""Hears of dates that need no more requests, and what the capture of the last of them came to."""
HarvestListener = Callable[[Harvest], None]
"""Hears of each answer of a harvest."""

_dates: list[DatesListener] = []
_harvests: list[HarvestListener] = []


@contextmanager
def listening(dates: DatesListener | None = None, harvest: HarvestListener | None = None) -> Iterator[None]:
    """Let listeners hear of the runs in this block; global, for a Prefect flow takes no functions as parameters."""
    added_dates, added_harvests = [dates] if dates else [], [harvest] if harvest else []
    _dates.extend(added_dates)
    _harvests.extend(added_harvests)
    try:
        yield
    finally:
        for one in added_dates:
            _dates.remove(one)
        for other in added_harvests:
            _harvests.remove(other)


def tell_dates(count: int, captured: Captured | None) -> None:
    """Tell of dates that need no more requests."""
    for listener in _dates:
        listener(count, captured)


def tell_harvest(harvest: Harvest) -> None:
    """Tell of a harvest's newest answer."""
    for listener in _harvests:
        listener(harvest)
