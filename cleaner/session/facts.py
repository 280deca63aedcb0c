"""What is known of each image: its labels, what the ranking says, what was decided."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from cleaner.errors import ImageError
from cleaner.images.open import probe
from cleaner.images.thumbnails import rendition
from cleaner.review import Choice, Decision, ReviewState
from cleaner.session.cells import Cell, Picture
from cleaner.session.duplicate_groups import Copies
from cleaner.session.findings import Findings
from cleaner.session.lessons import LEARNING_ORDER, Lesson
from cleaner.session.orders import (
    COPIES,
    ORDERS,
    OUTLIERS,
    GridView,
    Purpose,
    filtered_names,
    ordered_names,
    problem_of,
    purpose_of,
)

if TYPE_CHECKING:
    from cleaner.dataset.catalog import Catalog
    from cleaner.labelling.proposal import Proposal
    from cleaner.pipelines.checks import Checks
    from cleaner.ranking import Ranking

__all__ = ["Facts", "Known", "picture_of"]

_RENDITION_PX = 1600
_MOST_PX = 12_000
_MOST_BYTES = 40 * 2**20
_TOP = 3
_DIGITS = 10
_SURE = 0.5
_SAID = {OUTLIERS: "outlier"}


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
    likely : tuple of str
        As many of them as there are digits, if there are more classes than that.
    """

    predicted: str
    probability: float
    loss: float | None
    score: float | None
    place: int
    top: str
    likely: tuple[str, ...] = ()

    @property
    def sure(self) -> bool:
        """Whether ``predicted`` is more probable than all other labels together."""
        return self.probability >= _SURE


class Facts:
    """A catalog and what was found out about it, image by image.

    Parameters
    ----------
    found : Findings

    Attributes
    ----------
    found : Findings
    copies : Copies
        The groups of the duplicates view, as they were when it was opened.
    lesson : Lesson or None
        What the decisions have taught about the ranking.
    """

    def __init__(self, found: Findings) -> None:
        self.found = found
        self.copies = Copies(1.0)
        self._formed: tuple[Findings, float | None, int, Copies] | None = None
        self._proposed: dict[str, Known] = {}
        self._proposed_at = 0  # the row of the history at which the classes were called so
        self.lesson: Lesson | None = None
        catalog, ranking = found.catalog, found.ranking
        pairs = zip(catalog.names, catalog.splits, strict=True)
        self._split_of: dict[str, str | None] = {str(name): split for name, split in pairs}
        order = () if ranking is None else ranking.order("pooled")
        self._ordered: dict[str, list[str]] = {}
        self._place_of = {str(name): place for place, name in enumerate(order)}
        self._scores_of: dict[str, dict[str, float]] = {}
        self.show_proposal()

    @property
    def catalog(self) -> Catalog:
        """The images."""
        return self.found.catalog

    @property
    def ranking(self) -> Ranking | None:
        """The ranking in use."""
        return self.found.ranking

    @property
    def state(self) -> ReviewState:
        """The decisions; a live object."""
        return self.found.state

    @property
    def classes(self) -> list[str]:
        """The given ones, sorted, by the names that they had in the catalog."""
        return self.found.catalog.classes

    # ---------------------------------------------------------------- what is found out meanwhile

    def learn(self, lesson: Lesson) -> None:
        """Take over the order and the probabilities that the decisions teach."""
        self.lesson = lesson
        self._ordered.pop(LEARNING_ORDER, None)
        self._place_of = {name: place for place, name in enumerate(lesson.names)}

    def take_checks(self, checks: Checks | None) -> None:
        """Take over what was found out about copies and bad pictures."""
        self.found = replace(self.found, checks=checks)
        self._scores_of.clear()

    def take_proposal(self, proposal: Proposal | None) -> None:
        """Take over the order in which to label; the labels on show stay until `show_proposal`."""
        self.found = replace(self.found, proposal=proposal)

    def show_proposal(self) -> None:
        """Show the labels that were proposed last."""
        proposal = self.found.proposal
        self._proposed = {}
        if proposal is None:
            return
        self._proposed_at = proposal.named_at
        lines = zip(proposal.names, proposal.suggestion, proposal.probability, strict=True)
        for place, (name, label, probability) in enumerate(lines):
            if label is not None:
                self._proposed[name] = Known(label, float(probability), None, None, place, "")

    # ---------------------------------------------------------------- all of them

    def scores(self) -> tuple[Sequence[str], NDArray[np.floating] | None]:
        """Return the names that the ranking knows, and how probably each is wrong; None without one."""
        if self.ranking is None:
            return (), None
        learnt = None if self.lesson is None else self.lesson.learnt.scores
        return self.ranking.names, self.ranking.signals["pooled"] if learnt is None else learnt

    def suggestions(self) -> list[str]:
        """Return the classes that the model may suggest, under their present names."""
        classes = () if self.ranking is None else self.ranking.classes
        since = 0 if self.ranking is None else self.ranking.named_at
        return list(dict.fromkeys(self.state.label_now(label, since_seq=since) for label in classes))

    def __contains__(self, name: object) -> bool:
        return name in self._split_of

    def names(self, view: GridView) -> list[str]:
        """Return the names that a view shows, in its order; raises `CleanerError` for an unknown order."""
        if view.order == COPIES:
            self.copies, self._formed = self.form_copies(view.threshold), None
            return [name for name in self.copies.names if name in self]
        if view.order in self._ordered:
            return filtered_names(view, self._ordered[view.order], self.found)
        learnt = self.lesson.names if self.lesson is not None and view.order == LEARNING_ORDER else None
        ordered = ordered_names(view, self.found, learnt)
        if view.order in ORDERS and ORDERS[view.order].whole:  # which do not change with the decisions
            self._ordered[view.order] = ordered
        return filtered_names(view, ordered, self.found)

    def form_copies(self, threshold: float | None) -> Copies:
        """Form the groups of copies; for any thread, since 50,000 images take half a second.

        They are remembered until they are shown or a decision comes: whoever shows them under a lock forms
        them before it is taken.
        """
        found, seq, formed = self.found, self.state.last_seq, self._formed
        if formed is None or formed[0] is not found or formed[1:3] != (threshold, seq):
            self._formed = formed = (found, threshold, seq, Copies.find(found, threshold))
        return formed[3]

    # ---------------------------------------------------------------- one of them

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
        """Return what the model says of an image; None if it says nothing."""
        if name in self._proposed:
            known = self._proposed[name]
            label = self.state.label_now(known.predicted, since_seq=self._proposed_at)
            return replace(known, predicted=label, top=f"{label} {_percent(known.probability)}")
        ranking = self.ranking
        if ranking is None or name not in self._place_of:
            return None
        row = ranking.row(name)
        odds = ranking.predicted[row]
        best = np.argsort(-odds, kind="stable")[:_DIGITS]
        scores = ranking.signals["pooled"] if self.lesson is None else self.lesson.learnt.scores
        classes = [self.state.label_now(ranking.classes[c], since_seq=ranking.named_at) for c in best]
        return Known(
            predicted=classes[0],
            probability=float(odds[best[0]]),
            loss=_number(ranking.signals["loss"][row]),
            score=_number(scores[row]),
            place=self._place_of[name],
            top=", ".join(
                f"{label} {_percent(float(odds[c]))}" for label, c in zip(classes[:_TOP], best, strict=False)
            ),
            likely=tuple(dict.fromkeys(classes)) if len(ranking.classes) > _DIGITS else (),
        )

    def score(self, name: str, order: str) -> float | None:
        """Return the score of an image that an order of `Checks` is about, 0..1, higher = worse; or None."""
        if order not in self._scores_of:
            self._scores_of = {order: self._all_scores(order)}
        return self._scores_of[order].get(name)

    def _all_scores(self, order: str) -> dict[str, float]:
        checks, problem = self.found.checks, problem_of(order)
        if checks is None:
            return {}
        if problem is not None:
            return dict(zip(checks.quality.table["name"], checks.quality.scores(problem), strict=True))
        if order == OUTLIERS and checks.outliers is not None:
            table = checks.outliers.table
            return dict(zip(table["name"], table["score"], strict=True))
        return {}

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

    def cell(self, name: str, *, reviewer: str, order: str, conflict: tuple[Decision, ...] = ()) -> Cell:
        """Describe an image as it is now, to a reviewer who looks at it in an order.

        A colleague's *unsure* is a note, no decision. An audit shows nothing of what the model thinks; where
        labels are not what is asked, a suggestion would only distract.
        """
        purpose, decision = purpose_of(order), self.state.of(name)
        known = None if purpose is Purpose.AUDIT else self.known(name)
        shown = known if purpose.judges_labels else None
        notes = [f"{each.reviewer}: {_in_a_word(each)}" for each in conflict]
        if decision is not None and not decision.reviewed and decision.reviewer != reviewer:
            notes.append(f"{decision.reviewer}: unsure")
            decision = None
        action, label = (None, None) if decision is None else _shown_as(decision)
        copy = self.copies.by_name.get(name) if purpose is Purpose.COPIES else None
        return Cell(
            name=name,
            given=self.given(name),
            suggestion=None if shown is None else shown.predicted,
            probability=None if shown is None else shown.probability,
            sure=shown is None or shown.sure,
            loss=None if shown is None else shown.loss,
            action=action,
            label=label,
            reviewer=None if decision is None else decision.reviewer,
            mine=decision is None or decision.reviewer == reviewer,
            notes=tuple(notes),
            facts=tuple(self._lines(name, known)),
            group=None if copy is None else str(copy.group),
            advice="" if copy is None else copy.advice,
            remarks=copy.remarks if copy is not None else self._remarks(name, order),
            likely=() if known is None else known.likely,
        )

    def _lines(self, name: str, known: Known | None) -> list[tuple[str, str]]:
        """Return the lines of the large view."""
        lines = [("Split", self._split_of.get(name) or "none")]
        if known is not None:
            lines.append(("Predictions", known.top))
            if known.score is not None:
                lines.append(("Label wrong", _percent(known.score)))
            if known.loss is not None:
                lines.append(("Rank", f"{known.place + 1:,} of {len(self._place_of):,}"))
        return lines

    def _remarks(self, name: str, order: str) -> tuple[str, ...]:
        score = self.score(name, order)
        return () if score is None else (f"{_SAID.get(order, order)} {score:.2f}",)


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
