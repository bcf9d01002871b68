"""The feeds of the site: which editions have one, what it contains, and the pages that lead to it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import polars as pl

from paperlake.errors import PaperlakeError
from paperlake.outputs.feed_state import (
    FeedState,
    KnownEdition,
    change_feed_state,
    fix_ids,
    operator_prefix,
    remember_editions,
)
from paperlake.outputs.issues import issue_inputs
from paperlake.render.editions import Edition, rules_sentence
from paperlake.render.feeds import FEED_FILES, FORMER_PREFIX, MEDIA_TYPES, DatedIssue, Feed, render_feed
from paperlake.render.issue import compose
from paperlake.render.period import Span, parse_period
from paperlake.render.web.page import FeedLink, Page, render_page
from paperlake.store.lake import Lake
from paperlake.store.rows import scan
from paperlake.store.snapshot import Snapshot, read_consistent
from schemas.calendar import ARCHIVE_BEGINS, months_of
from schemas.issues import ISSUES

_ISSUES_PER_FEED: dict[Span, int] = {"day": 30, "week": 26, "month": 12}
_ISSUES_PER_PAGE = 10
_ARCHIVE_BEGINS_AT = datetime.combine(ARCHIVE_BEGINS, datetime.min.time(), UTC)


class EditionInUse(PaperlakeError):
    """The feeds of an edition cannot be removed."""


@dataclass(frozen=True, slots=True)
class Publication:
    """An edition with feeds. `is_declared` is false for one that had issues and is in no file of editions any more."""

    edition: Edition
    description: str
    is_declared: bool


@dataclass(frozen=True, slots=True)
class FeedPlan:
    """What the feeds are made of, and the months of the tables that they read."""

    published: tuple[Publication, ...]
    state: FeedState
    public_url: str | None
    months: Collection[str]

    @property
    def undeclared(self) -> tuple[str, ...]:
        """The editions that had issues and are not declared any more."""
        return tuple(entry.edition.name for entry in self.published if not entry.is_declared)

    @property
    def other_inputs(self) -> str:
        """Everything but the tables that the feeds depend on, as text."""
        return f"{self.public_url} {self.published} {self.state.prefixes}"


def plan_feeds(
    lake: Lake, editions: Mapping[str, Edition], operator: tuple[str | None, str | None], remove: tuple[str, ...]
) -> FeedPlan:
    """Plan the feeds, after storing what must not change in them. `operator`: the public URL and the contact."""
    released = read_consistent(lake, _released_editions)
    _check_removal(remove, editions, released)
    now = datetime.now(UTC)

    def change(state: FeedState) -> FeedState:
        state = remember_editions(state, editions, released)
        if released or operator_prefix(*operator, now.date()):
            state = fix_ids(state, operator, now, has_issues=bool(released))
        return replace(state, removed=tuple(sorted({*state.removed, *remove})))

    state = change_feed_state(lake, change)
    published = read_consistent(lake, lambda snapshot: tuple(_publications(snapshot, editions, state, released)))
    months = read_consistent(lake, lambda snapshot: _months_in_feeds(snapshot, published))
    return FeedPlan(published, state, operator[0], months)


def fix_ids_before_release(lake: Lake, operator: tuple[str | None, str | None], now: datetime) -> None:
    """Store the prefix of the ids of an issue that is about to be released at `now`, unless there is one."""
    has_issues = bool(read_consistent(lake, _released_editions))
    change_feed_state(lake, lambda state: fix_ids(state, operator, now, has_issues=has_issues))


def _released_editions(snapshot: Snapshot) -> set[str]:
    """The names of all editions with a recorded issue."""
    return set(scan(snapshot, ISSUES).select("edition").unique().collect()["edition"])


def _check_removal(names: Collection[str], editions: Mapping[str, Edition], released: Collection[str]) -> None:
    """Raise EditionInUse unless each of `names` had issues and is not declared any more."""
    for name in names:
        if name in editions:
            raise EditionInUse(f"{name} is a declared edition; delete its declaration before you remove its feeds")
        if name not in released:
            known = ", ".join(sorted(set(released) - set(editions))) or "there is none"
            raise EditionInUse(f"{name!r} never had an issue; editions that are not declared any more: {known}")


def _publications(
    snapshot: Snapshot, editions: Mapping[str, Edition], state: FeedState, released: Collection[str]
) -> list[Publication]:
    """The declared editions, and those that had issues, except for removed ones."""
    declared = [Publication(edition, rules_sentence(edition), is_declared=True) for edition in editions.values()]
    former = sorted(set(released) - set(editions) - set(state.removed))
    return [*declared, *(_former(snapshot, name, state.editions.get(name)) for name in former)]


def _former(snapshot: Snapshot, name: str, known: KnownEdition | None) -> Publication:
    """An edition that is not declared any more. An earlier version of Paperlake did not remember its title."""
    if known is None:
        issue = scan(snapshot, ISSUES).filter(pl.col("edition") == name).select("issue").head(1).collect().item()
        known = KnownEdition(f"Paperlake {name}", parse_period(issue).span, f"Issues of the edition {name}.")
    edition = Edition(name=name, title=known.title, every=known.every, window=known.every)
    return Publication(edition, known.description, is_declared=False)


def feed_links(editions: Mapping[str, Edition]) -> tuple[FeedLink, ...]:
    """The feeds of all declared editions, in every format."""
    return tuple(
        FeedLink(f"feeds/{edition.name}/{file}", MEDIA_TYPES[feed_format], edition.title)
        for edition in editions.values()
        for feed_format, file in FEED_FILES.items()
    )


def _months_in_feeds(snapshot: Snapshot, published: Collection[Publication]) -> set[str]:
    """The months of `listings` and `issues` that the feeds read."""
    newest = [_newest_rows(snapshot, publication.edition) for publication in published]
    return months_of(day for rows in newest for column in ("issue_on", "listed_on") for day in rows[column])


def feed_pages(snapshot: Snapshot, plan: FeedPlan, links: Collection[FeedLink]) -> Iterator[Page]:
    """The feed files and the page of every edition, and the page that lists the feeds."""
    entries = []
    for publication in plan.published:
        edition = publication.edition
        issues = _newest_issues(snapshot, edition, plan.state)
        folder_url = f"{plan.public_url}/feeds/{edition.name}/" if plan.public_url else None
        feed = Feed(
            edition.name,
            edition.title,
            publication.description,
            _feed_prefix(snapshot, edition, plan.state),
            _ARCHIVE_BEGINS_AT,
            folder_url,
            f"{folder_url}index.html" if folder_url else None,
        )
        for feed_format, name in FEED_FILES.items():
            yield Page(f"feeds/{edition.name}/{name}", render_feed(feed, issues, feed_format).decode())
        yield render_page(
            f"feeds/{edition.name}/index.html",
            "edition.html.j2",
            [link for link in links if link.path.startswith(f"feeds/{edition.name}/")],
            title=edition.title,
            publication=publication,
            issues=[dated.issue for dated in issues[:_ISSUES_PER_PAGE]],
        )
        entries.append((publication, issues[0].issue.period.name if issues else None))
    yield render_page("feeds.html", "feeds.html.j2", list(links), title="Feeds", editions=entries)


def _newest_issues(snapshot: Snapshot, edition: Edition, state: FeedState) -> list[DatedIssue]:
    newest = _newest_rows(snapshot, edition).unique("issue", keep="first", maintain_order=True)
    issues = []
    for name, issued_at in newest.select("issue", "issued_at").iter_rows():
        period = parse_period(name)
        issue = compose(edition, period, issue_inputs(snapshot, edition, period))
        issues.append(DatedIssue(issue, issued_at, state.prefix_at(issued_at)))
    return issues


def _feed_prefix(snapshot: Snapshot, edition: Edition, state: FeedState) -> str:
    """The prefix of the feed's own id: that of the first issue; before it, the one that the first issue would have."""
    first = scan(snapshot, ISSUES).filter(pl.col("edition") == edition.name).select(pl.col("issued_at").min())
    issued_at = first.collect().item()
    if issued_at is not None:
        return state.prefix_at(issued_at)
    return state.prefixes[-1].prefix if state.prefixes else FORMER_PREFIX


def _newest_rows(snapshot: Snapshot, edition: Edition) -> pl.DataFrame:
    """The rows of the newest issues of an edition, newest first."""
    recorded = scan(snapshot, ISSUES).filter(pl.col("edition") == edition.name)
    rows = recorded.select("issue", "issue_on", "issued_at", "listed_on").unique().collect()
    order = ["issue_on", "issue"]
    issues = rows.select("issue", "issue_on").unique().sort(order, descending=True)
    newest = issues.head(_ISSUES_PER_FEED[edition.every])
    return rows.join(newest.select("issue"), on="issue", how="semi").sort(order, descending=True)
