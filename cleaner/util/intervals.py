"""How sure a share is."""

import math

import numpy as np
from numpy.typing import NDArray


def wilson(successes: float, trials: float) -> tuple[float, float]:
    """Return the 95 % interval of a share (E. B. Wilson, J. Am. Stat. Assoc. 22, 1927).

    ``scipy.stats`` has it, too, but takes 0.9 s to import, in the kernel of a page.
    """
    if trials == 0:
        return 0.0, 1.0
    z = 1.96
    share, square = successes / trials, z * z / trials
    middle = (share + square / 2) / (1 + square)
    half = z / (1 + square) * math.sqrt(share * (1 - share) / trials + square / (4 * trials))
    return max(0.0, middle - half), min(1.0, middle + half)


def independent_answers(part: NDArray[np.int64], whole: NDArray[np.int64]) -> int:
    """Return how many independent answers would make a share as certain as these do.

    Parameters
    ----------
    part, whole : int64, shape (n,)
        Of each image: answers of a kind, and all answers, at least one. Those of one image may be alike;
        images are taken as independent.
    """
    n, answers = len(part), int(whole.sum())
    share = part.sum() / max(1, answers)
    spread = n / max(1, n - 1) * float(((part - share * whole) ** 2).sum()) / max(1, answers) ** 2
    if spread == 0:  # none or all, or the same share of each image: no telling
        return n
    return max(n, min(answers, round(float(share * (1 - share)) / spread)))
