"""Fixtures for all tests. No test can connect to another machine."""

import ipaddress
import os
import shutil
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import pytest

# Before Polars is imported: workers share the cores already, and threads that contend for them cost a fifth more time.
os.environ.setdefault("POLARS_MAX_THREADS", "1")

from paperlake.quality import validator
from paperlake.store.lake import Lake
from tests.plain_engine import BothEngines, PlainEngine

T = TypeVar("T")
# Before any import of Prefect, to turn its telemetry off.
os.environ |= {"DO_NOT_TRACK": "1", "PREFECT_SERVER_ANALYTICS_ENABLED": "false"}


def is_local(family: int, address: object) -> bool:
    """Whether `address` is on this machine: a path, or an address or name of the loopback interface."""
    if family not in (socket.AF_INET, socket.AF_INET6):
        return True
    host = str(address[0]) if isinstance(address, tuple) else ""
    try:
        return ipaddress.ip_address(host.partition("%")[0]).is_loopback
    except ValueError:
        return host == "localhost"


def loopback_only(connect: Callable[[socket.socket, object], T]) -> Callable[[socket.socket, object], T]:
    """Restrict `connect` to addresses on this machine."""

    def connect_locally(self: socket.socket, address: object) -> T:
        if not is_local(self.family, address):
            pytest.fail(f"a test tried to connect to {address}; tests may only use loopback")
        return connect(self, address)

    return connect_locally


@pytest.fixture(autouse=True, scope="session")
def _no_network() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name in ("connect", "connect_ex"):
            patch.setattr(socket.socket, name, loopback_only(getattr(socket.socket, name)))
        yield


@pytest.fixture(autouse=True)
def _validation_engine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Validate with a model of Great Expectations, which costs a tenth; tests so marked run both and compare them."""
    load = validator.load_engine
    compares = request.node.get_closest_marker("great_expectations")
    monkeypatch.setattr(validator, "load_engine", lambda: BothEngines(load()) if compares else PlainEngine())


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ask again for a date in doubt at once."""
    monkeypatch.setattr("paperlake.pipelines.daily.PAUSE_S", 0)
    monkeypatch.setattr("paperlake.pipelines.backfill.PAUSE_S", 0)


@pytest.fixture(autouse=True)
def _no_fsync(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Skip fsync, which a publish calls a hundred times, where neither the store nor real processes are tested."""
    is_of_store = "tests/store/" in request.node.nodeid
    if not is_of_store and request.node.get_closest_marker("real") is None:
        monkeypatch.setattr(os, "fsync", lambda _: None)


@pytest.hookimpl(trylast=True)  # after the tests of other tiers are deselected
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Let every worker begin with some tests of real Prefect processes: they mostly wait, each for a minute.

    pytest-xdist gives each worker a part of the list. At the end of the list, these tests would run one after another.
    """
    workers = getattr(config, "workerinput", {}).get("workercount", 1)
    waiting = [item for item in items if "tests/flows/" in item.nodeid and item.get_closest_marker("real")]
    others = [item for item in items if item not in waiting]
    size = len(others) / workers
    parts = [others[round(n * size) : round((n + 1) * size)] for n in range(workers)]
    items[:] = [item for n, part in enumerate(parts) for item in (*waiting[n::workers], *part)]


@pytest.fixture(scope="session")
def recordings() -> Path:
    """The folder of recorded answers, which is outside the project."""
    folder = Path(__file__).parents[2] / "shared" / "recordings"
    if not folder.is_dir():
        pytest.skip("the recordings (../shared/recordings) are missing")
    return folder


@pytest.fixture(scope="module")
def prefect_api() -> Iterator[str]:
    """The address of a Prefect API, shared by all tests of a file because it takes seconds to start."""
    from prefect.settings import PREFECT_API_URL  # noqa: PLC0415 - most tests do not need it
    from prefect.testing.utilities import prefect_test_harness  # noqa: PLC0415

    with prefect_test_harness(server_startup_timeout=120):
        yield str(PREFECT_API_URL.value())


@pytest.fixture(scope="session")
def build_once(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Callable[[Lake], object], Lake], Lake]:
    """Build a lake once for all tests that start from the same one; each of them gets a copy."""
    built: dict[Callable[[Lake], object], Lake] = {}

    def copy_to(build: Callable[[Lake], object], target: Lake) -> Lake:
        if build not in built:
            built[build] = Lake(tmp_path_factory.mktemp("built") / "lake")
            build(built[build])
        shutil.copytree(built[build].root, target.root, dirs_exist_ok=True)
        return target

    return copy_to


@pytest.fixture
def lake_in_force(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lake:
    """An empty lake that the environment configures, without request limits and token."""
    monkeypatch.setenv("PAPERLAKE_ROOT", str(tmp_path / "lake"))
    monkeypatch.setenv("PAPERLAKE_STATE", str(tmp_path / "state"))
    monkeypatch.setenv("PAPERLAKE_HUB_QUOTA", "0")
    monkeypatch.delenv("HF_TOKEN", raising=False)
    return Lake(tmp_path / "lake")
