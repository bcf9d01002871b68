"""The mail server that takes our letters, as its URL says."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import unquote, urlsplit

from paperlake.errors import PaperlakeError

_FORM = "it takes smtps://user:password@host:465, or smtp://user:password@host:587 for STARTTLS"
_PORTS = {"smtps": 465, "smtp": 587}


class RelayWrong(PaperlakeError):
    """A URL names no mail server that we would use. The message holds nothing of the URL, which has a password."""


@dataclass(frozen=True, slots=True)
class Relay:
    """Where letters are handed over, and as whom."""

    host: str
    port: int
    security: Literal["tls", "starttls", "none"]
    """`none` only for this machine: what never leaves it needs no certificate."""
    user: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)


def relay(url: str) -> Relay:
    """The mail server of `PAPERLAKE_SMTP_URL`; user and password are percent-decoded. Raises RelayWrong."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise RelayWrong(f"is no URL; {_FORM}") from None
    if parts.scheme not in _PORTS or not host or parts.path.strip("/") or parts.query or parts.fragment:
        raise RelayWrong(f"names no mail server; {_FORM} (a /, ?, # or @ in a password is written %2F, %3F, %23, %40)")
    if not host.isascii() or not host.isprintable() or " " in host:
        raise RelayWrong("names a host that is none; write what is beyond ASCII as xn--…")
    try:
        user, password = (unquote(part, errors="strict") if part else None for part in (parts.username, parts.password))
    except UnicodeDecodeError:
        raise RelayWrong("has a user or a password that is not percent-encoded UTF-8") from None
    if (user is None) != (password is None):
        raise RelayWrong("has a user without a password, or a password without a user")
    if not (user or "").isprintable() or not (password or "").isprintable():
        raise RelayWrong("has a user or a password with characters that nobody can type")
    if parts.scheme == "smtps":
        return Relay(host, port or _PORTS["smtps"], "tls", user, password)
    is_home = is_loopback(host)
    return Relay(host, port or (25 if is_home else _PORTS["smtp"]), "none" if is_home else "starttls", user, password)


def is_loopback(host: str) -> bool:
    """Whether what is sent to this host stays on this machine."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.rstrip(".").lower() == "localhost"
