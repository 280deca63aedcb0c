"""How probable a wrong label is in the light of all decisions so far, and how many there are, with intervals.

The prior of `cleaner.ranking.prior` says, for each kind of noise, how the log odds of a ranking relate to
errors. Decisions, from the first on, change how probable each kind is and what is believed under it: a mixed
logistic regression for each kind (`cleaner.ranking.logistic`). That the most suspicious images are looked at
first does not bias this: which image comes next depends on nothing but the log odds and the decisions, and
both are in the likelihood (D. B. Rubin, *Inference and missing data*, Biometrika 63, 1976). Decisions of a
random audit count like all others.

A new ranking, as after a training, goes on with them: it says what it would have thought of the labels that
were decided on before (`cleaner.ranking.originals`). These images were chosen by the log odds of another
ranking, which is not in the likelihood; but the two are so alike that the intervals hold
(``tests/benchmarks/coverage.py --again``).

What is told is averaged over the kinds and over everything else that is not known.

Where images can have several labels, an image is wrong if any of them is. What the prior calls given and
suggested is then its most doubtful class and none, or none and that class (`cleaner.ranking.set_ranking`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cleaner.ranking.logistic import LARGEST, Fit, fit_logistic, latest, precision_of, shares_of, sigmoid
from cleaner.ranking.originals import Unseen
from cleaner.ranking.prior import SIZE, Doubles, Kind, Longs, Prior, basis, facts_of, places_of, shipped_prior
from cleaner.ranking.result import Ranking

SURE = 0.9
"""Probability that a number lies in its interval, or below its bound."""

_DRAWS = 400
_MOST_GROUPS = 120
_SEED = 20
_NODES = 9  # of the quadrature over what is not known of one image
_MOST_DRAWN = 6000
_BLOCK = 50_000


class Count(NamedTuple):
    """How many of some images have a wrong label.

    Attributes
    ----------
    point : float
        The middle of what is believed: the mean of the middle half. The mean of all would be far too much for
        most sets, since there might always be very many.
    low, high : int
        The number lies between them, both included, with probability `SURE`.
    """

    point: float
    low: int
    high: int


@dataclass(frozen=True)
class Design:
    """The labelled images of a ranking in the coordinates of the prior.

    Attributes
    ----------
    odds, places : float64, shape (n,)
        As for `cleaner.ranking.prior.basis`.
    groups : int32, shape (n, 3)
        Numbers of the given class, the suggested class, and the pair of both.
    kind_of_group : int64, shape (n_groups,)
        Which of the three each group is.
    facts : float64
        Of the whole set.
    """

    odds: Doubles
    places: Doubles
    groups: NDArray[np.int32]
    kind_of_group: Longs
    facts: Doubles

    @classmethod
    def of(cls, asked: Unseen) -> Design:
        """Make it of the labels of a ranking, leaving out images that have none."""
        rows = np.flatnonzero(asked.given >= 0)
        given, suggested, odds = asked.given[rows], asked.suggested[rows], asked.odds[rows]
        n_classes = asked.n_classes
        k = n_classes + 1  # there may be no suggestion: -1
        groups = np.empty((len(rows), 3), dtype=np.int32)  # filled in place: a million rows take 12 MB
        pairs, groups[:, 2] = np.unique(given * k + suggested, return_inverse=True)
        groups[:, 0], groups[:, 1] = given, k + suggested
        groups[:, 2] += n_classes + k
        kind_of_group = np.repeat([0, 1, 2], [n_classes, k, len(pairs)])
        disagree = float(asked.surprising[rows].mean()) if len(rows) else 0.0
        return cls(odds, places_of(odds), groups, kind_of_group, facts_of(odds, disagree, n_classes))


def seen_groups(design: Design, rows: Longs) -> Longs:
    """Return the groups that decided images are in, those with the most decisions if there are many."""
    numbers, counts = np.unique(design.groups[rows], return_counts=True)
    return np.asarray(numbers[np.argsort(-counts, kind="stable")[:_MOST_GROUPS]], dtype=np.int64)


def columns_of(design: Design, rows: Longs, seen: Longs) -> Doubles:
    """Return images in all coordinates that have a posterior, shape (n_rows, SIZE + n_seen)."""
    phi = basis(design.odds[rows], design.places[rows])
    return np.concatenate([phi, _members(design, design.groups[rows], seen)], axis=1)


def _members(design: Design, groups: NDArray[np.int32], seen: Longs) -> Doubles:
    """Return whether what is in some groups, shape (m, 3), is in each of the seen ones: 1 or 0."""
    place = np.full(len(design.kind_of_group) + 1, -1)
    place[seen] = np.arange(len(seen))
    members = np.zeros((len(groups), len(seen) + 1))
    for column in place[groups].T:  # -1 is the last column, which goes
        members[np.arange(len(groups)), column] = 1
    return members[:, :-1]


def fit_kind(
    kind: Kind, facts: Doubles, columns: Doubles, wrong: Doubles, sds: Doubles, start: Doubles | None = None
) -> Fit:
    """Find what is believed under one kind after decisions: of β, then of the effects of the groups.

    Parameters
    ----------
    kind : Kind
    facts : float64
        Standardised, with the constant.
    columns : float64, shape (n_decided, SIZE + n_seen)
    wrong : float64, shape (n_decided,)
    sds : float64, shape (n_seen,)
        Prior standard deviations of the effects.
    start : float64, shape (SIZE + n_seen,), optional
    """
    centre = np.zeros(columns.shape[1])
    centre[:SIZE] = facts @ kind.mean
    precision = precision_of(np.concatenate([np.ones(SIZE), sds]))
    precision[:SIZE, :SIZE] = np.linalg.inv(kind.covariance)
    return fit_logistic(columns, wrong, precision, centre=centre, start=start)


class Posterior:
    """What is believed of the labels of a ranking; whatever is asked is answered by the same beliefs.

    Parameters
    ----------
    ranking : Ranking
        With at least one labelled image.
    decided : mapping of str to bool
        As `cleaner.ranking.feedback.judged` gives them: in the order of the decisions, whether the label that
        an image had before any was wrong. Images that the ranking does not know, or that had no label, are
        passed over.
    prior : Prior, optional
        That of the package by default.

    Attributes
    ----------
    decisions, errors : int
        What it was learnt from.
    kinds : dict of str to float
        How probable each kind of noise is now.
    places : Places
        Where each name stands in ``ranking.names``.
    probability : float32, shape (n,)
        That the given label is wrong, in the order of ``ranking.names``; NaN for images without a label, 0
        for labels that the ranking was told to be right.
    """

    def __init__(self, ranking: Ranking, decided: Mapping[str, bool], prior: Prior | None = None) -> None:
        prior = prior or shipped_prior()
        asked = ranking.unseen()
        self._asked = np.flatnonzero(asked.given >= 0)
        self._is_open = asked.is_open[self._asked]
        labelled = np.array([label is not None for label in ranking.given], dtype=bool)
        self._first = np.where(labelled, np.float32(0), np.float32(np.nan))
        self.places = ranking.places
        self._at = np.full(len(ranking) + 1, -1, dtype=np.int32)  # of each row; the last is that of row -1
        self._at[self._asked] = np.arange(len(self._asked), dtype=np.int32)
        known = dict(zip(decided, self._labelled(self.places.find([*decided])).tolist(), strict=True))
        known = {name: at for name, at in known.items() if at >= 0}
        self._undecided = np.ones(len(self._asked), dtype=bool)
        self._undecided[[*known.values()]] = False
        self._counted: dict[bytes, Count] = {}
        self._prior = prior
        self._design = design = Design.of(asked)
        rows, wrong = latest({known[name]: error for name, error in decided.items() if name in known})
        self.decisions, self.errors = len(rows), int(wrong.sum())
        self._seen = seen_groups(design, rows)
        columns = columns_of(design, rows, self._seen)
        facts = prior.standardised(design.facts)
        errors, of_group = wrong.astype(np.float64), design.kind_of_group[self._seen]
        self._fits = [fit_kind(kind, facts, columns, errors, kind.sds[of_group]) for kind in prior.kinds]
        before = np.array([kind.weight for kind in prior.kinds])
        self._weights = shares_of(np.array([fit.evidence for fit in self._fits]), before)
        self.kinds = {kind.name: float(w) for kind, w in zip(prior.kinds, self._weights, strict=True)}

    def _labelled(self, rows: Longs) -> Longs:
        """Return the places of rows among those with a label, shape (n,); -1 for others, and for row -1."""
        return self._at[rows].astype(np.int64)

    @cached_property
    def probability(self) -> NDArray[np.float32]:
        """How probably each label is wrong; see the class."""
        probability = self._first.copy()
        probability[self._asked[self._is_open]] = self._chance[self._is_open]
        return probability

    @cached_property
    def _chance(self) -> Doubles:
        """How probably each original label is wrong."""
        n = len(self._asked)
        parts = [self._chances(np.arange(at, min(at + _BLOCK, n))) for at in range(0, n, _BLOCK)]
        return np.concatenate([np.zeros(0), *parts])

    def _chances(self, rows: Longs) -> Doubles:
        """How probably some original labels are wrong: all at once would take too much memory."""
        z, w = np.polynomial.hermite_e.hermegauss(_NODES)
        w = w / w.sum()
        p = np.zeros(len(rows))
        phi = basis(self._design.odds[rows], self._design.places[rows])
        # Few images differ in their groups: what depends on these is worked out once for all alike. The pair
        # tells the rest.
        _, first, alike = np.unique(self._design.groups[rows, 2], return_index=True, return_inverse=True)
        groups = self._design.groups[rows[first]]
        members = _members(self._design, groups, self._seen)
        is_seen, kinds = np.isin(groups, self._seen), self._design.kind_of_group[groups]
        for share, kind, fit in zip(self._weights, self._prior.kinds, self._fits, strict=True):
            slopes, effects = np.split(fit.mean, [SIZE])
            of_phi, of_members = np.split(fit.covariance, [SIZE])
            unseen = np.where(is_seen, 0.0, kind.sds[kinds] ** 2).sum(axis=1)
            own = ((members @ of_members[:, SIZE:]) * members).sum(axis=1) + unseen
            shared = 2 * members @ of_members[:, :SIZE]
            mean = phi @ slopes + (members @ effects)[alike]
            variance = ((phi @ of_phi[:, :SIZE] + shared[alike]) * phi).sum(axis=1) + own[alike]
            sd = np.sqrt(np.maximum(variance, 0))
            p += share * sum(weight * sigmoid(mean + sd * at) for at, weight in zip(z, w, strict=True))
        return p

    def count(self, names: Iterable[str]) -> Count:
        """Return how many of some images have a wrong label, with an interval.

        Parameters
        ----------
        names : iterable of str
            Images that the ranking does not know, without a label, or decided, are passed over.
        """
        return next(self.counts(self.places.find([*names]), [None]))

    def counts(self, rows: Longs, ends: Iterable[int | None]) -> Iterator[Count]:
        """Yield for each end how many of the images before it have a wrong label, as `count`.

        Parameters
        ----------
        rows : int64, shape (m,)
            Of the ranking; -1: an image that it does not know.
        ends : iterable of int or None
            Places in ``rows``; None: of all.
        """
        at = self._labelled(rows)
        waits = at >= 0
        waits[waits] = self._undecided[at[waits]]
        for end in ends:
            yield self._count(at[:end][waits[:end]])

    def _count(self, at: Longs) -> Count:
        asked = hashlib.blake2b(at.data).digest()  # of a million images, the rows themselves take 8 MB
        if asked not in self._counted:  # the page asks for the same again and again
            drawn = np.sort(self._drawn(at))
            tail = (1 - SURE) / 2
            low, high = np.quantile(drawn, (tail, 1 - tail), method="inverted_cdf")
            middle = float(drawn[_DRAWS // 4 : -(_DRAWS // 4)].mean())
            self._counted[asked] = Count(middle, int(low), int(high))
        return self._counted[asked]

    def draw(self, times: int) -> NDArray[np.bool_]:
        """Draw which labels are wrong, all of them together, shape (times, n) in the order of the ranking.

        A label that was decided on is drawn by what is believed of labels like it, as if nobody had looked.
        Images without a label, and labels that the ranking was told to be right, are never wrong.
        """
        wrong = np.zeros((times, len(self._first)), dtype=bool)
        done = 0
        open_ = np.flatnonzero(self._is_open)
        for cases in self._cases(open_, times):
            wrong[done : done + cases.shape[1], self._asked[open_]] = cases.T
            done += cases.shape[1]
        return wrong

    def _drawn(self, at: Longs) -> Longs:
        at, times = _thinned(at, self._chance[at])
        totals = [times @ cases for cases in self._cases(at, _DRAWS)]
        return np.rint(np.concatenate(totals)).astype(np.int64)

    def _cases(self, at: Longs, times: int) -> Iterator[NDArray[np.bool_]]:
        """Yield draws of which of some labels are wrong, shape (len(at), m), kind by kind."""
        rng = np.random.default_rng(_SEED)
        columns = columns_of(self._design, at, self._seen).astype(np.float32)
        groups = self._design.groups[at]
        there, local = np.unique(groups, return_inverse=True)
        local = local.reshape(groups.shape)
        is_seen = np.isin(there, self._seen)
        of_group = self._design.kind_of_group[there]
        chosen = rng.multinomial(times, self._weights)
        for number, kind, fit in zip(chosen, self._prior.kinds, self._fits, strict=True):
            b = fit.mean + rng.standard_normal((number, len(fit.mean))) @ fit.root.T
            u = rng.standard_normal((number, len(there))) * np.where(is_seen, 0.0, kind.sds[of_group])
            eta = columns @ b.T.astype(np.float32)
            for column in local.T:
                eta += u.T.astype(np.float32)[column]
            np.clip(eta, -LARGEST, LARGEST, out=eta)
            yield rng.random(eta.shape, dtype=np.float32) < 1 / (1 + np.exp(-eta))


def _thinned(at: Longs, probability: Doubles) -> tuple[Longs, NDArray[np.float32]]:
    """Return rows and how many each stands for: all of them, but for the least probable ones of many."""
    if len(at) <= _MOST_DRAWN:
        return at, np.ones(len(at), dtype=np.float32)
    order = at[np.argsort(-probability, kind="stable")]
    head, tail = order[: _MOST_DRAWN // 2], order[_MOST_DRAWN // 2 :]
    some = tail[np.linspace(0, len(tail) - 1, _MOST_DRAWN // 2).round().astype(np.int64)]
    times = np.ones(len(head) + len(some), dtype=np.float32)
    times[len(head) :] = len(tail) / len(some)
    return np.concatenate([head, some]), times


def first_probability(ranking: Ranking) -> NDArray[np.float32]:
    """Return how probably each label is wrong before anybody has looked, NaN for images without a label.

    It never rises down the ranking: without decisions, nothing speaks against the order.
    """
    probability = Posterior(ranking, {}).probability.copy()
    rows = ranking.rows()
    rows = rows[~np.isnan(probability[rows])]
    probability[rows] = np.minimum.accumulate(probability[rows])
    return probability
