"""Small frames of everything that is kept of arXiv, of papers of November 2025, with things refused in them."""

import json
from datetime import UTC, date, datetime
from hashlib import sha256

import polars as pl

from paperlake.ingest.oai_harvest import Harvest, Window
from paperlake.pipelines.harvest import _row
from sandbox.arxiv_answers import Repository
from sandbox.arxiv_collection import Collection
from sandbox.arxiv_generated import generated
from schemas.arxiv_lines import ARXIV_LINES
from schemas.arxiv_papers import ARXIV_PAPERS
from schemas.arxiv_records import ARXIV_RECORDS
from schemas.arxiv_replies import ARXIV_REPLIES
from schemas.authors import AUTHORS
from schemas.harvests import HARVESTS
from schemas.listings import LISTINGS
from transforms.arxiv import oai_replies as arxiv_oai
from transforms.arxiv.snapshot_lines import filed
from transforms.graph import ROUTED

AT = datetime(2025, 11, 20, 4, 40, tzinfo=UTC)
PAPERS = [
    paper
    for paper in generated(120, seed=5, first=date(2025, 9, 1), last=date(2025, 12, 30))
    if paper.id.startswith("2511.")
]


def line(paper, **changes):
    """A paper as a line of the bulk snapshot."""
    told = {
        "id": paper.id,
        "submitter": paper.submitter,
        "authors": "A. Author",
        "title": paper.title,
        "comments": paper.comments,
        "journal-ref": paper.journal_ref,
        "doi": paper.doi,
        "report-no": paper.report_no,
        "categories": " ".join(paper.categories),
        "license": paper.license,
        "abstract": paper.abstract,
        "versions": [{"version": "v1", "created": "Mon, 3 Jun 2024 19:18:42 GMT"}],
        "update_date": paper.datestamp.isoformat(),
        "authors_parsed": [["Author", "A.", ""]],
    }
    return json.dumps({**told, **changes}).encode()


def replies(*bodies, verb="ListRecords"):
    """Answers that came one second after the other."""
    rows = [
        {
            "captured_on": AT.date(),
            "captured_at": AT.replace(second=number),
            "harvest_started_at": AT,
            "verb": verb,
            "url": f"https://arxiv.test/oai?verb={verb}",
            "status_code": 200,
            "headers": "{}",
            "body": body,
            "body_sha256": sha256(body).hexdigest(),
        }
        for number, body in enumerate(bodies)
    ]
    return pl.DataFrame(rows, schema=pl.Schema(ARXIV_REPLIES.arrow())).sort(ARXIV_REPLIES.sort)


def every_table():
    """All tables that are made of arXiv's answers and of its snapshot, and what they are made of, by name."""
    held = Collection(PAPERS)
    asked = [("verb", "ListRecords"), ("metadataPrefix", "arXiv")]
    told = replies(Repository(held, "new").answer(asked, AT, "https://arxiv.test/oai"), b"<html></html>")
    lines = filed([line(PAPERS[0]), line(PAPERS[1], title=7), line(PAPERS[2], update_date="soon")], AT.date())
    kept = lines.with_columns(imported_at=pl.lit(AT, pl.Datetime("us", "UTC"))).select(ARXIV_LINES.arrow().names)
    reading = arxiv_oai.read(told)
    arxiv, merged = ROUTED
    made = {**arxiv.build("2025-11", {ARXIV_LINES: kept.sort(ARXIV_LINES.sort), ARXIV_RECORDS: reading.records})}
    nothing = {table: pl.DataFrame(schema=pl.Schema(table.arrow())) for table in (LISTINGS, AUTHORS)}
    made |= merged.build("2025-11", {ARXIV_PAPERS: made[ARXIV_PAPERS], **nothing})
    work = Harvest(Window("cs"), AT, AT, pages=2)
    harvests = pl.DataFrame([_row(work, "partial", "two lists never agreed", AT)], schema=pl.Schema(HARVESTS.arrow()))
    return {
        **{table.name: rows for table, rows in made.items()},
        "arxiv_replies": told,
        "arxiv_lines": kept.sort(ARXIV_LINES.sort),
        "arxiv_records": reading.records,
        "arxiv_rejects": reading.rejects,
        "harvests": harvests,
    }
