"""The index follows the table `papers`, and damage of it is found and mended."""

import json
import shutil
from datetime import UTC, date, datetime

import pytest
from click.testing import CliRunner

from cli.main import main
from paperlake.build.publish import publish_months
from paperlake.monitoring.health import run_checks
from paperlake.retrieval import word_index
from paperlake.retrieval.query import SearchQuery
from paperlake.retrieval.search import search
from paperlake.retrieval.word_index import (
    IndexBusy,
    IndexDamaged,
    damaged_files,
    folder,
    open_index,
    read_state,
    refresh_index,
    stale_months,
    update_index,
)
from paperlake.store.inbox import keep
from schemas.hub_replies import HUB_REPLIES
from tests.replies import capture, entry

DAY = date(2025, 11, 6)
LATER = datetime(2025, 11, 8, 3, tzinfo=UTC)


def publish(lake, entries, day=DAY, at=None):
    for row in capture(entries, day, at or datetime(2025, 11, 7, 3, tzinfo=UTC)):
        keep(lake, HUB_REPLIES, row)
    list(publish_months(lake, [f"{day:%Y-%m}"]))


@pytest.fixture
def lake(lake_in_force):
    publish(lake_in_force, [entry("2511.00001", paper__title="Trees"), entry("2510.00001", paper__title="Rivers")])
    return lake_in_force


def titles(lake, text):
    return [hit.title for hit in search(lake, SearchQuery(text)).hits]


def test_an_index_without_changes_is_left_as_it_is(lake):
    assert str(update_index(lake)) == "2 papers in 2 months, 2 updated"
    before = {path.name: path.read_bytes() for path in folder(lake).iterdir()}
    assert str(update_index(lake)) == "2 papers in 2 months, all current"
    assert {path.name: path.read_bytes() for path in folder(lake).iterdir()} == before


def test_only_months_that_changed_are_updated(lake):
    update_index(lake)
    publish(lake, [entry("2511.00001", paper__title="Woods"), entry("2510.00001", paper__title="Rivers")], at=LATER)
    changed = stale_months(lake)
    assert "2025-11" in changed
    assert update_index(lake).changed_months == len(changed)
    assert (titles(lake, "woods"), titles(lake, "trees"), titles(lake, "rivers")) == (["Woods"], [], ["Rivers"])


def test_an_update_that_was_killed_before_its_note_is_done_again(lake):
    update_index(lake)
    note = folder(lake).with_suffix(".json")
    before = note.read_bytes()
    publish(lake, [entry("2511.00002", paper__title="Woods")], at=LATER)
    update_index(lake)
    note.write_bytes(before)  # as if the process had died between the commit and the note
    assert update_index(lake).papers == 3
    assert titles(lake, "woods") == ["Woods"]


def test_an_index_whose_making_was_killed_is_made_again(lake):
    update_index(lake)

    def end(*_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        update_index(lake, end, force=True)
    assert refresh_index(lake) is None
    assert titles(lake, "trees") == ["Trees"]


def test_an_index_of_another_version_is_made_again(lake, monkeypatch):
    update_index(lake)
    monkeypatch.setattr(word_index, "VERSION", "2")
    assert read_state(lake).version == ""
    assert update_index(lake).changed_months == 2
    assert titles(lake, "trees") == ["Trees"]


@pytest.mark.parametrize("note", [b"", b"{}", b"[1]", b"\xff"])
def test_an_unreadable_note_counts_as_no_index(lake, note):
    update_index(lake)
    folder(lake).with_suffix(".json").write_bytes(note)
    assert update_index(lake).changed_months == 2


def test_a_flipped_byte_is_found_and_the_command_mends_it(lake):
    update_index(lake)
    path = max(folder(lake).glob("*.store"), key=lambda path: path.stat().st_size)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    assert damaged_files(lake) == [path]
    check = next(check for check in run_checks(lake, LATER) if check.name == "search")
    assert (check.state, check.remedy) == ("warn", "papers index")
    result = CliRunner().invoke(main, ["index"])
    assert result.exit_code == 0
    assert f"{path} is damaged" in result.stderr
    assert damaged_files(lake) == []
    assert titles(lake, "trees") == ["Trees"]


def test_an_index_that_cannot_be_opened_names_the_remedy(lake):
    update_index(lake)
    (folder(lake) / "meta.json").write_text("{")
    with pytest.raises(IndexDamaged, match="papers index --force"):
        open_index(lake)


def test_search_updates_a_stale_index_or_says_that_it_cannot(lake, monkeypatch):
    assert refresh_index(lake) is None
    publish(lake, [entry("2511.00002", paper__title="Woods")], at=LATER)

    def refuse(*_, **__):
        raise IndexBusy("another process updates it")

    monkeypatch.setattr(word_index, "update_index", refuse)
    assert "the newest papers may be missing" in refresh_index(lake)
    shutil.rmtree(folder(lake))
    with pytest.raises(IndexBusy):
        refresh_index(lake)


@pytest.mark.usefixtures("lake")
class TestCommand:
    def run(self, *arguments):
        result = CliRunner().invoke(main, ["search", *arguments])
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        return result

    def test_the_first_search_makes_the_index(self):
        result = self.run("trees")
        assert result.exit_code == 0
        assert result.output.startswith("Trees\n  2511.00001 · listed 2025-11-06")
        assert "1 found" in result.output

    def test_json_has_all_fields(self):
        found = json.loads(self.run("rivers", "--json").output)
        assert (found["total"], found["papers"][0]["paper_id"], found["papers"][0]["listed_on"]) == (
            1,
            "2510.00001",
            "2025-11-06",
        )

    def test_a_misspelt_word_is_told(self):
        assert "No paper has 'riwers': searched for 'rivers'." in self.run("riwers").stderr

    @pytest.mark.parametrize("arguments", [(), ("--like", "2511.00001", "trees"), ("--sort", "best", "trees")])
    def test_usage_errors(self, arguments):
        assert self.run(*arguments).exit_code == 2

    @pytest.mark.parametrize("paper", ["2511.77777", "no paper"])
    def test_related_papers_of_an_unknown_paper_are_an_error(self, paper):
        result = self.run("--like", paper)
        assert result.exit_code == 1
        assert "Traceback" not in result.output


def test_without_a_lake_search_says_where_it_looked(lake_in_force):
    result = CliRunner().invoke(main, ["search", "trees"])
    assert result.exit_code == 1
    assert "there is no lake at" in result.output
    assert not lake_in_force.root.exists()
