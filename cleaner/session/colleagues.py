"""What the others do meanwhile, where several reviewers work on one set through a server."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable

from cleaner.errors import StoreError
from cleaner.review import ReviewStore
from cleaner.review.leases import Leases

logger = logging.getLogger(__name__)

_FOLLOW_S = 2.0
_RENEW_S = 30.0
_IDLE_S = 15 * 60.0
"""A page that nobody has done anything on for so long is given up, though it may still be on a screen."""


class Colleagues:
    """Follows what others decide, and sees to it that no two reviewers have the same image open.

    A store in a file is one person's, perhaps in two windows: what they decide in one is followed in the
    other, and no page is leased.

    Parameters
    ----------
    store : ReviewStore
    reviewer : str
    """

    def __init__(self, store: ReviewStore, reviewer: str) -> None:
        self._store = store
        self._reviewer = reviewer
        self._open: dict[str, str] = {}
        self._decided: dict[str, int] = {}  # how many images each reviewer has decided
        self._touched_s = self._renewed_s = time.monotonic()
        self._counted_seq = -1
        self._stop = threading.Event()
        self._leases: Leases | None = None
        self._thread: threading.Thread | None = None
        if store.journal.is_file:
            return
        self._leases = Leases(store.journal.engine, dataset=store.dataset, reviewer=reviewer)
        self._open = self._leases.of_others()

    def follow(self, on_change: Callable[[], None]) -> None:
        """Follow them in a thread; without it, pages are leased until they lapse.

        Parameters
        ----------
        on_change : callable
            Called, in that thread, when others have done something, or have other images open.
        """
        self._thread = threading.Thread(
            target=self._follow, args=(on_change,), name="cleaner-colleagues", daemon=True
        )
        self._thread.start()

    def claim(self, names: Iterable[str]) -> frozenset[str]:
        """Take images onto the page that is about to open; those of the page before are given up.

        Returns
        -------
        frozenset of str
            Those that may be shown: all but the ones that a colleague has open.
        """
        wanted = frozenset(names)
        if self._leases is None:
            return wanted
        self._touched_s = self._renewed_s = time.monotonic()
        free = self._leases.take(wanted)
        if free != wanted:
            self._open = self._leases.of_others()
        try:
            self._store.refresh()  # whoever had one of them open has decided before giving it up
        except StoreError as exc:
            logger.warning("What colleagues decided may be missing: %s", exc)
        return free

    def look(self) -> None:
        """Find out which images others have open now."""
        if self._leases is not None:
            self._open = self._leases.of_others()

    def has_open(self, name: str) -> bool:
        """Tell whether a colleague has an image open, as far as is known."""
        return name in self._open

    @property
    def number_at_work(self) -> int:
        """How many others have a page open, as far as is known."""
        return len(set(self._open.values()))

    def at_work(self) -> list[tuple[str, int, bool]]:
        """Return the others: who, the images that they have decided, and whether they have a page open."""
        now = set(self._open.values())
        known = {name: number for name, number in self._decided.items() if name != self._reviewer}
        return [(name, known.get(name, 0), name in now) for name in sorted({*known, *now})]

    def touch(self) -> None:
        """Note that the reviewer is still at the open page."""
        self._touched_s = time.monotonic()

    def close(self) -> None:
        """Give up the open page, and follow no more."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(timeout=2 * _FOLLOW_S)
        if self._leases is not None:
            self._leases.release()

    def _follow(self, on_change: Callable[[], None]) -> None:
        failed = False
        while not self._store.journal.is_closed:
            try:
                self._store.refresh()
                failed = False
            except StoreError as exc:
                if not (failed or self._store.journal.is_closed):
                    # whoever decides meanwhile is told that it is not saved
                    logger.warning("What is decided elsewhere cannot be followed: %s", exc)
                failed = True
            else:
                if self._leases is not None and self._look(self._leases):
                    on_change()
            if self._stop.wait(_FOLLOW_S):
                return

    def _look(self, leases: Leases) -> bool:
        """Renew the leases, and look what others have; tells whether that is something else than before."""
        now_s = time.monotonic()
        if now_s - self._renewed_s > _RENEW_S and now_s - self._touched_s < _IDLE_S:
            self._renewed_s = now_s
            leases.renew()
        before = self.at_work(), self._open
        seq = self._store.state.last_seq
        if seq != self._counted_seq:
            self._counted_seq, self._decided = seq, self._store.state.decided_by()
        self._open = leases.of_others()
        return before != (self.at_work(), self._open)
