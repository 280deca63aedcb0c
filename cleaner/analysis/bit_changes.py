"""Missing and extra labels that reviewers found, class by class, where an image can have several."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from cleaner.dataset.label_sets import LabelSets
from cleaner.util.natural import naturally


@dataclass(frozen=True, slots=True)
class BitChanges:
    """What the decisions say of one class.

    Parameters
    ----------
    label : str
    images : int
        That came with it.
    looked_at : int
        Of all images, those whose labels somebody decided on; deleted ones are not among them.
    extra, missing : int
        Images from which it was taken away, and images to which it was given.
    """

    label: str
    images: int
    looked_at: int
    extra: int
    missing: int


def bit_changes(
    given: Mapping[str, str | None], outcomes: Mapping[str, tuple[str, str | None]], sets: LabelSets
) -> list[BitChanges]:
    """Count changes by class, in natural order.

    Parameters
    ----------
    given, outcomes
        See `cleaner.analysis.confusions.class_changes`.
    sets : LabelSets
    """
    images: Counter[str] = Counter()
    extra: Counter[str] = Counter()
    missing: Counter[str] = Counter()
    looked_at = 0
    for name, label in given.items():
        before = set(sets.split(label))
        images.update(before)
        outcome, chosen = outcomes.get(name, ("", None))
        looked_at += outcome in ("keep", "relabel", "label")
        if outcome == "relabel":
            after = set(sets.split(chosen))
            extra.update(before - after)
            missing.update(after - before)
    classes = naturally({*images, *extra, *missing})
    return [BitChanges(label, images[label], looked_at, extra[label], missing[label]) for label in classes]
