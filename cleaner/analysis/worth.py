"""What cleaning has brought so far, and what the next looks are expected to bring: change of the error rate.

Heads like that of a quick training are fitted over the same folds on the labels as given and on the present
ones. Every image is judged by heads that have seen neither it nor a copy of it, before and after on the same
images with the same labels, so that a training set and its validation images count together: ten times as
many as the validation images alone.

Nobody knows the right labels of images that are not decided. They are drawn, again and again, by the
probabilities of the ranking (multiple imputation: D. B. Rubin, *Multiple Imputation for Nonresponse in
Surveys*, Wiley 1987); a decided image keeps its decision in every draw. That the suspicious images were
decided first does no harm: what is drawn depends on what is known of each image alone.

From `LEAST_CHANGED` corrections on, the forecast is what one of them has brought so far, times the errors
that are expected among the next images. Before, the drawn labels of the next images are taught to the heads.
That is cautious: drawn errors are scattered among the doubtful images, where true ones have a pattern that
the heads could learn.

Where images can have several labels, heads say of each class whether it is there, and a mistake is a wrong
answer about a class: with ten classes, there can be ten of them on an image.

The interval covers which of the undecided labels are wrong, and the chance of which images are there to
judge by (bootstrap within each draw, see `cleaner.training.compare`). It covers neither a mistake of the
reviewer nor scores that are off.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from cleaner.ranking.features import Floats, head_axes, unit_length
from cleaner.ranking.heads import HEAD_PENALTY, fit_heads
from cleaner.ranking.logistic import fit_classes, logit
from cleaner.training.compare import Change, change_of
from cleaner.util.progress import SILENT, Reporter, Stage

Bools = NDArray[np.bool_]
Longs = NDArray[np.int64]

LOOKS = 200
"""How far ahead is looked."""

LEAST_IMAGES = 50
"""Images to judge by, below which nothing is said."""

LEAST_CHANGED = 30
"""Corrections from which on they say what one correction brings."""

ENOUGH_IMAGES = 4000
"""Images to judge by, with which no further fold is needed."""

AFFORDABLE_CELLS = 60_000
"""Images times classes up to which all folds are judged; beyond, fewer, so that it still takes seconds."""

AFFORDABLE_SET_CELLS = 15_000
"""The same where images can have several labels: a regression for each class takes longer."""

_ABREAST = 4
_ABREAST_COLUMNS = 2000  # of weights, so that many classes do not fill the memory
_PASSES, _PASSES_MORE = 60, 30
_NEVER = np.float32(-1e4)


@dataclass(frozen=True, kw_only=True)
class Worth:
    """What looking at images does to the mistakes an image of a model trained on them.

    Attributes
    ----------
    images : int
        Images to judge by.
    decided : int
        Images that somebody decided on.
    changed : int
        Labels that the decisions so far have changed, images deleted among them.
    looks : int
        The next looks that are spoken of: `LOOKS`, or fewer if fewer images are left.
    errors : float
        Images with a wrong label that are expected among them.
    so_far, ahead : Change or None
        What the decisions so far have changed, and what the next looks are expected to change; None where
        nothing can be said: no label was changed, no image is left, or there are too few images.
    """

    images: int
    decided: int
    changed: int
    looks: int
    errors: float
    so_far: Change | None
    ahead: Change | None


@dataclass(frozen=True, kw_only=True)
class Labels:
    """The labels of a set at one moment.

    Attributes
    ----------
    given, present : int64, shape (n,)
        Class as given, and after all decisions; -1: none, as for a deleted image.
    right : int64, shape (draws, n)
        Equally probable cases of what the right classes are; -1: none of them. A decided image has its
        present class in all of them.
    n_classes : int
    sets : bool, shape (n_sets, n_classes), optional
        Where images can have several labels: which classes the numbers above stand for, which are then those
        of sets of classes.
    folds : int64, shape (n,)
        Images of one fold are judged by heads that have seen none of them; -1: neither teaches nor judges.
    coming : int64, shape (looks,)
        The images that are looked at next.
    """

    given: Longs
    present: Longs
    right: Longs
    n_classes: int
    folds: Longs
    coming: Longs
    sets: Bools | None = None


def estimate_worth(
    vectors: NDArray[np.floating], labels: Labels, *, decided: int, reporter: Reporter = SILENT
) -> Worth:
    """Estimate what cleaning has brought, and what the next looks will bring.

    Parameters
    ----------
    vectors : float array, shape (n, dim)
        Embeddings.
    labels : Labels
    decided : int
        Images that somebody decided on.
    reporter : Reporter
        Hears how many draws are done; may stop at any pass over the embeddings.
    """
    teach = labels.folds >= 0
    judge = teach & (labels.present >= 0)
    judge &= labels.folds < _folds_to_judge(labels, judge)
    changed = int((teach & (labels.given != labels.present)).sum())
    at = labels.coming
    right, draws = labels.right, len(labels.right)
    errors = (right[:, at] != labels.present[at]).sum(axis=1)
    found = Worth(
        images=int(judge.sum()),
        decided=decided,
        changed=changed,
        looks=len(at),
        errors=float(errors.mean()),
        so_far=None,
        ahead=None,
    )
    if found.images < LEAST_IMAGES or len(np.unique(labels.present[judge])) < 2:
        return found
    kind = _Heads if labels.sets is None else _SetHeads
    heads = kind.of(vectors, labels, int(labels.folds[judge].max()) + 1, reporter)
    now, before = heads.judged([labels.present, labels.given])
    known = [judge & (truth >= 0) for truth in right]
    counts = [
        _compared(labels, truth[told], before[told], now[told])
        for truth, told in zip(right, known, strict=True)
    ]
    so_far = change_of(counts) if changed else None
    if changed >= LEAST_CHANGED or not len(at):
        ahead = change_of(counts, errors / changed) if len(at) else None
        return replace(found, so_far=so_far, ahead=ahead)
    after = np.tile(labels.present, (draws, 1))
    after[:, at] = right[:, at]
    counts = []
    abreast = min(_ABREAST, max(1, _ABREAST_COLUMNS // (heads.n_folds * labels.n_classes)))
    for first in range(0, draws, abreast):
        reporter(Stage.WORTH, first, draws)
        some = slice(first, first + abreast)
        for truth, told, then in zip(right[some], known[some], heads.judged(after[some]), strict=True):
            counts.append(_compared(labels, truth[told], now[told], then[told]))
    reporter(Stage.WORTH, draws, draws)
    return replace(found, so_far=so_far, ahead=change_of(counts))


def _folds_to_judge(labels: Labels, judge: NDArray[np.bool_]) -> int:
    """Return how many folds are judged: all, or as many as there is time for, or as are needed."""
    n_folds = int(labels.folds.max(initial=0)) + 1
    cells = AFFORDABLE_CELLS if labels.sets is None else AFFORDABLE_SET_CELLS
    affordable = n_folds * cells // max(1, len(judge) * labels.n_classes)
    reached = np.bincount(labels.folds[judge], minlength=1).cumsum() >= ENOUGH_IMAGES
    needed = int(reached.argmax()) + 1 if reached.any() else n_folds
    return min(needed, max(1, affordable))


def _compared(
    labels: Labels, truth: Longs, before: NDArray[np.generic], after: NDArray[np.generic]
) -> dict[int, int]:
    """Return how many images there are with so many mistakes more than before; see `change_of`."""
    if labels.sets is None:
        more = (after != truth).astype(np.int64) - (before != truth)
    else:
        right = labels.sets[truth]
        more = (after != right).sum(axis=1) - (before != right).sum(axis=1)
    values, images = np.unique(more, return_counts=True)
    return dict(zip(values.tolist(), images.tolist(), strict=True))


def _placed(vectors: NDArray[np.floating], labels: Labels) -> Floats:
    """Return the embeddings as heads see them."""
    rows = unit_length(vectors)
    axes = head_axes(rows[labels.folds >= 0])
    return rows if axes is None else rows @ axes


@dataclass(frozen=True)
class _Heads:
    """Heads over all folds, from which those on slightly other labels start.

    Attributes
    ----------
    rows : float32, shape (n, dim)
    folds : int64, shape (n,)
    n_classes : int
    n_folds : int
        How many of the folds are judged, the first ones.
    start : float32, shape (n_folds, dim + 1, n_classes)
        Weights on the present labels.
    reporter : Reporter
    """

    rows: Floats
    folds: Longs
    n_classes: int
    n_folds: int
    start: Floats
    reporter: Reporter

    @classmethod
    def of(cls, vectors: NDArray[np.floating], labels: Labels, n_folds: int, reporter: Reporter) -> _Heads:
        nothing = np.zeros(0, dtype=np.float32)
        heads = cls(_placed(vectors, labels), labels.folds, labels.n_classes, n_folds, nothing, reporter)
        return replace(heads, start=heads._fit(labels.present[None], None, _PASSES))

    def judged(self, settings: Sequence[Longs] | Longs) -> Longs:
        """Return what heads on these labels make of each image unseen, shape (n_settings, n); -1: nothing."""
        settings = np.asarray(settings)
        fits = self._fit(settings, np.tile(self.start, (len(settings), 1, 1)), _PASSES_MORE)
        best = np.full(settings.shape, -1, dtype=np.int64)
        for s, f in np.ndindex(len(settings), self.n_folds):
            mine = self.folds == f
            fit = fits[s * self.n_folds + f]
            logits = self.rows[mine] @ fit[:-1] + fit[-1]
            taught = settings[s][(self.folds >= 0) & ~mine]
            logits[:, np.bincount(taught[taught >= 0], minlength=self.n_classes) == 0] = _NEVER
            best[s, mine] = logits.argmax(axis=1)
        return best

    def _fit(self, settings: Longs, start: Floats | None, passes: int) -> Floats:
        """Fit heads for every labelling and fold; an image with two labels is there twice, with weights."""
        k = self.n_classes
        teach = (settings >= 0) & (self.folds >= 0)
        pairs = np.where(teach, np.arange(settings.shape[1]) * k + settings, -1)
        kept = np.unique(pairs[teach])
        image, label = kept // k, kept % k
        inside = pairs[:, image] == kept
        others = self.folds[image] != np.arange(self.n_folds)[:, None]
        weights = (inside[:, None, :] & others).reshape(-1, len(kept)).astype(np.float32)
        evidence = np.eye(k, dtype=np.float32)[label]
        fits = fit_heads(
            self.rows[image],
            evidence,
            weights,
            l2=HEAD_PENALTY,
            start=start,
            max_passes=passes,
            reporter=self.reporter,
        )
        return fits.W


@dataclass(frozen=True)
class _SetHeads:
    """The same where images can have several labels: a logistic regression for each class.

    Attributes
    ----------
    rows : float32, shape (n, dim + 1)
        The last column is 1.
    sets : bool, shape (n_sets, n_classes)
    n_folds, folds, reporter
        As in `_Heads`.
    start : sequence of float32, each of shape (dim + 1, n_classes)
        Weights on the present labels, fold by fold.
    """

    rows: Floats
    folds: Longs
    sets: Bools
    n_folds: int
    start: Sequence[Floats]
    reporter: Reporter

    @classmethod
    def of(cls, vectors: NDArray[np.floating], labels: Labels, n_folds: int, reporter: Reporter) -> _SetHeads:
        assert labels.sets is not None
        placed = _placed(vectors, labels)
        rows = np.concatenate([placed, np.ones((len(placed), 1), dtype=np.float32)], axis=1)
        heads = cls(rows, labels.folds, labels.sets, n_folds, (), reporter)
        start = [heads._fit(labels.present, fold, None) for fold in range(n_folds)]
        return replace(heads, start=start)

    def judged(self, settings: Sequence[Longs] | Longs) -> Bools:
        """Return which classes such heads find in each image unseen, shape (n_settings, n, n_classes)."""
        found = np.zeros((len(settings), len(self.rows), self.sets.shape[1]), dtype=bool)
        for s, f in np.ndindex(len(settings), self.n_folds):
            self.reporter.check()
            mine = self.folds == f
            found[s, mine] = self.rows[mine] @ self._fit(settings[s], f, self.start[f]) > 0
        return found

    def _fit(self, setting: Longs, fold: int, start: Floats | None) -> Floats:
        taught = (setting >= 0) & (self.folds >= 0) & (self.folds != fold)
        rows, targets = self.rows[taught], self.sets[setting[taught]].astype(np.float32)
        passes = _PASSES if start is None else _PASSES_MORE
        if start is None:
            start = np.zeros((rows.shape[1], targets.shape[1]), dtype=np.float32)
            start[-1] = logit((targets.sum(axis=0) + 0.5) / (len(targets) + 1))
        strength = 1 / (HEAD_PENALTY * len(rows))
        return fit_classes(rows, lambda _: targets, start, strength=strength, steps=passes)
