"""What an audit has shown, in numbers and in sentences."""

from __future__ import annotations

import math
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
        Images of the population that were taken out before anybody judged their label: duplicates, bad
        pictures. ``left`` is not about them.
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

    @property
    def sentence(self) -> str:
        """The certificate: "At most 31 errors are left unseen (95 % sure); at least 93 % …"."""
        sure = f"{100 * self.confidence:.0f} % sure"
        if self.left == 0:
            return "No error is left: every picture that the audit is about was judged."
        errors = "1 error is" if self.left == 1 else f"{self.left:,} errors are"
        said = f"At most {errors} left unseen ({sure})"
        if not self.found or self.recall is None:
            return f"{said}."
        share = math.floor(100 * self.recall)  # never rounded up: it is a bound
        return f"{said}; at least {share} % of all errors are found."

    @property
    def evidence(self) -> str:
        """What it rests on: "2 of 300 random pictures were wrong."."""
        was = "was" if self.errors == 1 else "were"
        said = f"{self.errors:,} of {self.audited:,} random pictures {was} wrong."
        if self.open:
            rest = "1 more is unsure or gone, and counts"
            if self.open > 1:
                rest = f"{self.open:,} more are unsure or gone, and count"
            said = f"{said[:-1]}; {rest} as wrong in the bound."
        return said

    @property
    def limits(self) -> str:
        """What it does not cover."""
        without = ""
        if self.discarded:
            some = "1 duplicate or bad picture"
            if self.discarded > 1:
                some = f"{self.discarded:,} duplicates and bad pictures"
            without = f", without {some} thrown out since"
        return (
            f"It is about the {self.population:,} pictures that nobody had decided or set aside when it "
            f"began{without}, and relative to the reviewer's judgement: what a reviewer takes for right is "
            "right."
        )

    @property
    def standing(self) -> str:
        """How far the audit is: "120 of about 300 audited"."""
        if self.audited >= self.planned:
            return f"{self.audited:,} of {self.population - self.discarded:,} audited"
        about = "" if self.planned == self.population - self.discarded else "about "
        return f"{self.audited:,} of {about}{self.planned:,} audited"
