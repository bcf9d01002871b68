"""The Prefect project for real: a server on SQLite, `prefect deploy --all`, a worker."""

import json
import os
import signal
import sys

import pytest

from sandbox.generated import GeneratedHub
from sandbox.hub import HubServer
from tests.prefect_processes import (
    api,
    clean_environment,
    deploy,
    deployments,
    have_all_scheduled_runs,
    prefect_server,
    run,
    running,
    runs,
    schedule_in,
    scheduled_deployments,
    wait_for,
)

pytestmark = pytest.mark.real
WITH_SCHEDULE = {"daily", "digest-daily", "digest-weekly", "digest-monthly", "harvest", "doctor"}
SILENCE_OF_SECONDS = """
import datetime
from flows.automations import watch_for_silence
from prefect.client.orchestration import get_client
with get_client(sync_client=True) as client:
    watch_for_silence(client, datetime.timedelta(seconds=10))
"""


@pytest.fixture
def surroundings(tmp_path):
    with HubServer(GeneratedHub(papers_a_day=8), quota=None) as hub:
        yield clean_environment(tmp_path, hub.url)


def test_by_a_worker_every_schedule_fires_and_an_interrupted_run_blocks_nobody(surroundings, tmp_path):
    with prefect_server(surroundings, tmp_path / "server") as environment:
        url = environment["PREFECT_API_URL"]
        deploy(environment)
        assert scheduled_deployments(url) == WITH_SCHEDULE
        assert set(deployments(url)) == {*WITH_SCHEDULE, "backfill"}
        is_declared_for_a_worker(deployments(url)["daily"])
        wait_for(lambda: have_all_scheduled_runs(url), 120, "a scheduled run of every deployment")

        slow = {**environment, "PAPERLAKE_HUB_QUOTA": "8"}
        with running(["prefect", "worker", "start", "--pool", "paperlake"], slow, tmp_path / "slow") as worker:
            run(environment, "prefect", "deployment", "run", "daily/daily")
            wait_for(lambda: "asks for patience" in (tmp_path / "slow").read_text(), 120, "the middle of a run")
            os.kill(worker.pid, signal.SIGKILL)
        (interrupted,) = wait_for(lambda: runs(url, states=["Crashed"]), 60, "the end of the interrupted run")
        assert interrupted["state"]["message"] == "The process that started this run is gone."

        with running(["prefect", "worker", "start", "--pool", "paperlake"], environment, tmp_path / "worker"):
            schedule_in(url, "daily", 15)
            (due,) = wait_for(lambda: runs(url, states=["Completed", "Failed"]), 180, "the end of the run that was due")
        assert due["auto_scheduled"]
        assert due["state_type"] == "COMPLETED", due["state"]["message"]
        artifacts = {artifact["key"] for artifact in api(url, "/artifacts/filter", {})}
        assert artifacts == {"daily-verdicts", "daily-summary", "data-docs"}
        lines = {line["name"]: line for line in json.loads(run(environment, "papers", "doctor", "--json").stdout)}
        assert lines["schedule daily"]["message"].startswith("next at ")
        assert {lines[f"schedule {name}"]["state"] for name in WITH_SCHEDULE} == {"well"}
    assert (tmp_path / "lake/manifest.json").exists()


def is_declared_for_a_worker(daily):
    (schedule,) = daily["schedules"]
    assert (schedule["schedule"]["cron"], schedule["schedule"]["timezone"]) == ("15 3 * * *", "UTC")
    assert schedule["slug"] == "every-morning"
    assert daily["global_concurrency_limit"]["limit"] == 1
    assert daily["concurrency_options"]["collision_strategy"] == "ENQUEUE"


def test_a_scheduler_that_is_dead_is_noticed_by_doctor_and_by_the_automation(surroundings, tmp_path):
    """`papers automate` registers one automation, which runs doctor when no daily run has completed for long enough."""
    dead = {**surroundings, "PREFECT_SERVER_SERVICES_SCHEDULER_ENABLED": "false"}
    with prefect_server(dead, tmp_path / "server") as environment:
        url = environment["PREFECT_API_URL"]
        deploy(environment)
        for _ in range(2):
            assert run(environment, "papers", "automate").returncode == 0
        (automation,) = api(url, "/automations/filter", {})
        assert automation["trigger"]["within"] == 26 * 3600
        assert run(environment, sys.executable, "-c", SILENCE_OF_SECONDS).returncode == 0
        wait_for(lambda: runs(url, "doctor"), 120, "a run of doctor")
        assert not any(one["auto_scheduled"] for one in runs(url, "doctor"))

        done = run(environment, "papers", "doctor", "--quick", "--json")
        assert done.returncode == 1
        lines = {line["name"]: line for line in json.loads(done.stdout)}
        for name in WITH_SCHEDULE - {"doctor"}:
            assert "no run is to come" in lines[f"schedule {name}"]["message"]


def test_a_server_started_from_the_project_keeps_leases_on_the_disk_and_tells_nobody(surroundings):
    """With Prefect's own default, which keeps leases in memory, a server that is killed gives no slot back."""
    told = run(surroundings, "prefect", "config", "view", "--show-sources").stdout
    assert "lease_storage.filesystem' (from prefect.toml)" in told
    assert "PREFECT_SERVER_ANALYTICS_ENABLED='false'" in told.replace("False", "false")
