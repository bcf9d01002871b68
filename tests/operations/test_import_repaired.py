"""An archive that is repaired and imported again: the readable answer counts, and the import names the other one."""

import gzip
import json

import pytest
from click.testing import CliRunner

from cli.main import main
from paperlake.store.rows import scan
from paperlake.store.snapshot import snapshot
from schemas.source_days import SOURCE_DAYS
from tests.replies import entries

LIST = json.dumps(entries(3))
BROKEN = {
    "a wrapped list": (json.dumps({"papers": entries(3)}).encode(), "it is a JSON object, not an array"),
    "a login page": (b"<!doctype html>", "it is an HTML or XML page"),
    "an empty file": (b"", "it is empty"),
    "UTF-16 without a mark": (LIST.encode("utf-16-be"), "it is UTF-16 that cannot be decoded"),
    "cut gzip": (gzip.compress(LIST.encode())[:50], "it is gzip that cannot be inflated"),
    "a cut list": (LIST[:-40].encode(), "it is not a valid JSON array"),
}


@pytest.fixture
def archive(tmp_path, lake_in_force):
    """Imports a body as the list of 2025-11-06, always with the same time of capture."""
    path = tmp_path / "archive" / "2025-11-06" / "2025-12-01T030000Z.json"
    path.parent.mkdir(parents=True)

    def import_body(body):
        path.write_bytes(body)
        result = CliRunner().invoke(main, ["import-replies", str(tmp_path / "archive")])
        days = scan(snapshot(lake_in_force), SOURCE_DAYS).select("verdict", "paper_count", "reason").collect()
        return result.exit_code, result.stderr, days.row(0)

    return import_body


@pytest.mark.parametrize("form", BROKEN)
@pytest.mark.parametrize("is_repaired", [True, False])
def test_the_readable_one_of_two_answers_for_one_time_counts_in_either_order(archive, form, is_repaired):
    broken, reason = BROKEN[form]
    first, second = (broken, LIST.encode()) if is_repaired else (LIST.encode(), broken)
    archive(first)
    exit_code, message, day = archive(second)
    assert (exit_code, day) == (0, ("settled", 3, None))
    assert f"another answer for the same time counts; one is not used: {reason}" in message


@pytest.mark.parametrize("form", BROKEN)
@pytest.mark.parametrize("is_repaired", [True, False])
def test_why_shows_the_answer_that_is_not_used_and_what_it_is(archive, form, is_repaired):
    broken, reason = BROKEN[form]
    for body in (broken, LIST.encode()) if is_repaired else (LIST.encode(), broken):
        archive(body)
    paper_id = entries(3)[0]["paper"]["id"]
    lineage = json.loads(CliRunner().invoke(main, ["why", paper_id, "--json"]).output)
    answers = sorted((row["is_used"], row["form"], row["upvote_count"] is None) for row in lineage["answers"])
    assert answers == [(False, reason.removeprefix("it "), True), (True, None, False)]
    assert f"no, {reason}" in CliRunner().invoke(main, ["why", paper_id]).output


@pytest.mark.parametrize("form", BROKEN)
def test_an_answer_that_is_no_list_is_named(archive, form):
    broken, reason = BROKEN[form]
    exit_code, message, day = archive(broken)
    assert (exit_code, day) == (1, ("failed", 0, f"page 0 {reason.removeprefix('it ')}"))
    assert f"is not a list: page 0 {reason.removeprefix('it ')}" in message
