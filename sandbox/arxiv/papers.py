"""A paper as arXiv keeps it: what all the formats of the OAI server are made of, and what a test knows to be true."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime


@dataclass(frozen=True, slots=True)
class Author:
    """A name in the parts that the format `arXiv` has; group names have no `forenames`."""

    keyname: str
    forenames: str | None = None
    suffix: str | None = None
    affiliations: tuple[str, ...] = ()

    @property
    def in_line(self) -> str:
        """The name as people write it, forenames first."""
        return " ".join(part for part in (self.forenames, self.keyname, self.suffix) if part)


@dataclass(frozen=True, slots=True)
class Version:
    """A version as `arXivRaw` lists it: 0 kB with the source type `I` is one that was withdrawn."""

    submitted_at: datetime
    size_kb: int
    source_type: str | None = None


@dataclass(frozen=True, slots=True)
class Paper:
    """A paper and its texts, verbatim: blanks and line ends are as they are served, entities are not yet escaped.

    `authors_line` is what the authors wrote themselves, where that is not just the names and commas: `arXivRaw` and
    `arXivOld` tell it, with its `and` and its TeX, and `arXiv` and `oai_dc` tell the names that were read from it.
    `modified_at` is the instant of the last change of any kind, in UTC; its date is the datestamp. Of a paper that
    `is_deleted` the server tells nothing but the header.
    """

    id: str
    submitter: str
    title: str
    authors: tuple[Author, ...]
    categories: tuple[str, ...]
    abstract: str
    versions: tuple[Version, ...]
    modified_at: datetime
    comments: str | None = None
    proxy: str | None = None
    report_no: str | None = None
    msc_class: str | None = None
    acm_class: str | None = None
    journal_ref: str | None = None
    doi: str | None = None
    license: str | None = None
    authors_line: str | None = None
    is_deleted: bool = False

    @property
    def datestamp(self) -> date:
        """The date, in UTC, of the last change."""
        return self.modified_at.date()

    @property
    def authors_in_line(self) -> str:
        """The authors as the formats tell them that do not take names apart."""
        return self.authors_line or ", ".join(each.in_line for each in self.authors)

    @property
    def identifier(self) -> str:
        """The name of its record."""
        return f"oai:arXiv.org:{self.id}"
