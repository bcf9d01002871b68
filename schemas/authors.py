"""The table `authors`: the authors of listed papers, from the Hub."""

from __future__ import annotations

from schemas.kinds import ARXIV_ID, COUNT, DATE, FLAG, TEXT
from schemas.table import Between, Column, References, Route, Table

AUTHORS = Table(
    name="authors",
    doc="The authors of listed papers in their order, from the newest capture that holds the paper.",
    grain="one author of one paper on the list of one date",
    dated_by="listed_on",
    key=("listed_on", "paper_id", "position"),
    sort=("listed_on", "paper_id", "position"),
    references=(References(("listed_on", "paper_id"), "listings", ("listed_on", "paper_id")),),
    route=Route("paper_id"),
    columns=(
        Column("listed_on", DATE, "The date of the list."),
        Column("paper_id", TEXT, "arXiv identifier without its version.", checks=(ARXIV_ID,)),
        Column("position", COUNT, "Place among the authors, counted from 1.", checks=(Between(1, 2**31 - 1),)),
        Column("name", TEXT, "Name as the Hub writes it, white space folded; two authors may share one."),
        Column("hub_user", TEXT, "Login of the Hub account linked to the author.", null="no account is linked"),
        Column(
            "status",
            TEXT,
            "How the link to the account came about (claimed_verified, admin_assigned, extracted_pending, …).",
            null="the Hub tells none",
        ),
        Column("is_hidden", FLAG, "Whether the author is hidden on the Hub's page.", null="the answer does not say"),
    ),
)
