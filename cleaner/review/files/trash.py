"""Moving files as the decisions say: deleted ones to the trash, relabelled ones to their class folder.

Nothing here is done by deciding: files move by `Trash.apply` (which only plans unless told otherwise) and by
`move_to_trash`; `Trash.restore` and `restore_act` bring them back. The decisions stay as they are; those on a
file that gets a new name follow it.
"""

import logging
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from filelock import FileLock, Timeout

from cleaner.dataset.catalog import Catalog
from cleaner.dataset.file_index import file_hash
from cleaner.errors import CatalogError, StoreError
from cleaner.review.files.moves import (
    BACK,
    TO_CLASS,
    TO_TRASH,
    ActFolder,
    Move,
    act_folder,
    act_folders,
    free_name,
    refuse_archives,
    relative_name,
)
from cleaner.review.files.plan import CHANGED, LEAVE, MOVE_TO_CLASS, plan
from cleaner.review.store import ReviewStore
from cleaner.util.progress import SILENT, Reporter

logger = logging.getLogger(__name__)

_LOCK_TIMEOUT_S = 10.0


@dataclass(frozen=True, slots=True)
class Moved:
    """What became of one file.

    Parameters
    ----------
    name : str
        Relative to the root, before it moved to the trash.
    path : Path
        Where it is now.
    problem : str
        Why it stayed where it was; "" if it moved.
    note : str
        What else there is to say, such as a new name because the old one was taken.
    """

    name: str
    path: Path
    problem: str = ""
    note: str = ""


class Trash:
    """Moves the files of a set as its decisions say, and brings them back.

    Parameters
    ----------
    root, state : Path
        Folder of the set, and its state folder, where the trash is.
    store : ReviewStore
        The decisions.
    catalog, refresh : callable
        Give the images as they are known, and as they are after another look at the folder.
    labels : Path, optional
        The CSV file that gives the labels; without one, folders do.
    """

    def __init__(
        self,
        root: Path,
        state: Path,
        store: ReviewStore,
        *,
        catalog: Callable[[], Catalog],
        refresh: Callable[[], Catalog],
        labels: Path | None = None,
    ) -> None:
        self.root = root
        self.state = state
        self._store = store
        self._catalog = catalog
        self._refresh = refresh
        self._labels = labels

    def plan(self, *, relabel: bool = False) -> pd.DataFrame:
        """Say which files `apply` would move, and where; see `cleaner.review.files.plan.plan`.

        Raises
        ------
        StoreError
            If the images are in an archive, or ``relabel`` is asked for where a CSV file gives the labels.
        """
        refuse_archives(self.root, self._catalog().names)
        if relabel and self._labels is not None:
            raise StoreError(
                f"The labels come from {self._labels.name}, not from folders, so there is no class folder to "
                "move files to. The new labels are in cleaned.csv."
            )
        return plan(self._catalog(), self._store.state, root=self.root, relabel=relabel)

    def apply(
        self, *, dry_run: bool = True, relabel: bool = False, reporter: Reporter = SILENT
    ) -> pd.DataFrame:
        """Move files as the decisions say; by default only say what would move.

        An apply that was interrupted can be run again: it goes on with what is left.

        Parameters
        ----------
        dry_run : bool
            Only plan.
        relabel : bool
            Move relabelled files to their class folder too; see `plan`.
        reporter : Reporter
            Hears about every file.

        Returns
        -------
        DataFrame
            The plan (see `plan`), with a column ``done``; the note of a file that was not moved says why.

        Raises
        ------
        StoreError
            If another process is moving files, the decisions cannot be read, or the images are in an
            archive.
        """
        if dry_run:
            return self.plan(relabel=relabel).assign(done=False)
        with _alone(self.state):
            self._settle_interrupted()
            self._store.refresh()
            self._look_again()
            rows = self._without_changed(self.plan(relabel=relabel)).assign(done=False)
            todo = rows[rows["action"] != LEAVE]
            if len(todo):
                folder = act_folder(self.state, uuid.uuid4().hex, root=self.root)
                taken: set[str] = set()
                wanted = [
                    (TO_CLASS, name, to, None)
                    if action == MOVE_TO_CLASS
                    else (TO_TRASH, name, free_name(folder.path, f"files/{name}", taken), None)
                    for name, action, to in zip(todo["name"], todo["action"], todo["to"], strict=True)
                ]
                state = self._store.state
                made = {event.seq: event for event in state.events}
                decided = {name: made[found.seq] for name, found in state.decisions().items()}
                moves = folder.start(
                    folder.act,
                    wanted,
                    seq=state.last_seq,
                    decisions={
                        name: (decided[name].name, decided[name].content)
                        for name in todo["name"]
                        if name in decided
                    },
                )
                problems = folder.perform(moves, reporter=reporter)
                self._record(folder, folder.act, [move for move in moves if move.id not in problems])
                folder.finish(folder.act, problems)
                self._look_again()
                for index, move in zip(todo.index, moves, strict=True):
                    rows.loc[index, "done"] = move.id not in problems
                    if move.id in problems:
                        rows.loc[index, "note"] = problems[move.id]
                    elif move.kind == TO_TRASH:
                        rows.loc[index, "to"] = folder.ends(move)[1].relative_to(self.state).as_posix()
            return rows

    def restore(self, names: Iterable[str] | None = None) -> pd.DataFrame:
        """Bring files back from the trash, and moved ones back to the folder that they came from.

        Decisions stay: a file that is marked delete is still absent from ``cleaned.csv``.

        Parameters
        ----------
        names : iterable of str, optional
            Names that the files had before they were moved; default: all.

        Returns
        -------
        DataFrame
            Columns ``name``; ``to``: where it is now, relative to the root; ``done``; ``note``: a new name
            because the old one is taken, or why it stayed.

        Raises
        ------
        StoreError
            If a name is not in the trash, or another process is moving files.
        """
        wanted = None if names is None else dict.fromkeys(names)
        rows: list[tuple[str, str, bool, str]] = []
        with _alone(self.state):
            self._settle_interrupted()
            for folder in act_folders(self.state, root=self.root):
                chosen = [m for m in reversed(folder.standing()) if wanted is None or m.name in wanted]
                for moved in _bring_back(folder, chosen, record=self._record):
                    to = moved.path.relative_to(self.root).as_posix() if not moved.problem else ""
                    rows.append((moved.name, to, not moved.problem, moved.problem or moved.note))
            self._look_again()
        missing = [name for name in wanted or () if name not in {row[0] for row in rows}]
        if missing:
            some = ", ".join(map(repr, missing[:5]))
            msg = f"Not in the trash: {some}. Give names as they were before the files were moved."
            raise StoreError(msg)
        return pd.DataFrame(rows, columns=["name", "to", "done", "note"], dtype=object)

    def _settle_interrupted(self) -> None:
        """Finish what a killed process began: record what moved, leave the rest to the next plan."""
        for folder in act_folders(self.state, root=self.root):
            for batch, moves in folder.interrupted().items():
                made = [move for move in moves if folder.was_made(move)]
                self._record(folder, batch, made)
                folder.settle(batch)
                logger.info("An interrupted act of moves was settled: %s", folder.path)

    def _record(self, folder: ActFolder, batch: str, made: list[Move]) -> None:
        """Let decisions follow the files that have new names; safe to repeat.

        Their splits follow by themselves: they go by content.
        """
        renamed = {}
        for move in made:
            old = move.name
            if move.of is not None and folder.moves[move.of].kind == TO_CLASS:
                old = folder.moves[move.of].target
            if move.kind != TO_TRASH and old != move.target:
                renamed[old] = move.target
        if renamed:
            self._store.files_moved(renamed, act=batch)

    def _look_again(self) -> None:
        """Let decisions follow what happened to the files meanwhile."""
        try:
            self._refresh()
        except CatalogError as exc:  # where no usable image is left
            logger.info("The catalog cannot be read: %s", exc)

    def _without_changed(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Leave files whose content is not the one that was decided on, whatever the file system says."""
        decisions = self._store.state.decisions()
        for index, name, action in zip(rows.index, rows["name"], rows["action"], strict=True):
            wanted = decisions[name].content if name in decisions else None
            if action == LEAVE or wanted is None:
                continue
            found = file_hash(self.root / name)
            if found not in (wanted, None):
                rows.loc[index, "action"], rows.loc[index, "to"], rows.loc[index, "note"] = (
                    LEAVE,
                    name,
                    CHANGED,
                )
        return rows


# -------------------------------------------------------------------- for FileDeleter


def move_to_trash(
    root: Path, state: Path, paths: Iterable[Path | str], *, act: str | None = None
) -> tuple[str, list[Moved]]:
    """Move files below ``root`` into the trash, as one act.

    Parameters
    ----------
    root, state : Path
        Folder of the set, and its state folder.
    paths : iterable of Path or str
        The files; relative ones are relative to ``root``.
    act : str, optional
        Id of the act, for `restore_act`; made up if not given.

    Returns
    -------
    act : str
    moved : list of Moved
        What became of each file.

    Raises
    ------
    StoreError
        If a path is not below ``root``, or in an archive; then nothing moved.
    """
    act = act or uuid.uuid4().hex
    names = list(dict.fromkeys(relative_name(root, path) for path in paths))
    refuse_archives(root, names)
    with _alone(state):
        folder = act_folder(state, act, root=Path(root))
        for batch in folder.interrupted():
            folder.settle(batch)
        batch = uuid.uuid4().hex
        taken: set[str] = set()
        wanted = [(TO_TRASH, name, free_name(folder.path, f"files/{name}", taken), None) for name in names]
        moves = folder.start(batch, wanted)
        problems = folder.perform(moves)
        folder.finish(batch, problems)
    return act, [
        Moved(move.name, folder.ends(move)[move.id not in problems], problems.get(move.id, ""))
        for move in moves
    ]


def restore_act(root: Path, state: Path, act: str) -> list[Moved]:
    """Bring the files of one act back to where they were; one whose place is taken gets a new name.

    Returns
    -------
    list of Moved
        Empty if nothing of the act is in the trash.
    """
    with _alone(state):
        folder = act_folder(state, act, root=Path(root))
        for batch in folder.interrupted():
            folder.settle(batch)
        return _bring_back(folder, list(reversed(folder.standing())))


# -------------------------------------------------------------------- common


@contextmanager
def _alone(state: Path) -> Iterator[None]:
    try:
        with FileLock(Path(state) / "trash.lock", timeout=_LOCK_TIMEOUT_S):
            yield
    except Timeout as exc:
        msg = "Another process is moving files of this set; wait until it is done, and try again."
        raise StoreError(msg) from exc


def _bring_back(
    folder: ActFolder, moves: list[Move], record: Callable[[ActFolder, str, list[Move]], None] | None = None
) -> list[Moved]:
    """Take moves back, the latest first, each to its old name or a free one like it; `record` those made."""
    if not moves:
        return []
    batch = uuid.uuid4().hex
    taken: set[str] = set()
    wanted = [(BACK, move.name, free_name(folder.root, move.name, taken), move.id) for move in moves]
    started = folder.start(batch, wanted)
    problems = folder.perform(started)
    if record is not None:
        record(folder, batch, [move for move in started if move.id not in problems])
    folder.finish(batch, problems)
    out = []
    for move in started:
        note = "" if move.target == move.name else f"its old name is taken; it is now {move.target}"
        problem = problems.get(move.id, "")
        out.append(Moved(move.name, folder.ends(move)[not problem], problem, "" if problem else note))
    return out
