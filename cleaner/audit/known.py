"""How often reviewers err, by their answers to images whose right label an expert fixed beforehand."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import NamedTuple

from cleaner.audit.bound import most_rate
from cleaner.review.opinions import Answer

RATE_ALPHA = 0.05
"""One minus the confidence of the highest rate that is told of a reviewer."""


class Known(NamedTuple):
    """One reviewer's answers to images whose right label an expert had fixed.

    Attributes
    ----------
    reviewer : str
    wrong, missed : int
        Images with a wrong label, and those that the reviewer took for right.
    right, alarms : int
        Images with the right label, and those that the reviewer took for wrong, or was unsure of.
    """

    reviewer: str
    wrong: int
    missed: int
    right: int
    alarms: int

    @property
    def most_missed(self) -> float:
        """The reviewer misses at most this share of the errors, 0..1, whenever one looks."""
        return most_rate(self.missed, self.wrong, alpha=RATE_ALPHA)

    @property
    def most_alarms(self) -> float:
        """The reviewer takes at most this share of the right labels for wrong, 0..1, whenever one looks."""
        return most_rate(self.alarms, self.right, alpha=RATE_ALPHA)


def known_results(answers: Iterable[Answer], *, unaided: bool = False) -> tuple[Known, ...]:
    """Return how reviewers answered where the right label is known.

    Parameters
    ----------
    answers : iterable of Answer
    unaided : bool
        Count only answers that were given without a sight of the model's opinion, as in an audit.
    """
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for each in answers:
        if not each.known or (unaided and not each.unaided):
            continue
        right, called_right = each.other_says[0] == "keep", each.says[0] == "keep"
        counts[each.reviewer]["right" if right else "wrong"] += 1
        if right != called_right:
            counts[each.reviewer]["alarms" if right else "missed"] += 1
    return tuple(
        Known(who, **{field: found[field] for field in Known._fields[1:]})
        for who, found in sorted(counts.items())
    )


def most_missed(answers: Iterable[Answer], *, alpha: float) -> float | None:
    """Return the highest plausible share of errors, 0..1, that any of the reviewers misses in an audit.

    Each reviewer's own limit holds at α divided by their number, so that all hold at once, whoever judges how
    much of a sample. None if nobody has been shown an image with a wrong label in an audit.

    Parameters
    ----------
    answers : iterable of Answer
    alpha : float
        One minus the confidence, in 0..1.
    """
    asked = [each for each in known_results(answers, unaided=True) if each.wrong]
    if not asked:
        return None
    return max(most_rate(each.missed, each.wrong, alpha=alpha / len(asked)) for each in asked)
