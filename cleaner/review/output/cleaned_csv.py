"""``cleaned.csv``: the catalog after all decisions, always a whole file.

Columns: ``name``, ``label``, ``split``, then those that the input had besides. Deleted images are absent;
unsure ones keep their label. The split is empty while it is not known yet. Text is UTF-8, lines end with a
line feed, and nothing is done to fields that begin with ``=``: see `cleaner.util.csvfile`.
"""

import atexit
import logging
import os
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from itertools import chain, count
from pathlib import Path

import pandas as pd
from filelock import FileLock, Timeout

from cleaner.dataset.catalog import Catalog
from cleaner.dataset.results import ResultFile
from cleaner.errors import CleanerError, ForeignFileError, StoreError
from cleaner.review.labels import cleaned_catalog
from cleaner.review.output.hand_edits import (
    Written,
    backup,
    differences,
    is_edit_of,
    says_no_more_than,
    to_choices,
)
from cleaner.review.store import Act, ReviewStore
from cleaner.util.atomic import unfinished, write_atomically
from cleaner.util.csvfile import csv_text
from cleaner.util.delayed import Delayed

logger = logging.getLogger(__name__)

_RETRY_S = 15.0
_RESTS = 5.0  # of what a file took to write, until it is written again
_RESTS_EACH = 15.0  # likewise, for each colleague at work
_FIRST_S = 0.1  # what is taken for it before the first time
_LOCK_TIMEOUT_S = 20.0
_OLD_S = 3600.0


def as_csv(table: pd.DataFrame) -> bytes:
    """Return the file's content for the table of a catalog after all decisions."""
    table = table.assign(split=table["split"].where(table["split"] != "pending", None))
    cells = table.astype(object).where(table.notna(), None)
    rows = zip(*(cells[column].tolist() for column in cells.columns), strict=True)
    return csv_text([str(column) for column in table.columns], rows).encode("utf-8", "surrogateescape")


def swap_in(data: bytes, path: Path, *, beside: Path, locked: bool = False) -> Path:
    """Write ``data`` in one step: a reader sees the old file or the new one, whole.

    Parameters
    ----------
    data : bytes
    path, beside : Path
        The file, and the one to write where another program (a spreadsheet on Windows) holds that.
    locked : bool
        Whether it is known that one does.

    Returns
    -------
    Path
        The one that was written.

    Raises
    ------
    StoreError
        If neither can be written.
    """
    try:
        _remove_old(path)
        try:
            if not locked:
                write_atomically(path, data, durable=True)
                return path
        except PermissionError:
            logger.info("%s is open in another program", path)
        write_atomically(beside, data, durable=True)
    except OSError as exc:
        raise StoreError(
            f"{path.name} cannot be written to {path.parent}: {exc.strerror or exc}. "
            "The decisions are safe in the database."
        ) from exc
    return beside


def _put(data: bytes, path: Path, written: Written, *, locked: bool = False) -> Path:
    """Write to a file, or to one beside it that is free or that we wrote; remove that once it is old."""
    names = (f"{path.stem}.new{number}{path.suffix}" for number in chain([""], (f"-{n}" for n in count(2))))
    others = (path.with_name(name) for name in names)
    beside = next(other for other in others if written.is_beside(other) or not os.path.lexists(other))
    done = swap_in(data, path, beside=beside, locked=locked)
    if done == beside:
        written.remember_beside(beside, data)
    elif written.is_beside(beside):
        beside.unlink()
        written.remember_beside(beside, None)
    return done


def _remove_old(path: Path) -> None:
    """Remove what a killed writer left beside ``path``."""
    for left in unfinished(path):
        with suppress(FileNotFoundError):  # another writer has just swapped it in
            if time.time() - left.stat().st_mtime > _OLD_S:
                left.unlink()


class CsvEvent(StrEnum):
    """What can be told about ``cleaned.csv``."""

    FAILED = "failed"
    """It was not written; the decisions are in the database."""
    LOCKED = "locked"
    """Another program has it open; the new version lies beside it until then."""
    CURRENT = "current"
    """It is up to date again."""
    HAND_EDITED = "hand_edited"
    """It was changed by hand or elsewhere; that version is kept."""
    REPLACED = "replaced"
    """It was written over on request; what was there is kept."""
    FOREIGN = "foreign"
    """A file that we did not write is in its place; somebody must say whether to replace it."""


@dataclass(frozen=True, slots=True)
class CsvNotice:
    """Something that a user should know about ``cleaned.csv``.

    Parameters
    ----------
    event : CsvEvent
    path : Path
        The file.
    other : Path or None
        The new version beside it, or the kept one.
    reason : str
        Why it was not written, as a sentence.
    """

    event: CsvEvent
    path: Path
    other: Path | None = None
    reason: str = ""


class CleanedCsv:
    """Keeps ``cleaned.csv`` in step with the decisions; making one writes nothing.

    It follows the store: one second after the last new decision the file is written in the background.
    Close it before the store.

    Parameters
    ----------
    result : ResultFile
        Where the file goes; taken for this set when it is written first.
    store : ReviewStore
        The decisions.
    catalog : callable
        Gives the images as they are now.
    state : Path
        The state folder, which remembers what was written.
    on_notice : callable, optional
        Gets a `CsvNotice` when something is unusual; called in any thread.
    delay_s : float, seconds
        How long to wait for further decisions before writing.
    colleagues : callable, optional
        Gives how many others are at work. To write the file of a large set takes a while, and their pages
        may be on the same machine: it is written the more seldom, the larger it is and the more they are.
    """

    def __init__(
        self,
        result: ResultFile,
        store: ReviewStore,
        *,
        catalog: Callable[[], Catalog],
        state: Path,
        on_notice: Callable[[CsvNotice], None] | None = None,
        delay_s: float = 1.0,
        colleagues: Callable[[], int] = lambda: 0,
    ) -> None:
        self.result = result
        self._store = store
        self._catalog = catalog
        self._state = state
        self._on_notice = on_notice
        self._closed = False
        self._delayed = Delayed(
            self._try,
            delay_s=delay_s,
            retry_s=_RETRY_S,
            rests=lambda: _RESTS + _RESTS_EACH * colleagues(),
            first_s=_FIRST_S,
        )
        self._trouble: CsvNotice | None = None
        self._unsubscribe = self._store.subscribe(lambda _events: self.schedule())
        atexit.register(self.close)

    @property
    def path(self) -> Path:
        """The file."""
        return self.result.path

    @property
    def written(self) -> Written:
        """What is remembered of the file as it was written last."""
        return Written(self._state, self.path.stem, owner=self._store.dataset)

    @property
    def behind(self) -> bool:
        """Whether there are decisions that the file written last does not show."""
        return self._store.state.last_seq > self.written.seq

    # ---------------------------------------------------------------- writing

    def schedule(self, *, delay_s: float | None = None) -> None:
        """Have the file written soon, in the background; several calls make one write.

        Parameters
        ----------
        delay_s : float, seconds, optional
            Wait for so long, instead of the usual second; 0 after a Confirm.
        """
        self._delayed.schedule(delay_s=delay_s)

    def write_now(self, *, replace: bool = False) -> Path:
        """Write the file before returning.

        Parameters
        ----------
        replace : bool
            Also write over a file that cleaner did not write; a copy of it is kept in the state folder.

        Returns
        -------
        Path
            The file written: `path`, or the one beside it if `path` is locked.

        Raises
        ------
        ForeignFileError
            There is a file that cleaner did not write; it stays as it is.
        StoreError
            If it cannot be written.
        """
        self._delayed.cancel()
        return self._write(replace=replace)

    def write_to(self, name: str | None = None, *, replace: bool = False) -> Path:
        """Let the result go to another file of the same folder from now on, and write it.

        Parameters
        ----------
        name : str, optional
            Of the file; default: a free name like that of the present one, such as ``cleaned-2.csv``.
        replace : bool
            See `write_now`.

        Raises
        ------
        CatalogError
            The name cannot be.
        StoreError
            See `write_now`; the result then stays where it was.
        """
        before = self.result.path.name
        self.result.choose(self.result.free().name if name is None else name)
        try:
            return self.write_now(replace=replace)
        except ForeignFileError:
            self.result.choose(before)
            raise

    @property
    def foreign(self) -> bool:
        """Whether the file in the place of the result is not ours, or shows decisions that were lost."""
        try:
            found = _target(self.path).read_bytes()
        except OSError:  # none, or one that another program holds: told when it is written
            return False
        if self.written.knows(found):
            return self.shows_more
        return not self._may_replace(found, self._content())

    @property
    def shows_more(self) -> bool:
        """Whether the file is ours and shows decisions that the database has no more."""
        try:
            found = _target(self.path).read_bytes()
        except OSError:
            return False
        return self._shows_more(found)

    def close(self) -> None:
        """Stop following the store, and write what is due."""
        if self._closed:
            return
        self._closed = True
        self._unsubscribe()
        atexit.unregister(self.close)
        if self._delayed.close(timeout_s=_LOCK_TIMEOUT_S):
            self._try()

    def _try(self) -> bool:
        try:
            return self._write() == _target(self.path)
        except ForeignFileError as exc:
            self._trouble_is(CsvNotice(CsvEvent.FOREIGN, self.path, self.result.free(), reason=str(exc)))
        except CleanerError as exc:
            self._trouble_is(CsvNotice(CsvEvent.FAILED, self.path, reason=str(exc)))
        except Exception as exc:  # nobody would see what a thread raises
            logger.exception("cleaned.csv was not written")
            self._trouble_is(
                CsvNotice(
                    CsvEvent.FAILED,
                    self.path,
                    reason=f"{self.path.name} was not written ({exc}). The decisions are safe.",
                )
            )
        return False

    def _write(self, *, replace: bool = False) -> Path:
        path = _target(self.result.claim())
        try:
            with FileLock(self._state / "cleaned-csv.lock", timeout=_LOCK_TIMEOUT_S):
                done = self._write_locked(path, replace=replace)
        except Timeout as exc:
            msg = f"{path.name} was not written: another program has held it for {_LOCK_TIMEOUT_S:.0f} s."
            raise StoreError(msg) from exc
        if done != path:
            self._trouble_is(CsvNotice(CsvEvent.LOCKED, path, done))
        elif self._trouble is not None:
            self._trouble = None
            self._say(CsvNotice(CsvEvent.CURRENT, path))
        return done

    def _write_locked(self, path: Path, *, replace: bool) -> Path:
        """Write while no other process of ours does."""
        if not self._closed:
            self._store.refresh()
        seq, act = self._store.state.last_seq, self._store.state.last_act
        data = self._content()
        written = self.written
        try:
            found = path.read_bytes() if path.exists() else None
        except PermissionError:
            return _put(data, path, written, locked=True)
        if found is not None and found != data and self._shows_more(found):
            if not replace:
                raise ForeignFileError(
                    f"{path.name} in {path.parent} shows decisions that are not in the review database any "
                    "more. It was left as it is."
                )
            kept = backup(found, self._state / "backups", path)
            self._say(CsvNotice(CsvEvent.REPLACED, path, kept))
        elif found is not None and found != data and not written.knows(found):
            if not replace and not self._may_replace(found, data):
                raise ForeignFileError(
                    f"There is a {path.name} in {path.parent} that cleaner did not write, or wrote before "
                    "its state folder was lost. It was left as it is."
                )
            kept = backup(found, self._state / "backups", path)
            if kept is not None:
                event = CsvEvent.REPLACED if replace else CsvEvent.HAND_EDITED
                self._say(CsvNotice(event, path, kept))
        written.announce(data, over=found)
        done = path if found == data else _put(data, path, written)
        if done == path:
            written.remember(data, seq=seq, act=act)
        return done

    def _shows_more(self, found: bytes) -> bool:
        """Tell whether our own file shows decisions that were lost since."""
        return self.written.knows(found) and not self.written.is_continued_by(self._store.state)

    def _may_replace(self, found: bytes, data: bytes) -> bool:
        """Tell whether a file that we do not know may be written over, of which a copy is kept.

        It may if it is what we wrote with edits in it, or if it says nothing that is not in ``data``, as our
        own does after the state folder was lost.
        """
        base = self.written.last()
        if base is not None:
            return is_edit_of(found, base)
        return says_no_more_than(found, given=as_csv(self._catalog().as_given()), present=data)

    def _content(self) -> bytes:
        return as_csv(cleaned_catalog(self._catalog(), self._store.state).as_given())

    # ---------------------------------------------------------------- hand edits

    def hand_edits(self) -> pd.DataFrame | None:
        """Compare the file on the disk with what was written last; None if nobody touched it.

        Returns
        -------
        DataFrame or None
            Columns ``name``; ``change``: ``label``, ``no label``, ``deleted``, ``restored``, ``split``,
            ``unknown`` (no such image) or ``spreadsheet`` (no edit: a spreadsheet program rewrote the name or
            the label, such as 007 as 7); ``ours`` and ``theirs``: label (split, name) now, and in the file.
            Empty if only the way of writing differs.

        Raises
        ------
        StoreError
            If the file cannot be read as a table with a name and a label column.
        """
        path, written = _target(self.path), self.written
        try:
            found = path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as exc:
            msg = f"{path} cannot be read: {exc.strerror or exc}. Close the program that has it open."
            raise StoreError(msg) from exc
        lost = self._shows_more(found)
        if written.knows(found) and not lost:
            return None
        present = self._content()
        return differences(
            found,
            base=(None if lost else written.last()) or as_csv(self._catalog().as_given()),
            present=present,
            images=frozenset(self._catalog().names),
            file=path.name,
        )

    def import_hand_edits(
        self, names: Iterable[str] | None = None, *, reviewer: str | None = None
    ) -> Act | None:
        """Turn the hand edits into decisions, as one act; None if there are none.

        A changed label becomes a relabel, a missing row a delete, a row that came back a keep or a relabel.
        Splits, emptied labels and unknown names are left alone.

        Parameters
        ----------
        names : iterable of str, optional
            Only these.
        reviewer : str, optional
            Whose decisions they are.

        Raises
        ------
        StoreError
            If no names are given and more than half of the images are missing in the file, which looks like
            another file or an accident.
        """
        edits = self.hand_edits()
        if edits is None:
            return None
        deleted = int((edits["change"] == "deleted").sum())
        if names is None and 2 * deleted > len(self._catalog()):
            raise StoreError(
                f"{self.path.name} has no row for {deleted:,} of {len(self._catalog()):,} images, so "
                "nothing was imported. If you removed them on purpose, give the names to import."
            )
        if names is not None:
            edits = edits[edits["name"].isin(list(names))]
        choices = to_choices(edits, self._catalog(), self._store.state)
        if not choices:
            return None
        return self._store.record(choices, reviewer=reviewer)

    # ---------------------------------------------------------------- telling

    def _trouble_is(self, notice: CsvNotice) -> None:
        """Tell about trouble once, not at every retry."""
        if notice != self._trouble:
            self._trouble = notice
            self._say(notice)

    def _say(self, notice: CsvNotice) -> None:
        logger.info("%s: %s %s", notice.path.name, notice.event, notice.reason)
        if self._on_notice is not None:
            self._on_notice(notice)


def _target(path: Path) -> Path:
    """Follow a link, which `os.replace` would otherwise put a file in the place of."""
    return path.resolve() if path.is_symlink() else path
