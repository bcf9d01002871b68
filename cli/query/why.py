"""`papers why`: where the numbers of a paper come from."""

from __future__ import annotations

from dataclasses import asdict

import click

from cli import show


@click.command()
@click.argument("paper_id")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON, with every hash in full.")
def why(paper_id: str, *, as_json: bool) -> None:
    """Show which answers said what of a paper, when, and in which files it stands.

    PAPER_ID is an arXiv identifier without its version, such as 2511.01234. Every answer is named by the SHA-256 of
    its body, as in the table hub_replies:

    \b
      papers sql "select body from hub_replies where body_sha256 = '…'" --format parquet -o answer.parquet
    """
    from paperlake.config import settings
    from paperlake.operations.lineage import why as provenance

    told = provenance(settings().lake, paper_id)
    if as_json:
        click.echo(show.as_json(asdict(told)))
        return
    titles = [str(row["title"]) for row in (*told.records, *told.dates) if row["title"]]
    click.echo(click.style(f"{paper_id}  {show.shown(titles[-1] if titles else '')}", bold=True))
    dates = [{name: value for name, value in row.items() if name != "title"} for row in told.dates]
    if dates:
        click.echo("\nOn the lists of")
        show.table(dates, right=("position",))
    short = [row | {"body_sha256": _short(row["body_sha256"]), "url": row["url"] or "imported"} for row in told.answers]
    if short:
        click.echo("\nSaid by these answers of the Hub")
        show.table(short, right=("upvote_count", "comment_count", "github_star_count", "page"))
    if told.records:
        click.echo("\nTold by arXiv")
        show.table([row | {"body_sha256": _short(row["body_sha256"])} for row in told.records], right=("position",))
    if told.refused:
        click.echo("\nOf which was refused")
        show.table(told.refused)
    click.echo("\nIn these files")
    files = [row | {"sha256": _short(row["sha256"]), "code": _short(row["code"])} for row in told.files]
    show.table(files, right=("rows",))


def _short(digest: object) -> str:
    return str(digest)[:12]
