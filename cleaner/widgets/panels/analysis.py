"""The panels of what the decisions say so far: whether one may stop, and what the errors have in common."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

from cleaner.audit.acceptance import Terms
from cleaner.session.messages import Change, Topic
from cleaner.session.orders import AUDIT
from cleaner.session.session import ReviewSession
from cleaner.session.view import GridView
from cleaner.widgets.guard import guarded
from cleaner.widgets.panels.acceptance import PlanForm, plan_section
from cleaner.widgets.panels.audit import stopping_section
from cleaner.widgets.panels.base import Panel
from cleaner.widgets.panels.confusion import MatrixView, cell_view
from cleaner.widgets.panels.label_matrix import agreement_view
from cleaner.widgets.panels.patterns import pair_of, patterns_section, source_of


class AnalysisPanels:
    """Two panels that follow the analysis of a session.

    Parameters
    ----------
    session : ReviewSession
    go_to : callable
        Shows a step of the application.
    take_focus : callable
        Lets the keys go to the grid.
    redraw : callable
        Draws the report anew.

    Attributes
    ----------
    stopping, patterns : Panel
        "Can I stop?" and "Errors so far".
    matrix_view : MatrixView
        How the report shows the confusion matrix.
    """

    def __init__(
        self,
        session: ReviewSession,
        *,
        go_to: Callable[[str], None],
        take_focus: Callable[[], None],
        redraw: Callable[[], None],
    ) -> None:
        self._session = session
        self._go_to = go_to
        self._take_focus = take_focus
        self._redraw = redraw
        self.matrix_view = MatrixView()
        self.stopping = Panel(lock=session.lock)
        self.patterns = Panel(lock=session.lock)
        self.stopping.on("audit", lambda _: self._start())
        self.stopping.on("join", lambda _: self._start(join=True))
        self.plan_form = PlanForm()
        for field in ("aql", "ltpd", "kind", "by", "measured"):
            self.stopping.on(f"plan-{field}", partial(self._choose, field))
        self.stopping.on("plan", lambda _: self._fix_plan())
        self.stopping.on("suspicious", lambda _: self.show(GridView()))
        self.listen(self.patterns)
        self._unsubscribe = session.subscribe(self._on_change)
        self.draw()
        session.analyse()

    def listen(self, panel: Panel) -> None:
        """Answer the buttons that findings have, in any panel that shows them."""
        panel.on("review", self._review)
        panel.on("source", lambda value: self.show(GridView(source=source_of(value))))
        panel.on("cell", lambda value: self.show(cell_view(value)))
        panel.on("agreement", lambda value: self.show(agreement_view(value)))
        panel.on("shares", lambda _: self._change_matrix(normalised=not self.matrix_view.normalised))
        panel.on("whole", lambda _: self._change_matrix(whole=not self.matrix_view.whole))
        panel.on("report", lambda _: self._go_to("Report"))

    def draw(self) -> None:
        """Draw what was found out last."""
        with self._session.lock:
            auditing = self._session.view.order == AUDIT
            analysis = self._session.analysis
            self.stopping.show(
                stopping_section(analysis, auditing=auditing),
                plan_section(analysis, self.plan_form, misses=self._misses()),
            )
            self.patterns.show(patterns_section(self._session.analysis))

    def show(self, view: GridView) -> None:
        """Open the grid with a view."""
        self._session.set_view(view)
        self._go_to("Labels")
        self._take_focus()

    def close(self) -> None:
        """Take the panels off the page."""
        self._unsubscribe()
        self.stopping.close()
        self.patterns.close()

    def _on_change(self, change: Change) -> None:
        if change.topic in (Topic.ANALYSIS, Topic.PAGE):
            self.draw()

    # ---------------------------------------------------------------- buttons

    def _start(self, *, join: bool = False) -> None:
        """Open the audit's pages; later, since drawing the order of a large set takes a while."""

        def run() -> None:
            self.stopping.problem = ""
            with guarded("the start of the audit", self.stopping.complain):
                self._session.start_audit(join=join)
                self._take_focus()

        self._go_to("Labels")
        self._session.run_later(run)

    def _choose(self, field: str, value: str) -> None:
        self.plan_form.change(field, value)
        self.draw()

    def _misses(self) -> float | None:
        return self._session.audit.misses(alpha=Terms().beta / 2)

    def _fix_plan(self) -> None:
        """Draw the sample of a plan and open its pages; later, as to find the smallest takes a while."""
        terms = self.plan_form.terms(self._misses())  # complain while the form is in sight

        def run() -> None:
            self.stopping.problem = ""
            with guarded("the acceptance plan", self.stopping.complain):
                self._session.start_plan(terms, self.plan_form.kind, by=self.plan_form.by)
                self._take_focus()

        self._go_to("Labels")
        self._session.run_later(run)

    def _review(self, value: str) -> None:
        given, right = pair_of(value)
        self.show(GridView(given=given, predicted=right))

    def _change_matrix(self, **changes: bool) -> None:
        self.matrix_view = replace(self.matrix_view, **changes)
        self._redraw()
