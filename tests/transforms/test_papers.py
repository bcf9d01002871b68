"""The table `papers`: arXiv and the Hub merged into one row per paper, with the source of each value."""

from datetime import UTC, date, datetime

import polars as pl
import pytest

from schemas.arxiv_papers import ARXIV_PAPERS
from schemas.authors import AUTHORS
from schemas.listings import LISTINGS
from transforms.papers import papers

ID = "2511.00010"
SEEN = datetime(2025, 11, 7, 3, 15, tzinfo=UTC)


def rows(table, *values):
    names = table.arrow().names
    return pl.DataFrame([{**dict.fromkeys(names), **item} for item in values], schema=pl.Schema(table.arrow()))


def arxiv(**changes):
    values = {
        "paper_id": ID,
        "filed_on": date(2025, 11, 1),
        "title": "A title",
        "abstract": "We show it.",
        "authors": [{"keyname": "Author", "forenames": "A. B.", "suffix": "Jr.", "affiliations": []}],
        "author_count": 1,
        "created_on": date(2025, 11, 3),
        "categories": ["cs.LG", "cs.AI"],
        "primary_category": "cs.LG",
        "is_deleted": False,
        "is_withdrawn": False,
    }
    return rows(ARXIV_PAPERS, {**values, **changes})


def listed(*changes):
    values = {
        "listed_on": date(2025, 11, 6),
        "paper_id": ID,
        "title": "A title",
        "abstract": "We show it.",
        "author_count": 1,
        "published_at": datetime(2025, 11, 3, 18, tzinfo=UTC),
        "upvote_count": 5,
        "last_seen_at": SEEN,
        "is_listed": True,
    }
    return rows(LISTINGS, *({**values, **item} for item in changes or ({},)))


def authors(*names, on=date(2025, 11, 6)):
    values = [{"listed_on": on, "paper_id": ID, "position": place, "name": name} for place, name in enumerate(names, 1)]
    return rows(AUTHORS, *values)


def only(arxiv_rows, listed_rows, author_rows):
    (row,) = papers(arxiv_rows, listed_rows, author_rows).rows(named=True)
    return row


def test_equal_values_come_from_both():
    row = only(arxiv(), listed(), authors("A. B. Author Jr."))
    origins = [row[f"{name}_from"] for name in ("title", "abstract", "author_names", "published")]
    assert origins == ["both"] * 4
    assert (row["author_names"], row["published_on"]) == (["A. B. Author Jr."], date(2025, 11, 3))
    assert (row["primary_category"], row["upvote_count"], row["is_in_arxiv"]) == ("cs.LG", 5, True)


def test_differing_values_come_from_arxiv():
    row = only(arxiv(title="A better title"), listed(), authors("A. Author"))
    assert (row["title"], row["title_from"]) == ("A better title", "arxiv")
    assert (row["author_names"], row["author_names_from"]) == (["A. B. Author Jr."], "arxiv")
    assert row["abstract_from"] == "both"


def test_values_missing_in_arxiv_come_from_the_hub():
    row = only(arxiv(abstract=None), listed(), authors("A. Author"))
    assert (row["abstract"], row["abstract_from"]) == ("We show it.", "hub")


def test_a_paper_only_on_the_hub():
    row = only(rows(ARXIV_PAPERS), listed(), authors("A. Author", "B. Other"))
    assert (row["title_from"], row["author_names"], row["is_in_arxiv"]) == ("hub", ["A. Author", "B. Other"], False)
    assert (row["categories"], row["filed_on"]) == (None, date(2025, 11, 1))


def test_a_paper_only_in_arxiv():
    row = only(arxiv(), rows(LISTINGS), rows(AUTHORS))
    assert (row["title_from"], row["first_listed_on"], row["listing_count"]) == ("arxiv", None, 0)


@pytest.mark.parametrize(("created_on", "published"), [(date(2025, 10, 30), "arxiv"), (date(2026, 2, 1), "hub")])
def test_a_creation_date_after_the_month_of_the_id_is_not_used(created_on, published):
    row = only(arxiv(created_on=created_on), listed(), authors("A. Author"))
    assert row["published_from"] == published


def test_counts_come_from_the_newest_capture_and_dates_from_all_lists():
    moved = {"listed_on": date(2025, 11, 5), "is_listed": False, "upvote_count": 2, "last_seen_at": SEEN.replace(day=6)}
    row = only(rows(ARXIV_PAPERS), listed(moved, {}), authors("A. Author"))
    assert (row["upvote_count"], row["counted_at"]) == (5, SEEN)
    assert (row["first_listed_on"], row["last_listed_on"], row["listing_count"]) == (
        *(date(2025, 11, 5), date(2025, 11, 6)),
        1,
    )
