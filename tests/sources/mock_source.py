"""A client in front of a mock server, with a clock that moves only when the client sleeps."""

import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import httpx

from paperlake.sources.answer import Answer
from paperlake.sources.client_options import RetryLimits, SourceConfig, Timing
from paperlake.sources.polite import PoliteClient

NOON = datetime(2025, 6, 2, 12, tzinfo=UTC)
TOKEN = "hf_never_to_be_seen"
HUB = SourceConfig("https://hub.test", "Paperlake (you@example.org)", TOKEN)
Reaction = httpx.Response | Exception | Callable[[httpx.Request], httpx.Response]


class Clock:
    """A clock that moves only in `sleep`."""

    def __init__(self) -> None:
        self.sleeps: list[float] = []
        self.elapsed_s = 0.0

    def sleep(self, seconds: float) -> None:
        self.sleeps.append(seconds)
        self.elapsed_s += seconds

    def monotonic(self) -> float:
        return self.elapsed_s

    def now(self) -> datetime:
        return NOON + timedelta(seconds=self.elapsed_s)


class RecordingPace:
    """Records every call. A turn takes `turn_s`."""

    def __init__(self, clock: Clock, turn_s: float = 0) -> None:
        self.clock, self.turn_s = clock, turn_s
        self.turns = 0
        self.limits: list[tuple[object, ...]] = []
        self.holds: list[float] = []

    def wait_for_turn(self) -> None:
        self.turns += 1
        self.clock.elapsed_s += self.turn_s

    def update_limit(self, limit: int | None, remaining: int, reset_s: float, window_s: float | None) -> None:
        self.limits.append((limit, remaining, reset_s, window_s))

    def hold(self, seconds: float) -> None:
        self.holds.append(seconds)


class MiddleRandom(random.Random):
    """Always draws the middle of a range, so that waits are predictable."""

    def uniform(self, a: float, b: float) -> float:
        return (a + b) / 2


class MockSource:
    """A client in front of a server that reacts as given. The last reaction repeats."""

    def __init__(
        self,
        *reactions: Reaction,
        source: SourceConfig = HUB,
        turn_s: float = 0,
        now: Callable[[], datetime] | None = None,
        on_wait: Callable[[float], None] = lambda _: None,
        **limits: float,
    ) -> None:
        self.clock = Clock()
        self.pace = RecordingPace(self.clock, turn_s)
        self.requests: list[httpx.Request] = []
        self.reactions = reactions
        self.client = PoliteClient(
            source,
            self.pace,
            Timing(now or self.clock.now, self.clock.sleep, self.clock.monotonic, MiddleRandom(), on_wait),
            RetryLimits(**limits),
            httpx.MockTransport(self.react),
        )

    def react(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        reaction = self.reactions[min(len(self.requests), len(self.reactions)) - 1]
        if isinstance(reaction, Exception):
            raise reaction
        if isinstance(reaction, httpx.Response):
            return httpx.Response(reaction.status_code, headers=reaction.headers, content=reaction.content)
        return reaction(request)

    def get(self, path: str = "/list", params: dict[str, str | int] | None = None) -> Answer:
        with self.client:
            return self.client.get(path, params or {})


def respond(status: int, body: str = "[]", **headers: str) -> httpx.Response:
    return httpx.Response(status, text=body, headers={name.replace("_", "-"): value for name, value in headers.items()})
