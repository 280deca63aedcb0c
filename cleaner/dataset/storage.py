"""Where the files of a set are, for processes on any machine: a folder that each of them has, or a URL.

A storage holds nothing but a name, so that it can be sent to the processes that read.
"""

from __future__ import annotations

import functools
import re
import socket
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from cleaner.dataset.folders import is_ignored, name_problem
from cleaner.errors import CatalogError
from cleaner.images.archives import State, exists, read_bytes, state_of
from cleaner.images.formats import SUFFIXES

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):(?=/)")  # two letters or more: one is a drive of Windows
_EXTRAS = {"s3": "s3", "s3a": "s3", "gs": "gs", "gcs": "gs"}
# What services call a mark that is another one for another content, and the time of the last change.
_MARKS = ("ETag", "etag", "md5Hash", "generation")
_TIMES = ("LastModified", "last_modified", "updated", "mtime", "created")


def is_url(place: str | Path) -> bool:
    """Tell whether a place is a URL, such as ``s3://bucket/bears``, and not a path of this machine."""
    return _SCHEME.match(str(place)) is not None


class Storage(Protocol):
    """Gives the files of a set by name, in whichever process it is."""

    def why_not(self) -> str | None:
        """Say why this machine cannot read anything there; None: it can."""

    def read(self, name: str) -> bytes:
        """Return the content of a file; raises `OSError`."""


@dataclass(frozen=True)
class FolderStorage:
    """A folder or archive that each machine has under the same path.

    Parameters
    ----------
    root : Path
    """

    root: Path

    def states(self, names: Iterable[str]) -> dict[str, State]:
        """Return the present states of files by name; that of a file which is gone is of no size."""
        return {name: self._state(name) for name in names}

    def _state(self, name: str) -> State:
        try:
            return state_of(f"{self.root}/{name}")
        except OSError:  # whoever reads it says why
            return State(0, 0)

    def why_not(self) -> str | None:
        """Say that this machine does not have it."""
        if exists(self.root):
            return None
        return (
            f"{socket.gethostname()} has no {self.root}. Every machine needs the images under the same path, "
            "such as that of a network drive. Or give a URL."
        )

    def read(self, name: str) -> bytes:
        """Return the content of a file; raises `OSError`."""
        return read_bytes(self.root / name)


@dataclass(frozen=True)
class UrlStorage:
    """The files below a URL, read through fsspec, with the credentials that each machine has.

    Parameters
    ----------
    url : str
        Such as ``s3://bucket/bears``.
    """

    url: str

    def listed(self) -> dict[str, State]:
        """List the images below the URL: what has the suffix of an image, and is not hidden.

        Returns
        -------
        dict of str to State
            By name relative to the URL, sorted.

        Raises
        ------
        CatalogError
            It cannot be listed, or there is no image.
        """
        fs, root = _opened(self.url)
        try:
            found = fs.find(root, detail=True)
        except Exception as exc:  # the drivers of the many services raise errors of their own
            raise CatalogError(
                f"Cannot list {self.url}: {exc}. Check the address, and that you may read it."
            ) from exc
        names = {path.removeprefix(root).lstrip("/"): about for path, about in found.items()}
        states = {name: _state(about) for name, about in sorted(names.items()) if _is_image(name)}
        if not states:
            raise CatalogError(f"There are no images below {self.url}. Check the address.")
        return states

    def why_not(self) -> str | None:
        """Say that this machine lacks what reads such URLs."""
        try:
            _opened(self.url)
        except CatalogError as exc:
            return f"{socket.gethostname()} cannot read the images. {exc}"
        return None

    def read(self, name: str) -> bytes:
        """Return the content of a file; raises `OSError`."""
        fs, root = _opened(self.url)
        try:
            content: bytes = fs.cat_file(f"{root}/{name}")
        except OSError:
            raise
        except Exception as exc:  # the drivers of the many services raise errors of their own
            raise OSError(str(exc)) from exc
        return content


@functools.cache  # the file system keeps its connections
def _opened(url: str) -> tuple[Any, str]:
    """Return the file system of a URL, and the path of the URL in it."""
    from fsspec.core import url_to_fs  # 0.1 s, for URLs alone

    found = _SCHEME.match(url)
    extra = _EXTRAS.get(found.group(1) if found else "")
    try:
        fs, root = url_to_fs(url)
    except ImportError as exc:
        how = "" if extra is None else f" Install it with: pip install 'cleaner[{extra}]'"
        raise CatalogError(f"Reading {url} needs another package: {exc}.{how}") from exc
    except Exception as exc:  # an unknown kind of URL, or whatever a driver does not like about it
        raise CatalogError(f"Cannot use {url}: {exc}. Expected a URL such as s3://bucket/folder.") from exc
    return fs, root.rstrip("/")


def _is_image(name: str) -> bool:
    *folders, last = name.split("/")
    dot = last.rfind(".")
    shown = not last.startswith(".") and not any(map(is_ignored, folders))
    return shown and dot > 0 and last[dot:].lower() in SUFFIXES and name_problem(name) is None


def _state(about: Mapping[str, Any]) -> State:
    """Return by what a change shows, of what a service tells about a file."""
    mark = next((str(about[key]) for key in _MARKS if about.get(key)), "")
    changed = next((about[key] for key in _TIMES if about.get(key)), 0.0)
    if isinstance(changed, str):
        changed = datetime.fromisoformat(changed)
    seconds = changed.timestamp() if isinstance(changed, datetime) else float(changed)
    return State(int(about["size"]), round(seconds * 1e9), mark)
