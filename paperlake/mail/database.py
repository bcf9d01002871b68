"""The database of readers: people's addresses, so it lies in the state folder, and not in the lake."""

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

_FORM = 1
# Addresses that only differ in capitals are one mailbox (`store.mail_address.mailbox`).
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


class ReadersUnusable(PaperlakeError):
    """The database cannot be read or written; the message says why."""


class ReaderDatabase:
    """`subscribers.sqlite3` in the state folder, readable by its owner alone; for any number of threads and processes.

    What a transaction did is flushed to the disk when it ends. Raises ReadersUnusable, here and in each transaction.
    """

    def __init__(self, folder: Path) -> None:
        """Open the database, and make it where there is none."""
        make_folder(folder)
        self.folder = folder
        self._path = folder / "subscribers.sqlite3"
        # SQLite gives its other two files the rights of this one, so it comes to the world with them.
        os.close(os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600))
        self._turn = threading.Lock()
        try:
            self._database = sqlite3.connect(self._path, timeout=30, isolation_level=None, check_same_thread=False)
            self._database.row_factory = sqlite3.Row
            self._database.execute("pragma journal_mode = wal")
            self._database.execute("pragma synchronous = full")
        except sqlite3.Error as error:
            raise self._unusable(error) from error
        with self.transaction() as do:
            (form,) = do.execute("pragma user_version").fetchone()
            if form > _FORM:
                raise ReadersUnusable(f"{self._path} was written by a newer Paperlake")
            if form == 0:
                for statement in filter(str.strip, _TABLES.split(";")):
                    do.execute(statement)
                do.execute(f"pragma user_version = {_FORM}")

    def close(self) -> None:
        """Close the database."""
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """One transaction, the only writer meanwhile; an error undoes it."""
        try:
            with self._turn:
                self._database.execute("begin immediate")
                try:
                    yield self._database
                except BaseException:
                    self._database.rollback()
                    raise
                self._database.commit()
        except sqlite3.Error as error:
            raise self._unusable(error) from error

    def _unusable(self, error: sqlite3.Error) -> ReadersUnusable:
        return ReadersUnusable(f"{self._path} cannot be used: {error}")


def as_text(at: datetime) -> str:
    """An instant as text that sorts by time."""
    return at.astimezone(UTC).isoformat(timespec="microseconds")


def as_instant(text: str) -> datetime:
    """The instant that `as_text` wrote."""
    return datetime.fromisoformat(text)
