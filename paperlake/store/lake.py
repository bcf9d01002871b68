"""Where everything of a lake lies."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

MONTH_FORM = "%Y-%m"


@dataclass(frozen=True, slots=True)
class Lake:
    """The folder of one lake. Nothing needs to exist yet."""

    root: Path

    @property
    def tables(self) -> Path:
        """The published tables, for anyone to read."""
        return self.root / "tables"

    @property
    def inbox(self) -> Path:
        """Answers kept, not yet folded into their table."""
        return self.root / "inbox"

    @property
    def staged(self) -> Path:
        """Files on their way; never read by anyone but the writer."""
        return self.root / "_staged"

    @property
    def quality(self) -> Path:
        """What judging, verifying and repairing leave for people to look at."""
        return self.root / "quality"

    @property
    def digests(self) -> Path:
        """What is rendered from the tables: the site, issues, and what is known of both."""
        return self.root / "digests"

    @property
    def site(self) -> Path:
        """The static site."""
        return self.digests / "site"

    @property
    def set_aside(self) -> Path:
        """Files that a repair took out of the tables."""
        return self.quality / "set-aside"

    @property
    def manifest(self) -> Path:
        """What is published."""
        return self.root / "manifest.json"

    @property
    def journal(self) -> Path:
        """What a publish is about to do, while it does it."""
        return self.staged / "journal.json"

    @property
    def lock(self) -> Path:
        """Held by the one writer."""
        return self.staged / "writer.lock"

    def part(self, table: str, month: str) -> Path:
        """The file of one month (`2025-11`) of a table."""
        return self.root / part_name(table, month)


def part_name(table: str, month: str) -> str:
    """A month's file as the manifest names it: relative to the root, with forward slashes."""
    return f"tables/{table}/month={month}/part-0.parquet"
