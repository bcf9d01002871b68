"""Publish a month: from evidence in the inbox to published tables."""

from datetime import UTC, date, datetime
from hashlib import sha256

import pytest

from paperlake.build.publish import MonthRefused, publish_month, waiting_months
from paperlake.quality.finding import Finding
from paperlake.quality.validator import Validator
from paperlake.store import inbox
from paperlake.store.lake import Lake
from paperlake.store.publish import FileDamaged
from paperlake.store.rows import scan
from paperlake.store.snapshot import snapshot
from sandbox.hub.generated import GeneratedHub
from schemas.hub_replies import HUB_REPLIES
from schemas.listings import LISTINGS

DAY, MONTH = date(2025, 11, 6), "2025-11"
WORLD = GeneratedHub(papers_a_day=6)


@pytest.fixture
def lake(tmp_path):
    """A lake with one capture in the inbox and nothing published."""
    lake = Lake(tmp_path / "lake")
    keep(lake, datetime(2025, 11, 7, 3, 15, tzinfo=UTC))
    return lake


def keep(lake, at, body=None):
    body = WORLD.body(DAY, at) if body is None else body
    row = {
        "requested_on": DAY,
        "capture_started_at": at,
        "page": 0,
        "captured_at": at,
        "url": None,
        "status_code": None,
        "headers": None,
        "body": body,
        "body_sha256": sha256(body).hexdigest(),
    }
    return inbox.keep(lake, HUB_REPLIES, row)


def files(lake):
    return {path: (path.stat().st_ino, path.read_bytes()) for path in lake.root.rglob("*") if path.is_file()}


def listing_count(lake):
    return scan(snapshot(lake), LISTINGS).collect().height


def test_waiting_evidence_is_published_and_leaves_the_inbox(lake):
    assert waiting_months(lake) == [MONTH]
    published = publish_month(lake, MONTH)
    assert published.rows["hub_replies"] == 1
    assert published.rows["listings"] == listing_count(lake) > 0
    assert waiting_months(lake) == []


def test_an_unchanged_month_is_not_written(lake, monkeypatch):
    publish_month(lake, MONTH)
    before = files(lake)
    monkeypatch.setattr("transforms.hub.replies.parse_replies", lambda *_: pytest.fail("an unchanged month was parsed"))
    assert publish_month(lake, MONTH).changed == ()
    assert files(lake) == before


def test_changed_code_rebuilds_the_month_but_equal_bytes_are_not_written(lake, monkeypatch):
    publish_month(lake, MONTH)
    parts = {path: path.stat().st_ino for path in lake.tables.rglob("*.parquet") if "validations" not in path.parts}
    monkeypatch.setattr("paperlake.build.partition.code_fingerprint", lambda: "other")
    assert publish_month(lake, MONTH).changed == ()
    assert {entry.code for entry in snapshot(lake).manifest.files.values()} == {"", "other"}
    assert {path: path.stat().st_ino for path in parts} == parts


def test_a_month_that_violates_its_declaration_is_not_published_and_keeps_its_evidence(lake, monkeypatch):
    finding = Finding("listings", "listings", MONTH, "title", "expect_something", "refuse_row", 1)
    with monkeypatch.context() as patch:
        patch.setattr(Validator, "findings", lambda _self, table, _: [finding] * (table.name == "listings"))
        with pytest.raises(MonthRefused, match=r"listings\.title: expect_something failed in 1 row"):
            publish_month(lake, MONTH)
    assert {name.split("/")[1] for name in snapshot(lake).manifest.files} <= {"validations"}
    assert waiting_months(lake) == [MONTH]
    assert publish_month(lake, MONTH).rows["listings"] > 0


def test_a_flipped_bit_in_the_evidence_stops_the_build(lake):
    publish_month(lake, MONTH)
    replies = lake.part("hub_replies", MONTH)
    damaged = bytearray(replies.read_bytes())
    damaged[len(damaged) // 2] ^= 1
    replies.write_bytes(damaged)
    waiting = keep(lake, datetime(2025, 11, 8, 3, 15, tzinfo=UTC))
    with pytest.raises(FileDamaged, match="hub_replies"):
        publish_month(lake, MONTH)
    assert waiting.exists()
    assert replies.read_bytes() == bytes(damaged)


def test_an_unreadable_file_is_reported_and_stays_in_the_inbox(lake):
    (path,) = lake.inbox.rglob("*.row")
    path.write_bytes(path.read_bytes()[:-1])
    published = publish_month(lake, MONTH)
    assert published.unreadable == (str(path),)
    assert path.exists()


def test_rows_with_equal_timestamp_and_body_are_one_reply_and_the_row_with_a_url_wins(lake):
    at = datetime(2025, 11, 7, 3, 15, tzinfo=UTC)
    body = WORLD.body(DAY, at)
    response = {"url": "https://hub.example/api", "status_code": 200, "headers": "{}"}
    row = {"requested_on": DAY, "capture_started_at": at, "page": 0, "captured_at": at, "body": body}
    inbox.keep(lake, HUB_REPLIES, {**row, **response, "body_sha256": sha256(body).hexdigest()})
    assert publish_month(lake, MONTH).rows["hub_replies"] == 1
    assert scan(snapshot(lake), HUB_REPLIES).collect()["status_code"].to_list() == [200]


def test_a_month_without_evidence_is_not_published(tmp_path):
    lake = Lake(tmp_path / "lake")
    assert publish_month(lake, MONTH).changed == ()
    assert not lake.manifest.exists()


def test_evidence_that_the_manifest_does_not_list_is_never_replaced(lake):
    publish_month(lake, MONTH)
    before = lake.part("hub_replies", MONTH).read_bytes()
    lake.manifest.unlink()
    keep(lake, datetime(2025, 11, 8, 3, 15, tzinfo=UTC))
    with pytest.raises(FileDamaged, match="does not list it"):
        publish_month(lake, MONTH)
    assert lake.part("hub_replies", MONTH).read_bytes() == before


def test_a_missing_or_truncated_derived_file_is_rebuilt(lake):
    publish_month(lake, MONTH)
    part = lake.part("listings", MONTH)
    intact = part.read_bytes()
    for damage in (part.unlink, lambda: part.write_bytes(intact[:-5])):
        damage()
        assert publish_month(lake, MONTH).changed == ("tables/listings/month=2025-11/part-0.parquet",)
        assert part.read_bytes() == intact


def test_force_repairs_a_flipped_bit_in_a_derived_file(lake):
    publish_month(lake, MONTH)
    part = lake.part("listings", MONTH)
    intact = part.read_bytes()
    part.write_bytes(bytes([intact[0] ^ 1]) + intact[1:])
    assert publish_month(lake, MONTH, force=True).changed == ("tables/listings/month=2025-11/part-0.parquet",)
    assert part.read_bytes() == intact
