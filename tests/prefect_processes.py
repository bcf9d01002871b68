"""Runs real Prefect processes for tests, and reads from their API."""

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
OTHER_PROFILE = """
active = "mine"

[profiles.mine]
PREFECT_API_URL = "http://127.0.0.1:9/api"
"""


def clean_environment(folder, hub_url):
    """An environment without the user's lake, and with a Prefect profile that points to another server."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("PREFECT_", "PAPERLAKE_"))}
    home = folder / "person" / ".prefect"
    home.mkdir(parents=True)
    (home / "profiles.toml").write_text(OTHER_PROFILE)
    return {
        **inherited,
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
    """Run a process in its own session, and interrupt it at the end."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)  # a process inherits from `nohup` that it is ignored
    with log.open("wb") as file:
        process = subprocess.Popen(
            [BIN / command[0], *command[1:]],
            env=environment,
            cwd=PROJECT,
            stdout=file,
            stderr=file,
            start_new_session=True,
        )
    signal.signal(signal.SIGHUP, before)
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
    """Run a Prefect server from the project's folder; yields the environment with its address."""
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
        result = run(environment, "prefect", *command)
        assert result.returncode == 0, result.stderr


def wait_for(check, seconds, what):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if result := check():
            return result
        time.sleep(0.3)
    raise AssertionError(f"{what} did not happen within {seconds} s")


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
    return {deployment["name"]: deployment for deployment in api(url, "/deployments/filter", {}) or []}


def runs(url, name="daily", *, states=None):
    """The runs of a deployment, oldest first; with `states`, only those in these states."""
    answer = api(
        url,
        "/flow_runs/filter",
        {"deployments": {"name": {"any_": [name]}}, "sort": "EXPECTED_START_TIME_ASC"},
    )
    return [run for run in answer or [] if states is None or run["state_name"] in states]


def schedule_in(url, name, seconds):
    """Add a schedule to a deployment, which makes it due in `seconds` (and then every day)."""
    due_at = datetime.now(UTC) + timedelta(seconds=seconds)
    schedule = {"interval": 86400, "anchor_date": due_at.isoformat(), "timezone": "UTC"}
    deployment = deployments(url)[name]["id"]
    path = f"/deployments/{deployment}/schedules"
    wait_for(lambda: api(url, path, [{"schedule": schedule, "active": True}]), 20, "the schedule")
    # The scheduler handles a changed deployment at once, and all others once a minute.
    changed = {"description": "due soon"}
    wait_for(lambda: api(url, f"/deployments/{deployment}", changed, "PATCH"), 20, "the change")
    return due_at


def scheduled_deployments(url):
    return {name for name, deployment in deployments(url).items() if deployment["schedules"]}


def have_all_scheduled_runs(url):
    """Whether every deployment with a schedule has a scheduled run."""
    return all(
        any(run["auto_scheduled"] for run in runs(url, name, states=["Scheduled"]))
        for name in scheduled_deployments(url)
    )
