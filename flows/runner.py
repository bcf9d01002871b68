"""Runs the steps of a pipeline as task runs of Prefect, and shows what came of it as artifacts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar, cast

from prefect import runtime, task
from prefect.artifacts import create_link_artifact, create_markdown_artifact, create_table_artifact
from prefect.cache_policies import NO_CACHE

from flows.deployed_run import begin
from paperlake.config import settings
from paperlake.pipelines.runner import RunContext, Submitted
from paperlake.quality.validation_log import ALONE

Result = TypeVar("Result")


class PrefectRunner:
    """A runner for the body of a flow. Dates, months and paths travel between tasks, never frames."""

    @property
    def run_name(self) -> str:
        """The name that Prefect gave the flow run."""
        return str(runtime.flow_run.name or ALONE)

    def run(self, name: str, step: Callable[..., Result], *arguments: Any) -> Result:
        """Run the step as a task run called `name`."""
        return cast("Result", _task(name, step)(*arguments))

    def submit(self, name: str, step: Callable[..., Result], *arguments: Any) -> Submitted[Result]:
        """Run the step as a task run beside others, by the task runner of the flow."""
        return cast("Submitted[Result]", _task(name, step).submit(*arguments))

    def show_table(self, key: str, rows: Sequence[Mapping[str, Any]], description: str) -> None:
        """Leave a table artifact."""
        create_table_artifact(key=key, table=[dict(row) for row in rows], description=description)

    def show_markdown(self, key: str, text: str, description: str) -> None:
        """Leave a Markdown artifact."""
        create_markdown_artifact(key=key, markdown=text, description=description)

    def show_link(self, key: str, link: str, description: str) -> None:
        """Leave a link artifact."""
        create_link_artifact(key=key, link=link, description=description)


def prefect_context(now: datetime | None) -> RunContext:
    """The context of the flow run that Prefect executes in this process; `now` simulates another start."""
    in_force = settings()
    return RunContext(in_force, begin(in_force.state, now).start, PrefectRunner())


def _task(name: str, step: Callable[..., Any]) -> Any:
    # The arguments are hashed for Prefect's cache, which knows nothing of the files.
    return task(name=step.__name__, task_run_name=name, cache_policy=NO_CACHE)(step)
