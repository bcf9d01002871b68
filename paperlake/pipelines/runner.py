"""Runners of the steps of a pipeline: this process, or (in `flows`) Prefect, which makes a task run of each step."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol, TypeVar

from paperlake.clock import RunClock, start_clock
from paperlake.config import Settings
from paperlake.quality.validation_log import IN_PROCESS

Result = TypeVar("Result")
Result_co = TypeVar("Result_co", covariant=True)

MONTHS_AT_ONCE = 3
"""While one month waits for the source, others can be parsed and published."""


@dataclass(frozen=True, slots=True)
class Start:
    """When a run started, and when it was due, which is earlier if a scheduled run began late."""

    clock: RunClock
    due_at: datetime
    is_scheduled: bool = False
    """Whether a deployment runs it: then requests have longer retry limits."""


def start_now(now: datetime | None = None) -> Start:
    """The start of a run that a user started; `now` simulates another time."""
    clock = start_clock(now)
    return Start(clock, clock.started_at)


class SubmittedStep(Protocol[Result_co]):
    """A step that runs concurrently. Prefect's futures have these methods too."""

    def result(self) -> Result_co:
        """Wait for the step and return its result. Raises its error."""

    def wait(self) -> object:
        """Wait for the step to end, also with an error."""

    def add_done_callback(self, callback: Callable[[Any], None]) -> None:
        """Call `callback` when the step ends, also if it fails before its function is called."""


class Runner(Protocol):
    """Runs the steps of a pipeline, and shows their results where users look."""

    @property
    def run_name(self) -> str:
        """The name of the run in the validation log."""

    def run(self, name: str, step: Callable[..., Result], *arguments: Any) -> Result:
        """Run a step and return its result. Raises its error."""

    def submit(self, name: str, step: Callable[..., Result], *arguments: Any) -> SubmittedStep[Result]:
        """Run a step concurrently with at most `MONTHS_AT_ONCE` at a time."""

    def show_table(self, key: str, rows: Sequence[Mapping[str, Any]], description: str) -> None:
        """Show rows as a table."""

    def show_markdown(self, key: str, text: str, description: str) -> None:
        """Show Markdown."""

    def show_link(self, key: str, link: str, description: str) -> None:
        """Show a link."""


@dataclass(frozen=True, slots=True)
class RunContext:
    """The parameters of every pipeline."""

    settings: Settings
    start: Start
    runner: Runner


class InProcessRunner:
    """Calls each step in this process. It shows nothing: the caller has the report."""

    run_name = IN_PROCESS

    def __init__(self) -> None:
        """Threads start with the first concurrent step."""
        self._threads: ThreadPoolExecutor | None = None

    def run(self, _name: str, step: Callable[..., Result], *arguments: Any) -> Result:
        """Call the step."""
        return step(*arguments)

    def submit(self, _name: str, step: Callable[..., Result], *arguments: Any) -> SubmittedStep[Result]:
        """Call the step in a thread."""
        self._threads = self._threads or ThreadPoolExecutor(MONTHS_AT_ONCE, "paperlake-step")
        return _InThread(self._threads.submit(step, *arguments))

    def show_table(self, key: str, rows: Sequence[Mapping[str, Any]], description: str) -> None:
        """Do nothing."""

    def show_markdown(self, key: str, text: str, description: str) -> None:
        """Do nothing."""

    def show_link(self, key: str, link: str, description: str) -> None:
        """Do nothing."""


@dataclass(frozen=True, slots=True)
class _InThread(SubmittedStep[Result]):
    future: Future[Result] = field()

    def result(self) -> Result:
        """Wait for the step and return its result."""
        return self.future.result()

    def wait(self) -> object:
        """Wait for the step to end."""
        return wait([self.future])

    def add_done_callback(self, callback: Callable[[Any], None]) -> None:
        """Call `callback` when the step ends."""
        self.future.add_done_callback(callback)
