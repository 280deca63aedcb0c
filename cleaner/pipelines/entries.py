"""The pipelines as a worker process calls them: plain values in, a dict for JSON out.

``workspace`` is what `Workspace.options` gave.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cleaner.dataset.dataset import Dataset
from cleaner.dataset.state_folder import login
from cleaner.errors import TooFewLabelsError
from cleaner.pipelines.checks import check, decided
from cleaner.pipelines.network import NetworkOptions
from cleaner.pipelines.rank import prepare
from cleaner.pipelines.train import model_path, retrain_full, retrain_quick
from cleaner.review.database import store_url
from cleaner.review.images import SetImages
from cleaner.review.state import ReviewState
from cleaner.review.store import ReviewStore
from cleaner.training.recipe import BASE_LR
from cleaner.util.progress import Reporter


@contextmanager
def _opened(workspace: Mapping[str, Any]) -> Iterator[tuple[Dataset, ReviewState, NetworkOptions]]:
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
            yield dataset, store.state, network


def job_prepare(*, workspace: Mapping[str, Any], reporter: Reporter) -> dict[str, Any]:
    """Run `prepare` without a second network; that there are too few labels to rank by is a result, too.

    Returns
    -------
    dict
        ``ranking`` (its identity; None: too few labels), ``n`` (images ranked), ``left_out`` (files that
        cannot be used) and, without a ranking, ``reason`` (why there is none, in a sentence for people).
    """
    with _opened(workspace) as (dataset, review, network):
        try:
            ranking = prepare(dataset, review, network, second=False, reporter=reporter)
        except TooFewLabelsError as exc:
            found: dict[str, Any] = {"ranking": None, "n": 0, "reason": str(exc)}
        else:
            found = {"ranking": ranking.model, "n": len(ranking)}
        return found | {"left_out": len(dataset.catalog.left_out)}


def job_second_look(*, workspace: Mapping[str, Any], reporter: Reporter) -> dict[str, Any]:
    """Run `prepare` once more, with a second network; returns ``ranking`` (its identity)."""
    with _opened(workspace) as (dataset, review, network):
        return {"ranking": prepare(dataset, review, network, reporter=reporter).model}


def job_check(*, workspace: Mapping[str, Any], reporter: Reporter) -> dict[str, Any]:
    """Run `check`; returns what `Checks.counts` returns, decisions so far taken into account."""
    with _opened(workspace) as (dataset, review, network):
        found = check(dataset, review, network, reporter=reporter)
        return found.counts(**decided(dataset.catalog, review))


def job_retrain_quick(*, workspace: Mapping[str, Any], reporter: Reporter) -> dict[str, Any]:
    """Run `retrain_quick`; returns what `Retrained.to_dict` does, and ``model``, its place."""
    with _opened(workspace) as (dataset, review, network):
        found = retrain_quick(dataset, review, network, reporter=reporter)
        return {**found.to_dict(), "model": str(model_path(dataset, "quick"))}


def job_retrain_full(
    *, workspace: Mapping[str, Any], reporter: Reporter, epochs: int = 4, lr: float = BASE_LR
) -> dict[str, Any]:
    """Run `retrain_full`; returns what `Retrained.to_dict` does, and ``model``, its place."""
    with _opened(workspace) as (dataset, review, network):
        found = retrain_full(dataset, review, network, epochs=epochs, lr=lr, reporter=reporter)
        return {**found.to_dict(), "model": str(model_path(dataset, "full"))}
