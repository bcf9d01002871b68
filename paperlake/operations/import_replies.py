"""Import archived answers of the Hub and saved pages, with the time of their capture, which is never guessed."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from pathlib import Path

import polars as pl

from paperlake.build.publish import publish_months, waiting_months
from paperlake.build.results import PartitionResult
from paperlake.errors import PaperlakeError
from paperlake.store.inbox import Value, keep
from paperlake.store.lake import Lake
from paperlake.store.rows import scan
from paperlake.store.snapshot import read_consistent
from paperlake.text import plural
from paperlake.timestamps import parse_timestamp
from schemas.calendar import ARCHIVE_BEGINS, month_of, open_date
from schemas.captures import CAPTURES
from schemas.hub_replies import HUB_REPLIES
from schemas.page_entries import PAGE_ENTRIES
from schemas.saved_pages import SAVED_PAGES
from transforms.hub import answers

TIMES_FILE = "captures.csv"


class ArchiveUnusable(PaperlakeError):
    """The archive lacks a required fact; nothing was stored."""


@dataclass(frozen=True, slots=True)
class ArchivedReply:
    """One answer in an archive."""

    path: Path
    listed_on: date
    captured_at: datetime


@dataclass(frozen=True, slots=True)
class Archive:
    """The answers in a folder, and its files that are no answers."""

    answers: tuple[ArchivedReply, ...]
    skipped: tuple[Path, ...]


def find_replies(folder: Path, captured_at: datetime | None = None) -> Archive:
    """The answers in `folder`: DATE.json or DATE/TIMESTAMP.json.

    The capture time comes from the file's name, else from `captures.csv` (file, captured_at) in the same folder, else
    it is `captured_at`. Raises ArchiveUnusable if an answer has no capture time.
    """
    times = {
        **_read_times(folder),
        **{f"{day.name}/{n}": t for day in _date_folders(folder) for n, t in _read_times(day).items()},
    }
    dated: list[ArchivedReply] = []
    skipped: list[Path] = []
    untimed: list[str] = []
    for path in sorted(p for p in folder.rglob("*") if p.is_file() and p.name != TIMES_FILE):
        name = path.relative_to(folder).as_posix()
        day, named_time = _parse_date(path.stem), None
        if path.parent != folder:
            day, named_time = _parse_date(path.parent.name), _parse_timestamp(path.stem)
        at = named_time or times.get(name) or captured_at
        is_in_place = path.parent in (folder, folder / path.parent.name)
        has_list = day is not None and ARCHIVE_BEGINS <= day <= open_date(datetime.now(UTC))
        if path.suffix != ".json" or not is_in_place or not has_list or day is None:
            skipped.append(path)
        elif at is None:
            untimed.append(name)
        else:
            dated.append(ArchivedReply(path, day, at))
    if untimed:
        raise ArchiveUnusable(
            f"{folder}: no capture time in {plural(len(untimed), 'file')}, such as {untimed[0]}; name them "
            f"DATE/TIMESTAMP.json, list them in {TIMES_FILE} (file,captured_at), or give --captured-at"
        )
    if not dated:
        raise ArchiveUnusable(f"{folder} contains no answers; they are named DATE.json or DATE/TIMESTAMP.json")
    return Archive(tuple(dated), tuple(skipped))


def store_replies(lake: Lake, archived: tuple[ArchivedReply, ...], tick: Callable[[], None]) -> None:
    """Store the answers byte for byte; `tick` is called after each."""
    for answer in archived:
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


def store_saved_page(lake: Lake, path: Path, captured_on: date) -> bool:
    """Store a saved page byte for byte; returns whether it is new.

    Raises ArchiveUnusable for an empty file, and for a date on which no such page can have been saved.
    """
    today = datetime.now(UTC).date() + timedelta(days=1)  # somewhere it is already tomorrow
    if not ARCHIVE_BEGINS <= captured_on <= today:
        raise ArchiveUnusable(
            f"{path} cannot have been saved on {captured_on}: pages exist from {ARCHIVE_BEGINS} until today"
        )
    body = path.read_bytes()
    if not body.strip():
        raise ArchiveUnusable(f"{path} is empty; save the text of the page into it")
    digest, month = sha256(body).hexdigest(), month_of(captured_on)
    is_this_page = (pl.col("captured_on") == captured_on) & (pl.col("body_sha256") == digest)
    stored = read_consistent(
        lake, lambda seen: scan(seen, SAVED_PAGES, {month}).filter(is_this_page).select(pl.len()).collect()
    )
    if stored.item():
        return False
    row: dict[str, Value] = {"imported_at": datetime.now(UTC), "file_name": path.name, "body": body}
    keep(lake, SAVED_PAGES, {"captured_on": captured_on, "body_sha256": digest, **row})
    return True


def page_entry_count(lake: Lake, path: Path, captured_on: date) -> int:
    """The number of entries of a saved page in the lake."""
    digest, month = sha256(path.read_bytes()).hexdigest(), month_of(captured_on)
    is_this_page = (pl.col("captured_on") == captured_on) & (pl.col("page_sha256") == digest)
    rows = read_consistent(
        lake, lambda seen: scan(seen, PAGE_ENTRIES, {month}).filter(is_this_page).select(pl.len()).collect()
    )
    return int(rows.item())


def publish_waiting(lake: Lake) -> Iterator[PartitionResult]:
    """Publish everything in the inbox, month by month."""
    yield from publish_months(lake, waiting_months(lake))


def invalid_captures(lake: Lake, captures: set[tuple[date, datetime]]) -> list[tuple[date, datetime, str]]:
    """Those of `captures` that are not a list, with their fault, in order."""
    months = {month_of(day) for day, _ in captures}
    rows = read_consistent(
        lake,
        lambda seen: (
            scan(seen, CAPTURES, months)
            .filter(~pl.col("is_valid"))
            .select("listed_on", "captured_at", "fault")
            .sort("listed_on", "captured_at")
            .collect()
        ),
    )
    return [(day, at, fault) for day, at, fault in rows.iter_rows() if (day, at) in captures]


def unused_answers(lake: Lake, captures: set[tuple[date, datetime]]) -> list[tuple[date, datetime, str]]:
    """The kept answers of `captures` that do not count, because another one for the same time does; with a reason."""
    months = {month_of(day) for day, _ in captures}
    at = pl.col("capture_started_at").is_in([at for _, at in captures])
    replies = read_consistent(lake, lambda seen: scan(seen, HUB_REPLIES, months).filter(at).collect())
    rows = answers.unused_answers(replies).select("listed_on", "captured_at", "form").iter_rows()
    return [
        (day, at, f"it {form}" if form else "it is a list too, and both cannot count")
        for day, at, form in rows
        if (day, at) in captures
    ]


def _read_times(folder: Path) -> dict[str, datetime]:
    """The capture times in `captures.csv` of `folder`, by file name. Raises ArchiveUnusable, with the line number."""
    path = folder / TIMES_FILE
    if not path.is_file():
        return {}
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = csv.DictReader(file)
        if not {"file", "captured_at"} <= set(rows.fieldnames or ()):
            raise ArchiveUnusable(f"{path} needs the columns file and captured_at")
        times: dict[str, datetime] = {}
        for row in rows:
            try:
                times[row["file"]] = parse_timestamp(row["captured_at"] or "")
            except (ValueError, OverflowError) as error:
                raise ArchiveUnusable(f"{path}, line {rows.line_num}: {error}") from None
    return times


def _date_folders(folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if path.is_dir() and _parse_date(path.name)]


def _parse_date(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if len(text) == len("2025-11-06") else None
    except ValueError:
        return None


def _parse_timestamp(text: str) -> datetime | None:
    try:
        return parse_timestamp(text)
    except ValueError:
        return None
