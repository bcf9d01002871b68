"""The measures by which the trending score is compared with what came later."""

import pytest

from bench.agreement import found, interval, kendall, ndcg, spearman

TRUE = [10, 8, 6, 4, 2, 1]


@pytest.mark.parametrize("measure", [spearman, kendall, ndcg, found])
def test_the_same_order_agrees_wholly(measure):
    assert measure([60, 50, 40, 30, 20, 10], TRUE) == pytest.approx(1)


@pytest.mark.parametrize("measure", [spearman, kendall])
def test_the_opposite_order_disagrees_wholly(measure):
    assert measure(TRUE[::-1], TRUE) == pytest.approx(-1)
    assert measure([1, 1, 1, 1, 1, 1], TRUE) == 0


def test_values_that_are_alike_share_a_rank():
    # By hand: told ranks 3, 1.5, 1.5 and true ranks 3, 2, 1; one of three pairs is a tie.
    assert spearman([9, 5, 5], [3, 2, 1]) == pytest.approx(0.8660254)
    assert kendall([9, 5, 5], [3, 2, 1]) == pytest.approx(2 / (2**0.5 * 3**0.5))


def test_only_the_first_five_count_for_ndcg_and_what_is_below_zero_gains_nothing():
    assert ndcg([6, 5, 4, 3, 2, 1], [0, 0, 0, 0, 0, 9]) == 0
    assert ndcg([2, 1], [-5, 4]) == pytest.approx(0.6309298)
    assert ndcg([2, 1], [0, 0]) == 1


def test_of_those_as_high_as_the_fifth_each_is_among_the_first_five():
    assert found([6, 5, 4, 3, 2, 1], [9, 9, 9, 9, 1, 1]) == 1
    assert found([6, 5, 4, 3, 2, 1], [1, 9, 9, 9, 9, 8]) == pytest.approx(0.8)


def test_an_interval_holds_the_mean_and_is_narrow_where_values_are_alike():
    low, high = interval([0.0, 1.0] * 50)
    assert low < 0.5 < high
    assert interval([0.7] * 10) == (pytest.approx(0.7), pytest.approx(0.7))
