"""How votes, comments and stars of a generated paper grow after its first listing."""

# Probabilities stand where they are drawn.
# ruff: noqa: PLR2004

import math
import random
from typing import NamedTuple

DAY_S = 86_400.0
SATURATED_DAYS = 14.0


class Growth(NamedTuple):
    """The parameters of a paper's growth. Ages are days since its first listing."""

    first_votes: int
    last_votes: int
    pace_days: float
    taken_back_days: float | None
    last_comments: int
    first_stars: int
    more_stars: int


def growth(rng: random.Random) -> Growth:
    """Draw the growth of a paper. The distribution is fitted to 23,467 recorded vote counts.

    Half of the papers end with six votes or fewer, 5 % with none, 1 % with about ninety. Half of a paper's votes
    come on its first day, and nearly all within two weeks.
    """
    chance = rng.random
    last = 0 if chance() < 0.045 else max(1, min(int(math.exp(1.85 + 1.15 * rng.gauss(0.0, 1.0))), 900))
    return Growth(
        first_votes=min(last, int(chance() * 3)),
        last_votes=last,
        pace_days=0.5 + 3.0 * chance() ** 2,
        taken_back_days=1.0 + 12.0 * chance() if last >= 3 and chance() < 0.12 else None,
        last_comments=int(-1.2 * math.log(1.0 - chance()) + 0.5),
        first_stars=(stars := int(math.exp(0.8 + 1.9 * rng.gauss(0.0, 1.0)))),
        more_stars=int(stars * 3.0 * chance()) + int(chance() * 12),
    )


def votes(growth: Growth, age_days: float) -> int:
    """Upvotes at an age. The count falls by one if a vote is taken back."""
    if age_days >= SATURATED_DAYS:
        part = 1.0
    else:
        full = 1.0 - math.exp(-SATURATED_DAYS / growth.pace_days)
        part = (1.0 - math.exp(-max(age_days, 0.0) / growth.pace_days)) / full
    count = growth.first_votes + int((growth.last_votes - growth.first_votes) * part + 1e-9)
    if growth.taken_back_days is not None and age_days >= growth.taken_back_days:
        count -= 1
    return max(count, 0)


def comments(growth: Growth, age_days: float) -> int:
    """Comments at an age. They never decrease."""
    return int(growth.last_comments * min(1.0, 0.3 + max(age_days, 0.0) / 5.0))


def stars(growth: Growth, age_days: float) -> int:
    """Stars of the paper's repository at an age. They rise for months."""
    return growth.first_stars + int(growth.more_stars * (1.0 - math.exp(-max(age_days, 0.0) / 40.0)))
