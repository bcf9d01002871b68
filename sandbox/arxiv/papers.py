"""A paper in arXiv's database. The server renders it in every format, and tests compare with it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime


@dataclass(frozen=True, slots=True)
class Author:
    """A name in the parts of the format `arXiv`. A group has no `forenames`."""

    keyname: str
    forenames: str | None = None
    suffix: str | None = None
    affiliations: tuple[str, ...] = ()

    @property
    def full_name(self) -> str:
        """The name with forenames first."""
        return " ".join(part for part in (self.forenames, self.keyname, self.suffix) if part)


@dataclass(frozen=True, slots=True)
class Version:
    """A version as in `arXivRaw`. 0 kB with the source type `I` marks a withdrawn version."""

    submitted_at: datetime
    size_kb: int
    source_type: str | None = None


@dataclass(frozen=True, slots=True)
class Paper:
    """A paper with verbatim texts: white space as served, entities not yet escaped.

    `authors_line` is the authors' own text, if it differs from their names joined by commas. `arXivRaw` and
    `arXivOld` give it with its `and` and its TeX; `arXiv` and `oai_dc` give the names parsed from it. `modified_at`
    is the time of the last change of any kind, in UTC; its date is the datestamp. For an `is_deleted` paper the
    server gives only the header.
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
        """The UTC date of the last change."""
        return self.modified_at.date()

    @property
    def authors_text(self) -> str:
        """The authors in the formats that do not split names."""
        return self.authors_line or ", ".join(each.full_name for each in self.authors)

    @property
    def identifier(self) -> str:
        """The OAI identifier of its record."""
        return f"oai:arXiv.org:{self.id}"
