"""At which place of a long list each name stands, in no more memory than the list takes."""

from bisect import bisect_left
from collections.abc import ItemsView, Iterator, Mapping, Sequence, ValuesView
from itertools import islice
from operator import lt
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Value = TypeVar("Value")

_FEW = 5  # a fifth of the list is found faster by a dictionary that is made for it than by bisection
_SMALL = 100_000  # the longest list for which one is made: of a million names, it takes 0.1 GB


class Places:
    """Finds names in a list: by bisection where it is sorted, as catalogs are; else by a dictionary.

    Parameters
    ----------
    names : sequence of str
        Each once. It is kept, not copied, and must not change.
    """

    def __init__(self, names: Sequence[str]) -> None:
        self._names = names
        is_sorted = all(map(lt, names, islice(names, 1, None)))
        self._at = None if is_sorted else {name: at for at, name in enumerate(names)}

    def get(self, name: object) -> int | None:
        """Return the place of a name, from 0; None if it is not in the list."""
        if self._at is not None:
            return self._at.get(name)  # type: ignore[call-overload, no-any-return]
        if not isinstance(name, str):
            return None
        at = bisect_left(self._names, name)
        return at if at < len(self._names) and self._names[at] == name else None

    def find(self, names: Sequence[str]) -> NDArray[np.int64]:
        """Return the places of several names, shape (n,), as `get`; -1 for what is not in the list."""
        at = self._at
        if at is None and len(self._names) // _FEW < len(names) and len(self._names) <= _SMALL:
            at = {name: place for place, name in enumerate(self._names)}
        if at is not None:
            found = (at.get(name, -1) for name in names)
        else:
            found = (-1 if (place := self.get(name)) is None else place for name in names)
        return np.fromiter(found, dtype=np.int64, count=len(names))

    def __contains__(self, name: object) -> bool:
        return self.get(name) is not None


class Named(Mapping[str, Value]):
    """A value for each name, as in a dictionary, in no more memory than names and values take.

    Parameters
    ----------
    names : sequence of str
        Each once.
    values : sequence, one a name
        Neither is copied, and neither must change.
    places : Places, optional
        Those of the names, if they are at hand.
    """

    def __init__(self, names: Sequence[str], values: Sequence[Value], places: Places | None = None) -> None:
        self._names, self._values = names, values
        self._places = Places(names) if places is None else places

    def __getitem__(self, name: str) -> Value:
        at = self._places.get(name)
        if at is None:
            raise KeyError(name)
        return self._values[at]

    def __contains__(self, name: object) -> bool:
        return name in self._places

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)

    def values(self) -> ValuesView[Value]:
        """Return the values in the order of the names, without looking for each name."""
        return _Values(self)

    def items(self) -> ItemsView[str, Value]:
        """Return names and values, likewise."""
        return _Items(self)


class _Values(ValuesView[Value]):
    _mapping: Named[Value]

    def __iter__(self) -> Iterator[Value]:
        return iter(self._mapping._values)


class _Items(ItemsView[str, Value]):
    _mapping: Named[Value]

    def __iter__(self) -> Iterator[tuple[str, Value]]:
        return zip(self._mapping._names, self._mapping._values, strict=True)
