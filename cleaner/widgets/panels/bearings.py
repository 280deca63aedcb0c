"""The panels that tell whether one may stop, and what the errors have in common."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from cleaner.analysis.summary import ReviewAnalysis
from cleaner.errors import CleanerError
from cleaner.session.insight import Looker
from cleaner.session.orders import AUDIT, GridView
from cleaner.widgets.panels.audit import stopping_section
from cleaner.widgets.panels.base import Panel
from cleaner.widgets.panels.patterns import pair_of, seen_section

if TYPE_CHECKING:
    from cleaner.widgets.image_cleaner import ImageCleaner

__all__ = ["Bearings"]

logger = logging.getLogger(__name__)


class Bearings:
    """Looks closer at the decisions, and draws two panels of what it finds.

    Parameters
    ----------
    cleaner : ImageCleaner
        Whose decisions they are, and whose pages the buttons open.
    lock : threading.RLock
        Held while a button is answered.
    go_to : callable
        Shows a step of the application.

    Attributes
    ----------
    stopping, seen : Panel
        "May I stop?" and "Seen so far".
    insight : ReviewAnalysis or None
        What was found out last; None at first.
    """

    def __init__(self, cleaner: ImageCleaner, *, lock: threading.RLock, go_to: Callable[[str], None]) -> None:
        self._cleaner = cleaner
        self._lock = lock
        self._go_to = go_to
        self._looker = Looker(cleaner.workspace, cleaner.audit, page_size=cleaner.page_size)
        self._looking = threading.Lock()
        self.insight: ReviewAnalysis | None = None
        self.stopping = Panel(lock=lock)
        self.seen = Panel(lock=lock)
        self.stopping.on("audit", lambda _: self._start())
        self.stopping.on("join", lambda _: self._start(join=True))
        self.stopping.on("suspicious", lambda _: self._show(GridView()))
        self.listen(self.seen)
        self.draw()

    def listen(self, panel: Panel) -> None:
        """Answer the buttons that findings have, in any panel that shows them."""
        panel.on("review", self._review)
        panel.on("report", lambda _: self._go_to("Report"))

    def look(self) -> None:
        """Look closer; takes a while, so call it from a thread of its own, and `draw` then."""
        with self._looking:
            ranking, (names, scores) = self._cleaner.ranking, self._cleaner.scores
            self.insight = self._looker.look(ranking, names, scores)

    def draw(self) -> None:
        """Draw what was found out last."""
        auditing = self._cleaner.view.order == AUDIT
        self.stopping.show(stopping_section(self.insight, auditing=auditing))
        self.seen.show(seen_section(self.insight))

    def close(self) -> None:
        """Take the panels off the page."""
        self.stopping.close()
        self.seen.close()

    # ---------------------------------------------------------------- buttons

    def _start(self, *, join: bool = False) -> None:
        """Open the audit's pages; in a thread, since drawing the order of a large set takes a while."""

        def run() -> None:
            self.stopping.problem = ""
            try:
                self._cleaner.start_audit(join=join)
                self._cleaner.grid.take_focus()
                self.look()
                with self._lock:
                    self.draw()
            except CleanerError as error:
                logger.info("the audit does not start", exc_info=True)
                self.stopping.problem = str(error)
            except Exception as error:
                logger.exception("the audit does not start")
                self.stopping.problem = f"That did not work ({type(error).__name__}: {error})."

        self._go_to("Labels")
        threading.Thread(target=run, name="cleaner audit", daemon=True).start()

    def _review(self, value: str) -> None:
        given, right = pair_of(value)
        self._show(GridView(given=given, predicted=right))

    def _show(self, view: GridView) -> None:
        self._cleaner.set_view(view)
        self._go_to("Labels")
        self._cleaner.grid.take_focus()
        self.draw()
