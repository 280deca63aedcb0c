"""Exact tail probabilities of small tables, and permutation tests."""

import math
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from cleaner.audit.bound import log_binomial

Counts = NDArray[np.int64]
Doubles = NDArray[np.float64]


def binomial_tail(successes: int, trials: int, share: float) -> float:
    """Return P(X ≥ successes) for X ~ Bin(trials, share)."""
    from scipy.special import bdtrc  # 0.2 s to import, which the page need not pay before its first images

    return 1.0 if successes <= 0 else float(bdtrc(successes - 1, trials, share))


def fisher(table: tuple[tuple[int, int], tuple[int, int]]) -> float:
    """Return the two-sided p of Fisher's exact test: all tables with these margins that are no likelier.

    As `scipy.stats.fisher_exact`, which takes 30 times as long, and 0.9 s to import.
    """
    (a, b), (c, d) = table
    first, second, drawn = a + b, c + d, a + c

    def log_chance(x: int) -> float:
        ways = log_binomial(first, x) + log_binomial(second, drawn - x)
        return ways - log_binomial(first + second, drawn)

    here = log_chance(a)
    possible = range(max(0, drawn - second), min(first, drawn) + 1)
    return min(1.0, math.fsum(math.exp(each) for x in possible if (each := log_chance(x)) <= here + 1e-9))


def chance_of_runs(runs: int, groups: Sequence[tuple[int, int]]) -> float:
    """Return P(R ≤ runs) for the runs in random orders of several groups, added up.

    Few runs mean that equals stand together (Wald & Wolfowitz, Ann. Math. Stat. 11, 1940); exact.

    Parameters
    ----------
    runs : int
        All runs together.
    groups : sequence of (int, int)
        Ones and zeros of each group.
    """
    chances = np.ones(1)
    for ones, zeros in groups:
        chances = np.convolve(chances, _runs(ones, zeros))
    return float(min(1.0, chances[: runs + 1].sum()))


def _runs(ones: int, zeros: int) -> Doubles:
    """Return P(R = r) for r = 0, 1, … in a random order of ones and zeros."""
    if not ones or not zeros:
        return np.array([1.0]) if ones == zeros else np.array([0.0, 1.0])
    every = log_binomial(ones + zeros, ones)
    chances = np.zeros(2 * min(ones, zeros) + 2)
    for r in range(2, len(chances)):
        for i, j in {((r + 1) // 2, r // 2), (r // 2, (r + 1) // 2)}:
            if i <= ones and j <= zeros:
                ways = log_binomial(ones - 1, i - 1) + log_binomial(zeros - 1, j - 1)
                chances[r] += (2 - r % 2) * math.exp(ways - every)
    return chances


def permuted(counts: Counts, wrong: Counts, *, draws: int = 1999, seed: int = 0) -> tuple[float, Doubles]:
    """Test whether errors fall on the groups in proportion to their images, within each stratum.

    Parameters
    ----------
    counts : int64, shape (n_strata, n_groups)
        Images.
    wrong : int64, shape (n_strata, n_groups)
        How many of them are errors.
    draws : int
        Random tables with the same margins (Monte Carlo, so the level is exact: North et al., Am. J. Hum.
        Genet. 71, 2002).

    Returns
    -------
    p : float
        That the likelihood-ratio statistic G is so high by chance.
    expected : float64, shape (n_groups,)
        Errors of each group, if they fell in proportion.
    """
    looks, found = counts.sum(axis=1), wrong.sum(axis=1)
    share = np.divide(found, looks, out=np.zeros(len(looks)), where=looks > 0)
    expected: Doubles = (counts * share[:, None]).sum(axis=0)
    rows = np.flatnonzero(found)
    table = np.ascontiguousarray(counts[rows], dtype=np.int64)
    drawn = _drawn(table.tobytes(), table.shape, tuple(found[rows].tolist()), draws, seed)
    here = _g(wrong.sum(axis=0)[None, :], expected)[0]
    as_high = int((_g(drawn, expected) >= here - 1e-9).sum())
    return (1 + as_high) / (1 + draws), expected


@lru_cache(maxsize=32)  # a page asks the same of the same counts after every decision
def _drawn(table: bytes, shape: tuple[int, ...], found: tuple[int, ...], draws: int, seed: int) -> Counts:
    rng = np.random.default_rng(seed)
    drawn = np.zeros((draws, shape[1]), dtype=np.int64)
    for counts, errors in zip(np.frombuffer(table, dtype=np.int64).reshape(shape), found, strict=True):
        drawn += rng.multivariate_hypergeometric(counts, errors, size=draws)
    return drawn


def _g(observed: Counts, expected: Doubles) -> Doubles:
    ratio = np.divide(observed, expected, out=np.ones(observed.shape), where=(observed > 0) & (expected > 0))
    total: Doubles = 2 * (observed * np.log(ratio)).sum(axis=1)
    return total


def holm(ps: Sequence[float], *, tests: int | None = None) -> list[float]:
    """Return p values adjusted for their number (S. Holm, Scand. J. Stat. 6, 1979), in the same order.

    Parameters
    ----------
    ps : sequence of float
    tests : int, optional
        Number of tests, if those with p = 1 were left out of ``ps``.
    """
    number = len(ps) if tests is None else tests
    adjusted = [1.0] * len(ps)
    highest = 0.0
    for place, i in enumerate(sorted(range(len(ps)), key=lambda i: ps[i])):
        highest = max(highest, min(1.0, (number - place) * ps[i]))
        adjusted[i] = highest
    return adjusted
