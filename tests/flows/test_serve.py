"""`papers serve` for real: it starts a server of its own, minds it, and leaves nothing behind that blocks a morning."""

import contextlib
import json
import os
import signal
import sqlite3
import time
from functools import partial
from pathlib import Path

import pytest

from flows import own_server
from flows import serve as serving
from flows.own_server import OwnServer, ServerDied
from paperlake import serve_state as prefect_home
from paperlake.config import Settings
from paperlake.serve_state import AlreadyServing, home, only_one
from sandbox.generated import GeneratedHub
from sandbox.hub import HubServer
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
    """The address of the Prefect API that the `papers serve` with this log told last."""
    wait_for(lambda: "Prefect is at " in log.read_text(), START_S, "the start")
    return log.read_text().rpartition("Prefect is at ")[2].split(";")[0] + "/api"


def server_of(serving):
    """The process of the Prefect server that a `papers serve` has started."""
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(path.read_text().rpartition(")")[2].split()[1])
            is_server = b"server\0start" in (path.parent / "cmdline").read_bytes()
        except (OSError, IndexError):
            continue
        if parent == serving.pid and is_server:
            return int(path.parent.name)
    raise AssertionError("it has no server")


def is_gone(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def nothing_runs_with(state):
    """Whether no process is left that was started with this state folder."""
    for path in Path("/proc").glob("[0-9]*/environ"):
        with contextlib.suppress(OSError):
            if f"PAPERLAKE_STATE={state}\0".encode() in path.read_bytes():
                return False
    return True


def is_in_the_middle(log):
    return "asks for patience" in log.read_text()


def test_every_schedule_fires_what_was_missed_runs_and_a_server_that_dies_is_started_again(environment, tmp_path):
    log = tmp_path / "serve"
    with running(["papers", "serve"], environment, log) as serving:
        url = url_of(log)
        wait_for(lambda: runs(url, states=["Completed"]), 120, "the run for what was missed")
        wait_for(lambda: have_all_scheduled_runs(url), 60, "a scheduled run of every deployment")
        schedule_in(url, "daily", 12)
        due = wait_for(
            lambda: [one for one in runs(url, states=["Completed", "Failed"]) if one["auto_scheduled"]],
            120,
            "the due run",
        )
        assert [one["state_type"] for one in due] == ["COMPLETED"]

        second = run(environment, "papers", "serve")
        assert (second.returncode, second.stderr.count("\n")) == (1, 1)
        assert f"another `papers serve` (process {serving.pid}) runs with the state folder" in second.stderr
        lines = json.loads(run(environment, "papers", "doctor", "--quick", "--json").stdout)
        assert {line["state"] for line in lines if line["name"].startswith("schedule ")} == {"well"}

        assert "Traceback" not in log.read_text()

        os.kill(server_of(serving), signal.SIGKILL)  # of which Prefect's own runner may tell at length
        wait_for(lambda: log.read_text().count("Prefect is at ") == 2, START_S, "another server")
        assert "the Prefect server ended by SIGKILL" in log.read_text()
        assert f"its log is {tmp_path}/state/prefect/server.log; starting again" in log.read_text()
        url = url_of(log)
        os.kill(serving.pid, signal.SIGINT)
        assert serving.wait(60) == 0
        assert api(url, "/health") is None, "the server is stopped with it"
    lines = json.loads(run(environment, "papers", "doctor", "--quick", "--json").stdout)
    assert not any(line["name"].startswith("schedule") for line in lines), "it was stopped: nobody is missed"


def test_a_run_that_is_interrupted_by_any_end_of_serve_blocks_nobody(environment, tmp_path):
    slow = {**environment, "PAPERLAKE_HUB_QUOTA": "8"}
    for kind in (signal.SIGHUP, signal.SIGTERM, signal.SIGKILL):
        log = tmp_path / kind.name
        with running(["papers", "serve"], slow, log) as serving:
            wait_for(partial(is_in_the_middle, log), START_S, "the middle of a run")
            server = server_of(serving)
            os.kill(serving.pid, kind)
            serving.wait(60)
            wait_for(partial(is_gone, server), 30, "the end of its server")
            wait_for(partial(nothing_runs_with, tmp_path / "state"), 30, "the end of the run")
        if kind is signal.SIGKILL:
            (line,) = [
                line
                for line in json.loads(run(environment, "papers", "doctor", "--quick", "--json").stdout)
                if line["name"] == "schedule"
            ]
            assert f"`papers serve` (process {serving.pid}) died" in line["message"]
        for path in (tmp_path / "state").glob("pace-*"):
            path.unlink()
    log = tmp_path / "last"
    began = time.monotonic()
    with running(["papers", "serve"], environment, log):
        url = url_of(log)
        wait_for(lambda: runs(url, states=["Completed"]), 120, "a whole run")
        assert time.monotonic() - began < 360
        assert [one["state_name"] for one in runs(url) if not one["auto_scheduled"]] == ["Crashed"] * 3 + ["Completed"]


# ── a server that cannot live ────────────────────────────────────────────────────────────────────────────────────────


def written_by_a_newer_prefect(state):
    with sqlite3.connect(home(state) / "prefect.db") as database:
        database.execute("create table alembic_version (version_num varchar(32) not null)")
        database.execute("insert into alembic_version values ('ffffffffffff')")
    database.close()


def damaged(state):
    (home(state) / "prefect.db").write_bytes(os.urandom(50_000))


@pytest.mark.parametrize(
    ("harm", "told"),
    [
        (written_by_a_newer_prefect, r"its database .*prefect\.db was written by a newer Prefect"),
        (damaged, r"its database .*prefect\.db is damaged"),
    ],
)
def test_a_server_that_cannot_live_says_why_and_where_its_log_is(tmp_path, monkeypatch, harm, told):
    home(tmp_path).mkdir()
    harm(tmp_path)
    monkeypatch.setenv("PREFECT_HOME", str(home(tmp_path)))
    dies(OwnServer(tmp_path), told)


def test_a_port_that_is_taken_is_named_and_nothing_is_started(tmp_path, monkeypatch):
    home(tmp_path).mkdir()
    monkeypatch.setattr(own_server, "_PORT_S", 0.1)
    with HubServer(GeneratedHub(), quota=None) as other:
        port = int(other.url.rpartition(":")[2])
        with pytest.raises(ServerDied, match=f"port {port} is taken"), OwnServer(tmp_path, port):
            pass


def dies(server, told):
    with server, pytest.raises(ServerDied, match=told) as died:
        end = time.monotonic() + START_S
        while time.monotonic() < end:
            server.check()
            time.sleep(0.2)
    assert str(server.log) in str(died.value)


def test_a_server_that_dies_time_and_again_ends_serve_with_a_reason(tmp_path, monkeypatch):
    ended = iter(["first", "second", "third"])
    told = []

    def session(*_, **__):
        prefect_home.note(tmp_path, "http://127.0.0.1:9/api")
        raise serving._SessionEnded(next(ended))

    monkeypatch.setattr(serving, "_session", session)
    with pytest.raises(ServerDied, match=r"third \(3 times within minutes, so this gives up\)"):
        serving.serve(Settings(tmp_path / "lake", tmp_path), told.append)
    assert told == ["first; starting again", "second; starting again"]
    assert not prefect_home.serving(tmp_path).is_running, "and doctor knows that it is gone"


def test_only_one_serves_with_a_state_folder(tmp_path):
    refused = pytest.raises(AlreadyServing, match="another `papers serve` runs with the state folder")
    with only_one(tmp_path), refused, only_one(tmp_path):
        pass
    with only_one(tmp_path):
        pass
