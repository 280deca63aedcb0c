"""Guess the layout of a set from its folders, by what is inside of them, and say where that is doubtful.

- Folders are splits if their names say so and they share subfolders or are more than one split; a folder
  ``train`` beside ``bus`` and ``car`` is a class.
- A folder that holds nothing but others, and stands alone, says nothing ("PetImages").
- Folders of a cross-validation are splits: the first one validates.
- Splits may also lie below the classes (``cat/train``).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

from cleaner.advice import Advice
from cleaner.dataset.class_folders import is_unlabelled
from cleaner.dataset.findings import Finding
from cleaner.dataset.layout import Layout
from cleaner.dataset.split_words import SplitName, is_fold, is_packed, split_name
from cleaner.util.natural import natural_key, naturally
from cleaner.util.wording import count, listed

# Folders that speak of files, not of what is on the images.
_FILE_WORDS = frozenset(
    re.findall(
        r"\w+",
        "image images img imgs photo photos pic pics picture pictures jpg jpgs jpeg jpegs png pngs tif tiff "
        "data dataset datasets files frames jpegimages",
    )
)
# These do, too, but may also be classes ("raw" and "cooked", "crop" and "weed").
_GENERIC = _FILE_WORDS | frozenset(
    re.findall(
        r"\w+",
        "all raw raws orig original originals crop crops cropped resized input inputs rgb color colour full "
        "samples content archive archives unknown unsorted misc",
    )
)
# Folders of files that somebody has not put anywhere yet.
_LEFT_OVER = re.compile(
    r"_+trash|unsorted|to[-_ ]?(?:sort|do|check)|backup|bak|te?mp|(?:new|untitled) folder(?: \(?\d+\)?)?|"
    r"neuer ordner.*|copy of .*|.+[-_ ]copy(?: \(?\d+\)?)?",
    re.IGNORECASE,
)
_SOURCE_WORDS = (
    "batch|part|source|src|site|camera|cam|session|set|subset|chunk|shard|folder|group|dataset|hospital|center|"
    "centre|lab|scanner|device|user|annotator|run|trip|day|week|month|year"
)
_SOURCE = re.compile(rf"(?:{_SOURCE_WORDS})[-_ ]*(?:\d+|[a-z])|(?:19|20)\d\d(?:[-_.]?\d\d)*", re.IGNORECASE)
_PART = re.compile(
    rf"(?:{_SOURCE_WORDS}|dir|series|sequence|seq|plot|patient|subject|person|case|id|img|frame|video|clip)?"
    r"[-_ ]*(?:\d[\d._ -]*|[a-z])",
    re.IGNORECASE,
)
_BARE = re.compile(r"[A-Za-z]|\d{1,2}")
_WORD_BEFORE_NUMBER = re.compile(r"([^\W\d_]+(?:[ _.-][^\W\d_]+)*)[ _.(-]*\d")
_EACH_WORD = 3  # files
_NEARLY_ALL = 0.9
_HALF = 0.5
_SMALL = 0.2  # share of the images


@dataclass(frozen=True)
class Guess:
    """A layout with what is to be said of it.

    Attributes
    ----------
    layout : Layout
    doubts : tuple of Finding
        Where another layout is as likely.
    """

    layout: Layout
    doubts: tuple[Finding, ...] = ()


@dataclass
class _Folder:
    """A folder with its images, and the folders in it that hold images."""

    path: str
    images: int = 0
    folders: dict[str, _Folder] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.path.rpartition("/")[2]

    @property
    def total(self) -> int:
        return self.images + sum(folder.total for folder in self.folders.values())

    def inner(self) -> list[_Folder]:
        """Return the folders in it, without those of unlabelled images."""
        return [folder for name, folder in sorted(self.folders.items()) if not is_unlabelled(name)]


def guess_layout(names: Sequence[str]) -> Guess:
    """Guess what the folders of some files mean.

    Parameters
    ----------
    names : sequence of str
        POSIX paths relative to the root.
    """
    guesser = _Guesser()
    guesser.look(_tree(names), split=None)
    return Guess(Layout(splits=guesser.splits, outer=frozenset(guesser.outer)), tuple(guesser.doubts))


def _tree(names: Sequence[str]) -> _Folder:
    root = _Folder("")
    for path, images in Counter(name.rpartition("/")[0] for name in names).items():
        folder = root
        for part in path.split("/") if path else ():
            below = f"{folder.path}/{part}" if folder.path else part
            folder = folder.folders.setdefault(part, _Folder(below))
        folder.images += images
    return root


class _Guesser:
    """Walks down from the root until the folders are classes."""

    def __init__(self) -> None:
        self.splits: dict[str, str] = {}
        self.outer: set[str] = set()
        self.doubts: list[Finding] = []

    def look(self, folder: _Folder, split: str | None) -> None:
        """Find out what the folders in one are, which is no class itself."""
        inner = folder.inner()
        if len(inner) == 1:
            self._look_at_only(folder, inner[0], split)
        elif inner:
            self._look_at_several(inner, split)

    def _look_at_only(self, above: _Folder, only: _Folder, split: str | None) -> None:
        said = split_name(only.name)
        if said is not None and split is None and _holds_splits(only):
            self._pass_over(only, split)  # train/train, train/test
        elif said is not None and not said.stem and not said.weak and said.split != split:
            self._take_split(only, said.split)
        elif said is not None and split is not None:
            self._pass_over(only, split)  # seg_pred/seg_pred
        elif only.inner() and (not only.images or len(only.inner()) > 1):
            chain = _chain(only)
            if chain[-1].inner():
                self._pass_over(only, split)
            else:
                named = [folder for folder in chain if not _is_neutral(folder.name)]
                cut = chain.index(named[-1]) if named else len(chain)
                self.outer.update(folder.path for folder in chain[:cut])
        elif not only.inner() and (_is_generic(only.name) or only.name == above.name):
            self.outer.add(only.path)

    def _look_at_several(self, inner: list[_Folder], split: str | None) -> None:
        named = _split_names(inner)
        others = [folder for folder in inner if folder.path not in named]
        folds = [folder for folder in others if is_fold(folder.name)]
        if all(is_packed(folder.name) for folder in inner) and (
            _are_numbered(inner) or any(folder.inner() for folder in inner)
        ):
            self._take_shards(inner, split)
        elif len(folds) > 1 and len(folds) == len(others):
            self._take_folds(folds, named, inner, split)
        elif (doubled := [folder for folder in others if _is_doubled(folder)]) and (
            sum(folder.total for folder in doubled) > _HALF * sum(folder.total for folder in inner)
        ):
            self._take_doubled(doubled, named, inner, split)
        elif named and self._are_splits(inner, named, others):
            self._take_splits(inner, named, others)
        else:
            self._take_classes(inner, named, split)

    # ---------------------------------------------------------------- splits

    def _are_splits(self, inner: list[_Folder], named: dict[str, SplitName], others: list[_Folder]) -> bool:
        """Decide whether folders that are named like splits are some."""
        speaking = [folder for folder in inner if folder.path in named]
        kinds = {said.split for said in named.values()}
        deep = [folder for folder in speaking if folder.inner()]
        share = bool(_shared(speaking))
        if not others:
            certain = any(not said.weak for said in named.values())
            if (len(kinds) > 1 and certain) or share:
                return True
            self._doubt_names(speaking)
            return False
        if len(kinds) > 1 and deep:
            return True
        if not deep:  # beside bus and car, train is one of them; test may hold images without a label
            if len(kinds) > 1 or any(said.word != "train" for said in named.values()):
                self._doubt_names(speaking)
            return False
        alone = speaking[0]
        total = sum(folder.total for folder in inner)
        beside = sum(folder.total for folder in others)
        means = [folder for folder in alone.inner() if not _is_neutral(folder.name)]
        alike = [folder for folder in others if _shared([alone, folder])]
        if len(means) > 1 and (len(others) == 1 if alike else beside <= _SMALL * total):
            return True
        self._doubt(
            "split_or_class",
            _or_choose(
                f"The folder {_quoted([alone])} is taken as a class, like {_quoted(others)} beside it, "
                "though its name could be that of a split.",
                "If it is one, move the other folders elsewhere, or",
            ),
            [alone],
        )
        return False

    def _take_splits(self, inner: list[_Folder], named: dict[str, SplitName], others: list[_Folder]) -> None:
        speaking = [folder for folder in inner if folder.path in named]
        classes = {name for folder in speaking for name in folder.folders}
        for folder in speaking:
            self._take_split(folder, named[folder.path].split)
        repeated = [folder for folder in others if _holds_splits(folder)]
        alike = [each for each in others if classes & set(each.folders) and each not in repeated]
        passed = [*repeated, *alike, *(each for each in others if _speaks_of_files(each.name))]
        strange = [folder for folder in others if folder not in passed]
        for folder in others:
            if folder not in strange:
                self._pass_over(folder, None)
        stems = sorted({" ".join(name.stem) for name in named.values() if name.stem})
        if len(stems) > 1 and not classes:
            self._doubt(
                "split_and_class",
                f"{_quoted(speaking)} are taken as splits without classes, so their images have no labels. "
                f"If {listed(stems)} are the classes, put one folder per class into each split.",
                speaking,
            )
        if repeated:
            self._doubt(
                "splits_twice",
                f"There are splits of their own in {_quoted(repeated)}, beside {_quoted(speaking)}. All of "
                "them are part of the set. If the same images are in there again, open one of these folders "
                "alone.",
                repeated,
            )
        if alike:
            self._doubt(
                "split_unknown",
                f"The same class folders as in {_quoted(speaking)} are in {_quoted(alike)}, whose name is "
                "that of no split. These images are part of the set; training and validation images are "
                "drawn from them. If they belong to one split, rename the folder to train, valid or test.",
                alike,
            )
        if strange:
            self._doubt(
                "beside_splits",
                f"Beside the splits {_quoted(speaking)} there are folders that are taken as classes: "
                f"{_quoted(strange)}. What is no class should be moved out of the set.",
                strange,
            )

    def _take_split(self, folder: _Folder, split: str) -> None:
        self.splits[folder.path] = split
        self.look(folder, split)

    def _pass_over(self, folder: _Folder, split: str | None) -> None:
        self.outer.add(folder.path)
        self.look(folder, split)

    def _take_folds(
        self, folds: list[_Folder], named: dict[str, SplitName], inner: list[_Folder], split: str | None
    ) -> None:
        for folder in inner:
            if folder.path in named:
                self._take_split(folder, named[folder.path].split)
        folds = sorted(folds, key=lambda folder: natural_key(folder.name))
        if any(split_name(below.name) for fold in folds for below in fold.inner()):
            for fold in folds:
                self._pass_over(fold, split)
            self._doubt(
                "folds",
                f"Each of the folders {_quoted(folds)} has splits of its own, as a cross-validation has. "
                "The same images are then in the set several times. Open one of these folders alone.",
                folds,
            )
            return
        first = None if any(said.split == "valid" for said in named.values()) else folds[0]
        for fold in folds:
            self._take_split(fold, "valid" if fold is first else "train")
        use = f"{_quoted([first])} is used for validation, the others for training" if first else "They train"
        self._doubt(
            "folds",
            f"The folders {_quoted(folds)} are taken as the parts of a cross-validation, not as classes. "
            f"{use}.",
            folds,
        )

    def _take_shards(self, inner: list[_Folder], split: str | None) -> None:
        """Take archives that together are one set; some may be named after a split."""
        for folder in inner:
            said = split_name(folder.name)
            if said is not None and not said.stem and not said.weak:
                self._take_split(folder, said.split)
            else:
                self._pass_over(folder, split)

    # ---------------------------------------------------------------- classes

    def _take_doubled(
        self, doubled: list[_Folder], named: dict[str, SplitName], inner: list[_Folder], split: str | None
    ) -> None:
        """Take folders as unpacked archives have them ("data/data/train"), with what lies beside them."""
        rest = [folder for folder in inner if folder not in doubled]
        classes = [folder for folder in rest if folder.path not in named]
        for folder in doubled:
            self._pass_over(folder, split)
        for folder in rest:
            if folder not in classes:
                self._take_split(folder, named[folder.path].split)
        if len(inner) - len(rest) + len(classes) > 1:
            beside = f" Taken as classes beside them: {_quoted(classes)}." if classes else ""
            self._doubt(
                "wrapper",
                f"Taken as folders that only hold others: {_quoted(doubled)}.{beside} If that is wrong, or "
                "if the same images are in more than one of them, open one of these folders alone.",
                [*doubled, *classes],
            )

    def _take_classes(self, inner: list[_Folder], named: dict[str, SplitName], split: str | None) -> None:
        deep = [folder for folder in inner if folder.inner()]
        if self._splits_below(inner, deep, split):
            return
        wrappers = [folder for folder in deep if _speaks_of_files(folder.name) and not folder.images]
        if wrappers:
            rest = [folder for folder in inner if folder not in wrappers]
            for folder in wrappers:
                self._pass_over(folder, split)
            if rest:
                self._doubt(
                    "wrapper",
                    f"Taken as folders that only hold others: {_quoted(wrappers)}. Taken as classes beside "
                    f"them: {_quoted(rest)}. If that is wrong, open one of these folders alone.",
                    [*wrappers, *rest],
                )
            return
        if repeating := _repeating(inner):
            for folder in repeating:
                self._pass_over(folder, split)
            self._doubt(
                "classes_twice",
                f"{_quoted(repeating)} {'holds' if len(repeating) == 1 else 'hold'} folders with the same "
                "names as those beside. They are taken as the same classes, and all of their images are part "
                "of the set. If the same images are there twice, open one of these folders alone.",
                repeating,
            )
            return
        below = sorted({name for folder in deep for name in folder.folders if not _is_neutral(name)})
        shared = sorted(_shared(deep))
        telling = [name for name in shared if name in below]
        if telling and len(telling) >= _HALF * len(below):
            if _are_sources(deep):
                self._take_sources(deep, telling, split)
                return
            self._doubt_level(deep, telling)
        elif not all(map(_speaks_of_files, shared)) and (
            _are_sources(deep) or _are_numbered(deep) or _bare_classes(deep)
        ):
            self._doubt_level(deep, shared)
        elif len(deep) > 1 and _nested(inner, deep):
            self._doubt_level(deep, below)
        elif divided := [folder for folder in deep if _holds_splits(folder)]:
            self._doubt(
                "splits_in_class",
                f"Taken as classes, though there are splits in them: {_quoted(divided)}. The folders beside "
                "have none, so these splits are passed over. What is no class should be opened alone.",
                divided,
            )
        self._doubt_strange_classes(inner, split)

    def _doubt_strange_classes(self, inner: list[_Folder], split: str | None) -> None:
        odd = [
            folder
            for folder in inner
            if _speaks_of_files(folder.name) or is_fold(folder.name) or _LEFT_OVER.fullmatch(folder.name)
        ]
        if all(_is_generic(folder.name) for folder in inner) or _are_sources(inner):
            odd = inner
        if split is not None or not odd or any(doubt.topic == "levels" for doubt in self.doubts):
            return
        taken = (
            "is taken as a class, though its name does"
            if len(odd) == 1
            else "are taken as classes, though their names do"
        )
        self._doubt(
            "generic_classes",
            f"{_quoted(odd)} {taken} not sound like it. If that is wrong, move the images elsewhere, put "
            "one folder per class into the set, or name the labels in a table.",
            odd,
        )

    def _splits_below(self, inner: list[_Folder], deep: list[_Folder], split: str | None) -> bool:
        """Take splits that lie in the folders of the classes (``cat/train``)."""
        found: dict[str, str] = {}
        holding = 0
        folds: set[str] = set()
        for folder in deep:
            below = folder.inner()
            said = {each.path: name for each in below if (name := split_name(each.name)) and not name.stem}
            numbered = [each for each in below if is_fold(each.name)]
            if len(said) == len(below):
                holding += 1
                found |= {path: name.split for path, name in said.items()}
            elif len(numbered) == len(below):
                holding += 1
                folds |= {each.name for each in numbered}
        if holding < max(2, _HALF * len(inner)):
            return False
        further = [{name for each in folder.inner() for name in each.folders} for folder in deep]
        everywhere = set.intersection(*further)
        telling = {name for names in further for name in names if not _is_neutral(name) or name in everywhere}
        if any(not _SOURCE.fullmatch(name) and not _is_generic(name) for name in telling):
            self._parts_with_splits(inner, deep, sorted(telling), split)
            return True
        if len(folds) > 1:
            ordered = naturally(folds)
            first = ordered[0]
            for folder in deep:
                for each in folder.inner():
                    if each.name in folds:
                        found[each.path] = "valid" if each.name == first else "train"
            self._doubt(
                "folds",
                f"{listed(ordered)} in the folders of the classes are taken as the parts of a "
                f"cross-validation. {first} is used for validation, the others for training.",
                ordered,
            )
        elif len(set(found.values())) < 2:
            return False
        self.splits |= found
        return True

    def _parts_with_splits(
        self, inner: list[_Folder], deep: list[_Folder], further: list[str], split: str | None
    ) -> None:
        """Take folders that have both splits and folders of classes in them as parts of one set."""
        for folder in deep:
            self._pass_over(folder, split)
        self._doubt(
            "sources",
            f"The folders {_quoted(deep)} have splits of their own. They are taken as parts of one set, and "
            f"the folders in the splits ({listed(further)}) as classes. If the same images are in there "
            "more than once, open one of these folders alone.",
            inner,
        )

    def _take_sources(self, deep: list[_Folder], shared: list[str], split: str | None) -> None:
        for folder in deep:
            self._pass_over(folder, split)
        self._doubt(
            "sources",
            _or_choose(
                f"The folders {_quoted(deep)} hold the same folders ({listed(shared)}). These are taken as "
                "the classes, and the outer ones as parts of the set.",
                "If the outer ones are the classes,",
            ),
            deep,
        )

    def _doubt_level(self, outer: list[_Folder], inner: Sequence[str]) -> None:
        self._doubt(
            "levels",
            _or_choose(
                f"There are folders in folders: the outer ones ({_quoted(outer)}) are taken as classes, not "
                f"those in them ({listed(inner)}).",
                "If the inner ones are the classes,",
            ),
            outer,
        )

    # ---------------------------------------------------------------- doubts

    def _doubt_names(self, speaking: list[_Folder]) -> None:
        self._doubt(
            "split_or_class",
            _or_choose(
                f"{_quoted(speaking)} "
                + (
                    "is taken as a class, though its name could be that of a split"
                    if len(speaking) == 1
                    else "are taken as classes, though their names could be those of splits"
                )
                + ": no folders of classes are inside.",
                f"If {'it is one' if len(speaking) == 1 else 'they are splits'}, put one folder per class in "
                f"{'it' if len(speaking) == 1 else 'each'}, or",
            ),
            speaking,
        )

    def _doubt(self, topic: str, text: str, about: Sequence[_Folder | str]) -> None:
        examples = tuple(each if isinstance(each, str) else each.path for each in about)
        self.doubts.append(Finding(topic=topic, text=text, doubtful=True, examples=examples))


def _or_choose(text: str, advice: str) -> Advice:
    choose = f"{advice} choose that reading under Files"
    return Advice(text, f"{choose}, or with --layout.", f"{choose}.")


def _split_names(inner: list[_Folder]) -> dict[str, SplitName]:
    """Return what the names of folders beside each other say of splits, by path.

    "seg_train" speaks of one beside "seg_test" only, "train_a" beside "test" if both hold the same folders:
    "steam_train" is a kind of train. "eval" is the test set beside "dev", "holdout" the validation set beside
    "test".
    """
    said = {folder.path: name for folder in inner if (name := split_name(folder.name))}
    holding = {folder.path: set(folder.folders) for folder in inner}

    def has_partner(path: str) -> bool:
        name = said[path]
        return any(
            other.split != name.split
            and (other.stem == name.stem or (not other.stem and holding[there] & holding[path]))
            for there, other in said.items()
        )

    kept = {path: name for path, name in said.items() if not name.stem or has_partner(path)}
    kinds = {name.split for name in kept.values() if not name.weak}
    for path, name in kept.items():
        if name.word in ("eval", "evaluation") and "valid" in kinds:
            kept[path] = replace(name, split="test")
        elif name.word == "holdout" and "test" in kinds and "valid" not in kinds:
            kept[path] = replace(name, split="valid")
    return kept


def _shared(folders: Collection[_Folder]) -> set[str]:
    """Return the names of subfolders that more than one of some folders has."""
    times = Counter(each.name for folder in folders for each in folder.inner())
    return {name for name, n in times.items() if n > 1}


def _nested(inner: list[_Folder], deep: list[_Folder]) -> bool:
    """Tell whether most images are in named folders within folders, several in each."""
    holding = [
        folder
        for folder in deep
        if not folder.images and sum(not _is_neutral(each.name) for each in folder.inner()) > 1
    ]
    return sum(folder.total for folder in holding) > _HALF * sum(folder.total for folder in inner)


def _repeating(inner: Sequence[_Folder]) -> list[_Folder]:
    """Return folders that hold folders beside them again, if that is true of all that are no such folders."""
    names = {folder.name for folder in inner}
    again = {folder.path: {each.name for each in _chain(folder)[-1].inner()} for folder in inner}
    found = [folder for folder in inner if len(again[folder.path]) > 1 and again[folder.path] <= names]
    covered = {name for folder in found for name in again[folder.path]}
    return found if names == covered | {folder.name for folder in found} else []


def _is_doubled(folder: _Folder) -> bool:
    """Tell whether a folder only holds one of its name, or one with splits ("data/data/cat", "a/b/train")."""
    chain = _chain(folder)
    alike = any(above.name == below.name for above, below in pairwise(chain))
    return len(chain) > 1 and len(chain[-1].inner()) > 1 and (alike or _holds_splits(chain[-1]))


def _holds_splits(folder: _Folder) -> bool:
    """Tell whether all folders in one are splits by their names, and of two kinds at least."""
    said = [split_name(each.name) for each in folder.inner()]
    kinds = {name.split for name in said if name is not None and not name.stem}
    return None not in said and len(kinds) > 1


def _are_sources(folders: Sequence[_Folder]) -> bool:
    """Tell whether folders are named like parts of a collection: batches, cameras, years."""
    return all(_SOURCE.fullmatch(folder.name) for folder in folders)


def _are_numbered(folders: Sequence[_Folder]) -> bool:
    """Tell whether folders have the same name but for a number."""
    return len({re.sub(r"\d+", "", folder.name) for folder in folders}) == 1 < len(folders)


def _bare_classes(folders: Sequence[_Folder]) -> bool:
    """Tell whether the same folders, named by a letter or a small number, are in all of some folders."""
    everywhere = set.intersection(*(set(folder.folders) for folder in folders))
    return len(folders) > 1 and sum(_BARE.fullmatch(name) is not None for name in everywhere) > 1


def _chain(folder: _Folder) -> list[_Folder]:
    """Return a folder, the only one in it, the only one in that, and so on."""
    chain = [folder]
    while len(chain[-1].inner()) == 1 and not chain[-1].images:
        chain += chain[-1].inner()
    return chain


def _speaks_of_files(name: str) -> bool:
    return name.casefold() in _FILE_WORDS


def _is_generic(name: str) -> bool:
    return name.casefold() in _GENERIC


def _is_neutral(name: str) -> bool:
    """Tell whether a folder's name says nothing about what is on its images: a number, a day, a camera."""
    return _is_generic(name) or _PART.fullmatch(name) is not None


def _quoted(folders: Sequence[_Folder]) -> str:
    return listed([folder.path for folder in folders])


def layout_findings(guess: Guess, names: Sequence[str], labels: Sequence[str | None]) -> Iterator[Finding]:
    """Say what the folders of a set were taken for, and what is doubtful about that."""
    yield from guess.doubts
    layout = guess.layout
    by_split: dict[str, set[str]] = {}
    for path, split in layout.splits.items():
        by_split.setdefault(split, set()).add(path.rpartition("/")[2])
    if by_split:
        parts = [
            f"{listed(naturally(by_split[split]))} ({use})"
            for split, use in (("train", "training"), ("valid", "validation"), ("test", "test"))
            if split in by_split
        ]
        yield Finding(topic="splits", text=f"Folders taken as splits: {'; '.join(parts)}.")
    if layout.outer:
        outer = listed(sorted(layout.outer))
        text = f"Folders that only hold others and say nothing about the images: {outer}."
        yield Finding(topic="outer", text=text)
    classes = naturally({label for label in labels if label is not None})
    if classes:
        yield Finding(
            topic="classes",
            text=f"The names of folders are taken as {count(len(classes), 'class', 'classes')}: "
            f"{listed(classes)}.",
        )
    without = [name for name, label in zip(names, labels, strict=True) if label is None]
    if without and classes:
        yield Finding(
            topic="unlabelled",
            text=f"{count(len(without), 'image')} outside of the folders of the classes "
            f"{'has' if len(without) == 1 else 'have'} no label.",
            examples=tuple(without),
        )
    elif without:
        yield Finding(topic="unlabelled", text="No folder names a class, so no image has a label.")
        said = _words_before_numbers(names)
        if said:
            yield Finding(
                topic="classes_in_names",
                text=f"The names of the files begin with {listed(said)}. If these are the classes, put the "
                "files into one folder per class, or write a table with the columns name and label.",
                doubtful=True,
                examples=tuple(said),
            )


def _words_before_numbers(names: Sequence[str]) -> list[str]:
    """Return the words before the numbers of files ("cat.0.jpg"), if nearly all have one of a few."""
    found = (_WORD_BEFORE_NUMBER.match(name.rpartition("/")[2]) for name in names)
    words = Counter(match[1] for match in found if match and not _is_generic(match[1]))
    common = sorted(word for word, times in words.items() if times >= _EACH_WORD)
    covered = sum(words[word] for word in common)
    return common if len(common) > 1 and covered >= _NEARLY_ALL * len(names) else []
