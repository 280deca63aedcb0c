"""What is decided on one image, before it is recorded; and its row."""

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from cleaner.errors import StoreError
from cleaner.review.events import Action, check_given, check_label, check_name, check_reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One image and what is decided on it; several make one act, whatever their actions.

    Parameters
    ----------
    name : str
    action : Action or str
    label : str or None
        The new label; for relabel only.
    given : str or None
        The label in the catalog.
    rank : int or None
        Place in the ranking, 0 = most suspicious.
    loss : float or None
        Nats, higher = more suspicious.
    score : float or None
        Probability that the label is wrong, higher = more suspicious.
    detail : Mapping
        Anything else worth keeping; must be JSON. ``reason`` ("duplicate", "blurry" …) makes a discard of a
        delete: the image goes, and nothing is said about its label. ``restores`` (True) makes of a keep what
        takes such discards back, and says nothing about the label either.
    """

    name: str
    action: Action | str
    label: str | None = None
    given: str | None = None
    rank: int | None = None
    loss: float | None = None
    score: float | None = None
    detail: Mapping[str, Any] | None = None

    def row(self, given_of: Callable[[str], str | None] | None = None) -> dict[str, Any]:
        """Return the columns of the history that say this.

        Parameters
        ----------
        given_of : callable, optional
            Gives the catalog's label of a name where the choice does not say it.

        Raises
        ------
        StoreError
            If the name, the action or the label cannot be.
        """
        name = check_name(self.name)
        try:
            action = Action(self.action)
        except ValueError as exc:
            known = ", ".join(Action)
            raise StoreError(f"Got the action {self.action!r}; expected one of {known}.") from exc
        if (action is Action.RELABEL) != (self.label is not None):
            msg = f"Got {action} with the label {self.label!r}; relabel needs a label, the others take none."
            raise StoreError(msg)
        if self.detail and "reason" in self.detail:
            check_reason(self.detail["reason"], action)
        given = self.given
        if given is None and given_of is not None:
            given = given_of(name)
        return {
            "kind": str(action),
            "name": name,
            "given_label": check_given(given),
            "new_label": None if self.label is None else check_label(self.label),
            "rank": None if self.rank is None else int(self.rank),
            "loss": _number(self.loss),
            "score": _number(self.score),
            "detail": as_json(self.detail),
        }


def as_json(detail: Mapping[str, Any] | None) -> str | None:
    """Return what else belongs to a row as the table keeps it; None for nothing."""
    return json.dumps(dict(detail), ensure_ascii=False, sort_keys=True) if detail else None


def _number(value: float | None) -> float | None:
    """Make a plain number of whatever numpy gave; not-a-number is no number."""
    if value is None or math.isnan(value):
        return None
    return float(value)
