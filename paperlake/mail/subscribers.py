"""Subscriptions to editions: double opt-in, and unsubscribe links that never expire."""

from __future__ import annotations

import re
import secrets
import sqlite3
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from paperlake.mail.address import mailbox_key
from paperlake.mail.database import ReaderDatabase, timestamp_from_text, timestamp_to_text

CONFIRMATION_PERIOD = timedelta(days=7)
_NO_REFUSALS = "refusal_count = 0, refused_since = null, last_refusal = '', suspended_at = null"
EDITION_NAME = re.compile(r"[a-z0-9-]{1,40}")

Status = Literal["pending", "confirmed", "named", "suspended", "unsubscribed"]
"""`named`: the edition's declaration names the address; nobody confirmed it. `suspended`: confirmed or named, but its
letters were refused (`paperlake.mail.refusals`), so it gets none until it is resumed.
"""


@dataclass(frozen=True, slots=True)
class Subscription:
    """The subscription of one mailbox to one edition."""

    address: str
    edition: str
    status: Status
    since_at: datetime
    """When the status was set."""
    refusal_count: int = 0
    """Permanent refusals since the last accepted letter."""
    last_refusal: str = ""
    """The reply of the mail server to the newest of them."""


@dataclass(frozen=True, slots=True)
class SubscriptionRequest:
    """The result of requesting a subscription."""

    status: Status
    confirm_token: str | None
    """None if there is nothing to confirm."""
    confirm_until: datetime | None


class Subscribers:
    """The table `subscriptions`. Each method runs one transaction, unless it says otherwise."""

    def __init__(self, database: ReaderDatabase) -> None:
        """Use this database."""
        self._database = database

    def request(self, address: str, edition: str, now: datetime) -> SubscriptionRequest:
        """Record a request for `edition`. The subscription begins when `confirm` gets the token.

        A repeated request replaces the token. An address that is already confirmed stays so, and gets no token. A
        suspended one gets a token, and stays suspended until it confirms.
        """
        _require_edition(edition)
        with self._database.transaction() as connection:
            self._insert(connection, address, edition, "pending", now)
            key = (mailbox_key(address), edition)
            row = connection.execute(
                "select status, suspended_at from subscriptions where mailbox = ? and edition = ?", key
            ).fetchone()
            if row["status"] == "confirmed" and row["suspended_at"] is None:
                return SubscriptionRequest("confirmed", None, None)
            token, until = _token(), now + CONFIRMATION_PERIOD
            # A named mailbox keeps getting letters until it unsubscribes, whether it confirms or not.
            status: Status = row["status"] if row["status"] in {"named", "confirmed"} else "pending"
            connection.execute(
                "update subscriptions set address = ?, status = ?, confirm_token = ?, confirm_until = ?,"
                " since_at = case when status = ? then since_at else ? end where mailbox = ? and edition = ?",
                (address, status, token, timestamp_to_text(until), status, timestamp_to_text(now), *key),
            )
            return SubscriptionRequest(status, token, until)

    def add_confirmed(self, address: str, edition: str, now: datetime) -> Literal["confirmed", "resumed"] | None:
        """Add a subscription whose consent is known, or resume a suspended one, without a token.

        Returns None if it was already confirmed.
        """
        _require_edition(edition)
        with self._database.transaction() as connection:
            self._insert(connection, address, edition, "pending", now)
            key = (mailbox_key(address), edition)
            resumed = connection.execute(
                f"update subscriptions set since_at = ?, confirm_token = null, confirm_until = null, {_NO_REFUSALS}"  # noqa: S608 - constants only
                " where mailbox = ? and edition = ? and suspended_at is not null",
                (timestamp_to_text(now), *key),
            )
            if resumed.rowcount:
                return "resumed"
            changed = connection.execute(
                "update subscriptions set status = 'confirmed', since_at = ?, confirm_token = null,"
                " confirm_until = null where mailbox = ? and edition = ? and status <> 'confirmed'",
                (timestamp_to_text(now), *key),
            )
            return "confirmed" if changed.rowcount else None

    def edition_to_confirm(self, token: str, now: datetime) -> str | None:
        """The edition that `token` confirms; None if the token is unknown, replaced or expired. Read-only."""
        with self._database.transaction() as connection:
            row = connection.execute(
                "select edition from subscriptions where confirm_token = ? and confirm_until >= ?",
                (token, timestamp_to_text(now)),
            ).fetchone()
            return row["edition"] if row else None

    def confirm(self, token: str, now: datetime) -> str | None:
        """Confirm or resume the subscription of `token` and return its edition; idempotent. Runs two transactions."""
        edition = self.edition_to_confirm(token, now)
        if edition is None:
            return None
        with self._database.transaction() as connection:
            connection.execute(
                f"update subscriptions set status = 'confirmed', since_at = ?, {_NO_REFUSALS}"  # noqa: S608 - constants only
                " where confirm_token = ? and (status <> 'confirmed' or suspended_at is not null)",
                (timestamp_to_text(now), token),
            )
        return edition

    def edition_to_leave(self, token: str) -> str | None:
        """The edition that `token` unsubscribes from; None for an unknown token. Read-only."""
        with self._database.transaction() as connection:
            row = connection.execute(
                "select edition from subscriptions where unsubscribe_token = ?", (token,)
            ).fetchone()
            return row["edition"] if row else None

    def unsubscribe(self, token: str, now: datetime) -> str | None:
        """End the subscription of `token` and return its edition; idempotent. Runs two transactions."""
        edition = self.edition_to_leave(token)
        with self._database.transaction() as connection:
            self._end(connection, "unsubscribe_token = ?", (token,), now)
        return edition

    def remove(self, address: str, edition: str | None, now: datetime) -> list[str]:
        """End the subscriptions of a mailbox to one edition or, with None, to all. Returns the editions that ended."""
        with self._database.transaction() as connection:
            where, values = "mailbox = ? and (? is null or edition = ?)", (mailbox_key(address), edition, edition)
            rows = connection.execute(
                f"select edition from subscriptions where {where} and status <> 'unsubscribed' order by edition",  # noqa: S608 - constants only
                values,
            ).fetchall()
            self._end(connection, where, values, now)
            return [row["edition"] for row in rows]

    def has_unsubscribed(self, token: str) -> bool:
        """Whether the subscription of this unsubscribe token has ended."""
        with self._database.transaction() as connection:
            return bool(
                connection.execute(
                    "select 1 from subscriptions where unsubscribe_token = ? and status = 'unsubscribed'", (token,)
                ).fetchone()
            )

    def subscriptions(self, edition: str | None = None) -> list[Subscription]:
        """All subscriptions, or those of one edition, ordered by edition and mailbox."""
        with self._database.transaction() as connection:
            rows = connection.execute(
                "select * from subscriptions where ? is null or edition = ? order by edition, mailbox",
                (edition, edition),
            ).fetchall()
        return [_subscription(row) for row in rows]

    def recipients(self, edition: str, named: list[str], now: datetime) -> list[tuple[str, str]]:
        """(address, unsubscribe token) of the confirmed mailboxes of `edition` and of those in `named`, by mailbox.

        Suspended ones are left out.

        A new named mailbox is stored, so that it can unsubscribe. After that it gets no letter, even if still named.
        """
        _require_edition(edition)
        named_mailboxes = {mailbox_key(address) for address in named}
        with self._database.transaction() as connection:
            for address in named:
                self._insert(connection, address, edition, "named", now)
            rows = connection.execute(
                "select * from subscriptions where edition = ? and status in ('confirmed', 'named')"
                " and suspended_at is null order by mailbox",
                (edition,),
            ).fetchall()
        return [
            (row["address"], row["unsubscribe_token"])
            for row in rows
            if row["status"] == "confirmed" or row["mailbox"] in named_mailboxes
        ]

    def _insert(
        self, connection: sqlite3.Connection, address: str, edition: str, status: Status, now: datetime
    ) -> None:
        connection.execute(
            "insert into subscriptions (mailbox, edition, address, status, since_at, unsubscribe_token)"
            " values (?, ?, ?, ?, ?, ?) on conflict do nothing",
            (mailbox_key(address), edition, address, status, timestamp_to_text(now), _token()),
        )

    def _end(self, connection: sqlite3.Connection, where: str, values: tuple[Any, ...], now: datetime) -> None:
        # Drop the confirm token too, so that an old confirmation link cannot resubscribe the person.
        connection.execute(
            f"update subscriptions set status = 'unsubscribed', since_at = ?, {_NO_REFUSALS}, confirm_token = null,"  # noqa: S608 - constants only
            f" confirm_until = null where {where} and status <> 'unsubscribed'",
            (timestamp_to_text(now), *values),
        )


def _subscription(row: sqlite3.Row) -> Subscription:
    is_suspended = row["suspended_at"] is not None
    return Subscription(
        address=row["address"],
        edition=row["edition"],
        status="suspended" if is_suspended else row["status"],
        since_at=timestamp_from_text(row["suspended_at"] if is_suspended else row["since_at"]),
        refusal_count=row["refusal_count"],
        last_refusal=row["last_refusal"],
    )


def _require_edition(edition: str) -> None:
    if not EDITION_NAME.fullmatch(edition):
        raise ValueError("an edition name has a-z, 0-9 and -, and at most 40 characters")


def _token() -> str:
    return secrets.token_urlsafe(32)
