"""Compose issues from the published tables, record them in the table `issues`, and write their files."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from pathlib import Path

import polars as pl

from paperlake.ingest.coverage import date_statuses
from paperlake.render.editions import Edition
from paperlake.render.issue import Issue, IssueInputs, compose, window_of
from paperlake.render.letter import Link, render_letter
from paperlake.render.markdown import render_markdown
from paperlake.render.paper import HUB_URL
from paperlake.render.period import Period, period_of
from paperlake.render.web.page import period_path
from paperlake.store.lake import Lake
from paperlake.store.publish import open_writer
from paperlake.store.rows import scan
from paperlake.store.site_files import write_files
from paperlake.store.snapshot import Snapshot, read_consistent
from schemas.authors import AUTHORS
from schemas.calendar import month_of, months_of
from schemas.issues import ISSUES
from schemas.listings import LISTINGS
from schemas.papers import PAPERS
from schemas.trends import TRENDS
from transforms.conform import empty_table
from transforms.paper_ids import filed_on


def newest_period(edition: Edition, closed: date) -> Period:
    """The newest period of an edition that has ended by the date `closed`, the newest closed one."""
    period = period_of(edition.every, closed)
    return period if period.last <= closed else period.previous_period()


def load_issue(lake: Lake, edition: Edition, period: Period) -> Issue:
    """The issue of a period from the current tables; a recorded issue has its recorded papers and numbers."""
    return read_consistent(lake, lambda snapshot: compose(edition, period, issue_inputs(snapshot, edition, period)))


def missing_dates(lake: Lake, period: Period) -> list[date]:
    """The dates of a period without a final answer from the source."""
    return [status.listed_on for status in date_statuses(lake, period.first, period.last) if status.is_gap]


def missing_dates_phrase(missing: Sequence[date]) -> str:
    """How many dates of an issue are missing (at least one), in words."""
    if len(missing) == 1:
        return f"1 of its dates is not complete: {missing[0]}"
    return f"{len(missing)} of its dates are not complete, the first is {missing[0]}"


def issue_rows(issue: Issue, issued_at: datetime) -> pl.DataFrame:
    """An issue as rows of the table `issues`."""
    return pl.DataFrame(
        [
            {
                "issue_on": issue.period.last,
                "edition": issue.edition.name,
                "issue": issue.period.name,
                "issued_at": issued_at,
                "position": position,
                "listed_on": paper.listed_on,
                "paper_id": paper.paper_id,
                "score": paper.score,
                "upvote_count": paper.votes,
                "comment_count": paper.comments,
                "github_star_count": paper.stars,
            }
            for position, paper in enumerate(issue.papers, 1)
        ],
        schema=pl.Schema(ISSUES.arrow()),
    )


def record_issue(lake: Lake, edition: Edition, period: Period, now: datetime) -> tuple[Issue, datetime]:
    """The issue of a period, added to the table `issues` unless it is there, and when it was first recorded.

    Holds the lake's write lock. An issue without papers leaves no rows. Raises LakeBusy and FileDamaged.
    """
    month = month_of(period.last)
    with open_writer(lake) as writer:
        rows = writer.read(ISSUES, month)
        published = empty_table(ISSUES) if rows is None else rows
        issue = load_issue(lake, edition, period)
        recorded = published.filter(pl.col("edition") == edition.name, pl.col("issue") == period.name)
        if recorded.is_empty() and issue.papers:
            merged = pl.concat([published, issue_rows(issue, now)]).sort(ISSUES.sort)
            writer.commit(writer.stage(month, {ISSUES: merged}))
    return issue, now if recorded.is_empty() else recorded["issued_at"].item(0)


def write_issue_files(lake: Lake, issue: Issue, public_url: str | None) -> list[Path]:
    """Write the issue as Markdown, and as the text and HTML of an uncut letter, to `digests/issues/`.

    Returns the files.
    """
    letter = render_letter(issue, None, issue_url(issue, public_url))
    files = {"md": render_markdown(issue), "txt": letter.text, "html": letter.html}
    folder = lake.digests / "issues" / issue.edition.name
    return write_files(folder, {f"{issue.period.name}.{suffix}": text.encode() for suffix, text in files.items()})


def issue_url(issue: Issue, public_url: str | None) -> str | None:
    """The web page of the issue's period; None if there is no such page."""
    has_page = public_url and issue.papers and issue.edition.window == issue.edition.every
    return f"{public_url}/{period_path(issue.period)}" if has_page else None


def list_links(issue: Issue, shown: int, public_url: str | None) -> list[Link]:
    """Links to lists that have the papers of an issue after the first `shown`: its page, or else one of each date."""
    if page := issue_url(issue, public_url):
        return [(f"all papers of {issue.period.title}", page)]
    dates = sorted({paper.listed_on for paper in issue.papers[shown:]})
    return [(day.isoformat(), _date_url(day, public_url)) for day in dates]


def _date_url(day: date, public_url: str | None) -> str:
    return f"{public_url}/{period_path(period_of('day', day))}" if public_url else f"{HUB_URL}date/{day}"


def issue_inputs(snapshot: Snapshot, edition: Edition, period: Period) -> IssueInputs:
    """The rows that `compose` makes the issue of a period from."""
    window = window_of(edition, period)
    issued = scan(snapshot, ISSUES).filter(pl.col("edition") == edition.name).collect()
    dates = [window.first + timedelta(days=n) for n in range((period.last - window.first).days + 1)]
    recorded_dates = issued.filter(pl.col("issue") == period.name)["listed_on"]
    months = months_of([*dates, *recorded_dates])
    listings = scan(snapshot, LISTINGS, months).collect()
    # A recorded issue has its papers already; no rule selects them again.
    needs_categories = edition.categories and recorded_dates.is_empty()
    candidates = (
        listings.filter("is_listed", pl.col("listed_on").is_in(dates)) if needs_categories else listings.clear()
    )
    return IssueInputs(
        listings=listings,
        authors=scan(snapshot, AUTHORS, months).collect(),
        trends=scan(snapshot, TRENDS, months).filter(pl.col("span") == window.span).collect(),
        issued=issued,
        categories=_categories(snapshot, candidates["paper_id"].unique()),
    )


def _categories(snapshot: Snapshot, paper_ids: pl.Series) -> pl.DataFrame:
    """The arXiv categories of papers, from the months of `papers` that their identifiers name."""
    candidates = paper_ids.to_frame("paper_id")
    months = months_of(candidates.select(filed_on(pl.col("paper_id")).unique()).to_series())
    rows = scan(snapshot, PAPERS, months).select("paper_id", "categories")
    return rows.join(candidates.lazy(), on="paper_id", how="semi").collect()
