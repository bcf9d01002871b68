"""`papers contract`: print the data contract."""

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
    help="An older contract: print the differences, and fail if the version does not reflect them.",
)
@click.pass_context
def contract(context: click.Context, form: str, output: Path | None, since: Path | None) -> None:
    """Print the data contract of this version, as YAML (Open Data Contract Standard) or as a data dictionary.

    Versions are semantic. Major: a query may break (a column removed, renamed, or with another type or meaning).
    Minor: something is new. Patch: only the wording changed.
    """
    import yaml

    from schemas.contract import changes, is_raised_enough
    from schemas.contract import contract as current_contract
    from schemas.dictionary import dictionary

    if since is not None:
        before: dict[str, Any] = yaml.safe_load(since.read_text(encoding="utf-8"))
        differences = changes(before, current_contract())
        for change in differences:
            click.echo(f"{change.level}: {change.description}", err=True)
        if not is_raised_enough(before["version"], current_contract()["version"], differences):
            versions = f"{before['version']} to {current_contract()['version']}"
            click.secho(
                f"Error: the version of the contract went from {versions}, which is not enough. "
                "Raise CONTRACT_VERSION in schemas/catalogue.py, and add an entry to docs/data_changelog.md",
                err=True,
                fg="red",
            )
            context.exit(1)
    text = (
        yaml.safe_dump(current_contract(), sort_keys=False, allow_unicode=True, width=120)
        if form == "odcs"
        else dictionary()
    )
    if output is None:
        click.echo(text, nl=False)
    else:
        output.write_text(text, encoding="utf-8")
