"""Authors of many records at once: names in parts, each with its affiliations, and again as a list a record."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from transforms.arxiv_texts import cleaned, names

_PARTS = ("keyname", "forenames", "suffix")


@dataclass(frozen=True, slots=True)
class Authors:
    """What was read of the authors.

    `lists` (record, authors) has a row for each record that has a list, `nameless` (record, place from 1) for each
    author left out because no part of a name can be read.
    """

    lists: pl.DataFrame
    nameless: pl.DataFrame


def authors(owners: pl.DataFrame, people: pl.DataFrame, affiliations: pl.DataFrame) -> Authors:
    """The authors of each record.

    `owners` (record) are the records that have a list, be it empty. `people` (record, author, keyname, forenames,
    suffix) are in order, by numbers `author` that are of one person each; `affiliations` (author, text) belong to them.
    """
    named = people.with_columns(
        names(people["keyname"]).alias("keyname"),
        names(people["forenames"]).alias("forenames"),
        cleaned(people["suffix"]).alias("suffix"),
    )
    places = affiliations.with_columns(cleaned(affiliations["text"]).alias("text")).drop_nulls("text")
    affiliated = places.group_by("author", maintain_order=True).agg(affiliations="text")
    is_named = pl.any_horizontal(pl.col("keyname", "forenames").is_not_null())
    whole = named.join(affiliated, on="author", how="left", maintain_order="left").with_columns(
        pl.col("affiliations").fill_null([])
    )
    listed = (
        whole.filter(is_named).group_by("record", maintain_order=True).agg(authors=pl.struct(*_PARTS, "affiliations"))
    )
    nameless = (
        named.with_columns(place=pl.int_range(1, pl.len() + 1, dtype=pl.Int32).over("record")).filter(~is_named)
        if not named.select(is_named.all()).item()
        else named.clear().with_columns(place=pl.lit(0, pl.Int32))
    )
    return Authors(
        owners.join(listed, on="record", how="left", maintain_order="left").with_columns(
            pl.col("authors").fill_null([])
        ),
        nameless.select("record", "place"),
    )
