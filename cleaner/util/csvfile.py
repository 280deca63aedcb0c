"""CSV text that every reader takes apart alike."""

import codecs
import csv
import io
from collections.abc import Iterable, Iterator, Sequence


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
    """Decode a CSV file as a spreadsheet may have written it: UTF-8, UTF-16 with a mark, or Windows-1252."""
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return data.decode("utf-16", errors="replace")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1252", errors="replace")


def separator_of(text: str) -> str:
    """Return what separates the columns of a CSV text: a comma, semicolon or tab, as the header has it.

    Spreadsheets write semicolons in countries with a decimal comma.
    """
    return max(",;\t", key=text.partition("\n")[0].count)


def numbered_rows(text: str) -> Iterator[tuple[int, list[str]]]:
    """Yield each row of a CSV text, all as text, with the number of the line on which it begins.

    Raises
    ------
    csv.Error
        A field is far too long, as in what is no CSV.
    """
    csv.field_size_limit(10_000_000)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator_of(text))
    line = 1
    for row in reader:
        yield line, row
        line = reader.line_num + 1


def read_csv(text: str) -> tuple[list[str], list[list[str]]]:
    """Take a CSV text apart into its header and its rows; blank lines are left out, short rows filled up."""
    rows = [row for _, row in numbered_rows(text) if row]
    if not rows:
        return [], []
    header = [column.strip() for column in rows[0]]
    return header, [row + [""] * (len(header) - len(row)) for row in rows[1:]]
