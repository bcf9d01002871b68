"""Numbers as people say them."""

from __future__ import annotations

from collections.abc import Iterator

from digests.paper import Paper


def many(count: int, noun: str) -> str:
    """`1 vote`, `1,234 votes`."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def counted(one: Paper) -> Iterator[str]:
    """Votes, comments and stars of a paper, where they are told; comments and stars where there are any."""
    if one.votes is not None:
        yield many(one.votes, "vote")
    if one.comments:
        yield many(one.comments, "comment")
    if one.stars and one.code:
        yield many(one.stars, "star")
