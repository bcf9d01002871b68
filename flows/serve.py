"""`papers serve`: every deployment on its schedule, by one process that minds its Prefect server."""

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

from flows.automations import ServerSilent, watch_for_silence
from flows.deployed_run import PARENT_VARIABLE, forget_runs, is_dead
from flows.deployments import declared, deployment
from flows.own_server import OwnServer, ServerDied
from flows.reconcile import deployed, end_dead_runs, skip_missed_runs
from paperlake.config import Settings
from paperlake.serve_state import forget, note, only_one

SERVER_START_S = 180.0
_LOOK_S = 0.5
_STOP_S = 150.0
"""Prefect gives each run 30 s to end before it is killed, one after the other."""
_SHORT_S = 600.0
_SHORT_SESSIONS = 3
"""So many sessions in a row that ended by themselves within `_SHORT_S` are no accident."""
_NEVER_MADE_UP_FOR = ("doctor",)

Tell = Callable[[str], None]


class _Stopped(Exception):
    """A person, or the system, asked us to stop."""


class _SessionEnded(Exception):
    """The server, or the runner, is gone; the runs that were under way are lost."""


def serve(settings: Settings, tell: Tell, port: int | None = None) -> None:
    """Serve all deployments until a signal asks to stop. Raises AlreadyServing, ServerDied and ServerSilent.

    Where no Prefect API is configured, a server on loopback is started for it and stopped afterwards: a temporary one
    cannot schedule. If that server dies, it is started again; if it dies time and again, we give up.
    """
    with only_one(settings.state), _signals() as stop:
        try:
            _serve_on(settings, tell, port, stop)
        except _Stopped:
            forget(settings.state)  # after any other end, doctor says that nothing serves any more
            tell("stopped")


def _serve_on(settings: Settings, tell: Tell, port: int | None, stop: threading.Event) -> None:
    short = 0
    while True:
        began = time.monotonic()
        try:
            _session(settings, tell, port, stop, is_first=short == 0)
        except _SessionEnded as ended:
            short = short + 1 if time.monotonic() - began < _SHORT_S else 1
            if short >= _SHORT_SESSIONS:
                raise ServerDied(f"{ended} ({short} times within minutes, so this gives up)") from None
            tell(f"{ended}; starting again")


def _session(settings: Settings, tell: Tell, port: int | None, stop: threading.Event, *, is_first: bool) -> None:
    """Serve with one server until it is gone. Raises _SessionEnded; ServerDied where the first one never answered."""
    own = OwnServer(settings.state, port) if settings.prefect_api is None else None
    if own:
        tell(f"starting a Prefect server on loopback; its log is {own.log}")
    with own or nullcontext():
        api = own.api if own else str(settings.prefect_api)
        # For the processes of the runs.
        os.environ |= {"PREFECT_API_URL": api, PARENT_VARIABLE: str(os.getpid())}
        with temporary_settings({PREFECT_API_URL: api}):
            try:
                _wait_for_answer(api, own, stop)
            except ServerDied as died:
                if is_first:
                    raise
                raise _SessionEnded(str(died)) from None
            runner = _RunnerThread(tell)
            try:
                _tidied(settings, tell, own)
                runner.start_and_wait(stop, own)
                note(settings.state, api)
                tell(f"Prefect is at {api.removesuffix('/api')}; stop with Ctrl-C")
                runner.mind(stop, own)
            finally:
                runner.stop()
                # Where the server is gone, too, the next start does it.
                with suppress(Exception):
                    _tidy(settings, tell, is_alone=own is not None, is_last=True)


def _wait_for_answer(api: str, own: OwnServer | None, stop: threading.Event) -> None:
    """Return when the API answers. Raises ServerDied, ServerSilent and _Stopped."""
    with get_client(sync_client=True) as client:
        end = time.monotonic() + SERVER_START_S
        while client.api_healthcheck() is not None:
            _check(stop, own)
            if time.monotonic() > end:
                log = f"; its log is {own.log}" if own else "; look at PREFECT_API_URL"
                raise ServerSilent(f"the Prefect API at {api} does not answer for {SERVER_START_S:.0f} s{log}")
            stop.wait(_LOOK_S)
        _check(stop, own)  # what answered is ours


def _check(stop: threading.Event, own: OwnServer | None) -> None:
    if stop.is_set():
        raise _Stopped
    if own:
        own.check()


def _tidied(settings: Settings, tell: Tell, own: OwnServer | None) -> None:
    """`_tidy` at the start. Raises _SessionEnded where the server fails meanwhile."""
    try:
        _tidy(settings, tell, is_alone=own is not None)
    except Exception as fault:
        raise _SessionEnded(f"the Prefect server failed while it was asked for its runs: {fault}") from fault


def _tidy(settings: Settings, tell: Tell, *, is_alone: bool, is_last: bool = False) -> None:
    """Put right what the server believes of runs that died, and of those that came due while nothing ran.

    Each deployment that missed runs begins one now. With a server of our own, `is_alone`, no run lives that we did not
    start.
    """
    now = datetime.now(UTC)
    with get_client(sync_client=True) as client:
        known = list(deployed(client, declared()))
        for dead in end_dead_runs(client, known, (lambda _: True) if is_alone else partial(is_dead, settings.state)):
            tell(f"{dead.name} was interrupted: its state is Crashed now, and its slot is free")
        if is_alone:
            forget_runs(settings.state)
        if is_last:
            return
        for one in known:
            missed = skip_missed_runs(client, one, now)
            is_made_up_for = bool(missed) and one.declared.name not in _NEVER_MADE_UP_FOR
            if missed:
                does = "one begins now" if is_made_up_for else "the next one comes by its schedule"
                tell(f"{one.declared.name}: {len(missed)} missed; {does}")
            if is_made_up_for and one.declared.name != "daily":
                client.create_flow_run_from_deployment(one.known.id)


class _RunnerThread(threading.Thread):
    """Polls for runs that are due and executes them; in a thread, for the main one minds the server and the signals."""

    def __init__(self, tell: Tell) -> None:
        super().__init__(name="paperlake-runner", daemon=True)
        self._tell = tell
        self._context = contextvars.copy_context()  # with the settings in force here
        self._loop = asyncio.new_event_loop()
        self._task: asyncio.Task[None] | None = None
        self._is_serving = threading.Event()
        self._fault: BaseException | None = None

    def run(self) -> None:
        """Serve until told to stop."""
        self._context.run(self._run)

    def start_and_wait(self, stop: threading.Event, own: OwnServer | None) -> None:
        """Return when all deployments are registered. Raises as `mind`."""
        self.start()
        while not self._is_serving.is_set():
            self._mind_once(stop, own)

    def mind(self, stop: threading.Event, own: OwnServer | None) -> None:
        """Look after the server and the runner for ever. Raises _Stopped and _SessionEnded."""
        while True:
            self._mind_once(stop, own)

    def stop(self) -> None:
        """End the runs under way, and this thread."""
        if self.is_alive() and self._task is not None:
            with suppress(RuntimeError):  # its loop has just closed
                self._loop.call_soon_threadsafe(self._task.cancel)
            self.join(_STOP_S)

    def _mind_once(self, stop: threading.Event, own: OwnServer | None) -> None:
        stop.wait(_LOOK_S)
        try:
            _check(stop, own)
        except ServerDied as died:
            raise _SessionEnded(str(died)) from None
        if not self.is_alive():
            why = str(self._fault).splitlines()[0] if str(self._fault or "") else "for no reason that it told"
            raise _SessionEnded(f"the runner of deployments ended: {why}") from self._fault

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._task = self._loop.create_task(self._serve())
        try:
            self._loop.run_until_complete(self._task)
        except asyncio.CancelledError:
            pass
        except BaseException as fault:  # noqa: BLE001 - told by the main thread
            self._fault = fault
        finally:
            self._loop.close()

    async def _serve(self) -> None:
        # Its schedules go on when it stops: what comes due meanwhile is what the next start makes up for.
        runner = Runner(name="paperlake", pause_on_shutdown=False)
        ids = {}
        for one in declared():
            ids[one.name] = await runner.aadd_deployment(deployment(one))
            schedule = ", ".join(each["cron"] for each in one.schedules)
            self._tell(f"serving {one.name} ({f'{schedule}, UTC' if schedule else 'no schedule'})")
        with get_client(sync_client=True) as client:
            watch_for_silence(client)
            # Whatever was missed while nothing served is caught up with now.
            client.create_flow_run_from_deployment(ids["daily"])
        self._is_serving.set()
        await runner.start()


@contextmanager
def _signals() -> Iterator[threading.Event]:
    """An event that is set by the signals that ask a process to end."""
    stop = threading.Event()
    asking = [signal.SIGINT, signal.SIGTERM]
    if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # as `nohup` has it
        asking.append(signal.SIGHUP)

    def asked(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    before = {number: signal.signal(number, asked) for number in asking}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
