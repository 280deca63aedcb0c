"""The map of a data set's images, kept in the state folder by the content of files and features."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from cleaner.dataset.dataset import Dataset
from cleaner.embedding.cache import EmbeddingCache, last_embeddings
from cleaner.errors import InterpretationError, RankingError
from cleaner.interpret.image_map import ImageMap, ReadRows, leading_axes, place, require_map
from cleaner.pipelines.network import NetworkOptions, known_features
from cleaner.pipelines.opened import opened
from cleaner.util.arrays import load_arrays, save_arrays
from cleaner.util.progress import SILENT, Reporter

logger = logging.getLogger(__name__)

_FORMAT = 1


def map_file(state: Path) -> Path:
    """Return where the map is in a state folder."""
    return state / "map.npz"


def make_map(dataset: Dataset, network: NetworkOptions, *, reporter: Reporter = SILENT) -> ImageMap:
    """Place every image whose features are kept, and save the map; takes minutes for many images.

    The features are those that the last ranking was made with, of all its networks. A map that was made of
    the same ones is read, not made again. Images without features are not on it: they came after the ranking.

    Parameters
    ----------
    dataset : Dataset
    network : NetworkOptions
    reporter : Reporter

    Raises
    ------
    Cancelled
        The reporter asked to stop; the map is the one from before.
    InterpretationError
        The extra ``map`` is not installed, or no image has features yet.
    """
    require_map()
    hashes = _hashes(dataset)
    caches = _caches(dataset, network, hashes)
    digests = sorted({d for d in hashes.values() if all(d in cache for cache in caches)})
    if not caches or not digests:
        msg = "No network has looked at these images yet. Rank them first."
        raise InterpretationError(msg)
    made_of = hashlib.sha256("\n".join([*(c.folder.name for c in caches), *digests]).encode()).hexdigest()
    file = map_file(dataset.state)
    try:
        saved = _load(file)
    except RankingError:
        logger.warning("the last map cannot be read; it is made again", exc_info=True)
        saved = None
    if saved is None or saved[0] != made_of:
        axes = [leading_axes(_reader(c, digests), len(digests), reporter=reporter) for c in caches]
        saved = made_of, digests, place(axes, reporter=reporter)
        contents = np.frombuffer(bytes.fromhex("".join(digests)), dtype=np.uint8).reshape(-1, 32)
        head = {"format": _FORMAT, "made_of": made_of}
        save_arrays(file, head, {"contents": contents, "points": saved[2]})
    return _of_names(hashes, *saved[1:])


def load_map(dataset: Dataset) -> ImageMap | None:
    """Return the map that was made last, of the images that are on it under their present names; None: none.

    Raises
    ------
    RankingError
        Its file cannot be read.
    """
    saved = _load(map_file(dataset.state))
    return None if saved is None else _of_names(_hashes(dataset), *saved[1:])


def job_map(*, workspace: Mapping[str, Any], reporter: Reporter) -> dict[str, Any]:
    """Run `make_map` in a worker process; returns ``n``, the images on the map."""
    with opened(workspace) as (dataset, _, network):
        return {"n": len(make_map(dataset, network, reporter=reporter))}


def _hashes(dataset: Dataset) -> dict[str, str]:
    """Return name -> SHA-256 of the catalog's images whose content is known."""
    known = dataset.index.hashes()
    return {name: known[name] for name in map(str, dataset.catalog.names) if name in known}


def _caches(dataset: Dataset, network: NetworkOptions, hashes: Mapping[str, str]) -> list[EmbeddingCache]:
    """Open the features of the last ranking; where that is not known, those that know the most images."""
    folder = dataset.state / "embeddings"
    noted = known_features(dataset, network)
    if noted:
        return [EmbeddingCache(folder, *each) for each in noted]
    last = last_embeddings(folder, hashes.values())
    return [] if last is None else [last]


def _reader(cache: EmbeddingCache, digests: Sequence[str]) -> ReadRows:
    return lambda rows: cache.get([digests[row] for row in rows])[0]


def _load(file: Path) -> tuple[str, list[str], Any] | None:
    if not file.exists():
        return None
    advice = "Make the map again."
    head, arrays = load_arrays(file, required={"contents", "points"}, format_number=_FORMAT, advice=advice)
    contents, points = arrays["contents"], arrays["points"]
    if contents.shape != (len(points), 32) or points.shape != (len(points), 2):
        msg = f"Cannot read {file}: contents of shape {contents.shape}, points of {points.shape}. {advice}"
        raise RankingError(msg)
    return str(head.get("made_of")), [row.tobytes().hex() for row in contents], points


def _of_names(hashes: Mapping[str, str], digests: Sequence[str], points: Any) -> ImageMap:
    row_of = {digest: row for row, digest in enumerate(digests)}
    there = {name: row_of[digest] for name, digest in hashes.items() if digest in row_of}
    rows = np.fromiter(there.values(), dtype=np.int64, count=len(there))
    return ImageMap(list(there), points[rows])
