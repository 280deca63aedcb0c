"""How sure a share is."""

import math


def wilson(successes: int, trials: int) -> tuple[float, float]:
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
