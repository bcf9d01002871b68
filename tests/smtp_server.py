"""A mail server on loopback that does what a test tells it to: answer, refuse, dawdle, hang up at the worst moment."""

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
class Fault:
    """What goes wrong with one letter, and where in the dialogue."""

    at: Literal["rcpt", "data", "body", "dot"]
    reply: str | None = None
    """Said instead of the good answer. None: the connection is cut there."""
    is_taken: bool = False
    """With a cut at the dot: whether the letter was taken all the same."""
    delay_s: float = 0
    """With no other fault: the good answer, but late."""
    is_endless: bool = False
    """An answer that goes on for ever, a line at a time."""


Script = Callable[[str, int], Fault | None]
"""What happens to a recipient at its nth try."""


@dataclass(frozen=True)
class Taken:
    recipient: str
    sender: str
    data: bytes

    @property
    def letter(self):
        return message_from_bytes(self.data, policy=policy.default)


class SmtpServer:
    """Taken letters are in `taken`, in order, put down before the answer is given."""

    def __init__(  # noqa: PLR0913 - what a test may choose
        self,
        script: Script = lambda _recipient, _try: None,
        *,
        tls: ssl.SSLContext | None = None,
        is_starttls: bool = False,
        offers: tuple[str, ...] = ("8BITMIME", "SMTPUTF8", "SIZE 10000000"),
        login: tuple[str, str] | None = None,
        mail_reply: str = "250 yes",
    ):
        self.taken: list[Taken] = []
        self.commands: list[str] = []
        self.connections = 0
        self.tries: Counter[str] = Counter()
        self._script, self._tls, self._is_starttls = script, tls, is_starttls
        self._offers, self._login, self._mail_reply = offers, login, mail_reply
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16384)  # a large letter does not fit
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
        self.hang_up()
        self._accepting.join(5)
        for thread in self._threads:
            thread.join(5)

    def hang_up(self):
        """Cut every connection, as a server does that finds them idle."""
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
            Dialogue(self, connection).run()
        except OSError:  # they hung up, or we did
            pass
        finally:
            self._open.discard(connection)
            connection.close()


class Dialogue:
    """One connection."""

    def __init__(self, server, connection):
        self.server, self.connection = server, connection
        self.file = connection.makefile("rb")
        self.sender, self.recipient, self.fault = "", "", None
        self.is_secret = server._tls is not None and not server._is_starttls

    def run(self):
        try:
            self.say("220 here")
            while line := self.file.readline():
                if not self.obey(line.decode().rstrip("\r\n")):
                    return
        finally:
            self.file.close()
            self.server._open.discard(self.connection)
            self.connection.close()

    def say(self, reply):
        self.connection.sendall(f"{reply}\r\n".encode())

    def obey(self, line):
        with self.server._lock:
            self.server.commands.append(line)
        verb = line.split(" ")[0].upper()
        return getattr(self, f"do_{verb.lower()}", self.unknown)(line)

    def unknown(self, _line):
        self.say("502 what?")
        return True

    def do_ehlo(self, _line):
        offers = list(self.server._offers)
        if self.server._is_starttls and not self.is_secret:
            offers.append("STARTTLS")
        if self.server._login:
            offers.append("AUTH PLAIN LOGIN")
        for offer in ["here", *offers][:-1]:
            self.say(f"250-{offer}")
        self.say(f"250 {['here', *offers][-1]}")
        return True

    def do_starttls(self, _line):
        self.say("220 go on")
        self.file.close()
        self.server._open.discard(self.connection)
        self.connection = self.server._tls.wrap_socket(self.connection, server_side=True)
        self.server._open.add(self.connection)
        self.file, self.is_secret = self.connection.makefile("rb"), True
        return True

    def do_auth(self, line):
        import base64  # noqa: PLC0415 - rarely spoken

        _, user, password = base64.b64decode(line.split(" ")[2]).decode().split("\0")
        is_right = (user, password) == self.server._login
        self.say("235 come in" if is_right else f"535 not {user} with {password}")
        return True

    def do_mail(self, line):
        self.sender = re.search("<(.*?)>", line)[1]
        self.say(self.server._mail_reply)
        return True

    def do_rcpt(self, line):
        self.recipient = re.search("<(.*?)>", line)[1]
        with self.server._lock:
            self.server.tries[self.recipient] += 1
            self.fault = self.server._script(self.recipient, self.server.tries[self.recipient])
        return self.answer("rcpt", "250 yes")

    def do_data(self, _line):
        if not self.answer("data", "354 go on"):
            return False
        if self.fault and self.fault.at == "data" and self.fault.reply:
            return True
        data = self.body()
        if data is None:
            return False
        fault = self.fault if self.fault and self.fault.at == "dot" else None
        if fault is None or fault.delay_s or fault.is_taken:
            with self.server._lock:
                self.server.taken.append(Taken(self.recipient, self.sender, data))
        return self.answer("dot", "250 taken")

    def body(self):
        lines = []
        while (line := self.file.readline()) != b".\r\n":
            if not line:
                return None  # no dot: no letter
            if self.fault and self.fault.at == "body":
                return None
            lines.append(line[1:] if line.startswith(b".") else line)
        return b"".join(lines)

    def answer(self, at, good):
        """Give the good answer, unless the script has something else here; false to hang up."""
        if self.fault is None or self.fault.at != at:
            self.say(good)
        elif self.fault.is_endless:
            while True:
                self.say("250-and")
                time.sleep(0.02)
        elif self.fault.delay_s:
            time.sleep(self.fault.delay_s)
            self.say(good)
        elif self.fault.reply:
            self.say(self.fault.reply)
            return not self.fault.reply.startswith("421")
        else:
            return False
        return True

    def do_rset(self, _line):
        self.fault = None
        self.say("250 forgotten")
        return True

    def do_noop(self, _line):
        self.say("250 yes")
        return True

    def do_quit(self, _line):
        self.say("221 bye")
        return False
