"""How long to wait before the next request: pure functions of the answer's headers."""

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus

from paperlake.sources.header_fields import joined_field, parse_parameters, split_unquoted, strip_quotes

LONGEST_WAIT_S = 3600.0
"""The maximum for any header: a longer wait is a server error, or a reason to try again another day."""

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
_INTEGER = re.compile(r"[0-9]{1,12}")

Headers = Sequence[tuple[str, str]]
_Item = tuple[frozenset[str], dict[str, str]]


@dataclass(frozen=True, slots=True)
class RateLimit:
    """The content of a `RateLimit` field, and of its policy if there is one."""

    limit: int | None
    """Requests per window."""
    remaining: int
    reset_s: float
    """Seconds until the window ends, at most `LONGEST_WAIT_S`."""
    window_s: float | None


def parse_rate_limit(headers: Headers) -> RateLimit | None:
    """The limit with the fewest remaining requests, or None if the fields are missing or invalid.

    Accepts `RateLimit: "api";r=12;t=34` and `RateLimit-Policy: "fixed window";"api";q=500;w=300` in any order
    (draft-ietf-httpapi-ratelimit-headers, with the second name that Hugging Face adds).
    """
    policies = [_parse_item(text) for text in split_unquoted(joined_field(headers, "ratelimit-policy"), ",")]
    limits = []
    for names, values in (_parse_item(text) for text in split_unquoted(joined_field(headers, "ratelimit"), ",")):
        remaining, reset_s = _integer(values.get("r")), _number(values.get("t"))
        if remaining is None or reset_s is None:
            continue
        policy = _policy_of(names, policies) | values
        limit, window_s = _integer(policy.get("q")), _number(policy.get("w"))
        limits.append(RateLimit(limit or None, remaining, min(reset_s, LONGEST_WAIT_S), window_s or None))
    return min(limits, key=lambda limit: (limit.remaining, -limit.reset_s), default=None)


def parse_retry_after(value: str, now: datetime) -> float | None:
    """The seconds that a `Retry-After` asks for, 0 to `LONGEST_WAIT_S`; None if the value is invalid.

    A date in the past gives 0. A negative number, NaN, and anything that is neither a number nor a date give None.
    """
    text = value.strip()
    if _NUMBER.fullmatch(text):
        return min(float(text), LONGEST_WAIT_S)
    try:
        until = parsedate_to_datetime(text)
        # HTTP dates are in GMT; the parser returns a naive datetime for "-0000".
        until = until if until.tzinfo else until.replace(tzinfo=UTC)
        wait_s = (until - now).total_seconds()
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return min(max(wait_s, 0.0), LONGEST_WAIT_S)


def server_wait_s(status_code: int, headers: Headers, now: datetime) -> float | None:
    """The wait that the server asked for, in seconds; None if the client may choose.

    Only the headers of a 429 and of a 503 count; after any other status the client chooses.
    On a 429, a `RateLimit` with no requests remaining takes precedence over `Retry-After`: it is exact, and one
    more second places the next request safely in the next window. `Retry-After: 0` is ignored: arXiv has sent it
    for hours.
    """
    if status_code == HTTPStatus.TOO_MANY_REQUESTS:
        limit = parse_rate_limit(headers)
        if limit and limit.remaining == 0:
            return min(limit.reset_s + 1, LONGEST_WAIT_S)
    elif status_code != HTTPStatus.SERVICE_UNAVAILABLE:
        return None
    retry_after = next((value for name, value in headers if name == "retry-after"), "")
    return parse_retry_after(retry_after, now) or None


def backoff_s(failures: int, rng: random.Random) -> float:
    """The wait after `failures` (1 or more) failed attempts: exponential with full jitter, to spread clients."""
    return rng.uniform(0, min(BACKOFF_CAP_S, BACKOFF_BASE_S * 2.0 ** min(failures - 1, 30)))


def _parse_item(text: str) -> _Item:
    """The names and the parameters of one list member."""
    parts = split_unquoted(text, ";")
    names = frozenset(strip_quotes(part) for part in parts if part[0] == '"' or "=" not in part)
    return names, parse_parameters(parts)


def _policy_of(names: frozenset[str], policies: list[_Item]) -> dict[str, str]:
    """The parameters of the policy that shares a name with the limit.

    The only policy applies if it or the limit has no name.
    """
    for policy_names, values in policies:
        if names & policy_names:
            return values
    if len(policies) == 1 and not (names and policies[0][0]):
        return policies[0][1]
    return {}


def _integer(text: str | None) -> int | None:
    return int(text) if text is not None and _INTEGER.fullmatch(text) else None


def _number(text: str | None) -> float | None:
    return float(text) if text is not None and _NUMBER.fullmatch(text) else None
