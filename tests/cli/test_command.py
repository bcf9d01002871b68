"""The command `papers`, as a person types it."""

import csv
import io
import json
import subprocess
import sys
from datetime import UTC, date, datetime
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from cli.main import main
from paperlake.clock import started
from paperlake.config import Settings, SettingWrong, settings
from paperlake.ingest.hub import PATIENCE_BY_HAND, hub_client
from paperlake.timestamps import capture_name, format_timestamp, parse_capture
from sandbox.generated import GeneratedHub
from schemas.calendar import newest_closed_date, open_date

DAY = date(2025, 11, 6)
CLOSED = datetime(2025, 11, 7, 3, 15, tzinfo=UTC)


@pytest.fixture
def papers(tmp_path, monkeypatch):
    """Types a command, in a lake of its own."""
    monkeypatch.setenv("PAPERLAKE_ROOT", str(tmp_path / "lake"))
    monkeypatch.setenv("PAPERLAKE_STATE", str(tmp_path / "state"))
    return lambda *words: CliRunner().invoke(main, [str(word) for word in words])


@pytest.fixture
def archive(tmp_path):
    """A folder with one archived answer that says in `captures.csv` when it was captured."""
    folder = tmp_path / "archive"
    folder.mkdir()
    (folder / "2025-11-06.json").write_bytes(GeneratedHub(papers_a_day=6).body(DAY, CLOSED))
    (folder / "captures.csv").write_text("file,captured_at\n2025-11-06.json,2025-11-07T03:15:00Z\n")
    return folder


@pytest.fixture
def filled(papers, archive):
    """The command, with the archive imported."""
    assert papers("import-replies", archive).exit_code == 0
    return papers


def test_every_command_has_help_that_teaches(papers):
    assert "papers demo" in papers("--help").output
    for name in main.commands:
        shown = papers(name, "--help")
        assert shown.exit_code == 0
        assert len(shown.output.splitlines()) > 4, name


def test_imported_answers_are_published(filled):
    rows = json.loads(
        filled("sql", "select verdict, paper_count > 0 as has_papers from source_days", "--format", "json").output
    )
    assert rows == [{"verdict": "complete", "has_papers": True}]


def test_importing_twice_changes_no_byte_and_says_so(filled, archive, tmp_path):
    before = {path: path.read_bytes() for path in (tmp_path / "lake").rglob("*") if path.is_file()}
    again = filled("import-replies", archive)
    assert "unchanged" in again.output
    assert {path: path.read_bytes() for path in (tmp_path / "lake").rglob("*") if path.is_file()} == before


def test_a_capture_is_dated_by_its_name(papers, tmp_path):
    folder = tmp_path / "by-name/2025-11-06"
    folder.mkdir(parents=True)
    (folder / "2025-11-07T031500Z.json").write_text("[]")
    assert papers("import-replies", folder.parent).exit_code == 0
    (row,) = json.loads(papers("sql", "select captured_at from captures", "--format", "json").output)
    assert row == {"captured_at": "2025-11-07T03:15:00Z"}


def test_an_answer_that_does_not_say_when_is_not_guessed(papers, archive):
    (archive / "captures.csv").unlink()
    refused = papers("import-replies", archive)
    assert refused.exit_code == 1
    assert "2025-11-06.json" in refused.output
    assert "--captured-at" in refused.output
    assert papers("import-replies", archive, "--captured-at", "2025-11-07T03:15:00Z").exit_code == 0


def test_an_instant_without_a_zone_is_refused(papers, archive):
    (archive / "captures.csv").write_text("file,captured_at\n2025-11-06.json,2025-11-07T03:15:00\n")
    refused = papers("import-replies", archive)
    assert refused.exit_code == 1
    assert "captures.csv, line 2" in refused.output
    assert "no zone" in refused.output


def test_files_that_are_no_answers_are_passed_over_by_name(papers, archive):
    (archive / "notes.txt").write_text("not an answer")
    (archive / "2025-13-01.json").write_text("[]")
    done = papers("import-replies", archive)
    assert done.exit_code == 0
    assert "passed over" in done.output
    assert "2025-13-01.json" in done.output


def test_a_refused_capture_is_told_and_the_exit_code_is_1(papers, archive):
    (archive / "2025-11-06.json").write_text('[{"paper": null}, {"paper": null}]')
    told = papers("import-replies", archive)
    assert told.exit_code == 1
    assert "2025-11-06/2025-11-07T031500Z was refused: half of its entries or more cannot be read" in told.output
    let_in = papers("accept", "2025-11-06/2025-11-07T031500Z")
    assert let_in.exit_code == 0
    assert "is accepted" in let_in.output


@pytest.mark.parametrize("name", ["2025-11-06", "yesterday", "2025-11-06/03:15"])
def test_a_misspelt_capture_is_explained(papers, name):
    told = papers("accept", name)
    assert told.exit_code == 2
    assert "2025-11-06/2025-11-07T031500Z" in told.output


@pytest.mark.parametrize("text", ["20251106", "2025-13-01", "tomorrow", "20251106x"])
def test_a_misspelt_date_is_explained(papers, text):
    told = papers("daily", "--date", text)
    assert told.exit_code == 2
    assert "write it like 2025-11-06" in told.output


def test_sql_in_every_format(filled, tmp_path):
    question = "select paper_id, title, media_urls, first_seen_at from listings order by position"
    as_json = json.loads(filled("sql", question, "--format", "json").output)
    as_csv = list(csv.DictReader(io.StringIO(filled("sql", question, "--format", "csv").output)))
    assert [row["paper_id"] for row in as_csv] == [row["paper_id"] for row in as_json]
    assert as_csv[0]["first_seen_at"] == "2025-11-07T03:15:00Z"
    assert filled("sql", question, "--format", "parquet", "-o", tmp_path / "out.parquet").exit_code == 0
    assert pq.read_table(tmp_path / "out.parquet")["paper_id"].to_pylist() == [row["paper_id"] for row in as_json]
    assert as_json[0]["paper_id"] in filled("sql", question).output


def test_columns_of_the_same_name_are_all_there(papers):
    assert papers("sql", "select 1 a, 2 a", "--format", "csv").output == "a,a\n1,2\n"
    assert json.loads(papers("sql", "select 1 a, 2 a", "--format", "json").output) == [{"a": 1, "a_2": 2}]


def test_an_imported_answer_that_is_no_list_is_told(papers, archive):
    (archive / "2025-11-06.json").write_text("<html>")
    told = papers("import-replies", archive)
    assert told.exit_code == 1
    assert "2025-11-06/2025-11-07T031500Z is no list: page 0 is not a JSON array" in told.output


@pytest.mark.parametrize("name", ["9999-12-31.json", "2023-05-03.json", "0001-01-01.json"])
def test_an_answer_for_a_date_that_had_no_list_is_passed_over(papers, archive, name, tmp_path):
    (archive / name).write_text("[]")
    assert name in papers("import-replies", archive, "--captured-at", "2025-11-07T03:15:00Z").output
    assert json.loads(papers("sql", "select count(*) n from captures", "--format", "json").output) == [{"n": 1}]


def test_a_wrong_query_is_an_error_without_a_traceback(papers):
    told = papers("sql", "select nothing from nowhere")
    assert told.exit_code == 1
    assert "nowhere" in told.output
    assert "Traceback" not in told.output


def test_tables_of_an_empty_lake_say_how_to_begin(papers):
    assert "papers daily" in papers("tables").output


def test_describe_tells_meaning_unit_and_why_a_value_may_be_missing(papers):
    told = papers("describe", "listings").output
    assert "upvote_count" in told
    assert "votes" in told
    assert "Null where" in told
    assert papers("describe", "nonesuch").exit_code == 2


def test_text_from_the_internet_does_not_speak_to_the_terminal(papers, tmp_path):
    folder = tmp_path / "hostile"
    folder.mkdir()
    entry = {"paper": {"id": "2511.01234", "title": "a\u202eb", "upvotes": "\x1b[31mred"}}
    (folder / "2025-11-06.json").write_text(json.dumps([entry]))
    papers("import-replies", folder, "--captured-at", "2025-11-07T03:15:00Z")
    shown = papers("sql", "select title from listings union all select message from rejects").output
    assert "\x1b" not in shown
    assert "\u202e" not in shown


@pytest.mark.parametrize("words", [["--help"], ["sql", "select 1"], ["tables"]])
def test_quick_commands_import_nothing_slow(words, tmp_path):
    seen = "import sys; from cli.main import main; main(standalone_mode=False); print(*sys.modules, file=sys.stderr)"
    done = subprocess.run(
        [sys.executable, "-c", seen, *words],
        env={"PAPERLAKE_ROOT": str(tmp_path), "HOME": str(tmp_path)},
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=True,
    )
    assert not {"prefect", "great_expectations", "polars", "pandas"} & set(done.stderr.split())


@pytest.mark.parametrize(
    ("at", "opened"),
    [
        ("2025-07-01T01:29:59Z", "2025-06-30"),  # 21:29:59 in New York, in summer
        ("2025-07-01T01:30:00Z", "2025-07-01"),
        ("2025-07-02T01:29:59Z", "2025-07-01"),
        ("2025-07-02T01:30:00Z", "2025-07-02"),
        ("2025-12-02T02:29:59Z", "2025-12-01"),  # in winter an hour later
        ("2025-12-02T02:30:00Z", "2025-12-02"),
    ],
)
def test_a_date_opens_at_half_past_nine_in_new_york(at, opened):
    assert open_date(format_timestamp(at)).isoformat() == opened
    assert newest_closed_date(format_timestamp(at)) < open_date(format_timestamp(at))


@pytest.mark.parametrize("at", ["2025-01-08T17:07:41+00:00", "2025-01-08T17:07:41.000250+00:00"])
def test_a_capture_is_found_again_by_its_name(at):
    began = datetime.fromisoformat(at)
    assert parse_capture(capture_name(DAY, began)) == (DAY, began)


@pytest.mark.parametrize(("name", "value"), [("PAPERLAKE_HUB_QUOTA", "many"), ("PAPERLAKE_HUB_QUOTA", "-1")])
def test_a_wrong_setting_is_named(name, value):
    with pytest.raises(SettingWrong, match=name):
        settings({name: value})


@pytest.mark.parametrize("url", ["huggingface.co", "ftp://hub.example", "https://me:secret@hub.example"])
def test_a_wrong_address_of_the_hub_is_a_setting_and_not_a_traceback(url, tmp_path):
    said = Settings(root=tmp_path, state=tmp_path, hub_url=url)
    with (
        pytest.raises(SettingWrong, match="PAPERLAKE_HUB_URL") as told,
        hub_client(said, started(None), PATIENCE_BY_HAND),
    ):
        pass
    assert "secret" not in str(told.value)


def test_a_root_that_cannot_be_written_is_one_line(papers, archive, tmp_path):
    (tmp_path / "lake").write_text("a file where a folder should be")
    told = papers("import-replies", archive)
    assert told.exit_code == 1
    assert len(told.output.strip().splitlines()) == 1
    assert str(tmp_path / "lake") in told.output


def test_the_token_is_not_in_the_settings_as_shown():
    assert "secret" not in repr(settings({"HF_TOKEN": "secret"}))


@pytest.mark.parametrize("statement", ["", ";", "/* nothing */"])
def test_a_statement_that_asks_for_nothing_says_so(papers, statement):
    told = papers("sql", statement)
    assert told.exit_code == 1
    assert "asks for nothing" in told.output


@pytest.mark.parametrize("day", ["2019-01-01", "2099-01-01"])
def test_a_page_cannot_have_been_saved_when_there_was_none(papers, tmp_path, day):
    page = tmp_path / "page.txt"
    page.write_text("A title\nAn abstract.")
    told = papers("import-page", page, "--captured-on", day)
    assert told.exit_code == 1
    assert f"cannot have been saved on {day}" in told.output


@pytest.mark.parametrize("day", ["2020-01-01", "2099-01-01"])
def test_gaps_are_looked_for_where_lists_can_be(papers, day):
    told = papers("gaps", "--since", day)
    assert told.exit_code == 2
    assert "there are lists from 2023-05-04" in told.output


def test_a_month_of_which_nothing_is_kept_is_not_called_unchanged(filled):
    told = filled("rebuild", "--month", "1999-01")
    assert told.exit_code == 2
    assert "nothing is kept of 1999-01; the lake has 2025-11 to 2025-11" in told.output


def test_debug_shows_where_an_error_came_from(monkeypatch, lake_in_force):
    monkeypatch.setenv("PAPERLAKE_HUB_QUOTA", "many")
    told = CliRunner().invoke(main, ["daily"])
    assert (told.exit_code, told.stderr.count("\n")) == (1, 1)
    assert isinstance(CliRunner().invoke(main, ["--debug", "daily"]).exception, SettingWrong)
