"""What passes between the grid and whoever is behind it: cells, pages, outcomes, and `GridHost`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from cleaner.labelling.examples import Typical


@dataclass(frozen=True, slots=True)
class Seen:
    """What a reviewer had on the screen when deciding; an act on something else is refused.

    Parameters
    ----------
    page_id : str
        The `Page.id` that was shown.
    suggestions : mapping of str to (str or None)
        For ``suggest``: the suggestion that was shown for each image.
    """

    page_id: str
    suggestions: Mapping[str, str | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One picture as the page shows it.

    Parameters
    ----------
    name : str
        Key of the picture.
    given, suggestion : str or None
        The label that it has, and the one that the model would give; None is not shown.
    probability : float or None
        Of ``suggestion``, in 0..1.
    sure : bool
        Whether Confirm may take the suggestion for right, where there is no given label.
    loss : float or None
        Nats, higher = more suspicious.
    action : str or None
        ``keep``, ``delete``, ``relabel`` or ``unsure``; None: nothing decided.
    label : str or None
        The new label of a relabel.
    reviewer : str or None
        Who decided.
    mine : bool
        Whether that is who looks at the page; a colleague's decision can be made one's own.
    notes : tuple of str
        Remarks that stand on the picture ("Ben: hat").
    facts : tuple of (str, str)
        Further lines of the large view.
    group : str or None
        The `Group` of the page that it belongs to.
    advice : str
        What is best done with it in its group: ``keep``, ``delete`` or empty.
    remarks : tuple of str
        Further lines below the picture.
    likely : tuple of str
        Labels for the digit keys when asked for by likelihood, the likeliest first; empty where there are no
        more classes than digits.
    """

    name: str
    given: str | None = None
    suggestion: str | None = None
    probability: float | None = None
    sure: bool = True
    loss: float | None = None
    action: str | None = None
    label: str | None = None
    reviewer: str | None = None
    mine: bool = True
    notes: tuple[str, ...] = ()
    facts: tuple[tuple[str, str], ...] = ()
    group: str | None = None
    advice: str = ""
    remarks: tuple[str, ...] = ()
    likely: tuple[str, ...] = ()

    def message(self) -> dict[str, Any]:
        """Return the cell as JSON for the page."""
        decision = {
            "action": self.action,
            "label": self.label,
            "reviewer": self.reviewer,
            "mine": self.mine,
        }
        return {
            "name": self.name,
            "given": self.given,
            "suggestion": self.suggestion,
            "probability": self.probability,
            "sure": self.sure,
            "loss": self.loss,
            "decision": None if self.action is None else decision,
            "problem": None,
            "notes": list(self.notes),
            "facts": [list(fact) for fact in self.facts],
            "group": self.group,
            "advice": self.advice,
            "remarks": list(self.remarks),
            "likely": list(self.likely),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Cells that stand in a row of their own, as copies of one picture do.

    Parameters
    ----------
    id : str
    title : str
        How many there are.
    marks : tuple of str
        What the reviewer should know: "leak: train and valid", "2 labels: cat, dog".
    settled : str
        What was decided on the group; empty: nothing yet.
    """

    id: str
    title: str
    marks: tuple[str, ...] = ()
    settled: str = ""

    def message(self) -> dict[str, Any]:
        """Return the group as JSON for the page."""
        return {"id": self.id, "title": self.title, "marks": list(self.marks), "settled": self.settled}


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One page of cells, and the words around it.

    Parameters
    ----------
    id : str
        Tells this page from every other; the browser keeps its pictures while it stays the same.
    cells : tuple of Cell
    classes : tuple of str
        Labels to choose from; the first ten have the keys 1 … 9, 0.
    title, summary, notice : str
        "Page 3"; where the work stands; what the reviewer should know.
    empty : str
        What to do next, where there are no cells.
    focus : str or None
        Name of the cell to go to; None: the first undecided one.
    can_go_back, can_go_on : bool
        Whether there is a previous, a next page.
    offer : str
        What the button says that shows look-alikes of what was just decided; empty: none are offered.
    same : (str, str or None) or None
        On a page of look-alikes: the action and the label that are proposed for all of them.
    purpose : str
        A `cleaner.session.orders.Purpose`: what the reviewer is asked, and so what the acts mean.
    groups : tuple of Group
        Where the cells stand in groups: all of them, in the order of the cells.
    """

    id: str
    cells: tuple[Cell, ...]
    classes: tuple[str, ...] = ()
    title: str = ""
    summary: str = ""
    notice: str = ""
    empty: str = ""
    focus: str | None = None
    can_go_back: bool = False
    can_go_on: bool = False
    offer: str = ""
    same: tuple[str, str | None] | None = None
    purpose: str = "labels"
    groups: tuple[Group, ...] = ()

    def message(self) -> dict[str, Any]:
        """Return the page as JSON for the browser."""
        return {
            "id": self.id,
            "cells": [cell.message() for cell in self.cells],
            "classes": list(self.classes),
            "title": self.title,
            "summary": self.summary,
            "notice": self.notice,
            "empty": self.empty,
            "focus": self.focus,
            "can_go_back": self.can_go_back,
            "can_go_on": self.can_go_on,
            "offer": self.offer,
            "same": None if self.same is None else {"action": self.same[0], "label": self.same[1]},
            "purpose": self.purpose,
            "groups": [group.message() for group in self.groups],
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What an act came to, after it was committed.

    Parameters
    ----------
    cells : tuple of Cell
        The cells that it touched, as they are now.
    said : str
        One sentence for the status line; may be empty.
    summary : str
        See `Page`.
    focus : str or None
        Name of the cell to go to.
    page : Page or None
        The page that is to be shown now, if it is another one or its frame changed.
    """

    cells: tuple[Cell, ...] = ()
    said: str = ""
    summary: str = ""
    focus: str | None = None
    page: Page | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """A picture for the large view.

    Parameters
    ----------
    data : bytes
        The encoded picture.
    media_type : str
        Such as ``"image/jpeg"``.
    width_px, height_px : int
        Size of the original, which ``data`` may be a smaller rendition of.
    """

    data: bytes
    media_type: str
    width_px: int
    height_px: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Portrait:
    """What a class is, to compare it with another one.

    Parameters
    ----------
    label : str
    text : str
        Its description; empty if it has none.
    examples : tuple of Typical
        Typical pictures of it, the most typical first.
    """

    label: str
    text: str = ""
    examples: tuple[Typical, ...] = ()


class GridHost(Protocol):
    """Who stands behind a grid.

    `thumbnail`, `picture` and `portrait` are called from several threads at once; the others one at a time,
    under the grid's lock. All may raise; a `CleanerError` is shown as its message.
    """

    def page(self) -> Page:
        """Return the page that is to be shown."""

    def decide(
        self,
        names: Sequence[str],
        action: str,
        label: str | None,
        *,
        act: str,
        new_class: bool,
        seen: Seen | None = None,
    ) -> Outcome:
        """Record one decision; ``suggest`` relabels each picture to its own suggestion, ``clear`` unmarks.

        Among copies, ``suggest`` deletes those that are not needed, ``only`` keeps the named ones of a group
        and deletes the rest of it, and ``different`` says that they are no copies.

        Raises `OutdatedError` where ``seen`` is no longer what the page shows.
        """

    def undo(self, *, act: str) -> Outcome:
        """Take the last act back."""

    def confirm(self, names: Sequence[str], *, act: str, page_id: str) -> Outcome:
        """Record that ``names``, all that is unmarked on a page, were seen, and go on to the next page."""

    def describe(self, label: str, text: str, *, act: str) -> Outcome:
        """Record the description of a class; an empty one takes it away."""

    def turn(self, by: int) -> Page:
        """Go to the next (1) or previous (-1) page without deciding, and return it."""

    def look_alikes(self) -> Page:
        """Return a page of pictures that look like what was just decided; raises if none are offered."""

    def next_names(self) -> Sequence[str]:
        """Return the names on the page that will probably come next."""

    def thumbnail(self, name: str) -> bytes:
        """Return a small JPEG; raises `ImageError` with the reason."""

    def picture(self, name: str, *, full: bool) -> Picture:
        """Return the picture for the large view, or in its full size; raises `ImageError`."""

    def portrait(self, label: str, *, but: str) -> Portrait:
        """Return what is known of a class, with typical pictures other than ``but``."""
