"""`papers import-page`: import the saved text of a Daily Papers page."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import click

from cli import show
from cli.arguments import Day
from schemas.calendar import month_of


@click.command("import-page")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--captured-on", type=Day(), required=True, help="The date on which the page was saved.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
@click.pass_context
def import_page(context: click.Context, file: Path, captured_on: date, *, as_json: bool) -> None:
    """Import FILE, the text of a Daily Papers page copied from a browser.

    The file is stored byte for byte, and its entries become rows of `page_entries`. The page omits the current year
    in its dates, so the command needs the date on which it was saved. The view `page_matches` finds the papers by
    their titles:

    \b
      papers import-page daily-papers.txt --captured-on 2025-11-06
      papers sql "select position, title, paper_id from page_matches order by position"
    """
    from paperlake.build.publish import publish_month
    from paperlake.config import read_settings
    from paperlake.operations.import_replies import page_entry_count, store_saved_page
    from paperlake.text import plural

    lake = read_settings().lake
    is_new = store_saved_page(lake, file, captured_on)
    publish_month(lake, month_of(captured_on))
    entries = page_entry_count(lake, file, captured_on)
    if as_json:
        click.echo(show.as_json({"file": str(file), "captured_on": captured_on, "is_new": is_new, "entries": entries}))
    else:
        already = "" if is_new else "already imported; "
        click.echo(f"{file.name}: {already}{plural(entries, 'entry', 'entries')}")
    if not entries:
        problem = "the file has no entries; it should be the page's text, with titles, abstracts and dates"
        click.secho(f"Error: {problem} (the file is stored)", err=True, fg="red")
        context.exit(1)
