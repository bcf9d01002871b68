"""The base of every sandbox server: a loopback port, its connections, start and stop."""

from __future__ import annotations

import contextlib
import ipaddress
import socket
import socketserver
import sys
import threading
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from types import TracebackType


class LoopbackServer:
    """A server that answers at `url` inside a `with` block, or while `serve_forever` runs.

    The constructor binds the port; `port` 0 takes a free one. Raises ValueError for a host that is not loopback.
    """

    def __init__(self, connection: type[Connection], host: str, port: int) -> None:
        """Bind the port. The server does not answer yet. Every client gets its own `connection`."""
        self.closing = threading.Event()
        address = _loopback(host)
        self._listener = (_Listener6 if ":" in address else Listener)((address, port), connection, self)
        self._thread: threading.Thread | None = None
        shown = f"[{address}]" if ":" in address else address
        self.url = f"http://{shown}:{self._listener.server_address[1]}"

    @property
    def open_connections(self) -> int:
        """Number of open connections, busy or idle."""
        return self._listener.open_connections

    def __enter__(self) -> Self:
        """Start answering in a daemon thread."""
        self._thread = threading.Thread(target=self._listener.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop, close all connections and free the port."""
        self.closing.set()
        if self._thread is not None:
            self._listener.shutdown()
            self._thread.join()
        self._listener.close()

    def serve_forever(self) -> None:
        """Answer until Ctrl-C, then close."""
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
        message = f"the sandbox binds only loopback addresses, not {host!r}"
        raise ValueError(message)
    return address


class Listener(socketserver.ThreadingTCPServer):
    """The port of a server, and its open connections."""

    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], connection: type[Connection], owner: LoopbackServer) -> None:
        """Listen at `address` for `owner`."""
        self.owner = owner
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        super().__init__(address, connection)

    @property
    def open_connections(self) -> int:
        """Number of open connections, busy or idle."""
        with self._lock:
            return sum(not _is_closed(connection) for connection in self._open)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Handle a connection in its own thread."""
        with self._lock:
            self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """Close a connection."""
        with self._lock:
            self._open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore clients that hang up; report every other error."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)

    def close(self) -> None:
        """Free the port and close all connections."""
        self.server_close()
        with self._lock:
            still_open = list(self._open)
        for connection in still_open:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue


def _is_closed(connection: socket.socket) -> bool:
    # A client may close its connection and open another before the thread of the first notices.
    try:
        return not connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
    except BlockingIOError:
        return False
    except OSError:
        return True


class _Listener6(Listener):
    address_family = socket.AF_INET6


class Connection(BaseHTTPRequestHandler):
    """A client's persistent connection."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Listener

    def handle(self) -> None:
        """Answer requests until either side closes the connection."""
        try:
            super().handle()
        except ConnectionError:
            self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as inherited
        """Log nothing: the servers record their requests."""
