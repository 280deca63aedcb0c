"""Where things are kept: the state folder of a data set, the user's folder, the list of recent sets."""

import hashlib
import logging
import uuid
from pathlib import Path

import psutil

from cleaner.advice import Advice
from cleaner.dataset.folders import STATE_FOLDER, own_state
from cleaner.dataset.identity import moved_state
from cleaner.dataset.storage import is_url
from cleaner.dataset.tables.text import refuse_other_kinds
from cleaner.dataset.user import home
from cleaner.errors import CatalogError
from cleaner.images.archives import archive_above, in_archive, is_archive, is_file
from cleaner.util.atomic import write_atomically

logger = logging.getLogger(__name__)

_NETWORK_TYPES = frozenset(
    {"nfs", "nfs4", "cifs", "smb3", "smbfs", "afpfs", "webdav", "davfs", "afs", "ceph", "glusterfs", "9p"}
    | {"fuse.sshfs", "fuse.rclone", "fuse.s3fs", "fuse.davfs", "fuse.davfs2", "fuse.glusterfs", "fuse.ceph"}
    | {"fuse.gcsfuse", "fuse.juicefs", "macfuse", "osxfuse", "lustre", "gpfs", "beegfs", "vboxsf", "prl_fs"}
)


def place_state(root: Path, *, state: Path | None, shared_store: bool) -> tuple[Path, list[str]]:
    """Choose and make the state folder.

    Parameters
    ----------
    root : Path
        The folder of the data set.
    state : Path, optional
        Where the user wants it; default: ``.cleaner`` in the root or, where that does not work, below `home`.
    shared_store : bool
        The decisions are kept elsewhere, so that a network folder is good enough for the rest.

    Returns
    -------
    folder : Path
        It exists and can be written to.
    notices : list of str
        Sentences for the user on what is unusual about it.

    Raises
    ------
    OSError
        The folder that was asked for, or the one below `home`, cannot be written to.
    """
    notices: list[str] = []
    if state is not None:
        folder = state
        _make(folder)
        if not shared_store and is_network(folder):
            notices.append(
                Advice(
                    f"The state folder {folder} is on a network drive, where the database can be damaged.",
                    "Use a local folder, or a database server with --store.",
                    "Start cleaner with a local folder, or with a database server (--store).",
                )
            )
        return folder, notices
    elsewhere = _elsewhere(root)
    if not shared_store and is_network(root):
        notices.append(
            Advice(
                f"{root} is on a network drive, where the database is not safe. "
                f"Decisions are kept on this computer, in {elsewhere}.",
                "To share them, use --store.",
                "To share them, start cleaner with a database server (--store).",
            )
        )
    else:
        folder = _at_root(root)
        try:
            _make(folder)
        except OSError as exc:
            logger.info("Cannot write to %s: %s", folder, exc)
            notices.append(f"{root} cannot be written to: decisions and cleaned.csv are kept in {elsewhere}.")
        else:
            return folder, notices
    _make(elsewhere)
    return elsewhere, notices


def has_state(root: Path, state: Path | None) -> bool:
    """Tell whether a set has a state folder already, in any of the places that `place_state` may choose."""
    places = [_at_root(root), _elsewhere(root)] if state is None else [state]
    return any(place.is_dir() for place in places)


def _at_root(root: Path) -> Path:
    """Return the usual place of the state: where it is already, if the archive was renamed since."""
    usual = own_state(root)
    if usual.parent == root or usual.exists():
        return usual
    return moved_state(root.parent, root, called=f"*{STATE_FOLDER}") or usual


def _elsewhere(root: Path) -> Path:
    """Return where the state goes that cannot be in the root: where it is, if the root was moved since."""
    sets = home() / "sets"
    usual = sets / f"{root.name}-{hashlib.sha256(str(root).encode()).hexdigest()[:10]}"
    return usual if usual.exists() else moved_state(sets, root) or usual


def _make(folder: Path) -> None:
    """Make a state folder, and see whether it can be written to."""
    folder.mkdir(parents=True, exist_ok=True)
    ignore = folder / ".gitignore"
    if ignore.exists():
        test = folder / f".writable-{uuid.uuid4().hex[:8]}"
        test.touch()
        test.unlink()
    else:
        write_atomically(ignore, b"*\n")


def is_network(path: Path) -> bool:
    """Tell whether a path is on a network drive; False where the system does not say."""
    real = path.resolve()
    if str(real).startswith("\\\\"):  # a Windows share without a drive letter
        return True
    try:
        mounts = psutil.disk_partitions(all=True)
    except (OSError, RuntimeError, psutil.Error) as exc:
        logger.info("Cannot tell on what kind of drive %s is: %s", path, exc)
        return False
    holding = [mount for mount in mounts if real.is_relative_to(mount.mountpoint)]
    if not holding:
        return False
    nearest = max(reversed(holding), key=lambda mount: len(mount.mountpoint))  # the last of equals
    return nearest.fstype.lower() in _NETWORK_TYPES or "remote" in nearest.opts.split(",")


def find_root(root: Path, labels: Path | None) -> tuple[Path, Path | None]:
    """Find the folder or archive, and the CSV file, that are meant.

    Parameters
    ----------
    root : Path
        A folder, a zip or tar archive, or a CSV file: the root is then its folder, the archive that it is in,
        or the archive whose result it is.
    labels : Path, optional
        A CSV file; a relative name is looked up here and in the root.

    Raises
    ------
    CatalogError
        One of them is not there, or is something else.
    """
    root = root.expanduser()
    in_place = is_archive(root)
    if not in_place and is_file(root):
        if labels is not None:
            msg = f"{root} is a file; expected the folder of the images, as the CSV file is named, too."
            raise CatalogError(msg)
        refuse_other_kinds(root)  # what is no table is refused before anything is made beside it
        root, labels = archive_above(root) or _archive_of_result(root) or root.parent, root
        in_place = is_archive(root)
    if in_archive(root):
        msg = f"{root} is a folder in an archive, or not there. Give the archive itself."
        raise CatalogError(msg)
    if is_url(root):
        msg = (
            f"Got a URL ({root}); expected a folder. Only “cleaner embed” reads URLs: give a copy of the "
            "images, or a drive where they are mounted."
        )
        raise CatalogError(msg)
    if not in_place and not root.is_dir():
        msg = f"The folder {root} does not exist. Give the folder of the images, or a CSV file of names."
        raise CatalogError(msg)
    if labels is not None:
        labels = next((p for p in (labels.expanduser(), root / labels) if is_file(p)), labels)
        if not is_file(labels):
            raise CatalogError(f"The CSV file {labels} does not exist, neither here nor in {root}.")
        labels = labels.resolve()
    return root.resolve(), labels


def _archive_of_result(table: Path) -> Path | None:
    """Return the archive beside a result that is named after it (``photos.zip.cleaned.csv``)."""
    name, dot, _ = table.name.partition(".cleaned")
    archive = table.with_name(name)
    return archive if dot and is_archive(archive) else None
