"""The pipelines `digest` and `doctor` run in this process, without Prefect."""

from datetime import UTC, date, datetime, timedelta

import pytest

from paperlake.build.publish import publish_month
from paperlake.config import read_settings
from paperlake.pipelines.digest import digest
from paperlake.pipelines.doctor import doctor
from paperlake.pipelines.runner import InProcessRunner, RunContext, start_now
from paperlake.store.inbox import keep
from schemas.hub_replies import HUB_REPLIES
from tests.replies import capture, entries

NOW = datetime(2025, 11, 8, 7, tzinfo=UTC)


class RecordingRunner(InProcessRunner):
    """Records what it is asked to run and to show."""

    def __init__(self):
        super().__init__()
        self.calls = []

    def run(self, name, step, *arguments):
        self.calls.append(name)
        return super().run(name, step, *arguments)

    def show_markdown(self, key, _text, description):
        self.calls.append(f"show {key}: {description}")


@pytest.fixture
def context(lake_in_force):
    """Gives the context of a run at a time, over a lake with one date."""
    for row in capture(entries(8, 70), date(2025, 11, 7), NOW - timedelta(hours=4)):
        keep(lake_in_force, HUB_REPLIES, row)
    publish_month(lake_in_force, "2025-11")
    return lambda now: RunContext(read_settings(), start_now(now), RecordingRunner())


def test_digest_releases_the_issues_of_a_complete_date(context, lake_in_force):
    run = context(NOW)
    report = digest(run)
    assert (report.issues, report.problems) == (("daily/2025-11-07",), ())
    assert run.runner.calls[0] == "issue-daily"
    assert run.runner.calls[1].startswith("show issue-daily: ")
    assert (lake_in_force.site / "index.html").exists()


def test_digest_reports_an_incomplete_date_and_still_builds_the_site(context, lake_in_force):
    report = digest(context(NOW + timedelta(days=1)))
    assert report.issues == ()
    assert "daily/2025-11-08" in report.problems[0]
    assert (lake_in_force.site / "index.html").exists()


def test_doctor_shows_the_checks_and_reads_no_schedules_without_a_server(context):
    run = context(NOW)
    checks = doctor(run, lambda *_: pytest.fail("no Prefect server is known"), is_thorough=False)
    assert {check.state for check in checks} == {"ok", "warn"}
    assert run.runner.calls == ["show doctor: 0 checks failed"]


def test_doctor_checks_the_schedules_of_a_configured_server(context, monkeypatch):
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:9/api")
    checks = doctor(context(NOW), lambda *_: None, is_thorough=False)
    assert [(check.name, check.state) for check in checks][-1] == ("schedule", "fail")
