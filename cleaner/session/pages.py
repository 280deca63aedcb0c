"""Which images are on which page: pages that were shown stay as they are, the rest may be re-ordered."""

import hashlib
import json
import logging
import re
import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain, islice
from pathlib import Path

from cleaner.errors import StoreError
from cleaner.review.events import Blind
from cleaner.review.opinions import Due, draw
from cleaner.session.name_order import NameOrder
from cleaner.session.view import GridView
from cleaner.util.atomic import write_atomically

logger = logging.getLogger(__name__)

_MAX_VIEWS = 100
_MIXED = 6  # one image in so many, at most, is shown blind while others wait

NamesNow = Callable[[list[str]], list[str]]
"""Gives the present names of files that had other ones; of those that are gone, what they were called."""

Claim = Callable[[Iterable[str]], Collection[str]]
"""Takes images for a page; returns those that may be shown on it."""


@dataclass(frozen=True, slots=True)
class Page:
    """One page, as it was shown and will be shown again.

    Parameters
    ----------
    number : int
        1 for the first page of this session.
    names : tuple of str
    again : bool
        Whether its images were on an earlier page and left undecided there.
    blind : mapping of str to Blind
        Those of them that are decided and shown as if they were not, and why.
    """

    number: int
    names: tuple[str, ...]
    again: bool = False
    blind: Mapping[str, Blind] = field(default_factory=dict)


def pages_file(state: Path, reviewer: str, *, what: str = "pages") -> Path:
    """Return the file in the state folder that remembers where a reviewer is, or something else of theirs."""
    plain = re.sub(r"[^A-Za-z0-9_-]+", "_", reviewer)[:40]
    if plain != reviewer:  # two reviewers must not share a file because their names look alike in ASCII
        plain += "-" + hashlib.sha256(reviewer.encode()).hexdigest()[:8]
    return Path(state) / f"{what}-{plain}.json"


class Pager:
    """Divides the images of one view into pages.

    A page is fixed once it was shown. A new page takes the first undecided images of the present order that
    were never shown. When there are none left, images that were shown and passed over undecided are offered
    again, in rounds. Opening resumes on the page that was open last, if anything on it is undecided.

    Parameters
    ----------
    names : iterable of str
        All images of the view, in order, each once; a `NameOrder` is not copied.
    page_size : int
        Images on a page; a change holds for pages not shown yet.
    is_decided : callable
        Tells whether an image has a decision; asked anew every time.
    shown : iterable of str
        Images to offer only at the end, as if they had been shown and passed over.
    view : GridView
        Under what to remember the page.
    saved : Path, optional
        File that remembers the open page (see `pages_file`); without one nothing is remembered.
    unit_of : callable, optional
        Gives what an image belongs to; a page does not end between two neighbours that belong together, so
        it may be longer than ``page_size``.
    names_now : callable, optional
        Gives the present names of images on the page that was open last.
    claim : callable, optional
        Takes images onto the page that is about to open, instead of those of the page before; returns the
        ones that may be shown. The others, with whatever belongs to them, are left out and come later; so
        are those that turn out to be decided by then.
    is_taken : callable, optional
        Tells whether an image would be refused, as far as is known.
    look : callable, optional
        Finds out which would be, before a new page is made.
    due : callable, optional
        Gives the decided images that are to be shown as if they were not. They stand among the others of a
        new page, a few on each; where no others are left, they have pages of their own.
    is_answered : callable, optional
        Tells whether the reviewer has said something of such an image.
    reopened : callable, optional
        Gives another value than before once an image that was decided is so no more; by default every time.

    Raises
    ------
    StoreError
        If the page size is not positive, or a name comes twice.
    """

    def __init__(
        self,
        names: Iterable[str],
        *,
        page_size: int = 24,
        is_decided: Callable[[str], bool],
        shown: Iterable[str] = (),
        view: GridView | None = None,
        saved: Path | None = None,
        unit_of: Callable[[str], object] = str,
        names_now: NamesNow = list,
        claim: Claim = frozenset,
        is_taken: Callable[[str], bool] = lambda _name: False,
        look: Callable[[], object] = lambda: None,
        due: Callable[[], Sequence[Due]] = tuple,
        is_answered: Callable[[str, Blind], bool] = lambda _name, _why: True,
        reopened: Callable[[], object] = object,
    ) -> None:
        self._lock = threading.RLock()
        self._order = NameOrder.of(names)
        self.page_size = page_size
        self.view = view or GridView()
        self._is_decided = is_decided
        self._saved = saved
        self._unit_of = unit_of
        self._names_now = names_now
        self._claim = claim
        self._is_taken = is_taken
        self._look = look
        self._ask_due = due
        self._is_answered = is_answered
        self._due: Sequence[Due] = due()  # as of the last new page: to find them takes a moment
        self._shown = set(self._of_view(shown))
        self._reopened = reopened
        self._as_of = reopened()
        self._begin = 0  # all before this place of the order were shown, or are decided
        self._settled = 0  # all before this place are decided
        self._offered: set[str] = set()  # in this round of passed-over images
        self._pages: list[Page] = []
        self._at = -1
        self.resumed = False
        self._resume()

    # ---------------------------------------------------------------- where we are

    @property
    def page_size(self) -> int:
        """Images on a page; pages that were shown keep theirs."""
        return self._page_size

    @page_size.setter
    def page_size(self, size: int) -> None:
        if size < 1:
            msg = f"Got a page size of {size}; expected at least 1."
            raise StoreError(msg)
        self._page_size = int(size)

    @property
    def current(self) -> Page | None:
        """The page that is open; None if there was nothing to show."""
        with self._lock:
            return self._pages[self._at] if self._pages else None

    @property
    def has_previous(self) -> bool:
        """Whether there is a page before the open one."""
        return self._at > 0

    @property
    def has_next(self) -> bool:
        """Whether `next` would open a page."""
        with self._lock:
            here = set(self._pages[self._at].names) if self._pages else set()
            later = (name for name in self._undecided() if name not in here)
            return self._at + 1 < len(self._pages) or any(map(self._is_free, later)) or any(self._alone())

    @property
    def total(self) -> int:
        """Images of the view, decided or not."""
        return len(self._order)

    @property
    def remaining(self) -> int:
        """Undecided images that were never shown."""
        with self._lock:
            return sum(not self._is_decided(name) for name in self._unseen())

    @property
    def undecided(self) -> int:
        """Undecided images, shown or not."""
        with self._lock:
            return sum(not self._is_decided(name) for name in self._undecided())

    @property
    def has_free(self) -> bool:
        """Whether any image, shown or not, is to be decided, and nobody else has it open."""
        with self._lock:
            if any(map(self._is_free, self._undecided())):
                return True
            self._due = self._ask_due()
            return any(self._alone())

    @property
    def taken(self) -> int:
        """Undecided images that others have open."""
        with self._lock:
            return sum(self._is_taken(name) and not self._is_decided(name) for name in self._undecided())

    # ---------------------------------------------------------------- moving

    def next(self, *, skip_decided: bool = False) -> Page | None:
        """Open the page after this one, a new one if this is the last; None (and stay) if there is none.

        Parameters
        ----------
        skip_decided : bool
            Pass over pages shown before on which everything is decided, as after a Confirm.
        """
        with self._lock:
            at = self._at + 1
            while at < len(self._pages):
                page = self._pages[at]
                if skip_decided and not self.waiting(page):
                    at += 1
                elif opened := self._go(at):
                    return opened
            self._look()
            self._due = self._ask_due()
            while made := self._mixed((new := self._new()) or self._passed_over(), again=not new):
                self._add(made)
                if opened := self._go(len(self._pages) - 1, is_new=True):
                    return opened
            if self._pages:  # it stays open
                self._claim(self._pages[self._at].names)
            return None

    def previous(self) -> Page | None:
        """Open the page before this one; None (and stay) if this is the first."""
        with self._lock:
            while self._at > 0:
                if opened := self._go(self._at - 1):
                    return opened
            return None

    def reopen(self) -> None:
        """Open the present page once more, after another view was on show."""
        with self._lock:
            if self._pages and self._go(self._at) is None:
                self.next()

    def peek(self) -> tuple[str, ...]:
        """Return the images that come next if everything on the open page gets decided; nothing moves."""
        with self._lock:
            later = (page.names for page in self._pages[self._at + 1 :] if self.waiting(page))
            made = self._mixed(self._new(), again=False)
            return next(later, () if made is None else made.names)

    def open(self, names: Iterable[str]) -> Page | None:
        """Open the page that shows ``names``, as when their decisions are undone.

        Where none did in this session, the first of them get a page of their own before the open one, with
        whatever belongs to them.

        Returns
        -------
        Page or None
            None (and stay) if none of the names belongs to this view.
        """
        with self._lock:
            named = list(names)
            for at in range(len(self._pages) - 1, -1, -1):
                if not set(self._pages[at].names).isdisjoint(named):
                    return self._go(at)
            self._due = self._ask_due()
            unaided = {each.name for each in self._due if each.unaided}  # of no view, but on its pages
            wanted = {name: None for name in named if name in self._order or name in unaided}
            if not wanted:
                return None
            at = max(0, self._at)
            self._add(self._blinded(self._fill(self._whole(wanted)), again=True), at=at)
            return self._go(at)

    def reorder(self, names: Iterable[str], *, swap: bool = False) -> None:
        """Take a new order for what was never shown; pages that were shown stay as they are.

        Names that are new join; names that are missing keep their place among themselves, at the end.

        Parameters
        ----------
        swap : bool
            If the open page is the last one and nothing on it is decided, fill it anew by the new order.
        """
        with self._lock:
            self._order = NameOrder.of(names).followed_by(self._order)
            self._begin = self._settled = 0
            last = self._pages[self._at] if self._at == len(self._pages) - 1 >= 0 else None
            opened = () if last is None else last.names
            swapped = swap and last is not None and self.waiting(last) == list(opened)
            if swapped:
                self._pages.pop()
                self._at -= 1
                self._shown.difference_update(opened)
            if swapped or not self._pages:
                self.next()

    # ---------------------------------------------------------------- making pages

    def waiting(self, page: Page) -> list[str]:
        """Return the images of a page that the reviewer has to decide on, also those shown blind."""

        def waits(name: str) -> bool:
            why = page.blind.get(name)
            return not self._is_decided(name) if why is None else not self._is_answered(name, why)

        return [name for name in page.names if waits(name)]

    def _askable(self, *, again: bool) -> Iterator[Due]:
        """Yield what may be shown blind on the next page: what was never shown so, or what was."""
        here = set(self._pages[self._at].names) if self._pages else set()
        before = {name for page in self._pages for name in page.blind}
        return (
            each
            for each in self._due
            if (each.name in before) == again
            and (each.unaided or each.name in self._order)
            and each.name not in here
            and not self._is_taken(each.name)
            and not self._is_answered(each.name, each.why)
        )

    def _alone(self) -> Iterator[Due]:
        """Yield what may be shown blind where no other images are left.

        Known answers of an audit are not: whoever still gets a page when all images of the audit are judged
        knows what is on it.
        """
        found = chain(self._askable(again=False), self._askable(again=True))
        return (each for each in found if not each.unaided)

    def _mixed(self, names: Sequence[str], *, again: bool) -> Page | None:
        """Make a page of some images, with those among them that are to be shown blind; None without any."""
        room = max(1, self._page_size // _MIXED) if names else self._page_size
        # What was passed over among others is not pressed on anybody there.
        may_ask = self._askable(again=False) if names else self._alone()
        asked = list(islice((each for each in may_ask if each.name not in names), room))
        mixed = list(names)
        if len(mixed) + len(asked) > self._page_size and self._unit_of is str:
            del mixed[self._page_size - len(asked) :]
        for each in asked:  # where it stands says nothing
            place = draw(self.view.key, "place", each.name)
            mixed.insert(int(place * (len(mixed) + 1)), each.name)
        blind = {each.name: each.why for each in asked}
        return Page(0, tuple(mixed), again and bool(names), blind) if mixed else None

    def _blinded(self, names: Sequence[str], *, again: bool) -> Page:
        """Make a page of certain images, where what is due to be shown blind is shown so."""
        self._due = self._ask_due()
        blind = {e.name: e.why for e in self._due if e.name in names and self._is_decided(e.name)}
        return Page(0, tuple(names), again, blind)

    def _is_free(self, name: str) -> bool:
        return not self._is_taken(name) and not self._is_decided(name)

    def _new(self) -> list[str]:
        return self._fill(name for name in self._unseen() if self._is_free(name))

    def _unseen(self) -> Iterator[str]:
        """Yield the images that were never shown, in order; decided ones may be among them."""
        self._look_again()
        for name in self._order.beginning_at(self._begin):
            if name not in self._shown and not self._is_decided(name):
                break
            self._begin += 1
        return (name for name in self._order.beginning_at(self._begin) if name not in self._shown)

    def _undecided(self) -> Iterator[str]:
        """Yield the images from the first undecided one on, in order; decided ones may be among them."""
        self._look_again()
        for name in self._order.beginning_at(self._settled):
            if not self._is_decided(name):
                break
            self._settled += 1
        return self._order.beginning_at(self._settled)

    def _look_again(self) -> None:
        """Search from the beginning where an image that was passed by may be undecided again."""
        if (now := self._reopened()) != self._as_of:
            self._as_of, self._begin, self._settled = now, 0, 0

    def _of_view(self, names: Iterable[str]) -> list[str]:
        """Return those of some images that belong to this view."""
        return [name for name in names if name in self._order]

    def _whole(self, wanted: Iterable[str]) -> Iterable[str]:
        """Return some images of this view with all that belong to them."""
        if self._unit_of is str:
            return wanted
        units: dict[object, list[str]] = {self._unit_of(name): [] for name in wanted}
        for name in self._order:
            units.get(self._unit_of(name), []).append(name)
        return dict.fromkeys(other for names in units.values() for other in names)

    def _fill(self, waiting: Iterable[str]) -> list[str]:
        names: list[str] = []
        for name in waiting:
            if len(names) >= self._page_size and self._unit_of(name) != self._unit_of(names[-1]):
                break
            names.append(name)
        return names

    def _passed_over(self) -> list[str]:
        """Pick images that are still undecided though all were shown; those of the open page come last."""
        here = set(self._pages[self._at].names) if self._pages else set()
        for _ in range(2):
            waiting = (
                name
                for name in self._undecided()
                if name not in here and name not in self._offered and self._is_free(name)
            )
            names = self._fill(waiting)
            if names:
                self._offered.update(names)
                return names
            self._offered.clear()  # the round is over: begin another
        return []

    def _add(self, page: Page, *, at: int | None = None) -> None:
        self._pages.insert(len(self._pages) if at is None else at, page)
        self._number()
        self._shown.update(page.names)

    def _number(self) -> None:
        self._pages = [replace(page, number=i) for i, page in enumerate(self._pages, start=1)]

    def _go(self, at: int, *, is_new: bool = False) -> Page | None:
        """Open a page, without what others have open; if nothing of it is left there is no such page.

        A new page is also without what others have decided since it was made.
        """
        page = self._pages[at]
        before = page.names if is_new else self.waiting(page)
        allowed = set(self._claim(page.names)).intersection(self.waiting(page))
        lost = {self._unit_of(name) for name in before if name not in allowed}
        if lost:
            names = tuple(name for name in page.names if self._unit_of(name) not in lost)
            self._shown.difference_update(set(page.names).difference(names))
            self._begin = min(self._begin, self._settled)
            if not names:
                del self._pages[at]
                self._number()
                self._at -= at <= self._at
                return None
            self._pages[at] = replace(page, names=names)
        self._at = at
        self._save()
        return self._pages[at]

    # ---------------------------------------------------------------- remembering

    def _resume(self) -> None:
        saved = self._names_now(self._load().get(self.view.key, []))
        page = self._blinded(self._of_view(saved), again=False)
        if self.waiting(page):
            self._add(page)
            self.resumed = self._go(0) is not None
        if not self.resumed:
            self.next()

    def _load(self) -> dict[str, list[str]]:
        if self._saved is None:
            return {}
        try:
            views = json.loads(self._saved.read_text(encoding="utf-8"))["views"]
            return {str(key): [str(name) for name in names] for key, names in views.items()}
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as exc:
            logger.warning("The open page is forgotten: %s cannot be read (%s)", self._saved, exc)
            return {}

    def _save(self) -> None:
        if self._saved is None:
            return
        views = self._load()
        views.pop(self.view.key, None)
        views[self.view.key] = list(self._pages[self._at].names)  # the last one used comes last
        kept = dict(list(views.items())[-_MAX_VIEWS:])
        text = json.dumps({"views": kept}, ensure_ascii=False, indent=1)
        try:
            write_atomically(self._saved, text.encode("utf-8"))
        except OSError as exc:  # only the place is lost: the decisions are elsewhere
            logger.warning("The open page cannot be remembered in %s: %s", self._saved, exc)
