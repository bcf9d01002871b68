"""What a lake remembers about its feeds in `feeds.json`: the prefixes of ids, and every edition that had an issue.

Feed readers recognize entries by their ids, so an id must never change, and no rebuild can find it out again. A prefix
begins with a name that belongs to the operator: the host of PAPERLAKE_PUBLIC_URL, or the mail address or URL of
PAPERLAKE_CONTACT. It is fixed when the first issue is released. Without both, a random namespace stands in for it, and
issues that are released after one of them is set have the real one.
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import date, datetime
from urllib.parse import urlsplit

from filelock import FileLock

from paperlake.errors import PaperlakeError
from paperlake.render.editions import Edition, rules_sentence
from paperlake.render.feeds import FORMER_PREFIX, RANDOM_PREFIX
from paperlake.render.period import Span
from paperlake.store.files import make_folder, replace_file
from paperlake.store.lake import Lake
from paperlake.timestamps import parse_timestamp

# RFC 4151 allows no other characters in the authority of a `tag:` URI.
_LABEL = r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?"
_DNS_NAME = rf"{_LABEL}(?:\.{_LABEL})*\.[a-z](?:[a-z0-9-]*[a-z0-9])?"
_HOST = re.compile(_DNS_NAME)
_ADDRESS = re.compile(rf"[A-Za-z0-9._-]+@{_DNS_NAME}")


class FeedStateDamaged(PaperlakeError):
    """`feeds.json` cannot be read. New ids would make every reader see all entries again, so none are made."""


@dataclass(frozen=True, slots=True)
class IdPrefix:
    """The prefix of the ids of entries, and of the feeds of editions, that were released before `until`."""

    prefix: str
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class KnownEdition:
    """The words of an edition's feed, which has to outlive its declaration."""

    title: str
    every: Span
    description: str


@dataclass(frozen=True, slots=True)
class FeedState:
    """The prefixes of ids, oldest first; the editions by name; and those whose feeds were removed on request."""

    prefixes: tuple[IdPrefix, ...] = ()
    editions: Mapping[str, KnownEdition] = field(default_factory=dict)
    removed: tuple[str, ...] = ()

    def prefix_at(self, released_at: datetime) -> str:
        """The prefix of the ids of what was first released at this time."""
        return next((p.prefix for p in self.prefixes if p.until is None or released_at < p.until), FORMER_PREFIX)


def read_feed_state(lake: Lake) -> FeedState:
    """The stored state; an empty one if there is none. Raises FeedStateDamaged."""
    try:
        values = json.loads(lake.feeds.read_bytes())
        return FeedState(
            tuple(IdPrefix(p["prefix"], parse_timestamp(p["until"]) if p["until"] else None) for p in values["ids"]),
            {name: KnownEdition(**edition) for name, edition in values["editions"].items()},
            tuple(values["removed"]),
        )
    except FileNotFoundError:
        return FeedState()
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise FeedStateDamaged(
            f"{lake.feeds} cannot be read: {error!r}; restore it from a backup. If you delete it, all issues so far "
            f"get ids that begin with {FORMER_PREFIX}, and readers may see their papers a second time"
        ) from error


def change_feed_state(lake: Lake, change: Callable[[FeedState], FeedState]) -> FeedState:
    """Store what `change` makes of the stored state, and return it. Only one process at a time changes it."""
    make_folder(lake.root)
    make_folder(lake.staged)
    with FileLock(lake.staged / "feeds.lock"):
        stored = read_feed_state(lake)
        state = change(stored)
        if state != stored:
            values = {
                "ids": [
                    {"prefix": p.prefix, "until": p.until.isoformat() if p.until else None} for p in state.prefixes
                ],
                "editions": {name: asdict(edition) for name, edition in sorted(state.editions.items())},
                "removed": sorted(state.removed),
            }
            replace_file(lake.feeds, json.dumps(values, indent=1, ensure_ascii=False).encode() + b"\n")
        return state


def fix_ids(state: FeedState, operator: tuple[str | None, str | None], now: datetime, *, has_issues: bool) -> FeedState:
    """The state with a prefix for the issues that are released from `now` on. `operator`: the public URL, the contact.

    `has_issues`: whether the lake has issues already. Without a stored prefix, an earlier version of Paperlake
    released them, so they keep the prefix of that version.
    """
    prefixes = list(state.prefixes)
    if not prefixes and has_issues:
        prefixes = [IdPrefix(FORMER_PREFIX, now)]
    in_force = prefixes[-1] if prefixes and prefixes[-1].until is None else None
    if in_force and not in_force.prefix.startswith(RANDOM_PREFIX):
        return state
    prefix = operator_prefix(*operator, now.date())
    if prefix is None:
        return state if in_force else replace(state, prefixes=(*prefixes, IdPrefix(f"{RANDOM_PREFIX}{uuid.uuid4()}")))
    if in_force:
        prefixes[-1] = replace(in_force, until=now)
    return replace(state, prefixes=(*prefixes, IdPrefix(prefix)))


def operator_prefix(public_url: str | None, contact: str | None, on: date) -> str | None:
    """A `tag:` URI (RFC 4151) that begins with a name of the operator's; None if neither setting has a usable name.

    `on` is a date on which the name belongs to the operator. A path in the URL tells two installations of one host
    apart. Addresses of machines are no names that belong to anyone.
    """
    for text in (public_url, (contact or "").removeprefix("mailto:")):
        if not text:
            continue
        local, _, domain = text.rpartition("@")
        address = f"{local}@{domain.lower()}"
        if _ADDRESS.fullmatch(address):
            return f"tag:{address},{on}:"
        try:
            parts = urlsplit(text)
            host = (parts.hostname or "") if parts.scheme in {"http", "https"} else ""
        except ValueError:
            continue
        if _HOST.fullmatch(host):
            path = re.sub(r"[^A-Za-z0-9/._~-]", "-", parts.path.strip("/"))
            return f"tag:{host},{on}:{path}/" if path else f"tag:{host},{on}:"
    return None


def remember_editions(state: FeedState, editions: Mapping[str, Edition], released: Collection[str]) -> FeedState:
    """The state with the words of every declared edition that has an issue. It is not removed any more."""
    known = {
        name: KnownEdition(edition.title, edition.every, rules_sentence(edition))
        for name, edition in editions.items()
        if name in released
    }
    removed = tuple(name for name in state.removed if name not in editions)
    return replace(state, editions={**state.editions, **known}, removed=removed)
