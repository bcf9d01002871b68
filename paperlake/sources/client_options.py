"""Options of a client: its source, its limits, and the clock it runs on."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class SourceConfig:
    """The address of a source, and what we send to identify ourselves. The token goes to the host of `base_url` only.

    A path in `base_url` is the prefix of every requested path.
    """

    base_url: str
    user_agent: str
    token: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class RetryLimits:
    """How long and how much one `get` may take."""

    fault_patience_s: float = 20.0
    """For a silent or failing server, over all attempts."""
    quota_patience_s: float = 660.0
    """For the waits that a 429 asks for: two windows of the Hub and a minute."""
    answer_deadline_s: float = 60.0
    """For one answer, until its last byte."""
    size_cap_bytes: int = 64 * 2**20
    """For one answer, on the wire and decoded."""


@dataclass(frozen=True, slots=True)
class Timing:
    """The clock, the sleep function and the source of jitter. Tests replace them."""

    now: Callable[[], datetime]
    sleep: Callable[[float], None] = time.sleep
    monotonic: Callable[[], float] = time.monotonic
    rng: random.Random = field(default_factory=random.Random)
    on_wait: Callable[[float], None] = lambda _: None
    """Called with the seconds of every wait before the client sleeps."""
