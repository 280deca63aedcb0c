"""How far reviewers agree: with each other, with themselves, and with what is known to be right.

All of it is about answers that were given blind (`cleaner.review.opinions`). What somebody says of an image
is that it stays as it is, that it goes, or which label it gets instead: as most labels are right, kappa says
how far reviewers agree on the *errors*, where the plain share of equal answers would be high for anybody.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from typing import NamedTuple

from cleaner.audit.known import Known, known_results
from cleaner.review.events import Blind
from cleaner.review.opinions import Stance
from cleaner.review.state import ReviewState
from cleaner.util.intervals import wilson


class Kappa(NamedTuple):
    """Cohen's kappa with its 95 % interval.

    Attributes
    ----------
    point : float
        1: always the same; 0: as often as by chance.
    low, high : float
    """

    point: float
    low: float
    high: float


class Pair(NamedTuple):
    """Two reviewers who judged the same images without a sight of each other's answers.

    Attributes
    ----------
    first, second : str
    images, same : int
        Images that both judged, and those of which they said the same.
    kappa : Kappa or None
        None where chance alone makes both say the same, as where both found everything right.
    """

    first: str
    second: str
    images: int
    same: int
    kappa: Kappa | None


class Consistency(NamedTuple):
    """One reviewer, asked again later: images, those of which the answer was the same, and its 95 % interval.

    ``low`` and ``high`` are shares, 0..1.
    """

    reviewer: str
    images: int
    same: int
    low: float
    high: float


class Agreement(NamedTuple):
    """All of it."""

    pairs: tuple[Pair, ...] = ()
    own: tuple[Consistency, ...] = ()
    known: tuple[Known, ...] = ()

    def __bool__(self) -> bool:
        """Tell whether anybody has answered anything yet."""
        return bool(self.pairs or self.own or self.known)


def agreement(state: ReviewState, *, but: Collection[str] = ()) -> Agreement:
    """Return how far the reviewers of a set agree, by all blind answers so far.

    Parameters
    ----------
    state : ReviewState
    but : collection of str
        Images to leave out, such as those that somebody is about to answer: the result would tell.
    """
    answers = [each for each in state.blind_answers() if each.name not in but]
    pairs: dict[tuple[str, str], list[tuple[Stance, Stance]]] = defaultdict(list)
    own: dict[str, list[bool]] = defaultdict(list)
    for each in answers:
        if each.known:
            continue
        if each.why is Blind.AGAIN:
            own[each.reviewer].append(each.says == each.other_says)
        elif each.reviewer < each.other:
            pairs[each.reviewer, each.other].append((each.says, each.other_says))
        else:
            pairs[each.other, each.reviewer].append((each.other_says, each.says))
    return Agreement(
        tuple(
            Pair(first, second, len(both), sum(a == b for a, b in both), cohens_kappa(both))
            for (first, second), both in sorted(pairs.items())
        ),
        tuple(
            Consistency(who, len(same), sum(same), *wilson(sum(same), len(same)))
            for who, same in sorted(own.items())
        ),
        known_results(answers),
    )


def cohens_kappa(pairs: Sequence[tuple[object, object]]) -> Kappa | None:
    """Return Cohen's kappa of two raters; None if it is not defined, as chance alone makes them agree.

    kappa = (p_o - p_e) / (1 - p_e), with the share of equal answers p_o and the one by chance p_e, the sum
    over all answers of the product of both raters' shares (J. Cohen, *A coefficient of agreement for nominal
    scales*, Educational and Psychological Measurement 20, 1960). Its interval there takes p_e as known; here
    that of p_o is Wilson's, which does not shrink to a point where all answers are equal.
    """
    n = len(pairs)
    if not n:
        return None
    first, second = Counter(a for a, _ in pairs), Counter(b for _, b in pairs)
    same = sum(a == b for a, b in pairs)
    by_chance = sum(first[each] * second[each] for each in first) / n**2
    if by_chance == 1:
        return None

    def kappa(share: float) -> float:
        return max(-1.0, (share - by_chance) / (1 - by_chance))

    low, high = wilson(same, n)
    return Kappa(kappa(same / n), kappa(low), kappa(high))
