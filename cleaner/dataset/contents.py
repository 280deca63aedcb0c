"""The files of a catalog as contents: their bytes as they were hashed, and what was under which name."""

import json
import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from cleaner.dataset.catalog import Catalog
from cleaner.dataset.file_index import FileIndex
from cleaner.errors import CatalogError, ImageError
from cleaner.images.archives import read_bytes, state_of
from cleaner.util.atomic import write_atomically
from cleaner.util.progress import Reporter

logger = logging.getLogger(__name__)

_CONTENTS = "contents.json"


class PassingError(ImageError):
    """A file cannot be read now, and may be well again next time."""


@dataclass(frozen=True)
class KnownFile:
    """A file that can be used, and the state in which it was hashed."""

    name: str
    path: Path
    digest: str
    size_bytes: int
    mtime_ns: int
    width_px: int
    height_px: int

    def read(self) -> bytes:
        """Return the content.

        Raises
        ------
        PassingError
            The file is gone, or is not what was hashed: what is seen in it must not be kept under that hash.
        """
        try:
            data = read_bytes(self.path)
            state = state_of(self.path)
        except OSError as exc:  # the file is gone, or the drive is
            raise PassingError(f"cannot be read: {exc.strerror or exc}") from exc
        if (state.size_bytes, state.mark) != (self.size_bytes, self.mtime_ns):
            raise PassingError("changed while it was being read; open the data set again")
        return data


def known_files(
    catalog: Catalog, index: FileIndex, *, reporter: Reporter
) -> tuple[dict[str, KnownFile], dict[str, str]]:
    """Bring the index up to date, and return by name the usable files, and the reasons of the others.

    Raises
    ------
    CatalogError
        The catalog has no folder.
    Cancelled
        The reporter asked to stop.
    """
    if catalog.root is None:
        raise CatalogError("This catalog has no root, so its images cannot be read. Make it with root=.")
    names = [str(name) for name in catalog.names]
    index.scan(catalog.root, names, reporter=reporter)
    table, wanted = index.table(), set(names)
    columns = ("name", "hash", "size", "mtime_ns", "width", "height", "problem")
    files: dict[str, KnownFile] = {}
    problems: dict[str, str] = {}
    real_folders: dict[str, str] = {}
    for name, digest, size_bytes, mtime_ns, width, height, problem in zip(
        *(table[column] for column in columns), strict=True
    ):
        if name not in wanted:
            continue
        if problem is None and digest is not None:
            path = catalog.path(name, real_folders=real_folders)
            files[name] = KnownFile(name, path, digest, size_bytes, mtime_ns, int(width), int(height))
        else:
            problems[name] = problem or "cannot be read"
    return files, problems


def note_contents(folder: Path, contents: Mapping[str, str]) -> None:
    """Write down what was under which name when something about images was saved in a folder.

    Parameters
    ----------
    folder : Path
        Made if it is not there.
    contents : mapping of str to str
        From name to SHA-256, hexadecimal.
    """
    folder.mkdir(parents=True, exist_ok=True)
    write_atomically(folder / _CONTENTS, json.dumps(dict(contents)).encode())


def noted_contents(folder: Path, names: Iterable[str]) -> dict[str, str | None]:
    """Return what `note_contents` wrote down for some names; None where nothing is known."""
    try:
        found = json.loads((folder / _CONTENTS).read_bytes())
        return {name: found.get(name) for name in names}
    except FileNotFoundError:  # saved by an earlier version
        pass
    except (OSError, ValueError, AttributeError) as exc:
        logger.warning("%s cannot be read, so names count: %s", folder / _CONTENTS, exc)
    return dict.fromkeys(names)
