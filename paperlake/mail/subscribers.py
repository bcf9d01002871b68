"""Who gets which edition: double opt-in, and a way out that never expires."""

from __future__ import annotations

import re
import secrets
import sqlite3
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from paperlake.mail.address import mailbox
from paperlake.mail.database import ReaderDatabase, as_instant, as_text

CONFIRM_WITHIN = timedelta(days=7)
EDITION = re.compile(r"[a-z0-9-]{1,40}")

Status = Literal["pending", "confirmed", "named", "unsubscribed"]
"""`named`: the edition's declaration names the address; nobody confirmed it."""


@dataclass(frozen=True, slots=True)
class Subscription:
    """One mailbox of one edition."""

    address: str
    edition: str
    status: Status
    since_at: datetime
    """When the status began."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What came of asking for a subscription."""

    status: Status
    confirm_token: str | None
    """None where there is nothing to confirm."""
    confirm_until: datetime | None


class Subscribers:
    """The subscriptions in the database. Each method is one transaction."""

    def __init__(self, database: ReaderDatabase) -> None:
        """Of this database."""
        self._database = database

    def ask(self, address: str, edition: str, now: datetime) -> Asked:
        """Note that somebody wants `edition`; it begins when `confirm` is called with the token.

        Asking again makes a new token, and the old one void. Who has it confirmed has it still, and gets no token.
        """
        _require_edition(edition)
        with self._database.transaction() as do:
            self._insert(do, address, edition, "pending", now)
            key = (mailbox(address), edition)
            found = do.execute("select status from subscriptions where mailbox = ? and edition = ?", key).fetchone()
            if found["status"] == "confirmed":
                return Asked("confirmed", None, None)
            token, until = _token(), now + CONFIRM_WITHIN
            # A mailbox that the edition names gets its letters until it leaves, asked or not.
            status: Status = "named" if found["status"] == "named" else "pending"
            do.execute(
                "update subscriptions set address = ?, status = ?, confirm_token = ?, confirm_until = ?,"
                " since_at = case when status = ? then since_at else ? end where mailbox = ? and edition = ?",
                (address, status, token, as_text(until), status, as_text(now), *key),
            )
            return Asked(status, token, until)

    def admit(self, address: str, edition: str, now: datetime) -> bool:
        """Confirm at once, where the consent is known. False where it was confirmed before."""
        _require_edition(edition)
        with self._database.transaction() as do:
            self._insert(do, address, edition, "pending", now)
            changed = do.execute(
                "update subscriptions set status = 'confirmed', since_at = ?, confirm_token = null,"
                " confirm_until = null where mailbox = ? and edition = ? and status <> 'confirmed'",
                (as_text(now), mailbox(address), edition),
            )
            return changed.rowcount > 0

    def to_confirm(self, token: str, now: datetime) -> str | None:
        """The edition that `token` confirms; None for a token that is unknown, void or too old. Changes nothing."""
        with self._database.transaction() as do:
            found = do.execute(
                "select edition from subscriptions where confirm_token = ? and confirm_until >= ?",
                (token, as_text(now)),
            ).fetchone()
            return found["edition"] if found else None

    def confirm(self, token: str, now: datetime) -> str | None:
        """Begin the subscription that `token` confirms, and give its edition; the second time as well."""
        edition = self.to_confirm(token, now)
        if edition is None:
            return None
        with self._database.transaction() as do:
            do.execute(
                "update subscriptions set status = 'confirmed', since_at = ?"
                " where confirm_token = ? and status <> 'confirmed'",
                (as_text(now), token),
            )
        return edition

    def to_leave(self, token: str) -> str | None:
        """The edition that `token` leaves; None for an unknown one. Changes nothing."""
        with self._database.transaction() as do:
            found = do.execute("select edition from subscriptions where unsubscribe_token = ?", (token,)).fetchone()
            return found["edition"] if found else None

    def leave(self, token: str, now: datetime) -> str | None:
        """End the subscription of `token`, and give its edition; the second time as well. A link never expires."""
        edition = self.to_leave(token)
        with self._database.transaction() as do:
            self._end(do, "unsubscribe_token = ?", (token,), now)
        return edition

    def remove(self, address: str, edition: str | None, now: datetime) -> list[str]:
        """End the subscriptions of a mailbox, to one edition or to all; gives those that it ended."""
        with self._database.transaction() as do:
            where, values = "mailbox = ? and (? is null or edition = ?)", (mailbox(address), edition, edition)
            rows = do.execute(
                f"select edition from subscriptions where {where} and status <> 'unsubscribed' order by edition",  # noqa: S608 - our own words
                values,
            ).fetchall()
            self._end(do, where, values, now)
            return [row["edition"] for row in rows]

    def has_left(self, token: str) -> bool:
        """Whether whoever has this unsubscribe token used it."""
        with self._database.transaction() as do:
            return bool(
                do.execute(
                    "select 1 from subscriptions where unsubscribe_token = ? and status = 'unsubscribed'", (token,)
                ).fetchone()
            )

    def subscriptions(self, edition: str | None = None) -> list[Subscription]:
        """All subscriptions, or those of one edition, by edition and address."""
        with self._database.transaction() as do:
            rows = do.execute(
                "select * from subscriptions where ? is null or edition = ? order by edition, mailbox",
                (edition, edition),
            ).fetchall()
        return [
            Subscription(row["address"], row["edition"], row["status"], as_instant(row["since_at"])) for row in rows
        ]

    def reached(self, edition: str, named: list[str], now: datetime) -> list[tuple[str, str]]:
        """Who gets `edition`: confirmed mailboxes and those `named`, by address, with their unsubscribe tokens.

        A named mailbox that is new here is noted, for it must be able to leave. Once it left, it stays out.
        """
        _require_edition(edition)
        wanted = {mailbox(address) for address in named}
        with self._database.transaction() as do:
            for address in named:
                self._insert(do, address, edition, "named", now)
            rows = do.execute(
                "select * from subscriptions where edition = ? and status in ('confirmed', 'named') order by mailbox",
                (edition,),
            ).fetchall()
        return [
            (row["address"], row["unsubscribe_token"])
            for row in rows
            if row["status"] == "confirmed" or row["mailbox"] in wanted
        ]

    def _insert(self, do: sqlite3.Connection, address: str, edition: str, status: Status, now: datetime) -> None:
        do.execute(
            "insert into subscriptions (mailbox, edition, address, status, since_at, unsubscribe_token)"
            " values (?, ?, ?, ?, ?, ?) on conflict do nothing",
            (mailbox(address), edition, address, status, as_text(now), _token()),
        )

    def _end(self, do: sqlite3.Connection, where: str, values: tuple[Any, ...], now: datetime) -> None:
        # The confirm token goes too: an old mail must not bring back somebody who has left.
        do.execute(
            "update subscriptions set status = 'unsubscribed', since_at = ?, confirm_token = null,"  # noqa: S608 - our own words
            f" confirm_until = null where {where} and status <> 'unsubscribed'",
            (as_text(now), *values),
        )


def _require_edition(edition: str) -> None:
    if not EDITION.fullmatch(edition):
        raise ValueError("an edition is named with a-z, 0-9 and -, in at most 40 characters")


def _token() -> str:
    return secrets.token_urlsafe(32)
