"""What the panel of the classes shows: functions from plain figures to trees, without widgets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cleaner.review.classes import ClassCount
from cleaner.util.wording import count
from cleaner.widgets.panels.base import Tree, button, node

__all__ = ["ClassForm", "ClassPage", "classes_section"]

_MOST_ROWS = 200
_SEARCH_FROM = 20
_LONGEST_NAME = "200"
_SPLITS = ("train", "valid", "test")


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


def classes_section(page: ClassPage) -> Tree:
    """Describe the section: what was done last, the table, and the field for a new class."""
    wanted = page.wanted.casefold()
    found = [each for each in page.counts if wanted in (each.label or "").casefold()]
    shown = found[:_MOST_ROWS]
    if page.form is not None and page.form.label not in {each.label for each in shown}:
        shown += [each for each in page.counts if each.label == page.form.label]
    said = "As they are after all decisions. Files and folders keep their names."
    undo = button("Undo", "undo", class_="cleaner-link", hidden=not page.can_undo)
    return node(
        "section",
        node("h3", "Classes"),
        node("p", said, class_="cleaner-note"),
        node("p", node("span", page.told), " ", undo, class_="cleaner-told", role="status"),
        _search_field(hidden=len(page.labels) <= _SEARCH_FROM),
        _table(page, shown),
        node("p", _how_many(min(len(found), _MOST_ROWS), len(found), wanted), class_="cleaner-note"),
        _new_form(page),
        class_="cleaner-sheet-page cleaner-classes",
        aria_label="Classes",
    )


def _how_many(shown: int, found: int, wanted: str) -> str:
    if not found:
        return "No class has that in its name." if wanted else "There is no class yet."
    if shown < found:
        return f"The first {shown:,} of {found:,} are shown; type part of a name to find the others."
    return ""


def _search_field(*, hidden: bool) -> Tree:
    field = node(
        "input",
        type="text",
        class_="cleaner-input",
        data_typed="search",
        autocomplete="off",
        placeholder="part of a name",
    )
    return node("label", "Find a class ", field, class_="cleaner-find", hidden=hidden)


def _table(page: ClassPage, shown: Sequence[ClassCount]) -> Tree:
    splits = sorted({split for each in page.counts for split in each.splits}, key=_split_order)
    columns = splits if len(splits) > 1 else []
    head = [node("th", split, scope="col", class_="is-number is-split") for split in columns]
    head.append(node("th", "images", scope="col", class_="is-number"))
    acts = node("th", node("span", "what to do", class_="cleaner-hidden"), scope="col")
    return node(
        "table",
        node("caption", "Classes", class_="cleaner-hidden"),
        node("thead", node("tr", node("th", "class", scope="col"), *head, acts)),
        node("tbody", *(_row(page, each, columns) for each in shown)),
        class_="cleaner-table cleaner-class-table",
        hidden=not shown,
    )


def _split_order(split: str) -> tuple[int, str]:
    return (_SPLITS.index(split) if split in _SPLITS else len(_SPLITS), split)


def _row(page: ClassPage, each: ClassCount, columns: Sequence[str]) -> Tree:
    cells = [node("td", f"{each.splits.get(split, 0):,}", class_="is-number is-split") for split in columns]
    cells.append(node("td", f"{each.images:,}", class_="is-number"))
    if each.label is None:
        unlabelled = node("th", node("span", "(no label)", class_="cleaner-quiet"), scope="row")
        return node("tr", unlabelled, *cells, node("td"), data_key="unlabelled")
    form = page.form if page.form is not None and page.form.label == each.label else None
    if form is None:
        quiet = _blanks(each.label)
        name = [
            node("span", each.label, class_="cleaner-class-name"),
            node("span", quiet, class_="cleaner-quiet"),
        ]
    else:
        name = [_rename_form(form) if form.kind == "rename" else _merge_form(form, page)]
    acts = _buttons(page, each.label) if form is None else []
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
    return f" ({'ends' if label == label.lstrip() else 'begins'} with a blank)"


def _buttons(page: ClassPage, label: str) -> list[Tree]:
    heir = page.form is None and page.focus == label
    lonely = len(page.labels) < 2
    link, called = "cleaner-link", label + _blanks(label)
    return [
        button("rename", "rename", label, class_=link, aria_label=f"rename {called}", data_heir=heir),
        button("merge", "merge", label, class_=link, aria_label=f"merge {called}", hidden=lonely),
    ]


def _rename_form(form: ClassForm) -> Tree:
    field = node(
        "input",
        type="text",
        value=form.label,
        class_="cleaner-input",
        aria_label=f"New name of {form.label}{_blanks(form.label)}",
        aria_invalid="true" if form.complaint else None,
        maxlength=_LONGEST_NAME,
        autocomplete="off",
        data_field="name",
        data_enter="do-rename",
        data_heir=True,
    )
    buttons = [
        button("Rename", "do-rename", data_from="name", class_="cleaner-button is-go"),
        button(f"Merge with “{form.taken}”", "merge-taken", hidden=not form.taken),
        button("Cancel", "leave"),
    ]
    return _form("rename", field, form.complaint, buttons)


def _merge_form(form: ClassForm, page: ClassPage) -> Tree:
    options = [node("option", "choose a class", value="", selected=not form.into, data_key="none")]
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
        aria_label=f"Merge {form.label}{_blanks(form.label)} into",
        data_heir=True,
    )
    line = node("div", node("span", form.label, class_="cleaner-class-name"), " into ", choice)
    buttons = [
        button("Merge", "do-merge", class_="cleaner-button is-go", disabled=not form.into),
        button("Cancel", "leave"),
    ]
    return _form("merge", line, form.complaint, buttons, said=_consequence(form, page))


def _consequence(form: ClassForm, page: ClassPage) -> str:
    if not form.into:
        return ""
    images = page.images(form.label)
    if not images:
        return f"“{form.label}” has no image; it only leaves the list. It can be undone."
    become = "becomes" if images == 1 else "become"
    return f"{count(images, 'image')} of “{form.label}” {become} “{form.into}”. It can be undone."


def _form(kind: str, field: Tree, complaint: str, buttons: Sequence[Tree], *, said: str = "") -> Tree:
    return node(
        "div",
        field,
        node("p", said, class_="cleaner-note", role="status"),
        node("p", complaint, class_="cleaner-complaint", role="alert"),
        node("div", *buttons, class_="cleaner-buttons"),
        class_="cleaner-class-form",
        data_escape="leave",
        data_key=kind,
    )


def _new_form(page: ClassPage) -> Tree:
    field = node(
        "input",
        type="text",
        class_="cleaner-input",
        aria_invalid="true" if page.complaint else None,
        maxlength=_LONGEST_NAME,
        autocomplete="off",
        data_field="new",
        data_enter="new",
        data_heir=True,  # the last of those that may get the focus
    )
    line = node(
        "div",
        node("label", "New class ", field),
        button("Add", "new", data_from="new"),
        class_="cleaner-new-class",
        data_key=f"new {page.made}",
    )
    return node("div", line, node("p", page.complaint, class_="cleaner-complaint", role="alert"))
