"""Find the images below a folder, and keep names from leading out of it."""

import os
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from cleaner.images.formats import SUFFIXES, is_candidate

STATE_FOLDER = ".cleaner"

# Side folders of file managers, archives and network storage: never images of the set.
_JUNK_FOLDERS = frozenset(
    {STATE_FOLDER, "__MACOSX", "@eaDir", "$RECYCLE.BIN", "System Volume Information", ".Trashes"}
)
_LEADS_OUT = "a link that leads out of the folder; --follow-links lets it"


@dataclass
class Listing:
    """What `list_images` found.

    Attributes
    ----------
    names : list of str
        POSIX paths relative to the root, sorted.
    left_out : list of (str, str)
        Name and reason of what looks like part of the set but cannot be.
    others : dict of str to list of str
        Names of the other files by suffix, in small letters and with the dot; "" for none.
    """

    names: list[str] = field(default_factory=list)
    left_out: list[tuple[str, str]] = field(default_factory=list)
    others: defaultdict[str, list[str]] = field(default_factory=lambda: defaultdict(list))


def list_images(
    root: Path, *, hidden: bool = False, follow_links: bool = False, exclude: Path | None = None
) -> Listing:
    """List the images below a folder, by name and first bytes only.

    Parameters
    ----------
    root : Path
        The folder.
    hidden : bool
        List files and enter folders whose names begin with a dot, too; never cleaner's own.
    follow_links : bool
        Follow links that lead out of the root.
    exclude : Path, optional
        A folder below the root that is not part of the set.
    """
    found = Listing()
    excluded = None if exclude is None else os.path.realpath(exclude)
    real_root = os.path.realpath(root)
    entered = {real_root}
    folders = [("", real_root)]
    while folders:
        prefix, folder = folders.pop()
        for entry in _entries(prefix, folder, found):
            name = prefix + entry.name
            if entry.name.startswith("._") or (entry.name.startswith(".") and not hidden):
                continue
            linked = entry.is_symlink() or _is_junction(entry)
            if not is_folder(entry):
                _list_file(entry, name, linked, real_root, found, hidden=hidden, follow_links=follow_links)
                continue
            target = os.path.realpath(entry.path) if linked else entry.path
            if entry.name in _JUNK_FOLDERS or target == excluded:
                continue
            if linked and not follow_links and not _within(target, real_root):
                found.left_out.append((printable(name), _LEADS_OUT))
            elif linked and (target in entered or _within(target, real_root)):
                found.left_out.append((printable(name), "a link to a folder whose files are listed already"))
            else:
                entered.add(target)
                folders.append((name + "/", target))
    found.names.sort()
    found.left_out.sort()
    return found


def _entries(prefix: str, folder: str, found: Listing) -> Iterator[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            yield from entries
    except OSError as exc:
        found.left_out.append((printable(prefix) or ".", f"this folder cannot be read: {exc.strerror}"))


def _list_file(
    entry: os.DirEntry[str],
    name: str,
    linked: bool,
    real_root: str,
    found: Listing,
    *,
    hidden: bool,
    follow_links: bool,
) -> None:
    dot = entry.name.rfind(".")
    known = entry.name[dot:].lower() in SUFFIXES if dot > 0 else is_candidate(Path(entry.path), hidden=hidden)
    if not known:
        found.others[entry.name[dot:].lower() if dot > 0 else ""].append(printable(name))
    elif not _is_file(entry):
        reason = "a link to a file that is not there" if linked else "neither a file nor a folder"
        found.left_out.append((printable(name), reason))
    elif linked and not follow_links and not _within(os.path.realpath(entry.path), real_root):
        found.left_out.append((printable(name), _LEADS_OUT))
    elif printable(name) != name:
        found.left_out.append((printable(name), "its name is not valid Unicode; rename it"))
    else:
        found.names.append(name)


def is_ignored(folder: str) -> bool:
    """Tell whether folders of this name are not looked into: hidden ones, and side folders of programs."""
    return folder.startswith(".") or folder in _JUNK_FOLDERS


def is_folder(entry: os.DirEntry[str]) -> bool:
    """Tell whether what was found in a folder is one, or a link to one."""
    try:
        return entry.is_dir()
    except OSError:  # a loop of links: `_is_file` is false, too, and the reason is given there
        return False


def _is_file(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_file()
    except OSError:
        return False


def _is_junction(entry: os.DirEntry[str]) -> bool:
    test = getattr(entry, "is_junction", None)  # Windows' other kind of link; Python 3.12
    return bool(test and test())


def _within(path: str, root: str) -> bool:
    return path == root or path.startswith(root.rstrip(os.sep) + os.sep)


def printable(name: str) -> str:
    r"""Return a name that can be shown and stored: bytes that are no UTF-8 are written as ``\\udc..``."""
    return name.encode("utf-8", "backslashreplace").decode("utf-8")


def name_problem(name: str) -> str | None:
    """Say why a name from a table cannot be a file below the root, judged by the name alone; None: it can."""
    if not name:
        return "no file name"
    if "\0" in name:
        return "a name with a zero byte"
    if printable(name) != name:
        return "its name is not valid Unicode; rename it"
    if (
        name.startswith(("/", "\\\\"))
        or re.match(r"[A-Za-z]:[\\/]", name)
        or (os.name == "nt" and ":" in name)
    ):
        return "an absolute path; names must be relative to the data set's folder"
    if ".." in re.split(r"[\\/]" if os.name == "nt" else "/", name):
        return "leads out of the data set's folder (..)"
    if str(PurePosixPath(name)) == ".":
        return "no file name"
    return None


def place_of(
    root: Path, name: str, *, follow_links: bool = False, real_folders: dict[str, str] | None = None
) -> str | None:
    """Say why a name that `name_problem` passed is no file below the root on the disk; None: it is one.

    Parameters
    ----------
    root : Path
        The folder, resolved.
    name : str
        Relative POSIX name.
    follow_links : bool
        Allow links that lead out of the root.
    real_folders : dict, optional
        Remembers where folders really are, when many names are asked for.
    """
    # os.path throughout: a set of fifty thousand names would spend seconds on making Path objects.
    path = f"{root}/{name}"
    if not os.path.lexists(path):
        return "missing: there is no such file"
    if not follow_links:
        real_folders = {} if real_folders is None else real_folders
        folder = path.rpartition("/")[0]
        if folder not in real_folders:
            real_folders[folder] = os.path.realpath(folder)
        inside = _within(real_folders[folder], str(root))
        if inside and os.path.islink(path):  # noqa: PTH114
            inside = _within(os.path.realpath(path), str(root))
        if not inside:
            return _LEADS_OUT
    if not os.path.isfile(path):  # noqa: PTH113
        return "a folder, not a file" if Path(path).is_dir() else "a link to a file that is not there"
    return None
