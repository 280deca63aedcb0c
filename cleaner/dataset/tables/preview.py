"""The first rows of a table, as they would be read, for somebody who is to say what it means."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from cleaner.dataset.findings import Finding
from cleaner.dataset.label_sets import classes_of
from cleaner.dataset.tables.columns import Guess
from cleaner.dataset.tables.grid import grid_of
from cleaner.dataset.tables.names import NameMatcher
from cleaner.dataset.tables.options import NO_SEPARATOR, TableOptions
from cleaner.dataset.tables.reading import encoding_by_files, guess_of, read_grid
from cleaner.dataset.tables.text import decoded, read_bytes, rows_of, rows_of_text
from cleaner.dataset.tables.workbook import is_workbook
from cleaner.errors import TableError
from cleaner.util.encodings import likely_encodings, samples, unicode_text

_ROWS = 10
_MOST_CHARS = 80  # of a value


@dataclass(frozen=True, kw_only=True)
class Row:
    """One row as it is read.

    Attributes
    ----------
    values : tuple of str
        What is written in each column, cut off where it is long.
    image : str or None
        The file that it names, None if there is none.
    label, split : str
        Empty if it has none.
    """

    values: tuple[str, ...]
    image: str | None = None
    label: str = ""
    split: str = ""


@dataclass(kw_only=True)
class Preview:
    """What somebody needs to see of a table to say how it is to be read.

    Attributes
    ----------
    columns : list of str
        All columns.
    rows : list of Row
        The first ten.
    guess : Guess or None
        What the columns mean; None if that could not be found out.
    is_text : bool
        It has an encoding, and something between its fields; a workbook has not.
    encoding, delimiter : str
        What was used.
    label_separator : str
        What stands between several labels of an image; "-": each has one; empty: they are in columns or
        lists.
    encodings : list of (str, str)
        If the table is not in Unicode, the likeliest encodings and some words as they read in each.
    row_count, image_count, class_count : int
        Rows of the table; images and classes that are read from it.
    findings : list of Finding
        What was inferred, and what is odd.
    problem : str
        Why the table cannot be read as it is; empty: it can.
    """

    columns: list[str] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)
    guess: Guess | None = None
    is_text: bool = True
    encoding: str = ""
    delimiter: str = ""
    label_separator: str = NO_SEPARATOR
    encodings: list[tuple[str, str]] = field(default_factory=list)
    row_count: int = 0
    image_count: int = 0
    class_count: int = 0
    findings: list[Finding] = field(default_factory=list)
    problem: str = ""


def preview(path: Path, matcher: NameMatcher, options: TableOptions) -> Preview:
    """Read a table as far as that is possible; what stands in the way is told in `Preview.problem`."""
    found = Preview()
    try:
        data = read_bytes(path)
        found.is_text = not is_workbook(data)
        if found.is_text:
            text, found.encoding = _text(data, path.name, matcher, options, found)
            rows = rows_of_text(text, found.encoding, options, source=path.name)
        else:
            rows = rows_of(data, path.name, options)
        found.delimiter = rows.delimiter
        _show(found, [f"column {i + 1}" for i in range(max(map(len, rows.rows)))], rows.rows)
        grid = grid_of(rows, options, matcher.is_file)
        columns = list(grid.columns)
        written = list(zip(*grid.columns.values(), strict=True))
        _show(found, columns, written)
        found.guess = guess_of(grid, matcher, options)
        read = read_grid(grid, matcher, options)
    except TableError as error:
        found.problem = found.problem or error.on_page
        return found
    found.findings = read.findings
    if read.sets is not None:
        listed = read.form is not None and (read.form.brackets[0] or not read.form.glue)
        found.label_separator = "" if listed or read.form is None else read.form.glue.strip() or " "
    found.image_count = len(read.rows)
    found.class_count = len(classes_of(read.rows["label"], read.sets))
    as_read = zip(found.rows, read.images, read.labels, read.splits, strict=False)
    found.rows = [
        replace(row, image=image, label=label, split=split or "") for row, image, label, split in as_read
    ]
    return found


def _text(
    data: bytes, source: str, matcher: NameMatcher, options: TableOptions, found: Preview
) -> tuple[str, str]:
    """Decode a table; if it is in an unknown encoding, in the likeliest one, and ask."""
    encoding = options.encoding
    if unicode_text(data) is None:
        likely = likely_encodings(data)
        found.encodings = [(name, ", ".join(samples(data, name))) for name in likely]
        encoding = encoding or encoding_by_files(data, matcher, options)
    try:
        return decoded(data, source, encoding)
    except TableError as error:
        if not found.encodings:
            raise
        found.problem = error.on_page
        likeliest = found.encodings[0][0]
        return data.decode(likeliest), likeliest


def _show(found: Preview, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Show rows as they are written."""
    found.columns, found.row_count = list(columns), len(rows)
    found.rows = [Row(values=tuple(value[:_MOST_CHARS] for value in row)) for row in rows[:_ROWS]]
