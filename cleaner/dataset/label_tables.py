"""Read the rows of a label table: a CSV file as people and spreadsheets write them, or a DataFrame."""

import csv
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import pandas as pd

from cleaner.dataset.folders import name_problem, place_of, printable, split_of_folder
from cleaner.errors import CatalogError
from cleaner.util.csvfile import decode_csv, numbered_rows, separator_of

_NAME_COLUMNS = ("name", "path", "file", "filename", "file_name", "fname", "image", "image_path", "img")
_LABEL_COLUMNS = ("label", "labels", "class", "category", "target", "given_label", "y")
_SPLIT_COLUMNS = ("split", "subset", "partition", "set", "is_valid")
_MANY = 5  # rows in one message
_TRUE = frozenset({"true", "1", "1.0", "yes", "t"})
_FALSE = frozenset({"false", "0", "0.0", "no", "f"})


@dataclass(frozen=True, kw_only=True)
class Columns:
    """Which columns of a table mean what; there may be none for the split."""

    name: str
    label: str
    split: str | None


def read_csv(path: Path) -> tuple[pd.DataFrame, list[str], list[tuple[str, str]]]:
    """Read a CSV file as text: UTF-8, UTF-16 or Windows' code page; comma, semicolon or tab.

    Returns
    -------
    table : DataFrame
        All values as strings, as they were written.
    places : list of str
        Where each row is, for messages: "line 12".
    left_out : list of (str, str)
        Rows that do not fit the header.

    Raises
    ------
    CatalogError
        The file is missing, empty, or no CSV.
    """
    try:
        data = path.read_bytes()
    except OSError as exc:
        raise CatalogError(f"Cannot read {path}: {exc.strerror or exc}.") from exc
    text = decode_csv(data)
    if "\0" in text[:4096]:
        msg = (
            f"{path} is not a CSV file: it contains binary data. Save the table as CSV (UTF-8) and open that."
        )
        raise CatalogError(msg)
    rows: list[list[str]] = []
    places: list[str] = []
    left_out: list[tuple[str, str]] = []
    numbered, line = numbered_rows(text), 1
    try:
        header = [column.strip() for column in next(numbered, (1, []))[1]]
        if not any(header):
            msg = f"{path} is empty; expected a first line such as name,label and then one line per image."
            raise CatalogError(msg)
        for line, row in numbered:
            if len(row) > len(header):
                count = f"line {line} has {len(row)} fields, the header {len(header)}"
                quotes = f"put quotes around values with {separator_of(text)!r}"
                left_out.append((printable(row[0]), f"{count}; {quotes}"))
            elif any(row):
                rows.append(row + [""] * (len(header) - len(row)))
                places.append(f"line {line}")
    except csv.Error as exc:
        raise CatalogError(f"{path} cannot be read as CSV after line {line}: {exc}.") from exc
    if len(set(header)) < len(header):
        twice = next(column for column in header if header.count(column) > 1)
        raise CatalogError(f"{path} has two columns named {twice!r}; rename one.")
    return pd.DataFrame(rows, columns=header, dtype=object), places, left_out


def columns_of(
    available: Iterable[str],
    source: str,
    *,
    name: str | None = None,
    label: str | None = None,
    split: str | None = None,
) -> Columns:
    """Find out which columns mean what: those that were asked for, or else by their usual names.

    Parameters
    ----------
    available : iterable of str
        The columns that there are.
    source : str
        What to call the table in messages.
    name, label, split : str, optional
        Columns that were asked for.

    Raises
    ------
    CatalogError
        A column that was asked for is absent, or none of names or of labels has a usual name.
    """
    columns = list(available)
    listed = ", ".join(map(repr, columns))
    for asked in (name, label, split):
        if asked is not None and asked not in columns:
            raise CatalogError(f"{source} has no column {asked!r}; its columns are {listed}.")
    by_small = {column.lower(): column for column in reversed(columns)}

    def usual(names: Sequence[str]) -> str | None:
        return next((by_small[small] for small in names if small in by_small), None)

    name = name or usual(_NAME_COLUMNS)
    label = label or usual(_LABEL_COLUMNS)
    if name is None or label is None:
        what, names = ("file names", _NAME_COLUMNS) if name is None else ("labels", _LABEL_COLUMNS)
        raise CatalogError(
            f"{source} has no column of {what}: its columns are {listed}, expected one named "
            f"{', '.join(names)}. Rename the column of {what} to {names[0]}."
        )
    return Columns(name=name, label=label, split=split or usual(_SPLIT_COLUMNS))


def rows_of(
    table: pd.DataFrame,
    places: Sequence[str],
    columns: Columns,
    *,
    source: str,
    root: Path,
    follow_links: bool,
) -> tuple[pd.DataFrame, list[tuple[str, str]]]:
    """Turn a table as it was written into a catalog's: names that are on the disk, splits in our words.

    Parameters
    ----------
    table : DataFrame
        The rows.
    places : sequence of str
        Where each one is: "line 12".
    columns : Columns
        What the columns mean.
    source : str
        What to call the table in messages.
    root : Path
        The folder to which names are relative, resolved.
    follow_links : bool
        Allow links that lead out of the root.

    Returns
    -------
    rows : DataFrame
        Columns ``name``, ``label``, ``split`` and the others; one of these that has such a name without being
        that column gets ``_given`` after it.
    left_out : list of (str, str)
        Name and reason of rows without a usable file.

    Raises
    ------
    CatalogError
        An image is named twice, a split is unknown, or no row has a file.
    """
    written = [as_text(value, strip=False) or "" for value in table[columns.name]]
    found, left_out = _check_rows(root, written, places, follow_links=follow_links)
    _refuse_twice(found, places, source)
    kept = [i for i, name in enumerate(found) if name is not None]
    if not kept:
        first = f" The first is {left_out[0][0]!r}: {left_out[0][1]}." if left_out else ""
        raise CatalogError(
            f"{source} names no image below {root}.{first} Names must be relative to that folder; "
            "give another folder as root."
        )
    splits: list[str | None] = [None] * len(kept)
    if columns.split is not None:
        is_valid = columns.split.lower() == "is_valid"
        values = table[columns.split].tolist()
        splits = [_split_of(values[i], is_valid=is_valid, place=f"{places[i]} of {source}") for i in kept]
    values_of: dict[str, object] = {
        "name": [found[i] for i in kept],
        "label": table[columns.label].iloc[kept].tolist(),
        "split": splits,
    }
    for column in table.columns:
        if column not in (columns.name, columns.label, columns.split) or column.lower() == "is_valid":
            taken = column in ("name", "label", "split")
            values_of[f"{column}_given" if taken else column] = table[column].iloc[kept].array
    return pd.DataFrame(values_of), left_out


def _refuse_twice(names: Sequence[str | None], places: Sequence[str], source: str) -> None:
    first: dict[str, str] = {}
    twice = [
        f"{name!r} on {first[name]} and {place}"
        for name, place in zip(names, places, strict=True)
        if name is not None and first.setdefault(name, place) != place
    ]
    if twice:
        raise CatalogError(f"{source} names images twice: {'; '.join(twice[:_MANY])}. Keep one row of each.")


def _split_of(value: object, *, is_valid: bool, place: str) -> str | None:
    """Return the split that a value at a ``place`` of a table stands for, None for an empty one.

    It is "train", "val", "Testing", …; in fast.ai's ``is_valid`` column True, "False", 1, …
    """
    text = as_text(value)
    if text is None or text == "pending":
        return None
    small = text.lower()
    if is_valid and small in _TRUE | _FALSE:
        return "valid" if small in _TRUE else "train"
    split = None if is_valid else split_of_folder(small)
    if split is None:
        expected = "true or false" if is_valid else "train, valid or test"
        raise CatalogError(f"Got split {text!r} in {place}; expected {expected}, or nothing.")
    return split


def as_text(value: object, *, strip: bool = True) -> str | None:
    """Return a value of a table as text, None if there is none; 3.0 is "3": pandas makes floats of gaps."""
    if value is None or value is pd.NaT or value is pd.NA or value != value:  # NaN
        return None
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    text = str(value)
    return (text.strip() if strip else text) or None


def _check_rows(
    root: Path, names: Sequence[str], places: Sequence[str], *, follow_links: bool
) -> tuple[list[str | None], list[tuple[str, str]]]:
    """Return each row's name on the disk, None for one left out; and the name and reason of those."""
    found: list[str | None] = []
    left_out: list[tuple[str, str]] = []
    real_folders: dict[str, str] = {}
    for name, place in zip(names, places, strict=True):
        reason = None
        for spelling in _spellings(name):
            problem = name_problem(spelling)
            usual = spelling if problem else str(PurePosixPath(spelling))
            problem = problem or place_of(root, usual, follow_links=follow_links, real_folders=real_folders)
            if problem is None:
                found.append(usual)
                break
            reason = reason or problem
        else:
            found.append(None)
            left_out.append((printable(name), f"{reason} ({place})"))
    return found, left_out


def _spellings(name: str) -> Iterator[str]:
    """Yield a name as it stands and, in case there is no such file, as other systems write it."""
    yield name
    if "\\" in name:
        yield name.replace("\\", "/")
    for form in ("NFC", "NFD"):
        if not unicodedata.is_normalized(form, name):
            yield unicodedata.normalize(form, name)
    if name != name.strip():
        yield name.strip()
