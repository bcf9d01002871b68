"""The delivery log: the state of each letter, so that no letter is silently lost or sent twice."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Literal

from filelock import FileLock, Timeout

from paperlake.errors import PaperlakeError
from paperlake.mail.address import mailbox_key
from paperlake.mail.database import ReaderDatabase, timestamp_from_text, timestamp_to_text
from paperlake.store.files import make_folder

MAX_MESSAGE_LENGTH = 300

State = Literal["sending", "sent", "refused", "in_doubt"]


class IssueBusy(PaperlakeError):
    """Another process is sending this issue."""


class AlreadyClaimed(PaperlakeError):
    """The letter to this mailbox is already claimed; the process that claimed it sends it, or has sent it."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """The state of one letter: a row of the table `deliveries`."""

    issue_id: str
    address: str
    state: State
    at: datetime
    said: str
    """The server's answer, or the reason for the doubt."""
    message_id: str
    attempt_count: int


class Deliveries:
    """The table `deliveries`. Each method runs one transaction, except `lock_issue`."""

    def __init__(self, database: ReaderDatabase) -> None:
        """Use this database."""
        self._database = database

    @contextmanager
    def lock_issue(self, issue_id: str) -> Iterator[None]:
        """Hold this machine's lock for sending an issue. Raises IssueBusy at once if another process holds it.

        The operating system releases the lock when the process dies.
        """
        make_folder(self._database.folder / "locks")
        lock = FileLock(self._database.folder / "locks" / f"issue-{sha256(issue_id.encode()).hexdigest()[:24]}.lock")
        try:
            lock.acquire(timeout=0)
        except Timeout:
            raise IssueBusy(f"another process is sending {issue_id}; wait for it to finish") from None
        try:
            yield
        finally:
            lock.release()

    def mark_interrupted(self, issue_id: str, now: datetime) -> None:
        """Set letters that a dead sender had claimed to `in_doubt`. The caller must hold `lock_issue`."""
        with self._database.transaction() as connection:
            connection.execute(
                "update deliveries set state = 'in_doubt', at = ?, said = 'the sender died while sending it'"
                " where issue_id = ? and state = 'sending'",
                (timestamp_to_text(now), issue_id),
            )

    def claim(self, issue_id: str, address: str, message_id: str, now: datetime, *, is_again: bool = False) -> None:
        """Record that this letter is about to be sent. Raises AlreadyClaimed.

        With `is_again`, a letter whose earlier attempt was refused or is in doubt can be claimed too.
        """
        key = (issue_id, mailbox_key(address))
        with self._database.transaction() as connection:
            claimed_count = connection.execute(
                "insert into deliveries values (?, ?, ?, 'sending', ?, '', ?, 1) on conflict do nothing",
                (*key, address, timestamp_to_text(now), message_id),
            ).rowcount
            if not claimed_count and is_again:
                claimed_count = connection.execute(
                    "update deliveries set address = ?, state = 'sending', at = ?, message_id = ?,"
                    # A refused attempt was certainly not delivered, so the count starts again.
                    " attempt_count = case state when 'in_doubt' then attempt_count + 1 else 1 end"
                    " where issue_id = ? and mailbox = ? and state in ('refused', 'in_doubt')",
                    (address, timestamp_to_text(now), message_id, *key),
                ).rowcount
            if not claimed_count:
                raise AlreadyClaimed(f"the letter of {issue_id} to {address} is already claimed")

    def release_claim(self, issue_id: str, address: str, now: datetime) -> None:
        """Undo a claim, because the server certainly did not get the letter. An earlier attempt stays in doubt."""
        with self._database.transaction() as connection:
            key = (issue_id, mailbox_key(address))
            where = "where issue_id = ? and mailbox = ? and state = 'sending'"
            connection.execute(f"delete from deliveries {where} and attempt_count = 1", key)  # noqa: S608 - constants only
            connection.execute(
                f"update deliveries set state = 'in_doubt', at = ?, attempt_count = attempt_count - 1 {where}",  # noqa: S608
                (timestamp_to_text(now), *key),
            )

    def record(self, delivery: Delivery) -> None:
        """Record the state of a letter, whether it was claimed or not. A letter in state `sent` stays `sent`."""
        with self._database.transaction() as connection:
            connection.execute(
                "insert into deliveries values (?, ?, ?, ?, ?, ?, ?, ?)"
                " on conflict do update set state = excluded.state, at = excluded.at, said = excluded.said"
                " where deliveries.state <> 'sent'",
                (
                    delivery.issue_id,
                    mailbox_key(delivery.address),
                    delivery.address,
                    delivery.state,
                    timestamp_to_text(delivery.at),
                    delivery.said[:MAX_MESSAGE_LENGTH],
                    delivery.message_id,
                    delivery.attempt_count,
                ),
            )

    def of_issue(self, issue_id: str) -> list[Delivery]:
        """Every recorded letter of an issue, by address."""
        return self._select("issue_id = ?", issue_id)

    def in_doubt(self) -> list[Delivery]:
        """Every letter in state `in_doubt`, by issue and address."""
        return self._select("state = ?", "in_doubt")

    def _select(self, where: str, value: str) -> list[Delivery]:
        with self._database.transaction() as connection:
            rows = connection.execute(
                f"select * from deliveries where {where} order by issue_id, mailbox",  # noqa: S608 - constants only
                (value,),
            ).fetchall()
        columns = ("issue_id", "address", "state", "said", "message_id", "attempt_count")
        return [
            Delivery(**{column: row[column] for column in columns}, at=timestamp_from_text(row["at"])) for row in rows
        ]
