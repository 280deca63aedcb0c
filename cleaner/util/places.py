"""At which place of a long list each name stands, in no more memory than the list takes."""

from bisect import bisect_left
from collections.abc import Sequence
from itertools import islice
from operator import lt


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
