"""One request against real sockets, whose servers send any bytes at any speed: deadlines, sizes, truncated answers."""

import contextlib
import gzip
import socket
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest

from paperlake.sources.answer import SourceUnreachable
from paperlake.sources.client_options import RetryLimits, SourceConfig, Timing
from paperlake.sources.decoding import TooLarge, Truncated, UnknownEncoding, decode_body
from paperlake.sources.polite import PoliteClient

OK = b"HTTP/1.1 200 OK\r\n"
INTERIM = b"HTTP/1.1 100 Continue\r\n\r\n"
ZIPPED = gzip.compress(b"[1, 2, 3]" * 50)
Script = Callable[[socket.socket], None]


class NoPace:
    """Never waits."""

    def wait_for_turn(self) -> None: ...

    def update_limit(self, limit: int | None, remaining: int, reset_s: float, window_s: float | None) -> None: ...

    def hold(self, seconds: float) -> None: ...


class Server:
    """Runs one script per connection. The last script repeats."""

    def __init__(self, *scripts: Script) -> None:
        self.scripts = scripts
        self.connection_count = 0
        self.received: list[bytes] = []
        self.open_connections = 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        self.threads = [threading.Thread(target=self.listen)]
        self.threads[0].start()

    def listen(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self.listener.accept()
                script = self.scripts[min(self.connection_count, len(self.scripts) - 1)]
                self.connection_count += 1
                self.threads.append(threading.Thread(target=self.play, args=(script, connection)))
                self.threads[-1].start()

    def play(self, script: Script, connection: socket.socket) -> None:
        self.open_connections += 1
        with connection, contextlib.suppress(OSError):
            connection.settimeout(5)
            self.received.append(connection.recv(65536))
            script(connection)
            connection.shutdown(socket.SHUT_WR)
            while connection.recv(65536):
                pass
        self.open_connections -= 1

    def close(self) -> None:
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for thread in self.threads:
            thread.join(5)
            assert not thread.is_alive(), "the client has not closed its connection"


def client_of(url: str, sleep: Callable[[float], None] = time.sleep, **limits: float) -> PoliteClient:
    timing = Timing(lambda: datetime.now(UTC), sleep)
    return PoliteClient(SourceConfig(url, "x"), NoPace(), timing, RetryLimits(**{"fault_patience_s": 0} | limits))


@contextlib.contextmanager
def connected(
    *scripts: Script, sleep: Callable[[float], None] = time.sleep, **limits: float
) -> Iterator[tuple[PoliteClient, Server]]:
    """A client and a server. Afterwards, checks that no connection is open and no thread is left."""
    before = set(threading.enumerate())
    server = Server(*scripts)
    try:
        with client_of(server.url, sleep, **limits) as client:
            yield client, server
    finally:
        server.close()
    assert set(threading.enumerate()) == before


def sends(*parts: bytes) -> Script:
    return lambda connection: connection.sendall(b"".join(parts))


def sends_slowly(head: bytes, drop: bytes) -> Script:
    def script(connection: socket.socket) -> None:
        connection.sendall(head)
        for _ in range(200):
            connection.sendall(drop)
            time.sleep(0.02)

    return script


def silent(connection: socket.socket) -> None:
    connection.recv(1)


def sized(body: bytes, *headers: bytes, size: int | None = None) -> bytes:
    length = b"Content-Length: %d\r\n" % (len(body) if size is None else size)
    return OK + length + b"".join(header + b"\r\n" for header in headers) + b"\r\n" + body


@pytest.mark.parametrize(
    "script",
    [
        silent,
        sends_slowly(OK + b"X: ", b"a"),
        sends_slowly(OK + b"Content-Length: 9999\r\n\r\n", b"a"),
        sends_slowly(b"", INTERIM),
    ],
    ids=["silence", "slow headers", "slow body", "endless interim answers"],
)  # fmt: skip
def test_the_deadline_applies_to_answers_that_arrive_slowly(script: Script):
    started_s = time.monotonic()
    with (
        connected(script, answer_deadline_s=0.4) as (client, _),
        pytest.raises(SourceUnreachable, match=r"within 0\.4 s"),
    ):
        client.get("/", {})
    assert 0.35 < time.monotonic() - started_s < 2


def test_the_deadline_applies_to_a_slow_handshake():
    def script(connection: socket.socket) -> None:
        connection.sendall(b"\x16\x03\x03\x3f\xff\x02\x00\x3f\xfb\x03\x03")  # a ServerHello of 16 KB
        for _ in range(200):
            connection.sendall(b"\x00")
            time.sleep(0.02)

    before = set(threading.enumerate())
    server = Server(script)
    address = server.url.replace("http:", "https:")
    started_s = time.monotonic()
    with (
        contextlib.closing(server),
        client_of(address, answer_deadline_s=0.4) as client,
        pytest.raises(SourceUnreachable, match=r"within 0\.4 s"),
    ):
        client.get("/", {})
    assert time.monotonic() - started_s < 2
    assert set(threading.enumerate()) == before


def test_the_deadline_applies_to_name_resolution_and_nothing_is_sent_later(monkeypatch: pytest.MonkeyPatch):
    is_resolved = threading.Event()
    real = socket.getaddrinfo

    def slow(host: str, *args, **kwargs):
        if host == "127.0.0.1":
            is_resolved.wait(5)
        return real(host, *args, **kwargs)

    with connected(silent, answer_deadline_s=0.3) as (client, server):
        monkeypatch.setattr(socket, "getaddrinfo", slow)
        with pytest.raises(SourceUnreachable, match=r"within 0\.3 s"):
            client.get("/", {})
        left = [thread for thread in threading.enumerate() if thread.name == "paperlake-request"]
        is_resolved.set()
        for thread in left:
            thread.join(5)
        assert [thread.is_alive() for thread in left] == [False]
    assert b"".join(server.received) == b""


def test_a_silent_server_is_abandoned_after_the_patience(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("paperlake.sources.polite.MIN_SILENCE_S", 0.1)
    started_s = time.monotonic()
    with connected(silent, answer_deadline_s=60, fault_patience_s=0.5) as (client, _), pytest.raises(SourceUnreachable):
        client.get("/", {})
    assert 0.4 < time.monotonic() - started_s < 2


def test_an_answer_before_the_deadline_is_complete():
    with connected(sends_slowly(sized(b"", size=20) + b"a" * 10, b"a"), answer_deadline_s=5) as (client, _):
        assert client.get("/", {}).body == b"a" * 20


TRUNCATED = {
    "dropped before any byte": sends(b""),
    "dropped within the headers": sends(OK, b"X: "),
    "shorter than its length": sends(sized(b"[1", size=9)),
    "a chunk without its end": sends(OK, b"Transfer-Encoding: chunked\r\n\r\n9\r\n[1"),
    "gzip that ends early": sends(sized(ZIPPED[:-9], b"Content-Encoding: gzip")),
    "gzip without its checksum": sends(sized(ZIPPED[:-8], b"Content-Encoding: gzip")),
    "gzip with a flipped bit": sends(sized(ZIPPED[:-6] + b"\0" + ZIPPED[-5:], b"Content-Encoding: gzip")),
    "not gzip": sends(sized(b"[1]", b"Content-Encoding: gzip")),
    "no HTTP": sends(b"SSH-2.0-x\r\n\r\n"),
}


@pytest.mark.parametrize("script", TRUNCATED.values(), ids=TRUNCATED)
def test_a_truncated_answer_is_retried(script: Script):
    with connected(script, sends(sized(b"[1]")), fault_patience_s=20, sleep=lambda _: None) as (client, server):
        assert client.get("/", {}).body == b"[1]"
        assert server.connection_count == 2


@pytest.mark.parametrize("script", TRUNCATED.values(), ids=TRUNCATED)
def test_without_a_complete_answer_source_unreachable_is_raised(script: Script):
    with connected(script) as (client, _), pytest.raises(SourceUnreachable, match=r"dropped|damaged"):
        client.get("/", {})


def test_a_gzipped_answer_is_decoded():
    with connected(sends(sized(ZIPPED, b"Content-Encoding: gzip"))) as (client, _):
        answer = client.get("/", {})
    assert answer.body == gzip.decompress(ZIPPED)
    assert ("content-encoding", "gzip") in answer.headers


def test_an_empty_answer_may_declare_gzip():
    with connected(sends(sized(b"", b"Content-Encoding: gzip"))) as (client, _):
        assert client.get("/", {}).body == b""


BOMB = gzip.compress(bytes(2**26), 9)


@pytest.mark.parametrize(
    "script",
    [
        sends(OK, b"\r\n", b"a" * 200_000),
        sends(sized(b"a" * 200_000)),
        sends(OK, b"Transfer-Encoding: chunked\r\n\r\n30d40\r\n", b"a" * 200_000, b"\r\n0\r\n\r\n"),
        sends(sized(BOMB, b"Content-Encoding: gzip")),
        sends(sized(gzip.compress(b"a" * 60_000) * 2, b"Content-Encoding: gzip")),
    ],
    ids=["without length", "with length", "chunked", "gzip bomb", "gzip bomb in two members"],
)
def test_an_answer_over_the_cap_is_rejected_without_retry(script: Script):
    with connected(script, size_cap_bytes=100_000, fault_patience_s=20) as (client, server):
        with pytest.raises(SourceUnreachable, match="larger than the cap of 100000 bytes"):
            client.get("/", {})
        assert server.connection_count == 1


def test_a_gzip_bomb_is_not_decompressed_fully():
    tracemalloc.start()
    with pytest.raises(TooLarge):
        decode_body([BOMB], "gzip", 100_000)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1_000_000


@pytest.mark.parametrize("encoding", ["", "identity", " Identity "])
def test_a_body_of_exactly_the_cap_is_accepted(encoding: str):
    assert decode_body([b"ab", b"cd"], encoding, 4) == b"abcd"
    assert decode_body([gzip.compress(b"abcd")], "GZip", 100) == b"abcd"


@pytest.mark.parametrize("step", [1, 7, 100_000])
@pytest.mark.parametrize("packed", [ZIPPED, ZIPPED + ZIPPED, ZIPPED + b"\0\0\0"], ids=["one", "two", "padded"])
def test_gzip_is_decoded_for_any_chunk_size(packed: bytes, step: int):
    chunks = [packed[at : at + step] for at in range(0, len(packed), step)]
    assert decode_body(chunks, "gzip", 10_000) == gzip.decompress(packed)


def test_gzip_with_trailing_bytes_is_rejected():
    with pytest.raises(Truncated):
        decode_body([ZIPPED + b"<html>"], "gzip", 10_000)


@pytest.mark.parametrize("encoding", ["br", "zstd", "deflate", "gzip, gzip", "x"])
def test_an_unrequested_encoding_is_rejected_without_retry(encoding: str):
    with pytest.raises(UnknownEncoding):
        decode_body([b"a"], encoding, 10)
    script = sends(sized(b"a", b"Content-Encoding: " + encoding.encode()))
    with connected(script, fault_patience_s=20) as (client, server):
        with pytest.raises(SourceUnreachable, match="an encoding nobody asked for"):
            client.get("/", {})
        assert server.connection_count == 1


def test_no_connection_is_open_while_the_client_sleeps():
    open_counts: list[int] = []

    def busy(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 500 Oh\r\nContent-Length: 2\r\n\r\n[]")
        connection.recv(1)  # waits until the client closes the connection

    def sleep(_: float) -> None:
        open_counts.append(open_connections(server))

    with connected(busy, sends(sized(b"[]")), fault_patience_s=20, sleep=sleep) as (client, server):
        client.get("/", {})
    assert open_counts == [0]


def open_connections(server: Server) -> int:
    """The number of open connections, after the server had time to notice that some were closed."""
    deadline_s = time.monotonic() + 1
    while server.open_connections and time.monotonic() < deadline_s:
        time.sleep(0.005)
    return server.open_connections


def test_a_refused_connection_names_the_host():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with (
        client_of(f"http://127.0.0.1:{port}") as client,
        pytest.raises(SourceUnreachable, match=rf"^127\.0\.0\.1:{port} could not be asked: no connection"),
    ):
        client.get("/", {})
