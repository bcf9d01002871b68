"""One request and its answer, within a deadline and a size: httpx has neither."""

import contextlib
import socket
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, cast

import httpx

from paperlake.sources.decoding import TooLarge, Truncated, UnknownEncoding, whole_body

CONNECT_S = 5.0
"""For one address of a host: where the first is a black hole, the next still gets its turn."""

GRACE_S = 1.0
"""For a thread whose connection was cut to notice it."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one answer may cost."""

    silence_s: float
    """Until its headers are here: resolving, connecting, TLS, and the server's thinking."""
    deadline_s: float
    """Until its last byte is here, all in all."""
    size_cap_bytes: int


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole answer."""

    status_code: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


@dataclass(frozen=True, slots=True)
class Fault:
    """Why there is no whole answer."""

    what: str
    is_passing: bool = True
    """Whether asking again may help."""
    advice: str = "check its address and the network, or try again later"


def exchange(
    client: httpx.Client, request: httpx.Request, limits: Limits, monotonic: Callable[[], float]
) -> Reply | Fault:
    """Send `request` once and read its answer whole.

    The request travels on a thread of its own: nothing else gets out of a name resolution that hangs. At the
    deadline the connection is shut down under it, which ends every read, write and handshake, however slowly
    the other side drips. The thread is then over within moments, unless it still resolves or connects: then
    it is left behind, and sends nothing when it wakes.
    """
    courier = _Courier(client, request, limits)
    started = monotonic()
    courier.start()
    try:
        if courier.begun.wait(min(limits.silence_s, limits.deadline_s)):
            courier.join(max(0.0, limits.deadline_s - (monotonic() - started)))
        has_begun = courier.begun.is_set()
    finally:  # also on Ctrl-C
        if courier.is_alive():
            courier.cut()
            courier.join(GRACE_S)
    if courier.error is not None:
        raise courier.error
    if courier.is_cut and not isinstance(courier.outcome, Reply):
        waited_s = limits.deadline_s if has_begun else min(limits.silence_s, limits.deadline_s)
        return Fault(f"no {'whole ' if has_begun else ''}answer within {waited_s:g} s")
    return courier.outcome


class _Cut(Exception):
    """The deadline passed before there was a connection to shut down."""


class _Courier(threading.Thread):
    """Carries one request there and its answer back."""

    def __init__(self, client: httpx.Client, request: httpx.Request, limits: Limits) -> None:
        super().__init__(name="paperlake-request", daemon=True)
        self.begun = threading.Event()
        """Set when the headers are here, or nothing more will come."""
        self.outcome: Reply | Fault = Fault("no answer")
        self.error: BaseException | None = None
        """What nobody expected: the caller's to raise."""
        self.is_cut = False
        self._client = client
        self._request = request
        self._limits = limits
        self._lock = threading.Lock()
        self._line: socket.socket | None = None
        request.extensions = {
            "trace": self._watch,
            "timeout": {
                "connect": min(CONNECT_S, limits.silence_s),
                "read": limits.deadline_s,
                "write": limits.silence_s,
                "pool": limits.silence_s,
            },
        }

    def run(self) -> None:
        """Carry it; what comes of it is in `outcome` or `error`."""
        try:
            self.outcome = self._carried()
        except _Cut:
            pass
        except BaseException as error:  # noqa: BLE001 - it is raised again, where the caller stands
            self.error = error
        finally:
            with self._lock:
                line, self._line = self._line, None
            if line is not None:
                line.close()
            self.begun.set()

    def cut(self) -> None:
        """End the connection, wherever the request is."""
        with self._lock:
            self.is_cut = True
            if self._line is not None:
                # Shut down, not closed: that wakes a thread which reads, and nobody gets its file number.
                with contextlib.suppress(OSError):
                    self._line.shutdown(socket.SHUT_RDWR)

    def _carried(self) -> Reply | Fault:
        cap = self._limits.size_cap_bytes
        try:
            response = self._client.send(self._request, stream=True)
            with contextlib.closing(response):
                self.begun.set()
                # Not `iter_raw`, which refuses the ready-made responses of transports that are no network.
                chunks = cast("httpx.SyncByteStream", response.stream)
                body = whole_body(chunks, _encoding(response), cap)
        except Truncated:
            return Fault("the answer was cut off or damaged on its way")
        except TooLarge:
            what = f"the answer is larger than the cap of {cap} bytes"
            return Fault(what, is_passing=False, advice="raise the cap if that is what it should send")
        except UnknownEncoding as error:
            what = f"the answer has an encoding nobody asked for ({error})"
            return Fault(what, is_passing=False, advice="see whether a proxy rewrites its answers")
        except (httpx.TransportError, UnicodeError) as error:
            return Fault(_happened(error))
        raw = response.headers.raw
        headers = tuple((name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in raw)
        return Reply(response.status_code, headers, body)

    def _watch(self, event: str, info: Mapping[str, Any]) -> None:
        """Keep a second handle on the connection as soon as there is one (httpx's "trace" extension).

        A second one, because TLS takes the first away from its object; closed in `run`.
        """
        if not event.endswith("connect_tcp.complete"):
            return
        stream = info["return_value"]
        with self._lock:
            if not self.is_cut:
                self._line = stream.get_extra_info("socket").dup()
                return
        stream.close()
        raise _Cut


def _encoding(response: httpx.Response) -> str:
    """The content encoding, where there is content: some servers declare one for nothing."""
    is_empty = response.headers.get("content-length") == "0"
    if is_empty or response.status_code in {HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED}:
        return ""
    encoding: str = response.headers.get("content-encoding", "")
    return encoding


def _happened(error: httpx.TransportError | UnicodeError) -> str:
    """What happened, in words that hold nothing of the request."""
    match error:
        case httpx.ConnectTimeout():
            return "no connection could be made in time"
        case httpx.ConnectError() | UnicodeError():  # the latter for a name that is no host name
            return f"no connection could be made ({error})"
        case httpx.ProxyError():
            return f"the proxy refused ({error})"
        case httpx.TimeoutException():
            return "the connection stood still"
        case httpx.RemoteProtocolError() | httpx.ReadError() | httpx.WriteError() | httpx.CloseError():
            return "the connection was dropped, or the answer is no HTTP"
        case _:
            return f"the request could not be sent ({type(error).__name__})"
