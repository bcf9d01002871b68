"""The table `arxiv_papers`: the newest metadata of each paper from arXiv."""

from __future__ import annotations

import pyarrow as pa

from schemas.kinds import ARXIV_ID, COUNT, COUNTS_UP, DATE, FLAG, SHA256, TEXT, TEXTS, TIMESTAMP
from schemas.table import Between, Column, OneOf, RoutedInputs, Table

AUTHORS = pa.list_(
    pa.struct(
        [
            pa.field("keyname", TEXT),
            pa.field("forenames", TEXT),
            pa.field("suffix", TEXT),
            pa.field("affiliations", TEXTS),
        ]
    )
)
ABSENT = "the record does not carry it, or is a deletion"
DELETION = "only deletions are known"
NO_DATE = "the record tells none, or one that cannot be"
_LINE = "line of the public snapshot"
FROM_SNAPSHOT_LINE = f"it is a {_LINE}"
_COUNTED_FROM_1 = (Between(1, 2**31 - 1),)
FIRST_ON, LAST_ON = "1986-01-01", "2099-12-31"
"""Limits of plausible dates: arXiv has no paper from before 1986."""
_PLAUSIBLE_DATE = (Between(FIRST_ON, LAST_ON),)
_CLEAN = "white space folded, control characters removed, doubled escapes (`&amp;amp;`) undone"
_TEX = f"{_CLEAN}, TeX's accents outside of mathematics turned into letters"

FILED_ON = Column("filed_on", DATE, "First day of the month in the paper's identifier.")
PAPER_ID = Column(
    "paper_id", TEXT, "arXiv identifier as its record has it, without a version; text.", checks=(ARXIV_ID,)
)
PAPER_COLUMNS = (
    Column("title", TEXT, f"Title: {_TEX}.", null=ABSENT),
    Column("abstract", TEXT, f"Abstract: {_TEX}.", null=ABSENT),
    Column(
        "authors",
        AUTHORS,
        "Authors in their order: `keyname` (by which one sorts), `forenames`, `suffix` (Jr., III) and `affiliations`; "
        f"names {_TEX}. Parts that are not told are null, and no affiliations are an empty list.",
        null=ABSENT,
    ),
    Column("author_count", COUNT, "Length of `authors`.", unit="authors", null=ABSENT, checks=COUNTS_UP),
    Column("primary_category", TEXT, "First of `categories`: where the paper was filed.", null=ABSENT),
    Column("categories", TEXTS, "Categories, the primary one first, without repeats.", null=ABSENT),
    Column(
        "created_on",
        DATE,
        "What the record calls created. In answers of before March 2025 and in the snapshot that is the first "
        "version's date (in New York, in the snapshot in UTC); the server in use since then tells the newest's.",
        null=NO_DATE,
        checks=_PLAUSIBLE_DATE,
    ),
    Column(
        "updated_on",
        DATE,
        "What the record calls updated: the newest version's date where there are several. The server in use since "
        "March 2025 tells nearly always the datestamp instead.",
        null=f"there is one version only, or {NO_DATE}",
        checks=_PLAUSIBLE_DATE,
    ),
    Column("license_url", TEXT, "Address of the licence.", null="none is told, as for many papers up to 2008"),
    Column("comments", TEXT, f"The authors' comments: {_CLEAN}.", null=ABSENT),
    Column("journal_ref", TEXT, f"Where it was published, in the authors' words: {_CLEAN}.", null=ABSENT),
    Column("report_number", TEXT, f"The institute's number: {_CLEAN}.", null=ABSENT),
    Column(
        "dois",
        TEXTS,
        "DOIs of what was published, without repeats, in the order told. Several in one element are taken apart.",
        null=ABSENT,
    ),
    Column(
        "msc_class", TEXT, f"Mathematics subject classes, as told: {_CLEAN}.", null=f"{ABSENT}; no {_LINE} tells it"
    ),
    Column(
        "acm_class",
        TEXT,
        f"ACM computing classes, as told: {_CLEAN}.",
        null=f"{ABSENT}; no {_LINE} tells it; or it is not to be believed, for arXiv's server also sends the word "
        "None, or the MSC class, in its place",
    ),
    Column(
        "is_withdrawn",
        FLAG,
        "Whether the comments or the abstract say that this paper is withdrawn; arXiv has no flag for it.",
        null="the record is a deletion",
    ),
    Column(
        "withdrawn_by",
        TEXT,
        "What says that the paper is withdrawn.",
        null="nothing does",
        checks=(OneOf(("comments", "abstract")),),
    ),
)
"""Columns with a paper's metadata; `arxiv_records` has the same ones."""
DATESTAMP = Column(
    "datestamp", DATE, "When the record was last modified, a UTC date.", null=NO_DATE, checks=_PLAUSIBLE_DATE
)
IS_DELETED = Column("is_deleted", FLAG, "Whether the record says that the paper was deleted.")

ROUTED_INPUTS = RoutedInputs(same_month=("arxiv_lines",), routed=("arxiv_records",))
"""Inputs of a month of `arxiv_papers`."""

ARXIV_PAPERS = Table(
    name="arxiv_papers",
    doc=(
        "The papers of arXiv as their newest records tell them. The newest is the one of the latest datestamp; of the "
        "same datestamp an answer of the server before a line of the snapshot, then what was captured later. After a "
        "deletion the values are those that were told last."
    ),
    grain="one paper",
    dated_by="filed_on",
    key=("paper_id",),
    sort=("paper_id",),
    routed_inputs=ROUTED_INPUTS,
    provenance=("is_from_bulk", "seen_at", "seen_in", "seen_position", "told_at", "told_in", "told_position"),
    columns=(
        PAPER_ID,
        FILED_ON,
        *PAPER_COLUMNS,
        Column(
            "datestamp",
            DATE,
            "When the newest record was last modified, a UTC date; of a line of the snapshot its update_date.",
            null=NO_DATE,
            checks=_PLAUSIBLE_DATE,
        ),
        Column("is_deleted", FLAG, "Whether the newest record says that the paper was deleted."),
        Column("is_from_bulk", FLAG, "Whether the values are those of a line of the public snapshot."),
        Column("seen_at", TIMESTAMP, "When the answer with the newest record arrived, or its line was imported."),
        Column(
            "seen_in", TEXT, "SHA-256 of the answer with the newest record.", null=FROM_SNAPSHOT_LINE, checks=(SHA256,)
        ),
        Column(
            "seen_position",
            COUNT,
            "Place of that record in its answer, from 1.",
            null=FROM_SNAPSHOT_LINE,
            checks=_COUNTED_FROM_1,
        ),
        Column(
            "told_datestamp",
            DATE,
            "`datestamp` of the record that the values come from; that of the newest, unless that is a deletion.",
            null=f"{DELETION}, or {NO_DATE}",
            checks=_PLAUSIBLE_DATE,
        ),
        Column(
            "told_at",
            TIMESTAMP,
            "When the answer that the values come from arrived, or its line was imported.",
            null=DELETION,
        ),
        Column(
            "told_in",
            TEXT,
            "SHA-256 of the answer that the values come from.",
            null=f"{FROM_SNAPSHOT_LINE}, or {DELETION}",
            checks=(SHA256,),
        ),
        Column(
            "told_position",
            COUNT,
            "Place in its answer of the record that the values come from, from 1.",
            null=f"{FROM_SNAPSHOT_LINE}, or {DELETION}",
            checks=_COUNTED_FROM_1,
        ),
    ),
)
