"""The flow `digest`, at a real Prefect API."""

from datetime import timedelta

import pytest

from flows.digest import DigestHadProblems, digest
from paperlake.config import read_settings
from paperlake.outputs.editions import editions_file
from paperlake.pipelines import digest as pipeline
from tests.outputs.test_digest import ADA, DAY, after_close, issue_rows, lake, server
from tests.outputs.test_editions_of_the_lake import folders, run
from tests.smtp_server import SmtpFault, SmtpServer

__all__ = ["folders", "lake", "server"]  # fixtures

pytestmark = [pytest.mark.real, pytest.mark.usefixtures("prefect_api", "lake")]


def test_the_flow_releases_the_newest_issues_and_mails_them(lake, server):
    assert digest("day", now=after_close(DAY)) == ["daily/2025-11-06"]
    assert [letter.recipient for letter in server.accepted] == [ADA]
    assert (lake.site / "feeds/daily/atom.xml").read_text().count("<entry>") == 2


def test_the_flow_fails_while_its_date_is_missing(lake, server):
    with pytest.raises(DigestHadProblems, match="is not released yet"):
        digest.with_options(retries=0)("day", now=after_close(DAY + timedelta(days=1)))
    assert server.accepted == []
    assert issue_rows(lake).is_empty()


def test_an_edition_that_cannot_be_mailed_does_not_stop_the_others(lake, server, tmp_path):
    text = '[broken]\nevery = "day"\nrecipients = ["no one@example.org"]\n'.replace("no one", "a" * 70)
    (tmp_path / "editions.toml").write_text(text + (tmp_path / "editions.toml").read_text())
    with pytest.raises(DigestHadProblems):
        digest.with_options(retries=0)("day", now=after_close(DAY))
    assert [letter.recipient for letter in server.accepted] == [ADA]
    assert set(issue_rows(lake)["edition"]) == {"broken", "daily"}


def test_refused_letters_fail_the_run_at_once_because_a_retry_would_not_help(monkeypatch):
    runs, run_pipeline = [], pipeline.digest
    monkeypatch.setattr(
        pipeline, "digest", lambda *values, **options: runs.append(1) or run_pipeline(*values, **options)
    )
    with SmtpServer(lambda _recipient, _attempt: SmtpFault("rcpt", "550 5.1.1 nobody")) as server:
        monkeypatch.setenv("PAPERLAKE_SMTP_URL", f"smtp://127.0.0.1:{server.port}")
        with pytest.raises(DigestHadProblems, match=r"daily/2025-11-06: 1 letter refused"):
            digest.with_options(retries=3, retry_delay_seconds=0)("day", now=after_close(DAY))
    assert len(runs) == 1


def test_without_a_mail_server_issues_are_released_too(lake):
    assert digest("day", now=after_close(DAY)) == ["daily/2025-11-06"]
    assert issue_rows(lake).height == 2


def test_the_digest_flow_has_the_editions_of_the_lake(lake, folders, monkeypatch):
    monkeypatch.delenv("PAPERLAKE_EDITIONS")
    run("site")
    monkeypatch.chdir(folders / "without")
    assert digest("day", mail=False, now=after_close(DAY)) == ["nlp/2025-11-06"]
    assert editions_file(read_settings()).path == lake.editions
