"""`StartPage`: choose a data set, a recent one or a folder, without knowing what a path is."""

import threading
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from cleaner.dataset.browse import Folder, count_images, list_folder, place_below
from cleaner.dataset.user import RecentSet
from cleaner.errors import CatalogError
from cleaner.util.wording import count
from cleaner.widgets.panels.base import Panel, Tree, button, node, paragraph
from cleaner.widgets.sentences import say

Chosen = dict[str, str]
"""Keyword arguments of `cleaner.Workspace` that open a data set."""

_COUNTING_S = 3.0
_MOST_RECENT = 8
_NOTHING = (0, True)  # no images, and all was looked at


class StartPage(Panel):
    """Lists recent data sets, and the folders below one folder.

    Parameters
    ----------
    base : Path
        The user can choose below this folder, and nowhere else.
    on_open : callable
        Called with keyword arguments of `cleaner.Workspace`: ``root``, the folder or CSV file that was
        chosen, and for a recent set its ``labels`` and ``state``. A `CleanerError` that it raises is shown.
    recent : sequence of RecentSet
        Data sets opened lately, the last one first.
    """

    def __init__(
        self, base: Path | str, on_open: Callable[[Chosen], None], *, recent: Sequence[RecentSet] = ()
    ) -> None:
        self.base = Path(base).expanduser().resolve()
        self._on_open = on_open
        self._recent = list(recent)[:_MOST_RECENT]
        self._folder = Folder(path=self.base, folders=(), tables=())
        self._counts: dict[Path, tuple[int, bool]] = {}
        self._opening = ""
        super().__init__()
        self.add_class("cleaner-ready")
        self.on("enter", lambda value: self.go_to(place_below(self.base, value)))
        self.on("open", lambda value: self._on_open({"root": str(place_below(self.base, value))}))
        self.on("recent", self._open_recent)
        self.do("enter", ".")

    def go_to(self, folder: Path) -> None:
        """Show what is in a folder below the base.

        Raises
        ------
        CatalogError
            It cannot be read.
        """
        self._folder = list_folder(folder)
        self._draw()
        # Counting may take a while on a slow disk: the list is there at once, the numbers follow.
        threading.Thread(target=self._count, args=(self._folder,), daemon=True).start()

    def opening(self, name: str) -> None:
        """Say that a data set is being opened; an empty name: no longer."""
        with self.lock:
            self._opening = name
            self._draw()

    def _open_recent(self, value: str) -> None:
        if not value.isdecimal() or int(value) >= len(self._recent):
            msg = f"There is no recent data set number {value}; load the page again."
            raise CatalogError(msg)
        self._on_open(chosen_again(self._recent[int(value)]))

    def _count(self, folder: Folder) -> None:
        places = [folder.path, *folder.folders]
        for path in places:
            if self._folder is not folder:
                return  # the user has gone on
            if path not in self._counts:
                self._counts[path] = count_images(path, budget_s=_COUNTING_S / len(places))
        with self.lock:
            if self._folder is folder:
                self._draw()

    def _draw(self) -> None:
        opening = say("start.opening", name=self._opening) if self._opening else ""
        self.show(
            node(
                "div",
                node("h1", say("start")),
                paragraph(opening, role="status"),
                *self._recent_trees(),
                *self._folder_trees(),
                class_="cleaner-message is-wide",
                role="region",
                aria_label=say("start"),
            )
        )

    def _recent_trees(self) -> list[Tree]:
        if not self._recent:
            return []
        entries = []
        for i, found in enumerate(self._recent):
            name = found.labels.name if found.labels else found.root.name
            what = say("start.recent.opened", images=count(found.count, "image"), ago=_ago(found.opened))
            where = node("span", node("b", name), node("span", f" {found.root}", class_="cleaner-fine"))
            entries.append(node("li", where, self._what_and_open(what, "recent", str(i), name)))
        return [node("h3", say("start.recent")), node("ul", *entries, class_="cleaner-list")]

    def _folder_trees(self) -> list[Tree]:
        folder = self._folder
        entries = []
        for path in folder.folders:
            value = self._value(path)
            name = button(path.name, "enter", value, class_="cleaner-link")
            what, shut = self._count_text(path), self._counts.get(path) == _NOTHING
            entries.append(node("li", name, self._what_and_open(what, "open", value, path.name, shut=shut)))
        for path in folder.tables:
            opener = self._what_and_open(say("start.table"), "open", self._value(path), path.name)
            entries.append(node("li", node("span", path.name), opener))
        for path in folder.documents:
            opener = self._what_and_open(say("start.document"), "open", self._value(path), path.name)
            entries.append(node("li", node("span", path.name), opener))
        for path in folder.archives:
            opener = self._what_and_open(say("start.archive"), "open", self._value(path), path.name)
            entries.append(node("li", node("span", path.name), opener))
        shut = bool(self._opening) or self._counts.get(folder.path) == _NOTHING
        here = say("start.open_folder")
        more = say("start.more", folders=count(folder.more, "more folder")) if folder.more else ""
        return [
            node("h3", say("start.folder.or" if self._recent else "start.folder")),
            paragraph(say("start.advice")),
            node("nav", self._crumbs(folder.path), aria_label=say("start.trail")),
            node(
                "p",
                button(here, "open", self._value(folder.path), disabled=shut, data_heir=True),
                node("span", f" {self._count_text(folder.path)}", class_="cleaner-fine"),
            ),
            node("ul", *entries, class_="cleaner-list", hidden=not entries),
            paragraph("" if entries else say("start.empty")),
            node("p", more),
        ]

    def _crumbs(self, here: Path) -> Tree:
        trail = [here, *here.parents]
        entries = []
        for path in reversed(trail[: trail.index(self.base) + 1]):
            name = path.name or str(path)
            link = button(name, "enter", self._value(path), class_="cleaner-link")
            place = [node("b", name, aria_current="location")] if path == here else [link, " /"]
            entries.append(node("li", *place))
        return node("ol", *entries, class_="cleaner-crumbs")

    def _what_and_open(self, what: str, act: str, value: str, name: str, *, shut: bool = False) -> Tree:
        called, shut = say("start.open.name", name=name), shut or bool(self._opening)
        opener = button(say("start.open"), act, value, aria_label=called, disabled=shut)
        return node("span", node("span", what, class_="cleaner-fine"), opener, class_="cleaner-entry-end")

    def _value(self, path: Path) -> str:
        return path.relative_to(self.base).as_posix()

    def _count_text(self, path: Path) -> str:
        if path not in self._counts:
            return ""
        number, complete = self._counts[path]
        if not number:
            return say("start.no_images" if complete else "start.many")
        images = count(number, "image")
        return images if complete else say("start.more_than", images=images)


def chosen_again(found: RecentSet) -> Chosen:
    """Return what opens a recent set as it was opened then."""
    places = {"root": found.root, "labels": found.labels, "state": found.state}
    return {name: str(path) for name, path in places.items() if path is not None}


def _ago(then: datetime) -> str:
    seconds = (datetime.now(UTC) - then).total_seconds()
    for size, noun in ((86400, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= size:
            return say("start.ago", time=count(int(seconds // size), noun))
    return say("start.just_now")
