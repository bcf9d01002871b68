"""The journal of a publish: what it is about to do, so that another writer can finish it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from paperlake.errors import PaperlakeError
from paperlake.store.lake import Lake


class JournalDamaged(PaperlakeError):
    """The journal is not what a publish writes; nobody can tell what was to be done."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be done, in this order; all names are relative to the root.

    `moves` go from a staged name to a published one, `manifest` is the staged one that goes into place after
    them, and the rows of `folded` need not wait in the inbox any longer.
    """

    moves: dict[str, str]
    manifest: str
    folded: list[str]

    def encode(self) -> bytes:
        """The text of the journal."""
        return json.dumps(asdict(self)).encode()

    def aside(self, lake: Lake) -> dict[str, Path]:
        """Where each published name lies until it is moved."""
        return {name: lake.root / staged for staged, name in self.moves.items()}


def decode(text: bytes, path: Path) -> Plan:
    """The plan that `text` holds; `path` is named where it holds none. Raises JournalDamaged."""
    try:
        return Plan(**json.loads(text))
    except (ValueError, TypeError) as error:
        raise JournalDamaged(
            f"{path} is damaged ({error}); if no other process is publishing, move it away: the tables hold what "
            "was published before, and what was not is in the inbox"
        ) from error
