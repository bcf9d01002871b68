"""Any entries at all are refused just where the rules say, which are written here once more in plain Python."""

from typing import Any

from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from tests.replies import GONE, built, capture, changed, entry

ODD: list[Any] = [
    *(GONE, None, "", "text", 0, 7, -1, 2**31 - 1, 2**31, 2**40, 1.5, True, False),
    *([], ["a"], ["a", 1], [None], {}, {"name": "x"}, {"a": None}),
]
READABLE_INSTANTS = ["2025-11-03", "2025-11-04T08:00:00.000Z"]
ODD_INSTANTS = [*(odd for odd in ODD if odd != ""), "2025-11-03", "2025-02-30", "1900-01-01T00:00:00Z"]
ODD_IDS = [*ODD, "2511.00001", "2511.00002", "2511.00010", "2511.1", "2511.00001v1", "hep-th/9901001", "cs/9913001"]
READABLE_IDS = ["2511.00001", "2511.00002", "2511.00010", "hep-th/9901001"]
MOST = 2**31 - 1


def text_fault(value: object) -> str | None:
    return None if isinstance(value, str) else "wrong_type"


def count_fault(value: object) -> str | None:
    if not isinstance(value, int) or isinstance(value, bool):
        return "wrong_type"
    return "below_zero" if value < 0 else "too_large" if value > MOST else None


def flag_fault(value: object) -> str | None:
    return None if isinstance(value, bool) else "wrong_type"


def instant_fault(value: object) -> str | None:
    if not isinstance(value, str):
        return "wrong_type"
    return None if value in READABLE_INSTANTS else "date_impossible"


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
    "paper.publishedAt": (instant_fault, "published_at"),
    "paper.mediaUrls": (texts_fault, "media_urls"),
    "submittedBy": (object_fault, "submitted_by"),
    "paper.authors": (list_fault, "author_count"),
}
VALUE_CHANGES = st.fixed_dictionaries(
    {}, optional={path: st.sampled_from(ODD_INSTANTS if path.endswith("At") else ODD) for path in RULES}
)
ID_CHANGES = st.one_of(st.just({}), st.sampled_from(ODD_IDS).map(lambda odd: {"paper.id": odd}))


def with_changes(values: dict[str, Any], ids: dict[str, Any], number: int) -> Any:
    return changed(entry(f"2511.{number:05}"), values | ids)


CHANGED_ENTRIES = st.builds(with_changes, VALUE_CHANGES, ID_CHANGES, st.integers(100, 10**5 - 1))
ODD_ENTRIES = st.one_of(
    st.sampled_from([odd for odd in ODD if odd is not GONE]),
    st.sampled_from(ODD).map(lambda odd: changed(entry(), {"paper": odd})),
)
LISTS = st.lists(st.one_of(CHANGED_ENTRIES, CHANGED_ENTRIES, CHANGED_ENTRIES, ODD_ENTRIES), max_size=14)


def fault_of_the_whole(held: Any, met: set[str]) -> tuple[str, str] | None:
    """The field and reason for which an entry cannot be a row; `met` are the papers above it."""
    paper = held.get("paper") if isinstance(held, dict) else None
    paper_id = paper.get("id") if isinstance(paper, dict) else None
    rules = (
        (not isinstance(held, dict), "$", "not_an_object"),
        (paper is None, "$.paper", "paper_missing"),
        (not isinstance(paper, dict), "$.paper", "wrong_type"),
        (paper_id is None or paper_id == "", "$.paper.id", "id_missing"),
        (not isinstance(paper_id, str), "$.paper.id", "wrong_type"),
        (paper_id in ODD_IDS and paper_id not in READABLE_IDS, "$.paper.id", "id_invalid"),
        (isinstance(paper_id, str) and paper_id in met, "$.paper.id", "key_repeated"),
    )
    return next(((field, reason) for broken, field, reason in rules if broken), None)


def faults_of_values(held: Any) -> set[tuple[str, str, bool]]:
    """The field and reason of every value that cannot be read, and whether its row stays."""
    found = {
        (f"$.{path}", reason, True)
        for path, (fault, _) in RULES.items()
        if (value := value_at(held, path)) is not None and (reason := fault(value))
    }
    authors = held["paper"].get("authors")
    for place, person in enumerate(authors if isinstance(authors, list) else ()):
        if not isinstance(person, dict):
            found.add((f"$.paper.authors[{place}]", "not_an_object", False))
    return found


def value_at(held: Any, path: str) -> Any:
    for key in path.split("."):
        held = held.get(key)
    return held


def expected(held: Any, path: str) -> Any:
    """What a readable value becomes in its column."""
    value = value_at(held, path)
    if value is None or RULES[path][0](value):
        return None
    if path == "submittedBy":
        return value.get("name")
    if path == "paper.authors":
        return len(value)
    return value or None if isinstance(value, str) else value


@settings(max_examples=40, deadline=None, derandomize=True, database=None, phases=(Phase.generate, Phase.shrink))
@given(LISTS)
def test_any_list_is_refused_just_where_the_rules_say(held):
    tables = built(capture(held, limit=1000))
    met: set[str] = set()
    refused, listed = set(), []
    for place, one in enumerate(held, 1):
        whole = fault_of_the_whole(one, met)
        if whole:
            refused.add((place, *whole, False))
        else:
            met.add(one["paper"]["id"])
            listed.append((place, one))
            refused |= {(place, *fault) for fault in faults_of_values(one)}
    assert set(tables["rejects"].select("place", "field", "reason", "is_row_kept").rows()) == refused
    assert tables["rejects"].height == len(refused)
    rows = tables["listings"].rows(named=True)
    assert [(row["position"], row["paper_id"]) for row in rows] == [(p, one["paper"]["id"]) for p, one in listed]
    for row, (_, one) in zip(rows, listed, strict=True):
        for path, (_, column) in RULES.items():
            if path != "paper.publishedAt":
                assert row[column] == expected(one, path), path
    (facts,) = tables["captures"].rows(named=True)
    assert facts["entry_count"] == len(held)
    assert facts["refused_count"] == len(held) - len(listed)
