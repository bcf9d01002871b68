"""What an edition's rules pick, and that an issue that has come out stays as it was."""

from dataclasses import replace
from datetime import date

import polars as pl
import pytest

from paperlake.render.editions import EditionWrong, editions, sentence
from paperlake.render.issue import compose
from paperlake.render.period import named, period
from schemas.issues import ISSUES
from tests.digest_rows import AT, DAILY, DAY, authors, frames, listing, listings, scores

TODAY = period("day", DAY)


def ids(issue):
    return [one.paper_id for one in issue.papers]


def issued(edition="daily", issue="2025-11-05", *paper_ids, votes=5, listed_on=DAY):
    rows = [
        {
            "issue_on": date(2025, 11, 5),
            "edition": edition,
            "issue": issue,
            "issued_at": AT,
            "position": n,
            "listed_on": listed_on,
            "paper_id": paper_id,
            "upvote_count": votes,
        }
        for n, paper_id in enumerate(paper_ids, 1)
    ]
    return pl.DataFrame(rows, schema=pl.Schema(ISSUES.arrow()))


THREE = listings(
    listing("2511.00001", upvote_count=5), listing("2511.00002", upvote_count=9), listing("2511.00003", upvote_count=1)
)


def test_the_order_is_of_the_trending_score_then_of_votes():
    ranked = scores(**{"2511.00003": 8.0})
    assert ids(compose(DAILY, TODAY, frames(THREE, ranked=ranked))) == ["2511.00003", "2511.00002", "2511.00001"]


def test_the_order_may_be_of_votes_alone():
    ranked = scores(**{"2511.00003": 8.0})
    by_votes = replace(DAILY, order="votes")
    assert ids(compose(by_votes, TODAY, frames(THREE, ranked=ranked))) == ["2511.00002", "2511.00001", "2511.00003"]


def test_no_more_papers_than_the_edition_says():
    assert ids(compose(replace(DAILY, papers=1), TODAY, frames(THREE))) == ["2511.00002"]


def test_no_paper_is_repeated_in_an_edition():
    told = issued("daily", "2025-11-05", "2511.00002")
    assert ids(compose(DAILY, TODAY, frames(THREE, issued=told))) == ["2511.00001", "2511.00003"]


def test_another_edition_may_have_had_it():
    told = issued("weekly", "2025-W44", "2511.00002")
    assert ids(compose(DAILY, TODAY, frames(THREE, issued=told)))[0] == "2511.00002"


def test_an_issue_that_came_out_stays_as_it_was():
    told = issued("daily", "2025-11-06", "2511.00003", "2511.00001", votes=4)
    issue = compose(DAILY, TODAY, frames(THREE, issued=told))
    assert [(one.paper_id, one.votes) for one in issue.papers] == [("2511.00003", 4), ("2511.00001", 4)]


def test_papers_that_are_not_listed_any_more_are_left_out():
    gone = listings(listing(is_listed=False))
    assert ids(compose(DAILY, TODAY, frames(gone))) == []


def test_a_paper_on_two_lists_of_a_week_comes_once():
    twice = listings(listing(listed_on=date(2025, 11, 4)), listing(upvote_count=30))
    weekly = replace(DAILY, every="week", window="week")
    (one,) = compose(weekly, period("week", DAY), frames(twice)).papers
    assert (one.listed_on, one.votes) == (DAY, 30)


@pytest.mark.parametrize(
    ("rule", "found"),
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
def test_a_filter_lets_through_what_matches(rule, found):
    listed = listings(
        listing("2511.00001", title="DIFFUSION, again", upvote_count=5),
        listing("2511.00002", abstract="in C++", organization="nvidia", upvote_count=9),
    )
    known = pl.DataFrame({"paper_id": ["2511.00001"], "categories": [["cs.CL", "stat.ML"]]})
    by = authors("Grace Hopper", "Ada Lovelace").with_columns(hub_user=pl.lit("AdaL"))
    held = frames(listed, by=by, categories=known)
    assert ids(compose(replace(DAILY, **rule), TODAY, held)) == found


def test_hidden_authors_are_not_named():
    by = authors("Ada", "Grace", "Alan").with_columns(is_hidden=pl.col("name") == "Grace")
    (one,) = compose(DAILY, TODAY, frames(listings(listing()), by=by)).papers
    assert one.authors == ("Ada", "Alan")


def test_a_wider_window_ends_with_the_period_and_loses_nothing_between_two():
    listed = listings(
        listing("2510.00001", listed_on=date(2025, 10, 31)), listing("2511.00002", listed_on=date(2025, 11, 2))
    )
    weekly = replace(DAILY, every="week", window="month")
    issue = compose(weekly, period("week", date(2025, 11, 2)), frames(listed))
    assert sorted(ids(issue)) == ["2510.00001", "2511.00002"]


def test_an_issue_keeps_its_papers_when_the_rules_change():
    told = issued("daily", "2025-11-06", "2511.00003", listed_on=DAY)
    weekly = replace(DAILY, every="week", window="week", min_votes=100)
    assert ids(compose(weekly, named("2025-11-06"), frames(THREE, issued=told))) == ["2511.00003"]


def test_rules_keep_their_capitals():
    assert sentence(replace(DAILY, keywords=("LLM",))).endswith("about LLM.")
    assert sentence(DAILY).startswith("The 3 papers")


def test_the_byline_tells_first_last_and_count():
    (one,) = compose(DAILY, TODAY, frames(listings(listing()), by=authors("Ada", "Grace", "Alan"))).papers
    assert one.byline == "Ada, …, Alan (3 authors)"


@pytest.mark.parametrize("span", ["day", "week", "month"])
def test_a_period_is_known_by_its_name(span):
    about = period(span, DAY)
    assert named(about.name) == about


@pytest.mark.parametrize(
    ("span", "name", "title"),
    [
        ("day", "2025-11-06", "Thursday, 6 November 2025"),
        ("week", "2025-W45", "Week 45, 3 November to 9 November 2025"),
        ("month", "2025-11", "November 2025"),
    ],
)
def test_periods_are_named(span, name, title):
    about = period(span, DAY)
    assert (about.name, about.title) == (name, title)
    assert about.before().after() == about
    assert about.holds(DAY)


def test_the_week_of_new_year_belongs_to_its_iso_year():
    assert period("week", date(2027, 1, 1)).name == "2026-W53"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[daily\n", "is no TOML"),
        ("[Daily News]\nevery='day'", "[Daily"),
        ("[daily]\n", "does not say how often"),
        ("[daily]\nevery='hour'", 'it takes "day", "week" or "month"'),
        ("[daily]\nevery='day'\npapers=0", "whole number from 1 to 200"),
        ("[daily]\nevery='day'\npapers=true", "whole number"),
        ("[daily]\nevery='day'\nkeyword=['a']", "'keyword', which is no rule"),
        ("[daily]\nevery='day'\nkeywords='a'", "a list of texts"),
        ("[daily]\nevery='day'\ntitle=\"two\\nlines\"", "one line of text"),
        ("every='day'", "outside of any edition"),
        ('[daily]\nevery="day"\nkeywords=["a\\u0001b"]', "a list of texts"),
        ('[daily]\nevery="day"\nrecipients=["Ada <ada@example.org>"]', "no mail address"),
    ],
)
def test_an_edition_that_is_wrong_is_told_with_its_place(text, message):
    with pytest.raises(EditionWrong) as told:
        editions(text.replace("[Daily News]", '["Daily News"]'))
    assert message in str(told.value)
    assert str(told.value).startswith("editions.toml")


def test_the_editions_that_come_with_paperlake_are_right(pytestconfig):
    text = (pytestconfig.rootpath / "editions.toml").read_text()
    assert set(editions(text)) == {"daily", "weekly", "monthly"}
