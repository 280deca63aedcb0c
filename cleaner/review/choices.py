"""What is decided on one image, before it is recorded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cleaner.review.events import Action

__all__ = ["Choice"]


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
