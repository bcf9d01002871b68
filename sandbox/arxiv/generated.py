"""A generated arXiv of any size. The same seed gives the same papers."""

# Probabilities stand where they are drawn, and word lists stand as text.
# ruff: noqa: PLR2004, SIM905

from __future__ import annotations

import random
from collections import Counter
from datetime import UTC, date, datetime, time, timedelta

from sandbox.arxiv import texts
from sandbox.arxiv.papers import Paper, Version
from sandbox.arxiv.sets import ALIASES, CATEGORIES, ENDED_ARCHIVES, SUCCESSORS

FIRST, LAST = date(1995, 1, 1), date(2026, 10, 30)
_EARLIEST = datetime(2007, 5, 23, 1, tzinfo=UTC)
_NEW_IDS = date(2007, 4, 1)
_LONG_IDS = date(2015, 1, 1)
_ARCHIVES_OF_OLD = (
    "astro-ph cond-mat cs gr-qc hep-ex hep-ph hep-th math math-ph nlin nucl-th physics chao-dyn q-alg".split()
)
_BUSY = "cs.LG cs.CV cs.CL cs.AI cs.RO stat.ML hep-th hep-ph quant-ph math.AP math.CO cs.IT math-ph cs.NA".split()
_ALL = sorted(CATEGORIES)
_MASS_UPDATE_DAYS = 8


def generate_papers(count: int, *, seed: int = 1, first: date = FIRST, last: date = LAST) -> list[Paper]:
    """Generate `count` papers in id order, submitted since the month of `first` and last modified by `last`.

    Like arXiv's, datestamps begin with 2007-05-23 and cluster on a few dates. No paper is deleted. Two papers may
    have the same modification time. Raises ValueError for a date range that is too short or too early.
    """
    if max(first, _EARLIEST.date()) > last - timedelta(days=60):
        raise ValueError(f"no papers can be generated from {first} to {last}: the range needs two months after 2007-05")
    rng = random.Random(f"{seed}:{count}:{first}:{last}")  # noqa: S311 - no secret
    mass_updates = _mass_update_times(rng, last)
    papers = (
        _paper(seed, paper_id, month, last, mass_updates)
        for month, papers_in_month in _months(rng, count, first, last)
        for paper_id in _paper_ids(rng, month, papers_in_month)
    )
    return sorted(papers, key=lambda paper: paper.id)


def _months(rng: random.Random, count: int, first: date, last: date) -> list[tuple[date, int]]:
    """The months of submission, with the number of papers in each. Later months have more."""
    months = [date(year, month, 1) for year in range(first.year, last.year + 1) for month in range(1, 13)]
    # Papers of the last month would have no time for a modification.
    months = [each for each in months if first.replace(day=1) <= each < last.replace(day=1)]
    drawn = Counter(rng.choices(months, [1 + 0.03 * place for place in range(len(months))], k=count))
    return sorted(drawn.items())


def _paper_ids(rng: random.Random, month: date, count: int) -> list[str]:
    """Ids in three styles: `hep-th/0309136`, `0704.0002`, `2511.01234`."""
    stamp = f"{month:%y%m}"
    if month < _NEW_IDS:
        numbers = range(1, min(999, max(count, 100)) + 1)
        places = rng.sample(range(len(numbers) * len(_ARCHIVES_OF_OLD)), count)
        split = (divmod(place, len(numbers)) for place in places)
        return [f"{_ARCHIVES_OF_OLD[archive]}/{stamp}{numbers[number]:03d}" for archive, number in split]
    digits = 5 if month >= _LONG_IDS else 4
    drawn = rng.sample(range(1, min(10**digits - 1, max(count * 3, 300)) + 1), count)
    return [f"{stamp}.{number:0{digits}d}" for number in drawn]


def _mass_update_times(rng: random.Random, last: date) -> list[datetime]:
    """The times at which many papers were modified at once."""
    span = (last - _EARLIEST.date()).days - 1
    days = [
        _EARLIEST.date(),
        *(_EARLIEST.date() + timedelta(days=rng.randrange(1, span)) for _ in range(_MASS_UPDATE_DAYS)),
    ]
    return sorted(datetime.combine(day, time(2), UTC) for day in days)


def _paper(seed: int, paper_id: str, month: date, last: date, mass_updates: list[datetime]) -> Paper:
    rng = random.Random(f"{seed}:{paper_id}")  # noqa: S311 - no secret
    categories = _categories(rng, paper_id)
    primary = categories[0]
    versions = _versions(rng, month, last)
    is_wrapped = rng.random() < 0.65
    comments = texts.comments(rng)
    if rng.random() < 0.005:
        comments = texts.withdrawn(rng)
        versions = (*versions[:-1], Version(versions[-1].submitted_at, 0, "I"))
    authors = texts.authors(rng)
    return Paper(
        id=paper_id,
        submitter=authors[0].full_name,
        title=texts.title(rng, is_wrapped=is_wrapped),
        authors=authors,
        authors_line=texts.authors_line(rng, authors),
        categories=categories,
        abstract=texts.abstract(rng, is_wrapped=is_wrapped),
        versions=versions,
        modified_at=_modified_at(rng, versions[-1].submitted_at, last, mass_updates),
        comments=comments,
        proxy="EPTCS" if rng.random() < 0.02 else None,
        report_no=texts.report_no(rng),
        msc_class=texts.msc_class(rng, primary),
        acm_class=texts.acm_class(rng, primary),
        journal_ref=texts.journal_ref(rng),
        doi=texts.doi(rng),
        license=texts.license_url(rng, versions[0].submitted_at.date()),
    )


def _categories(rng: random.Random, paper_id: str) -> tuple[str, ...]:
    archive, slash, _ = paper_id.partition("/")
    if archive in ENDED_ARCHIVES:
        # arXiv lists such papers under the old and the new name.
        drawn = [archive, SUCCESSORS[archive]]
    elif slash:
        drawn = [rng.choice([each for each in _ALL if CATEGORIES[each].archive == archive])]
    else:
        drawn = [rng.choice(_BUSY if rng.random() < 0.6 else _ALL)]
    drawn += rng.sample(_BUSY, min(int(rng.expovariate(0.9)), 5))
    if rng.random() < 0.7:
        drawn += [ALIASES[each] for each in drawn if each in ALIASES]
    return tuple(dict.fromkeys(drawn))


def _versions(rng: random.Random, month: date, last: date) -> tuple[Version, ...]:
    at = datetime.combine(month, time(), UTC) + timedelta(seconds=rng.randrange(28 * 86_400))
    times = [at]
    end = datetime.combine(last, time(), UTC) - timedelta(days=2)
    while rng.random() < 0.4:
        at += timedelta(seconds=3600 + int(rng.expovariate(1 / (90 * 86_400))))
        times.append(at)
    source_type = rng.choices((None, "D", "S", "AD", "X"), (70, 15, 6, 5, 4))[0]
    submitted = [times[0], *(each for each in times[1:] if each < end)]
    size_kb = rng.randrange(6, 3000)
    return tuple(Version(each, size_kb + 3 * place, source_type) for place, each in enumerate(submitted))


def _modified_at(rng: random.Random, submitted_at: datetime, last: date, mass_updates: list[datetime]) -> datetime:
    """The announcement, one of the mass updates, or any later time."""
    end = datetime.combine(last, time(23), UTC)
    announced = max(submitted_at + timedelta(hours=rng.randrange(10, 60)), _EARLIEST)
    draw = rng.random()
    if draw < 0.35 and (later := [each for each in mass_updates if each > announced]):
        # Two papers of a mass update may have the same second.
        return rng.choice(later) + timedelta(seconds=rng.randrange(1800))
    if draw < 0.6 and announced < end:
        return announced + timedelta(seconds=rng.randrange(max(1, int((end - announced).total_seconds()))))
    return min(announced.replace(microsecond=0), end)
