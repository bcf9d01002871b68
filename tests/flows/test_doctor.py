"""The flow `doctor`, and the health checks of schedules that ask Prefect."""

import os
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from cli.main import main
from flows import runner
from flows.automations import read_schedules
from flows.doctor import ChecksFailed, doctor
from paperlake import serve_state
from paperlake.config import Settings
from paperlake.monitoring.schedules import check_schedules
from tests.monitoring.test_health import NOW, lake

__all__ = ["lake"]  # a fixture

pytestmark = pytest.mark.real


def test_server_that_does_not_answer_fails():
    settings = Settings(Path("lake"), Path("state"), prefect_api="http://127.0.0.1:9/api")
    (check,) = check_schedules(settings, NOW, read_schedules)
    assert (check.state, check.remedy) == ("fail", "prefect server start")
    assert "does not answer" in check.message


def test_automate_fails_if_the_server_does_not_answer(monkeypatch):
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:9/api")
    result = CliRunner().invoke(main, ["automate"])
    assert result.exit_code == 1
    assert "http://127.0.0.1:9/api does not answer" in result.stderr


def test_serve_that_died_fails_and_one_that_was_stopped_does_not(tmp_path):
    settings = Settings(tmp_path / "lake", tmp_path)
    assert check_schedules(settings, NOW, read_schedules) == []
    serve_state.record_server(tmp_path, "http://127.0.0.1:9/api")
    (check,) = check_schedules(settings, NOW, read_schedules)
    assert (check.state, check.remedy) == ("fail", "papers serve")
    assert f"(process {os.getpid()}) died" in check.message
    serve_state.clear_server(tmp_path)
    assert check_schedules(settings, NOW, read_schedules) == []


def test_schedules_are_read_from_the_server_of_a_running_serve(tmp_path):
    with serve_state.serve_lock(tmp_path):
        serve_state.record_server(tmp_path, "http://127.0.0.1:9/api")
        (check,) = check_schedules(Settings(tmp_path / "lake", tmp_path), NOW, read_schedules)
    assert "http://127.0.0.1:9/api does not answer" in check.message


def test_flow_fails_with_a_failed_check_and_creates_an_artifact(lake, monkeypatch):
    artifacts = []
    monkeypatch.setattr(runner, "create_markdown_artifact", lambda **values: artifacts.append(values["markdown"]))
    assert all(check.state == "ok" for check in doctor.fn(NOW))
    with pytest.raises(ChecksFailed, match="freshness: 2025-11-08 should be complete"):
        doctor.fn(NOW + timedelta(days=1))
    assert "| fail | freshness |" in artifacts[-1]
