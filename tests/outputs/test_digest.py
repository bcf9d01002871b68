"""`papers digest` and the flow: an issue is released once, does not change, and is mailed once."""

import json
import re
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from email import message_from_bytes, policy

import pytest
from click.testing import CliRunner

from cli.main import main
from paperlake.build.publish import publish_months
from paperlake.outputs.issues import record_issue
from paperlake.render.editions import parse_editions
from paperlake.render.period import period_of
from paperlake.store.inbox import keep
from paperlake.store.rows import scan
from paperlake.store.snapshot import snapshot
from schemas.hub_replies import HUB_REPLIES
from schemas.issues import ISSUES
from tests.replies import capture, entry
from tests.smtp_server import SmtpFault, SmtpServer

DAY = date(2025, 11, 6)
ADA = "ada@example.org"
AT = datetime(2025, 11, 7, 4, tzinfo=UTC)


def after_close(day):
    return datetime.combine(day + timedelta(days=1), datetime.min.time(), UTC) + timedelta(hours=3)


def publish_list(lake, day, entries, at=None):
    for row in capture(entries, day, at or after_close(day)):
        keep(lake, HUB_REPLIES, row)
    list(publish_months(lake, [f"{day:%Y-%m}"]))


@pytest.fixture
def lake(lake_in_force, monkeypatch, tmp_path):
    monkeypatch.setenv("PAPERLAKE_CONTACT", "papers@example.org")
    monkeypatch.setenv("PAPERLAKE_EDITIONS", str(tmp_path / "editions.toml"))
    (tmp_path / "editions.toml").write_text(
        f'[daily]\nevery = "day"\npapers = 2\nrecipients = ["{ADA}"]\n\n[weekly]\nevery = "week"\norder = "votes"\n'
    )
    publish_list(lake_in_force, DAY, [entry(f"2511.0000{n}", paper__upvotes=9 - n) for n in (1, 2, 3)])
    return lake_in_force


@pytest.fixture
def server(monkeypatch):
    with SmtpServer() as started:
        monkeypatch.setenv("PAPERLAKE_SMTP_URL", f"smtp://127.0.0.1:{started.port}")
        yield started


def run(*arguments):
    result = CliRunner().invoke(main, ["digest", *arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def run_for_day(*arguments):
    return run("--edition", "daily", "--date", DAY.isoformat(), *arguments)


def without_date(letter):
    return re.sub(rb"(?m)^Date: .*$", b"", letter)


def issue_rows(lake):
    return scan(snapshot(lake), ISSUES).sort("issue_on", "position").collect()


def test_an_issue_is_recorded_and_written(lake):
    assert run_for_day().exit_code == 0
    assert issue_rows(lake).select("issue", "position", "paper_id", "upvote_count").rows() == [
        ("2025-11-06", 1, "2511.00001", 8),
        ("2025-11-06", 2, "2511.00002", 7),
    ]
    folder = lake.digests / "issues" / "daily"
    assert sorted(path.name for path in folder.iterdir()) == [
        f"2025-11-06.{suffix}" for suffix in ("html", "md", "txt")
    ]


def test_a_preview_leaves_nothing_behind(lake):
    assert "On 2511.00001" in run_for_day("--preview").output or "2511.00001" in run_for_day("--preview").output
    assert issue_rows(lake).is_empty()
    assert not lake.digests.exists()


def test_a_released_issue_does_not_change_with_votes(lake):
    run_for_day()
    before = (lake.digests / "issues/daily/2025-11-06.md").read_bytes()
    later = after_close(DAY + timedelta(days=1))
    publish_list(lake, DAY, [entry(f"2511.0000{n}", paper__upvotes=90 + n) for n in (1, 2, 3)], at=later)
    run_for_day()
    assert (lake.digests / "issues/daily/2025-11-06.md").read_bytes() == before
    assert issue_rows(lake).height == 2


def test_the_next_issue_repeats_no_paper(lake):
    run_for_day()
    entries = [entry("2511.00001", paper__upvotes=50), entry("2511.00009", paper__upvotes=1)]
    publish_list(lake, date(2025, 11, 7), entries)
    result = json.loads(run("--edition", "daily", "--date", "2025-11-07", "--json").output)
    assert [paper["paper_id"] for paper in result["papers"]] == ["2511.00009"]


def test_the_newest_issue_is_not_released_while_dates_are_missing(lake):
    result = run("--edition", "daily")
    assert result.exit_code == 1
    assert "is not released yet: 1 of its dates is not complete" in result.output
    assert issue_rows(lake).is_empty()


def test_an_issue_without_any_complete_date_is_not_released(lake):
    result = run("--edition", "daily", "--date", "2025-11-05")
    assert result.exit_code == 1
    assert "is not released yet" in result.output
    assert "it has no papers without them" in result.output, "not the advice to give the date, which was given"
    assert not lake.digests.exists()


def test_a_preview_reports_missing_dates(lake):
    assert "1 of its dates is not complete" in run("--edition", "daily", "--date", "2025-11-05", "--preview").output


def test_an_issue_with_some_missing_dates_is_released_with_a_warning(lake):
    result = run("--edition", "weekly", "--date", DAY.isoformat())
    assert result.exit_code == 0
    assert "6 of its dates are not complete" in result.output


def test_an_issue_of_a_period_that_is_not_over_can_only_be_previewed(lake):
    result = run("--edition", "weekly", "--date", f"{datetime.now(UTC):%Y-%m-%d}")
    assert result.exit_code == 1
    assert "has not ended yet" in result.output
    assert run("--edition", "weekly", "--date", f"{datetime.now(UTC):%Y-%m-%d}", "--preview").exit_code == 0


def test_a_second_release_returns_the_recorded_issue(lake):
    narrow = parse_editions('[daily]\nevery = "day"\npapers = 1')["daily"]
    wide = replace(narrow, papers=3)
    first, _ = record_issue(lake, narrow, period_of("day", DAY), AT)
    second, at = record_issue(lake, wide, period_of("day", DAY), AT + timedelta(hours=1))
    assert [paper.paper_id for paper in second.papers] == [paper.paper_id for paper in first.papers]
    assert at == AT


def test_a_letter_has_its_headers_votes_and_links(lake, server):
    result = run_for_day("--send")
    assert result.exit_code == 0, result.output
    (accepted,) = server.accepted
    letter = message_from_bytes(accepted.data, policy=policy.default)
    assert (letter["To"], letter["From"].addresses[0].addr_spec) == (ADA, "papers@example.org")
    assert letter["List-Id"] == "<daily.paperlake.example.org>"
    assert letter["List-Unsubscribe"].startswith("<mailto:papers@example.org?subject=unsubscribe%20")
    assert "Paperlake daily 2025-11-06" in letter["Subject"]
    text, html = (part.get_content() for part in letter.iter_parts())
    for expected in ("8 votes", "https://huggingface.co/papers/2511.00001", "https://arxiv.org/pdf/2511.00001"):
        assert expected in text
        assert expected in html
    assert "<img" not in html


def test_one_click_is_offered_with_a_public_url(lake, server, monkeypatch):
    monkeypatch.setenv("PAPERLAKE_PUBLIC_URL", "https://papers.example.org")
    run_for_day("--send")
    letter = message_from_bytes(server.accepted[0].data, policy=policy.default)
    assert "<https://papers.example.org/unsubscribe/" in letter["List-Unsubscribe"]
    assert letter["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert "https://papers.example.org/day/2025-11-06.html" in letter.get_body(("plain",)).get_content()


def test_a_letter_is_dated_when_it_is_handed_over_and_not_by_its_issue(lake, server):
    editions = parse_editions('[daily]\nevery = "day"\npapers = 2')
    record_issue(lake, editions["daily"], period_of("day", DAY), AT)
    run_for_day("--send")
    date_of = message_from_bytes(server.accepted[0].data, policy=policy.default)["Date"].datetime
    assert abs(datetime.now(UTC) - date_of) < timedelta(minutes=5)


def test_refused_letters_are_counted_and_exit_with_1(lake, monkeypatch):
    with SmtpServer(lambda _recipient, _attempt: SmtpFault("dot", "554 5.6.0 too old")) as server:
        monkeypatch.setenv("PAPERLAKE_SMTP_URL", f"smtp://127.0.0.1:{server.port}")
        result = run_for_day("--send")
        as_json = run_for_day("--send", "--json")
    assert result.exit_code == 1
    assert f"refused: {ADA}: 554 5.6.0 too old" in result.output
    assert "Error: daily/2025-11-06: 1 letter refused" in result.output
    assert as_json.exit_code == 1
    assert json.loads(as_json.stdout)["counts"] == {
        "sent": 0,
        "sent_before": 0,
        "refused": 1,
        "deferred": 0,
        "in_doubt": 0,
        "left": 0,
        "suspended": 0,
    }


def test_a_repeated_send_sends_once(lake, server):
    run_for_day("--send")
    assert "1 sent before" in run_for_day("--send").output
    assert len(server.accepted) == 1


def test_an_issue_without_papers_is_sent_to_nobody(lake, server):
    publish_list(lake, date(2025, 11, 8), [])
    result = run("--edition", "daily", "--date", "2025-11-08", "--send")
    assert result.exit_code == 0
    assert server.accepted == []


def test_an_outbox_gets_the_letters_and_records_none_as_sent(lake, tmp_path):
    run_for_day("--outbox", str(tmp_path / "outbox"))
    (path,) = (tmp_path / "outbox").glob("*.eml")
    assert message_from_bytes(path.read_bytes())["To"] == ADA
    before = without_date(path.read_bytes())
    run_for_day("--outbox", str(tmp_path / "outbox"))
    assert without_date(path.read_bytes()) == before
    assert ADA not in path.name


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("--edition", "nightly"), "choose one of: daily, weekly"),
        (("--edition", "daily", "--preview", "--send"), "exclude each other"),
        (("--edition", "daily", "--again", ADA), "goes with --send"),
    ],
)
def test_a_usage_error_names_the_valid_options(lake, arguments, expected):
    result = run(*arguments)
    assert result.exit_code == 2
    assert expected in result.output


def test_sending_without_a_server_names_the_missing_setting(lake):
    result = run_for_day("--send")
    assert result.exit_code == 1
    assert "PAPERLAKE_SMTP_URL" in result.output


def test_an_invalid_editions_file_is_reported(lake, tmp_path):
    (tmp_path / "editions.toml").write_text('[daily]\nevery = "hour"\n')
    result = run_for_day()
    assert result.exit_code in (1, 2)
    assert "editions.toml: [daily] every is 'hour'" in result.output.replace("\n", "")
