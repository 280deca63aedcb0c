"""A whole training run, and a sweep over learning rates: what surrounds the bare loop."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from cleaner.errors import TrainingError
from cleaner.training.data import LabelledPictures
from cleaner.training.evaluation import Evaluation, evaluate
from cleaner.training.history import History
from cleaner.training.loop import (
    Phase,
    endless_batches,
    optimizer_for,
    seeded,
    train_head,
    train_phase,
    train_step,
)
from cleaner.training.lr_finder import LrSweep, sweep
from cleaner.training.network import Network
from cleaner.util.progress import Reporter, Stage

TRAIN_SUBSET = 256  # training images on which the training loss that is shown is measured


def fit(
    network: Network,
    data: LabelledPictures,
    phases: Sequence[Phase],
    *,
    history: History,
    batch_size: int,
    seed: int,
    reporter: Reporter,
) -> Evaluation:
    """Train through some phases; whatever ends it early, weights and history from before come back.

    Returns
    -------
    Evaluation
        Of the validation images, after the last epoch.

    Raises
    ------
    TrainingError
        The loss is no number any more, or too few images can be read.
    Cancelled
        The reporter asked to stop.
    """
    mark = history.mark()
    try:
        with _weights_back_on_error(network.runner.model), seeded(seed + len(history), network.runner.device):
            return _fit(network, data, phases, history, batch_size, seed, reporter)
    except BaseException:
        history.cut(mark)
        raise


def _fit(
    network: Network,
    data: LabelledPictures,
    phases: Sequence[Phase],
    history: History,
    batch_size: int,
    seed: int,
    reporter: Reporter,
) -> Evaluation:
    train = _readable(data, reporter)
    # Fixed over all runs with this seed, so that the losses of different epochs are of the same images.
    chosen = np.random.default_rng(seed).permutation(len(train))[:TRAIN_SUBSET]
    subset, valid = train[np.sort(chosen)], data.indices("valid")
    measured: Evaluation | None = None
    for phase in phases:
        begun_s = time.monotonic()
        run = train_head if phase.on_features else train_phase
        for progress in run(
            network.runner, data, train, phase, batch_size=batch_size, history=history, reporter=reporter
        ):
            seen = evaluate(network, data, subset, reporter=reporter)
            measured = evaluate(network, data, valid, reporter=reporter)
            now_s = time.monotonic()
            record = {
                "epoch": len(history) + 1,
                "train_loss": seen.loss,
                "valid_loss": measured.loss,
                "error_rate": measured.error_rate,
                "accuracy": measured.accuracy,
                "seconds": now_s - begun_s,
            }
            begun_s = now_s
            history.epochs.append({"phase": phase.name, **record})
            reporter(progress.stage, progress.done, progress.total, **record)
    if measured is None:
        msg = "There is nothing to train: 0 epochs were asked for; expected 1 or more."
        raise TrainingError(msg)
    return measured


def find_lr(
    network: Network,
    data: LabelledPictures,
    *,
    start_lr: float,
    end_lr: float,
    n_steps: int,
    frozen: bool,
    batch_size: int,
    weight_decay: float,
    mirror: bool,
    seed: int,
    reporter: Reporter,
) -> LrSweep:
    """Sweep over learning rates and put the weights back.

    Raises
    ------
    TrainingError
        The loss explodes before anything can be read off the curve.
    Cancelled
        The reporter asked to stop.
    """
    runner = network.runner
    before = _snapshot(runner.model)
    try:
        with seeded(seed, runner.device):
            train = _readable(data, reporter)
            runner.model.set_frozen(frozen)
            optimizer, _ = optimizer_for(runner.model, start_lr, weight_decay=weight_decay)
            batches = endless_batches(runner, data, train, batch_size=batch_size, mirror=mirror)
            done = 0

            def step(lr: float) -> float:
                nonlocal done
                reporter.check()
                for group in optimizer.param_groups:
                    group["lr"] = lr
                runner.model.train()
                pictures, rows = next(batches)
                loss = train_step(runner, optimizer, pictures, data.targets[rows])
                done += 1
                reporter(Stage.LEARNING_RATE, done, n_steps)
                return loss

            try:
                return sweep(step, start_lr=start_lr, end_lr=end_lr, n_steps=n_steps)
            finally:
                batches.close()
    finally:
        runner.model.load_state_dict(before)


def _readable(data: LabelledPictures, reporter: Reporter) -> NDArray[np.intp]:
    """Read the images and return the rows to learn from."""
    data.read(("train", "valid"), reporter=reporter)
    train = data.indices("train")
    if len(train) < 2 or not len(data.indices("valid")):
        msg = f"Too few images can be read to train on them; {data.first_problem()}."
        raise TrainingError(msg)
    return train


def _snapshot(module: nn.Module) -> dict[str, torch.Tensor]:
    return {key: value.detach().to("cpu", copy=True) for key, value in module.state_dict().items()}


@contextmanager
def _weights_back_on_error(module: nn.Module) -> Iterator[None]:
    before = _snapshot(module)
    try:
        yield
    except BaseException:
        module.load_state_dict(before)
        raise
