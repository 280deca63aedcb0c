"""`FileDeleter`: look through files, mark the bad ones, move them to the trash; everything can be undone."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import ipywidgets

from cleaner.session.cells import Outcome
from cleaner.session.file_review import FileReview
from cleaner.widgets.grid.text import said_text
from cleaner.widgets.grid.widget import ReviewGrid

_ADVICE = "FileDeleter takes file paths, and page_size= and state= as keywords."


class FileDeleter(ipywidgets.VBox):
    """Shows image files page by page; marked ones are moved to the trash when the page is confirmed.

    Nothing is removed for good: Undo brings files back, also those of an earlier session.

    Parameters
    ----------
    file_paths : iterable of Path or str
        Image files, the most doubtful ones first.
    page_size : int
        Files on a page.
    state : Path, optional
        The state folder, which has the trash. Default: that of the data set that the files belong to, if they
        belong to one; else ``.cleaner`` in the folder that all files have in common.

    Attributes
    ----------
    grid : ReviewGrid
        The grid alone.

    Raises
    ------
    CleanerError
        No files, or files without a common folder.
    TypeError
        An unknown keyword.
    """

    _closed = True  # until it is made: ipywidgets also closes what could not be

    def __init__(
        self,
        file_paths: Iterable[Path | str],
        *,
        page_size: int = 24,
        state: Path | str | None = None,
        **unknown: Any,
    ) -> None:
        if unknown:
            msg = f"Got the keyword {', '.join(map(repr, sorted(unknown)))}. {_ADVICE}"
            raise TypeError(msg)
        if isinstance(file_paths, str | Path):
            what = f"Got one path, {str(file_paths)!r}"
            msg = f"{what}; expected a list of files, such as sorted(Path(folder).glob('*.jpg'))."
            raise TypeError(msg)
        self._review = FileReview(file_paths, page_size=page_size, state=state)
        self.grid = ReviewGrid(self._review, mode="delete")
        super().__init__([self.grid])
        self.layout.overflow = "visible"
        self._closed = False

    @property
    def marked(self) -> list[Path]:
        """Files that are marked and still where they were."""
        return [self._review.root / name for name in self._review.marked]

    @property
    def deleted(self) -> list[Path]:
        """Where the files were that this widget moved to the trash."""
        return [self._review.root / name for name in self._review.gone]

    @property
    def trash(self) -> Path:
        """The folder that they are in."""
        return self._review.trash

    def mark(self, paths: Path | str | Iterable[Path | str], *, delete: bool = True) -> None:
        """Mark files to delete, or take their marks away.

        Raises
        ------
        StoreError
            A file is not among those shown, or in the trash already.
        """
        listed = [paths] if isinstance(paths, str | Path) else list(paths)
        names = [self._review.name_of(path) for path in listed]
        action = "delete" if delete else "clear"
        self._do(lambda: self._review.decide(names, action))

    def confirm_page(self) -> str:
        """Move what is marked on the page to the trash and open the next page; returns what happened."""
        return said_text(self._do(self._review.confirm).said)

    def undo(self) -> str:
        """Take back the last mark or the last Confirm; returns what was undone."""
        return said_text(self._do(self._review.undo).said)

    def redo(self) -> str:
        """Do again what was undone last; returns what was done."""
        return said_text(self._do(self._review.redo).said)

    def next_page(self) -> None:
        """Open the next page without moving anything."""
        with self.grid.lock:
            self.grid.show(self._review.turn(1))

    def previous_page(self) -> None:
        """Open the page before this one."""
        with self.grid.lock:
            self.grid.show(self._review.turn(-1))

    def close(self) -> None:
        """Stop the threads and take the widget off the page; marks are forgotten."""
        if not self._closed:
            self._closed = True
            self.grid.close()
            super().close()

    def _do(self, act: Callable[[], Outcome]) -> Outcome:
        with self.grid.lock:
            outcome = act()
            self.grid.update(outcome.cells, summary=outcome.summary)
            if outcome.page is not None:
                self.grid.show(outcome.page)
        return outcome
