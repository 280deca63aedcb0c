"""Foreign documents that are edited in few places and keep everything else: JSON, JSON lines, CSV.

What is not touched stays as it was: a CSV or JSON lines file byte by byte, a JSON file in structure.
"""

from __future__ import annotations

import codecs
import csv
import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cleaner.errors import CatalogError
from cleaner.util.csvfile import csv_text, decode_csv, separator_of


def read_bytes(path: Path) -> bytes:
    """Read a file; raises `CatalogError` with a sentence if that fails."""
    try:
        return path.read_bytes()
    except OSError as exc:
        raise CatalogError(f"Cannot read {path}: {exc.strerror or exc}.") from exc


def read_json(path: Path) -> Any:
    """Read a JSON document.

    Raises
    ------
    CatalogError
        The file cannot be read, or is no JSON.
    """
    return parse_json(read_bytes(path), str(path))


def parse_json(data: bytes, where: str) -> Any:
    """Parse JSON; ``where`` is what to call it in the message of `CatalogError`."""
    try:
        return json.loads(data.decode("utf-8-sig"))
    except UnicodeDecodeError as exc:
        raise CatalogError(f"{where} is not a JSON file: it is not in UTF-8.") from exc
    except json.JSONDecodeError as exc:
        raise CatalogError(f"{where} is not a JSON file: line {exc.lineno}: {exc.msg}.") from exc
    except RecursionError as exc:
        raise CatalogError(f"{where} cannot be read: its JSON is nested too deeply.") from exc


def write_json(path: Path, document: object, *, like: Path | None) -> None:
    """Write a JSON document, indented as ``like`` is."""
    indent: int | None = 1
    if like is not None:
        start = read_bytes(like)[:4096].decode("utf-8-sig", "replace").lstrip("{[")
        gap = start[: len(start) - len(start.lstrip())]
        indent = len(gap.rpartition("\n")[2]) if "\n" in gap else None
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document, ensure_ascii=False, indent=indent), encoding="utf-8")


def records(value: object, what: str, where: Path) -> list[dict[str, Any]]:
    """Return a list of JSON objects.

    Raises
    ------
    CatalogError
        ``value`` is something else; ``what`` is what to call it.
    """
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        kind = "a list that holds something else" if isinstance(value, list) else type(value).__name__
        raise CatalogError(f"{where}: expected {what} to be a list of objects, got {kind}.")
    return value


def required(
    record: Mapping[str, Any], fields: Mapping[str, type | tuple[type, ...]], what: str, where: Path
) -> None:
    """Refuse a JSON object that lacks a field, or has something else in it.

    Parameters
    ----------
    record : Mapping
        The object.
    fields : Mapping
        The fields that it must have, with the types that they may be of.
    what : str
        What to call the object.
    where : Path
        The document.

    Raises
    ------
    CatalogError
    """
    for name, kinds in fields.items():
        if name not in record:
            raise CatalogError(f"{where}: {what} has no {name!r}, which the format needs.")
        if not isinstance(record[name], kinds) or isinstance(record[name], bool):
            raise CatalogError(f"{where}: {what} has {str(record[name])[:40]!r} as its {name!r}.")


class CsvDocument:
    """A CSV file of which some cells are changed; all other lines stay as they are, byte by byte.

    Parameters
    ----------
    data : bytes
        The file.
    where : str
        What to call it in messages.

    Attributes
    ----------
    header : list of str
    rows : list of dict
        All values as text. To change a cell, use `set`.

    Raises
    ------
    CatalogError
        It is empty, or no CSV.
    """

    def __init__(self, data: bytes, where: str) -> None:
        self._mark, self._encoding = _encoding_of(data)
        text = decode_csv(data)
        self._separator = separator_of(text)
        lines = list(io.StringIO(text, newline=""))  # split as the csv module counts lines
        reader = csv.reader(iter(lines), delimiter=self._separator)
        self._raw: list[str] = []
        parsed: list[list[str]] = []
        start = 0
        try:
            for cells in reader:
                self._raw.append("".join(lines[start : reader.line_num]))
                parsed.append(cells)
                start = reader.line_num
        except csv.Error as exc:
            raise CatalogError(f"{where} cannot be read as CSV after line {start}: {exc}.") from exc
        if not parsed or not any(cell.strip() for cell in parsed[0]):
            raise CatalogError(f"{where} is empty; expected a first line with the names of the columns.")
        self.header = [column.strip() for column in parsed[0]]
        self._end = "\r\n" if self._raw[0].endswith("\r\n") else "\n"
        self.rows = [dict(zip(self.header, cells, strict=False)) for cells in parsed[1:]]
        self._beyond = [cells[len(self.header) :] for cells in parsed[1:]]
        self._changed: set[int] = set()
        self._gone: set[int] = set()

    @classmethod
    def read(cls, path: Path) -> CsvDocument:
        """Read a file."""
        return cls(read_bytes(path), str(path))

    def set(self, row: int, values: Mapping[str, str]) -> None:
        """Change cells of a row; columns that the file does not have are passed over."""
        new = {c: v for c, v in values.items() if c in self.header and self.rows[row].get(c, "") != v}
        if new:
            self.rows[row] |= new
            self._changed.add(row)

    def append(self, values: Mapping[str, str]) -> None:
        """Add a row at the end."""
        if not self._raw[-1].endswith(("\n", "\r")):
            self._raw[-1] += self._end
        self._raw.append("")
        self._beyond.append([])
        self.rows.append({column: values.get(column, "") for column in self.header})
        self._changed.add(len(self.rows) - 1)

    def remove(self, row: int) -> None:
        """Take a row out."""
        self._gone.add(row)

    def to_bytes(self) -> bytes:
        """Return the file as it is now."""
        parts = [self._raw[0]]
        for i, row in enumerate(self.rows):
            if i in self._gone:
                continue
            parts.append(self._line(row, i) if i in self._changed else self._raw[i + 1])
        text = "".join(parts)
        try:
            return self._mark + text.encode(self._encoding)
        except UnicodeEncodeError:  # a new label that Windows' code page does not have
            return text.encode("utf-8-sig")

    def _line(self, row: Mapping[str, str], number: int) -> str:
        cells = [row.get(column, "") for column in self.header] + self._beyond[number]
        return self._separator.join(map(self._quoted, cells)) + self._end

    def _quoted(self, cell: str) -> str:
        """Quote a cell where it must be; the csv module leaves a lone carriage return unquoted."""
        if any(char in cell for char in (self._separator, '"', "\r", "\n")):
            return '"' + cell.replace('"', '""') + '"'
        return cell


def _encoding_of(data: bytes) -> tuple[bytes, str]:
    """Return the mark at the beginning of a CSV file, and the encoding of what follows."""
    marks = {codecs.BOM_UTF8: "utf-8", codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}
    for mark, encoding in marks.items():
        if data.startswith(mark):
            return mark, encoding
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return b"", "cp1252"
    return b"", "utf-8"


def new_csv(header: list[str]) -> CsvDocument:
    """Return a CSV document with a header and no rows."""
    return CsvDocument(csv_text(header, []).encode(), "the new table")


class JsonLines:
    """A JSON lines file of which some objects are changed; all other lines stay as they are.

    Attributes
    ----------
    rows : list of dict

    Raises
    ------
    CatalogError
        A line is no JSON object.
    """

    def __init__(self, data: bytes, where: str) -> None:
        self._lines = [line for line in data.removeprefix(codecs.BOM_UTF8).splitlines(keepends=True) if line]
        self._lines = [line for line in self._lines if line.strip()]
        self.rows: list[dict[str, Any]] = []
        for number, line in enumerate(self._lines, start=1):
            row = parse_json(line, f"{where}, line {number},")
            if not isinstance(row, dict):
                raise CatalogError(f"{where}, line {number}: expected a JSON object, got {line[:40]!r}.")
            self.rows.append(row)

    def set(self, row: int, values: Mapping[str, object]) -> None:
        """Change fields of a row."""
        if any(self.rows[row].get(key) != value for key, value in values.items()):
            self.rows[row] |= values
            self._lines[row] = self._line(self.rows[row])

    def append(self, values: Mapping[str, object]) -> None:
        """Add a row at the end."""
        if self._lines and not self._lines[-1].endswith(b"\n"):
            self._lines[-1] += b"\n"
        self.rows.append(dict(values))
        self._lines.append(self._line(self.rows[-1]))

    def remove(self, row: int) -> None:
        """Take a row out."""
        self._lines[row] = b""

    def to_bytes(self) -> bytes:
        """Return the file as it is now."""
        return b"".join(self._lines)

    @staticmethod
    def _line(row: Mapping[str, object]) -> bytes:
        return (json.dumps(row, ensure_ascii=False) + "\n").encode()
