"""How many errors can be left after a random audit, at any time: a confidence sequence without replacement.

M images hold an unknown number T of errors. They are judged in random order; after n of them, k were errors.
For every T the ratio

    E(T) = BetaBin(k; n, a, b) / Hypergeom(k; M, T, n)

(a mixture over T against one T) is, for the true T, a martingale that starts at 1, so it ever reaches 1/α
with probability at most α (Ville). The plausible totals are those with E(T) < 1/α, however often one looks
and whatever makes one stop. With BetaBin(T; M, a, b) as prior of T it is the ratio prior / posterior of
Waudby-Smith & Ramdas, *Confidence sequences for sampling without replacement* (NeurIPS 2020).

Images that come later are a stratum of their own, with a random order of their own. The product of the
strata's ratios is again such a martingale, since a stratum that nobody has looked into yet brings a factor of
one. So the certificate goes on at its full level when the population grows, and earlier looks keep their
worth; starting anew with a smaller α each time would be valid, too, but throws them away.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cleaner.errors import RankingError

ALPHA = 0.05
"""Chance that a statement ever made is wrong: one minus the confidence."""

FOR_RATE, FOR_MISSES = 0.01, 0.01
"""How much of `ALPHA` goes to what is said of the reviewers: how often they miss an error, and how many."""

# Fixed before any look, or the bound would not hold: about 0.5 % errors expected, with little conviction.
_A, _B = 0.5, 100.0


class Stratum(NamedTuple):
    """Images that came together, and what a random order of them has shown so far.

    Parameters
    ----------
    population : int
        Images.
    audited : int
        How many of them, from the start of the order, are judged.
    errors : int
        How many of those are errors.
    """

    population: int
    audited: int
    errors: int


def most_errors(*strata: Stratum, alpha: float = ALPHA) -> int:
    """Return the highest plausible total of errors in all strata, those found in the audit included.

    Parameters
    ----------
    *strata : Stratum
        One, unless images came later.
    alpha : float
        One minus the confidence, in 0..1.

    Raises
    ------
    RankingError
        Counts that cannot be, or an ``alpha`` that is no share.
    """
    if not 0 < alpha < 1:
        msg = f"Got alpha={alpha}; expected a share between 0 and 1, such as 0.05."
        raise RankingError(msg)
    if len(strata) == 1:
        return _most_in_one(strata[0], math.log(1 / alpha))
    total, evidence = 0, 0.0
    costs: list[NDArray[np.float64]] = []
    for stratum in strata:
        best, lowest, rising = _likeliest(stratum)
        total += best
        evidence += lowest
        costs.append(rising)
    # Each stratum's evidence is convex in its total: taking the cheapest step first reaches the farthest.
    steps = np.sort(np.concatenate(costs))
    spent = evidence + np.cumsum(steps)
    return total + int(np.searchsorted(spent, math.log(1 / alpha), side="left"))


def most_with_misses(seen: int, misses: float, *, population: int, alpha: float) -> int:
    """Return the most errors of which a reviewer who misses some would call no more than ``seen`` wrong.

    Each error is called wrong with probability 1 - misses, whoever draws it; so if `most_errors` bounds those
    called wrong at α₁, and this their number at α₂, all errors are bounded at α₁ + α₂.

    Parameters
    ----------
    seen : int
        At most so many images would be called wrong.
    misses : float
        Share of the errors that the reviewer takes for right, 0 or more and below 1; an upper limit is safe.
    population : int
        Images; no more than these can be wrong.
    alpha : float
        One minus the confidence of this step, in 0..1.
    """
    low, high = seen, population
    while low < high:
        middle = (low + high + 1) // 2
        terms = (
            math.exp(
                log_binomial(middle, k) + k * math.log1p(-misses) + (middle - k) * math.log(misses or 1.0)
            )
            for k in range(seen + 1)
            if misses or k == middle
        )
        low, high = (middle, high) if sum(terms) > alpha else (low, middle - 1)
    return low


def most_rate(errors: int, looks: int, *, alpha: float) -> float:
    """Return the highest plausible rate of errors in looks that are independent of each other, 0..1.

    It holds at once for all numbers of looks, as `most_errors` does, and by the same argument: the ratio
    BetaBin(k; n, 1/2, 1/2) / Bin(k; n, p) is a martingale for the true p.

    Parameters
    ----------
    errors, looks : int
    alpha : float
        One minus the confidence, in 0..1.

    Raises
    ------
    RankingError
        Counts that cannot be.
    """
    if not 0 <= errors <= looks:
        msg = f"Got {errors} errors in {looks} looks; expected no more errors than looks."
        raise RankingError(msg)
    if errors == looks:
        return 1.0
    mixture = _log_beta(errors + 0.5, looks - errors + 0.5) - _log_beta(0.5, 0.5)

    def plausible(rate: float) -> bool:
        likelihood = (errors * math.log(rate) if errors else 0.0) + (looks - errors) * math.log1p(-rate)
        return mixture - likelihood < math.log(1 / alpha)

    low, high = errors / looks, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if plausible(middle) else (low, middle)
    return high


def log_evidence(total: int, stratum: Stratum) -> float:
    """Return log E(T), the evidence against ``total`` errors in a stratum; inf where it cannot be."""
    m, n, k = _checked(stratum)
    if not k <= total <= m - n + k:
        return math.inf
    likelihood = log_binomial(total, k) + log_binomial(m - total, n - k) - log_binomial(m, n)
    mixture = log_binomial(n, k) + _log_beta(k + _A, n - k + _B) - _log_beta(_A, _B)
    return mixture - likelihood


def log_binomial(n: float, k: float) -> float:
    """Return the logarithm of n over k."""
    return math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)


def _log_beta(a: float, b: float) -> float:
    return math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)


def _most_in_one(stratum: Stratum, limit: float) -> int:
    """Return the highest total of one stratum whose evidence is below the limit, by halving."""
    m, n, k = _checked(stratum)
    low, high = k + (k * (m - n)) // max(1, n), m - n + k  # from the likeliest total on it only rises
    while low < high:
        middle = (low + high + 1) // 2
        if log_evidence(middle, stratum) < limit:
            low = middle
        else:
            high = middle - 1
    return low


def _likeliest(stratum: Stratum) -> tuple[int, float, NDArray[np.float64]]:
    """Return the total with the least evidence against it, that evidence, and what each more adds."""
    m, n, k = _checked(stratum)
    totals = np.arange(k, m - n + k, dtype=np.float64)
    steps = np.log((totals + 1 - k) / (totals + 1)) + np.log((m - totals) / (m - totals - (n - k)))
    best = k + int(np.searchsorted(steps, 0.0, side="left"))
    return best, log_evidence(best, stratum), steps[best - k :]


def _checked(stratum: Stratum) -> Stratum:
    if not 0 <= stratum.errors <= stratum.audited <= stratum.population:
        msg = (
            f"Got {stratum.errors} errors in {stratum.audited} of {stratum.population} images; expected no "
            "more errors than looks, and no more looks than images."
        )
        raise RankingError(msg)
    return stratum
