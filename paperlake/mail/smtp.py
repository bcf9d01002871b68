"""Handing letters to a mail server, and knowing of each whether it was taken.

After the dot that ends a letter, and before the server's answer, nobody can know. So the dialogue is spoken here step
by step: what fails before the dot surely was not taken, what fails after it is in doubt.
"""

from __future__ import annotations

import base64
import contextlib
import re
import smtplib
import socket
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass
from email.message import EmailMessage
from typing import Any, Literal, Self

from paperlake.errors import PaperlakeError
from paperlake.mail.one_line import one_line
from paperlake.mail.relay import Relay, is_loopback

ANSWER_WITHIN_S = 30.0
VERDICT_WITHIN_S = 600.0
"""For the answer to the final dot: RFC 5321, 4.5.3.2.6. Less patience makes doubts."""

LETTERS_A_CONNECTION = 100
LONGEST_SAID = 300

_START_INPUT = 354
_TOO_LARGE = 552
_WANTS_LOGIN = (530, 534, 535, 538)
"""RFC 4954, 4 and 6: these speak of us, not of a letter."""


class NoServer(PaperlakeError):
    """No letter can be handed over now; none was. `is_lasting`: trying again will not help, somebody must see to it."""

    def __init__(self, message: str, *, is_lasting: bool) -> None:
        """Why, for people: without user, password or address of a reader."""
        super().__init__(message)
        self.is_lasting = is_lasting


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one letter.

    - `sent`: the server took it.
    - `refused`: it never will.
    - `deferred`: it surely did not, and may do so later.
    - `in_doubt`: it may have; the connection was lost, or nothing was answered, after the final dot.
    """

    state: Literal["sent", "refused", "deferred", "in_doubt"]
    said: str
    """The server's answer, or what went wrong, as one harmless line."""


class SmtpClient:
    """One connection to a mail server, made when it is needed and made again when it is lost.

    Certificates are verified against `context`, by default the machine's authorities.
    """

    def __init__(  # noqa: PLR0913 - whom, as whom, and how patiently
        self,
        relay: Relay,
        sender: str,
        *,
        context: ssl.SSLContext | None = None,
        answer_within_s: float = ANSWER_WITHIN_S,
        verdict_within_s: float = VERDICT_WITHIN_S,
        letters_a_connection: int = LETTERS_A_CONNECTION,
    ) -> None:
        """Nothing is connected yet. `sender` is the envelope's, to which bounces go."""
        self._relay = relay
        self._sender = sender
        self._context = context
        self._answer_within_s = answer_within_s
        self._verdict_within_s = verdict_within_s
        self._most = letters_a_connection
        self._client: smtplib.SMTP | None = None
        self._carried = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Take leave of the server."""
        client, self._client = self._client, None
        if client is not None:
            try:
                client.quit()
            except OSError:  # it has gone already; no letter was under way
                client.close()

    def send(self, letter: EmailMessage, recipient: str, before_data: Callable[[], None] = lambda: None) -> Outcome:
        """Hand over one letter to one recipient.

        `before_data` is called once, after the server has accepted the recipient and before it is given anything of
        the letter; where it raises, the letter is not sent. Raises NoServer.
        """
        is_new = self._client is None or self._carried >= self._most
        client = self._connected()
        try:
            return self._dialogue(client, letter, recipient, before_data)
        except _Lost as lost:
            self._drop()
            # A server may hang up on a connection that was idle. It was not told of this letter yet.
            if lost.is_first_word and not is_new:
                return self.send(letter, recipient, before_data)
            return Outcome("deferred", f"the connection was lost before the letter was handed over ({lost})")
        except BaseException:
            self._drop()
            raise

    # --- one letter

    def _dialogue(
        self, client: smtplib.SMTP, letter: EmailMessage, recipient: str, before_data: Callable[[], None]
    ) -> Outcome:
        is_beyond_ascii = not recipient.isascii()
        if is_beyond_ascii and not client.has_extn("smtputf8"):
            return Outcome("refused", "the mail server takes no addresses beyond ASCII (it offers no SMTPUTF8)")
        data = _data(letter, is_utf8=is_beyond_ascii, is_8bit=client.has_extn("8bitmime"))
        options = [
            *(["SMTPUTF8"] if is_beyond_ascii else []),
            *(["BODY=8BITMIME"] if not data.isascii() else []),
            *([f"SIZE={len(data)}"] if client.has_extn("size") else []),
        ]
        self._carried += 1
        code, said = self._asked(client, lambda: client.mail(self._sender, options), is_first_word=True)
        if code != 250:  # noqa: PLR2004 - a code of SMTP
            return self._sender_unwanted(code, said)
        code, said = self._asked(client, lambda: client.rcpt(recipient))
        if code in _WANTS_LOGIN:
            raise NoServer(f"{self._where} takes no mail from us: {_shown(code, said)}", is_lasting=True)
        if code not in (250, 251):
            return self._left(code, said)
        before_data()
        code, said = self._asked(client, lambda: client.docmd("DATA"))
        if code != _START_INPUT:
            return self._left(code, said)
        # Without its dot this is no letter, whatever becomes of the connection (RFC 5321, 4.1.1.4).
        try:
            with _Limit(client, self._verdict_within_s):
                client.send(data)
        except OSError as error:
            raise _Lost(_cause(error)) from None
        return self._verdict(client)

    def _asked(
        self, client: smtplib.SMTP, ask: Callable[[], tuple[int, bytes]], *, is_first_word: bool = False
    ) -> tuple[int, bytes]:
        """The answer to a command before the final dot."""
        try:
            with _Limit(client, self._answer_within_s):
                code, said = ask()
        except OSError as error:
            raise _Lost(_cause(error), is_first_word=is_first_word) from None
        if code == -1:  # smtplib's word for what is no answer
            raise _Lost("the server makes no sense")
        return code, said

    def _verdict(self, client: smtplib.SMTP) -> Outcome:
        """End the letter with its dot, and hear what the server makes of it."""
        try:
            if client.sock is not None:
                client.sock.settimeout(self._verdict_within_s)
            with _Limit(client, self._verdict_within_s):
                client.send(b".\r\n")
                code, said = client.getreply()
            if client.sock is not None:
                client.sock.settimeout(self._answer_within_s)
        except OSError as error:
            self._drop()
            return Outcome("in_doubt", f"the letter was handed over, and not answered ({_cause(error)})")
        match code // 100:
            case 2:
                return Outcome("sent", _shown(code, said))
            case 4 | 5:
                return self._left(code, said)
        self._drop()
        return Outcome("in_doubt", f"the letter was handed over, and answered with no sense ({_shown(code, said)})")

    def _left(self, code: int, said: bytes) -> Outcome:
        """The outcome of a letter that the server did not take, ready for the next one."""
        is_final = code // 100 == 5  # noqa: PLR2004 - the class of a code
        try:
            if self._client is None or code == 421 or self._client.rset()[0] != 250:  # noqa: PLR2004 - codes of SMTP
                self._drop()
        except OSError:
            self._drop()
        return Outcome("refused" if is_final else "deferred", _shown(code, said))

    def _sender_unwanted(self, code: int, said: bytes) -> Outcome:
        """Our own address is the same in every letter: if it is refused, so are we. Only the size is the letter's."""
        if code // 100 == 5 and code != _TOO_LARGE:  # noqa: PLR2004 - the class of a code
            self._drop()
            raise NoServer(f"{self._where} takes no mail from {self._sender}: {_shown(code, said)}", is_lasting=True)
        return self._left(code, said)

    # --- the connection

    @property
    def _where(self) -> str:
        return f"the mail server {self._relay.host}:{self._relay.port}"

    def _connected(self) -> smtplib.SMTP:
        if self._carried >= self._most:
            self.close()
        if self._client is None:
            self._client, self._carried = self._greeted(), 0
        return self._client

    def _greeted(self) -> smtplib.SMTP:
        try:
            client = self._opened()
        except ssl.SSLError as error:
            raise self._untrusted(error) from None
        except smtplib.SMTPResponseException as error:
            raise NoServer(
                f"{self._where} says {_shown(error.smtp_code, error.smtp_error)}", is_lasting=False
            ) from None
        except (OSError, UnicodeError) as error:
            raise NoServer(f"{self._where} cannot be reached: {_cause(error)}", is_lasting=False) from None
        try:
            self._secured(client)
        except BaseException:
            client.close()
            raise
        return client

    def _untrusted(self, error: ssl.SSLError) -> NoServer:
        is_hung_up = isinstance(error, ssl.SSLEOFError | ssl.SSLZeroReturnError)
        return NoServer(f"{self._where} has no TLS that we trust: {_cause(error)}", is_lasting=not is_hung_up)

    def _opened(self) -> smtplib.SMTP:
        to = self._relay
        # The name of this machine is none of the server's business where it is the same machine, and may take seconds.
        me = "localhost" if is_loopback(to.host) else None
        if to.security != "tls":
            return smtplib.SMTP(to.host, to.port, me, self._answer_within_s)
        context = self._context or ssl.create_default_context()
        return smtplib.SMTP_SSL(to.host, to.port, me, timeout=self._answer_within_s, context=context)

    def _secured(self, client: smtplib.SMTP) -> None:
        """Greet the server, go over to TLS where that is due, and log in."""
        try:
            client.ehlo_or_helo_if_needed()
            if self._relay.security == "starttls":
                if not client.has_extn("starttls"):
                    raise NoServer(
                        f"{self._where} offers no STARTTLS, and we send nothing in the open", is_lasting=True
                    )
                client.starttls(context=self._context or ssl.create_default_context())
                client.ehlo_or_helo_if_needed()
            if self._relay.user is not None:
                self._log_in(client, self._relay.user, self._relay.password or "")
        except ssl.SSLError as error:
            raise self._untrusted(error) from None
        except smtplib.SMTPResponseException as error:
            # The text is the server's, and a server may repeat what it was given: only the code is told.
            is_lasting = error.smtp_code // 100 == 5  # noqa: PLR2004 - the class of a code
            what = "refuses our user and password" if isinstance(error, smtplib.SMTPAuthenticationError) else "answers"
            raise NoServer(f"{self._where} {what} ({error.smtp_code})", is_lasting=is_lasting) from None
        except smtplib.SMTPNotSupportedError:
            raise NoServer(f"{self._where} offers no way to log in that we know", is_lasting=True) from None
        except OSError as error:
            raise NoServer(f"{self._where} cannot be spoken to: {_cause(error)}", is_lasting=False) from None

    def _log_in(self, client: smtplib.SMTP, user: str, password: str) -> None:
        offered = client.esmtp_features.get("auth", "").upper().split()
        if "PLAIN" not in offered and (user + password).isascii():
            client.login(user, password)
            return
        # By ourselves: smtplib knows ASCII only, where RFC 4616 has UTF-8, and tries a wrong password in three ways.
        secret = base64.b64encode(f"\0{user}\0{password}".encode()).decode()
        code, _ = client.docmd("AUTH", f"PLAIN {secret}")
        if code != 235:  # noqa: PLR2004 - a code of SMTP
            raise smtplib.SMTPAuthenticationError(code, b"")

    def _drop(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            client.close()


class _Lost(Exception):
    """The connection was lost, or timed out, or made no sense, before the final dot."""

    def __init__(self, cause: str, *, is_first_word: bool = False) -> None:
        super().__init__(cause)
        self.is_first_word = is_first_word


class _Limit:
    """Cuts the connection if a step takes longer than this, however busily the server talks meanwhile.

    A socket's timeout begins anew with every byte.
    """

    def __init__(self, client: smtplib.SMTP, within_s: float) -> None:
        self._client = client
        # A little later than the socket's own timeout, which has the better words for it.
        self._timer = threading.Timer(within_s * 1.1, self._cut)
        self._timer.daemon = True

    def __enter__(self) -> None:
        self._timer.start()

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()

    def _cut(self) -> None:
        if self._client.sock is not None:
            with contextlib.suppress(OSError):
                # Past TLS, which would first say goodbye.
                socket.socket.shutdown(self._client.sock, socket.SHUT_RDWR)


def _data(letter: EmailMessage, *, is_utf8: bool, is_8bit: bool) -> bytes:
    """The letter as it goes over the wire, without the dot that ends it."""
    policy: Any = letter.policy  # typed without what every policy of an EmailMessage has
    policy = policy.clone(linesep="\r\n", utf8=is_utf8, cte_type="8bit" if is_utf8 or is_8bit else "7bit")
    # A line that ends otherwise could end the letter for one server and not for the next ("SMTP smuggling").
    lines = re.sub(rb"\r\n|\r|\n", b"\r\n", letter.as_bytes(policy=policy))
    stuffed = re.sub(rb"(?m)^\.", b"..", lines)
    return stuffed if stuffed.endswith(b"\r\n") else stuffed + b"\r\n"


def _shown(code: int, said: bytes | str) -> str:
    text = said.decode("utf-8", "replace") if isinstance(said, bytes) else said
    return one_line(f"{code} {text}", LONGEST_SAID)


def _cause(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return one_line(error.verify_message, LONGEST_SAID)
    text = getattr(error, "strerror", None) or str(error)
    return one_line(text, LONGEST_SAID) or type(error).__name__
