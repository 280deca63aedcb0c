"""What a session has to tell, as data; the sentences are made by whoever shows them."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cleaner.audit.audit import Certificate
from cleaner.review import Event
from cleaner.session.view import GridView, Purpose

if TYPE_CHECKING:
    from cleaner.labelling.proposal import Proposal
    from cleaner.ranking.feedback import Reordered
    from cleaner.review.files.trash import Moved


class Topic(StrEnum):
    """What a `Change` of a session is about."""

    PAGE = "page"
    """Another page is open, or its frame is another one."""
    CELLS = "cells"
    """Images on the open page are shown differently."""
    NEXT = "next"
    """Other images come after the open page."""
    OFFER = "offer"
    """Similar images are on offer, or no longer."""
    PROGRESS = "progress"
    """Something was decided or taken back."""
    LEARNT = "learnt"
    """How probable errors are is known better."""
    CHOICES = "choices"
    """There are other orders or filters to choose from."""
    CLASSES = "classes"
    """A class was made, renamed, merged or described."""
    CHECKS = "checks"
    """Duplicates and poor images were looked for, or counted anew."""
    ANALYSIS = "analysis"
    """The decisions were analysed."""
    CONFIRMED = "confirmed"
    """A page was confirmed."""
    UNREADABLE = "unreadable"
    """An image could not be read when it was to be shown."""
    PROBLEM = "problem"
    """Something went wrong in the background."""


@dataclass(frozen=True, slots=True)
class Change:
    """Something that happened in a session without being asked for by whoever is told.

    Parameters
    ----------
    topic : Topic
    names : tuple of str
        For `Topic.CELLS`: the images.
    problem : Exception or None
        For `Topic.PROBLEM`.
    """

    topic: Topic
    names: tuple[str, ...] = ()
    problem: Exception | None = None


# ---------------------------------------------------------------- above the page


class Hint(StrEnum):
    """What the reviewer should know, where nothing is to be filled in."""

    NO_RANKING = "no_ranking"
    NO_LABELS = "no_labels"
    NEW_ORDER = "new_order"
    NO_FILTERS_AUDIT = "no_filters_audit"
    NO_FILTERS_DUPLICATES = "no_filters_duplicates"
    NO_FILTERS_GROUPS = "no_filters_groups"


@dataclass(frozen=True, slots=True)
class Resumed:
    """Earlier work is taken up: so many of the images are decided."""

    decided: int
    total: int


@dataclass(frozen=True, slots=True)
class Unmatched:
    """Some decisions are not about the images that are there.

    Parameters
    ----------
    asked_again : int
        Images that are asked again, because another image or given label has come in the place.
    gone : int
        Decisions on images that are not in the set any more.
    """

    asked_again: int
    gone: int


@dataclass(frozen=True, slots=True)
class Learnt:
    """The order changed because of the decisions."""

    reordered: Reordered


@dataclass(frozen=True, slots=True)
class Proposed:
    """Labels are suggested for images without one."""

    proposal: Proposal


@dataclass(frozen=True, slots=True)
class AuditStatus:
    """How far the audit is, and what it has shown."""

    certificate: Certificate


@dataclass(frozen=True, slots=True)
class SimilarImages:
    """The page shows undecided images that are similar to some that were just decided.

    Parameters
    ----------
    like : tuple of str
        Names of the decided images.
    given : str or None
        The label that they had, and that the similar ones have.
    action : str
        ``relabel`` or ``delete``.
    label : str or None
        The new label of a relabel.
    names : tuple of str
        Nearest first.
    """

    like: tuple[str, ...]
    given: str | None
    action: str
    label: str | None
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FilesKept:
    """Nothing is removed for good: confirmed files go to the trash in this folder."""

    folder: Path


Notice = Hint | Resumed | Unmatched | Learnt | Proposed | AuditStatus | SimilarImages | FilesKept | str
"""What stands above a page; a str is a sentence that came ready, such as one about an unusual folder."""


# ---------------------------------------------------------------- instead of images


class Reason(StrEnum):
    """Why a page has no images."""

    NO_AUDIT = "no_audit"
    AUDIT_ENDED = "audit_ended"
    NOT_CHECKED = "not_checked"
    END = "end"
    FILES_ENDED = "files_ended"
    FILES_GONE = "files_gone"


@dataclass(frozen=True, slots=True)
class Empty:
    """A page without images.

    Parameters
    ----------
    reason : Reason
    view : GridView
    purpose : Purpose
    total : int
        Images of the view, decided or not.
    left_elsewhere : int
        Images of the whole set that nobody has decided.
    unsure : int
        How many are set aside.
    with_colleagues : int
        Undecided images of the view that colleagues have open.
    """

    reason: Reason
    view: GridView = field(default_factory=GridView)
    purpose: Purpose = Purpose.LABELS
    total: int = 0
    left_elsewhere: int = 0
    unsure: int = 0
    with_colleagues: int = 0


# ---------------------------------------------------------------- beside the page


@dataclass(frozen=True, slots=True)
class PageTitle:
    """Which page it is: its number, of how many if that is known, and whether it was shown before."""

    number: int
    purpose: Purpose = Purpose.LABELS
    again: bool = False
    of: int | None = None


@dataclass(frozen=True, slots=True)
class ReviewSummary:
    """Where a review stands; ``progress`` is `ReviewSession.progress`."""

    progress: dict[str, Any]
    view: GridView


@dataclass(frozen=True, slots=True)
class FilesSummary:
    """How many files there are to look through, are marked, and are in the trash; and where that is."""

    files: int
    marked: int
    gone: int
    trash: Path


Summary = ReviewSummary | FilesSummary


# ---------------------------------------------------------------- after an act


@dataclass(frozen=True, slots=True)
class Undone:
    """An act was taken back: its rows; none if there was nothing to undo."""

    events: tuple[Event, ...] = ()


@dataclass(frozen=True, slots=True)
class Redone:
    """An act that was undone was brought back: its rows; none if there was nothing to redo."""

    events: tuple[Event, ...] = ()


@dataclass(frozen=True, slots=True)
class Confirmed:
    """A page was confirmed."""

    labelled: int
    kept: int


@dataclass(frozen=True, slots=True)
class CalledDifferent:
    """So many images are remembered as no duplicates of each other."""

    images: int


@dataclass(frozen=True, slots=True)
class Described:
    """A class has another description, or none any more."""

    label: str
    empty: bool


@dataclass(frozen=True, slots=True)
class FilesMoved:
    """Files went to the trash, as far as they could be moved."""

    moved: tuple[Moved, ...]


@dataclass(frozen=True, slots=True)
class FilesBack:
    """Files came back from the trash, as far as they could be moved."""

    moved: tuple[Moved, ...]


@dataclass(frozen=True, slots=True)
class MarksUndone:
    """Marks were taken back: whether they had been set or cleared, and on how many files."""

    were_set: bool
    files: int


@dataclass(frozen=True, slots=True)
class MarksRedone:
    """Marks were set or cleared again: whether set, and on how many files."""

    are_set: bool
    files: int


Said = (
    Undone
    | Redone
    | Confirmed
    | CalledDifferent
    | Described
    | FilesMoved
    | FilesBack
    | MarksUndone
    | MarksRedone
)
