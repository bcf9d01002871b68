"""Every field is counted, known or not; what comes, goes or changes is noticed at its date, and chance is not."""

import json
from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest
from click.testing import CliRunner

from cli.main import main
from paperlake.build.publish import publish_month
from paperlake.store.inbox import keep
from schemas.hub_replies import HUB_REPLIES
from tests.replies import GONE, built, capture, entry, page
from transforms.drift import notices

START = date(2025, 11, 3)


def counted(*held, **about):
    """Kinds of each field, with how many entries hold it so."""
    rows = built(capture(list(held), **about))["field_days"]
    told = {}
    for row in rows.iter_rows(named=True):
        told.setdefault(row["field_path"], {})[row["kind"]] = row["present_count"]
    return told


def noticed(*days):
    """What is noticed of lists on dates that follow each other, each date given as its entries."""
    answers = [
        capture(list(held), START + timedelta(days=n), datetime(2025, 12, 1, tzinfo=UTC) + timedelta(days=n))
        for n, held in enumerate(days)
    ]
    found = notices(built(*answers)["field_days"])
    return [((row["listed_on"] - START).days, row["what"], row["field_path"]) for row in found.iter_rows(named=True)]


def papers(count=10, **changes):
    return [entry(f"2511.{n:05}", **changes) for n in range(1, count + 1)]


@pytest.mark.parametrize(
    ("value", "kinds"),
    [
        ("plain", {"text": 1}),
        ("two\nlines", {"wrapped_text": 1}),
        ("", {"empty_text": 1}),
        ("2025-11-04T08:01:02.000Z", {"instant": 1}),
        ("2025-11-04T00:00:00.000Z", {"midnight": 1}),
        (7, {"whole_number": 1}),
        (-7, {"whole_number": 1}),
        (7.5, {"number": 1}),
        (True, {"flag": 1}),
        (None, {"null": 1}),
        ({}, {"object": 1}),
        ([], {"list": 1}),
    ],
)
def test_a_field_is_counted_by_the_form_of_its_value(value, kinds):
    assert counted(entry(surprise=value))["$.surprise"] == kinds


def test_forms_are_told_apart_within_a_date():
    told = counted(entry("2511.00001", surprise="5"), entry("2511.00002", surprise=5), entry("2511.00003"))
    assert told["$.surprise"] == {"text": 1, "whole_number": 1}


def test_items_of_lists_are_counted_by_entry():
    told = counted(entry(paper__authors=[{"name": "A", "user": {"id": "1"}}, {"name": "B"}]), entry("2511.00020"))
    assert told["$.paper.authors[].name"] == {"text": 2}
    assert told["$.paper.authors[].user.id"] == {"text": 1}


@pytest.mark.parametrize("name", ["a b", "a.b", "a'b", 'a"b', "*", "$", "", "a\nb", "é" * 300])
def test_strange_names_are_counted_and_harm_nothing(name):
    told = counted(entry(**{name: "value"}) if name.isidentifier() else {**entry(), name: "value"})
    (path,) = [path for path in told if path.startswith('$."')] or ["$." + name]
    assert sum(told[path].values()) == 1


@pytest.mark.parametrize("odd", [None, 5, "text", [], [[]], {}, {"paper": None}, {"paper": [1, {"a": 2}]}])
def test_entries_that_are_none_are_counted_too(odd):
    assert sum(counted(odd, entry())["$"].values()) == 2


def test_an_endless_object_is_counted_in_part():
    assert len(counted({f"k{n}": n for n in range(5000)})) <= 1001


@pytest.mark.parametrize("depth", [100, 126, 127, 128, 1000, 20_000])
def test_an_entry_nested_without_end_costs_nobody_anything(depth):
    deep = json.dumps([entry()])[:-2] + ', "deep": ' + "[" * depth + "]" * depth + "}]"
    made = built(capture(deep), capture([entry(surprise=1)], day=date(2025, 11, 7)))
    fields = made["field_days"].filter(pl.col("listed_on") == date(2025, 11, 7))
    assert "$.surprise" in fields["field_path"]
    assert counted(entry(surprise=1))["$.surprise"] == {"whole_number": 1}


@pytest.mark.parametrize(
    "odd",
    [
        '[{"paper": {"id": "1", "id": 2}}]',
        json.dumps([{"x-" * 30 + "1": "a", "x-" * 30 + "2": "b"}]),
        json.dumps([{"a": "x", "A": 5, "a ": None}]),
    ],
)
def test_no_field_is_ever_counted_more_often_than_there_are_entries(odd):
    made = built(capture(odd))
    assert made["drift"]["share"].max() <= 1
    assert (made["drift"]["present_count"] <= made["drift"]["entry_count"]).all()
    assert len(set(made["drift"]["field_path"])) == made["drift"].height


def test_a_map_with_ever_new_names_is_counted_in_part():
    held = [entry(f"2511.{n:05}", reactions={f"user{n}-{k}": 1 for k in range(40)}) for n in range(1, 80)]
    told = counted(*held)
    assert len(told) <= 1010
    assert told["$.paper.id"] == {"text": 79}


def test_only_the_first_hundred_entries_of_a_date_are_counted_over_its_pages():
    pages = [page(papers(60), more=True), page([entry(f"2511.{n:05}", late=1) for n in range(61, 121)])]
    rows = built(capture(pages=pages))["field_days"]
    assert set(rows["entry_count"]) == {100}
    assert rows.filter(pl.col("field_path") == "$.late")["present_count"].item() == 40


def test_a_list_beyond_any_is_counted_by_its_first_twenty_as_if_it_ended_there():
    assert counted(*papers(400))["$"] == {"object": 20}
    assert counted({"other": 1}, *papers(400))["$.other"] == {"whole_number": 1}


def test_a_list_beyond_any_that_cannot_be_cut_at_an_entry_is_read_whole():
    nested = [entry(f"2511.{n:05}", inner=[0, {"paper": 1}]) for n in range(1, 300)]
    assert counted(*nested)["$"] == {"object": 20}


def test_the_newest_valid_capture_of_a_date_is_counted():
    at = datetime(2025, 11, 7, 3, tzinfo=UTC)
    answers = [capture([entry(old=1)], at=at), capture([entry(new=1)], at=at + timedelta(hours=1))]
    broken = capture("no list", at=at + timedelta(hours=2))
    paths = set(built(*answers, broken)["field_days"]["field_path"])
    assert ("$.new" in paths, "$.old" in paths) == (True, False)


def test_the_month_tells_since_when_how_often_and_what_a_field_was():
    answers = [
        capture(papers(2), START),
        capture([entry(surprise="a"), entry("2511.2", surprise=1)], date(2025, 11, 5)),
    ]
    row = built(*answers)["drift"].row(by_predicate=pl.col("field_path") == "$.surprise", named=True)
    assert (row["first_seen_on"], row["last_seen_on"]) == (date(2025, 11, 5), date(2025, 11, 5))
    assert (row["share"], sorted(row["types"]), sorted(row["sample"])) == (0.5, ["text", "whole_number"], ["1", "a"])


def test_a_field_that_every_entry_has_is_noticed_at_once():
    assert noticed(papers(), papers(surprise=1), papers()) == [
        (1, "appeared", "$.surprise"),
        (2, "vanished", "$.surprise"),
    ]


def test_a_field_that_comes_back_is_noticed_as_that():
    days = noticed(papers(surprise=1), papers(), papers(surprise=1))
    assert days[-1] == (2, "came_back", "$.surprise")


def test_a_rare_field_is_not_missed_while_chance_explains_it():
    rare = [entry("2511.00999", surprise=1), *papers(9)]
    assert noticed(rare, papers(), rare, papers(), papers(), rare) == []


def test_a_rare_field_is_missed_in_the_end_from_the_first_date_on():
    rare = [entry("2511.00999", surprise=1), *papers(3)]
    assert noticed(*[rare] * 8, *[papers()] * 12) == [(8, "vanished", "$.surprise")]


def test_of_a_container_only_itself_is_noticed():
    assert noticed(papers(), papers(surprise={"a": 1, "b": {"c": 2}})) == [(1, "appeared", "$.surprise")]


def test_a_renamed_field_is_noticed_by_both_its_names():
    renamed = papers(numComments=GONE, commentCount=2)
    assert noticed(papers(), renamed) == [(1, "appeared", "$.commentCount"), (1, "vanished", "$.numComments")]


def test_a_changed_type_is_noticed():
    assert noticed(papers(), papers(numComments="2")) == [(1, "type_changed", "$.numComments")]


def test_texts_that_are_empty_or_no_longer_wrapped_are_noticed():
    wrapped, plain = papers(title="On\n  trees"), papers(title="On trees")
    assert noticed(wrapped, plain) == [(1, "type_changed", "$.title")]
    assert noticed(plain, papers(title="")) == [(1, "type_changed", "$.title")]


def test_a_changed_meaning_is_noticed_where_two_fields_must_agree():
    shifted = papers(publishedAt="2025-11-04T19:30:00.000Z")  # `paper.publishedAt` is 08:00 UTC: 03:00 in New York
    days = noticed(shifted, papers(publishedAt="2025-11-04T03:00:00.000Z"))
    assert days == [(1, "meaning_changed", "$.publishedAt ~ $.paper.publishedAt")]


def test_a_date_that_is_not_the_lists_is_noticed():
    right, wrong = (f"2025-11-0{day}T00:00:00.000Z" for day in (3, 9))
    days = noticed(papers(paper__submittedOnDailyAt=right), papers(paper__submittedOnDailyAt=wrong))
    assert days == [(1, "meaning_changed", "$.paper.submittedOnDailyAt ~ listed_on")]


def test_the_command_tells_the_notices(lake_in_force):
    for n, held in enumerate((papers(), papers(surprise=1))):
        for row in capture(held, START + timedelta(days=n), datetime(2025, 12, 1 + n, tzinfo=UTC)):
            keep(lake_in_force, HUB_REPLIES, row)
    publish_month(lake_in_force, "2025-11")
    (row,) = json.loads(CliRunner().invoke(main, ["drift", "--json"]).output)
    assert (row["listed_on"], row["what"], row["field_path"]) == ("2025-11-04", "appeared", "$.surprise")
    assert "No drift" in CliRunner().invoke(main, ["drift", "--since", "2025-11-05"]).output


RECORDED = [
    ("2024-06-12", "vanished", "$.mediaUrl"),
    ("2024-06-12", "appeared", "$.mediaUrls"),
    ("2024-06-12", "appeared", "$.thumbnail"),
    ("2024-06-13", "appeared", "$.submittedBy"),
    ("2024-07-24", "appeared", "$.paper.authors[].user.id"),
    ("2024-08-02", "appeared", "$.paper.discussionId"),
    ("2024-08-06", "appeared", "$.paper.authors[].user._id"),
    ("2024-12-19", "appeared", "$.isAuthorParticipating"),
    ("2025-03-04", "appeared", "$.paper.githubRepo"),
    ("2025-03-04", "appeared", "$.paper.projectPage"),
    ("2025-03-11", "appeared", "$.summary"),
    ("2025-03-11", "appeared", "$.paper.ai_keywords"),
    ("2025-03-11", "meaning_changed", "$.publishedAt ~ $.paper.publishedAt"),
    ("2025-03-11", "vanished", "$.submittedBy"),
    ("2025-03-17", "came_back", "$.submittedBy"),
    ("2025-03-17", "appeared", "$.paper.submittedOnDailyAt"),
    ("2025-03-17", "appeared", "$.paper.submittedOnDailyBy"),
    ("2025-03-17", "appeared", "$.paper.mediaUrls"),
    ("2025-05-22", "appeared", "$.paper.ai_summary"),
    ("2025-06-25", "appeared", "$.paper.githubStars"),
    ("2025-09-29", "appeared", "$.submitterOrganization"),
    ("2025-10-06", "vanished", "$.submitterOrganization"),
    ("2025-10-06", "appeared", "$.organization"),
    ("2025-11-12", "type_changed", "$.paper.summary"),
    ("2025-11-13", "type_changed", "$.paper.title"),
    ("2025-12-11", "appeared", "$.paper.githubRepoAddedBy"),
    ("2026-04-06", "type_changed", "$.paper.publishedAt"),
    ("2026-05-15", "type_changed", "$.paper.submittedOnDailyAt"),
]
