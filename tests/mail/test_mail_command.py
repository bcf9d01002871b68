"""`papers subscribe` and its kin, as a person types them."""

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
from paperlake.config import SettingWrong, settings
from tests.smtp_server import Fault, SmtpServer

ADA = "ada@example.org"
ROOT = Path(__file__).parents[2]


@pytest.fixture
def papers(lake_in_force, monkeypatch):
    """Types a command, with an address to send from and a place for links to lead to."""
    monkeypatch.setenv("PAPERLAKE_CONTACT", "mailto:papers@example.org")
    monkeypatch.setenv("PAPERLAKE_PUBLIC_URL", "https://papers.example.org/mail/")
    monkeypatch.delenv("PAPERLAKE_SMTP_URL", raising=False)
    return lambda *words: CliRunner().invoke(main, [str(word) for word in words])


def listed(papers):
    rows = json.loads(papers("subscribers", "--json").output)
    return {(row["address"], row["edition"]): row["status"] for row in rows}


def test_subscribe_sends_the_letter_that_asks(papers, monkeypatch):
    with SmtpServer() as server:
        monkeypatch.setenv("PAPERLAKE_SMTP_URL", f"smtp://127.0.0.1:{server.port}")
        done = papers("subscribe", ADA, "--edition", "weekly")
    assert done.exit_code == 0, done.output
    assert "asked to confirm" in done.output
    assert listed(papers) == {(ADA, "weekly"): "pending"}
    (taken,) = server.taken
    assert (taken.recipient, taken.sender) == (ADA, "papers@example.org")
    assert "https://papers.example.org/mail/confirm/" in taken.letter.get_content()
    assert "/confirm/" not in done.output, "the link is for the reader alone"


def test_subscribe_says_when_the_letter_was_not_taken(papers, monkeypatch):
    with SmtpServer(lambda _who, _try: Fault("rcpt", "550 nobody here")) as server:
        monkeypatch.setenv("PAPERLAKE_SMTP_URL", f"smtp://127.0.0.1:{server.port}")
        done = papers("subscribe", ADA, "--edition", "weekly")
    assert done.exit_code == 1
    assert "550 nobody here" in done.output
    unreached = papers("subscribe", ADA, "--edition", "weekly")
    assert unreached.exit_code == 1
    assert "cannot be reached" in unreached.output


def test_subscribe_without_a_mail_server_gives_the_link_to_hand_over(papers):
    done = papers("subscribe", ADA, "--edition", "weekly")
    assert done.exit_code == 0
    assert "https://papers.example.org/mail/confirm/" in done.output
    assert "alone" in done.output


def test_subscribe_without_a_place_for_the_link_explains_itself(papers, monkeypatch):
    monkeypatch.delenv("PAPERLAKE_PUBLIC_URL")
    done = papers("subscribe", ADA, "--edition", "weekly")
    assert done.exit_code == 1
    assert "PAPERLAKE_PUBLIC_URL" in done.output
    assert "--confirmed" in done.output
    assert listed(papers) == {}


@pytest.mark.parametrize("contact", ["", "https://example.org/us", "Ada <ada@example.org>"])
def test_letters_are_from_a_mail_address_or_not_sent(papers, monkeypatch, contact):
    monkeypatch.setenv("PAPERLAKE_CONTACT", contact)
    monkeypatch.setenv("PAPERLAKE_SMTP_URL", "smtp://127.0.0.1:9")
    done = papers("subscribe", ADA, "--edition", "weekly")
    assert done.exit_code == 1
    assert "PAPERLAKE_CONTACT" in done.output
    assert listed(papers) == {}


def test_a_known_consent_needs_no_letter(papers, monkeypatch):
    monkeypatch.delenv("PAPERLAKE_PUBLIC_URL")
    assert "confirmed now" in papers("subscribe", ADA, "--edition", "weekly", "--confirmed").output
    assert "before" in papers("subscribe", ADA, "--edition", "weekly", "--confirmed").output
    assert listed(papers) == {(ADA, "weekly"): "confirmed"}


def test_unsubscribe_takes_an_address_or_the_token_of_a_mail(papers, tmp_path):
    from paperlake.mail.database import ReaderDatabase  # noqa: PLC0415 - one test needs it
    from paperlake.mail.subscribers import Subscribers  # noqa: PLC0415

    for edition in ("daily", "weekly"):
        papers("subscribe", ADA, "--edition", edition, "--confirmed")
    assert "left: weekly" in papers("unsubscribe", "ADA@example.org", "--edition", "weekly").output
    with ReaderDatabase(tmp_path / "state") as database:
        ((_, token),) = Subscribers(database).reached("daily", [], settings_now())
    assert "Left: daily" in papers("unsubscribe", token).output
    assert set(listed(papers).values()) == {"unsubscribed"}
    assert papers("unsubscribe", "x" * 43).exit_code == 1
    assert papers("unsubscribe", "bob@example.org").exit_code == 0


def settings_now():
    from paperlake.clock import started  # noqa: PLC0415 - one test needs it

    return started(None).started_at


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
def test_what_is_misspelt_is_explained(papers, words):
    done = papers(*words)
    assert done.exit_code == 2
    assert "Error" in done.output
    assert "Traceback" not in done.output


def test_an_empty_list_says_so(papers):
    assert papers("subscribers").output == "Nobody has subscribed.\n"
    assert papers("subscribers", "--doubts").output == "No letter is in doubt.\n"


def test_a_damaged_database_is_one_line(papers, tmp_path):
    (tmp_path / "state").mkdir()
    (tmp_path / "state/subscribers.sqlite3").write_bytes(b"x" * 5000)
    done = papers("subscribers")
    assert done.exit_code == 1
    assert "cannot be used" in done.output


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
def test_a_setting_that_is_wrong_names_itself_and_no_secret(name, value):
    with pytest.raises(SettingWrong, match=name) as told:
        settings({name: value})
    assert "s3cret" not in str(told.value)


def test_settings_of_mail_are_read_and_hold_their_secrets_back():
    found = settings(
        {
            "PAPERLAKE_SMTP_URL": "smtps://ada:s3cret@mail.example.org",
            "PAPERLAKE_PUBLIC_URL": "https://papers.example.org/mail/",
            "PAPERLAKE_CONTACT": "mailto:Papers@Example.org",
        }
    )
    assert (found.sender, found.public_url) == ("Papers@example.org", "https://papers.example.org/mail")
    assert found.smtp.password == "s3cret"
    assert "s3cret" not in repr(found)
    assert settings({"PAPERLAKE_PUBLIC_URL": "http://127.0.0.1:8025"}).public_url == "http://127.0.0.1:8025"


@pytest.mark.real
def test_the_endpoint_serves_and_tells_no_token(papers, tmp_path):
    path = papers("subscribe", ADA, "--edition", "weekly").output.partition("/mail/")[2].split()[0]
    with socket.create_server(("127.0.0.1", 0)) as found:
        port = found.getsockname()[1]
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
        told, _ = process.communicate(timeout=20)
    assert listed(papers) == {(ADA, "weekly"): "confirmed"}
    assert b"listening at" in told
    assert path.partition("/")[2].encode() not in told
    assert b"Traceback" not in told


def test_a_token_that_begins_with_a_hyphen_is_no_option(papers):
    done = papers("unsubscribe", "-abcdefghijklmnopqrstuvwxyz0123456789ABCDE")
    assert "No such option" not in done.output
