"""Figures of each list, compared with earlier lists. Not published: failed checks are warnings in `validations`.

A higher figure is worse; a figure is null where it cannot be computed. The limits were set on 499 recorded dates
(27 months); three of these reach a limit.
"""

from __future__ import annotations

from schemas.kinds import COUNT, DATE, SHARE
from schemas.table import Below, Column, Table

NOT_COMPARABLE = "the list has fewer than five papers, or nothing before it to compare with"


def _warns(limit: float, broken: str) -> tuple[Below, ...]:
    return (Below(limit, broken, refuses="nothing"),)


def _share(name: str, doc: str, limit: float, broken: str) -> Column:
    return Column(name, SHARE, doc, null=NOT_COMPARABLE, checks=_warns(limit, broken))


LIST_PROFILE = Table(
    name="list_profile",
    doc="How the list of a date looks beside itself and those before it.",
    grain="one date that has a list",
    dated_by="listed_on",
    key=("listed_on",),
    sort=("listed_on",),
    columns=(
        Column("listed_on", DATE, "The date."),
        Column("paper_count", COUNT, "Papers on the list.", unit="papers"),
        _share("no_title_share", "Papers without a title.", 0.1, "titles are missing"),
        _share("no_abstract_share", "Papers without an abstract.", 0.1, "abstracts are missing"),
        _share("no_date_share", "Papers without a date of publication.", 0.1, "dates of publication are missing"),
        _share("no_votes_share", "Papers whose votes are not told.", 0.1, "votes are missing"),
        _share("no_authors_share", "Papers without authors.", 0.1, "authors are missing"),
        _share(
            "zero_votes_share", "Papers without a single vote; of closed dates only.", 0.6, "most papers have no votes"
        ),
        _share("same_title_share", "Papers whose title another has, too.", 0.2, "papers share titles"),
        _share("unreadable_share", "Entries of the newest capture that were refused.", 0.1, "entries were refused"),
        _share("spoiled_share", "Values refused in its entries, an entry counting once.", 0.1, "values were refused"),
        _share("repeated_share", "Its entries that were there already.", 0.2, "entries are there twice"),
        _share("elsewhere_share", "Papers that also stand on a list of 30 days around.", 0.3, "it repeats other lists"),
        _share("future_share", "Papers published on the date of the list or later.", 0.2, "papers are too new for it"),
        _share(
            "age_surprise_days",
            "By how many days the newest paper is older than on this weekday before; of eight papers or more.",
            1,
            "papers are older than on this weekday before",
        ),
        _share("weekend_share", "One on a Saturday or Sunday, else 0.", 0.5, "it is the list of a weekend"),
        _share("fallen_share", "Papers with fewer votes than in the capture before.", 0.3, "votes fell"),
        _share("gone_share", "Papers of earlier captures that are not listed any more.", 0.3, "papers have gone"),
        _share("disorder_share", "Neighbours of which the lower has more votes.", 0.05, "it is not in order of votes"),
        _share(
            "abstract_shrinkage",
            "By which share the median abstract is shorter than in the 20 lists before.",
            0.5,
            "abstracts are much shorter than before",
        ),
        _share(
            "ai_drop",
            "Share of papers with AI fields lost against the 20 lists before; of closed dates only.",
            0.97,
            "AI fields are missing",
        ),
        _share(
            "votes_factor",
            "Median votes over those of the 20 lists before, or the inverse; of closed dates only.",
            10,
            "votes are odd",
        ),
        _share(
            "shortfall",
            "Share of papers wanting against this weekday and the 20 lists before; of complete dates only.",
            0.7,
            "it is much shorter than on this weekday before",
        ),
        _share("growth_factor", "Papers over those of the lists before.", 5, "it is much longer than before"),
    ),
)
