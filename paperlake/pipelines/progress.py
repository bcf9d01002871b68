"""Listeners for the progress of a run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from paperlake.ingest.hub import CaptureResult
from paperlake.ingest.oai_harvest import Harvest

DatesListener = Callable[[int, CaptureResult | None], None]
"""Called with a number of dates that need no more requests, and the result of the capture, if there was one."""
HarvestListener = Callable[[Harvest], None]
"""Called after each answer of a harvest."""

_dates: list[DatesListener] = []
_harvests: list[HarvestListener] = []


@contextmanager
def listening(dates: DatesListener | None = None, harvest: HarvestListener | None = None) -> Iterator[None]:
    """Add listeners during this block. They are global, because a Prefect flow takes no functions as parameters."""
    added_dates, added_harvests = [dates] if dates else [], [harvest] if harvest else []
    _dates.extend(added_dates)
    _harvests.extend(added_harvests)
    try:
        yield
    finally:
        for dates_listener in added_dates:
            _dates.remove(dates_listener)
        for harvest_listener in added_harvests:
            _harvests.remove(harvest_listener)


def notify_dates(count: int, capture: CaptureResult | None) -> None:
    """Notify the listeners of dates that need no more requests."""
    for listener in _dates:
        listener(count, capture)


def notify_harvest(harvest: Harvest) -> None:
    """Notify the listeners of the newest answer of a harvest."""
    for listener in _harvests:
        listener(harvest)
