"""Views: common queries over the tables. They are not materialized."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

from schemas.arxiv_rejects import REASONS as ARXIV_REASONS
from schemas.kinds import ARXIV_ID, COUNT, DATE, TEXT, TIMESTAMP
from schemas.page_entries import PAGE_ENTRIES
from schemas.rejects import REASONS
from schemas.table import Column, OneOf

WINDOWS = {"24h": 1, "3d": 3, "7d": 7, "14d": 14}
"""The windows of `velocity`, in days from the opening of the date."""
_MAX_DISTANCE = "25 hours"
"""Maximum distance of a usable capture from the end of a window: daily captures are a day apart."""
_RATE = pa.float64()
_LISTING_KEY = (
    Column("listed_on", DATE, "The date of the list."),
    Column("paper_id", TEXT, "arXiv identifier without its version.", checks=(ARXIV_ID,)),
)


@dataclass(frozen=True, slots=True)
class View:
    """A DuckDB query over the tables and the views declared before it, with its documented columns."""

    name: str
    doc: str
    grain: str
    columns: tuple[Column, ...]
    sql: str


SIGNALS_DAILY = View(
    name="signals_daily",
    doc="Votes, comments and stars at the last capture of each day (UTC).",
    grain="one paper on the list of one date, on one day that it was captured on",
    columns=(
        *_LISTING_KEY,
        Column("seen_on", DATE, "The day of the capture, in UTC."),
        Column("captured_at", TIMESTAMP, "When that capture began."),
        Column("upvote_count", COUNT, "Upvotes at that instant.", unit="votes", null="as in `signals`"),
        Column("comment_count", COUNT, "Comments at that instant.", unit="comments", null="as in `signals`"),
        Column("github_star_count", COUNT, "Stars at that instant.", unit="stars", null="as in `signals`"),
    ),
    sql="""
        select listed_on, paper_id, captured_at::date as seen_on, max(captured_at) as captured_at,
               arg_max_null(upvote_count, captured_at) as upvote_count,
               arg_max_null(comment_count, captured_at) as comment_count,
               arg_max_null(github_star_count, captured_at) as github_star_count
        from signals group by listed_on, paper_id, captured_at::date
    """,
)


def _votes_column(window: str) -> Column:
    return Column(
        f"votes_{window}",
        _RATE,
        f"Votes gained in the first {WINDOWS[window] * 24} hours after the date opened, by straight line between the "
        "captures on both sides of that instant. May be below zero: votes are taken back.",
        unit="votes",
        null=f"no capture lies within {_MAX_DISTANCE} of the end of that time, on each side; the opening counts as one",
    )


def _votes_sql(window: str) -> str:
    """Votes at the end of a window, interpolated between the last capture before it and the first after it."""
    end = f"(opened_at + interval '{WINDOWS[window]} days')"
    part = f"(epoch({end}) - epoch(previous_at)) / (epoch(captured_at) - epoch(previous_at))"
    has_captures = (
        f"previous_at between {end} - interval '{_MAX_DISTANCE}' and {end} and captured_at > previous_at "
        f"and captured_at between {end} and {end} + interval '{_MAX_DISTANCE}'"
    )
    return (
        f"any_value(round(previous - votes_before + (upvote_count - previous) * {part}, 2)) "
        f"filter (where {has_captures}) as votes_{window}"
    )


VELOCITY = View(
    name="velocity",
    doc="How fast listed papers gained votes: in the first day, 3, 7 and 14 days after their date opened.",
    grain="one paper on the list of one date",
    columns=(
        *_LISTING_KEY,
        Column("opened_at", TIMESTAMP, "When the date opened: at 21:30 in New York on the day before."),
        Column(
            "votes_before",
            COUNT,
            "Votes that the paper brought along when it was moved here: at its last capture before the date opened.",
            unit="votes",
        ),
        *(_votes_column(window) for window in WINDOWS),
    ),
    sql=f"""
        with papers as (
            select distinct listed_on, paper_id,
                   timezone('America/New_York', listed_on - interval '2 hours 30 minutes') as opened_at
            from signals
        ), counted as (
            select papers.listed_on, papers.paper_id, opened_at,
                   coalesce(arg_max(upvote_count, captured_at), 0)::integer as votes_before
            from papers left join signals as earlier
              on earlier.paper_id = papers.paper_id and earlier.captured_at < papers.opened_at
            group by papers.listed_on, papers.paper_id, opened_at
        ), points as (
            select listed_on, paper_id, captured_at, upvote_count from signals where upvote_count is not null
            union all select listed_on, paper_id, opened_at, votes_before from counted
        ), steps as (
            select listed_on, paper_id, captured_at, upvote_count,
                   lag(captured_at) over by_capture as previous_at, lag(upvote_count) over by_capture as previous
            from points window by_capture as (partition by listed_on, paper_id order by captured_at)
        )
        select listed_on, paper_id, opened_at, votes_before, {", ".join(_votes_sql(w) for w in WINDOWS)}
        from steps join counted using (listed_on, paper_id)
        group by listed_on, paper_id, opened_at, votes_before
    """,  # noqa: S608 - made of constants
)

PAGE_MATCHES = View(
    name="page_matches",
    doc="Entries of saved pages with the paper that each means, found by its title: letters and digits alone count.",
    grain="one entry of one saved page",
    columns=(
        *PAGE_ENTRIES.columns,
        Column(
            "paper_id",
            TEXT,
            "arXiv identifier of the paper of that title.",
            null="the lake knows no paper of that title, or several",
        ),
        Column("match_count", COUNT, "Papers in the lake that have this title.", unit="papers"),
    ),
    sql="""
        with titled as (
            select regexp_replace(lower(strip_accents(title)), '[^\\p{L}\\p{N}]+', '', 'g') as plain_title,
                   min(paper_id) as paper_id, count(distinct paper_id)::integer as papers
            from listings where title is not null group by plain_title
        )
        select page_entries.*, case when papers = 1 then paper_id end as paper_id,
               coalesce(papers, 0)::integer as match_count
        from page_entries left join titled
          on plain_title = regexp_replace(lower(strip_accents(title)), '[^\\p{L}\\p{N}]+', '', 'g')
         and plain_title <> ''
    """,
)

REJECT_COUNTS = View(
    name="reject_counts",
    doc="What was refused, by the reason, with an example; what was refused most stands first.",
    grain="one reason in one table",
    columns=(
        Column(
            "reason", TEXT, "Why it was refused.", checks=(OneOf(tuple(dict.fromkeys((*REASONS, *ARXIV_REASONS)))),)
        ),
        Column("table_name", TEXT, "The table that the rows or values were meant for."),
        Column("held_in", TEXT, "The table that holds the rejects: rejects, arxiv_rejects or arxiv_line_rejects."),
        Column(
            "reject_count",
            COUNT,
            "Refused entries, records, values, answers and captures, each time that they came.",
            unit="rejects",
        ),
        Column("rows_lost_count", COUNT, "Those that cost a row, not just a value.", unit="rejects"),
        Column("date_count", COUNT, "Dates of lists that they stand on; of arXiv's, when they came.", unit="dates"),
        Column("first_on", DATE, "The first of these dates."),
        Column("last_on", DATE, "The last of these dates."),
        Column("field", TEXT, "Where the newest of them was found."),
        Column("message", TEXT, "What was found there."),
    ),
    sql="""
        with refused as (
            select reason, table_name, 'rejects' as held_in, listed_on as stands_on, captured_at, place, field, message,
                   is_row_kept
            from rejects
            union all
            select reason, 'arxiv_records', 'arxiv_rejects', captured_on, captured_at, position, field, message,
                   is_row_kept
            from arxiv_rejects
            union all
            select reason, 'arxiv_papers', 'arxiv_line_rejects', captured_at::date, captured_at, 0, field, message,
                   is_row_kept
            from arxiv_line_rejects
        )
        select reason, table_name, held_in, count(*)::integer as reject_count,
               (count(*) filter (not is_row_kept))::integer as rows_lost_count,
               count(distinct stands_on)::integer as date_count, min(stands_on) as first_on, max(stands_on) as last_on,
               arg_max(field, (captured_at, place)) as field, arg_max(message, (captured_at, place)) as message
        from refused group by all order by reject_count desc, reason, table_name
    """,
)

VIEWS: dict[str, View] = {view.name: view for view in (SIGNALS_DAILY, VELOCITY, PAGE_MATCHES, REJECT_COUNTS)}
