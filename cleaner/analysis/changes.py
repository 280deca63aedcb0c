"""What the decisions changed: class by class, and from which label to which."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ClassChanges:
    """The decisions on the images of one given class; ``label`` is None for those without a label."""

    label: str | None
    images: int
    looked_at: int
    wrong: int
    unsure: int


def class_changes(
    given: Mapping[str, str | None], outcomes: Mapping[str, tuple[str, str | None]]
) -> list[ClassChanges]:
    """Count the decisions by given class, sorted by its name.

    Parameters
    ----------
    given : mapping of str to str or None
        The label of every image as it was given.
    outcomes : mapping of str to (str, str or None)
        What is decided on each label ("keep", "delete", "relabel", "label", "unsure", or "discard", which
        is no judgement) and its new label: `cleaner.review.ReviewState.judgements`.
    """
    images = Counter(label or None for label in given.values())
    decided = Counter(
        (given[name] or None, outcome) for name, (outcome, _) in outcomes.items() if name in given
    )
    found = []
    for label in sorted(images, key=lambda label: label or ""):
        wrong = decided[label, "delete"] + decided[label, "relabel"]
        looked_at = wrong + decided[label, "keep"] + decided[label, "label"]
        found.append(ClassChanges(label, images[label], looked_at, wrong, decided[label, "unsure"]))
    return found


def label_moves(
    given: Mapping[str, str | None], outcomes: Mapping[str, tuple[str, str | None]]
) -> list[tuple[str | None, str, int]]:
    """Count new labels: (given label, new label, images), the commonest first; see `class_changes`."""
    moves = Counter(
        (given[name] or None, label)
        for name, (outcome, label) in outcomes.items()
        if name in given and outcome in ("relabel", "label") and label
    )
    return [(was, now, number) for (was, now), number in moves.most_common()]
