"""One model for all classes of a set whose images may have several: each class is there or not.

A *bit* is one class of one image. For bit k of an image x, with y whether the class is there and g whether
the label says so::

    P(y | x)     =  sigmoid(a + Σ_v w_v logit p_v(x) + Σ_v u_v logit s_v(x))
    P(g=0 | y=1) =  m_k,    P(g=1 | y=0) = e_k                                  (missing, and extra labels)

``p_v`` are logistic heads that have not seen the image, ``s_v`` the share of its neighbours with the label,
each as one network sees them; a, w and u are the same for all classes. Heads, weights and rates are found by
EM. The rates of the classes are shrunk towards their mean by a beta prior, as strongly as the counts say
(`cleaner.ranking.noise.best_spread`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from cleaner.ranking.crossfit import N_FOLDS
from cleaner.ranking.features import Floats
from cleaner.ranking.logistic import fit_classes, fit_logistic, logit, precision_of, sigmoid
from cleaner.ranking.noise import FLOOR, Doubles, best_spread
from cleaner.util.progress import SILENT, Reporter

Bools = NDArray[np.bool_]
Longs = NDArray[np.int64]

STRENGTH = 10.0
"""Inverse penalty of the heads on the summed loss of one class. Ten times less, or three times more, finds
fewer errors, and ten times less expects too few of them (``tests/benchmarks/multilabel.py``)."""

_STEPS, _MORE_STEPS = 60, 30
_ROUNDS = 12
_FIRST_MISSING = 0.1
_MOST_NOISE = 0.45
_ANCHORS = 0.3  # share of the surest images of a class
_MOST_BITS = 1_000_000  # that weights are learnt from
_WEIGHT_SDS = 1.5


@dataclass(frozen=True)
class BitNoise:
    """How often labels are missing or extra.

    Attributes
    ----------
    missing : float64, shape (n_classes,)
        P(the label lacks the class | it is there).
    extra : float64, shape (n_classes,)
        P(the label has the class | it is not there).
    """

    missing: Doubles
    extra: Doubles

    def posterior(self, p: Floats, bits: Bools) -> Floats:
        """Return P(class is there | image, label) from P(class is there | image), shape (n, n_classes)."""
        there = np.where(bits, 1 - self.missing, self.missing) * p
        absent = np.where(bits, self.extra, 1 - self.extra) * (1 - p)
        return np.asarray(there / np.maximum(there + absent, 1e-30), dtype=np.float32)


@dataclass(frozen=True)
class BitJudgement:
    """What is believed of all bits.

    Attributes
    ----------
    plain : float32, shape (n, n_classes)
        P(label has the class | image), from heads that have not seen the image.
    predicted : float32, shape (n, n_classes)
        P(class is there | image).
    noise : BitNoise
    weights : list of float32, each of shape (N_FOLDS, dim + 1, n_classes)
        Of the plain heads of each network, fold by fold; the last row holds the offsets.
    """

    plain: Floats
    predicted: Floats
    noise: BitNoise
    weights: list[Floats]


@dataclass(frozen=True)
class Bits:
    """The bits of images, and how the images are dealt to folds.

    Attributes
    ----------
    given : bool, shape (n, n_classes)
        Whether the label has the class; False for images without a label.
    origin : bool, shape (n, n_classes)
        The same before somebody corrected labels.
    sure : bool, shape (n,)
        Labels known to be right.
    folds, judges : int64, shape (n,)
        See `cleaner.ranking.crossfit.plan_folds`.
    """

    given: Bools
    origin: Bools
    sure: Bools
    folds: Longs
    judges: Longs

    @property
    def learn(self) -> Bools:
        """Images that teach."""
        return self.folds >= 0

    def posterior(self, p: Floats, noise: BitNoise) -> Floats:
        """Return P(class is there | image, label); labels that are known to be right decide."""
        q = noise.posterior(p, self.given)
        q[self.sure] = self.given[self.sure]
        return q


def judge(
    bits: Bits, features: Sequence[Floats], votes: Sequence[Floats], *, reporter: Reporter = SILENT
) -> BitJudgement:
    """Fit heads, weights and rates of noise to the labels.

    Parameters
    ----------
    bits : Bits
    features : sequence of float32, each of shape (n, dim)
        As each network sees the images.
    votes : sequence of float32, each of shape (n, n_classes)
        Share of each label among the neighbours.
    reporter : Reporter
        May stop between rounds.
    """
    heads = [_Heads(bits, Z) for Z in features]
    plain = [head.fit(None, reporter=reporter) for head in heads]
    weights = [head.weights.copy() for head in heads]
    mean = np.asarray(sigmoid(np.mean([logit(p) for p in plain], axis=0)), dtype=np.float32)
    found = []
    for first in (_even_noise(bits), _anchor_noise(bits, mean)):
        _, _, noise = _pool(bits, plain, votes, first, reporter)
        true = [head.fit(noise, reporter=reporter) for head in heads]
        found.append(_pool(bits, true, votes, noise, reporter))
    share = _shares(np.array([likelihood for likelihood, _, _ in found]))
    predicted = sum(w * p for w, (_, p, _) in zip(share, found, strict=True))
    rates = [
        sum(w * getattr(noise, name) for w, (_, _, noise) in zip(share, found, strict=True))
        for name in ("missing", "extra")
    ]
    return BitJudgement(mean, np.asarray(predicted, dtype=np.float32), BitNoise(*rates), weights)


def _shares(likelihood: Doubles) -> Doubles:
    """Weigh what two starts came to by how well it explains the labels, per 100 bits so that none is all."""
    share = np.exp(100 * (likelihood - likelihood.max()))
    return np.asarray(share / share.sum(), dtype=np.float64)


class _Heads:
    """Logistic heads over all folds of one network, warm from one fit to the next."""

    def __init__(self, bits: Bits, Z: Floats) -> None:
        self._bits = bits
        self._Z = np.concatenate([Z, np.ones((len(Z), 1), dtype=np.float32)], axis=1)
        self.weights = np.zeros((N_FOLDS, self._Z.shape[1], bits.given.shape[1]), dtype=np.float32)
        self._fitted = False
        share = np.clip(bits.given[bits.learn].mean(axis=0), 1e-3, 1 - 1e-3)
        self.weights[:, -1] = np.log(share / (1 - share))

    def fit(self, noise: BitNoise | None, *, reporter: Reporter) -> Floats:
        """Fit to the labels, through noise if there is any; returns probabilities out of fold."""
        bits, Z = self._bits, self._Z
        steps = _MORE_STEPS if self._fitted else _STEPS
        self._fitted = True
        out = np.zeros((len(Z), bits.given.shape[1]), dtype=np.float32)
        outside = bits.judges < 0
        for fold in range(N_FOLDS):
            reporter.check()
            rows = bits.learn & (bits.folds != fold)
            if not rows.any():
                rows = bits.learn
            believed = partial(_believed, bits.given[rows], bits.sure[rows], noise)
            W = fit_classes(Z[rows], believed, self.weights[fold], strength=STRENGTH, steps=steps)
            self.weights[fold] = W
            mine = bits.judges == fold
            out[mine] = Z[mine] @ W
            out[outside] += Z[outside] @ W / N_FOLDS
        return np.asarray(sigmoid(out.astype(np.float64)), dtype=np.float32)


def _believed(given: Bools, sure: Bools, noise: BitNoise | None, p: Floats) -> Floats:
    """Return what heads are to learn: what is said, or how probable it is in the light of noise."""
    if noise is None:
        return given.astype(np.float32)
    targets = noise.posterior(p, given)
    targets[sure] = given[sure]
    return targets


def _even_noise(bits: Bits) -> BitNoise:
    share = np.clip(bits.given[bits.learn].mean(axis=0), 1e-4, _MOST_NOISE)
    return BitNoise(np.full(len(share), _FIRST_MISSING), _FIRST_MISSING * share / (1 - share))


def _anchor_noise(bits: Bits, p: Floats) -> BitNoise:
    """Read rates off the images of which the heads are surest that a class is there, or is not."""
    missing, extra = [], []
    for column, given in zip(p[bits.learn].T, bits.given[bits.learn].T, strict=True):
        order = np.sort(column)[::-1]
        most = max(1, int(_ANCHORS * given.sum()))
        missing.append(1 - order[:most].mean())
        extra.append(order[len(order) // 2 :].mean())
    return BitNoise(np.clip(missing, FLOOR, _MOST_NOISE), np.clip(extra, 1e-5, _MOST_NOISE))


def _pool(
    bits: Bits, heads: Sequence[Floats], votes: Sequence[Floats], noise: BitNoise, reporter: Reporter
) -> tuple[float, Floats, BitNoise]:
    """Join heads and votes by EM; returns mean log likelihood of a bit, P(there | image) and noise."""
    share = bits.given[bits.learn].mean(axis=0)
    smooth = [(50 * vote + share) / 51 for vote in votes]  # by about as much as one neighbour says
    base = np.log(share + 1e-4) - np.log1p(1e-4 - share)
    columns = np.stack(
        [*(logit(p) for p in heads), *(logit(s) - base for s in smooth)], axis=-1
    )  # (n, n_classes, 2 × networks)
    learn = np.flatnonzero(bits.learn)
    k = bits.given.shape[1]
    some = learn[:: max(1, len(learn) * k // _MOST_BITS)]
    rows = np.concatenate([columns[some].reshape(-1, columns.shape[-1]), np.ones((len(some) * k, 1))], axis=1)
    centre = np.array([1.0] * len(heads) + [0.2] * len(votes) + [0.0]) / max(1, len(heads))
    weights = centre.copy()
    precision = precision_of(np.full(len(centre), _WEIGHT_SDS))
    for _ in range(_ROUNDS):
        reporter.check()
        p = _mixed(columns, weights)
        q = bits.posterior(p, noise)
        noise = _estimated(bits, q)
        weights = fit_logistic(
            rows, q[some].reshape(-1).astype(np.float64), precision, centre=centre, start=weights
        ).mean
    p = _mixed(columns, weights)
    there, absent = (
        np.where(bits.given, 1 - noise.missing, noise.missing),
        np.where(bits.given, noise.extra, 1 - noise.extra),
    )
    said = there * p + absent * (1 - p)
    return float(np.log(np.maximum(said[learn], 1e-12)).mean()), p, noise


def _mixed(columns: Doubles, weights: Doubles) -> Floats:
    return np.asarray(sigmoid(columns @ weights[:-1] + weights[-1]), dtype=np.float32)


def _estimated(bits: Bits, q: Floats) -> BitNoise:
    """Count missing and extra labels of each class by what is believed, and shrink the rates."""
    learn = bits.learn
    there, origin = q[learn].astype(np.float64), bits.origin[learn]
    present, absent = there.sum(axis=0), (1 - there).sum(axis=0)
    lacking, extra = (there * ~origin).sum(axis=0), ((1 - there) * origin).sum(axis=0)
    least = FLOOR * min(1.0, float(present.sum() / max(absent.sum(), 1e-9)))
    return BitNoise(_shrunk(lacking, present, FLOOR), _shrunk(extra, absent, least))


def _shrunk(wrong: Doubles, total: Doubles, least: float) -> Doubles:
    rate = min(max(float(wrong.sum() / max(total.sum(), 1e-9)), least), _MOST_NOISE)
    spread = best_spread(wrong, total, rate)
    return np.asarray(np.clip((wrong + spread * rate) / (total + spread), 1e-6, _MOST_NOISE))
