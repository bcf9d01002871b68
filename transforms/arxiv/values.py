"""What a record of arXiv's says of its paper: raw texts of elements to the columns that are declared for them."""

from __future__ import annotations

import polars as pl

from schemas.arxiv_papers import FIRST_ON, LAST_ON, TOLD
from schemas.kinds import ARXIV_ID
from transforms.arxiv.texts import cleaned, readable
from transforms.arxiv.withdrawn import withdrawn_by

_OAI_ID = rf"\A\s*oai:arXiv\.org:({ARXIV_ID.pattern})\s*\z"
_MONTH_OF_ID = r"(?:\A|/)([0-9]{2})([0-9]{2})"
_FIRST_YEAR = 91
"""arXiv began in 1991; identifiers have two digits of the year."""
_DOI_PREFIX = r"(?i)(?:https?://(?:dx\.)?doi\.org/|\bdoi:\s*)"
_DOI_BEFORE = r"[\s,;]+(10\.[0-9]{2,9}(?:\.[0-9]+)*/)"
_DOI = r"\A10\.[0-9]{2,9}(?:\.[0-9]+)*/."


def identified(identifier: pl.Expr) -> pl.Expr:
    """The paper that an OAI identifier (`oai:arXiv.org:hep-th/9901001`) means; null where it is none of arXiv's."""
    return identifier.str.extract(_OAI_ID)


def is_id(text: pl.Expr) -> pl.Expr:
    """Whether a text is an identifier of arXiv's."""
    return text.str.contains(rf"\A(?:{ARXIV_ID.pattern})\z")


def date_told(text: pl.Expr) -> pl.Expr:
    """A date written 2008-12-13; null where it is written otherwise, or none that a paper can have."""
    day = text.str.strip_chars().str.to_date("%Y-%m-%d", strict=False)
    return pl.when(day.is_between(pl.lit(FIRST_ON).str.to_date(), pl.lit(LAST_ON).str.to_date())).then(day)


def filed_on(paper_id: pl.Expr) -> pl.Expr:
    """First day of the month in an identifier. The old style begins in 1991, the new one in 2007."""
    month = paper_id.str.extract_groups(_MONTH_OF_ID)
    year, number = (month.struct.field(part).cast(pl.Int32) for part in ("1", "2"))
    is_of_last_century = paper_id.str.contains("/", literal=True) & (year >= _FIRST_YEAR)
    return pl.date(pl.when(is_of_last_century).then(year + 1900).otherwise(year + 2000), number, 1)


def told(rows: pl.DataFrame) -> pl.DataFrame:
    """The columns of `TOLD` for `rows`, in order.

    They hold is_deleted, the raw text of each element by its name, and what was read already: authors, created_on,
    updated_on.

    A deletion tells nothing: whatever stands in it beside its header is passed over.
    """
    held = rows
    if rows["is_deleted"].any():
        held = rows.select("is_deleted", pl.when(~pl.col("is_deleted")).then(pl.all().exclude("is_deleted")))
    comments, abstract = cleaned(held["comments"]), readable(held["abstract"])
    texts = pl.DataFrame(
        {
            "title": readable(held["title"]),
            "abstract": abstract,
            "license_url": cleaned(held["license"]),
            "comments": comments,
            "journal_ref": cleaned(held["journal-ref"]),
            "report_number": cleaned(held["report-no"]),
            "msc_class": cleaned(held["msc-class"]),
            "acm_class": cleaned(held["acm-class"]),
            "withdrawn_by": withdrawn_by(comments, abstract),
            "doi_text": cleaned(held["doi"]),
            "category_text": cleaned(held["categories"]),
        }
    )
    acm = pl.col("acm_class")
    values = held.select("is_deleted", "authors", "created_on", "updated_on").hstack(texts)
    return values.with_columns(
        author_count=pl.col("authors").list.len().cast(pl.Int32),
        categories=pl.col("category_text").str.split(" ").list.unique(maintain_order=True),
        dois=dois(pl.col("doi_text")),
        acm_class=pl.when((acm != "None") & acm.ne_missing(pl.col("msc_class"))).then(acm),
        is_withdrawn=pl.when(~pl.col("is_deleted")).then(pl.col("withdrawn_by").is_not_null()),
    ).select(pl.col("categories").list.first().alias(c.name) if c.name == "primary_category" else c.name for c in TOLD)


def doi_parts(text: pl.Expr) -> pl.Expr:
    """What a text on one line that should hold DOIs falls into.

    One element may hold several, with blanks, commas or semicolons between; but these also stand within DOIs
    (`10.1002/(SICI)1099-1425(200005/06)3:3<139::AID-JOS41>3.0.CO;2-2`), so only one before the next `10.` parts them.
    """
    parts = text.str.replace_all(_DOI_PREFIX, "").str.replace_all(_DOI_BEFORE, " $1").str.split(" ")
    return parts.list.eval(pl.element().str.strip_chars_end(",;")).list.filter(pl.element() != "")


def is_doi(part: pl.Expr) -> pl.Expr:
    """Whether a part is a DOI."""
    return part.str.contains(_DOI)


def dois(text: pl.Expr) -> pl.Expr:
    """The DOIs that a text on one line holds, in its order, without repeats; null where it holds none."""
    found = doi_parts(text).list.filter(is_doi(pl.element())).list.unique(maintain_order=True)
    return pl.when(found.list.len() > 0).then(found)
