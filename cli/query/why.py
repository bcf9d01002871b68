"""`papers why`: the lineage of a paper's values."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from cli import show

if TYPE_CHECKING:
    from paperlake.operations.lineage import Row


@click.command()
@click.argument("paper", metavar="PAPER")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON, with every hash in full.")
def why(paper: str, *, as_json: bool) -> None:
    """Show which answers contain a paper, with their values and times, and which files contain its rows.

    PAPER is an arXiv identifier, such as 2511.01234 or hep-th/9901001, also with its prefix or version, or the address
    of the paper at arXiv or Hugging Face. Of several answers for one page and time one is used; the others are shown
    with what they are. The SHA-256 of its body identifies an answer, as in the table hub_replies:

    \b
      papers sql "select body from hub_replies where body_sha256 = '…'" --format parquet -o answer.parquet
    """
    from paperlake.config import read_settings
    from paperlake.operations.lineage import trace_paper

    lineage = trace_paper(read_settings().lake, paper)
    if as_json:
        click.echo(show.as_json(asdict(lineage)))
        return
    titles = [str(row["title"]) for row in (*lineage.records, *lineage.dates) if row["title"]]
    click.echo(click.style(f"{lineage.paper_id}  {show.safe_line(titles[-1] if titles else '')}", bold=True))
    dates = [{name: value for name, value in row.items() if name != "title"} for row in lineage.dates]
    if dates:
        click.echo("\nLists")
        show.table(dates, right=("position",))
    short = [_answer(row) for row in lineage.answers]
    if short:
        click.echo("\nAnswers of the Hub")
        show.table(short, right=("upvote_count", "comment_count", "github_star_count", "page"))
    if lineage.records:
        click.echo("\nRecords of arXiv")
        show.table([row | {"body_sha256": _short(row["body_sha256"])} for row in lineage.records], right=("position",))
    if lineage.refused:
        click.echo("\nRejects")
        show.table(lineage.refused)
    click.echo("\nFiles")
    files = [row | {"sha256": _short(row["sha256"]), "code": _short(row["code"])} for row in lineage.files]
    show.table(files, right=("rows",))


def _answer(row: Row) -> Row:
    """A row for people: whether the answer is used in words, and what it is if it is no list."""
    used = "yes" if row["is_used"] else f"no, it {row['form']}" if row["form"] else "no"
    shown = {name: value for name, value in row.items() if name not in {"is_used", "form", "body_sha256"}}
    return {**shown, "url": row["url"] or "imported", "used": used, "body_sha256": _short(row["body_sha256"])}


def _short(digest: object) -> str:
    return str(digest)[:12]
