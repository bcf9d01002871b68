"""The mail endpoint: which requests change a subscription, and which do not."""

import base64
import re
from datetime import UTC, datetime
from hashlib import sha256

import pytest
from starlette.testclient import TestClient

from paperlake.mail.database import ReaderDatabase
from paperlake.mail.endpoint import MAX_BODY_BYTES, create_app
from paperlake.mail.subscribers import CONFIRMATION_PERIOD, Subscribers

NOW = datetime(2025, 11, 7, 6, tzinfo=UTC)
ADA = "ada@example.org"


@pytest.fixture
def subscribers(tmp_path):
    with ReaderDatabase(tmp_path / "state") as database:
        yield Subscribers(database)


@pytest.fixture
def web(subscribers):
    with TestClient(create_app(subscribers, lambda: NOW), follow_redirects=False) as client:
        yield client


@pytest.fixture
def unsubscribe_path(subscribers):
    """The path of Ada's unsubscribe link."""
    subscribers.add_confirmed(ADA, "weekly", NOW)
    ((_, token),) = subscribers.recipients("weekly", [], NOW)
    return f"/unsubscribe/{token}"


@pytest.fixture
def confirm_path(subscribers):
    return f"/confirm/{subscribers.request(ADA, 'weekly', NOW).confirm_token}"


def status(subscribers):
    (subscription,) = subscribers.subscriptions()
    return subscription.status


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_opening_an_unsubscribe_link_changes_nothing(web, subscribers, unsubscribe_path, method):
    response = web.request(method, unsubscribe_path)
    assert response.status_code == 200
    assert status(subscribers) == "confirmed"


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_mail_scanner_that_opens_the_link_does_not_confirm(web, subscribers, confirm_path, method):
    assert web.request(method, confirm_path).status_code == 200
    assert status(subscribers) == "pending"


def test_the_button_confirms_and_is_idempotent(web, subscribers, confirm_path):
    assert '<form method="post">' in web.get(confirm_path).text
    for _ in range(2):
        response = web.post(confirm_path)
        assert response.status_code == 200
        assert "You are subscribed" in response.text
        assert status(subscribers) == "confirmed"


def test_one_click_unsubscribes_and_is_idempotent(web, subscribers, unsubscribe_path):
    for _ in range(2):
        response = web.post(unsubscribe_path, data={"List-Unsubscribe": "One-Click"})
        assert response.status_code == 200
        assert "set-cookie" not in response.headers
        assert status(subscribers) == "unsubscribed"


def test_one_click_accepts_multipart_form_data(web, subscribers, unsubscribe_path):
    body = b'--b\r\nContent-Disposition: form-data; name="List-Unsubscribe"\r\n\r\nOne-Click\r\n--b--\r\n'
    headers = {"Content-Type": "multipart/form-data; boundary=b"}
    assert web.post(unsubscribe_path, content=body, headers=headers).status_code == 200
    assert status(subscribers) == "unsubscribed"


def test_expired_unknown_and_replaced_tokens_get_the_same_page(subscribers, confirm_path):
    late = TestClient(create_app(subscribers, lambda: NOW + CONFIRMATION_PERIOD * 2))
    replaced = confirm_path
    subscribers.request(ADA, "weekly", NOW)
    responses = [
        method(path)
        for path in (
            confirm_path,
            replaced,
            "/confirm/" + "x" * 43,
            "/unsubscribe/" + "x" * 43,
            "/confirm/%00",
            "/",
            "/x",
        )
        for method in (late.get, late.post)
    ]
    assert {response.status_code for response in responses} == {404}
    assert len({response.text for response in responses}) == 1
    assert len({tuple(sorted(response.headers.items())) for response in responses}) == 1
    assert "not valid" in responses[0].text


def test_no_page_shows_an_address_or_a_token(web, unsubscribe_path, confirm_path):
    for path in (unsubscribe_path, confirm_path):
        for response in (web.get(path), web.post(path)):
            assert ADA not in response.text
            assert path.rpartition("/")[2] not in response.text


def test_every_response_forbids_caching_and_referrers(web, unsubscribe_path):
    for response in (
        web.get(unsubscribe_path),
        web.post(unsubscribe_path),
        web.get("/nowhere"),
        web.put(unsubscribe_path),
    ):
        assert response.headers["cache-control"] == "no-store"
        assert response.headers["referrer-policy"] == "no-referrer"
        assert response.headers["x-robots-tag"] == "noindex, nofollow"
        assert response.headers["x-content-type-options"] == "nosniff"
        assert response.headers["content-security-policy"].startswith("default-src 'none'")


def test_the_content_security_policy_allows_only_the_inline_style(web, unsubscribe_path):
    response = web.get(unsubscribe_path)
    (style,) = re.findall("<style>(.*?)</style>", response.text)
    allowed = base64.b64encode(sha256(style.encode()).digest()).decode()
    assert f"style-src 'sha256-{allowed}'" in response.headers["content-security-policy"]
    assert "<script" not in response.text
    assert "http" not in response.text
    assert "prefers-color-scheme" in style or "color-scheme:light dark" in style
    assert "width=device-width" in response.text


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS"])
def test_other_methods_are_refused_and_change_nothing(web, subscribers, unsubscribe_path, method):
    assert web.request(method, unsubscribe_path).status_code == 405
    assert status(subscribers) == "confirmed"


def test_a_large_body_is_refused_and_changes_nothing(web, subscribers, unsubscribe_path):
    assert web.post(unsubscribe_path, content=b"x" * (MAX_BODY_BYTES + 1)).status_code == 413
    assert status(subscribers) == "confirmed"


def test_an_internal_error_reveals_no_details():
    class Broken:
        def edition_to_leave(self, token):
            raise RuntimeError(f"secret {token}")

    web = TestClient(create_app(Broken(), lambda: NOW), raise_server_exceptions=False)
    response = web.get("/unsubscribe/" + "x" * 43)
    assert response.status_code == 500
    assert "secret" not in response.text
    assert response.headers["cache-control"] == "no-store"
