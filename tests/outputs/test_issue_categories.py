"""The rule `categories` of an edition selects papers by their arXiv categories in the table `papers`."""

import shutil
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from paperlake.build.publish import publish_months, waiting_months
from paperlake.outputs.issues import load_issue, record_issue
from paperlake.render.period import period_of
from paperlake.store.inbox import keep
from paperlake.store.lake import Lake
from schemas.arxiv_replies import ARXIV_REPLIES
from schemas.hub_replies import HUB_REPLIES
from tests import arxiv_answers
from tests.digest_rows import AT, DAILY, DAY
from tests.replies import capture, entry

TODAY = period_of("day", DAY)
LANGUAGE = replace(DAILY, categories=("cs.CL",))
OLD, NEW, VISION, UNKNOWN, NOT_LISTED = "2405.00010", "2511.00020", "2511.00030", "2511.00040", "2510.00050"


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """A list with papers of two months, and arXiv's records of all but one of them."""
    lake = Lake(tmp_path_factory.mktemp("published") / "lake")
    for row in capture([entry(paper_id) for paper_id in (OLD, NEW, VISION, UNKNOWN)], DAY, AT):
        keep(lake, HUB_REPLIES, row)
    records = [
        arxiv_answers.record(paper_id, "2025-11-05", categories=categories)
        for paper_id, categories in (
            *((OLD, "cs.CL"), (NEW, "stat.ML cs.CL"), (VISION, "cs.CV")),
            (NOT_LISTED, "cs.CL"),
        )
    ]
    replies = arxiv_answers.replies(arxiv_answers.xml_page(*records), at=datetime(2025, 11, 6, 5, tzinfo=UTC))
    keep(lake, ARXIV_REPLIES, replies.row(0, named=True))
    assert not [result.fault for result in publish_months(lake, waiting_months(lake)) if result.fault]
    return lake


@pytest.fixture
def lake(published, tmp_path):
    return Lake(Path(shutil.copytree(published.root, tmp_path / "lake")))


def ids(issue):
    return {paper.paper_id for paper in issue.papers}


def test_papers_of_the_category_are_selected_in_whatever_month_they_were_submitted(lake):
    assert ids(load_issue(lake, LANGUAGE, TODAY)) == {OLD, NEW}


def test_an_archive_selects_all_its_categories(lake):
    assert ids(load_issue(lake, replace(DAILY, categories=("cs",)), TODAY)) == {OLD, NEW, VISION}


def test_a_paper_without_an_arxiv_record_matches_no_category(lake):
    edition = replace(DAILY, papers=10)
    assert UNKNOWN in ids(load_issue(lake, edition, TODAY))
    assert UNKNOWN not in ids(load_issue(lake, replace(edition, categories=("cs", "stat")), TODAY))


def test_only_the_months_of_listed_papers_are_read(lake):
    lake.part("papers", "2025-10").unlink()
    assert ids(load_issue(lake, LANGUAGE, TODAY)) == {OLD, NEW}


def test_an_edition_without_the_rule_does_not_read_papers(lake):
    shutil.rmtree(lake.tables / "papers")
    assert ids(load_issue(lake, DAILY, TODAY))


def test_a_recorded_issue_does_not_read_papers(lake):
    recorded, _ = record_issue(lake, LANGUAGE, TODAY, AT)
    shutil.rmtree(lake.tables / "papers")
    assert load_issue(lake, LANGUAGE, TODAY) == recorded


def test_a_date_without_a_list_has_an_empty_issue(lake):
    assert not load_issue(lake, LANGUAGE, period_of("day", date(2025, 11, 7))).papers
