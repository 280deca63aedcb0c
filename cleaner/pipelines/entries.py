"""The tasks as a worker process calls them: plain values in, a dict for JSON out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cleaner.errors import TooFewLabelsError
from cleaner.pipelines.rank import prepare
from cleaner.pipelines.retrain import model_path, retrain_full, retrain_quick
from cleaner.util.progress import Reporter
from cleaner.workspace import Workspace

__all__ = ["job_prepare", "job_retrain_full", "job_retrain_quick"]


def job_prepare(*, workspace: Mapping[str, Any], reporter: Reporter) -> dict[str, Any]:
    """Run `prepare`; that there are too few labels to rank by is a result, too.

    Parameters
    ----------
    workspace : mapping
        What `Workspace.options` gave; likewise below.
    reporter : Reporter

    Returns
    -------
    dict
        ``ranking`` (its identity; None: too few labels), ``n`` (images ranked), ``left_out`` (files that
        cannot be used) and, without a ranking, ``reason`` (why there is none, in a sentence for people).
    """
    with Workspace(**workspace) as opened:
        try:
            ranking = prepare(opened, reporter=reporter)
        except TooFewLabelsError as exc:
            found: dict[str, Any] = {"ranking": None, "n": 0, "reason": str(exc)}
        else:
            found = {"ranking": ranking.model, "n": len(ranking)}
        return found | {"left_out": len(opened.catalog.left_out)}


def job_retrain_quick(*, workspace: Mapping[str, Any], reporter: Reporter) -> dict[str, Any]:
    """Run `retrain_quick`; returns the fields of `RetrainResult`, and ``model``, the saved model's place."""
    with Workspace(**workspace) as opened:
        result = retrain_quick(opened, reporter=reporter)
        return {**result.to_dict(), "model": str(model_path(opened, "quick"))}


def job_retrain_full(*, workspace: Mapping[str, Any], reporter: Reporter, epochs: int = 4) -> dict[str, Any]:
    """Run `retrain_full`; returns the fields of `RetrainResult`, and ``model``, the saved model's place."""
    with Workspace(**workspace) as opened:
        result = retrain_full(opened, epochs=epochs, reporter=reporter)
        return {**result.to_dict(), "model": str(model_path(opened, "full"))}
