"""Sending an issue to its readers: each gets it once, or is told of as refused, put off or in doubt."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from email.message import EmailMessage

from paperlake.errors import PaperlakeError
from paperlake.mail.address import mail_address, mailbox
from paperlake.mail.database import ReaderDatabase
from paperlake.mail.deliveries import Deliveries, Delivery
from paperlake.mail.smtp import NoServer, Outcome, SmtpClient
from paperlake.mail.subscribers import Subscribers

PAUSES_S = (1.0, 5.0, 20.0)
"""Between the rounds of one run. What wants longer patience than that is for the next run."""

MOST_DOUBTS_IN_A_ROW = 3
"""A server that swallows letters without a word shall not swallow all of them."""

MOST_REFUSALS_IN_A_ROW = 10
"""So many readers are not gone at once: the server does not want us, whatever it says, and nobody else is refused."""


class LetterWrong(PaperlakeError):
    """A letter is not fit to be sent: another's address is on it, or it has no Message-ID."""


class AgainWrong(PaperlakeError):
    """An address that is to get its letter again is none that may."""


@dataclass(frozen=True, slots=True)
class Recipient:
    """Who gets a letter, and by which token they leave."""

    address: str
    unsubscribe_token: str


@dataclass(frozen=True, slots=True)
class Told:
    """An address, and what the server said, or what went wrong."""

    address: str
    said: str


@dataclass(slots=True)
class Delivered:
    """What came of a run, by what became of each letter. Every recipient is in one list."""

    issue_id: str
    sent: list[Told] = field(default_factory=list)
    sent_before: list[Told] = field(default_factory=list)
    refused: list[Told] = field(default_factory=list)
    """By this run or an earlier one; only the next issue is tried again."""
    deferred: list[Told] = field(default_factory=list)
    """Surely not sent; the next run tries again."""
    in_doubt: list[Told] = field(default_factory=list)
    """Sent or not, nobody knows; never sent again unless told so. Also those of this issue who left since."""
    left: list[Told] = field(default_factory=list)
    """Unsubscribed since the recipients were looked up."""

    @property
    def is_whole(self) -> bool:
        """Whether nothing is left to do: no letter is put off or in doubt."""
        return not self.deferred and not self.in_doubt


def recipients(database: ReaderDatabase, edition: str, named: Collection[str], now: datetime) -> list[Recipient]:
    """Who gets `edition`: who confirmed it, and whom it names, except those who left; by address.

    Raises AddressWrong for a named address that is none.
    """
    found = Subscribers(database).reached(edition, [mail_address(text) for text in named], now)
    return [Recipient(address, token) for address, token in found]


def deliver(  # noqa: PLR0913, PLR0917 - an issue, to whom, by whom, and clocks
    issue_id: str,
    to: Sequence[Recipient],
    letter: Callable[[Recipient], EmailMessage],
    postman: SmtpClient,
    database: ReaderDatabase,
    now: Callable[[], datetime],
    progress: Callable[[], None] = lambda: None,
    *,
    again: Collection[str] = (),
    sleep: Callable[[float], None] = time.sleep,
) -> Delivered:
    """Send the letters of an issue that were not sent yet; any run may be killed at any moment, and called again.

    - A letter is claimed in the database after the server has accepted its recipient, before it is given the letter.
      A claim that is found at the start was a dead sender's, and is in doubt from then on.
    - `again`: addresses whose letter was refused or is in doubt, and shall be tried once more. Raises AgainWrong.
    - `progress` is called once for each of `to`.

    Raises IssueBusy where another process is sending this issue, and LetterWrong.
    """
    deliveries = Deliveries(database)
    with deliveries.sending(issue_id):
        deliveries.doubt_unfinished(issue_id, now())
        run = _Run(issue_id, letter, postman, deliveries, Subscribers(database), now, progress)
        return run.through(to, {mailbox(mail_address(text)) for text in again}, sleep)


@dataclass(slots=True)
class _Run:
    """One run, under the lock of its issue."""

    issue_id: str
    letter: Callable[[Recipient], EmailMessage]
    postman: SmtpClient
    deliveries: Deliveries
    subscribers: Subscribers
    now: Callable[[], datetime]
    progress: Callable[[], None]
    again: set[str] = field(default_factory=set)
    in_a_row: int = 0
    newest: str = ""
    trouble: NoServer | None = None

    def through(self, to: Sequence[Recipient], again: set[str], sleep: Callable[[float], None]) -> Delivered:
        """Send what is to be sent, in a few rounds."""
        done, waiting = self._sorted_out(to, again)
        why: dict[str, str] = {}
        for pause_s in (0.0, *PAUSES_S):
            if pause_s:
                sleep(pause_s)
            waiting = self._round(waiting, done, why)
            if not waiting or (self.trouble and self.trouble.is_lasting):
                break
        rows = self.deliveries.deliveries(self.issue_id)
        done.in_doubt = [Told(row.address, row.said) for row in rows if row.state == "in_doubt"]
        doubted = {mailbox(told.address) for told in done.in_doubt}
        for one in waiting:
            if mailbox(one.address) not in doubted:  # an old doubt outlives a second try that came to nothing
                done.deferred.append(Told(one.address, why.get(one.address) or str(self.trouble)))
            self.progress()
        return done

    def _sorted_out(self, to: Sequence[Recipient], again: set[str]) -> tuple[Delivered, list[Recipient]]:
        """What is known already, and who waits for a letter: each mailbox once."""
        known = {mailbox(row.address): row for row in self.deliveries.deliveries(self.issue_id)}
        wanted = {mailbox(one.address): one for one in to}
        self.again = again
        for key in sorted(again):
            _require_fit(key, wanted, known, self.issue_id)
        done = Delivered(self.issue_id)
        waiting: list[Recipient] = []
        for one in to:
            key = mailbox(one.address)
            row = known.get(key)
            if wanted[key] is not one:
                self.progress()
            elif row is None or key in again:
                waiting.append(one)
            else:
                if row.state != "in_doubt":
                    (done.sent_before if row.state == "sent" else done.refused).append(Told(one.address, row.said))
                self.progress()
        return done, waiting

    def _round(self, waiting: list[Recipient], done: Delivered, why: dict[str, str]) -> list[Recipient]:
        """Try each letter once; gives those that are still to be sent, with why in `why`."""
        still: list[Recipient] = []
        self.trouble = None
        for number, one in enumerate(waiting):
            if self.subscribers.has_left(one.unsubscribe_token):
                done.left.append(Told(one.address, "unsubscribed"))
                self.progress()
                continue
            try:
                outcome = self._sent(one)
            except NoServer as trouble:
                self.trouble = trouble
                return still + waiting[number:]
            self.in_a_row = self.in_a_row + 1 if outcome.state == self.newest else 1
            self.newest = outcome.state
            if outcome.state == "deferred":
                still.append(one)
                why[one.address] = outcome.said
                continue
            if outcome.state != "in_doubt":
                (done.sent if outcome.state == "sent" else done.refused).append(Told(one.address, outcome.said))
            self.progress()
            if said := self._stopped():
                self.trouble = NoServer(said, is_lasting=True)
                return still + waiting[number + 1 :]
        return still

    def _stopped(self) -> str | None:
        """Why nothing more shall be handed over in this run, if so."""
        if self.newest == "in_doubt" and self.in_a_row >= MOST_DOUBTS_IN_A_ROW:
            return f"{self.in_a_row} letters in a row were handed over and not answered: we stopped"
        if self.newest == "refused" and self.in_a_row >= MOST_REFUSALS_IN_A_ROW:
            return f"{self.in_a_row} letters in a row were refused, so it is perhaps us who are: we stopped"
        return None

    def _sent(self, one: Recipient) -> Outcome:
        """Hand over one letter, and keep what became of it."""
        letter = self.letter(one)
        _require_own(letter, one)
        key = (self.issue_id, one.address)
        message_id = str(letter["Message-ID"])
        is_claimed = False

        def claim() -> None:
            nonlocal is_claimed
            self.deliveries.claim(*key, message_id, self.now(), is_again=mailbox(one.address) in self.again)
            is_claimed = True

        try:
            outcome = self.postman.send(letter, one.address, claim)
        except NoServer:
            if is_claimed:
                self.deliveries.give_back(*key, self.now())
            raise
        if outcome.state != "deferred":
            self.deliveries.settle(
                Delivery(self.issue_id, one.address, outcome.state, self.now(), outcome.said, message_id, 1)
            )
        elif is_claimed:
            self.deliveries.give_back(*key, self.now())
        return outcome


def _require_fit(key: str, wanted: Collection[str], known: Mapping[str, Delivery], issue_id: str) -> None:
    """Refuse to try a letter again that is nobody's, or that was taken."""
    if key not in wanted:
        raise AgainWrong(f"{key} is no recipient of {issue_id}")
    if key in known and known[key].state == "sent":
        raise AgainWrong(f"{key} was sent {issue_id} at {known[key].at:%Y-%m-%d %H:%M}Z; there is no doubt")


def _require_own(letter: EmailMessage, one: Recipient) -> None:
    to = letter["To"]
    if to is None or [address.addr_spec for address in to.addresses] != [one.address]:
        raise LetterWrong(f"the letter for {one.address} is addressed to {to}")
    if not letter["Message-ID"]:
        raise LetterWrong(f"the letter for {one.address} has no Message-ID")
