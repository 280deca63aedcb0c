from __future__ import annotations

import math
import random
from functools import cache

import numpy as np
import pytest

from cleaner.audit.bound import Stratum, log_evidence, most_errors
from cleaner.errors import RankingError

RUNS = 2000


@pytest.mark.parametrize(
    ("audited", "errors", "most"), [(300, 0, 59), (600, 0, 30), (300, 2, 143), (0, 0, 5000), (5000, 3, 3)]
)
def test_the_bound_has_its_known_values_in_a_population_of_5000(audited: int, errors: int, most: int) -> None:
    assert most_errors(Stratum(5000, audited, errors)) == most


def test_a_lower_alpha_gives_a_higher_bound() -> None:
    stratum = Stratum(1000, 200, 1)
    assert most_errors(stratum, alpha=0.01) > most_errors(stratum) > most_errors(stratum, alpha=0.2)


def test_the_bound_is_the_highest_total_that_the_evidence_allows() -> None:
    draw = random.Random(1)
    for _ in range(100):
        population = draw.randint(1, 200)
        audited = draw.randint(0, population)
        stratum = Stratum(population, audited, draw.randint(0, min(audited, 20)))
        allowed = [t for t in range(population + 1) if log_evidence(t, stratum) < math.log(20)]
        assert most_errors(stratum) == max(allowed), stratum


def test_the_bound_of_two_strata_is_the_highest_sum_that_their_joint_evidence_allows() -> None:
    draw = random.Random(2)

    def stratum() -> Stratum:
        population = draw.randint(1, 40)
        audited = draw.randint(0, population)
        return Stratum(population, audited, draw.randint(0, min(audited, 8)))

    for _ in range(40):
        first, second = stratum(), stratum()
        allowed = [
            i + j
            for i in range(first.population + 1)
            for j in range(second.population + 1)
            if log_evidence(i, first) + log_evidence(j, second) < math.log(20)
        ]
        assert most_errors(first, second) == max(allowed), (first, second)


def test_one_more_error_never_lowers_the_bound_so_that_taking_unsure_for_wrong_is_safe() -> None:
    for audited in (10, 60, 150):
        bounds = [most_errors(Stratum(200, audited, errors)) for errors in range(audited + 1)]
        assert bounds == sorted(bounds)


def test_new_images_that_nobody_has_looked_into_may_all_be_wrong_but_share_the_doubt() -> None:
    alone, few = most_errors(Stratum(3000, 300, 0)), most_errors(Stratum(3000, 300, 0), Stratum(24, 0, 0))
    assert few == alone + 24
    assert most_errors(Stratum(3000, 300, 0), Stratum(3000, 300, 0)) < 1.3 * alone


def test_counts_that_cannot_be_are_refused() -> None:
    with pytest.raises(RankingError) as caught:
        most_errors(Stratum(10, 4, 5))
    assert str(caught.value) == (
        "Got 5 errors in 4 of 10 images; expected no more errors than looks, and no more looks than images."
    )
    with pytest.raises(RankingError, match=r"Got alpha=1\.5; expected a share"):
        most_errors(Stratum(10, 4, 2), alpha=1.5)


def not_significantly_above(share: float, *, runs: int) -> bool:
    return share <= 0.05 + 1.645 * math.sqrt(0.05 * 0.95 / runs)


@pytest.mark.parametrize("total", [1, 6, 30])
def test_over_2000_audits_watched_at_every_look_the_lowest_bound_ever_shown_holds(total: int) -> None:
    population = 400
    rng = np.random.default_rng(total)
    wrong = np.argsort(rng.random((RUNS, population)), axis=1) < total
    errors = np.concatenate([np.zeros((RUNS, 1), np.int64), wrong.cumsum(axis=1)], axis=1)
    bound = np.array(
        [
            [most_errors(Stratum(population, n, k)) if k <= n else population for k in range(total + 1)]
            for n in range(population + 1)
        ]
    )
    lowest = bound[np.arange(population + 1), errors].min(axis=1)
    assert not_significantly_above((lowest < total).mean(), runs=RUNS)


def test_over_2000_audits_that_images_join_half_way_the_bound_holds_at_every_look() -> None:
    sizes, totals, joined_at = (120, 80), (4, 5), 40
    rng = np.random.default_rng(3)

    @cache
    def bound(n: int, k: int, m: int, j: int) -> int:
        return most_errors(Stratum(sizes[0], n, k), Stratum(sizes[1], m, j))

    wrong_claims = 0
    for _ in range(RUNS):
        first, second = (
            np.concatenate([[0], (rng.permutation(size) < total).cumsum()]).tolist()
            for size, total in zip(sizes, totals, strict=True)
        )
        n, m, lowest = joined_at, 0, 200
        while n < sizes[0] or m < sizes[1]:
            if m / sizes[1] <= n / sizes[0]:
                m += 1
            else:
                n += 1
            lowest = min(lowest, bound(n, first[n], m, second[m]))
        wrong_claims += lowest < sum(totals)
    assert not_significantly_above(wrong_claims / RUNS, runs=RUNS)
