"""`papers digest`: preview, publish or mail an issue of an edition."""

from __future__ import annotations

import webbrowser
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli import show
from cli.arguments import Address, Day, Edition

if TYPE_CHECKING:
    from paperlake.outputs.delivery import DeliveryReport, RecipientStatus
    from paperlake.outputs.editions import EditionsFile
    from paperlake.outputs.mailing import ReleasedIssue
    from paperlake.render.issue import Issue


@click.command()
@click.option(
    "--edition", "name", type=Edition(), required=True, help="An edition of the lake (see `papers site --help`)."
)
@click.option("--date", "day", type=Day(), help="A date in the period; default: the newest period that has ended.")
@click.option("--preview", is_flag=True, help="Only print it: nothing is recorded, written or sent.")
@click.option("--send", "is_sent", is_flag=True, help="Mail it. Each reader gets it once, even if you repeat this.")
@click.option(
    "--outbox",
    type=click.Path(file_okay=False, path_type=Path),
    help="Write the letters into this folder instead of sending them.",
)
@click.option(
    "--again", type=Address(), multiple=True, help="With --send: resend to this address, if refused or in doubt."
)
@click.option("--open", "is_opened", is_flag=True, help="Show it in the browser.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def digest(
    name: str,
    day: date | None,
    outbox: Path | None,
    again: tuple[str, ...],
    *,
    preview: bool,
    is_sent: bool,
    is_opened: bool,
    as_json: bool,
) -> None:
    """Publish an issue of an edition: the papers of a day, week or month that its rules select.

    The issue is recorded in the table `issues` (an edition never repeats a paper, and an issue never changes), and
    written as Markdown, text and HTML into digests/issues/ of the lake. Mail needs a server (PAPERLAKE_SMTP_URL) and
    a sender (PAPERLAKE_CONTACT); see docs/mail.md. Exit code 1 if letters were refused, deferred or are in doubt.

    \b
      papers digest --edition daily --preview
      papers digest --edition weekly --date 2025-11-06 --outbox ./outbox
      papers digest --edition daily --send
    """
    if preview + is_sent + (outbox is not None) > 1:
        raise click.UsageError("--preview, --send and --outbox exclude each other")
    if again and not is_sent:
        raise click.UsageError("--again goes with --send")
    from paperlake.clock import start_clock
    from paperlake.config import read_settings
    from paperlake.outputs.editions import adopt_editions, editions_file, load_file
    from paperlake.outputs.issues import load_issue, missing_dates, newest_period
    from paperlake.outputs.mailing import release_issue, send_issue, write_letters
    from paperlake.outputs.published_site import update_site
    from paperlake.render.period import period_of
    from schemas.calendar import newest_closed_date

    settings, clock = read_settings(), start_clock(None)
    editions = editions_file(settings)
    edition = load_file(editions.path)[name]
    closed = newest_closed_date(clock.now())
    period = period_of(edition.every, day) if day else newest_period(edition, closed)
    if preview:
        _print_preview(load_issue(settings.lake, edition, period), editions, as_json=as_json)
        _warn_of_missing_dates(missing_dates(settings.lake, period))
        return
    if period.last > closed:
        raise click.ClickException(f"{name}/{period.name} has not ended yet; --preview shows it so far")
    released = release_issue(settings, edition, period, clock.started_at, complete_only=day is None)
    editions = adopt_editions(settings)
    if (settings.lake.site / "index.html").exists():
        update_site(settings)  # updates its feeds
    report = None
    letters: list[Path] = []
    if is_sent:
        with show.progress_to("letters") as tick:
            report = send_issue(settings, released, clock.now, tick, resend_to=again)
    elif outbox is not None:
        letters = write_letters(settings, released, outbox, clock.now())
    if as_json:
        click.echo(show.as_json({**_result_as_dict(released, letters, report), "editions": editions.path}))
    else:
        _print_summary(released, letters, report)
        click.echo(f"Editions: {editions}")
    if is_opened:
        webbrowser.open(next(path for path in released.files if path.suffix == ".html").as_uri())
    _require_delivered(report)


def _require_delivered(report: DeliveryReport | None) -> None:
    if report and not report.is_complete:
        raise click.ClickException(f"{report.issue_id}: {report.failures} (see docs/mail.md)")


def _print_preview(issue: Issue, editions: EditionsFile, *, as_json: bool) -> None:
    from paperlake.render.plain_text import render_plain_text

    if as_json:
        click.echo(show.as_json({**_issue_as_dict(issue), "editions": editions.path}))
    else:
        click.echo(render_plain_text(issue), nl=False)
        click.echo(f"Editions: {editions}", err=True)


def _issue_as_dict(issue: Issue) -> dict[str, object]:
    """An issue in the form of `--json`."""
    papers = [
        {
            "paper_id": paper.paper_id,
            "title": paper.title,
            "votes": paper.votes,
            "score": paper.score,
            "url": paper.page,
        }
        for paper in issue.papers
    ]
    return {"issue": issue.name, "title": issue.title, "papers": papers}


def _result_as_dict(
    released: ReleasedIssue, letters: Sequence[Path], report: DeliveryReport | None
) -> dict[str, object]:
    """A released issue in the form of `--json`: `delivered` has the addresses by state, `counts` their number."""
    by_status = {status: [reader.address for reader in readers] for status, readers in _recipients_by_status(report)}
    return {
        **_issue_as_dict(released.issue),
        "files": released.files,
        "letters": letters,
        "delivered": by_status or None,
        "counts": {status: len(addresses) for status, addresses in by_status.items()} or None,
    }


def _print_summary(released: ReleasedIssue, letters: Sequence[Path], report: DeliveryReport | None) -> None:
    from paperlake.text import plural

    click.echo(f"{released.issue.title}: {plural(len(released.issue.papers), 'paper')}")
    for number, paper in enumerate(released.issue.papers[:3], 1):
        click.echo(f"  {number}. {paper.title}")
    for path in released.files:
        click.echo(f"{path}")
    _warn_of_missing_dates(released.missing_dates)
    if letters:
        click.echo(f"{plural(len(letters), 'letter')} in {letters[0].parent}")
    if report:
        counts = [
            f"{len(recipients)} {status.replace('_', ' ')}"
            for status, recipients in _recipients_by_status(report)
            if recipients
        ]
        no_letters = "none, because there are no subscribers" if released.issue.papers else "none, because it is empty"
        click.echo(f"Letters: {', '.join(counts) or no_letters}")
        for status, recipients in _recipients_by_status(report):
            for recipient in recipients if status in {"refused", "deferred", "in_doubt", "suspended"} else ():
                head = f"  {status.replace('_', ' ')}: {show.safe_line(recipient.address)}"
                click.secho(f"{head}: {show.safe_line(recipient.message)}", err=True)


def _warn_of_missing_dates(missing: Sequence[date]) -> None:
    from paperlake.outputs.issues import missing_dates_phrase

    if missing:
        click.secho(f"Warning: {missing_dates_phrase(missing)} (see `papers gaps`)", err=True, fg="yellow")


def _recipients_by_status(report: DeliveryReport | None) -> list[tuple[str, list[RecipientStatus]]]:
    if report is None:
        return []
    names = ("sent", "sent_before", "refused", "deferred", "in_doubt", "left", "suspended")
    return [(name, getattr(report, name)) for name in names]
