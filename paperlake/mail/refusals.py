"""Suspend subscriptions whose mailboxes refuse every letter, so that a dead mailbox is not tried for ever."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from paperlake.mail.database import ReaderDatabase, timestamp_from_text, timestamp_to_text

REFUSALS_TO_SUSPEND = 3
PERIOD_TO_SUSPEND = timedelta(days=7)
"""Least time from the first of the refusals to the last: a mailbox may be broken for some days."""


@dataclass(frozen=True, slots=True)
class Suspension:
    """A subscription that was suspended, by its unsubscribe token."""

    unsubscribe_token: str
    refusal_count: int
    refused_since: datetime


class Refusals:
    """The permanent refusals since the last accepted letter, in the table `subscriptions`."""

    def __init__(self, database: ReaderDatabase) -> None:
        """Use this database."""
        self._database = database

    def tokens(self) -> set[str]:
        """The unsubscribe tokens of the subscriptions with refusals."""
        with self._database.transaction() as connection:
            rows = connection.execute("select unsubscribe_token from subscriptions where refusal_count > 0").fetchall()
        return {row["unsubscribe_token"] for row in rows}

    def reset(self, unsubscribe_token: str) -> None:
        """Forget the refusals of a subscription, because a letter was accepted."""
        with self._database.transaction() as connection:
            connection.execute(
                "update subscriptions set refusal_count = 0, refused_since = null, last_refusal = ''"
                " where unsubscribe_token = ?",
                (unsubscribe_token,),
            )

    def count(self, replies: Mapping[str, str], now: datetime) -> list[Suspension]:
        """Count one permanent refusal for each unsubscribe token of `replies`, which has the server's reply.

        Suspends and returns the subscriptions that have enough of them by now.
        """
        with self._database.transaction() as connection:
            suspensions = [_count(connection, token, reply, now) for token, reply in replies.items()]
        return [suspension for suspension in suspensions if suspension]


def _count(connection: sqlite3.Connection, token: str, reply: str, now: datetime) -> Suspension | None:
    at = timestamp_to_text(now)
    connection.execute(
        "update subscriptions set refusal_count = refusal_count + 1, last_refusal = ?,"
        " refused_since = coalesce(refused_since, ?) where unsubscribe_token = ?",
        (reply, at, token),
    )
    row = connection.execute(
        "update subscriptions set suspended_at = ? where unsubscribe_token = ? and suspended_at is null"
        " and status in ('confirmed', 'named') and refusal_count >= ? and refused_since <= ?"
        " returning refusal_count, refused_since",
        (at, token, REFUSALS_TO_SUSPEND, timestamp_to_text(now - PERIOD_TO_SUSPEND)),
    ).fetchone()
    return Suspension(token, row["refusal_count"], timestamp_from_text(row["refused_since"])) if row else None
