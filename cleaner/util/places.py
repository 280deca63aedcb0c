"""At which place of a long list each name stands, in no more memory than the list takes."""

from bisect import bisect_left
from collections.abc import ItemsView, Iterator, Mapping, Sequence, ValuesView
from itertools import islice
from operator import lt
from typing import TypeVar

Value = TypeVar("Value")


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
