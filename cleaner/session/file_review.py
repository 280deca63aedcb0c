"""Looking through files to throw some out: marks, the trash, and the way back."""

import hashlib
import os
import uuid
from collections.abc import Iterable, Sequence
from pathlib import Path

from cleaner.dataset.folders import STATE_FOLDER
from cleaner.dataset.state_folder import place_state
from cleaner.errors import CleanerError, ImageError, InterpretationError, OutdatedError, StoreError
from cleaner.images.thumbnails import ThumbnailCache
from cleaner.review.files.moves import act_folders, refuse_archives
from cleaner.review.files.trash import move_to_trash, restore_act
from cleaner.session.cells import Cell, ChosenWindow, ClassExamples, Outcome, Page, Picture, Seen
from cleaner.session.heat_maps import HeatMap
from cleaner.session.large_images import LargeImages
from cleaner.session.messages import (
    Empty,
    FilesBack,
    FilesKept,
    FilesMoved,
    FilesSummary,
    MarksRedone,
    MarksUndone,
    Notice,
    PageTitle,
    Reason,
    Redone,
    Said,
    Undone,
)
from cleaner.util.wording import count

_THUMBNAIL_PX = 256
_ACT_PREFIX = "files-"


class FileReview:
    """Shows files page by page, marks some to delete, and moves them to the trash: a `GridHost`.

    Not safe to be used by two threads at once, but for `thumbnail` and `picture`: its owner holds a lock.

    Parameters
    ----------
    file_paths : iterable of Path or str
        Shown in this order, each once.
    page_size : int
        Files on a page.
    state : Path, optional
        The state folder, which has the trash. Default: that of the data set that the files belong to, if they
        belong to one; else ``.cleaner`` in the folder that all files have in common.

    Raises
    ------
    CleanerError
        No files, files without a common folder or in an archive, or a page size below 1.
    """

    def __init__(
        self, file_paths: Iterable[Path | str], *, page_size: int = 24, state: Path | str | None = None
    ) -> None:
        paths = list(dict.fromkeys(_whole(path) for path in file_paths))
        if not paths or page_size < 1:
            msg = f"Got {count(len(paths), 'file')} and page_size={page_size}; expected at least one of each."
            raise CleanerError(msg)
        self.root = _root_of(paths)
        refuse_archives(self.root, (path.relative_to(self.root).as_posix() for path in paths))
        self.state, self.notices = place_state(
            self.root, state=None if state is None else Path(state).expanduser().resolve(), shared_store=True
        )
        self.names = [path.relative_to(self.root).as_posix() for path in paths]
        self.page_size = page_size
        self.marked: dict[str, None] = {}
        self.gone: dict[str, None] = {}
        self._known = frozenset(self.names)
        self._at = 0
        self._acts: list[tuple[str, tuple[str, ...]]] = []
        self._undone: list[tuple[str, tuple[str, ...]]] = []
        self._thumbnails = ThumbnailCache(self.state / "thumbnails")
        self._large = LargeImages()

    # ---------------------------------------------------------------- what is shown

    @property
    def page_count(self) -> int:
        """Number of pages."""
        return -(-len(self.names) // self.page_size)

    @property
    def shown(self) -> list[str]:
        """Names on the open page; those in the trash are not there any more."""
        start = self._at * self.page_size
        return [name for name in self.names[start : start + self.page_size] if name not in self.gone]

    def page(self) -> Page:
        """Return the page that is open."""
        ended = self._at >= self.page_count
        first: list[Notice] = [*self.notices, FilesKept(self.trash)]
        return Page(
            id=hashlib.sha256("\0".join([str(self._at), *self.shown]).encode(errors="replace")).hexdigest(),
            cells=self.cells(self.shown),
            title=None if ended else PageTitle(self._at + 1, of=self.page_count),
            summary=self.summary(),
            notices=tuple(first) if self._at == 0 else (),
            empty=None if self.shown else Empty(Reason.FILES_ENDED if ended else Reason.FILES_GONE),
            can_go_back=self._at > 0,
            can_go_on=self._at + 1 < self.page_count,
        )

    def summary(self) -> FilesSummary:
        """Return where the work stands."""
        return FilesSummary(len(self.names), len(self.marked), len(self.gone), self.trash)

    @property
    def trash(self) -> Path:
        """The folder that confirmed files go to."""
        return self.state / "trash"

    def cells(self, names: Iterable[str]) -> tuple[Cell, ...]:
        """Describe files as they are now."""
        return tuple(Cell(name=name, action="delete" if name in self.marked else None) for name in names)

    def name_of(self, path: Path | str) -> str:
        """Return the name of a file given by its path, or by its name."""
        whole = _whole(path)
        return whole.relative_to(self.root).as_posix() if whole.is_relative_to(self.root) else str(path)

    def next_names(self) -> Sequence[str]:
        """Return the names on the next page."""
        start = (self._at + 1) * self.page_size
        return [name for name in self.names[start : start + self.page_size] if name not in self.gone]

    def thumbnail(self, name: str) -> bytes:
        """Return a small JPEG of one of the files."""
        return self._thumbnails.get(self._path(name), size_px=_THUMBNAIL_PX)

    def picture(self, name: str, *, full: bool, window: ChosenWindow | None = None) -> Picture:
        """Return one of the files for the large view."""
        return self._large.picture(self._path(name), full=full, window=window)

    # ---------------------------------------------------------------- what is done

    def decide(
        self,
        names: Sequence[str],
        action: str,
        label: str | None = None,
        *,
        act: str | None = None,
        new_class: bool = False,
        seen: Seen | None = None,
    ) -> Outcome:
        """Mark files (``delete``), or take their marks away (``clear``)."""
        if action not in ("delete", "clear") or label is not None or new_class:
            msg = f"Got {action!r}; files can be marked with 'delete', and unmarked with 'clear'."
            raise StoreError(msg)
        if seen is not None and seen.page_id != self.page().id:
            msg = "Another page is open now. Look at it, and decide again."
            raise OutdatedError(msg)
        unknown = [name for name in names if name not in self._known or name in self.gone]
        if unknown:
            msg = f"Got {unknown[0]!r}, which is not among the files, or in the trash already."
            raise StoreError(msg)
        changed = tuple(name for name in names if (name in self.marked) == (action == "clear"))
        if changed:
            self._mark(changed, action == "delete")
            self._acts.append((action, changed))
            self._undone.clear()
        return Outcome(cells=self.cells(names), summary=self.summary())

    def confirm(
        self, names: Sequence[str] | None = None, *, act: str | None = None, seen: Seen | None = None
    ) -> Outcome:
        """Move what is marked on the page to the trash, and open the next page."""
        page = self.page()
        if (seen is not None and seen.page_id != page.id) or not page.cells:
            msg = "Another page is open now. Look at it, and confirm again."
            raise OutdatedError(msg)
        marked = [name for name in self.shown if name in self.marked]
        said: Said | None = None
        if marked:
            said = self._throw_out(marked, act)
            self._undone.clear()
        self._at += 1
        return Outcome(said=said, summary=self.summary(), page=self.page())

    def undo(self, *, act: str | None = None) -> Outcome:
        """Take back the last mark, or bring back what the last Confirm moved, also in an earlier session."""
        if self._acts:
            what, names = self._acts.pop()
        else:
            what, names = self._earlier()
        if not what:
            return Outcome(said=Undone(), summary=self.summary())
        if what in ("delete", "clear"):
            self._mark(names, what == "clear")
            said: Said = MarksUndone(what == "delete", len(names))
        else:
            said = self._bring_back(what)
        self._undone.append((what, names))
        return self._at_names(names, said)

    def redo(self, *, act: str | None = None) -> Outcome:
        """Mark again, or move again, what was undone last in this session."""
        if not self._undone:
            return Outcome(said=Redone(), summary=self.summary())
        what, names = self._undone.pop()
        if what in ("delete", "clear"):
            self._mark(names, what == "delete")
            self._acts.append((what, names))
            said: Said = MarksRedone(what == "delete", len(names))
        else:
            said = self._throw_out([name for name in names if name not in self.gone], act)
        return self._at_names(names, said)

    def turn(self, by: int) -> Page:
        """Go a page on or back."""
        self._at = max(0, min(self.page_count - 1, self._at + by))
        return self.page()

    def show_similar(self) -> Page:
        """Refuse: there are no labels here to give to others."""
        msg = "Similar images are shown where labels are reviewed."
        raise CleanerError(msg)

    def describe(self, label: str, text: str, *, act: str | None = None) -> Outcome:
        """Refuse: there are no classes here."""
        msg = "Classes are described where labels are reviewed."
        raise CleanerError(msg)

    def class_examples(self, label: str, *, but: str) -> ClassExamples:
        """Return nothing: there are no classes here."""
        return ClassExamples(label=label)

    def explain(self, name: str) -> None:
        """Return nothing: no model has looked at these files."""

    def heat_map(self, name: str, label: str) -> HeatMap:
        """Refuse: no model has looked at these files."""
        msg = "Heat maps are shown where labels are reviewed."
        raise InterpretationError(msg)

    # ---------------------------------------------------------------- inside

    def _at_names(self, names: Sequence[str], said: Said) -> Outcome:
        """Go to the page of some files, and say what became of them."""
        at = next((i for i, name in enumerate(self.names) if name in set(names)), None)
        if at is not None:
            self._at = at // self.page_size
        focus = None if at is None else self.names[at]
        return Outcome(
            cells=self.cells(names), said=said, summary=self.summary(), focus=focus, page=self.page()
        )

    def _throw_out(self, names: Sequence[str], act: str | None) -> FilesMoved:
        """Move files to the trash."""
        trash_act, moved = move_to_trash(
            self.root,
            self.state,
            [self.root / name for name in names],
            act=f"{_ACT_PREFIX}{act or uuid.uuid4().hex}"[:40],
        )
        done = tuple(each.name for each in moved if not each.problem)
        for name in done:
            self.gone[name] = None
        for name in names:
            self.marked.pop(name, None)
        if done:
            self._acts.append((trash_act, done))
        return FilesMoved(tuple(moved))

    def _path(self, name: str) -> Path:
        if name not in self._known:
            msg = "not one of the files"
            raise ImageError(msg)
        return self.root / name

    def _mark(self, names: Iterable[str], marked: bool) -> None:
        for name in names:
            self.marked.pop(name, None)
            if marked and name not in self.gone:
                self.marked[name] = None

    def _earlier(self) -> tuple[str, tuple[str, ...]]:
        """Find the last Confirm of an earlier session that still stands."""
        for folder in act_folders(self.state, root=self.root):
            standing = folder.standing() if folder.act.startswith(_ACT_PREFIX) else []
            if standing:
                return folder.act, tuple(move.name for move in standing)
        return "", ()

    def _bring_back(self, act: str) -> FilesBack:
        moved = restore_act(self.root, self.state, act)
        for each in moved:
            if not each.problem:
                self.gone.pop(each.name, None)
        return FilesBack(tuple(moved))


def _whole(path: Path | str) -> Path:
    """Make a path absolute; a link stays a link, since it is what will be moved."""
    given = Path(path).expanduser()
    return given.parent.resolve() / given.name


def _root_of(paths: Sequence[Path]) -> Path:
    """Find the data set that the files belong to, or the folder that they have in common."""
    try:
        common = Path(os.path.commonpath([path.parent for path in paths]))
    except ValueError as exc:
        msg = "The files are on different drives; give those of one drive at a time."
        raise CleanerError(msg) from exc
    return next((folder for folder in (common, *common.parents) if (folder / STATE_FOLDER).is_dir()), common)
