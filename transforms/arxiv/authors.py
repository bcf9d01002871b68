"""Authors of many records at once: names in parts, each with its affiliations, and again as a list a record."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from transforms.arxiv.texts import cleaned, names

PARTS = ("keyname", "forenames", "suffix")


@dataclass(frozen=True, slots=True)
class Authors:
    """What was read of the authors.

    `lists` (record, authors) has a row for each record that names any, `nameless` (record, place from 1) one for each
    author left out because no name can be read.
    """

    lists: pl.DataFrame
    nameless: pl.DataFrame


def authors(people: pl.DataFrame, affiliations: pl.DataFrame) -> Authors:
    """The authors of each record.

    `people` (record, author, and the raw `PARTS` of a name) are in order, with numbers `author` that are of one person
    each; `affiliations` (author, text) belong to them.
    """
    named = people.with_columns(
        names(people["keyname"]).alias("keyname"),
        names(people["forenames"]).alias("forenames"),
        cleaned(people["suffix"]).alias("suffix"),
    )
    places = affiliations.with_columns(cleaned(affiliations["text"]).alias("text")).drop_nulls("text")
    affiliated = places.group_by("author", maintain_order=True).agg(affiliations="text")
    has_name = pl.any_horizontal(pl.col("keyname", "forenames").is_not_null())
    whole = named.join(affiliated, on="author", how="left", maintain_order="left").select(
        "record", person=pl.struct(*PARTS, pl.col("affiliations").fill_null([])), has_name=has_name
    )
    nameless = whole.clear()
    if not whole["has_name"].all():
        nameless = whole.filter(~pl.col("has_name").all().over("record"))
        whole = whole.filter("has_name")
    numbered = nameless.with_columns(place=pl.int_range(1, pl.len() + 1, dtype=pl.Int32).over("record"))
    return Authors(
        whole.group_by("record", maintain_order=True).agg(authors="person"),
        numbered.filter(~pl.col("has_name")).select("record", "place"),
    )
