from __future__ import annotations

from itertools import combinations, pairwise, product

import numpy as np
import pytest
from scipy import stats

from cleaner.analysis.exact_tests import binomial_tail, chance_of_runs, fisher, holm, permuted


@pytest.mark.parametrize(("k", "n", "p"), [(14, 48, 0.12), (0, 5, 0.3), (5, 5, 0.3), (3, 900, 0.001)])
def test_the_binomial_tail_is_that_of_scipy(k: int, n: int, p: float) -> None:
    assert binomial_tail(k, n, p) == pytest.approx(stats.binom.sf(k - 1, n, p), rel=1e-9)


def test_a_share_of_nothing_or_all_is_no_accident_or_certain() -> None:
    assert binomial_tail(1, 5, 0.0) == 0.0
    assert binomial_tail(5, 5, 1.0) == 1.0


@pytest.mark.parametrize("table", [((41, 19), (3, 47)), ((3, 2), (1, 4)), ((0, 5), (5, 0)), ((2, 2), (2, 2))])
def test_fishers_test_is_that_of_scipy(table: tuple[tuple[int, int], tuple[int, int]]) -> None:
    assert fisher(table) == pytest.approx(stats.fisher_exact(table)[1], rel=1e-9)


def orders(ones: int, zeros: int) -> list[int]:
    """Count the runs in every order."""
    found = []
    for places in combinations(range(ones + zeros), ones):
        marks = [i in places for i in range(ones + zeros)]
        found.append(1 + sum(a != b for a, b in pairwise(marks)))
    return found


@pytest.mark.parametrize(("ones", "zeros"), [(4, 6), (3, 8), (1, 5), (2, 2), (0, 4), (3, 0)])
def test_the_chance_of_few_runs_is_the_share_of_orders_that_have_them(ones: int, zeros: int) -> None:
    every = orders(ones, zeros)
    for runs in range(ones + zeros + 1):
        share = np.mean([each <= runs for each in every])
        assert chance_of_runs(runs, [(ones, zeros)]) == pytest.approx(share), runs


def test_the_runs_of_groups_add_up() -> None:
    both = [a + b for a, b in product(orders(2, 3), orders(3, 2))]
    for runs in range(11):
        share = np.mean([each <= runs for each in both])
        assert chance_of_runs(runs, [(2, 3), (3, 2)]) == pytest.approx(share), runs


def test_the_permutation_test_agrees_with_fishers_on_two_by_two_tables() -> None:
    p, expected = permuted(np.array([[12, 12]]), np.array([[9, 2]]), draws=20_000)
    assert p == pytest.approx(stats.fisher_exact([[9, 2], [3, 10]])[1], abs=0.01)
    assert expected.tolist() == [5.5, 5.5]


def test_the_permutation_test_compares_within_strata_only() -> None:
    counts, wrong = np.array([[50, 0], [0, 50]]), np.array([[40, 0], [0, 1]])
    assert permuted(counts, wrong)[0] == 1.0


def test_without_errors_there_is_nothing_to_test() -> None:
    assert permuted(np.array([[5, 5]]), np.array([[0, 0]]))[0] == 1.0


def test_holm_multiplies_the_smallest_by_all_and_keeps_the_order() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.4, 0.9]) == [0.8, 0.9]
    assert holm([]) == []


def test_tests_that_were_left_out_count_too() -> None:
    assert holm([0.01, 0.02], tests=10) == pytest.approx([0.1, 0.18])
