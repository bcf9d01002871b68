"""Measures of agreement between two rankings, and confidence intervals of means over dates."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from itertools import combinations
from statistics import fmean

TOP = 5
_RESAMPLES = 2000

Numbers = Sequence[float]


def spearman(predicted: Numbers, true: Numbers) -> float:
    """Spearman's rank correlation. Ties have their mean rank."""
    return _pearson(_ranks(predicted), _ranks(true))


def kendall(predicted: Numbers, true: Numbers) -> float:
    """Kendall's tau-b, which handles ties; 0 if all values of a side are equal."""
    pairs = [
        ((a > b) - (a < b), (c > d) - (c < d)) for (a, c), (b, d) in combinations(zip(predicted, true, strict=True), 2)
    ]
    sides = math.sqrt(sum(x != 0 for x, _ in pairs)) * math.sqrt(sum(y != 0 for _, y in pairs))
    return sum(x * y for x, y in pairs) / sides if sides else 0.0


def ndcg(predicted: Numbers, true: Numbers) -> float:
    """NDCG of the first five predicted. The gain is the true value, at least zero."""
    gains = [max(value, 0.0) for value in true]
    best = _discounted(sorted(gains, reverse=True))
    return _discounted([gains[at] for at in _order(predicted)]) / best if best else 1.0


def top_overlap(predicted: Numbers, true: Numbers) -> float:
    """The fraction of the first five predicted that are in the true top five, including ties with the fifth."""
    fifth = sorted(true, reverse=True)[:TOP][-1]
    return fmean(true[at] >= fifth for at in _order(predicted)[:TOP])


MEASURES: dict[str, Callable[[Numbers, Numbers], float]] = {
    "Spearman": spearman,
    "Kendall": kendall,
    "NDCG@5": ndcg,
    "top 5 found": top_overlap,
}


def interval(values: Numbers) -> tuple[float, float]:
    """The central 95 % of bootstrap means, with a fixed seed."""
    dice = random.Random(1)  # noqa: S311 - no secret
    means = sorted(fmean(dice.choices(values, k=len(values))) for _ in range(_RESAMPLES))
    return means[round(0.025 * _RESAMPLES)], means[round(0.975 * _RESAMPLES) - 1]


def _order(values: Numbers) -> list[int]:
    """The indexes of values in descending order. Ties keep their order."""
    return sorted(range(len(values)), key=lambda at: -values[at])


def _discounted(gains: Numbers) -> float:
    return sum(gain / math.log2(place + 2) for place, gain in enumerate(gains[:TOP]))


def _ranks(values: Numbers) -> list[float]:
    return [sum(other < value for other in values) + (values.count(value) + 1) / 2 for value in values]


def _pearson(a: Numbers, b: Numbers) -> float:
    mean_a, mean_b = fmean(a), fmean(b)
    spread = math.sqrt(sum((x - mean_a) ** 2 for x in a) * sum((y - mean_b) ** 2 for y in b))
    return sum((x - mean_a) * (y - mean_b) for x, y in zip(a, b, strict=True)) / spread if spread else 0.0
