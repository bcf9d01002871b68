"""Any history of captures, publishes, decisions and rebuilds gives the tables that the plain model computes.

`make test` runs the same few short histories every time. To run longer, random ones:

    PAPERLAKE_SOAK_PROGRAMS=1000 pytest tests/build/test_history_machine.py -p no:xdist
"""

import json
import os
import shutil
from collections import Counter
from dataclasses import replace
from datetime import date, timedelta
from itertools import count
from types import SimpleNamespace

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    multiple,
    rule,
    run_state_machine_as_test,
)

from paperlake.build.publish import publish_month, waiting_months
from paperlake.build.rebuild import NothingKnown, known_months, rebuild, rebuild_as_of
from paperlake.operations import accept
from paperlake.quality.validator import Validator
from paperlake.store.inbox import keep
from paperlake.store.lake import Lake
from paperlake.store.rows import scan
from paperlake.store.snapshot import read_consistent
from schemas.catalogue import TABLES
from schemas.decisions import DECISIONS
from schemas.hub_replies import HUB_REPLIES
from tests import model, model_of_papers, model_of_trends
from tests.model import Answer, Decision, closes_at
from tests.replies import ABSENT, ADDRESS, IMPORTED_FIELDS, entries, entry, json_page, with_changes

SOAK_PROGRAMS = int(os.environ.get("PAPERLAKE_SOAK_PROGRAMS", "0"))
COMMON = settings(
    deadline=None,
    database=None,
    print_blob=True,
    phases=(Phase.generate, Phase.shrink),
    suppress_health_check=[HealthCheck.too_slow],
)
SHORT = settings(COMMON, max_examples=6, stateful_step_count=12, derandomize=True)
SOAK = settings(COMMON, max_examples=SOAK_PROGRAMS or 1, stateful_step_count=30)

VALIDATED_ONE_IN = 50

SECOND, HOUR, DAYS = timedelta(seconds=1), timedelta(hours=1), timedelta(days=1)
# Of two months; in the night after the second date, daylight saving time ends in New York.
DATES = [date(2025, 11, 6), date(2025, 11, 1), date(2025, 10, 31), date(2025, 10, 7)]
AFTER_CLOSING = [
    *(timedelta(0), HOUR, 3 * DAYS, 14 * DAYS - SECOND),
    *(14 * DAYS, 30 * DAYS),
    *(-SECOND, -2 * HOUR, -10 * HOUR, -30 * HOUR),
]

ADA, BO = {"name": "Ada Birch", "hidden": False}, {"name": "Bo Elm", "user": {"user": "bo"}, "status": "claimed"}
IDS = ["2511.00010", "2511.00011", "2510.0002", "2511.00012", "2511.00100"]
READABLE = [
    entry(
        paper_id,
        paper__title=f"On{space}{paper_id}",
        paper__upvotes=votes,
        paper__githubStars=votes + stars,
        paper__authors=people,
        numComments=stars,
    )
    for votes, people, space in ((7, [ADA], " "), (0, [], "\n  "), (3, [BO, ADA], " "))
    for stars, paper_id in enumerate(IDS)
]
PARTLY_READABLE = [
    entry(IDS[0], paper__title=ABSENT, paper__upvotes=ABSENT),
    entry(IDS[0], paper__upvotes="7", paper__title=5),
    entry(IDS[1], paper__upvotes=-1, paper__authors=[ADA, None, {"name": ""}, BO]),
    entry(IDS[2], numComments=2**31, paper__githubStars=None),
    entry(IDS[3], paper__authors=[BO, None]),
    entry(IDS[4], paper__title="12", paper__authors=[{"name": "true"}], numComments=True),
]
REFUSED = [
    None,
    {},
    5,
    entry(paper=None),
    entry(paper="2511.00010"),
    entry(paper__id=ABSENT),
    entry(paper__id=2511.0001),
    entry("2511.1"),
    entry("2513.00001"),
]
MOSTLY_READABLE = st.sampled_from([*READABLE, *PARTLY_READABLE, *REFUSED[:3]])
HALF_REFUSED = st.sampled_from([*REFUSED, *READABLE[:8], *PARTLY_READABLE])


def with_list_date(item, day):
    """An entry that names `day` as the date of its list; unchanged if `day` is None or the entry has no paper."""
    has_paper = isinstance(item, dict) and isinstance(item.get("paper"), dict)
    return with_changes(item, {"paper.submittedOnDailyAt": f"{day}T23:30:00.000Z"}) if has_paper and day else item


@st.composite
def captures(draw, fewest=1, most=3):
    """The answers of one capture. Its last page may announce a page that was not captured."""
    day = draw(st.sampled_from(DATES))
    began = closes_at(day) + draw(st.sampled_from(AFTER_CLOSING))
    items = draw(st.sampled_from([MOSTLY_READABLE, MOSTLY_READABLE, st.sampled_from(READABLE), HALF_REFUSED]))
    put_on = st.sampled_from(draw(st.sampled_from([[None], [day], DATES[:1], [day, None, *DATES]])))
    limit = draw(st.sampled_from([100, 100, 100, 3]))
    # Drawn from a few entries, so that some are repeated on the same page or on another.
    items = st.sampled_from(draw(st.lists(items, min_size=1, max_size=6)))
    lists = st.lists(st.builds(with_list_date, items, put_on), max_size=4)
    last = draw(st.integers(fewest, most)) - 1
    pages = [
        Answer(
            *(day, began, number, began + number * SECOND),
            content=b'{"error": "busy"}' if fault == "junk" else draw(lists),
            status=500 if fault == "status" else 200,
            announces_next=number < last or fault == "cut",
            limit=limit,
        )
        for number in range(last + 1)
        for fault in [draw(st.sampled_from([None] * 7 + ["junk", "status", "cut", "lost"]))]
        if fault != "lost" or number == last
    ]
    if last == 0 or draw(st.sampled_from([True, False, False])):
        return pages
    again = draw(st.sampled_from([pages[0].content] * 4 + [draw(lists), b"[]"]))
    at = {"page": last + 1, "captured_at": began + (last + 1) * SECOND}
    return [*pages, replace(pages[0], **at, content=again, announces_next=True, is_first_again=True)]


@st.composite
def imports(draw):
    """A page of an archive without URL, status and headers. A list of exactly 50 entries may be truncated."""
    (answer,) = draw(captures(most=1))
    fillers = draw(st.sampled_from([0, 50, 51]))
    content = answer.content
    if not isinstance(content, bytes):
        content = [*content, *entries(fillers, 200)][: fillers or None]
    return [imported(replace(answer, content=content))]


SEVERAL_CAPTURES = st.lists(st.one_of(captures(), captures(), imports()), min_size=2, max_size=6)

ONE_IN_THREE = st.sampled_from([False, False, True])
TIMESTAMP_OR_JUST_BEFORE = st.sampled_from([timedelta(0), timedelta(microseconds=1)])


def imported(answer):
    return replace(answer, status=None, announces_next=False, limit=None)


def reply_row(answer):
    """The answer as a row of `hub_replies`."""
    columns = {
        "requested_on": answer.day,
        "capture_started_at": answer.began,
        "page": answer.page,
        "captured_at": answer.captured_at,
        "url": ADDRESS.format(day=answer.day, limit=answer.limit, page=0 if answer.is_first_again else answer.page),
        **json_page(answer.content, status=answer.status, more=answer.announces_next),
    }
    return columns | IMPORTED_FIELDS if answer.limit is None else columns


def month_of(day):
    return f"{day:%Y-%m}"


def of_months(evidence, months):
    """The answers or decisions of the dates in `months`."""
    return [item for item in evidence if month_of(item.day) in months]


def published(lake, table):
    """All published rows of a table, in the order of its files."""
    return read_consistent(lake, lambda snapshot: scan(snapshot, table).collect()).rows(named=True)


def assert_agreement(lake, answers, decisions):
    """The lake has exactly the rows of the model in its order, and every row of evidence once, unchanged."""
    tables = model.tables(answers, decisions)
    tables["trends"] = model_of_trends.trends(tables["listings"], tables["signals"], {answer.day for answer in answers})
    tables["papers"] = model_of_papers.papers(tables["listings"], tables["authors"])
    for name, expected in tables.items():
        rows = published(lake, TABLES[name])
        for reject in rows if name == "rejects" else ():
            reject["entry"] = json.loads(reject["entry"]) if reject["place"] else None
        modelled = set(expected[0]) if expected else set()
        assert [{column: row[column] for column in row if column in modelled} for row in rows] == expected, name
    replies = map(reply_row, model.distinct_answers(answers))
    assert published(lake, HUB_REPLIES) == sorted(replies, key=lambda row: [row[name] for name in HUB_REPLIES.sort])
    decision_rows = [(row["listed_on"], row["captured_at"], row["decided_at"]) for row in published(lake, DECISIONS)]
    assert decision_rows == sorted((decision.day, decision.began, decision.decided_at) for decision in decisions)


class History(RuleBasedStateMachine):
    """A lake, all evidence stored in it, and the evidence that is published."""

    stored = Bundle("stored")
    interrupted = Bundle("interrupted")

    def __init__(self, folder):
        super().__init__()
        self.folder = folder / "history"
        self.lake = Lake(self.folder / "lake")
        self.numbers = count(1)
        self.captures_by_start = Counter()
        self.answers, self.decisions = [], []
        self.waiting = set()
        self.published = {}

    def teardown(self):
        shutil.rmtree(self.folder, ignore_errors=True)

    # Evidence arrives.

    @initialize(target=stored, several=SEVERAL_CAPTURES)
    def the_first_captures_arrive(self, several):
        return self.captures_arrive(several, is_published=True)

    @rule(target=stored, several=SEVERAL_CAPTURES, is_published=ONE_IN_THREE)
    def captures_arrive(self, several, is_published):
        captures = [self.keep(self.with_unique_start(answers)) for answers in several]
        if is_published:
            self.publish(month_of(captures[0][0].day))
        return multiple(*captures)

    @rule(target=interrupted, answers=captures(fewest=2), reached=st.integers(1, 2))
    def a_capture_is_interrupted(self, answers, reached):
        answers = self.with_unique_start(answers)
        self.keep(answers[:reached])
        return answers[reached:]

    @rule(answers=consumes(interrupted))
    def the_rest_of_a_capture_arrives(self, answers):
        self.keep(answers)

    @rule(answers=stored, is_imported=st.booleans())
    def a_capture_arrives_again(self, answers, is_imported):
        self.keep([imported(answers[0])] if is_imported else answers)

    @rule(answers=stored, others=st.lists(MOSTLY_READABLE, max_size=3))
    def the_last_page_is_answered_again(self, answers, others):
        later = answers[-1].captured_at + 10 * SECOND * next(self.numbers)
        self.keep([replace(answers[-1], content=others, captured_at=later)])

    def with_unique_start(self, answers):
        """The answers, moved by microseconds so that no two captures of a date begin at the same time."""
        start = answers[0].day, answers[0].began
        delay = timedelta(microseconds=self.captures_by_start[start])
        self.captures_by_start[start] += 1
        return [
            replace(answer, began=answer.began + delay, captured_at=answer.captured_at + delay) for answer in answers
        ]

    def keep(self, answers):
        for answer in answers:
            keep(self.lake, HUB_REPLIES, reply_row(answer))
            self.answers.append(answer)
            self.waiting.add(month_of(answer.day))
        return answers

    # Tables are built from it.

    @rule(data=st.data(), force=ONE_IN_THREE)
    def a_month_is_published(self, data, force):
        self.publish(data.draw(st.sampled_from(sorted({*self.waiting, *self.published}))), force=force)

    @rule(data=st.data(), short_of=TIMESTAMP_OR_JUST_BEFORE)
    def a_capture_is_accepted(self, data, short_of):
        refused = self.published_captures(is_refused=True) + self.published_captures(is_in_doubt=True)
        day, began = data.draw(st.sampled_from(refused or self.published_captures()))
        if refused:
            newest = max(answer.captured_at for answer in self.answers if (answer.day, answer.began) == (day, began))
            decision = Decision(day, began, decided_at=newest + HOUR)
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(accept, "datetime", SimpleNamespace(now=lambda _: decision.decided_at))
                accept.accept(self.lake, day, began)
            self.decisions.append(decision)
            self.check_published(month_of(day))
            self.check_as_of(decision.decided_at - short_of, [month_of(day)])
        elif self.published_captures(is_accepted=True, listed_on=day, captured_at=began):
            assert "unchanged" in accept.accept(self.lake, day, began)
        else:
            with pytest.raises(accept.NothingToAccept):
                accept.accept(self.lake, day, began)

    @rule(data=st.data(), short_of=TIMESTAMP_OR_JUST_BEFORE)
    def the_lake_is_rebuilt_as_of_a_timestamp(self, data, short_of):
        timestamps = [answer.captured_at for answer in self.answers]
        timestamps += [decision.decided_at for decision in self.decisions]
        at = data.draw(st.sampled_from(sorted(timestamps)))
        known = known_months(self.lake)
        self.check_as_of(at - short_of, data.draw(st.sampled_from([*([month] for month in known), known])))

    def check_as_of(self, at, months):
        """Rebuild `months` as of `at` and compare with the model. Publishes waiting evidence first, as the command."""
        waiting = sorted(self.waiting & set(months))
        assert not any(result.fault for result in rebuild(self.lake, waiting, force=False))
        self.check_published(*waiting)
        target = Lake(self.folder / f"known-{next(self.numbers)}")
        answers = [answer for answer in of_months(self.answers, months) if answer.captured_at <= at]
        decisions = [decision for decision in of_months(self.decisions, months) if decision.decided_at <= at]
        results = rebuild_as_of(self.lake, months, at, target)
        if answers:
            assert not any(result.fault for result in results)
            assert_agreement(target, answers, decisions)
        else:
            with pytest.raises(NothingKnown):
                list(results)

    def publish(self, month, *, force=False):
        result = publish_month(self.lake, month, force=force)
        assert not result.unreadable
        assert month in self.waiting or not result.changed
        self.check_published(month)

    def check_published(self, *months):
        """All evidence of `months` is published now; the other months are as they were."""
        self.waiting -= set(months)
        for month in months:
            self.published[month] = of_months(self.answers, [month]), of_months(self.decisions, [month])
        assert waiting_months(self.lake) == sorted(self.waiting)
        assert_agreement(self.lake, *self.published_evidence())

    def published_evidence(self):
        """The published answers, and the published decisions."""
        answers = [answer for month_answers, _ in self.published.values() for answer in month_answers]
        decisions = [decision for _, month_decisions in self.published.values() for decision in month_decisions]
        return answers, decisions

    def published_captures(self, **values):
        """Date and start of the published captures that have these `values` in their columns."""
        captures = model.tables(*self.published_evidence())["captures"]
        return [(row["listed_on"], row["captured_at"]) for row in captures if values.items() <= row.items()]


def test_any_history_gives_the_tables_of_the_model(tmp_path, monkeypatch):
    # Validation of the finished tables takes longer than everything else, and the model compares every row.
    monkeypatch.setattr(Validator, "findings", lambda *_: [])
    run(tmp_path, monkeypatch, SOAK if SOAK_PROGRAMS else SHORT)


@pytest.mark.skipif(not SOAK_PROGRAMS, reason="takes over a minute: only in `make soak`")
def test_any_history_gives_tables_that_pass_validation(tmp_path, monkeypatch):
    run(tmp_path, monkeypatch, settings(SOAK, max_examples=SOAK_PROGRAMS // VALIDATED_ONE_IN + 1))


def run(folder, monkeypatch, hypothesis_settings):
    monkeypatch.setattr("os.fsync", lambda _: None)  # faster, and no process is killed here
    run_state_machine_as_test(lambda: History(folder), settings=hypothesis_settings)
