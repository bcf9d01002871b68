"""The table `issues`: the papers in each issue of each edition. Rows are appended, never rebuilt."""

from __future__ import annotations

from schemas.kinds import ARXIV_ID, COUNT, COUNTS_UP, DATE, SHARE, TEXT, TIMESTAMP
from schemas.table import Between, Column, Matches, Table

_NOT_SHOWN = "it was not told"

ISSUES = Table(
    name="issues",
    doc="The papers of each issue of each edition, in their order, with the numbers that the issue told.",
    grain="one paper in one issue of one edition",
    dated_by="issue_on",
    key=("issue_on", "edition", "paper_id"),
    sort=("issue_on", "edition", "position", "paper_id"),
    is_evidence=True,
    columns=(
        Column("issue_on", DATE, "The last date that the issue is about."),
        Column("edition", TEXT, "The edition, as `editions.toml` names it.", checks=(Matches(r"[a-z0-9-]{1,40}"),)),
        Column("issue", TEXT, "The day (`2025-11-06`), ISO week (`2025-W45`) or month (`2025-10`) that it is about."),
        Column("issued_at", TIMESTAMP, "When it came out."),
        Column("position", COUNT, "Place in the issue, counted from 1.", checks=(Between(1, 2**31 - 1),)),
        Column("listed_on", DATE, "The list that the paper was taken from."),
        Column("paper_id", TEXT, "arXiv identifier without its version.", checks=(ARXIV_ID,)),
        Column("score", SHARE, "The trending score that it was ranked by, as in `trends`.", null="it had none"),
        Column("upvote_count", COUNT, "Votes that the issue told.", unit="votes", null=_NOT_SHOWN, checks=COUNTS_UP),
        Column("comment_count", COUNT, "Comments that it told.", unit="comments", null=_NOT_SHOWN, checks=COUNTS_UP),
        Column("github_star_count", COUNT, "Stars that it told.", unit="stars", null=_NOT_SHOWN, checks=COUNTS_UP),
    ),
)
