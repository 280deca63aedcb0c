"""Heads fitted fold by fold: every image is judged by one that has seen neither it nor a copy of it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from cleaner.ranking.features import MANY_CELLS, Floats
from cleaner.ranking.folds import make_folds
from cleaner.ranking.heads import Fits, fit_heads, log_softmax
from cleaner.ranking.noise import NoiseMatrix
from cleaner.util.progress import SILENT, Reporter

N_FOLDS = 5
STRENGTHS = (1.0, 3.0)
"""Inverse penalties on the summed loss; averaged: clean labels want the larger, noisy ones the smaller."""

_PASSES, _PASSES_MORE = 25, 12
_PASSES_LARGE, _PASSES_MORE_LARGE = 12, 6


def plan_folds(
    codes: NDArray[np.int64], units: NDArray[np.int64], learn: NDArray[np.bool_], seed: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Deal the learning images to folds.

    Returns
    -------
    folds : int64, shape (n,)
        -1 for images that teach nothing.
    judges : int64, shape (n,)
        The fold whose head may judge the image: its own, or that of its copy; -1 = all of them.
    """
    folds = np.full(len(codes), -1, dtype=np.int64)
    folds[learn] = make_folds(codes[learn], units[learn], n_folds=N_FOLDS, seed=seed)
    home = dict(zip(units[learn].tolist(), folds[learn].tolist(), strict=True))
    judges = np.array([home.get(unit, -1) for unit in units.tolist()], dtype=np.int64)
    return folds, judges


@dataclass(frozen=True)
class CrossFit:
    """Heads over all folds and penalties, fitted together.

    Attributes
    ----------
    Z : float32, shape (n, dim)
        Features.
    codes : int64, shape (n,)
        Column of the given label, -1 for none.
    folds, judges : int64, shape (n,)
        See `plan_folds`.
    sure : bool, shape (n,)
        Labels known to be right.
    n_classes : int
    fits : Fits or None
        The last fit; the next one starts from it.
    """

    Z: Floats
    codes: NDArray[np.int64]
    folds: NDArray[np.int64]
    judges: NDArray[np.int64]
    sure: NDArray[np.bool_]
    n_classes: int
    fits: Fits | None = None

    @property
    def strengths(self) -> tuple[float, ...]:
        """Inverse penalties; one for sets so large that two would take too long."""
        return (float(np.sqrt(np.prod(STRENGTHS))),) if self.large else STRENGTHS

    @property
    def large(self) -> bool:
        """Whether to save time."""
        return len(self.codes) * self.n_classes > MANY_CELLS

    def fit(self, noise: NoiseMatrix | None = None, *, reporter: Reporter = SILENT) -> CrossFit:
        """Fit all heads, plainly or through a noise matrix; the last one sees all folds."""
        learn = self.folds >= 0
        codes = self.codes[learn]
        sure = self.sure[learn]
        evidence = np.zeros((len(codes), self.n_classes), dtype=np.float32)
        evidence[np.arange(len(codes)), codes] = 1
        if noise is not None:
            evidence[~sure] = noise.T[:, codes[~sure]].T
        masks = self.folds[learn] != np.arange(N_FOLDS)[:, None]
        everything = np.ones((1, len(codes)), dtype=bool)
        weights = np.concatenate([*[masks] * len(self.strengths), everything]).astype(np.float32)
        strengths = [*np.repeat(self.strengths, N_FOLDS), self.strengths[-1]]
        first, more = (_PASSES_LARGE, _PASSES_MORE_LARGE) if self.large else (_PASSES, _PASSES_MORE)
        fits = fit_heads(
            self.Z if learn.all() else self.Z[learn],
            evidence,
            weights,
            l2=[1 / (s * max(1.0, float(w.sum()))) for s, w in zip(strengths, weights, strict=True)],
            start=None if self.fits is None else self.fits.W,
            max_passes=first if self.fits is None else more,
            reporter=reporter,
        )
        return replace(self, fits=fits)

    @property
    def fold_weights(self) -> Floats:
        """Weights of each fold's head, mean over the penalties, shape (N_FOLDS, dim + 1, n_classes)."""
        assert self.fits is not None
        W = self.fits.W[: len(self.strengths) * N_FOLDS]
        mean: Floats = W.reshape(len(self.strengths), N_FOLDS, *W.shape[1:]).mean(axis=0)
        return mean

    def out_of_fold(self) -> Floats:
        """Return log probabilities from heads that have not seen the image, shape (n, n_classes)."""
        total = np.zeros((len(self.Z), self.n_classes), dtype=np.float32)
        outside = np.flatnonzero(self.judges < 0)
        for f in range(N_FOLDS):
            rows = np.flatnonzero(self.judges == f)
            for s in range(len(self.strengths)):
                total[rows] += self._judge(s * N_FOLDS + f, rows, self.folds != f)
                total[outside] += self._judge(s * N_FOLDS + f, outside, self.folds != f) / N_FOLDS
        return log_softmax(total / len(self.strengths))

    def in_sample(self) -> Floats:
        """Return log probabilities from the head that has seen all folds."""
        everything = np.ones(len(self.Z), dtype=bool)
        return self._judge(len(self.strengths) * N_FOLDS, np.arange(len(self.Z)), everything)

    def _judge(self, fit: int, rows: NDArray[np.int64], seen: NDArray[np.bool_]) -> Floats:
        """Return log probabilities; a class that the head never saw gets its share of all images."""
        assert self.fits is not None
        learn = self.folds >= 0
        counts = np.bincount(self.codes[learn], minlength=self.n_classes)
        known = np.bincount(self.codes[learn & seen], minlength=self.n_classes) > 0
        logits = self.fits.logits(fit, self.Z[rows])
        if known.all() or not known.any():
            return log_softmax(logits)
        share = counts / counts.sum()
        logits[:, ~known] = -np.inf
        judged = log_softmax(logits) + np.float32(np.log1p(-share[~known].sum()))
        judged[:, ~known] = np.log(np.maximum(share[~known], 1e-12))
        return judged
