"""Months built together have the same rows as months built alone: only the cost is shared."""

import json
from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest

from sandbox.hub.generated import GeneratedHub
from schemas.calendar import month_of
from schemas.hub_replies import HUB_REPLIES
from schemas.listings import LISTINGS
from tests.replies import capture, entries, entry, json_page, replies
from transforms.graph import DERIVED, MONTHLY, NOTHING_REFUSED, ROUTED, WINDOWED
from transforms.months import split_by_month

HUB = MONTHLY[0]
MONTHS = ["2025-09", "2025-10", "2025-11", "2026-01"]
DEEP = '[{"paper":{"id":"2511.00001","title":' + '{"a":' * 5000 + "1" + "}" * 5000 + "}}]"
MANY_FIELDS = [entry(f"2510.{n:05}", **{f"field_{n}_{k}": k for k in range(300)}) for n in range(5)]
HOSTILE = {
    "an entry nested too deeply": DEEP,
    "more fields than are counted": MANY_FIELDS,
    "a body that is no list": b"<html>",
    "a body that is not UTF-8": json.dumps(entries(3)).encode().replace(b"Something", b"S\xffmething"),
    "a key that is named twice": '[{"paper":{"id":"2511.00001","upvotes":1,"upvotes":2}}]',
    "entries of other types": [1, None, entry(paper__upvotes="7"), entry("2511.00020", paper__authors={})],
}


def ordinary():
    """Captures of a generated Hub: each date in the evening, and twenty days later."""
    hub = GeneratedHub(papers_a_day=12)
    days = [date(2025, 9, 25) + timedelta(days=n) for n in range(50)] + [date(2026, 1, 5)]
    for day in days:
        for at in (datetime(day.year, day.month, day.day, 23, tzinfo=UTC) + timedelta(days=n) for n in (0, 20)):
            yield capture(hub.listed(day, at), day, at)


def alone(transform_build, inputs_of, months):
    return {month: transform_build([month], inputs_of(month))[month] for month in months}


def assert_same(together, apart):
    for month, expected in apart.items():
        result = together[month]
        assert result.missing_dates == expected.missing_dates
        assert result.captures.equals(expected.captures)
        for table, rows in expected.tables.items():
            assert result.tables[table].equals(rows), (month, table.name)


def together_and_alone(answers):
    of_month = split_by_month(answers, "requested_on", MONTHS)

    def build(months, inputs):
        return HUB.build(months, inputs, NOTHING_REFUSED, DERIVED)

    return build(MONTHS, {HUB_REPLIES: answers}), alone(build, lambda month: {HUB_REPLIES: of_month[month]}, MONTHS)


@pytest.mark.parametrize("hostile", HOSTILE)
def test_answers_of_one_month_do_not_change_the_rows_of_another(hostile):
    day = date(2025, 10, 15)
    odd = capture(HOSTILE[hostile], day, datetime(2025, 12, 1, tzinfo=UTC))
    later = capture(entries(3), date(2025, 11, 20), datetime(2025, 12, 12, tzinfo=UTC))
    first = capture(pages=[json_page(entries(3))], day=date(2025, 9, 3), at=datetime(2025, 10, 1, tzinfo=UTC))
    together, apart = together_and_alone(replies(odd, later, first))
    assert_same(together, apart)


def test_rankings_and_papers_of_several_months_are_those_of_each_month():
    together, apart = together_and_alone(replies(*ordinary()))
    assert_same(together, apart)
    tables = {table: pl.concat(result.tables[table] for result in apart.values()) for table in apart[MONTHS[0]].tables}
    (trends,) = WINDOWED

    def window(month):
        read = trends.window.months(month)
        return {
            table: tables[table].filter(pl.col("listed_on").dt.strftime("%Y-%m").is_in(read))
            for table in trends.upstream
        }

    ranked = trends.build(MONTHS, {table: tables[table] for table in trends.upstream})
    assert ranked["2025-10"].tables[trends.table].height > 100
    assert_same(ranked, alone(trends.build, window, MONTHS))

    papers = ROUTED[1]
    filed = sorted({f"20{name[:2]}-{name[2:4]}" for name in tables[LISTINGS]["paper_id"]})
    read = {table: rows for table, rows in tables.items() if table in papers.upstream}

    def routed(month):
        return {
            table: rows.filter(pl.col("paper_id").str.starts_with(f"{month[2:4]}{month[5:]}"))
            for table, rows in read.items()
        }

    assert len(filed) > 2
    assert_same(papers.build(filed, read), alone(papers.build, routed, filed))


def test_rows_of_another_month_stay_with_the_first_one():
    rows = pl.DataFrame({"day": [date(2025, 9, 1), date(2025, 12, 1), date(2025, 10, 1)]})
    split = split_by_month(rows, "day", MONTHS[:2])
    assert {month: [month_of(day) for day in part["day"]] for month, part in split.items()} == {
        "2025-09": ["2025-09", "2025-12"],
        "2025-10": ["2025-10"],
    }
