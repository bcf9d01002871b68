"""Faults that a sandbox arXiv injects into its answers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email.utils import format_datetime
from http import HTTPStatus
from typing import Literal, get_args

from sandbox.http.answer import Answer
from sandbox.http.faults import HttpFault

Kind = Literal[
    "status",
    "html",
    "no_records",
    "cut",
    "invalid_utf8",
    "xml_bomb",
    "truncate",
    "drop",
    "delay",
    "drip",
    "drip_headers",
]
KINDS: tuple[str, ...] = get_args(Kind)
_STATUSES = range(200, 600)
_HTML = {"Content-Type": "text/html"}
_BROWSER_CHECK = (
    b"<!DOCTYPE html>\n<html><head><title>arXiv</title><meta http-equiv=refresh content=5></head>\n"
    b"<body><p>Checking your browser &mdash; please wait<br></body></html>\n"
)
# Each entity holds the one before it ten times: a parser that expands them needs three gigabytes.
_ENTITIES = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
_BOMB_HEAD = f'<!DOCTYPE OAI-PMH [<!ENTITY l0 "lol">{_ENTITIES}]>\n<OAI-PMH'
_RECORDS = re.compile(rb"(<ListRecords>|<ListIdentifiers>).*(</ListRecords>|</ListIdentifiers>)", re.DOTALL)


@dataclass(frozen=True)
class ArxivFault:
    """A fault for some of the requests that it matches: after the first `after`, the next `times` (None: all).

    status        answers with `status` (503) and an HTML page
    html          answers with an HTML page and status 200
    no_records    answers with a list without its records and its token
    cut           answers with the first half of the XML, as a complete body
    invalid_utf8  inserts bytes that are not UTF-8 into the first title, else after the first tag
    xml_bomb      adds entities that expand to three gigabytes, and a reference to one in the request element
    truncate      announces the whole body, sends half of it and closes the connection
    drop          closes the connection without an answer
    delay         waits `seconds`, then sends the ordinary answer
    drip          spreads the body over `seconds`, a piece every 50 ms
    drip_headers  spreads the status line and the headers in the same way

    `retry_after` sets the header Retry-After: seconds, a timedelta from now (sent as a date), or any text (`"soon"`,
    `"-1"`). None omits it, but every recorded 503 has it. `verb` matches the verb, and `resumed` whether there is a
    token; None matches everything.
    """

    kind: Kind
    status: int = HTTPStatus.SERVICE_UNAVAILABLE
    retry_after: str | int | timedelta | None = None
    seconds: float = 1.0
    headers: Mapping[str, str] = field(default_factory=dict)
    verb: str | None = None
    resumed: bool | None = None
    after: int = 0
    times: int | None = 1

    def __post_init__(self) -> None:
        """Raise ValueError for invalid fields."""
        if self.kind not in KINDS:
            raise ValueError(f"unknown kind of fault {self.kind!r}; choose one of {', '.join(KINDS)}")
        if self.status not in _STATUSES:
            raise ValueError(f"status must be between {_STATUSES[0]} and {_STATUSES[-1]}, not {self.status}")
        for name in ("seconds", "after", "times"):
            if (number := getattr(self, name)) is not None and number < 0:
                raise ValueError(f"{name} must not be negative: {number}")

    def hits(self, arguments: Mapping[str, str]) -> bool:
        """Whether this fault matches a request."""
        is_verb = self.verb is None or arguments.get("verb") == self.verb
        return is_verb and (self.resumed is None or ("resumptionToken" in arguments) == self.resumed)

    @property
    def send_fault(self) -> HttpFault | None:
        """The fault for `wire.send`; None if this fault only changes the answer."""
        match self.kind:
            case "truncate" | "drop" | "delay" | "drip" | "drip_headers":
                return HttpFault(self.kind, seconds=self.seconds)
        return None


def damaged(answer: Answer, fault: ArxivFault, at: datetime) -> Answer:
    """The answer to send instead of `answer`. A fault that only affects the sending adds its headers."""
    headers, body = {**answer.headers, **fault.headers}, answer.body
    match fault.kind:
        case "status":
            retry_after = _retry_after(fault, at)
            return Answer(fault.status, _error_page(fault, retry_after), {**_HTML, **retry_after, **fault.headers})
        case "html":
            return Answer(HTTPStatus.OK, _BROWSER_CHECK, {**_HTML, **fault.headers})
        case "no_records":
            body = _RECORDS.sub(rb"\1\2", body)
        case "cut":
            body = body[: max(1, len(body) // 2)]
        case "invalid_utf8":
            place = body.find(b"<title>") + len(b"<title>") if b"<title>" in body else body.find(b">") + 1
            body = body[:place] + b"caf\xe9 \xff" + body[place:]
        case "xml_bomb":
            body = body.replace(b"<OAI-PMH", _BOMB_HEAD.encode(), 1).replace(b"</request>", b"&l9;</request>", 1)
    return Answer(answer.status, body, headers)


def _retry_after(fault: ArxivFault, at: datetime) -> dict[str, str]:
    match fault.retry_after:
        case None:
            return {}
        case timedelta() as wait:
            return {"Retry-After": format_datetime(at + wait, usegmt=True)}
        case text:
            return {"Retry-After": f"{text}"}


def _error_page(fault: ArxivFault, retry_after: Mapping[str, str]) -> bytes:
    # The old server's text (2018).
    seconds = retry_after.get("Retry-After", "")
    message = f"Retry after {seconds} seconds" if seconds.isdigit() else f"Error {fault.status}"
    return f"<html><body>\n<h1>{message}</h1>\n</body></html>\n".encode()
