"""Every table of the lake, in the order in which a reader meets them."""

from __future__ import annotations

from schemas.authors import AUTHORS
from schemas.captures import CAPTURES
from schemas.decisions import DECISIONS
from schemas.hub_replies import HUB_REPLIES
from schemas.listings import LISTINGS
from schemas.rejects import REJECTS
from schemas.signals import SIGNALS
from schemas.source_days import SOURCE_DAYS
from schemas.table import Table

TABLES: dict[str, Table] = {
    table.name: table for table in (LISTINGS, AUTHORS, SIGNALS, SOURCE_DAYS, CAPTURES, REJECTS, HUB_REPLIES, DECISIONS)
}
