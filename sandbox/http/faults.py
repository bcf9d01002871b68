"""Faults that a sandbox Hub injects into its answers, and their JSON form."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, fields
from datetime import date
from typing import TYPE_CHECKING, Any, Literal, cast, get_args

if TYPE_CHECKING:
    from collections.abc import Mapping

Kind = Literal[
    "status",
    "delay",
    "drip",
    "drip_headers",
    "truncate",
    "oversize",
    "malformed",
    "drop",
    "html",
    "gzip_bomb",
    "truncated_gzip",
    "redirect",
    "empty",
    "torn",
    "capped",
]
KINDS: tuple[str, ...] = get_args(Kind)
_MIB = 1 << 20
_STATUSES = range(200, 600)


@dataclass(frozen=True)
class HttpFault:
    """A fault for the first `times` requests that it matches (None: all of them).

    status          answers `status` (503) with an error body
    delay           waits `seconds`, then sends the ordinary answer
    drip            spreads the body over `seconds`, a piece every 50 ms
    drip_headers    spreads the status line and the headers in the same way
    truncate        announces the whole body, sends half of it and closes the connection
    oversize        sends `size_bytes` of valid JSON without a Content-Length
    malformed       answers with the first half of the JSON, as a complete body
    drop            closes the connection without an answer
    html            answers with an HTML page and `status` (200)
    gzip_bomb       sends a small gzip body that inflates to `size_bytes`
    truncated_gzip  sends the first half of a gzip body, as a complete body
    redirect        answers `status` (302) and `location`
    empty           answers with an empty list
    torn            answers with only the first entry of the list
    capped          sends at most 50 entries, whatever `limit` was asked for, and announces no next page

    `headers` (such as `Retry-After`) are added to the answer. `day` matches the parameter `date`, `page` the
    parameter `p` (0 when absent), and `path` the start of the path; None matches everything.
    """

    kind: Kind
    status: int | None = None
    seconds: float = 1.0
    size_bytes: int = 64 * _MIB
    headers: Mapping[str, str] = field(default_factory=dict)
    location: str | None = None
    day: date | None = None
    page: int | None = None
    path: str | None = None
    times: int | None = None

    def __post_init__(self) -> None:
        """Raise ValueError for invalid fields."""
        if self.kind not in KINDS:
            message = f"unknown kind of fault {self.kind!r}; choose one of {', '.join(KINDS)}"
            raise ValueError(message)
        if self.kind == "redirect" and self.location is None:
            message = "a redirect needs a location"
            raise ValueError(message)
        if self.status is not None and self.status not in _STATUSES:
            message = f"status must be between {_STATUSES[0]} and {_STATUSES[-1]}, not {self.status}"
            raise ValueError(message)
        for name in ("seconds", "size_bytes", "times"):
            if (number := getattr(self, name)) is not None and number < 0:
                message = f"{name} must not be negative: {number}"
                raise ValueError(message)

    def hits(self, path: str, day: str | None, page: str | None) -> bool:
        """Whether this fault matches a request."""
        return (
            (self.path is None or path.startswith(self.path))
            and (self.day is None or day == self.day.isoformat())
            and (self.page is None or (page or "0") == str(self.page))
        )


_TYPES: dict[str, tuple[type, ...]] = {
    "kind": (str,),
    "status": (int,),
    "seconds": (int, float),
    "size_bytes": (int,),
    "headers": (dict,),
    "location": (str,),
    "day": (str,),
    "page": (int,),
    "path": (str,),
    "times": (int,),
}


def faults_from_json(text: str) -> list[HttpFault]:
    """Read faults from a JSON array of objects. Keys are the fields of `HttpFault`; `day` is YYYY-MM-DD.

    Raises ValueError for an invalid fault, with its position from 1.
    """
    try:
        items = json.loads(text)
    except json.JSONDecodeError as error:
        message = f"the faults are not JSON: {error}"
        raise ValueError(message) from error
    if not isinstance(items, list):
        message = f"the faults must be a JSON array, not {type(items).__name__}"
        raise ValueError(message)  # noqa: TRY004 - one exception type for every error in the text
    faults = []
    for position, item in enumerate(items, start=1):
        try:
            faults.append(_fault(item))
        except ValueError as error:
            message = f"fault {position}: {error}"
            raise ValueError(message) from error
    return faults


def _fault(item: object) -> HttpFault:
    if not isinstance(item, dict):
        message = f"must be an object, not {type(item).__name__}"
        raise ValueError(message)  # noqa: TRY004 - as above
    names = [each.name for each in fields(HttpFault)]
    if unknown := sorted(set(item) - set(names)):
        message = f"unknown keys {', '.join(unknown)}; the keys are {', '.join(names)}"
        raise ValueError(message)
    if "kind" not in item:
        message = f"kind is missing; choose one of {', '.join(KINDS)}"
        raise ValueError(message)
    values = {name: value for name, value in item.items() if value is not None}
    for name, value in values.items():
        if not isinstance(value, _TYPES[name]) or isinstance(value, bool):
            message = f"{name} must be {' or '.join(kind.__name__ for kind in _TYPES[name])}, not {value!r}"
            raise ValueError(message)  # noqa: TRY004 - as above
    if not all(isinstance(value, str) for value in values.get("headers", {}).values()):
        message = "headers must be strings"
        raise ValueError(message)
    if "day" in values:
        values["day"] = date.fromisoformat(values["day"])
    return HttpFault(**cast("dict[str, Any]", values))
