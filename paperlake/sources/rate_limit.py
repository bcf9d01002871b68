"""How long a server wants us to wait: pure decisions on its headers."""

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus

from paperlake.sources.header_fields import field, parameters, pieces, unquoted

LONGEST_WAIT_S = 3600.0
"""No header makes us wait longer: more is a mistake of the server's, or a reason to come back another day."""

BACKOFF_BASE_S = 1.0
BACKOFF_CAP_S = 30.0

RETRYABLE = frozenset(
    {
        HTTPStatus.REQUEST_TIMEOUT,
        HTTPStatus.TOO_MANY_REQUESTS,
        HTTPStatus.INTERNAL_SERVER_ERROR,
        HTTPStatus.BAD_GATEWAY,
        HTTPStatus.SERVICE_UNAVAILABLE,
        HTTPStatus.GATEWAY_TIMEOUT,
    }
)

_NUMBER = re.compile(r"[0-9]{1,12}(\.[0-9]{0,6})?")
_WHOLE = re.compile(r"[0-9]{1,12}")

Headers = Sequence[tuple[str, str]]
_Item = tuple[frozenset[str], dict[str, str]]


@dataclass(frozen=True, slots=True)
class RateLimit:
    """What a `RateLimit` field says, with its policy where there is one."""

    limit: int | None
    """Requests a window."""
    remaining: int
    reset_s: float
    """Seconds until the window ends, at most `LONGEST_WAIT_S`."""
    window_s: float | None


def rate_limit(headers: Headers) -> RateLimit | None:
    """The limit we are nearest to, or None where the fields are missing or cannot be read.

    Understands `RateLimit: "api";r=12;t=34` and `RateLimit-Policy: "fixed window";"api";q=500;w=300`
    (draft-ietf-httpapi-ratelimit-headers, with the second name that Hugging Face puts in), in any order.
    """
    policies = [_item(text) for text in pieces(field(headers, "ratelimit-policy"), ",")]
    found = []
    for names, said in (_item(text) for text in pieces(field(headers, "ratelimit"), ",")):
        remaining, reset_s = _whole(said.get("r")), _number(said.get("t"))
        if remaining is None or reset_s is None:
            continue
        policy = _policy_of(names, policies) | said
        limit, window_s = _whole(policy.get("q")), _number(policy.get("w"))
        found.append(RateLimit(limit or None, remaining, min(reset_s, LONGEST_WAIT_S), window_s or None))
    return min(found, key=lambda one: (one.remaining, -one.reset_s), default=None)


def retry_after_s(value: str, now: datetime) -> float | None:
    """The seconds that a `Retry-After` asks for, 0 to `LONGEST_WAIT_S`; None where it says nothing sensible.

    A date that is past is 0; a negative number, NaN, or anything that is neither number nor date is None.
    """
    text = value.strip()
    if _NUMBER.fullmatch(text):
        return min(float(text), LONGEST_WAIT_S)
    try:
        until = parsedate_to_datetime(text)
        # HTTP dates are GMT; the parser gives a naive one for "-0000".
        until = until if until.tzinfo else until.replace(tzinfo=UTC)
        wait_s = (until - now).total_seconds()
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return min(max(wait_s, 0.0), LONGEST_WAIT_S)


def asked_wait_s(status_code: int, headers: Headers, now: datetime) -> float | None:
    """The wait that the server asked for, in seconds; None where it is left to us.

    On a 429 a spent `RateLimit` comes before `Retry-After`: it is exact, and a second more puts us safely in
    the next window. `Retry-After: 0` is no advice: arXiv has sent it for hours.
    """
    if status_code == HTTPStatus.TOO_MANY_REQUESTS:
        limit = rate_limit(headers)
        if limit and limit.remaining == 0:
            return min(limit.reset_s + 1, LONGEST_WAIT_S)
    elif status_code != HTTPStatus.SERVICE_UNAVAILABLE:
        return None
    first = next((value for name, value in headers if name == "retry-after"), "")
    return retry_after_s(first, now) or None


def backoff_s(failures: int, rng: random.Random) -> float:
    """The wait after so many failures (1 and up): exponential, with full jitter, so that crowds disperse."""
    return rng.uniform(0, min(BACKOFF_CAP_S, BACKOFF_BASE_S * 2.0 ** min(failures - 1, 30)))


def _item(text: str) -> _Item:
    """The names and the parameters of one member of a list."""
    parts = pieces(text, ";")
    return frozenset(unquoted(part) for part in parts if part[0] == '"' or "=" not in part), parameters(parts)


def _policy_of(names: frozenset[str], policies: list[_Item]) -> dict[str, str]:
    """The parameters of the policy that shares a name with the limit, or of the only one if one has none."""
    for policy_names, said in policies:
        if names & policy_names:
            return said
    if len(policies) == 1 and not (names and policies[0][0]):
        return policies[0][1]
    return {}


def _whole(text: str | None) -> int | None:
    return int(text) if text is not None and _WHOLE.fullmatch(text) else None


def _number(text: str | None) -> float | None:
    return float(text) if text is not None and _NUMBER.fullmatch(text) else None
