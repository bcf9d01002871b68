"""`papers serve`: runs every deployment on its schedule, and supervises its own Prefect server."""

from __future__ import annotations

import asyncio
import contextvars
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from datetime import UTC, datetime
from functools import partial
from types import FrameType

from prefect.client.orchestration import get_client
from prefect.runner import Runner
from prefect.settings import PREFECT_API_URL, temporary_settings

from flows.automations import ServerNotAnswering, register_silence_automation
from flows.deployed_run import PARENT_VARIABLE, is_dead, remove_run_locks
from flows.deployments import declared_deployments, deployment
from flows.local_server import LocalServer, ServerDied
from flows.reconcile import end_dead_runs, known_deployments, skip_missed_runs
from paperlake.config import Settings
from paperlake.serve_state import clear_server, record_server, serve_lock

SERVER_START_S = 180.0
_POLL_S = 0.5
_STOP_S = 150.0
"""Prefect gives each run 30 s to end before it is killed, one after the other."""
_SHORT_SESSION_S = 600.0
_MAX_SHORT_SESSIONS = 3
"""Give up after this many sessions in a row that ended within `_SHORT_SESSION_S`."""
_NOT_MADE_UP_FOR = ("doctor",)

Print = Callable[[str], None]


class _StopRequested(Exception):
    """A signal asks this process to stop."""


class _SessionEnded(Exception):
    """The server or the runner ended; the active runs are lost."""


def serve(settings: Settings, print_line: Print, port: int | None = None) -> None:
    """Serve all deployments until a signal asks to stop. Raises ServeAlreadyRunning, ServerDied and ServerNotAnswering.

    If no Prefect API is configured, start a server on loopback, because Prefect's temporary one cannot schedule. A
    server that dies is restarted, until it has died `_MAX_SHORT_SESSIONS` times in quick succession.
    """
    with serve_lock(settings.state), _signals() as stop:
        try:
            _serve_sessions(settings, print_line, port, stop)
        except _StopRequested:
            clear_server(settings.state)  # after any other end, `papers doctor` reports that the process died
            print_line("stopped")


def _serve_sessions(settings: Settings, print_line: Print, port: int | None, stop: threading.Event) -> None:
    short = 0
    while True:
        began = time.monotonic()
        try:
            _session(settings, print_line, port, stop, is_first=short == 0)
        except _SessionEnded as ended:
            short = short + 1 if time.monotonic() - began < _SHORT_SESSION_S else 1
            if short >= _MAX_SHORT_SESSIONS:
                raise ServerDied(f"{ended} ({short} times within minutes, so this gives up)") from None
            print_line(f"{ended}; starting again")


def _session(settings: Settings, print_line: Print, port: int | None, stop: threading.Event, *, is_first: bool) -> None:
    """Serve with one server until it ends. Raises _SessionEnded; ServerDied if the first server never answered."""
    own = LocalServer(settings.state, port) if settings.prefect_api is None else None
    if own:
        print_line(f"starting a Prefect server on loopback; its log is {own.log}")
    with own or nullcontext():
        api = own.api if own else str(settings.prefect_api)
        # The processes of the runs read these.
        os.environ |= {"PREFECT_API_URL": api, PARENT_VARIABLE: str(os.getpid())}
        with temporary_settings({PREFECT_API_URL: api}):
            try:
                wait_for_answer(api, own, stop)
            except ServerDied as died:
                if is_first:
                    raise
                raise _SessionEnded(str(died)) from None
            runner = _RunnerThread(print_line)
            try:
                _reconcile_at_start(settings, print_line, own)
                runner.start_and_wait(stop, own)
                record_server(settings.state, api)
                print_line(f"Prefect is at {api.removesuffix('/api')}; stop with Ctrl-C")
                runner.supervise(stop, own)
            finally:
                runner.stop()
                # If the server is gone too, the next start does it.
                with suppress(Exception):
                    _reconcile(settings, print_line, is_alone=own is not None, is_last=True)


def wait_for_answer(api: str, own: LocalServer | None, stop: threading.Event) -> None:
    """Return when the API answers. Raises ServerDied, ServerNotAnswering and _StopRequested."""
    with get_client(sync_client=True) as client:
        end = time.monotonic() + SERVER_START_S
        while client.api_healthcheck() is not None:
            _check(stop, own)
            if time.monotonic() > end:
                log = f"; its log is {own.log}" if own else "; check PREFECT_API_URL"
                raise ServerNotAnswering(f"the Prefect API at {api} does not answer for {SERVER_START_S:.0f} s{log}")
            stop.wait(_POLL_S)
        _check(stop, own)  # the server that answered is ours


def _check(stop: threading.Event, own: LocalServer | None) -> None:
    if stop.is_set():
        raise _StopRequested
    if own:
        own.check()


def _reconcile_at_start(settings: Settings, print_line: Print, own: LocalServer | None) -> None:
    """`_reconcile` at the start. Raises _SessionEnded if the server fails."""
    try:
        _reconcile(settings, print_line, is_alone=own is not None)
    except Exception as error:
        raise _SessionEnded(f"the Prefect server failed when asked for its runs: {error}") from error


def _reconcile(settings: Settings, print_line: Print, *, is_alone: bool, is_last: bool = False) -> None:
    """Correct the server's records of runs that died, and of runs that became due while nothing executed them.

    Each deployment that missed runs starts one now. With a server of our own (`is_alone`), all other runs are dead.
    """
    now = datetime.now(UTC)
    with get_client(sync_client=True) as client:
        deployments = list(known_deployments(client, declared_deployments()))
        is_dead_run = (lambda _: True) if is_alone else partial(is_dead, settings.state)
        for dead in end_dead_runs(client, deployments, is_dead_run):
            print_line(f"{dead.name} was interrupted: its state is Crashed now, and its slot is free")
        if is_alone:
            remove_run_locks(settings.state)
        if is_last:
            return
        for known in deployments:
            missed = skip_missed_runs(client, known, now)
            is_made_up_for = bool(missed) and known.declared.name not in _NOT_MADE_UP_FOR
            if missed:
                remedy = "one begins now" if is_made_up_for else "the next one follows the schedule"
                print_line(f"{known.declared.name}: {len(missed)} missed; {remedy}")
            if is_made_up_for and known.declared.name != "daily":
                client.create_flow_run_from_deployment(known.registered.id)


class _RunnerThread(threading.Thread):
    """Executes due runs, in a thread: the main thread supervises the server and handles signals."""

    def __init__(self, print_line: Print) -> None:
        super().__init__(name="paperlake-runner", daemon=True)
        self._print_line = print_line
        self._context = contextvars.copy_context()  # with the Prefect settings of the main thread
        self._loop = asyncio.new_event_loop()
        self._task: asyncio.Task[None] | None = None
        self._is_serving = threading.Event()
        self._error: BaseException | None = None

    def run(self) -> None:
        """Serve until `stop` is called."""
        self._context.run(self._run)

    def start_and_wait(self, stop: threading.Event, own: LocalServer | None) -> None:
        """Return when all deployments are registered. Raises as `supervise`."""
        self.start()
        while not self._is_serving.is_set():
            self._check_once(stop, own)

    def supervise(self, stop: threading.Event, own: LocalServer | None) -> None:
        """Check the server and the runner until one ends. Raises _StopRequested and _SessionEnded."""
        while True:
            self._check_once(stop, own)

    def stop(self) -> None:
        """End the active runs and this thread."""
        if self.is_alive() and self._task is not None:
            with suppress(RuntimeError):  # if its loop has just closed
                self._loop.call_soon_threadsafe(self._task.cancel)
            self.join(_STOP_S)

    def _check_once(self, stop: threading.Event, own: LocalServer | None) -> None:
        stop.wait(_POLL_S)
        try:
            _check(stop, own)
        except ServerDied as died:
            raise _SessionEnded(str(died)) from None
        if not self.is_alive():
            reason = str(self._error).splitlines()[0] if str(self._error or "") else "no reason given"
            raise _SessionEnded(f"the runner of deployments ended: {reason}") from self._error

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._task = self._loop.create_task(self._serve())
        try:
            self._loop.run_until_complete(self._task)
        except asyncio.CancelledError:
            pass
        except BaseException as error:  # noqa: BLE001 - the main thread reports it
            self._error = error
        finally:
            self._loop.close()

    async def _serve(self) -> None:
        # Its schedules stay active when it stops: the next start makes up for the runs that become due until then.
        runner = Runner(name="paperlake", pause_on_shutdown=False)
        ids = {}
        for declared in declared_deployments():
            ids[declared.name] = await runner.aadd_deployment(deployment(declared))
            crons = ", ".join(schedule["cron"] for schedule in declared.schedules)
            self._print_line(f"serving {declared.name} ({f'{crons}, UTC' if crons else 'no schedule'})")
        with get_client(sync_client=True) as client:
            register_silence_automation(client)
            # Makes up for the daily runs that were missed.
            client.create_flow_run_from_deployment(ids["daily"])
        self._is_serving.set()
        await runner.start()


@contextmanager
def _signals() -> Iterator[threading.Event]:
    """An event that is set by the signals that ask this process to stop."""
    stop = threading.Event()
    numbers = [signal.SIGINT, signal.SIGTERM]
    if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # as `nohup` has it
        numbers.append(signal.SIGHUP)

    def handle(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    before = {number: signal.signal(number, handle) for number in numbers}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
