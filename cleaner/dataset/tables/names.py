"""Which file a name in a table means: often without suffix or folder, or with those of another machine."""

from __future__ import annotations

import os
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from cleaner.dataset.findings import Finding
from cleaner.dataset.folders import list_images, name_problem, place_of, printable
from cleaner.dataset.masks import mask_folders
from cleaner.images.formats import SUFFIXES
from cleaner.util.wording import count

_SAMPLE = 200
_FEW = 0.1
_OTHER_SUFFIX = re.compile(r"(?<=.)\.[a-z][a-z0-9]{1,4}$")  # of an image, or of a text about one
_WHOLE_NUMBER = re.compile(r"(\d+)(?:\.0+)?")
_UPLOAD = re.compile(r"/data/local-files/\?d=([^&]+)|(?:^|/)[0-9a-f]{8}-([^/]+)$")  # of Label Studio

# How a name differed from its file, and how to say so; those of the second kind may be wrong.
_SURE = {
    "folder": "without the folder that the file is in",
    "root": "with the path of the data set's folder in front",
    "case": "with other capital letters",
    "no suffix": "without a suffix such as .jpg",
    "quoted": "as in a web address (%20)",
    "uploaded": "with what Label Studio puts in front of an upload",
}
_UNSURE = {
    "other root": "with another folder in front, such as that of another computer",
    "other suffix": "with another suffix than the file's",
    "number": "as numbers that are written in another way, such as 7 for 0007",
}


class _Found(NamedTuple):
    name: str | None = None
    kinds: frozenset[str] = frozenset()
    stripped: str = ""  # folders of the written name that are not in the set's
    several: tuple[str, ...] = ()


@dataclass
class Matches:
    """What `NameMatcher.match` found.

    Attributes
    ----------
    names : list of str or None
        The file of each written name, None for one without.
    left_out : list of (str, str)
        What was written, and why it has no file.
    findings : list of Finding
        How written names differ from the files', and which files nobody names.
    """

    names: list[str | None]
    left_out: list[tuple[str, str]] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)


class NameMatcher:
    """Finds the files that the names in a table mean.

    Parameters
    ----------
    root : Path
        The folder of the set, resolved.
    files : sequence of str
        Its images, relative to the root.
    folder : str
        The folder of the table below the root, in which names are looked up if they are not in the root.
    follow_links : bool
        Allow links that lead out of the root.
    """

    def __init__(
        self, root: Path, files: Sequence[str], *, folder: str = "", follow_links: bool = False
    ) -> None:
        self.root = root
        self.files = files
        self._known = set(files)
        self._folder = "" if folder in ("", ".") else f"{folder}/"
        self._follow_links = follow_links
        self._real_folders: dict[str, str] = {}

    @classmethod
    def below(
        cls,
        root: Path,
        *,
        table: Path | None = None,
        hidden: bool = False,
        follow_links: bool = False,
        exclude: Path | None = None,
    ) -> NameMatcher:
        """Match names with the images that are below a folder; see `list_images` for the parameters."""
        listing = list_images(root, hidden=hidden, follow_links=follow_links, exclude=exclude)
        folder = None if table is None else table.resolve().parent
        inside = folder is not None and folder.is_relative_to(root)
        below = folder.relative_to(root).as_posix() if folder is not None and inside else ""
        return cls(root, listing.names, folder=below, follow_links=follow_links)

    @cached_property
    def _by_last(self) -> dict[str, list[str]]:
        return _index(self.files, lambda name: _fold(name.rpartition("/")[2]))

    @cached_property
    def _by_stem(self) -> dict[str, list[str]]:
        return _index(self.files, lambda name: _stem(_fold(name.rpartition("/")[2])))

    @cached_property
    def _by_number(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = defaultdict(list)
        for stem, names in self._by_stem.items():
            if stem.isdecimal():
                found[str(int(stem))] += names
        return found

    @cached_property
    def _masks(self) -> set[str]:
        sure, _ = mask_folders(self.files)
        return {name for files in sure.values() for name in files}

    def share(self, values: Sequence[str]) -> float:
        """Return which share of the values name a file each, judged by some of them; from 0 to 1.

        Values that occur again and again are worth less, and so are names that differ from the file's.
        """
        step = max(1, len(values) // _SAMPLE)
        some = values[::step]
        if not some:
            return 0.0
        found = [self._find(value) for value in some]
        worth = sum(
            1.0 if f.name and not f.kinds else 0.4 if "number" in f.kinds else 0.9
            for f in found
            if f.name or f.several
        )
        different = len({value for value in some if value})
        return float(worth / len(some) * (different / len(some)) ** 0.5)

    def is_file(self, value: str) -> bool:
        """Tell whether a value names one file of the set, in whatever spelling."""
        found = self._find(value)
        return found.name is not None and "number" not in found.kinds

    def match(self, written: Sequence[str], places: Sequence[str], source: str) -> Matches:
        """Find the file of every name.

        Parameters
        ----------
        written : sequence of str
            Names as they are written, one each row.
        places : sequence of str
            Where each row is, for sentences: "line 12".
        source : str
            What to call the table in sentences.
        """
        found = [self._find(name) for name in written]
        refused = _refused(found)
        matches = Matches(
            names=[f.name if refused.isdisjoint((*f.kinds, f.stripped)) else None for f in found]
        )
        for f, name, as_written, place in zip(found, matches.names, written, places, strict=True):
            if name is None:
                reason = self._reason(f, as_written)
                matches.left_out.append((printable(as_written), f"{reason} ({place})"))
        matches.findings += _how_written(found, matches.names, written, source)
        matches.findings += _without_file(matches, source, len(written))
        matches.findings += self._without_row(matches.names, source)
        return matches

    def _reason(self, found: _Found, written: str) -> str:
        if found.several:
            some = " or ".join(found.several[:3])
            return f"this can be {some}; write the folder and the suffix, too"
        if found.name is not None:
            return f"there is no such file; {found.name} is in another folder, or of another kind"
        return self._problem(written) or "there is no such file"

    def _problem(self, name: str) -> str | None:
        """Say why a name as it stands is no file; None if it is one."""
        problem = name_problem(name)
        if problem is not None or str(PurePosixPath(name)) in self._known:
            return problem
        return place_of(
            self.root,
            str(PurePosixPath(name)),
            follow_links=self._follow_links,
            real_folders=self._real_folders,
        )

    def _find(self, written: str) -> _Found:
        if written in self._known:
            return _Found(written)
        for spelling in _spellings(written):
            if self._problem(spelling) is None:
                return _Found(str(PurePosixPath(spelling)))
        for spelling, absolute, kind in _paths(written):
            found = self._look(spelling, absolute=absolute)
            if found.name or found.several:
                return found._replace(kinds=found.kinds | {kind} if kind else found.kinds)
        return _Found()

    def _look(self, path: str, *, absolute: bool) -> _Found:
        """Look a path up: below the table's folder, with more and with fewer folders, in other spellings."""
        beside = os.path.normpath(self._folder + path).replace(os.sep, "/")
        if not absolute and self._folder and self._problem(beside) is None:
            return _Found(beside)
        parts = [part for part in path.split("/") if part not in ("", ".")]
        if not parts or ".." in parts:
            return _Found()
        last = _fold(parts[-1])
        tries = [(self._by_last, last, "")]
        if not last.endswith(tuple(SUFFIXES)):
            tries.append((self._by_stem, last, "no suffix"))
        if _OTHER_SUFFIX.search(last):
            tries.append((self._by_stem, last.rpartition(".")[0], "other suffix"))
        for index, key, kind in tries:
            for start in range(len(parts)):
                found = self._below(parts[:start], parts[start:-1], index.get(key, ()), absolute=absolute)
                if found.name or found.several:
                    kinds = found.kinds | {kind} if kind else found.kinds
                    exact = found.name is None or kind or found.name.endswith(parts[-1])
                    return found._replace(kinds=kinds if exact else kinds | {"case"})
        number = _WHOLE_NUMBER.fullmatch(last)
        if number and len(parts) == 1:
            names = self._by_number.get(str(int(number[1])), [])
            if len(names) == 1:
                return _Found(names[0], frozenset({"number"}))
            return _Found(several=tuple(names))
        return _Found()

    def _below(
        self, stripped: Sequence[str], folders: Sequence[str], names: Sequence[str], *, absolute: bool
    ) -> _Found:
        """Choose among files of one name that which lies in ``folders``, or in these below others."""
        wanted = _fold("/".join(folders))
        fitting = [name for name in names if _fold(name.rpartition("/")[0]) == wanted]
        kinds: set[str] = set()
        if not fitting and (absolute or not stripped):
            end = f"/{wanted}" if wanted else ""
            fitting = [name for name in names if _fold(f"/{name.rpartition('/')[0]}").endswith(end)]
            kinds.add("folder")
        if not fitting:
            return _Found()
        if len(fitting) > 1:  # the name of an image is also that of its mask
            fitting = [name for name in fitting if name not in self._masks] or fitting
        if len(fitting) > 1:
            return _Found(several=tuple(fitting))
        if stripped:
            front = "/".join(stripped)
            kinds.add("root" if self._is_root(front) else "other root")
            return _Found(fitting[0], frozenset(kinds), stripped=front)
        if "folder" not in kinds and folders and not fitting[0].startswith("/".join(folders)):
            kinds.add("case")
        return _Found(fitting[0], frozenset(kinds))

    def _is_root(self, front: str) -> bool:
        """Tell whether folders in front of a name are the root, or end with its name."""
        return _fold(front).rpartition("/")[2] == _fold(self.root.name)

    def _without_row(self, names: Sequence[str | None], source: str) -> Iterator[Finding]:
        rest = sorted(self._known.difference(name for name in names if name))
        if not rest:
            return
        folders = Counter(name.rpartition("/")[0] for name in rest)
        where = ""
        if len(folders) <= 3 and "" not in folders:
            where = " (below " + ", ".join(f"{folder}/: {n:,}" for folder, n in folders.most_common()) + ")"
        are = "is not in the table and is" if len(rest) == 1 else "are not in the table and are"
        text = f"{count(len(rest), 'image')} in the folder{where} {are} not part of the set."
        yield Finding(topic="files without a row", text=text, examples=tuple(rest))


def _refused(found: Sequence[_Found]) -> set[str]:
    """Return the kinds of difference, and the folders in front of names, that are not to be trusted.

    A few names that fit a file in another way than all others mean files that are gone. And where there are
    several unknown folders in front, they cannot all stand for the same: a table with ``train/1.jpg`` and
    ``test/1.jpg`` beside a folder with ``1.jpg`` is of another set.
    """
    number = sum(f.name is not None for f in found)
    counts = Counter(kind for f in found for kind in f.kinds)
    refused = {kind for kind in ("folder", *_UNSURE) if counts[kind] < number * _FEW}
    strange = {f.stripped for f in found if "other root" in f.kinds}
    return refused | strange if len(strange) > 1 else refused


def _how_written(
    found: Sequence[_Found], names: Sequence[str | None], written: Sequence[str], source: str
) -> Iterator[Finding]:
    for kinds, doubtful in ((_SURE, False), (_UNSURE, True)):
        counts: Counter[str] = Counter()
        examples = []
        for f, name, as_written in zip(found, names, written, strict=True):
            mine = [kind for kind in f.kinds if kind in kinds]
            if name is not None and mine:
                counts.update(mine)
                examples.append(f"{printable(as_written)} → {name}")
        if counts:
            how = "; ".join(f"{counts[kind]:,} {words}" for kind, words in kinds.items() if counts[kind])
            check = "Check that these are the right images." if doubtful else "Each fits one file."
            text = f"Image names in {source} are not written like the files' names: {how}. {check}"
            yield Finding(topic="names", text=text, doubtful=doubtful, examples=tuple(examples))


def _without_file(matches: Matches, source: str, rows: int) -> Iterator[Finding]:
    missing = [name for name, _ in matches.left_out]
    if missing:
        left_out = "1 has no image and is" if len(missing) == 1 else f"{len(missing):,} have no image and are"
        yield Finding(
            topic="rows without a file",
            text=f"{source} has {count(rows, 'row')}; {left_out} left out.",
            doubtful=len(missing) > rows / 2,
            examples=tuple(f"{name}: {reason}" for name, reason in matches.left_out),
        )


def _spellings(name: str) -> Iterator[str]:
    """Yield a name as it stands and, in case there is no such file, as other systems write it."""
    yield name
    if "\\" in name:
        yield name.replace("\\", "/")
    for form in ("NFC", "NFD"):
        if not unicodedata.is_normalized(form, name):
            yield unicodedata.normalize(form, name)
    if name != name.strip():
        yield name.strip()


def _paths(written: str) -> Iterator[tuple[str, bool, str]]:
    """Yield a name as a path without drive or host, whether it was absolute, and how it was written else."""
    path = written.strip().strip("\"'").replace("\\", "/")
    if re.match(r"[A-Za-z][A-Za-z0-9+.-]+://", path):
        path, absolute = urlsplit(path).path, True
    else:
        path, drives = re.subn(r"^[A-Za-z]:(?=/)", "", path)
        absolute = bool(drives) or path.startswith(("/", "~"))
    yield path, absolute, ""
    if "%" in path:
        yield unquote(path), absolute, "quoted"
    upload = _UPLOAD.search(unquote(path))
    if upload:
        yield upload[1] or upload[2], True, "uploaded"


def _index(files: Sequence[str], key: Callable[[str], str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    for name in files:
        found[key(name)].append(name)
    return found


def _fold(text: str) -> str:
    return unicodedata.normalize("NFC", text).casefold()


def _stem(last: str) -> str:
    """Return a file's name without the suffix of an image."""
    stem, dot, suffix = last.rpartition(".")
    return stem if stem and dot + suffix in SUFFIXES else last
