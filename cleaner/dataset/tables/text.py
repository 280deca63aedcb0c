"""The text of a table and its rows: encoding, separator, comments, and lines that are no rows."""

import re
import zipfile
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from cleaner.advice import Advice
from cleaner.dataset.findings import Finding
from cleaner.dataset.tables.options import TableOptions
from cleaner.dataset.tables.workbook import is_workbook, table_sheet
from cleaner.errors import TableError
from cleaner.images import archives
from cleaner.images.formats import kind_of, not_an_image
from cleaner.util.csvfile import DELIMITERS, numbered_rows, separator_of, wrong_quote
from cleaner.util.encodings import ENCODINGS, damaged_line, likely_encodings, samples, unicode_text
from cleaner.util.wording import count

_SEPARATOR_LINE = re.compile(r"\s*\"?sep=(.)\"?\s*", re.IGNORECASE)
_QUOTED_SINGLY = re.compile(r"'[^']*'")
_WORDS = re.compile(r"[^\W\d]*(?:[ _-][^\W\d]*)*")
_JSON = re.compile(rb"\{|\[\s*[\[{]")
_SAVE = ("Open it in the program that made it, save the table as “CSV UTF-8”, and open that.",) * 2
_IMPORT = (
    "If it is a data set of another tool, open it with cleaner import.",
    "If it is a data set of another tool, choose it where a data set is chosen: that offers an import.",
)
"""What to do on the command line, and on the page."""
_HEAD_BYTES = 4096
_PACKED_TAR = (b"\x1f\x8b", b"BZh", b"\xfd7zXZ", b"7z\xbc\xaf", b"Rar!")
_OLD_OFFICE = b"\xd0\xcf\x11\xe0"


@dataclass(frozen=True, kw_only=True)
class TableText:
    """The rows of a file, as they were written.

    Attributes
    ----------
    source : str
        What to call the table in sentences.
    rows : list of list of str
        The fields of each row, the first row included, whether it is a header or not.
    lines : list of int
        The line on which each row begins, from 1.
    delimiter, encoding : str
        What was used; empty for a workbook.
    findings : list of Finding
        What is odd.
    """

    source: str
    rows: list[list[str]]
    lines: list[int]
    delimiter: str
    encoding: str
    findings: list[Finding] = field(default_factory=list)


def read_bytes(path: Path) -> bytes:
    """Return the content of a file that may be a table.

    Raises
    ------
    TableError
        It cannot be read, is empty, or is of another kind.
    """
    refuse_other_kinds(path)
    try:
        return archives.read_bytes(path)
    except OSError as exc:
        raise TableError(f"Cannot read {path}: {exc.strerror or exc}.") from exc


def rows_of(data: bytes, source: str, options: TableOptions, encoding: str = "") -> TableText:
    """Take the content of a file apart into rows: of a text, or of a workbook.

    Parameters
    ----------
    data : bytes
    source : str
        What to call the table in sentences.
    options : TableOptions
    encoding : str
        Used where none was told.

    Raises
    ------
    TableError
        It cannot be decoded or opened, or has no row.
    """
    if is_workbook(data):
        return _rows_of_sheet(data, source)
    text, encoding = decoded(data, source, options.encoding or encoding)
    return rows_of_text(text, encoding, options, source=source)


def _rows_of_sheet(data: bytes, source: str) -> TableText:
    """Take the rows of the sheet that holds a table, and say which it is."""
    name, others, rows = table_sheet(data, source)
    filled = [(row, line) for line, row in enumerate(rows, start=1) if any(value.strip() for value in row)]
    findings = []
    if others:
        listed = ", ".join(f"“{other}”" for other in others)
        text = f"{source} has several sheets. “{name}” is read, and not {listed}."
        findings.append(Finding(topic="sheets", text=text, examples=tuple(others)))
    return TableText(
        source=source,
        rows=[row for row, _ in filled],
        lines=[line for _, line in filled],
        delimiter="",
        encoding="",
        findings=findings,
    )


def table_rows(path: Path, options: TableOptions | None = None) -> list[list[str]]:
    """Return the rows of a file as they are written, in whatever encoding, without asking.

    Raises
    ------
    TableError
        It is no table.
    """
    data = read_bytes(path)
    encoding = "" if unicode_text(data) is not None else "latin-1"
    return rows_of(data, path.name, options or TableOptions(), encoding).rows


def refuse_other_kinds(path: Path) -> None:
    """Look at the beginning of a file, however large, whether it may be a table.

    Raises
    ------
    TableError
        It cannot be read, is empty, or is of another kind.
    """
    try:
        head = archives.read_bytes(path, _HEAD_BYTES)
    except OSError as exc:
        raise TableError(f"Cannot read {path}: {exc.strerror or exc}.") from exc
    other = _other_kind(head, path)
    if other is not None:
        kind, *advice = other
        raise TableError(Advice(f"{path} is not a CSV file: it is {kind}.", *advice))
    if len(head) < _HEAD_BYTES and not head.strip(b"\xef\xbb\xbf\xff\xfe\0 \t\r\n"):
        msg = f"{path} is empty; expected a first line such as name,label and then one line per image."
        raise TableError(msg)


def _other_kind(head: bytes, path: Path) -> tuple[str, str, str] | None:
    """Say what a file is that is no text in columns, and what to do with it; None if it may be.

    What to do is said twice, for the command line and for the page.
    """
    if head.startswith(b"PK\x03\x04"):
        return _kind_of_zip(path)
    if head.startswith(_PACKED_TAR):
        what = "compressed as a whole, so that what is in it cannot be reached one by one"
        return what, "Unpack it; cleaner import does so with .tar.gz, .tar.bz2 and .tar.xz.", "Unpack it."
    if head.startswith(_OLD_OFFICE):
        return "an Excel workbook", *_SAVE
    if head.startswith(b"PAR1"):
        return "a Parquet file", *_IMPORT
    if kind_of(head[:512]) not in (None, "PPM"):  # what begins like a PPM may be a table
        give = "Give the folder of the images, or a table that names them."
        return "an image", give, give
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    if _JSON.match(start):
        return "JSON", *_IMPORT
    if start[:100].lower().startswith((b"<!doctype", b"<html", b"<?xml")):
        return "a web page or XML", *_SAVE
    if b"\0" in head:
        found = unicode_text(head)
        if found is None:
            return not_an_image(head[:512]).removeprefix("not an image: "), *_SAVE
        if "\0" in found[0]:
            return "binary data", *_SAVE
    return None


def _kind_of_zip(path: Path) -> tuple[str, str, str] | None:
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, OSError):
        return "a damaged zip archive", "", ""
    if any(name.startswith("xl/") for name in names):
        return None
    if "content.xml" in names:
        return "a spreadsheet", *_SAVE
    rename = "To open the images in it, let its name end in .zip."
    return "a zip archive", rename, rename


def decoded(data: bytes, source: str, encoding: str = "") -> tuple[str, str]:
    """Decode the content of a table, in the encoding that was told or in Unicode.

    Returns
    -------
    text, encoding : str

    Raises
    ------
    TableError
        It is not in that encoding; or it is no Unicode, and none was told.
    """
    if encoding:
        found = unicode_text(data)
        if found is not None and data[:2] in (b"\xef\xbb", b"\xff\xfe", b"\xfe\xff"):
            return found  # the mark is never wrong, and not part of the first column's name
        try:
            return data.decode(encoding), encoding
        except UnicodeDecodeError as exc:
            line = data.count(b"\n", 0, exc.start) + 1
            msg = f"Line {line} of {source} is not in the encoding {encoding}."
            raise TableError(_which(msg, data)) from exc
    found = unicode_text(data)
    if found is None:
        damaged = damaged_line(data)
        if damaged is not None:
            why = "it is not in Unicode (UTF-8) like the others"
            raise TableError(f"Line {damaged} of {source} is damaged: {why}. Correct that line.")
        unknown = f"{source} is not in Unicode (UTF-8), and its encoding is not known."
        raise TableError(_which(unknown, data))
    return found


def _which(problem: str, data: bytes) -> Advice:
    """Ask for the encoding, with the same words as they read in the likeliest ones."""
    found = unicode_text(data)
    if found is not None:
        return Advice(
            problem,
            f"Use --encoding {found[1]}, or none.",
            f"Choose {ENCODINGS.get(found[1], found[1])} above.",
        )
    likely = likely_encodings(data)
    read = "; ".join(
        f"--encoding {encoding} reads {', '.join(samples(data, encoding))} ({ENCODINGS[encoding]})"
        for encoding in likely
    )
    if not read:
        return Advice(problem, "Save it as UTF-8.", "Save it as UTF-8.")
    ask = "Choose the encoding in which its words are right"
    return Advice(problem, f"{ask}: {read}.", f"{ask}, above.")


def rows_of_text(text: str, encoding: str, options: TableOptions, *, source: str) -> TableText:
    """Take a text apart into rows.

    Lines without any content, comments (``#``) and a spreadsheet's first line ``sep=;`` are no rows.

    Raises
    ------
    TableError
        There is no row.
    """
    findings: list[Finding] = []
    body, before = text.removeprefix("\ufeff"), 0
    delimiter = options.character
    first, _, rest = body.partition("\n")
    named = _SEPARATOR_LINE.fullmatch(first)
    if named:
        body, before = rest, 1
        delimiter = delimiter or named[1]
    delimiter = delimiter or _delimiter_of(body)
    if body.count("'") > 2 and _all_quoted_singly(body, delimiter):
        body = body.replace("'", '"')
    rows: list[list[str]] = []
    lines: list[int] = []
    wrong = wrong_quote(body, delimiter) if '"' in body else None
    quotes = wrong is None or delimiter != "\t"
    for line, row in numbered_rows(body, delimiter, quotes=quotes):
        if quotes and line == wrong:
            findings.append(_wrong_quote(row, line + before, source))
        if any(not value.isspace() and value for value in row):
            rows.append(row)
            lines.append(line + before)
    rows, lines, comments = _without_comments(rows, lines)
    if comments:
        text = f"{source}: {count(comments, 'line')} that begin with # were taken as comments."
        findings.append(Finding(topic="comments", text=text))
    if not rows:
        msg = f"{source} has no rows; expected a first line such as name,label and then one line per image."
        raise TableError(msg)
    return TableText(
        source=source, rows=rows, lines=lines, delimiter=delimiter, encoding=encoding, findings=findings
    )


def _wrong_quote(row: list[str], line: int, source: str) -> Finding:
    """Say that quotation marks of a row are wrong.

    Raises
    ------
    TableError
        One is not closed, and has taken in the lines below.
    """
    below = sum(value.count("\n") for value in row)
    if below:
        raise TableError(open_quote(source, line, below))
    text = (
        f"Quotation marks in line {line} of {source} are not around a whole value. Check what is read there."
    )
    return Finding(topic="quotation marks", text=text, doubtful=True, examples=tuple(row))


def open_quote(source: str, line: int, below: int) -> str:
    """Say that a quotation mark is not closed, and how many lines below it has taken in."""
    return (
        f"A quotation mark in line {line} of {source} is not closed, so the {count(below, 'line')} below it "
        "would be part of one value. Delete the mark, or add the missing one, and open the table again."
    )


def _delimiter_of(text: str) -> str:
    """Return what stands between the fields; a space only where nothing else does."""
    lines = [line for line in text[:100_000].splitlines() if line.strip() and not line.startswith("#")]
    sample = "\n".join(lines[:200])
    found = separator_of(sample, "".join(d for d in DELIMITERS if d != " "))
    if found not in sample and " " in sample:
        return " "
    return found


def _all_quoted_singly(text: str, delimiter: str) -> bool:
    rows = [line.split(delimiter) for line in text.splitlines()[1:20] if line.strip()]
    return bool(rows) and all(_QUOTED_SINGLY.fullmatch(value.strip()) for row in rows for value in row)


def _without_comments(rows: list[list[str]], lines: list[int]) -> tuple[list[list[str]], list[int], int]:
    """Leave out rows that are comments: they begin with ``#`` and have not as many fields as the others.

    Before the others, one with as many fields is the header (``# name,label``), unless a header follows.
    """
    plain = [row for row in rows if not row[0].lstrip().startswith("#")]
    if not plain:
        return rows, lines, 0
    counts = [len(row) for row in plain]
    usual = max(set(counts), key=counts.count)
    header_follows = all(_WORDS.fullmatch(value) for value in plain[0])
    kept: list[tuple[list[str], int]] = []
    comments = 0
    for row, line in zip(rows, lines, strict=True):
        begins = row[0].lstrip().startswith("#")
        if begins and (len(row) != usual or usual == 1 or (not kept and header_follows)):
            comments += 1
        elif begins and not kept:
            kept.append(([row[0].lstrip().lstrip("#").strip(), *row[1:]], line))
        else:
            kept.append((row, line))
    return [row for row, _ in kept], [line for _, line in kept], comments


def as_text(value: object, *, strip: bool = True) -> str | None:
    """Return a value of a table as text, None if there is none; 3.0 is "3": pandas makes floats of gaps."""
    if value is None or value is pd.NaT or value is pd.NA or value != value:  # NaN
        return None
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    text = str(value)
    return (text.strip() if strip else text) or None
