"""Property test: generated entries are refused exactly as a second implementation of the rules says."""

from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from tests.cases import cases
from tests.replies import ABSENT, build_tables, capture, entry, with_changes

pytestmark = pytest.mark.long

EDGE_VALUES: list[Any] = [
    *(ABSENT, None, "", "text", 0, 7, -1, 2**31 - 1, 2**31, 2**40, 1.5, True, False),
    *([], ["a"], ["a", 1], [None], {}, {"name": "x"}, {"a": None}),
]
VALID_TIMESTAMPS = ["2025-11-03", "2025-11-04T08:00:00.000Z"]
EDGE_TIMESTAMPS = [
    *(edge_value for edge_value in EDGE_VALUES if edge_value != ""),
    "2025-11-03",
    "2025-02-30",
    "1900-01-01T00:00:00Z",
]
EDGE_IDS = [
    *EDGE_VALUES,
    "2511.00001",
    "2511.00002",
    "2511.00010",
    "2511.1",
    "2511.00001v1",
    "hep-th/9901001",
    "cs/9913001",
]
VALID_IDS = ["2511.00001", "2511.00002", "2511.00010", "hep-th/9901001"]
MAX_COUNT = 2**31 - 1


def text_fault(value: object) -> str | None:
    return None if isinstance(value, str) else "wrong_type"


def count_fault(value: object) -> str | None:
    if not isinstance(value, int) or isinstance(value, bool):
        return "wrong_type"
    return "below_zero" if value < 0 else "too_large" if value > MAX_COUNT else None


def flag_fault(value: object) -> str | None:
    return None if isinstance(value, bool) else "wrong_type"


def timestamp_fault(value: object) -> str | None:
    if not isinstance(value, str):
        return "wrong_type"
    return None if value in VALID_TIMESTAMPS else "date_impossible"


def texts_fault(value: object) -> str | None:
    is_texts = isinstance(value, list) and all(isinstance(item, str) for item in value)
    return None if is_texts else "wrong_type"


def object_fault(value: object) -> str | None:
    return None if isinstance(value, dict) else "wrong_type"


def list_fault(value: object) -> str | None:
    return None if isinstance(value, list) else "wrong_type"


RULES = {
    "paper.title": (text_fault, "title"),
    "paper.upvotes": (count_fault, "upvote_count"),
    "numComments": (count_fault, "comment_count"),
    "isAuthorParticipating": (flag_fault, "is_author_participating"),
    "paper.publishedAt": (timestamp_fault, "published_at"),
    "paper.mediaUrls": (texts_fault, "media_urls"),
    "submittedBy": (object_fault, "submitted_by"),
    "paper.authors": (list_fault, "author_count"),
}
VALUE_CHANGES = st.fixed_dictionaries(
    {}, optional={path: st.sampled_from(EDGE_TIMESTAMPS if path.endswith("At") else EDGE_VALUES) for path in RULES}
)
ID_CHANGES = st.one_of(st.just({}), st.sampled_from(EDGE_IDS).map(lambda edge_value: {"paper.id": edge_value}))


def changed_entry(values: dict[str, Any], ids: dict[str, Any], number: int) -> Any:
    return with_changes(entry(f"2511.{number:05}"), values | ids)


CHANGED_ENTRIES = st.builds(changed_entry, VALUE_CHANGES, ID_CHANGES, st.integers(100, 10**5 - 1))
INVALID_ENTRIES = st.one_of(
    st.sampled_from([edge_value for edge_value in EDGE_VALUES if edge_value is not ABSENT]),
    st.sampled_from(EDGE_VALUES).map(lambda edge_value: with_changes(entry(), {"paper": edge_value})),
)
LISTS = st.lists(st.one_of(CHANGED_ENTRIES, CHANGED_ENTRIES, CHANGED_ENTRIES, INVALID_ENTRIES), max_size=14)


def entry_fault(content: Any, met: set[str]) -> tuple[str, str] | None:
    """The field and reason for which an entry is refused; `met` has the ids of the entries before it."""
    paper = content.get("paper") if isinstance(content, dict) else None
    paper_id = paper.get("id") if isinstance(paper, dict) else None
    rules = (
        (not isinstance(content, dict), "$", "not_an_object"),
        (paper is None, "$.paper", "paper_missing"),
        (not isinstance(paper, dict), "$.paper", "wrong_type"),
        (paper_id is None or paper_id == "", "$.paper.id", "id_missing"),
        (not isinstance(paper_id, str), "$.paper.id", "wrong_type"),
        (paper_id in EDGE_IDS and paper_id not in VALID_IDS, "$.paper.id", "id_invalid"),
        (isinstance(paper_id, str) and paper_id in met, "$.paper.id", "key_repeated"),
    )
    return next(((field, reason) for broken, field, reason in rules if broken), None)


def value_faults(content: Any) -> set[tuple[str, str, bool]]:
    """The field and reason of every refused value, and whether the row is kept."""
    faults = {
        (f"$.{path}", reason, True)
        for path, (fault, _) in RULES.items()
        if (value := value_at(content, path)) is not None and (reason := fault(value))
    }
    authors = content["paper"].get("authors")
    for place, person in enumerate(authors if isinstance(authors, list) else ()):
        if not isinstance(person, dict):
            faults.add((f"$.paper.authors[{place}]", "not_an_object", False))
    return faults


def value_at(content: Any, path: str) -> Any:
    for key in path.split("."):
        content = content.get(key)
    return content


def expected(content: Any, path: str) -> Any:
    """The column value for a value of an entry."""
    value = value_at(content, path)
    if value is None or RULES[path][0](value):
        return None
    if path == "submittedBy":
        return value.get("name")
    if path == "paper.authors":
        return len(value)
    return value or None if isinstance(value, str) else value


@settings(max_examples=cases(20), deadline=None, derandomize=True, database=None, phases=(Phase.generate, Phase.shrink))
@given(LISTS)
def test_generated_entries_are_refused_exactly_where_the_rules_require(content):
    tables = build_tables(capture(content, limit=1000))
    met: set[str] = set()
    refused, listed = set(), []
    for place, item in enumerate(content, 1):
        whole = entry_fault(item, met)
        if whole:
            refused.add((place, *whole, False))
        else:
            met.add(item["paper"]["id"])
            listed.append((place, item))
            refused |= {(place, *fault) for fault in value_faults(item)}
    assert set(tables["rejects"].select("place", "field", "reason", "is_row_kept").rows()) == refused
    assert tables["rejects"].height == len(refused)
    rows = tables["listings"].rows(named=True)
    assert [(row["position"], row["paper_id"]) for row in rows] == [(p, item["paper"]["id"]) for p, item in listed]
    for row, (_, item) in zip(rows, listed, strict=True):
        for path, (_, column) in RULES.items():
            if path != "paper.publishedAt":
                assert row[column] == expected(item, path), path
    (capture_row,) = tables["captures"].rows(named=True)
    assert capture_row["entry_count"] == len(content)
    assert capture_row["refused_count"] == len(content) - len(listed)
