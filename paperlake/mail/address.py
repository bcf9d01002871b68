"""Mail addresses in one form, in which nothing can hide: one mailbox, no name, no comment, no list."""

from __future__ import annotations

import string
import unicodedata

import idna

from paperlake.errors import PaperlakeError

LONGEST_BYTES = 254
"""RFC 5321, 4.5.3.1.3: a path of 256 octets, less its angle brackets."""

LONGEST_LOCAL_BYTES = 64

# RFC 5322's atoms. Quoted local parts are lawful, but nobody has one by choice, and they can hold anything.
_ATOM = frozenset(string.ascii_letters + string.digits + "!#$%&'*+/=?^_`{|}~-")


class AddressWrong(PaperlakeError):
    """What was given is no mail address that we write to; the message says why, and does not repeat it."""


def mail_address(text: str) -> str:
    """The address in the form in which it is kept and written to. Raises AddressWrong.

    The local part stays as it is, in Unicode's NFC, for only its own server knows what its capitals mean; the
    domain is in small letters, and what is beyond ASCII in it as IDNA has it (`xn--…`).
    """
    local, at, domain = text.strip(" \t").rpartition("@")
    if not at or "@" in local:
        raise AddressWrong("it takes one address, like ada@example.org")
    if not all(_is_plain(character) for character in text.strip(" \t")):
        raise AddressWrong("an address has no blanks and no invisible characters")
    local = unicodedata.normalize("NFC", local)
    if not _is_mailbox(local) or len(local.encode()) > LONGEST_LOCAL_BYTES:
        raise AddressWrong("what stands before the @ is no mailbox; it takes the address alone, like ada@example.org")
    address = f"{local}@{_domain(domain)}"
    if len(address.encode()) > LONGEST_BYTES:
        raise AddressWrong(f"an address has at most {LONGEST_BYTES} bytes")
    return address


def mailbox(address: str) -> str:
    """The same for addresses that only differ in capitals: nobody has two such mailboxes."""
    return address.casefold()


def _is_mailbox(local: str) -> bool:
    return all(local.split(".")) and all(one in _ATOM or one == "." or not one.isascii() for one in local)


def _domain(text: str) -> str:
    try:
        domain = idna.encode(text, uts46=True).decode().lower()
    except (idna.IDNAError, UnicodeError):
        raise AddressWrong("what stands after the @ is no domain") from None
    if "." not in domain or domain.endswith(".") or domain.rpartition(".")[2].isdigit():
        raise AddressWrong("what stands after the @ is no domain, like example.org")
    return domain


def _is_plain(character: str) -> bool:
    """Whether it shows, and stands alone: no blank, control, format or line character, no half of a pair."""
    return unicodedata.category(character)[0] not in "CZ"
