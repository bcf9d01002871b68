"""A generated paper: the values that do not depend on a list."""

# Probabilities stand where they are drawn.
# ruff: noqa: PLR2004

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

from sandbox import words
from sandbox.hub import votes

# arXiv numbers a month's papers from 1. Every list has its own block of a month's numbers: blocks 0-30 for the lists
# of that month, 31-35 for the first lists of the next month, whose papers may date from the month before.
BLOCK = 2770
_STEP = 1009  # coprime to BLOCK: i * _STEP visits every number of a block once
_STEP_BACK = pow(_STEP, -1, BLOCK)
_LAGS = (1, 1, 1, 1, 1, 2, 2, 3, 3, 4, 5)
_STATUSES = ("admin_assigned",) * 5 + ("claimed_verified",) * 4 + ("extracted_pending", "extracted_confirmed")
_UNUSUAL_REPOSITORIES = ("https://github.com/{owner}/{name}/", "https://github.com/{owner}/{name}/tree/main/src")
_LATE_USERS_FROM = date(2024, 11, 1)
_HOURS_S = 3600.0
_MOST_AUTHORS = 350
_SUFFIXES = [f"{position + 1:06x}" for position in range(_MOST_AUTHORS)]
_EPOCH = date(1970, 1, 1).toordinal()


class HubProfile(NamedTuple):
    """The Hub's data on an author beyond the name. `status` changed at `since_s`, in seconds since the epoch."""

    account: words.Account | None
    status: str
    since_s: float
    is_hidden: bool


# Id, name, and the profile if there is one. A plain tuple: a world may have ten million authors.
Author = tuple[str, str, HubProfile | None]


@dataclass(slots=True)
class Paper:
    """A generated paper. `listed_s` is the time of its first listing, in seconds since the epoch."""

    id: str
    listed_s: float
    title: str
    abstract: str
    published_at: datetime
    authors: list[Author]
    discussion_id: str
    submitter: words.Account
    organization: words.Organization | None
    github_repo: str | None
    repo_added_by: str
    project_page: str | None
    media_urls: list[str]
    ai_summary: str
    ai_keywords: tuple[str, ...]
    ai_after_s: float
    is_author_participating: bool
    growth: votes.Growth


def arxiv_id(seed: int, day: date, index: int, published: date) -> str:
    """The arXiv id of paper number `index` on the list of `day`, unique in its world."""
    block = day.day - 1 if (published.year, published.month) == (day.year, day.month) else 30 + day.day
    within = (index * _STEP + seed * 37 + day.toordinal() * 613) % BLOCK
    return f"{published.year % 100:02d}{published.month:02d}.{block * BLOCK + within + 1:05d}"


def listing_of(seed: int, paper_id: str) -> tuple[date, int] | None:
    """The list and the index from which `arxiv_id` makes `paper_id`; None for an impossible id."""
    try:
        first = date(2000 + int(paper_id[:2]), int(paper_id[2:4]), 1)
        block, within = divmod(int(paper_id[5:]) - 1, BLOCK)
        if block > 30:
            first, block = (first + timedelta(days=31)).replace(day=1), block - 31
        day = first.replace(day=block + 1)
    except ValueError:
        return None
    return day, (within - seed * 37 - day.toordinal() * 613) * _STEP_BACK % BLOCK


def _authors(rng: random.Random, day: date, listed_s: float, prefix: str) -> list[Author]:
    chance = rng.random
    count = min(30, max(1, int(math.exp(1.8 + 0.5 * rng.gauss(0.0, 1.0)))))
    if chance() < 0.004:
        count = int(90 + (_MOST_AUTHORS - 90) * chance())
    profile_chance = 0.33 if day < _LATE_USERS_FROM else 0.06
    names, pool, accounts = words.NAMES, len(words.NAMES), words.ACCOUNTS
    authors: list[Author] = []
    for position in range(count):
        own_id = prefix + _SUFFIXES[position]
        if chance() >= profile_chance:
            authors.append((own_id, names[int(chance() * pool)], None))
            continue
        account = accounts[int(chance() * len(accounts))]
        status = _STATUSES[int(chance() * len(_STATUSES))]
        profile = HubProfile(account, status, listed_s + chance() * 9000, chance() < 0.02)
        authors.append((own_id, account.fullname.split(" ✨")[0], profile))
    irregularity = chance()
    if irregularity < 0.005:
        own_id, _, last_profile = authors[-1]
        authors[-1] = (own_id, authors[0][1], last_profile)
    elif irregularity < 0.006:
        own_id, name, _ = authors[0]
        authors[0] = (own_id, name, HubProfile(None, "extracted_infirmed", listed_s, is_hidden=False))
    return authors


def _title(rng: random.Random, name: str) -> str:
    chance = rng.random
    draw = chance()
    forms = words.LATEX_TITLES if draw < 0.02 else words.FOREIGN_TITLES if draw < 0.04 else words.PLAIN_TITLES
    return forms[int(chance() * len(forms))].format(
        name=name,
        manner=words.MANNERS[int(chance() * len(words.MANNERS))],
        method=words.METHODS[int(chance() * len(words.METHODS))],
        goal=words.GOALS[int(chance() * len(words.GOALS))],
    )


def _abstract(rng: random.Random) -> str:
    chance = rng.random
    middles = words.MIDDLES
    count = 3 + int(chance() * 4)
    return " ".join(
        [
            words.OPENINGS[int(chance() * len(words.OPENINGS))],
            *[middles[int(chance() * len(middles))] for _ in range(count)],
            words.ENDINGS[int(chance() * len(words.ENDINGS))],
        ],
    )


def _keywords(rng: random.Random) -> tuple[str, ...]:
    chance = rng.random
    irregularity = chance()
    if irregularity < 0.003:
        return ("",)
    start, count = int(chance() * len(words.TOPICS)), 4 + int(chance() * 9)
    keywords = [words.TOPICS[(start + 7 * step) % len(words.TOPICS)] for step in range(count)]
    if irregularity < 0.007:
        keywords.append(keywords[0])
    return tuple(keywords)


def _repository(rng: random.Random, owner: str, name: str) -> str | None:
    chance = rng.random
    if chance() >= 0.48:
        return None
    if chance() < 0.026:
        return _UNUSUAL_REPOSITORIES[int(chance() * 2)].format(owner=owner, name=name)
    return f"https://github.com/{owner}/{name}"


def _project_page(rng: random.Random, owner: str, name: str) -> str | None:
    if rng.random() >= 0.36:
        return None
    blank = " " if rng.random() < 0.01 else ""
    return f"{blank}https://{owner}.example/{name}/"


def _media_urls(rng: random.Random, owner_id: str) -> list[str]:
    if rng.random() >= 0.17:
        return []
    folder = f"https://cdn-uploads.huggingface.co/production/uploads/{owner_id}"
    return [f"{folder}/{rng.getrandbits(80):020x}.mp4" for _ in range(1 + (rng.random() < 0.2))]


def _ai_after_s(rng: random.Random) -> float:
    # 37-51 % of first-day captures had the AI fields. A few papers never get them.
    draw, when = rng.random(), rng.random()
    if draw < 0.45:
        return 5 * _HOURS_S * when
    return (16 + 30 * when) * _HOURS_S if draw < 0.985 else math.inf


def paper(rng: random.Random, seed: int, day: date, index: int, listed_s: float) -> Paper:
    """Draw paper number `index` of the list of `day`. `rng` must be seeded for this paper alone."""
    chance = rng.random
    # arXiv publishes nothing on weekends, so Monday's papers are older.
    lag = _LAGS[int(chance() * len(_LAGS))] + (2 if day.weekday() == 0 else 0)
    published = date.fromordinal(day.toordinal() - min(lag, 5))
    paper_id = arxiv_id(seed, day, index, published)
    name = words.COINED[int(chance() * len(words.COINED))]
    submitter = words.ACCOUNTS[int(chance() ** 3 * len(words.ACCOUNTS))]
    owner = words.ACCOUNTS[int(chance() * len(words.ACCOUNTS))].login
    prefix = f"{int(listed_s):08x}{rng.getrandbits(40):010x}"
    has_home = chance() < 0.55
    return Paper(
        id=paper_id,
        listed_s=listed_s,
        title=_title(rng, name),
        abstract=_abstract(rng),
        published_at=datetime.fromtimestamp((published.toordinal() - _EPOCH) * 86_400 + int(chance() * 86_400), UTC),
        authors=_authors(rng, day, listed_s, prefix),
        discussion_id=f"{prefix}{0xF00000 + index:06x}",
        submitter=submitter,
        organization=words.ORGANIZATIONS[int(chance() ** 2 * len(words.ORGANIZATIONS))] if has_home else None,
        github_repo=_repository(rng, owner, name),
        repo_added_by="user" if chance() < 0.98 else "auto",
        project_page=_project_page(rng, owner, name),
        media_urls=_media_urls(rng, submitter.id),
        ai_summary=f"{name} pairs a known model with a new {words.TOPICS[int(chance() * 30)]}, which lowers the cost "
        "of long tasks and keeps their results checkable.",
        ai_keywords=_keywords(rng),
        ai_after_s=_ai_after_s(rng),
        is_author_participating=chance() < 0.19,
        growth=votes.growth(rng),
    )
