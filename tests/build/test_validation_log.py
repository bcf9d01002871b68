"""Every judgement is kept, under the name of its run; what is odd about a list is said once, when it comes to light."""

import json
from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest
from click.testing import CliRunner

from cli.main import main
from paperlake.build.publish import publish_month
from paperlake.build.rebuild import known_months, rebuild
from paperlake.monitoring.anomalies import empty_profile, find_anomalies, read_list_profiles
from paperlake.quality.finding import Finding
from paperlake.quality.validation_log import Run, record
from paperlake.quality.validator import Validator
from paperlake.store.inbox import keep
from paperlake.store.publish import open_writer
from paperlake.store.rows import scan
from paperlake.store.snapshot import snapshot
from schemas.hub_replies import HUB_REPLIES
from schemas.validations import VALIDATIONS
from tests.replies import capture, entry

pytestmark = pytest.mark.great_expectations
AT = datetime(2025, 11, 20, 3, 15, tzinfo=UTC)
RUN = Run("daily tawny-otter", AT)
DAYS = [date(2025, 11, day) for day in (3, 4, 5, 6, 7, 10, 11)]


def votes_less(lake, day, at):
    add(lake, [entry(f"2511.{n:05}", paper__upvotes=0) for n in range(1, 10)], day, at)
    publish_month(lake, "2025-11", run=RUN)


def add(lake, held, day, at=AT):
    for row in capture(held, day, at):
        keep(lake, HUB_REPLIES, row)


def ledger(lake):
    return scan(snapshot(lake), VALIDATIONS).collect()


@pytest.fixture
def lake(lake_in_force):
    for day in DAYS:
        held = [entry(f"2511.{day.day:02}{n:03}", paper__upvotes=n + 1) for n in range(9, 0, -1)]
        add(lake_in_force, held, day)
    publish_month(lake_in_force, "2025-11", run=RUN)
    return lake_in_force


def test_what_was_judged_is_kept_with_its_run(lake):
    rows = ledger(lake)
    assert set(rows["run"]) == {"daily tawny-otter"}
    assert set(rows["judged_at"]) == {AT}
    assert rows["success"].all()
    assert {"listings", "captures-stop"} <= set(rows["suite"])
    assert set(rows["judged_month"]) == {"2025-11"}


def test_what_is_unchanged_is_not_judged_again(lake):
    before = ledger(lake)
    publish_month(lake, "2025-11", run=Run("daily other", AT + timedelta(days=1)))
    assert ledger(lake).equals(before)


def test_a_refused_capture_fails_its_expectation(lake):
    add(lake, [{}, {}, entry()], date(2025, 11, 12))
    publish_month(lake, "2025-11", run=Run("daily again", AT + timedelta(days=1)))
    (row,) = ledger(lake).filter(~pl.col("success")).rows(named=True)
    assert (row["severity"], row["column_name"], row["unexpected_count"]) == ("refuse_capture", "refused_share", 1)
    assert row["observed"].startswith("0.66")


def test_the_ledger_is_no_derived_table_and_a_rebuild_only_adds_to_it(lake):
    before = ledger(lake)
    list(rebuild(lake, known_months(lake), force=True))
    assert before.join(ledger(lake), on=before.columns, how="anti", nulls_equal=True).is_empty()


def test_a_damaged_ledger_is_not_written_over_and_that_is_said(lake, caplog):
    path = lake.part("validations", "2025-11")
    path.write_bytes(b"no ledger")
    with open_writer(lake) as pen:
        record(pen, RUN, [Finding("s", "listings", "2025-11", "title", "e", "warn")])
    assert path.read_bytes() == b"no ledger"
    assert "papers verify --repair" in caplog.text


def test_the_same_judgement_twice_in_a_run_is_one_row(lake):
    finding = Finding("s", "listings", "2025-11", "title", "e", "warn")
    with open_writer(lake) as pen:
        record(pen, RUN, [finding])
        record(pen, RUN, [finding])
    assert ledger(lake).filter(pl.col("suite") == "s").height == 1


def test_an_odd_list_is_said_once_when_it_comes_to_light(lake):
    day = date(2025, 11, 13)
    before = read_list_profiles(lake, [day])
    votes_less(lake, day, AT)
    said = find_anomalies(lake, before, [day], RUN, Validator())
    assert [warning for warning in said.warnings if "no votes" in warning]
    assert find_anomalies(lake, read_list_profiles(lake, [day]), [day], RUN, Validator()).warnings == ()
    (row,) = ledger(lake).filter(~pl.col("success"), pl.col("column_name") == "zero_votes_share").rows(named=True)
    assert (row["severity"], row["suite"], row["observed"]) == ("warn", "list_profile", "1.0")


def test_a_date_still_open_may_be_without_votes(lake):
    day = date(2025, 11, 13)
    votes_less(lake, day, datetime(2025, 11, 13, 20, tzinfo=UTC))
    assert find_anomalies(lake, empty_profile(), [day], RUN, Validator()).warnings == ()


def test_a_lake_that_is_behind_warns_and_one_that_is_not_does_not(lake):
    newest = DAYS[-1]
    assert find_anomalies(lake, read_list_profiles(lake, []), [], RUN, Validator(), due=newest).warnings == ()
    later = Run("daily later", AT + timedelta(days=2))
    (warning,) = find_anomalies(
        lake, read_list_profiles(lake, []), [], later, Validator(), due=newest + timedelta(days=2)
    ).warnings
    assert warning.startswith("2025-11-13: the newest complete date is older than it should be")
    rows = ledger(lake).filter(pl.col("suite") == "freshness").select("severity", "success", "observed")
    assert rows.rows() == [("warn", True, None), ("warn", False, "2")]


def test_drift_is_said_once_when_it_comes_to_light(lake):
    day = date(2025, 11, 13)
    before = read_list_profiles(lake, [day])
    add(lake, [entry(f"2511.{n:05}", surprise=1) for n in range(1, 10)], day)
    publish_month(lake, "2025-11", run=RUN)
    assert find_anomalies(lake, before, [day], RUN, Validator()).drift == ("2025-11-13: $.surprise appeared",)
    assert find_anomalies(lake, read_list_profiles(lake, [day]), [day], RUN, Validator()).drift == ()


def test_what_was_judged_can_be_looked_at(lake):
    page = find_anomalies(lake, read_list_profiles(lake, []), [DAYS[0]], RUN, Validator()).docs
    assert page == str(lake.quality / "index.html")
    shown = "".join(path.read_text() for path in (lake.quality / "data-docs").rglob("*.html"))
    assert "upvote_count" in shown


def test_the_history_of_quality_can_be_asked(lake):
    asked = "select suite, count(*) as n from validations where success group by suite"
    told = json.loads(CliRunner().invoke(main, ["sql", asked, "--format", "json"]).output)
    assert {row["suite"] for row in told} >= {"listings", "signals"}
