"""One issue from the tables to its readers: composed, entered, written out, sent. Safe to do again at any point."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import date, datetime
from email.message import EmailMessage
from hashlib import sha256
from pathlib import Path

from paperlake.config import Settings, SettingWrong
from paperlake.errors import PaperlakeError
from paperlake.mail.database import ReaderDatabase
from paperlake.mail.headers import Heading, bulk_letter
from paperlake.mail.links import unsubscribe_mailto, unsubscribe_url
from paperlake.mail.smtp import SmtpClient
from paperlake.outputs.delivery import Delivered, Recipient, deliver, recipients
from paperlake.outputs.issues import come_out, composed, page_of, wanting, write_out
from paperlake.render.editions import Edition
from paperlake.render.issue import Issue
from paperlake.render.letter import letter
from paperlake.render.period import Period
from paperlake.store.site_files import put_files


class NotComplete(PaperlakeError):
    """An issue does not come out by itself while dates of it are wanting."""


@dataclass(frozen=True, slots=True)
class Out:
    """An issue that has come out, when it first did, its files, and the dates that were wanting."""

    issue: Issue
    issued_at: datetime
    files: tuple[Path, ...]
    wanting: tuple[date, ...]


def bring_out(said: Settings, edition: Edition, about: Period, at: datetime, *, whole_only: bool) -> Out:
    """Compose the issue of a period, enter it in the ledger, and write it out. What has come out stays as it was.

    Raises NotComplete, where dates are wanting and `whole_only` is said, or nothing is known of the others.
    """
    missing = wanting(said.lake, about)
    if missing and (whole_only or not composed(said.lake, edition, about).papers):
        raise NotComplete(
            f"{edition.name}/{about.name} does not come out yet: {len(missing)} of its dates are not complete, the "
            f"first is {missing[0]} (see `papers gaps`; what is known of the others `papers digest --date` brings out)"
        )
    issue, issued_at = come_out(said.lake, edition, about, at)
    return Out(issue, issued_at, tuple(write_out(said.lake, issue, said.public_url)), tuple(missing))


def send(
    said: Settings,
    out: Out,
    now: Callable[[], datetime],
    tick: Callable[[int, int], None] = lambda *_: None,
    *,
    again: Collection[str] = (),
) -> Delivered:
    """Mail an issue to its readers, to each once. An issue without papers is mailed to nobody.

    `again` are addresses whose letter was refused or is in doubt. Raises SettingWrong and what `deliver` raises.
    """
    if said.smtp is None:
        raise SettingWrong("PAPERLAKE_SMTP_URL is not set: there is no server to send through (see docs/mail.md)")
    with ReaderDatabase(said.state) as database, SmtpClient(said.smtp, said.sender) as postman:
        to = recipients(database, out.issue.edition.name, out.issue.edition.recipients, now())
        told = iter(range(1, len(to) + 1))
        return deliver(
            out.issue.name,
            to if out.issue.papers else [],
            _letters(said, out),
            postman,
            database,
            now,
            lambda: tick(next(told, len(to)), len(to)),
            again=again,
        )


def put_letters(said: Settings, out: Out, folder: Path, now: datetime) -> list[Path]:
    """Write the letters that `send` would send into a folder, each as `.eml`; they are not counted as sent."""
    write = _letters(said, out)
    with ReaderDatabase(said.state) as database:
        to = recipients(database, out.issue.edition.name, out.issue.edition.recipients, now)
    files = {f"{_file_name(out.issue, one)}.eml": bytes(write(one)) for one in to if out.issue.papers}
    return put_files(folder, files)


def _file_name(issue: Issue, to: Recipient) -> str:
    return f"{issue.name.replace('/', '-')}-{sha256(to.address.encode()).hexdigest()[:12]}"


def _letters(said: Settings, out: Out) -> Callable[[Recipient], EmailMessage]:
    """What makes the letter of a recipient. Raises SettingWrong where there is no address to send from."""
    sender, public = said.sender, said.public_url
    page = page_of(out.issue, public)

    def write(to: Recipient) -> EmailMessage:
        token = to.unsubscribe_token
        heading = Heading(
            sender=sender,
            sender_name=out.issue.edition.title,
            recipient=to.address,
            edition=out.issue.edition.name,
            issue_id=out.issue.name,
            subject=out.issue.subject,
            at=out.issued_at,
            unsubscribe_token=token,
            public_url=public,
        )
        leave = unsubscribe_url(public, token) if public else unsubscribe_mailto(sender, token)
        said_in = letter(out.issue, leave, page)
        message = bulk_letter(heading)
        message.set_content(said_in.text)
        message.add_alternative(said_in.html, subtype="html")
        message.set_boundary(f"={sha256(message['Message-ID'].encode()).hexdigest()[:32]}")  # else it would be random
        return message

    return write
