"""Lists of addresses: plain text or CSV, as browsers, spreadsheets and colleagues write them."""

import base64
import binascii
import codecs
import re
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote_to_bytes, urldefrag

from cleaner.dataset.tables.columns import LABELS, named_like_labels
from cleaner.errors import DownloadError
from cleaner.util.csvfile import read_csv

URL_COLUMNS = (
    *("url", "urls", "uri", "link", "href", "src"),
    *("image", "imageurl", "image_url", "contenturl", "identifier"),
)
"""Headings of the CSV column that holds the addresses, in small letters."""

_MAX_LIST_BYTES = 200 * 1024**2
_DATA_URL = re.compile(r"data:([^,]*),(.*)", re.DOTALL | re.IGNORECASE)


@dataclass(frozen=True)
class UrlList:
    """A list of addresses, and what else it says about each.

    Attributes
    ----------
    urls : tuple of str
        Each once, in the order of the file.
    header : tuple of str
        The columns, if the list is a table.
    rows : dict of str to list of str
        From address to its first row.
    label : int or None
        Which column holds the labels; None if none is named like it.
    """

    urls: tuple[str, ...]
    header: tuple[str, ...] = ()
    rows: dict[str, list[str]] = field(default_factory=dict)
    label: int | None = None


def read_urls(path: Path | str) -> UrlList:
    """Read the addresses of a text or CSV file, each once, in the order of the file.

    Blank lines and lines that begin with ``#`` are passed over, as are spaces, quotes and the line ends of
    any system. A file whose first line names a column ``url`` (or ``image_url``, ``link``, ``src``, …) is
    read as CSV with commas, semicolons or tabs; in any other file a line is an address, commas included.

    Parameters
    ----------
    path : Path or str
        UTF-8, or UTF-16 with its mark.

    Raises
    ------
    DownloadError
        If the file cannot be read or holds no address.
    """
    path = Path(path)
    try:
        if path.stat().st_size > _MAX_LIST_BYTES:
            msg = f"{path} is larger than {_MAX_LIST_BYTES // 1024**2} MB. Give a list of addresses."
            raise DownloadError(msg)
        data = path.read_bytes()
    except OSError as exc:
        msg = f"Cannot read the list {path}: {exc.strerror}. Give a text or CSV file of addresses."
        raise DownloadError(msg) from exc
    lines = [line for line in _text(data).splitlines() if line.strip() and not line.lstrip().startswith("#")]
    found = _from_csv(lines) or UrlList(tuple(unique_urls(lines)))
    if not found.urls:
        msg = f"{path} contains no addresses. Write one per line, or give a CSV file with a column named url."
        raise DownloadError(msg)
    return found


def unique_urls(texts: list[str]) -> list[str]:
    """Strip spaces, quotes and ``#fragments``; keep the first of equal addresses."""
    return list(dict.fromkeys(url for text in texts if (url := _stripped(text))))


def _stripped(text: str) -> str:
    url = text.strip().strip("\"'").strip()
    return url if url.lower().startswith("data:") else urldefrag(url).url


def _text(data: bytes) -> str:
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return data.decode("utf-16", "replace")
    return data.decode("utf-8-sig", "replace")


def _from_csv(lines: list[str]) -> UrlList | None:
    """Return the addresses of a table with their rows; None if the first line names no column of them."""
    heads = read_csv(lines[0])[0] if lines else []
    small = [head.lower() for head in heads]
    column = next((i for i, head in enumerate(small) if head in URL_COLUMNS), None)
    if column is None:
        return None
    rows: dict[str, list[str]] = {}
    for row in read_csv("\n".join(lines))[1]:
        if url := _stripped(row[column]):
            rows.setdefault(url, row[: len(heads)])
    named = (small.index(name) for name in LABELS if name in small)
    alike = (i for i, head in enumerate(small) if named_like_labels(head) and i != column)
    return UrlList(tuple(rows), tuple(heads), rows, next(named, next(alike, None)))


class TooLargeError(ValueError):
    """There is more behind an address than is wanted."""


def decode_data_url(url: str, *, max_bytes: int) -> bytes:
    """Return the bytes inside a ``data:`` address.

    Raises
    ------
    ValueError
        With the reason in words; `TooLargeError` where that is the size.
    """
    match = _DATA_URL.fullmatch(url)
    if match is None:
        raise ValueError("a data: address without a comma")
    kind, text = match.groups()
    if len(text) > 3 * max_bytes + 4:  # the longest way to write a byte is %xx
        raise TooLargeError(f"larger than {max_bytes:,} bytes")
    data = unquote_to_bytes(text)
    if kind.lower().rpartition(";")[2].strip() == "base64":
        try:
            data = base64.b64decode(re.sub(rb"\s", b"", data) + b"==", validate=False)
        except binascii.Error as exc:
            raise ValueError("a data: address whose base64 is damaged") from exc
    if len(data) > max_bytes:
        raise TooLargeError(f"larger than {max_bytes:,} bytes")
    return data
