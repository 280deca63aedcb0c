"""What is worked out behind the page's back while the reviewer goes on: three things, each in a thread."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from cleaner.errors import CleanerError
from cleaner.review import Event
from cleaner.session.offers import LookAlikes

if TYPE_CHECKING:
    from cleaner.session.desk import ReviewDesk
    from cleaner.widgets.grid.widget import ReviewGrid

__all__ = ["Studies"]

logger = logging.getLogger(__name__)


class Studies:
    """Learns from the decisions for a desk, and shows in its grid what comes of it.

    Each method takes a while and is for a thread of its own; the lock of the grid is held only to read and to
    write.

    Parameters
    ----------
    desk : ReviewDesk
    grid : ReviewGrid
    on_learnt : callable
        Called after an order or a proposal has changed.
    """

    def __init__(self, desk: ReviewDesk, grid: ReviewGrid, on_learnt: Callable[[], None]) -> None:
        self._desk = desk
        self._grid = grid
        self._on_learnt = on_learnt
        self._look_alikes = LookAlikes(desk.workspace)
        self._asked_seq = 0
        self._studying = threading.Lock()
        self._proposing = threading.Lock()

    def offer_look_alikes(self, events: Sequence[Event]) -> None:
        """Look for pictures like those just relabelled or deleted; another act withdraws the offer before."""
        if all(event.detail.get("confirm") for event in events):
            return
        desk, seq = self._desk, events[0].seq
        with self._grid.lock:
            self._asked_seq = max(self._asked_seq, seq)
        act, given_of = events[0].act, desk.facts.given
        offer = self._look_alikes.offer(events, given_of=given_of, open_names=desk.open_names)
        with self._grid.lock:
            if seq < self._asked_seq:  # a later act has asked meanwhile: its answer counts
                return
            if desk.store.state.stands(act) and (offer is not None or desk.offer is not None):
                desk.offer = offer
                self._grid.offer("" if offer is None else offer.button)

    def reorder(self) -> None:
        """Learn from the decisions and re-order what was never shown; one at a time."""
        with self._studying:
            lesson = self._desk.study()
            if lesson is None:
                return
            with self._grid.lock:
                if self._desk.learn(lesson):
                    self._tell_next()
        self._on_learnt()

    def propose(self) -> None:
        """Propose labels for images without one, by all labels up to now; one at a time."""
        with self._proposing:
            if not self._desk.has_to_propose:
                return
            try:
                proposal = self._desk.propose()
            except CleanerError as exc:
                logger.warning("No labels are proposed: %s", exc)
                return
            with self._grid.lock:
                if self._desk.set_proposal(proposal):
                    self._grid.show(self._desk.page())
                else:
                    self._tell_next()
        self._on_learnt()

    def _tell_next(self) -> None:
        """Let the browser fetch the pictures that come next by now."""
        page = self._desk.page()
        self._grid.expect(page.id, self._desk.next_names())
        self._grid.update((), summary=page.summary)
