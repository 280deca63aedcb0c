"""What many sets with known errors say about a new one: how the log odds of a ranking relate to its errors.

A ranking's log odds are right when errors are spread evenly or follow pairs of classes, and far too low when
people mistook hard images for something else. Which kind of noise a set has, nobody knows before somebody has
looked. So the relation is not fixed, but has a prior distribution, one for each kind of noise::

    logit P(label of x is wrong)  =  φ(x) · β + u[given] + u[suggested] + u[given, suggested]
    β ~ N(W x̄, Σ)        u ~ N(0, τ²)

φ(x) are piecewise linear functions of the log odds and of the place in the order: β says how probable an
error is at some log odds, so that what holds at the top need not hold further down. x̄ describes the set as a
whole (its size, how low the log odds are, how often the model disagrees with the label). W, Σ and τ of each
kind were fitted to many sets whose errors were made by that kind (empirical Bayes: B. Efron, *Large-Scale
Inference*, Cambridge, 2010), by ``tests/benchmarks/prior.py``; ``prior.json`` holds them.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Doubles = NDArray[np.float64]
Longs = NDArray[np.int64]

KNOTS = (-11.0, -8.5, -7.0, -5.5, -4.0, -2.5, -1.0, 1.0, 4.0, 8.0)
"""Log odds between which the relation is linear; beyond, it is constant."""

SHARES = (0.005, 0.02, 0.07, 0.25, 1.0)
"""Likewise for the place: share of the images at least as suspicious. Nothing is added at the last one."""

SIZE = len(KNOTS) + len(SHARES) - 1
"""How many numbers β has."""

GROUPS = ("given", "suggested", "pair")
"""What the effects u are of, in the order of τ."""


@dataclass(frozen=True)
class Kind:
    """The prior of one kind of noise.

    Parameters
    ----------
    name : str
    weight : float
        Its probability before anything is known of a set.
    mean : float64, shape (n_facts, SIZE)
        W: what the facts of a set make of β.
    covariance : float64, shape (SIZE, SIZE)
        Σ.
    sds : float64, shape (3,)
        τ, in the order of `GROUPS`.
    """

    name: str
    weight: float
    mean: Doubles
    covariance: Doubles
    sds: Doubles


@dataclass(frozen=True)
class Prior:
    """The kinds of noise, and what the facts of a set are measured against.

    Parameters
    ----------
    kinds : tuple of Kind
        Their weights sum to one.
    centre, scale : float64, shape (n_facts - 1,)
        Mean and standard deviation of the facts over all sets, without the constant.
    """

    kinds: tuple[Kind, ...]
    centre: Doubles
    scale: Doubles

    def standardised(self, facts: Doubles) -> Doubles:
        """Return the facts of a set as W takes them: a one, then standardised, within what was seen."""
        z = (facts - self.centre) / self.scale
        return np.concatenate([[1.0], np.clip(z, -_FARTHEST, _FARTHEST)])

    def as_json(self) -> dict[str, Any]:
        """Return what `from_json` reads."""
        return {
            "centre": _rounded(self.centre),
            "scale": _rounded(self.scale),
            "kinds": [
                {
                    "name": kind.name,
                    "weight": round(kind.weight, 4),
                    "sds": _rounded(kind.sds),
                    "mean": _rounded(kind.mean),
                    "covariance": _rounded(kind.covariance),
                }
                for kind in self.kinds
            ],
        }

    @classmethod
    def from_json(cls, table: dict[str, Any]) -> Prior:
        """Read a table of numbers."""
        kinds = tuple(
            Kind(
                kind["name"],
                float(kind["weight"]),
                *(np.array(kind[part], dtype=np.float64) for part in ("mean", "covariance", "sds")),
            )
            for kind in table["kinds"]
        )
        return cls(kinds, np.array(table["centre"]), np.array(table["scale"]))


_FARTHEST = 2.5


def _rounded(numbers: Doubles) -> Any:
    return np.round(numbers, 4).tolist()


@cache
def shipped_prior() -> Prior:
    """Return the prior that comes with the package."""
    return Prior.from_json(json.loads(Path(__file__).with_name("prior.json").read_text(encoding="utf-8")))


def places_of(odds: Doubles) -> Doubles:
    """Return the logarithm of the share of the images down to each one in the ranking, shape (n,).

    Parameters
    ----------
    odds : float64, shape (n,)
        The ranking's log odds of a wrong label; every image has a label.
    """
    place = np.empty(len(odds))
    place[np.argsort(-odds, kind="stable")] = np.arange(1, len(odds) + 1)
    return np.log(place / max(1, len(odds)))


def basis(odds: Doubles, places: Doubles) -> Doubles:
    """Return φ of some images of a ranking, shape (n, SIZE).

    Parameters
    ----------
    odds, places : float64, shape (n,)
        Of these images; see `places_of`.
    """
    return np.concatenate([_hats(odds, np.array(KNOTS)), _hats(places, np.log(SHARES))[:, :-1]], axis=1)


def _hats(x: Doubles, knots: Doubles) -> Doubles:
    """Return the weights of linear interpolation between knots, shape (len(x), len(knots))."""
    return np.stack([np.interp(x, knots, each) for each in np.eye(len(knots))], axis=1)


def facts_of(odds: Doubles, disagree: float, n_classes: int) -> Doubles:
    """Return what describes a set as a whole, without the constant: see the module.

    Parameters
    ----------
    odds : float64, shape (n,)
        Log odds of all labelled images.
    disagree : float
        Share of them for which the model's first choice is not the given label.
    n_classes : int
    """
    n = len(odds)
    if not n:
        return np.zeros(7)
    said = float((1 / (1 + np.exp(-odds))).sum())
    low, middle, high = np.quantile(odds, (0.1, 0.5, 0.9))
    return np.array(
        [
            np.log(n),
            np.log(n / n_classes),
            np.log((said + 0.5) / (n - said + 0.5)),
            np.log((disagree * n + 0.5) / ((1 - disagree) * n + 0.5)),
            middle,
            high - middle,
            middle - low,
        ]
    )
