"""A loopback server that behaves like the Hub's Daily Papers API, with its quota and, on request, its faults."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import cast
from urllib.parse import parse_qsl, urlsplit

from sandbox.clock import Clock
from sandbox.http import wire
from sandbox.http.answer import Answer, json_error
from sandbox.http.faults import HttpFault
from sandbox.http.loopback import Connection, LoopbackServer
from sandbox.hub.api import World, answer
from sandbox.hub.quota import Quota

__all__ = ["HubRequest", "HubServer", "World"]


@dataclass(frozen=True)
class HubRequest:
    """A request that reached the server.

    `status` is None where the server hung up. `at` is a time of the sandbox clock. `day` and `page` are the raw
    parameters `date` and `p`. The names of `headers` are in lower case.
    """

    path: str
    query: dict[str, str]
    day: str | None
    page: str | None
    status: int | None
    headers: dict[str, str]
    at: datetime


class HubServer(LoopbackServer):
    """The Hub at `url`.

    With `quota` None it never answers 429. With `compress` false it never answers under gzip.
    """

    def __init__(  # noqa: PLR0913 - keyword-only, with defaults
        self,
        world: World,
        *,
        clock: Clock | None = None,
        quota: int | None = 500,
        window_s: int = 300,
        host: str = "127.0.0.1",
        port: int = 0,
        faults: Iterable[HttpFault] = (),
        compress: bool = True,
    ) -> None:
        """Bind the port. The server does not answer yet."""
        self.world, self.clock, self.compress = world, clock or Clock(), compress
        self.requests: list[HubRequest] = []
        self.quota = Quota(quota, window_s)
        self._faults_lock = threading.Lock()
        self._faults: list[tuple[HttpFault, list[int]]] = []
        for fault in faults:
            self.add_fault(fault)
        super().__init__(_Connection, host, port)

    def add_fault(self, fault: HttpFault) -> None:
        """Apply `fault` to requests from now on. Of several faults that match a request, the first added applies."""
        with self._faults_lock:
            self._faults.append((fault, []))

    def fault_for(self, path: str, query: dict[str, str]) -> HttpFault | None:
        """The fault for this request, or None. It counts as one of the fault's `times`."""
        with self._faults_lock:
            for fault, hits in self._faults:
                has_times_left = fault.times is None or len(hits) < fault.times
                if has_times_left and fault.hits(path, query.get("date"), query.get("p")):
                    hits.append(1)
                    return fault
        return None


class _Connection(Connection):
    @property
    def hub(self) -> HubServer:
        return cast("HubServer", self.server.owner)

    def do_GET(self) -> None:  # noqa: N802 - the base class requires the name
        """Answer like the Hub, or as the fault for this request demands."""
        hub, at = self.hub, self.hub.clock.now()
        split = urlsplit(self.path)
        query = dict(parse_qsl(split.query, keep_blank_values=True))
        fault = hub.fault_for(split.path, query)
        allowance = hub.quota.take(self.headers.get("Authorization"))
        if allowance.is_spent:
            response = json_error(
                HTTPStatus.TOO_MANY_REQUESTS, "We had to rate limit your IP. Wait, or log in for more."
            )
        else:
            asked = {**query, "limit": "50"} if fault and fault.kind == "capped" else query
            response = answer(hub.world, split.path, asked, at, hub.url)
        if fault is not None:
            response = wire.damaged(response, fault)
        self._record(split.path, query, None if fault and fault.kind == "drop" else response.status, at)
        self._send(response, allowance.headers, at, fault)

    do_HEAD = do_GET  # noqa: N815 - the base class requires the name

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Answer an invalid HTTP request with an error that has the Hub's usual headers."""
        hub, at = self.hub, self.hub.clock.now()
        self.close_connection = True
        response = json_error(code, message or explain or HTTPStatus(code).phrase)
        self._record(getattr(self, "path", ""), {}, code, at)
        headers = {**hub.quota.take(None).headers, "Connection": "close"}
        self._send(response, headers, at, None)

    def _record(self, path: str, query: dict[str, str], status: int | None, at: datetime) -> None:
        headers = {name.lower(): value for name, value in (getattr(self, "headers", None) or {}).items()}
        self.hub.requests.append(HubRequest(path, query, query.get("date"), query.get("p"), status, headers, at))

    def _send(self, response: Answer, common: dict[str, str], at: datetime, fault: HttpFault | None) -> None:
        hub = self.hub
        accepted = getattr(self, "headers", None) and self.headers.get("Accept-Encoding", "")
        if hub.compress and "gzip" in (accepted or ""):
            response = wire.compressed(response)
        length = None if fault and fault.kind == "oversize" else len(response.body)
        first = wire.head(response, common, at, length)
        body = b"" if self.command == "HEAD" else response.body
        if not wire.send(self.connection, first, body, fault, hub.closing.wait):
            self.close_connection = True
