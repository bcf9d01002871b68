"""Every table of the lake, in the order in which a reader meets them."""

from __future__ import annotations

from schemas.authors import AUTHORS
from schemas.captures import CAPTURES
from schemas.decisions import DECISIONS
from schemas.drift import DRIFT
from schemas.field_days import FIELD_DAYS
from schemas.hub_replies import HUB_REPLIES
from schemas.issues import ISSUES
from schemas.listings import LISTINGS
from schemas.page_entries import PAGE_ENTRIES
from schemas.rejects import REJECTS
from schemas.saved_pages import SAVED_PAGES
from schemas.signals import SIGNALS
from schemas.source_days import SOURCE_DAYS
from schemas.table import Table
from schemas.trends import TRENDS
from schemas.validations import VALIDATIONS

CONTRACT_VERSION = "1.2.0"
"""Of all tables and views together, by semantic rules; `make docs` refuses to write a contract that broke them."""

TABLES: dict[str, Table] = {
    table.name: table
    for table in (
        *(LISTINGS, AUTHORS, SIGNALS, SOURCE_DAYS, CAPTURES, REJECTS, PAGE_ENTRIES, TRENDS, FIELD_DAYS, DRIFT),
        *(HUB_REPLIES, SAVED_PAGES, DECISIONS, VALIDATIONS, ISSUES),
    )
}
