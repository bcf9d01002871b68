"""The headers of a letter to many: whom it is from, which list it is of, and how to leave it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from email.header import Header
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import EmailPolicy
from email.utils import format_datetime
from hashlib import sha256
from typing import Any

from paperlake.mail.links import unsubscribe_mailto, unsubscribe_url
from paperlake.mail.one_line import one_line

_UNFOLDED = frozenset({"list-unsubscribe", "list-unsubscribe-post", "list-id", "message-id"})
_NAME = re.compile(r"[a-z0-9-]{1,40}")
_TOKEN = re.compile(r"[A-Za-z0-9_-]{16,100}")


class LetterPolicy(EmailPolicy):
    """Lines as RFC 5322 has them, and headers of machines in one piece.

    Python folds a long `List-Unsubscribe` into encoded words, which no mail client reads as a link. A limit of 998
    prevents that, but makes encoded words of the other headers longer than the 75 characters of RFC 2047.
    """

    def fold(self, name: str, value: str) -> str:
        """The header as text."""
        match name.lower():
            case "subject":
                return f"{name}: {_worded(str(value), name, self.linesep)}{self.linesep}"
            case "from":
                return f"{name}: {_mailbox(value, name, self.linesep)}{self.linesep}"
        return str(self._own(name).fold(name, value))

    def fold_binary(self, name: str, value: str) -> bytes:
        """The header as bytes."""
        if name.lower() in {"subject", "from"}:
            return self.fold(name, value).encode("ascii")
        return bytes(self._own(name).fold_binary(name, value))

    def _own(self, name: str) -> EmailPolicy[Any]:
        # 76 with the blank that goes before it: Python fills a line with an encoded word to its end.
        longest = 998 if name.lower() in _UNFOLDED else 76
        return EmailPolicy(max_line_length=longest, linesep=self.linesep, utf8=self.utf8, cte_type=self.cte_type)


def _worded(text: str, name: str, linesep: str) -> str:
    """A text in lines, as encoded words where it is not all ASCII, or reads like one.

    By Python's older folding: the newer one drops spaces between encoded words, and takes quotes off long names.
    """
    charset = "us-ascii" if text.isascii() and "=?" not in text else "utf-8"
    return Header(text, charset, maxlinelen=75, header_name=name).encode(linesep=linesep)


def _mailbox(value: Any, name: str, linesep: str) -> str:
    (mailbox,) = value.addresses
    shown = mailbox.display_name
    if not shown:
        return str(mailbox.addr_spec)
    if shown.isascii() and "=?" not in shown:
        quoted = shown.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{quoted}"{linesep} <{mailbox.addr_spec}>'
    return f"{_worded(shown, name, linesep)}{linesep} <{mailbox.addr_spec}>"


POLICY = LetterPolicy(linesep="\r\n")


@dataclass(frozen=True, slots=True)
class Heading:
    """What the headers of one copy of an issue are made of. `subject` and `sender_name` may hold anything."""

    sender: str
    """The address that it is from, in ASCII."""
    sender_name: str
    recipient: str
    edition: str
    issue_id: str
    subject: str
    at: datetime
    """The letter's date: that of the issue, so that a letter that is rendered again is the same."""
    unsubscribe_token: str
    public_url: str | None = None
    """Where the endpoint is reached, without a slash at its end; without one people leave by mail alone."""


def bulk_letter(heading: Heading) -> EmailMessage:
    """A letter with its headers and no content yet: go on with `set_content` and `add_alternative`.

    Addresses must be in the form of `store.mail_address`. Raises ValueError for an edition, token or address that is
    none. RFC 2369 and 8058 (leaving), 2919 (List-Id), 3834 (no machine shall answer).
    """
    if not _NAME.fullmatch(heading.edition):
        raise ValueError("an edition is named with a-z, 0-9 and -")
    if not _TOKEN.fullmatch(heading.unsubscribe_token):
        raise ValueError("a token is made of letters, digits, - and _")
    domain = _address("", heading.sender).domain
    letter = personal_letter(heading.sender, heading.sender_name, heading.recipient, heading.subject, heading.at)
    letter["Message-ID"] = message_id(heading)
    letter["List-Id"] = f"<{heading.edition}.paperlake.{domain}>"
    ways = [unsubscribe_mailto(heading.sender, heading.unsubscribe_token)]
    if heading.public_url is not None:
        ways.insert(0, unsubscribe_url(heading.public_url, heading.unsubscribe_token))
        if heading.public_url.startswith("https://"):  # RFC 8058 knows no other
            letter["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    letter["List-Unsubscribe"] = ", ".join(f"<{way}>" for way in ways)
    letter["Precedence"] = "bulk"  # in no RFC, but older responders know nothing else
    return letter


def personal_letter(sender: str, sender_name: str, recipient: str, subject: str, at: datetime) -> EmailMessage:
    """A letter of a machine to one person, with no content and no Message-ID yet."""
    letter = EmailMessage(policy=POLICY)
    letter["From"] = _address(one_line(sender_name), sender)
    letter["To"] = _address("", recipient)
    letter["Subject"] = one_line(subject)
    letter["Date"] = format_datetime(at.astimezone(UTC))
    letter["Auto-Submitted"] = "auto-generated"
    return letter


def message_id(heading: Heading) -> str:
    """The same for each rendering of one copy. The token is in it, so that nobody can try addresses against it."""
    parts = (heading.issue_id, heading.recipient, heading.unsubscribe_token)
    digest = sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:40]
    return f"<{digest}@{_address('', heading.sender).domain}>"


def _address(name: str, address: str) -> Address:
    local, at, domain = address.rpartition("@")
    if (
        not (local and at and domain.isascii())
        or one_line(address, len(address)) != address
        or set(address) & set(' <>,"()')
    ):
        raise ValueError("a letter goes from one plain address to another")
    return Address(name, local, domain)
