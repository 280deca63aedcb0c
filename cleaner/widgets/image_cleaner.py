"""`ImageCleaner`: review the suspicious images page by page; every decision is saved at once."""

from __future__ import annotations

import functools
import logging
import uuid
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import ipywidgets
import numpy as np
import traitlets
from numpy.typing import NDArray

from cleaner.audit.running import RunningAudit
from cleaner.errors import CleanerError
from cleaner.review import Event
from cleaner.review.classes import class_acts, is_about_descriptions
from cleaner.review.output.cleaned_csv import CleanedCsv
from cleaner.session.cells import Outcome
from cleaner.session.desk import ReviewDesk
from cleaner.session.orders import AUDIT, COPIES, NO_LABEL, ORDERS, GridView, Purpose
from cleaner.session.scales import has_scale, scale_of
from cleaner.session.studies import Studies
from cleaner.widgets.grid.widget import ReviewGrid
from cleaner.widgets.panels.filters import FilterBox
from cleaner.widgets.panels.threshold import ThresholdPanel
from cleaner.workspace import Workspace, workspace_of

if TYPE_CHECKING:
    from cleaner.pipelines.checks import Checks
    from cleaner.ranking import Ranking
    from cleaner.review import ReviewStore

__all__ = ["ImageCleaner"]

logger = logging.getLogger(__name__)

_ADVICE = "ImageCleaner takes a Ranking or a Workspace, and workspace=, page_size= and reviewer= as keywords."


def _guard(callback: Callable[..., None]) -> Callable[..., None]:
    """Show the errors of a callback on the page; a traceback would reach nobody."""

    @functools.wraps(callback)
    def guarded(cleaner: ImageCleaner, *args: Any) -> None:
        try:
            callback(cleaner, *args)
        except CleanerError as exc:
            cleaner.grid.problem = str(exc)
        except Exception as exc:
            logger.exception("%s failed", callback.__name__)
            cleaner.grid.problem = f"Something went wrong here ({type(exc).__name__}: {exc}). Try again."

    return guarded


class ImageCleaner(ipywidgets.VBox):
    """Shows the images page by page, most suspicious first, and records what the reviewer decides.

    No image file is touched: *delete* is a row in the database, and leaves the image out of ``cleaned.csv``.
    Every decision is on the disk before the page shows it as saved; opening again goes on where the work was.

    Parameters
    ----------
    source : Ranking or Workspace
        A workspace shows its saved ranking, or, while it has none, its images in the order of their names.
    workspace : Workspace, optional
        Whose images they are; needed for a ranking that was not made by ``Workspace.rank``.
    page_size : int
        Images on a page.
    reviewer : str, optional
        Who decides; the workspace's reviewer if not given.

    Attributes
    ----------
    grid : ReviewGrid
        The grid alone.
    filters : FilterBox
        The choice of order and filters. To show it elsewhere, leave the rest here:
        ``children = [threshold, grid]``.
    threshold : ThresholdPanel
        The slider above the grid, where the order has a threshold.
    thresholds : dict of str to float
        The thresholds that were chosen, by order.
    store : ReviewStore
        Where the decisions go.

    Raises
    ------
    TypeError
        The source is neither, no workspace is known, or a keyword is unknown.
    """

    progress = traitlets.Dict()
    """Where the work stands. Type: dict.

    Numbers of images: ``looked_at``, ``total``, ``errors`` (deleted, or with another label), ``kept``,
    ``deleted``, ``relabelled``, ``labelled``, ``unsure``, ``conflicts``, ``discarded`` (duplicates and bad
    pictures), ``left`` (undecided). ``last100``: dict, ``errors`` among
    the last ``looked_at`` looks, and ``low``, ``high``, the 95 % interval for as many looks. Floats, or None:
    ``expected_next`` (errors on the next page, by the scores), ``pace_per_min``, ``pace_per_hour``,
    ``minutes_left``.
    """

    order = traitlets.Unicode("")
    """The order on show, a key of `cleaner.session.orders.ORDERS`. Type: str. Default: ``""``."""

    message = traitlets.Unicode("")
    """The last sentence for the user, such as that cleaned.csv is locked. Type: str. Default: ``""``."""

    _closed = True  # until it is made: ipywidgets also closes what could not be

    def __init__(
        self,
        source: Ranking | Workspace,
        *,
        workspace: Workspace | None = None,
        page_size: int = 24,
        reviewer: str | None = None,
        **unknown: Any,
    ) -> None:
        if unknown:
            msg = f"Got the keyword {', '.join(map(repr, sorted(unknown)))}. {_ADVICE}"
            raise TypeError(msg)
        self.workspace, ranking = _parts(source, workspace)
        self._desk = ReviewDesk(self.workspace, ranking=ranking, page_size=page_size, reviewer=reviewer)
        self.grid = ReviewGrid(self._desk)
        self._lock = self.grid.lock
        self.filters = FilterBox(self._on_choice)
        self.threshold = ThresholdPanel(self._on_threshold)
        self._notices = ipywidgets.Label(" ".join(self.workspace.notices))
        notices = [self._notices] if self._notices.value else []
        super().__init__([self.filters, *notices, self.threshold, self.grid])
        self.layout.overflow = "visible"
        self.thresholds: dict[str, float] = {}
        self._scaled = ""  # the order that the slider is for
        self._choices = 0  # of a view; one that takes long to show gives way to the next
        self._studies = Studies(self._desk, self.grid, self._count)
        self._csv = self.workspace.csv_writer(on_notice=self._tell)
        self._unsubscribe = self.store.subscribe(self._on_events)
        self._closed = False
        with self._lock:
            self._offer()
        self._count()
        self.grid.in_background(self._load_checks)
        self.propose_labels()

    # ---------------------------------------------------------------- looking

    @property
    def store(self) -> ReviewStore:
        """Where the decisions go."""
        return self._desk.store

    @property
    def csv(self) -> CleanedCsv:
        """What keeps ``cleaned.csv`` in step with the decisions."""
        return self._csv

    @property
    def ranking(self) -> Ranking | None:
        """The ranking in use."""
        return self._desk.facts.ranking

    @property
    def reviewer(self) -> str:
        """Who decides."""
        return self._desk.reviewer

    @property
    def view(self) -> GridView:
        """What is shown: order, filters, and which of the images that pass them."""
        return self._desk.walk.view

    @property
    def orders(self) -> list[str]:
        """The orders that can be chosen by now."""
        return self._desk.orders

    @property
    def audit(self) -> RunningAudit:
        """The audit of this data set: ``audit.certificate()`` is the certificate."""
        return self._desk.audit

    @property
    def page_size(self) -> int:
        """Images on a page."""
        return self._desk.walk.pager.page_size

    @property
    def scores(self) -> tuple[Sequence[str], NDArray[np.floating] | None]:
        """Names that the ranking knows, and the probability that each is wrong, by what was learnt so far."""
        return self._desk.facts.scores()

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the images on the open page; empty at the end of a view."""
        return self._desk.names

    def set_view(self, view: GridView | None = None, **changes: Any) -> None:
        """Show something else.

        Parameters
        ----------
        view : GridView, optional
            All of it; default: the present view.
        **changes
            Fields of `GridView` to change: ``order``, ``split``, ``given``, ``predicted``, ``show``,
            ``threshold``. Another order begins with the threshold last chosen for it, or the suggested one.

        Raises
        ------
        CleanerError
            An unknown order or an unknown ``show``.
        """
        with self._lock:
            self._choices += 1
            wanted = replace(view or self.view, **changes)
            if "threshold" in changes:
                self._remember(wanted)
            elif wanted.order != self.view.order and (view is None or wanted.threshold is None):
                wanted = replace(wanted, threshold=self.thresholds.get(wanted.order))
        self._desk.prepare(wanted)
        with self._lock:
            self.grid.show(self._desk.set_view(wanted))
            self._offer()
        self._show_scale()
        self._count()

    def set_checks(self, checks: Checks | None) -> None:
        """Take what was found out about copies and bad pictures, and offer the orders that come of it.

        May be called from any thread; the open page stays as it is, unless it is empty for want of them.
        """
        with self._lock:
            missed = self._desk.facts.found.checks is None and has_scale(self.view.order) and not self.names
            self._desk.set_checks(checks)
            self._offer()
        if missed and checks is not None:  # the view was asked for before they were read
            self.set_view(self.view)

    def refresh(self) -> None:
        """Show the open page and the filters as they are now, as after an act on classes."""
        with self._lock:
            self.grid.show(self._desk.follow_classes())
            self._offer()
        self._count()
        self._learn()

    def start_audit(self, *, join: bool = False) -> None:
        """Begin the audit, or go on with it: random pages that tell how many errors are left at most.

        Parameters
        ----------
        join : bool
            Let images join that came after it had begun.

        Raises
        ------
        RankingError
            There is nothing to audit, or its file cannot be read or written.
        """
        if join or self.audit.audit is None:
            self.audit.begin()
        self.set_view(GridView(order=AUDIT))

    def set_ranking(self, ranking: Ranking) -> None:
        """Take a new ranking: at once if nothing on the open page is decided, else from the next page on.

        May be called from any thread.
        """
        with self._lock:
            self.grid.show(self._desk.set_ranking(ranking))
            self._offer()
        self._count()
        self.grid.in_background(self._studies.reorder)
        self.propose_labels()

    def _learn(self) -> None:
        """Learn from the decisions, in the background."""
        self.grid.in_background(self._studies.reorder)
        self.propose_labels()

    def propose_labels(self) -> None:
        """Propose labels for images without one, in the background; needs their embeddings."""
        self.grid.in_background(self._studies.propose)

    # ---------------------------------------------------------------- deciding

    def decide(
        self, names: str | Iterable[str], action: str, label: str | None = None, *, new_class: bool = False
    ) -> None:
        """Decide on one or several images, as the keys of the page do.

        Parameters
        ----------
        names : str or iterable of str
        action : str
            ``keep``, ``delete``, ``relabel``, ``unsure``, or ``suggest`` to take the model's suggestions.
        label : str, optional
            For ``relabel``: the new label.
        new_class : bool
            Whether the label may be one that no image has yet.

        Raises
        ------
        StoreError
            The names, the action or the label cannot be.
        NotSavedError
            The database did not take it; then nothing of it is saved.
        """
        listed = [names] if isinstance(names, str) else list(names)
        self._do(lambda act: self._desk.decide(listed, action, label, act=act, new_class=new_class))

    def undo(self) -> str:
        """Take back the reviewer's last act, also one of an earlier session; returns what was undone."""
        return self._do(lambda act: self._desk.undo(act=act)).said

    def confirm_page(self) -> None:
        """Keep everything unmarked on the open page, and open the next one."""
        with self._lock:
            page = self._desk.page()
            names = [cell.name for cell in page.cells if cell.action is None]
            self._do(lambda act: self._desk.confirm(names, act=act, page_id=page.id))
        self._csv.schedule(delay_s=0.0)

    def show_look_alikes(self) -> None:
        """Show undecided pictures that look like the one just relabelled or deleted.

        Raises
        ------
        StoreError
            None are on offer.
        """
        with self._lock:
            self.grid.show(self._desk.look_alikes())

    def next_page(self) -> None:
        """Open the next page without deciding."""
        with self._lock:
            self.grid.show(self._desk.turn(1))

    def previous_page(self) -> None:
        """Open the page before this one."""
        with self._lock:
            self.grid.show(self._desk.turn(-1))

    def close(self) -> None:
        """Write what is due, stop the threads, and take the widget off the page; the workspace stays open."""
        if self._closed:
            return
        self._closed = True
        self._unsubscribe()
        self._csv.close()
        for widget in (self.filters, self._notices, self.threshold, self.grid):
            widget.close()
        super().close()

    # ---------------------------------------------------------------- inside

    def _do(self, act: Callable[[str], Outcome]) -> Outcome:
        """Carry out an act of Python, and show in the page what it came to."""
        with self._lock:
            outcome = act(uuid.uuid4().hex)
            self.grid.update(outcome.cells, summary=outcome.summary)
            if outcome.page is not None:
                self.grid.show(outcome.page)
        self._count()
        return outcome

    def _count(self) -> None:
        """Count anew; outside of the lock, since observers may wait for locks of their own."""
        with self._lock:
            progress, order = self._desk.progress(), self.view.order
        self.progress, self.order = progress, order

    def _on_events(self, events: tuple[Event, ...]) -> None:
        """Follow the store; called in the thread that decided, which holds locks: so go on in another one."""
        self.grid.in_background(lambda: self._follow(events))

    def _follow(self, events: tuple[Event, ...]) -> None:
        with self._lock:
            own = self._desk.is_own(events)
            if not own:
                touched = {name for event in events for name in self.store.state.names_of(event.act)}
                cells = self._desk.cells(name for name in self.names if name in touched)
                if cells and self._desk.purpose is Purpose.COPIES:
                    self.grid.show(self._desk.page())  # what is decided on a group stands beside its cards
                elif cells:
                    self.grid.update(cells)
            confirmed = own and any(event.detail.get("confirm") for event in events)
        if confirmed:
            self._csv.schedule(delay_s=0.0)
        if class_acts(self.store.state, events):
            self.refresh()
        if is_about_descriptions(self.store.state, events):
            self.grid.tell_described()
        self._count()
        if own:
            self._studies.offer_look_alikes(events)
        if confirmed or self._desk.has_to_study:
            self.grid.in_background(self._studies.reorder)
        self.propose_labels()

    def _tell(self, sentence: str) -> None:
        """Say something about cleaned.csv; called in any thread."""
        self.message = sentence
        self.grid.problem = "" if sentence.endswith("is up to date again.") else sentence

    def _load_checks(self) -> None:
        """Take what was found the last time, unless somebody has given it already; runs in a thread."""
        from cleaner.pipelines.check import checks_folder
        from cleaner.pipelines.checks import Checks

        if self._desk.facts.found.checks is not None:
            return
        try:
            checks = Checks.load(checks_folder(self.workspace))
        except CleanerError as exc:
            self.grid.problem = str(exc)
            return
        if checks is not None and self._desk.facts.found.checks is None:
            self.set_checks(checks)

    @_guard
    def _on_choice(self, view: GridView) -> None:
        with self._lock:
            self._choices += 1
            choice = self._choices
            view = replace(view, threshold=self.thresholds.get(view.order))
        if view.order == COPIES:  # the thread that hears of a choice hears of the keys, too
            self.grid.in_background(lambda: self._choose(view, choice))
        else:
            self._choose(view, choice)

    @_guard
    def _choose(self, view: GridView, choice: int) -> None:
        self._desk.prepare(view)
        with self._lock:
            if choice != self._choices:
                return
            self.grid.show(self._desk.set_view(view))
            if self.view != view:
                self._offer()
        self._show_scale()
        self._count()

    def _on_threshold(self, value: float) -> None:
        """Show what reaches another threshold; runs in a thread of the slider's.

        By now another order may be on show, for which it was not meant.
        """
        scale = self.threshold.scale
        usual = scale is not None and scale.spoken(value) == scale.spoken(scale.default)
        chosen = None if usual else value
        self._desk.prepare(replace(self.view, threshold=chosen))
        with self._lock:
            if self.view.order != self._scaled:
                return
            view = replace(self.view, threshold=chosen)
            self._remember(view)
            self.grid.show(self._desk.set_view(view))
            self._offer()
        self._show_scale()
        self._count()

    def _remember(self, view: GridView) -> None:
        """Remember the threshold of an order until another one is chosen."""
        if view.threshold is None:
            self.thresholds.pop(view.order, None)
        else:
            self.thresholds[view.order] = view.threshold

    def _show_scale(self) -> None:
        """Show the threshold of the present order, if it has one; what it comes to may take a while."""
        if has_scale(self.view.order):
            self.grid.in_background(self._scale)
        else:
            self.threshold.show_for(None)

    def _scale(self) -> None:
        with self._lock:
            view, found = self.view, self._desk.facts.found
        scale = scale_of(view, found)
        with self._lock:
            if self.view == view:
                self._scaled = view.order
                self.threshold.show_for(scale)

    def _offer(self) -> None:
        """Offer what there is to filter by; the present view is shown as chosen."""
        facts, catalog = self._desk.facts, self._desk.facts.catalog
        given = sorted({self.store.state.label_now(label) for label in facts.classes})
        self.filters.offer(
            self.view,
            orders=self._desk.orders,
            splits=sorted({str(split) for split in catalog.splits if split is not None}),
            given=[*given, NO_LABEL] if any(label is None for label in catalog.labels) else given,
            predicted=facts.suggestions(),
            filtering=ORDERS[self.view.order].filters,
        )


def _parts(source: Any, workspace: Workspace | None) -> tuple[Workspace, Ranking | None]:
    """Find the workspace and the ranking that are meant."""
    if isinstance(source, Workspace):
        if workspace is not None and workspace is not source:
            msg = f"Got two workspaces. {_ADVICE}"
            raise TypeError(msg)
        return source, source.ranking()
    if not (hasattr(source, "table") and hasattr(source, "order")):
        msg = f"Got {type(source).__name__}. {_ADVICE} For a folder: ImageCleaner(Workspace(folder))."
        raise TypeError(msg)
    found = workspace or workspace_of(source)
    if found is None:
        msg = "Got a ranking without its data set; pass the Workspace as workspace=."
        raise TypeError(msg)
    return found, source
