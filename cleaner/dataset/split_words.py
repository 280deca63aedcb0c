"""Names that stand for a split or a fold: of folders ("val2017", "seg_train"), and in columns of tables."""

import re
from dataclasses import dataclass

_WORDS = {
    "train": "train",
    "training": "train",
    "trainval": "train",
    "trn": "train",
    "valid": "valid",
    "val": "valid",
    "validation": "valid",
    "dev": "valid",
    "devel": "valid",
    "development": "valid",
    "test": "test",
    "testing": "test",
    "tst": "test",
}
# They say it too, but are ordinary words as well: alone, without one of those above, they prove nothing.
_WEAK_WORDS = {
    "eval": "valid",
    "evaluation": "valid",
    "extra": "train",
    "holdout": "test",
    "pred": "test",
    "predict": "test",
    "prediction": "test",
}
_FILLERS = frozenset(
    re.findall(
        r"\w+",
        "set sets image images img imgs data dataset photo photos pic pics picture pictures jpg jpeg png "
        "split folder dir only final public private mini zip tar",
    )
)
_JOINED = re.compile(rf"({'|'.join([*_WORDS, *_WEAK_WORDS])})(?:{'|'.join(_FILLERS)})")
_FOLD = re.compile(
    r"(k[ _-]?)?(fold|cv|cvfold|split|partition)[ _-]*(\d+|[a-z])|"
    r"(\d+(st|nd|rd|th)?|first|second|third|fourth|fifth)[ _-]*fold",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class SplitName:
    """What the name of a folder says about a split.

    Attributes
    ----------
    split : str
        "train", "valid" or "test".
    word : str
        The word that says it, in small letters.
    stem : tuple of str
        The words of the name beside it: ("seg",) for "seg_train", none for "train_images" and "val2017".
    weak : bool
        The word is an ordinary one as well ("extra").
    """

    split: str
    word: str
    stem: tuple[str, ...]
    weak: bool


def split_name(folder: str) -> SplitName | None:
    """Find the split that a folder's name speaks of at its beginning or its end; None: it speaks of none."""
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", folder)
    spaced = re.sub(r"hold[-_ ]out", "holdout", spaced, flags=re.IGNORECASE)
    tokens = [token for token in re.findall(r"[^\W\d_]+", spaced.casefold()) if token not in _FILLERS]
    tokens = [joined[1] if (joined := _JOINED.fullmatch(token)) else token for token in tokens]
    if tokens[:2] in (["train", "val"], ["train", "valid"]):
        tokens[:2] = ["trainval"]
    known = _WORDS | _WEAK_WORDS
    if sum(token in known for token in tokens) != 1 or not {tokens[0], tokens[-1]} & set(known):
        return None
    (word,) = (token for token in tokens if token in known)
    return SplitName(
        known[word], word, tuple(token for token in tokens if token != word), word in _WEAK_WORDS
    )


def split_of_word(text: str) -> str | None:
    """Return the split that a value of a table or a folder's whole name stands for ("val" is "valid")."""
    found = split_name(text)
    return None if found is None or found.stem else found.split


def is_weak(text: str) -> bool:
    """Tell whether a name of a split is an ordinary word as well ("extra")."""
    found = split_name(text)
    return found is not None and found.weak


def is_packed(folder: str) -> bool:
    """Tell whether what stands for a folder is an archive, by its name."""
    return folder.lower().endswith((".zip", ".tar"))


def is_fold(folder: str) -> bool:
    """Tell whether a folder is named like a part of a cross-validation ("fold1", "fold_0", "cv3")."""
    return _FOLD.fullmatch(folder) is not None
