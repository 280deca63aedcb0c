"""Excel workbooks (.xlsx): opened safely, and the rows of the sheet that holds a table."""

from __future__ import annotations

import io
import zipfile
from datetime import date, datetime
from typing import Any

from cleaner.errors import TableError

_MOST_BYTES = 10**9
_WORKBOOK = "xl/"


def is_workbook(data: bytes) -> bool:
    """Tell whether a file is an XLSX workbook."""
    if not data.startswith(b"PK\x03\x04"):
        return False
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return any(name.startswith(_WORKBOOK) for name in archive.namelist())
    except zipfile.BadZipFile:
        return False


def open_workbook(data: bytes, where: str, **options: bool) -> Any:
    """Open a workbook with openpyxl, which is an extra.

    Parameters
    ----------
    data : bytes
    where : str
        What to call the file in sentences.
    **options
        Of ``openpyxl.load_workbook``, such as ``read_only``.

    Raises
    ------
    TableError
        openpyxl is not installed, or the file is damaged or too large.
    """
    try:
        import openpyxl  # an extra, and 0.3 s
    except ImportError as exc:
        msg = f"{where} is an Excel file. Save it as CSV, or install openpyxl: pip install 'cleaner[xlsx]'."
        raise TableError(msg) from exc
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            if sum(member.file_size for member in archive.infolist()) > _MOST_BYTES:
                raise TableError(f"{where} unpacks to more than {_MOST_BYTES:,} bytes; it is not read.")
        return openpyxl.load_workbook(io.BytesIO(data), **options)
    except TableError:
        raise
    except Exception as exc:  # damaged files make openpyxl raise anything
        raise TableError(f"{where} is not a valid Excel file: {exc}.") from exc


def table_sheet(data: bytes, where: str) -> tuple[str, list[str], list[list[str]]]:
    """Return the first sheet that looks like a table: with two columns and two rows or more.

    Returns
    -------
    name : str
        Of the sheet.
    others : list of str
        Names of the other sheets that are not empty.
    rows : list of list of str
        Values as text, empty rows included; formulas as the value that was saved.

    Raises
    ------
    TableError
        See `open_workbook`; or no sheet has a value.
    """
    book = open_workbook(data, where, read_only=True, data_only=True)
    sheets: dict[str, list[list[str]]] = {}
    try:
        for sheet in book.worksheets:
            if sheet.sheet_state == "visible":
                rows = [[cell_text(value) for value in row] for row in sheet.iter_rows(values_only=True)]
                if any(value for row in rows for value in row):
                    sheets[sheet.title] = rows
    except Exception as exc:  # what is damaged inside shows here
        raise TableError(f"{where} is not a valid Excel file: {exc}.") from exc
    finally:
        book.close()
    if not sheets:
        raise TableError(
            f"{where} has no rows; expected a first row such as name, label, then one per image."
        )
    name = next((name for name, rows in sheets.items() if _is_table(rows)), next(iter(sheets)))
    return name, [other for other in sheets if other != name], sheets[name]


def first_rows(data: bytes, where: str, most: int) -> list[list[list[str]]]:
    """Return the first rows of each sheet that can be seen.

    Raises
    ------
    TableError
        See `open_workbook`.
    """
    book = open_workbook(data, where, read_only=True, data_only=True)
    try:
        return [
            [[cell_text(value) for value in row] for row in sheet.iter_rows(max_row=most, values_only=True)]
            for sheet in book.worksheets
            if sheet.sheet_state == "visible"
        ]
    except Exception as exc:  # what is damaged inside shows here
        raise TableError(f"{where} is not a valid Excel file: {exc}.") from exc
    finally:
        book.close()


def _is_table(rows: list[list[str]]) -> bool:
    return sum(sum(bool(value) for value in row) > 1 for row in rows) > 1


def cell_text(value: object) -> str:
    """Return a value of a cell as text: 7.0 is 7, a date is written like 2024-05-01."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, datetime):
        return value.isoformat(sep=" ")
    return value.isoformat() if isinstance(value, date) else str(value)
