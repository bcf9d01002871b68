"""`papers import-replies`: archived answers into the lake."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import click

from cli import show
from cli.arguments import Instant


@click.command("import-replies")
@click.argument("folder", metavar="DIR", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--captured-at", type=Instant(), help="When the answers were captured, where nothing else says it.")
@click.option("--json", "as_json", is_flag=True, help="Print the outcome as JSON.")
@click.pass_context
def import_replies(context: click.Context, folder: Path, captured_at: datetime | None, *, as_json: bool) -> None:
    """Import archived answers of the Hub from DIR, and build their months.

    The answers are named DATE.json or DATE/INSTANT.json (2025-01-08/2025-01-08T170741Z.json). Their capture
    time comes from the name, from a captures.csv beside them (file,captured_at), or from --captured-at;
    never from the file's own time. Importing twice changes nothing.
    """
    from paperlake.config import settings
    from paperlake.operations.import_replies import find_answers, invalid_captures, keep_answers, publish_waiting
    from paperlake.text import many
    from paperlake.timestamps import capture_name

    lake = settings().lake
    archive = find_answers(folder, captured_at)
    for path in archive.passed_over:
        click.echo(f"passed over {path}: not DATE.json or DATE/INSTANT.json of a date that had a list by now", err=True)
    with show.progress("keeping answers", len(archive.answers)) as tick:
        keep_answers(lake, archive.answers, tick)
    months = []
    with show.progress("publishing months", len({a.listed_on.strftime("%Y-%m") for a in archive.answers})) as tick:
        for done in publish_waiting(lake):
            months.append(done)
            tick()
    imported = {(answer.listed_on, answer.captured_at) for answer in archive.answers}
    refused = [
        f"capture {capture_name(day, at)} was refused: {message}"
        for month in months
        for day, at, message in month.refused
        if (day, at) in imported
    ]
    refused += [str(month.fault) for month in months if month.fault is not None]
    unread = invalid_captures(lake, imported)
    refused += [f"capture {capture_name(day, at)} is no list: {fault}" for day, at, fault in unread]
    changed = [name for month in months for name in month.changed]
    outcome = {
        "answers": len(archive.answers),
        "months": len(months),
        "changed_files": len(changed),
        "refused": refused,
        "rows": {name: sum(month.rows.get(name, 0) for month in months) for name in (months[0].rows if months else {})},
    }
    if as_json:
        click.echo(show.as_json(outcome))
    else:
        files = f"{many(len(changed), 'file')} published" if changed else "unchanged"
        click.echo(f"{many(len(archive.answers), 'answer')} of {many(len(months), 'month')}: {files}")
    for refusal in refused:
        click.secho(f"Error: {refusal}", err=True, fg="red")
    context.exit(1 if refused else 0)
