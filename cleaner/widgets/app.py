"""`CleanerApp`: the grid with all that stands around it; what the dashboard shows, and a notebook can."""

from __future__ import annotations

import logging
import shutil
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ipywidgets

from cleaner.analysis.agreement import agreement
from cleaner.dataset.findings import ReadFindings
from cleaner.dataset.folder_watch import FolderWatch
from cleaner.dataset.formats.registry import Format, found_in
from cleaner.dataset.layout_memory import other_layouts
from cleaner.errors import CleanerError
from cleaner.pipelines.model_file import take_away
from cleaner.review.output.history import place_for
from cleaner.session.background import load_checks
from cleaner.session.messages import Change, Topic
from cleaner.session.view import GridView
from cleaner.util.delayed import Delayed
from cleaner.widgets.guard import guarded
from cleaner.widgets.image_cleaner import ImageCleaner
from cleaner.widgets.panels.agreement import BlindForm, agreement_section
from cleaner.widgets.panels.analysis import AnalysisPanels
from cleaner.widgets.panels.base import Panel
from cleaner.widgets.panels.checks import CheckPanel, checks_report
from cleaner.widgets.panels.classes import ClassPanel
from cleaner.widgets.panels.export import ExportPanel
from cleaner.widgets.panels.files import doubts, files_page, results_section
from cleaner.widgets.panels.header import STEPS, fold, header, steps
from cleaner.widgets.panels.image_map import MapPanel
from cleaner.widgets.panels.packet import PacketPanel
from cleaner.widgets.panels.prepare import PreparePanel
from cleaner.widgets.panels.progress import progress_section
from cleaner.widgets.panels.report import analysis_trees, export_trees, report_page
from cleaner.widgets.panels.retrain import RetrainPanel
from cleaner.widgets.panels.second import SecondPanel
from cleaner.widgets.printed import write_report
from cleaner.widgets.sentences import say
from cleaner.workspace import Workspace

if TYPE_CHECKING:
    from cleaner.ranking import Ranking

logger = logging.getLogger(__name__)

_REDRAW_DELAY_S = 0.3
_REDRAW_RETRY_S = 5.0
_KEYWORDS = "page_size=, order=, on_leave=, on_table=, on_layout=, on_import= and on_reopen="


class CleanerApp(ipywidgets.VBox):
    """Everything for cleaning one data set: grid, progress, retraining, report, results.

    The images are there at once, in the order of their files if no ranking was saved before; the ranking is
    then made in the background and takes over when it is done.

    Parameters
    ----------
    workspace : Workspace or path
        The data set; a path is opened as ``Workspace(path)``.
    page_size : int
        Images on a page.
    order : str or None
        Which order to begin with, if the set has it; a key of `cleaner.session.orders.ORDERS`.
    on_leave : callable or None
        Called when the user wants to choose another data set; None offers no such thing.
    on_table : callable or None
        Called when the user wants to say how the table of labels is read; None offers no such thing.
    on_layout : callable or None
        Called with the layout that the user wants the folders to be read with; None offers no such thing.
    on_import : callable or None
        Called with the labels of another tool, beside the images, that the user wants to import (format and
        path); None offers no such thing.
    on_reopen : callable or None
        Called when the user wants to open the set again, as its files were renamed or moved; None offers no
        such thing.

    Raises
    ------
    CleanerError
        The data set cannot be opened.
    TypeError
        An unknown keyword was given.
    """

    _built = False

    def __init__(
        self,
        workspace: Workspace | Path | str,
        *,
        page_size: int = 24,
        order: str | None = None,
        on_leave: Callable[[], None] | None = None,
        on_table: Callable[[], None] | None = None,
        on_layout: Callable[[str], None] | None = None,
        on_import: Callable[[tuple[Format, Path]], None] | None = None,
        on_reopen: Callable[[], None] | None = None,
        **unknown: Any,
    ) -> None:
        if unknown:
            names = ", ".join(map(repr, sorted(unknown)))
            msg = f"CleanerApp got {names}; it takes a workspace or a path, and {_KEYWORDS} as keywords."
            raise TypeError(msg)
        self.workspace = workspace if isinstance(workspace, Workspace) else Workspace(workspace)
        self._on_leave = on_leave
        self._on_table = on_table
        self._on_layout = on_layout
        self._on_import = on_import
        self._on_reopen = on_reopen
        self._documents: list[tuple[Format, Path]] | None = None  # None: nobody has looked for them yet
        self._step = "Labels"
        self._unfolded = False
        self._decisions_csv: Path | None = None
        self._taken_away: list[Path] = []
        self._boxes: list[ipywidgets.Widget] = []
        self.workspace.catalog  # noqa: B018 - what is no data set is refused before anything is made in it
        ranking, lost = self._saved_ranking()
        self.image_cleaner = ImageCleaner(
            ranking if ranking is not None else self.workspace, workspace=self.workspace, page_size=page_size
        )
        self.session = self.image_cleaner.session
        self.lock = self.session.lock
        self.header = self._panel({"files": lambda _: self.go_to("Files"), "leave": lambda _: self._leave()})
        self.messages = self.image_cleaner.messages
        self.messages.on_gone = self._message_gone
        self.messages.on("reopen", lambda _: self._reopen())
        self._watch = FolderWatch(self.workspace.root, self.workspace.catalog.names)
        self._gone: set[str] = set()
        if lost:
            self.messages.tell(lost)
        self.steps = self._panel({"step": self.go_to, "unfold": lambda _: self._unfold()})
        self.doubts = self._panel({"files": lambda _: self.go_to("Files"), "dismiss": self._dismiss_doubts})
        self.doubts.add_class("cleaner-doubts-panel")
        self.blind_form = BlindForm()
        self.standing = self._panel(
            {
                "blind-second": partial(self._choose_blind, "second"),
                "blind-again": partial(self._choose_blind, "again"),
                "blind-save": lambda _: self._share_blind(),
            }
        )
        self.result = self._panel({"export": lambda _: self._export()})
        self.sheet = self._panel({"table": lambda _: self._change_table(), "layout": self._change_layout})
        self.sheet.on("import", self._import_document)
        self.export = ExportPanel(self.workspace, lock=self.lock)
        self.sheet.on("export-csv", lambda _: self._exported(self.image_cleaner.csv.write_now()))
        self.sheet.on("export-report", lambda _: self._report())
        self.sheet.on("export-model", lambda _: self._exported(take_away(self.workspace)))
        self.packet = PacketPanel(self.workspace, self.session.run_later, lock=self.lock)
        self.classes = ClassPanel(self.workspace, self._follow_classes, lock=self.lock)
        self.checks = CheckPanel(self.workspace, self._take_checks, self._open_order, lock=self.lock)
        self.analysis = AnalysisPanels(
            self.session,
            go_to=self.go_to,
            take_focus=self.image_cleaner.grid.take_focus,
            redraw=self._draw_progress,
        )
        self.analysis.listen(self.sheet)
        self.map = MapPanel(self.workspace, self.session, self.analysis.show, lock=self.lock)
        self.retrain = RetrainPanel(self.workspace, lock=self.lock)
        self.prepare = PreparePanel(
            self.workspace, self._first_ranked, self._take_preliminary, lock=self.lock
        )
        self.second = SecondPanel(self.workspace, self._ranked_by_two, lock=self.lock)
        super().__init__(self._frame())
        self.add_class("cleaner-app")
        self._delayed = Delayed(self._redraw_soon, delay_s=_REDRAW_DELAY_S, retry_s=_REDRAW_RETRY_S)
        self.session.subscribe(self._on_change)
        self._show_checks()  # what was told before
        self.image_cleaner.observe(self._on_order, names=["order"])
        self.image_cleaner.observe(lambda _change: self._draw_fold(), names=["order", "n_filters"])
        if order is not None and order in self.session.orders:
            self.image_cleaner.set_view(order=order)
        self.retrain.observe(lambda _change: self._ranked_anew(), names=["renewed"])
        self.draw()
        self._built = True
        if ranking is None or ranking.awaited or self.workspace.asks_for_another_network:
            self._prepare()
            self.prepare.show_preliminary(ranking)
        else:
            self._offer_new(ranking)
            self.second.look()
        self._delayed.schedule()
        self.add_class("cleaner-ready")

    # ---------------------------------------------------------------- the frame

    def _panel(self, acts: dict[str, Callable[[str], None]]) -> Panel:
        panel = Panel(lock=self.lock)
        for name, act in acts.items():
            panel.on(name, act)
        return panel

    def _frame(self) -> list[ipywidgets.Widget]:
        def column(name: str, *widgets: ipywidgets.Widget) -> ipywidgets.VBox:
            box = ipywidgets.VBox(widgets)
            box.add_class(f"cleaner-{name}")
            self._boxes.append(box)
            return box

        cleaner = self.image_cleaner
        cleaner.children = [cleaner.threshold, cleaner.grid]  # its filters stand at the left
        self._middle = column("middle", self.doubts, self.image_cleaner)
        self._left = column("left", self.steps, self.image_cleaner.filters, self.checks, self.second)
        columns = ipywidgets.Box(
            [
                self._left,
                self._middle,
                column(
                    "right",
                    self.standing,
                    self.analysis.stopping,
                    self.retrain,
                    self.analysis.patterns,
                    self.result,
                ),
            ]
        )
        columns.add_class("cleaner-columns")
        self._boxes.append(columns)
        return [self.header, self.messages, self.prepare, columns]

    @property
    def step(self) -> str:
        """What is shown in the middle: "Files", "Labels", "Map" or "Report"."""
        return self._step

    def go_to(self, step: str) -> None:
        """Show a step in the middle: "Files", "Labels", "Map" or "Report"."""
        if step not in STEPS:
            msg = f"Got step {step!r}; expected one of {', '.join(STEPS)}."
            raise CleanerError(msg)
        with self.lock:
            self._step = step
            self.session.watch_patterns = step == "Report"
            self.session.analyse()
            if step == "Files" and self._documents is None:
                self._documents = []
                threading.Thread(target=self._find_documents, name="cleaner documents", daemon=True).start()
            if step == "Map":
                self.map.look()
            self.draw()
            shown = {
                "Labels": [self.doubts, self.image_cleaner],
                "Files": [self.sheet, self.classes, self.export],
                "Map": [self.map.box],
                "Report": [self.sheet, self.packet],
            }
            self._middle.children = shown[step]
            self.image_cleaner.filters.layout.display = "" if step == "Labels" else "none"

    def _unfold(self) -> None:
        """Show what is folded where the page is narrow, or fold it again."""
        self._unfolded = not self._unfolded
        (self._left.add_class if self._unfolded else self._left.remove_class)("is-unfolded")
        self._draw_steps()

    def close(self) -> None:
        """Take the application off the page and let go of the data set; a job that runs goes on."""
        if not self._built:  # it was refused, and Python is tidying up
            return
        self._delayed.close(timeout_s=1.0)
        panels = (self.header, self.steps, self.doubts, self.standing, self.result, self.sheet)
        for widget in (self.image_cleaner, *panels, self.classes, self.checks, self.export, self.packet):
            widget.close()
        for box in self._boxes:
            box.close()
        self.analysis.close()
        self.map.close()
        self.retrain.close()
        self.prepare.close()
        self.second.close()
        self.workspace.close()
        super().close()

    # ---------------------------------------------------------------- what the panels say

    def draw(self) -> None:
        """Draw header, steps, figures and results anew."""
        with self.lock:
            catalog = self.workspace.catalog
            present = self.workspace.store.state.classes(catalog.classes)
            summary = {**catalog.summary(), "classes": present}
            self.header.show(
                header(
                    name=self.workspace.title,
                    summary=summary,
                    reviewer=self.workspace.reviewer,
                    can_leave=self._on_leave is not None,
                )
            )
            self.messages.notice(self.workspace.notices)
            self._draw_steps()
            unread = ReadFindings(self.workspace.state, "page").unread(catalog.findings)
            self.doubts.show(*doubts(unread))
            if self._step == "Files":
                rows = zip(catalog.left_out["name"], catalog.left_out["reason"], strict=True)
                labels = self.workspace.labels
                changeable = labels.name if labels is not None and self._on_table is not None else None
                self.sheet.show(
                    files_page(
                        catalog.findings,
                        list(rows),
                        table=changeable,
                        layouts=self._other_layouts(),
                        documents=[(path.name, kind.title) for kind, path in self._documents or ()],
                    )
                )
                self.classes.draw()
            self._draw_progress()

    def _draw_steps(self) -> None:
        left_out = len(self.workspace.catalog.left_out)
        hints = {"Files": say("app.left_out", files=f"{left_out:,}") if left_out else ""}
        self.steps.show(steps(self._step, hints), fold(self.session.view, unfolded=self._unfolded))

    def _draw_progress(self) -> None:
        state = self.workspace.store.state
        figures = self.image_cleaner.progress
        analysis = self.session.analysis
        forecast = None if analysis is None else analysis.forecast
        self.standing.show(
            progress_section(figures, forecast),
            agreement_section(
                agreement(state, but=self.session.shown_blind), state.blind_shares, self.blind_form
            ),
        )
        if self._step == "Report":
            catalog = self.workspace.catalog
            labels = (None if label is None else state.label_now(label) for label in catalog.labels)
            given = dict(zip(catalog.names, labels, strict=True))
            sets = catalog.label_sets
            more = [
                *analysis_trees(analysis, self.analysis.matrix_view),
                *checks_report(self.session.checks, self.session.check_counts, self.session.thresholds),
                *export_trees(self._taken_away),
            ]
            self.sheet.show(report_page(given, state.judgements(), more, sets=sets))
        model = (self.retrain.result or {}).get("model")
        self.result.show(
            results_section(self.workspace.cleaned_csv, self._decisions_csv, model, begun=state.last_seq > 0)
        )

    def _redraw_soon(self) -> bool:
        """Draw what decisions change; runs in a thread, a moment after the last one."""
        try:
            with self.lock:
                self._draw_progress()
            self._look_for_files()
        except Exception:
            logger.exception("the figures could not be drawn")
            return False
        return True

    def _look_for_files(self) -> None:
        """Tell of files that others have renamed, moved or deleted; reopened, results follow them."""
        gone = set(self._watch.gone()) - self.session.known.deleted()
        if gone - self._gone:
            self._gone |= gone
            acts = [("reopen", say("app.files_gone.reopen"))] if self._on_reopen is not None else []
            self.messages.tell(say("app.files_gone" if acts else "app.files_gone.again"), *acts)

    def _reopen(self) -> None:
        if self._on_reopen is not None:
            self.messages.tell(say("files.reopening"))
            self._on_reopen()

    def _message_gone(self) -> None:
        self.draw()
        if self._step == "Labels":  # the button that had the focus is gone
            self.image_cleaner.grid.take_focus()

    def _dismiss_doubts(self, _value: str) -> None:
        ReadFindings(self.workspace.state, "page").add(self.workspace.catalog.findings)
        self.draw()
        self.image_cleaner.grid.take_focus()  # the button that had the focus is gone

    def _other_layouts(self) -> dict[str, list[str]]:
        catalog = self.workspace.catalog
        if self._on_layout is None or catalog.layout is None:
            return {}
        return other_layouts(catalog.layout, list(catalog.names))

    def _change_layout(self, pattern: str) -> None:
        if self._on_layout is not None:
            self.messages.tell(say("files.reopening"))
            self._on_layout(pattern)

    def _find_documents(self) -> None:
        """Look for labels of other tools beside the images; runs in a thread, as they may be large."""
        root = self.workspace.root
        if self._on_import is None or self.workspace.labels is not None or not root.is_dir():
            return
        with guarded("the look for labels of other tools", self.messages.tell):
            found = [(kind, path) for kind, path in found_in(root) if not kind.opens]
            with self.lock:
                self._documents = found
                self.draw()

    def _import_document(self, value: str) -> None:
        found = self._documents or []
        if self._on_import is not None and value.isdecimal() and int(value) < len(found):
            self._on_import(found[int(value)])

    def _leave(self) -> None:
        if self._on_leave is not None:
            self._on_leave()

    def _change_table(self) -> None:
        if self._on_table is not None:
            self._on_table()

    def _exported(self, path: Path) -> None:
        """Say on the report where something was written."""
        self._taken_away = [*(each for each in self._taken_away if each != path), path]
        self._draw_progress()

    def _report(self) -> None:
        """Write the report to sign; later, as to count and hash a large set takes a while."""

        def run() -> None:
            with guarded("the report", self.sheet.complain):
                path = write_report(self.workspace)
                with self.lock:
                    self._exported(path)

        self.session.run_later(run)

    def _choose_blind(self, field: str, value: str) -> None:
        setattr(self.blind_form, field, value)
        self._draw_progress()

    def _share_blind(self) -> None:
        """Let other shares of the decided images be shown blind, to everybody."""
        store = self.workspace.store
        second, again = self.blind_form.shares(store.state.blind_shares)
        store.share_blind(second=second, again=again, reviewer=self.session.reviewer)
        self.blind_form = BlindForm()
        self._draw_progress()

    def _export(self) -> None:
        store = self.workspace.store
        self._decisions_csv = store.export(place_for(store.state, self.workspace.result.named("decisions")))
        self._draw_progress()

    def _follow_classes(self) -> None:
        """Let everything name the classes as they are now."""
        self.session.refresh()
        self.draw()
        self._delayed.schedule()

    def _on_change(self, change: Change) -> None:
        """Draw the figures a moment after they have changed; called in any thread."""
        if change.topic in (
            Topic.PROGRESS,
            Topic.LEARNT,
            Topic.ANALYSIS,
            Topic.CHECKS,
            Topic.UNREADABLE,  # others may be gone as well
        ):
            self._delayed.schedule()
        if change.topic is Topic.PROGRESS:
            self.retrain.expect()
        elif change.topic is Topic.CHECKS:
            self._show_checks()

    def _show_checks(self) -> None:
        self.checks.show_found(self.session.checks, self.session.check_counts or None)

    def _on_order(self, change: Any) -> None:
        """Let the page's address name the order, so that a reload comes back to it."""
        usual = change["new"] == GridView().order
        self.header.address = {**self.header.address, "order": "" if usual else change["new"]}

    def _draw_fold(self) -> None:
        """Let the button that hides order and filters on a narrow page say what they are."""
        with self.lock:
            self._draw_steps()

    # ---------------------------------------------------------------- duplicates and poor images

    def _open_order(self, order: str) -> None:
        """Show what was found: an order of the grid, or the files that are left out."""
        if order == "files":
            self.go_to("Files")
            return
        self.go_to("Labels")

        def show() -> None:  # without the lock of the page: to form groups of duplicates takes a while
            with guarded(f"the order {order}", self.messages.tell):
                self.session.set_view(GridView(order=order))
            self.image_cleaner.grid.take_focus()

        self.session.run_later(show)

    def _take_checks(self) -> None:
        """Take in what a look has found; runs in a thread."""
        self.workspace.refresh()
        with guarded("the reading of what was found", self.checks.complain):
            self.session.set_checks(load_checks(self.session.known, self.workspace.state))
        self.draw()

    # ---------------------------------------------------------------- rankings

    def _saved_ranking(self) -> tuple[Ranking | None, str]:
        """Return the saved ranking, or a preliminary one, and what to say if it cannot be used."""
        workspace = self.workspace
        try:
            ranking = workspace.ranking()
            return ranking if ranking is not None else workspace.preliminary_ranking(), ""
        except CleanerError:
            logger.warning("the saved ranking cannot be used", exc_info=True)
            for folder in (workspace.ranking_folder, workspace.preliminary_folder):
                shutil.rmtree(folder, ignore_errors=True)
            return None, say("app.ranking_lost")

    def _prepare(self) -> None:
        with guarded("the start of the ranking", self.prepare.complain):
            self.prepare.start()

    def _offer_new(self, ranking: Ranking) -> None:
        known = set(ranking.names)
        self.prepare.offer(sum(name not in known for name in self.workspace.catalog.names))

    def _take_preliminary(self) -> None:
        """Order by the images that were embedded so far, from the next page on; in a thread."""
        with guarded("the first order", self._complain_of_ranking):
            ranking = self.workspace.preliminary_ranking()
            if ranking is not None:  # else there is one of all by now
                self.session.set_ranking(ranking)
                self.prepare.show_preliminary(ranking)

    def _first_ranked(self) -> None:
        """Go on after the first ranking: duplicates and poor images are quickly found now; in a thread."""
        self._load_ranking()
        self.checks.start_if_never()
        self.second.look()

    def _ranked_anew(self) -> None:
        """Go on after a training; in a thread."""
        self._load_ranking()
        self.second.look()

    def _ranked_by_two(self) -> None:
        """Use a ranking that nobody waits for, without changing what the expert looks at; in a thread."""
        self._load_ranking(at_once=False)

    def _complain_of_ranking(self, reason: str) -> None:
        self.messages.tell(say("app.ranking_unusable", reason=reason))

    def _load_ranking(self, *, at_once: bool = True) -> None:
        """Take in the ranking that a job has saved; runs in a thread."""
        with guarded("the new ranking", self._complain_of_ranking):
            self.workspace.refresh()
            ranking = self.workspace.ranking()
            if ranking is not None:
                self.session.set_ranking(ranking, at_once=at_once)
                self.prepare.show_preliminary(ranking)
                self._offer_new(ranking)
            else:  # too few labels for one: then it is time to label
                self.session.propose_labels()
        self.draw()
