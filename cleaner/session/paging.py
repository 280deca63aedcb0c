"""The pages of several views, each of which is found again as it was left."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from cleaner.review.events import Blind
from cleaner.review.opinions import Due
from cleaner.session.orders import AUDIT, purpose_of
from cleaner.session.pages import Claim, NamesNow, Page, Pager
from cleaner.session.view import GridView

_MOST_VIEWS = 20


@dataclass(frozen=True, slots=True)
class _ViewPages:
    """The pages of one view; ``seen`` where every page comes once, because nothing waits for a decision."""

    pager: Pager
    seen: set[str] | None = None

    def mark(self) -> None:
        if self.seen is not None and self.pager.current is not None:
            self.seen.update(self.pager.current.names)


class Paging:
    """Which page is open, and what comes before and after it.

    Parameters
    ----------
    names_of : callable
        Gives the names of a view, in order.
    is_open : callable
        Tells whether the reviewer still has to decide on an image.
    is_reviewed : callable
        Tells whether anybody decided on it.
    page_size : int
    saved : Path or None
        File that remembers the open page.
    unit_of : callable
        Gives what an image belongs to in a view; where images stand in groups, a group comes on one page.
    view : GridView, optional
        The first one.
    names_now : callable
        Gives the present names of images that were on the page that was open last.
    claim, is_taken, look, is_answered : callable
        See `cleaner.session.pages.Pager`.
    due : callable
        Gives the decided images that are to be shown as if they were not; `Due.unaided` ones in an audit.
    reopened : callable
        See `cleaner.session.pages.Pager`.
    """

    def __init__(
        self,
        names_of: Callable[[GridView], Iterable[str]],
        *,
        is_open: Callable[[str], bool],
        is_reviewed: Callable[[str], bool],
        page_size: int,
        saved: Path | None,
        unit_of: Callable[[GridView, str], object] = lambda _view, name: name,
        view: GridView | None = None,
        names_now: NamesNow = list,
        claim: Claim = frozenset,
        is_taken: Callable[[str], bool] = lambda _name: False,
        look: Callable[[], object] = lambda: None,
        due: Callable[[], Sequence[Due]] = tuple,
        is_answered: Callable[[str, Blind], bool] = lambda _name, _why: True,
        reopened: Callable[[], object] = object,
    ) -> None:
        self._names_of = names_of
        self._is_open = is_open
        self._is_reviewed = is_reviewed
        self._page_size = page_size
        self._saved = saved
        self._unit_of = unit_of
        self._names_now = names_now
        self._claim = claim
        self._is_taken = is_taken
        self._look = look
        self._due = due
        self._is_answered = is_answered
        self._reopened = reopened
        self._views: dict[str, _ViewPages] = {}
        self._stale: set[str] = set()
        self.finished = False
        self.view = view or GridView()
        self._open = self._find(self.view)

    @property
    def pager(self) -> Pager:
        """The pages of the present view."""
        return self._open.pager

    @property
    def page(self) -> Page | None:
        """The page that is open; None at the end of the view, or if it has none."""
        return None if self.finished else self.pager.current

    @property
    def names(self) -> tuple[str, ...]:
        """Names on the open page."""
        return () if self.page is None else self.page.names

    @property
    def waits(self) -> bool:
        """Whether the reviewer has something to decide on the open page."""
        return self._waits(self.page)

    @property
    def answered(self) -> bool:
        """Whether the reviewer has decided anything on the open page."""
        return self.page is not None and len(self.pager.waiting(self.page)) < len(self.page.names)

    @property
    def can_go_back(self) -> bool:
        """Whether there is a page before this one."""
        return self.pager.has_previous or (self.finished and self.pager.current is not None)

    @property
    def can_go_on(self) -> bool:
        """Whether there is a page after this one."""
        return self.page is not None and self.pager.has_next

    def look_at(self, view: GridView) -> None:
        """Open a view where it was left, or where its undecided images begin."""
        self._open = self._find(view)
        self.view, self.finished = view, False
        if self._open.seen is None and view.show == "undecided" and not self._waits(self.page):
            self.go_on()

    def go_on(self) -> None:
        """Open the next page with something to decide; at the end there is none any more."""
        self.finished = self.pager.next(skip_decided=self._open.seen is None) is None
        if self.finished:  # its last page is on show no more
            self._claim(())
        self._open.mark()

    def turn(self, by: int) -> bool:
        """Go one page on (1) or back (-1); tells whether it moved."""
        if by > 0:
            moved = self.pager.next() is not None
            self._open.mark()
        else:  # from the end of a view, back is the last page
            moved = self.finished or self.pager.previous() is not None
        self.finished = self.finished and not moved
        return moved

    def open(self, names: Iterable[str]) -> Page | None:
        """Open the page with those names; None (and stay) if they are not in this view."""
        page = self.pager.open(names)
        if page is not None:
            self.finished = False
        return page

    def reorder(self, *, swap: bool = True) -> bool:
        """Take new orders; tells whether the open page stays, because something on it is decided.

        Without ``swap`` it stays in any case.
        """
        before = self.page
        self._views = {self.view.key: self._open}
        self._stale.clear()
        if not purpose_of(self.view.order).judges_labels:  # no ranking orders them, and groups must stay
            return False
        self.pager.reorder(self._names_of(self.view), swap=swap and self._open.seen is None)
        self._open.mark()
        if self.finished and self._waits(self.pager.current):
            self.finished = False
        return before is not None and self.page == before

    def rearrange(self, order: str) -> None:
        """Take a new order for what was never shown in views of that order; every page that was shown stays.

        Other views than the present one follow when they are looked at again.
        """
        self._stale |= {key for key, pages in self._views.items() if pages.pager.view.order == order}
        self._refresh(self.view, self._open)

    def _refresh(self, view: GridView, pages: _ViewPages) -> None:
        if view.key in self._stale:
            self._stale.discard(view.key)
            if pages.seen is None:
                pages.pager.reorder(self._names_of(view))

    def _waits(self, page: Page | None) -> bool:
        return page is not None and (
            bool(self.pager.waiting(page)) if page.blind else any(map(self._is_open, page.names))
        )

    def _find(self, view: GridView) -> _ViewPages:
        pages = self._views.pop(view.key, None)
        # What is decided, and what not, may have changed; the audit may have begun since, or grown.
        waits = view.show == "undecided" and purpose_of(view.order).judges_labels
        if pages is None or not waits or view.order == AUDIT:
            pages = self._make(view)
        else:
            self._refresh(view, pages)
            pages.pager.reopen()
        self._views[view.key] = pages
        while len(self._views) > _MOST_VIEWS:
            del self._views[next(iter(self._views))]
        pages.mark()
        return pages

    def _make(self, view: GridView) -> _ViewPages:
        seen: set[str] | None = None
        if view.show == "undecided" and purpose_of(view.order).judges_labels:
            decided: Callable[[str], bool] = lambda name: not self._is_open(name)  # noqa: E731
        elif view.show == "unsure":
            decided = self._is_reviewed
        else:
            seen = set()
            decided = seen.__contains__
        # An audit goes on with its first undecided image, whatever page was open.
        saved = self._saved if seen is None and view.show == "undecided" and view.order != AUDIT else None
        pager = Pager(
            self._names_of(view),
            page_size=self._page_size,
            is_decided=decided,
            view=view,
            saved=saved,
            unit_of=partial(self._unit_of, view) if purpose_of(view.order).in_groups else str,
            names_now=self._names_now,
            claim=self._claim,
            is_taken=self._is_taken,
            look=self._look,
            due=partial(self._due_in, view) if seen is None and view.show == "undecided" else tuple,
            is_answered=self._is_answered,
            reopened=self._reopened,
        )
        return _ViewPages(pager, seen)

    def _due_in(self, view: GridView) -> Sequence[Due]:
        return [each for each in self._due() if each.unaided == (view.order == AUDIT)]
