"""Build the static site incrementally: render only units whose inputs changed, and write only changed pages."""

from __future__ import annotations

import json
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial
from hashlib import sha256

import polars as pl
from filelock import FileLock

from paperlake.outputs.feeds import FeedPlan, feed_links, feed_pages, plan_feeds
from paperlake.render.editions import Edition
from paperlake.render.paper import Paper, papers
from paperlake.render.period import SPANS, Period, Span, period_of
from paperlake.render.web import lists, overview, search
from paperlake.render.web.lists import ListStatus, Periods
from paperlake.render.web.page import FeedLink, Page, assets, paper_path, period_path
from paperlake.render.web.papers import Observation, paper_page
from paperlake.store.fingerprint import render_fingerprint
from paperlake.store.lake import Lake, part_name
from paperlake.store.rows import scan
from paperlake.store.site_files import RenderUnit, SiteFolder
from paperlake.store.snapshot import Snapshot, read_consistent
from paperlake.store.snapshot import snapshot as open_snapshot
from paperlake.text import plural
from schemas.authors import AUTHORS
from schemas.calendar import MONTH_FORMAT, first_day, month_of, months_of
from schemas.issues import ISSUES
from schemas.listings import LISTINGS
from schemas.signals import SIGNALS
from schemas.source_days import HUB, SOURCE_DAYS
from schemas.table import Table
from schemas.trends import TRENDS
from transforms.hub.verdicts import FINAL

_MAX_FRONT_AGE = timedelta(days=7)
_TRENDING_COUNT = 10
_LIST_TABLES = (LISTINGS, AUTHORS, SOURCE_DAYS)
_OVERVIEW_COLUMNS = [
    "listed_on",
    "paper_id",
    "title",
    "organization",
    "organization_name",
    "ai_keywords",
    "upvote_count",
]


@dataclass(frozen=True, slots=True)
class SiteReport:
    """How many pages a build rendered, how many of those changed on disk, and how many it removed.

    `undeclared` are the editions that had issues and are not declared any more; their feeds stay.
    """

    rendered: int
    written: int
    removed: int
    undeclared: tuple[str, ...] = ()

    def __str__(self) -> str:
        """A one-line summary."""
        removed = f", {self.removed} removed" if self.removed else ""
        return f"{plural(self.rendered, 'page')} rendered, {self.written} changed{removed}"


@dataclass(frozen=True, slots=True)
class SiteOptions:
    """The address of the site, which feeds contain; the contact, which ids of feeds may begin with; and two requests.

    `force` renders every page. `remove` names editions that are not declared any more, and whose feeds are to go.
    """

    public_url: str | None = None
    contact: str | None = None
    force: bool = False
    remove: tuple[str, ...] = ()


_DEFAULTS = SiteOptions()


@dataclass(frozen=True, slots=True)
class _SiteIndex:
    """All appearances of papers on lists, and the status of every date.

    `appearances` has paper_id, listed_on, month, and `home`: the newest month of the paper, whose unit has its page.
    """

    appearances: pl.DataFrame
    statuses: list[ListStatus]
    periods: Periods

    def statuses_of(self, period: Period) -> list[ListStatus]:
        """The status of each date of a period, by date."""
        first = bisect_left(self.statuses, period.first, key=_listed_on)
        return self.statuses[first : bisect_right(self.statuses, period.last, key=_listed_on)]

    def paths(self) -> set[str]:
        """The path of every page of a paper or a period."""
        paper_paths = map(paper_path, self.appearances["paper_id"].unique())
        return {*paper_paths, *(period_path(period) for span in SPANS for period in self.periods.all(span))}


def _listed_on(status: ListStatus) -> date:
    return status.listed_on


@dataclass(frozen=True, slots=True)
class _UnitPlan:
    """A render unit: the months of the tables that it reads, its other inputs as text, and its render function."""

    name: str
    months: Collection[str]
    tables: Collection[Table]
    other_inputs: str
    render: Callable[[Snapshot], Iterator[Page]]

    def inputs_hash(self, snapshot: Snapshot) -> str:
        """A hash of all inputs of the pages, including the code that renders them."""
        names = [part_name(table.name, month) for table in self.tables for month in sorted(self.months)]
        hashes = {name: entry.sha256 for name in names if (entry := snapshot.manifest.files.get(name))}
        return sha256(json.dumps([render_fingerprint(), self.other_inputs, hashes]).encode()).hexdigest()


def build_site(
    lake: Lake,
    editions: Mapping[str, Edition],
    options: SiteOptions = _DEFAULTS,
    progress: Callable[[int, int], None] = lambda *_: None,
) -> SiteReport:
    """Bring the site up to date. `progress` is called after each unit with the number of units done and of all.

    The feeds of an edition that had issues stay when it is not declared any more, unless `options` remove it. Raises
    EditionInUse and FeedStateDamaged.
    """
    folder = SiteFolder(lake.site, lake.digests / "_site")
    folder.notes.mkdir(parents=True, exist_ok=True)
    with FileLock(lake.digests / "_site.lock"):
        index = read_consistent(lake, _load_index)
        if not index.statuses:
            return SiteReport(0, 0, 0)
        index.periods.feeds = feed_links(editions)
        feeds = plan_feeds(lake, editions, (options.public_url, options.contact), options.remove)
        plans = [*_month_plans(index), *_week_plans(index), *_overview_plans(index, lake), _feeds_plan(index, feeds)]
        rendered = written = removed = 0
        snapshot = open_snapshot(lake)  # the next build sees what is published during this one
        for count, plan in enumerate(plans, 1):
            unit = folder.unit(plan.name)
            is_current = unit is not None and unit.inputs == plan.inputs_hash(snapshot) and folder.has_pages(unit)
            if options.force or not is_current:
                inputs, pages = read_consistent(lake, partial(_render, plan))
                written += sum([folder.write_page(page.path, page.text) for page in pages])
                rendered += len(pages)
                paths = {page.path for page in pages}
                if stale := set(unit.paths if unit else ()) - paths:
                    removed += folder.remove_pages(stale - index.paths())
                folder.save_unit(plan.name, RenderUnit(inputs, tuple(paths)))
            progress(count, len(plans))
        removed += _remove_obsolete_units(folder, {plan.name for plan in plans}, index.paths)
    return SiteReport(rendered, written, removed, feeds.undeclared)


def _remove_obsolete_units(folder: SiteFolder, names: set[str], index_paths: Callable[[], set[str]]) -> int:
    """Delete the units that are not in `names`, with their pages that no other unit has. Returns the page count."""
    obsolete = set(folder.unit_names()) - names
    current_paths = {path for name in names if obsolete and (unit := folder.unit(name)) for path in unit.paths}
    removed = 0
    for name in obsolete:
        unit = folder.unit(name)
        removed += folder.remove_pages(set(unit.paths if unit else ()) - current_paths - index_paths())
        folder.delete_unit(name)
    return removed


def _render(plan: _UnitPlan, snapshot: Snapshot) -> tuple[str, list[Page]]:
    return plan.inputs_hash(snapshot), list(plan.render(snapshot))


def _load_index(snapshot: Snapshot) -> _SiteIndex:
    rows = scan(snapshot, LISTINGS).select("paper_id", "listed_on", "is_listed").collect()
    days = scan(snapshot, SOURCE_DAYS).filter(pl.col("source") == HUB).sort("listed_on")
    listed = rows.filter("is_listed")
    # A paper that is on no list any more keeps its page, from its former appearances.
    appearances = pl.concat([listed, rows.join(listed, on="paper_id", how="anti")]).with_columns(
        month=pl.col("listed_on").dt.strftime(MONTH_FORMAT)
    )
    with_home = appearances.with_columns(home=pl.col("month").max().over("paper_id"))
    statuses = [ListStatus(*row) for row in days.select("listed_on", "verdict", "paper_count").collect().iter_rows()]
    return _SiteIndex(with_home, statuses, Periods(listed["listed_on"].unique().to_list()))


def _month_plans(index: _SiteIndex) -> Iterator[_UnitPlan]:
    by_home = index.appearances.partition_by("home", as_dict=True)
    for period in index.periods.all("month") + _unlisted_months(index):
        month = period.name
        appearances = by_home.get((month,), index.appearances.clear())
        paper_ids = appearances["paper_id"].unique().sort()
        neighbours = [
            index.periods.around(period_of(span, day))
            for span in ("day", "month")
            for day in (period.first, period.last)
        ]
        other_inputs = json.dumps(
            [
                paper_ids.to_list(),
                [str(neighbour) for pair in neighbours for neighbour in pair],
                str(index.statuses_of(period)),
                str(index.periods.feeds),
            ]
        )
        months = {month, *appearances["month"]}
        render = partial(_month_pages, index, period, paper_ids)
        yield _UnitPlan(f"month-{month}", months, (*_LIST_TABLES, SIGNALS), other_inputs, render)


def _unlisted_months(index: _SiteIndex) -> list[Period]:
    """Months all of whose papers have been removed from their lists."""
    listed = {period.name for period in index.periods.all("month")}
    homes = index.appearances["home"].unique()
    return [period_of("month", first_day(month)) for month in homes if month not in listed]


def _month_pages(index: _SiteIndex, period: Period, paper_ids: pl.Series, snapshot: Snapshot) -> Iterator[Page]:
    """The lists of a month and its days, the pages of its papers, and its search script."""
    appearances = index.appearances.join(paper_ids.to_frame(), on="paper_id", how="semi")
    months = {period.name, *appearances["month"]}
    rows = scan(snapshot, LISTINGS, months).collect()
    authors = scan(snapshot, AUTHORS, months).collect()
    statuses = index.statuses_of(period)
    listed = list(papers(rows.filter("is_listed", pl.col("listed_on").is_between(period.first, period.last)), authors))
    if listed:
        yield lists.list_page(period, listed, statuses, index.periods)
        yield search.month_script(period.name, listed)
    for day in sorted({paper.listed_on for paper in listed}):
        day_papers = [paper for paper in listed if paper.listed_on == day]
        day_statuses = [status for status in statuses if status.listed_on == day]
        yield lists.list_page(period_of("day", day), day_papers, day_statuses, index.periods)
    appearance_rows = rows.join(appearances, on=["paper_id", "listed_on"], how="semi").sort("listed_on")
    signals = scan(snapshot, SIGNALS, months).filter(pl.col("paper_id").is_in(paper_ids.implode())).collect()
    observations = _observations(signals)
    by_id: dict[str, list[Paper]] = {}
    for paper in papers(appearance_rows, authors):
        by_id.setdefault(paper.paper_id, []).append(paper)
    for paper_id, paper_appearances in by_id.items():
        yield paper_page(paper_appearances, observations.get(paper_id, []), index.periods)


def _observations(signals: pl.DataFrame) -> dict[str, list[Observation]]:
    """The observations of each paper by time. If one capture has the paper on two lists, the newer list counts."""
    rows = (
        signals.filter(pl.col("upvote_count").is_not_null())
        .sort("captured_at", "listed_on")
        .unique(["paper_id", "captured_at"], keep="last", maintain_order=True)
        .select("paper_id", "captured_at", "upvote_count", "comment_count")
    )
    by_id: dict[str, list[Observation]] = {}
    for paper_id, at, votes, comments in rows.iter_rows():
        by_id.setdefault(paper_id, []).append(Observation(at, votes, comments))
    return by_id


def _week_plans(index: _SiteIndex) -> Iterator[_UnitPlan]:
    for period in index.periods.all("week"):
        months = months_of((period.first, period.last))
        other_inputs = f"{index.periods.around(period)} {index.statuses_of(period)} {index.periods.feeds}"
        render = partial(_week_page, index, period, months)
        yield _UnitPlan(f"week-{period.name}", months, _LIST_TABLES, other_inputs, render)


def _week_page(index: _SiteIndex, period: Period, months: Collection[str], snapshot: Snapshot) -> Iterator[Page]:
    listed = _listed_papers(snapshot, months, period.first, period.last)
    yield lists.list_page(period, listed, index.statuses_of(period), index.periods)


def _listed_papers(snapshot: Snapshot, months: Collection[str], first: date, last: date) -> list[Paper]:
    within = pl.col("listed_on").is_between(first, last)
    rows = scan(snapshot, LISTINGS, months).filter("is_listed", within).collect()
    return list(papers(rows, scan(snapshot, AUTHORS, months).filter(within).collect()))


def _overview_plans(index: _SiteIndex, lake: Lake) -> Iterator[_UnitPlan]:
    months = read_consistent(lake, lambda snapshot: snapshot.manifest.months(LISTINGS.name))
    other_inputs = f"{index.statuses} {index.periods.feeds}"
    yield _UnitPlan("overview", months, (*_LIST_TABLES, TRENDS), other_inputs, partial(_overview_pages, index, months))


def _feeds_plan(index: _SiteIndex, plan: FeedPlan) -> _UnitPlan:
    render = partial(feed_pages, plan=plan, links=index.periods.feeds)
    return _UnitPlan("feeds", plan.months, (ISSUES, LISTINGS, AUTHORS), plan.other_inputs, render)


def _overview_pages(index: _SiteIndex, months: Collection[str], snapshot: Snapshot) -> Iterator[Page]:
    rows = scan(snapshot, LISTINGS, months).filter("is_listed").select(_OVERVIEW_COLUMNS).collect()
    yield from assets()
    yield overview.organizations_page(rows, index.periods.feeds)
    topics = overview.paper_topics(rows)
    yield overview.topics_page(topics, index.periods.feeds)
    yield overview.calendar_page(index.statuses, index.periods.feeds)
    yield search.search_page([period.name for period in index.periods.all("month")], index.periods.feeds)
    front = _front_status(index)
    yield _trends_page(front, rows, topics, snapshot, index.periods.feeds)
    if front:
        day = front.listed_on
        listed = _listed_papers(snapshot, {month_of(day)}, day, day)
        yield lists.list_page(period_of("day", day), listed, [front], index.periods, is_front=True)


def _front_status(index: _SiteIndex) -> ListStatus | None:
    """The date of the front page: the newest complete date with papers, or the newest with papers if that is old."""
    with_papers = [status for status in index.statuses if status.papers]
    complete = [status for status in with_papers if status.verdict in FINAL]
    newest = with_papers[-1:]
    if complete and newest and newest[0].listed_on - complete[-1].listed_on <= _MAX_FRONT_AGE:
        return complete[-1]
    return newest[0] if newest else None


def _trends_page(
    front: ListStatus | None,
    listed: pl.DataFrame,
    topics: pl.DataFrame,
    snapshot: Snapshot,
    feeds: Sequence[FeedLink],
) -> Page:
    """The trends page, with the ranks of the front page's date, because the ranks of an open date are provisional.

    `listed` are the listed rows of all dates, and `topics` is `paper_topics` of them.
    """
    ranks = scan(snapshot, TRENDS, [month_of(front.listed_on)] if front else []).collect()
    ranked_on = front.listed_on if front else None
    on_date = pl.col("ranked_on") == pl.lit(ranked_on, pl.Date)
    newest = ranks.filter(on_date, pl.col("rank") <= _TRENDING_COUNT).sort("rank")
    months = newest["listed_on"].dt.strftime(MONTH_FORMAT).unique().to_list()
    rows = scan(snapshot, LISTINGS, months).join(newest.lazy(), on=["listed_on", "paper_id"], how="semi").collect()
    authors = scan(snapshot, AUTHORS, months).join(newest.lazy(), on=["listed_on", "paper_id"], how="semi").collect()
    by_key = {(paper.listed_on, paper.paper_id): paper for paper in papers(rows, authors)}
    trending: dict[Span, list[Paper]] = {span: [] for span in SPANS}
    for span, day, paper_id in newest.select("span", "listed_on", "paper_id").iter_rows():
        if (paper := by_key.get((day, paper_id))) is not None:
            trending[span].append(paper)
    return overview.trends_page(listed, topics, trending, ranked_on, feeds)
