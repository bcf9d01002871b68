"""The validation log: results are stored with their run, and an anomaly is reported once, by the run that finds it."""

import json
from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest
from click.testing import CliRunner

from cli.main import main
from paperlake.build.publish import publish_month, publish_months
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


def publish_list_without_votes(lake, day, at):
    keep_capture(lake, [entry(f"2511.{n:05}", paper__upvotes=0) for n in range(1, 10)], day, at)
    publish_month(lake, "2025-11", run=RUN)


def keep_capture(lake, entries, day, at=AT):
    for row in capture(entries, day, at):
        keep(lake, HUB_REPLIES, row)


def validation_log(lake):
    return scan(snapshot(lake), VALIDATIONS).collect()


@pytest.fixture
def lake(lake_in_force):
    for day in DAYS:
        entries = [entry(f"2511.{day.day:02}{n:03}", paper__upvotes=n + 1) for n in range(9, 0, -1)]
        keep_capture(lake_in_force, entries, day)
    publish_month(lake_in_force, "2025-11", run=RUN)
    return lake_in_force


def test_every_result_is_stored_with_its_run(lake):
    rows = validation_log(lake)
    assert set(rows["run"]) == {"daily tawny-otter"}
    assert set(rows["judged_at"]) == {AT}
    assert rows["success"].all()
    assert {"listings", "captures-stop"} <= set(rows["suite"])
    assert set(rows["judged_month"]) == {"2025-11"}


def test_an_unchanged_month_is_not_validated_again(lake):
    before = validation_log(lake)
    publish_month(lake, "2025-11", run=Run("daily other", AT + timedelta(days=1)))
    assert validation_log(lake).equals(before)


def test_a_refused_capture_fails_its_expectation(lake):
    keep_capture(lake, [{}, {}, entry()], date(2025, 11, 12))
    publish_month(lake, "2025-11", run=Run("daily again", AT + timedelta(days=1)))
    (row,) = validation_log(lake).filter(~pl.col("success")).rows(named=True)
    assert (row["severity"], row["column_name"], row["unexpected_count"]) == ("refuse_capture", "refused_share", 1)
    assert row["observed"].startswith("0.66")


def test_the_ledger_is_no_derived_table_and_a_rebuild_only_adds_to_it(lake):
    before = validation_log(lake)
    list(rebuild(lake, known_months(lake), force=True))
    assert before.join(validation_log(lake), on=before.columns, how="anti", nulls_equal=True).is_empty()


def test_a_damaged_validation_log_is_not_overwritten_and_the_log_advises_repair(lake, caplog):
    path = lake.part("validations", "2025-11")
    path.write_bytes(b"damaged")
    with open_writer(lake) as writer:
        record(writer, RUN, [Finding("s", "listings", "2025-11", "title", "e", "warn")])
    assert path.read_bytes() == b"damaged"
    assert "papers verify --repair" in caplog.text


def test_a_result_that_is_recorded_twice_in_a_run_is_one_row(lake):
    finding = Finding("s", "listings", "2025-11", "title", "e", "warn")
    with open_writer(lake) as writer:
        record(writer, RUN, [finding])
        record(writer, RUN, [finding])
    assert validation_log(lake).filter(pl.col("suite") == "s").height == 1


def test_an_anomaly_is_reported_only_by_the_run_that_finds_it(lake):
    day = date(2025, 11, 13)
    before = read_list_profiles(lake, [day])
    publish_list_without_votes(lake, day, AT)
    anomalies = find_anomalies(lake, before, [day], RUN, Validator())
    assert [warning for warning in anomalies.warnings if "no votes" in warning]
    assert find_anomalies(lake, read_list_profiles(lake, [day]), [day], RUN, Validator()).warnings == ()
    (row,) = (
        validation_log(lake).filter(~pl.col("success"), pl.col("column_name") == "zero_votes_share").rows(named=True)
    )
    assert (row["severity"], row["suite"], row["observed"]) == ("warn", "list_profile", "1.0")


def test_a_list_of_an_open_date_without_votes_is_no_anomaly(lake):
    day = date(2025, 11, 13)
    publish_list_without_votes(lake, day, datetime(2025, 11, 13, 20, tzinfo=UTC))
    assert find_anomalies(lake, empty_profile(), [day], RUN, Validator()).warnings == ()


def test_a_lake_whose_newest_complete_date_is_not_the_due_date_gives_a_warning(lake):
    newest = DAYS[-1]
    assert find_anomalies(lake, read_list_profiles(lake, []), [], RUN, Validator(), due=newest).warnings == ()
    later = Run("daily later", AT + timedelta(days=2))
    (warning,) = find_anomalies(
        lake, read_list_profiles(lake, []), [], later, Validator(), due=newest + timedelta(days=2)
    ).warnings
    assert warning.startswith("2025-11-13: the newest complete date is older than it should be")
    rows = validation_log(lake).filter(pl.col("suite") == "freshness").select("severity", "success", "observed")
    assert rows.rows() == [("warn", True, None), ("warn", False, "2")]


def test_drift_is_reported_only_by_the_run_that_finds_it(lake):
    day = date(2025, 11, 13)
    before = read_list_profiles(lake, [day])
    keep_capture(lake, [entry(f"2511.{n:05}", surprise=1) for n in range(1, 10)], day)
    publish_month(lake, "2025-11", run=RUN)
    assert find_anomalies(lake, before, [day], RUN, Validator()).drift == ("2025-11-13: $.surprise appeared",)
    assert find_anomalies(lake, read_list_profiles(lake, [day]), [day], RUN, Validator()).drift == ()


def test_the_validation_results_are_written_as_html(lake):
    validator = Validator()
    keep_capture(lake, [entry(f"2511.{n:05}") for n in range(1, 10)], date(2025, 11, 12))
    list(publish_months(lake, ["2025-11"], run=RUN, validator=validator))
    page = find_anomalies(lake, read_list_profiles(lake, []), [DAYS[0]], RUN, validator).docs
    assert page == str(lake.quality / "index.html")
    html = "".join(path.read_text() for path in (lake.quality / "data-docs").rglob("*.html"))
    assert "upvote_count" in html


def test_the_validation_log_can_be_queried_by_sql(lake):
    query = "select suite, count(*) as n from validations where success group by suite"
    rows = json.loads(CliRunner().invoke(main, ["sql", query, "--format", "json"]).output)
    assert {row["suite"] for row in rows} >= {"listings", "signals"}
