"""Small frames of all tables from arXiv, with papers of November 2025 and some rejects."""

import json
from datetime import UTC, date, datetime
from hashlib import sha256

import polars as pl

from paperlake.ingest.oai_harvest import Harvest, Window
from paperlake.pipelines.harvest import _harvest_row
from sandbox.arxiv.collection import Collection
from sandbox.arxiv.generated import generate_papers
from sandbox.arxiv.repository import Repository
from schemas.arxiv_lines import ARXIV_LINES
from schemas.arxiv_papers import ARXIV_PAPERS
from schemas.arxiv_records import ARXIV_RECORDS
from schemas.arxiv_replies import ARXIV_REPLIES
from schemas.authors import AUTHORS
from schemas.harvests import HARVESTS
from schemas.listings import LISTINGS
from transforms.arxiv import oai_replies as arxiv_oai
from transforms.arxiv.snapshot_lines import file_lines
from transforms.graph import ROUTED

AT = datetime(2025, 11, 20, 4, 40, tzinfo=UTC)
PAPERS = [
    paper
    for paper in generate_papers(120, seed=5, first=date(2025, 9, 1), last=date(2025, 12, 30))
    if paper.id.startswith("2511.")
]


def snapshot_line(paper, **changes):
    """A paper as a line of arXiv's snapshot."""
    members = {
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
    return json.dumps({**members, **changes}).encode()


def replies(*bodies, verb="ListRecords"):
    """Answers as rows of `arxiv_replies`, one second apart."""
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


def arxiv_tables():
    """The tables built from arXiv's answers and its snapshot, with their evidence, by name."""
    collection = Collection(PAPERS)
    arguments = [("verb", "ListRecords"), ("metadataPrefix", "arXiv")]
    answers = replies(Repository(collection, "new").answer(arguments, AT, "https://arxiv.test/oai"), b"<html></html>")
    changes = ({}, {"title": 7}, {"update_date": "soon"})
    raw_lines = [snapshot_line(paper, **change) for paper, change in zip(PAPERS[:3], changes, strict=True)]
    filed = file_lines(raw_lines, AT.date()).with_columns(imported_at=pl.lit(AT, pl.Datetime("us", "UTC")))
    lines = filed.select(ARXIV_LINES.arrow().names).sort(ARXIV_LINES.sort)
    parsed = arxiv_oai.parse_replies(answers)
    arxiv, merged = ROUTED
    made = {**arxiv.build(["2025-11"], {ARXIV_LINES: lines, ARXIV_RECORDS: parsed.records})["2025-11"].tables}
    empty = {table: pl.DataFrame(schema=pl.Schema(table.arrow())) for table in (LISTINGS, AUTHORS)}
    made |= merged.build(["2025-11"], {ARXIV_PAPERS: made[ARXIV_PAPERS], **empty})["2025-11"].tables
    harvest = Harvest(Window("cs"), AT, AT, pages=2)
    harvests = pl.DataFrame(
        [_harvest_row(harvest, "partial", "two lists never agreed", AT)], schema=pl.Schema(HARVESTS.arrow())
    )
    return {
        **{table.name: rows for table, rows in made.items()},
        "arxiv_replies": answers,
        "arxiv_lines": lines,
        "arxiv_records": parsed.records,
        "arxiv_rejects": parsed.rejects,
        "harvests": harvests,
    }
