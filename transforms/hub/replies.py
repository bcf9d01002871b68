"""Tables from the Hub's replies: a pure function of a month of answers."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from schemas.authors import AUTHORS
from schemas.captures import CAPTURES
from schemas.drift import DRIFT
from schemas.field_days import FIELD_DAYS
from schemas.listings import LISTINGS
from schemas.rejects import REJECTS
from schemas.signals import SIGNALS
from schemas.source_days import HUB, SOURCE_DAYS
from transforms.conform import conform
from transforms.drift import drift
from transforms.hub import entries as hub_entries
from transforms.hub import rejects as hub_rejects
from transforms.hub import verdicts
from transforms.hub.answers import capture_pages, open_pages
from transforms.hub.census import Census, take_census
from transforms.hub.page_changes import page_changes

CAPTURE = ["listed_on", "captured_at"]
PAPER = ["listed_on", "paper_id"]
CAPTURE_OF_PAPER = [*PAPER, "captured_at"]
_FROM_CAPTURES = ("first_seen_at", "last_seen_at", "is_listed")
_PAPER_COLUMNS = (*(c.name for c in LISTINGS.columns if c.name not in _FROM_CAPTURES), "captured_at")


@dataclass(frozen=True, slots=True)
class ParsedHubReplies:
    """A month of answers, parsed but not yet validated.

    `captures` has the columns of the table `captures`, before any is refused. `papers` has one row for each readable
    entry of each capture, `authors` for each readable author, `faults` for each unreadable entry or value. `fields` is
    the field census, if requested. `answers` (listed_on, captured_at, answers) identifies the answers of each capture
    by their joined hashes.
    """

    captures: pl.DataFrame
    papers: pl.DataFrame
    authors: pl.DataFrame
    faults: pl.DataFrame
    fields: Census | None
    answers: pl.DataFrame


def parse_replies(replies: pl.DataFrame, *, has_census: bool = True) -> ParsedHubReplies:
    """Parse `replies` (columns of `hub_replies`, in any order; repeated rows count once)."""
    pages = capture_pages(replies)
    with open_pages(pages) as lists:
        parsed = hub_entries.parse_entries(lists)
        counted = verdicts.count_entries(pages, lists.entry_counts(parsed))
        tally = counted.filter(~pl.col("is_first_again").fill_null(value=False))
        entries = hub_entries.read_entries(lists, parsed, tally)
        papers = hub_entries.readable_papers(entries)
        authors = hub_entries.read_authors(lists, entries, papers)
        faults = pl.concat([hub_entries.entry_faults(entries, papers), hub_entries.author_faults(authors)])
        faults = hub_rejects.with_raw_entries(lists, faults)
        fields = take_census(lists, tally, HUB) if has_census else None
    return ParsedHubReplies(
        captures=verdicts.captures(tally, entries.rows, page_changes(counted, parsed, entries.rows), HUB),
        papers=papers.select(*_PAPER_COLUMNS),
        authors=authors.filter(pl.col("refusal").is_null()),
        faults=faults,
        fields=fields,
        answers=pages.group_by(CAPTURE).agg(answers=pl.col("body_sha256").sort_by("page").str.join()),
    )


def build_tables(reading: ParsedHubReplies, refused: pl.DataFrame, accepted: pl.DataFrame) -> dict[str, pl.DataFrame]:
    """The tables of the month, by name; without those of the census if `reading` has none.

    `refused` (listed_on, captured_at, message) are the captures that the validator refused; `accepted` (listed_on,
    captured_at) are those that a person accepted nevertheless.
    """
    captures = verdicts.apply_decisions(reading.captures, reading.papers, refused, accepted)
    published = captures.filter(~pl.col("is_refused")).select(CAPTURE)
    seen = reading.papers.join(published, on=CAPTURE, how="semi")
    listings = _listings(seen, verdicts.reference_captures(captures))
    newest = listings.select(*PAPER, captured_at="last_seen_at")
    is_each_once = listings.height == reading.papers.height
    authors = reading.authors if is_each_once else reading.authors.join(newest, on=CAPTURE_OF_PAPER, how="semi")
    rows = {
        LISTINGS: listings,
        AUTHORS: authors,
        SIGNALS: seen,
        SOURCE_DAYS: verdicts.source_days(captures, listings),
        CAPTURES: captures,
        REJECTS: hub_rejects.rejects(reading.faults, captures),
    }
    if reading.fields is not None:
        rows |= {FIELD_DAYS: reading.fields.days, DRIFT: drift(reading.fields.days, reading.fields.samples)}
    return {table.name: conform(frame, table) for table, frame in rows.items()}


def _listings(seen: pl.DataFrame, reference: pl.DataFrame) -> pl.DataFrame:
    """One row for each paper and date, with values from the newest capture that contains it.

    `is_listed` and the position of a listed paper come from the `reference` captures, so positions are unique.
    """
    span = seen.group_by(PAPER).agg(first_seen_at=pl.col("captured_at").min(), last_seen_at=pl.col("captured_at").max())
    places = seen.join(reference, on=CAPTURE, how="semi").select(*PAPER, listed_place="position")
    return (
        seen.join(span, on=PAPER)
        .filter(pl.col("captured_at") == pl.col("last_seen_at"))
        .join(places, on=PAPER, how="left")
        .with_columns(position=pl.coalesce("listed_place", "position"), is_listed=pl.col("listed_place").is_not_null())
    )
