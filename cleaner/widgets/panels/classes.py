"""`ClassPanel`: the classes as they are now; making, renaming and merging them."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import replace
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING

from cleaner.errors import CleanerError
from cleaner.review import Event, Kind
from cleaner.review.classes import (
    class_acts,
    class_counts,
    in_words,
    make_class,
    merge_classes,
    rename_class,
    twin_of,
)
from cleaner.util.delayed import Delayed
from cleaner.util.wording import count
from cleaner.widgets.panels.base import Panel
from cleaner.widgets.panels.class_trees import ClassForm, ClassPage, classes_section

if TYPE_CHECKING:
    from cleaner.workspace import Workspace

__all__ = ["ClassPanel"]

logger = logging.getLogger(__name__)

_FOLLOW_DELAY_S = 0.1
_FOLLOW_RETRY_S = 5.0


class ClassPanel(Panel):
    """A table of the classes with their images, in which each can be renamed or merged into another one.

    Parameters
    ----------
    workspace : Workspace
    on_change : callable
        Called after every act on classes, here, in the grid, in another tab or by a colleague; with the lock
        held.
    lock : threading.RLock or None
        Shared with the other panels of the page.
    """

    _unsubscribe: Callable[[], None] | None = None  # also for one whose __init__ was refused

    def __init__(
        self, workspace: Workspace, on_change: Callable[[], None], *, lock: threading.RLock | None = None
    ) -> None:
        self.workspace = workspace
        self._on_change = on_change
        self._page = ClassPage(counts=())
        self._undoable = ""  # the act that the last sentence is about
        self._own: set[str] = set()
        self._heard: SimpleQueue[Event] = SimpleQueue()
        super().__init__(lock=lock)
        for name, act in {
            "rename": lambda label: self._open(ClassForm("rename", label)),
            "merge": lambda label: self._open(ClassForm("merge", label, into=self._likely(label))),
            "merge-taken": lambda _: self._merge_taken(),
            "leave": lambda _: self._leave(),
            "do-rename": self._rename,
            "into": self._choose,
            "do-merge": lambda _: self._merge(),
            "new": self._new,
            "undo": lambda _: self._undo(),
            "search": lambda value: self._draw(wanted=value.strip()),
        }.items():
            self.on(name, act)
        self._delayed = Delayed(self._follow, delay_s=_FOLLOW_DELAY_S, retry_s=_FOLLOW_RETRY_S)
        self._unsubscribe = workspace.store.subscribe(self._on_events)
        self._count()
        self._draw()

    def close(self) -> None:
        """Take the panel off the page."""
        if self._unsubscribe is not None:
            self._unsubscribe()
            self._unsubscribe = None
            self._delayed.close(timeout_s=1.0)
        super().close()

    def draw(self) -> None:
        """Count anew, with what others decided in the meantime, and draw."""
        with self.lock:
            try:
                self.workspace.store.refresh()
            except CleanerError as error:
                logger.info("the classes cannot be counted anew", exc_info=True)
                self.problem = str(error)
            self._count()
            self._draw()

    # ---------------------------------------------------------------- forms

    def _open(self, form: ClassForm) -> None:
        self._count()  # so that the number in the form is that of now
        if form.label in self._page.labels:
            self._draw(form=form)

    def _merge_taken(self) -> None:
        form = self._page.form
        if form is not None and form.taken:
            self._open(ClassForm("merge", form.label, into=form.taken))

    def _leave(self) -> None:
        form = self._page.form
        self._draw(form=None, focus=None if form is None else form.label)

    def _choose(self, value: str) -> None:
        form = self._page.form
        if form is not None and form.kind == "merge":
            into = value if value in self._page.labels else ""
            self._draw(form=replace(form, into=into, complaint=""))

    # ---------------------------------------------------------------- acts

    def _rename(self, name: str) -> None:
        form = self._page.form
        if form is None or form.kind != "rename":  # a second click, when it is done already
            return
        self._count()
        images = count(self._page.images(form.label), "image")
        try:
            act = rename_class(self.workspace.catalog, self.workspace.store, form.label, name)
        except CleanerError as error:
            taken = name if name in self._page.labels and name != form.label else ""
            self._draw(form=replace(form, taken=taken, complaint=str(error)))
            return
        said = f"Renamed “{form.label}” to “{name}”: {images}.{self._hint(name, form.label)}"
        self._done(act.id, said, name)

    def _merge(self) -> None:
        form = self._page.form
        if form is None or form.kind != "merge" or not form.into:
            return
        self._count()
        images = count(self._page.images(form.label), "image")
        try:
            act = merge_classes(self.workspace.catalog, self.workspace.store, form.label, form.into)
        except CleanerError as error:
            self._draw(form=replace(form, complaint=str(error)))
            return
        self._done(act.id, f"Merged “{form.label}” into “{form.into}”: {images}.", form.into)

    def _new(self, name: str) -> None:
        try:
            act = make_class(self.workspace.catalog, self.workspace.store, name)
        except CleanerError as error:
            self._draw(complaint=str(error))
            return
        self._page = replace(self._page, made=self._page.made + 1)  # another field, an empty one
        self._done(act.id, f"New class “{name}”.{self._hint(name)}", None)

    def _done(self, act: str, said: str, focus: str | None) -> None:
        self._own.add(act)
        self._undoable = act
        self._count()
        self._draw(form=None, complaint="", told=said, focus=focus)
        self._on_change()

    def _undo(self) -> None:
        act, state = self._undoable, self.workspace.store.state
        if not act:
            return
        row = state.act(act)[0]
        done = self.workspace.store.undo(only=act)
        self._undoable = ""
        if done is None:
            stands = state.stands(act)
            self._draw(told=f"{self._page.told} {_undo_first(row)}" if stands else "That is undone already.")
            return
        self._own.add(done.id)
        self._count()
        self._draw(told=f"Undone: {in_words(row)}.", focus=row.given_label)
        self._on_change()

    # ---------------------------------------------------------------- acts elsewhere

    def _on_events(self, events: tuple[Event, ...]) -> None:
        """Hear of new rows; in the thread that made them, which holds locks: so go on in another one."""
        if class_acts(self.workspace.store.state, events):
            for event in events:
                self._heard.put(event)
            self._delayed.schedule()

    def _follow(self) -> bool:
        try:
            with self.lock:
                others = [event for event in self._all_heard() if event.act not in self._own]
                if others:
                    self._take_in(others)
        except Exception:
            logger.exception("an act on classes could not be shown")
            return False
        return True

    def _all_heard(self) -> list[Event]:
        heard = []
        while True:
            try:
                heard.append(self._heard.get_nowait())
            except Empty:
                return heard

    def _take_in(self, others: list[Event]) -> None:
        last = next(e for e in reversed(others) if class_acts(self.workspace.store.state, (e,)))
        kind, act = class_acts(self.workspace.store.state, (last,))[0]
        words = {"undo": "Undone: ", "redo": "Done again: "}.get(kind, "")
        who = "" if last.reviewer == self.workspace.store.reviewer else f"{last.reviewer}: "
        said = who + words + in_words(act)
        self._undoable = ""
        self._count()
        form = self._page.form
        if form is not None and form.label not in self._page.labels:
            form, said = None, f"{said}. Choose again what to do"
        self._draw(told=f"{said[0].upper()}{said[1:]}.", form=form)
        self._on_change()

    # ---------------------------------------------------------------- inside

    def _count(self) -> None:
        counts = class_counts(self.workspace.catalog, self.workspace.store.state)
        self._page = replace(self._page, counts=counts)

    def _likely(self, label: str) -> str:
        return twin_of(label, self._page.labels) or ""

    def _hint(self, name: str, old: str = "") -> str:
        twin = twin_of(name, [label for label in self._page.labels if label != old])
        return f" Take care: there is “{twin}”, too, which looks nearly the same." if twin else ""

    def _draw(self, **changes: object) -> None:
        """Draw the page with some fields of it changed."""
        self._page = replace(self._page, **changes)  # type: ignore[arg-type]
        self._page = replace(self._page, can_undo=bool(self._undoable))
        self.show(classes_section(self._page))


def _undo_first(row: Event) -> str:
    """Say what to do about an act that is not the last one any more."""
    back = f", or rename “{row.new_label}” back" if row.kind == Kind.CLASS_RENAME else ""
    return f"You did something else since: undo that first (u among the pictures){back}."
