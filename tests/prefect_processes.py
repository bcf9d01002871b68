"""What the tests with real Prefect processes share: their surroundings, and questions to a server."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from datetime import UTC, datetime, timedelta
from pathlib import Path

PROJECT = Path(__file__).parents[1]
BIN = Path(sys.executable).parent
ELSEWHERE = """
active = "mine"

[profiles.mine]
PREFECT_API_URL = "http://127.0.0.1:9/api"
"""


def clean_environment(folder, hub_url):
    """An environment in which nothing of the person's own lake is seen, and whose Prefect profile points elsewhere."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PREFECT_", "PAPERLAKE_"))}
    home = folder / "person" / ".prefect"
    home.mkdir(parents=True)
    (home / "profiles.toml").write_text(ELSEWHERE)
    return {
        **kept,
        "HOME": str(folder / "person"),
        "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "DO_NOT_TRACK": "1",
        "PAPERLAKE_ROOT": str(folder / "lake"),
        "PAPERLAKE_STATE": str(folder / "state"),
        "PAPERLAKE_HUB_URL": hub_url,
        "PAPERLAKE_HUB_QUOTA": "0",
    }


@contextlib.contextmanager
def running(command, environment, log):
    """A process of its own session, interrupted at the end."""
    with log.open("wb") as file:
        process = subprocess.Popen(
            [BIN / command[0], *command[1:]],
            env=environment,
            cwd=PROJECT,
            stdout=file,
            stderr=file,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGINT)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


@contextlib.contextmanager
def prefect_server(environment, log):
    """A Prefect server of one's own, started from the project's folder; gives the environment that names it."""
    port = free_port()
    command = ["prefect", "server", "start", "--host", "127.0.0.1", "--port", str(port)]
    url = f"http://127.0.0.1:{port}/api"
    with running(command, environment, log):
        wait_for(lambda: api(url, "/health"), 120, "the server")
        yield {**environment, "PREFECT_API_URL": url}


def run(environment, *command):
    return subprocess.run(
        [BIN / command[0], *command[1:]], env=environment, cwd=PROJECT, check=False, capture_output=True, text=True
    )


def deploy(environment):
    for command in (["work-pool", "create", "paperlake", "--type", "process"], ["--no-prompt", "deploy", "--all"]):
        done = run(environment, "prefect", *command)
        assert done.returncode == 0, done.stderr


def wait_for(check, seconds, what):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := check():
            return found
        time.sleep(0.3)
    raise AssertionError(f"{what} did not come within {seconds} s")


def api(url, path, body=None, method=None):
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"{url}{path}", data, {"content-type": "application/json"}, method=method)
    with (
        contextlib.suppress(OSError),
        urllib.request.urlopen(request, timeout=30) as answer,
    ):
        return json.loads(answer.read() or b"true")
    return None


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def deployments(url):
    return {one["name"]: one for one in api(url, "/deployments/filter", {}) or []}


def runs(url, name="daily", *, states=None):
    """The runs of a deployment, the oldest first, of any state or of some."""
    found = api(
        url,
        "/flow_runs/filter",
        {"deployments": {"name": {"any_": [name]}}, "sort": "EXPECTED_START_TIME_ASC"},
    )
    return [one for one in found or [] if states is None or one["state_name"] in states]


def schedule_in(url, name, seconds):
    """Give a deployment one more schedule, by which it is due so many seconds from now (and then every day)."""
    due_at = datetime.now(UTC) + timedelta(seconds=seconds)
    schedule = {"interval": 86400, "anchor_date": due_at.isoformat(), "timezone": "UTC"}
    deployment = deployments(url)[name]["id"]
    path = f"/deployments/{deployment}/schedules"
    wait_for(lambda: api(url, path, [{"schedule": schedule, "active": True}]), 20, "the schedule")
    # The scheduler looks at once at what was changed, and at all others once a minute.
    changed = {"description": "due soon"}
    wait_for(lambda: api(url, f"/deployments/{deployment}", changed, "PATCH"), 20, "the change")
    return due_at


def scheduled_deployments(url):
    return {name for name, one in deployments(url).items() if one["schedules"]}


def have_all_scheduled_runs(url):
    """Whether a run of every deployment with a schedule is to come."""
    return all(
        any(one["auto_scheduled"] for one in runs(url, name, states=["Scheduled"]))
        for name in scheduled_deployments(url)
    )
