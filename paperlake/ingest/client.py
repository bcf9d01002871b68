"""What the clients of both sources share: the paced HTTP client, retry limits, log lines and stored headers."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from paperlake.clock import RunClock
from paperlake.config import InvalidSetting, Settings
from paperlake.sources.answer import Answer
from paperlake.sources.client_options import RetryLimits, SourceConfig, Timing
from paperlake.sources.polite import PoliteClient
from paperlake.store.pace import FilePace

log = logging.getLogger("paperlake")
log.setLevel(logging.INFO)  # the root logger's level would hide these lines from the log of a run

LOGGED_WAIT_S = 5.0
INTERACTIVE_LIMITS = RetryLimits(fault_patience_s=15, quota_patience_s=60, answer_deadline_s=40)
"""For a user who waits."""
SCHEDULED_LIMITS = RetryLimits(fault_patience_s=300, quota_patience_s=660, answer_deadline_s=120)


@dataclass(frozen=True, slots=True)
class SourceAccess:
    """How to reach a source, and how often."""

    key: str
    """Names the request log that all processes of this machine share."""
    title: str
    """The source in messages."""
    url: str
    variables: str
    """The environment variables to name when the client rejects their values."""
    quota: int | None = 0
    """Requests per window; None: what the source announces, 0: no quota."""
    interval_s: float = 0.0
    """Least time between two requests."""
    token: str | None = field(default=None, repr=False)


def retry_limits(*, is_scheduled: bool) -> RetryLimits:
    """The limits of one request: a schedule can wait longer than a user."""
    return SCHEDULED_LIMITS if is_scheduled else INTERACTIVE_LIMITS


@contextmanager
def open_source(
    access: SourceAccess,
    settings: Settings,
    clock: RunClock,
    limits: RetryLimits,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[PoliteClient]:
    """Open a client that keeps the request limits of a source across all processes of this machine.

    Raises InvalidSetting.
    """
    on_wait = log_waits(access.title)
    pace = FilePace(
        settings.state, access.key, access.quota, interval_s=access.interval_s, sleep=sleep, on_wait=on_wait
    )
    try:
        client = PoliteClient(
            SourceConfig(access.url, settings.user_agent, access.token),
            pace,
            Timing(now=clock.now, sleep=sleep, on_wait=on_wait),
            limits,
        )
    except ValueError as error:
        raise InvalidSetting(f"{access.variables} cannot be used: {error}") from error
    with client:
        yield client


def log_waits(title: str) -> Callable[[float], None]:
    """A callback that logs each wait of at least LOGGED_WAIT_S."""

    def on_wait(wait_s: float) -> None:
        if wait_s >= LOGGED_WAIT_S:
            log.warning("%s: waiting %.0f s (request limit or retry)", title, wait_s)

    return on_wait


def headers_as_json(answer: Answer) -> str:
    """The headers as a JSON object; the values of a repeated name are joined with commas, as HTTP allows."""
    joined: dict[str, str] = {}
    for name, value in answer.headers:
        joined[name] = f"{joined[name]}, {value}" if name in joined else value
    return json.dumps(joined, ensure_ascii=False)
