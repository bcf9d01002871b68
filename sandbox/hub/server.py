"""A server on loopback that behaves as the Hub's Daily Papers API, with its quota and, if told so, its bad days."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import cast
from urllib.parse import parse_qsl, urlsplit

from sandbox import wire
from sandbox.answers import Answer, World, answer, error
from sandbox.clock import Clock
from sandbox.faults import Fault
from sandbox.loopback import Connection, LoopbackServer
from sandbox.quota import Quota

__all__ = ["HubServer", "Seen", "World"]


@dataclass(frozen=True)
class Seen:
    """A request that reached the server; `status` None where it hung up, `at` by the sandbox's clock.

    `day` and `page` are the parameters `date` and `p` as they came; the names of `headers` are in small letters.
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

    A `quota` of None never says 429. With `compress` false it never answers under gzip.
    """

    def __init__(  # noqa: PLR0913 - all but the first have defaults that suit, and are named
        self,
        world: World,
        *,
        clock: Clock | None = None,
        quota: int | None = 500,
        window_s: int = 300,
        host: str = "127.0.0.1",
        port: int = 0,
        faults: Iterable[Fault] = (),
        compress: bool = True,
    ) -> None:
        """Take the port, but answer nobody yet."""
        self.world, self.clock, self.compress = world, clock or Clock(), compress
        self.requests: list[Seen] = []
        self.quota = Quota(quota, window_s)
        self._faults_lock = threading.Lock()
        self._faults: list[tuple[Fault, list[int]]] = []
        for fault in faults:
            self.add_fault(fault)
        super().__init__(_Connection, host, port)

    def add_fault(self, fault: Fault) -> None:
        """Let `fault` happen from now on; of several that match a request the first one added happens."""
        with self._faults_lock:
            self._faults.append((fault, []))

    def fault_for(self, path: str, query: dict[str, str]) -> Fault | None:
        """The fault that this request is to meet, which counts as one of its times."""
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

    def do_GET(self) -> None:  # noqa: N802 - the name that the base class looks for
        """Answer as the Hub would, or as the fault that is set for this request has it."""
        hub, at = self.hub, self.hub.clock.now()
        split = urlsplit(self.path)
        query = dict(parse_qsl(split.query, keep_blank_values=True))
        allowance = hub.quota.take(self.headers.get("Authorization"))
        if allowance.is_spent:
            said = error(HTTPStatus.TOO_MANY_REQUESTS, "We had to rate limit your IP. Wait, or log in for more.")
        else:
            said = answer(hub.world, split.path, query, at, hub.url)
        fault = hub.fault_for(split.path, query)
        if fault is not None:
            said = wire.damaged(said, fault)
        self._remember(split.path, query, None if fault and fault.kind == "drop" else said.status, at)
        self._send(said, allowance.headers, at, fault)

    do_HEAD = do_GET  # noqa: N815 - the name that the base class looks for

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Refuse what is not a request for the Hub, with the headers that every answer has."""
        hub, at = self.hub, self.hub.clock.now()
        self.close_connection = True
        said = error(code, message or explain or HTTPStatus(code).phrase)
        self._remember(getattr(self, "path", ""), {}, code, at)
        headers = {**hub.quota.take(None).headers, "Connection": "close"}
        self._send(said, headers, at, None)

    def _remember(self, path: str, query: dict[str, str], status: int | None, at: datetime) -> None:
        headers = {name.lower(): value for name, value in (getattr(self, "headers", None) or {}).items()}
        seen = Seen(path, query, query.get("date"), query.get("p"), status, headers, at)
        self.hub.requests.append(seen)

    def _send(self, said: Answer, common: dict[str, str], at: datetime, fault: Fault | None) -> None:
        hub = self.hub
        accepted = getattr(self, "headers", None) and self.headers.get("Accept-Encoding", "")
        if hub.compress and "gzip" in (accepted or ""):
            said = wire.packed(said)
        length = None if fault and fault.kind == "oversize" else len(said.body)
        first = wire.head(said, common, at, length)
        body = b"" if self.command == "HEAD" else said.body
        if not wire.send(self.connection, first, body, fault, hub.closing.wait):
            self.close_connection = True
