"""Writing files so that they are never half there."""

import contextlib
import os
import re
import shutil
import uuid
from pathlib import Path

_RANDOM = 12


def why_not_writable(path: Path) -> str:
    """Say why a file cannot be written, before the work whose result it is to hold; "" if it can.

    What is there stays as it is.
    """
    try:
        if path.is_dir():
            return "it is a folder"
        folder = path.absolute().parent
        if not folder.is_dir():
            return f"{folder} is a file" if folder.exists() else f"the folder {folder} does not exist"
        path.lstat()
    except FileNotFoundError:
        pass
    except OSError as exc:  # such as a name that is too long
        return exc.strerror or str(exc)
    try:
        test = path.absolute().parent / f".{uuid.uuid4().hex[:12]}.tmp"
        test.touch()
        test.unlink()
    except OSError as exc:
        return exc.strerror or str(exc)
    return ""


def write_atomically(path: Path, data: bytes, *, durable: bool = False) -> None:
    """Write a file beside its place and swap it in, so that readers see the old one or the new one.

    Parameters
    ----------
    path : Path
        The file; its folder must exist.
    data : bytes
        The whole content.
    durable : bool
        Wait until it is on the disk, so that it outlives a power cut.

    Raises
    ------
    OSError
        It cannot be written; what was there before is intact.
    """
    # Not tempfile: its files are private, and colleagues are to read what is written here.
    beside = path.with_name(f"{_beginning(path)}{uuid.uuid4().hex[:_RANDOM]}.tmp")
    try:
        with beside.open("xb") as file:
            file.write(data)
            if durable:
                file.flush()
                os.fsync(file.fileno())
        with contextlib.suppress(FileNotFoundError):  # there was none before
            shutil.copymode(path, beside)
        beside.replace(path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise


def unfinished(path: Path) -> list[Path]:
    """Return what writers of ``path`` left beside it when they were killed, or have not finished yet."""
    name = re.compile(rf"{re.escape(_beginning(path))}[0-9a-f]{{{_RANDOM}}}\.tmp")
    return [other for other in path.parent.iterdir() if name.fullmatch(other.name)]


def _beginning(path: Path) -> str:
    return f".{path.name[:40]}."


def free_name(place: Path, data: bytes) -> Path:
    """Return a name beside ``place`` that no other file has; one with the same content is the same."""
    number, found = 1, place
    while found.exists() and found.read_bytes() != data:
        number += 1
        found = place.with_stem(f"{place.stem}-{number}")
    return found
