"""`papers site`: the lake as pages."""

from __future__ import annotations

import webbrowser
from dataclasses import asdict

import click

from cli import show


@click.command()
@click.option("--force", is_flag=True, help="Render every page again, whether what it rests on changed or not.")
@click.option("--open", "is_opened", is_flag=True, help="Show it in the browser.")
@click.option("--json", "as_json", is_flag=True, help="Print what was done as JSON.")
def site(*, force: bool, is_opened: bool, as_json: bool) -> None:
    """Bring the static site up to date: lists by day, week and month, papers, trends, calendar, search, feeds.

    Only what rests on changed months is rendered, and only changed pages are written. The site needs no
    server: open it from its folder, or copy the folder to any host.
    """
    from paperlake.config import settings
    from paperlake.outputs.editions import editions_in_force
    from paperlake.outputs.site import build_site

    said = settings()
    with show.progress_to("site") as tick:
        built = build_site(said.lake, editions_in_force(said), said.public_url, tick, force=force)
    front = said.lake.site / "index.html"
    if not front.exists():
        raise click.ClickException(f"nothing is published in {said.lake.root} yet; start with `papers daily`")
    if as_json:
        click.echo(show.as_json({**asdict(built), "index": str(front)}))
    else:
        click.echo(f"{built}: {front}")
    if is_opened:
        webbrowser.open(front.as_uri())
