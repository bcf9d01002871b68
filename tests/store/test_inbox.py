"""The inbox: rows are stored byte for byte, and unreadable files are reported and not changed."""

import json
import os
import tempfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta, timezone
from hashlib import sha256
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paperlake.store import inbox
from paperlake.store.lake import Lake
from schemas.decisions import DECISIONS
from schemas.hub_replies import HUB_REPLIES
from schemas.table import Column, Table


def reply(**changes: object) -> dict[str, object]:
    row = {
        "requested_on": date(2025, 11, 3),
        "capture_started_at": datetime(2025, 11, 3, 22, 0, 0, 123456, tzinfo=UTC),
        "page": 0,
        "captured_at": datetime(2025, 11, 3, 22, 0, 1, tzinfo=UTC),
        "url": "https://huggingface.co/api/daily_papers?date=2025-11-03",
        "status_code": 200,
        "headers": '{"etag": "\\"é\\""}',
        "body": b"[\n]",
        "body_sha256": sha256(b"[\n]").hexdigest(),
    }
    return row | changes


timestamps = st.datetimes(datetime(1990, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
replies = st.builds(
    lambda body, **row: {**row, "body": body, "body_sha256": sha256(body).hexdigest()},
    requested_on=st.dates(date(1990, 1, 1), date(2200, 1, 1)),
    capture_started_at=timestamps,
    page=st.integers(0, 2**31 - 1),
    captured_at=timestamps,
    url=st.none() | st.text(),
    status_code=st.none() | st.integers(100, 599),
    headers=st.none() | st.text(),
    body=st.binary() | st.sampled_from([b"", b"\n", b"\r\n{}\n", b"\x00\xff\xfe", b'{"row": {}}\n']),
)


@pytest.fixture
def lake(tmp_path) -> Lake:
    return Lake(tmp_path / "lake")


def waiting(lake: Lake, table: Table = HUB_REPLIES, month: str = "2025-11") -> inbox.WaitingRows:
    return inbox.waiting(lake, table, month)


# Write and read


@settings(max_examples=60, deadline=None)
@given(replies)
def test_any_reply_is_read_back_unchanged(row):
    with tempfile.TemporaryDirectory() as folder:
        lake = Lake(Path(folder))
        path = inbox.keep(lake, HUB_REPLIES, row)
        result = waiting(lake, month=f"{row['requested_on']:%Y-%m}")
        assert result.rows.to_dicts() == [row]
        assert (result.files, result.unreadable) == ((path,), ())


def test_a_row_without_bytes_is_read_back_unchanged(lake):
    timestamp = datetime(2025, 11, 4, tzinfo=UTC)
    row = {"source": "hub", "listed_on": date(2025, 11, 3), "decision": "accept"}
    row |= {"captured_at": timestamp, "decided_at": timestamp}
    inbox.keep(lake, DECISIONS, row)
    assert waiting(lake, DECISIONS).rows.to_dicts() == [row]


def test_two_columns_of_bytes_are_read_back_unchanged(lake):
    columns = (Column("day_on", pa.date32(), "A date."), Column("page", pa.large_binary(), "Bytes."))
    columns += (Column("extra", pa.large_binary(), "More bytes."),)
    table = Table("pairs", "Pairs.", "a pair", "day_on", ("day_on",), ("day_on",), columns, is_evidence=True)
    row = {"day_on": date(2025, 11, 3), "page": b"page", "extra": b"and more"}
    inbox.keep(lake, table, row)
    assert waiting(lake, table).rows.to_dicts() == [row]


def test_a_timestamp_in_another_time_zone_is_the_same_timestamp(lake):
    east = timezone(timedelta(hours=8))
    inbox.keep(lake, HUB_REPLIES, reply(captured_at=datetime(2025, 11, 4, 6, 0, 1, tzinfo=east)))
    assert waiting(lake).rows.to_dicts() == [reply()]


def test_writing_a_row_twice_stores_it_once(lake):
    first = inbox.keep(lake, HUB_REPLIES, reply())
    inode = first.stat().st_ino
    assert inbox.keep(lake, HUB_REPLIES, dict(reversed(reply().items()))) == first
    assert (waiting(lake).files, first.stat().st_ino) == ((first,), inode)


def test_concurrent_writes_of_a_row_store_it_once(lake):
    with ThreadPoolExecutor(8) as executor:
        paths = set(executor.map(lambda _: inbox.keep(lake, HUB_REPLIES, reply()), range(32)))
    assert paths == set(waiting(lake).files)
    assert len(paths) == 1


def test_rows_are_filed_by_the_month_of_their_date(lake):
    for day in (date(2025, 11, 30), date(2025, 12, 1), date(2024, 2, 29)):
        inbox.keep(lake, HUB_REPLIES, reply(requested_on=day))
    assert inbox.waiting_months(lake, HUB_REPLIES) == ["2024-02", "2025-11", "2025-12"]
    assert waiting(lake, month="2025-12").rows["requested_on"].to_list() == [date(2025, 12, 1)]


def test_an_empty_inbox_has_no_months_and_no_rows(lake):
    assert inbox.waiting_months(lake, HUB_REPLIES) == []
    assert waiting(lake).rows.schema.names() == [column.name for column in HUB_REPLIES.columns]
    assert waiting(lake).rows.is_empty()


def test_a_month_whose_rows_were_discarded_is_not_waiting(lake):
    path = inbox.keep(lake, HUB_REPLIES, reply())
    inbox.discard((path, path))
    assert inbox.waiting_months(lake, HUB_REPLIES) == []


# Unreadable files


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_flipped_bit_makes_a_file_unreadable_and_the_file_is_not_changed(data):
    with tempfile.TemporaryDirectory() as folder:
        lake = Lake(Path(folder))
        path = inbox.keep(lake, HUB_REPLIES, reply())
        content = bytearray(path.read_bytes())
        place = data.draw(st.integers(0, 8 * len(content) - 1))
        content[place // 8] ^= 1 << place % 8
        path.write_bytes(content)
        result = waiting(lake)
        assert (result.files, result.unreadable) == ((), (path,))
        assert path.read_bytes() == content


def test_a_changed_digit_makes_a_file_unreadable(lake):
    path = inbox.keep(lake, HUB_REPLIES, reply(status_code=200))
    path.write_bytes(path.read_bytes().replace(b'"status_code": 200', b'"status_code": 204'))
    assert waiting(lake).unreadable == (path,)


@pytest.mark.parametrize("body", [b"", b"\n", b"[]", b"x" * 300])
def test_a_truncated_file_is_unreadable_and_not_changed(lake, body):
    path = inbox.keep(lake, HUB_REPLIES, reply(body=body, body_sha256=sha256(body).hexdigest()))
    content = path.read_bytes()
    for length in {0, 1, 2, len(content) // 2, len(content) - 2, len(content) - 1}:
        path.write_bytes(content[:length])
        assert waiting(lake).unreadable == (path,), f"cut to {length} of {len(content)}"
        assert path.read_bytes() == content[:length]


def row_file(row: object, body: bytes = b"", **lengths: int) -> bytes:
    head = {"row": row, "bytes": lengths, "sha256": sha256(body).hexdigest()}
    return json.dumps(head).encode() + b"\n" + body


FOREIGN = {
    "text": b"shopping list",
    "nothing": b"",
    "binary": bytes(range(256)),
    "a number": b"7\n",
    "a list": b"[]\n",
    "a row that is null": row_file(None),
    "a row of another table": row_file({"source": "hub", "decision": "accept"}),
    "a page that is text": row_file({**reply(), "page": "first", "body": None} | {
        name: str(reply()[name]) for name in ("requested_on", "capture_started_at", "captured_at")
    }),
    "a page beyond 32 bits": row_file({**reply(), "page": 2**40, "body": None} | {
        name: str(reply()[name]) for name in ("requested_on", "capture_started_at", "captured_at")
    }),
}  # fmt: skip


@pytest.mark.parametrize("content", FOREIGN.values(), ids=FOREIGN)
def test_foreign_files_are_reported_and_not_changed_and_others_are_read(lake, content):
    path = inbox.keep(lake, HUB_REPLIES, reply())
    foreign = path.with_name("2025-11-03-0123456789abcdef01234567.row")
    foreign.write_bytes(content)
    result = waiting(lake)
    assert (result.files, result.unreadable) == ((path,), (foreign,))
    assert result.rows.to_dicts() == [reply()]
    assert foreign.read_bytes() == content


def test_files_with_other_names_are_ignored(lake):
    path = inbox.keep(lake, HUB_REPLIES, reply())
    path.with_name(".DS_Store").write_bytes(b"")
    (lake.inbox / HUB_REPLIES.name / ".DS_Store").write_bytes(b"")
    assert inbox.waiting_months(lake, HUB_REPLIES) == ["2025-11"]
    assert (waiting(lake).files, waiting(lake).unreadable) == ((path,), ())


def test_a_row_whose_file_was_damaged_can_be_written_again(lake):
    path = inbox.keep(lake, HUB_REPLIES, reply())
    path.write_bytes(path.read_bytes()[:-1])
    inbox.keep(lake, HUB_REPLIES, reply())
    assert waiting(lake).rows.to_dicts() == [reply()]


# Rejected rows


def test_a_row_with_other_columns_is_rejected(lake):
    short = reply()
    del short["headers"]
    for wrong in (short, reply(month="2025-11")):
        with pytest.raises(ValueError, match="hub_replies: a row has the columns requested_on, "):
            inbox.keep(lake, HUB_REPLIES, wrong)
    assert not lake.root.exists()


def test_a_row_without_a_date_is_rejected(lake):
    with pytest.raises(TypeError, match="a row is filed by a date"):
        inbox.keep(lake, HUB_REPLIES, reply(requested_on="2025-11-03"))
    assert not lake.root.exists()


# Killed during a write


class Killed(BaseException):
    """Simulates the end of the process: no code of the lake catches it."""


def kill_at(monkeypatch, last: int) -> None:
    """Raise Killed instead of operation number `last`. A file that is being flushed is truncated to half its size."""
    count = 0

    def counted(operation, is_flush):
        def step(*args):
            nonlocal count
            count += 1
            if count == last:
                if is_flush:
                    with suppress(OSError):  # a folder
                        os.ftruncate(args[0], os.fstat(args[0]).st_size // 2)
                raise Killed
            return operation(*args)

        return step

    monkeypatch.setattr(os, "fsync", counted(os.fsync, is_flush=True))
    for name in ("mkdir", "rename", "replace", "unlink"):
        monkeypatch.setattr(os, name, without_keywords(counted(getattr(os, name), is_flush=False)))


def without_keywords(step):
    return lambda *args, **_: step(*args)


def test_a_killed_write_leaves_no_partial_file_in_the_inbox(tmp_path, monkeypatch):
    for last in range(1, 100):
        lake = Lake(tmp_path / str(last))
        is_written = False
        with monkeypatch.context() as patch, suppress(Killed):
            kill_at(patch, last)
            inbox.keep(lake, HUB_REPLIES, reply())
            is_written = True
        assert waiting(lake).rows.to_dicts() in ([], [reply()])
        assert waiting(lake).unreadable == ()
        inbox.keep(lake, HUB_REPLIES, reply())
        assert waiting(lake).rows.to_dicts() == [reply()]
        if is_written:
            break
    assert 8 < last < 50
