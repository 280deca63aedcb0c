"""What stands behind the grid when files are deleted: marks, the trash, and the way back. Knows no widget."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from cleaner.dataset.folders import STATE_FOLDER
from cleaner.dataset.state_folder import place_state
from cleaner.errors import CleanerError, ImageError, OutdatedError, StoreError
from cleaner.images.thumbnails import ThumbnailCache
from cleaner.review.files.moves import act_folders
from cleaner.review.files.trash import Moved, move_to_trash, restore_act
from cleaner.session.cells import Cell, Outcome, Page, Picture, Portrait, Seen
from cleaner.session.facts import picture_of
from cleaner.util.wording import count

__all__ = ["FileDesk"]

_THUMBNAIL_PX = 256
_ACT_PREFIX = "files-"
_PROMISE = (
    "Nothing is removed for good: what is confirmed goes to the trash in {folder}, and Undo brings it back."
)


class FileDesk:
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
        No files, files without a common folder, or a page size below 1.
    """

    def __init__(
        self, file_paths: Iterable[Path | str], *, page_size: int = 24, state: Path | str | None = None
    ) -> None:
        paths = list(dict.fromkeys(_whole(path) for path in file_paths))
        if not paths or page_size < 1:
            msg = f"Got {count(len(paths), 'file')} and page_size={page_size}; expected at least one of each."
            raise CleanerError(msg)
        self.root = _root_of(paths)
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
        self._thumbnails = ThumbnailCache(self.state / "thumbnails")

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
        folder = self.state / "trash"
        end = (
            f"That was the last page. {count(len(self.gone), 'file is', 'files are')} in the trash: {folder}"
        )
        return Page(
            id=hashlib.sha256("\0".join([str(self._at), *self.shown]).encode(errors="replace")).hexdigest(),
            cells=self.cells(self.shown),
            title="" if ended else f"Page {self._at + 1} of {self.page_count}",
            summary=self._summary(),
            notice=" ".join([*self.notices, _PROMISE.format(folder=folder)]) if self._at == 0 else "",
            empty=end if ended else "All files of this page are in the trash. Undo brings them back.",
            can_go_back=self._at > 0,
            can_go_on=self._at + 1 < self.page_count,
        )

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

    def picture(self, name: str, *, full: bool) -> Picture:
        """Return one of the files for the large view."""
        return picture_of(self._path(name), full=full)

    # ---------------------------------------------------------------- what is done

    def decide(
        self,
        names: Sequence[str],
        action: str,
        label: str | None,
        *,
        act: str,
        new_class: bool,
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
            self._flip(changed)
            self._acts.append((action, changed))
        return Outcome(cells=self.cells(names), summary=self._summary())

    def confirm(self, names: Sequence[str], *, act: str, page_id: str) -> Outcome:
        """Move what is marked on the page to the trash, and open the next page."""
        page = self.page()
        if page_id != page.id or not page.cells:
            msg = "Another page is open by now; look at it, and confirm again."
            raise StoreError(msg)
        marked = [name for name in self.shown if name in self.marked]
        said = ""
        if marked:
            paths = [self.root / name for name in marked]
            trash_act, moved = move_to_trash(self.root, self.state, paths, act=f"{_ACT_PREFIX}{act}"[:40])
            done = tuple(each.name for each in moved if not each.problem)
            for name in done:
                self.gone[name] = None
            for name in marked:
                self.marked.pop(name, None)
            if done:
                self._acts.append((trash_act, done))
            said = _told(moved)
        self._at += 1
        return Outcome(said=said, summary=self._summary(), page=self.page())

    def undo(self, *, act: str) -> Outcome:
        """Take back the last mark, or bring back what the last Confirm moved, also in an earlier session."""
        if self._acts:
            what, names = self._acts.pop()
        else:
            what, names = self._earlier()
        if not what:
            return Outcome(said="There is nothing to undo.", summary=self._summary())
        if what in ("delete", "clear"):
            self._flip(names)
            said = f"Undone: {'mark' if what == 'delete' else 'unmarking'} of {count(len(names), 'file')}."
        else:
            said = self._bring_back(what)
        at = next((i for i, name in enumerate(self.names) if name in set(names)), None)
        if at is not None:
            self._at = at // self.page_size
        focus = None if at is None else self.names[at]
        return Outcome(
            cells=self.cells(names), said=said, summary=self._summary(), focus=focus, page=self.page()
        )

    def turn(self, by: int) -> Page:
        """Go a page on or back."""
        self._at = max(0, min(self.page_count - 1, self._at + by))
        return self.page()

    def look_alikes(self) -> Page:
        """Refuse: there are no labels here to give to others."""
        msg = "Look-alikes are shown where labels are reviewed."
        raise CleanerError(msg)

    def describe(self, label: str, text: str, *, act: str) -> Outcome:
        """Refuse: there are no classes here."""
        msg = "Classes are described where labels are reviewed."
        raise CleanerError(msg)

    def portrait(self, label: str, *, but: str) -> Portrait:
        """Return nothing: there are no classes here."""
        return Portrait(label=label)

    # ---------------------------------------------------------------- inside

    def _path(self, name: str) -> Path:
        if name not in self._known:
            msg = "not one of the files"
            raise ImageError(msg)
        return self.root / name

    def _flip(self, names: Iterable[str]) -> None:
        for name in names:
            if name in self.marked:
                del self.marked[name]
            else:
                self.marked[name] = None

    def _earlier(self) -> tuple[str, tuple[str, ...]]:
        """Find the last Confirm of an earlier session that still stands."""
        for folder in act_folders(self.state, root=self.root):
            standing = folder.standing() if folder.act.startswith(_ACT_PREFIX) else []
            if standing:
                return folder.act, tuple(move.name for move in standing)
        return "", ()

    def _bring_back(self, act: str) -> str:
        moved = restore_act(self.root, self.state, act)
        notes = []
        for each in moved:
            if each.problem:
                notes.append(f"{each.name} stays in the trash: {each.problem}.")
            else:
                self.gone.pop(each.name, None)
                notes += [f"{each.name}: {each.note}."] if each.note else []
        back = sum(not each.problem for each in moved)
        return " ".join([f"Undone: {count(back, 'file is', 'files are')} back.", *notes])

    def _summary(self) -> str:
        gone = f" · {len(self.gone):,} in the trash" if self.gone else ""
        return f"{count(len(self.names), 'file')} · {len(self.marked):,} marked{gone}"


def _told(moved: Iterable[Moved]) -> str:
    listed = list(moved)
    failed = [each for each in listed if each.problem]
    said = f"{count(len(listed) - len(failed), 'file')} moved to the trash."
    if failed:
        said += f" {count(len(failed), 'file')} could not be moved: {failed[0].name}: {failed[0].problem}."
    return said


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
