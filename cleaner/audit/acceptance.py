"""Acceptance sampling: a plan that is fixed beforehand, and whose answer is *accept*, *reject* or *go on*.

The words are those of ISO 2859 (inspection by attributes): the *lot* is the set of images, a *nonconforming
item* an image with a wrong label. A plan is made for two qualities:

- AQL, the acceptance quality limit: a lot with at most this share of wrong labels is to be accepted; the
  *producer's risk* α is the highest chance that it is rejected all the same.
- LTPD, the lot tolerance percent defective (also RQL or *limiting quality*): a lot with at least this share
  is to be rejected; the *consumer's risk* β is the highest chance that it is accepted all the same.

All chances are those of drawing from a finite lot without replacement (hypergeometric), and are computed
exactly; nothing is taken from tables, nothing is approximated. Any plan is a pair of lines: after n images,
accept with Ac(n) errors or fewer, reject with Re(n) or more. Between the lines the answer is *go on*. A
rejection is told as soon as nothing can prevent it, which changes no risk.

A reviewer who errs is taken in by imagining what would be said of each image before any is drawn: of D wrong
labels Bin(D, 1 - misses) would be called wrong, and Bin(M - D, false alarms) of the others. The plan draws
from these; the chances are averaged over how many there are. Both rates are upper limits: a lot at the AQL
is to be accepted also if no error is missed, and one at the LTPD to be rejected also without a false alarm.

Sources: Wald, *Sequential Analysis* (1947), for the sequential plan, here with the likelihood ratio of the
finite lot and truncated; Schilling & Neubauer, *Acceptance Sampling in Quality Control*, for the terms.
"""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from functools import lru_cache
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from cleaner.errors import RankingError

Floats = NDArray[np.float64]
Whole = NDArray[np.int64]

_EXACT = 1e-9  # a chance that is computed as 0.05 + 1e-17 keeps a risk of 0.05
_TAIL_SD = 8  # what lies beyond so many standard deviations cannot be told from rounding
_TRUNCATED = 1.5  # ISO 28591 ends a sequential plan at 1.5 times the single sample
_TIGHTER = (1.0, 1.15, 1.4, 2.0)


class PlanKind(StrEnum):
    """How a plan draws its sample."""

    SINGLE = "single"
    """One sample; the answer after the last image of it."""
    DOUBLE = "double"
    """A first sample, and a second one of the same size only if the first leaves it open."""
    SEQUENTIAL = "sequential"
    """An answer after any image; the smallest sample on average."""


class Verdict(StrEnum):
    """What a plan says."""

    ACCEPT = "accept"
    REJECT = "reject"
    GO_ON = "go on"


@dataclass(frozen=True, slots=True)
class Terms:
    """What a plan has to keep; all are shares, 0..1.

    Parameters
    ----------
    aql : float
        Acceptance quality limit: so many wrong labels are good enough.
    ltpd : float
        Lot tolerance percent defective: so many are too many.
    alpha : float
        Producer's risk: chance that a lot at the AQL is rejected.
    beta : float
        Consumer's risk: chance that a lot at the LTPD is accepted.
    misses : float
        Share of the wrong labels that the reviewer takes for right, at most.
    false_alarms : float
        Share of the right labels that the reviewer takes for wrong, at most.
    measured : bool
        Whether ``misses`` was found by answers to known images: it is at least the true share, but for a
        chance of β / 2. The plan then keeps the other half of β.

    Raises
    ------
    RankingError
        Shares that cannot be.
    """

    aql: float = 0.01
    ltpd: float = 0.05
    alpha: float = 0.05
    beta: float = 0.05
    misses: float = 0.0
    false_alarms: float = 0.0
    measured: bool = False

    def __post_init__(self) -> None:
        if not 0 <= self.aql < self.ltpd <= 1:
            msg = (
                f"Got {self.aql:.3g} as good enough (AQL) and {self.ltpd:.3g} as too many (LTPD); expected "
                "two shares between 0 and 1, the second one higher, such as 0.01 and 0.05."
            )
            raise RankingError(msg)
        if not (0 < self.alpha < 0.5 and 0 < self.beta < 0.5):
            msg = (
                f"Got the risks {self.alpha:.3g} and {self.beta:.3g}; expected shares above 0 and below 0.5."
            )
            raise RankingError(msg)
        if not (self.misses >= 0 and self.false_alarms >= 0 and self.misses + self.false_alarms < 1):
            msg = (
                f"Got {self.misses:.3g} of the errors missed and {self.false_alarms:.3g} false alarms; "
                "expected shares of 0 or more, together below 1."
            )
            raise RankingError(msg)

    def to_json(self) -> dict[str, Any]:
        """Return the terms as JSON can keep them; what earlier versions do not know only where it is used."""
        kept = asdict(self)
        if not self.measured:
            del kept["measured"]
        return kept

    def good(self, population: int) -> int:
        """Return the most errors in a lot that is good enough."""
        return math.floor(self.aql * population + _EXACT)

    def bad(self, population: int) -> int:
        """Return the fewest errors in a lot that is not acceptable."""
        return max(1, math.ceil(self.ltpd * population - _EXACT))


class Stage(NamedTuple):
    """From ``looks`` images on: accept with ``accept`` errors or fewer (-1: not yet), reject with ``reject``.

    In the tables of ISO 2859: the cumulative sample size, Ac and Re.
    """

    looks: int
    accept: int
    reject: int


@dataclass(frozen=True, slots=True)
class Plan:
    """An acceptance sampling plan for a lot of one size.

    Parameters
    ----------
    kind : PlanKind
    terms : Terms
        What it keeps.
    population : int
        Size of the lot, M.
    accept, reject : tuple of int
        Ac(n) and Re(n) for n = 1, 2 … images; Ac is -1 where nothing is accepted yet.
    """

    kind: PlanKind
    terms: Terms
    population: int
    accept: tuple[int, ...]
    reject: tuple[int, ...]

    @property
    def looks(self) -> int:
        """The most images that it takes."""
        return len(self.accept)

    @property
    def stages(self) -> list[Stage]:
        """The looks at which it can accept, or at which a number changes; the last one ends it."""
        found: list[Stage] = []
        for n, numbers in enumerate(zip(self.accept, self.reject, strict=True), start=1):
            if (numbers[0] >= 0 and (not found or found[-1][1:] != numbers)) or n == self.looks:
                found.append(Stage(n, *numbers))
        return found

    def verdict(self, errors: Iterable[bool]) -> tuple[Verdict, int]:
        """Return what the plan says of images in the order drawn, and how many of them it took for that.

        Parameters
        ----------
        errors : iterable of bool
            Whether each was an error, as far as they are judged. Unsure counts as an error.
        """
        found = number = 0
        for error, least, most in zip(errors, self.accept, self.reject, strict=False):
            number += 1
            found += bool(error)
            if found <= least:
                return Verdict.ACCEPT, number
            if found >= most:
                return Verdict.REJECT, number
        return Verdict.GO_ON, number

    def to_json(self) -> dict[str, Any]:
        """Return the plan as JSON can keep it."""
        return asdict(self) | {"terms": self.terms.to_json()}

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> Self:
        """Return the plan that `to_json` wrote down.

        Raises
        ------
        ValueError, KeyError, TypeError, RankingError
            It is none.
        """
        return cls(
            PlanKind(kept["kind"]),
            Terms(**kept["terms"]),
            int(kept["population"]),
            tuple(int(number) for number in kept["accept"]),
            tuple(int(number) for number in kept["reject"]),
        )

    def characteristic(self, errors: Iterable[int]) -> tuple[Floats, Floats]:
        """Return the operating characteristic and the average sample number.

        Parameters
        ----------
        errors : iterable of int
            Numbers of wrong labels that the lot could have.

        Returns
        -------
        (float64, shape (n,)), (float64, shape (n,))
            Chance that the lot is accepted, and images looked at on average until the answer.
        """
        pairs = [_expected(self, *_called_wrong(number, self.population, self.terms)) for number in errors]
        return np.array([accepted for accepted, _ in pairs]), np.array([looks for _, looks in pairs])


def _expected(plan: Plan, called: Whole, weights: Floats) -> tuple[float, float]:
    accepted, looks = _run(plan.population, called, plan.accept, plan.reject)
    return float(weights @ accepted), float(weights @ looks)


@lru_cache(maxsize=256)
def plan_for(population: int, terms: Terms, kind: PlanKind = PlanKind.SINGLE) -> Plan:
    """Return the plan of a kind with the smallest sample that keeps both risks.

    - single: no smaller sample keeps them, whatever its acceptance number;
    - double: both samples have the same size (an odd image of a whole lot aside); of all pairs of acceptance
      numbers, each with its smallest size, the one with the lowest average sample number at the AQL;
    - sequential: Wald's lines for the finite lot, ended after 1.5 times the single sample, with the ending
      and the lines that keep the risks exactly at the lowest average sample number at the AQL. Where none
      does, the single sample, ended as soon as its answer is certain.

    Parameters
    ----------
    population : int
        Size of the lot, in images.
    terms : Terms
    kind : PlanKind

    Raises
    ------
    RankingError
        No sample can keep the risks, as the lot is too small or the reviewer errs too often.
    """
    good, bad = terms.good(population), terms.bad(population)
    if not good < bad <= population:
        msg = (
            f"In {population:,} images, {terms.aql:.3g} and {terms.ltpd:.3g} are both {bad:,} errors; choose "
            "shares that lie farther apart, or review all of them."
        )
        raise RankingError(msg)
    problem = _Problem(
        population,
        terms,
        _called_wrong(good, population, replace(terms, misses=0.0)),
        _called_wrong(bad, population, replace(terms, false_alarms=0.0)),
    )
    single = _single(problem)
    if kind is PlanKind.DOUBLE:
        return _double(problem, single)
    return _sequential(problem, single) if kind is PlanKind.SEQUENTIAL else single


class _Problem(NamedTuple):
    """A lot, and how many images would be called wrong at both of its qualities, with the chances."""

    population: int
    terms: Terms
    good: tuple[Whole, Floats]
    bad: tuple[Whole, Floats]

    def keeps(self, plan: Plan) -> bool:
        return (
            _expected(plan, *self.good)[0] >= 1 - self.terms.alpha - _EXACT
            and _expected(plan, *self.bad)[0] <= self.terms.beta + _EXACT
        )


# -------------------------------------------------------------------- chances


@lru_cache(maxsize=8)
def _log_factorials(most: int) -> Floats:
    return np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, most + 1, dtype=np.float64)))])


def _hypergeometric(k: int, population: int, wrong: Whole, looks: int) -> Floats:
    """Return the chance of k errors in a sample, for each number of wrong ones in the lot."""
    if looks < k:
        return np.zeros(len(wrong))
    f = _log_factorials(population)
    ok = (wrong >= k) & (population - wrong >= looks - k)
    w = np.where(ok, wrong, k)
    right = np.where(ok, population - wrong, looks)
    log = f[w] - f[k] - f[w - k] + f[right] - f[looks - k] - f[right - np.where(ok, looks - k, 0)]
    every = f[population] - f[looks] - f[population - looks]
    return np.where(ok, np.exp(np.where(ok, log - every, 0.0)), 0.0)


def _at_most(c: int, population: int, wrong: Whole, looks: int) -> Floats:
    total = np.zeros(len(wrong))
    for k in range(c + 1):
        total += _hypergeometric(k, population, wrong, looks)
    return total


def _binomial(trials: int, share: float) -> tuple[int, Floats]:
    """Return the lowest number that matters, and the chances of that and the next ones."""
    if not trials or not share:
        return 0, np.ones(1)
    spread = _TAIL_SD * (math.sqrt(trials * share * (1 - share)) + 1)
    low, high = max(0, int(trials * share - spread)), min(trials, math.ceil(trials * share + spread))
    if share == 1:
        return trials, np.ones(1)
    k = np.arange(low, high + 1)
    f = _log_factorials(trials)
    log = f[trials] - f[k] - f[trials - k] + k * math.log(share) + (trials - k) * math.log1p(-share)
    return low, np.exp(log)


def _called_wrong(errors: int, population: int, terms: Terms) -> tuple[Whole, Floats]:
    """Return how many images of the lot the reviewer would call wrong, and the chances of that."""
    first, of_wrong = _binomial(errors, 1 - terms.misses)
    second, of_right = _binomial(population - errors, terms.false_alarms)
    weights = np.convolve(of_wrong, of_right)
    return np.arange(first + second, first + second + len(weights)), weights / weights.sum()


def _run(
    population: int, wrong: Whole, accept: Iterable[int], reject: tuple[int, ...]
) -> tuple[Floats, Floats]:
    """Play a plan look by look: the chance of acceptance and the mean looks, by wrong ones in the lot."""
    k = np.arange(max(reject) + 1)
    chance = np.zeros((len(wrong), len(k)))
    chance[:, 0] = 1.0
    accepted, looks = np.zeros(len(wrong)), np.zeros(len(wrong))
    left = np.clip(wrong[:, None] - k[None, :], 0, None).astype(np.float64)
    for n, (least, most) in enumerate(zip(accept, reject, strict=True)):
        looks += chance.sum(axis=1)
        hit = chance * np.minimum(left / (population - n), 1.0)
        chance -= hit
        chance[:, 1:] += hit[:, :-1]
        if least >= 0:
            accepted += chance[:, : least + 1].sum(axis=1)
            chance[:, : least + 1] = 0.0
        chance[:, most:] = 0.0
    return accepted, looks


# -------------------------------------------------------------------- making plans


def _smallest(enough: range, keeps: Callable[[int], bool]) -> int | None:
    """Return the first number from which on a condition holds, by halving; None if it never does."""
    if not enough or not keeps(enough[-1]):
        return None
    low, high = 0, len(enough) - 1
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if keeps(enough[middle]) else (middle + 1, high)
    return enough[low]


def _single(problem: _Problem) -> Plan:
    """Take the lowest acceptance number whose smallest safe sample is fair as well: more need more images."""
    population, terms, (good, good_weights), (bad, bad_weights) = problem
    for c in range(population):

        def safe(n: int, c: int = c) -> bool:
            return float(bad_weights @ _at_most(c, population, bad, n)) <= terms.beta + _EXACT

        n = _smallest(range(c + 1, population + 1), safe)
        if n is None:
            break
        if float(good_weights @ _at_most(c, population, good, n)) >= 1 - terms.alpha - _EXACT:
            return Plan(PlanKind.SINGLE, terms, population, (-1,) * (n - 1) + (c,), (c + 1,) * n)
    msg = (
        f"No sample of {population:,} images tells {terms.aql:.3g} from {terms.ltpd:.3g} wrong labels with "
        "these risks and a reviewer who errs so often; choose shares that lie farther apart."
    )
    raise RankingError(msg)


def _double(problem: _Problem, single: Plan) -> Plan:
    population, terms, (good, good_weights), (bad, bad_weights) = problem
    best: tuple[float, int, int, int] | None = None

    def accepted(wrong: Whole, n: int, c1: int, c2: int) -> Floats:
        """Return the chances of being accepted.

        Given t errors in both samples, those of the first are a draw from all its images, whatever the lot.
        """
        both = n + min(n, population - n)
        totals = np.arange(c2 + 1)
        in_second = 1.0 - _at_most(c1, both, totals, n)
        chance = _at_most(c1, population, wrong, n)
        for t in range(c1 + 1, c2 + 1):
            chance += in_second[t] * _hypergeometric(t, population, wrong, both)
        return chance

    def smallest(least: int, c1: int, c2: int) -> int | None:
        def safe(n: int) -> bool:
            return float(bad_weights @ accepted(bad, n, c1, c2)) <= terms.beta + _EXACT

        return _smallest(range(max(least, (c2 + 2) // 2), (population + 1) // 2 + 1), safe)

    least = 1
    for c1 in range(-1, population):
        c2 = c1 + 1
        n = smallest(least, c1, c2)
        if n is None or (best is not None and n >= best[0]):
            break
        least = n  # more errors allowed need more images
        while n is not None and (best is None or n < best[0]):
            if float(good_weights @ accepted(good, n, c1, c2)) >= 1 - terms.alpha - _EXACT:
                again = _at_most(c2, population, good, n) - _at_most(c1, population, good, n)
                mean = n + min(n, population - n) * float(good_weights @ again)
                best = min(best or (math.inf, 0, 0, 0), (mean, n, c1, c2))
            c2 += 1
            n = smallest(n, c1, c2)
    if best is None:
        return replace(single, kind=PlanKind.DOUBLE)  # nearly the whole lot: a second sample wins nothing
    _, n, c1, c2 = best
    whole = n + min(n, population - n)
    accept = (*(-1,) * (n - 1), c1, *(-1,) * (whole - n - 1), c2)
    return Plan(PlanKind.DOUBLE, terms, population, accept, (c2 + 1,) * whole)


def _sequential(problem: _Problem, single: Plan) -> Plan:
    population, terms, (good, good_weights), (bad, bad_weights) = problem
    low, high = math.ceil(good_weights @ good), math.floor(bad_weights @ bad)
    looks = min(population, math.ceil(_TRUNCATED * single.looks))
    plain = Plan(PlanKind.SEQUENTIAL, terms, population, single.accept, single.reject)
    if low >= high:
        return plain
    best = (_expected(plain, *problem.good)[1], plain)
    for end in range(single.accept[-1], 2 * single.accept[-1] + 4):
        for tighter in _TIGHTER:
            lines = _lines(population, low, high, looks, end, tighter=tighter, terms=terms)
            plan = Plan(PlanKind.SEQUENTIAL, terms, population, *lines)
            if problem.keeps(plan):
                mean = _expected(plan, *problem.good)[1]
                if mean > best[0]:
                    return best[1]  # a later end only takes longer
                best = (mean, plan)
                break
    return best[1]


def _lines(
    population: int, low: int, high: int, looks: int, end: int, *, tighter: float, terms: Terms
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return Wald's lines, ended with the acceptance number ``end`` after so many looks."""
    f = _log_factorials(population)
    k = np.arange(end + 2)[None, :]
    n = np.arange(1, looks + 1)[:, None]

    def likelihood(wrong: int) -> Floats:
        right = population - wrong
        ok = (k <= np.minimum(wrong, n)) & (n - k <= right)
        drawn = np.where(ok, k, 0)
        rest = np.where(ok, n - k, 0)
        log = f[wrong] - f[wrong - drawn] + f[right] - f[right - rest]
        return np.where(ok, log, -np.inf)

    with np.errstate(invalid="ignore"):  # what neither can be is no evidence
        ratio = np.nan_to_num(likelihood(high) - likelihood(low), nan=0.0, posinf=np.inf, neginf=-np.inf)
    good_enough = ratio <= math.log(terms.beta / (1 - terms.alpha) / tighter)
    too_many = ratio >= math.log((1 - terms.beta) / terms.alpha * tighter)
    possible = k <= n
    accept = np.where(good_enough & possible, k, -1).max(axis=1)
    reject = np.where(too_many & possible, k, end + 1).min(axis=1)
    accept = np.minimum(accept, np.minimum(end, reject - 1))
    accept[-1], reject[-1] = end, end + 1
    return tuple(accept.tolist()), tuple(reject.tolist())
