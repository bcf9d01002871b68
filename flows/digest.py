"""The flow `digest`: the digest pipeline, its steps as task runs."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from prefect import flow, runtime
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import FlowRunPolicy

from flows.runner import prefect_context
from paperlake.errors import PaperlakeError
from paperlake.pipelines import digest as pipeline
from paperlake.render.period import Span

_RETRIES, _RETRY_S = 8, 1800.0
"""Retry for four hours: a date may not be complete yet, or the mail server may be down."""


class DigestHadProblems(PaperlakeError):
    """Issues or letters are missing; the others were released and sent."""


@flow(name="digest", retries=_RETRIES, retry_delay_seconds=_RETRY_S)
def digest(every: Span = "day", now: datetime | None = None, mail: bool = True) -> list[str]:  # noqa: FBT001, FBT002 - parameters of a deployment
    """Release the newest issue of every edition that appears each day, week or month, and mail it.

    Without a mail server in the settings nothing is mailed. `now` simulates another start. Raises DigestHadProblems if
    dates of an issue are missing, or letters are refused, deferred or in doubt. Only the table `issues` is written.
    """
    report = pipeline.digest(prefect_context(now), every, mail=mail)
    if report.problems:
        if not report.retry_helps:
            _retry_no_more()
        raise DigestHadProblems("; ".join(report.problems))
    return list(report.issues)


def _retry_no_more() -> None:
    """End the retries of this flow run: the server decides by the run's policy, not by the exception."""
    with get_client(sync_client=True) as client:
        client.update_flow_run(UUID(runtime.flow_run.id), empirical_policy=FlowRunPolicy(retries=0))
