"""A world of recorded answers of the real Hub, served byte for byte."""

import json
import re
import threading
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_CAPTURE_NAME = "%Y-%m-%dT%H%M%SZ"

Entry = dict[str, Any]


class RecordedHub:
    """The answers in `folder`: `DATE.json`, or `DATE/TIMESTAMP.json` (`2025-01-08T170741Z`) for several captures.

    Of several captures, the newest one not later than the requested time is served, else the oldest.
    A date without a recording is unknown, not empty.
    """

    def __init__(self, folder: Path | str) -> None:
        """Serve the answers in `folder`. ValueError if the folder does not exist."""
        self._folder = Path(folder)
        if not self._folder.is_dir():
            message = f"no folder of recorded answers at {self._folder}"
            raise ValueError(message)
        self._lock = threading.Lock()
        self._days_of: dict[str, list[date]] | None = None

    def listed(self, day: date, at: datetime) -> list[Entry] | None:
        """The entries recorded for `day`, in their order; None if the date was not recorded."""
        body = self.raw(day, at)
        return None if body is None else _entries(body)

    def raw(self, day: date, at: datetime) -> bytes | None:
        """The recorded bytes for `day`; None if the date was not recorded."""
        file = self._file(day, at)
        return None if file is None else file.read_bytes()

    def paper(self, paper_id: str, at: datetime) -> Entry | None:
        """The paper as it is on the newest recorded list that has it; None if no list has it."""
        for day in reversed(self._index().get(paper_id, [])):
            for entry in self.listed(day, at) or []:
                if isinstance(paper := entry.get("paper"), dict) and paper.get("id") == paper_id:
                    return paper
        return None

    def _file(self, day: date, at: datetime) -> Path | None:
        single = self._folder / f"{day}.json"
        if single.is_file():
            return single
        captures = sorted((_captured_at(file), file) for file in (self._folder / f"{day}").glob("*.json"))
        if not captures:
            return None
        return next((file for captured_at, file in reversed(captures) if captured_at <= at), captures[0][1])

    def _index(self) -> dict[str, list[date]]:
        # Reading two years of lists takes a second. The first request for a paper builds the index.
        with self._lock:
            if self._days_of is None:
                self._days_of = {}
                for file in sorted(self._folder.rglob("*.json")):
                    self._add(file, self._days_of)
            return self._days_of

    def _add(self, file: Path, days_of: dict[str, list[date]]) -> None:
        name = file.stem if file.parent == self._folder else file.parent.name
        if not _DATE.fullmatch(name):
            return
        day = date.fromisoformat(name)
        for entry in _entries(file.read_bytes()):
            paper = entry.get("paper")
            days = days_of.setdefault(paper["id"], []) if isinstance(paper, dict) and "id" in paper else []
            if day not in days:
                days.append(day)


def _captured_at(file: Path) -> datetime:
    return datetime.strptime(file.stem, _CAPTURE_NAME).replace(tzinfo=UTC)


def _entries(body: bytes) -> list[Entry]:
    entries: list[Entry] = json.loads(body)
    return entries
