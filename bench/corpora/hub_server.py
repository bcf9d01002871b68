"""A fast loopback Hub that serves a corpus: lists by date, in pages, verbatim.

`python -m bench.corpora.hub_server HOME` prints its URL, and serves until its standard input ends. It has no clock, no
quota and no compression, because the benchmark measures its clients.
"""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qsl, urlencode, urlsplit

from bench.corpora.corpus import Corpus, Place, load

_ROUTE = "/api/daily_papers"
_DEFAULT_LIMIT, _MAX_LIMIT = 50, 100


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, corpus: Corpus, places: dict[str, list[Place]]) -> None:
        self.corpus, self.places = corpus, places
        super().__init__(("127.0.0.1", 0), _Connection)
        self.url = f"http://127.0.0.1:{self.server_port}"


class _Connection(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def do_GET(self) -> None:
        """Answer with a page of the list of a date."""
        split = urlsplit(self.path)
        query = dict(parse_qsl(split.query))
        day, limit, page = query.get("date", ""), query.get("limit", str(_DEFAULT_LIMIT)), query.get("p", "0")
        is_valid = limit.isdigit() and page.isdigit() and 1 <= int(limit) <= _MAX_LIMIT
        if split.path != _ROUTE or not is_valid:
            self._send(404 if is_valid else 400, b'{"error":"no such list"}', "")
            return
        if day not in self.server.places:
            self._send(200, b"[]", "")  # like the Hub on a weekend
            return
        entries, first, past = self.server.places[day], int(page) * int(limit), (int(page) + 1) * int(limit)
        body = self.server.corpus.file(day).read_bytes()
        if first or past < len(entries):
            shown = entries[first:past]
            body = b"[%b]" % (body[shown[0][0] : shown[-1][1]] if shown else b"")
        has_more = past < len(entries)
        more = urlencode({**query, "p": str(int(page) + 1)})
        self._send(200, body, f'<{self.server.url}{_ROUTE}?{more}>; rel="next"' if has_more else "")

    def _send(self, status: int, body: bytes, link: str) -> None:
        self.send_response_only(status)
        self.send_header("Content-Type", "application/json; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        if link:
            self.send_header("Link", link)
        self.end_headers()
        self.wfile.write(body)


@contextmanager
def serve_in_background(corpus: Corpus) -> Iterator[str]:
    """Serve `corpus` in a separate process. Yields the URL of the Hub."""
    command = [sys.executable, "-m", "bench.corpora.hub_server", str(corpus.home)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        if server.stdin is None or server.stdout is None:
            raise RuntimeError("the Hub has no pipes")
        try:
            yield server.stdout.readline().strip()
        finally:
            server.stdin.close()
            server.wait()


def main() -> None:
    """Serve until the standard input ends."""
    corpus = load(Path(sys.argv[1]))
    server = _Server(corpus, corpus.places())
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    print(server.url, flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
