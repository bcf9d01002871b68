"""`papers demo`, and the commands that it recommends at its end."""

import re
import shlex
import subprocess

import pytest

from tests.prefect_processes import BIN, clean_environment

pytestmark = [pytest.mark.real, pytest.mark.long]


def test_the_recommended_commands_work(tmp_path):
    environment = clean_environment(tmp_path, "http://127.0.0.1:9") | {"PAPERLAKE_CONTACT": "ops@example.org"}
    shown = _run([BIN / "papers", "demo", "--mornings", "2"], environment, tmp_path)
    assert "Completed" in shown
    for words in re.findall(r"^  PAPERLAKE_ROOT=demo-lake \.venv/bin/papers (.+)$", shown, re.MULTILINE):
        command = [word for word in shlex.split(words) if word != "--open"]
        result = _run([BIN / "papers", *command], {**environment, "PAPERLAKE_ROOT": "demo-lake"}, tmp_path)
        assert "2025-10-0" in result, words


def _run(command, environment, folder):
    result = subprocess.run(command, env=environment, cwd=folder, check=False, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr[-3000:]
    return result.stderr + result.stdout
