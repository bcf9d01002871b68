"""Mail addresses in canonical form: one mailbox, without display name, comment or list."""

from __future__ import annotations

import string
import unicodedata

import idna

from paperlake.errors import PaperlakeError

MAX_BYTES = 254
"""RFC 5321, 4.5.3.1.3: a path of 256 octets, less its angle brackets."""

MAX_LOCAL_BYTES = 64

# Characters of RFC 5322 atoms. Quoted local parts are valid, but rare, and they can hold any character.
_ATOM = frozenset(string.ascii_letters + string.digits + "!#$%&'*+/=?^_`{|}~-")


class InvalidAddress(PaperlakeError):
    """The text is not a mail address that we write to. The message gives the reason, without the text."""


def mail_address(text: str) -> str:
    """Return the canonical form of an address. Raises InvalidAddress.

    The local part keeps its case, because only its own server knows whether case matters; it is normalized to NFC.
    The domain is lowercased, and non-ASCII characters in it are IDNA-encoded (`xn--…`).
    """
    local, at, domain = text.strip(" \t").rpartition("@")
    if not at or "@" in local:
        raise InvalidAddress("expected one address, like ada@example.org")
    if not all(_is_visible(character) for character in text.strip(" \t")):
        raise InvalidAddress("an address cannot contain spaces or invisible characters")
    local = unicodedata.normalize("NFC", local)
    if not _is_mailbox(local) or len(local.encode()) > MAX_LOCAL_BYTES:
        raise InvalidAddress("the part before the @ is not a mailbox; give the address alone, like ada@example.org")
    address = f"{local}@{_domain(domain)}"
    if len(address.encode()) > MAX_BYTES:
        raise InvalidAddress(f"an address has at most {MAX_BYTES} bytes")
    return address


def mailbox_key(address: str) -> str:
    """A key that is equal for addresses that differ only in case: they are treated as one mailbox."""
    return address.casefold()


def _is_mailbox(local: str) -> bool:
    return all(local.split(".")) and all(
        character in _ATOM or character == "." or not character.isascii() for character in local
    )


def _domain(text: str) -> str:
    try:
        domain = idna.encode(text, uts46=True).decode().lower()
    except (idna.IDNAError, UnicodeError):
        raise InvalidAddress("the part after the @ is not a domain") from None
    if "." not in domain or domain.endswith(".") or domain.rpartition(".")[2].isdigit():
        raise InvalidAddress("the part after the @ is not a domain, like example.org")
    return domain


def _is_visible(character: str) -> bool:
    """Whether it is no space, control, format or line separator character, and no lone surrogate."""
    return unicodedata.category(character)[0] not in "CZ"
