"""Send one request and read its answer within a time and a size limit: httpx has neither."""

import contextlib
import socket
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, cast

import httpx

from paperlake.sources.decoding import TooLarge, Truncated, UnknownEncoding, decode_body

CONNECT_S = 5.0
"""The limit for each address of a host: if the first address does not respond, the next is still tried."""

GRACE_S = 1.0
"""How long to wait for a thread to end after its connection was shut down."""


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of one answer."""

    silence_s: float
    """Until the headers arrive: includes name resolution, connecting, TLS and the server's processing."""
    deadline_s: float
    """Until the last byte arrives, from the start of the request."""
    size_cap_bytes: int


@dataclass(frozen=True, slots=True)
class RawResponse:
    """A complete answer."""

    status_code: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


@dataclass(frozen=True, slots=True)
class RequestFailure:
    """Why there is no complete answer."""

    message: str
    is_transient: bool = True
    """Whether a retry may help."""
    advice: str = "check its address and the network, or try again later"


def exchange(
    client: httpx.Client, request: httpx.Request, limits: Limits, monotonic: Callable[[], float]
) -> RawResponse | RequestFailure:
    """Send `request` once and read its complete answer.

    The request runs in a thread of its own, because a hanging name resolution cannot be interrupted. At the
    deadline the connection is shut down, which ends every read, write and TLS handshake, even if the server sends
    a few bytes at a time. The thread then ends immediately, unless it is still resolving or connecting. In that
    case it is abandoned, and sends nothing when it continues.
    """
    thread = _RequestThread(client, request, limits)
    started_s = monotonic()
    thread.start()
    try:
        if thread.has_headers.wait(min(limits.silence_s, limits.deadline_s)):
            thread.join(max(0.0, limits.deadline_s - (monotonic() - started_s)))
        has_headers = thread.has_headers.is_set()
    finally:  # also on Ctrl-C
        if thread.is_alive():
            thread.cancel()
            thread.join(GRACE_S)
    if thread.error is not None:
        raise thread.error
    if thread.is_cancelled and not isinstance(thread.result, RawResponse):
        waited_s = limits.deadline_s if has_headers else min(limits.silence_s, limits.deadline_s)
        return RequestFailure(f"no {'whole ' if has_headers else ''}answer within {waited_s:g} s")
    return thread.result


class _Cancelled(Exception):
    """The deadline passed before there was a connection to shut down."""


class _RequestThread(threading.Thread):
    """Sends one request and reads its answer."""

    def __init__(self, client: httpx.Client, request: httpx.Request, limits: Limits) -> None:
        super().__init__(name="paperlake-request", daemon=True)
        self.has_headers = threading.Event()
        """Set when the headers have arrived, or nothing more will arrive."""
        self.result: RawResponse | RequestFailure = RequestFailure("no answer")
        self.error: BaseException | None = None
        """An unexpected error, for the caller to raise."""
        self.is_cancelled = False
        self._client = client
        self._request = request
        self._limits = limits
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None
        request.extensions = {
            "trace": self._on_trace,
            "timeout": {
                "connect": min(CONNECT_S, limits.silence_s),
                # Later than our own limits, whose message tells the time: on a busy machine either could come first.
                "read": limits.deadline_s + GRACE_S,
                "write": limits.silence_s + GRACE_S,
                "pool": limits.silence_s,
            },
        }

    def run(self) -> None:
        """Send the request, and set `result` or `error`."""
        try:
            self.result = self._send()
        except _Cancelled:
            pass
        except BaseException as error:  # noqa: BLE001 - the caller's thread raises it again
            self.error = error
        finally:
            with self._lock:
                connection, self._socket = self._socket, None
            if connection is not None:
                connection.close()
            self.has_headers.set()

    def cancel(self) -> None:
        """End the connection, whatever the state of the request."""
        with self._lock:
            self.is_cancelled = True
            if self._socket is not None:
                # Shut down, not closed: this wakes a thread that is reading, and keeps the file descriptor reserved.
                with contextlib.suppress(OSError):
                    self._socket.shutdown(socket.SHUT_RDWR)

    def _send(self) -> RawResponse | RequestFailure:
        cap = self._limits.size_cap_bytes
        try:
            response = self._client.send(self._request, stream=True)
            with contextlib.closing(response):
                self.has_headers.set()
                # Not `iter_raw`, which rejects the ready-made responses of mock transports.
                chunks = cast("httpx.SyncByteStream", response.stream)
                body = decode_body(chunks, _content_encoding(response), cap)
        except Truncated:
            return RequestFailure("the answer was cut off or damaged on its way")
        except TooLarge:
            message = f"the answer is larger than the cap of {cap} bytes"
            return RequestFailure(message, is_transient=False, advice="raise the cap if that is what it should send")
        except UnknownEncoding as error:
            message = f"the answer has an encoding nobody asked for ({error})"
            return RequestFailure(message, is_transient=False, advice="see whether a proxy rewrites its answers")
        except (httpx.TransportError, UnicodeError) as error:
            return RequestFailure(_describe(error))
        raw = response.headers.raw
        headers = tuple((name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in raw)
        return RawResponse(response.status_code, headers, body)

    def _on_trace(self, event: str, info: Mapping[str, Any]) -> None:
        """Keep a second handle on the connection as soon as it exists (a callback of httpx's "trace" extension).

        A second handle, because TLS detaches the first from its object. `run` closes it.
        """
        if not event.endswith("connect_tcp.complete"):
            return
        stream = info["return_value"]
        with self._lock:
            if not self.is_cancelled:
                self._socket = stream.get_extra_info("socket").dup()
                return
        stream.close()
        raise _Cancelled


def _content_encoding(response: httpx.Response) -> str:
    """The content encoding of a body; empty if there is no body, for which some servers declare one."""
    is_empty = response.headers.get("content-length") == "0"
    if is_empty or response.status_code in {HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED}:
        return ""
    encoding: str = response.headers.get("content-encoding", "")
    return encoding


def _describe(error: httpx.TransportError | UnicodeError) -> str:
    """A message without any part of the request."""
    match error:
        case httpx.ConnectTimeout():
            return "no connection could be made in time"
        case httpx.ConnectError() | UnicodeError():  # UnicodeError: the name is not a valid host name
            return f"no connection could be made ({error})"
        case httpx.ProxyError():
            return f"the proxy refused ({error})"
        case httpx.TimeoutException():
            return "the connection stood still"
        case httpx.RemoteProtocolError() | httpx.ReadError() | httpx.WriteError() | httpx.CloseError():
            return "the connection was dropped, or the answer is no HTTP"
        case _:
            return f"the request could not be sent ({type(error).__name__})"
