"""Find the images below a folder or in an archive, and keep names from leading out of it."""

import os
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from cleaner.errors import CatalogError
from cleaner.images import archives
from cleaner.images.formats import SUFFIXES, is_candidate

STATE_FOLDER = ".cleaner"

# Side folders of file managers, archives and network storage: never images of the set.
_JUNK_FOLDERS = frozenset(
    {STATE_FOLDER, "__MACOSX", "@eaDir", "$RECYCLE.BIN", "System Volume Information", ".Trashes"}
)
_REPEATED = "the archive has another file of this name after it, which is taken instead"
_LEADS_OUT = "a link that leads out of the folder"


@dataclass
class Listing:
    """What `list_images` found.

    Attributes
    ----------
    names : list of str
        POSIX paths relative to the root, sorted.
    left_out : list of (str, str)
        Name and reason of what looks like part of the set but cannot be.
    led_out : list of str
        Those of them that are links which lead out of the root.
    others : dict of str to list of str
        Names of the other files by suffix, in small letters and with the dot; "" for none.
    """

    names: list[str] = field(default_factory=list)
    left_out: list[tuple[str, str]] = field(default_factory=list)
    led_out: list[str] = field(default_factory=list)
    others: defaultdict[str, list[str]] = field(default_factory=lambda: defaultdict(list))


def list_images(
    root: Path, *, hidden: bool = False, follow_links: bool = False, exclude: Path | None = None
) -> Listing:
    """List the images below a folder or in an archive, by name and first bytes only.

    Where a folder has no image but zip or tar archives, those in the archives are listed.

    Parameters
    ----------
    root : Path
        The folder or archive.
    hidden : bool
        List files and enter folders whose names begin with a dot, too; never cleaner's own.
    follow_links : bool
        Follow links that lead out of the root.
    exclude : Path, optional
        A folder below the root that is not part of the set.

    Raises
    ------
    CatalogError
        The archive cannot be read.
    """
    found = Listing()
    if archives.is_archive(root):
        _list_archive("", root, found, hidden=hidden)
        return _sorted(found)
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
            if is_passed_over(entry.name) or target == excluded:
                continue
            if linked and not follow_links and not _within(target, real_root):
                found.left_out.append((printable(name), _LEADS_OUT))
                found.led_out.append(printable(name))
            elif linked and (target in entered or _within(target, real_root)):
                found.left_out.append((printable(name), "a link to a folder whose files are listed already"))
            else:
                entered.add(target)
                folders.append((name + "/", target))
    if not found.names:
        for name in [name for suffix in archives.SUFFIXES for name in found.others.pop(suffix, ())]:
            try:
                _list_archive(name + "/", Path(root, name), found, hidden=hidden)
            except CatalogError as exc:
                found.left_out.append((name, str(exc)))
    return _sorted(found)


def _sorted(found: Listing) -> Listing:
    found.names.sort()
    found.left_out.sort()
    return found


def _list_archive(prefix: str, path: Path, found: Listing, *, hidden: bool) -> None:
    """List what is in an archive, or in several shards, by the rules for folders.

    Raises
    ------
    CatalogError
        It cannot be read.
    """
    try:
        listings = archives.archives_at(path)
    except OSError as exc:
        at = exc.filename or path
        raise CatalogError(f"The archive {at} cannot be read: {exc.strerror or exc}.") from exc
    for shard, archive in listings:
        front = prefix + shard
        left_out = [*archive.left_out.items(), *((name, _REPEATED) for name in archive.repeated)]
        found.left_out += [(printable(front + name), why) for name, why in left_out if _counts(name, hidden)]
        passed: dict[str, bool] = {}  # a folder's name is judged once, not for each of a million files
        for name in archive.members:
            folder, _, last = name.rpartition("/")
            if folder not in passed:
                passed[folder] = not folder or _counts(folder, hidden, is_folder=True)
            if passed[folder] and _counts(last, hidden):
                _list_member(path, prefix, shard + name, found, hidden=hidden)


def _list_member(path: Path, prefix: str, name: str, found: Listing, *, hidden: bool) -> None:
    last = name.rpartition("/")[2]
    dot = last.rfind(".")
    suffix = last[dot:].lower() if dot > 0 else ""
    if not (suffix in SUFFIXES if suffix else is_candidate(path / name, hidden=hidden)):
        found.others[suffix].append(printable(prefix + name))
    elif problem := name_problem(name):
        found.left_out.append((printable(prefix + name), problem))
    else:
        found.names.append(prefix + name)


def _counts(name: str, hidden: bool, *, is_folder: bool = False) -> bool:
    """Tell whether a file in an archive would be listed if it lay in a folder, by the names on its path."""
    parts = name.split("/")
    folders = parts if is_folder else parts[:-1]
    return not any(
        part.startswith("._") or (part.startswith(".") and not hidden and part not in (".", ".."))
        for part in parts
    ) and not any(map(is_passed_over, folders))


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
        found.led_out.append(printable(name))
    elif printable(name) != name:
        found.left_out.append((printable(name), "its name is not valid Unicode; rename it"))
    else:
        found.names.append(name)


def is_ignored(folder: str) -> bool:
    """Tell whether folders of this name are not looked into: hidden ones, and side folders of programs."""
    return folder.startswith(".") or is_passed_over(folder)


def is_passed_over(folder: str) -> bool:
    """Tell whether folders of this name are side folders of programs, which are never part of a set."""
    state = tuple(suffix + STATE_FOLDER for suffix in archives.SUFFIXES)
    return folder in _JUNK_FOLDERS or folder.lower().endswith(state)


def own_state(root: Path) -> Path:
    """Return the usual state folder of a set: in its folder, or beside its archive and named after it."""
    return (
        root.with_name(root.name + STATE_FOLDER) if archives.is_called_archive(root) else root / STATE_FOLDER
    )


def home_of(root: Path) -> Path:
    """Return the folder for results of a set: its own, or the one in which its archive lies."""
    return root.parent if archives.is_called_archive(root) else root


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
    return name if name.isascii() else name.encode("utf-8", "backslashreplace").decode("utf-8")


def name_problem(name: str) -> str | None:
    """Say why a name from a table cannot be a file below the root, judged by the name alone; None: it can."""
    if not name:
        return "no file name"
    if "\0" in name:
        return "a name with a zero byte"
    if printable(name) != name:
        return "its name is not valid Unicode; rename it"
    if name.startswith(("/", "\\\\")) or (
        ":" in name and (os.name == "nt" or re.match(r"[A-Za-z]:[\\/]", name))
    ):
        return "an absolute path; names must be relative to the data set's folder"
    if ".." in name and ".." in re.split(r"[\\/]" if os.name == "nt" else "/", name):
        return "leads out of the data set's folder (..)"
    return "no file name" if set(name.split("/")) <= {"", "."} else None


def place_of(
    root: Path, name: str, *, follow_links: bool = False, real_folders: dict[str, str] | None = None
) -> str | None:
    """Say why a name that `name_problem` passed is no file below the root; None: it is one.

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
    if archives.in_archive(path):
        return archives.why_not(path)
    if not os.path.lexists(path):
        return "there is no such file"
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
