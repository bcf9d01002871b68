"""The fast path and the slow path give the same rows for any entries."""

import json

import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from schemas.authors import AUTHORS
from tests.cases import cases
from tests.replies import ABSENT, capture, entry, replies, with_changes
from transforms.hub import entries as hub_entries
from transforms.hub import replies as hub
from transforms.hub.answers import capture_pages, open_pages

RICH = entry(
    "2511.00010",
    submitterOrganization={"name": "lab", "fullname": "The Lab"},
    organization={"name": "grove", "fullname": "Grove of\n  Trees"},
    mediaUrls=["https://media.test/1.mp4"],
    mediaUrl="https://media.test/2.mp4",
    paper__mediaUrls=["https://media.test/3.mp4"],
    paper__ai_keywords=["trees", "trees", ""],
    paper__ai_summary="It grows.",
    paper__githubRepo="https://github.com/a/b",
    paper__githubStars=12,
    paper__projectPage=" https://b.test",
    paper__submittedOnDailyAt="2025-11-06T00:00:00.000Z",
    paper__authors=[
        {"name": "Ada Birch", "hidden": False, "user": {"user": "ada"}, "status": "claimed_verified"},
        {"name": "Bo Cedar"},
    ],
)
VALUES = (
    *(
        ABSENT,
        None,
        True,
        False,
        0,
        -1,
        12,
        2**31 - 1,
        2**31,
        10**9,
        2511.0001,
        1e300,
        1.0,
        [],
        {},
        [None],
        [1],
        ["a", 2],
    ),
    *("", " ", "12", "-1", "2511.00012", "true", "null", "nan", "NaN", "Infinity", "1e5", "0", "[]", "{}", "[MASK]"),
    *(
        "{a}",
        '["a"]',
        '{"name":"x"}',
        "a\n  b",
        "a\tb",
        " a",
        "a  b",
        "\u00a0",
        "\x00",
        "\x7f",
        "\u2028",
        "\\",
        '"',
        "'",
    ),
    *("2025-11-04", "2025-11-04T08:00:00Z", "2025-11-04 08:00:00", "2025-13-01", "1900-01-01T00:00:00Z", "2025"),
    *(
        "2025-11-04T08:00:00+02:00",
        "\ud83d",
        "μLO",
        "~",
        "a~b",
        ["~", "a"],
        [" a"],
        ["a", ""],
        ["[x]"],
        ["1"],
        ["a\nb"],
    ),
    *({"name": 5}, {"name": "x", "user": {"user": 7}}, [{"name": None}], [{"name": "12"}], [{"name": "Zoe"}, 7, None]),
    [{"name": "Zoe", "hidden": "no", "user": "zoe", "status": ["x"]}],
)
KEY_PATHS = ("$.paper", hub_entries.ID_PATH, hub_entries.PUT_ON_PATH)
PATHS = tuple(
    path.removeprefix("$.") for path in (*KEY_PATHS, *(declared.path for declared in hub_entries.ENTRY_FIELDS))
)
AUTHOR = RICH["paper"]["authors"][0]
AUTHOR_PATHS = tuple(declared.path.removeprefix("$.") for declared in hub_entries.AUTHOR_FIELDS)
CHANGED_AUTHORS = [with_changes(AUTHOR, {path: value}) for path in AUTHOR_PATHS for value in VALUES]
CHANGES = st.dictionaries(st.sampled_from(PATHS), st.sampled_from(VALUES), max_size=4)


def changed_entry(changes):
    """The rich entry with changes, applied to inner paths first, so that outer changes replace inner ones."""
    made = RICH
    for path in sorted(changes, key=lambda path: path.count("."), reverse=True):
        made = with_changes(made, {path: changes[path]})
    return made


def parse(body):
    content = hub.parse_replies(replies(capture(body)))
    authors = content.authors.select("captured_at", *(column.name for column in AUTHORS.columns))
    return {"captures": content.captures, "papers": content.papers, "authors": authors, "faults": content.faults}


def assert_same(body):
    fast = parse(body)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(hub_entries, "_has_irregular_key", lambda: pl.lit(value=True))
        slow = parse(body)
    for name, rows in fast.items():
        columns = ("listed_on", "captured_at", "place", "position", "field")
        order = [column for column in columns if column in rows.columns]
        keys = [*order, *(["paper_id"] if "paper_id" in rows.columns else [])]
        assert_frame_equal(rows.sort(keys), slow[name].sort(keys), check_column_order=False)


@pytest.mark.long
@given(st.lists(CHANGES, min_size=1, max_size=6))
@example([{}])
@example([{}, {}])
@example([{path: value} for path in PATHS for value in VALUES])
@example([{"paper.authors": [author]} for author in CHANGED_AUTHORS])
@settings(deadline=None, max_examples=cases(25))
def test_fast_path_and_slow_path_agree(changes):
    assert_same([changed_entry(change) for change in changes])


@pytest.mark.parametrize(
    "content", [5, None, "x", [], [[]], {"paper": 5}, {"paper": []}, {"paper": {"id": 2511.00012}}]
)
def test_fast_path_and_slow_path_agree_on_invalid_entries(content):
    assert_same([RICH, content])


@pytest.mark.parametrize(
    "body",
    [
        '[{"paper": {"id": "2511.00010", "id": 5, "upvotes": 1, "upvotes": "x"}, "paper": 7}]',
        '[{"paper": {"id": "2511.\\u00300010", "title": "\\u0000a\\ud83d\\ude00"}}]',
        '[{"paper": {"id": "2511.00010", "upvotes": 1.0, "githubStars": 1e2, "title": 1.50}}]',
        '[{"paper": {"id": "2511.00010", "upvotes": -0, "githubStars": 00000000000000000000001}}]',
        ' [ {"paper" : {"id" : "2511.00010" , "authors" : [ {"name" : "A" , "name" : 5 } ] } } ] ',
    ],
)
def test_fast_path_and_slow_path_agree_on_unusual_json(body):
    assert_same(body)


def test_regular_entries_do_not_take_the_slow_path(monkeypatch):
    monkeypatch.setattr(hub_entries, "_extract_entries", lambda _: pytest.fail("took the slow path"))
    parse([RICH, entry("2511.00011")])


def test_one_irregular_entry_does_not_affect_the_others():
    page = json.dumps([RICH, entry("2511.00011", paper__upvotes="7"), entry("2511.00012")])
    assert parse(page)["papers"]["upvote_count"].to_list() == [7, None, 7]
    assert parse(page)["faults"]["field"].to_list() == ["$.paper.upvotes"]


@pytest.mark.parametrize(("item_count", "is_parsed"), [(20_000, True), (300_000, False)])
def test_a_list_that_is_too_long_is_invalid_and_is_not_parsed(item_count, is_parsed):
    body = b"[" + b"1," * item_count + b"1]"
    with open_pages(capture_pages(replies(capture(body)))) as content:
        assert (content.texts.height == 1) is is_parsed
    (capture_row,) = parse(body)["captures"].rows(named=True)
    assert (capture_row["is_valid"], capture_row["entry_count"]) == (False, 0)
