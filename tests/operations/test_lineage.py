"""`papers rejects` and `papers why`: rejects by reason, and the answers behind every value of a paper."""

import json

import pytest
from click.testing import CliRunner

from cli.main import main
from paperlake.build.publish import publish_month, publish_months
from paperlake.store.inbox import keep
from schemas.arxiv_lines import ARXIV_LINES
from schemas.arxiv_replies import ARXIV_REPLIES
from schemas.hub_replies import HUB_REPLIES
from tests.arxiv_answers import AT, record, replies, xml_page
from tests.replies import CLOSED, OPEN, capture, entry


def publish_two_captures(lake):
    first = [entry("2511.00010", paper__upvotes=3), entry("2511.00020", numComments="many"), entry(paper__id="10-2511")]
    later = [entry("2511.00010", paper__upvotes=9)]
    for row in [*capture(first, at=OPEN), *capture(later, at=CLOSED, limit=None)]:
        keep(lake, HUB_REPLIES, row)
    publish_month(lake, "2025-11")


@pytest.fixture
def papers(build_once, lake_in_force):
    build_once(publish_two_captures, lake_in_force)
    return lambda *words: CliRunner().invoke(main, list(words))


def test_rejects_are_counted_by_reason_with_an_example(papers):
    rows = json.loads(papers("rejects", "--json").output)
    counts = {row["reason"]: (row["reject_count"], row["rows_lost_count"], row["field"]) for row in rows}
    assert counts == {"wrong_type": (1, 0, "$.numComments"), "id_invalid": (1, 1, "$.paper.id")}


def test_rejects_of_a_reason_show_the_raw_entries(papers):
    shown = papers("rejects", "--reason", "wrong_type")
    assert shown.exit_code == 0
    assert '"numComments":"many"' in shown.output


@pytest.fixture
def all_sources(papers, lake_in_force):
    """Adds to the lists of the Hub an answer of arXiv and a line of its snapshot, both with faults."""
    refused = xml_page(record("2511.00030", created="never"))
    for row in replies(refused, b"").iter_rows(named=True):
        keep(lake_in_force, ARXIV_REPLIES, row)
    about = {"filed_on": AT.date().replace(day=1), "paper_id": None, "imported_at": AT}
    keep(lake_in_force, ARXIV_LINES, {**about, "line": b"[1]"})
    assert not [each.fault for each in publish_months(lake_in_force, ["2026-11"]) if each.fault]
    return papers


def test_rejects_of_every_source_are_counted(all_sources):
    rows = json.loads(all_sources("rejects", "--json").output)
    assert {(row["reason"], row["table_name"], row["held_in"], row["rows_lost_count"]) for row in rows} == {
        ("wrong_type", "listings", "rejects", 0),
        ("id_invalid", "listings", "rejects", 1),
        ("date_impossible", "arxiv_records", "arxiv_rejects", 0),
        ("empty", "arxiv_records", "arxiv_rejects", 1),
        ("not_an_object", "arxiv_papers", "arxiv_line_rejects", 1),
    }


@pytest.mark.parametrize(
    ("reason", "where", "raw"),
    [
        ("date_impossible", "arXiv answer, #1", "<created>never</created>"),
        ("empty", "arXiv answer, #0", ""),
        ("not_an_object", "snapshot line", "[1]"),
    ],
)
def test_rejects_of_arxiv_show_their_origin(all_sources, reason, where, raw):
    shown = all_sources("rejects", "--reason", reason)
    assert shown.exit_code == 0, shown.output
    assert shown.output.startswith(where)
    assert raw in shown.output


def test_unknown_reason_lists_the_existing_ones(papers):
    result = papers("rejects", "--reason", "ugly")
    assert result.exit_code == 2
    assert "wrong_type" in result.output


def test_lake_without_rejects(lake_in_force):
    assert "There are no rejects" in CliRunner().invoke(main, ["rejects"]).output


def test_lineage_has_the_answers_with_their_values_and_the_files(papers):
    lineage = json.loads(papers("why", "2511.00010", "--json").output)
    assert [(row["upvote_count"], row["url"] is None) for row in lineage["answers"]] == [(3, False), (9, True)]
    assert all(len(row["body_sha256"]) == 64 for row in lineage["answers"])
    assert {row["table"]: row["rows"] for row in lineage["files"]} == {
        "listings": 1,
        "authors": 1,
        "signals": 2,
        "trends": 5,
        "papers": 1,
    }


def test_lineage_has_the_rejects_of_a_paper(papers):
    (refused,) = json.loads(papers("why", "2511.00020", "--json").output)["refused"]
    assert (refused["field"], refused["is_row_kept"]) == ("$.numComments", True)


def test_lineage_as_text(papers):
    shown = papers("why", "2511.00010").output
    assert "On 2511.00010" in shown
    assert "imported" in shown


@pytest.mark.parametrize(
    ("paper_id", "message"), [("2511.99999", "no answer"), ("'; drop table", "no arXiv identifier")]
)
def test_unknown_paper_is_an_error(papers, paper_id, message):
    result = papers("why", paper_id)
    assert result.exit_code == 1
    assert message in result.output
