"""`ImageCleaner`: review the suspicious images page by page; every decision is saved at once."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import ipywidgets
import traitlets

from cleaner.ranking import Ranking
from cleaner.review import ReviewStore
from cleaner.review.output.cleaned_csv import CleanedCsv, CsvEvent, CsvNotice
from cleaner.session.cells import Outcome
from cleaner.session.messages import Change, Topic
from cleaner.session.orders import ORDERS, has_threshold
from cleaner.session.scales import scale_of
from cleaner.session.session import ReviewSession
from cleaner.session.view import GridView
from cleaner.widgets.grid.text import csv_text, said_text
from cleaner.widgets.grid.widget import ReviewGrid
from cleaner.widgets.guard import in_words
from cleaner.widgets.panels.csv_questions import CsvQuestions
from cleaner.widgets.panels.filters import FilterBox
from cleaner.widgets.panels.messages import MessagePanel
from cleaner.widgets.panels.threshold import ThresholdPanel
from cleaner.workspace import Workspace, workspace_of

_ADVICE = "ImageCleaner takes a Ranking or a Workspace, and workspace=, page_size= and reviewer= as keywords."


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
    messages : MessagePanel
        What is unusual about the set, and questions about ``cleaned.csv``, with buttons to answer them.
    threshold : ThresholdPanel
        The slider above the grid, where the order has a threshold.
    session : ReviewSession
        The review itself, without a page: what is shown, what is known of each image, what is decided.

    Raises
    ------
    TypeError
        The source is neither, no workspace is known, or a keyword is unknown.
    """

    progress = traitlets.Dict()
    """Where the work stands. Type: dict.

    Numbers of images: ``looked_at``, ``total``, ``errors`` (deleted, or with another label), ``kept``,
    ``deleted``, ``relabelled``, ``labelled``, ``unsure``, ``conflicts``, ``discarded`` (duplicates and bad
    pictures), ``asked_again`` (decided on before the image or its given label changed), ``gone`` (decided on
    and no longer here), ``left`` (undecided). ``last100``: dict, ``errors`` among the last ``looked_at``
    looks, and ``low``, ``high``, the 95 % interval for as many looks.
    ``expected_next``: errors on the next page, a tuple ``point``, ``low``, ``high`` (90 % interval), or None.
    ``colleagues``: for every other reviewer a tuple of the name, the images decided, and whether they have a
    page open now; empty where the decisions are in a file.
    Floats, or None: ``pace_per_min``, ``pace_per_hour``, ``minutes_left``.
    """

    order = traitlets.Unicode("")
    """The order on show, a key of `cleaner.session.orders.ORDERS`. Type: str. Default: ``""``."""

    n_filters = traitlets.Int(0)
    """How many filters are set. Type: int. Default: 0."""

    message = traitlets.Unicode("")
    """The last sentence for the user, such as that cleaned.csv is locked. Type: str. Default: ``""``."""

    csv_event = traitlets.Unicode("")
    """What was told last of cleaned.csv, a value of `CsvEvent`. Type: str. Default: ``""``."""

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
        self.session = ReviewSession(self.workspace, ranking=ranking, page_size=page_size, reviewer=reviewer)
        self._lock = self.session.lock
        self.grid = ReviewGrid(self.session, lock=self._lock)
        self.filters = FilterBox(self._on_choice)
        self.threshold = ThresholdPanel(self._on_threshold)
        self.messages = MessagePanel(lock=self._lock)
        super().__init__([self.filters, self.messages, self.threshold, self.grid])
        self.layout.overflow = "visible"
        self._csv = self.workspace.csv_writer(
            on_notice=self._on_csv, colleagues=lambda: self.session.colleagues_at_work
        )
        self._questions = CsvQuestions(self._csv, self.messages)
        self.messages.notice(self.workspace.notices)
        self._closed = False
        self._offer_choices()
        self._count()
        self.session.subscribe(self._on_change)
        self.session.load_checks()
        self.session.propose_labels()
        self._questions.look_later()

    # ---------------------------------------------------------------- looking

    @property
    def store(self) -> ReviewStore:
        """Where the decisions go."""
        return self.session.store

    @property
    def csv(self) -> CleanedCsv:
        """What keeps ``cleaned.csv`` in step with the decisions.

        A file of that name that cleaner did not write stays until a button above the images, or
        ``csv.write_now(replace=True)`` or ``csv.write_to(name)``, says what to do.
        """
        return self._csv

    @property
    def ranking(self) -> Ranking | None:
        """The ranking in use."""
        return self.session.ranking

    @property
    def reviewer(self) -> str:
        """Who decides."""
        return self.session.reviewer

    @property
    def view(self) -> GridView:
        """What is shown: order, filters, and which of the images that pass them."""
        return self.session.view

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the images on the open page; empty at the end of a view."""
        return self.session.names

    def set_view(self, view: GridView | None = None, **changes: Any) -> None:
        """Show something else.

        Parameters
        ----------
        view : GridView, optional
            All of it; default: the present view.
        **changes
            Fields of `GridView` to change, such as ``order`` or ``given``. Another order begins with the
            threshold last chosen for it, or the suggested one.

        Raises
        ------
        CleanerError
            An unknown order or an unknown ``show``.
        """
        self.session.set_view(view, **changes)

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
        self.session.start_audit(join=join)

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
        self._do(lambda: self.session.decide(listed, action, label, new_class=new_class))

    def undo(self) -> str:
        """Take back the reviewer's last act, also one of an earlier session; returns what was undone."""
        return said_text(self._do(self.session.undo).said)

    def redo(self) -> str:
        """Bring back what the reviewer undid last, if nothing was decided since; returns what was redone."""
        return said_text(self._do(self.session.redo).said)

    def confirm_page(self) -> None:
        """Keep everything unmarked on the open page, and open the next one."""
        self._do(self.session.confirm)
        self._csv.schedule(delay_s=0.0)

    def show_similar(self) -> None:
        """Show undecided images that are similar to the one just relabelled or deleted.

        Raises
        ------
        StoreError
            None are on offer.
        """
        with self._lock:
            self.grid.show(self.session.show_similar())

    def next_page(self) -> None:
        """Open the next page without deciding."""
        with self._lock:
            self.grid.show(self.session.turn(1))

    def previous_page(self) -> None:
        """Open the page before this one."""
        with self._lock:
            self.grid.show(self.session.turn(-1))

    def close(self) -> None:
        """Write what is due, stop the threads, and take the widget off the page; the workspace stays open."""
        if self._closed:
            return
        self._closed = True
        self.session.close()
        self._csv.close()
        for widget in (self.filters, self.messages, self.threshold, self.grid):
            widget.close()
        super().close()

    # ---------------------------------------------------------------- inside

    def _do(self, act: Callable[[], Outcome]) -> Outcome:
        """Carry out an act of Python, and show in the page what it came to."""
        with self._lock:
            outcome = act()
            self.grid.update(outcome.cells, summary=outcome.summary)
            if outcome.page is not None:
                self.grid.show(outcome.page)
        self._count()
        return outcome

    def _count(self) -> None:
        """Count anew; outside of the lock, since observers may wait for locks of their own."""
        with self._lock:
            progress, view = self.session.progress(), self.view
        self.progress, self.order, self.n_filters = progress, view.order, view.n_filters

    def _on_change(self, change: Change) -> None:
        """Show what has changed in the session; called in any thread, without the lock."""
        session, grid = self.session, self.grid
        with self._lock:  # so that the page shows what holds now, whichever change is told last
            if change.topic is Topic.PAGE:
                grid.show(session.page())
            elif change.topic is Topic.CELLS:
                grid.update(session.cells(change.names))
            elif change.topic is Topic.NEXT:
                grid.expect(session.page().id, session.next_names())
            elif change.topic is Topic.LEARNT:
                grid.update((), summary=session.summary())
            elif change.topic is Topic.OFFER:
                grid.offer(0 if session.offer is None else len(session.offer.names))
            elif change.topic is Topic.CHOICES:
                self._offer_choices()
            elif change.topic is Topic.CLASSES:
                grid.tell_described()
            elif change.topic is Topic.PROBLEM and change.problem is not None:
                grid.problem = in_words(change.problem, "work in the background")
        if change.topic is Topic.PAGE:
            self._show_scale()
        elif change.topic is Topic.CONFIRMED:
            self._csv.schedule(delay_s=0.0)
        elif change.topic in (Topic.PROGRESS, Topic.LEARNT):
            self._count()

    def _on_csv(self, notice: CsvNotice) -> None:
        """Say something about cleaned.csv: an alert while it is not up to date; called in any thread."""
        self.message = csv_text(notice)
        fine = notice.event in (CsvEvent.CURRENT, CsvEvent.REPLACED)
        self.grid.problem = "" if fine else self.message
        self.csv_event = notice.event
        if notice.event is CsvEvent.FOREIGN:
            self._questions.ask()

    def _on_choice(self, view: GridView) -> None:
        """Show what was chosen; in the background, as the thread that hears of it hears of the keys, too."""
        self.session.set_view_later(replace(view, threshold=self.session.thresholds.get(view.order)))

    def _on_threshold(self, value: float) -> None:
        """Show what reaches another threshold; runs in a thread of the slider's.

        By now another order may be on show, for which it was not meant.
        """
        scale = self.threshold.scale
        if scale is None or scale.order != self.view.order:
            return
        usual = scale.rounded(value) == scale.rounded(scale.default)
        self.session.set_threshold(None if usual else value, order=scale.order)

    def _show_scale(self) -> None:
        """Show the threshold of the present order, if it has one; what it leaves may take a while."""
        if has_threshold(self.view.order):
            self.session.run_later(self._scale)
        else:
            self.threshold.show_for(None)

    def _scale(self) -> None:
        view = self.view
        scale = scale_of(view, self.session.known)
        with self._lock:
            if self.view == view:
                self.threshold.show_for(scale)

    def _offer_choices(self) -> None:
        """Offer what there is to filter by; the present view is shown as chosen."""
        with self._lock:
            choices = self.session.filters()
            filtering = ORDERS[self.view.order].filters
            self.filters.offer(self.view, orders=self.session.orders, filtering=filtering, **choices)


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
