"""CSV text that every reader takes apart alike."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence


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
    """Decode a CSV file as a spreadsheet may have written it, in UTF-8 or else Windows-1252."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1252", errors="replace")


def read_csv(text: str) -> tuple[list[str], list[list[str]]]:
    """Take a CSV text apart into its header and its rows, all as text.

    The separator is a semicolon or a tab if the header has one and no comma, as spreadsheets write it in
    countries with a decimal comma. Blank lines are left out, and short rows are filled up.
    """
    head = text.split("\n", 1)[0]
    separator = next((char for char in ",;\t" if char in head), ",")
    csv.field_size_limit(10_000_000)
    rows = [row for row in csv.reader(io.StringIO(text, newline=""), delimiter=separator) if row]
    if not rows:
        return [], []
    header = [column.strip() for column in rows[0]]
    return header, [row + [""] * (len(header) - len(row)) for row in rows[1:]]
