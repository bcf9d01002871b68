"""The recorded votes as rows of `listings` and `signals`: lists, and counts at many times."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

import polars as pl

from paperlake.operations.import_replies import find_replies
from schemas.decisions import DECISIONS
from schemas.hub_replies import HUB_REPLIES
from schemas.listings import LISTINGS
from schemas.signals import SIGNALS
from transforms.conform import conform, empty_table
from transforms.graph import NOTHING_REFUSED
from transforms.hub import replies as hub

_SEEN = ("listed_on", "paper_id", "captured_at")


def observations(recordings: Path) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The rows of `listings` and `signals` from the recorded answers, and from the recorded vote counts.

    A recorded vote count has no list: it applies to every list of its paper. It has no stars, and takes the comment
    count of the answer before it.
    """
    replies = _replies([recordings / "hub/daily_papers", recordings / "hub/recaptures"])
    built = [
        hub.build_tables(hub.parse_replies(month), NOTHING_REFUSED, empty_table(DECISIONS))
        for _, month in replies.group_by(pl.col("requested_on").dt.truncate("1mo"), maintain_order=True)
    ]
    listings = pl.concat(tables[LISTINGS.name] for tables in built)
    history = pl.read_csv(
        recordings / "hub/vote_history.csv",
        schema_overrides={"paper_id": pl.String, "observed_at": pl.String, "upvote_count": pl.Int32},
    )
    counted = (
        history.with_columns(
            captured_at=pl.col("observed_at").str.to_datetime("%Y-%m-%dT%H:%M:%S%z", time_unit="us"),
            comment_count=pl.lit(None, pl.Int32),
            github_star_count=pl.lit(None, pl.Int32),
        )
        .join(listings.filter("is_listed").select("listed_on", "paper_id"), on="paper_id")
        .select(SIGNALS.arrow().names)
    )
    rows = pl.concat([*(tables[SIGNALS.name] for tables in built), counted])
    distinct_rows = rows.unique(_SEEN, keep="first", maintain_order=True).sort(_SEEN)
    comments = pl.col("comment_count").forward_fill().over("listed_on", "paper_id")
    return listings, conform(distinct_rows.with_columns(comments), SIGNALS)


def _replies(folders: list[Path]) -> pl.DataFrame:
    """The archived answers as rows of `hub_replies`."""
    missing = dict.fromkeys(("url", "status_code", "headers"))
    rows = [
        {
            "requested_on": answer.listed_on,
            "capture_started_at": answer.captured_at,
            "page": 0,
            "captured_at": answer.captured_at,
            "body": body,
            "body_sha256": sha256(body).hexdigest(),
            **missing,
        }
        for folder in folders
        for answer in find_replies(folder).answers
        for body in [answer.path.read_bytes()]
    ]
    return pl.DataFrame(rows, schema=pl.Schema(HUB_REPLIES.arrow()))
