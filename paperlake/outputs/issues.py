"""Issues: composed from the published tables, entered in the ledger, and written out."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl

from paperlake.ingest.coverage import known_dates
from paperlake.render.editions import Edition, sentence
from paperlake.render.feeds import FILES, Issued, feed
from paperlake.render.issue import Frames, Issue, compose, span_of
from paperlake.render.letter import letter
from paperlake.render.markdown import markdown
from paperlake.render.period import Period, Span, named, period
from paperlake.render.web.page import Page, page, period_path
from paperlake.store.lake import MONTH_FORM, Lake
from paperlake.store.publish import open_writer
from paperlake.store.rows import scan
from paperlake.store.site_files import put_files
from paperlake.store.snapshot import Snapshot, read_whole
from schemas.authors import AUTHORS
from schemas.calendar import ARCHIVE_BEGINS
from schemas.issues import ISSUES
from schemas.listings import LISTINGS
from schemas.trends import TRENDS
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


def come_out(lake: Lake, edition: Edition, about: Period, at: datetime) -> tuple[Issue, datetime]:
    """The issue of a period, entered in the ledger; and when it first came out. Nobody else enters any meanwhile.

    One without papers leaves no rows. Raises LakeBusy and FileDamaged.
    """
    month = about.last.strftime(MONTH_FORM)
    with open_writer(lake) as pen:
        published = pen.read(ISSUES, month)
        before = none(ISSUES) if published is None else published
        issue = composed(lake, edition, about)
        there = before.filter(pl.col("edition") == edition.name, pl.col("issue") == about.name)
        if there.is_empty() and issue.papers:
            pen.commit(pen.stage(month, {ISSUES: pl.concat([before, entered(issue, at)]).sort(ISSUES.sort)}))
    return issue, at if there.is_empty() else there["issued_at"].item(0)


def write_out(lake: Lake, issue: Issue, public_url: str | None) -> list[Path]:
    """The issue as Markdown, and as the text and HTML of its mail, below `digests/issues/`; gives the files."""
    home = f"{public_url}/" if public_url else "https://huggingface.co/papers"
    mail = letter(issue, home, page_of(issue, public_url))
    files = {"md": markdown(issue), "txt": mail.text, "html": mail.html}
    folder = lake.digests / "issues" / issue.edition.name
    return put_files(folder, {f"{issue.period.name}.{ending}": text.encode() for ending, text in files.items()})


def page_of(issue: Issue, public_url: str | None) -> str | None:
    """Where the lists of an issue are on the web; None where there is no such page."""
    has_page = public_url and issue.papers and issue.edition.window == issue.edition.every
    return f"{public_url}/{period_path(issue.period)}" if has_page else None


def months_in_feeds(seen: Snapshot, editions: Mapping[str, Edition]) -> set[str]:
    """The months of lists and of the ledger that the feeds show."""
    newest = [_newest(seen, edition) for edition in editions.values()]
    dates = [day for one in newest for name in ("issue_on", "listed_on") for day in one[name]]
    return {day.strftime(MONTH_FORM) for day in dates}


def feed_pages(seen: Snapshot, editions: Mapping[str, Edition], public_url: str | None) -> Iterator[Page]:
    """The feeds of every edition, and the page that tells of them."""
    told = []
    for edition in editions.values():
        newest = _newest(seen, edition).unique("issue", keep="first", maintain_order=True)
        issues = [
            Issued(compose(edition, named(name), _frames(seen, edition, named(name))), at)
            for name, at in newest.select("issue", "issued_at").iter_rows()
        ]
        home = f"{public_url}/feeds/{edition.name}/" if public_url else None
        for form, name in FILES.items():
            yield Page(f"feeds/{edition.name}/{name}", feed(edition, issues, home, _NEVER, form).decode())
        told.append((edition, sentence(edition), newest["issue"].first() if newest.height else None))
    yield page("feeds.html", "feeds.html.j2", title="Feeds", editions=told)


def _newest(seen: Snapshot, edition: Edition) -> pl.DataFrame:
    """The rows of the newest issues of an edition, newest first."""
    ledger = scan(seen, ISSUES).filter(pl.col("edition") == edition.name)
    mine = ledger.select("issue", "issue_on", "issued_at", "listed_on").unique().collect()
    order = ["issue_on", "issue"]
    names = mine.select("issue", "issue_on").unique().sort(order, descending=True).head(_IN_FEED[edition.every])
    return mine.join(names.select("issue"), on="issue", how="semi").sort(order, descending=True)


def _frames(seen: Snapshot, edition: Edition, about: Period) -> Frames:
    window = span_of(edition, about)
    issued = scan(seen, ISSUES).filter(pl.col("edition") == edition.name).collect()
    told = issued.filter(pl.col("issue") == about.name)["listed_on"].dt.strftime(MONTH_FORM)
    months = {*_months(window.first, about.last), *told}
    return Frames(
        listings=scan(seen, LISTINGS, months).collect(),
        authors=scan(seen, AUTHORS, months).collect(),
        trends=scan(seen, TRENDS, months).filter(pl.col("span") == window.span).collect(),
        issued=issued,
        categories=CATEGORIES,
    )


def _months(first: date, last: date) -> Collection[str]:
    return {(first + timedelta(days=n)).strftime(MONTH_FORM) for n in range((last - first).days + 1)}
