"""A loopback server that speaks OAI-PMH 2.0 like arXiv, with its limits and, on request, its faults."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from http import HTTPStatus
from itertools import pairwise
from typing import Protocol, cast
from urllib.parse import parse_qsl, urlsplit

from sandbox.arxiv.faults import ArxivFault, damaged
from sandbox.arxiv.repository import Dialect
from sandbox.clock import Clock
from sandbox.http import wire
from sandbox.http.answer import Answer
from sandbox.http.loopback import Connection, LoopbackServer

_FORM = "application/x-www-form-urlencoded"
_LONGEST_FORM = 1 << 16


class OaiResponder(Protocol):
    """An object that answers OAI-PMH requests: a `Repository` or a `RecordedRepository`."""

    @property
    def dialect(self) -> Dialect:
        """The XML dialect."""
        ...

    def answer(self, arguments: Sequence[tuple[str, str]], at: datetime, url: str) -> bytes:
        """The XML that answers `arguments` at the time `at`."""
        ...


@dataclass(frozen=True)
class OaiRequest:
    """A request that reached the server.

    `number` counts from 1. `at` is a time of the sandbox clock. `connections` were open at that time and `busy` of
    them waited for an answer, both including this one. `arguments` are raw (of a repeated one, the last value). The
    names of `headers` are in lower case. `status` is None until the answer is known, and if the server hung up.
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
    """arXiv's OAI-PMH server. `oai_url` is its base URL, with the path `/oai` (new) or `/oai2` (old).

    The server calls `before` with each request before it answers, one at a time, so that a test can change the
    collection between two pages. With `strict_s` a client gets 403 if it sends a request less than `strict_s` seconds
    (by the sandbox clock) after its last one, or opens a second connection.
    """

    def __init__(  # noqa: PLR0913 - keyword-only, with defaults
        self,
        repository: OaiResponder,
        *,
        clock: Clock | None = None,
        before: Callable[[OaiRequest], None] | None = None,
        faults: Iterable[ArxivFault] = (),
        strict_s: float | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
        compress: bool = True,
    ) -> None:
        """Bind the port. The server does not answer yet."""
        self.repository, self.clock, self.compress = repository, clock or Clock(), compress
        self.requests: list[OaiRequest] = []
        self.strict_s = strict_s
        self._before = before
        self._faults: list[tuple[ArxivFault, list[int]]] = [(fault, []) for fault in faults]
        # `_lock` guards the counters and the list of requests; `_answering` lets one answer be made at a time.
        self._lock, self._answering = threading.Lock(), threading.Lock()
        self._busy = 0
        super().__init__(_Connection, host, port)
        self.oai_url = f"{self.url}{repository.dialect.PATH}"

    def add_fault(self, fault: ArxivFault) -> None:
        """Apply `fault` to requests from now on. Of several faults that match a request, the first added applies."""
        with self._lock:
            self._faults.append((fault, []))

    @property
    def most_connections(self) -> int:
        """The most connections that were open at any request."""
        return max((each.connections for each in self.requests), default=0)

    @property
    def shortest_wait_s(self) -> float | None:
        """The shortest time between two requests, by the sandbox clock; None with fewer than two requests."""
        times = [each.at for each in self.requests]
        return min(((later - earlier).total_seconds() for earlier, later in pairwise(times)), default=None)

    def begin_request(self, arguments: dict[str, str], headers: dict[str, str]) -> tuple[OaiRequest, ArxivFault | None]:
        """Record a request. Returns it with the fault that applies to it, or None."""
        with self._lock:
            self._busy += 1
            request = OaiRequest(
                number=len(self.requests) + 1,
                at=self.clock.now(),
                verb=arguments.get("verb", ""),
                arguments=arguments,
                headers=headers,
                connections=self.open_connections,
                busy=self._busy,
            )
            self.requests.append(request)
            return request, self._fault_for(arguments)

    def record_status(self, request: OaiRequest, status: int | None) -> None:
        """Record the status of a request's answer."""
        with self._lock:
            self.requests[request.number - 1] = replace(request, status=status)

    def end_request(self) -> None:
        """Record that a client no longer waits."""
        with self._lock:
            self._busy -= 1

    def ordinary_answer(self, request: OaiRequest, path: str, arguments: Sequence[tuple[str, str]]) -> Answer:
        """The answer to a request without its fault."""
        if self._is_too_fast(request):
            return _html_answer(HTTPStatus.FORBIDDEN, "Access denied: too many requests from your site")
        if path != self.repository.dialect.PATH:
            return _html_answer(HTTPStatus.NOT_FOUND, "Not Found")
        with self._answering:
            if self._before is not None:
                self._before(request)
            body = self.repository.answer(arguments, self.clock.now(), self.oai_url)
        return Answer(HTTPStatus.OK, body, self.repository.dialect.HEADERS)

    def _is_too_fast(self, request: OaiRequest) -> bool:
        if self.strict_s is None:
            return False
        last = self.requests[request.number - 2] if request.number > 1 else None
        waited_s = self.strict_s if last is None else (request.at - last.at).total_seconds()
        return waited_s < self.strict_s or request.connections > 1

    def _fault_for(self, arguments: dict[str, str]) -> ArxivFault | None:
        for fault, hits in self._faults:
            if not fault.hits(arguments) or (fault.times is not None and len(hits) >= fault.after + fault.times):
                continue
            hits.append(1)
            if len(hits) > fault.after:
                return fault
        return None


def _html_answer(status: int, message: str) -> Answer:
    body = f"<html><body>\n<h1>{message}</h1>\n</body></html>\n".encode()
    return Answer(status, body, {"Content-Type": "text/html"})


class _Connection(Connection):
    @property
    def arxiv(self) -> ArxivServer:
        return cast("ArxivServer", self.server.owner)

    def do_GET(self) -> None:  # noqa: N802 - the base class requires the name
        """Answer like arXiv, or as the fault for this request demands."""
        split = urlsplit(self.path)
        self._answer(split.path, parse_qsl(split.query, keep_blank_values=True))

    do_HEAD = do_GET  # noqa: N815 - the base class requires the name

    def do_POST(self) -> None:  # noqa: N802 - the base class requires the name
        """Answer a request with its arguments in the body, as OAI-PMH allows."""
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
        request, fault = arxiv.begin_request(dict(arguments), headers)
        try:
            answer = arxiv.ordinary_answer(request, path, arguments)
            if fault is not None:
                answer = damaged(answer, fault, request.at)
            arxiv.record_status(request, None if fault and fault.kind == "drop" else int(answer.status))
            if arxiv.compress and "gzip" in self.headers.get("Accept-Encoding", ""):
                answer = wire.compressed(answer)
            # The old server closed the connection after every answer, errors included.
            self.close_connection |= "Connection" in arxiv.repository.dialect.HEADERS
            common = {"Connection": "close"} if self.close_connection else {}
            first = wire.head(answer, common, arxiv.clock.now(), len(answer.body))
            body = b"" if self.command == "HEAD" else answer.body
            if not wire.send(self.connection, first, body, fault.send_fault if fault else None, arxiv.closing.wait):
                self.close_connection = True
        finally:
            arxiv.end_request()
