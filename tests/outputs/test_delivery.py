"""Delivery of an issue: each reader gets it once, and every other result is reported."""

from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from paperlake.mail.database import ReaderDatabase
from paperlake.mail.deliveries import AlreadyClaimed, Deliveries, IssueBusy
from paperlake.mail.relay import Relay
from paperlake.mail.smtp import SmtpClient
from paperlake.mail.subscribers import Subscribers
from paperlake.outputs.delivery import InvalidLetter, NotResendable, Recipient, deliver, recipients
from tests.letter_sender import ISSUE, SENDER, letter
from tests.smtp_server import SmtpFault, SmtpServer

NOW = datetime(2025, 11, 7, 6, tzinfo=UTC)
ADA, BOB, EVE = "ada@example.org", "bob@example.org", "eve@example.org"


FAULTS = {ADA: SmtpFault("rcpt", "550 nobody"), BOB: SmtpFault("rcpt", "451 later"), EVE: SmtpFault("dot")}


@pytest.fixture
def database(tmp_path):
    with ReaderDatabase(tmp_path / "state") as opened:
        yield opened


@pytest.fixture
def people(database):
    subscribers = Subscribers(database)
    for address in (ADA, BOB, EVE):
        subscribers.add_confirmed(address, "weekly", NOW)
    return recipients(database, "weekly", [], NOW)


def run(server, database, to, **options):
    options = {"sleep": lambda _: None, "letter": letter, "issue": ISSUE} | options
    with SmtpClient(Relay("127.0.0.1", server.port, "none"), SENDER, final_reply_timeout_s=1) as client:
        return deliver(options.pop("issue"), to, options.pop("letter"), client, database, lambda: NOW, **options)


def addresses(statuses):
    return [status.address for status in statuses]


def letter_counts(server):
    return Counter(letter.recipient for letter in server.accepted)


def first_attempt(fault, *addresses):
    """The fault for the first attempt to one of the addresses, or to anybody."""
    return lambda recipient, attempt: fault if attempt == 1 and recipient in (addresses or (recipient,)) else None


def test_every_reader_gets_one_letter(database, people):
    with SmtpServer() as server:
        assert addresses(run(server, database, people).sent) == [ADA, BOB, EVE]
        second = run(server, database, people)
    assert (second.sent, addresses(second.sent_before)) == ([], [ADA, BOB, EVE])
    assert second.is_complete
    assert letter_counts(server) == {ADA: 1, BOB: 1, EVE: 1}


def test_the_next_issue_is_sent_too(database, people):
    with SmtpServer() as server:
        run(server, database, people)
        run(server, database, people, issue="weekly-2025-W46")
    assert letter_counts(server) == {ADA: 2, BOB: 2, EVE: 2}


def test_a_refused_reader_gets_only_the_next_issue(database, people):
    with SmtpServer(first_attempt(SmtpFault("rcpt", "550 nobody"), BOB)) as server:
        assert addresses(run(server, database, people).refused) == [BOB]
        second = run(server, database, people)
        assert [(status.address, status.message) for status in second.refused] == [(BOB, "550 nobody")]
        assert not second.is_complete
        assert second.failures == "1 letter refused"
        assert addresses(run(server, database, people, issue="weekly-2025-W46").sent) == [ADA, BOB, EVE]


def test_a_deferred_letter_is_retried_within_the_run(database, people):
    pauses = []
    with SmtpServer(first_attempt(SmtpFault("dot", "451 later"))) as server:
        report = run(server, database, people, sleep=pauses.append)
    assert addresses(report.sent) == [ADA, BOB, EVE]
    assert len(pauses) == 1


def test_a_retried_letter_is_made_again_so_that_its_date_is_new(database, people):
    made = []

    def dated(recipient):
        made.append(recipient.address)
        return letter(recipient)

    with SmtpServer(lambda _, attempt: SmtpFault("rcpt", "451 later") if attempt < 3 else None) as server:
        run(server, database, people[:1], letter=dated)
    assert made == [ADA] * 3


def test_failures_are_counted_by_kind_in_words(database, people):
    with SmtpServer(lambda recipient, _: FAULTS.get(recipient)) as server:
        report = run(server, database, people)
    assert report.failures == "1 letter refused, 1 letter deferred, 1 letter in doubt"


def test_a_run_leaves_deferred_letters_to_the_next_run_within_a_minute(database, people):
    pauses = []
    with SmtpServer(lambda recipient, _: SmtpFault("rcpt", "451 later") if recipient == BOB else None) as server:
        report = run(server, database, people, sleep=pauses.append)
    assert [(status.address, status.message) for status in report.deferred] == [(BOB, "451 later")]
    assert not report.is_complete
    assert 0 < sum(pauses) < 60
    with SmtpServer() as server:
        assert addresses(run(server, database, people).sent) == [BOB]


def test_a_letter_in_doubt_is_reported_and_not_sent_again(database, people):
    with SmtpServer(first_attempt(SmtpFault("dot", is_accepted=True), BOB)) as server:
        report = run(server, database, people)
        assert (addresses(report.sent), addresses(report.in_doubt)) == ([ADA, EVE], [BOB])
        assert addresses(run(server, database, people).in_doubt) == [BOB]
        assert letter_counts(server)[BOB] == 1
    assert [row.address for row in Deliveries(database).in_doubt()] == [BOB]


def test_a_letter_in_doubt_can_be_resent_on_request(database, people):
    with SmtpServer(first_attempt(SmtpFault("dot"), BOB)) as server:
        run(server, database, people)
        assert addresses(run(server, database, people, resend_to=["Bob@EXAMPLE.org"]).sent) == [BOB]
        (row,) = [row for row in Deliveries(database).of_issue(ISSUE) if row.address == BOB]
        assert (row.state, row.attempt_count) == ("sent", 2)
        with pytest.raises(NotResendable, match="not in doubt"):
            run(server, database, people, resend_to=[BOB])
        with pytest.raises(NotResendable, match="not a recipient"):
            run(server, database, people, resend_to=["nobody@example.org"])
    assert letter_counts(server)[BOB] == 1


def test_a_deferred_second_attempt_leaves_the_letter_in_doubt(database, people):
    with SmtpServer(first_attempt(SmtpFault("dot"), BOB)) as server:
        in_doubt = run(server, database, people).in_doubt
    with SmtpServer(lambda _recipient, _attempt: SmtpFault("dot", "451 later")) as server:
        report = run(server, database, people, resend_to=[BOB])
    assert (report.in_doubt, report.deferred) == (in_doubt, [])


def test_a_claim_of_a_dead_sender_is_in_doubt(database, people):
    Deliveries(database).claim(ISSUE, BOB, "<1@example.org>", NOW)
    with SmtpServer() as server:
        report = run(server, database, people)
    assert [status.message for status in report.in_doubt] == ["the sender died while sending it"]
    assert BOB not in letter_counts(server)


def test_a_letter_can_be_claimed_once(database):
    deliveries = Deliveries(database)
    deliveries.claim(ISSUE, ADA, "<1@example.org>", NOW)
    with pytest.raises(AlreadyClaimed):
        deliveries.claim(ISSUE, ADA.upper(), "<1@example.org>", NOW)


def test_an_issue_that_is_being_sent_is_locked(database, people):
    with SmtpServer() as server, Deliveries(database).lock_issue(ISSUE):
        with pytest.raises(IssueBusy, match="wait for it to finish"):
            run(server, database, people)
        assert run(server, database, people, issue="daily-2025-11-07").is_complete, "another issue is not locked"


def test_a_run_stops_after_three_doubts_in_a_row(database):
    people = [Recipient(f"reader-{number}@example.org", f"{number:020}") for number in range(20)]
    with SmtpServer(lambda _recipient, _attempt: SmtpFault("dot")) as server:
        report = run(server, database, people)
    assert (len(report.in_doubt), len(report.deferred)) == (3, 17)
    assert "in a row" in report.deferred[0].message


def test_a_run_stops_after_ten_refusals_in_a_row(database):
    people = [Recipient(f"reader-{number}@example.org", f"{number:020}") for number in range(20)]
    with SmtpServer(lambda _recipient, _attempt: SmtpFault("rcpt", "554 5.7.1 relay access denied")) as server:
        report = run(server, database, people)
        assert (len(report.refused), len(report.deferred)) == (10, 10)
        assert "perhaps refuses our mail" in report.deferred[0].message
    with SmtpServer() as server:
        assert len(run(server, database, people).sent) == 10
        assert len(run(server, database, people, resend_to=addresses(report.refused)).sent) == 10


def test_without_a_server_every_letter_is_deferred(database, people):
    with SmtpServer() as server:
        pass
    ticks = []
    report = run(server, database, people, progress=lambda: ticks.append(1))
    assert addresses(report.deferred) == [ADA, BOB, EVE]
    assert "cannot be reached" in report.deferred[0].message
    assert len(ticks) == 3
    assert not Deliveries(database).of_issue(ISSUE)


def test_a_reader_who_unsubscribes_during_the_run_gets_no_letter(database, people):
    def unsubscribe_bob_first(recipient):
        Subscribers(database).unsubscribe(people[1].unsubscribe_token, NOW)
        return letter(recipient)

    with SmtpServer() as server:
        report = run(server, database, people, letter=unsubscribe_bob_first)
    assert (addresses(report.sent), addresses(report.left)) == ([ADA, EVE], [BOB])


def test_a_letter_with_another_address_is_not_sent(database, people):
    with SmtpServer() as server, pytest.raises(InvalidLetter):
        run(
            server,
            database,
            people,
            letter=lambda recipient: letter(people[0] if recipient.address == BOB else recipient),
        )
    assert letter_counts(server) == {ADA: 1}


def test_a_mailbox_that_is_given_twice_gets_one_letter(database):
    twice = [Recipient(ADA, "t" * 20), Recipient("Ada@example.org", "u" * 20)]
    with SmtpServer() as server:
        assert len(run(server, database, twice).sent) == 1
    assert len(server.accepted) == 1


def test_a_non_ascii_address_gets_its_letter(database):
    jurgen = [Recipient("jürgen@xn--bcher-kva.example", "t" * 20)]
    with SmtpServer() as server:
        assert len(run(server, database, jurgen).sent) == 1
    with SmtpServer(offers=()) as server:
        assert len(run(server, database, jurgen, issue="weekly-2025-W46").refused) == 1


# --- the recipients of an edition


def test_recipients_are_confirmed_or_named(database):
    subscribers = Subscribers(database)
    subscribers.add_confirmed(ADA, "weekly", NOW)
    subscribers.add_confirmed(BOB, "daily", NOW)
    subscribers.request(EVE, "weekly", NOW)
    rows = recipients(database, "weekly", ["Team@Example.org"], NOW)
    assert [recipient.address for recipient in rows] == [ADA, "Team@example.org"]
    assert len({recipient.unsubscribe_token for recipient in rows}) == 2
    assert recipients(database, "weekly", ["Team@Example.org"], NOW) == rows, "tokens are stable"


def test_an_address_that_is_no_longer_named_gets_nothing(database):
    assert recipients(database, "weekly", [ADA], NOW)
    assert recipients(database, "weekly", [], NOW) == []


def test_a_named_address_that_unsubscribed_gets_nothing_until_it_confirms(database):
    (ada,) = recipients(database, "weekly", [ADA], NOW)
    subscribers = Subscribers(database)
    subscribers.unsubscribe(ada.unsubscribe_token, NOW)
    assert recipients(database, "weekly", [ADA], NOW) == []
    token = subscribers.request(ADA, "weekly", NOW).confirm_token
    assert recipients(database, "weekly", [ADA], NOW) == []
    subscribers.confirm(token, NOW + timedelta(days=1))
    assert recipients(database, "weekly", [], NOW) == [ada]


def test_a_named_address_gets_letters_while_its_confirmation_is_pending(database):
    recipients(database, "weekly", [ADA], NOW)
    token = Subscribers(database).request(ADA, "weekly", NOW).confirm_token
    assert len(recipients(database, "weekly", [ADA], NOW)) == 1
    assert Subscribers(database).confirm(token, NOW) == "weekly"
    assert len(recipients(database, "weekly", [], NOW)) == 1
