"""The content hashes of many files, in a fraction of the memory that a dictionary of texts takes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from cleaner.util.places import Named

_START = 8  # bytes of a hash that are compared first


class Hashes(Named[str]):
    """The content hash of each file by its name, and the files by their content.

    Parameters
    ----------
    names : sequence of str
        Each once.
    digests : bytes array, shape (n,)
        The hash of each as text in ASCII.
    """

    def __init__(self, names: Sequence[str], digests: NDArray[np.bytes_]) -> None:
        super().__init__(names, _Texts(digests))
        self.names, self.digests = names, digests

    @classmethod
    def of(cls, hashes: Mapping[str, str]) -> Hashes:
        """Return hashes as this: the same object if they are."""
        if isinstance(hashes, Hashes):
            return hashes
        return cls(list(hashes), np.array(list(hashes.values()) or [""], dtype="S")[: len(hashes)])

    def named(self, digest: str) -> list[str]:
        """Return the files that have a content, in the order of the names."""
        wanted = digest.encode("ascii", "replace")
        order, starts = self._by_content
        start = _starts(np.array([wanted]))
        rows = order[np.searchsorted(starts, start)[0] : np.searchsorted(starts, start, side="right")[0]]
        return [self.names[row] for row in rows[self.digests[rows] == wanted].tolist()]

    @cached_property
    def _by_content(self) -> tuple[NDArray[np.int64], NDArray[np.uint64]]:
        """The rows in the order of the beginnings of their hashes, and these."""
        starts = _starts(self.digests)
        order = np.argsort(starts, kind="stable")
        return order, starts[order]


def _starts(digests: NDArray[np.bytes_]) -> NDArray[np.uint64]:
    return digests.astype(f"S{_START}").view(">u8").astype(np.uint64)


class _Texts(Sequence[str]):
    """Texts in ASCII that are kept as an array."""

    def __init__(self, digests: NDArray[np.bytes_]) -> None:
        self._digests = digests

    def __len__(self) -> int:
        return len(self._digests)

    def __getitem__(self, at: int) -> str:  # type: ignore[override]
        return str(self._digests[at], "ascii")

    def __iter__(self) -> Iterator[str]:
        return (digest.decode("ascii") for digest in self._digests.tolist())


def hashes_in(pairs: Iterable[Sequence[tuple[str, str]]]) -> Hashes:
    """Return the hashes that come as pairs of a name and a hash, some of them at a time."""
    names: list[str] = []
    parts = [np.zeros(0, dtype="S1")]
    for some in pairs:
        names += [name for name, _ in some]
        parts.append(np.array([digest for _, digest in some], dtype="S"))
    return Hashes(names, np.concatenate(parts))
