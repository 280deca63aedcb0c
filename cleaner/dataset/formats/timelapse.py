"""Timelapse's table: a CSV or XLSX file with a row an image, and columns that each project makes for itself.

Columns that are relied on (the Timelapse Reference Guide, https://timelapse.ucalgary.ca): ``File`` and
``RelativePath`` name the image, ``DeleteFlag`` ("true") marks one that is to go; ``RootFolder`` and
``DateTime`` are kept like all others. Which column is the label is up to the project: the first with a usual
name, or ``--label-column``. Several rows of one image are several labels.

A deleted image keeps its row, with the delete flag set, as Timelapse does it. The table has no columns for
who gave a label and when.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from cleaner.advice import Advice
from cleaner.dataset.formats.documents import CsvDocument, new_csv, read_bytes
from cleaner.dataset.formats.entries import Entry, Opinion, Reading, ReadOptions, Writing, merged
from cleaner.dataset.formats.names import placed
from cleaner.dataset.tables.workbook import cell_text, open_workbook
from cleaner.errors import CatalogError

_FILE, _FOLDER, _DELETE = "File", "RelativePath", "DeleteFlag"
_USUAL_LABELS = ("species", "label", "class", "category", "animal", "observation", "observationtype", "taxon")
_DEFAULT_NAME = "ImageData.csv"
_HEADER = ["RootFolder", _FILE, _FOLDER, "DateTime", _DELETE]


class _Table(Protocol):
    header: list[str]
    rows: list[dict[str, str]]

    def set(self, row: int, values: Mapping[str, str]) -> None: ...
    def append(self, values: Mapping[str, str]) -> None: ...
    def to_bytes(self) -> bytes: ...


def recognises(source: Path) -> bool:
    """Tell whether a CSV or XLSX file has Timelapse's columns."""
    if source.suffix.lower() == ".csv":
        line = read_bytes(source)[:4096].decode("utf-8-sig", "replace").partition("\n")[0]
        return {_FILE, _FOLDER} <= {cell.strip().strip('"') for cell in line.replace(";", ",").split(",")}
    return source.suffix.lower() == ".xlsx" and {_FILE, _FOLDER} <= set(_table(source).header)


def read(source: Path, options: ReadOptions) -> Reading:
    """Read the rows with the label of one column."""
    table = _table(source)
    for column in (_FILE, _FOLDER):
        if column not in table.header:
            raise CatalogError(f"{source} has no column {column!r}, which Timelapse's tables have.")
    column = label_column(table.header, options.label_column, source.name)
    rows = [row for row in table.rows if row.get(_FILE)]
    sources = [_called(row) for row in rows]
    candidates = [options.images] if options.images else [source.parent, source.parent / "images"]
    root, names = placed(sources, candidates, document=source)
    entries = [
        Entry(
            name=name,
            source_name=called,
            opinions=[Opinion(labels=(row[column],))] if row.get(column) else [],
            columns={k: v for k, v in row.items() if k not in (_FILE, _FOLDER, column, "")},
            deleted=row.get(_DELETE, "").lower() == "true",
        )
        for row, name, called in zip(rows, names, sources, strict=True)
    ]
    return Reading(root=root, entries=merged(entries), base=source.parent, documents=(source,))


def columns(source: Path) -> list[str]:
    """List the columns of the table."""
    return [column for column in _table(source).header if column not in (_FILE, _FOLDER, "")]


def label_column(header: list[str], asked: str | None, source: str) -> str:
    """Return the column of labels: the one asked for, or the first with a usual name.

    Raises
    ------
    CatalogError
        There is none.
    """
    listed = ", ".join(map(repr, header))
    if asked is not None:
        if asked not in header:
            raise CatalogError(f"{source} has no column {asked!r}; its columns are {listed}.")
        return asked
    small = {column.lower(): column for column in reversed(header)}
    found = next((small[usual] for usual in _USUAL_LABELS if usual in small), None)
    if found is None:
        raise CatalogError(
            Advice(
                f"Which column of {source} is the label? Its columns are {listed}.",
                "Say so with --label-column.",
                "Choose it above.",
            )
        )
    return found


def _called(row: Mapping[str, str]) -> str:
    folder = row.get(_FOLDER, "").replace("\\", "/").strip("/")
    return f"{folder}/{row[_FILE]}" if folder else row[_FILE]


def _table(path: Path) -> _Table:
    return XlsxDocument.read(path) if path.suffix.lower() == ".xlsx" else CsvDocument.read(path)


def write(job: Writing) -> None:
    """Write the table that the set came from with the present labels, or a new one."""
    name = job.documents[0] if job.documents else _DEFAULT_NAME
    if job.source is None:
        more = dict.fromkeys(key for image in job.images for key in image.columns)
        header = [*_HEADER, "Label", *(c for c in more if c not in (*_HEADER, "Label"))]
        table: _Table = new_csv(header)
        column = "Label"
    else:
        table = _table(job.source / name)
        column = label_column(table.header, job.label_column, name)
    rows_of: dict[str, list[int]] = {}
    for i, row in enumerate(table.rows):
        if row.get(_FILE):
            rows_of.setdefault(_called(row), []).append(i)
    for reviewed in job.added(rows_of):
        folder, _, file = reviewed.source_name.rpartition("/")
        new = {_FILE: file, _FOLDER: folder, column: reviewed.label or "", _DELETE: "false"}
        table.append(dict(reviewed.columns) | new)
    for called, said in job.changes().items():
        reviewed, rows = said[0], rows_of.get(called, [])
        labels = {table.rows[i].get(column, "") for i in rows}
        for i in rows:
            if reviewed.deleted:
                table.set(i, {_DELETE: "true"})
            elif reviewed.label is not None and len(labels) == 1:
                table.set(i, {column: reviewed.label})
        if reviewed.label is not None and len(labels) > 1 and reviewed.label not in labels:
            table.append(table.rows[rows[0]] | {column: reviewed.label})  # nothing is taken away
    if _DELETE not in table.header and any(image.deleted for image in job.images):
        job.notes.append(f"The table has no column {_DELETE}, so deleted images keep their rows unmarked.")
    if any(image.decided for image in job.images):
        job.notes.append("Timelapse has no columns for who decided and when; only the labels are written.")
    (job.folder / name).write_bytes(table.to_bytes())


class XlsxDocument:
    """The first sheet of an XLSX file, of which some cells are changed; the same as `CsvDocument` otherwise.

    Attributes
    ----------
    header : list of str
    rows : list of dict

    Raises
    ------
    CatalogError
        openpyxl is not installed, or the file is no XLSX file.
    """

    def __init__(self, data: bytes, where: str) -> None:
        self._book = open_workbook(data, where)
        self._sheet: Any = self._book.worksheets[0]
        values = [[cell_text(value) for value in row] for row in self._sheet.iter_rows(values_only=True)]
        self.header = [column.strip() for column in (values[0] if values else [])]
        self.rows = [dict(zip(self.header, row, strict=True)) for row in values[1:]]

    @classmethod
    def read(cls, path: Path) -> XlsxDocument:
        """Read a file."""
        return cls(read_bytes(path), str(path))

    def set(self, row: int, values: Mapping[str, str]) -> None:
        """Change cells of a row; columns that the file does not have are passed over."""
        for column, value in values.items():
            if column in self.header and self.rows[row].get(column, "") != value:
                self.rows[row][column] = value
                self._sheet.cell(row + 2, self.header.index(column) + 1).value = value or None

    def append(self, values: Mapping[str, str]) -> None:
        """Add a row at the end."""
        self.rows.append(dict.fromkeys(self.header, ""))
        self.set(len(self.rows) - 1, values)

    def to_bytes(self) -> bytes:
        """Return the file as it is now."""
        stream = io.BytesIO()
        self._book.save(stream)
        return stream.getvalue()
