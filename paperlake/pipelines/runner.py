"""Who runs the steps of a pipeline: this process, or Prefect, which makes a task run of each."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol, TypeVar

from paperlake.clock import RunClock, started
from paperlake.config import Settings
from paperlake.quality.validation_log import ALONE

Result = TypeVar("Result")
Result_co = TypeVar("Result_co", covariant=True)

MONTHS_AT_ONCE = 3
"""While one month waits for its turn to ask the source, others are read and published."""


@dataclass(frozen=True, slots=True)
class Start:
    """When a run started, and when it was due: the same, but for a schedule that was late."""

    clock: RunClock
    due_at: datetime
    is_scheduled: bool = False
    """Whether a deployment executes it: then it has more patience, for nobody watches."""


def start_now(now: datetime | None = None) -> Start:
    """The start of a run that somebody asked for; `now` simulates another time."""
    clock = started(now)
    return Start(clock, clock.started_at)


class Submitted(Protocol[Result_co]):
    """A step that runs beside others."""

    def result(self) -> Result_co:
        """What it returns, once it has ended. Raises what it raises."""

    def wait(self) -> object:
        """Return when it has ended, however it did."""


class Runner(Protocol):
    """Runs the steps of one run of a pipeline, and shows what came of it where people look."""

    @property
    def run_name(self) -> str:
        """The name of the run, as the validation log knows it."""

    def run(self, name: str, step: Callable[..., Result], *arguments: Any) -> Result:
        """Run a step and return its result. Raises what it raises."""

    def submit(self, name: str, step: Callable[..., Result], *arguments: Any) -> Submitted[Result]:
        """Run a step beside others, at most `MONTHS_AT_ONCE` at a time."""

    def show_table(self, key: str, rows: Sequence[Mapping[str, Any]], description: str) -> None:
        """Show rows."""

    def show_markdown(self, key: str, text: str, description: str) -> None:
        """Show a text in Markdown."""

    def show_link(self, key: str, link: str, description: str) -> None:
        """Show an address."""


@dataclass(frozen=True, slots=True)
class RunContext:
    """What every pipeline is handed."""

    settings: Settings
    start: Start
    runner: Runner


class InProcessRunner:
    """Calls each step in this process. Nothing is imported for it, and nothing is shown but by the caller."""

    run_name = ALONE

    def __init__(self) -> None:
        """Start no thread before one is needed."""
        self._threads: ThreadPoolExecutor | None = None

    def run(self, _name: str, step: Callable[..., Result], *arguments: Any) -> Result:
        """Call the step."""
        return step(*arguments)

    def submit(self, _name: str, step: Callable[..., Result], *arguments: Any) -> Submitted[Result]:
        """Call the step in a thread."""
        self._threads = self._threads or ThreadPoolExecutor(MONTHS_AT_ONCE, "paperlake-step")
        return _InThread(self._threads.submit(step, *arguments))

    def show_table(self, key: str, rows: Sequence[Mapping[str, Any]], description: str) -> None:
        """The caller has the report."""

    def show_markdown(self, key: str, text: str, description: str) -> None:
        """The caller has the report."""

    def show_link(self, key: str, link: str, description: str) -> None:
        """The caller has the report."""


@dataclass(frozen=True, slots=True)
class _InThread(Submitted[Result]):
    future: Future[Result] = field()

    def result(self) -> Result:
        """What the step returns."""
        return self.future.result()

    def wait(self) -> object:
        """Return when it has ended."""
        return wait([self.future])
