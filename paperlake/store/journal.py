"""The journal of a publish: the steps it is about to take, so that another writer can complete them."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from paperlake.errors import PaperlakeError
from paperlake.store.lake import Lake


class JournalDamaged(PaperlakeError):
    """The journal is not in the format that a publish writes, so its steps are unknown."""


@dataclass(frozen=True, slots=True)
class Plan:
    """The steps of a publish, in this order. All names are relative to the root.

    `moves` maps staged names to published names. `manifest` is the staged manifest, which is moved after them.
    `folded` are files of the inbox whose rows are then published, and which are deleted last.
    """

    moves: dict[str, str]
    manifest: str
    folded: list[str]

    def encode(self) -> bytes:
        """The journal as JSON."""
        return json.dumps(asdict(self)).encode()

    def pending_paths(self, lake: Lake) -> dict[str, Path]:
        """By published name, the path of each file before it is moved."""
        return {name: lake.root / staged for staged, name in self.moves.items()}


def decode(text: bytes, path: Path) -> Plan:
    """Parse a journal. Raises JournalDamaged, which names `path`."""
    try:
        return Plan(**json.loads(text))
    except (ValueError, TypeError) as error:
        raise JournalDamaged(
            f"{path} is damaged ({error}); if no other process is publishing, move it away: the tables contain the "
            "previous publish, and rows that are not published are still in the inbox"
        ) from error
