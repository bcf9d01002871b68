"""The field census counts known and unknown fields; drift notices report changes that chance does not explain."""

import json
from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest
from click.testing import CliRunner

from cli.main import main
from paperlake.build.publish import publish_month
from paperlake.store.inbox import keep
from schemas.hub_replies import HUB_REPLIES
from tests.replies import ABSENT, build_tables, capture, entry, json_page
from transforms.drift import notices

START = date(2025, 11, 3)


def count_fields(*content, **about):
    """The number of entries by field and kind."""
    rows = build_tables(capture(list(content), **about))["field_days"]
    counts = {}
    for row in rows.iter_rows(named=True):
        counts.setdefault(row["field_path"], {})[row["kind"]] = row["present_count"]
    return counts


def notices_for(*days):
    """The notices for lists on consecutive dates; each date is given as its entries."""
    answers = [
        capture(list(content), START + timedelta(days=n), datetime(2025, 12, 1, tzinfo=UTC) + timedelta(days=n))
        for n, content in enumerate(days)
    ]
    result = notices(build_tables(*answers)["field_days"])
    return [((row["listed_on"] - START).days, row["what"], row["field_path"]) for row in result.iter_rows(named=True)]


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
def test_a_field_is_counted_by_the_kind_of_its_value(value, kinds):
    assert count_fields(entry(surprise=value))["$.surprise"] == kinds


def test_kinds_of_one_date_are_counted_separately():
    counts = count_fields(entry("2511.00001", surprise="5"), entry("2511.00002", surprise=5), entry("2511.00003"))
    assert counts["$.surprise"] == {"text": 1, "whole_number": 1}


def test_items_of_lists_are_counted_by_entry():
    counts = count_fields(
        entry(paper__authors=[{"name": "A", "user": {"id": "1"}}, {"name": "B"}]), entry("2511.00020")
    )
    assert counts["$.paper.authors[].name"] == {"text": 2}
    assert counts["$.paper.authors[].user.id"] == {"text": 1}


@pytest.mark.parametrize("name", ["a b", "a.b", "a'b", 'a"b', "*", "$", "", "a\nb", "é" * 300])
def test_unusual_names_are_counted(name):
    counts = count_fields(entry(**{name: "value"}) if name.isidentifier() else {**entry(), name: "value"})
    (path,) = [path for path in counts if path.startswith('$."')] or ["$." + name]
    assert sum(counts[path].values()) == 1


@pytest.mark.parametrize("invalid", [None, 5, "text", [], [[]], {}, {"paper": None}, {"paper": [1, {"a": 2}]}])
def test_invalid_entries_are_counted(invalid):
    assert sum(count_fields(invalid, entry())["$"].values()) == 2


def test_the_number_of_fields_is_limited():
    assert len(count_fields({f"k{n}": n for n in range(5000)})) <= 1001


@pytest.mark.parametrize("depth", [100, 126, 127, 128, 1000, 20_000])
def test_a_deeply_nested_entry_does_not_affect_other_dates(depth):
    deep = json.dumps([entry()])[:-2] + ', "deep": ' + "[" * depth + "]" * depth + "}]"
    made = build_tables(capture(deep), capture([entry(surprise=1)], day=date(2025, 11, 7)))
    fields = made["field_days"].filter(pl.col("listed_on") == date(2025, 11, 7))
    assert "$.surprise" in fields["field_path"]
    assert count_fields(entry(surprise=1))["$.surprise"] == {"whole_number": 1}


@pytest.mark.parametrize(
    "invalid",
    [
        '[{"paper": {"id": "1", "id": 2}}]',
        json.dumps([{"x-" * 30 + "1": "a", "x-" * 30 + "2": "b"}]),
        json.dumps([{"a": "x", "A": 5, "a ": None}]),
    ],
)
def test_a_field_is_never_counted_more_often_than_there_are_entries(invalid):
    made = build_tables(capture(invalid))
    assert made["drift"]["share"].max() <= 1
    assert (made["drift"]["present_count"] <= made["drift"]["entry_count"]).all()
    assert len(set(made["drift"]["field_path"])) == made["drift"].height


def test_an_object_with_varying_names_is_counted_in_part():
    content = [entry(f"2511.{n:05}", reactions={f"user{n}-{k}": 1 for k in range(40)}) for n in range(1, 80)]
    counts = count_fields(*content)
    assert len(counts) <= 1010
    assert counts["$.paper.id"] == {"text": 79}


def test_only_the_first_hundred_entries_of_a_date_are_counted():
    pages = [json_page(papers(60), more=True), json_page([entry(f"2511.{n:05}", late=1) for n in range(61, 121)])]
    rows = build_tables(capture(pages=pages))["field_days"]
    assert set(rows["entry_count"]) == {100}
    assert rows.filter(pl.col("field_path") == "$.late")["present_count"].item() == 40


def test_only_the_first_twenty_entries_of_a_very_long_list_are_counted():
    assert count_fields(*papers(400))["$"] == {"object": 20}
    assert count_fields({"other": 1}, *papers(400))["$.other"] == {"whole_number": 1}


def test_a_very_long_list_that_cannot_be_cut_between_entries_is_parsed_whole():
    nested = [entry(f"2511.{n:05}", inner=[0, {"paper": 1}]) for n in range(1, 300)]
    assert count_fields(*nested)["$"] == {"object": 20}


def test_the_newest_valid_capture_of_a_date_is_counted():
    at = datetime(2025, 11, 7, 3, tzinfo=UTC)
    answers = [capture([entry(old=1)], at=at), capture([entry(new=1)], at=at + timedelta(hours=1))]
    broken = capture("no list", at=at + timedelta(hours=2))
    paths = set(build_tables(*answers, broken)["field_days"]["field_path"])
    assert ("$.new" in paths, "$.old" in paths) == (True, False)


def test_a_month_has_first_date_share_and_samples_of_a_field():
    answers = [
        capture(papers(2), START),
        capture([entry(surprise="a"), entry("2511.2", surprise=1)], date(2025, 11, 5)),
    ]
    row = build_tables(*answers)["drift"].row(by_predicate=pl.col("field_path") == "$.surprise", named=True)
    assert (row["first_seen_on"], row["last_seen_on"]) == (date(2025, 11, 5), date(2025, 11, 5))
    assert (row["share"], sorted(row["types"]), sorted(row["sample"])) == (0.5, ["text", "whole_number"], ["1", "a"])


def test_a_field_of_every_entry_gives_a_notice_at_once():
    assert notices_for(papers(), papers(surprise=1), papers()) == [
        (1, "appeared", "$.surprise"),
        (2, "vanished", "$.surprise"),
    ]


def test_a_returning_field_gives_a_came_back_notice():
    days = notices_for(papers(surprise=1), papers(), papers(surprise=1))
    assert days[-1] == (2, "came_back", "$.surprise")


def test_a_rare_field_gives_no_notice_while_chance_explains_its_absence():
    rare = [entry("2511.00999", surprise=1), *papers(9)]
    assert notices_for(rare, papers(), rare, papers(), papers(), rare) == []


def test_a_rare_field_vanishes_as_of_the_first_date_of_its_absence():
    rare = [entry("2511.00999", surprise=1), *papers(3)]
    assert notices_for(*[rare] * 8, *[papers()] * 12) == [(8, "vanished", "$.surprise")]


def test_only_the_outermost_new_container_gives_a_notice():
    assert notices_for(papers(), papers(surprise={"a": 1, "b": {"c": 2}})) == [(1, "appeared", "$.surprise")]


def test_a_renamed_field_gives_notices_for_both_names():
    renamed = papers(numComments=ABSENT, commentCount=2)
    assert notices_for(papers(), renamed) == [(1, "appeared", "$.commentCount"), (1, "vanished", "$.numComments")]


def test_a_changed_type_gives_a_notice():
    assert notices_for(papers(), papers(numComments="2")) == [(1, "type_changed", "$.numComments")]


def test_texts_that_become_empty_or_unwrapped_give_notices():
    long = "trees " * 20
    wrapped, plain = papers(title=f"{long}\n  and leaves"), papers(title=f"{long} and leaves")
    assert notices_for(wrapped, plain) == [(1, "type_changed", "$.title")]
    assert notices_for(plain, papers(title="")) == [(1, "type_changed", "$.title")]


def test_a_changed_relation_of_two_fields_gives_a_notice():
    shifted = papers(publishedAt="2025-11-04T19:30:00.000Z")  # `paper.publishedAt` is 08:00 UTC: 03:00 in New York
    days = notices_for(shifted, papers(publishedAt="2025-11-04T03:00:00.000Z"))
    assert days == [(1, "meaning_changed", "$.publishedAt ~ $.paper.publishedAt")]


def test_entries_with_another_date_than_their_list_give_a_notice():
    right, wrong = (f"2025-11-0{day}T00:00:00.000Z" for day in (3, 9))
    days = notices_for(papers(paper__submittedOnDailyAt=right), papers(paper__submittedOnDailyAt=wrong))
    assert days == [(1, "meaning_changed", "$.paper.submittedOnDailyAt ~ listed_on")]


def test_the_command_shows_the_notices(lake_in_force):
    for n, content in enumerate((papers(), papers(surprise=1))):
        for row in capture(content, START + timedelta(days=n), datetime(2025, 12, 1 + n, tzinfo=UTC)):
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
