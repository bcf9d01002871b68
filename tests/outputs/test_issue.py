"""Edition rules, composed issues, and recorded issues that do not change."""

from dataclasses import replace
from datetime import date

import polars as pl
import pytest

from paperlake.render.editions import InvalidEdition, parse_editions, rules_sentence
from paperlake.render.issue import compose
from paperlake.render.period import parse_period, period_of
from schemas.issues import ISSUES
from tests.digest_rows import AT, DAILY, DAY, authors, issue_inputs, listing, listings, scores

TODAY = period_of("day", DAY)


def ids(issue):
    return [paper.paper_id for paper in issue.papers]


def issued(edition="daily", issue="2025-11-05", *paper_ids, votes=5, listed_on=DAY):
    rows = [
        {
            "issue_on": date(2025, 11, 5),
            "edition": edition,
            "issue": issue,
            "issued_at": AT,
            "position": position,
            "listed_on": listed_on,
            "paper_id": paper_id,
            "upvote_count": votes,
        }
        for position, paper_id in enumerate(paper_ids, 1)
    ]
    return pl.DataFrame(rows, schema=pl.Schema(ISSUES.arrow()))


THREE_LISTINGS = listings(
    listing("2511.00001", upvote_count=5), listing("2511.00002", upvote_count=9), listing("2511.00003", upvote_count=1)
)


def test_papers_are_ordered_by_score_then_by_votes():
    ranked = scores(**{"2511.00003": 8.0})
    assert ids(compose(DAILY, TODAY, issue_inputs(THREE_LISTINGS, ranked=ranked))) == [
        "2511.00003",
        "2511.00002",
        "2511.00001",
    ]


def test_papers_can_be_ordered_by_votes():
    ranked = scores(**{"2511.00003": 8.0})
    by_votes = replace(DAILY, order="votes")
    assert ids(compose(by_votes, TODAY, issue_inputs(THREE_LISTINGS, ranked=ranked))) == [
        "2511.00002",
        "2511.00001",
        "2511.00003",
    ]


def test_an_issue_has_at_most_the_papers_of_its_edition():
    assert ids(compose(replace(DAILY, papers=1), TODAY, issue_inputs(THREE_LISTINGS))) == ["2511.00002"]


def test_an_edition_repeats_no_paper():
    recorded = issued("daily", "2025-11-05", "2511.00002")
    assert ids(compose(DAILY, TODAY, issue_inputs(THREE_LISTINGS, issued=recorded))) == ["2511.00001", "2511.00003"]


def test_two_editions_can_have_the_same_paper():
    recorded = issued("weekly", "2025-W44", "2511.00002")
    assert ids(compose(DAILY, TODAY, issue_inputs(THREE_LISTINGS, issued=recorded)))[0] == "2511.00002"


def test_a_recorded_issue_keeps_its_papers_and_votes():
    recorded = issued("daily", "2025-11-06", "2511.00003", "2511.00001", votes=4)
    issue = compose(DAILY, TODAY, issue_inputs(THREE_LISTINGS, issued=recorded))
    assert [(paper.paper_id, paper.votes) for paper in issue.papers] == [("2511.00003", 4), ("2511.00001", 4)]


def test_papers_that_are_not_listed_any_more_are_skipped():
    gone = listings(listing(is_listed=False))
    assert ids(compose(DAILY, TODAY, issue_inputs(gone))) == []


def test_a_paper_on_two_lists_of_a_week_is_in_the_issue_once():
    twice = listings(listing(listed_on=date(2025, 11, 4)), listing(upvote_count=30))
    weekly = replace(DAILY, every="week", window="week")
    (paper,) = compose(weekly, period_of("week", DAY), issue_inputs(twice)).papers
    assert (paper.listed_on, paper.votes) == (DAY, 30)


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ({"keywords": ("diffusion",)}, ["2511.00001"]),
        ({"keywords": ("fusion",)}, []),
        ({"keywords": ("c++",)}, ["2511.00002"]),
        ({"organizations": ("NVIDIA",)}, ["2511.00002"]),
        ({"authors": ("ada lovelace",)}, ["2511.00001"]),
        ({"authors": ("AdaL",)}, ["2511.00001"]),
        ({"min_votes": 8}, ["2511.00002"]),
        ({"categories": ("cs.CL",)}, ["2511.00001"]),
        ({"categories": ("cs",)}, ["2511.00001"]),
        ({"categories": ("math",)}, []),
        ({"keywords": ("diffusion",), "min_votes": 8}, []),
    ],
)
def test_a_filter_selects_what_matches(rule, expected):
    listed = listings(
        listing("2511.00001", title="DIFFUSION, again", upvote_count=5),
        listing("2511.00002", abstract="in C++", organization="nvidia", upvote_count=9),
    )
    categories = pl.DataFrame({"paper_id": ["2511.00001"], "categories": [["cs.CL", "stat.ML"]]})
    by = authors("Grace Hopper", "Ada Lovelace").with_columns(hub_user=pl.lit("AdaL"))
    inputs = issue_inputs(listed, by=by, categories=categories)
    assert ids(compose(replace(DAILY, **rule), TODAY, inputs)) == expected


def test_hidden_authors_are_not_shown():
    by = authors("Ada", "Grace", "Alan").with_columns(is_hidden=pl.col("name") == "Grace")
    (paper,) = compose(DAILY, TODAY, issue_inputs(listings(listing()), by=by)).papers
    assert paper.authors == ("Ada", "Alan")


def test_a_longer_window_ends_with_the_period():
    listed = listings(
        listing("2510.00001", listed_on=date(2025, 10, 31)), listing("2511.00002", listed_on=date(2025, 11, 2))
    )
    weekly = replace(DAILY, every="week", window="month")
    issue = compose(weekly, period_of("week", date(2025, 11, 2)), issue_inputs(listed))
    assert sorted(ids(issue)) == ["2510.00001", "2511.00002"]


def test_a_recorded_issue_ignores_changed_rules():
    recorded = issued("daily", "2025-11-06", "2511.00003", listed_on=DAY)
    weekly = replace(DAILY, every="week", window="week", min_votes=100)
    assert ids(compose(weekly, parse_period("2025-11-06"), issue_inputs(THREE_LISTINGS, issued=recorded))) == [
        "2511.00003"
    ]


def test_rules_keep_the_case_of_names():
    assert rules_sentence(replace(DAILY, keywords=("LLM",))).endswith("about LLM.")
    assert rules_sentence(DAILY).startswith("The 3 papers")


def test_the_byline_has_first_author_last_author_and_count():
    (paper,) = compose(DAILY, TODAY, issue_inputs(listings(listing()), by=authors("Ada", "Grace", "Alan"))).papers
    assert paper.byline == "Ada, …, Alan (3 authors)"


@pytest.mark.parametrize("span", ["day", "week", "month"])
def test_a_period_name_can_be_parsed(span):
    period = period_of(span, DAY)
    assert parse_period(period.name) == period


@pytest.mark.parametrize(
    ("span", "name", "title"),
    [
        ("day", "2025-11-06", "Thursday, 6 November 2025"),
        ("week", "2025-W45", "Week 45, 3 November to 9 November 2025"),
        ("month", "2025-11", "November 2025"),
    ],
)
def test_periods_have_names_and_titles(span, name, title):
    period = period_of(span, DAY)
    assert (period.name, period.title) == (name, title)
    assert period.previous_period().next_period() == period
    assert period.contains(DAY)


@pytest.mark.parametrize(
    ("day", "title"),
    [
        (date(2026, 1, 1), "Week 01, 29 December 2025 to 4 January 2026"),
        (date(2027, 1, 1), "Week 53, 28 December 2026 to 3 January 2027"),
        (date(2025, 10, 31), "Week 44, 27 October to 2 November 2025"),
    ],
)
def test_a_week_in_two_years_names_both(day, title):
    assert period_of("week", day).title == title


def test_the_week_of_new_year_belongs_to_its_iso_year():
    assert period_of("week", date(2027, 1, 1)).name == "2026-W53"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[daily\n", "is not valid TOML"),
        ("[Daily News]\nevery='day'", "[Daily"),
        ("[daily]\n", "has no cadence"),
        ("[daily]\nevery='hour'", 'expected "day", "week" or "month"'),
        ("[daily]\nevery='day'\npapers=0", "whole number from 1 to 200"),
        ("[daily]\nevery='day'\npapers=true", "whole number"),
        ("[daily]\nevery='day'\nkeyword=['a']", "'keyword', which is not a rule"),
        ("[daily]\nevery='day'\nkeywords='a'", "a list of texts"),
        ("[daily]\nevery='day'\ntitle=\"two\\nlines\"", "one line of text"),
        ("every='day'", "outside of any edition"),
        ('[daily]\nevery="day"\nkeywords=["a\\u0001b"]', "a list of texts"),
        ('[daily]\nevery="day"\nrecipients=["Ada <ada@example.org>"]', "not a mail address"),
    ],
)
def test_an_invalid_edition_is_reported_with_its_place(text, message):
    with pytest.raises(InvalidEdition) as error:
        parse_editions(text.replace("[Daily News]", '["Daily News"]'))
    assert message in str(error.value)
    assert str(error.value).startswith("editions.toml")


def test_the_editions_of_the_repository_are_valid(pytestconfig):
    text = (pytestconfig.rootpath / "editions.toml").read_text()
    assert set(parse_editions(text)) == {"daily", "weekly", "monthly"}
