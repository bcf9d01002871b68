"""A server on loopback that behaves as the Hub's Daily Papers API, with its quota and, if told so, its bad days."""

from __future__ import annotations

import contextlib
import ipaddress
import socket
import socketserver
import sys
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import parse_qsl, urlsplit

from sandbox import wire
from sandbox.answers import Answer, World, answer, error
from sandbox.clock import Clock
from sandbox.faults import Fault
from sandbox.quota import Quota

if TYPE_CHECKING:
    from types import TracebackType

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


class HubServer:
    """The Hub at `url`, from entering to leaving a `with` block, or for as long as `serve_forever` runs.

    The port is taken at once; `port` 0 takes any that is free. A `quota` of None never says 429. Only loopback
    addresses can be served: anything else is a ValueError. With `compress` false it never answers under gzip.
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
        self.closing = threading.Event()
        address = _loopback(host)
        self._listener = _listener(address, port, self)
        self._thread: threading.Thread | None = None
        shown = f"[{address}]" if ":" in address else address
        self.url = f"http://{shown}:{self._listener.server_address[1]}"

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

    def __enter__(self) -> Self:
        """Start to answer, in a thread that does not keep the process alive."""
        self._thread = threading.Thread(target=self._listener.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop, hang up on everybody and free the port."""
        self.closing.set()
        if self._thread is not None:
            self._listener.shutdown()
            self._thread.join()
        self._listener.close()

    def serve_forever(self) -> None:
        """Answer until interrupted from the keyboard, then close."""
        if self._thread is None:
            with self:
                self.serve_forever()
            return
        with contextlib.suppress(KeyboardInterrupt):
            self.closing.wait()


def _loopback(host: str) -> str:
    address = "127.0.0.1" if host == "localhost" else host
    try:
        is_loopback = ipaddress.ip_address(address).is_loopback
    except ValueError:
        is_loopback = False
    if not is_loopback:
        message = f"the sandbox serves this machine only: {host!r} is not a loopback address"
        raise ValueError(message)
    return address


class _Listener(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], hub: HubServer) -> None:
        self.hub = hub
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        super().__init__(address, _Connection)

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._lock:
            self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        with self._lock:
            self._open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        # Clients may hang up when they like; a fault of the sandbox itself must be seen.
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)

    def close(self) -> None:
        self.server_close()
        with self._lock:
            still_open = list(self._open)
        for connection in still_open:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue


class _Listener6(_Listener):
    address_family = socket.AF_INET6


def _listener(host: str, port: int, hub: HubServer) -> _Listener:
    return (_Listener6 if ":" in host else _Listener)((host, port), hub)


class _Connection(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Listener

    def handle(self) -> None:
        """Answer one request after the other until either side hangs up."""
        try:
            super().handle()
        except ConnectionError:
            self.close_connection = True

    def do_GET(self) -> None:
        """Answer as the Hub would, or as the fault that is set for this request has it."""
        hub, at = self.server.hub, self.server.hub.clock.now()
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
        hub, at = self.server.hub, self.server.hub.clock.now()
        self.close_connection = True
        said = error(code, message or explain or HTTPStatus(code).phrase)
        self._remember(getattr(self, "path", ""), {}, code, at)
        headers = {**hub.quota.take(None).headers, "Connection": "close"}
        self._send(said, headers, at, None)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as inherited
        """Keep still: `HubServer.requests` holds what was asked."""

    def _remember(self, path: str, query: dict[str, str], status: int | None, at: datetime) -> None:
        headers = {name.lower(): value for name, value in (getattr(self, "headers", None) or {}).items()}
        seen = Seen(path, query, query.get("date"), query.get("p"), status, headers, at)
        self.server.hub.requests.append(seen)

    def _send(self, said: Answer, common: dict[str, str], at: datetime, fault: Fault | None) -> None:
        hub = self.server.hub
        accepted = getattr(self, "headers", None) and self.headers.get("Accept-Encoding", "")
        if hub.compress and "gzip" in (accepted or ""):
            said = wire.packed(said)
        length = None if fault and fault.kind == "oversize" else len(said.body)
        first = wire.head(said, common, at, length)
        body = b"" if self.command == "HEAD" else said.body
        if not wire.send(self.connection, first, body, fault, hub.closing.wait):
            self.close_connection = True
