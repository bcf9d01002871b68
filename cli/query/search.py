"""`papers search`: ranked search in the papers of the lake."""

from __future__ import annotations

import shutil
import textwrap
from datetime import date
from typing import TYPE_CHECKING, Literal

import click

from cli import show
from cli.arguments import Day

if TYPE_CHECKING:
    from paperlake.retrieval.search import Hit, SearchResults

_WIDEST = 110
_AUTHORS_SHOWN = 3


@click.command(short_help="Search the papers: words, authors, organizations, related papers.")
@click.argument("words", nargs=-1)
@click.option("--since", type=Day(), help="Only papers listed (or else published) on this date or later.")
@click.option("--until", type=Day(), help="Only papers listed (or else published) on this date or earlier.")
@click.option("--org", help="Only papers of an organization, by its name or its account on the Hub.")
@click.option("--author", help='Only papers of an author: "Yann LeCun", "Y. LeCun" or "LeCun, Yann".')
@click.option("--topic", help="Only papers with this among their keywords.")
@click.option("--category", help="Only papers of a category of arXiv: cs.LG, or cs for all of them.")
@click.option("--min-votes", type=click.IntRange(0), help="Only papers with so many upvotes.")
@click.option(
    "--sort", type=click.Choice(["relevance", "votes", "date"]), default="relevance", show_default=True, help="Order."
)
@click.option("--like", "paper", metavar="PAPER", help="Papers related to this one, instead of words.")
@click.option("--limit", type=click.IntRange(1, 1000), default=10, show_default=True, help="How many to show.")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def search(
    words: tuple[str, ...],
    since: date | None,
    until: date | None,
    org: str | None,
    author: str | None,
    topic: str | None,
    category: str | None,
    min_votes: int | None,
    sort: Literal["relevance", "votes", "date"],
    paper: str | None,
    limit: int,
    *,
    as_json: bool,
) -> None:
    """Find papers, best first.

    Papers that have the words together come first, then those that have all or most of them. Text in double quotes
    must be there as it is. A word that no paper has is taken for misspelt. An identifier or an author's name is found
    too.

    \b
      papers search training speedup
      papers search --org nvidia --since 2026-05-01 --until 2026-05-31 --sort votes
      papers search agents --since 2025-11-03 --until 2025-11-09 --sort votes
      papers search --author "Yann LeCun"
      papers search --like 2511.03276
    """
    from paperlake.config import read_settings
    from paperlake.retrieval.query import SearchQuery
    from paperlake.retrieval.search import related
    from paperlake.retrieval.search import search as search_papers
    from paperlake.retrieval.word_index import refresh_index

    if paper and words:
        raise click.UsageError("give words or --like, not both")
    text = " ".join(f'"{word}"' if " " in word and len(words) > 1 and '"' not in word else word for word in words)
    query = SearchQuery(text, since, until, org, author, topic, category, min_votes, sort)
    if not paper and query == SearchQuery(sort=sort):
        raise click.UsageError("nothing to search for: give words, --like, or a filter such as --author or --org")
    lake = read_settings().lake
    with show.progress_to("index") as update:
        warning = refresh_index(lake, update)
    if warning:
        click.echo(f"Warning: {warning}.", err=True)
    results = related(lake, paper, limit, query) if paper else search_papers(lake, query, limit)
    if as_json:
        found = [hit.as_dict() for hit in results.hits]
        click.echo(show.as_json({"total": results.total, "corrected": results.corrected, "papers": found}))
    else:
        _print(results)


def _print(results: SearchResults) -> None:
    for word, known in results.corrected.items():
        click.echo(f"No paper has {show.safe_line(word)!r}: searched for {show.safe_line(known)!r}.", err=True)
    if not results.hits:
        click.echo("Nothing found.")
        return
    width = min(shutil.get_terminal_size().columns, _WIDEST)
    for hit in results.hits:
        _print_hit(hit, width)
    more = results.total - len(results.hits)
    click.echo(
        f"{results.total:,} found" + (f"; --limit shows more than these {len(results.hits)}" if more > 0 else "")
    )


def _print_hit(hit: Hit, width: int) -> None:
    from paperlake.render.tex import tex_to_text

    listed = f"listed {hit.listed_on}" if hit.listed_on else f"published {hit.published_on}" if hit.published_on else ""
    votes = None if hit.votes is None or not hit.listed_on else "1 upvote" if hit.votes == 1 else f"{hit.votes} upvotes"
    authors = ", ".join(hit.authors[:_AUTHORS_SHOWN]) + (" and others" if len(hit.authors) > _AUTHORS_SHOWN else "")
    facts = [hit.paper_id, listed, votes, hit.organization, authors]
    click.secho(show.safe_line(tex_to_text(hit.title)), bold=True)
    for text in (" · ".join(show.safe_line(fact) for fact in facts if fact), show.safe_line(tex_to_text(hit.snippet))):
        if text:
            click.echo(textwrap.fill(text, width, initial_indent="  ", subsequent_indent="  "))
    click.echo()
