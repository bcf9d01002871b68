"""Paths of everything in a lake."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Lake:
    """The folder of one lake. It need not exist yet."""

    root: Path

    @property
    def tables(self) -> Path:
        """The published tables, readable by anyone."""
        return self.root / "tables"

    @property
    def inbox(self) -> Path:
        """Rows of evidence that are not yet published."""
        return self.root / "inbox"

    @property
    def staged(self) -> Path:
        """Files that are being written. Only the writer reads them."""
        return self.root / "_staged"

    @property
    def quality(self) -> Path:
        """Reports of validation, verification and repair."""
        return self.root / "quality"

    @property
    def digests(self) -> Path:
        """Output rendered from the tables: the site and the issues, and notes about both."""
        return self.root / "digests"

    @property
    def site(self) -> Path:
        """The static site."""
        return self.digests / "site"

    @property
    def editions(self) -> Path:
        """The lake's own declarations of editions."""
        return self.root / "editions.toml"

    @property
    def feeds(self) -> Path:
        """What must not change in feeds: their ids, and the titles of editions that are no longer declared."""
        return self.root / "feeds.json"

    @property
    def set_aside(self) -> Path:
        """Files that a repair removed from the tables."""
        return self.quality / "set-aside"

    @property
    def manifest(self) -> Path:
        """The list of published files."""
        return self.root / "manifest.json"

    @property
    def journal(self) -> Path:
        """The steps of a publish; present only while it runs."""
        return self.staged / "journal.json"

    @property
    def lock(self) -> Path:
        """The lock of the single writer."""
        return self.staged / "writer.lock"

    def part(self, table: str, month: str) -> Path:
        """The file of one month (`2025-11`) of a table."""
        return self.root / part_name(table, month)


def part_name(table: str, month: str) -> str:
    """A month's file name in the manifest: relative to the root, with forward slashes."""
    return f"tables/{table}/month={month}/part-0.parquet"
