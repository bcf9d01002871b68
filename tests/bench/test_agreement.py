"""The measures that compare the trending score with later votes."""

import pytest

from bench.trending.agreement import interval, kendall, ndcg, spearman, top_overlap

TRUE = [10, 8, 6, 4, 2, 1]


@pytest.mark.parametrize("measure", [spearman, kendall, ndcg, top_overlap])
def test_equal_rankings_agree_fully(measure):
    assert measure([60, 50, 40, 30, 20, 10], TRUE) == pytest.approx(1)


@pytest.mark.parametrize("measure", [spearman, kendall])
def test_opposite_rankings_disagree_fully(measure):
    assert measure(TRUE[::-1], TRUE) == pytest.approx(-1)
    assert measure([1, 1, 1, 1, 1, 1], TRUE) == 0


def test_ties_have_their_mean_rank():
    # Expected values: predicted ranks 3, 1.5, 1.5 and true ranks 3, 2, 1; one of three pairs is a tie.
    assert spearman([9, 5, 5], [3, 2, 1]) == pytest.approx(0.8660254)
    assert kendall([9, 5, 5], [3, 2, 1]) == pytest.approx(2 / (2**0.5 * 3**0.5))


def test_ndcg_uses_the_first_five_and_clips_negative_gains():
    assert ndcg([6, 5, 4, 3, 2, 1], [0, 0, 0, 0, 0, 9]) == 0
    assert ndcg([2, 1], [-5, 4]) == pytest.approx(0.6309298)
    assert ndcg([2, 1], [0, 0]) == 1


def test_top_overlap_includes_ties_with_the_fifth():
    assert top_overlap([6, 5, 4, 3, 2, 1], [9, 9, 9, 9, 1, 1]) == 1
    assert top_overlap([6, 5, 4, 3, 2, 1], [1, 9, 9, 9, 9, 8]) == pytest.approx(0.8)


def test_an_interval_contains_the_mean_and_is_narrow_for_equal_values():
    low, high = interval([0.0, 1.0] * 50)
    assert low < 0.5 < high
    assert interval([0.7] * 10) == (pytest.approx(0.7), pytest.approx(0.7))
