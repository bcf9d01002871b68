"""The table `papers`: one row for each paper, merged from arXiv and the Hub."""

from __future__ import annotations

from schemas.kinds import ARXIV_ID, COUNT, COUNTS_UP, DATE, FLAG, TEXT, TEXTS, TIMESTAMP
from schemas.listings import LISTINGS
from schemas.table import Column, OneOf, RoutedInputs, Table

ORIGINS = ("arxiv", "hub", "both")
"""Source of a value; `both` where arXiv and the Hub agree."""

_NOT_IN_EITHER = "neither tells it"
_NOT_IN_ARXIV = "the lake has nothing of the paper from arXiv, or arXiv does not tell it"
_NOT_ON_HUB = "no list that the lake has ever held the paper"
_OF_LIST = f"{_NOT_ON_HUB}, or the answer does not carry it"


def _origin_column(name: str, what: str) -> Column:
    doc = f"Where {what} comes from: arxiv, hub, or both where they say the same. Where they differ it is arXiv's."
    return Column(name, TEXT, doc, null=_NOT_IN_EITHER, checks=(OneOf(ORIGINS),))


def _listing_column(name: str) -> Column:
    declared = LISTINGS[name]
    doc = declared.doc.replace("`last_seen_at`", "`counted_at`")
    return Column(name, declared.type, doc, unit=declared.unit, null=_OF_LIST, checks=declared.checks)


PAPERS = Table(
    name="papers",
    doc="Every paper that arXiv or the Hub told of, in one row: both merged, with where each value comes from.",
    grain="one paper",
    dated_by="filed_on",
    key=("paper_id",),
    sort=("paper_id",),
    routed_inputs=RoutedInputs(same_month=("arxiv_papers",), routed=("listings",), read_with=("authors",)),
    columns=(
        Column("paper_id", TEXT, "arXiv identifier without its version; text, for many end in 0.", checks=(ARXIV_ID,)),
        Column("filed_on", DATE, "First day of the month that the identifier names."),
        Column("title", TEXT, "Title on one line.", null=_NOT_IN_EITHER),
        _origin_column("title_from", "the title"),
        Column("abstract", TEXT, "Abstract on one line.", null=_NOT_IN_EITHER),
        _origin_column("abstract_from", "the abstract"),
        Column("author_names", TEXTS, "Names of the authors in their order, forenames first.", null=_NOT_IN_EITHER),
        _origin_column("author_names_from", "the list of authors"),
        Column("author_count", COUNT, "Authors named.", unit="authors", null=_NOT_IN_EITHER, checks=COUNTS_UP),
        Column(
            "published_on",
            DATE,
            "Day of the first submission to arXiv. Its word is taken where it lies not after the month of the "
            "identifier: since March 2025 its server tells the date of the newest version.",
            null=_NOT_IN_EITHER,
        ),
        _origin_column("published_from", "that day"),
        Column("updated_on", DATE, "Day of the newest version.", null=f"there is one version, or {_NOT_IN_ARXIV}"),
        Column("primary_category", TEXT, "First category, by arXiv.", null=_NOT_IN_ARXIV),
        Column("categories", TEXTS, "Categories of arXiv, the primary one first.", null=_NOT_IN_ARXIV),
        Column("dois", TEXTS, "DOIs of the paper where it was published elsewhere.", null=_NOT_IN_ARXIV),
        Column("license_url", TEXT, "Address of the licence.", null=_NOT_IN_ARXIV),
        Column("is_withdrawn", FLAG, "Whether arXiv's comment or abstract says so.", null=_NOT_IN_ARXIV),
        Column("is_deleted", FLAG, "Whether arXiv has deleted the record.", null=_NOT_IN_ARXIV),
        Column("is_in_arxiv", FLAG, "Whether the lake has the paper's record of arXiv."),
        Column("first_listed_on", DATE, "First date whose list held the paper at any time.", null=_NOT_ON_HUB),
        Column("last_listed_on", DATE, "Last date whose list held the paper at any time.", null=_NOT_ON_HUB),
        Column(
            "listing_count",
            COUNT,
            "Dates whose list holds it now; 0 for a paper that was on no list, or was taken off.",
            unit="dates",
            checks=COUNTS_UP,
        ),
        *(_listing_column(name) for name in ("upvote_count", "comment_count", "github_star_count")),
        Column("counted_at", TIMESTAMP, "When the capture began that these three counts come from.", null=_NOT_ON_HUB),
        *(
            _listing_column(name)
            for name in ("organization", "organization_name", "github_repo_url", "project_page_url", "ai_summary")
        ),
        _listing_column("ai_keywords"),
    ),
)
