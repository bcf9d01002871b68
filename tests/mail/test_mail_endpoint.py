"""The endpoint where people confirm and leave: what changes something, and what does not."""

import base64
import re
from datetime import UTC, datetime
from hashlib import sha256

import pytest
from starlette.testclient import TestClient

from paperlake.mail.database import ReaderDatabase
from paperlake.mail.endpoint import LARGEST_BODY_BYTES, endpoint
from paperlake.mail.subscribers import CONFIRM_WITHIN, Subscribers

NOW = datetime(2025, 11, 7, 6, tzinfo=UTC)
ADA = "ada@example.org"


@pytest.fixture
def subscribers(tmp_path):
    with ReaderDatabase(tmp_path / "state") as database:
        yield Subscribers(database)


@pytest.fixture
def web(subscribers):
    with TestClient(endpoint(subscribers, lambda: NOW), follow_redirects=False) as client:
        yield client


@pytest.fixture
def leaving(subscribers):
    """The path by which Ada leaves."""
    subscribers.admit(ADA, "weekly", NOW)
    ((_, token),) = subscribers.reached("weekly", [], NOW)
    return f"/unsubscribe/{token}"


@pytest.fixture
def confirming(subscribers):
    return f"/confirm/{subscribers.ask(ADA, 'weekly', NOW).confirm_token}"


def status(subscribers):
    (one,) = subscribers.subscriptions()
    return one.status


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_looking_at_a_link_changes_nothing(web, subscribers, leaving, method):
    answer = web.request(method, leaving)
    assert answer.status_code == 200
    assert status(subscribers) == "confirmed"


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_program_that_checks_mail_does_not_confirm(web, subscribers, confirming, method):
    assert web.request(method, confirming).status_code == 200
    assert status(subscribers) == "pending"


def test_the_button_confirms_and_may_be_pressed_twice(web, subscribers, confirming):
    assert '<form method="post">' in web.get(confirming).text
    for _ in range(2):
        answer = web.post(confirming)
        assert answer.status_code == 200
        assert "You are subscribed" in answer.text
        assert status(subscribers) == "confirmed"


def test_one_click_unsubscribes_and_the_second_time_is_as_good(web, subscribers, leaving):
    for _ in range(2):
        answer = web.post(leaving, data={"List-Unsubscribe": "One-Click"})
        assert answer.status_code == 200
        assert "set-cookie" not in answer.headers
        assert status(subscribers) == "unsubscribed"


def test_one_click_may_come_as_form_data(web, subscribers, leaving):
    body = b'--b\r\nContent-Disposition: form-data; name="List-Unsubscribe"\r\n\r\nOne-Click\r\n--b--\r\n'
    headers = {"Content-Type": "multipart/form-data; boundary=b"}
    assert web.post(leaving, content=body, headers=headers).status_code == 200
    assert status(subscribers) == "unsubscribed"


def test_an_expired_an_unknown_and_a_void_token_look_the_same(subscribers, confirming):
    late = TestClient(endpoint(subscribers, lambda: NOW + CONFIRM_WITHIN * 2))
    void = confirming
    subscribers.ask(ADA, "weekly", NOW)
    answers = [
        method(path)
        for path in (confirming, void, "/confirm/" + "x" * 43, "/unsubscribe/" + "x" * 43, "/confirm/%00", "/", "/x")
        for method in (late.get, late.post)
    ]
    assert {answer.status_code for answer in answers} == {404}
    assert len({answer.text for answer in answers}) == 1
    assert len({tuple(sorted(answer.headers.items())) for answer in answers}) == 1
    assert "leads nowhere" in answers[0].text


def test_no_page_shows_an_address_or_a_token(web, leaving, confirming):
    for path in (leaving, confirming):
        for answer in (web.get(path), web.post(path)):
            assert ADA not in answer.text
            assert path.rpartition("/")[2] not in answer.text


def test_every_answer_keeps_its_token_to_itself(web, leaving):
    for answer in (web.get(leaving), web.post(leaving), web.get("/nowhere"), web.put(leaving)):
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["x-robots-tag"] == "noindex, nofollow"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["content-security-policy"].startswith("default-src 'none'")


def test_the_policy_lets_in_the_one_style_that_is_there(web, leaving):
    answer = web.get(leaving)
    (style,) = re.findall("<style>(.*?)</style>", answer.text)
    allowed = base64.b64encode(sha256(style.encode()).digest()).decode()
    assert f"style-src 'sha256-{allowed}'" in answer.headers["content-security-policy"]
    assert "<script" not in answer.text
    assert "http" not in answer.text
    assert "prefers-color-scheme" in style or "color-scheme:light dark" in style
    assert "width=device-width" in answer.text


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS"])
def test_other_methods_are_refused_and_change_nothing(web, subscribers, leaving, method):
    assert web.request(method, leaving).status_code == 405
    assert status(subscribers) == "confirmed"


def test_a_large_body_is_refused_and_changes_nothing(web, subscribers, leaving):
    assert web.post(leaving, content=b"x" * (LARGEST_BODY_BYTES + 1)).status_code == 413
    assert status(subscribers) == "confirmed"


def test_a_fault_of_ours_tells_nothing_of_itself():
    class Broken:
        def to_leave(self, token):
            raise RuntimeError(f"secret {token}")

    web = TestClient(endpoint(Broken(), lambda: NOW), raise_server_exceptions=False)
    answer = web.get("/unsubscribe/" + "x" * 43)
    assert answer.status_code == 500
    assert "secret" not in answer.text
    assert answer.headers["cache-control"] == "no-store"
