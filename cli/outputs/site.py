"""`papers site`: build the static site."""

from __future__ import annotations

import webbrowser
from dataclasses import asdict

import click

from cli import show


@click.command()
@click.option("--force", is_flag=True, help="Render every page, even if its inputs are unchanged.")
@click.option("--remove-feeds", is_flag=True, help="Remove the feeds of editions that are not declared any more.")
@click.option("--open", "is_opened", is_flag=True, help="Show it in the browser.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def site(*, force: bool, remove_feeds: bool, is_opened: bool, as_json: bool) -> None:
    """Update the static site: lists by day, week and month, papers, trends, calendar, search, feeds.

    Only pages of changed months are rendered, and only changed pages are written. The site needs no server: open it
    from its folder, or copy the folder to any host.
    """
    from paperlake.config import read_settings
    from paperlake.outputs.editions import editions_file, editions_of_site
    from paperlake.outputs.site import build_site

    settings = read_settings()
    with show.progress_to("site") as tick:
        editions = editions_of_site(settings)
        built = build_site(settings.lake, editions, settings.public_url, tick, force=force, remove_feeds=remove_feeds)
    front = settings.lake.site / "index.html"
    if not front.exists():
        raise click.ClickException(f"nothing is published in {settings.lake.root} yet; start with `papers daily`")
    if as_json:
        click.echo(show.as_json({**asdict(built), "index": str(front), "editions": str(editions_file(settings))}))
    else:
        click.echo(f"{built}: {front}\neditions: {editions_file(settings)}")
    if is_opened:
        webbrowser.open(front.as_uri())
