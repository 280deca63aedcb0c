"""Where images come from, and whether some of these sources have more wrong labels than others.

A review looks at suspicious images first, so the errors among the decided images of an annotator say little
by themselves: whoever makes easy mistakes is found out early. Therefore all images count, those that nobody
has decided on with the probability that their label is wrong. With η its log odds by the ranking,

    logit P(label of x is wrong)  =  η(x) + a + b z(x) + c[given] + u[group],      z: η, standardised

is fitted to the decisions, with normal priors of mean zero; u is there because the images of a group (an old
camera, say) may look more suspicious than they are. With q = 1 for an error found, 0 for a label found right
and this probability elsewhere, the excess of a group is

    U  =  sum over classes of (sum of q in the group − images of the group × mean of q in the class).

If the group were a random part of each class, U would have mean zero and the variance of sampling without
replacement; to that comes what is not known of a, b, c and u, by the delta method with the posterior
covariance of the fit. Before any decision that is the prior's, and only a large difference shows. The tail
is that of a gamma distribution whose mean is the number of errors expected, with this variance: counts of
small groups are skewed.
"""

from __future__ import annotations

import re
from collections.abc import Sequence, Set
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cleaner.ranking.logistic import MOST, fit_logistic, logit, precision_of, sigmoid
from cleaner.util.natural import naturally

Codes = NDArray[np.int64]
Doubles = NDArray[np.float64]

FEWEST_IMAGES = 10
"""Images of a group below which it is not judged."""

_MOST_GROUPS = 50
_OFFSET_SD, _SLOPE_SD, _CLASS_SD = 1.5, 0.5, 1.0
_GROUP_SD = 0.5
"""How far the log odds of a whole group may be off, as a standard deviation: a factor of 1.6 of the odds."""

_ISO_DAY = re.compile(r"^(\d{4})[-/:.](\d{1,2})[-/:.](\d{1,2})(?!\d)")
_SPLITS = frozenset({"train", "valid", "val", "validation", "test"})


@dataclass(frozen=True, kw_only=True)
class Source:
    """What may tell images apart that were collected or labelled differently, such as the folder.

    Parameters
    ----------
    codes : int64, shape (n,)
        Index of each image's group, -1 = unknown.
    groups : list of str
    """

    codes: Codes
    groups: list[str]


def sources_of(table: pd.DataFrame, days: Sequence[str | None] | None = None) -> dict[str, Source]:
    """Find what tells the images of one class apart.

    The folders below (or above) those of the classes, the days on which the files were written, and every
    further column with 2 to 50 values. Of dates with more values the days, months or years are taken.

    Parameters
    ----------
    table : DataFrame
        Columns ``name``, ``label``, and others.
    days : sequence of str or None, optional
        The day of each file, as ``2024-05-31``; None: unknown.
    """
    names = [str(name) for name in table["name"]]
    labels = [label if isinstance(label, str) else None for label in table["label"]]
    columns: dict[str, Sequence[Any]] = {"folder": _folders(names, labels)}
    if days is not None:
        columns["date"] = days
    for column in table.columns:
        if column not in ("name", "label", "split"):
            columns[str(column)] = table[column].tolist()
    found = {name: _source(values, labels) for name, values in columns.items()}
    return {name: source for name, source in found.items() if source is not None}


def _folders(names: list[str], labels: list[str | None]) -> list[str]:
    """Return the folder of each image, without the parts that only tell its class or its split."""
    shared: dict[str, str] = {}
    folders = [shared.setdefault(folder, folder) for folder, _, _ in (name.rpartition("/") for name in names)]
    classes = {label for label in labels if label is not None}
    # One list a folder, not one an image: while millions are made, collecting garbage holds up the page.
    rest = {folder: _rest_of(folder, classes) for folder in set(folders)}
    whole = {folder: "/".join(parts) or "." for folder, parts in rest.items()}
    if len(set(whole.values())) > _MOST_GROUPS:
        whole = {folder: parts[0] if parts else "." for folder, parts in rest.items()}
    return [whole[folder] for folder in folders]


def _rest_of(folder: str, classes: Set[str]) -> list[str]:
    """Return the parts of a folder that do not only tell a class or a split."""
    parts = folder.split("/") if folder else []
    return [part for part in parts if part not in classes and part.lower() not in _SPLITS]


def _source(values: Sequence[Any], labels: list[str | None]) -> Source | None:
    """Code a column; None where it does not tell images of one class apart, or tells all of them apart."""
    texts = _coarse(["" if value is None or value != value else str(value) for value in values])
    groups = naturally({text for text in texts if text})
    pairs = {(text, label) for text, label in zip(texts, labels, strict=True) if text and label}
    if not 2 <= len(groups) <= _MOST_GROUPS or len(pairs) == len({label for _, label in pairs}):
        return None
    index = {text: i for i, text in enumerate(groups)}
    return Source(codes=np.array([index.get(text, -1) for text in texts], dtype=np.int64), groups=groups)


def _coarse(texts: list[str]) -> list[str]:
    """Return days instead of times, months instead of days, years instead of months, until they are few."""
    days = {text: found for text in set(texts) if (found := _ISO_DAY.match(text))}
    if len(set(texts)) <= _MOST_GROUPS or len(days) < len(set(texts) - {""}):
        return texts
    for parts in (3, 2, 1):
        short = {text: "-".join(found.groups()[:parts]) for text, found in days.items()}
        if len(set(short.values())) <= _MOST_GROUPS:
            break
    return [short.get(text, "") for text in texts]


@dataclass(frozen=True, kw_only=True)
class Excess:
    """Whether the groups of a source have more wrong labels than the others, one entry a group.

    Attributes
    ----------
    images, looked, found : int64, shape (n_groups,)
        Images that count, those decided on, and the errors among these.
    share, other_share : float64, shape (n_groups,)
        Estimated share of wrong labels in the group, and in all others together; 0..1.
    expected : float64, shape (n_groups,)
        Errors that the group would have with the shares of the classes of its images.
    p : float64, shape (n_groups,)
        That chance gives a group so many, one-sided and not adjusted; 1 for groups of few images.
    """

    images: Codes
    looked: Codes
    found: Codes
    share: Doubles
    other_share: Doubles
    expected: Doubles
    p: Doubles

    @property
    def judged(self) -> int:
        """How many groups have enough images."""
        return int((self.images >= FEWEST_IMAGES).sum())


def error_excess(
    source: Source, given: Codes, look: Codes, wrong: NDArray[np.bool_], score: Doubles
) -> Excess:
    """Compare the groups of a source; see the head of this module.

    Parameters
    ----------
    source : Source
    given : int64, shape (n,)
        Class of each image, -1 = unlabelled.
    look : int64, shape (n,)
        When it was decided on: 1 = first, 0 = never.
    wrong : bool, shape (n,)
        Whether that was an error.
    score : float64, shape (n,)
        Probability that the label is wrong, as it was before any decision on the image; NaN = unknown, and
        such images count only once they are decided on.
    """
    looked = look > 0
    rows = np.flatnonzero((source.codes >= 0) & (given >= 0) & (looked | np.isfinite(score)))
    group, label = source.codes[rows], given[rows]
    looked, wrong, when = looked[rows], wrong[rows], look[rows]
    eta = logit(score[rows])
    unknown = np.isnan(eta)
    eta[unknown] = 0.0 if unknown.all() else eta[~unknown].mean()
    shape = (int(given.max(initial=0)) + 1, len(source.groups))
    z = (eta - eta.mean()) / max(float(eta.std()), 1e-9) if len(eta) else eta
    last = np.flatnonzero(looked)
    last = last[np.argsort(when[last], kind="stable")[-MOST:]]
    effects, covariance = _fit(eta[last], z[last], label[last], group[last], wrong[last], shape)
    corrected = eta + effects[0] + effects[1] * z + effects[2:][label] + effects[2 + shape[0] :][group]
    q = sigmoid(corrected)
    open_ = np.where(looked, 0.0, q * (1 - q))
    q = np.where(looked, wrong.astype(np.float64), q)

    images = _table(label, group, np.ones(len(rows)), shape)
    total = _table(label, group, q, shape)
    size, mean = images.sum(axis=1), total.sum(axis=1)
    mean = np.divide(mean, size, out=np.zeros(shape[0]), where=size > 0)
    of_class = np.divide(images, size[:, None], out=np.zeros(shape), where=size[:, None] > 0)
    expected = mean @ images
    square = np.bincount(label, weights=(q - mean[label]) ** 2, minlength=shape[0])
    spread = np.divide(square, size - 1, out=np.zeros(shape[0]), where=size > 1)
    chance = ((images - of_class * images) * spread[:, None]).sum(axis=0)
    slopes = _slopes(_table(label, group, open_, shape), _table(label, group, open_ * z, shape), of_class)
    variance = chance + np.einsum("gi,ij,gj->g", slopes, covariance, slopes)

    n, errors = images.sum(axis=0), total.sum(axis=0)
    other_n, other = n.sum() - n, errors.sum() - errors
    return Excess(
        images=n.astype(np.int64),
        looked=np.bincount(group[looked], minlength=shape[1]),
        found=np.bincount(group[looked & wrong], minlength=shape[1]),
        share=np.divide(errors, n, out=np.zeros(shape[1]), where=n > 0),
        other_share=np.divide(other, other_n, out=np.zeros(shape[1]), where=other_n > 0),
        expected=expected,
        p=np.where(n >= FEWEST_IMAGES, _gamma_tail(errors, expected, variance), 1.0),
    )


def _table(label: Codes, group: Codes, weights: Doubles, shape: tuple[int, int]) -> Doubles:
    cells = np.bincount(label * shape[1] + group, weights=weights, minlength=shape[0] * shape[1])
    return np.asarray(cells.reshape(shape), dtype=np.float64)


def _fit(
    eta: Doubles, z: Doubles, label: Codes, group: Codes, wrong: NDArray[np.bool_], shape: tuple[int, int]
) -> tuple[Doubles, Doubles]:
    """Return the most probable a, b, c and u, in this order, and their covariance."""
    sds = [_OFFSET_SD, _SLOPE_SD, *[_CLASS_SD] * shape[0], *[_GROUP_SD] * shape[1]]
    design = np.zeros((len(eta), len(sds)))
    at = np.arange(len(eta))
    design[:, 0], design[:, 1] = 1, z
    design[at, 2 + label] = 1
    design[at, 2 + shape[0] + group] = 1
    found = fit_logistic(design, wrong.astype(np.float64), precision_of(np.array(sds)), offset=eta)
    return found.mean, found.covariance


def _slopes(open_: Doubles, open_z: Doubles, of_class: Doubles) -> Doubles:
    """Return how the excess of each group moves with a, b, c and u: shape (n_groups, 2 + k + n_groups)."""
    by_class = (open_ - of_class * open_.sum(axis=1, keepdims=True)).T
    with_z = (open_z - of_class * open_z.sum(axis=1, keepdims=True)).sum(axis=0)
    by_group = np.diag(open_.sum(axis=0)) - of_class.T @ open_
    return np.concatenate([by_class.sum(axis=1)[:, None], with_z[:, None], by_class, by_group], axis=1)


def _gamma_tail(value: Doubles, mean: Doubles, variance: Doubles) -> Doubles:
    """Return P(X ≥ value) for gamma variables with this mean and variance; 1 where the variance is zero."""
    from scipy.special import gammaincc  # 0.2 s to import: not before the first images are on the page

    there = (mean > 1e-9) & (variance > 1e-12)
    m, v = np.where(there, mean, 1.0), np.where(there, variance, 1.0)
    tail: Doubles = np.where(there, gammaincc(m * m / v, value * m / v), 1.0)
    return tail
