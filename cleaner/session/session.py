"""`ReviewSession`: a review of one data set by one person, without any page."""

from __future__ import annotations

import logging
import random
import threading
import time
import uuid
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from cleaner.audit.acceptance import PlanKind, Terms
from cleaner.audit.running import RunningAudit
from cleaner.dataset.catalog import Catalog
from cleaner.dataset.file_index import FileIndex
from cleaner.dataset.label_sets import classes_of
from cleaner.errors import CleanerError, ImageError, InterpretationError, OutdatedError, StoreError
from cleaner.images.thumbnails import ThumbnailCache
from cleaner.ranking.renaming import under_present_names
from cleaner.review import Act, Action, Choice, Event, Kind, ReviewStore
from cleaner.review.classes import check_class, class_acts, describe_class, is_about_descriptions
from cleaner.session import background
from cleaner.session.acts import ADD, DIFFERENT, GROUP, REMOVE, SUGGEST, choices_of, confirmed
from cleaner.session.begun_groups import BegunGroups
from cleaner.session.cells import Cell, ChosenWindow, ClassExamples, Outcome, Page, Picture, Seen
from cleaner.session.class_examples import ExampleChooser
from cleaner.session.colleagues import Colleagues
from cleaner.session.display import Display
from cleaner.session.heat_maps import HeatMap, HeatMaps
from cleaner.session.large_images import LargeImages
from cleaner.session.messages import (
    CalledDifferent,
    Change,
    Confirmed,
    Described,
    Redone,
    ReviewSummary,
    Said,
    SimilarImages,
    Topic,
    Undone,
)
from cleaner.session.orders import AUDIT, DUPLICATES, has_threshold, orders_of
from cleaner.session.pages import pages_file
from cleaner.session.snapshot import Snapshot
from cleaner.session.view import NO_LABEL, GridView, Purpose
from cleaner.session.worker import Worker
from cleaner.util.memory import release_large_blocks
from cleaner.util.natural import naturally

if TYPE_CHECKING:
    from cleaner.analysis.summary import ReviewAnalysis
    from cleaner.labelling.proposal import Proposal
    from cleaner.pipelines.checks import Checks
    from cleaner.ranking import Ranking
    from cleaner.ranking.reasons import Explanation

logger = logging.getLogger(__name__)

Listener = Callable[[Change], None]

_THUMBNAIL_PX = 256
_PROPOSE_AFTER = 8  # decisions after which another proposal is worth a second of work
_PAUSE_S = 0.3
_PAUSES = 5  # of what an analysis takes, until the next
_PAUSES_EACH = 15  # likewise, for each colleague at work: all their sessions may be on one machine
_LONGEST_PAUSE_S = 20.0  # likewise, so that what is worked out stays a small part of what a machine does
_FIRST_S = 0.2  # what it is taken to take before it was done once
_LARGE = 200_000  # images from which on what decisions teach is worked out behind the first page
_COUNT_AFTER = 24  # decisions after which what is expensive to work out is worked out again


class Work(StrEnum):
    """What a session works out in the background as decisions come."""

    ORDER = "order"
    """A better order for what was never shown."""
    LABELS = "labels"
    """Labels for images without one."""
    SIMILAR = "similar"
    """Images similar to those just decided."""
    ANALYSIS = "analysis"
    """How many errors are left, and what they have in common."""
    COUNTS = "counts"
    """How many duplicates and poor images are left."""


class Reviewable(Protocol):
    """What a session needs of a data set; a `cleaner.Workspace` is one."""

    seed: int
    reviewer: str

    @property
    def name(self) -> str:
        """The key of the set among the decisions."""

    def options(self) -> dict[str, Any]:
        """Return what opens it in another process, fit for JSON."""

    @property
    def catalog(self) -> Catalog:
        """The images, with labels as given."""

    @property
    def store(self) -> ReviewStore:
        """Where decisions go."""

    @property
    def state(self) -> Path:
        """The state folder."""

    @property
    def index(self) -> FileIndex:
        """What is remembered of each file."""

    @property
    def thumbnails(self) -> ThumbnailCache:
        """Small versions of the images."""


class ReviewSession:
    """What is shown, what is known of each image, and what is decided: all of a review but its page.

    All methods may be called from any thread. Work that takes longer than a key press runs in threads of
    the session's own, on a `Snapshot`; whoever wants to know what comes of it subscribes.

    Parameters
    ----------
    source : Reviewable
        The data set.
    ranking : Ranking, optional
        Without one, images come in the catalog's order.
    page_size : int
        Images on a page.
    reviewer : str, optional
        Who decides; the data set's reviewer if not given.
    in_background : bool
        False: what would run in threads runs in the caller's, after the act that it follows, for a script.
    works_out : collection of Work
        What to work out as decisions come; all by default.
    resumes : bool
        Go on where this reviewer was, and remember it.

    Attributes
    ----------
    lock : threading.RLock
        Held while anything is read or changed; hold it to do several things as one.
    store : ReviewStore
    reviewer : str
    audit : RunningAudit
    analysis : ReviewAnalysis or None
        What was found out last about the errors so far; None before the first time.
    check_counts : dict of str to int
        What `cleaner.pipelines.checks.Checks.counts` returned last; empty before the first time.
    watch_patterns : bool
        Whether somebody is looking at what the errors have in common, so that it is worked out every time.
    thresholds : dict of str to float
        Thresholds that were chosen instead of the suggested ones, by order.
    """

    def __init__(
        self,
        source: Reviewable,
        *,
        ranking: Ranking | None = None,
        page_size: int = 24,
        reviewer: str | None = None,
        in_background: bool = True,
        works_out: Collection[Work] = frozenset(Work),
        resumes: bool = True,
    ) -> None:
        self.lock = threading.RLock()
        self.source = source
        self.store = source.store
        self.reviewer = reviewer or source.reviewer
        self.audit = RunningAudit(source.state, source.store, catalog=lambda: source.catalog)
        self.analysis: ReviewAnalysis | None = None
        self.check_counts: dict[str, int] = {}
        self.thresholds: dict[str, float] = {}
        self.watch_patterns = False
        self._made = ranking  # as it was made; the one in use has the present names of the classes
        self._waiting: tuple[Ranking, Snapshot] | None = None  # to be used once the open page is left
        self._listeners: list[Listener] = []
        self._own_acts: set[str] = set()
        self._worker = Worker(
            in_background=in_background,
            on_error=lambda exc: self._tell_change(Change(Topic.PROBLEM, problem=exc)),
        )
        self._works_out = frozenset(works_out)
        self._closed = False
        self._choices = 0  # of a view; one that takes long to show gives way to the next
        self._asked_seq = 0  # the act that similar images were last looked for
        self._proposed_seq = -1
        self._analysed_at = self._counted_at = self._learnt_at = 0
        self._took_s: dict[Work, float] = {}
        self._is_learning = False
        self._provenance: background.ProvenanceCache = background.ProvenanceCache()
        known = Snapshot(
            catalog=source.catalog,
            state=self.store.state,
            audit=self.audit.sequence,
            provenance=lambda: self._provenance.of(self.known.catalog, lambda: self.source.index),
        )
        known = replace(known, ranking=None if ranking is None else self._under_present_names(ranking))
        behind = len(known) >= _LARGE
        if behind:
            release_large_blocks()
        else:
            posterior, learnt = background.weigh_errors(known), background.learn_order(known)
            known = replace(known, posterior=posterior, learnt=learnt)
        self._learnt_at = self.store.state.progress().looked_at
        self._colleagues = Colleagues(self.store, self.reviewer)
        self._display = Display(
            known,
            reviewer=self.reviewer,
            page_size=page_size,
            saved=pages_file(source.state, self.reviewer) if resumes else None,
            begun=BegunGroups(
                pages_file(source.state, self.reviewer, what="groups"), self.store.state.latest_names
            ),
            certificate=lambda untold: self.audit.certificate(but=untold),
            colleagues=self._colleagues,
        )
        self._examples = ExampleChooser(lambda: self.source.index, source.state / "embeddings")
        self._large = LargeImages()
        self._heat_maps = HeatMaps(source.options)
        if in_background:
            self._colleagues.follow(self._follow_colleagues)
        self.run_later(self._prepare)
        if behind:
            self._worker.once(Work.ORDER, self._learn)
        self._unsubscribe = self.store.subscribe(lambda events: self.run_later(lambda: self._follow(events)))

    def _prepare(self) -> None:
        """Do what the first decision would have to wait for: a million images take two seconds."""
        images = self.store.state.images
        if images is not None:
            images.with_content("")

    # ---------------------------------------------------------------- being told

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Call ``listener`` with whatever happens without being asked for; returns how to stop it.

        It is called in any thread, never under the lock, so it reads the session for what holds by then.
        """
        self._listeners.append(listener)

        def unsubscribe() -> None:
            if listener in self._listeners:
                self._listeners.remove(listener)

        return unsubscribe

    def close(self) -> None:
        """Stop the threads; the data set stays open."""
        if self._closed:
            return
        self._closed = True
        self._unsubscribe()
        self._listeners.clear()
        self._colleagues.close()
        self._worker.close()
        self._heat_maps.close()

    def _tell(self, topic: Topic, names: Iterable[str] = ()) -> None:
        self._tell_change(Change(topic, tuple(names)))

    def _tell_change(self, change: Change) -> None:
        for listener in tuple(self._listeners):
            try:
                listener(change)
            except Exception:  # the trouble of one must not keep it from the others
                logger.exception("A listener of the session failed")

    def run_later(self, task: Callable[[], object]) -> None:
        """Run something that must not hold up whoever asks; its errors are told as a `Topic.PROBLEM`."""
        self._worker.later(task)

    def wait(self, timeout_s: float = 60.0) -> bool:
        """Wait until nothing runs in the background any more, as a script wants to; tells whether it is so.

        Not to be called under the lock.
        """
        return self._worker.wait(timeout_s)

    def _work_later(self, work: Work, task: Callable[[], object], *, keys_first: bool = False) -> None:
        """Work something out later, if it is wanted at all.

        Parameters
        ----------
        work : Work
        task : callable
        keys_first : bool
            Wait a moment, so that the next keys go first. Where colleagues are at work, what they decide
            gives more to work out, and their sessions may share this machine: then it waits in any case.
        """

        def run() -> None:
            colleagues = self._colleagues.number_at_work
            pause_s = _PAUSES * keys_first * self._took_s.get(work, 0.0)
            if colleagues:  # sessions that began together do not all work something out at the same time
                took_s = self._took_s.get(work, _FIRST_S)
                pause_s += random.uniform(0.5, 1.5) * _PAUSES_EACH * colleagues * took_s
            longest_s = _LONGEST_PAUSE_S * max(1, colleagues)
            self._worker.pause(min(longest_s, max(pause_s, _PAUSE_S if keys_first else 0.0)))
            start_s = time.thread_time()  # by the clock it would seem longer the more others work meanwhile
            task()
            self._took_s[work] = time.thread_time() - start_s

        if work in self._works_out:
            self._worker.once(work, run)

    # ---------------------------------------------------------------- looking

    @property
    def known(self) -> Snapshot:
        """What is known of the images now; never changed, so it may be used without the lock."""
        return self._display.known

    @property
    def ranking(self) -> Ranking | None:
        """The ranking in use, under the present names of the classes."""
        return self.known.ranking

    @property
    def checks(self) -> Checks | None:
        """What was found of duplicates, poor images and outliers."""
        return self.known.checks

    @property
    def view(self) -> GridView:
        """What was chosen to be shown, also while similar images are shown before it."""
        return self._display.paging.view

    @property
    def purpose(self) -> Purpose:
        """What the reviewer is asked on the open page."""
        return self._display.purpose

    @property
    def orders(self) -> list[str]:
        """The orders that can be chosen by now."""
        return orders_of(self.known)

    @property
    def classes(self) -> list[str]:
        """All classes: the given ones in their natural order, then those made."""
        return self._display.classes

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the images on the open page; empty at the end of a view."""
        return self._display.names

    @property
    def shown_blind(self) -> frozenset[str]:
        """Those images of the open page that are decided and shown as if they were not."""
        return frozenset(self._display.shown_blind)

    @property
    def colleagues_at_work(self) -> int:
        """How many others have a page open, as far as is known."""
        return self._colleagues.number_at_work

    @property
    def page_size(self) -> int:
        """Images on a page."""
        return self._display.paging.pager.page_size

    @property
    def offer(self) -> SimilarImages | None:
        """Undecided images similar to what was just decided, if there are any to show."""
        return self._display.offer

    def page(self) -> Page:
        """Return the page that is open."""
        with self.lock:
            return self._display.page()

    def cells(self, names: Iterable[str]) -> tuple[Cell, ...]:
        """Describe images as they are now; names that are not in the set are passed over."""
        with self.lock:
            return self._display.cells(names)

    def next_names(self) -> Sequence[str]:
        """Return the names on the page that will probably come next."""
        with self.lock:
            return self._display.next_names()

    def progress(self) -> dict[str, Any]:
        """Count; see `cleaner.ImageCleaner.progress`."""
        with self.lock:
            return {**self._display.progress(), "colleagues": self._colleagues.at_work()}

    def summary(self) -> ReviewSummary:
        """Return where the work stands."""
        with self.lock:
            return ReviewSummary(self._display.progress(), self._display.view)

    def filters(self) -> dict[str, Any]:
        """Return what there is to filter by: values of ``splits``, ``given``, ``predicted``, ``sources``."""
        with self.lock:
            known, catalog = self.known, self.known.catalog
            given = naturally({known.state.label_now(label) for label in catalog.classes})
            return {
                "splits": naturally({str(split) for split in catalog.splits if split is not None}),
                "given": [*given, NO_LABEL] if any(label is None for label in catalog.labels) else given,
                "predicted": naturally(known.suggestions()),
                "sources": self._provenance.sources(catalog),
            }

    # ---------------------------------------------------------------- showing something else

    def set_view(self, view: GridView | None = None, **changes: Any) -> None:
        """Show something else.

        Parameters
        ----------
        view : GridView, optional
            All of it; default: the present view.
        **changes
            Fields of `GridView` to change. Another order begins with the threshold last chosen for it, or the
            suggested one.

        Raises
        ------
        CleanerError
            An unknown order or an unknown ``show``.
        """
        wanted, choice = self._choose(view, changes)
        self._show(wanted, choice, remember="threshold" in changes)

    def set_view_later(self, view: GridView) -> None:
        """Show something else, in the background; its errors are told, and what is chosen last stays."""
        wanted, choice = self._choose(view, {})
        self.run_later(lambda: self._show(wanted, choice))

    def set_threshold(self, value: float | None, *, order: str) -> None:
        """Show what reaches another threshold of an order, if that is on show; None: the suggested one."""
        with self.lock:
            if self.view.order != order:
                return
            wanted, choice = self._choose(None, {"threshold": value})
        self._show(wanted, choice, remember=True)
        self.count_checks()

    def _choose(self, view: GridView | None, changes: dict[str, Any]) -> tuple[GridView, int]:
        """Return what is to be shown, and the number of this choice, by which a later one is told."""
        with self.lock:
            self._choices += 1
            wanted = replace(view or self.view, **changes)
            other = wanted.order != self.view.order and (view is None or wanted.threshold is None)
            if other and "threshold" not in changes:
                wanted = replace(wanted, threshold=self.thresholds.get(wanted.order))
            return wanted, self._choices

    def _show(self, wanted: GridView, choice: int, *, remember: bool = False) -> None:
        """Show what was chosen, unless something else was chosen meanwhile."""
        if wanted.order == DUPLICATES:
            self._display.form_groups(wanted.threshold)
        with self._worker.after(), self.lock:
            if choice != self._choices:
                return
            self._take_waiting()
            with self._telling_audit():
                self._display.set_view(wanted)
            if remember and wanted.threshold is None:
                self.thresholds.pop(wanted.order, None)
            elif remember and wanted.threshold is not None:
                self.thresholds[wanted.order] = wanted.threshold
        self._tell(Topic.PAGE)
        self._tell(Topic.CHOICES)
        self._tell(Topic.PROGRESS)

    def turn(self, by: int) -> Page:
        """Go a page on (1) or back (-1) without deciding; an audit goes on only when its page is decided.

        Raises
        ------
        StoreError
            Something on the page of an audit is undecided.
        """
        with self._worker.after(), self.lock:
            if by > 0 and self._display.is_blind and self._display.paging.waits:
                msg = (
                    "The audit counts its images in their order. Decide on each image of this page first; "
                    "“unsure” is fine."
                )
                raise StoreError(msg)
            self._take_waiting()
            with self._telling_audit():
                self._display.turn(by)
            return self._display.page()

    @contextmanager
    def _telling_audit(self) -> Iterator[None]:
        """Have the audit's results count what was kept back until the page is left, which is done inside."""
        before = self._display.untold
        yield
        if before - self._display.untold:
            self.analyse()

    def show_similar(self) -> Page:
        """Put the pages aside for one with images similar to what was just decided.

        Raises
        ------
        StoreError
            None are on offer.
        """
        with self.lock:
            self._display.show_similar()
            return self._display.page()

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
        self.analyse()

    def start_plan(self, terms: Terms, kind: PlanKind, *, by: str = "") -> None:
        """Begin an audit with an acceptance plan, and open its pages; see `RunningAudit.fix_plan`.

        Raises
        ------
        RankingError
            There is nothing to audit, no sample keeps the risks, or the file cannot be written.
        """
        self.audit.fix_plan(terms, kind, by=by)
        self.set_view(GridView(order=AUDIT))
        self.analyse()

    # ---------------------------------------------------------------- deciding

    def decide(
        self,
        names: str | Sequence[str],
        action: str,
        label: str | None = None,
        *,
        act: str | None = None,
        new_class: bool = False,
        seen: Seen | None = None,
    ) -> Outcome:
        """Record one decision on one or several images; see `cleaner.session.cells.GridHost`.

        Parameters
        ----------
        names : str or sequence of str
        action : str
            ``keep``, ``delete``, ``relabel``, ``unsure``, ``suggest`` to take the model's suggestions; where
            an image can have several labels ``add`` and ``remove`` for one of them, among duplicates ``only``
            and ``different``, among groups with one fix ``group``.
        label : str, optional
            For ``relabel``: the new label; for ``add`` and ``remove``: the class.
        act : str, optional
            Identity of the act; one that comes again is recorded once.
        new_class : bool
            Whether the label may be one that no image has yet.
        seen : Seen, optional
            What the reviewer had on the screen.

        Raises
        ------
        StoreError
            The names, the action or the label cannot be.
        OutdatedError
            The page or the suggestion is not what the reviewer saw.
        NotSavedError
            The database did not take it; then nothing of it is saved.
        """
        listed = [names] if isinstance(names, str) else list(names)
        with self._worker.after(), self.lock:
            unknown = [name for name in listed if name not in self.known]
            if unknown or not listed:
                what = ", ".join(map(repr, unknown[:3])) or "no image"
                msg = f"Got {what} to decide on; expected images of this set."
                raise StoreError(msg)
            self._check_seen(listed, action, seen)
            before, display = self.classes, self._display
            self._check_label(action, label, new_class=new_class)
            if action == DIFFERENT:
                return self._call_different(listed, act=self._own(act))
            if display.purpose.in_groups:
                # Who keeps what a colleague has just deleted must not delete the rest, and so on.
                self.store.refresh()
            choices = choices_of(
                self.known, display.groups, display.fixes, listed, action, label, display.view
            )
            choices = self._given_blind(choices)
            done = self.store.record(choices, act=self._own(act), reviewer=self.reviewer, **self._where())
            changed = self.classes != before or display.purpose.in_groups
            return self._outcome(done, page=display.page() if changed else None)

    def confirm(
        self, names: Sequence[str] | None = None, *, act: str | None = None, seen: Seen | None = None
    ) -> Outcome:
        """Keep all that is unmarked on the page, and open the next page.

        Parameters
        ----------
        names : sequence of str, optional
            What was unmarked; default: what is unmarked now.
        act : str, optional
        seen : Seen, optional

        Raises
        ------
        OutdatedError
            Another page is open than the reviewer saw.
        NotSavedError
            The database did not take it; then nothing of it is saved.
        """
        with self._worker.after(), self.lock:
            display = self._display
            if names is None:
                names = [cell.name for cell in display.page().cells if cell.action is None]
            if (seen is not None and seen.page_id != display.page_id()) or not set(names) <= set(self.names):
                msg = "Another page is open now. Look at it, and confirm again."
                raise OutdatedError(msg)
            said: Said | None = None
            right = confirmed(self.known, [name for name in names if name in self.known], display.view)
            right = self._given_blind(right)
            if right:
                done = self.store.confirm(right, act=self._own(act), reviewer=self.reviewer, **self._where())
                labelled = sum(event.kind == Kind.RELABEL for event in done.events)
                said = Confirmed(labelled, len(done.events) - labelled)
            cells = display.cells(names)
            self._take_waiting()
            with self._telling_audit():
                display.go_on()
            page = display.page()
            return Outcome(cells=cells, said=said, summary=page.summary, page=page)

    def undo(self, *, act: str | None = None) -> Outcome:
        """Take back the reviewer's last act, also one of an earlier session, and go to where it was."""
        return self._go_back(self.store.undo, Undone, act)

    def redo(self, *, act: str | None = None) -> Outcome:
        """Bring back what the reviewer undid last, if nothing else was done since; go to where it was."""
        return self._go_back(self.store.redo, Redone, act)

    def _go_back(
        self, step: Callable[..., Act | None], said: type[Undone] | type[Redone], act: str | None
    ) -> Outcome:
        """Take a step back or forth in the history."""
        with self._worker.after(), self.lock:
            before, display = self.classes, self._display
            done = step(reviewer=self.reviewer, act=self._own(act))
            if done is None:
                return Outcome(said=said(), summary=self.summary())
            moved = display.go_to(done.names)
            focus = next((name for name in self.names if name in set(done.names)), None)
            changed = moved or self.classes != before or display.purpose.in_groups
            rows = tuple(self.store.state.act(done.undoes or ""))
            return self._outcome(done, said=said(rows), focus=focus, page=display.page() if changed else None)

    def describe(self, label: str, text: str, *, act: str | None = None) -> Outcome:
        """Record what belongs into a class, in words; an empty text takes the description away.

        Raises
        ------
        StoreError
            There is no such class, or the text is too long.
        """
        with self._worker.after(), self.lock:
            describe_class(
                self.known.catalog, self.store, label, text, act=self._own(act), reviewer=self.reviewer
            )
            return Outcome(said=Described(label, not text.strip()), summary=self.summary())

    def _check_label(self, action: str, label: str | None, *, new_class: bool) -> None:
        """Refuse a label with a class that is none of this set, or with several where one is meant."""
        sets = self.known.catalog.label_sets
        if label is None:
            return
        if sets is not None and (new_class or action in (ADD, REMOVE)):
            check_class(label, sets)
        strange = sorted(classes_of([label], sets) - set(self.classes))
        if strange and not new_class:
            msg = (
                f"Got the label {strange[0]!r}, which is no class of this set. "
                "Give new_class=True to make it one."
            )
            raise StoreError(msg)

    def _check_seen(self, names: Sequence[str], action: str, seen: Seen | None) -> None:
        """Refuse an act on something that has changed since its reviewer saw it."""
        if seen is None:
            return
        if seen.page_id != self._display.page_id():
            msg = "Another page is open now. Look at it, and decide again."
            raise OutdatedError(msg)
        if action not in (SUGGEST, GROUP, Action.KEEP) or self.purpose is Purpose.COPIES:
            return
        for name in names:
            if action == Action.KEEP and self.known.given(name) is not None:
                continue
            if self._display.suggestion(name) != seen.suggestions.get(name):
                msg = "The suggestion has changed since you saw it. Look at it, and decide again."
                raise OutdatedError(msg)

    def _call_different(self, names: Sequence[str], *, act: str) -> Outcome:
        """Record that images are no duplicates of the rest of their groups."""
        display = self._display
        pairs = display.groups.different(names) if display.purpose is Purpose.COPIES else {}
        if not pairs:
            msg = "Only duplicates can be called different. Choose the order “duplicates” first."
            raise StoreError(msg)
        done = self.store.pair_different(pairs, act=act, reviewer=self.reviewer)
        images = len({*pairs, *(name for rest in pairs.values() for name in rest)})
        return self._outcome(done, said=CalledDifferent(images), page=display.page())

    def _given_blind(self, choices: list[Choice]) -> list[Choice]:
        """Note of choices that their reviewer saw nothing of what had been decided."""
        shown = self._display.shown_blind
        unaided = {"unaided": True} if self._display.is_blind else {}
        return [
            replace(each, detail={**(each.detail or {}), "blind": str(shown[each.name]), **unaided})
            if each.name in shown
            else each
            for each in choices
        ]

    def _own(self, act: str | None) -> str:
        """Remember an act as this session's, which answers it itself."""
        act = act or uuid.uuid4().hex
        self._own_acts.add(act)
        self._colleagues.touch()
        return act

    def _where(self) -> dict[str, Any]:
        ranking, page = self.ranking, self._display.paging.page
        return {
            "model": None if ranking is None else ranking.model,
            "page": None if page is None else page.number,
        }

    def _outcome(
        self, done: Act, *, said: Said | None = None, focus: str | None = None, page: Page | None = None
    ) -> Outcome:
        summary = self.summary() if page is None else page.summary
        return Outcome(
            cells=self._display.cells(done.names), said=said, summary=summary, focus=focus, page=page
        )

    # ---------------------------------------------------------------- images

    def thumbnail(self, name: str) -> bytes:
        """Return a small JPEG of an image of the set; raises `ImageError` with the reason."""
        with self._telling_of_unreadable():
            return self.source.thumbnails.get(self.known.path(name), size_px=_THUMBNAIL_PX)

    def picture(self, name: str, *, full: bool, window: ChosenWindow | None = None) -> Picture:
        """Return an image of the set for the large view; raises `ImageError` with the reason."""
        with self._telling_of_unreadable():
            return self._large.picture(self.known.path(name), full=full, window=window)

    @contextmanager
    def _telling_of_unreadable(self) -> Iterator[None]:
        try:
            yield
        except ImageError:
            self.run_later(lambda: self._tell(Topic.UNREADABLE))
            raise

    def class_examples(self, label: str, *, but: str) -> ClassExamples:
        """Return a class's description and typical images; in an audit only such as were confirmed."""
        with self.lock:
            known, hidden, blind = self.known, self._display.hidden, self._display.is_blind
        return self._examples.of(label, known, but=but, hidden=hidden, blind=blind)

    def explain(self, name: str) -> Explanation | None:
        """Return why an image is shown; None in an audit, and on pages that are not about labels."""
        if self.purpose is not Purpose.LABELS:
            return None
        return self.known.explain(name, as_given=self.shown_blind)

    def heat_map(self, name: str, label: str) -> HeatMap:
        """Return how much each part of an image speaks for a class, by heads that did not learn from it.

        Raises
        ------
        ImageError
            It is no image of the set.
        InterpretationError
            There is none: in an audit, without a ranking, or where that knows the image or the class not.
        """
        with self.lock:
            made, path, blind = self._made, self.known.path(name), self._display.is_blind
        if blind or made is None or made.awaited:
            msg = (
                "An audit shows nothing of what the model thinks."
                if blind
                else "There are no heat maps before all images are ranked."
            )
            raise InterpretationError(msg)
        now = partial(self.store.state.label_now, since_seq=made.named_at)
        classes = [each for each in made.classes if now(each) == label]
        if not classes:
            msg = f"The model does not know the class “{label}” yet. Rank the images again."
            raise InterpretationError(msg)
        content = self.source.index.hashes_of([name]).get(name, name)
        return self._heat_maps.make(path, name, content=content, model=made.model, classes=classes)

    # ---------------------------------------------------------------- what comes from outside

    def set_ranking(self, ranking: Ranking, *, at_once: bool = True) -> None:
        """Take a new ranking: at once if nothing on the open page is decided, else from the next page on.

        Parameters
        ----------
        ranking : Ranking
            A preliminary one, and the next one after it, leaves the open page as it is: they come while
            somebody is looking.
        at_once : bool
            False: the open page stays as it is, with all that it says, until the reviewer leaves it. What the
            decisions teach about the ranking is worked out here, so this takes a moment.
        """
        if (not at_once or ranking.awaited or self._is_preliminary()) and self.names:
            known = replace(self.known, ranking=self._under_present_names(ranking))
            posterior, learnt = background.weigh_errors(known), background.learn_order(known)
            with self.lock:
                self._waiting = ranking, replace(known, posterior=posterior, learnt=learnt)
                told = self._display.announce_order()
            if told:
                self._tell(Topic.PAGE)
            return
        self._take_ranking(ranking)
        self._tell(Topic.PAGE)
        self._follow_ranking()

    def _is_preliminary(self) -> bool:
        """Tell whether the ranking in use is preliminary, or the one that waits."""
        with self.lock:
            made, waiting = self._made, self._waiting
        return any(each.awaited for each in (made, waiting and waiting[0]) if each is not None)

    def set_checks(self, checks: Checks | None) -> None:
        """Take what was found of duplicates and poor images, and offer the orders that come of it.

        The open page stays as it is, unless it is empty for want of them.
        """
        with self.lock:
            missed = self.checks is None and has_threshold(self.view.order) and not self.names
            self._display.take_checks(replace(self.known, checks=checks))
        self._tell(Topic.CHECKS)
        self._tell(Topic.CHOICES)
        if missed and checks is not None:  # the view was asked for before they were read
            self.set_view(self.view)
        self.count_checks()

    def set_proposal(self, proposal: Proposal | None) -> None:
        """Take labels proposed for images without one: at once where none is shown, else on the next page."""
        with self.lock:
            shown = self._display.take_proposal(replace(self.known, proposal=proposal))
        self._tell(Topic.PAGE if shown else Topic.NEXT)
        self._tell(Topic.PROGRESS)

    def load_checks(self) -> None:
        """Take what was found the last time, in the background, unless somebody has given it already.

        What cannot be read is told as a `Topic.PROBLEM`.
        """

        def load() -> None:
            if self.checks is None:
                checks = background.load_checks(self.known, self.source.state)
                if checks is not None and self.checks is None:
                    self.set_checks(checks)

        self.run_later(load)

    def refresh(self) -> None:
        """Follow the classes as they are now; where some became one, the order is another one, too."""
        with self.lock:
            self._display.rename_filters()
            used, made, waiting = self.ranking, self._made, self._waiting
        if waiting is not None:
            self._take_ranking(waiting[0], instead_of=made)
        elif used is not None and made is not None:
            called, present = renamed = self._renamed(made)
            if not np.array_equal(present.signals["pooled"], used.signals["pooled"], equal_nan=True):
                self._take_ranking(made, instead_of=made, renamed=renamed)
            else:
                with self.lock:
                    if self._made is made and called == self._called_now(made):
                        self._display.known = replace(self.known, ranking=present)
        self._tell(Topic.PAGE)
        self._follow_ranking()

    def _take_ranking(
        self,
        made: Ranking,
        *,
        instead_of: Ranking | None = None,
        renamed: tuple[list[str], Ranking] | None = None,
    ) -> None:
        """Use a ranking, unless another one than ``instead_of`` is in use by then.

        Not to be called under the lock: until the end, the page goes on with the ranking from before.
        ``renamed`` is what `_renamed` gave, if it is at hand.
        """
        while True:
            (called, present), renamed = renamed or self._renamed(made), None
            known = self.known
            known = replace(known, catalog=self.source.catalog, ranking=present, learnt=None, posterior=None)
            self._display.order_ahead(self.view, known)
            with self.lock:
                if instead_of is not None and self._made is not instead_of:
                    return
                if called == self._called_now(made):  # else a class got another name meanwhile
                    known = replace(self.known, ranking=present, learnt=None, posterior=None)
                    self._use(made, known, stay=False)
                    return

    def _renamed(self, made: Ranking) -> tuple[list[str], Ranking]:
        """Return what the classes of a ranking are called now, and the ranking under these names."""
        called = self._called_now(made)
        return called, self._under_present_names(made)

    def _called_now(self, made: Ranking) -> list[str]:
        """Return what the classes of a ranking are called now."""
        return [self.store.state.label_now(label, since_seq=made.named_at) for label in made.classes]

    def _take_waiting(self) -> None:
        """Take the ranking that waits for the open page to be left, which is about to happen."""
        if self._waiting is not None and not self._display.is_aside:
            made, ahead = self._waiting
            known = replace(self.known, ranking=ahead.ranking, learnt=ahead.learnt, posterior=ahead.posterior)
            self._use(made, known, stay=True)
            self.run_later(self._follow_ranking)

    def _use(self, made: Ranking, known: Snapshot, *, stay: bool) -> None:
        self._made, self._waiting = made, None
        self._examples.forget()
        known = replace(known, catalog=self.source.catalog, shown_proposal=known.proposal)
        self._display.take_ranking(known, stay=stay)

    def _follow_ranking(self) -> None:
        self._tell(Topic.CHOICES)
        self._tell(Topic.PROGRESS)
        self.learn()
        self.analyse()

    def _under_present_names(self, ranking: Ranking) -> Ranking:
        state = self.store.state
        return under_present_names(
            ranking, partial(state.label_now, since_seq=ranking.named_at), named_at=state.last_seq
        )

    def _follow(self, events: tuple[Event, ...]) -> None:
        """Follow the store, after own decisions and those of colleagues."""
        state = self.store.state
        own = [event for event in events if event.act in self._own_acts]
        others = {event.act for event in events}.difference(self._own_acts)
        if others:
            touched = {name for act in others for name in state.names_of(act)}
            on_page = [name for name in self.names if name in touched]
            if on_page and self.purpose.in_groups:
                self._tell(Topic.PAGE)  # what is decided on a group stands beside its cards
            elif on_page:
                self._tell(Topic.CELLS, on_page)
        if class_acts(state, events):
            self.refresh()
        if class_acts(state, events) or is_about_descriptions(state, events):
            self._tell(Topic.CLASSES)
        confirmed_page = any(event.detail.get("confirm") for event in own)
        if confirmed_page:
            self._tell(Topic.CONFIRMED)
        self._tell(Topic.PROGRESS)
        if own:
            self._offer_similar(events)
        if confirmed_page or abs(state.progress().looked_at - self._learnt_at) >= self.page_size:
            self.learn()
        self.propose_labels()
        self._work_later(Work.ANALYSIS, self._analyse, keys_first=True)
        if any(not event.is_decision or event.detail.get("reason") for event in events) or (
            abs(state.last_seq - self._counted_at) >= _COUNT_AFTER
        ):
            self.count_checks()

    def _follow_colleagues(self) -> None:
        """Say who is at work; where nothing else was left to show, show what was given up."""
        with self.lock:
            paging = self._display.paging
            more = paging.finished and not self._display.is_aside and paging.pager.has_free
            if more:
                self._display.go_on()
        if more:
            self._tell(Topic.PAGE)
        self._tell(Topic.PROGRESS)

    # ---------------------------------------------------------------- in the background

    def learn(self) -> None:
        """Learn how probable errors are, and re-order what was never shown; in the background."""
        self._work_later(Work.ORDER, self._learn)
        self.propose_labels()

    def _learn(self) -> None:
        known = self.known
        ranking = known.complete_ranking
        self._learnt_at = self.store.state.progress().looked_at
        if ranking is None:
            return
        self._is_learning = True  # what `_analyse` puts off meanwhile is asked for at the end
        try:
            posterior, learnt = background.weigh_errors(known), background.learn_order(known)
            if posterior is None:
                return
            with self.lock:
                self._display.take_posterior(ranking, posterior)
                changed = learnt is not None and self._display.take_learnt(learnt)
            if changed:
                self._tell(Topic.NEXT)
            self._tell(Topic.LEARNT)
        finally:
            self._is_learning = False
            self.analyse()

    def propose_labels(self) -> None:
        """Propose labels for images without one, if there is more to learn from by now, in the background."""
        self._work_later(Work.LABELS, self._propose)

    def _propose(self) -> None:
        known, seq = self.known, self.store.state.last_seq
        proposal = known.proposal
        enough = _PROPOSE_AFTER if proposal is not None and proposal.has_model else 1
        if not known.lacks_labels() or seq - self._proposed_seq < enough:
            return
        self._proposed_seq = seq
        try:
            made = background.propose_labels(
                known,
                index=self.source.index,
                embeddings=self.source.state / "embeddings",
                seed=self.source.seed,
            )
        except CleanerError as exc:
            logger.warning("No labels are proposed: %s", exc)
            return
        if made is None or not made.is_embedded:
            self._proposed_seq = -1  # try again
        if made is None and known.unlabelled():
            return
        self.set_proposal(made)

    def _offer_similar(self, events: Sequence[Event]) -> None:
        """Look for images like those just relabelled or deleted; another act withdraws the offer before."""
        if Work.SIMILAR not in self._works_out or all(event.detail.get("confirm") for event in events):
            return
        if self.purpose is Purpose.FIXES:  # which shows similar images as it is
            return
        seq, known = events[0].seq, self.known
        with self.lock:
            self._asked_seq = max(self._asked_seq, seq)
        offer = background.similar_to_decided(
            events,
            known,
            is_open=self._display.is_open,
            index=self.source.index,
            embeddings=self.source.state / "embeddings",
        )
        with self.lock:
            if seq < self._asked_seq:  # a later act has asked meanwhile: its answer counts
                return
            if not self.store.state.stands(events[0].act) or (offer is None and self.offer is None):
                return
            self._display.offer = offer
        self._tell(Topic.OFFER)

    def analyse(self) -> None:
        """Find out how many errors are left and, every 24 decisions, what they have in common.

        In the background; with `watch_patterns`, and until there is a first error, always both.
        """
        self._work_later(Work.ANALYSIS, self._analyse)

    def _analyse(self) -> None:
        untold = self._display.untold  # not under the lock, which somebody may hold for long
        if untold and self._display.paging.answered:
            return  # until the page is left: numbers that stand still would tell known answers
        if self._is_learning and self.known.posterior is None:
            return  # what it would have to work out first comes anyway, and then an analysis
        seq, earlier = self.store.state.last_seq, self.analysis
        first = earlier is not None and not earlier.patterns.confirmed
        if self.watch_patterns or first or abs(seq - self._analysed_at) >= _COUNT_AFTER:
            earlier = None
        if earlier is None:
            self._analysed_at = seq
        fresh = not self._provenance.sources(self.known.catalog)
        provenance = self._provenance.of(self.known.catalog, lambda: self.source.index)
        self.analysis = background.analyse(
            self.known,
            self.audit,
            provenance=provenance,
            page_size=self.page_size,
            untold=untold,
            earlier=earlier,
        )
        self._tell(Topic.ANALYSIS)
        if fresh and provenance.sources:
            self._tell(Topic.CHOICES)

    def count_checks(self) -> None:
        """Count duplicates, poor images and outliers that are still there; in the background."""
        self._work_later(Work.COUNTS, self._count)

    def _count(self) -> None:
        self._counted_at = self.store.state.last_seq
        self.check_counts = background.count_checks(self.known, self.thresholds)
        self._tell(Topic.CHECKS)
