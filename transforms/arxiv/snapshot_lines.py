"""Lines of the public snapshot of arXiv's metadata: where they are filed, and what they say of their papers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import cache

import polars as pl

from schemas.arxiv_lines import ARXIV_LINES
from schemas.arxiv_papers import TOLD
from schemas.arxiv_rejects import ARXIV_REJECTS
from transforms.arxiv.authors import PARTS, Authors, authors
from transforms.arxiv.oai_errors import SAID, mistyped, nameless, refused, shown, unread
from transforms.arxiv.snapshot_json import Laid, id_told, laid_out
from transforms.arxiv.values import date_told, filed_on, is_id, told
from transforms.conform import conform, none
from transforms.hub.answers import decoded, engine, without_lone_surrogates

MOST_LINES = 50_000
"""So many are read at a time: 80 MB, and what is made of them meanwhile about ten times that."""
_HEAD_BYTES = 40
_ID_FIRST = r'\A\s*\{\s*"id"\s*:\s*"([^"\\]+)"'
_UPDATED = r'"update_date"\s*:\s*"([0-9]{4}-[0-9]{2}-[0-9]{2})"'
_DAY_OF_VERSION = r"\A\s*(?:[A-Z][a-z]{2}, *)?([0-9]{1,2} [A-Z][a-z]{2} [0-9]{4})\b"
_PATHS = {"created": "versions[0]", "updated": "versions[-1]", "datestamp": "update_date"}
_COLUMNS = ("paper_id", "filed_on", *(column.name for column in TOLD), "datestamp", "is_deleted", "imported_at")
_UNTOLD = ("msc-class", "acm-class")
"""What a line of the snapshot does not tell."""


@dataclass(frozen=True, slots=True)
class LinesRead:
    """What lines of the snapshot say.

    `rows` has paper_id, filed_on, the columns of `TOLD`, datestamp, is_deleted (never) and imported_at; `rejects` are
    rows of `arxiv_rejects`.
    """

    rows: pl.DataFrame
    rejects: pl.DataFrame


def filed(lines: pl.Series | list[bytes], imported_on: date | None = None) -> pl.DataFrame:
    """The month that each line belongs to: filed_on, paper_id and the line itself, in their order, without empty lines.

    Only the identifier is looked for, and nearly always it stands first. Where none can be read, paper_id is null and
    filed_on the first day of the month of `imported_on`.
    """
    held = pl.DataFrame({"line": pl.Series(lines, dtype=pl.Binary)}).filter(pl.col("line").bin.size() > 0)
    # The head is cut anywhere: an identifier at its end may have been longer, but the quote after it is there.
    found = _ids(decoded(held["line"].bin.slice(0, _HEAD_BYTES)).str.extract(_ID_FIRST))
    unknown = found.is_null().arg_true()
    if not unknown.is_empty():
        whole = without_lone_surrogates(decoded(held["line"][unknown]))
        found = found.scatter(unknown, _ids(id_told(whole)))
    return held.with_columns(paper_id=found).select(
        filed_on=pl.coalesce(filed_on(pl.col("paper_id")), pl.lit(imported_on, pl.Date).dt.month_start()),
        paper_id="paper_id",
        line="line",
    )


def newest_update(lines: pl.Series) -> date | None:
    """The newest `update_date` of lines that tell one."""
    told_on = decoded(lines).str.extract(_UPDATED).str.to_date("%Y-%m-%d", strict=False).max()
    return told_on if isinstance(told_on, date) else None


def read_lines(lines: pl.DataFrame) -> LinesRead:
    """All that `lines` say (columns of `arxiv_lines`), in their order."""
    if lines.is_empty():
        return _nothing_read()
    chosen = lines.select("imported_at", "line")
    parts = [_read(chosen[first : first + MOST_LINES]) for first in range(0, chosen.height, MOST_LINES)]
    return LinesRead(
        rows=pl.concat(part.rows for part in parts),
        rejects=conform(pl.concat(part.rejects for part in parts), ARXIV_REJECTS),
    )


@cache
def _nothing_read() -> LinesRead:
    """Most months of a lake that never imported a snapshot have no line, and reading none takes as long as a few."""
    found = _read(none(ARXIV_LINES).select("imported_at", "line"))
    return LinesRead(found.rows, conform(found.rejects, ARXIV_REJECTS))


def _ids(texts: pl.Series) -> pl.Series:
    return texts.to_frame("id").select(pl.when(is_id(pl.col("id"))).then("id")).to_series()


def _read(lines: pl.DataFrame) -> LinesRead:
    texts = without_lone_surrogates(decoded(lines["line"]))
    batch = lines.hstack([texts.alias("text")]).with_row_index("record")
    laid = laid_out(batch.select("record", "text"))
    found = authors(_people(laid.people), _affiliations(laid.people))
    rows = (
        laid.rows.hstack(batch.select("imported_at", "text"))
        .join(found.lists, on="record", how="left", maintain_order="left")
        .rename({"update_date": "datestamp"})
        .with_columns(
            *(pl.lit(None, pl.String).alias(name) for name in _UNTOLD),
            paper_id=pl.when(is_id(pl.col("id"))).then("id"),
            created_on=_day(pl.col("created")),
            updated_on=_day(pl.col("updated")),
            modified_on=date_told(pl.col("datestamp")),
            is_deleted=pl.lit(value=False),
        )
        .with_columns(refusal=_refusal(laid.wrong))
    )
    kept = rows.filter(pl.col("refusal").is_null())
    identity = kept.select(
        *("paper_id", "is_deleted", "imported_at"), filed_on=filed_on(pl.col("paper_id")), datestamp="modified_on"
    )
    faults = _faults(rows, kept, laid, found)
    return LinesRead(rows=identity.hstack(told(kept)).select(_COLUMNS), rejects=_rejects(faults, batch))


def _people(people: pl.DataFrame) -> pl.DataFrame:
    part = pl.col("parts").list
    return people.with_row_index("author").select(
        "record", "author", *(part.get(n, null_on_oob=True).alias(name) for n, name in enumerate(PARTS))
    )


def _affiliations(people: pl.DataFrame) -> pl.DataFrame:
    held = people.with_row_index("author").filter(pl.col("parts").list.len() > len(PARTS))
    return held.select("author", text=pl.col("parts").list.slice(len(PARTS))).explode("text")


def _day(text: pl.Expr) -> pl.Expr:
    """The UTC date of a version (`Mon, 2 Apr 2007 19:18:42 GMT`); null where it is none that a paper can have."""
    day = text.str.extract(_DAY_OF_VERSION).str.to_date("%d %b %Y", strict=False)
    return date_told(day.dt.strftime("%Y-%m-%d"))


def _refusal(wrong: pl.DataFrame) -> pl.Expr:
    def is_wrong(field: str) -> pl.Expr:
        return pl.col("record").is_in(wrong.filter(pl.col("field") == field)["record"].implode())

    return (
        pl.when(is_wrong("$") | ~pl.col("is_json"))
        .then(pl.lit("not_an_object"))
        .when(is_wrong("id"))
        .then(pl.lit("id_invalid"))
        .when(pl.col("id").is_null() | (pl.col("id").str.strip_chars() == ""))
        .then(pl.lit("id_missing"))
        .when(pl.col("paper_id").is_null())
        .then(pl.lit("id_invalid"))
    )


def _faults(rows: pl.DataFrame, kept: pl.DataFrame, laid: Laid, found: Authors) -> pl.DataFrame:
    """What could not be read of the lines, each with the number of its line."""
    of_record = kept.select("record", "paper_id")
    is_whole = pl.col("refusal") == "not_an_object"
    faults = [
        refused(rows, shown(pl.when(is_whole | pl.col("id").is_null()).then("text").otherwise("id"))),
        unread(kept, _PATHS),
        nameless(found.nameless.join(of_record, on="record"), "authors_parsed"),
        mistyped(laid.wrong.join(of_record, on="record")),
    ]
    return pl.concat(one.select("record", "paper_id", *SAID) for one in faults)


def _rejects(faults: pl.DataFrame, batch: pl.DataFrame) -> pl.DataFrame:
    """Rows of `arxiv_rejects`. A line is known by the hash of its bytes, as an answer is."""
    held = batch.join(faults.select("record"), on="record", how="semi")
    with engine().cursor() as database:
        database.register("held", held.select("record", "line").to_arrow())
        hashes = database.sql("select record, sha256(line) as body_sha256 from held").pl()
    about = held.select(
        "record",
        captured_on=pl.col("imported_at").dt.date(),
        captured_at="imported_at",
        position=pl.lit(0, pl.Int32),
        entry="text",
    )
    told_of = about.join(hashes.with_columns(pl.col("record").cast(pl.UInt32)), on="record")
    return conform(faults.join(told_of, on="record"), ARXIV_REJECTS)
