"""An HTTP answer, and the JSON form that the Hub gives its answers."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class Answer:
    """A status, the headers specific to this answer, and a body."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


def compact_json(value: object) -> bytes:
    """Encode `value` as the Hub does: no blanks, and non-ASCII letters unescaped."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def json_answer(status: int, value: object, headers: Mapping[str, str] | None = None) -> Answer:
    """An answer with a JSON body."""
    content_type = {"Content-Type": "application/json; charset=utf-8"}
    return Answer(status, compact_json(value), {**content_type, **(headers or {})})


def json_error(status: int, reason: str) -> Answer:
    """An error in the Hub's form."""
    return json_answer(status, {"error": reason})
