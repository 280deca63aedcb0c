"""Writing files so that they are never half there."""

import contextlib
import os
import shutil
import uuid
from pathlib import Path


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
    beside = path.with_name(f".{path.name[:40]}.{uuid.uuid4().hex[:12]}.tmp")
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
