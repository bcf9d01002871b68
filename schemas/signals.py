"""The table `signals`: votes, comments and stars at each capture. The source keeps no history of them."""

from __future__ import annotations

from schemas.hub_replies import capture_reference
from schemas.kinds import ARXIV_ID, COUNT, COUNTS_UP, DATE, TEXT, TIMESTAMP
from schemas.listings import ABSENT
from schemas.table import Column, References, Table

SIGNALS = Table(
    name="signals",
    doc="Votes, comments and stars of listed papers as each capture saw them. Votes may fall.",
    grain="one paper on the list of one date, at one capture",
    dated_by="listed_on",
    key=("listed_on", "paper_id", "captured_at"),
    sort=("listed_on", "paper_id", "captured_at"),
    references=(
        capture_reference("captured_at"),
        References(("listed_on", "paper_id"), "listings", ("listed_on", "paper_id")),
    ),
    columns=(
        Column("listed_on", DATE, "The date of the list."),
        Column("paper_id", TEXT, "arXiv identifier without its version.", checks=(ARXIV_ID,)),
        Column("captured_at", TIMESTAMP, "When the capture began; shared by all its pages."),
        Column("upvote_count", COUNT, "Upvotes at that instant.", unit="votes", null=ABSENT, checks=COUNTS_UP),
        Column("comment_count", COUNT, "Comments at that instant.", unit="comments", null=ABSENT, checks=COUNTS_UP),
        Column(
            "github_star_count",
            COUNT,
            "Stars as the Hub knew them at that instant.",
            unit="stars",
            null=ABSENT,
            checks=COUNTS_UP,
        ),
    ),
)
