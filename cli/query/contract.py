"""`papers contract`: what readers of the data may rely on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click


@click.command()
@click.option("--as", "form", type=click.Choice(["odcs", "markdown"]), default="odcs", show_default=True)
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="Write to this file.")
@click.option(
    "--since",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="An older contract: say what differs, and fail if the version did not rise enough for it.",
)
@click.pass_context
def contract(context: click.Context, form: str, output: Path | None, since: Path | None) -> None:
    """Print the data contract of this version: as the Open Data Contract Standard (YAML), or as a data dictionary.

    Versions follow semantic rules: major where a query may break (a column gone, renamed, of another type or
    meaning), minor where something is new, patch where something is only worded better.
    """
    import yaml

    from schemas.contract import changes, is_raised_enough
    from schemas.contract import contract as now
    from schemas.dictionary import dictionary

    if since is not None:
        before: dict[str, Any] = yaml.safe_load(since.read_text(encoding="utf-8"))
        found = changes(before, now())
        for change in found:
            click.echo(f"{change.level}: {change.what}", err=True)
        if not is_raised_enough(before["version"], now()["version"], found):
            click.secho(
                f"Error: the version of the contract went from {before['version']} to {now()['version']}; that is not "
                "enough. Raise CONTRACT_VERSION in schemas/catalogue.py, and tell readers in docs/data_changelog.md",
                err=True,
                fg="red",
            )
            context.exit(1)
    said = yaml.safe_dump(now(), sort_keys=False, allow_unicode=True, width=120) if form == "odcs" else dictionary()
    if output is None:
        click.echo(said, nl=False)
    else:
        output.write_text(said, encoding="utf-8")
