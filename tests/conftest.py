"""Fixtures for all tests. No test can connect to another machine."""

import ipaddress
import os
import shutil
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import pytest
from xdist.scheduler import LoadScopeScheduling

# Before Polars is imported: workers share the cores already, and threads that contend for them cost a fifth more time.
os.environ.setdefault("POLARS_MAX_THREADS", "1")

from paperlake.quality import validator
from paperlake.store.lake import Lake
from tests.plain_engine import BothEngines, PlainEngine

T = TypeVar("T")
USE_PREFECT_API = {f"tests/flows/test_{name}.py" for name in ("digest", "reconcile", "runners_agree")}
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


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Skip the tests of flows where none is selected: to import Prefect takes seconds."""
    is_of_flows = collection_path.parent == Path(__file__).parent / "flows"
    return True if is_of_flows and "not real" in config.option.markexpr else None


class EachTestAlone(LoadScopeScheduling):
    """Gives each test to the next free worker, but all tests that share one Prefect API to the same one."""

    def _split_scope(self, nodeid: str) -> str:
        return "prefect_api" if nodeid.partition("::")[0] in USE_PREFECT_API else nodeid


def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> LoadScopeScheduling | None:
    """Schedule `--dist loadscope` so: groups of pytest-xdist 3.8 have no effect with pytest 9.2."""
    return EachTestAlone(config, log) if config.option.dist == "loadscope" else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the longest tests."""
    items.sort(key=_length)


def _length(item: pytest.Item) -> int:
    is_of_flows = "tests/flows/" in item.nodeid and item.get_closest_marker("real") is not None
    return 0 if is_of_flows else 1 if item.get_closest_marker("long") is not None else 2


@pytest.fixture(scope="session")
def recordings() -> Path:
    """The folder of recorded answers, which is outside the project."""
    folder = Path(__file__).parents[2] / "shared" / "recordings"
    if not folder.is_dir():
        pytest.skip("the recordings (../shared/recordings) are missing")
    return folder


@pytest.fixture(scope="session")
def prefect_api() -> Iterator[str]:
    """The address of a Prefect API, shared by all tests because it takes seconds to start."""
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
