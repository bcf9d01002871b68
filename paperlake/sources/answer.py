"""The answer of a source, and the error raised when there is none."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from paperlake.errors import PaperlakeError

_SECONDS = re.compile(r"[0-9]{1,9}")


@dataclass(frozen=True, slots=True)
class Answer:
    """The final answer to a request, unchanged."""

    url: str
    """The requested address, before any redirect, without user name and password. It never contains a token."""

    status_code: int

    headers: tuple[tuple[str, str], ...]
    """In the order received, names in lower case. Without `set-cookie`: answers are stored permanently, and a
    cookie could let any reader act in our name. `content-encoding` and `content-length` describe the bytes on the
    wire, not `body`."""

    body: bytes
    """The complete body, with its content encoding removed."""

    received_at: datetime
    """When the last byte arrived, in UTC."""

    @property
    def source_time(self) -> datetime | None:
        """The source's clock when it sent this answer: its `Date`, plus its `Age` if a cache sent it (RFC 9111).

        None if there is no valid `Date`.
        """
        fields = dict(reversed(self.headers))  # the first of several equal names wins
        age = fields.get("age", "").strip()
        try:
            date = parsedate_to_datetime(fields.get("date", ""))
            sent_at = date.replace(tzinfo=UTC) if date.tzinfo is None else date.astimezone(UTC)
            return sent_at + timedelta(seconds=int(age) if _SECONDS.fullmatch(age) else 0)
        except (ValueError, TypeError, IndexError, OverflowError):
            return None


class SourceUnreachable(PaperlakeError):
    """No answer arrived. The message is one line with the host, the cause and a remedy; it never contains a token."""
