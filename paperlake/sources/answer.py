"""What a source said, or that it could not be asked."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from paperlake.errors import PaperlakeError

_SECONDS = re.compile(r"[0-9]{1,9}")


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

    @property
    def source_time(self) -> datetime | None:
        """The source's time when it sent this, by its `Date`, and by its `Age` where a cache kept it (RFC 9111).

        None where there is no `Date`, or none that can be read.
        """
        fields = dict(reversed(self.headers))  # the first of a name counts
        age = fields.get("age", "").strip()
        try:
            date = parsedate_to_datetime(fields.get("date", ""))
            at = date.replace(tzinfo=UTC) if date.tzinfo is None else date.astimezone(UTC)
            return at + timedelta(seconds=int(age) if _SECONDS.fullmatch(age) else 0)
        except (ValueError, TypeError, IndexError, OverflowError):
            return None


class SourceUnreachable(PaperlakeError):
    """No answer could be had. The text is one line: who was asked, what happened, what to do; no token."""
