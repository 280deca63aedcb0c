"""What has been found, and what the model expects if one goes on: a guess, where the audit is a proof.

The expectations add up scores, which are low exactly where the model is blind: they can say that it is worth
going on, and never that nothing is left.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cleaner.review import ReviewState
from cleaner.review.labels import WRONG

_MOST_POINTS = 400
_FEW = 2
_LOOKS = 100
_EXPECTED = 0.5


@dataclass(frozen=True, kw_only=True)
class Forecast:
    """Errors found against looks, and what is expected of the next ones.

    Parameters
    ----------
    found : tuple of (int, int)
        (looks, errors found), at most 400 points, the last look among them.
    expected : tuple of (int, float)
        (looks, errors expected to be found by then), from the last look on, if the most suspicious images
        come next; empty without a ranking.
    next_page : float or None
        Errors expected on the next page of the most suspicious images.
    rest : float or None
        Errors expected in all that nobody has decided.
    """

    found: tuple[tuple[int, int], ...] = ()
    expected: tuple[tuple[int, float], ...] = ()
    next_page: float | None = None
    rest: float | None = None


def forecast(
    state: ReviewState,
    names: Sequence[str] = (),
    scores: NDArray[np.floating] | None = None,
    *,
    page_size: int,
) -> Forecast:
    """Bring together what was found and what to expect.

    Parameters
    ----------
    state : ReviewState
    names : sequence of str, length n
        Images that a ranking knows.
    scores : float, shape (n,), optional
        Probability of each that its label is wrong; NaN for unlabelled ones.
    page_size : int
        Images on a page.
    """
    errors = np.cumsum([look.outcome in WRONG for look in state.looks()], dtype=np.int64)
    done, found = len(errors), int(errors[-1]) if len(errors) else 0
    at = _spread(done)
    curve = tuple((i + 1, int(errors[i])) for i in at)
    if scores is None:
        return Forecast(found=curve)
    outcomes = state.outcomes()
    still = np.array([name not in outcomes for name in names], dtype=bool) & ~np.isnan(scores)
    ahead = np.sort(scores[still].astype(np.float64))[::-1].cumsum()
    shown = ahead[: max(done, 10 * page_size)]
    expected = [(done, float(found)), *((done + i + 1, found + float(shown[i])) for i in _spread(len(shown)))]
    return Forecast(
        found=curve,
        expected=tuple(expected) if len(shown) else (),
        next_page=float(ahead[min(page_size, len(ahead)) - 1]) if len(ahead) else 0.0,
        rest=float(ahead[-1]) if len(ahead) else 0.0,
    )


def errors_are_rare(*, window: int, window_errors: int, next_page: float | None) -> bool:
    """Tell whether errors have become rare by a rule of thumb, which is no guarantee.

    At most two errors among the last hundred looks, and less than half an error expected on the next page.

    Parameters
    ----------
    window, window_errors : int
        The last looks, and the errors among them.
    next_page : float or None
        Errors expected on the next page; None without a ranking.
    """
    enough = window >= _LOOKS and window_errors <= _FEW
    return enough and next_page is not None and next_page < _EXPECTED


def _spread(number: int) -> list[int]:
    """Return indices below ``number``, evenly spread, the last one among them."""
    if number <= _MOST_POINTS:
        return list(range(number))
    return sorted(set(np.linspace(0, number - 1, _MOST_POINTS).round().astype(int).tolist()))
