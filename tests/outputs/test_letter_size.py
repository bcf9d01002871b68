"""A letter stays below the size at which mail services cut it, links to the rest, and begins with a way out."""

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from paperlake.config import read_settings
from paperlake.mail.database import ReaderDatabase
from paperlake.mail.subscribers import Subscribers
from paperlake.outputs.mailing import ReleasedIssue, send_issue
from paperlake.render.issue import compose
from paperlake.render.letter import render_letter
from paperlake.render.period import period_of
from tests.digest_rows import AT, DAILY, DAY, issue_inputs, listing, listings
from tests.smtp_server import SmtpServer

ADA = "ada@example.org"
GMAIL_LIMIT = 102_000
PUBLIC_URL = "https://papers.example.org"
TEXTS = {"latin": "word ", "equals signs": "a=b ", "cyrillic": "слово ", "chinese": "大模型", "emoji": "🤗 "}


def issue_of(count, edition=DAILY, **fields):
    rows = [listing(f"2511.{n:05}", upvote_count=1000 - n, **fields) for n in range(1, count + 1)]
    return compose(replace(edition, papers=200), period_of(edition.every, DAY), issue_inputs(listings(*rows)))


def long_fields(word):
    return {"title": (word * 30)[:120], "abstract": word * 300, "ai_summary": (word * 100)[:300], "organization": word}


@pytest.fixture
def send(lake_in_force, tmp_path, monkeypatch):
    """Sends an issue to one reader, and returns the letter and the bytes of its HTML part as the server got them."""
    monkeypatch.setenv("PAPERLAKE_CONTACT", "papers@example.org")
    with ReaderDatabase(tmp_path / "state") as database:
        for edition in ("daily", "weekly"):
            Subscribers(database).add_confirmed(ADA, edition, AT)

    def send(issue, public_url=PUBLIC_URL, offers=("8BITMIME", "SMTPUTF8", "SIZE 10000000")):
        monkeypatch.setenv("PAPERLAKE_PUBLIC_URL", public_url)
        with SmtpServer(offers=offers) as server:
            monkeypatch.setenv("PAPERLAKE_SMTP_URL", f"smtp://127.0.0.1:{server.port}")
            send_issue(read_settings(), ReleasedIssue(issue, AT, (), ()), lambda: datetime.now(UTC))
        (accepted,) = server.accepted
        boundary = f"--{accepted.letter.get_boundary()}".encode()
        return accepted.letter, accepted.data.split(boundary)[2]

    return send


def bodies(letter):
    return [letter.get_body((kind,)).get_content() for kind in ("plain", "html")]


def shown_ids(body, issue):
    return [paper.paper_id for paper in issue.papers if f"arxiv.org/pdf/{paper.paper_id}" in body]


@pytest.mark.parametrize("offers", [("8BITMIME", "SMTPUTF8"), ()], ids=["8bit", "7bit"])
@pytest.mark.parametrize("word", TEXTS.values(), ids=TEXTS)
def test_the_html_of_a_long_issue_is_as_long_as_it_may_be_and_no_longer(send, word, offers):
    issue = issue_of(200, **long_fields(word))
    letter, part = send(issue, offers=offers)
    text, html = bodies(letter)
    assert 0.9 * GMAIL_LIMIT < len(part) < GMAIL_LIMIT
    assert len(html.encode()) < GMAIL_LIMIT
    ids = [paper.paper_id for paper in issue.papers]
    count = len(shown_ids(html, issue))
    assert shown_ids(html, issue) == shown_ids(text, issue) == ids[:count], "the first ones, the same in both bodies"
    for body in (text, html):
        assert f"{200 - count} more papers" in " ".join(body.split())
        assert f"{PUBLIC_URL}/day/2025-11-06.html" in body


def test_an_issue_that_fits_is_whole_and_says_nothing_about_a_rest(send):
    issue = issue_of(30)
    letter, _ = send(issue)
    for body in bodies(letter):
        assert len(shown_ids(body, issue)) == 30
        assert "more paper" not in body


@pytest.mark.parametrize(
    ("shown", "sentence"), [(2, "1 more paper of this issue is"), (1, "2 more papers of this issue are")]
)
def test_the_rest_is_counted_in_words(shown, sentence):
    letter = render_letter(
        issue_of(3), "https://papers.example.org/u", shown=shown, rest_links=[("the rest", PUBLIC_URL)]
    )
    for body in (letter.text, letter.html):
        assert sentence in " ".join(body.split())


def test_a_paper_with_endless_texts_leaves_room_for_others(send):
    endless = dict.fromkeys(("title", "abstract", "ai_summary", "organization"), "слово " * 20_000)
    issue = issue_of(3, **endless)
    letter, part = send(issue)
    assert len(part) < GMAIL_LIMIT
    assert len(shown_ids(bodies(letter)[1], issue)) == 3


WEEKLY_OF_A_MONTH = replace(DAILY, name="weekly", every="week", window="month")


@pytest.mark.parametrize(
    ("public_url", "page"),
    [(PUBLIC_URL, f"{PUBLIC_URL}/day/{{}}.html"), ("", "https://huggingface.co/papers/date/{}")],
)
def test_without_a_page_of_the_issue_the_rest_is_linked_by_the_dates_of_its_papers(send, public_url, page):
    rows = [
        listing(
            f"2511.{n:05}",
            listed_on=date(2025, 11, 3 + n // 50),
            upvote_count=1000 - n,
            **long_fields("word "),
        )
        for n in range(200)
    ]
    edition = replace(WEEKLY_OF_A_MONTH, papers=200)
    issue = compose(edition, period_of("week", DAY), issue_inputs(listings(*rows)))
    letter, part = send(issue, public_url)
    assert len(part) < GMAIL_LIMIT
    text, html = bodies(letter)
    rest = issue.papers[len(shown_ids(html, issue)) :]
    for day in {paper.listed_on for paper in rest}:
        assert page.format(day) in text
        assert f'href="{page.format(day)}"' in html


@pytest.mark.parametrize("public_url", [PUBLIC_URL, ""])
def test_a_letter_begins_and_ends_with_a_way_out(send, public_url):
    letter, _ = send(issue_of(2), public_url)
    text, html = bodies(letter)
    link = f"{PUBLIC_URL}/unsubscribe/" if public_url else "mailto:papers@example.org?subject=unsubscribe%20"
    first_paper = text.index("1. On 2511.00001"), html.index("<h2")
    for body, start in ((text, first_paper[0]), (html, first_paper[1])):
        assert link in body[:start]
        assert link in body[start:]
    assert len(html[: html.index(">Unsubscribe<")].encode()) < 5000


def test_the_html_file_of_an_issue_is_whole(lake_in_force):
    from paperlake.outputs.issues import write_issue_files  # noqa: PLC0415 - one test needs it

    issue = issue_of(200, **long_fields("word "))
    html = next(path for path in write_issue_files(lake_in_force, issue, None) if path.suffix == ".html").read_text()
    assert len(shown_ids(html, issue)) == 200
    assert "Unsubscribe" not in html
