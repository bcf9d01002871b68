"""`papers import-replies`: import archived answers of the Hub."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import click

from cli import show
from cli.arguments import Timestamp


@click.command("import-replies")
@click.argument("folder", metavar="DIR", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option(
    "--captured-at", type=Timestamp(), help="Capture time of answers that have none in their name or in captures.csv."
)
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
@click.pass_context
def import_replies(context: click.Context, folder: Path, captured_at: datetime | None, *, as_json: bool) -> None:
    """Import archived answers of the Hub from DIR, and build their months.

    The files are named DATE.json or DATE/TIMESTAMP.json (2025-01-08/2025-01-08T170741Z.json). The capture time comes
    from the name, from a captures.csv in the same folder (file,captured_at), or from --captured-at; never from the
    file's modification time. A second import changes nothing.
    """
    from paperlake.build.publish import waiting_months
    from paperlake.config import read_settings
    from paperlake.operations.import_replies import (
        find_replies,
        invalid_captures,
        publish_waiting,
        store_replies,
        unused_answers,
    )
    from paperlake.text import plural
    from paperlake.timestamps import capture_name

    lake = read_settings().lake
    archive = find_replies(folder, captured_at)
    for path in archive.skipped:
        click.echo(f"skipped {path}: not DATE.json or DATE/TIMESTAMP.json of a date that has a list by now", err=True)
    with show.progress("storing answers", len(archive.answers)) as tick:
        store_replies(lake, archive.answers, tick)
    months = waiting_months(lake)
    published = show.progress_by_month("publishing months", months, publish_waiting(lake))
    imported = {(answer.listed_on, answer.captured_at) for answer in archive.answers}
    refused = [
        f"capture {capture_name(day, at)} was refused: {message}"
        for day, at, message in published.refused
        if (day, at) in imported
    ]
    refused += [str(fault) for fault in published.faults]
    unread = invalid_captures(lake, imported)
    refused += [f"capture {capture_name(day, at)} is not a list: {fault}" for day, at, fault in unread]
    for day, at, reason in unused_answers(lake, imported):
        click.echo(
            f"{capture_name(day, at)}: another answer for the same time counts; one is not used: {reason}", err=True
        )
    changed = published.changed
    result = {
        "answers": len(archive.answers),
        "months": len(months),
        "changed_files": len(changed),
        "refused": refused,
        "rows": published.rows,
    }
    if as_json:
        click.echo(show.as_json(result))
    else:
        files = f"{plural(len(changed), 'file')} published" if changed else "unchanged"
        click.echo(f"{plural(len(archive.answers), 'answer')} of {plural(len(months), 'month')}: {files}")
    for refusal in refused:
        click.secho(f"Error: {refusal}", err=True, fg="red")
    context.exit(1 if refused else 0)
