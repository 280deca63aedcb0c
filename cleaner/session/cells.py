"""What passes between a session and the grid that shows it: cells, pages, outcomes, and `GridHost`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from cleaner.images.levels import Scale, Window
from cleaner.labelling.examples import Typical
from cleaner.ranking.reasons import Explanation
from cleaner.review.state import AskedAgain
from cleaner.session.heat_maps import HeatMap
from cleaner.session.messages import Empty, Notice, PageTitle, Said, Summary


@dataclass(frozen=True, slots=True)
class Seen:
    """What a reviewer had on the screen when deciding; an act on something else is refused.

    Parameters
    ----------
    page_id : str
        The `Page.id` that was shown.
    suggestions : mapping of str to (str or None)
        For ``suggest``, and for ``keep`` of an image without a label: the suggestion that was shown for each.
    """

    page_id: str
    suggestions: Mapping[str, str | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ProblemScore:
    """How strongly an image shows what an order is about, 0..1, higher = worse."""

    order: str
    score: float


@dataclass(frozen=True, slots=True)
class DuplicateRemark:
    """How an image is like the first of its group, and what kind of file it is.

    Parameters
    ----------
    kind : str
        ``original``, ``exact``, ``re-encoded``, ``resized``, ``cropped``, ``mirrored`` or ``look-alike``.
    similarity : float
        0..1, higher = more alike.
    split : str or None
    width_px, height_px : int
    """

    kind: str
    similarity: float
    split: str | None
    width_px: int
    height_px: int


@dataclass(frozen=True, slots=True)
class Colleague:
    """What a reviewer thinks of an image: a choice and, for a relabel, the label.

    With ``again``, it is what they said when they were asked a second time.
    """

    reviewer: str
    action: str
    label: str | None = None
    again: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Details:
    """What the large view says of an image beside its cell.

    Parameters
    ----------
    split : str or None
    best : tuple of (str, float)
        The most probable labels, with their probabilities.
    score : float or None
        Probability that the label is wrong.
    place : int or None
        0 = most suspicious.
    ranked : int
        Images in the ranking.
    path : str or None
        Where the file is, where that matters.
    """

    split: str | None = None
    best: tuple[tuple[str, float], ...] = ()
    score: float | None = None
    place: int | None = None
    ranked: int = 0
    path: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One image as the page shows it.

    Parameters
    ----------
    name : str
        Key of the image.
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
    notes : tuple of Colleague
        What colleagues think, where they disagree or are unsure.
    details : Details
        For the large view.
    group : str or None
        The `Group` of the page that it belongs to.
    advice : str
        What is best done with it in its group: ``keep``, ``delete``, ``look`` (before the rest), or empty.
    remark : ProblemScore, DuplicateRemark or None
        What stands below the image.
    again : AskedAgain or None
        Why the image is undecided though somebody decided on it once.
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
    notes: tuple[Colleague, ...] = ()
    details: Details = Details()
    group: str | None = None
    advice: str = ""
    remark: ProblemScore | DuplicateRemark | None = None
    again: AskedAgain | None = None
    likely: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Cells that stand in a row of their own, as duplicates of one image do.

    Parameters
    ----------
    id : str
    size : int
        How many images there are.
    leak : tuple of str
        The splits between which it is a leak; empty: it is none.
    labels : tuple of (str or None)
        The different labels, where there are several.
    only_alike : bool
        Whether the images only look alike, so that none is superfluous.
    kept : int or None
        How many are left after what was decided; None: none was deleted.
    different : str
        ``all`` or ``some`` of the pairs were called different; empty: none.
    """

    id: str
    size: int
    leak: tuple[str, ...] = ()
    labels: tuple[str | None, ...] = ()
    only_alike: bool = False
    kept: int | None = None
    different: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class OneFix:
    """Cells in a row of their own that probably all need the same new label.

    Parameters
    ----------
    id : str
    size : int
        How many images there are.
    given, label : str
        The label that they have, and the one that they probably need.
    looks, to_look : int
        How many, drawn at random, are to be decided one by one first, and how many of these are undecided.
    wrong : int
        How many of the random ones turned out not to be ``label``.
    rest : int
        How many of the others are undecided.
    at_most : int or None
        How many of ``rest`` are not ``label`` at most, with probability `cleaner.analysis.relabels.SURE`;
        None before all looks, or where nothing is left.
    relabelled : int
        How many have the new label by now.
    """

    id: str
    size: int
    given: str
    label: str
    looks: int
    to_look: int
    wrong: int
    rest: int
    at_most: int | None
    relabelled: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One page of cells, and what is to be said around it.

    Parameters
    ----------
    id : str
        Tells this page from every other; the browser keeps its images while it stays the same.
    cells : tuple of Cell
    classes : tuple of str
        Labels to choose from.
    digits : tuple of str
        The digit of each, empty where it has none.
    separator : str
        What joins several labels of an image; empty: each has one.
    title : PageTitle or None
    summary : Summary
        Where the work stands.
    notices : tuple of Notice
        What the reviewer should know.
    empty : Empty or None
        Why there are no cells, where there are none.
    focus : str or None
        Name of the cell to go to; None: the first undecided one.
    can_go_back, can_go_on : bool
        Whether there is a previous, a next page.
    offer : int
        How many images similar to what was just decided are on offer.
    same : (str, str or None) or None
        On a page of similar images: the action and the label that are proposed for all of them.
    purpose : str
        A `cleaner.session.view.Purpose`: what the reviewer is asked, and so what the acts mean.
    groups : tuple of Group or OneFix
        Where the cells stand in groups: all of them, in the order of the cells.
    """

    id: str
    summary: Summary
    cells: tuple[Cell, ...] = ()
    classes: tuple[str, ...] = ()
    digits: tuple[str, ...] = ()
    separator: str = ""
    title: PageTitle | None = None
    notices: tuple[Notice, ...] = ()
    empty: Empty | None = None
    focus: str | None = None
    can_go_back: bool = False
    can_go_on: bool = False
    offer: int = 0
    same: tuple[str, str | None] | None = None
    purpose: str = "labels"
    groups: tuple[Group | OneFix, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What an act came to, after it was committed.

    Parameters
    ----------
    cells : tuple of Cell
        The cells that it touched, as they are now.
    said : Said or None
        What to tell the reviewer, if anything.
    summary : Summary
        See `Page`.
    focus : str or None
        Name of the cell to go to.
    page : Page or None
        The page that is to be shown now, if it is another one or its frame changed.
    """

    summary: Summary
    cells: tuple[Cell, ...] = ()
    said: Said | None = None
    focus: str | None = None
    page: Page | None = None


@dataclass(frozen=True, slots=True)
class ChosenWindow:
    """The values that a reviewer wants to see of images with more than 8 bits.

    Parameters
    ----------
    kind : str
        A `Scale.kind`; images of another kind are shown as usual.
    center, width : float
        In their unit; the width is greater than 0.
    """

    kind: str
    center: float
    width: float


@dataclass(frozen=True, slots=True)
class Levels:
    """How the values of an image with more than 8 bits are shown.

    Parameters
    ----------
    scale : Scale
        What they mean, and the windows of the file.
    window : Window
        The values that are shown.
    inverted : bool
        Low values are bright.
    """

    scale: Scale
    window: Window
    inverted: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """An image for the large view.

    Parameters
    ----------
    data : bytes
        The encoded image.
    media_type : str
        Such as ``"image/jpeg"``.
    width_px, height_px : int
        Size of the original, which ``data`` may be a smaller rendition of.
    frames : int
        Frames or pages of the file, the first of which this is.
    levels : Levels or None
        None for an image of 8 bits.
    """

    data: bytes
    media_type: str
    width_px: int
    height_px: int
    frames: int = 1
    levels: Levels | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassExamples:
    """What a class is, to compare it with another one.

    Parameters
    ----------
    label : str
    text : str
        Its description; empty if it has none.
    examples : tuple of Typical
        Typical images of it, the most typical first.
    """

    label: str
    text: str = ""
    examples: tuple[Typical, ...] = ()


class GridHost(Protocol):
    """Who stands behind a grid.

    `thumbnail`, `picture`, `class_examples`, `explain` and `heat_map` are called from several threads at
    once; the others one at a time, under the grid's lock. All may raise; a `CleanerError` is shown as its
    message.
    """

    def page(self) -> Page:
        """Return the page that is to be shown."""

    def decide(
        self,
        names: Sequence[str],
        action: str,
        label: str | None = None,
        *,
        act: str | None = None,
        new_class: bool = False,
        seen: Seen | None = None,
    ) -> Outcome:
        """Record one decision; ``suggest`` relabels each image to its own suggestion, ``clear`` unmarks.

        Among duplicates, ``suggest`` deletes those that are not needed, ``only`` keeps the named ones of a
        group and deletes the rest of it, and ``different`` says that they are no duplicates. Among groups
        with one fix, ``group`` relabels the named ones of a group.

        Raises `OutdatedError` where ``seen`` is no longer what the page shows.
        """

    def undo(self, *, act: str | None = None) -> Outcome:
        """Take the last act back."""

    def redo(self, *, act: str | None = None) -> Outcome:
        """Bring back what was undone last, if nothing else was done since."""

    def confirm(
        self, names: Sequence[str] | None = None, *, act: str | None = None, seen: Seen | None = None
    ) -> Outcome:
        """Record that ``names``, all that is unmarked on a page, were seen, and go on to the next page."""

    def describe(self, label: str, text: str, *, act: str | None = None) -> Outcome:
        """Record the description of a class; an empty one takes it away."""

    def turn(self, by: int) -> Page:
        """Go to the next (1) or previous (-1) page without deciding, and return it."""

    def show_similar(self) -> Page:
        """Return a page of images similar to what was just decided; raises if none are offered."""

    def next_names(self) -> Sequence[str]:
        """Return the names on the page that will probably come next."""

    def thumbnail(self, name: str) -> bytes:
        """Return a small JPEG; raises `ImageError` with the reason."""

    def picture(self, name: str, *, full: bool, window: ChosenWindow | None = None) -> Picture:
        """Return the image for the large view, or in its full size; see `LargeImages.picture`."""

    def class_examples(self, label: str, *, but: str) -> ClassExamples:
        """Return what is known of a class, with typical images other than ``but``."""

    def explain(self, name: str) -> Explanation | None:
        """Return why an image is shown; None in an audit, and if the ranking keeps no reasons."""

    def heat_map(self, name: str, label: str) -> HeatMap:
        """Return how much each part of an image speaks for a class; raises `InterpretationError`."""
