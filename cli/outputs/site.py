"""`papers site`: build the static site."""

from __future__ import annotations

import webbrowser
from dataclasses import asdict

import click

from cli import show


@click.command()
@click.option("--force", is_flag=True, help="Render every page, even if its inputs are unchanged.")
@click.option(
    "--remove-edition",
    "remove",
    metavar="NAME",
    multiple=True,
    help="Remove the feeds of an edition that is not declared any more. Without this they stay, because it had issues.",
)
@click.option("--open", "is_opened", is_flag=True, help="Show it in the browser.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def site(*, force: bool, remove: tuple[str, ...], is_opened: bool, as_json: bool) -> None:
    """Update the static site: lists by day, week and month, papers, trends, calendar, search, feeds.

    Only pages of changed months are rendered, and only changed pages are written. The site needs no server: open it
    from its folder, or copy the folder to any host.

    The editions are those of editions.toml in the lake, from whatever folder you run this. A lake without the file uses
    editions.toml of the current folder and keeps a copy of it, or else the editions that come with Paperlake.
    """
    from paperlake.config import read_settings
    from paperlake.outputs.published_site import update_site

    settings = read_settings()
    with show.progress_to("site") as tick:
        built = update_site(settings, tick, force=force, remove=remove)
    front = settings.lake.site / "index.html"
    if not front.exists():
        raise click.ClickException(f"nothing is published in {settings.lake.root} yet; start with `papers daily`")
    if as_json:
        click.echo(show.as_json({**asdict(built.pages), "index": str(front), "editions": str(built.editions.path)}))
    else:
        click.echo(f"{built.pages}: {front}\nEditions: {built.editions}")
        if built.warning:
            click.secho(f"Warning: {built.warning}", err=True, fg="yellow")
    if is_opened:
        webbrowser.open(front.as_uri())
