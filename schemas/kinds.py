"""Logical column types and common checks, shared by all tables."""

from __future__ import annotations

import pyarrow as pa

from schemas.table import Between, Matches

TEXT = pa.string()
TEXTS = pa.list_(pa.string())
DATE = pa.date32()
TIMESTAMP = pa.timestamp("us", tz="UTC")
COUNT = pa.int32()
SHARE = pa.float64()
FLAG = pa.bool_()
BYTES = pa.large_binary()

COUNTS_UP = (Between(0, 2**31 - 1),)
"""Range of a count: not negative, and within 32 bits."""

ARXIV_ID = Matches(
    r"[0-9]{2}(?:0[1-9]|1[0-2])\.[0-9]{4,5}|[a-z]+(?:-[a-z]+)*(?:\.[A-Z]{2})?/[0-9]{2}(?:0[1-9]|1[0-2])[0-9]{3}"
)
"""An arXiv identifier of either style, without a version. Its month must be valid, because it is the partition."""

SHA256 = Matches(r"[0-9a-f]{64}")
