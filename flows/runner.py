"""Runs the steps of a pipeline as Prefect task runs, and shows their results as artifacts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar, cast

from prefect import runtime, task
from prefect.artifacts import create_link_artifact, create_markdown_artifact, create_table_artifact
from prefect.cache_policies import NO_CACHE

from flows.deployed_run import begin_run
from paperlake.config import read_settings
from paperlake.pipelines.runner import RunContext, SubmittedStep
from paperlake.quality.validation_log import IN_PROCESS

Result = TypeVar("Result")


class PrefectRunner:
    """A runner for use inside a flow. Tasks exchange dates, months and paths, never data frames."""

    @property
    def run_name(self) -> str:
        """The name of the flow run."""
        return str(runtime.flow_run.name or IN_PROCESS)

    def run(self, name: str, step: Callable[..., Result], *arguments: Any) -> Result:
        """Run the step as a task run with that name."""
        return cast("Result", _task(name, step)(*arguments))

    def submit(self, name: str, step: Callable[..., Result], *arguments: Any) -> SubmittedStep[Result]:
        """Run the step as a concurrent task run, by the task runner of the flow."""
        return cast("SubmittedStep[Result]", _task(name, step).submit(*arguments))

    def show_table(self, key: str, rows: Sequence[Mapping[str, Any]], description: str) -> None:
        """Create a table artifact."""
        create_table_artifact(key=key, table=[dict(row) for row in rows], description=description)

    def show_markdown(self, key: str, text: str, description: str) -> None:
        """Create a Markdown artifact."""
        create_markdown_artifact(key=key, markdown=text, description=description)

    def show_link(self, key: str, link: str, description: str) -> None:
        """Create a link artifact."""
        create_link_artifact(key=key, link=link, description=description)


def prefect_context(now: datetime | None) -> RunContext:
    """The context of the flow run that Prefect executes in this process; `now` simulates another start."""
    settings = read_settings()
    return RunContext(settings, begin_run(settings.state, now).start, PrefectRunner())


def _task(name: str, step: Callable[..., Any]) -> Any:
    # No cache: Prefect's cache key covers the arguments, but not the files that a step reads.
    return task(name=step.__name__, task_run_name=name, cache_policy=NO_CACHE)(step)
