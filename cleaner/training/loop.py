"""The training loops: plain torch, one cycle each."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional
from torch.optim import AdamW
from torch.optim.lr_scheduler import OneCycleLR

from cleaner.errors import TrainingError
from cleaner.models.heads import Classifier
from cleaner.training.data import Augment, Batch, LabelledPictures
from cleaner.training.history import History
from cleaner.training.runner import Runner
from cleaner.training.schedules import LearningRate, one_cycle, spread
from cleaner.util.progress import Reporter, Stage

BETAS = (0.9, 0.99)


@dataclass(frozen=True)
class Phase:
    """One one-cycle run.

    Attributes
    ----------
    epochs : int
    lr : float or slice
        Highest rate; see `cleaner.training.schedules.spread`.
    frozen : bool
        Whether only the head learns.
    pct_start, div : float
        See `cleaner.training.schedules.one_cycle`.
    weight_decay : float
        Decoupled; norms and biases have none.
    on_features : bool
        Whether the images go through the frozen body once only; see `train_head`.
    mirror : bool
        Whether half of the images are mirrored left to right.
    """

    epochs: int
    lr: LearningRate
    frozen: bool
    pct_start: float
    div: float
    weight_decay: float
    on_features: bool = False
    mirror: bool = True

    @property
    def name(self) -> str:
        """What learns, in words."""
        return "the head" if self.frozen else "all layers"

    @property
    def stage(self) -> Stage:
        """What it is called in reports of progress."""
        return Stage.TRAIN_HEAD if self.frozen else Stage.TRAIN_ALL


class Progress(NamedTuple):
    """How far a phase is: its stage, images done, images in all."""

    stage: Stage
    done: int
    total: int


@contextlib.contextmanager
def seeded(seed: int, device: torch.device | None = None) -> Iterator[None]:
    """Run a block from a fixed random state and put the old one back afterwards."""
    on_cuda = device is not None and device.type == "cuda"
    with torch.random.fork_rng(devices=[device] if on_cuda else []):
        torch.manual_seed(seed)
        yield


def optimizer_for(model: Classifier, lr: LearningRate, *, weight_decay: float) -> tuple[AdamW, list[float]]:
    """Return AdamW over the layers that learn, and the highest rate of each of its parameter groups."""
    groups = model.parameter_groups(weight_decay)
    rates = spread(lr, len(model.layer_groups()))
    max_lrs = [rates[group["layer_group"]] for group in groups]
    return AdamW(groups, lr=max_lrs[-1], betas=BETAS, eps=1e-5), max_lrs


def train_step(runner: Runner, optimizer: AdamW, batch: Tensor, targets: NDArray[np.int64]) -> float:
    """Take one step on images; returns the loss before it, in nats."""
    return _step(runner.logits(batch), torch.from_numpy(targets).to(runner.device), optimizer)


def _step(logits: Tensor, targets: Tensor, optimizer: AdamW) -> float:
    loss = functional.cross_entropy(logits, targets)
    optimizer.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    optimizer.step()
    return float(loss.detach())


def train_phase(
    runner: Runner,
    data: LabelledPictures,
    indices: NDArray[np.intp],
    phase: Phase,
    *,
    batch_size: int,
    history: History,
    reporter: Reporter,
) -> Iterator[Progress]:
    """Train through one cycle, an epoch each time the iterator is asked for the next item.

    Parameters
    ----------
    indices : ndarray, shape (n,)
        The images to learn from.
    history : History
        Gets the head's rate and the momentum of every batch.

    Raises
    ------
    TrainingError
        The loss is no number any more.
    Cancelled
        The reporter asked to stop.
    """
    runner.model.set_frozen(phase.frozen)
    size = min(batch_size, len(indices))
    # Without the last, smaller batch: batch-norm would take its few images for the world.
    per_epoch = len(indices) // size
    total = per_epoch * phase.epochs
    optimizer, max_lrs = optimizer_for(runner.model, phase.lr, weight_decay=phase.weight_decay)
    schedule = one_cycle(optimizer, max_lrs, total_steps=total, pct_start=phase.pct_start, div=phase.div)
    augment = Augment(mirror=phase.mirror)
    done = 0
    for _ in range(phase.epochs):
        runner.model.train()
        order = indices[torch.randperm(len(indices)).numpy()][: per_epoch * size]
        with contextlib.closing(runner.training_batches(data.pictures, order, size, augment)) as batches:
            for batch, kept in batches:
                reporter.check()
                _note_step(history, optimizer)
                _require_finite(train_step(runner, optimizer, batch, data.targets[kept]), phase)
                _advance(schedule)
                done += size
                reporter(phase.stage, done, total * size)
        yield Progress(phase.stage, done, total * size)


def train_head(
    runner: Runner,
    data: LabelledPictures,
    indices: NDArray[np.intp],
    phase: Phase,
    *,
    batch_size: int,
    history: History,
    reporter: Reporter,
) -> Iterator[Progress]:
    """Train the head through one cycle on features that are computed once, without augmentation.

    A pass over the features costs next to nothing, so the head can have as many as it needs. (With one pass
    over augmented images, 300 photographs leave it at 40 % errors; ten over features at 23 %, in less
    time.)

    Parameters and errors as for `train_phase`; ``phase.epochs`` counts passes over the features, after all of
    which the iterator has its one item.
    """
    runner.model.set_frozen(True)
    features, rows = runner.features(data.pictures, indices, reporter=reporter)
    targets = torch.from_numpy(data.targets[rows]).to(runner.device)
    size = min(batch_size, len(rows))
    per_epoch = len(rows) // size
    optimizer, max_lrs = optimizer_for(runner.model, phase.lr, weight_decay=phase.weight_decay)
    schedule = one_cycle(
        optimizer, max_lrs, total_steps=per_epoch * phase.epochs, pct_start=phase.pct_start, div=phase.div
    )
    head = runner.model.head.train()
    for epoch in range(phase.epochs):
        reporter.check()
        order = torch.randperm(len(rows)).to(runner.device)
        for chosen in torch.split(order[: per_epoch * size], size):
            _note_step(history, optimizer)
            _require_finite(_step(head(features[chosen]), targets[chosen], optimizer), phase)
            _advance(schedule)
        reporter(phase.stage, epoch + 1, phase.epochs)
    yield Progress(phase.stage, phase.epochs, phase.epochs)


def endless_batches(
    runner: Runner, data: LabelledPictures, indices: NDArray[np.intp], *, batch_size: int, mirror: bool
) -> Generator[Batch]:
    """Yield augmented batches of the images in random order, again and again."""
    augment = Augment(mirror=mirror)
    size = min(batch_size, len(indices))
    while True:
        order = indices[torch.randperm(len(indices)).numpy()][: len(indices) // size * size]
        yield from runner.training_batches(data.pictures, order, size, augment)


def _note_step(history: History, optimizer: AdamW) -> None:
    head = optimizer.param_groups[-1]
    history.steps.append((head["lr"], head["betas"][0]))


def _advance(schedule: OneCycleLR) -> None:
    """Step, except after the last batch: the schedule ends there."""
    if schedule.last_epoch + 1 < schedule.total_steps:
        schedule.step()


def _require_finite(loss: float, phase: Phase) -> None:
    if not math.isfinite(loss):
        rate = phase.lr.stop if isinstance(phase.lr, slice) else phase.lr
        msg = (
            f"Training diverged: the loss became {loss} at a learning rate of up to {rate:g}. "
            f"The previous weights were restored; try {rate / 10:g}."
        )
        raise TrainingError(msg)
