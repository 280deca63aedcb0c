"""Trainings that last as long as a test wants, run in real worker processes."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from cleaner.errors import DivergedError, TrainingError, WeightsUnavailableError
from cleaner.training.diagnosis import diagnose
from cleaner.util.progress import Reporter

RESULT = {
    "before": 0.152,
    "after": 0.126,
    "difference": -0.026,
    "low": -0.044,
    "high": -0.009,
    "n": 341,
    "before_name": "last layer on the labels as given",
    "after_name": "last layer on the cleaned labels",
    "sentence": "Fewer errors: 15.2% wrong before, 12.6% after, on the same 341 validation images.",
    "worth": {
        "images": 3409,
        "decided": 320,
        "changed": 290,
        "looks": 200,
        "errors": 45.3,
        "so_far": {"difference": -0.021, "low": -0.033, "high": -0.008},
        "ahead": {"difference": -0.007, "low": -0.011, "high": -0.003},
    },
}


def quick(*, workspace: dict[str, Any], reporter: Reporter) -> dict[str, Any]:
    """Report three epochs and a first result, wait for the file ``go`` in the root, and return the whole."""
    for epoch in (1, 2, 3):
        losses = {"train_loss": 1.0 / epoch, "valid_loss": 1.5 / epoch}
        shares = {"error_rate": 0.2, "n_valid": 341}
        reporter("training all layers", epoch, 3, lr=1e-3 / epoch)
        reporter("training all layers", epoch, 3, epoch=epoch, seconds=60.0, **shares, **losses)
        time.sleep(0.3)
    reporter.result_so_far({name: value for name, value in RESULT.items() if name != "worth"})
    while not (Path(workspace["root"]) / "go").exists():
        reporter.check()
        time.sleep(0.02)
    return RESULT


def full(*, workspace: dict[str, Any], epochs: int, lr: float, reporter: Reporter) -> dict[str, Any]:
    """Diverge at a rate above 0.1; below, one epoch is too few. Wait while the file ``wait`` is there."""
    while (Path(workspace["root"]) / "wait").exists():
        reporter.check()
        time.sleep(0.02)
    errors = [0.5, 0.2][:epochs]
    found = diagnose(errors, errors, errors, n_valid=341, n_classes=3, lr=lr, epochs=epochs)
    if lr > 0.1:
        found = diagnose([9.0], [9.0], [0.7], n_valid=341, n_classes=3, lr=lr, epochs=epochs)
        raise DivergedError(str(found), {"diagnosis": found.to_dict()})
    return {
        **RESULT,
        "diagnosis": found.to_dict(),
        "after_name": f"{epochs} epochs, {lr:g}",
        "model": str(Path(workspace["root"]) / "m.safetensors"),
    }


def rates(*, workspace: dict[str, Any], reporter: Reporter) -> dict[str, Any]:
    """Return a sweep that explodes from 1e-1 on; while the file ``wait`` is there, wait to be cancelled."""
    while (Path(workspace["root"]) / "wait").exists():
        reporter.check()
        time.sleep(0.02)
    lrs = [10**-7, 10**-5, 10**-3, 10**-2, 10**-1, 10**-0.5, 1.0]
    suggestions = {"valley": 1e-3, "slide": 1e-4, "minimum": 1e-2, "steep": 5e-4}
    return {"lrs": lrs, "losses": [2.0, 1.9, 1.0, 0.5, 40.0, 900.0, float("nan")], "suggestions": suggestions}


def failing(*, workspace: dict[str, Any], reporter: Reporter) -> dict[str, Any]:
    msg = "Training needs two classes; the set has one."
    raise TrainingError(msg)


def prepare(*, workspace: dict[str, Any], reporter: Reporter) -> dict[str, Any]:
    """Embed until the file ``go`` is in the root; refuse any network but the built-in one."""
    if workspace["backbone"] is not None:
        msg = f"No weights for {workspace['backbone']}, and no network to fetch them."
        raise WeightsUnavailableError(msg)
    done = 0
    while not (Path(workspace["root"]) / "go").exists():
        reporter.check()
        done = min(done + 1, 23)
        reporter("embedding", done, 24)
        time.sleep(0.02)
    return {"ranking": "m", "n": 24, "left_out": 0}
