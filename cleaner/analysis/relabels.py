"""How many of a group of images would be relabelled wrongly: a bound from random looks and earlier decisions.

A group is a set of images of one pair of labels, *labelled g, probably s*. The share of it that is not s is
unknown. Some images of the group, drawn at random, are looked at; what they show holds for the rest. Yet a
few looks alone say little: four right ones of 23 leave room for nine wrong ones. So the groups of one review
learn from each other::

    looks that were wrong   ~  Binomial(looks, p)
    p, of a group           ~  Beta(m ν, (1 - m) ν),   logit m = logit q + x
    x, of a pair of labels  ~  Normal(δ, τ²)
    δ, of the data set      ~  Normal(0, δ_sd²)

q is the share that the model expects to be wrong. δ says how far the model is off in this set, x how far for
a pair of labels, ν how much groups of one pair differ. All of them are integrated out on a grid; the rest of
the group then is a mixture of beta-binomials, and the bound is its quantile. Random looks are needed because
the model chose the group: only they tell what the model cannot know.

The bound is a Bayesian one: it holds in the mean over groups of many reviews, not for each group whatever it
be. The priors are wide, and `tests/benchmarks/groups.py` checks how often the bound holds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cleaner.ranking.posterior import SURE

Doubles = NDArray[np.float64]
Pair = tuple[str, str]

_SHIFTS = np.linspace(-6.0, 6.0, 49)
_OFFSET_SD = 1.0
_OFFSETS = np.linspace(-3.0, 3.0, 25)
_PAIR_SDS = (0.25, 1.0)
_CONCENTRATIONS = (3.0, 10.0, 40.0)
_LEAST_SHARE = 0.005


class Looks(NamedTuple):
    """Images of a pair of labels that were decided one by one, those of one group or on ordinary pages.

    Parameters
    ----------
    expected : float
        Share, 0..1, that the model expects to be relabelled wrongly.
    looks : int
        How many were decided.
    wrong : int
        How many of these have another label than the suggested one.
    """

    expected: float
    looks: int
    wrong: int


class RelabelModel:
    """What the decisions of a review say on groups; made anew for every state of the review.

    Parameters
    ----------
    seen : mapping of pair to sequence of Looks
        For each pair of labels, given and suggested, what was looked at.
    """

    def __init__(self, seen: Mapping[Pair, Sequence[Looks]]) -> None:
        # log likelihood of the looks of each pair, shape (shifts, concentrations)
        self._pairs = {
            pair: np.sum([_log_likelihood(each) for each in looks], axis=0)
            for pair, looks in seen.items()
            if looks
        }
        self._log_prior = _log_hyperprior()
        self._shift_given = _shift_given()
        self._marginals = {pair: self._marginal(seen) for pair, seen in self._pairs.items()}

    def at_most(self, pair: Pair, own: Looks, *, rest: int, found: int = 0) -> int:
        """Return how many of the rest of a group would be relabelled wrongly at most, `SURE` to hold.

        Parameters
        ----------
        pair : (str, str)
        own : Looks
            Random looks into this group, which are not among those of the pair.
        rest : int
            Images of the group that are neither looked at nor taken out.
        found : int
            Wrong ones that were found otherwise than by random looks: they are known not to be in the rest.
        """
        weight = self._weights(pair, own)
        a, b = _after(own)
        chance = np.tensordot(weight, _beta_binomial(rest + found, a, b), 2)
        before = _quantile(chance)
        chance = chance[found:]  # at least those that were found
        chance /= chance.sum()
        at_most = _quantile(chance)
        if found <= before:  # then that bound still holds, and finding one of those it allows for raises none
            at_most = min(at_most, before)
        return min(at_most, rest)

    def share(self, pair: Pair, own: Looks) -> float:
        """Return the share, 0..1, of a group that would be relabelled wrongly, in the mean.

        Parameters
        ----------
        pair : (str, str)
        own : Looks
            Random looks into this group, which are not among those of the pair.
        """
        a, b = _after(own)
        return float((self._weights(pair, own) * a / (a + b)).sum())

    def _weights(self, pair: Pair, own: Looks) -> Doubles:
        """Return the posterior of shift and concentration for a group, shape (shifts, concentrations)."""
        others = sum((m for other, m in self._marginals.items() if other != pair), self._log_prior)
        hyper = np.exp(others - others.max())  # (offsets, sds, concentrations)
        weight = np.einsum("osc,osx->xc", hyper, self._shift_given)
        evidence = _log_likelihood(own) + self._pairs.get(pair, 0.0)
        weight *= np.exp(evidence - evidence.max())
        return np.asarray(weight / weight.sum())

    def _marginal(self, evidence: Doubles) -> Doubles:
        """Return the log likelihood of a pair's looks, shape (offsets, sds, concentrations)."""
        top = evidence.max()
        return np.asarray(top + np.log(np.einsum("osx,xc->osc", self._shift_given, np.exp(evidence - top))))


def _quantile(chance: Doubles) -> int:
    """Return the least number that is not exceeded with probability `SURE`."""
    return int(np.searchsorted(chance.cumsum(), SURE - 1e-12))


def _mean_share(expected: float) -> Doubles:
    """Return the mean share of wrong ones at each shift."""
    q = min(max(expected, _LEAST_SHARE), 1 - _LEAST_SHARE)
    share = 1 / (1 + np.exp(-(np.log(q / (1 - q)) + _SHIFTS)))
    return np.asarray(np.clip(share, _LEAST_SHARE, 1 - _LEAST_SHARE))


def _log_likelihood(seen: Looks) -> Doubles:
    """Return the log likelihood of some looks at every shift and concentration."""
    from scipy.special import betaln

    if not seen.looks:
        return np.zeros((len(_SHIFTS), len(_CONCENTRATIONS)))
    return np.asarray(betaln(*_after(seen)) - betaln(*_after(seen._replace(looks=0, wrong=0))))


def _after(seen: Looks) -> tuple[Doubles, Doubles]:
    """Return the parameters of the beta distribution of a group's share, at every shift and concentration."""
    mean, concentration = _mean_share(seen.expected)[:, None], np.array(_CONCENTRATIONS)
    return mean * concentration + seen.wrong, (1 - mean) * concentration + seen.looks - seen.wrong


def _beta_binomial(n: int, a: Doubles, b: Doubles) -> Doubles:
    """Return the chance of 0 … n, one row for each a and b, shape (*a.shape, n + 1)."""
    k = np.arange(n)
    steps = np.log((n - k) / (k + 1) * (a[..., None] + k) / (b[..., None] + n - 1 - k))
    chance = np.concatenate([np.zeros((*a.shape, 1)), steps.cumsum(axis=-1)], axis=-1)
    chance = np.exp(chance - chance.max(axis=-1, keepdims=True))
    return np.asarray(chance / chance.sum(axis=-1, keepdims=True))


def _log_hyperprior() -> Doubles:
    """Return the log prior of offset, spread of the pairs and concentration."""
    shape = (len(_OFFSETS), len(_PAIR_SDS), len(_CONCENTRATIONS))
    return np.asarray(np.broadcast_to(-0.5 * (_OFFSETS / _OFFSET_SD)[:, None, None] ** 2, shape))


def _shift_given() -> Doubles:
    """Return the chance of each shift by offset and spread, shape (offsets, sds, shifts)."""
    sds = np.array(_PAIR_SDS)[None, :, None]
    away = (_SHIFTS[None, None, :] - _OFFSETS[:, None, None]) / sds
    chance = np.exp(-0.5 * away**2)
    return np.asarray(chance / chance.sum(axis=-1, keepdims=True))
