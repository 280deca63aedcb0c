"""The cleaned set as a folder tree, ready for any other tool."""

from __future__ import annotations

import csv
import hashlib
import os
import re
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from cleaner.dataset.catalog import Catalog
from cleaner.dataset.class_folders import folders_of
from cleaner.dataset.new_folder import new_folder, place_file
from cleaner.errors import CatalogError
from cleaner.util.progress import SILENT, Reporter, Stage

LABELS_CSV = "labels.csv"
COLUMNS = ("name", "label", "split", "original")
"""Columns of `LABELS_CSV`."""

_FORBIDDEN = re.compile(r'[<>:"/\\|?*\x00-\x1f\x7f]')
_RESERVED = re.compile(r"(?i)(con|prn|aux|nul|com\d|lpt\d)(\..*)?")
_MAX_NAME_BYTES = 200  # file systems stop at 255; room is left for a number and a temporary suffix


@dataclass(frozen=True)
class ExportResult:
    """What an export wrote.

    Attributes
    ----------
    folder : Path
        The new folder; it holds the images and ``labels.csv``.
    copied, linked : int
        Files that were copied, and files that share their bytes with the original (hard links).
    unlabelled : int
        Images that have no label yet and were therefore left out.
    missing : tuple of str
        Names whose file is no longer there.
    renamed : dict of str to str
        From class to folder, of the classes that could not be the name of one. They are read back from it
        (`cleaner.dataset.class_folders`), but for those that are too long: ``labels.csv`` has them.
    """

    folder: Path
    copied: int
    linked: int
    unlabelled: int
    missing: tuple[str, ...]
    renamed: dict[str, str]


def export_tree(
    catalog: Catalog, to: Path | str, *, link: bool = False, flat: bool = False, reporter: Reporter = SILENT
) -> ExportResult:
    """Lay out a catalog as ``to/<split>/<class>/<file>``, without touching the originals.

    Where images can have several labels, there are no folders of classes.

    The tree is built beside its place and renamed at the end, so that ``to`` is complete or absent.
    ``to/labels.csv`` lists ``name,label,split,original``: exact labels even where a class cannot be a folder
    name.

    Parameters
    ----------
    catalog : Catalog
        Usually ``workspace.cleaned()``.
    to : Path or str
        The new folder; it must be absent or empty, and lie outside the data set.
    link : bool
        Make hard links where the file system allows it (no second copy on the disk; a program that edits one
        file in place then changes both), and copy where it does not.
    flat : bool
        Leave out the folders ``train``, ``valid`` and ``test``.
    reporter : Reporter
        Hears about every file; may stop the export, which then leaves nothing behind.

    Raises
    ------
    CatalogError
        If ``to`` is not usable, or nothing would be written.
    Cancelled
        If the reporter says stop.
    """
    if catalog.root is None:
        msg = "The catalog has no root folder, so its files cannot be found; give root= when making it."
        raise CatalogError(msg)
    rows = _rows(catalog)
    labelled = [row for row in rows if row[1]]
    with new_folder(to, apart_from=catalog.root) as folder:
        if not labelled:
            raise CatalogError(f"Nothing to export: none of the {len(rows)} images has a label.")
        tree = Tree(labelled, flat=flat, by_class=catalog.label_sets is None)
        copied, linked, missing = _fill(folder, catalog, labelled, tree, link=link, reporter=reporter)
    target = Path(to).expanduser().resolve()
    renamed = {label: name for label, name in tree.folders.items() if name != label}
    return ExportResult(target, copied, linked, len(rows) - len(labelled), tuple(missing), renamed)


def _rows(catalog: Catalog) -> list[tuple[str, str, str]]:
    """Name, label and split of every image as text; what is missing is the empty string."""
    table = catalog.table
    columns = [
        table[c].astype(object).where(table[c].notna(), "").astype(str) for c in ("name", "label", "split")
    ]
    return list(zip(*columns, strict=True))


def _fill(
    folder: Path,
    catalog: Catalog,
    rows: list[tuple[str, str, str]],
    tree: Tree,
    *,
    link: bool,
    reporter: Reporter,
) -> tuple[int, int, list[str]]:
    missing: list[str] = []
    copied = linked = 0
    with (folder / LABELS_CSV).open("w", encoding="utf-8", errors="surrogateescape", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(COLUMNS)
        for done, (name, label, split) in enumerate(rows, start=1):
            reporter.check()
            new_name = tree.new_name(name, label, split)
            try:
                was_linked = place_file(catalog.path(name), folder / new_name, link=link)
            except FileNotFoundError:
                missing.append(name)
                continue
            linked, copied = linked + was_linked, copied + (not was_linked)
            writer.writerow([new_name, label, split, name])
            reporter(Stage.EXPORT, done, len(rows))
    return copied, linked, missing


class Tree:
    """Names of the files of a set in a tree ``<split>/<class>/<file>``.

    Parameters
    ----------
    rows : collection of (str, str, str)
        Name, label and split of each image.
    flat : bool
        Leave out the folders of the splits, as is done if an image has none.
    by_class : bool
        Leave out the folders of the classes if not: an image cannot lie in several.

    Attributes
    ----------
    folders : dict of str to str
        From class to folder.
    """

    def __init__(
        self, rows: Collection[tuple[str, str, str]], *, flat: bool = False, by_class: bool = True
    ) -> None:
        self.folders = _class_folders({label for _, label, _ in rows} if by_class else ())
        self._by_split = not flat and all(split for _, _, split in rows)
        self._taken: set[str] = set()

    def new_name(self, name: str, label: str, split: str) -> str:
        """Return a name that no other file has, not even in other letters' case."""
        parent = PurePosixPath(safe_name(split) if self._by_split else "", self.folders.get(label, ""))
        path = PurePosixPath(safe_name(PurePosixPath(name).name))
        candidate = str(parent / path)
        if candidate.casefold() in self._taken:
            candidate = str(parent / f"{path.stem}-{_digest(name)}{path.suffix}")
        self._taken.add(candidate.casefold())
        return candidate


def _class_folders(labels: Collection[str]) -> dict[str, str]:
    """Map every class to the name of its folder, a shortened one if the label is too long."""
    folders = folders_of(sorted(labels))
    return {label: folder or safe_name(label) for label, folder in folders.items()}


def safe_name(text: str) -> str:
    """Return ``text`` as a name that every file system takes and that leads nowhere else."""
    name = _FORBIDDEN.sub("_", text).rstrip(". ") or "_"
    if _RESERVED.fullmatch(name):
        name = f"_{name}"
    if len(os.fsencode(name)) > _MAX_NAME_BYTES:
        path = PurePosixPath(name)
        suffix = path.suffix if len(path.suffix) <= 10 else ""
        stem = os.fsencode(name)[: _MAX_NAME_BYTES - 20].decode(errors="ignore")
        name = f"{stem}-{_digest(text)}{suffix}"
    return name


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:8]
