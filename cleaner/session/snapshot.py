"""What is known of the images of a set at one moment: labels, ranking, duplicates, what was learnt."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from cleaner.dataset.catalog import Catalog
from cleaner.errors import ImageError
from cleaner.ranking.set_ranking import SetRanking
from cleaner.review import Choice, ReviewState
from cleaner.review.labels import PresentLabels

if TYPE_CHECKING:
    from cleaner.analysis.observations import Provenance
    from cleaner.labelling.proposal import Proposal
    from cleaner.pipelines.checks import Checks
    from cleaner.ranking import Ranking
    from cleaner.ranking.feedback import Reordered
    from cleaner.ranking.posterior import Posterior
    from cleaner.ranking.reasons import Explanation

_DIGITS = 10
_SURE = 0.5


@dataclass(frozen=True, slots=True)
class Known:
    """What the model says of one image.

    Parameters
    ----------
    predicted : str
        The most probable label.
    probability : float or None
        Of ``predicted``; None where what suggested it did not say.
    loss, score : float or None
        Nats, and probability that the label is wrong; higher = more suspicious; None for unlabelled images.
    place : int
        0 = most suspicious.
    best : tuple of (str, float)
        The most probable labels, at most ten, with their probabilities.
    likely : tuple of str
        Labels for the digit keys by likelihood; empty where there are no more classes than digits.
    """

    predicted: str
    probability: float | None
    loss: float | None
    score: float | None
    place: int
    best: tuple[tuple[str, float], ...] = ()
    likely: tuple[str, ...] = ()

    @property
    def sure(self) -> bool:
        """Whether ``predicted`` is more probable than all other labels together."""
        return self.probability is not None and self.probability >= _SURE


@dataclass(frozen=True, slots=True)
class LearntOrder:
    """A ranking in the light of the decisions on it.

    Parameters
    ----------
    ranking : Ranking
        What was learnt about; it says nothing about another one.
    reordered : Reordered
    rows : int64
        Rows of the ranking, most suspicious first.
    """

    ranking: Ranking
    reordered: Reordered
    rows: NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """A catalog and whatever was found out about it; made anew for every change, never changed.

    Background work gets one and works on it without a lock.

    Parameters
    ----------
    catalog : Catalog
    state : ReviewState
        The decisions: a live object that answers in any thread, also after later decisions.
    ranking : Ranking or None
        Under the present names of the classes.
    learnt : LearntOrder or None
        The order that the decisions make of this ranking; None while it stays as it was.
    posterior : Posterior or None
        How probable an error each image of this ranking is, and how many there are.
    checks : Checks or None
        Duplicates, poor images and outliers.
    proposal : Proposal or None
        Labels for images that have none: the newest, which says the order.
    shown_proposal : Proposal or None
        The one whose labels are on show: what Confirm accepts is what was seen.
    audit : callable
        Gives the names of the audit in their random order.
    provenance : callable or None
        Gives where the images come from; reading that may take a while.
    """

    catalog: Catalog
    state: ReviewState
    ranking: Ranking | None = None
    learnt: LearntOrder | None = None
    posterior: Posterior | None = None
    checks: Checks | None = None
    proposal: Proposal | None = None
    shown_proposal: Proposal | None = None
    audit: Callable[[], list[str]] = list
    provenance: Callable[[], Provenance] | None = None

    # ---------------------------------------------------------------- all images

    def __contains__(self, name: object) -> bool:
        return self.catalog.row_of(name) is not None

    def __len__(self) -> int:
        return len(self.catalog)

    def lacks_labels(self) -> bool:
        """Tell whether any image has no label in the catalog, whatever was decided since."""
        return self.catalog.lacks_labels

    def unlabelled(self) -> list[str]:
        """Return the images that have no label in the catalog and none by a decision, in its order."""
        present = PresentLabels.of(self.catalog, self.state)
        return [name for name, label in present.by_name().items() if label is None]

    def deleted(self) -> set[str]:
        """Return the images that were deleted, for whatever reason."""
        return {name for name, (outcome, _) in self.state.outcomes().items() if outcome == "delete"}

    def scores(self) -> tuple[Sequence[str], NDArray[np.floating] | None]:
        """Return the names that the ranking knows, and how probably each is wrong; None without one."""
        if self.ranking is None:
            return (), None
        return self.ranking.names, self._probability

    @property
    def complete_ranking(self) -> Ranking | None:
        """The ranking, unless it is preliminary, which says nothing of the set as a whole."""
        return None if self.ranking is None or self.ranking.awaited else self.ranking

    @cached_property
    def suspicious_first(self) -> list[str]:
        """The names that the ranking knows, by what was learnt so far; empty without a ranking."""
        if self.ranking is None:
            return []
        names: list[str] = np.array(self.ranking.names, dtype=object)[self.suspicious_rows].tolist()
        return names

    @property
    def suspicious_rows(self) -> NDArray[np.int64]:
        """The rows of the ranking in the order of `suspicious_first`; there has to be one."""
        assert self.ranking is not None
        return self.ranking.rows("pooled") if self.learnt is None else self.learnt.rows

    def labelled_suspicious_rows(self) -> NDArray[np.int64]:
        """Return those of them whose images have a label in the catalog, whatever was decided since."""
        labelled = np.append(self.catalog.has_label, False)[self.catalog_rows]  # -1 is the last
        rows = self.suspicious_rows
        found: NDArray[np.int64] = rows[labelled[rows]]
        return found

    def suggestions(self) -> list[str]:
        """Return the classes that the model may suggest, under their present names."""
        if self.ranking is None:
            return []
        since = self.ranking.named_at
        return list(dict.fromkeys(self.state.label_now(c, since_seq=since) for c in self.ranking.classes))

    # ---------------------------------------------------------------- one image

    def path(self, name: str) -> Path:
        """Return where an image of the set is; raises `ImageError` for any other name."""
        if name not in self:
            msg = "not an image of this set"
            raise ImageError(msg)
        return self.catalog.path(name)

    def split(self, name: str) -> str | None:
        """Return the split of an image; None if it has none."""
        row = self.catalog.row_of(name)
        split: str | None = None if row is None else self.catalog.splits[row]
        return split

    def given(self, name: str) -> str | None:
        """Return the label that an image has without any decision on it, under its present name."""
        label = self.catalog.label_of(name)
        return None if label is None else self.state.label_now(label)

    def label(self, name: str) -> str | None:
        """Return the label that an image has after all decisions; None: none."""
        decision = self.state.of(name)
        chosen = None if decision is None else decision.new_label
        return self.given(name) if chosen is None else chosen

    def known(self, name: str) -> Known | None:
        """Return what the model says of an image; None if it says nothing."""
        if name in self._proposed_row:
            return self._proposed(name)
        ranking = self.ranking
        row = None if ranking is None else ranking.places.get(name)
        if ranking is None or row is None:
            return None
        if isinstance(ranking, SetRanking):
            return self._known_set(ranking, row)
        odds = ranking.predicted[row]
        best = np.argsort(-odds, kind="stable")[:_DIGITS]
        classes = [self.state.label_now(ranking.classes[c], since_seq=ranking.named_at) for c in best]
        return Known(
            predicted=classes[0],
            probability=float(odds[best[0]]),
            loss=_number(ranking.signals["loss"][row]),
            score=_number(self._probability[row]),
            place=int(self._place[row]),
            best=tuple((label, float(odds[c])) for label, c in zip(classes, best, strict=True)),
            likely=tuple(dict.fromkeys(classes)) if len(ranking.classes) > _DIGITS else (),
        )

    def explain(self, name: str, *, as_given: Collection[str] = ()) -> Explanation | None:
        """Return why an image stands where it does, by the labels that the others have now.

        None where no ranking knows it, or it was saved without reasons. What is proposed for an image without
        a label counts as what the model says. Takes a while: for a thread of its own.

        Parameters
        ----------
        name : str
        as_given : collection of str
            Images whose label is that without any decision.
        """
        model, ranking = self.known(name), self.ranking
        if model is None or ranking is None or name not in ranking.places:
            return None
        labels = PresentLabels.of(self.catalog, self.state).by_name()
        labels |= {other: self.given(other) for other in as_given}
        made = ranking.why(name, labels)
        if made is None:
            return None
        says, probability = self.state.label_now(made.says, since_seq=ranking.named_at), made.probability
        if name in self._proposed_row:
            says, probability = model.predicted, math.nan if model.probability is None else model.probability
        return replace(made, given=self.given(name), says=says, probability=probability)

    def ranked(self) -> int:
        """Return how many images the ranking knows."""
        return 0 if self.ranking is None else len(self.ranking)

    def choice(
        self,
        name: str,
        action: str,
        label: str | None = None,
        *,
        detail: Mapping[str, Any] | None = None,
        blind: bool = False,
    ) -> Choice:
        """Make a decision on an image ready for the store, with what the reviewer saw of it."""
        known = None if blind else self.known(name)
        return Choice(
            name=name,
            action=action,
            label=label,
            given=self.catalog.label_of(name),
            rank=None if known is None else known.place,
            loss=None if known is None else known.loss,
            score=None if known is None else known.score,
            detail=detail,
        )

    # ---------------------------------------------------------------- inside

    def _known_set(self, ranking: SetRanking, row: int) -> Known:
        """Say of an image which set of labels is likeliest, and how likely each class is."""
        now = partial(self.state.label_now, since_seq=ranking.named_at)
        label, probability = ranking.suggestion(row)
        odds = ranking.predicted[row]
        best = [(now(ranking.classes[c]), float(odds[c])) for c in np.argsort(-odds, kind="stable")[:_DIGITS]]
        return Known(
            predicted=now(label),
            probability=probability,
            loss=_number(ranking.signals["loss"][row]),
            score=_number(self._probability[row]),
            place=int(self._place[row]),
            best=tuple(best),
            likely=tuple(dict.fromkeys(label for label, _ in best)) if len(ranking.classes) > _DIGITS else (),
        )

    @property
    def _probability(self) -> NDArray[np.floating]:
        assert self.ranking is not None
        return self.ranking.scores if self.posterior is None else self.posterior.probability

    @cached_property
    def catalog_rows(self) -> NDArray[np.int64]:
        """The row in the catalog of each image of the ranking, -1 where it is none of the set."""
        assert self.ranking is not None
        return self.catalog.rows_of(self.ranking.names, missing=True)

    @cached_property
    def _place(self) -> NDArray[np.int32]:
        """The place of each row of the ranking, 0 = most suspicious."""
        rows = self.suspicious_rows
        place = np.empty(len(rows), dtype=np.int32)
        place[rows] = np.arange(len(rows), dtype=np.int32)
        return place

    @cached_property
    def _proposed_row(self) -> dict[str, int]:
        if self.shown_proposal is None:
            return {}
        made = self.shown_proposal.suggestion
        return {str(n): i for i, n in enumerate(self.shown_proposal.names) if made[i] is not None}

    def _proposed(self, name: str) -> Known:
        proposal, row = self.shown_proposal, self._proposed_row[name]
        assert proposal is not None
        label = self.state.label_now(proposal.suggestion[row], since_seq=proposal.named_at)
        probability = _number(proposal.probability[row])
        best = () if probability is None else ((label, probability),)
        return Known(label, probability, None, None, row, best)


def _number(value: float) -> float | None:
    return None if math.isnan(value) else float(value)
