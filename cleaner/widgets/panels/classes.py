"""`ClassPanel`: the classes as they are now; making, renaming and merging them."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from queue import Empty, SimpleQueue

from cleaner.dataset.splits import split_order
from cleaner.errors import CleanerError
from cleaner.review import Event, Kind
from cleaner.review.classes import (
    ClassCount,
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
from cleaner.widgets.guard import guarded
from cleaner.widgets.panels.base import Panel, Tree, button, buttons, node, paragraph, said
from cleaner.widgets.sentences import say
from cleaner.workspace import Workspace

logger = logging.getLogger(__name__)

_FOLLOW_DELAY_S = 0.1
_FOLLOW_RETRY_S = 5.0
_MOST_ROWS = 200
_SEARCH_FROM = 20
_LONGEST_NAME = "200"


@dataclass(frozen=True, slots=True)
class ClassForm:
    """The form that is open in a row.

    Parameters
    ----------
    kind : str
        ``rename`` or ``merge``.
    label : str
        The class of the row.
    into : str
        The class to merge it into, as far as it is chosen.
    taken : str
        Name of another class that was typed as the new name, which is an offer to merge.
    complaint : str
        What was wrong with what was typed.
    """

    kind: str
    label: str
    into: str = ""
    taken: str = ""
    complaint: str = ""


@dataclass(frozen=True, kw_only=True)
class ClassPage:
    """All that the panel shows.

    Parameters
    ----------
    counts : sequence of ClassCount
    form : ClassForm or None
    told : str
        What was done last.
    can_undo : bool
        Whether that can be taken back.
    wanted : str
        Part of a name to look for.
    complaint : str
        What was wrong with the name of a new class.
    made : int
        How many classes were made here; another number makes the field for a new one empty.
    focus : str or None
        The class whose row gets the focus when the button that was pressed is gone.
    """

    counts: Sequence[ClassCount]
    form: ClassForm | None = None
    told: str = ""
    can_undo: bool = False
    wanted: str = ""
    complaint: str = ""
    made: int = 0
    focus: str | None = None

    @property
    def labels(self) -> list[str]:
        """The classes by name."""
        return [each.label for each in self.counts if each.label is not None]

    def images(self, label: str) -> int:
        """Return how many images a class has."""
        return next((each.images for each in self.counts if each.label == label), 0)


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
        self._stale = ""  # the complaint that what others did could not be read
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
            if self.problem == self._stale:  # it may be over; what an act was refused for stays
                self.problem = ""
            with guarded("counting the classes anew", self._complain_of_reading):
                self.workspace.store.refresh()
            self._count()
            self._draw()

    def _complain_of_reading(self, sentence: str) -> None:
        self._stale = sentence
        self.complain(sentence)

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
            self._draw(form=replace(form, taken=taken, complaint=error.on_page))
            return
        text = say("classes.renamed", label=form.label, name=name, images=images)
        self._done(act.id, text + self._hint(name, form.label), name)

    def _merge(self) -> None:
        form = self._page.form
        if form is None or form.kind != "merge" or not form.into:
            return
        self._count()
        images = count(self._page.images(form.label), "image")
        try:
            act = merge_classes(self.workspace.catalog, self.workspace.store, form.label, form.into)
        except CleanerError as error:
            self._draw(form=replace(form, complaint=error.on_page))
            return
        text = say("classes.merged", label=form.label, into=form.into, images=images)
        self._done(act.id, text, form.into)

    def _new(self, name: str) -> None:
        try:
            act = make_class(self.workspace.catalog, self.workspace.store, name)
        except CleanerError as error:
            self._draw(complaint=error.on_page)
            return
        self._page = replace(self._page, made=self._page.made + 1)  # another field, an empty one
        self._done(act.id, say("classes.added", name=name) + self._hint(name), None)

    def _done(self, act: str, told: str, focus: str | None) -> None:
        self._own.add(act)
        self._undoable = act
        self._count()
        self._draw(form=None, complaint="", told=told, focus=focus)
        self._on_change()

    def _undo(self) -> None:
        act, state = self._undoable, self.workspace.store.state
        if not act:
            return
        row = state.act(act)[0]
        done = self.workspace.store.undo(only=act)
        self._undoable = ""
        if done is None:
            told = say("classes.undone_before")
            if state.stands(act):
                told = f"{self._page.told} {_undo_first(row)}"
            self._draw(told=told)
            return
        self._own.add(done.id)
        self._count()
        self._draw(told=say("classes.undone", what=in_words(row)), focus=row.given_label)
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
        alone = last.reviewer == self.workspace.store.reviewer
        keys = {"undo": "classes.undone", "redo": "classes.redone"}
        key = keys.get(kind, "classes.elsewhere") if alone else f"{keys.get(kind, 'classes.done')}_by"
        told = say(key, what=in_words(act), reviewer=last.reviewer)
        self._undoable = ""
        self._count()
        form = self._page.form
        if form is not None and form.label not in self._page.labels:
            form, told = None, f"{told} {say('classes.choose_again')}"
        self._draw(told=told, form=form)
        self._on_change()

    # ---------------------------------------------------------------- inside

    def _count(self) -> None:
        counts = class_counts(self.workspace.catalog, self.workspace.store.state)
        self._page = replace(self._page, counts=counts)

    def _likely(self, label: str) -> str:
        return twin_of(label, self._page.labels) or ""

    def _hint(self, name: str, old: str = "") -> str:
        twin = twin_of(name, [label for label in self._page.labels if label != old])
        return f" {say('classes.twin', twin=twin)}" if twin else ""

    def _draw(self, **changes: object) -> None:
        """Draw the page with some fields of it changed."""
        self._page = replace(self._page, **changes)  # type: ignore[arg-type]
        self._page = replace(self._page, can_undo=bool(self._undoable))
        self.show(classes_section(self._page))


def _undo_first(row: Event) -> str:
    """Say what to do about an act that is not the last one any more."""
    if row.kind == Kind.CLASS_RENAME:
        return say("classes.undo_first.rename", label=row.new_label)
    return say("classes.undo_first")


def classes_section(page: ClassPage) -> Tree:
    """Describe the section: what was done last, the table, and the field for a new class."""
    wanted = page.wanted.casefold()
    found = [each for each in page.counts if wanted in (each.label or "").casefold()]
    shown = found[:_MOST_ROWS]
    if page.form is not None and page.form.label not in {each.label for each in shown}:
        shown += [each for each in page.counts if each.label == page.form.label]
    undo = button(say("classes.undo"), "undo", class_="cleaner-link", hidden=not page.can_undo)
    return node(
        "section",
        node("h3", say("classes")),
        paragraph(say("classes.note")),
        node("p", node("span", page.told), " ", undo, class_="cleaner-told", role="status"),
        _search_field(hidden=len(page.labels) <= _SEARCH_FROM),
        _table(page, shown),
        paragraph(_how_many(min(len(found), _MOST_ROWS), len(found), wanted)),
        _new_form(page),
        class_="cleaner-sheet-page cleaner-classes",
        aria_label=say("classes"),
    )


def _how_many(shown: int, found: int, wanted: str) -> str:
    if not found:
        return say("classes.none_found" if wanted else "classes.none")
    return say("classes.first", shown=shown, found=f"{found:,}") if shown < found else ""


def _search_field(*, hidden: bool) -> Tree:
    field = _field(data_typed="search", placeholder=say("classes.find.hint"))
    return node("label", say("classes.find"), field, class_="cleaner-find", hidden=hidden)


def _field(**attributes: str | bool | None) -> Tree:
    given = {"type": "text", "class_": "cleaner-input", "autocomplete": "off", **attributes}
    return node("input", do=None, **given)


def _name_field(name: str, enter: str, complaint: str, **attributes: str) -> Tree:
    """Describe a field for the name of a class; ``enter`` is the act of its Enter key."""
    return _field(
        aria_invalid="true" if complaint else None,
        maxlength=_LONGEST_NAME,
        data_field=name,
        data_enter=enter,
        data_heir=True,
        **attributes,
    )


def _table(page: ClassPage, shown: Sequence[ClassCount]) -> Tree:
    splits = sorted({split for each in page.counts for split in each.splits}, key=split_order)
    columns = splits if len(splits) > 1 else []
    head = [node("th", split, scope="col", class_="is-number is-split") for split in columns]
    head.append(node("th", say("classes.head.images"), scope="col", class_="is-number"))
    acts = node("th", node("span", say("classes.head.acts"), class_="cleaner-hidden"), scope="col")
    return node(
        "table",
        node("caption", say("classes"), class_="cleaner-hidden"),
        node("thead", node("tr", node("th", say("classes.head"), scope="col"), *head, acts)),
        node("tbody", *(_row(page, each, columns) for each in shown)),
        class_="cleaner-table cleaner-class-table",
        hidden=not shown,
    )


def _row(page: ClassPage, each: ClassCount, columns: Sequence[str]) -> Tree:
    cells = [node("td", f"{each.splits.get(split, 0):,}", class_="is-number is-split") for split in columns]
    cells.append(node("td", f"{each.images:,}", class_="is-number"))
    if each.label is None:
        unlabelled = node("th", node("span", say("classes.no_label"), class_="cleaner-quiet"), scope="row")
        return node("tr", unlabelled, *cells, node("td"), data_key="unlabelled")
    form = page.form if page.form is not None and page.form.label == each.label else None
    if form is None:
        name = [node("span", each.label, class_="cleaner-class-name")]
        name.append(node("span", _blanks(each.label), class_="cleaner-quiet"))
    else:
        name = [_rename_form(form) if form.kind == "rename" else _merge_form(form, page)]
    acts = _acts(page, each.label) if form is None else []
    return node(
        "tr",
        node("th", *name, scope="row"),
        *cells,
        node("td", *acts, class_="cleaner-class-acts"),
        data_key=f"class {each.label}",
        class_="is-open" if form is not None else None,
    )


def _blanks(label: str) -> str:
    """Say of a name what cannot be seen in it."""
    if label == label.strip():
        return ""
    return say("classes.ends_blank" if label == label.lstrip() else "classes.begins_blank")


def _acts(page: ClassPage, label: str) -> list[Tree]:
    heir = page.form is None and page.focus == label
    links = []
    for act, attributes in (("rename", {"data_heir": heir}), ("merge", {"hidden": len(page.labels) < 2})):
        name = say(f"classes.{act}.name", label=label + _blanks(label))
        text = say(f"classes.{act}")
        links.append(button(text, act, label, class_="cleaner-link", aria_label=name, **attributes))
    return links


def _rename_form(form: ClassForm) -> Tree:
    called = say("classes.rename.field", label=form.label + _blanks(form.label))
    field = _name_field("name", "do-rename", form.complaint, value=form.label, aria_label=called)
    taken = say("classes.merge.taken", label=form.taken)
    offered = [
        button(say("classes.rename"), "do-rename", data_from="name", class_="cleaner-button is-go"),
        button(taken, "merge-taken", hidden=not form.taken),
        button(say("classes.cancel"), "leave"),
    ]
    return _form("rename", field, form.complaint, offered)


def _merge_form(form: ClassForm, page: ClassPage) -> Tree:
    options = [node("option", say("classes.merge.choose"), value="", selected=not form.into, data_key="none")]
    options += [
        node("option", label, value=label, selected=label == form.into, data_key=f"class {label}")
        for label in page.labels
        if label != form.label
    ]
    choice = node(
        "select",
        *options,
        do="into",
        class_="cleaner-input",
        aria_label=say("classes.merge.field", label=form.label + _blanks(form.label)),
        data_heir=True,
    )
    name = node("span", form.label, class_="cleaner-class-name")
    line = node("div", *said("classes.merge.line", label=name), choice)
    offered = [
        button(say("classes.merge"), "do-merge", class_="cleaner-button is-go", disabled=not form.into),
        button(say("classes.cancel"), "leave"),
    ]
    return _form("merge", line, form.complaint, offered, consequence=_consequence(form, page))


def _consequence(form: ClassForm, page: ClassPage) -> str:
    if not form.into:
        return ""
    images = page.images(form.label)
    key = "classes.merge.images" if images else "classes.merge.empty"
    return say(key, images=count(images, "image"), label=form.label, into=form.into)


def _form(kind: str, field: Tree, complaint: str, offered: Sequence[Tree], *, consequence: str = "") -> Tree:
    return node(
        "div",
        field,
        paragraph(consequence, role="status"),
        paragraph(complaint, "complaint", role="alert"),
        buttons(*offered),
        class_="cleaner-class-form",
        data_escape="leave",
        data_key=kind,
    )


def _new_form(page: ClassPage) -> Tree:
    field = _name_field("new", "new", page.complaint)  # the last of those that may get the focus
    line = node(
        "div",
        node("label", say("classes.new"), field),
        button(say("classes.add"), "new", data_from="new"),
        class_="cleaner-new-class",
        data_key=f"new {page.made}",
    )
    return node("div", line, paragraph(page.complaint, "complaint", role="alert"))
