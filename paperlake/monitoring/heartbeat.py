"""The heartbeat: a file with the end and the result of the last daily run. Any monitor can check its age."""

from __future__ import annotations

import json
import uuid
from dataclasses import asdict, dataclass
from datetime import datetime

from paperlake.store.files import make_folder, replace, write_new
from paperlake.store.lake import Lake
from paperlake.timestamps import parse_timestamp

NAME = "heartbeat.json"


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """The end of a run; `is_well` if it had no problems."""

    run: str
    started_at: datetime
    ended_at: datetime
    is_well: bool
    summary: str


def write_heartbeat(lake: Lake, heartbeat: Heartbeat) -> None:
    """Replace the last heartbeat."""
    values = asdict(heartbeat) | {name: getattr(heartbeat, name).isoformat() for name in ("started_at", "ended_at")}
    make_folder(lake.quality)
    make_folder(lake.staged)
    staged = lake.staged / f"{uuid.uuid4().hex}.json"
    write_new(staged, json.dumps(values, indent=1, ensure_ascii=False).encode() + b"\n")
    replace(staged, lake.quality / NAME)


def last_heartbeat(lake: Lake) -> Heartbeat | None:
    """The last heartbeat; None if there is none, or it cannot be read."""
    try:
        values = json.loads((lake.quality / NAME).read_bytes())
        times = {name: parse_timestamp(values[name]) for name in ("started_at", "ended_at")}
        return Heartbeat(**{**values, **times})
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return None
