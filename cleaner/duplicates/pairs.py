"""Duplicates and near duplicates: exact copies by hash, others by what they show, joined into groups.

1. *Candidates* are the nearest neighbours by a perceptual hash (`perceptual`), of the whole image and of
   what lies within its margins, and by embedding; each content once, block by block.
2. Every candidate pair is laid over one another (`cleaner.duplicates.alignment`): `SAME` agreement or more
   is the same image, also re-encoded, resized, cropped, brighter, or (found by embedding) mirrored.
3. The *similarity* of a pair is 1 for exact copies, else its agreement, or the cosine of its embeddings where
   that is more: images of one thing taken twice. The cosine counts `LOOK_ALIKE` at most: no embedding
   proves that two images are the same.

All this is done once. Groups, leaks and folds for any threshold are then made from the pairs, at once.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cleaner.dataset.catalog import Catalog
from cleaner.duplicates.alignment import SAME, match
from cleaner.duplicates.groups import FLOOR, LOOK_ALIKE, NOT_EXACT, Similar
from cleaner.embedding.pipeline import Embeddings
from cleaner.quality.pixels import Pixels
from cleaner.ranking.blocks import run_blocks
from cleaner.ranking.features import unit_length
from cleaner.ranking.folds import components
from cleaner.ranking.neighbours import Pairs, nearest_pairs
from cleaner.util.progress import SILENT, Reporter, Stage

NEIGHBOURS = 5
"""Candidates of each content by each way of looking; larger groups hang together by each other's."""

_PARENTS = 2  # candidates of which each content may be a part
_PERCEPTUAL_FLOOR = 0.7  # most copies keep .9 and more
_MARGIN_PX = 5  # of 64: copies cropped by 3 to 9 % at each side are like what lies within
_HASH_SIDE = 16
_COSINE_FLOOR = 0.45  # a copy cropped by 10 % keeps .6
_MIRROR_COSINE = 0.6  # a mirrored copy keeps .8
_FAINT_AGREEMENT = 0.8  # below this, agreement says nothing
_PLAIN = 0.5  # grey levels
_FEW = 20  # images whose mean is not worth subtracting
_CHUNK = 512
_BLOCK_ROWS = 20_000
_ALL_PAIRS = 32


def find_similar(
    catalog: Catalog, pixels: Pixels, *, embeddings: Embeddings | None = None, reporter: Reporter = SILENT
) -> Similar:
    """Find all pairs of images that are alike.

    Parameters
    ----------
    catalog : Catalog
        Labels and splits.
    pixels : Pixels
        What `cleaner.quality.pixels.read_pixels` returns.
    embeddings : Embeddings, optional
        ``hashes`` and ``vectors``. Without them look-alikes, mirrored copies and many of those cropped by
        a tenth or more at each side are not found.
    reporter : Reporter
        Hears of every block, and is asked before every block whether to stop.

    Raises
    ------
    Cancelled
        The reporter asked to stop.
    """
    n = len(pixels.contents)
    found = _by_hash(pixels.grey, reporter)  # whose hashes are gone from the memory before vectors are made
    vectors = None if embeddings is None else _vectors(pixels.contents, embeddings)
    if vectors is not None:
        near = nearest_pairs(
            vectors, k=NEIGHBOURS, floor=_COSINE_FLOOR, stage=Stage.COMPARE_FEATURES, reporter=reporter
        )
        found.append(near)
    keys = np.unique(np.concatenate([i * n + j for i, j, _ in found]))
    i, j = keys // max(n, 1), keys % max(n, 1)
    pairs = _Pairs(pixels.grey, vectors, reporter)
    pairs.add(i, j)
    pairs.add(*pairs.missing())
    at = {name: row for row, name in enumerate(pixels.names)}
    table = catalog.table[catalog.table["name"].isin(at)]
    order = np.array([at[name] for name in table["name"]], dtype=np.int64)
    return Similar(
        names=[pixels.names[row] for row in order],
        labels=list(table["label"]),
        splits=list(table["split"]),
        contents=pixels.rows[order],
        widths=pixels.widths[order],
        heights=pixels.heights[order],
        **pairs.columns(),
    )


def _by_hash(grey: NDArray[np.uint8], reporter: Reporter) -> list[Pairs]:
    """Return the pairs whose small grey images are alike, whole or but for the margins of one."""
    whole = perceptual(grey)
    inner = perceptual(grey[:, _MARGIN_PX:-_MARGIN_PX, _MARGIN_PX:-_MARGIN_PX])
    search = partial(nearest_pairs, floor=_PERCEPTUAL_FLOOR, reporter=reporter)
    return [search(whole, k=NEIGHBOURS), search(whole, inner, k=_PARENTS, stage=Stage.CROPS)]


def perceptual(grey: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return a perceptual hash of images that is not cut down to bits; compare by cosine.

    As in pHash (Zauner 2010) it is the discrete cosine transform's low frequencies, here 16 × 16 without the
    mean. They are weighted by the square root of the frequency, as images have the more of one the lower it
    is, and scaled to length 1.

    Parameters
    ----------
    grey : uint8, shape (n, size, size)

    Returns
    -------
    float32, shape (n, 255)
        Zeros for an image of one grey.
    """
    n, size, _ = grey.shape
    hashes = np.empty((n, _HASH_SIDE**2 - 1), dtype=np.float32)
    edges = np.linspace(0, size, _HASH_SIDE + 1)[:, None]
    place = np.arange(size)
    # The share of each row (or column) of pixels that falls into each row of the smaller image.
    parts = np.clip(np.minimum(edges[1:], place + 1) - np.maximum(edges[:-1], place), 0, None)
    shrink = (parts * _HASH_SIDE / size).astype(np.float32)
    frequency = np.arange(_HASH_SIDE, dtype=np.float32)
    waves = np.cos(np.pi * frequency[:, None] * (frequency + 0.5) / _HASH_SIDE)
    waves *= np.where(frequency == 0, 1, np.sqrt(2))[:, None].astype(np.float32)
    weights = np.sqrt(np.hypot(frequency[:, None], frequency))
    for start in range(0, n, _CHUNK):
        small = shrink @ grey[start : start + _CHUNK].astype(np.float32) @ shrink.T
        part = ((waves @ small @ waves.T) * weights).reshape(len(small), _HASH_SIDE**2)[:, 1:]
        part[small.std(axis=(1, 2)) < _PLAIN] = 0  # of which only rounding would be left
        hashes[start : start + _CHUNK] = unit_length(part)
    return hashes


def _vectors(contents: Sequence[str], embeddings: Embeddings) -> NDArray[np.float32]:
    """Return one row a content for comparing by cosine; zeros where there is no embedding.

    Square roots keep single strong features from outshining the others; what all images have in common says
    nothing about two of them.
    """
    at = {digest: row for row, digest in enumerate(embeddings.hashes)}
    rows = np.array([at.get(digest, -1) for digest in contents], dtype=np.int64)
    there = np.flatnonzero(rows >= 0)
    vectors = np.zeros((len(contents), embeddings.vectors.shape[1]), dtype=np.float32)
    blocks = [there[start : start + _BLOCK_ROWS] for start in range(0, len(there), _BLOCK_ROWS)]
    total = np.zeros(vectors.shape[1])
    for block in blocks:  # so that beside the vectors themselves little is in the memory
        raw = embeddings.vectors[rows[block]]
        vectors[block] = np.sign(raw) * np.sqrt(np.abs(raw))
        total += vectors[block].sum(axis=0, dtype=np.float64)
    mean = (total / max(1, len(there))).astype(np.float32) if len(there) >= _FEW else np.float32(0)
    for block in blocks:
        vectors[block] = unit_length(vectors[block] - mean)
    return vectors


class _Pairs:
    """Pairs of contents that were compared, growing."""

    def __init__(
        self, grey: NDArray[np.uint8], vectors: NDArray[np.float32] | None, reporter: Reporter
    ) -> None:
        self.grey = grey
        self.vectors = vectors
        self._reporter = reporter
        self._parts: list[tuple[NDArray[Any], ...]] = []

    def add(self, i: NDArray[np.int64], j: NDArray[np.int64]) -> None:
        """Compare pairs."""
        n = len(i)
        agreement, overlap, cosine = (np.zeros(n, dtype=np.float32) for _ in range(3))
        mirrored = np.zeros(n, dtype=bool)

        def compare(at: int) -> None:
            part = slice(at, at + _CHUNK)
            found = self._compare(i[part], j[part])
            agreement[part], overlap[part], cosine[part], mirrored[part] = found

        run_blocks(compare, self._told(n), reporter=self._reporter)
        self._parts.append((i, j, agreement, overlap, cosine, mirrored))

    def _told(self, n: int) -> Iterator[int]:
        """Yield where chunks of ``n`` pairs begin, and tell how far they have come."""
        for at in range(0, n, _CHUNK):
            yield at
            self._reporter("checking likely pairs", min(at + _CHUNK, n), n)

    def _compare(self, i: NDArray[np.int64], j: NDArray[np.int64]) -> tuple[NDArray[Any], ...]:
        """Return agreement, overlap, cosine, and whether one image is mirrored."""
        first, second = self.grey[i], self.grey[j]
        found = match(first, second)
        agreement, overlap = found.agreement, found.overlap
        mirrored = np.zeros(len(i), dtype=bool)
        cosine = np.zeros(len(i), dtype=np.float32)
        if self.vectors is not None:
            cosine = np.einsum("nd,nd->n", self.vectors[i], self.vectors[j])
            turn = np.flatnonzero((agreement < SAME) & (cosine >= _MIRROR_COSINE))
            turned = match(first[turn], second[turn][:, :, ::-1])
            better = turned.agreement >= SAME
            agreement[turn[better]] = turned.agreement[better]
            overlap[turn[better]] = turned.overlap[better]
            mirrored[turn[better]] = True
        return agreement, overlap, cosine, mirrored

    def columns(self) -> dict[str, NDArray[Any]]:
        """Return what `Similar` keeps of the pairs that are similar at all."""
        i, j, agreement, overlap, cosine, mirrored = self._joined()
        counted = np.where(agreement >= _FAINT_AGREEMENT, agreement, 0)
        similarity = np.maximum(counted, np.minimum(cosine, LOOK_ALIKE)).astype(np.float32)
        keep = np.flatnonzero(similarity >= FLOOR)
        keep = keep[np.lexsort((j[keep], i[keep]))]
        return {
            "first": i[keep],
            "second": j[keep],
            "similarity": np.minimum(similarity[keep], np.float32(NOT_EXACT)),
            "overlap": overlap[keep],
            "mirrored": mirrored[keep],
        }

    def missing(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the pairs not compared yet among those that chains of sure pairs join.

        All of them in small sets; in large ones those with the node that has the most sure pairs.
        """
        n = len(self.grey)
        i, j, agreement, *_ = self._joined()
        sure = agreement >= SAME
        home = components(n, i[sure], j[sure])
        degree = np.bincount(np.concatenate([i[sure], j[sure]]), minlength=n)
        members: defaultdict[int, list[int]] = defaultdict(list)
        for node in np.flatnonzero(degree).tolist():
            members[int(home[node])].append(node)
        wanted: set[int] = set()
        for nodes in members.values():
            centres = nodes if len(nodes) <= _ALL_PAIRS else [max(nodes, key=lambda node: degree[node])]
            wanted |= {min(a, b) * n + max(a, b) for a in centres for b in nodes if a != b}
        keys = np.setdiff1d(np.array(list(wanted), dtype=np.int64), i * n + j)
        return keys // max(n, 1), keys % max(n, 1)

    def _joined(self) -> tuple[NDArray[Any], ...]:
        kinds = (np.int64, np.int64, np.float32, np.float32, np.float32, np.bool_)
        empty = tuple(np.zeros(0, dtype=kind) for kind in kinds)
        return tuple(np.concatenate(column) for column in zip(empty, *self._parts, strict=True))
