"""A new folder that is complete or absent, and files that are copied or linked into it."""

from __future__ import annotations

import errno
import logging
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cleaner.errors import CatalogError
from cleaner.images.archives import in_archive, read_bytes

logger = logging.getLogger(__name__)

_NO_LINK = {errno.EXDEV, errno.EPERM, errno.EMLINK, errno.ENOTSUP, errno.EACCES}


@contextmanager
def new_folder(to: Path | str, *, apart_from: Path | None) -> Iterator[Path]:
    """Build a folder beside its place, and rename it at the end; an exception leaves nothing behind.

    Parameters
    ----------
    to : Path or str
        The new folder; it must be absent or empty.
    apart_from : Path, optional
        A data set with which the new folder must not overlap.

    Yields
    ------
    Path
        The folder to fill.

    Raises
    ------
    CatalogError
        ``to`` cannot be used.
    """
    target = _checked_target(Path(to), apart_from)
    partial = target.with_name(f".{target.name}.partial-{os.getpid()}")
    shutil.rmtree(partial, ignore_errors=True)
    try:
        partial.mkdir(parents=True)
    except OSError as exc:
        raise CatalogError(f"Cannot make the folder {to}: {exc.strerror}. Give another one.") from exc
    try:
        yield partial
        if target.exists():
            target.rmdir()  # empty, as checked; Windows renames over no folder
        partial.replace(target)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise


def _checked_target(to: Path, apart_from: Path | None) -> Path:
    target = to.expanduser().resolve()
    if target.exists() and not target.is_dir():
        raise CatalogError(f"{to} is a file; give a new folder.")
    if target.is_dir() and any(target.iterdir()):
        raise CatalogError(f"{to} is not empty; give a new folder, so that old and new files cannot mix.")
    if apart_from is not None:
        root = apart_from.resolve()
        if target == root or root in target.parents or target in root.parents:
            raise CatalogError(f"{to} and the data set {root} overlap; give a folder outside the data set.")
    return target


def place_file(source: Path, target: Path, *, link: bool) -> bool:
    """Put one file in its new place; return whether it is a hard link, as no file from an archive can be.

    Raises
    ------
    FileNotFoundError
        There is no such file.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    if in_archive(source):
        target.write_bytes(read_bytes(source))
        return False
    if link:
        try:
            os.link(source.resolve(), target)
        except OSError as exc:
            if exc.errno not in _NO_LINK:
                raise
            logger.info("no hard link from %s (%s): copied instead", source, exc.strerror)
        else:
            return True
    shutil.copy2(source, target)
    return False
