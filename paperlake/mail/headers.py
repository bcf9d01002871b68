"""Headers of list mail: sender, List-Id, and how to unsubscribe."""

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
    """Fold headers as RFC 5322 requires, but leave machine-readable headers unfolded.

    Python folds a long `List-Unsubscribe` into encoded words, which no mail client reads as a link. A line limit of
    998 prevents that, but in other headers it would allow encoded words beyond the 75 characters of RFC 2047.
    """

    def fold(self, name: str, value: str) -> str:
        """Fold a header to text."""
        match name.lower():
            case "subject":
                return f"{name}: {_encode_text(str(value), name, self.linesep)}{self.linesep}"
            case "from":
                return f"{name}: {_encode_mailbox(value, name, self.linesep)}{self.linesep}"
        return str(self._policy_for(name).fold(name, value))

    def fold_binary(self, name: str, value: str) -> bytes:
        """Fold a header to bytes."""
        if name.lower() in {"subject", "from"}:
            return self.fold(name, value).encode("ascii")
        return bytes(self._policy_for(name).fold_binary(name, value))

    def _policy_for(self, name: str) -> EmailPolicy[Any]:
        # 76 includes the leading space: Python fills a line up to its end with an encoded word.
        max_line_length = 998 if name.lower() in _UNFOLDED else 76
        return EmailPolicy(
            max_line_length=max_line_length, linesep=self.linesep, utf8=self.utf8, cte_type=self.cte_type
        )


def _encode_text(text: str, name: str, linesep: str) -> str:
    """Fold a text; encode it if it is not ASCII, or if a client would read it as an encoded word.

    This uses Python's legacy folding: the new one drops spaces between encoded words and quotes around long names.
    """
    charset = "us-ascii" if text.isascii() and "=?" not in text else "utf-8"
    return Header(text, charset, maxlinelen=75, header_name=name).encode(linesep=linesep)


def _encode_mailbox(value: Any, name: str, linesep: str) -> str:
    (mailbox,) = value.addresses
    display_name = mailbox.display_name
    if not display_name:
        return str(mailbox.addr_spec)
    if display_name.isascii() and "=?" not in display_name:
        quoted = display_name.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{quoted}"{linesep} <{mailbox.addr_spec}>'
    return f"{_encode_text(display_name, name, linesep)}{linesep} <{mailbox.addr_spec}>"


POLICY = LetterPolicy(linesep="\r\n")


@dataclass(frozen=True, slots=True)
class Heading:
    """The values of the headers of one copy of an issue. `subject` and `sender_name` may be untrusted text."""

    sender: str
    """The sender address, in ASCII."""
    sender_name: str
    recipient: str
    edition: str
    issue_id: str
    subject: str
    at: datetime
    """The letter's date: when it is handed over. Some servers refuse letters that are older than a week."""
    unsubscribe_token: str
    public_url: str | None = None
    """Base URL of the mail endpoint, without trailing slash. None: people can unsubscribe only by mail."""


def bulk_letter(heading: Heading) -> EmailMessage:
    """A letter with headers and no content yet; the caller adds it with `set_content` and `add_alternative`.

    Addresses must be in the form of `mail_address`. Raises ValueError for an invalid edition, token or address.
    Follows RFC 2369 and 8058 (unsubscribe), 2919 (List-Id) and 3834 (no automatic replies).
    """
    if not _NAME.fullmatch(heading.edition):
        raise ValueError("an edition name has a-z, 0-9 and -")
    if not _TOKEN.fullmatch(heading.unsubscribe_token):
        raise ValueError("a token has letters, digits, - and _")
    domain = _address("", heading.sender).domain
    letter = personal_letter(heading.sender, heading.sender_name, heading.recipient, heading.subject, heading.at)
    letter["Message-ID"] = message_id(heading)
    letter["List-Id"] = f"<{heading.edition}.paperlake.{domain}>"
    links = [unsubscribe_mailto(heading.sender, heading.unsubscribe_token)]
    if heading.public_url is not None:
        links.insert(0, unsubscribe_url(heading.public_url, heading.unsubscribe_token))
        if heading.public_url.startswith("https://"):  # RFC 8058 requires HTTPS
            letter["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    letter["List-Unsubscribe"] = ", ".join(f"<{link}>" for link in links)
    letter["Precedence"] = "bulk"  # not standardized, but the only header that older autoresponders honour
    return letter


def personal_letter(sender: str, sender_name: str, recipient: str, subject: str, at: datetime) -> EmailMessage:
    """An automatic letter to one person, with no content and no Message-ID yet."""
    letter = EmailMessage(policy=POLICY)
    letter["From"] = _address(one_line(sender_name), sender)
    letter["To"] = _address("", recipient)
    letter["Subject"] = one_line(subject)
    letter["Date"] = format_datetime(at.astimezone(UTC))
    letter["Auto-Submitted"] = "auto-generated"
    return letter


def message_id(heading: Heading) -> str:
    """A stable id of one copy. The hash includes the token, so that nobody can test guessed addresses against it."""
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
        raise ValueError("sender and recipient must each be one plain address")
    return Address(name, local, domain)
