"""The sandbox Hub over a real socket: parameters, pages and quota."""

import socket
import time
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta

import httpx
import pytest

from sandbox.clock import Clock, opens_at
from sandbox.hub.generated import GeneratedHub
from sandbox.hub.recorded import RecordedHub
from sandbox.hub.server import HubServer

DAY = date(2026, 1, 7)
LISTS = "/api/daily_papers"
NOW = datetime(2026, 2, 2, 12, tzinfo=UTC)


@contextmanager
def running_server(world=None, now=NOW, **options):
    """A server, and a client without proxies that does not follow redirects."""
    with (
        HubServer(world or GeneratedHub(seed=1), clock=Clock(now), **options) as hub,
        httpx.Client(base_url=hub.url, trust_env=False, timeout=5) as client,
    ):
        yield hub, client


@pytest.fixture(scope="module")
def served():
    with running_server(quota=None) as pair:
        yield pair


@pytest.fixture(scope="module")
def long_lists():
    with running_server(GeneratedHub(seed=1, papers_a_day=150), quota=None) as pair:
        yield pair


def ids(response):
    assert response.status_code == 200, response.text
    return [entry["paper"]["id"] for entry in response.json()]


def raw_answer(hub, request, timeout=5):
    """The raw answer on a connection, until the server closes it or sends nothing more."""
    host, port = hub.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=timeout) as connection:
        connection.sendall(request)
        answer = b""
        try:
            while piece := connection.recv(65536):
                answer += piece
        except TimeoutError:
            pass
        return answer


def request_bytes(path=f"{LISTS}?date=2026-01-07", headers=""):
    return f"GET {path} HTTP/1.1\r\nHost: sandbox\r\nConnection: close\r\n{headers}\r\n".encode()


# Lists and pages.


def test_a_date_is_answered_with_a_json_array(served):
    _, client = served
    response = client.get(LISTS, params={"date": "2026-01-07"})
    assert response.json() == GeneratedHub(seed=1).listed(DAY, NOW)
    assert response.headers["content-type"].startswith("application/json")


def test_the_default_limit_is_fifty_and_more_pages_have_a_link(long_lists):
    hub, client = long_lists
    response = client.get(LISTS, params={"date": "2026-01-07"})
    assert len(response.json()) == 50
    assert response.headers["link"] == f'<{hub.url}{LISTS}?date=2026-01-07&p=1>; rel="next"'


def test_following_links_gives_the_whole_list_once(long_lists):
    _, client = long_lists
    seen, url = [], f"{LISTS}?date=2026-01-07&limit=40"
    while url:
        response = client.get(url)
        seen += ids(response)
        url = response.links.get("next", {}).get("url")
    whole = [entry["paper"]["id"] for entry in GeneratedHub(seed=1, papers_a_day=150).listed(DAY, NOW)]
    assert seen == whole
    assert len(seen) > 100


def test_an_exactly_full_last_page_has_no_link(long_lists):
    _, client = long_lists
    count = len(GeneratedHub(seed=1, papers_a_day=150).listed(DAY, NOW))
    limit = next(size for size in range(100, 0, -1) if count % size == 0)
    last = count // limit - 1
    response = client.get(LISTS, params={"date": "2026-01-07", "limit": limit, "p": last})
    assert len(response.json()) == limit
    assert "link" not in response.headers


def test_a_page_past_the_end_is_empty(served):
    _, client = served
    response = client.get(LISTS, params={"date": "2026-01-07", "p": "9"})
    assert (response.status_code, response.json()) == (200, [])
    assert "link" not in response.headers


def test_a_weekend_is_an_empty_list(served):
    _, client = served
    response = client.get(LISTS, params={"date": "2026-01-10"})
    assert (response.status_code, response.content) == (200, b"[]")


def test_a_week_has_its_days_newest_first(served):
    _, client = served
    entries = [e for p in range(9) for e in client.get(LISTS, params={"week": "2026-W02", "p": p}).json()]
    days = {entry["paper"]["submittedOnDailyAt"][:10] for entry in entries}
    assert days == {f"2026-01-{day:02d}" for day in range(5, 10)}
    published = [entry["publishedAt"] for entry in entries]
    assert published == sorted(published, reverse=True)


def test_a_month_has_only_its_opened_days(served):
    _, client = served
    pages = (client.get(LISTS, params={"month": "2026-02", "p": page, "limit": 100}).json() for page in range(3))
    days = {entry["paper"]["submittedOnDailyAt"][:10] for page in pages for entry in page}
    assert days == {"2026-02-02"}


def test_without_a_date_the_newest_list_is_served():
    with running_server(now=datetime(2026, 1, 7, 15, tzinfo=UTC)) as (hub, client):
        assert set(ids(client.get(LISTS))) == set(ids(client.get(LISTS, params={"date": "2026-01-07"})))
        hub.clock.move_to(datetime(2026, 1, 11, 15, tzinfo=UTC))  # a Sunday
        assert set(ids(client.get(LISTS))) == set(ids(client.get(LISTS, params={"date": "2026-01-09"})))


def test_sort_trending_orders_by_votes(served):
    _, client = served
    entries = client.get(LISTS, params={"week": "2026-W02", "sort": "trending"}).json()
    upvotes = [entry["paper"]["upvotes"] for entry in entries]
    assert upvotes == sorted(upvotes, reverse=True)


def test_a_date_is_ordered_by_votes_for_any_sort(served):
    _, client = served
    orders = [
        ids(client.get(LISTS, params={"date": "2026-01-07", "sort": sort})) for sort in ("publishedAt", "trending")
    ]
    assert orders[0] == orders[1]


def test_submitter_filters_the_list(served):
    _, client = served
    everything = client.get(LISTS, params={"date": "2026-01-07"}).json()
    name = everything[0]["submittedBy"]["name"]
    filtered = client.get(LISTS, params={"date": "2026-01-07", "submitter": name}).json()
    assert filtered == [entry for entry in everything if entry["submittedBy"]["name"] == name]


@pytest.mark.parametrize(
    "query",
    [
        "date=2026-02-30",
        "date=20260107",
        "date=2026-1-7",
        "date=",
        "date=tomorrow",
        "week=2026-W54",
        "week=2026-02",
        "month=2026-13",
        "month=2026-1",
        "limit=0",
        "limit=101",
        "limit=ten",
        "limit=-1",
        "p=-1",
        "p=x",
        "sort=votes",
    ],
)
def test_an_invalid_parameter_is_a_400_with_an_error(served, query):
    _, client = served
    response = client.get(f"{LISTS}?{query}")
    assert response.status_code == 400
    assert response.json()["error"]


def test_a_date_is_in_the_future_until_it_opens():
    opened = opens_at(DAY)
    with running_server(now=opened - timedelta(seconds=1)) as (hub, client):
        assert client.get(LISTS, params={"date": "2026-01-07"}).status_code == 400
        hub.clock.move_to(opened)
        assert client.get(LISTS, params={"date": "2026-01-07"}).json() == []


def test_a_list_grows_with_the_clock():
    with running_server(now=datetime(2026, 1, 7, 8, tzinfo=UTC)) as (hub, client):
        morning = ids(client.get(LISTS, params={"date": "2026-01-07"}))
        hub.clock.move_to(datetime(2026, 1, 8, 8, tzinfo=UTC))
        assert set(morning) < set(ids(client.get(LISTS, params={"date": "2026-01-07"})))


def test_a_paper_has_its_linked_resources(served):
    _, client = served
    listed = GeneratedHub(seed=1).listed(DAY, NOW)[0]["paper"]
    paper = client.get(f"/api/papers/{listed['id']}").json()
    assert listed.items() <= paper.items()
    assert (paper["linkedModels"], paper["numTotalModels"]) == ([], 0)


@pytest.mark.parametrize("path", ["/api/papers/2601.99999", "/api/papers/", "/api/models", "/", "/api/daily_papers/x"])
def test_an_unknown_paper_or_route_is_a_404_with_an_error(served, path):
    _, client = served
    response = client.get(path)
    assert response.status_code == 404
    assert response.json()["error"]


def test_a_recorded_world_is_served_byte_for_byte_and_other_dates_are_404(tmp_path):
    body = '[ {"paper": {"id": "2601.00010", "title": "ü"}} ]\n'.encode()
    (tmp_path / "2026-01-07.json").write_bytes(body)
    with running_server(RecordedHub(tmp_path)) as (_, client):
        assert client.get(LISTS, params={"date": "2026-01-07"}).content == body
        assert client.get(LISTS, params={"date": "2026-01-08"}).status_code == 404


# The server.


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.1", "huggingface.co", "", "::"])
def test_only_loopback_hosts_are_accepted(host):
    with pytest.raises(ValueError, match="loopback"):
        HubServer(GeneratedHub(), host=host)


def test_localhost_is_loopback():
    with running_server(host="localhost") as (hub, client):
        assert hub.url.startswith("http://127.0.0.1:")
        assert client.get(LISTS).status_code == 200


def test_requests_are_recorded(served):
    hub, client = served
    client.get(LISTS, params={"date": "2026-01-07", "p": "3"}, headers={"X-Mark": "7"})
    seen = hub.requests[-1]
    assert (seen.path, seen.day, seen.page, seen.status, seen.at) == (LISTS, "2026-01-07", "3", 200, NOW)
    assert seen.headers["x-mark"] == "7"


def test_one_connection_serves_many_requests(served):
    hub, _ = served
    request = f"GET {LISTS}?date=2026-01-10 HTTP/1.1\r\nHost: sandbox\r\n\r\n".encode()
    assert raw_answer(hub, request * 2 + request_bytes(f"{LISTS}?date=2026-01-10")).count(b"\r\n\r\n[]") == 3


def test_a_hundred_requests_take_less_than_three_seconds(served):
    _, client = served
    started = time.perf_counter()
    for _ in range(100):
        client.get(LISTS, params={"date": "2026-01-07"})
    assert time.perf_counter() - started < 3.0


def test_gzip_is_used_if_the_client_accepts_it(served):
    _, client = served
    compressed = client.get(LISTS, params={"date": "2026-01-07"})
    plain = client.get(LISTS, params={"date": "2026-01-07"}, headers={"Accept-Encoding": "identity"})
    assert compressed.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in plain.headers
    assert compressed.json() == plain.json()
    with running_server(compress=False) as (_, other):
        assert "content-encoding" not in other.get(LISTS, params={"date": "2026-01-07"}).headers


def test_head_sends_only_headers(served):
    _, client = served
    response = client.head(LISTS, params={"date": "2026-01-07"}, headers={"Accept-Encoding": "identity"})
    assert response.content == b""
    assert int(response.headers["content-length"]) > 1000


def test_exit_closes_connections_and_frees_the_port():
    with running_server() as (hub, client):
        client.get(LISTS)
    with pytest.raises(httpx.ConnectError):
        httpx.get(hub.url, trust_env=False)
    port = int(hub.url.rsplit(":", 1)[1])
    with running_server(port=port) as (again, _):
        assert again.url == hub.url


# Quota.


def test_every_answer_has_quota_headers():
    with running_server(quota=500) as (_, client):
        for left, path in enumerate([LISTS, "/nowhere", f"{LISTS}?date=x", "/api/papers/x"], start=1):
            headers = client.get(path).headers
            assert headers["ratelimit-policy"] == '"fixed window";"api";q=500;w=300'
            assert headers["ratelimit"] in {f'"api";r={500 - left};t={t}' for t in (298, 299, 300)}


@pytest.mark.parametrize("request_", [b"nonsense\r\n\r\n", b"POST /api HTTP/1.1\r\nHost: x\r\n\r\n"])
def test_invalid_requests_have_quota_headers(served, request_):
    hub, _ = served
    answer = raw_answer(hub, request_)
    assert answer.split(b" ")[1] in {b"400", b"501"}
    assert b'RateLimit: "api";r=' in answer


def test_a_used_up_quota_is_a_429_until_the_window_ends():
    with running_server(quota=2, window_s=1) as (_, client):
        time.sleep(0.05)
        answers = [client.get(LISTS) for _ in range(3)]
        assert [answer.status_code for answer in answers] == [200, 200, 429]
        assert answers[2].headers["ratelimit"] == '"api";r=0;t=1'
        assert answers[2].json()["error"]
        time.sleep(1.0)
        assert client.get(LISTS).status_code == 200


def test_a_token_has_its_own_double_quota():
    with running_server(quota=1) as (_, client):
        token = {"Authorization": "Bearer hf_anything"}
        statuses = [client.get(LISTS, headers=headers).status_code for headers in ({}, {}, token, token, token)]
        assert statuses == [200, 429, 200, 200, 429]
        assert "q=2;" in client.get(LISTS, headers=token).headers["ratelimit-policy"]


def test_no_quota_still_sends_headers(served):
    _, client = served
    headers = client.get(LISTS).headers
    assert "q=1000000000;w=300" in headers["ratelimit-policy"]
    assert headers["ratelimit"].startswith('"api";r=99')
