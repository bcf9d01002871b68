"""The table `page_entries`: the entries of manually saved Daily Papers pages."""

from __future__ import annotations

from schemas.kinds import COUNT, COUNTS_UP, DATE, SHA256, TEXT
from schemas.table import Between, Column, References, Table

FIRST_ON = "1986-01-01"
"""arXiv has no paper with an earlier date."""

PAGE_ENTRIES = Table(
    name="page_entries",
    doc=(
        "Papers on Daily Papers pages that people copied out of a browser. Such a page tells no identifier: which "
        "paper an entry means is a question of its title."
    ),
    grain="one entry of one saved page",
    dated_by="captured_on",
    key=("captured_on", "page_sha256", "position"),
    sort=("captured_on", "page_sha256", "position"),
    references=(References(("captured_on", "page_sha256"), "saved_pages", ("captured_on", "body_sha256")),),
    columns=(
        Column("captured_on", DATE, "The date on which the page was saved."),
        Column("page_sha256", TEXT, "SHA-256 of the saved page, as in `saved_pages`.", checks=(SHA256,)),
        Column("position", COUNT, "Place on the page, counted from 1.", checks=(Between(1, 2**31 - 1),)),
        Column("title", TEXT, "Title, white space folded, control characters removed."),
        Column("abstract", TEXT, "Abstract, white space folded, control characters removed."),
        Column(
            "author_count",
            COUNT,
            "Authors that the page counts; it names none.",
            unit="authors",
            null="the page shows an organisation in their place, or neither",
            checks=COUNTS_UP,
        ),
        Column(
            "organization",
            TEXT,
            "Slug of the organisation that the paper is filed under.",
            null="the page shows the number of authors in its place, or neither",
        ),
        Column(
            "organization_name",
            TEXT,
            "Display name of that organisation.",
            null="the page shows no organisation, or only its slug",
        ),
        Column(
            "published_on",
            DATE,
            "First submission to arXiv, as the page dates it; never more than one day after `captured_on`, which may "
            "lag by a zone. The page leaves out the current year: taken is the newest of the capture's year and its "
            "two neighbours that allows it.",
            null="the page shows none beside the entry, or one that cannot be",
            checks=(Between(FIRST_ON, "2099-12-31"),),
        ),
        Column(
            "comment_count",
            COUNT,
            "Comments beside the date.",
            unit="comments",
            null="the page shows no number there, as where nobody has commented: it never shows 0",
            checks=COUNTS_UP,
        ),
    ),
)
