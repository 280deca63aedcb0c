"""Read a table of labels: from a file or a DataFrame to rows of a catalog."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pandas as pd

from cleaner.advice import Advice
from cleaner.dataset.findings import Finding
from cleaner.dataset.label_sets import ONES, LabelForm, LabelSets, classes_of, is_none, is_one
from cleaner.dataset.masks import masks_in_table
from cleaner.dataset.tables.columns import BOXES, ZEROS, Columns, Guess, columns_of, numbered_labels, split_of
from cleaner.dataset.tables.grid import Grid, grid_of
from cleaner.dataset.tables.labels import Labels, read_labels
from cleaner.dataset.tables.names import NameMatcher
from cleaner.dataset.tables.options import TableOptions
from cleaner.dataset.tables.text import as_text, open_quote, read_bytes, rows_of, rows_of_text
from cleaner.dataset.tables.workbook import is_workbook
from cleaner.errors import TableError
from cleaner.util.encodings import ENCODINGS, unicode_text
from cleaner.util.wording import count

_MANY = 5  # rows in one message
_OWN = ("name", "label", "split")  # columns of a catalog, whatever else a table has
_TRUE = frozenset({"true", "1", "1.0", "yes", "t"})
_FALSE = frozenset({"false", "0", "0.0", "no", "f"})


@dataclass(kw_only=True)
class LabelTable:
    """What a table says about the images of a set.

    Attributes
    ----------
    rows : DataFrame
        Columns ``name``, ``label``, ``split`` and the others; one of these that has such a name without being
        that column gets ``_given`` after it.
    left_out : list of (str, str)
        Name and reason of rows without a usable file.
    findings : list of Finding
        What was inferred, and what is odd.
    guess : Guess
        What the columns mean, and what else they may mean.
    images, labels, splits : list
        The file (or None), the label ("": none) and the split (or None) of each row of the table, also of
        those that are left out.
    sets : LabelSets or None
        How several labels of an image are joined; None: each has one.
    form : LabelForm or None
        How labels are written, where that is more than one label in a column.
    """

    rows: pd.DataFrame
    left_out: list[tuple[str, str]]
    findings: list[Finding] = field(default_factory=list)
    guess: Guess
    images: list[str | None]
    labels: list[str]
    splits: list[str | None]
    sets: LabelSets | None
    form: LabelForm | None


def read_file(path: Path, matcher: NameMatcher, options: TableOptions) -> LabelTable:
    """Read a file of names and labels.

    Raises
    ------
    TableError
        It cannot be read as it is: of another kind, in an unknown encoding, without a column of names or of
        labels, with two labels for one image, with an unknown split, or without any row that has a file.
    """
    data = read_bytes(path)
    fitting = "" if options.encoding else encoding_by_files(data, matcher, options)
    rows = rows_of(data, path.name, options, fitting)
    read = read_grid(grid_of(rows, options, matcher.is_file), matcher, options)
    if fitting:
        why = "in which its names are those of the files"
        said = f"{path.name} is not in Unicode (UTF-8). It is read as {ENCODINGS[fitting]}, {why}."
        read.findings.append(Finding(topic="encoding", text=said))
    return read


def encoding_by_files(data: bytes, matcher: NameMatcher, options: TableOptions) -> str:
    """Return the encoding in which names beyond ASCII are those of files, where that leaves one reading.

    Returns
    -------
    str
        Empty if the table is in Unicode, or the files do not tell.
    """
    if unicode_text(data) is not None or is_workbook(data):
        return ""
    readings: dict[str, str] = {}
    best = 0
    for encoding in ENCODINGS:
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        rows = rows_of_text(text, encoding, options, source="").rows
        fitting = sum(
            not value.isascii() and matcher.is_file(value)
            for value in {value for row in rows for value in row}
        )
        if fitting > best:
            readings, best = {}, fitting
        if best and fitting == best:
            readings.setdefault(text, encoding)
    return next(iter(readings.values())) if len(readings) == 1 else ""


def read_frame(table: pd.DataFrame, matcher: NameMatcher, options: TableOptions) -> LabelTable:
    """Read a DataFrame like a file; columns other than those of names, labels and splits keep their types."""
    twice = table.columns[table.columns.map(str).duplicated()]
    if len(twice):
        raise TableError(f"The DataFrame has two columns named {str(twice[0])!r}; rename one.")
    grid = Grid(
        source="The DataFrame",
        columns={
            str(column): [as_text(value, strip=False) or "" for value in table[column]] for column in table
        },
        places=[f"row {index}" for index in table.index],
        header=True,
    )
    return read_grid(grid, matcher, options, values=table.rename(columns=str))


def read_grid(
    grid: Grid, matcher: NameMatcher, options: TableOptions, *, values: pd.DataFrame | None = None
) -> LabelTable:
    """Find out what the columns of a table mean, and read them.

    Parameters
    ----------
    grid : Grid
        The table as text.
    matcher : NameMatcher
        Finds the files.
    options : TableOptions
        What was told.
    values : DataFrame, optional
        The values of the columns, where they are more than text.
    """
    source = grid.source
    if not grid.places:
        raise TableError(f"{source} has no rows.")
    guess = guess_of(grid, matcher, options)
    columns = guess.columns
    _refuse_line_breaks(grid, columns)
    written = {column: grid.columns[column] for column in columns.labels}
    read = read_labels(written, source, separator=options.label_separator)
    labels = read.texts
    matches = matcher.match(grid.columns[columns.name], grid.places, source)
    left_out = [*grid.left_out, *matches.left_out]
    kept = [i for i, name in enumerate(matches.names) if name is not None]
    if not kept:
        raise TableError(_no_image(grid, matcher, columns, matches.left_out))
    splits: list[str | None] = [None] * len(grid.places)
    if columns.split is not None:
        is_valid = columns.split.lower() == "is_valid"
        for i in kept:
            place = f"{grid.places[i]} of {source}"
            splits[i] = _split_of(grid.columns[columns.split][i].strip(), is_valid=is_valid, place=place)
    merged, kept = _without_repeats(grid, columns.name, matches.names, labels, splits, kept)
    rows: dict[str, Any] = {
        "name": [matches.names[i] for i in kept],
        "label": [labels[i] or None for i in kept],
        "split": [splits[i] for i in kept],
    }
    used = {columns.name, columns.split} | (set(columns.labels) if len(columns.labels) == 1 else set())
    for column in grid.columns:
        if column not in used or column.lower() == "is_valid":
            taken = column in _OWN
            rows[f"{column}_given" if taken else column] = (
                [grid.columns[column][i] for i in kept] if values is None else values[column].iloc[kept].array
            )
    return LabelTable(
        rows=pd.DataFrame(rows),
        left_out=left_out,
        findings=[
            *guess.findings,
            *grid.findings,
            *matches.findings,
            *masks_in_table(rows["name"], source),
            *merged,
            *read.findings,
            *_unlabelled(rows, source),
        ],
        guess=guess,
        images=matches.names,
        labels=labels,
        splits=splits,
        sets=read.sets,
        form=_form_of(read, written, rows, kept),
    )


def _unlabelled(rows: Mapping[str, Sequence[Any]], source: str) -> Iterator[Finding]:
    without = [name for name, label in zip(rows["name"], rows["label"], strict=True) if label is None]
    if without:
        have = count(len(without), "image has", "images have")
        yield Finding(topic="unlabelled", text=f"{have} no label in {source}.", examples=tuple(without))


def _form_of(
    read: Labels, written: Mapping[str, Sequence[str]], rows: Mapping[str, Sequence[Any]], kept: Sequence[int]
) -> LabelForm | None:
    """Return how labels are written: in their column, and in columns of 0 and 1 that say the same."""
    form = read.form
    if form is not None and form.columns:
        return form
    labels = rows["label"]
    if form is not None and form.slots:
        slots = [f"{each}_given" if each in _OWN else each for each in form.slots]
        return replace(form, slots=slots)
    if form is not None:
        (texts,) = written.values()
        pairs = zip(rows["name"], labels, (texts[i] for i in kept), strict=True)
        form = replace(
            form, texts={name: (label, text) for name, label, text in pairs if label and label != text}
        )
    columns = _agreeing_columns(labels, read.sets, rows) or _agreeing_slots(labels, read.sets, rows)
    return form if not columns else replace(form or LabelForm(), **columns)


def _agreeing_columns(
    labels: Sequence[str | None], sets: LabelSets | None, rows: Mapping[str, Sequence[Any]]
) -> dict[str, Any]:
    """Return columns of 0 and 1, one for each class, that say the same as a column of labels."""
    classes = classes_of(labels, sets)
    if not classes or any(name not in rows or name in _OWN for name in classes):
        return {}
    cells = {name: [str(value).strip() for value in rows[name]] for name in classes}
    of = [set() if label is None else {label} if sets is None else set(sets.split(label)) for label in labels]
    for name, values in cells.items():
        if {value.lower() for value in values} - ONES - ZEROS or any(
            is_one(value) != (name in each) for value, each in zip(values, of, strict=True)
        ):
            return {}
    written = Counter(value for column in cells.values() for value in column).most_common()
    return {
        "columns": {name: name for name in sorted(classes)},
        "one": next((value for value, _ in written if is_one(value)), "1"),
        "zero": next((value for value, _ in written if value and not is_one(value)), "0"),
    }


def _agreeing_slots(
    labels: Sequence[str | None], sets: LabelSets | None, rows: Mapping[str, Sequence[Any]]
) -> dict[str, Any]:
    """Return numbered columns that hold a label each and say the same as a column of labels."""
    if sets is None:
        return {}
    other = {name: [str(v).strip() for v in values] for name, values in rows.items() if name not in _OWN}
    slots = numbered_labels(other)
    cells = zip(*(other[name] for name in slots), strict=True) if slots else ()
    texts = [sets.join(text for text in row if text and not is_none(text)) for row in cells]
    return {"slots": slots} if slots and texts == [label or sets.join(()) for label in labels] else {}


def guess_of(grid: Grid, matcher: NameMatcher, options: TableOptions) -> Guess:
    """Find out what the columns of a table mean; see `columns_of`."""
    texts = {column: [value.strip() for value in written] for column, written in grid.columns.items()}
    return columns_of(texts, grid.source, options, matcher.share)


def _refuse_line_breaks(grid: Grid, columns: Columns) -> None:
    """Refuse a label with line breaks and separators in it: a quote was not closed."""
    for column in columns.labels:
        for value, place in zip(grid.columns[column], grid.places, strict=True):
            below = value.strip().count("\n")
            if below and grid.delimiter and grid.delimiter in value:
                raise TableError(open_quote(grid.source, int(place.rpartition(" ")[2]), below))


def _no_image(grid: Grid, matcher: NameMatcher, columns: Columns, left_out: Sequence[tuple[str, str]]) -> str:
    first = f" The first is {left_out[0][0]!r}: {left_out[0][1]}." if left_out else ""
    if not matcher.files:
        return (
            f"{grid.source} names no image below {matcher.root}: there are no images in that folder.{first}"
        )
    folder = "Choose another folder, the one to which the names are relative"
    return Advice(
        f"{grid.source} names no image below {matcher.root} in its column {columns.name!r}.{first} "
        f"An image there is {matcher.files[0]!r}.",
        f"{folder}{f' (cleaner app FOLDER --labels {grid.source})' if grid.delimiter else ''}, or another "
        "column (--name-column).",
        f"{folder}, or another column, above.",
    )


def _without_repeats(
    grid: Grid,
    name_column: str,
    names: Sequence[str | None],
    labels: Sequence[str],
    splits: Sequence[str | None],
    kept: Sequence[int],
) -> tuple[list[Finding], list[int]]:
    """Keep one row of each image.

    Raises
    ------
    TableError
        Rows of one image have different labels or splits.
    """
    rows_of: dict[str | None, list[int]] = defaultdict(list)
    for i in kept:
        rows_of[names[i]].append(i)
    repeated = {str(name): rows for name, rows in rows_of.items() if len(rows) > 1}
    if not repeated:
        return [], list(kept)
    contrary = [
        f"{name!r} is {_said(labels[a], splits[a])} in {grid.places[a]} and {_said(labels[b], splits[b])} "
        f"in {grid.places[b]}"
        for name, (a, *others) in repeated.items()
        for b in others
        if (labels[a], splits[a]) != (labels[b], splits[b])
    ]
    if contrary:
        boxes = BOXES.intersection(column.lower() for column in grid.columns)
        advice = "Its rows are boxes, it seems: cleaner reviews one label per image. " if boxes else ""
        raise TableError(
            f"{grid.source} contradicts itself on {count(len(contrary), 'image')}: "
            f"{'; '.join(contrary[:_MANY])}. {advice}Keep one row of each image."
        )
    same = all(
        values[rows[0]] == values[i]
        for column, values in grid.columns.items()
        if column != name_column
        for rows in repeated.values()
        for i in rows[1:]
    )
    differ = "" if same else " They differ in other columns, of which the first row counts."
    gone = len(kept) - len(rows_of)
    text = (
        f"{grid.source} names {count(len(repeated), 'image')} more than once with the same label; "
        f"{count(gone, 'row')} left out.{differ}"
    )
    found = Finding(topic="repeated rows", text=text, doubtful=not same, examples=tuple(sorted(repeated)))
    return [found], [rows[0] for rows in rows_of.values()]


def _said(label: str, split: str | None) -> str:
    return (f"“{label}”" if label else "without label") + (f" ({split})" if split else "")


def _split_of(text: str, *, is_valid: bool, place: str) -> str | None:
    """Return the split that a value at a ``place`` of a table stands for, None for an empty one.

    It is "train", "val", "Testing", …; in fast.ai's ``is_valid`` column True, "False", 1, …
    """
    if not text or text == "pending":
        return None
    small = text.lower()
    if is_valid and small in _TRUE | _FALSE:
        return "valid" if small in _TRUE else "train"
    split = None if is_valid else split_of(text)
    if split is None:
        expected = "true or false" if is_valid else "train, valid or test"
        raise TableError(
            Advice(
                f"Got split {text!r} in {place}; expected {expected}, or nothing.",
                "If this column holds no splits, choose no column, or use --split-column -.",
                "If this column holds no splits, choose no column of splits above.",
            )
        )
    return split
