"""What has been found, and what is expected if one goes on: an estimate with an interval, no proof.

The estimates are those of `cleaner.ranking.posterior`: they rest on what other sets taught about rankings and
errors, and on the decisions so far. The audit rests on neither, which is why it can prove something.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cleaner.ranking.posterior import Count, Posterior
from cleaner.review import ReviewState
from cleaner.review.labels import WRONG

_MOST_POINTS = 400
_AHEAD = 12  # points of the curve of what is expected
_FEW = 2
_LOOKS = 100
_FEW_AHEAD = 1
_WIDE = 10
_WIDE_FROM = 20
_WIDE_SHARE = 0.02


@dataclass(frozen=True, kw_only=True)
class Forecast:
    """Errors found against looks, and what is expected of the next ones.

    Parameters
    ----------
    found : tuple of (int, int)
        (looks, errors found), at most 400 points, the last look among them.
    expected : tuple of (int, Count)
        (looks, errors found by then, with an interval), from the last look on, if the most suspicious images
        come next; empty without a ranking.
    next_page : Count or None
        Errors on the next page of the most suspicious images; None without a ranking.
    rest : Count or None
        Errors in all that nobody has decided.
    undecided : int
        How many images that is.
    """

    found: tuple[tuple[int, int], ...] = ()
    expected: tuple[tuple[int, Count], ...] = ()
    next_page: Count | None = None
    rest: Count | None = None
    undecided: int = 0

    @property
    def is_vague(self) -> bool:
        """Whether so little is known of the rest that its interval does not help to decide anything."""
        if self.rest is None:
            return False
        low, high = self.rest.low, self.rest.high
        return high >= max(_WIDE * max(1, low), _WIDE_FROM, _WIDE_SHARE * self.undecided)


def forecast(
    state: ReviewState,
    rows: NDArray[np.int64] | None = None,
    posterior: Posterior | None = None,
    *,
    page_size: int,
) -> Forecast:
    """Bring together what was found and what to expect.

    Parameters
    ----------
    state : ReviewState
    rows : int64, shape (n,), optional
        Rows of a ranking whose images have a label, most suspicious first.
    posterior : Posterior, optional
        What is believed of the labels of this ranking.
    page_size : int
        Images on a page.
    """
    errors = np.cumsum([look.outcome in WRONG for look in state.looks()], dtype=np.int64)
    done, found = len(errors), int(errors[-1]) if len(errors) else 0
    curve = tuple((i + 1, int(errors[i])) for i in _spread(done, _MOST_POINTS))
    if posterior is None or rows is None:
        return Forecast(found=curve)
    decided = posterior.places.find([*state.outcomes()])
    ahead = rows[~np.isin(rows, decided)]
    shown = min(len(ahead), max(done, 10 * page_size))
    expected = [(done, Count(float(found), found, found))] if shown else []
    ends = [i + 1 for i in _spread(shown, _AHEAD)]
    *counts, next_page, rest = posterior.counts(ahead, [*ends, page_size, None])
    for end, more in zip(ends, counts, strict=True):
        expected.append((done + end, Count(found + more.point, found + more.low, found + more.high)))
    return Forecast(
        found=curve, expected=tuple(expected), next_page=next_page, rest=rest, undecided=len(ahead)
    )


def errors_are_rare(ahead: Forecast, *, window: int, window_errors: int) -> bool:
    """Tell whether errors have become rare by a rule of thumb, which is no guarantee.

    At most two errors among the last hundred looks, probably at most one on the next page, and no doubt that
    makes the interval of what is left useless: the upper ends of the intervals decide, never the expectation.

    Parameters
    ----------
    ahead : Forecast
    window, window_errors : int
        The last looks, and the errors among them.
    """
    if ahead.next_page is None or window < _LOOKS or window_errors > _FEW:
        return False
    return ahead.next_page.high <= _FEW_AHEAD and not ahead.is_vague


def _spread(number: int, most: int) -> list[int]:
    """Return at most so many indices below ``number``, evenly spread, the last one among them."""
    if number <= most:
        return list(range(number))
    return sorted(set(np.linspace(0, number - 1, most).round().astype(int).tolist()))
