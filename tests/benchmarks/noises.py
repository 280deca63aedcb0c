"""Kinds of wrong labels, made on sets whose right labels are known.

Every kind is a function of a set, the share of labels to make wrong, and a seed; it returns the given labels,
empty where a picture is no longer in the set. Only some of them follow a noise matrix; *unsure* and
*confused* depend on the picture, as the errors of people do.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np


@dataclass
class Set:
    """Embeddings and right answers.

    Attributes
    ----------
    name : str
    vectors : float32, shape (n, d)
    truth : str, shape (n,)
    columns : dict of str to array, shape (n,)
        Given labels that come with the set.
    person : float, shape (n, n_classes), optional
        How probable another network, fitted to the right labels of other pictures, finds each class (sorted):
        the person who gets confused. Without one, a model on a tenth of the features is asked.
    widths : tuple of int
        Columns of ``vectors`` that belong to each network that looks at the set; empty: all to one.
    """

    name: str
    vectors: np.ndarray
    truth: np.ndarray
    columns: dict[str, np.ndarray] = field(default_factory=dict)
    person: np.ndarray | None = None
    widths: tuple[int, ...] = ()

    @property
    def views(self) -> list[np.ndarray]:
        """The embeddings by each network."""
        return np.split(self.vectors, np.cumsum(self.widths)[:-1], axis=1) if self.widths else [self.vectors]

    def take(self, rows: np.ndarray) -> Set:
        """Return a part of the set; classes that are not in it are gone."""
        there = np.isin(np.unique(self.truth), self.truth[rows])
        columns = {name: given[rows] for name, given in self.columns.items()}
        person = None if self.person is None else self.person[rows][:, there]
        return Set(self.name, self.vectors[rows], self.truth[rows], columns, person, self.widths)

    def draw(self, size: int, seed: int) -> Set:
        """Return this many pictures at random, all of them if there are no more."""
        rng = np.random.default_rng([size, seed])
        return self.take(np.sort(rng.permutation(len(self.truth))[:size]))


def out_of_fold(vectors: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return what a five-fold logistic regression on rows of unit length says, shape (n, n_classes)."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedKFold, cross_val_predict

    unit = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
    folds = StratifiedKFold(
        min(5, np.unique(labels, return_counts=True)[1].max()), shuffle=True, random_state=0
    )
    head = LogisticRegression(C=1.0, max_iter=300)
    return cross_val_predict(head, unit, labels, cv=folds, method="predict_proba")


def weak(base: Set, rng: np.random.Generator) -> np.ndarray:
    """Return how probable a model on a tenth of the features finds each class, shape (n, n_classes)."""
    few = rng.choice(base.vectors.shape[1], base.vectors.shape[1] // 10 + 3, replace=False)
    return out_of_fold(base.vectors[:, few], base.truth)


def evenly(base: Set, rate: float, seed: int) -> np.ndarray:
    """Call a share of the pictures any other class."""
    rng = np.random.default_rng(seed)
    classes, codes = np.unique(base.truth, return_inverse=True)
    wrong = rng.random(len(codes)) < rate
    codes[wrong] = (codes[wrong] + rng.integers(1, len(classes), wrong.sum())) % len(classes)
    return classes[codes]


def in_pairs(base: Set, rate: float, seed: int) -> np.ndarray:
    """Call pictures of half of the classes the next class in a random circle."""
    rng = np.random.default_rng(seed)
    classes, codes = np.unique(base.truth, return_inverse=True)
    circle = rng.permutation(len(classes))
    after = {circle[i]: circle[i + 1] for i in range(0, len(circle) - 1, 2)}
    chosen = np.isin(codes, list(after))
    wrong = chosen & (rng.random(len(codes)) < min(0.45, rate * len(codes) / chosen.sum()))
    codes[wrong] = [after[c] for c in codes[wrong]]
    return classes[codes]


def by_default(base: Set, rate: float, seed: int) -> np.ndarray:
    """Let one class collect wrong labels from all, as the default of a form does."""
    rng = np.random.default_rng(seed)
    given = base.truth.copy()
    given[rng.random(len(given)) < rate] = rng.choice(np.unique(given))
    return given


def look_alikes(base: Set, rate: float, seed: int) -> np.ndarray:
    """Call pictures of the most mistakable classes by the class that a weak model takes them for."""
    rng = np.random.default_rng(seed)
    classes, codes = np.unique(base.truth, return_inverse=True)
    p = weak(base, rng) if base.person is None else base.person
    taken = np.stack([p[codes == c].mean(axis=0) for c in range(len(classes))])
    np.fill_diagonal(taken, 0)
    mistakable = np.argsort(-taken.max(axis=1))[: max(1, round(0.6 * len(classes)))]
    chosen = np.isin(codes, mistakable)
    wrong = chosen & (rng.random(len(codes)) < min(0.45, rate * len(codes) / chosen.sum()))
    codes[wrong] = taken.argmax(axis=1)[codes[wrong]]
    return classes[codes]


def unsure(base: Set, rate: float, seed: int) -> np.ndarray:
    """Put errors where a model on a tenth of the features, with the right labels, is unsure."""
    rng = np.random.default_rng(seed)
    classes, codes = np.unique(base.truth, return_inverse=True)
    p = weak(base, rng)
    p[np.arange(len(codes)), codes] = 0
    doubt = p.sum(axis=1)
    for i in rng.choice(len(codes), int(rate * len(codes)), replace=False, p=doubt / doubt.sum()):
        codes[i] = rng.choice(len(classes), p=p[i] / p[i].sum())
    return classes[codes]


def confused(base: Set, rate: float, seed: int) -> np.ndarray:
    """Let a person label the pictures who sees what another network sees, and knows a little more.

    Each label is drawn from p(g | x) ∝ person(g | x) exp(b [g is right]), where b makes the expected share of
    errors what is asked for.
    """
    rng = np.random.default_rng(seed)
    classes, codes = np.unique(base.truth, return_inverse=True)
    p = np.maximum(weak(base, rng) if base.person is None else base.person, 1e-6).astype(np.float64)
    at = np.arange(len(codes))
    odds = p[at, codes] / np.maximum(p.sum(axis=1) - p[at, codes], 1e-12)
    low, high = -30.0, 30.0
    for _ in range(60):
        bonus = (low + high) / 2
        low, high = (bonus, high) if (1 / (1 + odds * np.exp(bonus))).mean() > rate else (low, bonus)
    wrong = rng.random(len(codes)) < 1 / (1 + odds * np.exp(bonus))
    p[at, codes] = 0
    for i in np.flatnonzero(wrong):
        codes[i] = rng.choice(len(classes), p=p[i] / p[i].sum())
    return classes[codes]


def mixed(base: Set, rate: float, seed: int) -> np.ndarray:
    """Half of the errors where a weak model is unsure, half anywhere."""
    anywhere = evenly(base, rate / 2, seed + 10_000)
    return np.where(anywhere != base.truth, anywhere, unsure(base, rate / 2, seed))


def nothing(base: Set, rate: float, seed: int) -> np.ndarray:
    """File pictures of one class under the other classes at random, and leave the rest of it out (empty)."""
    rng = np.random.default_rng(seed)
    given = base.truth.copy()
    classes = np.unique(given)
    gone = rng.choice(classes)
    rows = rng.permutation(np.flatnonzero(given == gone))
    given[rows] = ""
    some = rows[: int(rate * len(given))]
    given[some] = rng.choice(classes[classes != gone], len(some))
    return given


def no_class(base: Set, rate: float, seed: int) -> np.ndarray:
    """File pictures of random classes under the others; leave the rest of these classes out (empty)."""
    rng = np.random.default_rng(seed)
    given = base.truth.copy()
    classes = rng.permutation(np.unique(given))
    wanted = int(rate * len(given))
    sizes = np.cumsum([(given == c).sum() for c in classes])
    gone = classes[: min(int((sizes < wanted).sum()) + 1, len(classes) - 2)]
    rows = rng.permutation(np.flatnonzero(np.isin(given, gone)))
    given[rows] = ""
    given[rows[:wanted]] = rng.choice(np.setdiff1d(classes, gone), min(wanted, len(rows)))
    return given


KINDS: dict[str, Callable[[Set, float, int], np.ndarray]] = {
    "even": evenly,
    "pairs": in_pairs,
    "look-alikes": look_alikes,
    "default": by_default,
    "unsure": unsure,
    "confused": confused,
    "mixed": mixed,
    "nothing": nothing,
    "no class": no_class,
}
"""Every kind by its name."""
