"""Archived answers into the lake: as replies, with the time at which they were captured, never a guess."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from pathlib import Path

import polars as pl

from paperlake.build.publish import Published, publish_months, waiting_months
from paperlake.errors import PaperlakeError
from paperlake.store.inbox import Value, keep
from paperlake.store.lake import MONTH_FORM, Lake
from paperlake.store.rows import scan
from paperlake.store.snapshot import read_whole
from paperlake.timestamps import format_timestamp
from schemas.calendar import ARCHIVE_BEGINS, open_date
from schemas.captures import CAPTURES
from schemas.hub_replies import HUB_REPLIES
from schemas.page_entries import PAGE_ENTRIES
from schemas.saved_pages import SAVED_PAGES

TIMES = "captures.csv"


class ArchiveUnclear(PaperlakeError):
    """The archive does not say what is needed; nothing was kept."""


@dataclass(frozen=True, slots=True)
class Archived:
    """One answer in an archive."""

    path: Path
    listed_on: date
    captured_at: datetime


@dataclass(frozen=True, slots=True)
class Archive:
    """The answers of a folder, and the files in it that are none."""

    answers: tuple[Archived, ...]
    passed_over: tuple[Path, ...]


def find_answers(folder: Path, captured_at: datetime | None = None) -> Archive:
    """The answers in `folder`: DATE.json or DATE/INSTANT.json.

    When one was captured stands in its name, else in `captures.csv` (file, captured_at) beside it, else it
    is `captured_at`. Raises ArchiveUnclear where none of them says it.
    """
    times = {
        **_times(folder),
        **{f"{day.name}/{n}": t for day in _date_folders(folder) for n, t in _times(day).items()},
    }
    answers: list[Archived] = []
    passed_over: list[Path] = []
    unclear: list[str] = []
    for path in sorted(p for p in folder.rglob("*") if p.is_file() and p.name != TIMES):
        name = path.relative_to(folder).as_posix()
        day, named = _date(path.stem), None
        if path.parent != folder:
            day, named = _date(path.parent.name), _instant(path.stem)
        at = named or times.get(name) or captured_at
        is_placed = path.parent in (folder, folder / path.parent.name)
        is_listed = day is not None and ARCHIVE_BEGINS <= day <= open_date(datetime.now(UTC))
        if path.suffix != ".json" or not is_placed or not is_listed or day is None:
            passed_over.append(path)
        elif at is None:
            unclear.append(name)
        else:
            answers.append(Archived(path, day, at))
    if unclear:
        raise ArchiveUnclear(
            f"{folder}: {len(unclear)} files do not say when they were captured, such as {unclear[0]}; name them "
            f"DATE/INSTANT.json, list them in {TIMES} (file,captured_at), or give --captured-at"
        )
    if not answers:
        raise ArchiveUnclear(f"{folder} holds no answers; they are named DATE.json or DATE/INSTANT.json")
    return Archive(tuple(answers), tuple(passed_over))


def keep_answers(lake: Lake, answers: tuple[Archived, ...], tick: Callable[[], None]) -> None:
    """Keep the answers, byte for byte; `tick` is called after each."""
    for answer in answers:
        body = answer.path.read_bytes()
        keep(
            lake,
            HUB_REPLIES,
            {
                "requested_on": answer.listed_on,
                "capture_started_at": answer.captured_at,
                "page": 0,
                "captured_at": answer.captured_at,
                "url": None,
                "status_code": None,
                "headers": None,
                "body": body,
                "body_sha256": sha256(body).hexdigest(),
            },
        )
        tick()


def keep_page(lake: Lake, path: Path, captured_on: date) -> bool:
    """Keep a saved page, byte for byte; whether it was not known before.

    Raises ArchiveUnclear for an empty file, and for a date on which no such page can have been saved.
    """
    today = datetime.now(UTC).date() + timedelta(days=1)  # somewhere it is tomorrow already
    if not ARCHIVE_BEGINS <= captured_on <= today:
        raise ArchiveUnclear(
            f"{path} cannot have been saved on {captured_on}: pages are there from {ARCHIVE_BEGINS} until today"
        )
    body = path.read_bytes()
    if not body.strip():
        raise ArchiveUnclear(f"{path} is empty; save the text of the page into it")
    digest, month = sha256(body).hexdigest(), captured_on.strftime(MONTH_FORM)
    page = (pl.col("captured_on") == captured_on) & (pl.col("body_sha256") == digest)
    known = read_whole(lake, lambda seen: scan(seen, SAVED_PAGES, {month}).filter(page).select(pl.len()).collect())
    if known.item():
        return False
    row: dict[str, Value] = {"imported_at": datetime.now(UTC), "file_name": path.name, "body": body}
    keep(lake, SAVED_PAGES, {"captured_on": captured_on, "body_sha256": digest, **row})
    return True


def page_entry_count(lake: Lake, path: Path, captured_on: date) -> int:
    """How many entries the lake has of a saved page."""
    digest, month = sha256(path.read_bytes()).hexdigest(), captured_on.strftime(MONTH_FORM)
    page = (pl.col("captured_on") == captured_on) & (pl.col("page_sha256") == digest)
    rows = read_whole(lake, lambda seen: scan(seen, PAGE_ENTRIES, {month}).filter(page).select(pl.len()).collect())
    return int(rows.item())


def publish_waiting(lake: Lake) -> Iterator[Published]:
    """Publish month by month whatever waits in the inbox."""
    yield from publish_months(lake, waiting_months(lake))


def invalid_captures(lake: Lake, among: set[tuple[date, datetime]]) -> list[tuple[date, datetime, str]]:
    """The captures of `among` that are no list at all, with what is wrong, in order."""
    months = {day.strftime(MONTH_FORM) for day, _ in among}
    rows = read_whole(
        lake,
        lambda seen: (
            scan(seen, CAPTURES, months)
            .filter(~pl.col("is_valid"))
            .select("listed_on", "captured_at", "fault")
            .sort("listed_on", "captured_at")
            .collect()
        ),
    )
    return [(day, at, fault) for day, at, fault in rows.iter_rows() if (day, at) in among]


def _times(folder: Path) -> dict[str, datetime]:
    """What `captures.csv` in `folder` says, by file name. Raises ArchiveUnclear, with the line."""
    path = folder / TIMES
    if not path.is_file():
        return {}
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = csv.DictReader(file)
        if not {"file", "captured_at"} <= set(rows.fieldnames or ()):
            raise ArchiveUnclear(f"{path} needs the columns file and captured_at")
        times: dict[str, datetime] = {}
        for row in rows:
            try:
                times[row["file"]] = format_timestamp(row["captured_at"] or "")
            except (ValueError, OverflowError) as error:
                raise ArchiveUnclear(f"{path}, line {rows.line_num}: {error}") from None
    return times


def _date_folders(folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if path.is_dir() and _date(path.name)]


def _date(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if len(text) == len("2025-11-06") else None
    except ValueError:
        return None


def _instant(text: str) -> datetime | None:
    try:
        return format_timestamp(text)
    except ValueError:
        return None
