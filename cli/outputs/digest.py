"""`papers digest`: one issue of an edition, to look at, to keep, or to send."""

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
    from paperlake.outputs.delivery import Delivered, Told
    from paperlake.outputs.mailing import Out
    from paperlake.render.issue import Issue


@click.command()
@click.option("--edition", "name", type=Edition(), required=True, help="Which edition of editions.toml.")
@click.option("--date", "day", type=Day(), help="A date of the period it is about; the newest period that is over.")
@click.option("--preview", is_flag=True, help="Only show it: nothing is entered, written or sent.")
@click.option("--send", "is_sent", is_flag=True, help="Mail it, to each reader once, however often you say so.")
@click.option(
    "--outbox",
    type=click.Path(file_okay=False, path_type=Path),
    help="Write the letters into this folder instead of sending them.",
)
@click.option("--again", type=Address(), multiple=True, help="With --send: also whose letter was refused or in doubt.")
@click.option("--open", "is_opened", is_flag=True, help="Show it in the browser.")
@click.option("--json", "as_json", is_flag=True, help="Print the outcome as JSON.")
@click.pass_context
def digest(
    context: click.Context,
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
    """Bring out an issue of an edition: the papers of a day, week or month that its rules pick.

    It is entered in the table `issues` (no edition brings a paper twice, and an issue stays as it came out),
    and written as Markdown, text and HTML below the lake's digests/issues/. Mail needs a server
    (PAPERLAKE_SMTP_URL) and a sender (PAPERLAKE_CONTACT); see docs/mail.md.

    \b
      papers digest --edition daily --preview
      papers digest --edition weekly --date 2025-11-06 --outbox ./outbox
      papers digest --edition daily --send
    """
    if preview + is_sent + (outbox is not None) > 1:
        raise click.UsageError("--preview, --send and --outbox exclude each other")
    if again and not is_sent:
        raise click.UsageError("--again goes with --send")
    from paperlake.clock import started
    from paperlake.config import settings
    from paperlake.outputs.editions import editions_in_force
    from paperlake.outputs.issues import composed, newest_period, wanting
    from paperlake.outputs.mailing import bring_out, put_letters, send
    from paperlake.outputs.site import build_site
    from paperlake.render.period import period
    from paperlake.render.plain_text import plain
    from schemas.calendar import newest_closed_date

    said, clock = settings(), started(None)
    edition = editions_in_force(said)[name]
    closed = newest_closed_date(clock.now())
    about = period(edition.every, day) if day else newest_period(edition, closed)
    if preview:
        issue = composed(said.lake, edition, about)
        click.echo(show.as_json(_told(issue)) if as_json else plain(issue), nl=as_json)
        _warn(wanting(said.lake, about))
        return
    if about.last > closed:
        raise click.ClickException(f"{name}/{about.name} is not over yet; --preview shows what is known of it")
    out = bring_out(said, edition, about, clock.started_at, whole_only=day is None)
    if (said.lake.site / "index.html").exists():
        build_site(said.lake, editions_in_force(said), said.public_url)  # its feeds
    done = None
    letters: list[Path] = []
    if is_sent:
        with show.progress_to("letters") as tick:
            done = send(said, out, clock.now, tick, again=again)
    elif outbox is not None:
        letters = put_letters(said, out, outbox, clock.now())
    if as_json:
        delivered = {what: [one.address for one in held] for what, held in _delivered(done)} if done else None
        click.echo(show.as_json({**_told(out.issue), "files": out.files, "letters": letters, "delivered": delivered}))
    else:
        _tell(out, letters, done)
    if is_opened:
        webbrowser.open(next(path for path in out.files if path.suffix == ".html").as_uri())
    context.exit(0 if done is None or done.is_whole else 1)


def _told(issue: Issue) -> dict[str, object]:
    """An issue for machines."""
    papers = [
        {"paper_id": one.paper_id, "title": one.title, "votes": one.votes, "score": one.score, "url": one.page}
        for one in issue.papers
    ]
    return {"issue": issue.name, "title": issue.title, "papers": papers}


def _tell(out: Out, letters: Sequence[Path], done: Delivered | None) -> None:
    from paperlake.text import many

    click.echo(f"{out.issue.title}: {many(len(out.issue.papers), 'paper')}")
    for number, one in enumerate(out.issue.papers[:3], 1):
        click.echo(f"  {number}. {one.title}")
    for path in out.files:
        click.echo(f"{path}")
    _warn(out.wanting)
    if letters:
        click.echo(f"{many(len(letters), 'letter')} in {letters[0].parent}")
    if done:
        counts = [f"{len(held)} {what.replace('_', ' ')}" for what, held in _delivered(done) if held]
        nobody = "it is empty, so nobody gets it" if not out.issue.papers else "nobody has subscribed"
        click.echo(f"Letters: {', '.join(counts) or nobody}")
        for what, held in _delivered(done):
            for told in held if what in {"refused", "deferred", "in_doubt"} else ():
                head = f"  {what.replace('_', ' ')}: {show.shown(told.address)}"
                click.secho(f"{head}: {show.shown(told.said)}", err=True)


def _warn(missing: Sequence[date]) -> None:
    if missing:
        told = f"Warning: {len(missing)} of its dates are not complete, the first is {missing[0]} (see `papers gaps`)"
        click.secho(told, err=True, fg="yellow")


def _delivered(done: Delivered) -> list[tuple[str, list[Told]]]:
    names = ("sent", "sent_before", "refused", "deferred", "in_doubt", "left")
    return [(name, getattr(done, name)) for name in names]
