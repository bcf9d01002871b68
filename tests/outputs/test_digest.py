"""`papers digest` and the flow: an issue comes out once, stays as it came out, and is mailed once."""

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from email import message_from_bytes, policy

import pytest
from click.testing import CliRunner

from cli.main import main
from flows.digest import DigestHadProblems, digest
from paperlake.build.publish import publish_months
from paperlake.outputs.issues import come_out
from paperlake.render.editions import editions
from paperlake.render.period import period
from paperlake.store.inbox import keep
from paperlake.store.rows import scan
from paperlake.store.snapshot import snapshot
from schemas.hub_replies import HUB_REPLIES
from schemas.issues import ISSUES
from tests.replies import capture, entry
from tests.smtp_server import SmtpServer

DAY = date(2025, 11, 6)
ADA = "ada@example.org"
AT = datetime(2025, 11, 7, 4, tzinfo=UTC)


def closed(day):
    return datetime.combine(day + timedelta(days=1), datetime.min.time(), UTC) + timedelta(hours=3)


def listed(lake, day, held, at=None):
    for row in capture(held, day, at or closed(day)):
        keep(lake, HUB_REPLIES, row)
    list(publish_months(lake, [f"{day:%Y-%m}"]))


@pytest.fixture
def lake(lake_in_force, monkeypatch, tmp_path):
    monkeypatch.setenv("PAPERLAKE_CONTACT", "papers@example.org")
    monkeypatch.setenv("PAPERLAKE_EDITIONS", str(tmp_path / "editions.toml"))
    (tmp_path / "editions.toml").write_text(
        f'[daily]\nevery = "day"\npapers = 2\nrecipients = ["{ADA}"]\n\n[weekly]\nevery = "week"\norder = "votes"\n'
    )
    listed(lake_in_force, DAY, [entry(f"2511.0000{n}", paper__upvotes=9 - n) for n in (1, 2, 3)])
    return lake_in_force


@pytest.fixture
def server(monkeypatch):
    with SmtpServer() as started:
        monkeypatch.setenv("PAPERLAKE_SMTP_URL", f"smtp://127.0.0.1:{started.port}")
        yield started


def run(*arguments):
    told = CliRunner().invoke(main, ["digest", *arguments])
    assert told.exception is None or isinstance(told.exception, SystemExit), told.exception
    return told


def of_the_day(*arguments):
    return run("--edition", "daily", "--date", DAY.isoformat(), *arguments)


def ledger(lake):
    return scan(snapshot(lake), ISSUES).sort("issue_on", "position").collect()


def test_an_issue_is_entered_and_written(lake):
    assert of_the_day().exit_code == 0
    assert ledger(lake).select("issue", "position", "paper_id", "upvote_count").rows() == [
        ("2025-11-06", 1, "2511.00001", 8),
        ("2025-11-06", 2, "2511.00002", 7),
    ]
    folder = lake.digests / "issues" / "daily"
    assert sorted(path.name for path in folder.iterdir()) == [f"2025-11-06.{one}" for one in ("html", "md", "txt")]


def test_a_preview_leaves_nothing_behind(lake):
    assert "On 2511.00001" in of_the_day("--preview").output or "2511.00001" in of_the_day("--preview").output
    assert ledger(lake).is_empty()
    assert not lake.digests.exists()


def test_an_issue_that_came_out_stays_as_it_was_when_votes_move(lake):
    of_the_day()
    before = (lake.digests / "issues/daily/2025-11-06.md").read_bytes()
    later = closed(DAY + timedelta(days=1))
    listed(lake, DAY, [entry(f"2511.0000{n}", paper__upvotes=90 + n) for n in (1, 2, 3)], at=later)
    of_the_day()
    assert (lake.digests / "issues/daily/2025-11-06.md").read_bytes() == before
    assert ledger(lake).height == 2


def test_the_next_issue_repeats_no_paper(lake):
    of_the_day()
    again = [entry("2511.00001", paper__upvotes=50), entry("2511.00009", paper__upvotes=1)]
    listed(lake, date(2025, 11, 7), again)
    told = json.loads(run("--edition", "daily", "--date", "2025-11-07", "--json").output)
    assert [one["paper_id"] for one in told["papers"]] == ["2511.00009"]


def test_the_newest_issue_does_not_come_out_while_its_dates_are_wanting(lake):
    told = run("--edition", "daily")
    assert told.exit_code == 1
    assert "does not come out yet" in told.output
    assert ledger(lake).is_empty()


def test_an_issue_of_which_nothing_is_known_does_not_come_out(lake):
    told = run("--edition", "daily", "--date", "2025-11-05")
    assert told.exit_code == 1
    assert "does not come out yet" in told.output
    assert not lake.digests.exists()


def test_a_preview_says_what_is_wanting(lake):
    assert "1 of its dates are not complete" in run("--edition", "daily", "--date", "2025-11-05", "--preview").output


def test_an_issue_of_which_only_some_dates_are_known_comes_out_with_a_warning(lake):
    told = run("--edition", "weekly", "--date", DAY.isoformat())
    assert told.exit_code == 0
    assert "6 of its dates are not complete" in told.output


def test_an_issue_of_a_period_that_is_not_over_is_only_previewed(lake):
    told = run("--edition", "weekly", "--date", f"{datetime.now(UTC):%Y-%m-%d}")
    assert told.exit_code == 1
    assert "is not over yet" in told.output
    assert run("--edition", "weekly", "--date", f"{datetime.now(UTC):%Y-%m-%d}", "--preview").exit_code == 0


def test_what_comes_out_is_what_is_entered_whoever_was_first(lake):
    settled = editions('[daily]\nevery = "day"\npapers = 1')["daily"]
    wide = replace(settled, papers=3)
    first, _ = come_out(lake, settled, period("day", DAY), AT)
    second, at = come_out(lake, wide, period("day", DAY), AT + timedelta(hours=1))
    assert [one.paper_id for one in second.papers] == [one.paper_id for one in first.papers]
    assert at == AT


def test_a_letter_says_what_it_must(lake, server):
    told = of_the_day("--send")
    assert told.exit_code == 0, told.output
    (taken,) = server.taken
    letter = message_from_bytes(taken.data, policy=policy.default)
    assert (letter["To"], letter["From"].addresses[0].addr_spec) == (ADA, "papers@example.org")
    assert letter["List-Id"] == "<daily.paperlake.example.org>"
    assert letter["List-Unsubscribe"].startswith("<mailto:papers@example.org?subject=unsubscribe%20")
    assert "Paperlake daily 2025-11-06" in letter["Subject"]
    text, html = (part.get_content() for part in letter.iter_parts())
    for said in ("8 votes", "https://huggingface.co/papers/2511.00001", "https://arxiv.org/pdf/2511.00001"):
        assert said in text
        assert said in html
    assert "<img" not in html


def test_one_click_is_offered_where_there_is_a_public_address(lake, server, monkeypatch):
    monkeypatch.setenv("PAPERLAKE_PUBLIC_URL", "https://papers.example.org")
    of_the_day("--send")
    letter = message_from_bytes(server.taken[0].data, policy=policy.default)
    assert "<https://papers.example.org/unsubscribe/" in letter["List-Unsubscribe"]
    assert letter["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert "https://papers.example.org/day/2025-11-06.html" in letter.get_body(("plain",)).get_content()


def test_sending_twice_sends_once(lake, server):
    of_the_day("--send")
    assert "1 sent before" in of_the_day("--send").output
    assert len(server.taken) == 1


def test_an_issue_without_papers_is_sent_to_nobody(lake, server):
    listed(lake, date(2025, 11, 8), [])
    told = run("--edition", "daily", "--date", "2025-11-08", "--send")
    assert told.exit_code == 0
    assert server.taken == []


def test_an_outbox_holds_the_letters_and_counts_none_as_sent(lake, tmp_path):
    of_the_day("--outbox", str(tmp_path / "outbox"))
    (path,) = (tmp_path / "outbox").glob("*.eml")
    assert message_from_bytes(path.read_bytes())["To"] == ADA
    before = path.read_bytes()
    of_the_day("--outbox", str(tmp_path / "outbox"))
    assert path.read_bytes() == before
    assert ADA not in path.name


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--edition", "nightly"), "there are daily, weekly"),
        (("--edition", "daily", "--preview", "--send"), "exclude each other"),
        (("--edition", "daily", "--again", ADA), "goes with --send"),
    ],
)
def test_a_misspelt_command_says_what_would_do(lake, arguments, said):
    told = run(*arguments)
    assert told.exit_code == 2
    assert said in told.output


def test_sending_without_a_server_says_which_setting_is_wanting(lake):
    told = of_the_day("--send")
    assert told.exit_code == 1
    assert "PAPERLAKE_SMTP_URL" in told.output


def test_a_file_of_editions_that_is_wrong_is_told(lake, tmp_path):
    (tmp_path / "editions.toml").write_text('[daily]\nevery = "hour"\n')
    told = of_the_day()
    assert told.exit_code in (1, 2)
    assert "editions.toml: [daily] every is 'hour'" in told.output.replace("\n", "")


@pytest.mark.usefixtures("prefect_api")
class TestFlow:
    def test_it_brings_out_the_newest_issues_and_mails_them(self, lake, server):
        assert digest("day", now=closed(DAY)) == ["daily/2025-11-06"]
        assert [taken.recipient for taken in server.taken] == [ADA]
        assert (lake.site / "feeds/daily/atom.xml").read_text().count("<entry>") == 2

    def test_it_waits_for_its_date(self, lake, server):
        with pytest.raises(DigestHadProblems, match="does not come out yet"):
            digest.with_options(retries=0)("day", now=closed(DAY + timedelta(days=1)))
        assert server.taken == []
        assert ledger(lake).is_empty()

    def test_an_edition_that_cannot_be_mailed_keeps_no_other_from_its_mail(self, lake, server, tmp_path):
        text = '[broken]\nevery = "day"\nrecipients = ["no one@example.org"]\n'.replace("no one", "a" * 70)
        (tmp_path / "editions.toml").write_text(text + (tmp_path / "editions.toml").read_text())
        with pytest.raises(DigestHadProblems):
            digest.with_options(retries=0)("day", now=closed(DAY))
        assert [taken.recipient for taken in server.taken] == [ADA]
        assert set(ledger(lake)["edition"]) == {"broken", "daily"}

    def test_without_a_mail_server_issues_come_out_all_the_same(self, lake):
        assert digest("day", now=closed(DAY)) == ["daily/2025-11-06"]
        assert ledger(lake).height == 2
