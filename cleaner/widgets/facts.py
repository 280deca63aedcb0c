"""What is known of each image: its labels, what the ranking says, what was decided."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from cleaner.errors import ImageError
from cleaner.images import probe, rendition
from cleaner.review import Action, Choice, Decision, ReviewState
from cleaner.widgets.cells import Cell, Picture
from cleaner.widgets.lessons import LEARNING_ORDER, Lesson
from cleaner.widgets.orders import AUDIT, GridView, filtered_names, ordered_names, whole_catalog

if TYPE_CHECKING:
    from cleaner.catalog import Catalog
    from cleaner.ranking import Ranking

__all__ = ["Facts", "Known", "picture_of"]

_RENDITION_PX = 1600
_MOST_PX = 12_000
_MOST_BYTES = 40 * 2**20
_TOP = 3


@dataclass(frozen=True, slots=True)
class Known:
    """What the ranking says of one image.

    Parameters
    ----------
    predicted : str
        The most probable label.
    probability : float
        Of ``predicted``.
    loss, score : float or None
        Nats, and probability that the label is wrong; higher = more suspicious; None for unlabelled images.
    place : int
        0 = most suspicious.
    top : str
        The most probable labels, in words.
    """

    predicted: str
    probability: float
    loss: float | None
    score: float | None
    place: int
    top: str


class Facts:
    """A catalog and a ranking of it, image by image.

    Parameters
    ----------
    catalog : Catalog
    ranking : Ranking or None
    state : ReviewState
        The decisions; a live object.
    audit : callable, optional
        Gives the names of the audit in their random order.

    Attributes
    ----------
    classes : list of str
        The given ones, sorted, by the names that they had in the catalog.
    lesson : Lesson or None
        What the decisions have taught about the ranking.
    """

    def __init__(
        self,
        catalog: Catalog,
        ranking: Ranking | None,
        state: ReviewState,
        *,
        audit: Callable[[], list[str]] = list,
    ) -> None:
        self.catalog = catalog
        self._audit = audit
        self.classes = catalog.classes
        self.ranking = ranking
        self.state = state
        pairs = zip(catalog.names, catalog.splits, strict=True)
        self._split_of: dict[str, str | None] = {str(name): split for name, split in pairs}
        order = () if ranking is None else ranking.order("pooled")
        self._ordered: dict[str, list[str]] = {}
        self._place_of = {str(name): place for place, name in enumerate(order)}
        self.lesson: Lesson | None = None

    def learn(self, lesson: Lesson) -> None:
        """Take over the order and the probabilities that the decisions teach."""
        self.lesson = lesson
        self._ordered[LEARNING_ORDER] = whole_catalog(lesson.names, self.catalog)
        self._place_of = {name: place for place, name in enumerate(lesson.names)}

    def scores(self) -> tuple[Sequence[str], NDArray[np.floating] | None]:
        """Return the names that the ranking knows, and how probably each is wrong; None without one."""
        if self.ranking is None:
            return (), None
        learnt = None if self.lesson is None else self.lesson.learnt.scores
        return self.ranking.names, self.ranking.signals["pooled"] if learnt is None else learnt

    def __contains__(self, name: object) -> bool:
        return name in self._split_of

    def names(self, view: GridView) -> list[str]:
        """Return the names that a view shows, in its order; raises `CleanerError` for an unknown order."""
        if view.order == AUDIT:
            return self._audit()
        if view.order not in self._ordered:
            self._ordered[view.order] = ordered_names(view.order, self.catalog, self.ranking)
        ordered = self._ordered[view.order]
        return filtered_names(view, ordered, self.catalog, self.ranking, self.state)

    def path(self, name: str) -> Path:
        """Return where an image of the set is; raises `ImageError` for any other name."""
        if name not in self:
            msg = "not an image of this set"
            raise ImageError(msg)
        return self.catalog.path(name)

    def given(self, name: str) -> str | None:
        """Return the label that an image has without any decision on it, under its present name."""
        label = self.catalog.label_of(name)
        return None if label is None else self.state.label_now(label)

    def known(self, name: str) -> Known | None:
        """Return what the ranking says of an image; None if it does not know it."""
        ranking = self.ranking
        if ranking is None or name not in self._place_of:
            return None
        row = ranking.row(name)
        odds = ranking.predicted[row]
        best = np.argsort(-odds, kind="stable")[:_TOP]
        scores = ranking.signals["pooled"] if self.lesson is None else self.lesson.learnt.scores
        return Known(
            predicted=self.state.label_now(ranking.classes[best[0]]),
            probability=float(odds[best[0]]),
            loss=_number(ranking.signals["loss"][row]),
            score=_number(scores[row]),
            place=self._place_of[name],
            top=", ".join(f"{ranking.classes[c]} {_percent(float(odds[c]))}" for c in best),
        )

    def choice(
        self,
        name: str,
        action: str,
        label: str | None = None,
        *,
        settles: bool = False,
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
            detail={"settles": True} if settles else None,
        )

    def suggestion(self, name: str, *, settles: bool = False) -> Choice | None:
        """Make the model's suggestion ready for the store; None if there is none."""
        known = self.known(name)
        if known is None:
            return None
        if known.predicted == self.given(name):
            return self.choice(name, Action.KEEP, settles=settles)
        return self.choice(name, Action.RELABEL, known.predicted, settles=settles)

    def cell(
        self, name: str, *, reviewer: str, conflict: tuple[Decision, ...] = (), blind: bool = False
    ) -> Cell:
        """Describe an image as it is now, to a reviewer; a colleague's *unsure* is a note, no decision.

        ``blind`` leaves out whatever the model thinks of it.
        """
        known, decision = None if blind else self.known(name), self.state.of(name)
        notes = [f"{each.reviewer}: {_in_a_word(each)}" for each in conflict]
        if decision is not None and not decision.reviewed and decision.reviewer != reviewer:
            notes.append(f"{decision.reviewer}: unsure")
            decision = None
        facts = [("Split", self._split_of.get(name) or "none")]
        if known is not None:
            facts.append(("Predictions", known.top))
            if known.score is not None:
                facts.append(("Label wrong", _percent(known.score)))
            facts.append(("Rank", f"{known.place + 1:,} of {len(self._place_of):,}"))
        action, label = (None, None) if decision is None else _shown_as(decision)
        return Cell(
            name=name,
            given=self.given(name),
            suggestion=None if known is None else known.predicted,
            probability=None if known is None else known.probability,
            loss=None if known is None else known.loss,
            action=action,
            label=label,
            reviewer=None if decision is None else decision.reviewer,
            mine=decision is None or decision.reviewer == reviewer,
            notes=tuple(notes),
            facts=tuple(facts),
        )


def picture_of(path: Path, *, full: bool) -> Picture:
    """Return a picture for the large view: a rendition, or the whole of it in its full size.

    Raises
    ------
    ImageError
        It cannot be shown; the message is the reason.
    """
    head = probe(path)
    if head.problem is not None or not head.width_px or not head.height_px:
        raise ImageError(head.problem or "its size cannot be read")
    if full and head.format == "JPEG" and path.stat().st_size <= _MOST_BYTES:
        data = path.read_bytes()
    else:
        data = rendition(path, max_side_px=_MOST_PX if full else _RENDITION_PX)
    return Picture(data=data, media_type="image/jpeg", width_px=head.width_px, height_px=head.height_px)


def _shown_as(decision: Decision) -> tuple[str, str | None]:
    if decision.outcome in ("relabel", "label"):
        return "relabel", decision.new_label
    return decision.outcome, None


def _in_a_word(decision: Decision) -> str:
    action, label = _shown_as(decision)
    return label or action


def _percent(share: float) -> str:
    points = round(100 * share)
    if points in (0, 100) and 0 < share < 1:
        return "> 99 %" if points else "< 1 %"
    return f"{points} %"


def _number(value: float) -> float | None:
    return None if math.isnan(value) else float(value)
