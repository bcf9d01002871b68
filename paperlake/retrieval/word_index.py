"""The index of words: a folder beside the tables, made of the table `papers` and of nothing else.

It is updated by month: the months of `papers` whose files changed are removed and added again. A note beside it names
the file of each month that it holds, so that an update that was killed is done again.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import polars as pl
import tantivy
from filelock import FileLock, Timeout

from paperlake.errors import PaperlakeError
from paperlake.retrieval.analysis import ENGLISH, PLAIN, american_spelling, analyzers
from paperlake.store.files import make_folder, replace_file, sha256
from paperlake.store.lake import Lake
from paperlake.store.snapshot import Snapshot, read_consistent, require_lake, snapshot
from schemas.papers import PAPERS

VERSION = f"1, tantivy {version('tantivy')}"
"""What an index is made by. One that was made by another version is made again: raise the number with the fields."""
LOCK_WAIT_S = 120.0
_HEAP_BYTES = 64 * 2**20
_EPOCH = date(1970, 1, 1)
_COLUMNS = (
    *("paper_id", "title", "abstract", "author_names", "published_on", "first_listed_on", "last_listed_on"),
    *("primary_category", "categories", "organization", "organization_name", "ai_keywords", "upvote_count"),
)


class IndexBusy(PaperlakeError):
    """Another process updates the index, and did not finish in time."""


class IndexDamaged(PaperlakeError):
    """A file of the index is missing or differs from what was written."""


@dataclass(frozen=True, slots=True)
class IndexState:
    """What an index holds: the SHA-256 of the file of `papers` by month, and of each of its own files by name."""

    version: str = ""
    months: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class IndexReport:
    """What an update did."""

    papers: int
    months: int
    changed_months: int

    def __str__(self) -> str:
        """A summary."""
        changed = f"{self.changed_months} updated" if self.changed_months else "all current"
        return f"{self.papers:,} papers in {self.months} months, {changed}"


def folder(lake: Lake) -> Path:
    """The folder of the index."""
    return lake.root / "search" / "words"


def read_state(lake: Lake) -> IndexState:
    """What the index of the lake holds; nothing if there is none, or its note cannot be read."""
    try:
        noted = json.loads(_note(lake).read_bytes())
        state = IndexState(str(noted["version"]), dict(noted["months"]), dict(noted["files"]))
        is_usable = state.version == VERSION and tantivy.Index.exists(str(folder(lake)))
    except (OSError, ValueError, KeyError, TypeError):
        return IndexState()
    return state if is_usable else IndexState()


def stale_months(lake: Lake) -> list[str]:
    """The months of `papers` that the index does not hold as they are published, and those that are gone."""
    held, published = read_state(lake).months, _published(snapshot(lake))
    return sorted(month for month in {*held, *published} if held.get(month) != published.get(month))


def update_index(
    lake: Lake, progress: Callable[[int, int], None] = lambda *_: None, *, force: bool = False
) -> IndexReport:
    """Bring the index up to date, or make it again from the beginning with `force`. Raises IndexBusy."""
    make_folder(folder(lake).parent)
    lock = FileLock(folder(lake).parent / "writer.lock")
    try:
        lock.acquire(timeout=LOCK_WAIT_S)
    except Timeout:
        raise IndexBusy(f"another process updates {folder(lake)}; try again when it is done") from None
    try:
        return _update(lake, progress, force=force)
    finally:
        lock.release()


def refresh_index(lake: Lake, progress: Callable[[int, int], None] = lambda *_: None) -> str | None:
    """Update the index if it is not current; without an up-to-date one an older one will do.

    Returns why it cannot be updated, if so. Raises OSError or IndexBusy if there is no index at all, and LakeNotFound.
    """
    require_lake(lake)
    if stale_months(lake):
        try:
            update_index(lake, progress)
        except (OSError, IndexBusy) as error:
            if not read_state(lake).version:
                raise
            return f"the newest papers may be missing, because the index cannot be updated: {error}"
    return None


def open_index(lake: Lake) -> tantivy.Index:
    """The index, to search in. Raises IndexDamaged if it cannot be opened."""
    try:
        index = tantivy.Index.open(str(folder(lake)))
    except ValueError as error:
        raise IndexDamaged(
            f"{folder(lake)} cannot be opened ({error}); `papers index --force` makes it again"
        ) from error
    for name, analyzer in analyzers().items():
        index.register_tokenizer(name, analyzer)
    return index


def damaged_files(lake: Lake) -> list[Path]:
    """The files of the index that are missing or differ from what was written."""
    paths = {folder(lake) / name: digest for name, digest in read_state(lake).files.items()}
    return [path for path, digest in paths.items() if not path.exists() or sha256(path) != digest]


def day_number(day: date | None) -> int | None:
    """Days since 1970, as the index has dates."""
    return None if day is None else (day - _EPOCH).days


def _update(lake: Lake, progress: Callable[[int, int], None], *, force: bool) -> IndexReport:
    state = IndexState() if force else read_state(lake)
    if not state.version:
        # First the note: if this process is killed, no note may say of an empty folder that it is current.
        _note(lake).unlink(missing_ok=True)
        shutil.rmtree(folder(lake), ignore_errors=True)
    folder(lake).mkdir(exist_ok=True)
    index = tantivy.Index(_schema(), str(folder(lake)))
    for name, analyzer in analyzers().items():
        index.register_tokenizer(name, analyzer)
    published = _published(snapshot(lake))
    months = {month: published.get(month) for month in sorted({*state.months, *published})}
    stale = [month for month, digest in months.items() if state.months.get(month) != digest]
    held = dict(state.months)
    if stale:
        # One thread: with several, the order of equal papers and the files would differ from run to run.
        writer = index.writer(_HEAP_BYTES, 1)
        for number, month in enumerate(stale, 1):
            digest, rows = read_consistent(lake, partial(_read_month, month))
            writer.delete_documents_by_term("month", month)
            for row in rows.iter_rows(named=True):
                writer.add_document(tantivy.Document.from_dict(_document(month, row), index.schema))
            held.pop(month, None)
            if digest:
                held[month] = digest
            progress(number, len(stale))
        writer.commit()
        writer.wait_merging_threads()
        index.reload()
        files = {path.name: sha256(path) for path in sorted(folder(lake).iterdir()) if path.suffix != ".lock"}
        replace_file(_note(lake), _encode(IndexState(VERSION, held, files)))
    return IndexReport(index.searcher().num_docs, len(held), len(stale))


def _schema() -> tantivy.Schema:
    builder = tantivy.SchemaBuilder()
    builder.add_text_field("paper_id", stored=True, tokenizer_name="raw", index_option="basic")
    builder.add_text_field("month", stored=True, tokenizer_name="raw", index_option="basic")
    builder.add_text_field("text", tokenizer_name=ENGLISH)
    builder.add_text_field("title", tokenizer_name=ENGLISH)
    builder.add_text_field("words", tokenizer_name=PLAIN, index_option="basic")
    builder.add_text_field("authors", tokenizer_name=PLAIN)
    builder.add_text_field("organization", tokenizer_name=PLAIN)
    builder.add_text_field("slug", tokenizer_name="raw", index_option="basic")
    builder.add_text_field("topics", tokenizer_name=ENGLISH)
    builder.add_text_field("categories", tokenizer_name="raw", index_option="basic")
    builder.add_integer_field("day", indexed=True, fast=True)
    builder.add_integer_field("votes", indexed=True, fast=True)
    return builder.build()


def _document(month: str, row: Mapping[str, Any]) -> dict[str, Any]:
    slug, name = row["organization"], row["organization_name"]
    values = {
        "paper_id": row["paper_id"],
        "month": month,
        "text": row["text"],
        "title": row["title"],
        "words": row["text"],
        "authors": row["author_names"] or [],
        "organization": [part for part in (slug, name) if part],
        "slug": slug.lower() if slug else None,
        "topics": row["ai_keywords"] or [],
        "categories": row["categories"] or [],
        "day": day_number(row["first_listed_on"] or row["published_on"]),
        "votes": row["upvote_count"] or 0,
    }
    return {name: value for name, value in values.items() if value is not None}


def _read_month(month: str, seen: Snapshot) -> tuple[str | None, pl.DataFrame]:
    """The SHA-256 and the rows of a month of `papers`."""
    entry = seen.manifest.entry(PAPERS.name, month)
    if entry is None:
        return None, pl.DataFrame(schema=dict.fromkeys(_COLUMNS, pl.String))
    rows = pl.read_parquet(seen.path(PAPERS.name, month), columns=list(_COLUMNS), hive_partitioning=False, glob=False)
    text = pl.concat_str("title", "abstract", separator=". ", ignore_nulls=True)
    return entry.sha256, rows.with_columns(
        text=american_spelling(text),
        title=american_spelling(pl.col("title")),
        ai_keywords=pl.col("ai_keywords").list.eval(american_spelling(pl.element())),
    )


def _published(seen: Snapshot) -> dict[str, str]:
    months = seen.manifest.months(PAPERS.name)
    return {month: entry.sha256 for month in months if (entry := seen.manifest.entry(PAPERS.name, month))}


def _note(lake: Lake) -> Path:
    return folder(lake).with_suffix(".json")


def _encode(state: IndexState) -> bytes:
    noted = {"version": state.version, "months": state.months, "files": state.files}
    return json.dumps(noted, indent=1).encode()
