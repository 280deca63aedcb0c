"""What is odd about the classes of a set: one alone, hardly any images, names that differ by a hair."""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from itertools import combinations, pairwise

from cleaner.dataset.findings import Finding
from cleaner.dataset.split_words import is_fold, is_weak, split_of_word
from cleaner.errors import CatalogError
from cleaner.util.wording import count, listed

_FEW = 2  # images of a class
_LETTERS_LACKING = 5
_LETTERS_OTHER = 8


def class_findings(by_class: Mapping[str, Mapping[str, int]]) -> Iterator[Finding]:
    """Name what is odd about some classes.

    Parameters
    ----------
    by_class : mapping of str to mapping of str to int
        From class to split to the number of images.
    """
    if len(by_class) == 1:
        (only,) = by_class
        yield Finding(
            topic="one_class",
            text=f"There is only one class, “{only}”, so wrong labels cannot be found by comparison. If "
            "there should be more, open the folder above, or another table.",
            doubtful=True,
        )
    few = [name for name, of_split in by_class.items() if sum(of_split.values()) <= _FEW]
    if few and len(by_class) > 1:
        yield Finding(
            topic="few_images",
            text=f"{count(len(few), 'class has', 'classes have')} only one or two images, too few to learn "
            f"from: {listed(few)}. Check the names, or merge the classes on the page.",
            examples=tuple(few),
        )
    untrained = [
        name
        for name, of_split in by_class.items()
        if name not in few and set(of_split) <= {"valid", "test"} and len(by_class) > 1
    ]
    if untrained and any("train" in of_split for of_split in by_class.values()):
        yield Finding(
            topic="not_trained",
            text=f"{count(len(untrained), 'class has', 'classes have')} images for validation or test, but "
            f"none for training: {listed(untrained)}. Check the names of the folders, or the labels of the "
            "table.",
            doubtful=True,
            examples=tuple(untrained),
        )
    alike = [f"“{a}” and “{b}”" for a, b in similar_names(by_class)]
    if alike:
        yield Finding(
            topic="similar_classes",
            text=f"Names of classes that hardly differ: {listed(alike, most=4)}. If they mean the same, "
            "merge them among the classes on the page.",
            doubtful=True,
            examples=tuple(alike),
        )


def refuse_splits(classes: Collection[str]) -> None:
    """Refuse to learn from classes that are all named like splits or folds: of what, nothing is said.

    Raises
    ------
    CatalogError
        They are.
    """
    if len(classes) < 2 or not all(split_of_word(label) or is_fold(label) for label in classes):
        return
    if any(is_fold(label) or not is_weak(label) for label in classes):
        raise CatalogError(
            f"The classes of this set are {listed(sorted(classes))}. These are names of splits, not "
            "of what the images show, so no wrong label can be found. Put one folder per class into each of "
            "them, or choose another column for the labels. If they are classes all the same, rename them."
        )


def similar_names(classes: Iterable[str]) -> list[tuple[str, str]]:
    """Return the pairs of class names that are probably one class written in two ways.

    Names are alike if they differ in nothing but case, the encoding of accents, spaces, hyphens, underscores
    and a plural s. From five letters on, they are if one lacks an inner letter, or two are swapped ("grizly",
    "girzzly"); from eight on, if one letter is another. Shorter words differ so all the time: horse, house.
    A digit or a single letter is never a slip: "cat1" and "cat2", "type A" and "type B".
    """
    names = sorted(set(classes))
    groups: defaultdict[str, list[str]] = defaultdict(list)
    for name in names:
        groups[_plain(name)].append(name)
    pairs = [pair for group in groups.values() for pair in pairwise(group)]
    firsts = {plain: group[0] for plain, group in groups.items()}
    return [*pairs, *((firsts[a], firsts[b]) for a, b in _near(firsts) if _one_slip(a, b))]


def _near(names: Iterable[str]) -> list[tuple[str, str]]:
    """Return the pairs of names that may be one slip apart: without a letter, they are equal."""
    left: defaultdict[str, list[str]] = defaultdict(list)
    for name in sorted(names):
        shorter = (name[:i] + name[i + 1 :] for i, letter in enumerate(name) if not letter.isdigit())
        for rest in {name, *shorter}:
            left[rest].append(name)
    return sorted({pair for group in left.values() for pair in combinations(group, 2)})


def _plain(name: str) -> str:
    text = unicodedata.normalize("NFKC", name).casefold()
    return re.sub(r"[\s_.-]+", " ", text).strip() or text


def _one_slip(a: str, b: str) -> bool:
    """Tell whether two names are one typing error apart."""
    short, long = sorted((a, b), key=len)
    if len(long) - len(short) > 1:
        return False
    if short.replace(" ", "") == long.replace(" ", ""):
        return not re.search(r"\d \d", long)
    if short + "s" == long:
        return len(short) > 1 and not short[-1].isdigit()
    if len(short) < _LETTERS_LACKING:
        return False
    at = next(i for i, (x, y) in enumerate(zip(f"{short}\0", long, strict=False)) if x != y)
    if min(len(_word_at(a, at)), len(_word_at(b, at))) == 1:
        return False
    if len(short) < len(long):
        return 0 < at < len(short) and long[at].isalpha() and long[at + 1 :] == short[at:]
    if not (short[at].isalpha() and long[at].isalpha()):
        return False
    swapped = at > 0 and short[at : at + 2] == long[at : at + 2][::-1] and short[at + 2 :] == long[at + 2 :]
    return swapped or (len(short) >= _LETTERS_OTHER and short[at + 1 :] == long[at + 1 :])


def _word_at(text: str, at: int) -> str:
    start = text.rfind(" ", 0, at) + 1
    return text[start:].split(" ")[0]
