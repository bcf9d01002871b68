"""The table `trends`: trending papers of each date, with the parts of their score."""

from __future__ import annotations

from schemas.kinds import ARXIV_ID, COUNT, COUNTS_UP, DATE, SHARE, TEXT, TIMESTAMP
from schemas.listings import ABSENT
from schemas.table import Between, Column, OneOf, References, Table, WindowedInputs

SPANS = {"day": 1, "week": 7, "month": 30}
"""Days in each span, up to and including the ranked date."""
GRACE_H = 6
"""Hours after closing in which captures still count for a date; this includes the next morning's capture."""
HALF_LIFE_H = 48
"""A vote loses half its weight in this time; chosen by `bench/trending`, see docs/trending.md."""
MAX_RANK = 100

TRENDS = Table(
    name="trends",
    doc=(
        "The papers that gain votes on a date, among those listed on it (day) or in the 7 or 30 dates up to it (week, "
        "month), at most 100 of each. The score is upvote_count times freshness: votes that each lose half their "
        f"weight every {HALF_LIFE_H} hours. Only captures until {GRACE_H} hours after the date closed count. A date is "
        "ranked if anything was captured between its opening and then; while it is open, its ranks are provisional."
    ),
    grain="one paper among those of one span up to one date",
    dated_by="ranked_on",
    key=("ranked_on", "span", "paper_id"),
    sort=("ranked_on", "span", "rank", "paper_id"),
    windowed_inputs=WindowedInputs(("listings", "signals"), lookback_days=max(SPANS.values())),
    references=(
        References(("listed_on", "paper_id", "observed_at"), "signals", ("listed_on", "paper_id", "captured_at")),
        References(("listed_on", "paper_id"), "listings", ("listed_on", "paper_id")),
    ),
    columns=(
        Column("ranked_on", DATE, "The date ranked. It ends 6 hours after its list has closed at 21:30 in New York."),
        Column(
            "span",
            TEXT,
            "Whose papers are ranked: those listed on the date (day), or in the 7 or 30 dates up to it (week, month).",
            checks=(OneOf(tuple(SPANS)),),
        ),
        Column(
            "rank",
            COUNT,
            "Place by `score`, counted from 1; of the same score the paper with more votes stands first.",
            checks=(Between(1, MAX_RANK),),
        ),
        Column("paper_id", TEXT, "arXiv identifier without its version.", checks=(ARXIV_ID,)),
        Column("listed_on", DATE, "The newest list of the span that holds the paper and was captured in time."),
        Column(
            "score",
            SHARE,
            "`upvote_count` times `freshness`: what the votes of the paper weigh, in new votes. It has 6 digits.",
            checks=(Between(0, 2**31 - 1),),
        ),
        Column(
            "upvote_count",
            COUNT,
            "Upvotes at `observed_at`: the first part of the score.",
            unit="votes",
            checks=COUNTS_UP,
        ),
        Column(
            "freshness",
            SHARE,
            f"Mean weight of these votes at the end of the date: 1 for a new one, a half after {HALF_LIFE_H} hours. A "
            "vote counts from the middle between the two captures that it came between; one taken back was never "
            "given. Rounded down to 6 digits; 0 where there are no votes.",
            checks=(Between(0, 1),),
        ),
        Column(
            "votes_gained",
            COUNT,
            "Votes that came since the end of the date before; below zero where more were taken back. No part of the "
            "score, which counts all votes by their age.",
            null="the paper was not captured both before and after the end of the date before",
        ),
        Column(
            "comment_count",
            COUNT,
            "Comments at `observed_at`. No part of the score: they did not foretell votes.",
            unit="comments",
            null=ABSENT,
            checks=COUNTS_UP,
        ),
        Column(
            "stars_gained",
            COUNT,
            "Stars of the code's repository that came since the end of the date before. No part of the score: too few "
            "are known to tell what they are worth.",
            null="as `votes_gained`, or one of the two answers does not carry stars",
        ),
        Column("age_hours", SHARE, "Hours from the opening of `listed_on` to `observed_at`, rounded to 2 digits."),
        Column("observed_at", TIMESTAMP, "Start of the newest capture of `listed_on` in time that tells its votes."),
    ),
)
