"""The Prefect project for real: a server on SQLite, `prefect deploy --all`, a worker, one run; and `papers serve`."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from sandbox.generated import GeneratedHub
from sandbox.hub import HubServer

pytestmark = pytest.mark.real
PROJECT = Path(__file__).parents[1]
BIN = Path(sys.executable).parent


@pytest.fixture
def surroundings(tmp_path):
    """An environment in which nothing of the person's own Prefect or lake is seen."""
    with HubServer(GeneratedHub(papers_a_day=8), quota=None) as hub:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("PREFECT_", "PAPERLAKE_"))}
        yield {
            **kept,
            "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
            "PREFECT_HOME": str(tmp_path / "prefect"),
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
            "DO_NOT_TRACK": "1",
            "PAPERLAKE_ROOT": str(tmp_path / "lake"),
            "PAPERLAKE_STATE": str(tmp_path / "state"),
            "PAPERLAKE_HUB_URL": hub.url,
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


def wait_for(check, seconds, what):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := check():
            return found
        time.sleep(0.3)
    raise AssertionError(f"{what} did not come within {seconds} s")


def api(url, path, body=None):
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"{url}{path}", data, {"content-type": "application/json"})
    with (
        contextlib.suppress(OSError),
        urllib.request.urlopen(request, timeout=5) as answer,
    ):
        return json.load(answer)
    return None


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def completed_run(url):
    runs = api(url, "/flow_runs/filter", {}) or []
    ended = [run for run in runs if run["state_type"] in {"COMPLETED", "FAILED", "CRASHED"}]
    return ended[0] if ended else None


SILENCE_OF_SECONDS = """
import asyncio, datetime, prefect, flows.schedule as schedule
async def ask():
    async with prefect.get_client() as client:
        await schedule.watch_for_silence(client, datetime.timedelta(seconds=10))
asyncio.run(ask())
"""


def silence_is_noticed(url, environment):
    """`papers automate` registers one automation, which runs doctor when no daily run has completed for long enough."""

    def run(*command):
        subprocess.run([BIN / command[0], *command[1:]], env=environment, cwd=PROJECT, check=True, capture_output=True)

    run("papers", "automate")
    run("papers", "automate")
    (automation,) = api(url, "/automations/filter", {})
    assert automation["trigger"]["within"] == 26 * 3600
    run(sys.executable, "-c", SILENCE_OF_SECONDS)
    doctor = api(url, "/deployments/name/doctor/doctor")["id"]

    def fired():
        runs = api(url, "/flow_runs/filter", {"deployments": {"id": {"any_": [doctor]}}}) or []
        return [one for one in runs if not one["auto_scheduled"]]

    return wait_for(fired, 90, "a run of doctor")


def test_a_deployed_run_by_a_worker_ends_completed_and_when_none_comes_doctor_does(surroundings, tmp_path):
    url = f"http://127.0.0.1:{free_port()}/api"
    environment = {**surroundings, "PREFECT_API_URL": url}
    port = url.split(":")[2].split("/", maxsplit=1)[0]
    with running(
        ["prefect", "server", "start", "--host", "127.0.0.1", "--port", port], surroundings, tmp_path / "server"
    ):
        wait_for(lambda: api(url, "/health"), 90, "the server")
        for command in (
            ["work-pool", "create", "paperlake", "--type", "process"],
            ["--no-prompt", "deploy", "--all"],
            ["deployment", "run", "daily/daily"],
        ):
            subprocess.run([BIN / "prefect", *command], env=environment, cwd=PROJECT, check=True, capture_output=True)
        with running(["prefect", "worker", "start", "--pool", "paperlake"], environment, tmp_path / "worker"):
            run = wait_for(lambda: completed_run(url), 120, "the end of the run")
        assert run["state_type"] == "COMPLETED", run["state"]["message"]
        artifacts = api(url, "/artifacts/filter", {})
        assert {artifact["key"] for artifact in artifacts} == {"daily-verdicts", "daily-summary", "data-docs"}
        deployments = {deployment["name"]: deployment for deployment in api(url, "/deployments/filter", {})}
        assert set(deployments) == {
            *("daily", "backfill", "harvest", "doctor"),
            *("digest-daily", "digest-weekly", "digest-monthly"),
        }
        assert deployments["backfill"]["schedules"] == []
        deployment = deployments["daily"]
        (schedule,) = deployment["schedules"]
        assert (schedule["schedule"]["cron"], schedule["schedule"]["timezone"]) == ("15 3 * * *", "UTC")
        assert schedule["slug"] == "every-morning"
        assert deployment["global_concurrency_limit"]["limit"] == 1
        assert deployment["concurrency_options"]["collision_strategy"] == "ENQUEUE"
        assert silence_is_noticed(url, environment)
    assert (tmp_path / "lake/manifest.json").exists()


def test_serve_starts_its_own_server_runs_what_was_missed_and_stops_it_again(surroundings, tmp_path):
    log = tmp_path / "serve"
    with running(["papers", "serve"], surroundings, log) as serving:
        wait_for((tmp_path / "lake/manifest.json").exists, 150, "the first run")
        said = log.read_text()
        url = said.split("Prefect is at ")[1].split(";")[0] + "/api"
        wait_for(lambda: (run := completed_run(url)) and run["state_type"] == "COMPLETED", 60, "its end")
        os.kill(serving.pid, signal.SIGINT)
        serving.wait(60)
        assert api(url, "/health") is None, "the server is stopped with it"
    assert "Traceback" not in log.read_text()
