"""What a source said, or that it could not be asked."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer that ended a request, verbatim."""

    url: str
    """As asked, before any redirect, without userinfo; never holds a token."""

    status_code: int

    headers: tuple[tuple[str, str], ...]
    """In order, names in lower case. Without `set-cookie`: answers are kept for ever, and a cookie may let
    whoever reads it speak for us. `content-encoding` and `content-length` describe the wire, not `body`."""

    body: bytes
    """Whole, and with its content encoding taken off."""

    received_at: datetime
    """When the last byte was here: aware, UTC."""


class SourceUnreachable(Exception):
    """No answer could be had. The text is one line: who was asked, what happened, what to do; no token."""
