"""Which pictures look like some others: by the embeddings that are on the disk, without the network."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cleaner.embedding.cache import EmbeddingCache

__all__ = ["find_look_alikes", "last_embeddings", "unit_rows"]

_BLOCK = 4096


def last_embeddings(folder: Path) -> EmbeddingCache | None:
    """Open the embeddings that were added to last; None if there are none.

    Parameters
    ----------
    folder : Path
        Of all caches, ``STATE/embeddings``.

    Raises
    ------
    EmbeddingError
        They cannot be read.
    """
    filled = [path for path in folder.glob("*/digests.bin") if (path.parent / "meta.json").is_file()]
    if not filled:
        return None
    newest = max(filled, key=lambda path: path.stat().st_mtime_ns).parent
    try:
        dim = int(json.loads((newest / "meta.json").read_text(encoding="utf-8"))["dim"])
    except (ValueError, KeyError, TypeError):
        return None  # being made at this moment; there is nothing to compare yet
    return EmbeddingCache(folder, newest.name, dim)


def find_look_alikes(
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
    wanted = unit_rows(wanted[found])
    passed = set(like)
    names = [name for name in among if name in hashes and name not in passed]
    if not len(wanted) or not names:
        return []
    nearness = np.empty(len(names), dtype=np.float32)
    for start in range(0, len(names), _BLOCK):
        block = names[start : start + _BLOCK]
        vectors, there = cache.get([hashes[name] for name in block])
        cosine = (unit_rows(vectors) @ wanted.T).max(axis=1)
        nearness[start : start + len(block)] = np.where(there, cosine, -np.inf)
    order = np.argsort(-nearness, kind="stable")[:most]
    return [names[i] for i in order if np.isfinite(nearness[i])]


def unit_rows(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Scale each row to length one; a row of zeros stays one."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    scaled: NDArray[np.float32] = vectors / np.maximum(lengths, np.float32(1e-12))
    return scaled
