"""What of arXiv's records cannot be read, and in words why."""

from __future__ import annotations

import polars as pl

from transforms.arxiv.texts import cleaned
from transforms.arxiv.values import doi_parts, is_doi
from transforms.text import one_line

DATES = {"created": "created_on", "updated": "updated_on", "datestamp": "modified_on"}
"""The elements that hold a date, and the columns with what was read of them."""
_NEEDED = {
    "id_missing": "a record has an identifier",
    "id_invalid": "arXiv's identifiers have the form 2511.01234 or hep-th/9901001",
    "id_contradicted": "a record is of one paper",
    "metadata_missing": "a record that is not deleted tells of its paper",
    "not_an_object": "a line is a JSON object",
}
SAID = ("field", "reason", "message", "is_row_kept")


def refusal() -> pl.Expr:
    """Why a record (with `paper_id`, where its identifier is one) becomes no row; null where it does."""
    identifier, told_id = pl.col("identifier").str.strip_chars(), pl.col("id").str.strip_chars()
    return (
        pl.when((identifier == "") | identifier.is_null())
        .then(pl.lit("id_missing"))
        .when(pl.col("paper_id").is_null())
        .then(pl.lit("id_invalid"))
        .when(pl.col("is_deleted"))
        .then(None)
        .when(~pl.col("has_metadata"))
        .then(pl.lit("metadata_missing"))
        .when((told_id != "") & (told_id != pl.col("paper_id")))
        .then(pl.lit("id_contradicted"))
    )


def refused(rows: pl.DataFrame, found: pl.Expr) -> pl.DataFrame:
    """The rows that have a `refusal`, told as faults. `found` is what stood there."""
    return _told(
        rows.filter(pl.col("refusal").is_not_null()),
        pl.lit("$"),
        pl.col("refusal"),
        pl.format("found {}; {}", found, pl.col("refusal").replace_strict(_NEEDED)),
        is_row_kept=False,
    )


def unread(rows: pl.DataFrame, paths: dict[str, str]) -> pl.DataFrame:
    """The dates and DOIs of `rows` that cannot be read, told as faults: a row for each.

    `rows` hold is_deleted, the raw doi, and of `DATES` the raw texts and what was read of them; `paths` says what each
    is called where it stood, if it is called otherwise.
    """
    lives = rows.filter(~pl.col("is_deleted"))
    undated = (_undated(rows if name == "datestamp" else lives, name, paths.get(name, name)) for name in DATES)
    return pl.concat([*undated, _not_dois(lives, paths.get("doi", "doi"))])


def repeated(rows: pl.DataFrame) -> pl.DataFrame:
    """Elements (`field`) that a record holds more than once, told as faults."""
    said = pl.lit("found several; the first is taken")
    return _told(rows, pl.col("field"), pl.lit("value_repeated"), said, is_row_kept=True)


def nameless(rows: pl.DataFrame, path: str) -> pl.DataFrame:
    """Authors (`place` from 1) without a name, told as faults. `path` is what their list is called where it stood."""
    said = pl.lit("found no name; an author has a keyname or forenames")
    field = pl.format(f"{path}[{{}}]", "place")
    return _told(rows, field, pl.lit("name_missing"), said, is_row_kept=True)


def mistyped(rows: pl.DataFrame) -> pl.DataFrame:
    """Members (`field`) of a line that are of another type than they are read as, told as faults."""
    said = pl.lit("found another type; needed: text, and of versions and authors_parsed a list")
    return _told(rows, pl.col("field"), pl.lit("wrong_type"), said, is_row_kept=True)


def shown(text: pl.Expr) -> pl.Expr:
    """The beginning of a text, for a message."""
    return one_line(text).fill_null("nothing").str.slice(0, 60)


def _undated(rows: pl.DataFrame, name: str, path: str) -> pl.DataFrame:
    told = pl.col(name)
    wrong = rows.filter(told.is_not_null(), pl.col(DATES[name]).is_null()).filter(told.str.strip_chars() != "")
    said = pl.format("found {}; a date is written 2008-12-13 and later than 1985", shown(told))
    return _told(wrong, pl.lit(path), pl.lit("date_impossible"), said, is_row_kept=True)


def _not_dois(rows: pl.DataFrame, path: str) -> pl.DataFrame:
    # Nearly every DOI is one and nothing else, which one look tells.
    doubtful = rows.filter(
        pl.col("doi").str.strip_chars() != "", ~pl.col("doi").str.contains(r"\A10\.[0-9]+/[^\s,;]+\z")
    )
    parts = doubtful.with_columns(cleaned(doubtful["doi"]).alias("doi")).with_columns(
        strange=doi_parts(pl.col("doi")).list.filter(~is_doi(pl.element())).list.join(" ")
    )
    said = pl.format("found {}; a DOI has the form 10.1234/name", shown(pl.col("strange")))
    return _told(
        parts.filter(pl.col("strange") != ""), pl.lit(path), pl.lit("doi_invalid"), said, is_row_kept=True
    ).drop("strange")


def _told(rows: pl.DataFrame, field: pl.Expr, reason: pl.Expr, message: pl.Expr, *, is_row_kept: bool) -> pl.DataFrame:
    return rows.with_columns(field=field, reason=reason, message=message, is_row_kept=pl.lit(is_row_kept))
