"""Send letters over SMTP, and know for each whether the server accepted it.

Between the final dot of a letter and the server's reply, the result is unknown. So this module runs the dialogue step
by step: after a failure before the dot the letter was not delivered, after a failure later it is in doubt.
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

REPLY_TIMEOUT_S = 30.0
FINAL_REPLY_TIMEOUT_S = 600.0
"""For the reply to the final dot (RFC 5321, 4.5.3.2.6). A shorter timeout would leave more letters in doubt."""

LETTERS_PER_CONNECTION = 100
MAX_MESSAGE_LENGTH = 300

_START_INPUT = 354
_TOO_LARGE = 552
_LOGIN_REPLIES = (530, 534, 535, 538)
"""RFC 4954, 4 and 6: replies about our login, not about a letter."""


class MailServerUnavailable(PaperlakeError):
    """No letter can be sent now, and none was. `is_permanent`: a retry will not help; an operator must act."""

    def __init__(self, message: str, *, is_permanent: bool) -> None:
        """`message` must not contain the user, the password or a reader's address."""
        super().__init__(message)
        self.is_permanent = is_permanent


@dataclass(frozen=True, slots=True)
class SendResult:
    """The result of sending one letter.

    - `sent`: the server accepted it.
    - `refused`: the server refused it permanently.
    - `deferred`: it was certainly not delivered; a later attempt may succeed.
    - `in_doubt`: it may have been delivered; the connection or the reply was lost after the final dot.
    """

    state: Literal["sent", "refused", "deferred", "in_doubt"]
    message: str
    """The server's reply, or the error, sanitized to one line."""


class SmtpClient:
    """One connection to a mail server, opened on first use and reopened after it was lost.

    Certificates are verified against `context`, by default the system's certificate authorities.
    """

    def __init__(  # noqa: PLR0913 - server, sender and limits
        self,
        relay: Relay,
        sender: str,
        *,
        context: ssl.SSLContext | None = None,
        reply_timeout_s: float = REPLY_TIMEOUT_S,
        final_reply_timeout_s: float = FINAL_REPLY_TIMEOUT_S,
        letters_per_connection: int = LETTERS_PER_CONNECTION,
    ) -> None:
        """Do not connect yet. `sender` is the envelope sender, which gets bounces."""
        self._relay = relay
        self._sender = sender
        self._context = context
        self._reply_timeout_s = reply_timeout_s
        self._final_reply_timeout_s = final_reply_timeout_s
        self._letters_per_connection = letters_per_connection
        self._client: smtplib.SMTP | None = None
        self._letter_count = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the session with QUIT."""
        client, self._client = self._client, None
        if client is not None:
            try:
                client.quit()
            except OSError:  # the server is already gone; no letter was in transit
                client.close()

    def send(self, letter: EmailMessage, recipient: str, before_data: Callable[[], None] = lambda: None) -> SendResult:
        """Send one letter to one recipient. Raises MailServerUnavailable.

        `before_data` is called once, after the server accepted the recipient and before it gets any of the letter. If
        it raises, the letter is not sent.
        """
        is_new = self._client is None or self._letter_count >= self._letters_per_connection
        client = self._connect()
        try:
            return self._dialogue(client, letter, recipient, before_data)
        except _ConnectionLost as lost:
            self._drop()
            # A server may close an idle connection. It has not seen this letter yet.
            if lost.is_first_command and not is_new:
                return self.send(letter, recipient, before_data)
            return SendResult("deferred", f"the connection was lost before the letter was sent ({lost})")
        except BaseException:
            self._drop()
            raise

    # --- one letter

    def _dialogue(
        self, client: smtplib.SMTP, letter: EmailMessage, recipient: str, before_data: Callable[[], None]
    ) -> SendResult:
        is_non_ascii = not recipient.isascii()
        if is_non_ascii and not client.has_extn("smtputf8"):
            return SendResult("refused", "the mail server does not support non-ASCII addresses (it offers no SMTPUTF8)")
        data = _data(letter, is_utf8=is_non_ascii, is_8bit=client.has_extn("8bitmime"))
        options = [
            *(["SMTPUTF8"] if is_non_ascii else []),
            *(["BODY=8BITMIME"] if not data.isascii() else []),
            *([f"SIZE={len(data)}"] if client.has_extn("size") else []),
        ]
        self._letter_count += 1
        code, text = self._reply_to(client, lambda: client.mail(self._sender, options), is_first_command=True)
        if code != 250:  # noqa: PLR2004 - an SMTP reply code
            return self._sender_refused(code, text)
        code, text = self._reply_to(client, lambda: client.rcpt(recipient))
        if code in _LOGIN_REPLIES:
            raise MailServerUnavailable(
                f"{self._where} accepts no mail from us: {_reply_line(code, text)}", is_permanent=True
            )
        if code not in (250, 251):
            return self._not_accepted(code, text)
        before_data()
        code, text = self._reply_to(client, lambda: client.docmd("DATA"))
        if code != _START_INPUT:
            return self._not_accepted(code, text)
        # A server must not deliver a letter without its final dot, even if the connection is lost (RFC 5321, 4.1.1.4).
        try:
            with _Deadline(client, self._final_reply_timeout_s):
                client.send(data)
        except OSError as error:
            raise _ConnectionLost(_cause(error)) from None
        return self._send_final_dot(client)

    def _reply_to(
        self, client: smtplib.SMTP, command: Callable[[], tuple[int, bytes]], *, is_first_command: bool = False
    ) -> tuple[int, bytes]:
        """The reply to a command before the final dot. Raises _ConnectionLost."""
        try:
            with _Deadline(client, self._reply_timeout_s):
                code, text = command()
        except OSError as error:
            raise _ConnectionLost(_cause(error), is_first_command=is_first_command) from None
        if code == -1:  # smtplib's code for a malformed reply
            raise _ConnectionLost("the server sent a malformed reply")
        return code, text

    def _send_final_dot(self, client: smtplib.SMTP) -> SendResult:
        """Send the final dot, and read the server's decision."""
        try:
            if client.sock is not None:
                client.sock.settimeout(self._final_reply_timeout_s)
            with _Deadline(client, self._final_reply_timeout_s):
                client.send(b".\r\n")
                code, text = client.getreply()
            if client.sock is not None:
                client.sock.settimeout(self._reply_timeout_s)
        except OSError as error:
            self._drop()
            return SendResult("in_doubt", f"the letter was sent, but there was no reply ({_cause(error)})")
        match code // 100:
            case 2:
                return SendResult("sent", _reply_line(code, text))
            case 4 | 5:
                return self._not_accepted(code, text)
        self._drop()
        return SendResult("in_doubt", f"the letter was sent, but the reply was malformed ({_reply_line(code, text)})")

    def _not_accepted(self, code: int, text: bytes) -> SendResult:
        """The result of a letter that the server did not accept. Resets the session for the next letter."""
        is_final = code // 100 == 5  # noqa: PLR2004 - the class of a reply code
        try:
            if self._client is None or code == 421 or self._client.rset()[0] != 250:  # noqa: PLR2004 - SMTP reply codes
                self._drop()
        except OSError:
            self._drop()
        return SendResult("refused" if is_final else "deferred", _reply_line(code, text))

    def _sender_refused(self, code: int, text: bytes) -> SendResult:
        """The result of a refused MAIL command: it affects every letter, unless the letter is too large."""
        if code // 100 == 5 and code != _TOO_LARGE:  # noqa: PLR2004 - the class of a reply code
            self._drop()
            raise MailServerUnavailable(
                f"{self._where} accepts no mail from {self._sender}: {_reply_line(code, text)}", is_permanent=True
            )
        return self._not_accepted(code, text)

    # --- the connection

    @property
    def _where(self) -> str:
        return f"the mail server {self._relay.host}:{self._relay.port}"

    def _connect(self) -> smtplib.SMTP:
        if self._letter_count >= self._letters_per_connection:
            self.close()
        if self._client is None:
            self._client, self._letter_count = self._open_session(), 0
        return self._client

    def _open_session(self) -> smtplib.SMTP:
        try:
            client = self._open_socket()
        except ssl.SSLError as error:
            raise self._tls_failure(error) from None
        except smtplib.SMTPResponseException as error:
            raise MailServerUnavailable(
                f"{self._where} says {_reply_line(error.smtp_code, error.smtp_error)}", is_permanent=False
            ) from None
        except (OSError, UnicodeError) as error:
            raise MailServerUnavailable(
                f"{self._where} cannot be reached: {_cause(error)}", is_permanent=False
            ) from None
        try:
            self._secure_session(client)
        except BaseException:
            client.close()
            raise
        return client

    def _tls_failure(self, error: ssl.SSLError) -> MailServerUnavailable:
        is_hung_up = isinstance(error, ssl.SSLEOFError | ssl.SSLZeroReturnError)
        return MailServerUnavailable(
            f"the TLS of {self._where} is not trusted: {_cause(error)}", is_permanent=not is_hung_up
        )

    def _open_socket(self) -> smtplib.SMTP:
        relay = self._relay
        # On loopback the server needs no host name of ours, and looking that up can take seconds.
        local_name = "localhost" if is_loopback(relay.host) else None
        if relay.security != "tls":
            return smtplib.SMTP(relay.host, relay.port, local_name, self._reply_timeout_s)
        context = self._context or ssl.create_default_context()
        return smtplib.SMTP_SSL(relay.host, relay.port, local_name, timeout=self._reply_timeout_s, context=context)

    def _secure_session(self, client: smtplib.SMTP) -> None:
        """Send EHLO, switch to TLS if configured, and log in."""
        try:
            client.ehlo_or_helo_if_needed()
            if self._relay.security == "starttls":
                if not client.has_extn("starttls"):
                    raise MailServerUnavailable(
                        f"{self._where} offers no STARTTLS, and we send nothing unencrypted", is_permanent=True
                    )
                client.starttls(context=self._context or ssl.create_default_context())
                client.ehlo_or_helo_if_needed()
            if self._relay.user is not None:
                self._log_in(client, self._relay.user, self._relay.password or "")
        except ssl.SSLError as error:
            raise self._tls_failure(error) from None
        except smtplib.SMTPResponseException as error:
            # A server may repeat our credentials in its reply, so report the code only.
            is_permanent = error.smtp_code // 100 == 5  # noqa: PLR2004 - the class of a reply code
            problem = (
                "refuses our user and password" if isinstance(error, smtplib.SMTPAuthenticationError) else "replies"
            )
            raise MailServerUnavailable(
                f"{self._where} {problem} ({error.smtp_code})", is_permanent=is_permanent
            ) from None
        except smtplib.SMTPNotSupportedError:
            raise MailServerUnavailable(
                f"{self._where} offers no login method that we support", is_permanent=True
            ) from None
        except OSError as error:
            raise MailServerUnavailable(f"{self._where} failed: {_cause(error)}", is_permanent=False) from None

    def _log_in(self, client: smtplib.SMTP, user: str, password: str) -> None:
        methods = client.esmtp_features.get("auth", "").upper().split()
        if "PLAIN" not in methods and (user + password).isascii():
            client.login(user, password)
            return
        # smtplib supports only ASCII credentials, where RFC 4616 has UTF-8, and it tries a wrong password three times.
        secret = base64.b64encode(f"\0{user}\0{password}".encode()).decode()
        code, _ = client.docmd("AUTH", f"PLAIN {secret}")
        if code != 235:  # noqa: PLR2004 - an SMTP reply code
            raise smtplib.SMTPAuthenticationError(code, b"")

    def _drop(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            client.close()


class _ConnectionLost(Exception):
    """The connection was lost, timed out, or broke the protocol before the final dot."""

    def __init__(self, cause: str, *, is_first_command: bool = False) -> None:
        super().__init__(cause)
        self.is_first_command = is_first_command


class _Deadline:
    """Shut the connection down if a step takes longer than `timeout_s`.

    A socket timeout is not enough: it starts again with every byte that the server sends.
    """

    def __init__(self, client: smtplib.SMTP, timeout_s: float) -> None:
        self._client = client
        # A little later than the socket timeout, whose error message is clearer.
        self._timer = threading.Timer(timeout_s * 1.1, self._shut_down)
        self._timer.daemon = True

    def __enter__(self) -> None:
        self._timer.start()

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()

    def _shut_down(self) -> None:
        if self._client.sock is not None:
            with contextlib.suppress(OSError):
                # Bypass TLS, which would first send a close notification.
                socket.socket.shutdown(self._client.sock, socket.SHUT_RDWR)


def _data(letter: EmailMessage, *, is_utf8: bool, is_8bit: bool) -> bytes:
    """The letter as bytes for the DATA command, dot-stuffed, without the final dot."""
    policy: Any = letter.policy  # the type stubs lack attributes that every EmailMessage policy has
    policy = policy.clone(linesep="\r\n", utf8=is_utf8, cte_type="8bit" if is_utf8 or is_8bit else "7bit")
    # A bare CR or LF could end the letter for one server and not for the next ("SMTP smuggling").
    normalized = re.sub(rb"\r\n|\r|\n", b"\r\n", letter.as_bytes(policy=policy))
    stuffed = re.sub(rb"(?m)^\.", b"..", normalized)
    return stuffed if stuffed.endswith(b"\r\n") else stuffed + b"\r\n"


def _reply_line(code: int, text: bytes | str) -> str:
    decoded = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
    return one_line(f"{code} {decoded}", MAX_MESSAGE_LENGTH)


def _cause(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return one_line(error.verify_message, MAX_MESSAGE_LENGTH)
    text = getattr(error, "strerror", None) or str(error)
    return one_line(text, MAX_MESSAGE_LENGTH) or type(error).__name__
