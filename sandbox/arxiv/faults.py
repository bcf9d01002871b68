"""What can go wrong on the way from arXiv: faults that are set for some requests."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email.utils import format_datetime
from http import HTTPStatus
from typing import Literal, get_args

from sandbox.answers import Answer
from sandbox.faults import Fault

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
_CHECKING = (
    b"<!DOCTYPE html>\n<html><head><title>arXiv</title><meta http-equiv=refresh content=5></head>\n"
    b"<body><p>Checking your browser &mdash; please wait<br></body></html>\n"
)
# Ten of the one before, nine times over: three gigabytes where somebody expands them.
_ENTITIES = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
_BOMB_HEAD = f'<!DOCTYPE OAI-PMH [<!ENTITY l0 "lol">{_ENTITIES}]>\n<OAI-PMH'
_RECORDS = re.compile(rb"(<ListRecords>|<ListIdentifiers>).*(</ListRecords>|</ListIdentifiers>)", re.DOTALL)


@dataclass(frozen=True)
class ArxivFault:
    """One thing that goes wrong, for the requests that it matches, `times` times (None: for ever).

    status        answers `status` (503) and a page of HTML
    html          answers a page of HTML that is no XML, with status 200
    no_records    answers a list without its records and its token, where there are some
    cut           answers half of the XML as if it were all
    invalid_utf8  puts a byte that is no UTF-8 into the first title, or where there is none behind the first tag
    xml_bomb      puts entities before the XML that expand to three gigabytes, and one of them into the request element
    truncate      announces the whole body, sends half of it and hangs up
    drop          hangs up without a word
    delay         waits `seconds` before the answer, which is then the ordinary one
    drip          spreads the body over `seconds`, a piece every twentieth of a second
    drip_headers  does the same to the status line and the headers

    `retry_after` goes into the header of that name: seconds, a time from now that is told as a date, or any text
    whatever (`"soon"`, `"-1"`, `"99999999999"`); None leaves it out, but real ones were always there with 503.
    `verb` matches the verb and `resumed` whether there is a token; None matches everything. The first `after`
    requests that match are let be.
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
        """Refuse what could not be done."""
        if self.kind not in KINDS:
            raise ValueError(f"unknown kind of fault {self.kind!r}; there are {', '.join(KINDS)}")
        if self.status not in _STATUSES:
            raise ValueError(f"status must be between {_STATUSES[0]} and {_STATUSES[-1]}, not {self.status}")
        for name in ("seconds", "after", "times"):
            if (number := getattr(self, name)) is not None and number < 0:
                raise ValueError(f"{name} must not be negative, and is {number}")

    def hits(self, arguments: Mapping[str, str]) -> bool:
        """Whether a request is one of those that this fault is for."""
        is_verb = self.verb is None or arguments.get("verb") == self.verb
        return is_verb and (self.resumed is None or ("resumptionToken" in arguments) == self.resumed)

    @property
    def of_sending(self) -> Fault | None:
        """What `wire.send` is to do, where the fault is one of the sending."""
        match self.kind:
            case "truncate" | "drop" | "delay" | "drip" | "drip_headers":
                return Fault(self.kind, seconds=self.seconds)
        return None


def damaged(answer: Answer, fault: ArxivFault, at: datetime) -> Answer:
    """What is answered instead of `answer`; the same where the fault is one of the sending."""
    headers, body = {**answer.headers, **fault.headers}, answer.body
    match fault.kind:
        case "status":
            waited = _retry_after(fault, at)
            return Answer(fault.status, _apology(fault, waited), {**_HTML, **waited, **fault.headers})
        case "html":
            return Answer(HTTPStatus.OK, _CHECKING, {**_HTML, **fault.headers})
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
        case said:
            return {"Retry-After": f"{said}"}


def _apology(fault: ArxivFault, waited: Mapping[str, str]) -> bytes:
    # In these very words the old server asked to wait (2018).
    seconds = waited.get("Retry-After", "")
    said = f"Retry after {seconds} seconds" if seconds.isdigit() else f"Error {fault.status}"
    return f"<html><body>\n<h1>{said}</h1>\n</body></html>\n".encode()
