"""Zip and tar archives: unpacked into a new folder, which is then read; and a new zip archive of folders.

Images in an archive can be reviewed where they are. They are unpacked for documents of other tools that lie
beside them, for archives that are compressed as a whole, and for those whose files are to be moved. Only
regular files are unpacked, and only images and the documents of known formats; names that lead out of the
folder, links, encrypted files and what would fill the disk are left out or refused.
"""

from __future__ import annotations

import io
import shutil
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO

from cleaner.advice import Advice
from cleaner.dataset.export import COLUMNS, LABELS_CSV, Tree, safe_name
from cleaner.dataset.findings import Finding
from cleaner.dataset.folders import name_problem, printable
from cleaner.dataset.formats.entries import Reading, ReadOptions, Writing
from cleaner.dataset.new_folder import new_folder
from cleaner.errors import CatalogError
from cleaner.images.archives import MOST_FILE_BYTES, is_archive, is_file, read_bytes, zip_name, zip_problem
from cleaner.images.formats import SUFFIXES
from cleaner.util.csvfile import csv_text
from cleaner.util.wording import count

_DOCUMENTS = frozenset({".json", ".jsonl", ".csv", ".xml", ".xlsx", ".parquet"})
_NEW_ZIP = "images.zip"
_SPARE_BYTES = 10**9  # of the disk
_BLOCK = 1 << 20


@dataclass(frozen=True, kw_only=True)
class Member:
    """One regular file of an archive.

    Attributes
    ----------
    name : str
        As the archive has it.
    size_bytes : int
        Unpacked, as the archive says.
    problem : str or None
        Why it is not unpacked.
    open : callable
        Opens it for reading.
    """

    name: str
    size_bytes: int
    problem: str | None
    open: Callable[[], IO[bytes]]


def recognises(source: Path) -> bool:
    """Tell whether a file is a zip or tar archive."""
    if not source.is_file() or source.suffix.lower() == ".xlsx":
        return False
    return zipfile.is_zipfile(source) or tarfile.is_tarfile(source)


def members(source: Path) -> Iterator[Member]:
    """Yield the regular files of an archive; each can be opened until the next is asked for.

    Raises
    ------
    CatalogError
        The archive is damaged.
    """
    try:
        if zipfile.is_zipfile(source):
            with zipfile.ZipFile(source) as archive:
                for info in archive.infolist():
                    if not info.is_dir():
                        problem = zip_problem(info)
                        yield Member(
                            name=zip_name(info),
                            size_bytes=info.file_size,
                            problem=problem,
                            open=lambda info=info: archive.open(info),  # type: ignore[misc] # the info of now
                        )
        else:
            with tarfile.open(source) as tar:
                for entry in tar:
                    if not entry.isdir():
                        yield Member(
                            name=entry.name,
                            size_bytes=entry.size,
                            problem=None if entry.isreg() else "a link or a device, not a file",
                            open=lambda entry=entry: tar.extractfile(entry) or io.BytesIO(),  # type: ignore[misc]
                        )
    # zipfile raises NotImplementedError for a version that it does not know.
    except (zipfile.BadZipFile, tarfile.TarError, EOFError, OSError, NotImplementedError) as exc:
        raise CatalogError(f"The archive {source} cannot be read: {exc}.") from exc


class Unpacker:
    """Writes files of an archive into a folder.

    Parameters
    ----------
    folder : Path
        An empty folder.

    Attributes
    ----------
    left_out : list of str
        Names and reasons of what was not written.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._taken: set[str] = set()
        self._left_bytes = shutil.disk_usage(folder).free - _SPARE_BYTES
        self.left_out: list[str] = []

    def unpack(self, member: Member, *, name: str | None = None) -> str | None:
        """Write one file; return its name in the folder, or None if it was left out.

        Raises
        ------
        CatalogError
            The disk would be full.
        """
        wanted = (name or member.name).replace("\\", "/")
        problem = member.problem or name_problem(wanted)
        if problem is None and member.size_bytes > MOST_FILE_BYTES:
            problem = f"larger than {MOST_FILE_BYTES:,} bytes"
        if problem is not None:
            self.left_out.append(f"{printable(member.name)}: {problem}")
            return None
        try:
            with member.open() as stream:
                return self._write(wanted, stream, member.size_bytes)
        except (zipfile.BadZipFile, tarfile.TarError, zlib.error, EOFError) as exc:
            self.left_out.append(f"{printable(member.name)}: damaged ({exc})")
            return None

    def write(self, name: str, data: bytes) -> str:
        """Write bytes as a file; return its name in the folder."""
        return self._write(name, io.BytesIO(data), len(data))

    def _write(self, wanted: str, stream: IO[bytes], size_bytes: int) -> str:
        self._left_bytes -= size_bytes
        if self._left_bytes < 0:
            raise CatalogError(
                Advice(
                    "The disk has no room for the unpacked images.",
                    "Give another place with --to.",
                    "Make room, or import it on the command line into another place (cleaner import --to).",
                )
            )
        name = self._free(wanted)
        path = self._folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        left = size_bytes
        try:
            with path.open("wb") as file:
                while left > 0 and (block := stream.read(min(_BLOCK, left))):
                    file.write(block)
                    left -= len(block)
        except BaseException:
            path.unlink(missing_ok=True)  # half a file is none
            raise
        return name

    def _free(self, wanted: str) -> str:
        """Return a name that every file system takes, and that nothing else has."""
        path = PurePosixPath(*(safe_name(part) for part in PurePosixPath(wanted).parts))
        name, number = str(path), 2
        while name.casefold() in self._taken:
            name = str(path.with_name(f"{path.stem}-{number}{path.suffix}"))
            number += 1
        self._taken.add(name.casefold())
        return name


def home_of(source: Path, options: ReadOptions) -> Path:
    """Return the new folder for the images of a source: as asked for, or beside the source."""
    if options.to is not None:
        return options.to
    stem = source.name.split(".")[0] if source.is_file() else f"{source.resolve().name}-images"
    return source.resolve().with_name(stem or "images")


def unpacked(source: Path, options: ReadOptions) -> tuple[Path, list[Finding]]:
    """Unpack an archive; return the new folder, and what was left out.

    Raises
    ------
    CatalogError
        It cannot be read, or holds no image.
    """
    to = home_of(source, options)
    others = images = 0
    with new_folder(to, apart_from=None) as folder:
        unpacker = Unpacker(folder)
        for member in members(source):
            suffix = PurePosixPath(member.name).suffix.lower()
            if PurePosixPath(member.name).name.startswith("._") or "__MACOSX/" in member.name:
                continue
            if suffix in SUFFIXES or suffix in _DOCUMENTS:
                images += unpacker.unpack(member) is not None and suffix in SUFFIXES
            else:
                others += 1
        if not images and not any(folder.rglob("*.parquet")):
            first = f" The first that was left out: {unpacker.left_out[0]}." if unpacker.left_out else ""
            raise CatalogError(f"There is no image in the archive {source}.{first}")
    findings = [Finding(topic="unpacked", text=f"Unpacked into {to}: {count(images, 'image')}.")]
    if unpacker.left_out:
        text = f"Left out of the archive: {count(len(unpacker.left_out), 'file')}."
        findings.append(
            Finding(topic="left out", text=text, doubtful=True, examples=tuple(unpacker.left_out))
        )
    return to.expanduser().resolve(), findings


def write(job: Writing) -> None:
    """Write the images that stay into a new zip archive: ``<split>/<class>/<file>``, and ``labels.csv``."""
    staying = [image for image in job.images if not image.deleted]
    labelled = [(image.name, image.label, image.split or "") for image in staying if image.label]
    if not labelled:
        raise CatalogError(f"Nothing to export: none of the {len(staying)} images has a label.")
    tree = Tree(labelled, by_class=all(image.classes is None for image in staying))
    rows = []
    with zipfile.ZipFile(job.folder / _NEW_ZIP, "w", zipfile.ZIP_STORED) as zipped:
        for name, label, split in labelled:
            path = job.path(name)
            if is_file(path):
                new_name = tree.new_name(name, label, split)
                zipped.writestr(new_name, read_bytes(path))
                rows.append((new_name, label, split, name))
        zipped.writestr(LABELS_CSV, csv_text(COLUMNS, rows))
    if len(rows) < len(labelled):
        job.notes.append(
            f"Left out because the file is missing: {count(len(labelled) - len(rows), 'image')}."
        )
    if len(labelled) < len(staying):
        without = count(len(staying) - len(labelled), "image")
        job.notes.append(f"Left out because they have no label: {without}.")


def where_it_is(source: Path) -> Iterator[Finding]:
    """Say that a source need not be unpacked, where that is so."""
    if is_archive(source) or source.is_dir():
        text = f"It can also be reviewed where it is, without unpacking: “cleaner app {source}”."
        yield Finding(topic="in place", text=text)


def read(source: Path, options: ReadOptions) -> Reading:
    """Unpack an archive whose folders are the labels."""
    root, findings = unpacked(source, options)
    return Reading(root=root, entries=[], base=root, findings=findings)
