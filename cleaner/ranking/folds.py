"""Folds for judging every image by a model that has not seen it."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def units_of(keys: Sequence[object]) -> NDArray[np.int64]:
    """Give equal keys equal numbers, so that copies of one image form one unit.

    Parameters
    ----------
    keys : sequence, length n
        Content hashes or group names; ``None`` and ``""`` stand alone.

    Returns
    -------
    units : int64, shape (n,)
        The position of the first row with the same key.
    """
    first: dict[object, int] = {}
    return np.array(
        [first.setdefault(key, i) if key not in (None, "") else i for i, key in enumerate(keys)],
        dtype=np.int64,
    )


def components(n: int, i: NDArray[np.int64], j: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return for each of ``n`` nodes the smallest node that a chain of pairs leads to, int64, shape (n,)."""
    # 0.1 s to import, which the page need not pay before its first images.
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    graph = coo_array((np.ones(len(i), dtype=bool), (i, j)), shape=(n, n))
    _, of_node = connected_components(graph, directed=False)
    _, first = np.unique(of_node, return_index=True)
    return np.asarray(first[of_node], dtype=np.int64)


def join_units(*parts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Join units: items that have one number in any of the arrays are one unit, and chains of them, too.

    Parameters
    ----------
    *parts : int64, shape (n,)
        Any numbers.

    Returns
    -------
    units : int64, shape (n,)
        The position of the first item of each unit.
    """
    n = len(parts[0])
    firsts = []
    for part in parts:
        _, first, inverse = np.unique(part, return_index=True, return_inverse=True)
        firsts.append(first[inverse])
    return components(n, np.tile(np.arange(n), len(parts)), np.concatenate(firsts))


def make_folds(
    codes: NDArray[np.int64], units: NDArray[np.int64], *, n_folds: int = 5, seed: int = 0
) -> NDArray[np.int64]:
    """Deal items to folds: every class evenly, all members of a unit together.

    Parameters
    ----------
    codes : int64, shape (n,)
        Class of each item; a unit is dealt by the class of its first member.
    units : int64, shape (n,)
        Items with the same number must not be divided (see `units_of` and `join_units`).
    n_folds : int
    seed : int

    Returns
    -------
    folds : int64, shape (n,)
        Values 0 to ``n_folds`` - 1.
    """
    rng = np.random.default_rng(seed)
    _, first, inverse = np.unique(units, return_index=True, return_inverse=True)
    order = rng.permutation(len(first))
    order = order[np.argsort(codes[first][order], kind="stable")]
    # Dealing in one round over all classes keeps the folds as even as the classes.
    dealt = np.empty(len(first), dtype=np.int64)
    dealt[order] = np.arange(len(first)) % n_folds
    return dealt[inverse]


def rarest_class(bits: NDArray[np.bool_], labelled: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return by which class folds are balanced where images can have several: the rarest one of each image.

    Parameters
    ----------
    bits : bool, shape (n, n_classes)
        Which classes the label of each image has.
    labelled : bool, shape (n,)

    Returns
    -------
    int64, shape (n,)
        The last number stands for none of the classes; -1: no label.
    """
    counts = np.append(np.where(bits.sum(axis=0) > 0, bits.sum(axis=0), len(bits) + 1), len(bits))
    columns = np.concatenate([bits, np.ones((len(bits), 1), dtype=bool)], axis=1)
    rarest = np.where(columns, counts, len(bits) + 2).argmin(axis=1)
    rarest[~labelled] = -1
    return np.asarray(rarest, dtype=np.int64)
