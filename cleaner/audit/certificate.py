"""What an audit has shown."""

from __future__ import annotations

from dataclasses import dataclass

USUAL_LOOKS = 300
"""Random looks after which an audit usually says something useful: 3/r clean ones certify a rate r = 1 %."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """What an audit has shown.

    Parameters
    ----------
    population : int
        Images that the audit is about.
    audited : int
        How many of them count, from the start of the random order.
    errors : int
        Errors among the audited.
    open : int
        How many of the audited are unsure or gone; the bound takes them for errors.
    found : int
        Errors found so far, in the audit and elsewhere.
    left : int
        At most so many errors are not found yet.
    confidence : float
        Chance that this and every earlier statement hold, 0..1.
    rounds : int
        How often images joined; 1 = never after the beginning.
    discarded : int
        Images of the population that were taken out before anybody judged their label: duplicates, poor
        images. ``left`` is not about them.
    """

    population: int
    audited: int
    errors: int
    open: int
    found: int
    left: int
    confidence: float = 0.95
    rounds: int = 1
    discarded: int = 0

    @property
    def planned(self) -> int:
        """Looks that are usually enough."""
        return min(self.population - self.discarded, USUAL_LOOKS)

    @property
    def recall(self) -> float | None:
        """At least this share of all errors is found, 0..1; None while there is no error to speak of."""
        return self.found / (self.found + self.left) if self.found + self.left else None
