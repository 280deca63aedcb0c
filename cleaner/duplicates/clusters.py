"""From pairs that are alike to the groups that people see."""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray


def stars(
    i: NDArray[np.int64], j: NDArray[np.int64], similarity: NDArray[np.float32], *, sure: float
) -> list[list[int]]:
    """Group nodes around centres: whoever is in a group is alike to its centre, not just to somebody in it.

    Chains would join what is not alike at all (every frame of a film to the next one). The centre is the node
    that is most alike to those not yet in a group. A node whose neighbours all went to other centres joins
    its best one if that pair is sure, so that no sure pair stays unseen.

    Parameters
    ----------
    i, j : int64, shape (n_pairs,)
        The pairs that count.
    similarity : float32, shape (n_pairs,)
    sure : float
        Similarity from which a pair counts as the same image.

    Returns
    -------
    list of list of int
        Groups of two or more nodes, each with its centre first.
    """
    near: defaultdict[int, dict[int, float]] = defaultdict(dict)
    for a, b, s in zip(i.tolist(), j.tolist(), similarity.tolist(), strict=True):
        near[a][b] = near[b][a] = s
    home: dict[int, int] = {}
    groups: dict[int, list[int]] = {}
    heap = [(-sum(others.values()), node) for node, others in near.items()]
    heapq.heapify(heap)
    while heap:
        weight, node = heapq.heappop(heap)
        if node in home:
            continue
        free = {other: s for other, s in near[node].items() if other not in home}
        now = -sum(free.values())
        if now > weight + 1e-9:  # neighbours went elsewhere since
            if free:
                heapq.heappush(heap, (now, node))
            continue
        members = [node, *sorted(free, key=lambda other: (-free[other], other))]
        groups[node] = members
        home.update(dict.fromkeys(members, node))
    for node in sorted(near.keys() - home.keys()):
        best = max(near[node], key=lambda other: (near[node][other], -other))
        if near[node][best] >= sure:
            groups[home[best]].append(node)
    return list(groups.values())


def partition(members: Sequence[int], apart: Callable[[int, int], bool]) -> list[list[int]]:
    """Divide the members of a group so that no two stay together of whom ``apart`` is true.

    Each joins the first part that has room for it; parts of one are dropped.
    """
    parts: list[list[int]] = []
    for member in members:
        part = next((part for part in parts if not any(apart(member, other) for other in part)), None)
        if part is None:
            parts.append([member])
        else:
            part.append(member)
    return [part for part in parts if len(part) > 1]
