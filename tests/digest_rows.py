"""Rows for tests of issues and pages."""

from datetime import UTC, date, datetime

import polars as pl

from paperlake.render.editions import Edition
from paperlake.render.issue import IssueInputs
from schemas.authors import AUTHORS
from schemas.issues import ISSUES
from schemas.listings import LISTINGS
from schemas.papers import PAPERS
from schemas.trends import TRENDS
from transforms.conform import empty_table

DAY = date(2025, 11, 6)
AT = datetime(2025, 11, 7, 3, 15, tzinfo=UTC)
DAILY = Edition(name="daily", title="Paperlake daily", every="day", window="day", papers=3)


def listing(paper_id="2511.00001", **overrides):
    row = {
        **dict.fromkeys(LISTINGS.arrow().names),
        "listed_on": DAY,
        "paper_id": paper_id,
        "position": 1,
        "title": f"On {paper_id}",
        "abstract": "An abstract.",
        "author_count": 3,
        "published_at": datetime(2025, 11, 5, tzinfo=UTC),
        "upvote_count": 7,
        "comment_count": 1,
        "github_star_count": 12,
        "first_seen_at": AT,
        "last_seen_at": AT,
        "is_listed": True,
    }
    return {**row, **overrides}


def listings(*rows):
    return pl.DataFrame(list(rows), schema=pl.Schema(LISTINGS.arrow()))


def authors(*names, paper_id="2511.00001", listed_on=DAY):
    rows = [
        {"listed_on": listed_on, "paper_id": paper_id, "position": position, "name": name, "is_hidden": False}
        for position, name in enumerate(names, 1)
    ]
    return pl.DataFrame(rows, schema=pl.Schema(AUTHORS.arrow()))


def scores(ranked_on=DAY, span="day", **by_id):
    rows = [
        {"ranked_on": ranked_on, "span": span, "paper_id": paper_id, "score": score}
        for paper_id, score in by_id.items()
    ]
    return pl.DataFrame(rows, schema=pl.Schema(TRENDS.arrow()))


def issue_inputs(listed, by=None, ranked=None, issued=None, categories=None):
    return IssueInputs(
        listings=listed,
        authors=empty_table(AUTHORS) if by is None else by,
        trends=empty_table(TRENDS) if ranked is None else ranked,
        issued=empty_table(ISSUES) if issued is None else issued,
        categories=empty_table(PAPERS).select("paper_id", "categories") if categories is None else categories,
    )
