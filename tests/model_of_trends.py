"""A second implementation of the table `trends` in plain Python, from rows of `listings` and `signals`."""

from datetime import date, datetime, timedelta

from tests.model import Row, closes_at

GRACE = timedelta(hours=6)
HALF_LIFE = timedelta(hours=48)
SPANS = (("day", 1), ("month", 30), ("week", 7))
LOOKBACK_DAYS = 30
DAY = timedelta(days=1)


def trends(listings: list[Row], signals: list[Row], captured: set[date]) -> list[Row]:
    """The rankings of all dates in the months of `captured` dates."""
    starts = sorted({day.replace(day=1) for day in captured})
    days = [start + n * DAY for start in starts for n in range(31) if (start + n * DAY).month == start.month]
    return [row for day in days for row in trends_of_day(day, listings, signals)]


def trends_of_day(day: date, listings: list[Row], signals: list[Row]) -> list[Row]:
    """The rankings of one date, without captures after its end and without lists outside the lookback."""
    ends, ended_before, opened = closes_at(day) + GRACE, closes_at(day - DAY) + GRACE, closes_at(day - DAY)
    lookback = {day - n * DAY for n in range(LOOKBACK_DAYS)}
    counted = [row for row in signals if row["listed_on"] in lookback and row["upvote_count"] is not None]
    if not any(opened <= row["captured_at"] <= ends for row in counted):
        return []
    seen: dict[str, Row] = {}
    for listed in sorted((row for row in listings if row["is_listed"]), key=lambda row: row["listed_on"]):
        key = listed["listed_on"], listed["paper_id"]
        in_time = [row for row in counted if (row["listed_on"], row["paper_id"]) == key and row["captured_at"] <= ends]
        if in_time:
            seen[listed["paper_id"]] = max(in_time, key=lambda row: row["captured_at"])
    made = []
    for paper_id, newest in seen.items():
        at = newest["captured_at"]
        history = [row for row in counted if row["paper_id"] == paper_id and row["captured_at"] < at] + [newest]
        history.sort(key=lambda row: (row["captured_at"], row["listed_on"]))
        past = [row for row in history if row["captured_at"] <= ended_before]
        before = past[-1] if past and at > ended_before else {}
        votes = newest["upvote_count"]
        weight = total_weight(history, ends) // votes if votes else 0
        made.append(
            {
                "ranked_on": day,
                "paper_id": paper_id,
                "listed_on": newest["listed_on"],
                "score": votes * weight / 1_000_000,
                "upvote_count": votes,
                "freshness": weight / 1_000_000,
                "votes_gained": gained(newest, before, "upvote_count"),
                "comment_count": newest["comment_count"],
                "stars_gained": gained(newest, before, "github_star_count"),
                "observed_at": at,
            }
        )
    made.sort(key=lambda row: (-row["score"], -row["upvote_count"], row["paper_id"]))
    return [
        {**row, "span": span, "rank": rank}
        for span, days in SPANS
        for rank, row in enumerate((row for row in made if (day - row["listed_on"]).days < days), 1)
    ]


def total_weight(history: list[Row], ends: datetime) -> int:
    """The weight of all votes in millionths. A vote's age counts from the midpoint between two captures.

    Votes that were taken back do not count.
    """
    total, had, since = 0, 0, min(closes_at(history[0]["listed_on"] - DAY), history[0]["captured_at"])
    for number, row in enumerate(history):
        has = min(later["upvote_count"] for later in history[number:])
        age = ends - (since + (row["captured_at"] - since) / 2)
        total += (has - had) * round(0.5 ** (age / HALF_LIFE) * 1_000_000)
        had, since = has, row["captured_at"]
    return total


def gained(now: Row, before: Row, name: str) -> int | None:
    missing = now[name] is None or before.get(name) is None
    return None if missing else now[name] - before[name]
