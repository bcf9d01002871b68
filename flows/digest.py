"""The digest flow: the newest issues of a cadence come out and are mailed, once their dates are complete."""

from __future__ import annotations

import logging
from datetime import UTC, date, datetime

from prefect import flow, runtime, task
from prefect.artifacts import create_markdown_artifact
from prefect.cache_policies import NO_CACHE

from digests.markdown import markdown
from digests.period import Span
from flows.clock import newest_closed_date, started
from flows.digesting import Out, bring_out, send
from flows.editions import editions_in_force
from flows.issuing import newest_period
from flows.settings import settings
from flows.website import build_site

log = logging.getLogger("paperlake")
_RETRIES, _RETRY_S = 8, 1800.0
"""Four hours of patience for a date that is not complete yet, or a mail server that is away."""


class MailHadProblems(Exception):
    """Letters are put off, refused or in doubt. The issues themselves came out."""


@flow(name="digest", retries=_RETRIES, retry_delay_seconds=_RETRY_S)
def digest(every: Span = "day", now: datetime | None = None, mail: bool = True) -> list[str]:  # noqa: FBT001, FBT002 - parameters of a deployment
    """Bring out the newest issue of every edition that comes each day, week or month, and mail it.

    Without a mail server set, nothing is mailed. `now` simulates another start. Raises NotComplete where dates of an
    issue are wanting, and MailHadProblems. The tables are never touched but for the ledger `issues`.
    """
    said, clock = settings(), started(now)
    is_scheduled = runtime.deployment.id is not None
    due_at = now or (runtime.flow_run.scheduled_start_time if is_scheduled else None) or clock.now()
    editions = editions_in_force(said)
    closed = newest_closed_date(due_at)
    chosen = [name for name, edition in editions.items() if edition.every == every]
    names = [issue(name, closed, clock.started_at) for name in chosen]
    build_site(said.lake, editions, said.public_url)
    if mail and said.smtp is not None:
        problems = [problem for name in chosen for problem in post(name, closed, clock.started_at)]
        if problems:
            raise MailHadProblems("; ".join(problems))
    return names


@task(task_run_name="issue-{name}", cache_policy=NO_CACHE)
def issue(name: str, closed: date, at: datetime) -> str:
    """Bring out the newest issue of an edition; gives its name. Raises NotComplete."""
    out = _out(name, closed, at)
    told = markdown(out.issue)
    create_markdown_artifact(key=f"issue-{name}", markdown=told, description=out.issue.title)
    return out.issue.name


@task(task_run_name="mail-{name}", cache_policy=NO_CACHE)
def post(name: str, closed: date, at: datetime) -> list[str]:
    """Mail it, to each reader once; gives what a person should know of. Addresses are told to nobody."""
    done = send(settings(), _out(name, closed, at), lambda: datetime.now(UTC))
    log.info("%s: mailed to %d, before to %d", done.issue_id, len(done.sent), len(done.sent_before))
    counts = {"put off": done.deferred, "refused": done.refused, "in doubt": done.in_doubt}
    return [f"{done.issue_id}: {len(held)} letters {what}" for what, held in counts.items() if held]


def _out(name: str, closed: date, at: datetime) -> Out:
    said = settings()
    edition = editions_in_force(said)[name]
    return bring_out(said, edition, newest_period(edition, closed), at, whole_only=True)
