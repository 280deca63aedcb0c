"""Compute the features of all images ahead, of a data set or below a URL, here or on a Ray cluster."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from cleaner.dataset.dataset import Dataset
from cleaner.dataset.file_index import FileIndex
from cleaner.dataset.state_folder import place_state
from cleaner.dataset.storage import FolderStorage, Storage, UrlStorage
from cleaner.embedding import Features
from cleaner.embedding.mapping import Engine, Mapped, embed_files, here
from cleaner.errors import CatalogError, EmbeddingError
from cleaner.images.archives import State
from cleaner.pipelines.network import NetworkOptions
from cleaner.util.progress import SILENT, Reporter, Stage


@dataclass(frozen=True, kw_only=True)
class EmbedReport:
    """What was embedded.

    Attributes
    ----------
    images : int
        How many there are, usable or not.
    of : dict of str to Mapped
        By the name of a network, what became of the images.
    features : list of Features
        What the embeddings are kept under.
    state : Path
        The state folder that has them.
    """

    images: int
    of: dict[str, Mapped]
    features: list[Features]
    state: Path


def ray_engine(address: str | None = None, workers: int | None = None) -> Engine:
    """Return what computes on a Ray cluster; see `cleaner.embedding.over_ray.OverRay`.

    Raises
    ------
    EmbeddingError
        Ray is not installed, or nobody answers at the address.
    """
    address = address or os.environ.get("RAY_ADDRESS")
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"  # Ray would tell its makers that it is used
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "error")  # where it ends a process, this alone says why
    if address is None:  # then it listens on loopback only, whatever the name of this says
        os.environ.setdefault("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0")
    try:
        from cleaner.embedding.over_ray import OverRay  # an extra, and torch: 5 s
    except ImportError as exc:
        raise EmbeddingError(f"Ray is needed ({exc}). Install it with: pip install 'cleaner[ray]'") from exc
    return OverRay(address, workers)


def embed_dataset(
    dataset: Dataset, network: NetworkOptions, *, engine: Engine = here, reporter: Reporter = SILENT
) -> EmbedReport:
    """Compute the features that a ranking needs, as far as they are not there.

    Parameters
    ----------
    dataset : Dataset
    network : NetworkOptions
    engine : Engine
        Where to compute: by default in this process.
    reporter : Reporter

    Raises
    ------
    Cancelled
        The reporter asked to stop; what was computed is kept.
    EmbeddingError, WeightsUnavailableError, CatalogError
    """
    reporter(Stage.SCAN, 0, 0)
    storage = FolderStorage(dataset.root)
    states = storage.states(map(str, dataset.listed().names))
    return _embedded(storage, states, dataset, dataset.index, dataset.state, network, engine, reporter)


def embed_url(
    url: str, state: Path, network: NetworkOptions, *, engine: Engine = here, reporter: Reporter = SILENT
) -> EmbedReport:
    """Compute the features of all images below a URL, as far as they are not there.

    A data set with the same images and the same state folder, such as a copy on a local disk, finds them.

    Parameters
    ----------
    url : str
        Such as ``s3://bucket/bears``.
    state : Path
        Folder for the features, and for what is known of the files.
    network, engine, reporter
        See `embed_dataset`, which raises the same.
    """
    reporter(Stage.SCAN, 0, 0)
    storage = UrlStorage(url.rstrip("/"))
    states = storage.listed()
    try:
        folder, _ = place_state(Path(), state=state.expanduser().resolve(), shared_store=True)
    except OSError as exc:
        raise CatalogError(f"Cannot keep the state in {state}: {exc.strerror}.") from exc
    # By itself: a copy of the set has files of the same names in other states.
    known = folder / "urls" / f"{hashlib.sha256(storage.url.encode()).hexdigest()[:16]}.db"
    with closing(FileIndex(known)) as index:
        return _embedded(storage, states, None, index, folder, network, engine, reporter)


def _embedded(
    storage: Storage,
    states: Mapping[str, State],
    dataset: Dataset | None,
    index: FileIndex,
    state: Path,
    network: NetworkOptions,
    engine: Engine,
    reporter: Reporter,
) -> EmbedReport:
    reporter(Stage.LOAD_NETWORK, 0, 0)
    backbones, _ = network.load(dataset, second=True)
    stages = [Stage.EMBED, *[Stage.EMBED_MORE] * (len(backbones) - 1)]
    found = {
        backbone.name: embed_files(
            storage,
            states,
            backbone,
            index=index,
            cache_root=state / "embeddings",
            engine=engine,
            stage=stage,
            reporter=reporter,
        )
        for backbone, stage in zip(backbones, stages, strict=True)
    }
    features = [Features(backbone.key, backbone.feature_dim) for backbone in backbones]
    return EmbedReport(images=len(states), of=found, features=features, state=state)
