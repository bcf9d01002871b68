"""The metadata columns of an arXiv record, from the raw texts of its elements."""

from __future__ import annotations

import polars as pl

from schemas.arxiv_papers import FIRST_ON, LAST_ON, PAPER_COLUMNS
from schemas.kinds import ARXIV_ID
from transforms.arxiv.texts import clean_tex, clean_texts, clean_titles
from transforms.arxiv.withdrawn import withdrawn_by

_OAI_ID = rf"\A\s*oai:arXiv\.org:({ARXIV_ID.pattern})\s*\z"
_DOI_PREFIX = r"(?i)(?:https?://(?:dx\.)?doi\.org/|\bdoi:\s*)"
_DOI_BEFORE = r"[\s,;]+(10\.[0-9]{2,9}(?:\.[0-9]+)*/)"
_DOI = r"\A10\.[0-9]{2,9}(?:\.[0-9]+)*/."


def paper_id_of_oai(identifier: pl.Expr) -> pl.Expr:
    """The arXiv identifier in an OAI identifier (`oai:arXiv.org:hep-th/9901001`); null where it is invalid."""
    return without_subject_class(identifier.str.extract(_OAI_ID))


def without_subject_class(paper_id: pl.Expr) -> pl.Expr:
    """The identifier as arXiv itself writes it: `math/0309136` for `math.GT/0309136`, which names the same paper."""
    return paper_id.str.replace(r"\A([a-z-]+)\.[A-Z]{2}/", "$1/")


def is_paper_id(text: pl.Expr) -> pl.Expr:
    """Whether a text is a valid arXiv identifier."""
    return text.str.contains(rf"\A(?:{ARXIV_ID.pattern})\z")


def parse_date(text: pl.Expr) -> pl.Expr:
    """Parse a date (2008-12-13); null where the format differs, or the date is not plausible for a paper."""
    day = text.str.strip_chars().str.to_date("%Y-%m-%d", strict=False)
    return pl.when(day.is_between(pl.lit(FIRST_ON).str.to_date(), pl.lit(LAST_ON).str.to_date())).then(day)


def paper_columns(rows: pl.DataFrame) -> pl.DataFrame:
    """The columns `PAPER_COLUMNS` for `rows`, in order.

    `rows` must contain is_deleted, the raw text of each element by its name, and the parsed columns authors, created_on
    and updated_on. The metadata of a deleted record is ignored.
    """
    live = rows
    if rows["is_deleted"].any():
        live = rows.select("is_deleted", pl.when(~pl.col("is_deleted")).then(pl.all().exclude("is_deleted")))
    comments, abstract = clean_texts(live["comments"]), clean_tex(live["abstract"])
    texts = pl.DataFrame(
        {
            "title": clean_titles(live["title"]),
            "abstract": abstract,
            "license_url": clean_texts(live["license"]),
            "comments": comments,
            "journal_ref": clean_texts(live["journal-ref"]),
            "report_number": clean_texts(live["report-no"]),
            "msc_class": clean_texts(live["msc-class"]),
            "acm_class": clean_texts(live["acm-class"]),
            "withdrawn_by": withdrawn_by(comments, abstract),
            "doi_text": clean_texts(live["doi"]),
            "category_text": clean_texts(live["categories"]),
        }
    )
    acm = pl.col("acm_class")
    values = live.select("is_deleted", "authors", "created_on", "updated_on").hstack(texts)
    return values.with_columns(
        author_count=pl.col("authors").list.len().cast(pl.Int32),
        categories=pl.col("category_text").str.split(" ").list.unique(maintain_order=True),
        dois=parse_dois(pl.col("doi_text")),
        acm_class=pl.when((acm != "None") & acm.ne_missing(pl.col("msc_class"))).then(acm),
        is_withdrawn=pl.when(~pl.col("is_deleted")).then(pl.col("withdrawn_by").is_not_null()),
    ).select(
        pl.col("categories").list.first().alias(c.name) if c.name == "primary_category" else c.name
        for c in PAPER_COLUMNS
    )


def split_dois(text: pl.Expr) -> pl.Expr:
    """Split a text on one line into its DOIs.

    One element may contain several, separated by blanks, commas or semicolons. These also occur within DOIs
    (`10.1002/(SICI)1099-1425(200005/06)3:3<139::AID-JOS41>3.0.CO;2-2`), so they separate only before the next `10.`.
    """
    parts = text.str.replace_all(_DOI_PREFIX, "").str.replace_all(_DOI_BEFORE, " $1").str.split(" ")
    return parts.list.eval(pl.element().str.strip_chars_end(",;")).list.filter(pl.element() != "")


def is_doi(part: pl.Expr) -> pl.Expr:
    """Whether a part is a DOI."""
    return part.str.contains(_DOI)


def parse_dois(text: pl.Expr) -> pl.Expr:
    """The distinct DOIs in a text on one line, in order; null where it has none."""
    valid = split_dois(text).list.filter(is_doi(pl.element())).list.unique(maintain_order=True)
    return pl.when(valid.list.len() > 0).then(valid)
