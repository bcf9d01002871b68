"""The command `papers` and its options."""

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
from paperlake.clock import start_clock
from paperlake.config import InvalidSetting, Settings, read_settings
from paperlake.ingest.client import INTERACTIVE_LIMITS
from paperlake.ingest.hub import hub_client
from paperlake.timestamps import capture_name, parse_capture, parse_timestamp
from sandbox.hub.generated import GeneratedHub
from schemas.calendar import newest_closed_date, open_date

DAY = date(2025, 11, 6)
CLOSED = datetime(2025, 11, 7, 3, 15, tzinfo=UTC)


@pytest.fixture
def papers(tmp_path, monkeypatch):
    """Run a command in an empty lake."""
    monkeypatch.setenv("PAPERLAKE_ROOT", str(tmp_path / "lake"))
    monkeypatch.setenv("PAPERLAKE_STATE", str(tmp_path / "state"))
    return lambda *words: CliRunner().invoke(main, [str(word) for word in words])


@pytest.fixture
def archive(tmp_path):
    """A folder with an archived answer and its capture time in `captures.csv`."""
    folder = tmp_path / "archive"
    folder.mkdir()
    (folder / "2025-11-06.json").write_bytes(GeneratedHub(papers_a_day=6).body(DAY, CLOSED))
    (folder / "captures.csv").write_text("file,captured_at\n2025-11-06.json,2025-11-07T03:15:00Z\n")
    return folder


@pytest.fixture
def filled(papers, archive):
    """Run a command in a lake with the imported archive."""
    assert papers("import-replies", archive).exit_code == 0
    return papers


def test_every_command_has_help(papers):
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


def test_a_second_import_changes_nothing(filled, archive, tmp_path):
    before = {path: path.read_bytes() for path in (tmp_path / "lake").rglob("*") if path.is_file()}
    second = filled("import-replies", archive)
    assert "unchanged" in second.output
    assert {path: path.read_bytes() for path in (tmp_path / "lake").rglob("*") if path.is_file()} == before


def test_a_file_name_gives_the_capture_time(papers, tmp_path):
    folder = tmp_path / "by-name/2025-11-06"
    folder.mkdir(parents=True)
    (folder / "2025-11-07T031500Z.json").write_text("[]")
    assert papers("import-replies", folder.parent).exit_code == 0
    (row,) = json.loads(papers("sql", "select captured_at from captures", "--format", "json").output)
    assert row == {"captured_at": "2025-11-07T03:15:00Z"}


def test_an_answer_without_a_capture_time_is_refused(papers, archive):
    (archive / "captures.csv").unlink()
    refused = papers("import-replies", archive)
    assert refused.exit_code == 1
    assert "2025-11-06.json" in refused.output
    assert "--captured-at" in refused.output
    assert papers("import-replies", archive, "--captured-at", "2025-11-07T03:15:00Z").exit_code == 0


def test_a_timestamp_without_a_zone_is_refused(papers, archive):
    (archive / "captures.csv").write_text("file,captured_at\n2025-11-06.json,2025-11-07T03:15:00\n")
    refused = papers("import-replies", archive)
    assert refused.exit_code == 1
    assert "captures.csv, line 2" in refused.output
    assert "no time zone" in refused.output


def test_other_files_are_skipped_with_a_message(papers, archive):
    (archive / "notes.txt").write_text("not an answer")
    (archive / "2025-13-01.json").write_text("[]")
    result = papers("import-replies", archive)
    assert result.exit_code == 0
    assert "skipped" in result.output
    assert "2025-13-01.json" in result.output


def test_a_refused_capture_is_reported_with_exit_code_1(papers, archive):
    (archive / "2025-11-06.json").write_text('[{"paper": null}, {"paper": null}]')
    refused = papers("import-replies", archive)
    assert refused.exit_code == 1
    assert "2025-11-06/2025-11-07T031500Z was refused: half of its entries or more cannot be read" in refused.output
    accepted = papers("accept", "2025-11-06/2025-11-07T031500Z")
    assert accepted.exit_code == 0
    assert "is accepted" in accepted.output


@pytest.mark.parametrize("name", ["2025-11-06", "yesterday", "2025-11-06/03:15"])
def test_a_misspelt_capture_is_explained(papers, name):
    result = papers("accept", name)
    assert result.exit_code == 2
    assert "2025-11-06/2025-11-07T031500Z" in result.output


@pytest.mark.parametrize("text", ["20251106", "2025-13-01", "tomorrow", "20251106x"])
def test_a_misspelt_date_is_explained(papers, text):
    result = papers("daily", "--date", text)
    assert result.exit_code == 2
    assert "write it like 2025-11-06" in result.output


def test_sql_in_every_format(filled, tmp_path):
    question = "select paper_id, title, media_urls, first_seen_at from listings order by position"
    as_json = json.loads(filled("sql", question, "--format", "json").output)
    as_csv = list(csv.DictReader(io.StringIO(filled("sql", question, "--format", "csv").output)))
    assert [row["paper_id"] for row in as_csv] == [row["paper_id"] for row in as_json]
    assert as_csv[0]["first_seen_at"] == "2025-11-07T03:15:00Z"
    assert filled("sql", question, "--format", "parquet", "-o", tmp_path / "out.parquet").exit_code == 0
    assert pq.read_table(tmp_path / "out.parquet")["paper_id"].to_pylist() == [row["paper_id"] for row in as_json]
    assert as_json[0]["paper_id"] in filled("sql", question).output


def test_columns_of_the_same_name_are_kept(papers):
    assert papers("sql", "select 1 a, 2 a", "--format", "csv").output == "a,a\n1,2\n"
    assert json.loads(papers("sql", "select 1 a, 2 a", "--format", "json").output) == [{"a": 1, "a_2": 2}]


def test_an_imported_answer_that_is_not_a_list_is_reported(papers, archive):
    (archive / "2025-11-06.json").write_text("<html>")
    result = papers("import-replies", archive)
    assert result.exit_code == 1
    assert "2025-11-06/2025-11-07T031500Z is not a list: page 0 is an HTML or XML page" in result.output


@pytest.mark.parametrize("name", ["9999-12-31.json", "2023-05-03.json", "0001-01-01.json"])
def test_an_answer_for_a_date_without_a_list_is_skipped(papers, archive, name, tmp_path):
    (archive / name).write_text("[]")
    assert name in papers("import-replies", archive, "--captured-at", "2025-11-07T03:15:00Z").output
    assert json.loads(papers("sql", "select count(*) n from captures", "--format", "json").output) == [{"n": 1}]


def test_a_wrong_query_is_an_error_without_a_traceback(papers):
    result = papers("sql", "select nothing from nowhere")
    assert result.exit_code == 1
    assert "nowhere" in result.output
    assert "Traceback" not in result.output


def test_tables_of_an_empty_lake_show_the_first_step(papers):
    assert "papers daily" in papers("tables").output


def test_describe_shows_meaning_unit_and_null_reason(papers):
    output = papers("describe", "listings").output
    assert "upvote_count" in output
    assert "votes" in output
    assert "Null where" in output
    assert papers("describe", "nonesuch").exit_code == 2


def test_control_characters_do_not_reach_the_terminal(papers, tmp_path):
    folder = tmp_path / "hostile"
    folder.mkdir()
    entry = {"paper": {"id": "2511.01234", "title": "a\u202eb", "upvotes": "\x1b[31mred"}}
    (folder / "2025-11-06.json").write_text(json.dumps([entry]))
    papers("import-replies", folder, "--captured-at", "2025-11-07T03:15:00Z")
    shown = papers("sql", "select title from listings union all select message from rejects").output
    assert "\x1b" not in shown
    assert "\u202e" not in shown


@pytest.mark.parametrize("words", [["--help"], ["sql", "select 1"], ["tables"]])
def test_quick_commands_import_no_slow_modules(words, tmp_path):
    program = "import sys; from cli.main import main; main(standalone_mode=False); print(*sys.modules, file=sys.stderr)"
    process = subprocess.run(
        [sys.executable, "-c", program, *words],
        env={"PAPERLAKE_ROOT": str(tmp_path), "HOME": str(tmp_path)},
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=True,
    )
    assert not {"prefect", "great_expectations", "polars", "pandas"} & set(process.stderr.split())


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
    assert open_date(parse_timestamp(at)).isoformat() == opened
    assert newest_closed_date(parse_timestamp(at)) < open_date(parse_timestamp(at))


@pytest.mark.parametrize("at", ["2025-01-08T17:07:41+00:00", "2025-01-08T17:07:41.000250+00:00"])
def test_capture_names_round_trip(at):
    began = datetime.fromisoformat(at)
    assert parse_capture(capture_name(DAY, began)) == (DAY, began)


@pytest.mark.parametrize(("name", "value"), [("PAPERLAKE_HUB_QUOTA", "many"), ("PAPERLAKE_HUB_QUOTA", "-1")])
def test_an_invalid_setting_is_named(name, value):
    with pytest.raises(InvalidSetting, match=name):
        read_settings({name: value})


@pytest.mark.parametrize("url", ["huggingface.co", "ftp://hub.example", "https://me:secret@hub.example"])
def test_an_invalid_hub_url_is_reported_as_a_setting(url, tmp_path):
    settings = Settings(root=tmp_path, state=tmp_path, hub_url=url)
    with (
        pytest.raises(InvalidSetting, match="PAPERLAKE_HUB_URL") as error,
        hub_client(settings, start_clock(None), INTERACTIVE_LIMITS),
    ):
        pass
    assert "secret" not in str(error.value)


def test_an_unwritable_root_is_a_one_line_error(papers, archive, tmp_path):
    (tmp_path / "lake").write_text("a file where a folder should be")
    result = papers("import-replies", archive)
    assert result.exit_code == 1
    assert len(result.output.strip().splitlines()) == 1
    assert str(tmp_path / "lake") in result.output


def test_repr_of_settings_hides_the_token():
    assert "secret" not in repr(read_settings({"HF_TOKEN": "secret"}))


@pytest.mark.parametrize("statement", ["", ";", "/* nothing */"])
def test_an_empty_statement_is_refused(papers, statement):
    result = papers("sql", statement)
    assert result.exit_code == 1
    assert "asks for nothing" in result.output


@pytest.mark.parametrize("day", ["2019-01-01", "2099-01-01"])
def test_an_impossible_date_of_a_saved_page_is_refused(papers, tmp_path, day):
    page = tmp_path / "page.txt"
    page.write_text("A title\nAn abstract.")
    result = papers("import-page", page, "--captured-on", day)
    assert result.exit_code == 1
    assert f"cannot have been saved on {day}" in result.output


@pytest.mark.parametrize("day", ["2020-01-01", "2099-01-01"])
def test_gaps_since_a_date_without_lists_is_refused(papers, day):
    result = papers("gaps", "--since", day)
    assert result.exit_code == 2
    assert "the archive has lists from 2023-05-04" in result.output


def test_rebuild_refuses_a_month_without_data(filled):
    result = filled("rebuild", "--month", "1999-01")
    assert result.exit_code == 2
    assert "the lake has no data of 1999-01; it has 2025-11 to 2025-11" in result.output


def test_debug_raises_the_error(monkeypatch, lake_in_force):
    monkeypatch.setenv("PAPERLAKE_HUB_QUOTA", "many")
    result = CliRunner().invoke(main, ["daily"])
    assert (result.exit_code, result.stderr.count("\n")) == (1, 1)
    assert isinstance(CliRunner().invoke(main, ["--debug", "daily"]).exception, InvalidSetting)
