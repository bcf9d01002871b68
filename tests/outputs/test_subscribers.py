"""Subscriptions: begun by who has the address, ended by whoever has the token, and kept whatever happens."""

import stat
import threading
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paperlake.mail.address import AddressWrong, mail_address
from paperlake.mail.database import ReaderDatabase, ReadersUnusable
from paperlake.mail.subscribers import CONFIRM_WITHIN, Subscribers

NOW = datetime(2025, 11, 7, 6, tzinfo=UTC)
ADA = "ada@example.org"


@pytest.fixture
def subscribers(tmp_path):
    with ReaderDatabase(tmp_path / "state") as database:
        yield Subscribers(database)


def statuses(subscribers):
    return {(one.address, one.edition): one.status for one in subscribers.subscriptions()}


def test_a_subscription_begins_when_it_is_confirmed(subscribers):
    asked = subscribers.ask(ADA, "weekly", NOW)
    assert statuses(subscribers) == {(ADA, "weekly"): "pending"}
    assert subscribers.to_confirm(asked.confirm_token, NOW) == "weekly"
    assert statuses(subscribers) == {(ADA, "weekly"): "pending"}, "looking changes nothing"
    for _ in range(2):
        assert subscribers.confirm(asked.confirm_token, NOW) == "weekly"
        assert statuses(subscribers) == {(ADA, "weekly"): "confirmed"}


def test_a_confirm_token_expires(subscribers):
    asked = subscribers.ask(ADA, "weekly", NOW)
    late = NOW + CONFIRM_WITHIN + timedelta(seconds=1)
    assert subscribers.confirm(asked.confirm_token, late) is None
    assert statuses(subscribers) == {(ADA, "weekly"): "pending"}


def test_asking_again_voids_the_token_before(subscribers):
    first = subscribers.ask(ADA, "weekly", NOW)
    second = subscribers.ask("Ada@example.org", "weekly", NOW)
    assert subscribers.confirm(first.confirm_token, NOW) is None
    assert subscribers.confirm(second.confirm_token, NOW) == "weekly"
    assert len(subscribers.subscriptions()) == 1, "capitals do not make another mailbox"


def test_who_has_it_confirmed_is_not_asked_again(subscribers):
    assert subscribers.admit(ADA, "weekly", NOW)
    assert not subscribers.admit(ADA, "weekly", NOW)
    assert subscribers.ask(ADA, "weekly", NOW).confirm_token is None


def test_an_old_letter_still_lets_leave_and_an_old_confirmation_does_not_bring_back(subscribers):
    asked = subscribers.ask(ADA, "weekly", NOW)
    subscribers.confirm(asked.confirm_token, NOW)
    ((_, token),) = subscribers.reached("weekly", [], NOW)
    much_later = NOW + timedelta(days=3650)
    for _ in range(2):
        assert subscribers.leave(token, much_later) == "weekly"
        assert subscribers.has_left(token)
    assert subscribers.confirm(asked.confirm_token, NOW) is None
    assert subscribers.reached("weekly", [], NOW) == []


def test_leaving_one_edition_keeps_the_others(subscribers):
    subscribers.admit(ADA, "daily", NOW)
    subscribers.admit(ADA, "weekly", NOW)
    ((_, token),) = subscribers.reached("daily", [], NOW)
    subscribers.leave(token, NOW)
    assert statuses(subscribers) == {(ADA, "daily"): "unsubscribed", (ADA, "weekly"): "confirmed"}


def test_an_address_can_be_taken_out_by_hand(subscribers):
    for edition in ("daily", "monthly", "weekly"):
        subscribers.admit(ADA, edition, NOW)
    assert subscribers.remove("ADA@example.org", "weekly", NOW) == ["weekly"]
    assert subscribers.remove(ADA, None, NOW) == ["daily", "monthly"]
    assert subscribers.remove(ADA, None, NOW) == []


@pytest.mark.parametrize("token", ["", "x", "' or 1=1 --", "%", "\x00", "ü" * 40])
def test_an_unknown_token_does_nothing(subscribers, token):
    subscribers.admit(ADA, "weekly", NOW)
    assert subscribers.confirm(token, NOW) is subscribers.leave(token, NOW) is subscribers.to_leave(token) is None
    assert statuses(subscribers) == {(ADA, "weekly"): "confirmed"}


def test_tokens_cannot_be_guessed_and_differ(subscribers):
    tokens = [subscribers.ask(f"reader-{number}@example.org", "weekly", NOW).confirm_token for number in range(50)]
    tokens += [token for _, token in subscribers.reached("weekly", [f"{n}@example.org" for n in range(50)], NOW)]
    assert len(set(tokens)) == 100
    assert min(map(len, tokens)) >= 43, "256 bits"


@pytest.mark.parametrize("edition", ["", "Weekly", "week ly", "../x", "x" * 41, "weekly\n"])
def test_an_edition_is_a_plain_name(subscribers, edition):
    with pytest.raises(ValueError, match="an edition is named"):
        subscribers.ask(ADA, edition, NOW)


def test_the_file_is_its_owners_alone(tmp_path, subscribers):
    subscribers.admit(ADA, "weekly", NOW)
    files = [path for path in (tmp_path / "state").rglob("subscribers*") if path.is_file()]
    assert {path.name for path in files} >= {"subscribers.sqlite3", "subscribers.sqlite3-wal"}
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}


def test_a_damaged_file_is_told_by_name(tmp_path):
    (tmp_path / "subscribers.sqlite3").write_bytes(b"no database at all, but long enough to look like one" * 100)
    with pytest.raises(ReadersUnusable, match=r"subscribers\.sqlite3 cannot be used"):
        ReaderDatabase(tmp_path)


def test_a_file_of_a_newer_paperlake_is_left_alone(tmp_path):
    with ReaderDatabase(tmp_path) as database, database.transaction() as do:
        do.execute("pragma user_version = 99")
    with pytest.raises(ReadersUnusable, match="newer"):
        ReaderDatabase(tmp_path)


def test_many_threads_and_connections_write_at_once(tmp_path):
    def admit(start):
        with ReaderDatabase(tmp_path) as database:
            for number in range(start, start + 20):
                Subscribers(database).admit(f"reader-{number}@example.org", "weekly", NOW)

    with ReaderDatabase(tmp_path) as database:
        threads = [threading.Thread(target=admit, args=(start,)) for start in (0, 10, 20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(Subscribers(database).subscriptions()) == 40


# --- addresses


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("  Ada.Lovelace+papers@Example.ORG ", "Ada.Lovelace+papers@example.org"),
        ("o'brien@example.co.uk", "o'brien@example.co.uk"),
        ("ada@Bücher.example", "ada@xn--bcher-kva.example"),
        ("ada@xn--bcher-kva.example", "ada@xn--bcher-kva.example"),
        ("ju\u0308rgen@example.org", "j\u00fcrgen@example.org"),
    ],
)
def test_an_address_has_one_form(text, address):
    assert mail_address(text) == address
    assert mail_address(address) == address


@pytest.mark.parametrize(
    "text",
    [
        *("", "@", "ada", "ada@", "@example.org", "ada@@example.org", "ada@example", "ada@example.org.", "ada@.org"),
        *("Ada <ada@example.org>", "<ada@example.org>", "ada@example.org, bob@example.org", "ada@a.org;bob@b.org"),
        *("ada@example.org bob@example.org", '"ada b"@example.org', "ada(x)@example.org", "ada@[127.0.0.1]"),
        *("ada@example.org\r\nBcc: eve@example.org", "ada\n@example.org", "ada@exam\tple.org", "ada\x00@example.org"),
        *("ada\u2028@example.org", "ada\u0085@example.org", "ada\u202e@example.org", "ada\ud800@example.org"),
        *("ada@ex\u00adample.org", "ada\u200b@example.org", ".ada@example.org", "ada.@example.org", "a..b@example.org"),
        *(
            "a" * 65 + "@example.org",
            "ada@" + "a." * 130 + "org",
            "ada@-example.org",
            "ada@127.0.0.1",
            "ada@exa_mple.org",
        ),
    ],
)
def test_what_is_no_single_plain_address_is_refused(text):
    with pytest.raises(AddressWrong):
        mail_address(text)


@settings(deadline=None)
@given(st.text() | st.builds(lambda a, b: f"{a}@{b}.org", st.text(max_size=20), st.text(max_size=20)))
def test_whatever_is_let_in_is_one_line_of_one_mailbox_and_its_own_form(text):
    try:
        address = mail_address(text)
    except AddressWrong:
        return
    assert mail_address(address) == address
    assert address.isprintable()
    assert address.count("@") == 1
    assert not set(address) & set(' \t\r\n,;:<>()[]"\\')
    assert len(address.encode()) <= 254
