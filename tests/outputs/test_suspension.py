"""A subscription whose mailbox refuses every letter is suspended, is reported, and can be resumed."""

import json
import sqlite3
from datetime import UTC, datetime, timedelta

import pytest
from click.testing import CliRunner

from cli.main import main
from paperlake.mail.database import ReaderDatabase
from paperlake.mail.relay import Relay
from paperlake.mail.smtp import SmtpClient
from paperlake.mail.subscribers import Subscribers
from paperlake.monitoring.subscriptions import check_subscriptions
from paperlake.outputs.delivery import deliver, recipients
from tests.letter_sender import SENDER, letter
from tests.smtp_server import SmtpFault, SmtpServer

START = datetime(2025, 11, 3, 6, tzinfo=UTC)
ADA, BOB = "ada@example.org", "bob@example.org"
NOBODY = SmtpFault("rcpt", "550 5.1.1 no such user")
DENIED = SmtpFault("rcpt", "550 relay not permitted")
LATER = SmtpFault("rcpt", "451 4.2.2 mailbox full")
LOST = SmtpFault("dot")


@pytest.fixture
def database(lake_in_force, tmp_path):
    with ReaderDatabase(tmp_path / "state") as opened:
        yield opened


@pytest.fixture
def subscribers(database):
    opened = Subscribers(database)
    for address in (ADA, BOB):
        opened.add_confirmed(address, "weekly", START)
    return opened


def send_issue(database, after, faults, named=()):
    """Send the issue of a day `after` START, with the faults by address; returns the report."""
    now = START + timedelta(days=after)
    to = recipients(database, "weekly", list(named), now)
    with (
        SmtpServer(lambda recipient, _: faults.get(recipient)) as server,
        SmtpClient(Relay("127.0.0.1", server.port, "none"), SENDER, final_reply_timeout_s=1) as client,
    ):
        return deliver(f"weekly/{now:%Y-%m-%d}", to, letter, client, database, lambda: now, sleep=lambda _: None)


def send_issues(database, *days_and_faults, named=()):
    """Send issues in which only Bob's letter has a fault; returns how many he was tried with."""
    tried = 0
    for after, fault in days_and_faults:
        report = send_issue(database, after, {BOB: fault} if fault else {}, named)
        tried += any(BOB in (status.address for status in getattr(report, state)) for state in STATES)
    return tried


STATES = ("sent", "refused", "deferred", "in_doubt")


def statuses(subscribers):
    return {row.address: row.status for row in subscribers.subscriptions()}


def test_three_permanent_refusals_over_a_week_suspend_the_subscription(database, subscribers):
    assert send_issues(database, (0, NOBODY), (7, NOBODY), (14, NOBODY), (21, NOBODY), (28, NOBODY)) == 3
    assert statuses(subscribers) == {ADA: "confirmed", BOB: "suspended"}


def test_three_refusals_within_a_week_do_not_suspend_until_the_week_is_over(database, subscribers):
    assert send_issues(database, *((day, NOBODY) for day in range(12))) == 8
    (row,) = [row for row in subscribers.subscriptions() if row.address == BOB]
    assert row.since_at == START + timedelta(days=7)
    assert (row.refusal_count, row.last_refusal) == (8, "550 5.1.1 no such user")


def test_two_refusals_do_not_suspend_however_far_apart(database, subscribers):
    send_issues(database, (0, NOBODY), (60, NOBODY))
    assert statuses(subscribers)[BOB] == "confirmed"


@pytest.mark.parametrize("fault", [LATER, LOST])
def test_a_temporary_refusal_and_a_doubt_do_not_count(database, subscribers, fault):
    send_issues(database, *((7 * week, fault) for week in range(5)))
    assert statuses(subscribers)[BOB] == "confirmed"
    send_issues(database, (35, NOBODY), (42, fault), (49, NOBODY))
    assert statuses(subscribers)[BOB] == "confirmed"
    send_issues(database, (56, NOBODY))
    assert statuses(subscribers)[BOB] == "suspended", "nor do they reset the count"


def test_an_accepted_letter_resets_the_count(database, subscribers):
    send_issues(database, (0, NOBODY), (7, NOBODY), (14, None), (21, NOBODY), (22, NOBODY), (23, NOBODY))
    assert statuses(subscribers)[BOB] == "confirmed"
    send_issues(database, (28, NOBODY))
    assert statuses(subscribers)[BOB] == "suspended"


def test_running_an_issue_again_counts_no_refusal_twice(database, subscribers):
    send_issues(database, (0, NOBODY), *((8, NOBODY) for _ in range(5)))
    assert statuses(subscribers)[BOB] == "confirmed"


def test_the_report_names_who_was_suspended(database, subscribers):
    send_issues(database, (0, NOBODY), (7, NOBODY))
    report = send_issue(database, 14, {BOB: NOBODY})
    assert [(status.address, status.message) for status in report.suspended] == [
        (BOB, "3 letters refused since 2025-11-03")
    ]
    assert [status.address for status in report.refused] == [BOB]


def test_only_the_refused_edition_is_suspended(database, subscribers):
    subscribers.add_confirmed(BOB, "daily", START)
    send_issues(database, (0, NOBODY), (7, NOBODY), (14, NOBODY))
    assert [(row.edition, row.status) for row in subscribers.subscriptions() if row.address == BOB] == [
        ("daily", "confirmed"),
        ("weekly", "suspended"),
    ]


def test_a_server_that_refuses_everybody_suspends_only_mailboxes_that_it_names_as_dead(database, subscribers):
    for number in range(12):
        subscribers.add_confirmed(f"reader-{number}@example.org", "weekly", START)
    faults = {row.address: DENIED for row in subscribers.subscriptions()} | {ADA: NOBODY}
    for week in range(4):
        send_issue(database, 7 * week, faults)
    assert {address for address, status in statuses(subscribers).items() if status == "suspended"} == {ADA}


def test_a_lone_reader_who_is_refused_is_suspended_too(database, subscribers):
    subscribers.remove(ADA, None, START)
    send_issues(database, (0, DENIED), (7, DENIED), (14, DENIED))
    assert statuses(subscribers)[BOB] == "suspended"


def test_an_address_in_the_declaration_is_suspended_too_and_stays_named_when_it_is_resumed(database, subscribers):
    subscribers.remove(BOB, None, START)
    eve = "eve@example.org"
    for week in range(3):
        send_issue(database, 7 * week, {eve: NOBODY}, named=[eve])
    assert statuses(subscribers)[eve] == "suspended"
    assert recipients(database, "weekly", [eve], START)[0].address == ADA
    assert subscribers.add_confirmed(eve, "weekly", START + timedelta(days=30))
    assert statuses(subscribers)[eve] == "named"


def test_subscribing_again_resumes_and_starts_the_count_anew(database, subscribers):
    send_issues(database, (0, NOBODY), (7, NOBODY), (14, NOBODY))
    assert subscribers.add_confirmed(BOB, "weekly", START + timedelta(days=20))
    assert statuses(subscribers)[BOB] == "confirmed"
    assert send_issues(database, (21, NOBODY), (28, NOBODY)) == 2
    assert statuses(subscribers)[BOB] == "confirmed"


def test_the_reader_can_resume_by_confirming_again(database, subscribers):
    send_issues(database, (0, NOBODY), (7, NOBODY), (14, NOBODY))
    token = subscribers.request(BOB, "weekly", START).confirm_token
    assert statuses(subscribers)[BOB] == "suspended"
    assert subscribers.confirm(token, START) == "weekly"
    assert statuses(subscribers)[BOB] == "confirmed"


def test_an_unsubscribe_link_works_while_suspended(database, subscribers):
    _, bob = recipients(database, "weekly", [], START)
    send_issues(database, (0, NOBODY), (7, NOBODY), (14, NOBODY))
    assert subscribers.unsubscribe(bob.unsubscribe_token, START) == "weekly"
    assert statuses(subscribers)[BOB] == "unsubscribed"


def papers(*words):
    return CliRunner().invoke(main, words)


def test_the_list_of_subscribers_shows_the_suspension_and_how_to_resume(database, subscribers):
    send_issues(database, (0, NOBODY), (7, NOBODY), (14, NOBODY))
    result = papers("subscribers")
    assert "suspended" in result.stdout
    assert "550 5.1.1 no such user" in result.stdout
    assert "1 subscription is suspended" in result.stderr
    assert "papers subscribe ADDRESS --edition EDITION --confirmed" in result.stderr
    rows = json.loads(papers("subscribers", "--json").stdout)
    assert [(row["address"], row["status"], row["refusal_count"]) for row in rows] == [
        (ADA, "confirmed", 0),
        (BOB, "suspended", 3),
    ]
    assert "resumed" in papers("subscribe", BOB, "--edition", "weekly", "--confirmed").output
    assert statuses(subscribers)[BOB] == "confirmed"


def test_doctor_counts_suspended_subscriptions_without_addresses(database, subscribers, tmp_path):
    (check,) = check_subscriptions(tmp_path / "state")
    assert (check.state, check.message) == ("ok", "2 subscriptions, none is suspended")
    send_issues(database, (0, NOBODY), (7, NOBODY), (14, NOBODY))
    (check,) = check_subscriptions(tmp_path / "state")
    assert (check.state, check.message) == ("warn", "1 of 2 subscriptions is suspended after refused letters")
    assert check.remedy == "papers subscribers"


def test_doctor_says_nothing_where_nobody_ever_subscribed(tmp_path):
    assert check_subscriptions(tmp_path / "empty") == []
    assert not (tmp_path / "empty").exists()


def test_doctor_reports_a_damaged_database(tmp_path):
    (tmp_path / "subscribers.sqlite3").write_bytes(b"x" * 5000)
    (check,) = check_subscriptions(tmp_path)
    assert check.state == "fail"
    assert "cannot be used" in check.message


def test_a_database_of_the_first_version_is_upgraded(tmp_path):
    from paperlake.mail.database import VERSIONS  # noqa: PLC0415 - one test needs it

    with sqlite3.connect(tmp_path / "subscribers.sqlite3") as connection:
        connection.executescript(f"{VERSIONS[0]} pragma user_version = 1;")
        connection.execute(
            "insert into subscriptions values ('ada@example.org', 'weekly', 'ada@example.org', 'confirmed',"
            " '2025-11-03T06:00:00.000000+00:00', null, null, 'token')"
        )
    connection.close()
    for _ in range(2):
        with ReaderDatabase(tmp_path) as database:
            assert statuses(Subscribers(database)) == {ADA: "confirmed"}
