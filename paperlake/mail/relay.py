"""The mail server that we send through, parsed from its URL."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import unquote, urlsplit

from paperlake.errors import PaperlakeError

_EXPECTED = "expected smtps://user:password@host:465, or smtp://user:password@host:587 for STARTTLS"
_PORTS = {"smtps": 465, "smtp": 587}


class InvalidRelayUrl(PaperlakeError):
    """The URL does not name a usable mail server. The message repeats nothing of it, because it holds a password."""


@dataclass(frozen=True, slots=True)
class Relay:
    """The address, security and credentials of a mail server."""

    host: str
    port: int
    security: Literal["tls", "starttls", "none"]
    """`none` only for loopback: traffic that stays on this machine needs no certificate."""
    user: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)


def parse_relay_url(url: str) -> Relay:
    """Parse `PAPERLAKE_SMTP_URL`; user and password are percent-decoded. Raises InvalidRelayUrl."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise InvalidRelayUrl(f"is not a URL; {_EXPECTED}") from None
    if parts.scheme not in _PORTS or not host or parts.path.strip("/") or parts.query or parts.fragment:
        raise InvalidRelayUrl(
            f"does not name a mail server; {_EXPECTED} (write /, ?, # or @ in a password as %2F, %3F, %23, %40)"
        )
    if not host.isascii() or not host.isprintable() or " " in host:
        raise InvalidRelayUrl("has an invalid host name; write a non-ASCII name as xn--…")
    try:
        user, password = (unquote(part, errors="strict") if part else None for part in (parts.username, parts.password))
    except UnicodeDecodeError:
        raise InvalidRelayUrl("has a user or a password that is not percent-encoded UTF-8") from None
    if (user is None) != (password is None):
        raise InvalidRelayUrl("has a user without a password, or a password without a user")
    if not (user or "").isprintable() or not (password or "").isprintable():
        raise InvalidRelayUrl("has a user or a password with unprintable characters")
    if parts.scheme == "smtps":
        return Relay(host, port or _PORTS["smtps"], "tls", user, password)
    is_local = is_loopback(host)
    return Relay(host, port or (25 if is_local else _PORTS["smtp"]), "none" if is_local else "starttls", user, password)


def is_loopback(host: str) -> bool:
    """Whether traffic to this host stays on this machine."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.rstrip(".").lower() == "localhost"
