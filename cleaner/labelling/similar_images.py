"""Which images look like some others: by the embeddings that are on the disk, without the network."""

from collections.abc import Mapping, Sequence

import numpy as np

from cleaner.embedding.cache import EmbeddingCache
from cleaner.ranking.features import unit_length

_BLOCK = 4096


def find_similar(
    cache: EmbeddingCache,
    hashes: Mapping[str, str],
    like: Sequence[str],
    among: Sequence[str],
    *,
    most: int = 12,
) -> list[str]:
    """Return the images of a list that look most like some others, nearest first.

    An image is as near as the nearest of those that it may look like, by the cosine of their embeddings.

    Parameters
    ----------
    cache : EmbeddingCache
    hashes : mapping of str to str
        Content of each image: name → SHA-256, hexadecimal. Images without one are passed over.
    like : sequence of str
        What the images should look like.
    among : sequence of str
        From which to choose; those of ``like`` are passed over.
    most : int
        How many at most.
    """
    wanted, found = cache.get([hashes[name] for name in like if name in hashes])
    wanted = unit_length(wanted[found])
    passed = set(like)
    names = [name for name in among if name in hashes and name not in passed]
    if not len(wanted) or not names:
        return []
    nearness = np.empty(len(names), dtype=np.float32)
    for start in range(0, len(names), _BLOCK):
        block = names[start : start + _BLOCK]
        vectors, there = cache.get([hashes[name] for name in block])
        cosine = (unit_length(vectors) @ wanted.T).max(axis=1)
        nearness[start : start + len(block)] = np.where(there, cosine, -np.inf)
    order = np.argsort(-nearness, kind="stable")[:most]
    return [names[i] for i in order if np.isfinite(nearness[i])]
