"""The labels that a list of addresses comes with, kept in ``labels.csv`` beside the images."""

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from cleaner.collect.urls import UrlList
from cleaner.errors import DownloadError
from cleaner.util.atomic import write_atomically
from cleaner.util.csvfile import csv_text, decode_csv, read_csv

LABELS_CSV = "labels.csv"


@dataclass(frozen=True)
class KeptLabels:
    """What was kept of a list's labels.

    Attributes
    ----------
    path : Path
        The table: ``name``, ``label`` and the other columns of the list.
    images : int
        Images that are in it by now.
    disputed : tuple of str
        Images that the list gives several labels, by several addresses: the first label was kept.
    """

    path: Path
    images: int
    disputed: tuple[str, ...]


def keep_labels(folder: Path, urls: UrlList, files: Iterable[tuple[str, str]]) -> KeptLabels | None:
    """Add the images of a download to the labels of a folder; rows that are there stay as they are.

    Parameters
    ----------
    folder : Path
    urls : UrlList
        The list that was downloaded.
    files : iterable of (str, str)
        Address and name of each image that is there.

    Returns
    -------
    KeptLabels or None
        None if the list has no labels, or none of an image that is there.

    Raises
    ------
    DownloadError
        The table cannot be written.
    """
    if urls.label is None:
        return None
    header = ["name", "label", *(column for i, column in enumerate(urls.header) if i != urls.label)]
    header = [*header[:2], *(f"{column}_given" if column in header[:2] else column for column in header[2:])]
    path, rows = _present(folder, header)
    before = len(rows)
    labels: dict[str, str] = {}
    disputed: dict[str, None] = {}
    for url, name in files:
        values = urls.rows.get(url)
        if values is None:
            continue
        label = values[urls.label]
        if labels.setdefault(name, label) != label:
            disputed[name] = None
        others = (value for i, value in enumerate(values) if i != urls.label)
        rows.setdefault(name, [name, label, *others])
    if not labels:
        return None
    if len(rows) > before:
        try:
            write_atomically(path, csv_text(header, rows.values()).encode("utf-8", "surrogateescape"))
        except OSError as exc:
            raise DownloadError(f"The labels cannot be written to {path}: {exc.strerror or exc}.") from exc
    return KeptLabels(path, len(rows), tuple(disputed))


def _present(folder: Path, header: list[str]) -> tuple[Path, dict[str, list[str]]]:
    """Return the table to add to, and its rows: the first one that has these columns, or is not there yet."""
    names = (LABELS_CSV if number == 1 else f"labels-{number}.csv" for number in count(1))
    for path in map(folder.joinpath, names):
        try:
            found, rows = read_csv(decode_csv(path.read_bytes()))
        except FileNotFoundError:
            return path, {}
        except (OSError, csv.Error):  # something else of that name
            continue
        if found == header:
            return path, {row[0]: row for row in rows}
    raise AssertionError  # the names never end
