"""`MapPanel`: all images as points; a loop around some of them, or a group, opens the grid on these."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import ipywidgets

from cleaner.errors import InterpretationError
from cleaner.interpret.image_map import ImageMap, require_map
from cleaner.jobs import JobStatus
from cleaner.pipelines.image_map import load_map
from cleaner.session.image_groups import DECISIONS, Grouping, group_of_each
from cleaner.session.session import ReviewSession
from cleaner.session.view import GridView
from cleaner.util.natural import naturally
from cleaner.util.wording import count, listed
from cleaner.widgets.guard import guarded
from cleaner.widgets.panels.base import Panel, Tree, button, buttons, cut_table, node, paragraph
from cleaner.widgets.panels.job import JobPanel, bar_of, progress_text
from cleaner.widgets.scatter import PointScatter
from cleaner.widgets.sentences import say
from cleaner.workspace import Workspace

_COLOURS = (
    "#3f84d8", "#e5812f", "#3ca34a", "#d9484f", "#9a6fd0", "#a5714f", "#8a9a5b", "#17a8b8", "#b8920a",
    "#d765ae", "#6a7fdb", "#1f9d7a", "#c7563a", "#7d9a2d", "#7a5c3e", "#5b93a8", "#a9a11f", "#8c6bb0",
    "#5aa66b", "#b97a86",
)  # fmt: skip
"""Of the largest groups: each is told from light and from dark behind it."""

_REST = "#8b949e"
_DECISION_COLOURS = {
    "undecided": _REST,
    "keep": "#3ca34a",
    "relabel": "#3f84d8",
    "label": "#17a8b8",
    "delete": "#d9484f",
    "unsure": "#e5a12f",
}


class Group(NamedTuple):
    """Images of one colour.

    Attributes
    ----------
    text : str
    colour : str
        As ``#rrggbb``.
    names : tuple of str
    """

    text: str
    colour: str
    names: tuple[str, ...]


def groups_by(by: Grouping, group_of: Sequence[tuple[str, str]]) -> list[Group]:
    """Make groups, the classes in their natural order, of pairs of a name and what `group_of_each` says."""
    names: dict[str, list[str]] = {}
    for name, group in group_of:
        names.setdefault(group, []).append(name)
    if by is Grouping.DECISION:
        order = [group for group in DECISIONS if group in names]
        return [Group(say(f"map.{g}"), _DECISION_COLOURS[g], tuple(names[g])) for g in order]
    classes = naturally({group for group in names if group})
    largest = sorted(classes, key=lambda group: -len(names[group]))[: len(_COLOURS)]
    own = dict(zip((group for group in classes if group in set(largest)), _COLOURS, strict=False))
    groups = [Group(group, own.get(group, _REST), tuple(names[group])) for group in classes]
    if "" in names:
        groups.append(Group(say(f"map.no_{by}"), _REST, tuple(names[""])))
    return groups


class MapPanel(JobPanel):
    """Makes the map in the background, and shows it in the colours of labels, suggestions or decisions.

    Parameters
    ----------
    workspace : Workspace
    session : ReviewSession
    show : callable
        Opens the grid with a view.
    lock : threading.RLock or None
        Shared with other panels of the same page.

    Attributes
    ----------
    box : VBox
        The panel, the points, and the groups: what to put on the page.
    legend : Panel
        The groups.
    scatter : PointScatter or None
        The points; None while there is no map.
    """

    makes_way = ("second",)

    def __init__(
        self,
        workspace: Workspace,
        session: ReviewSession,
        show: Callable[[GridView], None],
        *,
        lock: threading.RLock | None = None,
    ) -> None:
        self.workspace = workspace
        self.legend = Panel(lock=lock)
        self.scatter: PointScatter | None = None
        self._session = session
        self._show_view = show
        self._map: ImageMap | None = None
        self._looked = False
        self._by = Grouping.GIVEN
        self._groups: list[Group] = []
        self._chosen: tuple[str, ...] = ()
        super().__init__(workspace.state, "map", lock=lock)
        self.box = ipywidgets.VBox([self, self.legend])
        self.box.add_class("cleaner-map")
        self.on("make", lambda _: self._begin("map", workspace=workspace.options()))
        self.on("colour", self._colour_by)
        self.on("chosen", lambda _: self._open(self._chosen))
        self.legend.on("group", lambda value: self._open(self._groups[int(value)].names))
        self._follow()

    def look(self) -> None:
        """Show the map as the images and decisions are now; in the background, as it takes seconds."""
        self._session.run_later(self._load)

    def close(self) -> None:
        """Take all of it off the page."""
        if self.scatter is not None:
            self.scatter.close()
        self.legend.close()
        super().close()
        self.box.close()

    # ---------------------------------------------------------------- the map

    def _load(self) -> None:
        """Read the map, and show it if it is another one; runs in a thread."""
        with guarded("the map", self.complain):
            require_map()
            found, last = load_map(self.workspace), self._map
            if found is not None and not (last is not None and found.same_as(last)):
                self._show_points(found)
            elif last is not None:
                self._colour()
        with self.lock:
            self._looked = True
            self._draw()

    def _show_points(self, image_map: ImageMap) -> None:
        """Show other points, in their colours at once: the browser hears of none before it has drawn them."""
        groups, colours = self._grouped(image_map, self._by)
        shown = PointScatter(image_map.points, colours, self._choose)
        with self.lock:
            self._map, self._groups, self._chosen = image_map, groups, ()
            last, self.scatter = self.scatter, shown
            self.box.children = [self, shown.widget, self.legend]
        if last is not None:
            last.close()

    def _colour_by(self, value: str) -> None:
        self._by = Grouping(value)
        self._session.run_later(self._colour)  # a quarter of a second for 100,000 images

    def _colour(self) -> None:
        """Give points and groups the colours of this moment; runs in a thread."""
        image_map, by = self._map, self._by
        if image_map is None:
            return
        groups, colours = self._grouped(image_map, by)
        with self.lock:
            if image_map is self._map and by is self._by and self.scatter is not None:
                self._groups = groups
                self.scatter.colour(colours)
                self._draw()

    def _grouped(self, image_map: ImageMap, by: Grouping) -> tuple[list[Group], list[str]]:
        """Form the groups of this moment; returns them, and the colour of each point."""
        group_of = group_of_each(self._session.known, by)
        groups = groups_by(by, [(name, group_of[name]) for name in image_map.names if name in group_of])
        colour_of = {name: group.colour for group in groups for name in group.names}
        return groups, [colour_of.get(name, _REST) for name in image_map.names]

    def _choose(self, rows: Any) -> None:
        """Hear which points the user has drawn a loop around; called in any thread."""
        with self.lock, guarded("the choice of points", self.complain):
            if self._map is not None:
                self._chosen = tuple(self._map.names[row] for row in rows.tolist())
                self._draw()

    def _open(self, names: tuple[str, ...]) -> None:
        if names:
            self._show_view(GridView(chosen=names, show="all"))

    # ---------------------------------------------------------------- the job

    def _ended(self, status: JobStatus) -> None:
        if status.phase == "failed":
            self.problem = status.error or say("map.failed")

    def _done(self, status: JobStatus) -> None:
        self._load()

    # ---------------------------------------------------------------- what it says

    def _draw(self) -> None:
        try:
            require_map()
        except InterpretationError as exc:
            parts = [paragraph(exc.on_page)]
        else:
            parts = [*self._making(), *(self._about_points() if self._map is not None else [])]
        self.show(
            node(
                "div",
                node("h3", say("map")),
                paragraph(say("map.what")),
                *parts,
                class_="cleaner-sheet-page",
                role="region",
                aria_label=say("map"),
            )
        )
        self.legend.show(*self._legend_trees())

    def _making(self) -> list[Tree]:
        """Describe the job, and the button that starts it where there is no map, or images are not on it."""
        status, running = self._status, self.running
        missing = len(self.workspace.catalog) - (0 if self._map is None else len(self._map))
        busy = self.blocked or self._making_way
        if running and status is not None:
            text = say("job.stopping") if self._asked_to_stop else progress_text(status)
        elif self._making_way:
            text = say("job.making_way")
        elif not self._looked:
            text = say("map.loading")
        elif self._map is None:
            text = say("job.busy") if busy else say("map.none")
        else:
            text = say("map.missing", images=count(missing, "image")) if missing else ""
        offered = self._looked and not running and missing > 0
        return [
            paragraph(text, role="status"),
            node(
                "progress",
                aria_label=say("map.progress"),
                hidden=not running,
                **(bar_of(status) if running else {}),
            ),
            buttons(
                button(
                    say("map.make" if self._map is None else "map.again"),
                    "make",
                    hidden=not offered,
                    disabled=busy,
                    data_heir=True,
                ),
                button(
                    say("job.cancel"),
                    "cancel",
                    hidden=not running,
                    disabled=self._asked_to_stop,
                    data_heir=True,
                ),
            ),
        ]

    def _about_points(self) -> list[Tree]:
        choices = [node("option", say(f"map.by.{by}"), value=by, selected=by is self._by) for by in Grouping]
        chooser = node("select", *choices, do="colour", value=self._by, class_="cleaner-input")
        wanted = set(self._chosen)
        number = Counter(group.text for group in self._groups for name in group.names if name in wanted)
        chosen = say("map.choose")
        if self._chosen:
            parts = [f"{text} {n:,}" for text, n in number.most_common()]
            chosen = say("map.chosen", images=count(len(self._chosen), "image"), groups=listed(parts))
        show = say("map.show", images=count(len(self._chosen), "image"))
        return [
            node("label", say("map.by"), " ", chooser),
            paragraph(chosen, role="status"),
            buttons(button(show, "chosen", hidden=not self._chosen)),
        ]

    def _legend_trees(self) -> list[Tree]:
        if not self._groups:
            return []
        rows = []
        for at, group in enumerate(self._groups):
            dot = node("circle", cx="6", cy="6", r="5", fill=group.colour)
            swatch = node("svg", dot, viewBox="0 0 12 12", width="12", height="12", aria_hidden="true")
            images = count(len(group.names), "image")
            said = say("map.show_group", images=images, group=group.text)
            opens = button(images, "group", str(at), class_="cleaner-link", aria_label=said)
            rows.append([node("span", swatch, group.text), opens])
        title = say(f"map.by.{self._by}")
        return [node("div", *cut_table(title, [title, say("map.images")], rows), class_="cleaner-map-groups")]
