"""By what it shows that anything below a folder has changed: names, sizes and times of all files."""

import hashlib
import os
import stat
from array import array
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from cleaner.dataset.folders import is_passed_over


def fingerprint(
    root: Path, *, hidden: bool, exclude: Path | None, own: Callable[[str], bool]
) -> bytes | None:
    """Return a digest that changes whenever a file below a folder comes, goes, changes or is renamed.

    It looks into the folders that `cleaner.dataset.folders.list_images` looks into, and at all files there.

    Parameters
    ----------
    root : Path
        The folder.
    hidden, exclude
        As for `list_images`.
    own : callable
        Tells by the plain name whether a table is one that cleaner wrote: then only its name counts.

    Returns
    -------
    bytes or None
        None where it cannot be told so: there is a link, or a folder that cannot be read.
    """
    excluded = None if exclude is None else os.path.realpath(exclude)
    digest = hashlib.blake2b(digest_size=32)
    folders = [os.path.realpath(root)]
    try:
        while folders:
            folder = folders.pop()
            inside = _take(digest, folder, hidden=hidden, own=own)
            if inside is None:
                return None
            folders += [path for path in inside if path != excluded]
    except OSError:
        return None
    return digest.digest()


def _take(
    digest: hashlib.blake2b, folder: str, *, hidden: bool, own: Callable[[str], bool]
) -> list[str] | None:
    """Take one folder in, and return the folders in it; None: there is something else than files in it."""
    names: list[str] = []
    marks = array("q")
    inside: list[str] = []
    with _entries(folder) as entries:
        for entry in entries:
            name = entry.name
            if name[0] == "." and (not hidden or name.startswith("._")):
                continue
            found = _look(folder, entry)
            kind = stat.S_IFMT(found.st_mode)
            if kind == stat.S_IFREG:
                names.append(name)
                if name.endswith(".csv") and own(name):
                    continue
                change = found.st_ino if os.name == "nt" else found.st_ctime_ns
                marks.extend((found.st_size, found.st_mtime_ns, change & 0x7FFFFFFFFFFFFFFF))
            elif kind != stat.S_IFDIR or (entry.is_junction() if hasattr(entry, "is_junction") else False):
                return None
            elif not is_passed_over(name):
                inside.append(f"{folder}{os.sep}{name}")
    digest.update("\0".join([folder, *names, "", *inside]).encode("utf-8", "surrogateescape"))
    digest.update(marks.tobytes())
    return inside


def _look(folder: str, entry: os.DirEntry[str]) -> os.stat_result:
    if os.name == "nt":  # where what was read with the folder lacks the number of the file
        return os.lstat(f"{folder}{os.sep}{entry.name}")
    return entry.stat(follow_symlinks=False)


@contextmanager
def _entries(folder: str) -> Iterator[Iterator[os.DirEntry[str]]]:
    if os.scandir not in os.supports_fd:
        with os.scandir(folder) as entries:
            yield entries
        return
    handle = os.open(folder, os.O_RDONLY)  # a fifth quicker than by whole paths, and more in deep folders
    try:
        with os.scandir(handle) as entries:
            yield entries
    finally:
        os.close(handle)
