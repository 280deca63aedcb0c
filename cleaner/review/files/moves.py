"""Moving files so that none is ever overwritten or lost, and every move can be taken back.

An act of moves has a folder of its own in the state, ``trash/<UTC>-<act>/``, with the files that went into
the trash below ``files/`` under their old relative paths, and ``manifest.jsonl``. A line of the manifest is
on the disk before the file moves; what a killed program left half done is therefore known, and settled by
looking at the disk: a file is where it was, or where it was to go, or whole in both places (a copy to another
file system, or a hard link, whose old name was not gone yet).
"""

import filecmp
import hashlib
import json
import logging
import os
import re
import shutil
import uuid
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from types import MappingProxyType
from typing import Any

from cleaner.advice import Advice
from cleaner.errors import StoreError
from cleaner.images.archives import archive_above, in_archive
from cleaner.util.progress import SILENT, Reporter, Stage

logger = logging.getLogger(__name__)

TO_TRASH, TO_CLASS, BACK = "trash", "class", "back"


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """One line of a manifest.

    Parameters
    ----------
    id : int
        Its number in the manifest.
    batch : str
        The moves that were started together.
    kind : str
        ``trash``, ``class`` (to another class folder) or ``back`` (of an earlier move).
    name : str
        Where the file is, relative to the root (for ``back``: the name that it had first).
    target : str
        Where it goes: relative to the act's folder for ``trash``, else to the root.
    of : int or None
        For ``back``: the move that it takes back.
    seq : int
        How far the history of decisions had come.
    content : str or None
        SHA-256 of the file that was decided on, hexadecimal; None if it is not known.
    decided : str or None
        What the file was called when it was decided on; None if it is not known.
    """

    id: int
    batch: str
    kind: str
    name: str
    target: str
    of: int | None = None
    seq: int = 0
    content: str | None = None
    decided: str | None = None


class ActFolder:
    """The folder of one act of moves, and its manifest.

    Parameters
    ----------
    path : Path
        The folder; made when the first move is written.
    root : Path
        The folder to which names are relative.
    """

    def __init__(self, path: Path, *, root: Path) -> None:
        self.path = path
        self.root = root
        self.act = path.name.partition("-")[2]
        self._manifest = path / "manifest.jsonl"
        self.moves: list[Move] = []
        self._failed: dict[str, set[int]] = {}  # by batch; a batch that is not here was interrupted
        for line in self._lines():
            if "done" in line:
                self._failed[line["done"]] = set(line["failed"])
            elif "kind" in line:
                self.moves.append(Move(**line))

    def _lines(self) -> Iterator[dict[str, Any]]:
        if not self._manifest.is_file():
            return
        for text in self._manifest.read_text(encoding="utf-8").splitlines():
            try:
                yield json.loads(text)
            except ValueError:  # killed while writing it; then its file was not touched
                logger.warning("%s has an unfinished line", self._manifest)

    def _append(self, lines: Sequence[dict[str, Any]]) -> None:
        new = not self._manifest.exists()
        if new:
            self.path.mkdir(parents=True, exist_ok=True)
            head = {"act": self.act, "root": str(self.root), "time": datetime.now(UTC).isoformat()}
            lines = [head, *lines]
        text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
        if not new and not self._manifest.read_bytes().endswith(b"\n"):
            text = "\n" + text
        with self._manifest.open("ab") as file:
            file.write(text.encode("utf-8"))
            file.flush()
            os.fsync(file.fileno())

    # ---------------------------------------------------------------- doing

    def start(
        self,
        batch: str,
        wanted: Iterable[tuple[str, str, str, int | None]],
        *,
        seq: int = 0,
        decisions: Mapping[str, tuple[str, str | None]] = MappingProxyType({}),
    ) -> list[Move]:
        """Write down moves (kind, name, target, of) before any of them is made.

        ``decisions`` has by name what the file was called when it was decided on, and its content by then.
        """
        unknown = (None, None)
        first = len(self.moves)
        moves = [
            Move(
                id=first + i,
                batch=batch,
                kind=kind,
                name=name,
                target=target,
                of=of,
                seq=seq,
                content=decisions.get(name, unknown)[1],
                decided=decisions.get(name, unknown)[0],
            )
            for i, (kind, name, target, of) in enumerate(wanted)
        ]
        self._append([asdict(move) for move in moves])
        self.moves += moves
        return moves

    def perform(self, moves: Sequence[Move], *, reporter: Reporter = SILENT) -> dict[int, str]:
        """Move the files; returns the reasons of those that stayed where they were, by id."""
        problems: dict[int, str] = {}
        for done, move in enumerate(moves, start=1):
            source, target = self.ends(move)
            try:
                in_root = {TO_TRASH: [source], TO_CLASS: [source, target], BACK: [target]}[move.kind]
                if not all(inside(self.root, path) for path in in_root):
                    problems[move.id] = "it is reached through a link that leads out of the folder"
                else:
                    move_file(source, target)
            except FileNotFoundError:
                problems[move.id] = "the file is not there"
            except FileExistsError:
                problems[move.id] = "there is another file of that name"
            except OSError as exc:
                problems[move.id] = f"it cannot be moved: {exc.strerror or exc}"
            reporter(Stage.MOVE_FILES, done, len(moves))
        return problems

    def finish(self, batch: str, failed: Iterable[int]) -> None:
        """Write down that a batch is over, and which of its files stayed."""
        self._failed[batch] = set(failed)
        self._append([{"done": batch, "failed": sorted(self._failed[batch])}])

    # ---------------------------------------------------------------- knowing

    def ends(self, move: Move) -> tuple[Path, Path]:
        """Return where the file is before and after a move."""
        if move.of is not None:
            return self.ends(self.moves[move.of])[1], self.root / move.target
        base = self.path if move.kind == TO_TRASH else self.root
        return self.root / move.name, base / move.target

    def interrupted(self) -> dict[str, list[Move]]:
        """Return the batches that were never finished."""
        batches: dict[str, list[Move]] = {}
        for move in self.moves:
            if move.batch not in self._failed:
                batches.setdefault(move.batch, []).append(move)
        return batches

    def was_made(self, move: Move) -> bool:
        """Look at the disk whether an interrupted move was made; completes one that was half made."""
        source, target = self.ends(move)
        if not os.path.lexists(target):
            return False
        if os.path.lexists(source):
            if not (source.is_file() and target.is_file() and filecmp.cmp(source, target, shallow=False)):
                return False
            source.unlink()
        return True

    def settle(self, batch: str) -> list[Move]:
        """Finish a batch that was interrupted by looking at the disk; returns the moves that were made.

        Files that had not moved stay where they are.
        """
        moves = [move for move in self.moves if move.batch == batch]
        made = [move for move in moves if self.was_made(move)]
        self.finish(batch, {move.id for move in moves} - {move.id for move in made})
        return made

    def standing(self) -> list[Move]:
        """Return the moves that were made and not taken back."""
        made = [m for m in self.moves if m.batch in self._failed and m.id not in self._failed[m.batch]]
        back = {move.of for move in made if move.of is not None}
        return [move for move in made if move.of is None and move.id not in back]


def act_folders(state: Path, *, root: Path) -> list[ActFolder]:
    """Return the folders of all acts, the latest first."""
    trash = Path(state) / "trash"
    found = sorted((p for p in trash.iterdir() if p.is_dir()), reverse=True) if trash.is_dir() else []
    return [ActFolder(path, root=root) for path in found]


def act_folder(state: Path, act: str, *, root: Path) -> ActFolder:
    """Return the folder of one act, a new one if there is none yet."""
    plain = re.sub(r"[^A-Za-z0-9_-]", "", act)
    if plain != act or len(act) > 40:
        plain = plain[:20] + hashlib.sha256(act.encode()).hexdigest()[:16]
    for there in (Path(state) / "trash").glob(f"*-{plain}"):
        if there.name.partition("-")[2] == plain:
            return ActFolder(there, root=root)
    name = f"{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}-{plain}"
    return ActFolder(Path(state) / "trash" / name, root=root)


def inside(root: Path, path: Path) -> bool:
    """Tell whether the folder of ``path`` lies in ``root`` once links are followed."""
    real = os.path.realpath(path.parent)
    return Path(real).is_relative_to(os.path.realpath(root)) and ".." not in path.parts


def refuse_archives(root: Path, names: Iterable[str]) -> None:
    """Refuse to move files that are in archives.

    Raises
    ------
    StoreError
        At least one of the names leads into an archive.
    """
    name = next((name for name in names if in_archive(f"{root}/{name}")), None)
    if name is not None:
        archive = archive_above(root / name)
        raise StoreError(
            Advice(
                f"The images are in the archive {archive}, which is never changed, so no file can be moved.",
                "“cleaner export” writes the cleaned set into a new folder or, with --format, into new "
                "archives.",
                "Export the cleaned set into a new folder or new archives, under Files.",
            )
        )


def free_name(base: Path, name: str, taken: set[str], *, avoid: Container[str] = ()) -> str:
    """Return ``name``, or the first of ``name-2``, ``name-3``, … that is free below ``base``.

    Free means: no file has it, it is not in ``avoid``, and not in ``taken``, whatever the case of its
    letters. It is then added to ``taken``.
    """
    path, number, free = PurePosixPath(name), 1, name
    while free.casefold() in taken or free in avoid or os.path.lexists(base / free):
        number += 1
        free = path.with_name(f"{path.stem}-{number}{path.suffix}").as_posix()
    taken.add(free.casefold())
    return free


def move_file(source: Path, target: Path) -> None:
    """Move one file, also to another file system; never overwrites.

    Raises
    ------
    FileNotFoundError, FileExistsError, OSError
        The file is then still at ``source``.
    """
    if not os.path.lexists(source):
        raise FileNotFoundError(source)
    target.parent.mkdir(parents=True, exist_ok=True)
    if os.name == "posix" and not source.is_symlink():
        # rename() would replace what is there; a link() is refused if anything is.
        try:
            os.link(source, target)
        except FileExistsError:
            raise
        except OSError as exc:
            logger.debug("no hard link to %s (%s)", target, exc)
        else:
            _remove_source(source, target)
            return
    if os.path.lexists(target):
        raise FileExistsError(target)
    try:
        source.rename(target)
    except FileExistsError:
        raise
    except OSError as exc:
        logger.debug("no renaming to %s (%s): it is copied", target, exc)
        _copy(source, target)
        _remove_source(source, target)


def _copy(source: Path, target: Path) -> None:
    part = target.with_name(f".{uuid.uuid4().hex[:12]}.part")
    try:
        shutil.copy2(source, part, follow_symlinks=False)
        if not part.is_symlink():
            with part.open("rb+") as file:
                os.fsync(file.fileno())
        if os.path.lexists(target):
            raise FileExistsError(target)
        part.rename(target)
    finally:
        part.unlink(missing_ok=True)


def _remove_source(source: Path, target: Path) -> None:
    try:
        source.unlink()
    except OSError:
        target.unlink()
        raise


def relative_name(root: Path, path: Path | str) -> str:
    """Return the POSIX name of a file below ``root``, given by its path or by its name.

    Raises
    ------
    StoreError
        If it lies elsewhere.
    """
    whole = Path(os.path.normpath(Path(root) / path))
    base = Path(os.path.normpath(root))
    if not whole.is_relative_to(base) or whole == base or not inside(base, whole):
        raise StoreError(f"Got {str(path)!r}, which is not below {root}; only files of the set can be moved.")
    return whole.relative_to(base).as_posix()
