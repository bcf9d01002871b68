"""One request against real sockets, whose servers say any bytes at any pace: deadlines, sizes, cut answers."""

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
from paperlake.sources.decoding import TooLarge, Truncated, UnknownEncoding, whole_body
from paperlake.sources.polite import PoliteClient, open_client

OK = b"HTTP/1.1 200 OK\r\n"
INTERIM = b"HTTP/1.1 100 Continue\r\n\r\n"
ZIPPED = gzip.compress(b"[1, 2, 3]" * 50)
Script = Callable[[socket.socket], None]


class NoPace:
    """Lets everybody go."""

    def turn(self) -> None: ...

    def learn(self, limit: int | None, remaining: int, reset_s: float, window_s: float | None) -> None: ...

    def hold(self, seconds: float) -> None: ...


class Server:
    """Plays one script a connection, the last one for ever."""

    def __init__(self, *scripts: Script) -> None:
        self.scripts = scripts
        self.visits = 0
        self.heard: list[bytes] = []
        self.open_now = 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        self.threads = [threading.Thread(target=self.listen)]
        self.threads[0].start()

    def listen(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                line, _ = self.listener.accept()
                script = self.scripts[min(self.visits, len(self.scripts) - 1)]
                self.visits += 1
                self.threads.append(threading.Thread(target=self.play, args=(script, line)))
                self.threads[-1].start()

    def play(self, script: Script, line: socket.socket) -> None:
        self.open_now += 1
        with line, contextlib.suppress(OSError):
            line.settimeout(5)
            self.heard.append(line.recv(65536))
            script(line)
            line.shutdown(socket.SHUT_WR)
            while line.recv(65536):
                pass
        self.open_now -= 1

    def close(self) -> None:
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for thread in self.threads:
            thread.join(5)
            assert not thread.is_alive(), "the client still holds its connection"


@contextlib.contextmanager
def asking(*scripts: Script, **options) -> Iterator[tuple[PoliteClient, Server]]:
    """A client before a server; afterwards nobody holds a connection and no thread is left."""
    before = set(threading.enumerate())
    server = Server(*scripts)
    options = {"user_agent": "x", "patience_s": 0, "now": lambda: datetime.now(UTC)} | options
    try:
        with open_client(server.url, pace=NoPace(), **options) as client:
            yield client, server
    finally:
        server.close()
    assert set(threading.enumerate()) == before


def sends(*parts: bytes) -> Script:
    return lambda line: line.sendall(b"".join(parts))


def drips(head: bytes, drop: bytes) -> Script:
    def script(line: socket.socket) -> None:
        line.sendall(head)
        for _ in range(200):
            line.sendall(drop)
            time.sleep(0.02)

    return script


def silent(line: socket.socket) -> None:
    line.recv(1)


def sized(body: bytes, *headers: bytes, size: int | None = None) -> bytes:
    length = b"Content-Length: %d\r\n" % (len(body) if size is None else size)
    return OK + length + b"".join(header + b"\r\n" for header in headers) + b"\r\n" + body


@pytest.mark.parametrize(
    "script",
    [silent, drips(OK + b"X: ", b"a"), drips(OK + b"Content-Length: 9999\r\n\r\n", b"a"), drips(b"", INTERIM)],
    ids=["silence", "dripped headers", "dripped body", "endless interim answers"],
)  # fmt: skip
def test_an_answer_has_a_deadline_however_it_trickles(script: Script):
    started = time.monotonic()
    with asking(script, answer_deadline_s=0.4) as (client, _), pytest.raises(SourceUnreachable, match=r"within 0\.4 s"):
        client.get("/", {})
    assert 0.35 < time.monotonic() - started < 2


def test_the_deadline_covers_a_handshake_that_drips():
    def script(line: socket.socket) -> None:
        line.sendall(b"\x16\x03\x03\x3f\xff\x02\x00\x3f\xfb\x03\x03")  # a ServerHello of 16 KB
        for _ in range(200):
            line.sendall(b"\x00")
            time.sleep(0.02)

    before = set(threading.enumerate())
    server = Server(script)
    address = server.url.replace("http:", "https:")
    started = time.monotonic()
    options = {"user_agent": "x", "patience_s": 0, "answer_deadline_s": 0.4, "now": lambda: datetime.now(UTC)}
    with (
        contextlib.closing(server),
        open_client(address, pace=NoPace(), **options) as client,
        pytest.raises(SourceUnreachable, match=r"within 0\.4 s"),
    ):
        client.get("/", {})
    assert time.monotonic() - started < 2
    assert set(threading.enumerate()) == before


def test_the_deadline_covers_a_name_that_does_not_resolve_and_nothing_is_sent_later(monkeypatch: pytest.MonkeyPatch):
    is_resolved = threading.Event()
    real = socket.getaddrinfo

    def slow(host: str, *args, **kwargs):
        if host == "127.0.0.1":
            is_resolved.wait(5)
        return real(host, *args, **kwargs)

    with asking(silent, answer_deadline_s=0.3) as (client, server):
        monkeypatch.setattr(socket, "getaddrinfo", slow)
        with pytest.raises(SourceUnreachable, match=r"within 0\.3 s"):
            client.get("/", {})
        left = [thread for thread in threading.enumerate() if thread.name == "paperlake-request"]
        is_resolved.set()
        for thread in left:
            thread.join(5)
        assert [thread.is_alive() for thread in left] == [False]
    assert b"".join(server.heard) == b""


def test_silence_is_borne_only_as_long_as_patience(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("paperlake.sources.polite.SHORTEST_PATIENCE_S", 0.1)
    started = time.monotonic()
    with asking(silent, answer_deadline_s=60, patience_s=0.5) as (client, _), pytest.raises(SourceUnreachable):
        client.get("/", {})
    assert 0.4 < time.monotonic() - started < 2


def test_an_answer_in_time_is_not_cut():
    with asking(drips(sized(b"", size=20) + b"a" * 10, b"a"), answer_deadline_s=5) as (client, _):
        assert client.get("/", {}).body == b"a" * 20


CUT = {
    "dropped before a word": sends(b""),
    "dropped within the headers": sends(OK, b"X: "),
    "shorter than its length": sends(sized(b"[1", size=9)),
    "a chunk without its end": sends(OK, b"Transfer-Encoding: chunked\r\n\r\n9\r\n[1"),
    "gzip that ends early": sends(sized(ZIPPED[:-9], b"Content-Encoding: gzip")),
    "gzip without its checksum": sends(sized(ZIPPED[:-8], b"Content-Encoding: gzip")),
    "gzip with a flipped bit": sends(sized(ZIPPED[:-6] + b"\0" + ZIPPED[-5:], b"Content-Encoding: gzip")),
    "gzip that is none": sends(sized(b"[1]", b"Content-Encoding: gzip")),
    "no HTTP": sends(b"SSH-2.0-x\r\n\r\n"),
}


@pytest.mark.parametrize("script", CUT.values(), ids=CUT)
def test_an_answer_that_is_not_whole_is_asked_for_again(script: Script):
    with asking(script, sends(sized(b"[1]")), patience_s=20, sleep=lambda _: None) as (client, server):
        assert client.get("/", {}).body == b"[1]"
        assert server.visits == 2


@pytest.mark.parametrize("script", CUT.values(), ids=CUT)
def test_an_answer_that_is_never_whole_is_none(script: Script):
    with asking(script) as (client, _), pytest.raises(SourceUnreachable, match=r"dropped|damaged"):
        client.get("/", {})


def test_a_gzipped_answer_is_unpacked():
    with asking(sends(sized(ZIPPED, b"Content-Encoding: gzip"))) as (client, _):
        answer = client.get("/", {})
    assert answer.body == gzip.decompress(ZIPPED)
    assert ("content-encoding", "gzip") in answer.headers


def test_an_empty_answer_may_claim_to_be_gzipped():
    with asking(sends(sized(b"", b"Content-Encoding: gzip"))) as (client, _):
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
    ids=["to the end", "of a length", "in chunks", "a bomb", "a bomb in two members"],
)
def test_an_answer_over_the_cap_is_refused_once(script: Script):
    with asking(script, size_cap_bytes=100_000, patience_s=20) as (client, server):
        with pytest.raises(SourceUnreachable, match="larger than the cap of 100000 bytes"):
            client.get("/", {})
        assert server.visits == 1


def test_a_bomb_is_not_unpacked():
    tracemalloc.start()
    with pytest.raises(TooLarge):
        whole_body([BOMB], "gzip", 100_000)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1_000_000


@pytest.mark.parametrize("encoding", ["", "identity", " Identity "])
def test_a_body_at_the_cap_is_whole(encoding: str):
    assert whole_body([b"ab", b"cd"], encoding, 4) == b"abcd"
    assert whole_body([gzip.compress(b"abcd")], "GZip", 100) == b"abcd"


@pytest.mark.parametrize("step", [1, 7, 100_000])
@pytest.mark.parametrize("packed", [ZIPPED, ZIPPED + ZIPPED, ZIPPED + b"\0\0\0"], ids=["one", "two", "padded"])
def test_gzip_is_unpacked_however_it_is_cut_into_chunks(packed: bytes, step: int):
    chunks = [packed[at : at + step] for at in range(0, len(packed), step)]
    assert whole_body(chunks, "gzip", 10_000) == gzip.decompress(packed)


def test_gzip_with_something_after_it_is_damaged():
    with pytest.raises(Truncated):
        whole_body([ZIPPED + b"<html>"], "gzip", 10_000)


@pytest.mark.parametrize("encoding", ["br", "zstd", "deflate", "gzip, gzip", "x"])
def test_an_encoding_nobody_asked_for_is_an_error_asked_once(encoding: str):
    with pytest.raises(UnknownEncoding):
        whole_body([b"a"], encoding, 10)
    script = sends(sized(b"a", b"Content-Encoding: " + encoding.encode()))
    with asking(script, patience_s=20) as (client, server):
        with pytest.raises(SourceUnreachable, match="an encoding nobody asked for"):
            client.get("/", {})
        assert server.visits == 1


def test_no_connection_is_held_while_we_sleep():
    held: list[int] = []

    def busy(line: socket.socket) -> None:
        line.sendall(b"HTTP/1.1 500 Oh\r\nContent-Length: 2\r\n\r\n[]")
        line.recv(1)  # would go on for ever: it is for the client to hang up

    def sleep(_: float) -> None:
        held.append(settled(server))

    with asking(busy, sends(sized(b"[]")), patience_s=20, sleep=sleep) as (client, server):
        client.get("/", {})
    assert held == [0]


def settled(server: Server) -> int:
    """The connections open when the server has had a moment to notice."""
    give_up = time.monotonic() + 1
    while server.open_now and time.monotonic() < give_up:
        time.sleep(0.005)
    return server.open_now


def test_a_closed_door_is_named():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    options = {"user_agent": "x", "patience_s": 0, "now": lambda: datetime.now(UTC)}
    with (
        open_client(f"http://127.0.0.1:{port}", pace=NoPace(), **options) as client,
        pytest.raises(SourceUnreachable, match=rf"^127\.0\.0\.1:{port} could not be asked: no connection"),
    ):
        client.get("/", {})
