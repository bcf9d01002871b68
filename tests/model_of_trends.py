"""The table `trends` once more, in plain Python, from rows of `listings` and `signals`."""

from datetime import date, datetime, timedelta

from tests.model import Row, closing

GRACE = timedelta(hours=6)
HALF_LIFE = timedelta(hours=48)
SPANS = (("day", 1), ("month", 30), ("week", 7))
REACH = 30
DAY = timedelta(days=1)


def trends(listings: list[Row], signals: list[Row], asked: set[date]) -> list[Row]:
    """The rankings of every date of the months that a date was asked for of."""
    starts = sorted({day.replace(day=1) for day in asked})
    days = [start + n * DAY for start in starts for n in range(31) if (start + n * DAY).month == start.month]
    return [row for day in days for row in trends_of_day(day, listings, signals)]


def trends_of_day(day: date, listings: list[Row], signals: list[Row]) -> list[Row]:
    """The rankings of one date: nothing captured after its end counts, and nothing of lists further back."""
    ends, ended_before, opened = closing(day) + GRACE, closing(day - DAY) + GRACE, closing(day - DAY)
    reach = {day - n * DAY for n in range(REACH)}
    counted = [one for one in signals if one["listed_on"] in reach and one["upvote_count"] is not None]
    if not any(opened <= one["captured_at"] <= ends for one in counted):
        return []
    seen: dict[str, Row] = {}
    for listed in sorted((one for one in listings if one["is_listed"]), key=lambda one: one["listed_on"]):
        name = listed["listed_on"], listed["paper_id"]
        held = [one for one in counted if (one["listed_on"], one["paper_id"]) == name and one["captured_at"] <= ends]
        if held:
            seen[listed["paper_id"]] = max(held, key=lambda one: one["captured_at"])
    made = []
    for paper_id, newest in seen.items():
        at = newest["captured_at"]
        curve = [one for one in counted if one["paper_id"] == paper_id and one["captured_at"] < at] + [newest]
        curve.sort(key=lambda one: (one["captured_at"], one["listed_on"]))
        past = [one for one in curve if one["captured_at"] <= ended_before]
        before = past[-1] if past and at > ended_before else {}
        votes = newest["upvote_count"]
        weight = heat(curve, ends) // votes if votes else 0
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


def heat(curve: list[Row], ends: datetime) -> int:
    """What the votes weigh, in millionths: each from the middle between two captures; those taken back never were."""
    total, had, since = 0, 0, min(closing(curve[0]["listed_on"] - DAY), curve[0]["captured_at"])
    for number, one in enumerate(curve):
        has = min(later["upvote_count"] for later in curve[number:])
        age = ends - (since + (one["captured_at"] - since) / 2)
        total += (has - had) * round(0.5 ** (age / HALF_LIFE) * 1_000_000)
        had, since = has, one["captured_at"]
    return total


def gained(now: Row, before: Row, name: str) -> int | None:
    missing = now[name] is None or before.get(name) is None
    return None if missing else now[name] - before[name]
