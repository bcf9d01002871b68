"""Entries of saved Daily Papers pages: text that a person copied from a browser.

An entry is a title, an abstract and a tail. The tail has a byline ("• 5 authors", or an organisation's slug and name),
then "·", then a date and the number of comments. Some entries have no tail, and nothing marks the end of the page's
header or the start of its footer.
"""

from __future__ import annotations

import codecs
from datetime import date

import polars as pl

from schemas.page_entries import FIRST_ON, PAGE_ENTRIES
from transforms.conform import conform
from transforms.text import one_line

NAME = "page"
SEGMENT = ["page_no", "segment"]
"""A segment is the text up to and including a tail; the text after the last tail is a segment without one."""

# Length from which a paragraph is an abstract. Of 8,321 recorded papers the longest title has 175 characters, and one
# abstract is shorter (165; the next 279). The longest slug and name of an organisation have 123 together.
_LONG = 180
_DOT = "·"
_AUTHORS = r"^(?:• ?)?([0-9][0-9,]*) authors?$"
_ORGANIZATION = r"^(?P<organization>[A-Za-z0-9][A-Za-z0-9._-]*)(?: (?P<organization_name>.+))?$"
_DAY = (
    r"^(?P<month>Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) (?P<day>[0-9]{1,2})"
    r"(?:, (?P<year>[0-9]{4}))?(?: (?P<comments>[0-9][0-9,]*))?$"
)


def build_tables(saved: pl.DataFrame) -> dict[str, pl.DataFrame]:
    """The tables, by name, from `saved` (columns of `saved_pages`, in any order; repeated rows count once).

    A text without any tail is not a Daily Papers page, and gives no rows.
    """
    pages = (
        saved.unique(subset=["captured_on", "body_sha256"])
        .sort("captured_on", "body_sha256")
        .with_row_index("page_no")
        .select("page_no", "captured_on", "body", page_sha256="body_sha256")
    )
    lines = _mark_tails(_lines(pages))
    entries = _entries(_paragraphs(lines)).join(_tails(lines), on=[*SEGMENT, "has_tail"], how="left")
    rows = (
        entries.join(pages, on="page_no")
        .sort("page_no", "entry")
        .with_columns(pl.col("by").str.extract_groups(_ORGANIZATION), pl.col("shown").str.extract_groups(_DAY))
        .unnest("by", "shown")
        .with_columns(
            position=pl.int_range(1, pl.len() + 1, dtype=pl.Int32).over("page_no"),
            author_count=_count("authors"),
            published_on=_published_on(),
            comment_count=_count("comments"),
        )
    )
    return {PAGE_ENTRIES.name: conform(rows, PAGE_ENTRIES)}


def _lines(pages: pl.DataFrame) -> pl.DataFrame:
    """The lines that are not blank, and whether each begins a paragraph.

    In a text without blank lines, each line is a paragraph.
    """
    texts = pages.select("page_no", text=pl.Series([_text(body) for body in pages["body"]], dtype=pl.String))
    return (
        texts.select("page_no", line=pl.col("text").str.replace_all(r"\r\n?", "\n").str.split("\n"))
        .explode("line")
        .with_columns(line=one_line(pl.col("line")))
        .with_columns(is_first=pl.col("line").shift(1).over("page_no").is_null())
        .filter(pl.col("line").is_not_null())
        .with_columns(is_first=pl.col("is_first") | (pl.col("is_first").sum().over("page_no") == 1))
    )


def _text(body: bytes) -> str:
    """Decode a file: UTF-16 if it has its byte order mark, else UTF-8. Invalid bytes are replaced."""
    is_utf_16 = body.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    return body.decode("utf-16" if is_utf_16 else "utf-8-sig", errors="replace")


def _mark_tails(lines: pl.DataFrame) -> pl.DataFrame:
    """`lines` with their segment, and flags for the parts of a tail.

    A part of a tail is recognized together with its neighbours, because an abstract may contain a "·", a date, or a
    list.
    """
    line, is_first = pl.col("line"), pl.col("is_first")
    is_last = _next(is_first, at_the_end=True)
    is_single_bullet = is_first & is_last & line.str.starts_with("•")
    is_dot, is_day = line == _DOT, line.str.contains(_DAY)
    is_dot_before_day = is_dot & _next(is_day & is_last)
    may_be_organization = is_first & (line.str.len_chars() < _LONG) & line.str.contains(_ORGANIZATION)
    return (
        lines.with_columns(authors=line.str.extract(_AUTHORS))
        .with_columns(is_count=pl.col("authors").is_not_null() & (_next(is_dot) | is_single_bullet))
        .with_columns(is_organization=may_be_organization & ~pl.col("is_count") & _next(is_dot_before_day))
        .with_columns(is_by=pl.col("is_count") | pl.col("is_organization"))
        .with_columns(is_dot=is_dot & (_previous(pl.col("is_by")) | (is_dot_before_day & is_first)))
        .with_columns(is_day=is_day & _previous(pl.col("is_dot")))
        .with_columns(is_tail=pl.any_horizontal("is_by", "is_dot", "is_day"))
        .with_columns(is_after_tail=~pl.col("is_tail") & _previous(pl.col("is_tail")))
        .with_columns(segment=pl.col("is_after_tail").cum_sum().over("page_no"))
        .with_columns(is_closed=pl.col("is_tail").any().over(SEGMENT))
    )


def _tails(lines: pl.DataFrame) -> pl.DataFrame:
    """The raw values of each tail. It belongs to the last entry of its segment."""
    return (
        lines.filter("is_tail")
        .group_by(SEGMENT)
        .agg(
            authors=pl.col("authors").filter("is_count").first(),
            by=pl.col("line").filter("is_organization").first(),
            shown=pl.col("line").filter("is_day").first(),
        )
        .with_columns(has_tail=pl.lit(value=True))
    )


def _paragraphs(lines: pl.DataFrame) -> pl.DataFrame:
    """The paragraphs between the tails, and whether each is the title of an entry.

    A title is a short paragraph before a long one. The two paragraphs before a tail are a title and an abstract of any
    length, unless the segment already has a title and the last paragraph may continue its abstract.
    """
    is_long = pl.col("text").str.len_chars() >= _LONG
    before_tail = pl.col("is_closed") & (pl.int_range(pl.len()).reverse().over(SEGMENT) == 1)
    return (
        lines.filter(~pl.col("is_tail"))
        .with_columns(paragraph=pl.col("is_first").cum_sum().over("page_no"))
        .group_by(*SEGMENT, "is_closed", "paragraph", maintain_order=True)
        .agg(text=pl.col("line").str.join(" "))
        .with_columns(leads=~is_long & is_long.shift(-1).over(SEGMENT).fill_null(value=False))
        .with_columns(is_title=pl.col("leads") | (before_tail & (~is_long | ~pl.col("leads").any().over(SEGMENT))))
        .with_columns(entry=pl.col("is_title").cum_sum().over("page_no"))
    )


def _entries(paragraphs: pl.DataFrame) -> pl.DataFrame:
    """The title and abstract of each entry. `has_tail` marks the last entry of a segment, which has the tail."""
    has_title = pl.col("is_title").cum_sum().over(SEGMENT) > 0
    is_page = pl.col("is_closed").any().over("page_no")
    # The footer of the page follows the last tail; it must not become part of an abstract.
    is_in_entry = pl.col("is_closed") | (pl.int_range(pl.len()).over("page_no", "entry") <= 1)
    return (
        paragraphs.filter(has_title & is_page)
        .filter(is_in_entry)
        .group_by(*SEGMENT, "entry", maintain_order=True)
        .agg(title=pl.col("text").first(), abstract=pl.col("text").slice(1).str.join(" "))
        .with_columns(has_tail=pl.col("entry") == pl.col("entry").max().over(SEGMENT))
    )


def _published_on() -> pl.Expr:
    """The date of an entry, with its year.

    The page omits the current year. It follows from `captured_on`, which may be a day behind the reader's clock, or
    a year ahead where the page was opened before New Year and saved after it.
    """
    captured_on, year = pl.col("captured_on"), pl.col("captured_on").dt.year()
    first, last = date.fromisoformat(FIRST_ON), captured_on.dt.offset_by("1d")

    def in_year(year: pl.Expr) -> pl.Expr:
        day = pl.format("{} {} {}", year, "month", "day").str.to_date("%Y %b %d", strict=False)
        return pl.when(day.is_between(first, last)).then(day)

    guessed = pl.coalesce(in_year(year + 1), in_year(year), in_year(year - 1))
    return pl.when(pl.col("year").is_not_null()).then(in_year(pl.col("year"))).otherwise(guessed)


def _count(column: str) -> pl.Expr:
    """Parse a whole number as the page writes it (1,234); null where it is missing, or too large for 32 bits."""
    return pl.col(column).str.replace_all(",", "", literal=True).cast(pl.Int32, strict=False)


def _next(flag: pl.Expr, *, at_the_end: bool = False) -> pl.Expr:
    return flag.shift(-1).over("page_no").fill_null(value=at_the_end)


def _previous(flag: pl.Expr) -> pl.Expr:
    return flag.shift(1).over("page_no").fill_null(value=False)
