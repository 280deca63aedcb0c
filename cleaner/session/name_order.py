"""The images of a view in their order, as rows of the catalog: a million of them in the memory of numbers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import overload

import numpy as np
from numpy.typing import NDArray

from cleaner.errors import StoreError
from cleaner.util.places import Places

_SOME = 64  # rows whose names are looked up at once: at first, as a page needs, and in the end
_MANY = 4096


class NameOrder(Sequence[str]):
    """Names of images, each once, in an order that never changes.

    Parameters
    ----------
    names : object array, shape (n,)
        Names of images in any order, such as `Catalog.names`.
    rows : int64, shape (m,)
        Which of them, first to last.
    places : Places
        Where each name stands in ``names``.

    Raises
    ------
    StoreError
        A row comes twice.
    """

    def __init__(self, names: NDArray[np.object_], rows: NDArray[np.int64], places: Places) -> None:
        self._names, self._rows, self._places = names, rows, places
        self._there = np.zeros(len(names), dtype=bool)
        self._there[rows] = True
        if np.count_nonzero(self._there) < len(rows):
            msg = "Got an image twice in the order of the pages; expected every name once."
            raise StoreError(msg)

    @classmethod
    def of(cls, names: Iterable[str]) -> NameOrder:
        """Return names that are in their order already as this: the same object if they are."""
        if isinstance(names, NameOrder):
            return names
        listed = list(names)
        if len(set(listed)) < len(listed):
            msg = "Got an image twice in the order of the pages; expected every name once."
            raise StoreError(msg)
        array = np.empty(len(listed), dtype=object)
        array[:] = listed
        return cls(array, np.arange(len(listed)), Places(listed))

    def __len__(self) -> int:
        return len(self._rows)

    @overload
    def __getitem__(self, at: int) -> str: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[str]: ...
    def __getitem__(self, at: int | slice) -> str | Sequence[str]:
        if isinstance(at, slice):
            return [*self._names[self._rows[at]].tolist()]
        return str(self._names[self._rows[at]])

    def __iter__(self) -> Iterator[str]:
        return self.beginning_at(0)

    def __contains__(self, name: object) -> bool:
        row = self._places.get(name)
        return row is not None and bool(self._there[row])

    def beginning_at(self, at: int) -> Iterator[str]:
        """Yield the names from a place on."""
        some = _SOME
        while at < len(self._rows):
            yield from self._names[self._rows[at : at + some]].tolist()
            at, some = at + some, min(2 * some, _MANY)

    def followed_by(self, others: NameOrder) -> NameOrder:
        """Return these names, and after them those of others that are not among them, in their order."""
        if others._names is self._names:
            more = others._rows[~self._there[others._rows]]
            return NameOrder(self._names, np.concatenate([self._rows, more]), self._places)
        return NameOrder.of([*self, *(name for name in others if name not in self)])
