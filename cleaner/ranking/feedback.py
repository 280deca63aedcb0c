"""Learning from decisions: what the expert found so far re-orders what nobody has looked at.

The ranking says how probable an error is, as log odds. Decisions correct these log odds::

    logit P(label of x is wrong)  =  static(x) + offset + w · z(x) + u[given] + u[other] + u[given, other]

*Other* is the suggested class; z(x) are standardised signals (static log odds, log probabilities of the given
and of the other class, entropy) and their products with the static log odds. All corrections have normal
priors with mean zero, so that without evidence nothing changes: a mixed logistic regression
(`cleaner.ranking.logistic`). How large the effects of classes and of pairs of classes may be is not fixed:
some strengths are tried, one of them none at all, and averaged by how probable each makes the decisions.
Structured noise makes itself felt after few decisions; noise without structure keeps the order nearly as it
is.

Where images can have several labels, an image is wrong if any of them is. *Given* and *other* are then its
most doubtful class and none, or none and that class (`cleaner.ranking.set_ranking`).

Where it is known where images come from (annotators, folders), each of these sources in turn adds effects of
its groups, shrunk and averaged in the same way: a source that explains nothing moves nothing.

What holds among the most suspicious images need not hold further down. So the likelihood is local (R.
Tibshirani & T. Hastie, *Local likelihood estimation*, J. Am. Stat. Assoc. 82, 1987): the further a decided
image is above the images that come next, in log odds, the less it counts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from cleaner.ranking.logistic import LARGEST, fit_logistic, latest, precision_of, shares_of, sigmoid
from cleaner.ranking.originals import Beliefs, Unseen
from cleaner.ranking.prior import Doubles, Longs
from cleaner.ranking.result import Ranking
from cleaner.review import ReviewState

LEAST = 50
"""Decisions before which nothing is learnt."""

LEAST_PER_CLASS = 2
"""The same for each class of the set: the more classes, the more effects there are to be mistaken about."""

LEAST_OF_EACH = 5
"""Errors, and right labels, before which nothing is learnt."""

_MOST_GROUPS = 150
_OFFSET_SD = 1.0
_SLOPE_SD = 0.3
_SIGNAL_SD = 0.3
_REACH = 1.5
_NEXT_SHARE, _NEXT_LEAST = 0.05, 48
_GROUP_SDS = ((0.0, 0.0), (0.5, 0.25), (1.0, 0.5), (0.5, 1.0), (1.0, 2.0))
_SOURCE_SDS = (0.0, 0.35, 0.7, 1.4)
_LEAST_TO_TELL = 5
_BLOCK = 50_000


@dataclass(frozen=True, slots=True)
class MovedGroup:
    """The group of images that the decisions move most.

    Attributes
    ----------
    given, suggested : str or None
        Their given label, and the label that is suggested for them; None: any.
    doubt : str
        Where images can have several labels, what may be wrong with ``given``: it is "extra" or "missing".
    decided, wrong : int
        How many of the group are decided on, and how many of these were wrong.
    is_raised : bool
        Whether they come earlier now; else they come later.
    """

    given: str | None
    suggested: str | None
    decided: int
    wrong: int
    is_raised: bool
    doubt: Literal["", "extra", "missing"] = ""


@dataclass(frozen=True)
class Reordered:
    """What the decisions make of a ranking.

    Attributes
    ----------
    log_odds : float32, shape (n,)
        What the images are ordered by, in the order of ``ranking.names``; higher = worse; NaN for images
        without a label. How probable errors are, says `cleaner.ranking.posterior`.
    is_changed : bool
        Whether there were enough decisions to learn from; else it is the ranking's order.
    decisions, errors : int
        How many decisions it was learnt from, and how many of them found an error.
    weight : float
        Posterior probability that the noise has structure which the ranking did not know, 0 to 1.
    moved : MovedGroup or None
        Which group moved most; None if none stands out.
    """

    log_odds: NDArray[np.float32]
    is_changed: bool
    decisions: int
    errors: int
    weight: float = 0.0
    moved: MovedGroup | None = None

    def order(self, ranking: Ranking) -> NDArray[np.object_]:
        """Return all names, most suspicious first, unlabelled last; equal odds keep the ranking's order."""
        return np.array(ranking.names, dtype=object)[self.rows(ranking)]

    def rows(self, ranking: Ranking) -> Longs:
        """Return the rows of all images of the ranking in the order of `order`."""
        rows = ranking.rows("pooled")
        odds = self.log_odds[rows].astype(np.float64)
        return rows[np.argsort(np.where(np.isnan(odds), np.inf, -odds), kind="stable")]


def judged(state: ReviewState, ranking: Ranking) -> dict[str, bool]:
    """Return the decisions on labels, oldest first: name, and whether the label before any was wrong.

    A ranking that was made after some of them says what it would have thought of those labels
    (`cleaner.ranking.originals`). One that was saved without that has only the labels of this moment, which
    are right where somebody decided: then the decisions made on it are all that count. What was relabelled as
    a group counts like the rest: its reviewer had all of the group before them.
    """
    looks = [each for each in state.looks() if each.outcome in ("keep", "delete", "relabel")]
    if ranking.originals is None:
        model_of = {event.seq: event.model for event in state.events}
        looks = [each for each in looks if model_of.get(each.seq) == ranking.model]
    return {each.name: each.outcome != "keep" for each in looks}


def reorder(ranking: Ranking, decided: Mapping[str, bool], sources: Sequence[Longs] = ()) -> Reordered:
    """Re-order by what the expert decided.

    With fewer than `LEAST` decisions (or fewer than `LEAST_PER_CLASS` for each class), or fewer than
    `LEAST_OF_EACH` errors or right labels among them, the ranking stays as it is.

    Parameters
    ----------
    ranking : Ranking
    decided : mapping of str to bool
        As `judged` gives them. Images that the ranking does not know, or that had no label, are passed over.
    sources : sequence of int64, shape (n,)
        For each way to tell where the images of the ranking come from: the number of each one's group, -1 =
        unknown.
    """
    asked = ranking.unseen()
    given, static = asked.given, asked.odds
    found = zip(ranking.places.find([*decided]).tolist(), decided.values(), strict=True)
    rows, wrong = latest({row: error for row, error in found if row >= 0 and given[row] >= 0})
    of_each = min(int(wrong.sum()), int((~wrong).sum()))
    least = max(LEAST, LEAST_PER_CLASS * len(ranking.classes))
    if len(rows) < least or of_each < LEAST_OF_EACH or asked.n_classes < 2:
        return Reordered(_as_known(static, asked, ranking), False, len(rows), int(wrong.sum()))
    design = _Design.of(ranking.beliefs(asked), asked, rows)
    effects, weight = _learn(design, static[rows], wrong.astype(np.float64), _nearness(static, rows))
    odds = static + design.corrections(effects)
    for source in sources:
        odds += _source_effects(source, odds, rows, wrong)
    moved = None if weight < 0.5 else _most_moved(ranking.classes, asked, design, effects, odds, rows, wrong)
    known = _as_known(odds, asked, ranking)
    return Reordered(known, True, len(rows), int(wrong.sum()), weight, moved)


def _as_known(odds: Doubles, asked: Unseen, ranking: Ranking) -> NDArray[np.float32]:
    """Return log odds with those labels last that the ranking was told to be right."""
    certain = np.where([label is not None for label in ranking.given], -LARGEST, np.nan)
    return np.where(asked.is_open, odds, certain).astype(np.float32)


# ---------------------------------------------------------------- the design


@dataclass(frozen=True)
class _Signals:
    """What may say more than the static odds: ones, these and the beliefs standardised, and products.

    Attributes
    ----------
    columns : list of float, shape (n,)
        The static log odds first.
    means, sds : list of float
        Of each, over the labelled images.
    """

    columns: list[NDArray[np.floating]]
    means: list[float]
    sds: list[float]

    @classmethod
    def of(cls, beliefs: Beliefs, labelled: NDArray[np.bool_], static: Doubles) -> _Signals:
        columns: list[NDArray[np.floating]] = [np.nan_to_num(static), *beliefs]
        known = [column[labelled].astype(np.float64) for column in columns]
        return cls(columns, [float(x.mean()) for x in known], [max(float(x.std()), 1e-9) for x in known])

    @property
    def width(self) -> int:
        """How many there are for each image."""
        return 2 * len(self.columns) + 1

    def at(self, rows: Longs | slice) -> Doubles:
        """Return those of some images, shape (m, width)."""
        columns = [column[rows].astype(np.float64) for column in self.columns]
        z = [(x - mean) / sd for x, mean, sd in zip(columns, self.means, self.sds, strict=True)]
        products = [z[0] * other for other in z[1:]]
        return np.stack([np.ones_like(z[0]), *z, (z[0] ** 2 - 1) / 2, *products], axis=1)

    def times(self, effects: Doubles) -> Doubles:
        """Return what effects add for each image, shape (n,): block by block, as all would take 72 MB."""
        n = len(self.columns[0])
        parts = [self.at(slice(begin, begin + _BLOCK)) @ effects for begin in range(0, n, _BLOCK)]
        return np.concatenate([np.zeros(0), *parts])


@dataclass(frozen=True)
class _Design:
    """What the corrections are made of.

    Attributes
    ----------
    signals : _Signals
        m for each image.
    given, other : int64, shape (n,)
        Columns of the classes; ``given`` is -1 for unlabelled images.
    groups : list of (given, other)
        With -1 for *any*; those that got decisions.
    columns : float64, shape (n_decided, m + n_groups)
        The decided images in all coordinates.
    """

    signals: _Signals
    given: Longs
    other: Longs
    groups: list[tuple[int, int]]
    columns: Doubles

    @classmethod
    def of(cls, beliefs: Beliefs, asked: Unseen, rows: Longs) -> _Design:
        codes, other = asked.given, asked.suggested
        signals = _Signals.of(beliefs, codes >= 0, asked.odds)
        given, proposed, k = codes[rows], other[rows], asked.n_classes
        groups = [
            *((int(c), -1) for c in _common(given)),
            *((-1, int(c)) for c in _common(proposed)),
            *((int(c) // k, int(c) % k) for c in _common(given * k + proposed)),
        ]
        dummies = [_members(group, given, proposed) for group in groups]
        columns = np.concatenate([signals.at(rows), np.array(dummies, dtype=np.float64).T], axis=1)
        return cls(signals, codes, other, groups, columns)

    def sds(self, class_sd: float, pair_sd: float) -> Doubles:
        """Return the prior standard deviation of every effect."""
        m = self.signals.width
        plain = np.full(m, _SIGNAL_SD)
        plain[0], plain[1] = _OFFSET_SD, _SLOPE_SD
        of_groups = [pair_sd if given >= 0 and other >= 0 else class_sd for given, other in self.groups]
        return np.concatenate([plain, of_groups])

    def corrections(self, effects: Doubles) -> Doubles:
        """Return what the effects add to the log odds of each image, shape (n,)."""
        m = self.signals.width
        total = self.signals.times(effects[:m])
        k = int(max(self.given.max(), self.other.max())) + 2  # the last one takes -1
        table_given, table_other, table_pair = np.zeros(k), np.zeros(k), {}
        for (given, other), effect in zip(self.groups, effects[m:], strict=True):
            if other < 0:
                table_given[given] = effect
            elif given < 0:
                table_other[other] = effect
            else:
                table_pair[given * k + other] = effect
        total += table_given[self.given] + table_other[self.other]
        if table_pair:
            keys = np.array(sorted(table_pair))
            values = np.array([table_pair[key] for key in keys.tolist()])
            wanted = self.given * k + self.other
            at = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
            total += np.where(keys[at] == wanted, values[at], 0.0)
        return np.asarray(total, dtype=np.float64)


def _common(codes: Longs) -> Longs:
    """Return the codes that come at least twice, the most frequent ones if there are many."""
    values, counts = np.unique(codes[codes >= 0], return_counts=True)
    kept = values[counts >= 2]
    order = np.argsort(-counts[counts >= 2], kind="stable")
    return np.asarray(kept[order[:_MOST_GROUPS]], dtype=np.int64)


def _members(group: tuple[int, int], given: Longs, other: Longs) -> NDArray[np.bool_]:
    inside = np.ones(len(given), dtype=bool)
    if group[0] >= 0:
        inside &= given == group[0]
    if group[1] >= 0:
        inside &= other == group[1]
    return inside


# ---------------------------------------------------------------- the fit


def _nearness(static: Doubles, rows: Longs) -> Doubles:
    """Return how much each decision counts, 0..1: less, the higher it is above what comes next."""
    unseen = np.isfinite(static)
    unseen[rows] = False
    coming = np.sort(static[unseen])[::-1][: max(_NEXT_LEAST, int(_NEXT_SHARE * unseen.sum()))]
    above = np.maximum(static[rows] - (coming.mean() if len(coming) else 0.0), 0.0)
    nearness: Doubles = 1 / (1 + (above / _REACH) ** 2)
    return nearness


def _learn(design: _Design, static: Doubles, wrong: Doubles, counts: Doubles) -> tuple[Doubles, float]:
    """Fit the effects for every strength of structure, and average by marginal likelihood.

    Also returns the share of those strengths that are not zero.
    """
    plain = design.signals.width
    effects = np.zeros((len(_GROUP_SDS), design.columns.shape[1]))
    evidence = np.zeros(len(_GROUP_SDS))
    for i, strengths in enumerate(_GROUP_SDS):
        sds = design.sds(*strengths)
        use = plain if strengths == (0.0, 0.0) else len(sds)
        columns, start = design.columns[:, :use], effects[max(0, i - 1), :use]
        found = fit_logistic(
            columns, wrong, precision_of(sds[:use]), offset=static, counts=counts, start=start
        )
        effects[i, :use], evidence[i] = found.mean, found.evidence
    share = _shares(evidence)
    return share @ effects, float(1 - share[0])


def _shares(evidence: Doubles) -> Doubles:
    """Return how probable each strength is; the first, none at all, has half of the prior probability."""
    before = np.full(len(evidence), 0.5 / (len(evidence) - 1))
    before[0] = 0.5
    return shares_of(evidence, before)


def _source_effects(source: Longs, odds: Doubles, rows: Longs, wrong: NDArray[np.bool_]) -> Doubles:
    """Return what the group of each image adds to its log odds, shape (n,), averaged over strengths.

    A group with more errors has other odds before any image is seen, and so everywhere in the ranking: all
    decisions count alike.
    """
    groups = int(source.max(initial=-1)) + 1
    known = source[rows] >= 0
    rows, errors = rows[known], wrong[known].astype(np.float64)
    members = (source[rows][:, None] == np.arange(groups)).astype(np.float64)
    effects, evidence = np.zeros((len(_SOURCE_SDS), groups + 1)), np.zeros(len(_SOURCE_SDS))
    for i, sd in enumerate(_SOURCE_SDS):
        use = groups if sd else 0
        found = fit_logistic(members[:, :use], errors, precision_of(np.full(use, sd)), offset=odds[rows])
        effects[i, :use], evidence[i] = found.mean, found.evidence
    mean: Doubles = _shares(evidence) @ effects
    return mean[source]  # -1 is the last one, which has no effect


# ---------------------------------------------------------------- the answer


def _most_moved(
    classes: list[str],
    asked: Unseen,
    design: _Design,
    effects: Doubles,
    odds: Doubles,
    rows: Longs,
    wrong: NDArray[np.bool_],
) -> MovedGroup | None:
    """Find the group of images that the decisions move most."""
    undecided = design.given >= 0
    undecided[rows] = False
    p = sigmoid(np.nan_to_num(odds, nan=-LARGEST))
    unclear = np.where(undecided, p * (1 - p), 0.0)
    given, other = design.given[rows], design.other[rows]
    best, most = None, 0.0
    for group, effect in zip(design.groups, effects[design.signals.width :], strict=True):
        moved = abs(effect) * float(unclear[_members(group, design.given, design.other)].sum())
        inside = _members(group, given, other)
        if moved > most and inside.sum() >= _LEAST_TO_TELL:
            best, most = (group, float(effect), inside), moved
    if best is None:
        return None
    (g, o), effect, inside = best
    named = [*classes, None, None]  # the columns of none and, last, of any
    doubt: Literal["", "extra", "missing"] = ""
    if asked.n_classes > len(classes):
        doubt = "missing" if len(classes) == g or named[o] is not None else "extra"
    return MovedGroup(
        given=named[o] if doubt == "missing" else named[g],
        suggested=None if doubt else named[o],
        decided=int(inside.sum()),
        wrong=int(wrong[inside].sum()),
        is_raised=effect > 0,
        doubt=doubt,
    )
