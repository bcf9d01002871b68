"""`papers serve` with real processes: it supervises its server, and leaves nothing behind that blocks later runs."""

import contextlib
import json
import os
import signal
import sqlite3
import time
from functools import partial
from pathlib import Path

import pytest

from flows import local_server
from flows import serve as serve_module
from flows.local_server import LocalServer, ServerDied
from paperlake import serve_state
from paperlake.config import Settings
from paperlake.serve_state import ServeAlreadyRunning, prefect_home, serve_lock
from sandbox.hub.generated import GeneratedHub
from sandbox.hub.server import HubServer
from tests.prefect_processes import (
    api,
    clean_environment,
    have_all_scheduled_runs,
    run,
    running,
    runs,
    schedule_in,
    wait_for,
)

pytestmark = pytest.mark.real
START_S = 180


@pytest.fixture
def environment(tmp_path):
    with HubServer(GeneratedHub(papers_a_day=8), quota=None) as hub:
        yield clean_environment(tmp_path, hub.url)


def url_of(log):
    """The Prefect API that a `papers serve` last printed to this log."""
    wait_for(lambda: "Prefect is at " in log.read_text(), START_S, "the start")
    return log.read_text().rpartition("Prefect is at ")[2].split(";")[0] + "/api"


def server_of(process):
    """The process id of the Prefect server that a `papers serve` has started."""
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(path.read_text().rpartition(")")[2].split()[1])
            is_server = b"server\0start" in (path.parent / "cmdline").read_bytes()
        except (OSError, IndexError):
            continue
        if parent == process.pid and is_server:
            return int(path.parent.name)
    raise AssertionError("there is no server")


def is_gone(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def no_process_uses(state):
    """Whether no process with this state folder is left."""
    for path in Path("/proc").glob("[0-9]*/environ"):
        with contextlib.suppress(OSError):
            if f"PAPERLAKE_STATE={state}\0".encode() in path.read_bytes():
                return False
    return True


def is_waiting(log):
    return "(request limit or retry)" in log.read_text()


def test_serve_runs_schedules_makes_up_for_missed_runs_and_restarts_its_server(environment, tmp_path):
    log = tmp_path / "serve"
    with running(["papers", "serve"], environment, log) as process:
        url = url_of(log)
        wait_for(lambda: runs(url, states=["Completed"]), 120, "the run that makes up for missed ones")
        wait_for(lambda: have_all_scheduled_runs(url), 60, "a scheduled run of every deployment")
        schedule_in(url, "daily", 12)
        due = wait_for(
            lambda: [run for run in runs(url, states=["Completed", "Failed"]) if run["auto_scheduled"]],
            120,
            "the due run",
        )
        assert [each["state_type"] for each in due] == ["COMPLETED"]

        second = run(environment, "papers", "serve")
        assert (second.returncode, second.stderr.count("\n")) == (1, 1)
        assert f"another `papers serve` (process {process.pid}) uses the state folder" in second.stderr
        checks = json.loads(run(environment, "papers", "doctor", "--quick", "--json").stdout)
        assert {check["state"] for check in checks if check["name"].startswith("schedule ")} == {"ok"}

        assert "Traceback" not in log.read_text()

        os.kill(server_of(process), signal.SIGKILL)  # Prefect's own runner may log that at length
        wait_for(lambda: log.read_text().count("Prefect is at ") == 2, START_S, "another server")
        assert "the Prefect server ended by SIGKILL" in log.read_text()
        assert f"its log is {tmp_path}/state/prefect/server.log; starting again" in log.read_text()
        url = url_of(log)
        os.kill(process.pid, signal.SIGINT)
        assert process.wait(60) == 0
        assert api(url, "/health") is None, "the server is stopped with it"
    checks = json.loads(run(environment, "papers", "doctor", "--quick", "--json").stdout)
    assert not any(check["name"].startswith("schedule") for check in checks), "a stopped serve is no failure"


def test_run_interrupted_by_the_end_of_serve_blocks_no_other(environment, tmp_path):
    slow = {**environment, "PAPERLAKE_HUB_QUOTA": "8"}
    for kind in (signal.SIGHUP, signal.SIGTERM, signal.SIGKILL):
        log = tmp_path / kind.name
        with running(["papers", "serve"], slow, log) as process:
            wait_for(partial(is_waiting, log), START_S, "the middle of a run")
            server = server_of(process)
            os.kill(process.pid, kind)
            process.wait(180)
            wait_for(partial(is_gone, server), 30, "the end of its server")
            wait_for(partial(no_process_uses, tmp_path / "state"), 30, "the end of the run")
        if kind is signal.SIGKILL:
            (check,) = [
                check
                for check in json.loads(run(environment, "papers", "doctor", "--quick", "--json").stdout)
                if check["name"] == "schedule"
            ]
            assert f"`papers serve` (process {process.pid}) died" in check["message"]
        for path in (tmp_path / "state").glob("pace-*"):
            path.unlink()
    log = tmp_path / "last"
    began = time.monotonic()
    with running(["papers", "serve"], environment, log):
        url = url_of(log)
        wait_for(lambda: runs(url, states=["Completed"]), 120, "a whole run")
        assert time.monotonic() - began < 360
        assert [each["state_name"] for each in runs(url) if not each["auto_scheduled"]] == ["Crashed"] * 3 + [
            "Completed"
        ]


# A server that cannot start


def write_newer_database(state):
    with sqlite3.connect(prefect_home(state) / "prefect.db") as database:
        database.execute("create table alembic_version (version_num varchar(32) not null)")
        database.execute("insert into alembic_version values ('ffffffffffff')")
    database.close()


def damage_database(state):
    (prefect_home(state) / "prefect.db").write_bytes(os.urandom(50_000))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (write_newer_database, r"its database .*prefect\.db was written by a newer Prefect"),
        (damage_database, r"its database .*prefect\.db is damaged"),
    ],
)
def test_server_that_cannot_start_names_the_reason_and_its_log(tmp_path, monkeypatch, damage, message):
    prefect_home(tmp_path).mkdir()
    damage(tmp_path)
    monkeypatch.setenv("PREFECT_HOME", str(prefect_home(tmp_path)))
    assert_dies(LocalServer(tmp_path), message)


def test_taken_port_is_an_error(tmp_path, monkeypatch):
    prefect_home(tmp_path).mkdir()
    monkeypatch.setattr(local_server, "_PORT_S", 0.1)
    with HubServer(GeneratedHub(), quota=None) as other:
        port = int(other.url.rpartition(":")[2])
        with pytest.raises(ServerDied, match=f"port {port} is taken"), LocalServer(tmp_path, port):
            pass


def assert_dies(server, message):
    with server, pytest.raises(ServerDied, match=message) as died:
        end = time.monotonic() + START_S
        while time.monotonic() < end:
            server.check()
            time.sleep(0.2)
    assert str(server.log) in str(died.value)


def test_serve_gives_up_after_repeated_server_failures(tmp_path, monkeypatch):
    ended = iter(["first", "second", "third"])
    lines = []

    def session(*_, **__):
        serve_state.record_server(tmp_path, "http://127.0.0.1:9/api")
        raise serve_module._SessionEnded(next(ended))

    monkeypatch.setattr(serve_module, "_session", session)
    with pytest.raises(ServerDied, match=r"third \(3 times within minutes, so this gives up\)"):
        serve_module.serve(Settings(tmp_path / "lake", tmp_path), lines.append)
    assert lines == ["first; starting again", "second; starting again"]
    assert not serve_state.serve_process(tmp_path).is_running, "the record of the dead process stays"


def test_state_folder_serves_only_one_process(tmp_path):
    refused = pytest.raises(ServeAlreadyRunning, match="another `papers serve` uses the state folder")
    with serve_lock(tmp_path), refused, serve_lock(tmp_path):
        pass
    with serve_lock(tmp_path):
        pass
