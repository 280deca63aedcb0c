"""Open a data set as a worker process is told to: from plain values that JSON can hold."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cleaner.dataset.dataset import Dataset
from cleaner.dataset.user import login
from cleaner.pipelines.network import NetworkOptions
from cleaner.review.database import store_url
from cleaner.review.images import SetImages
from cleaner.review.store import ReviewStore


@contextmanager
def opened(workspace: Mapping[str, Any]) -> Iterator[tuple[Dataset, ReviewStore, NetworkOptions]]:
    """Open a set and its history of decisions.

    Parameters
    ----------
    workspace : Mapping
        What `Workspace.options` gave.
    """
    options = dict(workspace)
    url, reviewer = options.pop("store", None), options.pop("reviewer", None)
    weights = options.pop("weights", None)
    network = NetworkOptions(
        options.pop("backbone", None),
        None if weights is None else Path(weights),
        options.pop("from_scratch", False),
    )
    with Dataset(**options, shared_store=url is not None) as dataset:
        images = SetImages.of(dataset.catalog, dataset.index.hashes(), root=dataset.root, state=dataset.state)
        with ReviewStore(
            url or store_url(dataset.state), dataset=dataset.name, reviewer=reviewer or login(), images=images
        ) as store:
            yield dataset, store, network
