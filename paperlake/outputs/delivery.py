"""Send an issue to its readers: each gets it once, or is reported as refused, deferred or in doubt."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from email.message import EmailMessage

from paperlake.errors import PaperlakeError
from paperlake.mail.address import mail_address, mailbox_key
from paperlake.mail.database import ReaderDatabase
from paperlake.mail.deliveries import Deliveries, Delivery
from paperlake.mail.refusals import Refusals
from paperlake.mail.smtp import MailServerUnavailable, SendResult, SmtpClient
from paperlake.mail.subscribers import Subscribers
from paperlake.text import plural

RETRY_PAUSES_S = (1.0, 5.0, 20.0)
"""Pauses between the rounds of one run. A letter that is still deferred after the last round waits for the next run."""

MAX_CONSECUTIVE_DOUBTS = 3
"""Stop a run after this many, so that a server that never replies does not leave every letter in doubt."""

MAX_CONSECUTIVE_REFUSALS = 10
"""Stop a run after this many: the server then refuses our mail as such, and not single readers."""


MIN_REFUSALS_ABOUT_US = 3
"""If a run has this many refusals and no accepted letter, they are no evidence against single mailboxes."""

_NAMES_MAILBOX = re.compile(r"\d{3} 5\.(1\.([1236]|10)|2\.\d{1,3})\b")
"""Replies that say that the mailbox does not exist or accepts nothing, whoever sends (RFC 3463, 3.2 and 3.3)."""


class InvalidLetter(PaperlakeError):
    """A letter must not be sent: it is addressed to someone else, or has no Message-ID."""


class NotResendable(PaperlakeError):
    """A letter must not be sent again: the address is no recipient, or already got it."""


@dataclass(frozen=True, slots=True)
class Recipient:
    """A reader's address, and the token for the unsubscribe link."""

    address: str
    unsubscribe_token: str


@dataclass(frozen=True, slots=True)
class RecipientStatus:
    """An address, with the server's reply or the error."""

    address: str
    message: str


@dataclass(slots=True)
class DeliveryReport:
    """The result of a run, by the state of each letter. Every recipient is in exactly one list but `suspended`."""

    issue_id: str
    sent: list[RecipientStatus] = field(default_factory=list)
    sent_before: list[RecipientStatus] = field(default_factory=list)
    refused: list[RecipientStatus] = field(default_factory=list)
    """Refused in this run or an earlier one. Not retried; the next issue is sent to them again."""
    deferred: list[RecipientStatus] = field(default_factory=list)
    """Certainly not delivered; the next run retries them."""
    in_doubt: list[RecipientStatus] = field(default_factory=list)
    """Possibly delivered; sent again only on request. Includes readers who have unsubscribed since."""
    left: list[RecipientStatus] = field(default_factory=list)
    """Unsubscribed after the recipients were looked up."""
    suspended: list[RecipientStatus] = field(default_factory=list)
    """Those of `refused` who get no more letters, because too many were refused."""

    @property
    def is_complete(self) -> bool:
        """Whether no letter is refused, deferred or in doubt."""
        return not self.refused and not self.deferred and not self.in_doubt

    @property
    def failures(self) -> str:
        """How many letters are refused, deferred and in doubt, in words; empty if none is."""
        states = (("refused", self.refused), ("deferred", self.deferred), ("in doubt", self.in_doubt))
        return ", ".join(f"{plural(len(letters), 'letter')} {state}" for state, letters in states if letters)


def recipients(database: ReaderDatabase, edition: str, named: Collection[str], now: datetime) -> list[Recipient]:
    """The confirmed subscribers of `edition` and the `named` addresses, by address.

    Those who unsubscribed or are suspended are left out.

    Raises InvalidAddress for an invalid address in `named`.
    """
    rows = Subscribers(database).recipients(edition, [mail_address(text) for text in named], now)
    return [Recipient(address, token) for address, token in rows]


def deliver(  # noqa: PLR0913, PLR0917 - an issue, its recipients, the client and clocks
    issue_id: str,
    to: Sequence[Recipient],
    letter: Callable[[Recipient], EmailMessage],
    client: SmtpClient,
    database: ReaderDatabase,
    now: Callable[[], datetime],
    progress: Callable[[], None] = lambda: None,
    *,
    resend_to: Collection[str] = (),
    sleep: Callable[[float], None] = time.sleep,
) -> DeliveryReport:
    """Send the letters of an issue that are not sent yet. A run can be killed at any moment, and repeated.

    - A letter is claimed in the database after the server accepted its recipient, and before it gets the letter. A
      claim that exists at the start of a run is from a dead sender, so its letter is in doubt.
    - `resend_to`: addresses whose letter was refused or is in doubt, and is to be sent again. Raises NotResendable.
    - `progress` is called once for each recipient in `to`.

    Raises IssueBusy if another process is sending this issue, and InvalidLetter.
    """
    deliveries = Deliveries(database)
    with deliveries.lock_issue(issue_id):
        deliveries.mark_interrupted(issue_id, now())
        keys = {mailbox_key(mail_address(text)) for text in resend_to}
        run = _DeliveryRun(
            issue_id, letter, client, deliveries, Subscribers(database), Refusals(database), now, progress, keys
        )
        return run.send_all(to, sleep)


@dataclass(slots=True)
class _DeliveryRun:
    """One run, under the lock of its issue."""

    issue_id: str
    letter: Callable[[Recipient], EmailMessage]
    client: SmtpClient
    deliveries: Deliveries
    subscribers: Subscribers
    refusals: Refusals
    now: Callable[[], datetime]
    progress: Callable[[], None]
    resend_keys: set[str]
    consecutive_count: int = 0
    """How many of the newest letters had the state `last_state`."""
    last_state: str = ""
    server_error: MailServerUnavailable | None = None
    """Why the newest round stopped early."""
    refused: dict[Recipient, str] = field(default_factory=dict)
    """Who was refused in this run, with the server's reply."""
    tokens_with_refusals: set[str] = field(default_factory=set)

    def send_all(self, to: Sequence[Recipient], sleep: Callable[[float], None]) -> DeliveryReport:
        """Send the letters that are due, in a few rounds."""
        self.tokens_with_refusals = self.refusals.tokens()
        report, pending = self._split(to)
        reasons: dict[str, str] = {}
        for pause_s in (0.0, *RETRY_PAUSES_S):
            if pause_s:
                sleep(pause_s)
            pending = self._round(pending, report, reasons)
            if not pending or (self.server_error and self.server_error.is_permanent):
                break
        rows = self.deliveries.of_issue(self.issue_id)
        report.in_doubt = [RecipientStatus(row.address, row.said) for row in rows if row.state == "in_doubt"]
        keys_in_doubt = {mailbox_key(status.address) for status in report.in_doubt}
        for recipient in pending:
            if mailbox_key(recipient.address) not in keys_in_doubt:  # a deferred second attempt leaves the doubt
                reason = reasons.get(recipient.address) or str(self.server_error)
                report.deferred.append(RecipientStatus(recipient.address, reason))
            self.progress()
        report.suspended = self._count_refusals(report)
        return report

    def _count_refusals(self, report: DeliveryReport) -> list[RecipientStatus]:
        """Count this run's refusals, and return who was suspended for them."""
        by_token = {recipient.unsubscribe_token: recipient for recipient in self.refused}
        is_about_us = self._is_about_us() or (not report.sent and len(self.refused) >= MIN_REFUSALS_ABOUT_US)
        replies = {
            recipient.unsubscribe_token: reply
            for recipient, reply in self.refused.items()
            if not is_about_us or _NAMES_MAILBOX.match(reply)
        }
        suspensions = self.refusals.count(replies, self.now()) if replies else []
        return [
            RecipientStatus(
                by_token[suspension.unsubscribe_token].address,
                f"{suspension.refusal_count} letters refused since {suspension.refused_since:%Y-%m-%d}",
            )
            for suspension in suspensions
        ]

    def _split(self, to: Sequence[Recipient]) -> tuple[DeliveryReport, list[Recipient]]:
        """The letters whose result is already recorded, and the recipients that still need one: each mailbox once."""
        recorded = {mailbox_key(row.address): row for row in self.deliveries.of_issue(self.issue_id)}
        by_key = {mailbox_key(recipient.address): recipient for recipient in to}
        for key in sorted(self.resend_keys):
            _require_resendable(key, by_key, recorded, self.issue_id)
        report = DeliveryReport(self.issue_id)
        pending: list[Recipient] = []
        for recipient in to:
            key = mailbox_key(recipient.address)
            row = recorded.get(key)
            if by_key[key] is not recipient:
                self.progress()
            elif row is None or key in self.resend_keys:
                pending.append(recipient)
            else:
                if row.state != "in_doubt":
                    statuses = report.sent_before if row.state == "sent" else report.refused
                    statuses.append(RecipientStatus(recipient.address, row.said))
                self.progress()
        return report, pending

    def _round(self, pending: list[Recipient], report: DeliveryReport, reasons: dict[str, str]) -> list[Recipient]:
        """Try each letter once. Returns the recipients to retry; `reasons` gets why, by address."""
        deferred: list[Recipient] = []
        self.server_error = None
        for index, recipient in enumerate(pending):
            if self.subscribers.has_unsubscribed(recipient.unsubscribe_token):
                report.left.append(RecipientStatus(recipient.address, "unsubscribed"))
                self.progress()
                continue
            try:
                result = self._send(recipient)
            except MailServerUnavailable as error:
                self.server_error = error
                return deferred + pending[index:]
            self.consecutive_count = self.consecutive_count + 1 if result.state == self.last_state else 1
            self.last_state = result.state
            if result.state == "deferred":
                deferred.append(recipient)
                reasons[recipient.address] = result.message
                continue
            self._note(recipient, result, report)
            self.progress()
            if reason := self._reason_to_stop():
                self.server_error = MailServerUnavailable(reason, is_permanent=True)
                return deferred + pending[index + 1 :]
        return deferred

    def _note(self, recipient: Recipient, result: SendResult, report: DeliveryReport) -> None:
        """Add a letter that was sent or refused to the report."""
        status = RecipientStatus(recipient.address, result.message)
        if result.state == "sent":
            report.sent.append(status)
            if recipient.unsubscribe_token in self.tokens_with_refusals:
                self.refusals.reset(recipient.unsubscribe_token)
        elif result.state == "refused":
            report.refused.append(status)
            self.refused[recipient] = result.message

    def _is_about_us(self) -> bool:
        """Whether so many refusals came in a row that the server perhaps refuses our mail, not single readers."""
        return self.last_state == "refused" and self.consecutive_count >= MAX_CONSECUTIVE_REFUSALS

    def _reason_to_stop(self) -> str | None:
        """Why this run must send no more letters; None to go on."""
        if self.last_state == "in_doubt" and self.consecutive_count >= MAX_CONSECUTIVE_DOUBTS:
            return f"stopped after {self.consecutive_count} letters in a row got no reply"
        if self._is_about_us():
            return (
                f"stopped after {self.consecutive_count} refusals in a row: "
                "the server perhaps refuses our mail, not single readers"
            )
        return None

    def _send(self, recipient: Recipient) -> SendResult:
        """Send one letter, and record the result."""
        letter = self.letter(recipient)
        _require_valid(letter, recipient)
        key = (self.issue_id, recipient.address)
        message_id = str(letter["Message-ID"])
        is_claimed = False

        def claim() -> None:
            nonlocal is_claimed
            is_again = mailbox_key(recipient.address) in self.resend_keys
            self.deliveries.claim(*key, message_id, self.now(), is_again=is_again)
            is_claimed = True

        try:
            result = self.client.send(letter, recipient.address, claim)
        except MailServerUnavailable:
            if is_claimed:
                self.deliveries.release_claim(*key, self.now())
            raise
        if result.state != "deferred":
            self.deliveries.record(
                Delivery(self.issue_id, recipient.address, result.state, self.now(), result.message, message_id, 1)
            )
        elif is_claimed:
            self.deliveries.release_claim(*key, self.now())
        return result


def _require_resendable(
    key: str, recipient_keys: Collection[str], recorded: Mapping[str, Delivery], issue_id: str
) -> None:
    if key not in recipient_keys:
        raise NotResendable(f"{key} is not a recipient of {issue_id}")
    if key in recorded and recorded[key].state == "sent":
        raise NotResendable(
            f"{key} was sent {issue_id} at {recorded[key].at:%Y-%m-%d %H:%M}Z, so the letter is not in doubt"
        )


def _require_valid(letter: EmailMessage, recipient: Recipient) -> None:
    to = letter["To"]
    if to is None or [address.addr_spec for address in to.addresses] != [recipient.address]:
        raise InvalidLetter(f"the letter for {recipient.address} is addressed to {to}")
    if not letter["Message-ID"]:
        raise InvalidLetter(f"the letter for {recipient.address} has no Message-ID")
