"""Labels as they were before any decision, as a ranking sees them that knows the decisions.

A ranking that was made after decisions takes the decided labels for right: they teach the heads, and nothing
about them is in question any more. Yet what the decisions found is how often labels like the others are
wrong. So the ranking keeps what it would have thought of each decided label had nobody decided on it: by
heads and neighbours that have not seen the image, nor any copy of it, through its noise matrix.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

Doubles = NDArray[np.float64]
Ints = NDArray[np.int32]
Longs = NDArray[np.int64]

_PREFIX = "original:"


@dataclass(frozen=True)
class Originals:
    """The decided images of a ranking with the labels that they had before; one entry for each.

    Attributes
    ----------
    rows : int32, shape (m,)
        Rows of the ranking.
    given : int32, shape (m,)
        Columns of the labels from before any decision.
    suggested : int32, shape (m,)
        Columns of the best classes other than these; -1: there is no other.
    log_odds : float32, shape (m,)
        That those labels were wrong, as if nobody had decided.
    """

    rows: Ints
    given: Ints
    suggested: Ints
    log_odds: NDArray[np.float32]

    @classmethod
    def of(cls, rows: Longs, given: Longs, posterior: NDArray[np.floating]) -> Self:
        """Keep of some rows of a ranking what is needed.

        Parameters
        ----------
        rows, given : int64, shape (m,)
        posterior : float32, shape (m, n_classes + 1)
            Probability of each class, and of none, as if nobody had decided on the label.
        """
        suggested = best_other(posterior[:, :-1], given)
        odds = log_odds(posterior, given)
        return cls(rows.astype(np.int32), given.astype(np.int32), suggested.astype(np.int32), odds)

    def at(self, new_row: Longs) -> Self:
        """Return those whose rows stay; ``new_row``: the new one of each former row, -1 if it goes."""
        rows = new_row[self.rows]
        kept = rows >= 0
        parts = {field.name: getattr(self, field.name)[kept] for field in fields(self)}
        return replace(self, **{**parts, "rows": rows[kept].astype(np.int32)})

    def merged(self, column: Longs) -> Self:
        """Return the same after classes became one: ``column`` is the present one of each former column.

        Where the label and the suggestion became one, nothing says any more what else was suggested.
        """
        given, suggested = column[self.given], np.append(column, -1)[self.suggested]
        suggested[suggested == given] = -1
        return replace(self, given=given.astype(np.int32), suggested=suggested.astype(np.int32))

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return the arrays to save."""
        return {_PREFIX + field.name: getattr(self, field.name) for field in fields(self)}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> Self | None:
        """Read what `arrays` gave; None in a ranking that was saved without."""
        found = {field.name: arrays.get(_PREFIX + field.name) for field in fields(cls)}
        return None if any(array is None for array in found.values()) else cls(**found)  # type: ignore[arg-type]


class Unseen(NamedTuple):
    """The labels of a ranking as if nobody had ever decided on any, in the order of its names.

    Attributes
    ----------
    given, suggested : int64, shape (n,)
        Columns of the labels, -1: none, or nothing is known of it.
    odds : float64, shape (n,)
        Log odds that the label is wrong, within `cleaner.ranking.logistic.LARGEST`; NaN without a label.
    is_open : bool, shape (n,)
        Labels that the ranking was not told to be right.
    surprising : bool, shape (n,)
        Labels other than what the ranking predicts from the image alone.
    n_classes : int
        Of which the columns are.
    """

    given: Longs
    suggested: Longs
    odds: Doubles
    is_open: NDArray[np.bool_]
    surprising: NDArray[np.bool_]
    n_classes: int


class Beliefs(NamedTuple):
    """What a model says of labels from the images alone, in the order of a ranking's names.

    Attributes
    ----------
    given, suggested : float, shape (n,)
        Log probabilities of what `Unseen` calls so.
    entropy : float, shape (n,)
        How unsure it is of the whole label, in nats.
    """

    given: NDArray[np.floating]
    suggested: NDArray[np.floating]
    entropy: NDArray[np.floating]


def best_other(posterior: NDArray[np.floating], given: Longs) -> Longs:
    """Return the most probable class but the given one of each row; -1 if there is no other.

    Parameters
    ----------
    posterior : float, shape (n, n_classes)
    given : int64, shape (n,)
        -1: none.
    """
    other = posterior.copy()
    rows = np.flatnonzero(given >= 0)
    other[rows, given[rows]] = -1
    best = other.argmax(axis=1)
    best[other[np.arange(len(best)), best] < 0] = -1
    return np.asarray(best, dtype=np.int64)


def log_odds(posterior: NDArray[np.floating], codes: Longs) -> NDArray[np.float32]:
    """Return the log odds that the given label is wrong, NaN for images without one; higher = worse.

    Parameters
    ----------
    posterior : float32, shape (n, columns)
        Probability of each class, the given label taken into account; rows sum to one.
    codes : int64, shape (n,)
        Column of the given label, -1 for none.
    """
    at = (np.arange(len(codes)), np.maximum(codes, 0))
    other = posterior.astype(np.float64)
    right = other[at].copy()
    other[at] = 0
    # Summing what is not the given class keeps digits that 1 - right would lose.
    odds = np.log(np.maximum(other.sum(axis=1), 1e-30)) - np.log(np.maximum(right, 1e-30))
    odds[codes < 0] = np.nan
    return np.asarray(odds, dtype=np.float32)
