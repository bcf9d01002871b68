"""Snapshot files that are cut or wrong are refused, and many unreadable lines make an import incomplete."""

import gzip
import json
import random
import zipfile
from codecs import BOM_UTF8

import pytest
from click.testing import CliRunner

from cli.main import main
from paperlake.store.rows import scan
from paperlake.store.snapshot import snapshot
from schemas.catalogue import TABLES

NOISE = random.Random(1).randbytes(20_000)


def line(number, paper_id=None):
    """One line of a snapshot."""
    paper_id = paper_id or f"2301.{number:05}"
    paper = {"id": paper_id, "title": f"On {number}", "abstract": "Done.", "authors_parsed": [["Birch", "Ada", ""]]}
    more = {
        "categories": "cs.LG",
        "update_date": "2023-02-01",
        "versions": [{"version": "v1", "created": "Mon, 2 Jan 2023 08:00:00 GMT"}],
    }
    return json.dumps({**paper, **more}).encode()


WHOLE = b"\n".join(line(number) for number in range(300)) + b"\n"
WRONG = {
    "a login page": (
        b"<!doctype html>\n<html>\n<p>Sign in</p>\n</html>\n",
        "is no snapshot of arXiv|ends within a line",
    ),
    "random bytes": (NOISE, "is no snapshot of arXiv|ends within a line"),
    "an empty file": (b"", "has no lines"),
    "only line ends": (b"\n\n", "has no lines"),
    "cut within a line": (WHOLE[:-60], "ends within a line"),
    "cut gzip": (gzip.compress(WHOLE)[:-300], "is cut off or damaged"),
    "lists of another source": (b'[{"paper": {"id": "2301.00001"}}]\n' * 9, "is no snapshot|ends within a line"),
    "other JSON lines": (b'{"name": "x"}\n' * 9, "9 of 9 lines have no arXiv identifier"),
}


@pytest.fixture
def import_file(tmp_path, lake_in_force):
    """Imports a snapshot with these bytes."""

    def run(content, name="snapshot.json"):
        path = tmp_path / name
        path.write_bytes(content)
        return CliRunner().invoke(main, ["import-arxiv", str(path)])

    return run


def rows(lake, table):
    return scan(snapshot(lake), TABLES[table]).collect()


@pytest.mark.parametrize("kind", WRONG)
def test_a_file_that_is_cut_or_wrong_is_refused_before_anything_is_stored(import_file, lake_in_force, kind):
    content, message = WRONG[kind]
    result = import_file(content)
    assert result.exit_code == 1
    assert any(part in result.output for part in message.split("|")), result.output
    assert rows(lake_in_force, "arxiv_lines").is_empty()
    assert rows(lake_in_force, "harvests").is_empty()


def test_a_file_without_a_line_end_is_whole(import_file, lake_in_force):
    assert import_file(WHOLE.rstrip()).exit_code == 0
    assert rows(lake_in_force, "arxiv_papers").height == 300


def test_a_byte_order_mark_costs_no_line(import_file, lake_in_force):
    assert import_file(BOM_UTF8 + WHOLE).exit_code == 0
    assert rows(lake_in_force, "arxiv_papers").height == 300


def test_many_unreadable_lines_are_named_and_no_harvest_goes_on_from_there(import_file, lake_in_force):
    result = import_file(WHOLE + b'{"id": "none"}\n' * 4)
    assert (result.exit_code, "4 of 304 lines have no arXiv identifier" in result.output) == (1, True)
    assert rows(lake_in_force, "harvests")["verdict"].to_list() == ["partial"]
    assert rows(lake_in_force, "arxiv_papers").height == 300


def test_a_few_unreadable_lines_are_refused_line_by_line(import_file, lake_in_force):
    assert import_file(WHOLE + b'{"id": "none"}\n' * 3).exit_code == 0
    assert rows(lake_in_force, "harvests")["verdict"].to_list() == ["complete"]


def test_an_identifier_with_and_without_subject_class_is_one_paper(import_file, lake_in_force):
    both = line(1, "math.GT/0309136") + b"\n" + line(2, "math/0309136") + b"\n"
    assert import_file(both).exit_code == 0
    assert rows(lake_in_force, "arxiv_papers")["paper_id"].to_list() == ["math/0309136"]


def test_a_zip_file_is_read(import_file, lake_in_force, tmp_path):
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr("snapshot.json", WHOLE)
    assert import_file((tmp_path / "x.zip").read_bytes(), "s.zip").exit_code == 0
    assert rows(lake_in_force, "arxiv_papers").height == 300
