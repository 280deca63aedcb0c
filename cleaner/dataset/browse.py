"""Look at folders for the page that chooses a data set: what is in them, without reading a whole disk."""

import os
import time
from dataclasses import dataclass
from pathlib import Path

from cleaner.dataset.folders import is_folder, is_ignored
from cleaner.errors import CatalogError
from cleaner.images import archives
from cleaner.images.formats import SUFFIXES
from cleaner.util.natural import Key, natural_key

# Spreadsheets are listed so that nobody misses them: opening one says how to save it as CSV.
_TABLE_SUFFIXES = (".csv", ".tsv", ".tab", ".txt", ".xlsx", ".xls", ".ods")
_DOCUMENT_SUFFIXES = (".json", ".jsonl", ".xml", ".parquet")
_MOST_FOLDERS = 400
_MOST_ENTRIES = 20_000


@dataclass(frozen=True)
class Folder:
    """What a folder holds, as far as it matters for choosing one.

    Attributes
    ----------
    path : Path
    folders : tuple of Path
        Folders in it, without hidden ones, by name; the first 400.
    tables : tuple of Path
        Files in it that may be tables of labels, by name.
    archives : tuple of Path
        Zip and tar archives in it, by name.
    documents : tuple of Path
        Files in it that may hold the labels of another tool, by name.
    more : int
        How many folders there are beyond those listed.
    """

    path: Path
    folders: tuple[Path, ...]
    tables: tuple[Path, ...]
    archives: tuple[Path, ...] = ()
    documents: tuple[Path, ...] = ()
    more: int = 0


def place_below(base: Path, relative: str) -> Path:
    """Return a folder or file below ``base``; the page sends its name, so it is not to be trusted.

    Raises
    ------
    CatalogError
        It is not there, or lies elsewhere.
    """
    path = (base / relative).resolve()
    if not path.is_relative_to(base.resolve()) or not path.exists():
        msg = f"There is no {relative!r} below {base}; choose one of the folders that are listed."
        raise CatalogError(msg)
    return path


def list_folder(path: Path) -> Folder:
    """List the folders, tables, archives and documents in a folder.

    Raises
    ------
    CatalogError
        It cannot be read.
    """
    folders: list[Path] = []
    tables: list[Path] = []
    packed: list[Path] = []
    documents: list[Path] = []
    try:
        with os.scandir(path) as entries:
            for entry in entries:
                if entry.name.startswith("."):
                    continue
                if is_folder(entry):
                    if is_ignored(entry.name):
                        continue
                    folders.append(Path(entry.path))
                elif entry.name.lower().endswith(_TABLE_SUFFIXES):
                    tables.append(Path(entry.path))
                elif entry.name.lower().endswith(archives.SUFFIXES):
                    packed.append(Path(entry.path))
                elif entry.name.lower().endswith(_DOCUMENT_SUFFIXES):
                    documents.append(Path(entry.path))
    except OSError as error:
        raise CatalogError(f"{path} cannot be read ({error.strerror}); choose another folder.") from error
    folders.sort(key=_by_name)
    return Folder(
        path=path,
        folders=tuple(folders[:_MOST_FOLDERS]),
        tables=tuple(sorted(tables, key=_by_name)),
        archives=tuple(sorted(packed, key=_by_name)),
        documents=tuple(sorted(documents, key=_by_name)),
        more=max(0, len(folders) - _MOST_FOLDERS),
    )


def count_images(path: Path, *, budget_s: float = 0.2) -> tuple[int, bool]:
    """Count the images in a folder and below it by their suffixes, giving up after a while.

    Parameters
    ----------
    path : Path
    budget_s : float, seconds
        How long to look.

    Returns
    -------
    count : int
        Images found.
    complete : bool
        False if there may be more.
    """
    end_s = time.monotonic() + budget_s
    count = seen = packed = 0
    waiting = [os.fspath(path)]
    while waiting:
        try:
            with os.scandir(waiting.pop()) as entries:
                for entry in entries:
                    seen += 1
                    if seen > _MOST_ENTRIES or (seen % 64 == 0 and time.monotonic() > end_s):
                        return count, False
                    if entry.name.startswith("."):
                        continue
                    if os.path.splitext(entry.name)[1].lower() in SUFFIXES:  # noqa: PTH122 - many thousand times
                        count += 1
                    elif entry.name.lower().endswith(archives.SUFFIXES):
                        packed += 1
                    elif entry.is_dir(follow_symlinks=False):
                        waiting.append(entry.path)
        except OSError:
            continue  # a folder that may not be read holds nothing that could be opened
    return count, count > 0 or not packed  # archives are not looked into; they count if nothing else does


def _by_name(path: Path) -> Key:
    return natural_key(path.name)
