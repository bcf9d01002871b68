"""The Prefect project with a real server on SQLite, `prefect deploy --all`, and a worker."""

import json
import os
import signal
import sys

import pytest

from sandbox.hub.generated import GeneratedHub
from sandbox.hub.server import HubServer
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
REGISTER_SHORT_SILENCE = """
import datetime
from flows.automations import register_silence_automation
from prefect.client.orchestration import get_client
with get_client(sync_client=True) as client:
    register_silence_automation(client, datetime.timedelta(seconds=10))
"""


@pytest.fixture
def base_environment(tmp_path):
    with HubServer(GeneratedHub(papers_a_day=8), quota=None) as hub:
        yield clean_environment(tmp_path, hub.url)


def test_worker_runs_every_schedule_and_an_interrupted_run_blocks_no_other(base_environment, tmp_path):
    with prefect_server(base_environment, tmp_path / "server") as environment:
        url = environment["PREFECT_API_URL"]
        deploy(environment)
        assert scheduled_deployments(url) == WITH_SCHEDULE
        assert set(deployments(url)) == {*WITH_SCHEDULE, "backfill"}
        assert_worker_deployment(deployments(url)["daily"])
        wait_for(lambda: have_all_scheduled_runs(url), 120, "a scheduled run of every deployment")

        slow = {**environment, "PAPERLAKE_HUB_QUOTA": "8"}
        with running(["prefect", "worker", "start", "--pool", "paperlake"], slow, tmp_path / "slow") as worker:
            run(environment, "prefect", "deployment", "run", "daily/daily")
            wait_for(lambda: "(request limit or retry)" in (tmp_path / "slow").read_text(), 120, "the middle of a run")
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
        checks = {check["name"]: check for check in json.loads(run(environment, "papers", "doctor", "--json").stdout)}
        assert checks["schedule daily"]["message"].startswith("next at ")
        assert {checks[f"schedule {name}"]["state"] for name in WITH_SCHEDULE} == {"ok"}
    assert (tmp_path / "lake/manifest.json").exists()


def assert_worker_deployment(daily):
    (schedule,) = daily["schedules"]
    assert (schedule["schedule"]["cron"], schedule["schedule"]["timezone"]) == ("15 3 * * *", "UTC")
    assert schedule["slug"] == "every-morning"
    assert daily["global_concurrency_limit"]["limit"] == 1
    assert daily["concurrency_options"]["collision_strategy"] == "ENQUEUE"


def test_doctor_and_automation_detect_a_dead_scheduler(base_environment, tmp_path):
    """`papers automate` registers one automation, which runs doctor if no daily run has completed for 26 hours."""
    dead = {**base_environment, "PREFECT_SERVER_SERVICES_SCHEDULER_ENABLED": "false"}
    with prefect_server(dead, tmp_path / "server") as environment:
        url = environment["PREFECT_API_URL"]
        deploy(environment)
        for _ in range(2):
            assert run(environment, "papers", "automate").returncode == 0
        (automation,) = api(url, "/automations/filter", {})
        assert automation["trigger"]["within"] == 26 * 3600
        assert run(environment, sys.executable, "-c", REGISTER_SHORT_SILENCE).returncode == 0
        wait_for(lambda: runs(url, "doctor"), 120, "a run of doctor")
        assert not any(doctor_run["auto_scheduled"] for doctor_run in runs(url, "doctor"))

        result = run(environment, "papers", "doctor", "--quick", "--json")
        assert result.returncode == 1
        checks = {check["name"]: check for check in json.loads(result.stdout)}
        for name in WITH_SCHEDULE - {"doctor"}:
            assert "no run is scheduled" in checks[f"schedule {name}"]["message"]


def test_server_of_the_project_stores_leases_on_disk_and_sends_no_telemetry(base_environment):
    """Prefect's default keeps leases in memory: after a server is killed, its slots would stay taken."""
    config = run(base_environment, "prefect", "config", "view", "--show-sources").stdout
    assert "lease_storage.filesystem' (from prefect.toml)" in config
    assert "PREFECT_SERVER_ANALYTICS_ENABLED='false'" in config.replace("False", "false")
