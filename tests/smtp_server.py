"""A scripted mail server on loopback: it accepts, refuses, delays, or closes the connection at a chosen step."""

import contextlib
import re
import socket
import ssl
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from email import message_from_bytes, policy
from typing import Literal


@dataclass(frozen=True)
class SmtpFault:
    """A failure of one letter, and the step of the SMTP dialogue where it happens."""

    at: Literal["rcpt", "data", "body", "dot"]
    reply: str | None = None
    """The reply instead of the normal one. None: close the connection."""
    is_accepted: bool = False
    """If the connection is closed at the dot: whether the letter is accepted nevertheless."""
    delay_s: float = 0
    """Send the normal reply after this delay."""
    is_endless: bool = False
    """Send a reply that never ends, line by line."""


FaultScript = Callable[[str, int], SmtpFault | None]
"""The fault for a recipient and the number of its attempt."""


@dataclass(frozen=True)
class AcceptedLetter:
    recipient: str
    sender: str
    data: bytes

    @property
    def letter(self):
        return message_from_bytes(self.data, policy=policy.default)


class SmtpServer:
    """The server. Letters are appended to `accepted` before the reply is sent."""

    def __init__(  # noqa: PLR0913 - options for tests
        self,
        script: FaultScript = lambda _recipient, _attempt: None,
        *,
        tls: ssl.SSLContext | None = None,
        is_starttls: bool = False,
        offers: tuple[str, ...] = ("8BITMIME", "SMTPUTF8", "SIZE 10000000"),
        login: tuple[str, str] | None = None,
        mail_reply: str = "250 ok",
    ):
        self.accepted: list[AcceptedLetter] = []
        self.commands: list[str] = []
        self.connections = 0
        self.attempts: Counter[str] = Counter()
        self._script, self._tls, self._is_starttls = script, tls, is_starttls
        self._offers, self._login, self._mail_reply = offers, login, mail_reply
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.setsockopt(
            socket.SOL_SOCKET, socket.SO_RCVBUF, 16384
        )  # so that a large letter does not fit into the buffer
        self.port = self._listener.getsockname()[1]
        self._open: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self._accepting = threading.Thread(target=self._accept, daemon=True)

    def __enter__(self):
        self._accepting.start()
        return self

    def __exit__(self, *_):
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.close_connections()
        self._accepting.join(5)
        for thread in self._threads:
            thread.join(5)

    def close_connections(self):
        """Close every connection, as a server does with idle ones."""
        for connection in list(self._open):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def _accept(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            thread = threading.Thread(target=self._serve, args=(connection,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection):
        self.connections += 1
        try:
            if self._tls and not self._is_starttls:
                connection = self._tls.wrap_socket(connection, server_side=True)
            self._open.add(connection)
            SmtpSession(self, connection).run()
        except OSError:  # either side closed the connection
            pass
        finally:
            self._open.discard(connection)
            connection.close()


class SmtpSession:
    """The SMTP session of one connection."""

    def __init__(self, server, connection):
        self.server, self.connection = server, connection
        self.file = connection.makefile("rb")
        self.sender, self.recipient, self.fault = "", "", None
        self.is_encrypted = server._tls is not None and not server._is_starttls

    def run(self):
        try:
            self.reply("220 ready")
            while line := self.file.readline():
                if not self.handle(line.decode().rstrip("\r\n")):
                    return
        finally:
            self.file.close()
            self.server._open.discard(self.connection)
            self.connection.close()

    def reply(self, line):
        self.connection.sendall(f"{line}\r\n".encode())

    def handle(self, line):
        with self.server._lock:
            self.server.commands.append(line)
        verb = line.split(" ")[0].upper()
        return getattr(self, f"do_{verb.lower()}", self.unknown)(line)

    def unknown(self, _line):
        self.reply("502 unknown command")
        return True

    def do_ehlo(self, _line):
        offers = list(self.server._offers)
        if self.server._is_starttls and not self.is_encrypted:
            offers.append("STARTTLS")
        if self.server._login:
            offers.append("AUTH PLAIN LOGIN")
        for offer in ["localhost", *offers][:-1]:
            self.reply(f"250-{offer}")
        self.reply(f"250 {['localhost', *offers][-1]}")
        return True

    def do_starttls(self, _line):
        self.reply("220 go on")
        self.file.close()
        self.server._open.discard(self.connection)
        self.connection = self.server._tls.wrap_socket(self.connection, server_side=True)
        self.server._open.add(self.connection)
        self.file, self.is_encrypted = self.connection.makefile("rb"), True
        return True

    def do_auth(self, line):
        import base64  # noqa: PLC0415 - rarely used

        _, user, password = base64.b64decode(line.split(" ")[2]).decode().split("\0")
        is_right = (user, password) == self.server._login
        self.reply("235 logged in" if is_right else f"535 wrong password {password} for {user}")
        return True

    def do_mail(self, line):
        self.sender = re.search("<(.*?)>", line)[1]
        self.reply(self.server._mail_reply)
        return True

    def do_rcpt(self, line):
        self.recipient = re.search("<(.*?)>", line)[1]
        with self.server._lock:
            self.server.attempts[self.recipient] += 1
            self.fault = self.server._script(self.recipient, self.server.attempts[self.recipient])
        return self.reply_or_fail("rcpt", "250 ok")

    def do_data(self, _line):
        if not self.reply_or_fail("data", "354 go on"):
            return False
        if self.fault and self.fault.at == "data" and self.fault.reply:
            return True
        data = self.body()
        if data is None:
            return False
        fault = self.fault if self.fault and self.fault.at == "dot" else None
        if fault is None or fault.delay_s or fault.is_accepted:
            with self.server._lock:
                self.server.accepted.append(AcceptedLetter(self.recipient, self.sender, data))
        return self.reply_or_fail("dot", "250 accepted")

    def body(self):
        lines = []
        while (line := self.file.readline()) != b".\r\n":
            if not line:
                return None  # without the dot it is no letter
            if self.fault and self.fault.at == "body":
                return None
            lines.append(line[1:] if line.startswith(b".") else line)
        return b"".join(lines)

    def reply_or_fail(self, at, normal):
        """Send the normal reply, or the fault of this step. Returns False if the connection is to be closed."""
        if self.fault is None or self.fault.at != at:
            self.reply(normal)
        elif self.fault.is_endless:
            while True:
                self.reply("250-and")
                time.sleep(0.02)
        elif self.fault.delay_s:
            time.sleep(self.fault.delay_s)
            self.reply(normal)
        elif self.fault.reply:
            self.reply(self.fault.reply)
            return not self.fault.reply.startswith("421")
        else:
            return False
        return True

    def do_rset(self, _line):
        self.fault = None
        self.reply("250 reset")
        return True

    def do_noop(self, _line):
        self.reply("250 ok")
        return True

    def do_quit(self, _line):
        self.reply("221 bye")
        return False
