"""Issues: composed from the published tables, entered in the ledger, and written out."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl

from digests.editions import Edition, rules
from digests.feeds import FILES, Issued, feed
from digests.issue import Frames, Issue, compose, span_of
from digests.letter import letter
from digests.markdown import markdown
from digests.period import Period, Span, period
from digests.web.page import Page, page, period_path
from flows.clock import ARCHIVE_BEGINS
from flows.gaps import known_dates
from schemas.authors import AUTHORS
from schemas.issues import ISSUES
from schemas.listings import LISTINGS
from schemas.trends import TRENDS
from store.lake import MONTH_FORM, Lake
from store.pages import put_files
from store.publish import writer
from store.rows import scan
from store.snapshot import Snapshot, read_whole
from transforms.conform import none

_IN_FEED: dict[Span, int] = {"day": 30, "week": 26, "month": 12}
_NEVER = datetime.combine(ARCHIVE_BEGINS, datetime.min.time(), UTC)
CATEGORIES = pl.DataFrame(schema={"paper_id": pl.String, "categories": pl.List(pl.String)})
"""What is known of arXiv categories: nothing, until the arXiv is harvested."""


def newest_period(edition: Edition, closed: date) -> Period:
    """The newest period of an edition that is over when `closed` is the newest closed date."""
    about = period(edition.every, closed)
    return about if about.last <= closed else about.before()


def composed(lake: Lake, edition: Edition, about: Period) -> Issue:
    """The issue of a period, as the tables are now; one that has come out is as it was."""
    return read_whole(lake, lambda seen: compose(edition, about, _frames(seen, edition, about)))


def wanting(lake: Lake, about: Period) -> list[date]:
    """The dates of a period that have no final answer."""
    return [one.listed_on for one in known_dates(lake, about.first, about.last) if one.is_gap]


def entered(issue: Issue, at: datetime) -> pl.DataFrame:
    """An issue that comes out at an instant, as rows of `issues`."""
    return pl.DataFrame(
        [
            {
                "issue_on": issue.period.last,
                "edition": issue.edition.name,
                "issue": issue.period.name,
                "issued_at": at,
                "position": position,
                "listed_on": one.listed_on,
                "paper_id": one.paper_id,
                "score": one.score,
                "upvote_count": one.votes,
                "comment_count": one.comments,
                "github_star_count": one.stars,
            }
            for position, one in enumerate(issue.papers, 1)
        ],
        schema=pl.Schema(ISSUES.arrow()),
    )


def enter(lake: Lake, issue: Issue, at: datetime) -> datetime:
    """Enter an issue in the ledger, if it is not there; gives when it came out. One without papers leaves no rows.

    Raises LakeBusy and FileDamaged.
    """
    month, rows = issue.period.last.strftime(MONTH_FORM), entered(issue, at)
    with writer(lake) as pen:
        published = pen.read(ISSUES, month)
        before = none(ISSUES) if published is None else published
        there = before.filter(pl.col("edition") == issue.edition.name, pl.col("issue") == issue.period.name)
        if there.is_empty() and rows.height:
            pen.commit(pen.stage(month, {ISSUES: pl.concat([before, rows]).sort(ISSUES.sort)}))
    return at if there.is_empty() else there["issued_at"].item(0)


def write_out(lake: Lake, issue: Issue, public_url: str | None) -> list[Path]:
    """The issue as Markdown, and as the text and HTML of its mail, below `digests/issues/`; gives the files."""
    site = f"{public_url}/{period_path(issue.period)}" if public_url else None
    mail = letter(issue, f"{public_url}/" if public_url else "https://huggingface.co/papers", site)
    files = {"md": markdown(issue), "txt": mail.text, "html": mail.html}
    folder = lake.digests / "issues" / issue.edition.name
    return put_files(folder, {f"{issue.period.name}.{ending}": text.encode() for ending, text in files.items()})


def feed_pages(seen: Snapshot, editions: Mapping[str, Edition], public_url: str | None) -> Iterator[Page]:
    """The feeds of every edition, and the page that tells of them."""
    ledger = scan(seen, ISSUES).select("edition", "issue", "issue_on", "issued_at").unique().collect()
    told = []
    for edition in editions.values():
        newest = ledger.filter(pl.col("edition") == edition.name).sort("issue_on", descending=True)
        newest = newest.unique("issue", keep="first", maintain_order=True).head(_IN_FEED[edition.every])
        issues = [
            Issued(compose(edition, about, _frames(seen, edition, about)), at)
            for day, at in newest.select("issue_on", "issued_at").iter_rows()
            for about in [period(edition.every, day)]
        ]
        home = f"{public_url}/feeds/{edition.name}/" if public_url else None
        for form, name in FILES.items():
            yield Page(f"feeds/{edition.name}/{name}", feed(edition, issues, home, _NEVER, form).decode())
        told.append((edition, list(rules(edition)), newest["issue"].first() if newest.height else None))
    yield page("feeds.html", "feeds.html.j2", title="Feeds", editions=told)


def _frames(seen: Snapshot, edition: Edition, about: Period) -> Frames:
    window = span_of(edition, about)
    months = _months(window.first, about.last)
    listings = scan(seen, LISTINGS, months).filter(pl.col("listed_on").is_between(window.first, about.last)).collect()
    return Frames(
        listings=listings,
        authors=scan(seen, AUTHORS, months).filter(pl.col("listed_on").is_between(window.first, about.last)).collect(),
        trends=scan(seen, TRENDS, months).filter(pl.col("span") == window.span).collect(),
        issued=scan(seen, ISSUES).filter(pl.col("edition") == edition.name).collect(),
        categories=CATEGORIES,
    )


def _months(first: date, last: date) -> Collection[str]:
    return {(first + timedelta(days=n)).strftime(MONTH_FORM) for n in range((last - first).days + 1)}
