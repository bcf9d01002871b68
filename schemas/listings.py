"""The table `listings`: the papers on the list of each date."""

from __future__ import annotations

from schemas.hub_replies import capture_reference
from schemas.kinds import ARXIV_ID, COUNT, COUNTS_UP, DATE, FLAG, TEXT, TEXTS, TIMESTAMP
from schemas.table import Between, Column, Route, Table

ABSENT = "the answer does not carry it"

LISTINGS = Table(
    name="listings",
    doc=(
        "The papers that the Hub listed on a date. Values come from the newest capture that holds the paper; "
        "title, abstract and publication from the paper itself, never from its envelope."
    ),
    grain="one paper on the list of one date",
    dated_by="listed_on",
    key=("listed_on", "paper_id"),
    sort=("listed_on", "position", "paper_id"),
    references=(capture_reference("first_seen_at"), capture_reference("last_seen_at")),
    route=Route(
        by="paper_id",
        digest_columns=("paper_id", "listed_on", "position", "is_listed", "first_seen_at", "last_seen_at"),
        read_from="last_seen_at",
    ),
    columns=(
        Column("listed_on", DATE, "The date of the list. It rolls over at 21:30 in New York."),
        Column("paper_id", TEXT, "arXiv identifier without its version; text, for many end in 0.", checks=(ARXIV_ID,)),
        Column(
            "position",
            COUNT,
            "Place on the list, counted from 1 over all its pages; unique only where `is_listed`.",
            checks=(Between(1, 2**31 - 1),),
        ),
        Column("title", TEXT, "Title, white space folded, control characters removed.", null=ABSENT),
        Column("abstract", TEXT, "Abstract, white space folded, control characters removed.", null=ABSENT),
        Column("author_count", COUNT, "Authors that the Hub names.", unit="authors", null=ABSENT, checks=COUNTS_UP),
        Column(
            "published_at",
            TIMESTAMP,
            "First submission to arXiv. Cut to midnight by the Hub since 2026-04-06.",
            null=ABSENT,
            checks=(Between("1986-01-01T00:00:00", "2099-12-31T23:59:59"),),
        ),
        Column("submitted_by", TEXT, "Login of who put the paper on the list.", null="not told before 2024-06-13"),
        Column("organization", TEXT, "Slug of the organisation the paper is filed under.", null=ABSENT),
        Column("organization_name", TEXT, "Display name of that organisation.", null=ABSENT),
        Column(
            "github_repo_url",
            TEXT,
            "Address of the code as the Hub has it: trimmed, not rewritten; some are not a plain owner/repo.",
            null=ABSENT,
        ),
        Column("project_page_url", TEXT, "Address of the project page, trimmed.", null=ABSENT),
        Column("thumbnail_url", TEXT, "Address of the thumbnail.", null=ABSENT),
        Column("media_urls", TEXTS, "Addresses of the media attached, in order.", null=ABSENT),
        Column("discussion_id", TEXT, "The Hub's id of the discussion; it follows a paper that moves.", null=ABSENT),
        Column(
            "ai_summary", TEXT, "One sentence written by a model of the Hub's.", null="not written yet, or not told"
        ),
        Column(
            "ai_keywords",
            TEXTS,
            "Keywords chosen by a model of the Hub's, in its order, without blanks and repeats.",
            null="not chosen yet, or not told",
        ),
        Column(
            "is_author_participating",
            FLAG,
            "Whether an author takes part in the discussion.",
            null="not told before 2024-12-19",
        ),
        Column("upvote_count", COUNT, "Upvotes at `last_seen_at`.", unit="votes", null=ABSENT, checks=COUNTS_UP),
        Column("comment_count", COUNT, "Comments at `last_seen_at`.", unit="comments", null=ABSENT, checks=COUNTS_UP),
        Column(
            "github_star_count",
            COUNT,
            "Stars of the code's repository as the Hub knew them at `last_seen_at`.",
            unit="stars",
            null=ABSENT,
            checks=COUNTS_UP,
        ),
        Column("first_seen_at", TIMESTAMP, "Start of the first capture of this date that held the paper."),
        Column("last_seen_at", TIMESTAMP, "Start of the newest capture of this date that held the paper."),
        Column(
            "is_listed",
            FLAG,
            "Whether the newest whole capture of the date holds the paper (if none is whole, the newest). "
            "A paper that moved to another date stays here with false.",
        ),
    ),
)
