"""The shared rate limiter: its limits hold for all processes, and after damage to its file or changes of the clock."""

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
    """A clock that moves only in `sleep`."""

    def __init__(self, at: float = 1_000_000.0) -> None:
        self.at = at
        self.sleeps: list[float] = []

    def now(self) -> float:
        return self.at

    def sleep(self, seconds: float) -> None:
        self.sleeps.append(seconds)
        self.at += seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def pace(tmp_path: Path, clock: Clock) -> Callable[..., FilePace]:
    """Creates a pace, as another process would, on the same file and clock."""

    def create(quota: int | None = None, window_s: float = 300, **options) -> FilePace:
        return FilePace(tmp_path / "state", "hub", quota, window_s, now=clock.now, sleep=clock.sleep, **options)

    return create


def sent_at(pace: FilePace, clock: Clock, turns: int) -> list[float]:
    timestamps = []
    for _ in range(turns):
        pace.wait_for_turn()
        timestamps.append(clock.at)
    return timestamps


def most_in_window(timestamps: list[float], window_s: float) -> int:
    return max(sum(first <= timestamp < first + window_s for timestamp in timestamps) for first in timestamps)


# ── quota and interval ───────────────────────────────────────────────────────────────────────────────────────────────


def test_twenty_requests_are_not_delayed(pace, clock):
    sent_at(pace(), clock, 20)
    assert clock.sleeps == []


@pytest.mark.parametrize(("quota", "limit"), [(7, 7), (1, 1), (None, 500)])
def test_the_quota_holds_in_any_window(pace, clock, quota, limit):
    timestamps = sent_at(pace(quota), clock, 3 * limit)
    assert most_in_window(timestamps, 300) == limit
    assert timestamps[-1] - timestamps[0] == pytest.approx(602)


def test_the_quota_holds_for_bursts_across_the_end_of_a_window(pace, clock):
    timestamps = sent_at(pace(10), clock, 1)
    clock.at += 290
    timestamps += sent_at(pace(10), clock, 30)
    assert most_in_window(timestamps, 300) == 10


def test_the_quota_is_shared_between_processes(pace, clock):
    sent_at(pace(4), clock, 2)
    sent_at(pace(4), clock, 2)
    assert clock.sleeps == []
    pace(4).wait_for_turn()
    assert sum(clock.sleeps) == pytest.approx(301)


def test_a_lower_quota_applies_at_once(pace, clock):
    for _ in range(5):
        pace(5).wait_for_turn()
        clock.at += 10
    started_at = clock.at
    pace(2).wait_for_turn()
    assert clock.at - started_at == pytest.approx(301 - 20)


def test_each_name_has_its_own_quota(tmp_path, clock):
    for name in ("hub", "arxiv_oai"):
        FilePace(tmp_path, name, 1, now=clock.now, sleep=clock.sleep).wait_for_turn()
    assert clock.sleeps == []
    assert {path.name for path in tmp_path.glob("*.json")} == {"pace-hub.json", "pace-arxiv_oai.json"}


def test_the_interval_applies_between_any_two_requests(pace, clock):
    first, second = pace(interval_s=3), pace(interval_s=3)
    timestamps = [*sent_at(first, clock, 1), *sent_at(second, clock, 2), *sent_at(first, clock, 1)]
    gaps = [later - earlier for earlier, later in itertools.pairwise(timestamps)]
    assert gaps == pytest.approx([3.06] * 3)


def test_the_interval_applies_without_a_quota(pace, clock):
    sent_at(pace(0, interval_s=3), clock, 2)
    assert clock.sleeps == pytest.approx([3.06])


def test_an_interval_longer_than_the_window_applies(pace, clock):
    timestamps = sent_at(pace(5, 1, interval_s=30), clock, 2)
    assert timestamps[1] - timestamps[0] >= 30


def test_a_quota_of_zero_means_no_limit_and_no_file(pace, clock, tmp_path):
    off = pace(0)
    off.hold(100)
    off.update_limit(1, 0, 100, 300)
    sent_at(off, clock, 2000)
    assert clock.sleeps == []
    assert list(tmp_path.iterdir()) == []


# ── limits from the server ───────────────────────────────────────────────────────────────────────────────────────────


def test_the_limit_and_window_of_the_server_apply(pace, clock):
    pace().update_limit(limit=3, remaining=3, reset_s=10, window_s=60)
    clock.at += 11
    timestamps = sent_at(pace(), clock, 9)
    assert most_in_window(timestamps, 60) == 3
    assert timestamps[-1] - timestamps[0] == pytest.approx(122)


def test_the_server_does_not_raise_a_configured_quota(pace, clock):
    pace(2).update_limit(limit=1000, remaining=999, reset_s=300, window_s=1)
    assert most_in_window(sent_at(pace(2), clock, 6), 300) == 2


@pytest.mark.parametrize("quota", [None, 400])
def test_the_remaining_requests_of_the_server_apply_because_others_may_share_our_address(pace, clock, quota):
    pace(quota).update_limit(limit=500, remaining=2, reset_s=34, window_s=300)
    timestamps = sent_at(pace(quota), clock, 3)
    assert [round(timestamp - timestamps[0]) for timestamp in timestamps] == [0, 0, 35]


def test_a_late_answer_does_not_raise_the_remaining_requests(pace, clock):
    limiter = pace()
    limiter.update_limit(500, 3, 34, 300)
    sent_at(limiter, clock, 2)
    limiter.update_limit(500, 3, 34, 300)
    sent_at(limiter, clock, 2)
    assert sum(clock.sleeps) == pytest.approx(35)


def test_a_new_window_replaces_the_limit_of_the_old_one(pace, clock):
    pace().update_limit(500, 0, 34, 300)
    clock.at += 36
    pace().update_limit(500, 499, 299, 300)
    sent_at(pace(), clock, 20)
    assert clock.sleeps == []


@pytest.mark.parametrize(
    "header",
    [
        (0, 5, 10, 300), (-3, 5, 10, 300), (None, 5, 10, None), (500, -1, 10, 300), (500, 5, -1, 300),
        (500, 0, NAN, 300), (500, 0, INF, 300), (500, 5, 10, 0), (500, 5, 10, -1), (500, 5, 10, NAN), (500, 5, 10, INF),
    ],
)  # fmt: skip
def test_invalid_limits_are_ignored(pace, clock, header):
    pace().update_limit(*header)
    sent_at(pace(), clock, 5)
    assert clock.sleeps == []


def test_windows_are_limited_to_an_hour(pace, clock):
    pace().update_limit(10**9, 0, 10**9, 10**9)
    pace().wait_for_turn()
    assert sum(clock.sleeps) <= LONGEST_HOLD_S + 1
    assert json.loads((Path(pace()._path)).read_text())["limit"] == LARGEST_QUOTA


def test_a_hold_applies_to_all(pace, clock):
    pace().hold(35)
    pace().wait_for_turn()
    assert sum(clock.sleeps) == pytest.approx(35)


def test_a_shorter_hold_does_not_replace_a_longer_one(pace, clock):
    pace().hold(35)
    pace().hold(5)
    pace().wait_for_turn()
    assert sum(clock.sleeps) == pytest.approx(35)


def test_a_hold_that_starts_during_a_wait_applies(pace, clock):
    waiting = pace(1)
    waiting.wait_for_turn()

    def sleep(seconds: float) -> None:
        if not clock.sleeps:
            pace(1).hold(1000)
        clock.sleep(seconds)

    waiting._sleep = sleep
    waiting.wait_for_turn()
    assert sum(clock.sleeps) == pytest.approx(1000)


@pytest.mark.parametrize(("hold_s", "waited_s"), [(-5, 0), (0, 0), (NAN, 0), (INF, 3600), (1e9, 3600)])
def test_a_hold_is_at_most_an_hour(pace, clock, hold_s, waited_s):
    pace().hold(hold_s)
    pace().wait_for_turn()
    assert sum(clock.sleeps) == pytest.approx(waited_s)


# ── waiting ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("hold_s", "waits"), [(4, []), (200, [200])])
def test_long_waits_are_announced_once(pace, hold_s, waits):
    announced: list[float] = []
    limiter = pace(on_wait=announced.append)
    limiter.hold(hold_s)
    limiter.wait_for_turn()
    assert announced == waits


def test_the_lock_is_free_during_a_wait(pace, clock):
    waiting = pace(2)
    sent_at(waiting, clock, 2)

    def sleep(seconds: float) -> None:
        with FileLock(waiting._path.with_suffix(".lock"), timeout=1):
            pass
        clock.sleep(seconds)

    waiting._sleep = sleep
    waiting.wait_for_turn()


# ── clocks and files ─────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "use", [FilePace.wait_for_turn, lambda pace: pace.hold(100), lambda pace: pace.update_limit(5, 0, 100, 300)]
)
def test_after_the_clock_is_set_back_one_wait_is_repeated(pace, clock, use):
    use(pace(1))
    clock.at -= 365 * 86400
    pace(1).wait_for_turn()
    assert sum(clock.sleeps) <= 301


def test_after_the_clock_is_set_back_the_quota_stays_used_up(pace, clock):
    sent_at(pace(3), clock, 3)
    clock.at -= 10_000
    pace(3).wait_for_turn()
    assert sum(clock.sleeps) >= 300


EMPTY = {"sent": [], "limit": None, "remaining": 0, "window_s": None}
EMPTY |= dict.fromkeys(("held_at", "held_s", "learned_at", "reset_s"), 0)
INVALID_VALUES = [
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
    **{f"{key} {str(value)[:9]}": json.dumps(EMPTY | {key: value}).encode() for key, value in INVALID_VALUES},
}


@pytest.mark.parametrize("content", FOREIGN.values(), ids=FOREIGN)
def test_a_damaged_file_counts_as_a_used_up_quota_at_the_time_it_was_written(pace, clock, content):
    limiter = pace(3)
    limiter._path.write_bytes(content)
    os.utime(limiter._path, (clock.at - 100, clock.at - 100))
    timestamps = sent_at(limiter, clock, 4)
    assert clock.sleeps[:4] == pytest.approx([60, 60, 60, 21])
    assert most_in_window(timestamps, 300) == 3


def test_a_damaged_file_older_than_a_window_causes_no_wait(pace, clock):
    limiter = pace(3)
    limiter._path.write_bytes(b"torn")
    os.utime(limiter._path, (clock.at - 302, clock.at - 302))
    sent_at(limiter, clock, 3)
    assert clock.sleeps == []


def test_a_damaged_file_from_the_future_causes_a_wait_of_one_window(pace, clock):
    limiter = pace(3)
    limiter._path.write_bytes(b"torn")  # at the real time, long after this clock's
    limiter.wait_for_turn()
    assert sum(clock.sleeps) == pytest.approx(301)


def test_the_temporary_file_of_a_killed_process_is_ignored(pace, clock):
    limiter = pace(3)
    sent_at(limiter, clock, 2)
    limiter._path.with_suffix(".tmp").write_bytes(b"torn")
    sent_at(limiter, clock, 1)
    assert clock.sleeps == []
    assert json.loads(limiter._path.read_text())["sent"] == [clock.at] * 3


def test_the_file_stays_small(pace, clock):
    limiter = pace(5, 10)
    sent_at(limiter, clock, 60)
    assert len(json.loads(limiter._path.read_text())["sent"]) <= 5


@pytest.mark.parametrize("name", ["", "Hub", "a/b", "..", "hub\n", "hüb", "hub1"])
def test_names_with_other_characters_are_rejected(tmp_path, name):
    with pytest.raises(ValueError, match="a-z"):
        FilePace(tmp_path, name, 1)


@pytest.mark.parametrize("settings", [{"quota": -1}, {"window_s": 0}, {"window_s": NAN}, {"interval_s": -1}])
def test_invalid_settings_are_rejected(pace, settings):
    with pytest.raises(ValueError, match="needs"):
        pace(**settings)


# ── real processes ───────────────────────────────────────────────────────────────────────────────────────────────────

QUOTA, WINDOW_S, TURNS = 10, 0.6, 8


def take_turns(folder: Path, out: Path) -> None:
    pace = FilePace(folder, "hub", QUOTA, WINDOW_S)
    timestamps = []
    for _ in range(TURNS):
        pace.wait_for_turn()
        timestamps.append(time.time())
    out.write_text(json.dumps(timestamps))


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
    log = json.loads((tmp_path / "state/pace-hub.json").read_text())
    timestamps = sorted(timestamp for out in outs for timestamp in json.loads(out.read_text()))
    assert len(timestamps) == 4 * TURNS
    # The test records a request a moment after it is counted, so the last of a window may appear slightly late.
    assert most_in_window(timestamps, WINDOW_S * 0.7) <= QUOTA
    assert timestamps[-1] - timestamps[0] > 3 * WINDOW_S * 0.9
    assert len(log["sent"]) <= QUOTA
