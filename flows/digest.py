"""The digest flow: the newest issues of a cadence come out and are mailed, once their dates are complete."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import UTC, date, datetime

from prefect import flow, task
from prefect.artifacts import create_markdown_artifact
from prefect.cache_policies import NO_CACHE

from flows.deployed_run import begin
from paperlake.config import settings
from paperlake.errors import PaperlakeError
from paperlake.outputs.editions import editions_in_force
from paperlake.outputs.issues import newest_period
from paperlake.outputs.mailing import Out, bring_out, send
from paperlake.outputs.site import build_site
from paperlake.render.markdown import markdown
from paperlake.render.period import Span
from schemas.calendar import newest_closed_date

log = logging.getLogger("paperlake")
_RETRIES, _RETRY_S = 8, 1800.0
"""Four hours of patience for a date that is not complete yet, or a mail server that is away."""


class LettersPutOff(PaperlakeError):
    """Letters were surely not sent, and may be later. Their issue came out."""


class DigestHadProblems(PaperlakeError):
    """An issue did not come out, or not all of its letters; what could be done was."""


@flow(name="digest", retries=_RETRIES, retry_delay_seconds=_RETRY_S)
def digest(every: Span = "day", now: datetime | None = None, mail: bool = True) -> list[str]:  # noqa: FBT001, FBT002 - parameters of a deployment
    """Bring out the newest issue of every edition that comes each day, week or month, and mail it.

    Without a mail server set, nothing is mailed. `now` simulates another start. Raises DigestHadProblems where dates of
    an issue are wanting, or letters are put off. The tables are never touched but for the ledger `issues`.
    """
    said = settings()
    start = begin(said.state, now).start
    clock, due_at = start.clock, start.due_at
    editions = editions_in_force(said)
    closed = newest_closed_date(due_at)
    chosen = [name for name, edition in editions.items() if edition.every == every]
    problems: list[Exception] = []
    names = [done for name in chosen if (done := _tried(problems, issue, name, closed, clock.started_at))]
    _tried(problems, lambda: str(build_site(said.lake, editions, said.public_url)))
    for name in names if mail and said.smtp is not None else ():
        _tried(problems, post, name.partition("/")[0], closed, clock.started_at)
    if problems:
        raise DigestHadProblems("; ".join(map(str, problems)))
    return names


@task(task_run_name="issue-{name}", cache_policy=NO_CACHE)
def issue(name: str, closed: date, at: datetime) -> str:
    """Bring out the newest issue of an edition; gives its name. Raises NotComplete."""
    out = _out(name, closed, at)
    told = markdown(out.issue)
    create_markdown_artifact(key=f"issue-{name}", markdown=told, description=out.issue.title)
    return out.issue.name


@task(task_run_name="mail-{name}", cache_policy=NO_CACHE)
def post(name: str, closed: date, at: datetime) -> str:
    """Mail it, to each reader once. Raises LettersPutOff, for those are tried again; addresses are told to nobody.

    No other try would mend what was refused or is in doubt: it is logged, and `papers subscribers --doubts` tells it.
    """
    done = send(settings(), _out(name, closed, at), lambda: datetime.now(UTC))
    log.info("%s: mailed to %d, before to %d", done.issue_id, len(done.sent), len(done.sent_before))
    for what, held in (("refused", done.refused), ("in doubt", done.in_doubt)):
        if held:
            log.warning("%s: %d letters %s", done.issue_id, len(held), what)
    if done.deferred:
        raise LettersPutOff(f"{done.issue_id}: {len(done.deferred)} letters put off")
    return done.issue_id


def _tried(problems: list[Exception], do: Callable[..., str], *given: object) -> str | None:
    """What `do` gives; what it raises is one of the `problems`: other editions have theirs all the same."""
    try:
        return do(*given)
    except Exception as problem:  # noqa: BLE001 - whatever it is
        problems.append(problem)
        return None


def _out(name: str, closed: date, at: datetime) -> Out:
    said = settings()
    edition = editions_in_force(said)[name]
    return bring_out(said, edition, newest_period(edition, closed), at, whole_only=True)
