"""Runs inside the page's kernel: makes the widget that the page shows, whatever goes wrong."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

import ipywidgets

from cleaner.dataset.folders import own_state
from cleaner.dataset.formats.registry import found_in
from cleaner.dataset.tables.options import TableOptions
from cleaner.dataset.user import recent
from cleaner.errors import DashboardError, TableError
from cleaner.images.archives import is_archive, is_file
from cleaner.jobs import Job, worker_ahead
from cleaner.widgets.guard import guarded, in_words
from cleaner.widgets.import_dialog import Found, ImportDialog
from cleaner.widgets.page_settings import PageSettings
from cleaner.widgets.panels.base import Panel, button, node, paragraph
from cleaner.widgets.sentences import say
from cleaner.widgets.start import Chosen, StartPage, chosen_again
from cleaner.widgets.table_dialog import TableDialog

if TYPE_CHECKING:
    from cleaner.widgets.app import CleanerApp
    from cleaner.widgets.page_keeper import PageKeeper
    from cleaner.workspace import Workspace

logger = logging.getLogger(__name__)

_CANCELLED_WITHIN_S = 60.0
_FRESH_S = 30.0
_WAIT_S = 3.0  # a kernel that does not answer for long is taken for dead
_NEEDED_TO_RANK = ("cleaner.pipelines.entries", "cleaner.models.inference")
_ONLY_IMPORTED = (".json", ".jsonl", ".xml", ".parquet")  # no set is opened by such a file


class _Ahead:
    """What is done for a page before it asks: its set is opened and ranked, then its widgets are made."""

    def __init__(self) -> None:
        self._thread: threading.Thread | None = None
        self._opened: tuple[dict[str, Any], Workspace, float] | None = None
        self._page: DashboardPage | None = None

    def begin(self) -> None:
        """Open what the dashboard was started for, in a thread, as a kernel may not take that long.

        The ranking of a set that has none begins, too.
        """
        settings = PageSettings.from_environment()
        if settings is not None and settings.reviewer_header is not None:
            return  # for whom it is opened, only the page's request tells
        if self._thread is None and settings is not None and settings.workspace is not None:
            self._thread = threading.Thread(
                target=self._open, args=(settings.workspace,), name="cleaner ahead", daemon=True
            )
            self._thread.start()

    def make_page(self) -> None:
        """Make the page, unless its set takes long to open."""
        if self._thread is not None:
            self._thread.join(_WAIT_S)
            if not self._thread.is_alive():
                self._page = open_app()

    def take_page(self) -> DashboardPage | None:
        """Return the page if it was made, once."""
        page, self._page = self._page, None
        return page

    def take(self, options: dict[str, Any]) -> Workspace | None:
        """Return the set, unless it is another one or was opened too long ago to be as it is now."""
        if self._thread is None:
            return None
        self._thread.join()
        opened, self._opened = self._opened, None
        if opened is None:
            return None
        told, workspace, opened_s = opened
        if told == options and time.monotonic() - opened_s < _FRESH_S:
            return workspace
        workspace.close()
        return None

    def _open(self, options: dict[str, Any]) -> None:
        from cleaner.widgets.panels.prepare import begin_ranking
        from cleaner.workspace import Workspace

        try:
            workspace = Workspace(**options)
            with closing(worker_ahead(*_NEEDED_TO_RANK)) as worker:
                if not (workspace.ranking_folder / "ranking.npz").is_file():
                    worker.get_ready()  # it loads torch while the files are listed
                is_new = (
                    len(workspace.catalog) > 0 and workspace.ranking() is None
                )  # reads the decisions, too
                self._opened = options, workspace, time.monotonic()
                if is_new:
                    begin_ranking(workspace, worker)
        except Exception:  # it will go wrong again, and is told then
            logger.info("%s could not be prepared ahead", options, exc_info=True)


AHEAD = _Ahead()
"""That of this process, if it is a page's kernel."""


def open_app(root: str | Path | None = None) -> DashboardPage:
    """Return the widget that the notebook shows.

    Parameters
    ----------
    root : path or None
        Folder or CSV file to open; None opens what the dashboard was started for or, in a notebook that was
        opened by hand, the current folder.
    """
    if root is None and (made := AHEAD.take_page()) is not None:
        return made
    settings = PageSettings.from_environment()
    if settings is None or root is not None:
        return DashboardPage(PageSettings.for_root("." if root is None else root))
    if settings.log_path is not None:
        _log_to(Path(settings.log_path))
    return DashboardPage(settings)


class DashboardPage(ipywidgets.VBox):
    """Shows one thing at a time: the page on which a data set is chosen, the application, or what went wrong.

    A notebook cell that fails would leave the user with a message that tells nothing; this widget is always
    there and says what is the matter.

    Parameters
    ----------
    settings : PageSettings
        What to open.
    """

    children: Any  # the trait of the base class, which has no type

    def __init__(self, settings: PageSettings) -> None:
        super().__init__()
        self.add_class("cleaner-dashboard")
        self.settings = settings
        self._base = Path(settings.browse_root)
        self._keeper: PageKeeper | None = None
        try:
            self.settings = settings = settings.of_visitor(os.environ)
        except DashboardError as error:
            self._fail(settings.title or "cleaner", str(error), can_choose=False)
            return
        if settings.workspace is not None:
            self._open(settings.workspace)
        elif chosen := self._in_address():
            self._open({**settings.options, **chosen})
        else:
            self.choose()

    @property
    def can_choose(self) -> bool:
        """Whether the page was opened without a data set."""
        return self.settings.workspace is None

    def choose(self) -> None:
        """Show the page on which a data set is chosen."""
        start = StartPage(self._base, self._on_chosen, recent=recent())
        start.address = {"folder": "", "order": ""}
        self._show(start)

    def _on_chosen(self, chosen: Chosen) -> None:
        """Open what was chosen, or offer to import it if it is of another tool.

        Reading a large folder or document takes a while, and the page is to say so meanwhile.
        """
        path = Path(chosen["root"])
        options = {**self.settings.options, **chosen}
        if is_archive(path) or "labels" in chosen or own_state(path).is_dir():
            self._open_soon(options)
        elif path.suffix.lower() in (".csv", ".tsv", ".tab", ".txt"):
            self._look_at(path, options)
        else:
            self._say_opening(path.name)
            threading.Thread(
                target=self._look_at, args=(path, options), name="cleaner look", daemon=True
            ).start()

    def _look_at(self, path: Path, options: dict[str, Any]) -> None:
        """Find out what a file or folder is."""
        with guarded(f"the look at {path}", lambda reason: self._fail(path.name, reason)):
            plain = None if path.suffix.lower() in _ONLY_IMPORTED else partial(self._plain, options)
            found = [(kind, place) for kind, place in found_in(path) if not kind.opens]
            if found:
                self._offer(found, on_plain=plain, on_back=self.choose)
            elif plain is not None:
                plain()
            else:
                self._fail(path.name, say("import.nothing", name=path.name))

    def _plain(self, options: dict[str, Any]) -> None:
        """Open a folder as it is, or ask how a table is to be read."""
        if Path(options["root"]).is_file():
            self._ask(options)
        else:
            self._open_soon(options)

    def _offer(
        self, found: Sequence[Found], *, on_plain: Callable[[], None] | None, on_back: Callable[[], None]
    ) -> None:
        """Offer to import sets of other tools."""

        def opened(chosen: dict[str, str]) -> None:
            self._open_soon({**self.settings.options, **chosen})

        self._show(ImportDialog(found, opened, on_plain=on_plain, on_back=on_back))

    def _open_soon(self, options: dict[str, Any]) -> None:
        self._say_opening(Path(options["root"]).name)
        threading.Thread(target=self._open, args=(options,), name="cleaner open", daemon=True).start()

    def _say_opening(self, name: str) -> None:
        shown = self.children[0]
        if isinstance(shown, StartPage | TableDialog | ImportDialog):
            shown.opening(name)

    def _ask(self, options: dict[str, Any], on_back: Callable[[], None] | None = None) -> None:
        """Ask how the table of a data set is to be read."""
        labels = Path(options.get("labels") or options["root"])
        root = Path(options["root"])
        self._show(
            TableDialog(
                labels if labels.is_absolute() or is_file(labels) else root / labels,
                root if root.is_dir() or is_archive(root) else root.parent,
                lambda chosen: self._open_soon({**options, **chosen}),
                on_back=on_back or (self.choose if self.can_choose else None),
                base=self._base,
                options=TableOptions.of(options),
            )
        )

    def _ask_again(self, app: CleanerApp) -> None:
        """Ask how the table is to be read of a data set that is open."""
        options = app.workspace.options()
        self._ask(options, on_back=lambda: self._open_soon(options))

    def _import_beside(self, found: Found, options: dict[str, Any]) -> None:
        """Offer to import what lies beside the images of a set that is open."""
        self._offer([found], on_plain=None, on_back=lambda: self._open_soon(options))

    def _reopen(self, state: Path, options: dict[str, Any]) -> None:
        """Open a set that is open again, in another way; what is being computed on it is of no use now."""

        def reopen() -> None:
            job = Job.current(state)
            if job is not None:
                job.cancel()
                job.wait(_CANCELLED_WITHIN_S)
            self._open(options)

        threading.Thread(target=reopen, name="cleaner open", daemon=True).start()

    def _in_address(self) -> Chosen | None:
        """Return the data set that the page's address names after a reload, if it may be opened."""
        path = _asked("folder")
        for found in recent():
            if path == str(found.labels or found.root):
                return chosen_again(found)
        if Path(path).is_absolute() and Path(path).resolve().is_relative_to(self._base):
            return {"root": path}
        return None

    def _open(self, options: dict[str, Any]) -> None:
        from cleaner.widgets.app import CleanerApp
        from cleaner.widgets.page_keeper import PageKeeper
        from cleaner.workspace import Workspace

        name = Path(options["root"]).name
        try:
            leave = self.choose if self.can_choose else None
            app = CleanerApp(
                AHEAD.take(options) or Workspace(**options),
                order=_asked("order") or None,
                on_leave=leave,
                on_table=lambda: self._ask_again(app),
                on_import=lambda found: self._import_beside(found, app.workspace.options()),
                on_reopen=lambda: self._reopen(app.workspace.state, {**options, "layout": None}),
                on_layout=lambda layout: self._reopen(app.workspace.state, {**options, "layout": layout}),
            )
        except TableError as error:
            logger.info("%s: %s", options["root"], error)
            self._ask(options)  # which says the same, and what can be done
        except Exception as error:
            self._fail(name, in_words(error, f"opening {options['root']}"))
        else:
            if self.can_choose:
                folder = str(options.get("labels") or options["root"])
                app.header.address = {**app.header.address, "folder": folder}
            self._show(app)
            if self.settings.workspace is not None:
                self._keeper = PageKeeper(app, self.settings.workspace)

    def _fail(self, name: str, reason: str, *, can_choose: bool | None = None) -> None:
        can_choose = self.can_choose if can_choose is None else can_choose
        panel = Panel(
            node(
                "div",
                node("h1", say("page.failed", name=name)),
                node("p", reason, role="alert"),
                paragraph(say("page.choose_other" if can_choose else "page.reload")),
                *([button(say("page.choose"), "choose")] if can_choose else []),
                class_="cleaner-message",
            )
        )
        panel.add_class("cleaner-ready")
        panel.on("choose", lambda _: self.choose())
        self._show(panel)

    def _show(self, widget: ipywidgets.Widget) -> None:
        if self._keeper is not None:
            self._keeper.close()
        before = self.children
        self.children = [widget]
        for old in before:
            old.close()


def _asked(name: str) -> str:
    """Return what the page's address says by that name; empty if nothing."""
    return parse_qs(os.environ.get("QUERY_STRING", "")).get(name, [""])[0]


def _log_to(path: Path) -> None:
    """Write warnings and errors of the kernel to the log: what happens in a callback reaches nobody else."""
    package = logging.getLogger("cleaner")
    if any(isinstance(handler, logging.FileHandler) for handler in package.handlers):
        return
    handler = logging.FileHandler(path, encoding="utf-8", delay=True)
    handler.setFormatter(logging.Formatter("[page] %(asctime)s %(levelname)s %(name)s: %(message)s"))
    package.addHandler(handler)
