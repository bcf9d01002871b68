"""What became of each letter: a ledger that never forgets one, and never lets one be sent twice unknowingly."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Literal

from filelock import FileLock, Timeout

from paperlake.errors import PaperlakeError
from paperlake.mail.address import mailbox
from paperlake.mail.database import ReaderDatabase, as_instant, as_text
from paperlake.store.files import make_folder

LONGEST_SAID = 300

State = Literal["sending", "sent", "refused", "in_doubt"]


class IssueBusy(PaperlakeError):
    """Somebody else is sending this issue."""


class AlreadyClaimed(PaperlakeError):
    """The letter to this mailbox was claimed before; whoever did that sends it, or has."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """What became of the letter of an issue to one mailbox."""

    issue_id: str
    address: str
    state: State
    at: datetime
    said: str
    """What the server said, or why we doubt."""
    message_id: str
    attempt_count: int


class Deliveries:
    """The letters in the database. Each method is one transaction, except `sending`."""

    def __init__(self, database: ReaderDatabase) -> None:
        """Of this database."""
        self._database = database

    @contextmanager
    def sending(self, issue_id: str) -> Iterator[None]:
        """Be the only one who sends this issue, on this machine. Raises IssueBusy at once where somebody is.

        The lock ends with its process, however that ends.
        """
        make_folder(self._database.folder / "locks")
        lock = FileLock(self._database.folder / "locks" / f"issue-{sha256(issue_id.encode()).hexdigest()[:24]}.lock")
        try:
            lock.acquire(timeout=0)
        except Timeout:
            raise IssueBusy(f"{issue_id} is being sent by another process; wait for it to end") from None
        try:
            yield
        finally:
            lock.release()

    def doubt_unfinished(self, issue_id: str, now: datetime) -> None:
        """Doubt every letter that a dead sender was about to hand over. Only for who holds `sending`."""
        with self._database.transaction() as do:
            do.execute(
                "update deliveries set state = 'in_doubt', at = ?, said = 'the sender died while it handed it over'"
                " where issue_id = ? and state = 'sending'",
                (as_text(now), issue_id),
            )

    def claim(self, issue_id: str, address: str, message_id: str, now: datetime, *, is_again: bool = False) -> None:
        """Note that this letter is about to be handed over. Raises AlreadyClaimed.

        `is_again`: also where an earlier attempt was refused or is in doubt.
        """
        key = (issue_id, mailbox(address))
        with self._database.transaction() as do:
            claimed = do.execute(
                "insert into deliveries values (?, ?, ?, 'sending', ?, '', ?, 1) on conflict do nothing",
                (*key, address, as_text(now), message_id),
            ).rowcount
            if not claimed and is_again:
                claimed = do.execute(
                    "update deliveries set address = ?, state = 'sending', at = ?, message_id = ?,"
                    # What was refused left no doubt behind.
                    " attempt_count = case state when 'in_doubt' then attempt_count + 1 else 1 end"
                    " where issue_id = ? and mailbox = ? and state in ('refused', 'in_doubt')",
                    (address, as_text(now), message_id, *key),
                ).rowcount
            if not claimed:
                raise AlreadyClaimed(f"the letter of {issue_id} to {address} was claimed before")

    def give_back(self, issue_id: str, address: str, now: datetime) -> None:
        """Undo a claim: the server surely does not have the letter. An earlier doubt remains one."""
        with self._database.transaction() as do:
            key = (issue_id, mailbox(address))
            where = "where issue_id = ? and mailbox = ? and state = 'sending'"
            do.execute(f"delete from deliveries {where} and attempt_count = 1", key)  # noqa: S608 - our own words
            do.execute(
                f"update deliveries set state = 'in_doubt', at = ?, attempt_count = attempt_count - 1 {where}",  # noqa: S608
                (as_text(now), *key),
            )

    def settle(self, delivery: Delivery) -> None:
        """Note what became of a letter, claimed or not. What was sent stays sent."""
        with self._database.transaction() as do:
            do.execute(
                "insert into deliveries values (?, ?, ?, ?, ?, ?, ?, ?)"
                " on conflict do update set state = excluded.state, at = excluded.at, said = excluded.said"
                " where deliveries.state <> 'sent'",
                (
                    delivery.issue_id,
                    mailbox(delivery.address),
                    delivery.address,
                    delivery.state,
                    as_text(delivery.at),
                    delivery.said[:LONGEST_SAID],
                    delivery.message_id,
                    delivery.attempt_count,
                ),
            )

    def deliveries(self, issue_id: str) -> list[Delivery]:
        """What became of each letter of an issue so far, by address."""
        return self._deliveries("issue_id = ?", issue_id)

    def doubts(self) -> list[Delivery]:
        """All letters that may have arrived or not, by issue and address."""
        return self._deliveries("state = ?", "in_doubt")

    def _deliveries(self, where: str, value: str) -> list[Delivery]:
        with self._database.transaction() as do:
            rows = do.execute(
                f"select * from deliveries where {where} order by issue_id, mailbox",  # noqa: S608 - our own words
                (value,),
            ).fetchall()
        kept = ("issue_id", "address", "state", "said", "message_id", "attempt_count")
        return [Delivery(**{name: row[name] for name in kept}, at=as_instant(row["at"])) for row in rows]
