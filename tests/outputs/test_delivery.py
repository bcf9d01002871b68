"""An issue and its readers: who gets it, once, and what is said of the others."""

from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from paperlake.mail.database import ReaderDatabase
from paperlake.mail.deliveries import AlreadyClaimed, Deliveries, IssueBusy
from paperlake.mail.relay import Relay
from paperlake.mail.smtp import SmtpClient
from paperlake.mail.subscribers import Subscribers
from paperlake.outputs.delivery import AgainWrong, LetterWrong, Recipient, deliver, recipients
from tests.letter_sender import ISSUE, SENDER, letter
from tests.smtp_server import Fault, SmtpServer

NOW = datetime(2025, 11, 7, 6, tzinfo=UTC)
ADA, BOB, EVE = "ada@example.org", "bob@example.org", "eve@example.org"


@pytest.fixture
def database(tmp_path):
    with ReaderDatabase(tmp_path / "state") as opened:
        yield opened


@pytest.fixture
def people(database):
    subscribers = Subscribers(database)
    for address in (ADA, BOB, EVE):
        subscribers.admit(address, "weekly", NOW)
    return recipients(database, "weekly", [], NOW)


def run(server, database, to, **options):
    options = {"sleep": lambda _: None, "letter": letter, "issue": ISSUE} | options
    with SmtpClient(Relay("127.0.0.1", server.port, "none"), SENDER, verdict_within_s=1) as postman:
        return deliver(options.pop("issue"), to, options.pop("letter"), postman, database, lambda: NOW, **options)


def addresses(told):
    return [one.address for one in told]


def counted(server):
    return Counter(one.recipient for one in server.taken)


def once(fault, *whom):
    return lambda recipient, tries: fault if tries == 1 and recipient in (whom or (recipient,)) else None


def test_everybody_gets_a_letter_and_nobody_a_second(database, people):
    with SmtpServer() as server:
        assert addresses(run(server, database, people).sent) == [ADA, BOB, EVE]
        again = run(server, database, people)
    assert (again.sent, addresses(again.sent_before)) == ([], [ADA, BOB, EVE])
    assert again.is_whole
    assert counted(server) == {ADA: 1, BOB: 1, EVE: 1}


def test_the_next_issue_is_another(database, people):
    with SmtpServer() as server:
        run(server, database, people)
        run(server, database, people, issue="weekly-2025-W46")
    assert counted(server) == {ADA: 2, BOB: 2, EVE: 2}


def test_a_refused_reader_is_tried_again_with_the_next_issue_only(database, people):
    with SmtpServer(once(Fault("rcpt", "550 nobody"), BOB)) as server:
        assert addresses(run(server, database, people).refused) == [BOB]
        second = run(server, database, people)
        assert [(one.address, one.said) for one in second.refused] == [(BOB, "550 nobody")]
        assert second.is_whole
        assert addresses(run(server, database, people, issue="weekly-2025-W46").sent) == [ADA, BOB, EVE]


def test_a_letter_put_off_is_tried_again_within_the_run(database, people):
    naps = []
    with SmtpServer(once(Fault("dot", "451 later"))) as server:
        done = run(server, database, people, sleep=naps.append)
    assert addresses(done.sent) == [ADA, BOB, EVE]
    assert len(naps) == 1


def test_what_stays_put_off_is_left_to_the_next_run_in_less_than_a_minute(database, people):
    naps = []
    with SmtpServer(lambda who, _: Fault("rcpt", "451 later") if who == BOB else None) as server:
        done = run(server, database, people, sleep=naps.append)
    assert [(one.address, one.said) for one in done.deferred] == [(BOB, "451 later")]
    assert not done.is_whole
    assert 0 < sum(naps) < 60
    with SmtpServer() as server:
        assert addresses(run(server, database, people).sent) == [BOB]


def test_a_doubt_is_told_and_not_sent_again_by_itself(database, people):
    with SmtpServer(once(Fault("dot", is_taken=True), BOB)) as server:
        done = run(server, database, people)
        assert (addresses(done.sent), addresses(done.in_doubt)) == ([ADA, EVE], [BOB])
        assert addresses(run(server, database, people).in_doubt) == [BOB]
        assert counted(server)[BOB] == 1
    assert [row.address for row in Deliveries(database).doubts()] == [BOB]


def test_a_person_can_resolve_a_doubt(database, people):
    with SmtpServer(once(Fault("dot"), BOB)) as server:
        run(server, database, people)
        assert addresses(run(server, database, people, again=["Bob@EXAMPLE.org"]).sent) == [BOB]
        (row,) = [row for row in Deliveries(database).deliveries(ISSUE) if row.address == BOB]
        assert (row.state, row.attempt_count) == ("sent", 2)
        with pytest.raises(AgainWrong, match="there is no doubt"):
            run(server, database, people, again=[BOB])
        with pytest.raises(AgainWrong, match="no recipient"):
            run(server, database, people, again=["nobody@example.org"])
    assert counted(server)[BOB] == 1


def test_a_second_try_that_is_put_off_leaves_the_doubt_as_it_was(database, people):
    with SmtpServer(once(Fault("dot"), BOB)) as server:
        said = run(server, database, people).in_doubt
    with SmtpServer(lambda _who, _try: Fault("dot", "451 later")) as server:
        done = run(server, database, people, again=[BOB])
    assert (done.in_doubt, done.deferred) == (said, [])


def test_a_dead_senders_claim_is_a_doubt(database, people):
    Deliveries(database).claim(ISSUE, BOB, "<1@example.org>", NOW)
    with SmtpServer() as server:
        done = run(server, database, people)
    assert [one.said for one in done.in_doubt] == ["the sender died while it handed it over"]
    assert BOB not in counted(server)


def test_a_claim_is_made_once(database):
    deliveries = Deliveries(database)
    deliveries.claim(ISSUE, ADA, "<1@example.org>", NOW)
    with pytest.raises(AlreadyClaimed):
        deliveries.claim(ISSUE, ADA.upper(), "<1@example.org>", NOW)


def test_an_issue_under_way_is_not_begun_a_second_time(database, people):
    with SmtpServer() as server, Deliveries(database).sending(ISSUE):
        with pytest.raises(IssueBusy, match="wait for it to end"):
            run(server, database, people)
        assert run(server, database, people, issue="daily-2025-11-07").is_whole, "another issue is free"


def test_a_server_that_swallows_everything_is_not_fed_for_long(database):
    people = [Recipient(f"reader-{number}@example.org", f"{number:020}") for number in range(20)]
    with SmtpServer(lambda _who, _try: Fault("dot")) as server:
        done = run(server, database, people)
    assert (len(done.in_doubt), len(done.deferred)) == (3, 17)
    assert "in a row" in done.deferred[0].said


def test_a_server_that_refuses_everybody_is_not_believed_for_long(database):
    people = [Recipient(f"reader-{number}@example.org", f"{number:020}") for number in range(20)]
    with SmtpServer(lambda _who, _try: Fault("rcpt", "554 5.7.1 relay access denied")) as server:
        done = run(server, database, people)
        assert (len(done.refused), len(done.deferred)) == (10, 10)
        assert "perhaps us" in done.deferred[0].said
    with SmtpServer() as server:
        assert len(run(server, database, people).sent) == 10
        assert len(run(server, database, people, again=addresses(done.refused)).sent) == 10


def test_without_a_server_everybody_is_put_off(database, people):
    with SmtpServer() as server:
        pass
    ticks = []
    done = run(server, database, people, progress=lambda: ticks.append(1))
    assert addresses(done.deferred) == [ADA, BOB, EVE]
    assert "cannot be reached" in done.deferred[0].said
    assert len(ticks) == 3
    assert not Deliveries(database).deliveries(ISSUE)


def test_who_leaves_while_an_issue_is_sent_gets_no_letter_any_more(database, people):
    def written(one):
        Subscribers(database).leave(people[1].unsubscribe_token, NOW)
        return letter(one)

    with SmtpServer() as server:
        done = run(server, database, people, letter=written)
    assert (addresses(done.sent), addresses(done.left)) == ([ADA, EVE], [BOB])


def test_a_letter_to_somebody_else_is_not_sent(database, people):
    with SmtpServer() as server, pytest.raises(LetterWrong):
        run(server, database, people, letter=lambda _one: letter(people[0]) if _one.address == BOB else letter(_one))
    assert counted(server) == {ADA: 1}


def test_a_mailbox_that_is_listed_twice_gets_one_letter(database):
    twice = [Recipient(ADA, "t" * 20), Recipient("Ada@example.org", "u" * 20)]
    with SmtpServer() as server:
        assert len(run(server, database, twice).sent) == 1
    assert len(server.taken) == 1


def test_an_address_beyond_ascii_gets_its_letter(database):
    jurgen = [Recipient("jürgen@xn--bcher-kva.example", "t" * 20)]
    with SmtpServer() as server:
        assert len(run(server, database, jurgen).sent) == 1
    with SmtpServer(offers=()) as server:
        assert len(run(server, database, jurgen, issue="weekly-2025-W46").refused) == 1


# --- who gets an edition


def test_recipients_are_the_confirmed_and_the_named(database):
    subscribers = Subscribers(database)
    subscribers.admit(ADA, "weekly", NOW)
    subscribers.admit(BOB, "daily", NOW)
    subscribers.ask(EVE, "weekly", NOW)
    found = recipients(database, "weekly", ["Team@Example.org"], NOW)
    assert [one.address for one in found] == [ADA, "Team@example.org"]
    assert len({one.unsubscribe_token for one in found}) == 2
    assert recipients(database, "weekly", ["Team@Example.org"], NOW) == found, "tokens last"


def test_a_named_address_that_is_named_no_more_gets_nothing(database):
    assert recipients(database, "weekly", [ADA], NOW)
    assert recipients(database, "weekly", [], NOW) == []


def test_a_named_address_that_left_stays_out_even_while_asked_again(database):
    (ada,) = recipients(database, "weekly", [ADA], NOW)
    subscribers = Subscribers(database)
    subscribers.leave(ada.unsubscribe_token, NOW)
    assert recipients(database, "weekly", [ADA], NOW) == []
    token = subscribers.ask(ADA, "weekly", NOW).confirm_token
    assert recipients(database, "weekly", [ADA], NOW) == []
    subscribers.confirm(token, NOW + timedelta(days=1))
    assert recipients(database, "weekly", [], NOW) == [ada]


def test_a_named_address_keeps_its_letters_while_it_is_asked(database):
    recipients(database, "weekly", [ADA], NOW)
    token = Subscribers(database).ask(ADA, "weekly", NOW).confirm_token
    assert len(recipients(database, "weekly", [ADA], NOW)) == 1
    assert Subscribers(database).confirm(token, NOW) == "weekly"
    assert len(recipients(database, "weekly", [], NOW)) == 1
