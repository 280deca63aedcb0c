"""Which images are no longer where they were while a set is open: renamed, moved or deleted by others."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path


class FolderWatch:
    """Looks from time to time whether the files of a set are still in their folders.

    A folder is listed only when its own time has changed, as it does when a file in it comes, goes or is
    renamed. What is in archives is not watched.

    Parameters
    ----------
    root : Path
        The folder of the set.
    names : iterable of str
        Its images.
    """

    def __init__(self, root: Path, names: Iterable[str]) -> None:
        self._root, self._names = root, list(names)
        folders = {name.rpartition("/")[0] for name in self._names}
        times = {folder: _time_ns(root / folder) for folder in folders}
        self._times = {folder: time for folder, time in times.items() if time is not None}
        self._gone: dict[str, list[str]] = {}

    def gone(self) -> list[str]:
        """Return the images whose files are not there any more."""
        times = {folder: _time_ns(self._root / folder) for folder in self._times}
        changed = {folder for folder, time in times.items() if time != self._times[folder]}
        if changed:
            there = {folder: _listed(self._root / folder) for folder in changed}
            self._gone |= {folder: [] for folder in changed}
            for name in self._names:
                folder, _, file = name.rpartition("/")
                if folder in changed and file not in there[folder]:
                    self._gone[folder].append(name)
            self._times |= {folder: time or 0 for folder, time in times.items()}
        return [name for names in self._gone.values() for name in names]


def _time_ns(folder: Path) -> int | None:
    try:
        return folder.stat().st_mtime_ns if folder.is_dir() else None
    except OSError:  # what cannot be looked at has not provably changed
        return None


def _listed(folder: Path) -> set[str]:
    try:
        return {path.name for path in folder.iterdir()}
    except OSError:
        return set()
