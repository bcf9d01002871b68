"""The politeness ledger: nobody on this machine asks too often, whatever happens to processes, files and clocks."""

import itertools
import json
import multiprocessing
import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from filelock import FileLock

from paperlake.store.pace import LARGEST_QUOTA, LONGEST_HOLD_S, FilePace

INF, NAN = float("inf"), float("nan")


class Clock:
    """Time that only passes in naps."""

    def __init__(self, at: float = 1_000_000.0) -> None:
        self.at = at
        self.naps: list[float] = []

    def now(self) -> float:
        return self.at

    def sleep(self, seconds: float) -> None:
        self.naps.append(seconds)
        self.at += seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def pace(tmp_path: Path, clock: Clock) -> Callable[..., FilePace]:
    """Make a process's own pace, on the same file and clock as the others."""

    def made(quota: int | None = None, window_s: float = 300, **options) -> FilePace:
        return FilePace(tmp_path / "state", "hub", quota, window_s, now=clock.now, sleep=clock.sleep, **options)

    return made


def sent_at(pace: FilePace, clock: Clock, turns: int) -> list[float]:
    instants = []
    for _ in range(turns):
        pace.turn()
        instants.append(clock.at)
    return instants


def most_within(instants: list[float], window_s: float) -> int:
    return max(sum(first <= one < first + window_s for one in instants) for first in instants)


# ── quota and interval ───────────────────────────────────────────────────────────────────────────────────────────────


def test_a_daily_run_is_not_slowed(pace, clock):
    sent_at(pace(), clock, 20)
    assert clock.naps == []


@pytest.mark.parametrize(("quota", "limit"), [(7, 7), (1, 1), (None, 500)])
def test_a_quota_holds_in_any_window(pace, clock, quota, limit):
    instants = sent_at(pace(quota), clock, 3 * limit)
    assert most_within(instants, 300) == limit
    assert instants[-1] - instants[0] == pytest.approx(602)


def test_a_quota_holds_for_bursts_across_the_edge_of_a_window(pace, clock):
    instants = sent_at(pace(10), clock, 1)
    clock.at += 290
    instants += sent_at(pace(10), clock, 30)
    assert most_within(instants, 300) == 10


def test_a_quota_is_shared_and_outlives_a_process(pace, clock):
    sent_at(pace(4), clock, 2)
    sent_at(pace(4), clock, 2)
    assert clock.naps == []
    pace(4).turn()
    assert sum(clock.naps) == pytest.approx(301)


def test_a_lower_quota_holds_at_once(pace, clock):
    for _ in range(5):
        pace(5).turn()
        clock.at += 10
    began = clock.at
    pace(2).turn()
    assert clock.at - began == pytest.approx(301 - 20)


def test_names_do_not_share(tmp_path, clock):
    for name in ("hub", "arxiv_oai"):
        FilePace(tmp_path, name, 1, now=clock.now, sleep=clock.sleep).turn()
    assert clock.naps == []
    assert {path.name for path in tmp_path.glob("*.json")} == {"pace-hub.json", "pace-arxiv_oai.json"}


def test_an_interval_lies_between_any_two(pace, clock):
    one, other = pace(interval_s=3), pace(interval_s=3)
    instants = [*sent_at(one, clock, 1), *sent_at(other, clock, 2), *sent_at(one, clock, 1)]
    gaps = [later - earlier for earlier, later in itertools.pairwise(instants)]
    assert gaps == pytest.approx([3.06] * 3)


def test_an_interval_holds_without_a_quota(pace, clock):
    sent_at(pace(0, interval_s=3), clock, 2)
    assert clock.naps == pytest.approx([3.06])


def test_an_interval_longer_than_the_window_is_remembered(pace, clock):
    instants = sent_at(pace(5, 1, interval_s=30), clock, 2)
    assert instants[1] - instants[0] >= 30


def test_a_quota_of_nothing_is_no_pacing_and_no_file(pace, clock, tmp_path):
    off = pace(0)
    off.hold(100)
    off.learn(1, 0, 100, 300)
    sent_at(off, clock, 2000)
    assert clock.naps == []
    assert list(tmp_path.iterdir()) == []


# ── what the server says ─────────────────────────────────────────────────────────────────────────────────────────────


def test_the_limit_and_window_are_the_servers(pace, clock):
    pace().learn(limit=3, remaining=3, reset_s=10, window_s=60)
    clock.at += 11
    instants = sent_at(pace(), clock, 9)
    assert most_within(instants, 60) == 3
    assert instants[-1] - instants[0] == pytest.approx(122)


def test_a_quota_of_ours_is_not_raised_by_the_server(pace, clock):
    pace(2).learn(limit=1000, remaining=999, reset_s=300, window_s=1)
    assert most_within(sent_at(pace(2), clock, 6), 300) == 2


@pytest.mark.parametrize("quota", [None, 400])
def test_what_the_server_says_is_left_counts_since_others_may_share_our_address(pace, clock, quota):
    pace(quota).learn(limit=500, remaining=2, reset_s=34, window_s=300)
    instants = sent_at(pace(quota), clock, 3)
    assert [round(one - instants[0]) for one in instants] == [0, 0, 35]


def test_an_old_answer_does_not_give_back_what_was_taken_since(pace, clock):
    one = pace()
    one.learn(500, 3, 34, 300)
    sent_at(one, clock, 2)
    one.learn(500, 3, 34, 300)
    sent_at(one, clock, 2)
    assert sum(clock.naps) == pytest.approx(35)


def test_a_new_window_is_a_new_start(pace, clock):
    pace().learn(500, 0, 34, 300)
    clock.at += 36
    pace().learn(500, 499, 299, 300)
    sent_at(pace(), clock, 20)
    assert clock.naps == []


@pytest.mark.parametrize(
    "said",
    [
        (0, 5, 10, 300), (-3, 5, 10, 300), (None, 5, 10, None), (500, -1, 10, 300), (500, 5, -1, 300),
        (500, 0, NAN, 300), (500, 0, INF, 300), (500, 5, 10, 0), (500, 5, 10, -1), (500, 5, 10, NAN), (500, 5, 10, INF),
    ],
)  # fmt: skip
def test_nonsense_teaches_nothing(pace, clock, said):
    pace().learn(*said)
    sent_at(pace(), clock, 5)
    assert clock.naps == []


def test_absurd_windows_are_cut_to_an_hour(pace, clock):
    pace().learn(10**9, 0, 10**9, 10**9)
    pace().turn()
    assert sum(clock.naps) <= LONGEST_HOLD_S + 1
    assert json.loads((Path(pace()._path)).read_text())["limit"] == LARGEST_QUOTA


def test_a_hold_is_for_all(pace, clock):
    pace().hold(35)
    pace().turn()
    assert sum(clock.naps) == pytest.approx(35)


def test_a_hold_is_not_shortened_by_another(pace, clock):
    pace().hold(35)
    pace().hold(5)
    pace().turn()
    assert sum(clock.naps) == pytest.approx(35)


def test_a_hold_that_comes_while_we_wait_is_kept(pace, clock):
    waiting = pace(1)
    waiting.turn()

    def sleep(seconds: float) -> None:
        if not clock.naps:
            pace(1).hold(1000)
        clock.sleep(seconds)

    waiting._sleep = sleep
    waiting.turn()
    assert sum(clock.naps) == pytest.approx(1000)


@pytest.mark.parametrize(("asked_s", "waited_s"), [(-5, 0), (0, 0), (NAN, 0), (INF, 3600), (1e9, 3600)])
def test_a_hold_is_at_most_an_hour(pace, clock, asked_s, waited_s):
    pace().hold(asked_s)
    pace().turn()
    assert sum(clock.naps) == pytest.approx(waited_s)


# ── waiting ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("hold_s", "said"), [(4, []), (200, [200])])
def test_long_waits_are_announced_once(pace, hold_s, said):
    heard: list[float] = []
    patient = pace(on_wait=heard.append)
    patient.hold(hold_s)
    patient.turn()
    assert heard == said


def test_the_lock_is_free_while_one_waits(pace, clock):
    waiting = pace(2)
    sent_at(waiting, clock, 2)

    def sleep(seconds: float) -> None:
        with FileLock(waiting._path.with_suffix(".lock"), timeout=1):
            pass
        clock.sleep(seconds)

    waiting._sleep = sleep
    waiting.turn()


# ── clocks and files ─────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "teach", [lambda one: one.turn(), lambda one: one.hold(100), lambda one: one.learn(5, 0, 100, 300)]
)
def test_a_clock_that_is_set_back_costs_one_wait_not_a_year(pace, clock, teach):
    teach(pace(1))
    clock.at -= 365 * 86400
    pace(1).turn()
    assert sum(clock.naps) <= 301


def test_a_clock_that_is_set_back_gives_nothing_away(pace, clock):
    sent_at(pace(3), clock, 3)
    clock.at -= 10_000
    pace(3).turn()
    assert sum(clock.naps) >= 300


EMPTY = {"sent": [], "limit": None, "remaining": 0, "window_s": None}
EMPTY |= dict.fromkeys(("held_at", "held_s", "learned_at", "reset_s"), 0)
ODDITIES = [
    ("sent", None), ("sent", ["x"]), ("sent", [True]), ("sent", [NAN]), ("held_at", INF), ("held_s", "1"), ("limit", 0),
    ("limit", 1.5), ("remaining", None), ("window_s", 0), ("reset_s", 10**400), ("more", 1),
]  # fmt: skip
FOREIGN = {
    "empty": b"",
    "torn": b'{"sent": [1000000.0, 10000',
    "not JSON": b"\x00\xff\x00",
    "another shape": b'{"a": 1}',
    "a list": b"[]",
    "deep": b"[" * 100_000,
    **{f"{key} {str(value)[:9]}": json.dumps(EMPTY | {key: value}).encode() for key, value in ODDITIES},
}


@pytest.mark.parametrize("content", FOREIGN.values(), ids=FOREIGN)
def test_a_file_that_cannot_be_read_counts_as_a_spent_quota_when_it_was_written(pace, clock, content):
    one = pace(3)
    one._path.write_bytes(content)
    os.utime(one._path, (clock.at - 100, clock.at - 100))
    instants = sent_at(one, clock, 4)
    assert clock.naps[:4] == pytest.approx([60, 60, 60, 21])
    assert most_within(instants, 300) == 3


def test_a_file_that_cannot_be_read_for_long_costs_nothing(pace, clock):
    one = pace(3)
    one._path.write_bytes(b"torn")
    os.utime(one._path, (clock.at - 302, clock.at - 302))
    sent_at(one, clock, 3)
    assert clock.naps == []


def test_a_file_that_cannot_be_read_and_is_of_tomorrow_costs_one_window(pace, clock):
    one = pace(3)
    one._path.write_bytes(b"torn")  # at the real time, long after this clock's
    one.turn()
    assert sum(clock.naps) == pytest.approx(301)


def test_what_a_killed_writer_left_does_no_harm(pace, clock):
    one = pace(3)
    sent_at(one, clock, 2)
    one._path.with_suffix(".tmp").write_bytes(b"torn")
    sent_at(one, clock, 1)
    assert clock.naps == []
    assert json.loads(one._path.read_text())["sent"] == [clock.at] * 3


def test_the_file_stays_small(pace, clock):
    one = pace(5, 10)
    sent_at(one, clock, 60)
    assert len(json.loads(one._path.read_text())["sent"]) <= 5


@pytest.mark.parametrize("name", ["", "Hub", "a/b", "..", "hub\n", "hüb", "hub1"])
def test_a_name_is_letters(tmp_path, name):
    with pytest.raises(ValueError, match="a-z"):
        FilePace(tmp_path, name, 1)


@pytest.mark.parametrize("settings", [{"quota": -1}, {"window_s": 0}, {"window_s": NAN}, {"interval_s": -1}])
def test_settings_that_make_no_sense_are_refused(pace, settings):
    with pytest.raises(ValueError, match="needs"):
        pace(**settings)


# ── real processes ───────────────────────────────────────────────────────────────────────────────────────────────────

QUOTA, WINDOW_S, TURNS = 10, 0.6, 8


def take_turns(folder: Path, out: Path) -> None:
    pace = FilePace(folder, "hub", QUOTA, WINDOW_S)
    instants = []
    for _ in range(TURNS):
        pace.turn()
        instants.append(time.time())
    out.write_text(json.dumps(instants))


@pytest.mark.real
def test_four_processes_never_exceed_the_quota(tmp_path):
    spawning = multiprocessing.get_context("spawn")
    outs = [tmp_path / f"{number}.out" for number in range(4)]
    processes = [spawning.Process(target=take_turns, args=(tmp_path / "state", out)) for out in outs]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0] * 4
    ledger = json.loads((tmp_path / "state/pace-hub.json").read_text())
    instants = sorted(instant for out in outs for instant in json.loads(out.read_text()))
    assert len(instants) == 4 * TURNS
    # They are noted a moment after they are counted, so the last of a window may lie a little late.
    assert most_within(instants, WINDOW_S * 0.7) <= QUOTA
    assert instants[-1] - instants[0] > 3 * WINDOW_S * 0.9
    assert len(ledger["sent"]) <= QUOTA
