"""Which file a foreign document means: its paths may be absolute, another machine's, or addresses."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path, PurePosixPath
from urllib.parse import parse_qs, unquote, urlsplit

from cleaner.advice import Advice
from cleaner.dataset.findings import Finding
from cleaner.dataset.folders import list_images, name_problem, printable
from cleaner.errors import CatalogError

IMAGES_FOLDER = ("Give the folder of the images with --images.", "Choose the folder of the images above.")
"""What to do where images are not found, on the command line and on the page."""

_SAMPLE = 300
_DEEPEST = 8  # folders at the beginning of a path that may be another machine's


def plain_path(text: str) -> str:
    r"""Return the path that a document's text means: without an address's host, with ``/`` for ``\``."""
    if re.match(r"[a-z][a-z0-9+.-]+://", text):
        parts = urlsplit(text)
        text = parts.path if parts.path.strip("/") else text
        query = parse_qs(parts.query)
        text = query["d"][0] if "d" in query else unquote(text)
    elif text.startswith("/data/local-files/"):  # Label Studio's own
        query = parse_qs(urlsplit(text).query)
        text = query["d"][0] if "d" in query else text
    return text.replace("\\", "/")


def placed(sources: Sequence[str], candidates: Iterable[Path], *, document: Path) -> tuple[Path, list[str]]:
    """Find the folder below which the named images are, and their names relative to it.

    Parameters
    ----------
    sources : sequence of str
        What the document calls the images.
    candidates : iterable of Path
        Folders that may be meant, the likeliest first.
    document : Path
        For the message.

    Returns
    -------
    root : Path
        The candidate below which most images are.
    names : list of str
        One each source. A name that leads out of the folder stays as it is, and is refused when the set is
        opened.

    Raises
    ------
    CatalogError
        No image is below any of them.
    """
    paths = [plain_path(source) for source in sources]
    step = max(1, len(paths) // _SAMPLE)
    folders = list(dict.fromkeys(folder.resolve() for folder in candidates if folder.is_dir()))
    tried: Counter[tuple[Path, int]] = Counter()
    for folder in folders:
        for cut in range(_DEEPEST):
            tried[folder, cut] = sum(_is_there(folder, _relative(p, folder, cut)) for p in paths[::step])
    if not tried or max(tried.values()) == 0:
        listed = " or ".join(map(str, folders)) or "any folder that exists"
        first = f" The first is {printable(sources[0])!r}." if sources else ""
        raise CatalogError(
            Advice(
                f"None of the {len(sources):,} images that {document.name} names is below {listed}.{first}",
                *IMAGES_FOLDER,
            )
        )
    (root, cut), _ = tried.most_common(1)[0]  # the first of equals
    return root, [_relative(path, root, cut) for path in paths]


def _relative(path: str, folder: Path, cut: int) -> str:
    prefix = folder.as_posix().rstrip("/") + "/"
    if path.startswith(prefix):
        return path.removeprefix(prefix)
    if cut == 0:
        return path.removeprefix("./")
    parts = path.split("/")
    return "/".join(parts[min(cut, len(parts) - 1) :])


def _is_there(folder: Path, name: str) -> bool:
    return name_problem(name) is None and (folder / name).is_file()


def absent(root: Path, names: Iterable[str], total: int) -> list[Finding]:
    """Tell how many of the named images have no file below the root."""
    lost = [name for name in names if not _is_there(root, name)]
    if not lost:
        return []
    return [
        Finding(
            topic="missing files",
            text=f"Images that the source names, but that are not below {root}: {len(lost):,} of {total:,}. "
            "They are left out of the set, and stay in the source and its exports.",
            doubtful=True,
            examples=tuple(map(printable, lost)),
        )
    ]


def unnamed(root: Path, names: Iterable[str]) -> list[Finding]:
    """Tell how many images below the root the source does not name."""
    more = sorted(set(list_images(root).names).difference(str(PurePosixPath(n)) for n in names if n))
    if not more:
        return []
    return [
        Finding(
            topic="unnamed files",
            text=f"Images below {root} that are not in the source, and not part of the set: {len(more):,}.",
            examples=tuple(more),
        )
    ]
