"""Release an issue and mail it to its readers. Every step is idempotent."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import date, datetime
from hashlib import sha256
from pathlib import Path

from paperlake.config import InvalidSetting, Settings
from paperlake.errors import PaperlakeError
from paperlake.mail.database import ReaderDatabase
from paperlake.mail.smtp import SmtpClient
from paperlake.outputs.delivery import DeliveryReport, Recipient, deliver, recipients
from paperlake.outputs.feeds import fix_ids_before_release
from paperlake.outputs.issues import (
    load_issue,
    missing_dates,
    missing_dates_phrase,
    record_issue,
    write_issue_files,
)
from paperlake.outputs.letters import LetterMaker
from paperlake.render.editions import Edition
from paperlake.render.issue import Issue
from paperlake.render.period import Period
from paperlake.store.site_files import write_files


class IncompleteIssue(PaperlakeError):
    """The issue is not released, because dates of its period are missing."""


@dataclass(frozen=True, slots=True)
class ReleasedIssue:
    """A released issue, when it was first released, its files, and the missing dates of its period."""

    issue: Issue
    issued_at: datetime
    files: tuple[Path, ...]
    missing_dates: tuple[date, ...]


def release_issue(
    settings: Settings, edition: Edition, period: Period, now: datetime, *, complete_only: bool
) -> ReleasedIssue:
    """Compose the issue of a period, record it, and write its files. A recorded issue does not change any more.

    Raises IncompleteIssue if dates are missing and `complete_only` is set, or the other dates have no papers.
    """
    missing = missing_dates(settings.lake, period)
    if missing and (complete_only or not load_issue(settings.lake, edition, period).papers):
        advice = (
            "`papers digest --date` releases it without the missing dates"
            if complete_only
            else "it has no papers without them"
        )
        raise IncompleteIssue(
            f"{edition.name}/{period.name} is not released yet: {missing_dates_phrase(missing)} (see `papers gaps`; "
            f"{advice})"
        )
    fix_ids_before_release(settings.lake, (settings.public_url, settings.contact), now)
    issue, issued_at = record_issue(settings.lake, edition, period, now)
    files = write_issue_files(settings.lake, issue, settings.public_url)
    return ReleasedIssue(issue, issued_at, tuple(files), tuple(missing))


def send_issue(
    settings: Settings,
    release: ReleasedIssue,
    now: Callable[[], datetime],
    progress: Callable[[int, int], None] = lambda *_: None,
    *,
    resend_to: Collection[str] = (),
) -> DeliveryReport:
    """Mail an issue to its readers, once to each. An issue without papers is mailed to nobody.

    `resend_to`: addresses whose letter was refused or is in doubt, and is to be sent again. `progress` is called with
    the number of letters handled and of all. Raises InvalidSetting, and what `deliver` raises.
    """
    if settings.smtp is None:
        raise InvalidSetting("PAPERLAKE_SMTP_URL is not set, so no mail can be sent (see docs/mail.md)")
    with ReaderDatabase(settings.state) as database, SmtpClient(settings.smtp, settings.sender) as client:
        to = recipients(database, release.issue.edition.name, release.issue.edition.recipients, now())
        counter = iter(range(1, len(to) + 1))
        return deliver(
            release.issue.name,
            to if release.issue.papers else [],
            LetterMaker(settings, release.issue, now),
            client,
            database,
            now,
            lambda: progress(next(counter, len(to)), len(to)),
            resend_to=resend_to,
        )


def write_letters(settings: Settings, release: ReleasedIssue, folder: Path, now: datetime) -> list[Path]:
    """Write the letters that `send_issue` would send at `now` to `.eml` files; they are not recorded as sent."""
    make_letter = LetterMaker(settings, release.issue, lambda: now)
    with ReaderDatabase(settings.state) as database:
        to = recipients(database, release.issue.edition.name, release.issue.edition.recipients, now)
    files = {
        f"{_file_name(release.issue, recipient)}.eml": bytes(make_letter(recipient))
        for recipient in to
        if release.issue.papers
    }
    return write_files(folder, files)


def _file_name(issue: Issue, recipient: Recipient) -> str:
    return f"{issue.name.replace('/', '-')}-{sha256(recipient.address.encode()).hexdigest()[:12]}"
