"""Subscriptions: confirmed by token, ended by token or address, and stored safely."""

import stat
import threading
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paperlake.mail.address import InvalidAddress, mail_address
from paperlake.mail.database import ReaderDatabase, ReaderDatabaseError
from paperlake.mail.subscribers import CONFIRMATION_PERIOD, Subscribers

NOW = datetime(2025, 11, 7, 6, tzinfo=UTC)
ADA = "ada@example.org"


@pytest.fixture
def subscribers(tmp_path):
    with ReaderDatabase(tmp_path / "state") as database:
        yield Subscribers(database)


def statuses(subscribers):
    return {(row.address, row.edition): row.status for row in subscribers.subscriptions()}


def test_a_subscription_begins_when_it_is_confirmed(subscribers):
    request = subscribers.request(ADA, "weekly", NOW)
    assert statuses(subscribers) == {(ADA, "weekly"): "pending"}
    assert subscribers.edition_to_confirm(request.confirm_token, NOW) == "weekly"
    assert statuses(subscribers) == {(ADA, "weekly"): "pending"}, "reading changes nothing"
    for _ in range(2):
        assert subscribers.confirm(request.confirm_token, NOW) == "weekly"
        assert statuses(subscribers) == {(ADA, "weekly"): "confirmed"}


def test_a_confirm_token_expires(subscribers):
    request = subscribers.request(ADA, "weekly", NOW)
    late = NOW + CONFIRMATION_PERIOD + timedelta(seconds=1)
    assert subscribers.confirm(request.confirm_token, late) is None
    assert statuses(subscribers) == {(ADA, "weekly"): "pending"}


def test_a_repeated_request_replaces_the_token(subscribers):
    first = subscribers.request(ADA, "weekly", NOW)
    second = subscribers.request("Ada@example.org", "weekly", NOW)
    assert subscribers.confirm(first.confirm_token, NOW) is None
    assert subscribers.confirm(second.confirm_token, NOW) == "weekly"
    assert len(subscribers.subscriptions()) == 1, "case does not make another mailbox"


def test_a_confirmed_address_gets_no_new_token(subscribers):
    assert subscribers.add_confirmed(ADA, "weekly", NOW)
    assert not subscribers.add_confirmed(ADA, "weekly", NOW)
    assert subscribers.request(ADA, "weekly", NOW).confirm_token is None


def test_unsubscribe_tokens_never_expire_and_confirm_tokens_end_with_the_subscription(subscribers):
    request = subscribers.request(ADA, "weekly", NOW)
    subscribers.confirm(request.confirm_token, NOW)
    ((_, token),) = subscribers.recipients("weekly", [], NOW)
    much_later = NOW + timedelta(days=3650)
    for _ in range(2):
        assert subscribers.unsubscribe(token, much_later) == "weekly"
        assert subscribers.has_unsubscribed(token)
    assert subscribers.confirm(request.confirm_token, NOW) is None
    assert subscribers.recipients("weekly", [], NOW) == []


def test_unsubscribing_from_one_edition_keeps_the_others(subscribers):
    subscribers.add_confirmed(ADA, "daily", NOW)
    subscribers.add_confirmed(ADA, "weekly", NOW)
    ((_, token),) = subscribers.recipients("daily", [], NOW)
    subscribers.unsubscribe(token, NOW)
    assert statuses(subscribers) == {(ADA, "daily"): "unsubscribed", (ADA, "weekly"): "confirmed"}


def test_an_operator_can_remove_an_address(subscribers):
    for edition in ("daily", "monthly", "weekly"):
        subscribers.add_confirmed(ADA, edition, NOW)
    assert subscribers.remove("ADA@example.org", "weekly", NOW) == ["weekly"]
    assert subscribers.remove(ADA, None, NOW) == ["daily", "monthly"]
    assert subscribers.remove(ADA, None, NOW) == []


@pytest.mark.parametrize("token", ["", "x", "' or 1=1 --", "%", "\x00", "ü" * 40])
def test_an_unknown_token_does_nothing(subscribers, token):
    subscribers.add_confirmed(ADA, "weekly", NOW)
    assert (
        subscribers.confirm(token, NOW)
        is subscribers.unsubscribe(token, NOW)
        is subscribers.edition_to_leave(token)
        is None
    )
    assert statuses(subscribers) == {(ADA, "weekly"): "confirmed"}


def test_tokens_are_long_and_unique(subscribers):
    tokens = [subscribers.request(f"reader-{number}@example.org", "weekly", NOW).confirm_token for number in range(50)]
    tokens += [token for _, token in subscribers.recipients("weekly", [f"{n}@example.org" for n in range(50)], NOW)]
    assert len(set(tokens)) == 100
    assert min(map(len, tokens)) >= 43, "256 bits"


@pytest.mark.parametrize("edition", ["", "Weekly", "week ly", "../x", "x" * 41, "weekly\n"])
def test_an_invalid_edition_name_is_refused(subscribers, edition):
    with pytest.raises(ValueError, match="an edition name"):
        subscribers.request(ADA, edition, NOW)


def test_only_the_owner_can_read_the_file(tmp_path, subscribers):
    subscribers.add_confirmed(ADA, "weekly", NOW)
    files = [path for path in (tmp_path / "state").rglob("subscribers*") if path.is_file()]
    assert {path.name for path in files} >= {"subscribers.sqlite3", "subscribers.sqlite3-wal"}
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}


def test_a_damaged_file_is_reported_by_name(tmp_path):
    (tmp_path / "subscribers.sqlite3").write_bytes(b"no database at all, but long enough to look like one" * 100)
    with pytest.raises(ReaderDatabaseError, match=r"subscribers\.sqlite3 cannot be used"):
        ReaderDatabase(tmp_path)


def test_a_file_of_a_newer_version_is_refused(tmp_path):
    with ReaderDatabase(tmp_path) as database, database.transaction() as connection:
        connection.execute("pragma user_version = 99")
    with pytest.raises(ReaderDatabaseError, match="newer"):
        ReaderDatabase(tmp_path)


def test_several_threads_and_connections_can_write_at_once(tmp_path):
    def add_readers(start):
        with ReaderDatabase(tmp_path) as database:
            for number in range(start, start + 20):
                Subscribers(database).add_confirmed(f"reader-{number}@example.org", "weekly", NOW)

    with ReaderDatabase(tmp_path) as database:
        threads = [threading.Thread(target=add_readers, args=(start,)) for start in (0, 10, 20)]
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
def test_an_address_has_one_canonical_form(text, address):
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
def test_anything_but_one_plain_address_is_refused(text):
    with pytest.raises(InvalidAddress):
        mail_address(text)


@settings(deadline=None)
@given(st.text() | st.builds(lambda local, domain: f"{local}@{domain}.org", st.text(max_size=20), st.text(max_size=20)))
def test_an_accepted_address_is_one_line_and_canonical(text):
    try:
        address = mail_address(text)
    except InvalidAddress:
        return
    assert mail_address(address) == address
    assert address.isprintable()
    assert address.count("@") == 1
    assert not set(address) & set(' \t\r\n,;:<>()[]"\\')
    assert len(address.encode()) <= 254
