"""The heartbeat: a file that says when the last daily run ended, and how. Any monitor can watch its age."""

from __future__ import annotations

import json
import uuid
from dataclasses import asdict, dataclass
from datetime import datetime

from paperlake.store.files import make_folder, replace, write_new
from paperlake.store.lake import Lake
from paperlake.timestamps import format_timestamp

NAME = "heartbeat.json"


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """The end of a run. `is_well` where it had no problems."""

    run: str
    started_at: datetime
    ended_at: datetime
    is_well: bool
    summary: str


def beat(lake: Lake, heartbeat: Heartbeat) -> None:
    """Leave `heartbeat` in the place of the last one."""
    said = asdict(heartbeat) | {name: getattr(heartbeat, name).isoformat() for name in ("started_at", "ended_at")}
    make_folder(lake.quality)
    make_folder(lake.staged)
    coming = lake.staged / f"{uuid.uuid4().hex}.json"
    write_new(coming, json.dumps(said, indent=1, ensure_ascii=False).encode() + b"\n")
    replace(coming, lake.quality / NAME)


def last_beat(lake: Lake) -> Heartbeat | None:
    """The last heartbeat; None where there is none, or none that can be read."""
    try:
        said = json.loads((lake.quality / NAME).read_bytes())
        times = {name: format_timestamp(said[name]) for name in ("started_at", "ended_at")}
        return Heartbeat(**{**said, **times})
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return None
