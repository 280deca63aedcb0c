"""The rows of a table below the names of its columns: header or none, rows that are too long or too short."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from cleaner.advice import Advice
from cleaner.dataset.findings import Finding
from cleaner.dataset.folders import printable
from cleaner.dataset.tables.columns import LABELS, NAMES, SPLITS, has_header
from cleaner.dataset.tables.options import TableOptions
from cleaner.dataset.tables.text import TableText, open_quote
from cleaner.errors import TableError
from cleaner.util.csvfile import DELIMITERS
from cleaner.util.wording import count

_FEW_ROWS = 3
_MOST_TITLES = 5


@dataclass(kw_only=True)
class Grid:
    """A table as columns.

    Attributes
    ----------
    source : str
        What to call the table in sentences.
    columns : dict
        From each name to the values, one a row, as they were written.
    places : list of str
        Where each row is, for sentences: "line 12".
    header : bool
        The first row of the file holds the names of the columns.
    delimiter : str
        What separates the columns; empty for what is no text.
    left_out : list of (str, str)
        First value and reason of rows that do not fit the header.
    findings : list of Finding
        What is odd.
    """

    source: str
    columns: dict[str, list[str]]
    places: list[str]
    header: bool
    delimiter: str = ""
    left_out: list[tuple[str, str]] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)


def grid_of(text: TableText, options: TableOptions, is_file: Callable[[str], bool]) -> Grid:
    """Take the rows of a file as columns.

    Parameters
    ----------
    text : TableText
        The rows.
    options : TableOptions
        Columns that were told show whether there is a header.
    is_file : callable
        Tells whether a value names an image of the set.

    Raises
    ------
    TableError
        There is only a header, no row fits it, two columns that matter have one name, or a quote that is not
        closed has taken in other rows.
    """
    _refuse_open_quote(text, is_file)
    titles = _titles(text.rows)
    rows, lines = text.rows[titles:], text.lines[titles:]
    header = has_header(rows, options, is_file)
    first = [name.strip() for name in rows[0]]
    rows, lines = (rows[1:], lines[1:]) if header else (rows, lines)
    if not rows:
        listed = ", ".join(filter(None, first))
        raise TableError(f"{text.source} has a header ({listed}) but no rows below it.")
    width = len(first) if header else Counter(map(len, rows)).most_common(1)[0][0]
    if header and _is_numbered(rows, width):
        first, width = ["", *first], width + 1
    names = first if header else [""] * width
    grid = Grid(source=text.source, columns={}, places=[], header=header, delimiter=text.delimiter)
    grid.findings += text.findings
    if titles:
        told = f"{text.source} begins with {count(titles, 'line')} above its header, left out."
        grid.findings.append(Finding(topic="lines above the header", text=told))
    if not header:
        told = f"{text.source} has no header: its columns are called “column 1”, “column 2” and so on."
        grid.findings.append(Finding(topic="no header", text=told))
    fitting, short = [], []
    for row, line in zip(rows, lines, strict=True):
        while len(row) > width and not row[-1].strip():
            row = row[:-1]
        if len(row) > width:
            grid.left_out.append((printable(row[0]), _too_long(row, line, width, text, header=header)))
            continue
        if len(row) < width:
            short.append(f"line {line}")
        fitting.append(row + [""] * (width - len(row)))
        grid.places.append(f"line {line}")
    grid.findings += _wrong_counts(grid, short, len(rows), width)
    _name_columns(grid, names, fitting)
    return grid


def _titles(rows: Sequence[Sequence[str]]) -> int:
    """Return how many rows are above the header: with one value, above one with a value in each column."""
    filled = [sum(bool(value.strip()) for value in row) for row in rows[:_MOST_TITLES]]
    titles = next((at for at, values in enumerate(filled) if values > 1), 0)
    return titles if titles and filled[titles] == max(filled) and rows[titles][0].strip() else 0


def _is_numbered(rows: Sequence[Sequence[str]], width: int) -> bool:
    """Tell whether all rows begin with a name that the header does not count, as R writes them."""
    firsts = {row[0] for row in rows}
    full = [row for row in rows if len(row) == width + 1 and row[-1].strip()]
    return len(rows) >= _FEW_ROWS and len(full) == len(rows) == len(firsts)


def _too_long(row: Sequence[str], line: int, width: int, text: TableText, *, header: bool) -> str:
    expected = "the header" if header else "most rows"
    quotes = f"put quotes around values with {text.delimiter!r}"
    return f"line {line} has {count(len(row), 'field')}, {expected} {width}; {quotes}"


def _wrong_counts(grid: Grid, short: list[str], rows: int, width: int) -> list[Finding]:
    found = []
    if len(grid.left_out) == rows:
        first = grid.left_out[0][1].partition(";")[0]
        raise TableError(
            Advice(
                f"No row of {grid.source} fits its header: {first}.",
                "Give each column a name, or name what separates the columns with --delimiter "
                f"({', '.join(DELIMITERS.values())}).",
                "Give each column a name in the table, or choose above what separates the columns.",
            )
        )
    if grid.left_out:
        text = f"Left out of {grid.source}: {count(len(grid.left_out), 'row')} with too many fields."
        examples = tuple(reason.partition(";")[0] for _, reason in grid.left_out)
        found.append(Finding(topic="rows with too many fields", text=text, doubtful=True, examples=examples))
    if short:
        few = f"{count(len(short), 'row')} with fewer than {width} fields"
        text = f"{grid.source} has {few}; the missing ones are read as empty."
        found.append(Finding(topic="rows with too few fields", text=text, examples=tuple(short)))
    return found


def _name_columns(grid: Grid, names: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Fill the columns of a grid; those without a name and a value are none."""
    for at, name in enumerate(names):
        values = [row[at] for row in rows]
        if not name and not any(value.strip() for value in values):
            continue
        name = name or f"column {at + 1}"
        if name in grid.columns:
            if values == grid.columns[name]:
                continue
            if name.lower() in (*NAMES, *LABELS, *SPLITS):
                raise TableError(f"{grid.source} has two columns named {name!r}; rename one.")
            name = next(
                f"{name} ({i})" for i in range(2, len(names) + 2) if f"{name} ({i})" not in grid.columns
            )
        grid.columns[name] = values


def _refuse_open_quote(text: TableText, is_file: Callable[[str], bool]) -> None:
    """Refuse a table in which a value has taken in lines that are rows themselves."""
    if not text.delimiter:  # a workbook, which has no quotes
        return
    for row, line in zip(text.rows, text.lines, strict=True):
        for value in row:
            if "\n" not in value and "\r" not in value:
                continue
            below = value.splitlines()[1:]
            if any(is_file(part.strip(' "')) for inner in below for part in inner.split(text.delimiter)[:-1]):
                raise TableError(open_quote(text.source, line, len(below)))
