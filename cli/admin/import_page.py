"""`papers import-page`: a page that a person saved."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import click

from cli import show
from cli.arguments import Day


@click.command("import-page")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--captured-on", type=Day(), required=True, help="The date on which the page was saved.")
@click.option("--json", "as_json", is_flag=True, help="Print the outcome as JSON.")
@click.pass_context
def import_page(context: click.Context, file: Path, captured_on: date, *, as_json: bool) -> None:
    """Import the text of a Daily Papers page that a person copied out of a browser into FILE.

    The file is kept byte for byte; what stands on the page becomes rows of `page_entries`. The page leaves out
    the current year of its dates: that is why the date on which it was saved must be known. Which papers are
    meant, as far as the lake knows their titles:

    \b
      papers import-page daily-papers.txt --captured-on 2025-11-06
      papers sql "select position, title, paper_id from page_matches order by position"
    """
    from paperlake.build.publish import publish_month
    from paperlake.config import settings
    from paperlake.operations.import_replies import keep_page, page_entry_count

    lake = settings().lake
    is_new = keep_page(lake, file, captured_on)
    publish_month(lake, captured_on.strftime("%Y-%m"))
    entries = page_entry_count(lake, file, captured_on)
    if as_json:
        click.echo(show.as_json({"file": str(file), "captured_on": captured_on, "is_new": is_new, "entries": entries}))
    else:
        known = "" if is_new else "known already; "
        click.echo(f"{file.name}: {known}{entries} entries")
    if not entries:
        problem = "no entry was found in it; it should be the page's text, with titles, abstracts and dates"
        click.secho(f"Error: {problem} (the file is kept)", err=True, fg="red")
        context.exit(1)
