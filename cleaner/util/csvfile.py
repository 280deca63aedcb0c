"""CSV text that every reader takes apart alike."""

import csv
import io
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from cleaner.util.encodings import unicode_text

DELIMITERS: dict[str, str] = {",": "comma", ";": "semicolon", "\t": "tab", "|": "pipe", " ": "space"}
"""What may stand between the fields of a row, and what it is called."""

_LOOKED_AT_CHARS = 100_000
_LOOKED_AT_ROWS = 50


def csv_text(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Write a table as CSV, with a line feed alone at the line ends.

    A field is quoted if it holds a comma, a quote or a line break of any kind. (The csv module leaves a lone
    carriage return unquoted, at which pandas and spreadsheets break the line.) None is an empty field.

    Nothing is done to fields that begin with ``=``, ``+``, ``-`` or ``@``: they are file names and labels
    that must come back as they are, so open a file of unknown origin with a spreadsheet's import, as text.
    """
    lines = (",".join(map(_field, row)) for row in (header, *rows))
    return "".join(f"{line}\n" for line in lines)


def _field(value: object) -> str:
    if value is None:
        return ""
    text = value if isinstance(value, str) else str(value)
    if any(char in text for char in ',"\r\n'):
        return '"' + text.replace('"', '""') + '"'
    return text


def decode_csv(data: bytes) -> str:
    """Decode a CSV file as a spreadsheet may have written it: UTF-8, UTF-16, or Windows-1252."""
    found = unicode_text(data)
    return data.decode("cp1252", errors="replace") if found is None else found[0]


def separator_of(text: str, candidates: str = ",;\t|") -> str:
    """Return what separates the columns of a CSV text.

    It is what gives most rows as many fields as the first one has; without any, a comma. Spreadsheets write
    semicolons in countries with a decimal comma.
    """
    return max(candidates, key=lambda delimiter: _consistency(text, delimiter))


def _consistency(text: str, delimiter: str) -> tuple[float, int]:
    """Return which share of the rows has one number of fields, and how many more than one the first has."""
    sample = text[:_LOOKED_AT_CHARS]
    rows = (fields for _, fields in numbered_rows(sample, delimiter) if fields)
    counts = [len(fields) for fields in islice(rows, _LOOKED_AT_ROWS)]
    if len(sample) < len(text) and len(counts) > 1:
        counts.pop()  # cut off
    if not counts or max(counts) == 1:
        return 0.0, 0
    usual = max(Counter(count for count in counts if count > 1).values()) / len(counts)
    as_first = counts.count(counts[0]) / len(counts) if counts[0] > 1 else 0.0
    return max(as_first, usual / 2), counts[0]


def numbered_rows(
    text: str, delimiter: str | None = None, *, quotes: bool = True, strict: bool = False
) -> Iterator[tuple[int, list[str]]]:
    """Yield each row of a CSV text, all as text, with the number of the line on which it begins.

    Parameters
    ----------
    text : str
        The text.
    delimiter : str, optional
        Default: `separator_of` the text.
    quotes : bool
        Quotation marks stand around values; otherwise they are part of them.
    strict : bool
        Refuse quotation marks that are not closed, or that something stands behind.

    Raises
    ------
    csv.Error
        If it is strict.
    """
    csv.field_size_limit(2**31 - 1)  # a C long, which has 32 bits on Windows
    delimiter = separator_of(text) if delimiter is None else delimiter
    loose = delimiter == " " or f'{delimiter} "' in text  # several blanks, or one before the quotes
    reader = csv.reader(
        io.StringIO(text, newline=""),
        delimiter=delimiter,
        skipinitialspace=loose,
        quoting=csv.QUOTE_MINIMAL if quotes else csv.QUOTE_NONE,
        strict=strict,
    )
    line = 1
    for row in reader:
        yield line, row
        line = reader.line_num + 1


def wrong_quote(text: str, delimiter: str) -> int | None:
    """Return the line on which the first row with wrong quotation marks begins; None if all are right."""
    rows = numbered_rows(text, delimiter, strict=True)
    next_line = 1
    try:
        for line, row in rows:
            next_line = line + 1 + sum(value.count("\n") for value in row)
    except csv.Error:
        return next_line
    return None


def read_csv(text: str) -> tuple[list[str], list[list[str]]]:
    """Take a CSV text apart into its header and its rows; blank lines are left out, short rows filled up."""
    rows = [row for _, row in numbered_rows(text) if row]
    if not rows:
        return [], []
    header = [column.strip() for column in rows[0]]
    return header, [row + [""] * (len(header) - len(row)) for row in rows[1:]]
