"""Authors of many records at once: clean the parts of each name, add its affiliations, and build a list per record."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from transforms.arxiv.texts import clean_names, clean_texts

PARTS = ("keyname", "forenames", "suffix")


@dataclass(frozen=True, slots=True)
class ParsedAuthors:
    """Authors of records.

    `by_record` (record, authors) has one row for each record with a named author. `unnamed` (record, place from 1) has
    one row for each author left out because no name can be read.
    """

    by_record: pl.DataFrame
    unnamed: pl.DataFrame


def parse_authors(people: pl.DataFrame, affiliations: pl.DataFrame) -> ParsedAuthors:
    """The authors of each record.

    `people` (record, author, and the raw `PARTS` of a name) must be in order; `author` is a number unique to a person.
    `affiliations` has the columns author and text.
    """
    named = people.with_columns(
        clean_names(people["keyname"]).alias("keyname"),
        clean_names(people["forenames"]).alias("forenames"),
        clean_texts(people["suffix"]).alias("suffix"),
    )
    institutions = affiliations.with_columns(clean_texts(affiliations["text"]).alias("text")).drop_nulls("text")
    affiliated = institutions.group_by("author", maintain_order=True).agg(affiliations="text")
    has_name = pl.any_horizontal(pl.col("keyname", "forenames").is_not_null())
    complete = named.join(affiliated, on="author", how="left", maintain_order="left").select(
        "record", person=pl.struct(*PARTS, pl.col("affiliations").fill_null([])), has_name=has_name
    )
    incomplete = complete.clear()
    if not complete["has_name"].all():
        incomplete = complete.filter(~pl.col("has_name").all().over("record"))
        complete = complete.filter("has_name")
    numbered = incomplete.with_columns(place=pl.int_range(1, pl.len() + 1, dtype=pl.Int32).over("record"))
    return ParsedAuthors(
        complete.group_by("record", maintain_order=True).agg(authors="person"),
        numbered.filter(~pl.col("has_name")).select("record", "place"),
    )
