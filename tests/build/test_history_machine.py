"""Any history of captures, publishes, decisions and rebuilds leaves the lake that the plain model tells.

`make test` repeats the same few short histories. Longer ones, new each time:

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
from paperlake.operations import accept as decide
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

JUDGED_ONE_IN = 50

SECOND, HOUR, DAYS = timedelta(seconds=1), timedelta(hours=1), timedelta(days=1)
# Two months; in the night after the second date, the clock in New York is put back.
DATES = [date(2025, 11, 6), date(2025, 11, 1), date(2025, 10, 31), date(2025, 10, 7)]
AFTER_CLOSING = [
    *(timedelta(0), HOUR, 3 * DAYS, 14 * DAYS - SECOND),
    *(14 * DAYS, 30 * DAYS),
    *(-SECOND, -2 * HOUR, -10 * HOUR, -30 * HOUR),
]

ADA, BO = {"name": "Ada Birch", "hidden": False}, {"name": "Bo Elm", "user": {"user": "bo"}, "status": "claimed"}
IDS = ["2511.00010", "2511.00011", "2510.0002", "2511.00012", "2511.00100"]
GOOD = [
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
ODD = [
    entry(IDS[0], paper__title=ABSENT, paper__upvotes=ABSENT),
    entry(IDS[0], paper__upvotes="7", paper__title=5),
    entry(IDS[1], paper__upvotes=-1, paper__authors=[ADA, None, {"name": ""}, BO]),
    entry(IDS[2], numComments=2**31, paper__githubStars=None),
    entry(IDS[3], paper__authors=[BO, None]),
    entry(IDS[4], paper__title="12", paper__authors=[{"name": "true"}], numComments=True),
]
BAD = [
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
MOSTLY_GOOD = st.sampled_from([*GOOD, *ODD, *BAD[:3]])
HALF_BAD = st.sampled_from([*BAD, *GOOD[:8], *ODD])


def told(held, day):
    """An entry that says on the list of which date it was put, where it is one that can say it."""
    can_tell = isinstance(held, dict) and isinstance(held.get("paper"), dict)
    return with_changes(held, {"paper.submittedOnDailyAt": f"{day}T23:30:00.000Z"}) if can_tell and day else held


@st.composite
def captures(draw, fewest=1, most=3):
    """The answers of one capture, whose last page may announce a page that never came."""
    day = draw(st.sampled_from(DATES))
    began = closes_at(day) + draw(st.sampled_from(AFTER_CLOSING))
    held = draw(st.sampled_from([MOSTLY_GOOD, MOSTLY_GOOD, st.sampled_from(GOOD), HALF_BAD]))
    put_on = st.sampled_from(draw(st.sampled_from([[None], [day], DATES[:1], [day, None, *DATES]])))
    limit = draw(st.sampled_from([100, 100, 100, 3]))
    # Of a few entries, some come again on the same page or on another.
    held = st.sampled_from(draw(st.lists(held, min_size=1, max_size=6)))
    lists = st.lists(st.builds(told, held, put_on), max_size=4)
    last = draw(st.integers(fewest, most)) - 1
    return [
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


@st.composite
def imports(draw):
    """A page from an archive that knows only when it was captured; with exactly 50 entries it may be cut."""
    (answer,) = draw(captures(most=1))
    fillers = draw(st.sampled_from([0, 50, 51]))
    held = (
        answer.content
        if isinstance(answer.content, bytes)
        else [*answer.content, *entries(fillers, 200)][: fillers or None]
    )
    return [imported(replace(answer, content=held))]


MANY = st.lists(st.one_of(captures(), captures(), imports()), min_size=2, max_size=6)

ONE_IN_THREE = st.sampled_from([False, False, True])
INSTANT_OR_JUST_BEFORE = st.sampled_from([timedelta(0), timedelta(microseconds=1)])


def imported(answer):
    return replace(answer, status=None, announces_next=False, limit=None)


def row(answer):
    """The answer as it is kept."""
    about = {
        "requested_on": answer.day,
        "capture_started_at": answer.began,
        "page": answer.page,
        "captured_at": answer.captured_at,
        "url": ADDRESS.format(day=answer.day, limit=answer.limit, page=answer.page),
        **json_page(answer.content, status=answer.status, more=answer.announces_next),
    }
    return about | IMPORTED_FIELDS if answer.limit is None else about


def month_of(day):
    return f"{day:%Y-%m}"


def published(lake, table):
    """All published rows of a table, in the order of its files."""
    return read_consistent(lake, lambda seen: scan(seen, table).collect()).rows(named=True)


def agree(lake, answers, decisions):
    """The lake holds just the rows of the model, in their order, and the evidence once each, as it was kept."""
    tables = model.tables(answers, decisions)
    tables["trends"] = model_of_trends.trends(tables["listings"], tables["signals"], {one.day for one in answers})
    tables["papers"] = model_of_papers.papers(tables["listings"], tables["authors"])
    for name, expected in tables.items():
        held = published(lake, TABLES[name])
        for one in held if name == "rejects" else ():
            one["entry"] = json.loads(one["entry"]) if one["place"] else None
        told = set(expected[0]) if expected else set()
        assert [{column: one[column] for column in one if column in told} for one in held] == expected, name
    replies = sorted(
        map(row, model.distinct_answers(answers)), key=lambda one: [one[name] for name in HUB_REPLIES.sort]
    )
    assert published(lake, HUB_REPLIES) == replies
    decided = [(one["listed_on"], one["captured_at"], one["decided_at"]) for one in published(lake, DECISIONS)]
    assert decided == sorted((one.day, one.began, one.decided_at) for one in decisions)


class History(RuleBasedStateMachine):
    """A lake, all that was kept in it, and what of that was published."""

    kept = Bundle("kept")
    interrupted = Bundle("interrupted")

    def __init__(self, folder):
        super().__init__()
        self.folder = folder / "history"
        self.lake = Lake(self.folder / "lake")
        self.fresh = count(1)
        self.begun = Counter()
        self.answers, self.decisions = [], []
        self.waiting = set()
        self.published = {}

    def teardown(self):
        shutil.rmtree(self.folder, ignore_errors=True)

    # What comes in.

    @initialize(target=kept, some=MANY)
    def the_first_captures_come(self, some):
        return self.captures_come(some, is_published=True)

    @rule(target=kept, some=MANY, is_published=ONE_IN_THREE)
    def captures_come(self, some, is_published):
        come = [self.keep(self.begun_apart(answers)) for answers in some]
        if is_published:
            self.publish(month_of(come[0][0].day))
        return multiple(*come)

    @rule(target=interrupted, answers=captures(fewest=2), reached=st.integers(1, 2))
    def a_capture_is_interrupted(self, answers, reached):
        answers = self.begun_apart(answers)
        self.keep(answers[:reached])
        return answers[reached:]

    @rule(answers=consumes(interrupted))
    def the_rest_of_a_capture_comes(self, answers):
        self.keep(answers)

    @rule(answers=kept, is_imported=st.booleans())
    def a_capture_comes_again(self, answers, is_imported):
        self.keep([imported(answers[0])] if is_imported else answers)

    @rule(answers=kept, others=st.lists(MOSTLY_GOOD, max_size=3))
    def a_page_is_answered_a_second_time(self, answers, others):
        later = answers[-1].captured_at + 10 * SECOND * next(self.fresh)
        self.keep([replace(answers[-1], content=others, captured_at=later)])

    def begun_apart(self, answers):
        """The answers of a capture that began just after any other that was drawn with the same beginning."""
        drawn = answers[0].day, answers[0].began
        self.begun[drawn] += 1
        apart = timedelta(microseconds=self.begun[drawn] - 1)
        return [replace(one, began=one.began + apart, captured_at=one.captured_at + apart) for one in answers]

    def keep(self, answers):
        for answer in answers:
            keep(self.lake, HUB_REPLIES, row(answer))
            self.answers.append(answer)
            self.waiting.add(month_of(answer.day))
        return answers

    # What is made of it.

    @rule(data=st.data(), force=ONE_IN_THREE)
    def a_month_is_published(self, data, force):
        self.publish(data.draw(st.sampled_from(sorted({*self.waiting, *self.published}))), force=force)

    @rule(data=st.data(), short_of=INSTANT_OR_JUST_BEFORE)
    def a_capture_is_accepted(self, data, short_of):
        refused = self.judged(is_refused=True)
        day, began = data.draw(st.sampled_from(refused or self.judged()))
        if refused:
            newest = max(one.captured_at for one in self.answers if (one.day, one.began) == (day, began))
            decision = Decision(day, began, decided_at=newest + HOUR)
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(decide, "datetime", SimpleNamespace(now=lambda _: decision.decided_at))
                decide.accept(self.lake, day, began)
            self.decisions.append(decision)
            self.was_published(month_of(day))
            self.agree_as_of(decision.decided_at - short_of, [month_of(day)])
        elif self.judged(is_accepted=True, listed_on=day, captured_at=began):
            assert "unchanged" in decide.accept(self.lake, day, began)
        else:
            with pytest.raises(decide.NothingToAccept):
                decide.accept(self.lake, day, began)

    @rule(data=st.data(), short_of=INSTANT_OR_JUST_BEFORE)
    def the_lake_is_built_as_it_was_known(self, data, short_of):
        instants = [*(one.captured_at for one in self.answers), *(one.decided_at for one in self.decisions)]
        at = data.draw(st.sampled_from(sorted(instants)))
        kept = known_months(self.lake)
        self.agree_as_of(at - short_of, data.draw(st.sampled_from([*([month] for month in kept), kept])))

    def agree_as_of(self, at, months):
        """What waits is folded in first, as the command does it."""
        folding = sorted(self.waiting & set(months))
        assert not any(done.fault for done in rebuild(self.lake, folding, force=False))
        self.was_published(*folding)
        target = Lake(self.folder / f"known-{next(self.fresh)}")
        answers = [one for one in self.answers if month_of(one.day) in months and one.captured_at <= at]
        decisions = [one for one in self.decisions if month_of(one.day) in months and one.decided_at <= at]
        building = rebuild_as_of(self.lake, months, at, target)
        if answers:
            assert not any(result.fault for result in building)
            agree(target, answers, decisions)
        else:
            with pytest.raises(NothingKnown):
                list(building)

    def publish(self, month, *, force=False):
        done = publish_month(self.lake, month, force=force)
        assert not done.unreadable
        assert month in self.waiting or not done.changed
        self.was_published(month)

    def was_published(self, *months):
        """What was kept of these months is published now, and of the others what was."""
        self.waiting -= set(months)
        for month in months:
            self.published[month] = (
                [one for one in self.answers if month_of(one.day) == month],
                [one for one in self.decisions if month_of(one.day) == month],
            )
        assert waiting_months(self.lake) == sorted(self.waiting)
        agree(self.lake, *self.evidence())

    def evidence(self):
        """The answers and the decisions that were published."""
        return [[one for held in self.published.values() for one in held[part]] for part in (0, 1)]

    def judged(self, **such):
        """The published captures that are such, by name."""
        facts = model.tables(*self.evidence())["captures"]
        return [(one["listed_on"], one["captured_at"]) for one in facts if such.items() <= one.items()]


def test_any_history_leaves_the_lake_that_the_model_tells(tmp_path, monkeypatch):
    # To judge finished tables takes longer than all the rest, and these are compared row by row.
    monkeypatch.setattr(Validator, "findings", lambda *_: [])
    run(tmp_path, monkeypatch, SOAK if SOAK_PROGRAMS else SHORT)


@pytest.mark.skipif(not SOAK_PROGRAMS, reason="a minute and more: in the soak only")
def test_what_any_history_leaves_stands_before_the_judge(tmp_path, monkeypatch):
    run(tmp_path, monkeypatch, settings(SOAK, max_examples=SOAK_PROGRAMS // JUDGED_ONE_IN + 1))


def run(folder, monkeypatch, programs):
    monkeypatch.setattr("os.fsync", lambda _: None)  # nothing dies here
    run_state_machine_as_test(lambda: History(folder), settings=programs)
