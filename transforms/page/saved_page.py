"""Saved Daily Papers pages to the entries on them: text that a person copied out of a browser.

An entry is a title, an abstract and a tail: by whom ("• 5 authors", or an organisation's slug and name),
then "·", then a date and the number of comments. Some have no tail, and nothing marks where the head of the
page ends or its foot begins.
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
"""Some text of a page and the tail that closes it; what follows the last tail is left open."""

# Of 8,321 recorded papers no title is that long (the longest has 175 characters), and one abstract is
# shorter (165; the next 279). No slug and name of an organisation together have more than 123.
_LONG = 180
_DOT = "·"
_AUTHORS = r"^(?:• ?)?([0-9][0-9,]*) authors?$"
_ORGANIZATION = r"^(?P<organization>[A-Za-z0-9][A-Za-z0-9._-]*)(?: (?P<organization_name>.+))?$"
_DAY = (
    r"^(?P<month>Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) (?P<day>[0-9]{1,2})"
    r"(?:, (?P<year>[0-9]{4}))?(?: (?P<comments>[0-9][0-9,]*))?$"
)


def build(saved: pl.DataFrame) -> dict[str, pl.DataFrame]:
    """The tables, by name, of `saved` (columns of `saved_pages`, any order, any repetition).

    Text in which no entry has a tail is no such page, and gives no rows.
    """
    pages = (
        saved.unique(subset=["captured_on", "body_sha256"])
        .sort("captured_on", "body_sha256")
        .with_row_index("page_no")
        .select("page_no", "captured_on", "body", page_sha256="body_sha256")
    )
    lines = _marked(_lines(pages))
    entries = _entries(_paragraphs(lines)).join(_tails(lines), on=[*SEGMENT, "has_tail"], how="left")
    read = (
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
    return {PAGE_ENTRIES.name: conform(read, PAGE_ENTRIES)}


def _lines(pages: pl.DataFrame) -> pl.DataFrame:
    """The lines that are not blank, and whether each begins a paragraph.

    Where a text holds no blank line at all, each of its lines is a paragraph.
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
    """The text of a file: UTF-8, or UTF-16 that says so. A byte that is no text costs a character, not the page."""
    says_utf_16 = body.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    return body.decode("utf-16" if says_utf_16 else "utf-8-sig", errors="replace")


def _marked(lines: pl.DataFrame) -> pl.DataFrame:
    """`lines`, with what each is of a tail, and its segment.

    No line is believed alone: an abstract may hold a "·", a date, or a list.
    """
    line, is_first = pl.col("line"), pl.col("is_first")
    is_last = _next(is_first, at_the_end=True)
    is_alone = is_first & is_last & line.str.starts_with("•")
    is_dot, is_day = line == _DOT, line.str.contains(_DAY)
    is_dated = is_dot & _next(is_day & is_last)
    may_be_organization = is_first & (line.str.len_chars() < _LONG) & line.str.contains(_ORGANIZATION)
    return (
        lines.with_columns(authors=line.str.extract(_AUTHORS))
        .with_columns(is_count=pl.col("authors").is_not_null() & (_next(is_dot) | is_alone))
        .with_columns(is_organization=may_be_organization & ~pl.col("is_count") & _next(is_dated))
        .with_columns(is_by=pl.col("is_count") | pl.col("is_organization"))
        .with_columns(is_dot=is_dot & (_previous(pl.col("is_by")) | (is_dated & is_first)))
        .with_columns(is_day=is_day & _previous(pl.col("is_dot")))
        .with_columns(is_tail=pl.any_horizontal("is_by", "is_dot", "is_day"))
        .with_columns(is_after_tail=~pl.col("is_tail") & _previous(pl.col("is_tail")))
        .with_columns(segment=pl.col("is_after_tail").cum_sum().over("page_no"))
        .with_columns(is_closed=pl.col("is_tail").any().over(SEGMENT))
    )


def _tails(lines: pl.DataFrame) -> pl.DataFrame:
    """What each tail says. It belongs to the last entry of its segment."""
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
    """The paragraphs of text between the tails, and whether each is the title of an entry.

    A title is a short paragraph before a long one. Before a tail stand the title and abstract that it
    belongs to, whatever their lengths, unless a long abstract is there to be continued.
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
    """Each entry with its title and abstract; the tail of its segment is that of the last (`has_tail`)."""
    has_title = pl.col("is_title").cum_sum().over(SEGMENT) > 0
    is_page = pl.col("is_closed").any().over("page_no")
    # After the last tail the foot of the page follows, which is not to become part of an abstract.
    within = pl.col("is_closed") | (pl.int_range(pl.len()).over("page_no", "entry") <= 1)
    return (
        paragraphs.filter(has_title & is_page)
        .filter(within)
        .group_by(*SEGMENT, "entry", maintain_order=True)
        .agg(title=pl.col("text").first(), abstract=pl.col("text").slice(1).str.join(" "))
        .with_columns(has_tail=pl.col("entry") == pl.col("entry").max().over(SEGMENT))
    )


def _published_on() -> pl.Expr:
    """The date shown, with its year.

    The page leaves out the year in which it is read. It is told here by `captured_on`, which may be a day
    behind the reader's clock, or, where the page was read before New Year and saved after it, a year ahead.
    """
    captured_on, year = pl.col("captured_on"), pl.col("captured_on").dt.year()
    first, last = date.fromisoformat(FIRST_ON), captured_on.dt.offset_by("1d")

    def in_year(year: pl.Expr) -> pl.Expr:
        day = pl.format("{} {} {}", year, "month", "day").str.to_date("%Y %b %d", strict=False)
        return pl.when(day.is_between(first, last)).then(day)

    untold = pl.coalesce(in_year(year + 1), in_year(year), in_year(year - 1))
    return pl.when(pl.col("year").is_not_null()).then(in_year(pl.col("year"))).otherwise(untold)


def _count(column: str) -> pl.Expr:
    """A whole number written as on the page (1,234); null where there is none, or one too large to hold."""
    return pl.col(column).str.replace_all(",", "", literal=True).cast(pl.Int32, strict=False)


def _next(flag: pl.Expr, *, at_the_end: bool = False) -> pl.Expr:
    return flag.shift(-1).over("page_no").fill_null(value=at_the_end)


def _previous(flag: pl.Expr) -> pl.Expr:
    return flag.shift(1).over("page_no").fill_null(value=False)
