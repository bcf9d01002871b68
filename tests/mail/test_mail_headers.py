"""Mail headers, also with hostile text in them."""

import email
import email.policy
import re
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paperlake.mail.confirmation import confirmation_letter
from paperlake.mail.headers import Heading, bulk_letter
from paperlake.mail.one_line import one_line

AT = datetime(2025, 11, 7, 6, tzinfo=UTC)
TOKEN = "t0k3n-" + "x" * 37
HEADING = Heading(
    *("papers@example.org", "Paperlake weekly", "ada@example.net", "weekly", "weekly-2025-W45", "45: Ten papers", AT),
    *(TOKEN, "https://papers.example.org/mail"),
)
NAMES = {
    *("From", "To", "Subject", "Date", "Auto-Submitted", "Message-ID", "List-Id", "List-Unsubscribe-Post"),
    *("List-Unsubscribe", "Precedence", "Content-Type", "Content-Transfer-Encoding", "MIME-Version"),
}
HOSTILE = st.lists(
    st.text(max_size=40)
    | st.sampled_from(
        [
            "\r\n",
            "\n",
            "\r",
            "\u2028",
            "\u2029",
            "\u0085",
            "\ud800",
            "\udfff",
            "\u202e",
            "\u2066",
            "\x00",
            "\x0b",
            "\x1c",
        ]
    )
    | st.sampled_from(
        ["Bcc: eve@example.org", "=?utf-8?q?a=0D=0ABcc:_eve?=", "<eve@example.org>", '"', "\\", ",", ";", "(", ":"]
    )
    | st.characters(categories=["Cs", "Cc", "Cf", "Zl", "Zp", "Zs"])
    | st.text(alphabet="x\u00fc\u4e2d\U0001f600 ", min_size=60, max_size=400),
    max_size=8,
).map("".join)


def wire(letter):
    if not letter.get_content_type() or letter.get_payload() is None:
        letter.set_content("Good morning.\n")
    return letter.as_bytes()


def parse(data):
    return email.message_from_bytes(data, policy=email.policy.default)


def test_a_bulk_letter_has_sender_list_and_unsubscribe_headers():
    letter = parse(wire(bulk_letter(HEADING)))
    assert letter["From"] == "Paperlake weekly <papers@example.org>"
    assert letter["To"] == "ada@example.net"
    assert letter["Subject"] == "45: Ten papers"
    assert letter["Date"].datetime == AT
    assert letter["List-Id"] == "<weekly.paperlake.example.org>"
    assert letter["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert letter["Auto-Submitted"] == "auto-generated"
    assert set(letter.keys()) == NAMES


def test_list_unsubscribe_is_not_folded():
    expected = (
        f"List-Unsubscribe: <https://papers.example.org/mail/unsubscribe/{TOKEN}>,"
        f" <mailto:papers@example.org?subject=unsubscribe%20{TOKEN}>\r\n"
    )
    assert expected.encode() in wire(bulk_letter(HEADING))


def test_without_a_public_url_list_unsubscribe_has_only_a_mailto():
    letter = parse(wire(bulk_letter(replace(HEADING, public_url=None))))
    assert letter["List-Unsubscribe"] == f"<mailto:papers@example.org?subject=unsubscribe%20{TOKEN}>"
    assert "List-Unsubscribe-Post" not in letter


def test_one_click_is_not_offered_over_plain_http():
    assert "List-Unsubscribe-Post" not in bulk_letter(replace(HEADING, public_url="http://127.0.0.1:8025"))


def test_a_message_id_is_stable_and_hides_the_recipient():
    first = bulk_letter(HEADING)["Message-ID"]
    assert first == bulk_letter(replace(HEADING, subject="another"))["Message-ID"]
    assert re.fullmatch("<[0-9a-f]{40}@example.org>", first)
    for other in ({"issue_id": "weekly-2025-W46"}, {"recipient": "bob@example.net"}, {"unsubscribe_token": "u" * 43}):
        assert bulk_letter(replace(HEADING, **other))["Message-ID"] != first


@pytest.mark.parametrize(
    "invalid",
    [
        *(
            {"recipient": text}
            for text in ("ada", "a@b, c@d", "a b@c", "<a@b>", "a@b\r\nBcc: c@d", "a\u2028@b", "a@b\ud800")
        ),
        *({"sender": text} for text in ("", "@", "Ada <a@b>")),
        *({"edition": text} for text in ("", "We", "a b", "a\n")),
        *({"unsubscribe_token": text} for text in ("", "short", "x" * 40 + ">", "x" * 40 + "\n")),
    ],
)
def test_an_invalid_address_edition_or_token_is_refused(invalid):
    with pytest.raises(ValueError, match=r"address|edition|token"):
        bulk_letter(replace(HEADING, **invalid))


@settings(deadline=None)
@given(HOSTILE, HOSTILE)
def test_no_text_breaks_out_of_its_header(subject, name):
    data = wire(bulk_letter(replace(HEADING, subject=subject, sender_name=name)))
    letter = parse(data)
    assert set(letter.keys()) == NAMES
    assert len(letter.keys()) == len(NAMES)
    assert [address.addr_spec for address in letter["From"].addresses] == ["papers@example.org"]
    assert [address.addr_spec for address in letter["To"].addresses] == ["ada@example.net"]
    head = data.partition(b"\r\n\r\n")[0]
    assert head.isascii()
    assert all(len(line) <= 998 for line in head.split(b"\r\n"))
    assert b"\n" not in head.replace(b"\r\n", b"")
    assert b"\r" not in head.replace(b"\r\n", b"")
    for text in (str(letter["Subject"]), letter["From"].addresses[0].display_name):
        assert not [
            character
            for character in text
            if character in "\r\n\u2028\u2029\u0085\u202e\u2066\x00" or "\ud800" <= character <= "\udfff"
        ]


@settings(deadline=None)
@given(HOSTILE)
def test_encoded_words_have_at_most_75_characters(subject):
    head = wire(bulk_letter(replace(HEADING, subject=subject))).partition(b"\r\n\r\n")[0]
    assert all(len(word) <= 75 for word in re.findall(rb"=\?[^?\s]+\?[bq]\?[^?\s]*\?=", head, re.IGNORECASE))


@settings(deadline=None)
@given(st.text(alphabet="x\u00fc\u4e2d\U0001f600 ", max_size=190))
def test_plain_text_survives_encoding(subject):
    assert str(parse(wire(bulk_letter(replace(HEADING, subject=subject))))["Subject"]) == " ".join(subject.split())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("  two\r\n lines\u2028and\u0085more ", "two lines and more"),
        ("\u202eevil\u202c \u200fturn", "evil turn"),
        ("zero\u200bwidth\ufeff", "zerowidth"),
        ("half \ud83d a pair", "half a pair"),
        ("=?utf-8?q?x?=", "= ?utf-8?q?x?="),
        ("👩\u200d🔬 and क्\u200dष", "👩\u200d🔬 and क्\u200dष"),
        ("x" * 300, "x" * 199 + "…"),
    ],
)
def test_untrusted_text_becomes_one_safe_line(text, expected):
    assert one_line(text) == expected


def test_the_confirmation_letter_explains_what_happens_without_an_answer():
    url = f"https://papers.example.org/confirm/{TOKEN}"
    letter = confirmation_letter("papers@example.org", "ada@example.net", "weekly", url, AT, AT)
    data = wire(letter)
    assert f"\r\n{url}\r\n".encode() in data
    assert "do nothing" in parse(data).get_content()
    assert parse(data)["Auto-Submitted"] == "auto-generated"
    assert "List-Unsubscribe" not in letter
