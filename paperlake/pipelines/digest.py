"""The digest pipeline: release the newest issues, update the site, mail the issues."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import TypeVar

from paperlake.config import Settings
from paperlake.errors import PaperlakeError
from paperlake.outputs.editions import load_editions
from paperlake.outputs.issues import newest_period
from paperlake.outputs.mailing import ReleasedIssue, release_issue, send_issue
from paperlake.outputs.published_site import update_site
from paperlake.pipelines.runner import RunContext, Runner
from paperlake.render.markdown import render_markdown
from paperlake.render.period import Span
from paperlake.text import plural
from schemas.calendar import newest_closed_date

log = logging.getLogger("paperlake")
Result = TypeVar("Result")


class LettersDeferred(PaperlakeError):
    """Letters were certainly not delivered, and another run may deliver them. Their issue is released."""


class LettersNotDelivered(PaperlakeError):
    """Letters were refused, or are in doubt, and another run does not send them again. Their issue is released."""


@dataclass(frozen=True, slots=True)
class DigestReport:
    """The names of the released issues, and why others, or letters, are missing."""

    issues: tuple[str, ...]
    problems: tuple[str, ...]
    retry_helps: bool
    """Whether another run may solve one of the problems."""


@dataclass(frozen=True, slots=True)
class IssueSummary:
    """An issue as it is shown with its step."""

    name: str
    title: str
    markdown: str


def digest(context: RunContext, every: Span = "day", *, mail: bool = True) -> DigestReport:
    """Release the newest issue of every edition that appears each day, week or month, and mail it.

    Without a mail server in the settings nothing is mailed. A problem of one edition does not affect the others. Only
    the table `issues` is written.
    """
    settings, start, runner = context.settings, context.start, context.runner
    editions = load_editions(settings)
    closed, now = newest_closed_date(start.due_at), start.clock.started_at
    problems: list[Exception] = []
    issues: list[str] = []
    for edition in [name for name, edition in editions.items() if edition.every == every]:
        name = _attempt(problems, _release_and_show, runner, settings, edition, closed, now)
        if name is not None:
            issues.append(name)
    site = _attempt(problems, update_site, settings)
    if site is not None:
        log.info("site: %s", site)
        if site.warning:
            log.warning("site: %s", site.warning)
    if mail and settings.smtp is not None:
        for edition in [name.partition("/")[0] for name in issues]:
            _attempt(problems, runner.run, f"mail-{edition}", mail_issue, settings, edition, closed, now)
    retry_helps = any(not isinstance(problem, LettersNotDelivered) for problem in problems)
    return DigestReport(tuple(issues), tuple(map(str, problems)), retry_helps)


def _release_and_show(runner: Runner, settings: Settings, edition: str, closed: date, now: datetime) -> str:
    issue = runner.run(f"issue-{edition}", release, settings, edition, closed, now)
    runner.show_markdown(f"issue-{edition}", issue.markdown, issue.title)
    return issue.name


def release(settings: Settings, edition: str, closed: date, now: datetime) -> IssueSummary:
    """Release the newest issue of an edition. Raises IncompleteIssue."""
    issue = _release(settings, edition, closed, now).issue
    return IssueSummary(issue.name, issue.title, render_markdown(issue))


def mail_issue(settings: Settings, edition: str, closed: date, now: datetime) -> str:
    """Mail the newest issue of an edition, once to each reader; returns its name. No address is logged.

    Raises LettersDeferred if another try may deliver some letters, else LettersNotDelivered if some were refused or are
    in doubt (`papers subscribers --doubts` lists these).
    """
    report = send_issue(settings, _release(settings, edition, closed, now), lambda: datetime.now(UTC))
    log.info("%s: mailed to %d, before to %d", report.issue_id, len(report.sent), len(report.sent_before))
    if report.suspended:
        log.warning("%s: %s suspended", report.issue_id, plural(len(report.suspended), "subscription"))
    if report.failures:
        log.warning("%s: %s", report.issue_id, report.failures)
        error = LettersDeferred if report.deferred else LettersNotDelivered
        raise error(f"{report.issue_id}: {report.failures}")
    return report.issue_id


def _release(settings: Settings, name: str, closed: date, now: datetime) -> ReleasedIssue:
    edition = load_editions(settings)[name]
    return release_issue(settings, edition, newest_period(edition, closed), now, complete_only=True)


def _attempt(problems: list[Exception], action: Callable[..., Result], *arguments: object) -> Result | None:
    """Call `action`; an error becomes one of the `problems`."""
    try:
        return action(*arguments)
    except Exception as error:  # noqa: BLE001 - no error of one edition may affect the others
        problems.append(error)
        return None
