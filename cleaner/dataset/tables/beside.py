"""Tables of labels that lie beside the images of a set that is read from its folders."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path

from cleaner.advice import Advice
from cleaner.dataset.findings import Finding
from cleaner.dataset.split_words import split_of_word
from cleaner.dataset.tables.workbook import first_rows
from cleaner.errors import TableError
from cleaner.images.archives import read_bytes
from cleaner.util.csvfile import decode_csv, numbered_rows
from cleaner.util.wording import listed

_TEXTS, _WORKBOOKS = (".csv", ".tsv", ".tab", ".txt"), (".xlsx", ".xlsm")
_CLOSED = (".xls", ".xlsb", ".ods", ".numbers")  # tables that cannot be read here
_SUFFIXES = (*_TEXTS, *_WORKBOOKS, *_CLOSED)
_OWN = re.compile(r"(?:.+\.)?cleaned(?:-\d+)?\.csv|decisions\.csv|\..*|~\$.*", re.IGNORECASE)
_MOST_TABLES = 20
_MOST_BYTES = 100_000
_MOST_ROWS = 50
_HALF = 0.5


def tables_beside(
    root: Path, others: Mapping[str, Sequence[str]], images: Sequence[str], *, labelled: bool
) -> Iterator[Finding]:
    """Name the tables whose rows name images of a set, all at once, and say how to use their labels.

    Parameters
    ----------
    root : Path
        The folder of the set; tables in the folder above it count, too.
    others : mapping of str to sequence of str
        From suffix to the names of the files that are no images.
    images : sequence of str
        The images, relative to the root.
    labelled : bool
        The folders name classes.
    """
    below = [root / name for suffix in _SUFFIXES for name in others.get(suffix, ())[:_MOST_TABLES]]
    above = tables_above(root)
    stems = {_stem(name) for name in images} if below or above else set()
    tables: list[Path] = []
    unread: list[Path] = []
    for path in (*below, *above[:_MOST_TABLES]):
        if not is_own(path.name):
            names = _names_images(path, stems)
            (tables if names else unread if names is None else []).append(path)
    lists = [
        path
        for path in below
        if path.suffix.lower() in _TEXTS and split_of_word(path.stem) and _lists_images(path, stems)
    ]
    if lists:
        yield _lists([_place(path, root) for path in lists])
    if unread:
        yield from _unread([_place(path, root) for path in unread], labelled=labelled)
    if not tables:
        return
    places = [_place(path, root) for path in tables]
    if len(tables) == 1:
        named, them, what = f"The table {places[0]} names", "it", "To use its labels, open the table itself"
    else:
        named, them, what = (
            f"The tables {listed(places)} name",
            "them",
            "To use the labels of one, open that table",
        )
    used = f"The labels are taken from the folders, not from {them}" if labelled else "No table is used yet"
    yield Finding(
        topic="table_beside",
        text=Advice(
            f"{named} images of this set. {used}.",
            f"{what}: choose it on the page, or run “cleaner app {tables[0]}”.",
            f"{what}.",
        ),
        doubtful=not labelled,
        examples=tuple(places),
    )


def is_own(name: str) -> bool:
    """Tell by its name whether a file is no table of labels, but a result of cleaner's or hidden."""
    return _OWN.fullmatch(name) is not None


def tables_above(root: Path) -> list[Path]:
    """Return the tables in the folder above a set."""
    return sorted(path for path in _siblings(root) if path.suffix.lower() in _SUFFIXES)


def _siblings(root: Path) -> list[Path]:
    try:
        return [path for path in root.parent.iterdir() if path.is_file()]
    except OSError:  # the folder above may be nobody's business
        return []


def _place(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path)


def _lists(places: Sequence[str]) -> Finding:
    names = "names images" if len(places) == 1 else "name images"
    return Finding(
        topic="lists_of_splits",
        text=f"{listed(places)} {names} of this set, perhaps those of a split. Splits are not read from "
        "lists. To use them, write a table with the columns name, label and split (train, valid or test), "
        "and open that.",
        doubtful=True,
        examples=tuple(places),
    )


def _unread(places: Sequence[str], *, labelled: bool) -> Iterator[Finding]:
    used = "The labels are taken from the folders" if labelled else "No table is used yet"
    yield Finding(
        topic="table_unread",
        text=f"{listed(places)} may hold labels of this set, but cannot be read here. {used}. To use such a "
        "table, save it as “CSV UTF-8” (Excel workbooks also as .xlsx), and open that.",
        doubtful=not labelled,
        examples=tuple(places),
    )


def _names_images(path: Path, stems: set[str]) -> bool | None:
    """Tell whether most of the first rows have a field that is the name of an image; None: who knows."""
    suffix = path.suffix.lower()
    if suffix in _CLOSED:
        return None
    try:
        if suffix in _WORKBOOKS:
            return any(
                _name_images(rows, stems) for rows in first_rows(read_bytes(path), path.name, _MOST_ROWS)
            )
        text = decode_csv(read_bytes(path, _MOST_BYTES))
        return _name_images([row for _, row in islice(numbered_rows(text), _MOST_ROWS)], stems)
    except TableError:  # no Excel workbook, or nothing that reads one
        return None
    except (OSError, csv.Error):  # what cannot be read names nothing
        return False


def _name_images(rows: Sequence[Sequence[str]], stems: set[str]) -> bool:
    hits = sum(any(_stem(field.strip()) in stems for field in row if field.strip()) for row in rows)
    several = max((len(row) for row in rows), default=0) > 1
    return several and hits >= max(1, _HALF * (len(rows) - 1))


def _lists_images(path: Path, stems: set[str]) -> bool:
    """Tell whether most of the first lines are the name of an image, and nothing else."""
    try:
        lines = decode_csv(read_bytes(path, _MOST_BYTES)).split("\n")[:_MOST_ROWS]
    except OSError:  # what cannot be read lists nothing
        return False
    names = [line.strip() for line in lines if line.strip()]
    return bool(names) and sum(_stem(name) in stems for name in names) >= _HALF * len(names)


def _stem(name: str) -> str:
    return name.replace("\\", "/").rstrip("/").rpartition("/")[2].partition(".")[0]
