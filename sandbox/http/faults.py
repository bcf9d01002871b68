"""What can go wrong on the way from a Hub: faults that are set for some requests, and read from JSON."""

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
]
KINDS: tuple[str, ...] = get_args(Kind)
_MIB = 1 << 20
_STATUSES = range(200, 600)


@dataclass(frozen=True)
class Fault:
    """One thing that goes wrong, for the requests that it matches, `times` times (None: for ever).

    status          answers `status` (503) with an error body
    delay           waits `seconds` before the answer, which is then the ordinary one
    drip            spreads the body over `seconds`, a piece every twentieth of a second
    drip_headers    does the same to the status line and the headers
    truncate        announces the whole body, sends half of it and hangs up
    oversize        sends `size_bytes` of valid JSON without announcing how much it will be
    malformed       answers half of the JSON as if it were all
    drop            hangs up without a word
    html            answers a page of HTML, with `status` (200)
    gzip_bomb       sends a small gzip body that inflates to `size_bytes`
    truncated_gzip  sends the first half of a gzip body as if it were all
    redirect        answers `status` (302) and `location`

    `headers` are added to whatever is answered, `Retry-After` for one. `day` matches the parameter `date`, `page`
    the parameter `p` (0 when absent) and `path` the beginning of the path; None matches everything.
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
        """Refuse what could not be done."""
        if self.kind not in KINDS:
            message = f"unknown kind of fault {self.kind!r}; there are {', '.join(KINDS)}"
            raise ValueError(message)
        if self.kind == "redirect" and self.location is None:
            message = "a redirect needs a location"
            raise ValueError(message)
        if self.status is not None and self.status not in _STATUSES:
            message = f"status must be between {_STATUSES[0]} and {_STATUSES[-1]}, not {self.status}"
            raise ValueError(message)
        for name in ("seconds", "size_bytes", "times"):
            if (number := getattr(self, name)) is not None and number < 0:
                message = f"{name} must not be negative, and is {number}"
                raise ValueError(message)

    def hits(self, path: str, day: str | None, page: str | None) -> bool:
        """Whether a request is one of those that this fault is for."""
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


def faults_from_json(text: str) -> list[Fault]:
    """The faults in a JSON array of objects, whose keys are the fields of `Fault` and whose `day` is YYYY-MM-DD.

    Raises ValueError, naming the fault by its place from 1, for anything that is not one.
    """
    try:
        items = json.loads(text)
    except json.JSONDecodeError as error:
        message = f"the faults are not JSON: {error}"
        raise ValueError(message) from error
    if not isinstance(items, list):
        message = f"the faults must be a JSON array, not {type(items).__name__}"
        raise ValueError(message)  # noqa: TRY004 - one kind of error for everything that is wrong with the text
    faults = []
    for place, item in enumerate(items, start=1):
        try:
            faults.append(_fault(item))
        except ValueError as error:
            message = f"fault {place}: {error}"
            raise ValueError(message) from error
    return faults


def _fault(item: object) -> Fault:
    if not isinstance(item, dict):
        message = f"must be an object, not {type(item).__name__}"
        raise ValueError(message)  # noqa: TRY004 - as above
    known = [each.name for each in fields(Fault)]
    if unknown := sorted(set(item) - set(known)):
        message = f"unknown keys {', '.join(unknown)}; there are {', '.join(known)}"
        raise ValueError(message)
    if "kind" not in item:
        message = f"kind is missing; there are {', '.join(KINDS)}"
        raise ValueError(message)
    given = {name: value for name, value in item.items() if value is not None}
    for name, value in given.items():
        if not isinstance(value, _TYPES[name]) or isinstance(value, bool):
            message = f"{name} must be {' or '.join(kind.__name__ for kind in _TYPES[name])}, and is {value!r}"
            raise ValueError(message)  # noqa: TRY004 - as above
    if not all(isinstance(value, str) for value in given.get("headers", {}).values()):
        message = "headers must be texts"
        raise ValueError(message)
    if "day" in given:
        given["day"] = date.fromisoformat(given["day"])
    return Fault(**cast("dict[str, Any]", given))
