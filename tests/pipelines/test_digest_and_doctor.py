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
from tests.smtp_server import SmtpFault, SmtpServer

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


@pytest.mark.parametrize(
    ("fault", "problem", "retry_helps"),
    [
        (SmtpFault("rcpt", "550 5.1.1 nobody"), "1 letter refused", False),
        (SmtpFault("dot"), "1 letter in doubt", False),
        (SmtpFault("rcpt", "451 later"), "1 letter deferred", True),
    ],
)
def test_letters_that_were_not_delivered_are_a_problem_with_a_count(  # noqa: PLR0913, PLR0917 - three fixtures
    context, tmp_path, monkeypatch, fault, problem, retry_helps
):
    monkeypatch.setattr("paperlake.outputs.delivery.RETRY_PAUSES_S", ())
    monkeypatch.setattr("paperlake.mail.smtp.REPLY_TIMEOUT_S", 1.0)
    monkeypatch.setenv("PAPERLAKE_CONTACT", "papers@example.org")
    monkeypatch.setenv("PAPERLAKE_EDITIONS", str(tmp_path / "editions.toml"))
    (tmp_path / "editions.toml").write_text('[daily]\nevery = "day"\nrecipients = ["ada@example.org"]\n')
    with SmtpServer(lambda _recipient, _attempt: fault) as server:
        monkeypatch.setenv("PAPERLAKE_SMTP_URL", f"smtp://127.0.0.1:{server.port}")
        report = digest(context(NOW))
    assert report.issues == ("daily/2025-11-07",)
    assert report.problems == (f"daily/2025-11-07: {problem}",)
    assert report.retry_helps is retry_helps


def test_doctor_shows_the_checks_and_reads_no_schedules_without_a_server(context):
    run = context(NOW)
    checks = doctor(run, lambda *_: pytest.fail("no Prefect server is known"), is_thorough=False)
    assert {check.state for check in checks} == {"ok", "warn"}
    assert run.runner.calls == ["show doctor: 0 checks failed"]


def test_doctor_checks_the_schedules_of_a_configured_server(context, monkeypatch):
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:9/api")
    checks = doctor(context(NOW), lambda *_: None, is_thorough=False)
    assert [(check.name, check.state) for check in checks][-1] == ("schedule", "fail")
