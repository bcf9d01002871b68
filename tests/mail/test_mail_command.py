"""The commands `papers subscribe`, `unsubscribe`, `subscribers` and `mail-endpoint`."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest
from click.testing import CliRunner

from cli.main import main
from paperlake.config import InvalidSetting, read_settings
from tests.smtp_server import SmtpFault, SmtpServer

ADA = "ada@example.org"
ROOT = Path(__file__).parents[2]


@pytest.fixture
def papers(lake_in_force, monkeypatch):
    """Runs a command, with a sender address and a public URL set."""
    monkeypatch.setenv("PAPERLAKE_CONTACT", "mailto:papers@example.org")
    monkeypatch.setenv("PAPERLAKE_PUBLIC_URL", "https://papers.example.org/mail/")
    monkeypatch.delenv("PAPERLAKE_SMTP_URL", raising=False)
    return lambda *words: CliRunner().invoke(main, [str(word) for word in words])


def statuses(papers):
    rows = json.loads(papers("subscribers", "--json").output)
    return {(row["address"], row["edition"]): row["status"] for row in rows}


def test_subscribe_sends_the_confirmation_letter(papers, monkeypatch):
    with SmtpServer() as server:
        monkeypatch.setenv("PAPERLAKE_SMTP_URL", f"smtp://127.0.0.1:{server.port}")
        result = papers("subscribe", ADA, "--edition", "weekly")
    assert result.exit_code == 0, result.output
    assert "asked to confirm" in result.output
    assert statuses(papers) == {(ADA, "weekly"): "pending"}
    (accepted,) = server.accepted
    assert (accepted.recipient, accepted.sender) == (ADA, "papers@example.org")
    assert "https://papers.example.org/mail/confirm/" in accepted.letter.get_content()
    assert "/confirm/" not in result.output, "only the reader may see the link"


def test_subscribe_reports_a_letter_that_was_not_accepted(papers, monkeypatch):
    with SmtpServer(lambda _recipient, _attempt: SmtpFault("rcpt", "550 nobody here")) as server:
        monkeypatch.setenv("PAPERLAKE_SMTP_URL", f"smtp://127.0.0.1:{server.port}")
        result = papers("subscribe", ADA, "--edition", "weekly")
    assert result.exit_code == 1
    assert "550 nobody here" in result.output
    unreachable = papers("subscribe", ADA, "--edition", "weekly")
    assert unreachable.exit_code == 1
    assert "cannot be reached" in unreachable.output


def test_subscribe_without_a_mail_server_prints_the_link(papers):
    result = papers("subscribe", ADA, "--edition", "weekly")
    assert result.exit_code == 0
    assert "https://papers.example.org/mail/confirm/" in result.output
    assert "only to this person" in result.output


def test_subscribe_without_a_public_url_names_the_setting(papers, monkeypatch):
    monkeypatch.delenv("PAPERLAKE_PUBLIC_URL")
    result = papers("subscribe", ADA, "--edition", "weekly")
    assert result.exit_code == 1
    assert "PAPERLAKE_PUBLIC_URL" in result.output
    assert "--confirmed" in result.output
    assert statuses(papers) == {}


@pytest.mark.parametrize("contact", ["", "https://example.org/us", "Ada <ada@example.org>"])
def test_no_letter_is_sent_without_a_sender_address(papers, monkeypatch, contact):
    monkeypatch.setenv("PAPERLAKE_CONTACT", contact)
    monkeypatch.setenv("PAPERLAKE_SMTP_URL", "smtp://127.0.0.1:9")
    result = papers("subscribe", ADA, "--edition", "weekly")
    assert result.exit_code == 1
    assert "PAPERLAKE_CONTACT" in result.output
    assert statuses(papers) == {}


def test_confirmed_subscribes_without_a_letter(papers, monkeypatch):
    monkeypatch.delenv("PAPERLAKE_PUBLIC_URL")
    assert "confirmed now" in papers("subscribe", ADA, "--edition", "weekly", "--confirmed").output
    assert "already confirmed" in papers("subscribe", ADA, "--edition", "weekly", "--confirmed").output
    assert statuses(papers) == {(ADA, "weekly"): "confirmed"}


def test_unsubscribe_accepts_an_address_or_a_token(papers, tmp_path):
    from paperlake.mail.database import ReaderDatabase  # noqa: PLC0415 - one test needs it
    from paperlake.mail.subscribers import Subscribers  # noqa: PLC0415

    for edition in ("daily", "weekly"):
        papers("subscribe", ADA, "--edition", edition, "--confirmed")
    assert "left: weekly" in papers("unsubscribe", "ADA@example.org", "--edition", "weekly").output
    with ReaderDatabase(tmp_path / "state") as database:
        ((_, token),) = Subscribers(database).recipients("daily", [], started_at())
    assert "Left: daily" in papers("unsubscribe", token).output
    assert set(statuses(papers).values()) == {"unsubscribed"}
    assert papers("unsubscribe", "x" * 43).exit_code == 1
    assert papers("unsubscribe", "bob@example.org").exit_code == 0


def started_at():
    from paperlake.clock import start_clock  # noqa: PLC0415 - one test needs it

    return start_clock(None).started_at


@pytest.mark.parametrize(
    "words",
    [
        ("subscribe", "ada", "--edition", "weekly"),
        ("subscribe", "ada@example.org\nBcc: x@y.org", "--edition", "weekly"),
        ("subscribe", ADA, "--edition", "Weekly!"),
        ("subscribe", ADA),
        ("unsubscribe", "nobody"),
        ("unsubscribe", "x" * 43, "--edition", "weekly"),
        ("subscribers", "--doubts", "--edition", "weekly"),
    ],
)
def test_a_usage_error_exits_with_2(papers, words):
    result = papers(*words)
    assert result.exit_code == 2
    assert "Error" in result.output
    assert "Traceback" not in result.output


def test_an_empty_list_is_reported_in_words(papers):
    assert papers("subscribers").output == "Nobody has subscribed.\n"
    assert papers("subscribers", "--doubts").output == "No letter is in doubt.\n"


def test_a_damaged_database_is_reported_without_a_traceback(papers, tmp_path):
    (tmp_path / "state").mkdir()
    (tmp_path / "state/subscribers.sqlite3").write_bytes(b"x" * 5000)
    result = papers("subscribers")
    assert result.exit_code == 1
    assert "cannot be used" in result.output


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PAPERLAKE_SMTP_URL", "smtp://ada:s3cret@mail.example.org/x"),
        ("PAPERLAKE_SMTP_URL", "mail.example.org"),
        *(("PAPERLAKE_PUBLIC_URL", url) for url in ("http://papers.example.org", "papers.example.org", "https://")),
        *(("PAPERLAKE_PUBLIC_URL", f"https://papers.example.org{rest}") for rest in ("?x", "#x", "/<x>", "/a b", ":x")),
        ("PAPERLAKE_PUBLIC_URL", "https://ada:s3cret@papers.example.org"),
    ],
)
def test_an_invalid_setting_is_named_without_its_secret(name, value):
    with pytest.raises(InvalidSetting, match=name) as error:
        read_settings({name: value})
    assert "s3cret" not in str(error.value)


def test_mail_settings_are_parsed_and_hide_their_secrets():
    config = read_settings(
        {
            "PAPERLAKE_SMTP_URL": "smtps://ada:s3cret@mail.example.org",
            "PAPERLAKE_PUBLIC_URL": "https://papers.example.org/mail/",
            "PAPERLAKE_CONTACT": "mailto:Papers@Example.org",
        }
    )
    assert (config.sender, config.public_url) == ("Papers@example.org", "https://papers.example.org/mail")
    assert config.smtp.password == "s3cret"
    assert "s3cret" not in repr(config)
    assert read_settings({"PAPERLAKE_PUBLIC_URL": "http://127.0.0.1:8025"}).public_url == "http://127.0.0.1:8025"


@pytest.mark.real
def test_the_endpoint_serves_and_logs_no_token(papers, tmp_path):
    path = papers("subscribe", ADA, "--edition", "weekly").output.partition("/mail/")[2].split()[0]
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-c", "from cli.main import main; main()", "mail-endpoint", "--port", str(port)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    try:
        url = f"http://127.0.0.1:{port}/{path}"
        for _ in range(200):
            try:
                urllib.request.urlopen(url, timeout=5).close()
                break
            except OSError:
                time.sleep(0.1)
        urllib.request.urlopen(url, data=b"", timeout=5).close()
    finally:
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=20)
    assert statuses(papers) == {(ADA, "weekly"): "confirmed"}
    assert b"listening at" in output
    assert path.partition("/")[2].encode() not in output
    assert b"Traceback" not in output


def test_a_token_may_begin_with_a_hyphen(papers):
    result = papers("unsubscribe", "-abcdefghijklmnopqrstuvwxyz0123456789ABCDE")
    assert "No such option" not in result.output
