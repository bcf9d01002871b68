"""What every test may count on: no way out of this machine, and the recordings where they are."""

import ipaddress
import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import pytest

from paperlake.store.lake import Lake

T = TypeVar("T")
# Before anybody imports Prefect, whose server would tell of itself.
os.environ |= {"DO_NOT_TRACK": "1", "PREFECT_SERVER_ANALYTICS_ENABLED": "false"}


def is_at_home(family: int, address: object) -> bool:
    """Whether `address` is of this machine: a path, or a number or name of its loopback."""
    if family not in (socket.AF_INET, socket.AF_INET6):
        return True
    host = str(address[0]) if isinstance(address, tuple) else ""
    try:
        return ipaddress.ip_address(host.partition("%")[0]).is_loopback
    except ValueError:
        return host == "localhost"


def fenced(connect: Callable[[socket.socket, object], T]) -> Callable[[socket.socket, object], T]:
    """`connect`, for addresses at home only."""

    def at_home(self: socket.socket, address: object) -> T:
        if not is_at_home(self.family, address):
            pytest.fail(f"a test tried to reach {address}; tests stay on this machine")
        return connect(self, address)

    return at_home


@pytest.fixture(autouse=True, scope="session")
def _no_way_out() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name in ("connect", "connect_ex"):
            patch.setattr(socket.socket, name, fenced(getattr(socket.socket, name)))
        yield


@pytest.fixture(scope="session")
def recordings() -> Path:
    """The folder of recorded answers, which is no part of the project."""
    folder = Path(__file__).parents[2] / "shared" / "recordings"
    if not folder.is_dir():
        pytest.skip("the recordings (../shared/recordings) are not here")
    return folder


@pytest.fixture(scope="module")
def prefect_api() -> Iterator[str]:
    """The address of one Prefect API for all tests of a file: it takes seconds to start."""
    from prefect.settings import PREFECT_API_URL  # noqa: PLC0415 - most tests need none of it
    from prefect.testing.utilities import prefect_test_harness  # noqa: PLC0415

    with prefect_test_harness(server_startup_timeout=120):
        yield str(PREFECT_API_URL.value())


@pytest.fixture
def lake_in_force(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lake:
    """An empty lake that the settings point at, with no limits and no token."""
    monkeypatch.setenv("PAPERLAKE_ROOT", str(tmp_path / "lake"))
    monkeypatch.setenv("PAPERLAKE_STATE", str(tmp_path / "state"))
    monkeypatch.setenv("PAPERLAKE_HUB_QUOTA", "0")
    monkeypatch.delenv("HF_TOKEN", raising=False)
    return Lake(tmp_path / "lake")
