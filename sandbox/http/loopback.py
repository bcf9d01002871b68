"""What every server of the sandbox shares: a port on loopback, the connections to it, starting and stopping."""

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
    """Whatever answers at `url`, from entering to leaving a `with` block, or for as long as `serve_forever` runs.

    The port is taken at once; `port` 0 takes any that is free. Only loopback addresses can be served: anything else
    is a ValueError.
    """

    def __init__(self, connection: type[Connection], host: str, port: int) -> None:
        """Take the port, but answer nobody yet; every caller gets a `connection` of its own."""
        self.closing = threading.Event()
        address = _loopback(host)
        self._listener = (_Listener6 if ":" in address else Listener)((address, port), connection, self)
        self._thread: threading.Thread | None = None
        shown = f"[{address}]" if ":" in address else address
        self.url = f"http://{shown}:{self._listener.server_address[1]}"

    @property
    def open_connections(self) -> int:
        """How many connections are open at this moment, busy or not."""
        return self._listener.open_connections

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


class Listener(socketserver.ThreadingTCPServer):
    """The port of a server, and the connections that are open to it."""

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
        """How many connections are open at this moment, busy or not."""
        with self._lock:
            return sum(not _is_over(connection) for connection in self._open)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Begin with a connection, in a thread of its own."""
        with self._lock:
            self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """End a connection."""
        with self._lock:
            self._open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Let clients hang up when they like; a fault of the sandbox itself must be seen."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)

    def close(self) -> None:
        """Free the port and hang up on everybody."""
        self.server_close()
        with self._lock:
            still_open = list(self._open)
        for connection in still_open:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue


def _is_over(connection: socket.socket) -> bool:
    # A client may hang up and come back before the thread that served it has noticed the first.
    try:
        return not connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
    except BlockingIOError:
        return False
    except OSError:
        return True


class _Listener6(Listener):
    address_family = socket.AF_INET6


class Connection(BaseHTTPRequestHandler):
    """One client's connection, over which it may ask one thing after the other."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Listener

    def handle(self) -> None:
        """Answer one request after the other until either side hangs up."""
        try:
            super().handle()
        except ConnectionError:
            self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as inherited
        """Keep still: the server itself remembers what was asked."""
