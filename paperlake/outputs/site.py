"""The static site, unit by unit: only what rests on changed months is rendered, and only changed pages are written."""

from __future__ import annotations

import json
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial
from hashlib import sha256

import polars as pl
from filelock import FileLock

from paperlake.outputs.issues import feed_pages, months_in_feeds
from paperlake.render.editions import Edition
from paperlake.render.paper import Paper, papers
from paperlake.render.period import SPANS, Period, Span, period
from paperlake.render.web import lists, overview, search
from paperlake.render.web.lists import Known, Periods
from paperlake.render.web.page import Page, assets, paper_path, period_path
from paperlake.render.web.papers import Seen, paper_page
from paperlake.store.fingerprint import rendering
from paperlake.store.lake import MONTH_FORM, Lake, part_name
from paperlake.store.rows import scan
from paperlake.store.site_files import Pages, Unit
from paperlake.store.snapshot import Snapshot, read_whole, snapshot
from schemas.authors import AUTHORS
from schemas.issues import ISSUES
from schemas.listings import LISTINGS
from schemas.signals import SIGNALS
from schemas.source_days import SOURCE_DAYS
from schemas.table import Table
from schemas.trends import TRENDS
from transforms.hub.verdicts import FINAL

_FRONT_WITHIN = timedelta(days=7)
_TRENDING = 10
_OF_LISTS = (LISTINGS, AUTHORS, SOURCE_DAYS)
_TOLD_OF_ALL = ["listed_on", "paper_id", "title", "organization", "organization_name", "ai_keywords", "upvote_count"]


@dataclass(frozen=True, slots=True)
class SiteBuilt:
    """What building the site did: pages rendered, and of those written; pages removed."""

    rendered: int
    written: int
    removed: int

    def __str__(self) -> str:
        """It in a few words."""
        removed = f", {self.removed} removed" if self.removed else ""
        return f"{self.rendered} pages rendered, {self.written} changed{removed}"


@dataclass(frozen=True, slots=True)
class _Index:
    """Where papers stand (paper_id, listed_on, month; `home` is the month that its page goes with), and the dates."""

    standings: pl.DataFrame
    known: list[Known]
    periods: Periods

    def told(self, about: Period) -> str:
        """What is known of the dates of a period, as its pages say it."""
        return str(self.known_of(about))

    def known_of(self, about: Period) -> list[Known]:
        """What is known of each date of a period, in their order."""
        first = bisect_left(self.known, about.first, key=_listed_on)
        return self.known[first : bisect_right(self.known, about.last, key=_listed_on)]

    def paths(self) -> set[str]:
        """Every page of a paper or a period that the site should have."""
        of_papers = map(paper_path, self.standings["paper_id"].unique())
        return {*of_papers, *(period_path(one) for span in SPANS for one in self.periods.all(span))}


def _listed_on(one: Known) -> date:
    return one.listed_on


@dataclass(frozen=True, slots=True)
class _Plan:
    """A unit: the months of tables that it rests on, what else it `told`, and what renders it."""

    name: str
    months: Collection[str]
    tables: Collection[Table]
    told: str
    render: Callable[[Snapshot], Iterator[Page]]

    def inputs(self, seen: Snapshot) -> str:
        """A hash of everything that decides the pages."""
        names = [part_name(table.name, month) for table in self.tables for month in sorted(self.months)]
        found = {name: entry.sha256 for name in names if (entry := seen.manifest.files.get(name))}
        return sha256(json.dumps([rendering(), self.told, found]).encode()).hexdigest()


def build_site(
    lake: Lake,
    editions: Mapping[str, Edition],
    public_url: str | None,
    tick: Callable[[int, int], None] = lambda *_: None,
    *,
    force: bool = False,
) -> SiteBuilt:
    """Bring the site up to date; with `force`, render it all. `tick` is told after each unit how many are done, of all.

    `public_url` is where readers find the site; feeds name themselves by it.
    """
    pages = Pages(lake.site, lake.digests / "_site")
    pages.notes.mkdir(parents=True, exist_ok=True)
    with FileLock(lake.digests / "_site.lock"):
        index = read_whole(lake, _index)
        if not index.known:
            return SiteBuilt(0, 0, 0)
        plans = [*_months(index), *_weeks(index), *_of_all(index, lake, editions, public_url)]
        rendered = written = removed = 0
        now = snapshot(lake)  # what is published meanwhile, the next build will see
        for done, plan in enumerate(plans, 1):
            noted = pages.unit(plan.name)
            is_current = noted is not None and noted.inputs == plan.inputs(now) and pages.are_there(noted)
            if force or not is_current:
                inputs, made = read_whole(lake, partial(_rendered, plan))
                written += sum([pages.put(one.path, one.text) for one in made])
                rendered += len(made)
                paths = {one.path for one in made}
                if stale := set(noted.paths if noted else ()) - paths:
                    removed += pages.remove(stale - index.paths())
                pages.note(plan.name, Unit(inputs, tuple(paths)))
            tick(done, len(plans))
        gone = set(pages.units()) - {plan.name for plan in plans}
        kept = {path for plan in plans if gone and (unit := pages.unit(plan.name)) for path in unit.paths}
        for name in gone:
            left = pages.unit(name)
            removed += pages.remove(set(left.paths if left else ()) - kept - index.paths())
            pages.forget(name)
    return SiteBuilt(rendered, written, removed)


def _rendered(plan: _Plan, seen: Snapshot) -> tuple[str, list[Page]]:
    return plan.inputs(seen), list(plan.render(seen))


def _index(seen: Snapshot) -> _Index:
    rows = scan(seen, LISTINGS).select("paper_id", "listed_on", "is_listed").collect()
    days = scan(seen, SOURCE_DAYS).filter(pl.col("source") == "hub").sort("listed_on")
    listed = rows.filter("is_listed")
    # A paper that stands nowhere any more keeps its page, by where it stood.
    every = pl.concat([listed, rows.join(listed, on="paper_id", how="anti")]).with_columns(
        month=pl.col("listed_on").dt.strftime(MONTH_FORM)
    )
    standings = every.with_columns(home=pl.col("month").max().over("paper_id"))
    known = [Known(*row) for row in days.select("listed_on", "verdict", "paper_count").collect().iter_rows()]
    return _Index(standings, known, Periods(listed["listed_on"].unique().to_list()))


def _months(index: _Index) -> Iterator[_Plan]:
    by_home = index.standings.partition_by("home", as_dict=True)
    for about in index.periods.all("month") + _unlisted_months(index):
        month = about.name
        mine = by_home.get((month,), index.standings.clear())
        ids = mine["paper_id"].unique().sort()
        edges = [
            index.periods.around(period(span, day)) for span in ("day", "month") for day in (about.first, about.last)
        ]
        told = json.dumps([ids.to_list(), [str(one) for pair in edges for one in pair], index.told(about)])
        months = {month, *mine["month"]}
        render = partial(_month_pages, index, about, ids)
        yield _Plan(f"month-{month}", months, (*_OF_LISTS, SIGNALS), told, render)


def _unlisted_months(index: _Index) -> list[Period]:
    """Months in which only papers stood that are listed nowhere any more."""
    held = {one.name for one in index.periods.all("month")}
    return [period("month", date.fromisoformat(f"{m}-01")) for m in index.standings["home"].unique() if m not in held]


def _month_pages(index: _Index, about: Period, ids: pl.Series, seen: Snapshot) -> Iterator[Page]:
    """The lists of a month and its days, the pages of its papers, and what is searched of it."""
    at_home = index.standings.join(ids.to_frame(), on="paper_id", how="semi")
    months = {about.name, *at_home["month"]}
    rows = scan(seen, LISTINGS, months).collect()
    authors = scan(seen, AUTHORS, months).collect()
    known = index.known_of(about)
    listed = list(papers(rows.filter("is_listed", pl.col("listed_on").is_between(about.first, about.last)), authors))
    if listed:
        yield lists.list_page(about, listed, known, index.periods)
        yield search.shard(about.name, listed)
    for day in sorted({one.listed_on for one in listed}):
        of_day = [one for one in listed if one.listed_on == day]
        yield lists.list_page(period("day", day), of_day, [k for k in known if k.listed_on == day], index.periods)
    standing = rows.join(at_home, on=["paper_id", "listed_on"], how="semi").sort("listed_on")
    signals = scan(seen, SIGNALS, months).filter(pl.col("paper_id").is_in(ids.implode())).collect()
    observed = _observed(signals)
    stood: dict[str, list[Paper]] = {}
    for one in papers(standing, authors):
        stood.setdefault(one.paper_id, []).append(one)
    for paper_id, standings in stood.items():
        yield paper_page(standings, observed.get(paper_id, []), index.periods)


def _observed(signals: pl.DataFrame) -> dict[str, list[Seen]]:
    """What captures said of each paper, in order of time; of two lists in one capture the newer one counts."""
    told = (
        signals.filter(pl.col("upvote_count").is_not_null())
        .sort("captured_at", "listed_on")
        .unique(["paper_id", "captured_at"], keep="last", maintain_order=True)
        .select("paper_id", "captured_at", "upvote_count", "comment_count")
    )
    seen: dict[str, list[Seen]] = {}
    for paper_id, at, votes, comments in told.iter_rows():
        seen.setdefault(paper_id, []).append(Seen(at, votes, comments))
    return seen


def _weeks(index: _Index) -> Iterator[_Plan]:
    for about in index.periods.all("week"):
        months = {day.strftime(MONTH_FORM) for day in (about.first, about.last)}
        told = f"{index.periods.around(about)} {index.told(about)}"
        yield _Plan(f"week-{about.name}", months, _OF_LISTS, told, partial(_week_page, index, about, months))


def _week_page(index: _Index, about: Period, months: Collection[str], seen: Snapshot) -> Iterator[Page]:
    listed = _listed(seen, months, about.first, about.last)
    yield lists.list_page(about, listed, index.known_of(about), index.periods)


def _listed(seen: Snapshot, months: Collection[str], first: date, last: date) -> list[Paper]:
    within = pl.col("listed_on").is_between(first, last)
    rows = scan(seen, LISTINGS, months).filter("is_listed", within).collect()
    return list(papers(rows, scan(seen, AUTHORS, months).filter(within).collect()))


def _of_all(index: _Index, lake: Lake, editions: Mapping[str, Edition], public_url: str | None) -> Iterator[_Plan]:
    every = read_whole(lake, lambda seen: seen.manifest.months(LISTINGS.name))
    yield _Plan("overview", every, (*_OF_LISTS, TRENDS), str(index.known), partial(_overview_pages, index, every))
    in_feeds = read_whole(lake, partial(months_in_feeds, editions=editions))
    told = f"{public_url} {editions}"
    render = partial(feed_pages, editions=editions, public_url=public_url)
    yield _Plan("feeds", in_feeds, (ISSUES, LISTINGS, AUTHORS), told, render)


def _overview_pages(index: _Index, months: Collection[str], seen: Snapshot) -> Iterator[Page]:
    rows = scan(seen, LISTINGS, months).filter("is_listed").select(_TOLD_OF_ALL).collect()
    yield from assets()
    yield overview.organizations_page(rows)
    by_topic = overview.topics(rows)
    yield overview.topics_page(by_topic)
    yield overview.calendar_page(index.known)
    yield search.search_page([one.name for one in index.periods.all("month")])
    front = _front(index)
    yield _trends_page(front, rows, by_topic, seen)
    if front:
        day = front.listed_on
        listed = _listed(seen, {day.strftime(MONTH_FORM)}, day, day)
        yield lists.list_page(period("day", day), listed, [front], index.periods, is_front=True)


def _front(index: _Index) -> Known | None:
    """The newest date that is complete; the newest with papers, where that one is old."""
    filled = [one for one in index.known if one.papers]
    whole = [one for one in filled if one.verdict in FINAL]
    newest = filled[-1:]
    if whole and newest and newest[0].listed_on - whole[-1].listed_on <= _FRONT_WITHIN:
        return whole[-1]
    return newest[0] if newest else None


def _trends_page(front: Known | None, listed: pl.DataFrame, by_topic: pl.DataFrame, seen: Snapshot) -> Page:
    """What gains attention on the date of the front page: the ranks of a date that is open are provisional.

    `listed` are the papers of all lists, and `by_topic` theirs, read once for all pages that tell of them.
    """
    told = scan(seen, TRENDS, [front.listed_on.strftime(MONTH_FORM)] if front else []).collect()
    ranked_on = front.listed_on if front else None
    newest = told.filter(pl.col("ranked_on") == pl.lit(ranked_on, pl.Date), pl.col("rank") <= _TRENDING).sort("rank")
    where = newest["listed_on"].dt.strftime(MONTH_FORM).unique().to_list()
    rows = scan(seen, LISTINGS, where).join(newest.lazy(), on=["listed_on", "paper_id"], how="semi").collect()
    authors = scan(seen, AUTHORS, where).join(newest.lazy(), on=["listed_on", "paper_id"], how="semi").collect()
    by_id = {(one.listed_on, one.paper_id): one for one in papers(rows, authors)}
    trending: dict[Span, list[Paper]] = {span: [] for span in SPANS}
    for span, day, paper_id in newest.select("span", "listed_on", "paper_id").iter_rows():
        if (one := by_id.get((day, paper_id))) is not None:
            trending[span].append(one)
    return overview.trends_page(listed, by_topic, trending, ranked_on)
