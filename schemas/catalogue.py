"""All tables of the lake, in the order of the data dictionary."""

from __future__ import annotations

from schemas.arxiv_line_rejects import ARXIV_LINE_REJECTS
from schemas.arxiv_lines import ARXIV_LINES
from schemas.arxiv_papers import ARXIV_PAPERS
from schemas.arxiv_records import ARXIV_RECORDS
from schemas.arxiv_rejects import ARXIV_REJECTS
from schemas.arxiv_replies import ARXIV_REPLIES
from schemas.authors import AUTHORS
from schemas.captures import CAPTURES
from schemas.decisions import DECISIONS
from schemas.drift import DRIFT
from schemas.field_days import FIELD_DAYS
from schemas.harvests import HARVESTS
from schemas.hub_replies import HUB_REPLIES
from schemas.issues import ISSUES
from schemas.listings import LISTINGS
from schemas.page_entries import PAGE_ENTRIES
from schemas.papers import PAPERS
from schemas.rejects import REJECTS
from schemas.saved_pages import SAVED_PAGES
from schemas.signals import SIGNALS
from schemas.source_days import SOURCE_DAYS
from schemas.table import Table
from schemas.trends import TRENDS
from schemas.validations import VALIDATIONS

CONTRACT_VERSION = "2.1.0"
"""Semantic version of all tables and views together. `make docs` refuses a change without the version rise it needs."""

TABLES: dict[str, Table] = {
    table.name: table
    for table in (
        *(PAPERS, LISTINGS, AUTHORS, SIGNALS, SOURCE_DAYS, CAPTURES, REJECTS, PAGE_ENTRIES, TRENDS, FIELD_DAYS),
        *(DRIFT, ARXIV_PAPERS, ARXIV_RECORDS, ARXIV_REJECTS, ARXIV_LINE_REJECTS),
        *(HUB_REPLIES, ARXIV_REPLIES, ARXIV_LINES, SAVED_PAGES, DECISIONS, HARVESTS, VALIDATIONS, ISSUES),
    )
}
