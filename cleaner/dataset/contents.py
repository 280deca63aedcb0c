"""The files of a catalog as contents: their bytes as they were hashed, and what was under which name."""

import json
import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from cleaner.dataset.catalog import Catalog
from cleaner.dataset.file_index import FileIndex
from cleaner.dataset.hashes import Hashes
from cleaner.errors import CatalogError, ImageError, RankingError
from cleaner.images.archives import read_bytes, state_of
from cleaner.util.arrays import load_arrays, pack_texts, save_arrays, unpack_texts
from cleaner.util.progress import Reporter

logger = logging.getLogger(__name__)

_CONTENTS = "contents.npz"
_EARLIER = "contents.json"
_FORMAT = 1


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
    hashes = Hashes.of(contents)
    arrays = pack_texts("names", hashes.names) | {"digests": hashes.digests}
    save_arrays(folder / _CONTENTS, {"format": _FORMAT}, arrays)
    (folder / _EARLIER).unlink(missing_ok=True)


def noted_contents(folder: Path, names: Iterable[str]) -> Mapping[str, str | None]:
    """Return what `note_contents` wrote down for some names, in their order; None where nothing is known."""
    listed = list(names)
    try:
        found = _noted(folder)
    except (OSError, ValueError, AttributeError, KeyError, RankingError) as exc:
        logger.warning("What was under which name in %s cannot be read, so names count: %s", folder, exc)
        found = {}
    if isinstance(found, Hashes) and found.names == listed:
        return found
    return {name: found.get(name) for name in listed}


def _noted(folder: Path) -> Mapping[str, str]:
    if (folder / _CONTENTS).exists():
        _, arrays = load_arrays(folder / _CONTENTS, required=("digests",), format_number=_FORMAT, advice="")
        return Hashes(unpack_texts("names", arrays).tolist(), arrays["digests"])
    if not (folder / _EARLIER).exists():  # saved by the first versions
        return {}
    noted: dict[str, str] = dict(json.loads((folder / _EARLIER).read_bytes()))
    return noted
