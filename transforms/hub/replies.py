"""Replies of the Hub to the rows of its tables: a pure function of a month of answers."""

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
from schemas.source_days import SOURCE_DAYS
from transforms.conform import conform
from transforms.drift import drift
from transforms.hub import entries as hub_entries
from transforms.hub import rejects as rejected
from transforms.hub import verdicts
from transforms.hub.answers import opened, pages
from transforms.hub.census import Census, census

NAME = "hub"
CAPTURE = ["listed_on", "captured_at"]
PAPER = ["listed_on", "paper_id"]
CAPTURE_OF_PAPER = [*PAPER, "captured_at"]
_FROM_CAPTURES = ("first_seen_at", "last_seen_at", "is_listed")
_PAPER_COLUMNS = (*(c.name for c in LISTINGS.columns if c.name not in _FROM_CAPTURES), "captured_at")


@dataclass(frozen=True, slots=True)
class Reading:
    """A month of answers, read but not yet judged.

    `captures` has the columns of the table `captures`, before anything was refused. `papers` holds a row
    for each readable entry of each capture, `authors` for each readable author, `faults` for each entry
    or value that could not be read. `fields` is the census of what the entries carry, if
    one was taken. `answers` has a row a capture (listed_on, captured_at), with what it was answered in one text.
    """

    captures: pl.DataFrame
    papers: pl.DataFrame
    authors: pl.DataFrame
    faults: pl.DataFrame
    fields: Census | None
    answers: pl.DataFrame


def read(replies: pl.DataFrame, *, has_census: bool = True) -> Reading:
    """Every entry of `replies` (columns of `hub_replies`, any order, any repetition)."""
    asked = pages(replies)
    with opened(asked) as pages_read:
        found = hub_entries.laid_out(pages_read)
        tally = verdicts.tally(asked, pages_read.entry_counts(found))
        entries = hub_entries.entries(pages_read, found, tally)
        papers = hub_entries.papers(entries)
        people = hub_entries.people(pages_read, entries, papers)
        faults = pl.concat([hub_entries.entry_faults(entries, papers), hub_entries.people_faults(people)])
        refused = rejected.with_raw_entries(pages_read, faults)
        fields = census(pages_read, tally, NAME) if has_census else None
    return Reading(
        captures=verdicts.captures(tally, entries.rows, NAME),
        papers=papers.select(*_PAPER_COLUMNS),
        authors=people.filter(pl.col("refusal").is_null()),
        faults=refused,
        fields=fields,
        answers=asked.group_by(CAPTURE).agg(answers=pl.col("body_sha256").sort_by("page").str.join()),
    )


def build(reading: Reading, refused: pl.DataFrame, accepted: pl.DataFrame) -> dict[str, pl.DataFrame]:
    """The tables of the month, by name; those of the census where there is one.

    `refused` (listed_on, captured_at, message) are the captures that the judge sets aside, `accepted`
    (listed_on, captured_at) those that a person let in all the same.
    """
    captures = verdicts.judged(reading.captures, refused, accepted)
    admitted = captures.filter(~pl.col("is_refused")).select(CAPTURE)
    seen = reading.papers.join(admitted, on=CAPTURE, how="semi")
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
        REJECTS: rejected.rejects(reading.faults, captures),
    }
    if reading.fields is not None:
        rows |= {FIELD_DAYS: reading.fields.days, DRIFT: drift(reading.fields.days, reading.fields.samples)}
    return {table.name: conform(frame, table) for table, frame in rows.items()}


def _listings(seen: pl.DataFrame, reference: pl.DataFrame) -> pl.DataFrame:
    """One row a paper and date: values of the newest capture that holds it, listed as `reference` has it.

    The place of a listed paper is that of the reference capture, so that places are unique among them.
    """
    span = seen.group_by(PAPER).agg(first_seen_at=pl.col("captured_at").min(), last_seen_at=pl.col("captured_at").max())
    places = seen.join(reference, on=CAPTURE, how="semi").select(*PAPER, listed_place="position")
    return (
        seen.join(span, on=PAPER)
        .filter(pl.col("captured_at") == pl.col("last_seen_at"))
        .join(places, on=PAPER, how="left")
        .with_columns(position=pl.coalesce("listed_place", "position"), is_listed=pl.col("listed_place").is_not_null())
    )
