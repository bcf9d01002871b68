"""Faults of arXiv's records: the rows of `arxiv_rejects` with their reasons and messages."""

from __future__ import annotations

import polars as pl

from transforms.arxiv.texts import clean_texts
from transforms.arxiv.values import is_doi, split_dois, without_subject_class
from transforms.text import one_line

DATE_COLUMNS = {"created": "created_on", "updated": "updated_on", "datestamp": "modified_on"}
"""Date elements, and the columns with their parsed values."""
_REQUIREMENTS = {
    "id_missing": "a record has an identifier",
    "id_invalid": "arXiv's identifiers have the form 2511.01234 or hep-th/9901001",
    "id_contradicted": "a record is of one paper",
    "metadata_missing": "a record that is not deleted tells of its paper",
    "not_an_object": "a line is a JSON object",
}
REJECT_COLUMNS = ("field", "reason", "message", "is_row_kept")


def refusal_reason() -> pl.Expr:
    """The reason to reject a record; null where it is valid. `paper_id` must be null where `identifier` is invalid."""
    identifier, id_in_metadata = pl.col("identifier").str.strip_chars(), pl.col("id").str.strip_chars()
    return (
        pl.when((identifier == "") | identifier.is_null())
        .then(pl.lit("id_missing"))
        .when(pl.col("paper_id").is_null())
        .then(pl.lit("id_invalid"))
        .when(pl.col("is_deleted"))
        .then(None)
        .when(~pl.col("has_metadata"))
        .then(pl.lit("metadata_missing"))
        .when((id_in_metadata != "") & (without_subject_class(id_in_metadata) != pl.col("paper_id")))
        .then(pl.lit("id_contradicted"))
    )


def refused_rows(rows: pl.DataFrame, shown_text: pl.Expr) -> pl.DataFrame:
    """Faults for the rows with a `refusal`. `found` is the text shown in the message."""
    return _with_fault(
        rows.filter(pl.col("refusal").is_not_null()),
        pl.lit("$"),
        pl.col("refusal"),
        pl.format("found {}; {}", shown_text, pl.col("refusal").replace_strict(_REQUIREMENTS)),
        is_row_kept=False,
    )


def unreadable_values(rows: pl.DataFrame, paths: dict[str, str]) -> pl.DataFrame:
    """A fault for each date and DOI of `rows` that cannot be parsed.

    `rows` contain is_deleted, the raw doi, and both the raw and the parsed columns of `DATE_COLUMNS`. `paths` gives the
    `field` of an element where it differs from the element's name.
    """
    live = rows.filter(~pl.col("is_deleted"))
    dates = (
        _invalid_dates(rows if name == "datestamp" else live, name, paths.get(name, name)) for name in DATE_COLUMNS
    )
    return pl.concat([*dates, _invalid_dois(live, paths.get("doi", "doi"))])


def repeated_elements(rows: pl.DataFrame) -> pl.DataFrame:
    """Faults for elements (`field`) that occur more than once in a record."""
    message = pl.lit("found several; the first is taken")
    return _with_fault(rows, pl.col("field"), pl.lit("value_repeated"), message, is_row_kept=True)


def unnamed_authors(rows: pl.DataFrame, path: str) -> pl.DataFrame:
    """Faults for authors (`place`, from 1) without a name. `path` is the name of the list of authors."""
    message = pl.lit("found no name; an author has a keyname or forenames")
    field = pl.format(f"{path}[{{}}]", "place")
    return _with_fault(rows, field, pl.lit("name_missing"), message, is_row_kept=True)


def wrong_types(rows: pl.DataFrame) -> pl.DataFrame:
    """Faults for members (`field`) of a snapshot line that have an unexpected JSON type."""
    message = pl.lit("found another type; needed: text, and of versions and authors_parsed a list")
    return _with_fault(rows, pl.col("field"), pl.lit("wrong_type"), message, is_row_kept=True)


def excerpt(text: pl.Expr) -> pl.Expr:
    """The first 60 characters of a text, for a message."""
    return one_line(text).fill_null("nothing").str.slice(0, 60)


def _invalid_dates(rows: pl.DataFrame, name: str, path: str) -> pl.DataFrame:
    raw = pl.col(name)
    invalid = rows.filter(raw.is_not_null(), pl.col(DATE_COLUMNS[name]).is_null()).filter(raw.str.strip_chars() != "")
    message = pl.format("found {}; a date is written 2008-12-13 and later than 1985", excerpt(raw))
    return _with_fault(invalid, pl.lit(path), pl.lit("date_impossible"), message, is_row_kept=True)


def _invalid_dois(rows: pl.DataFrame, path: str) -> pl.DataFrame:
    # Nearly every element is a single valid DOI; one pattern excludes those.
    doubtful = rows.filter(
        pl.col("doi").str.strip_chars() != "", ~pl.col("doi").str.contains(r"\A10\.[0-9]+/[^\s,;]+\z")
    )
    parts = doubtful.with_columns(clean_texts(doubtful["doi"]).alias("doi")).with_columns(
        invalid=split_dois(pl.col("doi")).list.filter(~is_doi(pl.element())).list.join(" ")
    )
    message = pl.format("found {}; a DOI has the form 10.1234/name", excerpt(pl.col("invalid")))
    return _with_fault(
        parts.filter(pl.col("invalid") != ""), pl.lit(path), pl.lit("doi_invalid"), message, is_row_kept=True
    ).drop("invalid")


def _with_fault(
    rows: pl.DataFrame, field: pl.Expr, reason: pl.Expr, message: pl.Expr, *, is_row_kept: bool
) -> pl.DataFrame:
    return rows.with_columns(field=field, reason=reason, message=message, is_row_kept=pl.lit(is_row_kept))
