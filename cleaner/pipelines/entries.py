"""The pipelines as a worker process calls them: plain values in, a dict for JSON out.

``workspace`` is what `Workspace.options` gave.
"""

from collections.abc import Mapping
from typing import Any

from cleaner.errors import TooFewLabelsError
from cleaner.pipelines.checks import check, decided
from cleaner.pipelines.model_file import model_path
from cleaner.pipelines.opened import opened
from cleaner.pipelines.preliminary import PreliminaryRankings
from cleaner.pipelines.rank import prepare
from cleaner.pipelines.train import find_rate, retrain_full, retrain_quick
from cleaner.training.recipe import BASE_LR
from cleaner.util.progress import Reporter


def job_prepare(*, workspace: Mapping[str, Any], reporter: Reporter) -> dict[str, Any]:
    """Run `prepare` without a second network; that there are too few labels to rank by is a result, too.

    While there is no ranking yet, the result so far tells of preliminary ones; see `PreliminaryRankings`.

    Returns
    -------
    dict
        ``ranking`` (its identity; None: too few labels), ``n`` (images ranked), ``left_out`` (files that
        cannot be used) and, without a ranking, ``reason`` (why there is none, in a sentence for people).
    """
    with opened(workspace) as (dataset, store, network):
        is_first = not (dataset.ranking_folder / "ranking.npz").is_file()
        early = PreliminaryRankings(dataset, store.state, network, reporter) if is_first else None
        try:
            ranking = prepare(dataset, store.state, network, second=False, on_part=early, reporter=reporter)
        except TooFewLabelsError as exc:
            found: dict[str, Any] = {"ranking": None, "n": 0, "reason": exc.on_page}
        else:
            found = {"ranking": ranking.model, "n": len(ranking)}
        return found | {"left_out": len(dataset.catalog.left_out)}


def job_second_look(*, workspace: Mapping[str, Any], reporter: Reporter) -> dict[str, Any]:
    """Run `prepare` once more, with a second network; returns ``ranking`` (its identity)."""
    with opened(workspace) as (dataset, store, network):
        return {"ranking": prepare(dataset, store.state, network, reporter=reporter).model}


def job_check(*, workspace: Mapping[str, Any], reporter: Reporter) -> dict[str, Any]:
    """Run `check`; returns what `Checks.counts` returns, decisions so far taken into account."""
    with opened(workspace) as (dataset, store, network):
        found = check(dataset, store.state, network, reporter=reporter)
        return found.counts(**decided(dataset.catalog, store.state))


def job_retrain_quick(*, workspace: Mapping[str, Any], reporter: Reporter) -> dict[str, Any]:
    """Run `retrain_quick`; returns what `Retrained.to_dict` does, and ``model``, its place."""
    with opened(workspace) as (dataset, store, network):
        found = retrain_quick(dataset, store.state, network, reporter=reporter)
        return {**found.to_dict(), "model": str(model_path(dataset, "quick"))}


def job_retrain_full(
    *, workspace: Mapping[str, Any], reporter: Reporter, epochs: int = 4, lr: float = BASE_LR
) -> dict[str, Any]:
    """Run `retrain_full`; returns what `Retrained.to_dict` does, and ``model``, its place."""
    with opened(workspace) as (dataset, store, network):
        found = retrain_full(dataset, store.state, network, epochs=epochs, lr=lr, reporter=reporter)
        return {**found.to_dict(), "model": str(model_path(dataset, "full"))}


def job_find_a_rate(*, workspace: Mapping[str, Any], reporter: Reporter) -> dict[str, Any]:
    """Run `find_rate`; returns what `LrSweep.to_dict` does."""
    with opened(workspace) as (dataset, store, network):
        return find_rate(dataset, store.state, network, reporter=reporter).to_dict()
