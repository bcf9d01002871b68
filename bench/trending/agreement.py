"""How well one order of papers agrees with another, and how sure a mean over dates is."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from itertools import combinations
from statistics import fmean

TOP = 5
_RESAMPLES = 2000

Numbers = Sequence[float]


def spearman(told: Numbers, true: Numbers) -> float:
    """Spearman's rank correlation; values that are alike share their mean rank."""
    return _pearson(_ranks(told), _ranks(true))


def kendall(told: Numbers, true: Numbers) -> float:
    """Kendall's tau-b, which knows ties; 0 where all values of a side are alike."""
    pairs = [((a > b) - (a < b), (c > d) - (c < d)) for (a, c), (b, d) in combinations(zip(told, true, strict=True), 2)]
    sides = math.sqrt(sum(x != 0 for x, _ in pairs)) * math.sqrt(sum(y != 0 for _, y in pairs))
    return sum(x * y for x, y in pairs) / sides if sides else 0.0


def ndcg(told: Numbers, true: Numbers) -> float:
    """NDCG of the first five told, the gain being what is true (nothing where it is below zero)."""
    gains = [max(value, 0.0) for value in true]
    best = _discounted(sorted(gains, reverse=True))
    return _discounted([gains[at] for at in _order(told)]) / best if best else 1.0


def found(told: Numbers, true: Numbers) -> float:
    """The share of the first five told that are among the true first five; as much as the fifth is among them."""
    fifth = sorted(true, reverse=True)[:TOP][-1]
    return fmean(true[at] >= fifth for at in _order(told)[:TOP])


MEASURES: dict[str, Callable[[Numbers, Numbers], float]] = {
    "Spearman": spearman,
    "Kendall": kendall,
    "NDCG@5": ndcg,
    "top 5 found": found,
}


def interval(values: Numbers) -> tuple[float, float]:
    """The middle 95 % of the means of resamples, by the same dice each time."""
    dice = random.Random(1)  # noqa: S311 - no secret
    means = sorted(fmean(dice.choices(values, k=len(values))) for _ in range(_RESAMPLES))
    return means[round(0.025 * _RESAMPLES)], means[round(0.975 * _RESAMPLES) - 1]


def _order(values: Numbers) -> list[int]:
    """The places of values, the highest first; of equals the one that stands first."""
    return sorted(range(len(values)), key=lambda at: -values[at])


def _discounted(gains: Numbers) -> float:
    return sum(gain / math.log2(place + 2) for place, gain in enumerate(gains[:TOP]))


def _ranks(values: Numbers) -> list[float]:
    return [sum(other < value for other in values) + (values.count(value) + 1) / 2 for value in values]


def _pearson(a: Numbers, b: Numbers) -> float:
    mean_a, mean_b = fmean(a), fmean(b)
    spread = math.sqrt(sum((x - mean_a) ** 2 for x in a) * sum((y - mean_b) ** 2 for y in b))
    return sum((x - mean_a) * (y - mean_b) for x, y in zip(a, b, strict=True)) / spread if spread else 0.0
