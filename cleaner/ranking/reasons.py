"""What a ranking keeps of each image, so that it can be said later why the image stands where it does."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from cleaner.ranking.features import Floats
from cleaner.ranking.neighbours import Voters

Ints = NDArray[np.int32]

NEIGHBOURS = 20
"""Neighbours that are kept of each image: the nearest of those that vote, which have most of the weight."""

_PREFIX = "reason:"


class Witness(NamedTuple):
    """Another image that tells something about the one in question.

    Attributes
    ----------
    name : str
    label : str or None
        The label that it has now; None: it has none.
    """

    name: str
    label: str | None


@dataclass(frozen=True)
class Explanation:
    """Why one image stands where it does in a ranking: what the members of the pool say of it.

    Attributes
    ----------
    name : str
    given : str or None
        Its label; None: it has none.
    says : str
        The class that the heads find most probable without having seen the label.
    probability : float
        What they give it, 0 to 1.
    neighbours : tuple of Witness
        The most similar images that vote, most similar first, at most `NEIGHBOURS`; none where only
        probabilities were given.
    copies : tuple of Witness
        Copies of the image, near duplicates included where they were known. They have no vote.
    """

    name: str
    given: str | None
    says: str
    probability: float
    neighbours: tuple[Witness, ...]
    copies: tuple[Witness, ...]

    @property
    def votes(self) -> list[tuple[str, int]]:
        """The labels of the neighbours and how many have each, the most frequent first."""
        return Counter(other.label for other in self.neighbours if other.label is not None).most_common()


@dataclass(frozen=True)
class Reasons:
    """The evidence behind a ranking: about 100 bytes for each image.

    Attributes
    ----------
    heads : int32, shape (n,)
        Column of the class that the heads find most probable, out of fold.
    probability : float32, shape (n,)
        What they give it.
    neighbours : int32, shape (n, NEIGHBOURS or less)
        Rows of the most similar images that vote, most similar first, copies of the image not among them;
        -1 where there are no more.
    units : int32, shape (n,)
        Equal for images that are copies of each other, near duplicates included where they were known.
    """

    heads: Ints
    probability: Floats
    neighbours: Ints
    units: Ints

    @classmethod
    def of(cls, models: Sequence[Floats], voters: Voters | None, units: NDArray[np.int64]) -> Self:
        """Keep of the evidence what can be told.

        Parameters
        ----------
        models : sequence of float32, shape (n, n_classes)
            Log probabilities of heads that have not seen the image, one array for each network.
        voters : Voters or None
            None: no neighbours were asked.
        units : int64, shape (n,)
        """
        total = np.sum(models, axis=0) / np.float32(len(models))
        total = np.exp(total - total.max(axis=1, keepdims=True))
        best = total.argmax(axis=1)
        neighbours = np.zeros((len(total), 0), dtype=np.int32)
        if voters is not None:
            near = voters.weights[:, :NEIGHBOURS] > 0
            neighbours = np.where(near, voters.rows[:, :NEIGHBOURS], -1).astype(np.int32)
        return cls(
            heads=best.astype(np.int32),
            probability=(1 / total.sum(axis=1)).astype(np.float32),
            neighbours=neighbours,
            units=np.asarray(units, dtype=np.int32),
        )

    def copies(self, row: int) -> list[int]:
        """Return the rows of the copies of an image."""
        same = np.flatnonzero(self.units == self.units[row])
        return [other for other in same.tolist() if other != row]

    def at(self, rows: NDArray[np.int64], new_row: NDArray[np.int64]) -> Self:
        """Return the same of some rows; ``new_row``: the new one of each former row, -1 if it goes."""
        near = self.neighbours[rows]
        return replace(
            self,
            heads=self.heads[rows],
            probability=self.probability[rows],
            neighbours=np.where(near >= 0, new_row[near], -1).astype(np.int32),
            units=self.units[rows],
        )

    def merged(self, column: NDArray[np.int64]) -> Self:
        """Return the same after classes became one: ``column`` is the present one of each former column."""
        return replace(self, heads=column[self.heads].astype(np.int32))

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return the arrays to save."""
        return {_PREFIX + field.name: getattr(self, field.name) for field in fields(self)}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> Self | None:
        """Read what `arrays` gave; None in a ranking that was saved without reasons."""
        found = {field.name: arrays.get(_PREFIX + field.name) for field in fields(cls)}
        return None if any(array is None for array in found.values()) else cls(**found)  # type: ignore[arg-type]
