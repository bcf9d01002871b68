"""`papers site`: build the static site."""

from __future__ import annotations

import webbrowser
from dataclasses import asdict

import click

from cli import show


@click.command()
@click.option("--force", is_flag=True, help="Render every page, even if its inputs are unchanged.")
@click.option("--open", "is_opened", is_flag=True, help="Show it in the browser.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def site(*, force: bool, is_opened: bool, as_json: bool) -> None:
    """Update the static site: lists by day, week and month, papers, trends, calendar, search, feeds.

    Only pages of changed months are rendered, and only changed pages are written. The site needs no server: open it
    from its folder, or copy the folder to any host.
    """
    from paperlake.config import read_settings
    from paperlake.outputs.editions import load_editions
    from paperlake.outputs.site import build_site

    settings = read_settings()
    with show.progress_to("site") as tick:
        built = build_site(settings.lake, load_editions(settings), settings.public_url, tick, force=force)
    front = settings.lake.site / "index.html"
    if not front.exists():
        raise click.ClickException(f"nothing is published in {settings.lake.root} yet; start with `papers daily`")
    if as_json:
        click.echo(show.as_json({**asdict(built), "index": str(front)}))
    else:
        click.echo(f"{built}: {front}")
    if is_opened:
        webbrowser.open(front.as_uri())
