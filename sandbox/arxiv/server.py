"""A server on loopback that speaks OAI-PMH 2.0 as arXiv does, with its limits and, if told so, its bad days."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from http import HTTPStatus
from itertools import pairwise
from typing import Protocol, cast
from urllib.parse import parse_qsl, urlsplit

from sandbox import wire
from sandbox.answers import Answer
from sandbox.arxiv_answers import Dialect
from sandbox.arxiv_faults import ArxivFault, damaged
from sandbox.clock import Clock
from sandbox.loopback import Connection, LoopbackServer

_FORM = "application/x-www-form-urlencoded"
_LONGEST_FORM = 1 << 16


class Answering(Protocol):
    """Something that answers by OAI-PMH: a `Repository` or a `RecordedRepository`."""

    @property
    def dialect(self) -> Dialect:
        """The way of writing."""
        ...

    def answer(self, arguments: Sequence[tuple[str, str]], at: datetime, url: str) -> bytes:
        """The XML that answers `arguments` at the instant `at`."""
        ...


@dataclass(frozen=True)
class Asked:
    """A request that reached the server, `number` from 1, `at` by the sandbox's clock.

    `connections` are open at that instant and `busy` of them wait for an answer, both with this one. `arguments`
    are as they came (of one that was repeated the last); the names of `headers` are in small letters. `status` is None
    where the server hung up, and until the answer is known.
    """

    number: int
    at: datetime
    verb: str
    arguments: dict[str, str]
    headers: dict[str, str]
    connections: int
    busy: int
    status: int | None = None


class ArxivServer(LoopbackServer):
    """arXiv's OAI-PMH server; `oai_url` is its base URL, `/oai` or `/oai2` after the generation.

    `before` is called with each request before it is answered, one at a time: there a simulation changes the
    collection between two pages. With `strict_s` a client that asks again sooner than so many seconds after its last
    request, by the sandbox's clock, or over a second connection, gets 403 and no answer.
    """

    def __init__(  # noqa: PLR0913 - all but the first have defaults that suit, and are named
        self,
        repository: Answering,
        *,
        clock: Clock | None = None,
        before: Callable[[Asked], None] | None = None,
        faults: Iterable[ArxivFault] = (),
        strict_s: float | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
        compress: bool = True,
    ) -> None:
        """Take the port, but answer nobody yet."""
        self.repository, self.clock, self.compress = repository, clock or Clock(), compress
        self.requests: list[Asked] = []
        self.strict_s = strict_s
        self._before = before
        self._faults: list[tuple[ArxivFault, list[int]]] = [(fault, []) for fault in faults]
        # One lock to number requests and count who is busy, another to answer one after the other.
        self._lock, self._answering = threading.Lock(), threading.Lock()
        self._busy = 0
        super().__init__(_Connection, host, port)
        self.oai_url = f"{self.url}{repository.dialect.PATH}"

    def add_fault(self, fault: ArxivFault) -> None:
        """Let `fault` happen from now on; of several that match a request the first one added happens."""
        with self._lock:
            self._faults.append((fault, []))

    @property
    def most_connections(self) -> int:
        """The most connections that were open at once while anything was asked."""
        return max((each.connections for each in self.requests), default=0)

    @property
    def shortest_wait_s(self) -> float | None:
        """The shortest time between two requests, by the sandbox's clock; None while there are not two."""
        instants = [each.at for each in self.requests]
        return min(((later - earlier).total_seconds() for earlier, later in pairwise(instants)), default=None)

    def begun(self, arguments: dict[str, str], headers: dict[str, str]) -> tuple[Asked, ArxivFault | None]:
        """A request as it is remembered from now on, and the fault that it is to meet."""
        with self._lock:
            self._busy += 1
            asked = Asked(
                number=len(self.requests) + 1,
                at=self.clock.now(),
                verb=arguments.get("verb", ""),
                arguments=arguments,
                headers=headers,
                connections=self.open_connections,
                busy=self._busy,
            )
            self.requests.append(asked)
            return asked, self._fault_for(arguments)

    def answered(self, asked: Asked, status: int | None) -> None:
        """Remember what a request is answered with."""
        with self._lock:
            self.requests[asked.number - 1] = replace(asked, status=status)

    def ended(self) -> None:
        """Remember that one client waits no more."""
        with self._lock:
            self._busy -= 1

    def said(self, asked: Asked, path: str, arguments: Sequence[tuple[str, str]]) -> Answer:
        """The ordinary answer to a request."""
        if self._is_too_fast(asked):
            return _page(HTTPStatus.FORBIDDEN, "Access denied: too many requests from your site")
        if path != self.repository.dialect.PATH:
            return _page(HTTPStatus.NOT_FOUND, "Not Found")
        with self._answering:
            if self._before is not None:
                self._before(asked)
            body = self.repository.answer(arguments, self.clock.now(), self.oai_url)
        return Answer(HTTPStatus.OK, body, self.repository.dialect.HEADERS)

    def _is_too_fast(self, asked: Asked) -> bool:
        if self.strict_s is None:
            return False
        last = self.requests[asked.number - 2] if asked.number > 1 else None
        waited_s = self.strict_s if last is None else (asked.at - last.at).total_seconds()
        return waited_s < self.strict_s or asked.connections > 1

    def _fault_for(self, arguments: dict[str, str]) -> ArxivFault | None:
        for fault, hits in self._faults:
            if not fault.hits(arguments) or (fault.times is not None and len(hits) >= fault.after + fault.times):
                continue
            hits.append(1)
            if len(hits) > fault.after:
                return fault
        return None


def _page(status: int, said: str) -> Answer:
    body = f"<html><body>\n<h1>{said}</h1>\n</body></html>\n".encode()
    return Answer(status, body, {"Content-Type": "text/html"})


class _Connection(Connection):
    @property
    def arxiv(self) -> ArxivServer:
        return cast("ArxivServer", self.server.owner)

    def do_GET(self) -> None:  # noqa: N802 - the name that the base class looks for
        """Answer as arXiv would, or as the fault that is set for this request has it."""
        split = urlsplit(self.path)
        self._answer(split.path, parse_qsl(split.query, keep_blank_values=True))

    do_HEAD = do_GET  # noqa: N815 - the name that the base class looks for

    def do_POST(self) -> None:  # noqa: N802 - the name that the base class looks for
        """Do the same with arguments that are in the body, as OAI-PMH allows."""
        length = self.headers.get("Content-Length", "")
        if not length.isdigit() or int(length) > _LONGEST_FORM:
            self.send_error(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
            return
        form = self.rfile.read(int(length)).decode("utf-8", "replace")
        is_form = self.headers.get("Content-Type", "").startswith(_FORM)
        self._answer(urlsplit(self.path).path, parse_qsl(form, keep_blank_values=True) if is_form else [])

    def _answer(self, path: str, arguments: list[tuple[str, str]]) -> None:
        arxiv = self.arxiv
        headers = {name.lower(): value for name, value in self.headers.items()}
        asked, fault = arxiv.begun(dict(arguments), headers)
        try:
            said = arxiv.said(asked, path, arguments)
            if fault is not None:
                said = damaged(said, fault, asked.at)
            arxiv.answered(asked, None if fault and fault.kind == "drop" else int(said.status))
            if arxiv.compress and "gzip" in self.headers.get("Accept-Encoding", ""):
                said = wire.packed(said)
            # The old server hung up after each answer, refusals too.
            self.close_connection |= "Connection" in arxiv.repository.dialect.HEADERS
            common = {"Connection": "close"} if self.close_connection else {}
            first = wire.head(said, common, arxiv.clock.now(), len(said.body))
            body = b"" if self.command == "HEAD" else said.body
            if not wire.send(self.connection, first, body, fault.of_sending if fault else None, arxiv.closing.wait):
                self.close_connection = True
        finally:
            arxiv.ended()
