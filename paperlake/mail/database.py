"""The database of subscribers and deliveries. It holds personal addresses, so it is not in the lake."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

from paperlake.errors import PaperlakeError
from paperlake.store.files import make_folder

# Addresses that differ only in case share a `mailbox` (`paperlake.mail.address.mailbox_key`).
_TABLES = """
create table subscriptions (
    mailbox text not null,
    edition text not null,
    address text not null,
    status text not null check (status in ('pending', 'confirmed', 'named', 'unsubscribed')),
    since_at text not null,
    confirm_token text unique,
    confirm_until text,
    unsubscribe_token text not null unique,
    primary key (mailbox, edition)
);
create table deliveries (
    issue_id text not null,
    mailbox text not null,
    address text not null,
    state text not null check (state in ('sending', 'sent', 'refused', 'in_doubt')),
    at text not null,
    said text not null,
    message_id text not null,
    attempt_count integer not null,
    primary key (issue_id, mailbox)
);
create index deliveries_by_state on deliveries (state);
"""
# Permanent refusals since the last accepted letter, since when, and the newest reply.
_REFUSALS = """
alter table subscriptions add column refusal_count integer not null default 0;
alter table subscriptions add column refused_since text;
alter table subscriptions add column last_refusal text not null default '';
alter table subscriptions add column suspended_at text;
"""
VERSIONS = (_TABLES, _REFUSALS)
"""The statements that lead from each version of the database to the next."""
FILE_NAME = "subscribers.sqlite3"


class ReaderDatabaseError(PaperlakeError):
    """The database cannot be read or written; the message gives the reason."""


class ReaderDatabase:
    """`subscribers.sqlite3` in the state folder, readable by its owner only. Safe for several threads and processes.

    Each transaction is flushed to disk on commit. The constructor and `transaction` raise ReaderDatabaseError.
    """

    def __init__(self, folder: Path) -> None:
        """Open the database; create it if it does not exist."""
        make_folder(folder)
        self.folder = folder
        self._path = folder / FILE_NAME
        # SQLite copies this file's permissions to its -wal and -shm files, so set them at creation.
        os.close(os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600))
        self._lock = threading.Lock()
        try:
            self._connection = sqlite3.connect(self._path, timeout=30, isolation_level=None, check_same_thread=False)
            self._connection.row_factory = sqlite3.Row
            self._connection.execute("pragma journal_mode = wal")
            self._connection.execute("pragma synchronous = full")
        except sqlite3.Error as error:
            raise self._unusable(error) from error
        with self.transaction() as connection:
            (version,) = connection.execute("pragma user_version").fetchone()
            if version > len(VERSIONS):
                raise ReaderDatabaseError(f"{self._path} was written by a newer Paperlake")
            for statement in filter(str.strip, "".join(VERSIONS[version:]).split(";")):
                connection.execute(statement)
            connection.execute(f"pragma user_version = {len(VERSIONS)}")

    def close(self) -> None:
        """Close the database."""
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Run one exclusive write transaction; an exception rolls it back."""
        try:
            with self._lock:
                self._connection.execute("begin immediate")
                try:
                    yield self._connection
                except BaseException:
                    self._connection.rollback()
                    raise
                self._connection.commit()
        except sqlite3.Error as error:
            raise self._unusable(error) from error

    def _unusable(self, error: sqlite3.Error) -> ReaderDatabaseError:
        return ReaderDatabaseError(f"{self._path} cannot be used: {error}")


def timestamp_to_text(at: datetime) -> str:
    """A timestamp as text that sorts by time."""
    return at.astimezone(UTC).isoformat(timespec="microseconds")


def timestamp_from_text(text: str) -> datetime:
    """Parse a text that `timestamp_to_text` wrote."""
    return datetime.fromisoformat(text)
