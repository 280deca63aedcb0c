"""The training loops: plain torch, one cycle of rate and momentum each, spread over the layer groups."""

import contextlib
import math
from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.amp import GradScaler
from torch.optim import AdamW, Optimizer
from torch.optim.lr_scheduler import OneCycleLR

from cleaner.errors import DivergedError, TrainingError
from cleaner.models.heads import Classifier
from cleaner.training.data import Augment, Batch, LabelledPictures
from cleaner.training.history import History
from cleaner.training.objective import Objective, balanced
from cleaner.training.outputs import Outputs, Targets
from cleaner.training.pace import PASS, Pace, Paced, Work
from cleaner.training.recipe import Recipe
from cleaner.training.runner import Runner
from cleaner.training.team import Team
from cleaner.util.progress import Reporter, Stage

LearningRate = float | slice
"""A rate for all layers, ``slice(low, high)`` from the first layers to the head, or ``slice(high)``."""

TRAIN_SUBSET = 256
"""Training images on which the training loss that is shown is measured."""

MOMENTA = (0.85, 0.95)
_END_DIV = 1e5
BETAS = (0.9, 0.99)


@dataclass(frozen=True)
class Phase:
    """One one-cycle run.

    Attributes
    ----------
    epochs : int
    lr : float or slice
        Highest rate; see `spread`.
    frozen : bool
        Whether only the head learns.
    pct_start, div : float
        See `one_cycle`.
    on_features : bool
        Whether the images go through the frozen body once only; see `HeadRun`.
    """

    epochs: int
    lr: LearningRate
    frozen: bool
    pct_start: float
    div: float
    on_features: bool = False

    @property
    def name(self) -> str:
        """What learns, in words."""
        return "the head" if self.frozen else "all layers"

    @property
    def stage(self) -> Stage:
        """What it is called in reports of progress."""
        return Stage.TRAIN_HEAD if self.frozen else Stage.TRAIN_ALL


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


def highest(lr: LearningRate) -> float:
    """Return the rate of the head."""
    return float(lr.stop if isinstance(lr, slice) else lr)


def spread(lr: LearningRate, n_groups: int) -> list[float]:
    """Return the highest rate of each layer group, from the image to the head.

    Parameters
    ----------
    lr : float or slice
        A float goes to every group. ``slice(low, high)`` rises geometrically:
        ``low·(high/low)^(g/(n_groups−1))``. ``slice(high)`` gives the head ``high`` and the others a tenth.
    n_groups : int

    Raises
    ------
    TrainingError
        A rate is not positive.
    """
    low, high = (lr.start, lr.stop) if isinstance(lr, slice) else (lr, lr)
    for rate in (high, low):
        if rate is not None and not rate > 0:
            msg = f"Got the learning rate {float(rate)}; expected a positive number, such as 1e-3."
            raise TrainingError(msg)
    if not isinstance(lr, slice):
        return [float(lr)] * n_groups
    if low is None:
        return [high / 10] * (n_groups - 1) + [float(high)]
    steps = max(n_groups - 1, 1)
    return [low * (high / low) ** (g / steps) for g in range(n_groups - 1)] + [float(high)]


def one_cycle(
    optimizer: Optimizer,
    max_lrs: list[float],
    *,
    total_steps: int,
    pct_start: float = 0.25,
    div: float = 25.0,
) -> OneCycleLR:
    """Schedule rate and momentum over one cycle: up to ``max_lrs``, down to 10⁻⁵ of it, along cosines.

    Parameters
    ----------
    optimizer : Optimizer
        Adam-like; its first beta goes .95 → .85 → .95.
    max_lrs : list of float
        The highest rate of each parameter group.
    total_steps : int
        Batches in the whole run.
    pct_start : float
        Share of the run that rises.
    div : float
        The run starts at ``max_lrs / div``.
    """
    steps = max(total_steps, 2)
    # The rise must last two steps or more: OneCycleLR divides by its length less one.
    pct = min(max(pct_start, 2 / steps), 1.0)
    return OneCycleLR(
        optimizer,
        max_lrs,
        total_steps=steps,
        pct_start=pct,
        base_momentum=MOMENTA[0],
        max_momentum=MOMENTA[1],
        div_factor=div,
        final_div_factor=_END_DIV / div,
    )


def train_step(
    optimizer: Optimizer, logits: Tensor, targets: Tensor, objective: Objective, scaler: GradScaler
) -> float:
    """Take one step; returns the loss before it, in nats."""
    loss = objective(logits, targets.to(logits.device))
    optimizer.zero_grad(set_to_none=True)
    scaler.scale(loss).backward()  # type: ignore[no-untyped-call]
    scaler.step(optimizer)
    scaler.update()
    return float(loss.detach())


@dataclass(frozen=True, kw_only=True)
class Course:
    """What all phases of a training have in common.

    Attributes
    ----------
    runner : Runner
    outputs : Outputs
    data : LabelledPictures
    rows : ndarray, shape (n,)
        The images to learn from.
    recipe : Recipe
    batch_size : int
        Images of a batch, in each process of the team.
    mirror : bool
        Whether half of the images are mirrored left to right.
    team : Team
    history : History
        Gets the head's rate and the momentum of every batch.
    reporter : Reporter
        Hears of every batch, its rate and the time left, and can stop the training.
    pace : Pace
    """

    runner: Runner
    outputs: Outputs
    data: LabelledPictures
    rows: NDArray[np.intp]
    recipe: Recipe
    batch_size: int
    mirror: bool
    team: Team
    history: History
    reporter: Reporter
    pace: Pace

    @property
    def objective(self) -> Objective:
        """What is minimised."""
        return Objective(self.recipe, self.outputs, self.data.targets[self.rows], self.runner.device)

    @property
    def scaler(self) -> GradScaler:
        """What keeps small gradients from vanishing in float16; does nothing in other types."""
        return GradScaler(self.runner.device.type, enabled=self.runner.dtype == torch.float16)

    def order(self, rows: NDArray[np.intp], targets: Targets) -> NDArray[np.intp]:
        """Return rows in the order of an epoch, rare classes repeated if the recipe says so."""
        chosen = rows
        if self.recipe.balance == "oversample":
            chosen = balanced(rows, self.outputs.groups(targets))
        shuffled: NDArray[np.intp] = chosen[torch.randperm(len(chosen)).numpy()]
        return shuffled

    def epoch_shape(self) -> tuple[int, int]:
        """Return the images of a batch, in each process, and the batches of an epoch.

        Without the last, smaller batch: batch-norm would take its few images for the world.
        """
        n_images = len(self.order(self.rows, self.data.targets[self.rows]))
        size = min(self.batch_size, max(n_images // self.team.size, 1))
        return size, n_images // (size * self.team.size)

    @property
    def own_px(self) -> int:
        """Side of the images that the network is measured on, and learns from unless the recipe says so."""
        return self.runner.preprocess.size_px

    def sizes_px(self, phase: Phase) -> list[int]:
        """Return the side of the images that it learns from in each epoch of a phase."""
        return [self.recipe.size_px(epoch, phase.epochs) or self.own_px for epoch in range(phase.epochs)]

    def measured_rows(self, seed: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Return the training and the validation images that are measured after every epoch.

        Those of training are fixed over all runs with this seed: the losses of different epochs are of the
        same images.
        """
        chosen = np.random.default_rng(seed).permutation(len(self.rows))[:TRAIN_SUBSET]
        return self.rows[np.sort(chosen)], self.data.indices("valid")


class PhaseRun:
    """A phase under way, an epoch at a time; what it needs to go on after an interruption is its `state`.

    Parameters
    ----------
    course : Course
    phase : Phase

    Attributes
    ----------
    epochs : int
        How many epochs it has.
    """

    def __init__(self, course: Course, phase: Phase) -> None:
        self.course, self.phase = course, phase
        model, team = course.runner.model, course.team
        model.set_frozen(phase.frozen)
        self.epochs = phase.epochs
        self._size, self._per_epoch = course.epoch_shape()
        self._schedule = _schedule_for(course, phase, self._per_epoch * phase.epochs)
        self._objective, self._scaler = course.objective, course.scaler
        self._model = team.joined(model, course.runner.device)

    @property
    def total(self) -> int:
        """Images in all epochs, of all processes."""
        return self._per_epoch * self._size * self.course.team.size * self.epochs

    def done(self, epoch: int) -> int:
        """Return how many of `total` are done before an epoch, from 0 on."""
        return self.total // self.epochs * epoch

    def train_epoch(self, epoch: int, seed: int) -> None:
        """Train through an epoch, from 0 on; equal seeds give equal epochs.

        Raises
        ------
        DivergedError
            The loss is no number any more.
        Cancelled
            The reporter asked to stop.
        """
        course, team, runner = self.course, self.course.team, self.course.runner
        torch.manual_seed(seed)  # all processes divide the same order among them
        order = course.order(course.rows, course.data.targets[course.rows])
        own = order[: self._per_epoch * self._size * team.size].reshape(self._per_epoch, team.size, -1)
        torch.manual_seed(seed + team.rank)
        runner.model.train()
        size_px = course.sizes_px(self.phase)[epoch]
        pictures = course.data.pictures_of(size_px)
        done, augment = self.done(epoch), Augment(mirror=course.mirror)
        batches = runner.training_batches(pictures, own[:, team.rank].ravel(), self._size, augment)
        reporter = Paced(course.reporter, course.pace, Work("learn", size_px), done=done)
        with contextlib.closing(batches):
            for batch, kept in batches:
                course.reporter.check()
                targets = torch.from_numpy(course.data.targets[kept]).to(runner.device)
                mixed, shares = self._objective.mix(batch, targets)
                logits = runner.logits(mixed, model=self._model)
                _take_step(self._schedule, logits, shares, self._objective, self._scaler, course.history)
                done += self._size * team.size
                reporter(self.phase.stage, done, self.total, lr=course.history.steps[-1][0])
        team.share(runner.model.buffers())

    def state(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """Return tensors, and the rest as JSON can hold it, from which `resume` goes on."""
        found = self._schedule.optimizer.state_dict()
        tensors = {
            f"{number}.{name}": value
            for number, kept in found["state"].items()
            for name, value in kept.items()
        }
        schedule = {name: getattr(self._schedule, name) for name in ("last_epoch", "_step_count")}
        groups, scaler = found["param_groups"], self._scaler.state_dict()
        return tensors, {"groups": groups, "schedule": schedule, "scaler": scaler}

    def resume(self, tensors: Mapping[str, Tensor], rest: Mapping[str, Any]) -> None:
        """Go on from a `state`."""
        kept: dict[int, dict[str, Tensor]] = {}
        for name, value in tensors.items():
            number, _, what = name.partition(".")
            kept.setdefault(int(number), {})[what] = value
        groups = [{**group, "betas": tuple(group["betas"])} for group in rest["groups"]]
        self._schedule.optimizer.load_state_dict({"state": kept, "param_groups": groups})
        self._schedule.load_state_dict(dict(rest["schedule"]))
        if rest["scaler"]:
            self._scaler.load_state_dict(dict(rest["scaler"]))


class HeadRun:
    """A phase that trains the head on features which are computed once, without augmentation.

    A pass over the features costs next to nothing, so the head can have as many as it needs. (With one pass
    over augmented images, 300 photographs leave it at 40 % errors; ten over features at 23 %, in less
    time.) All passes count as one epoch. Of a team, each process does the same.

    Parameters as for `PhaseRun`; ``phase.epochs`` counts passes over the features.
    """

    epochs = 1

    def __init__(self, course: Course, phase: Phase) -> None:
        self.course, self.phase = course, phase
        course.runner.model.set_frozen(True)

    @property
    def total(self) -> int:
        """Passes over the features."""
        return self.phase.epochs

    def done(self, epoch: int) -> int:
        """Return how many of `total` are done before an epoch, from 0 on."""
        return self.total * epoch

    def train_epoch(self, epoch: int, seed: int) -> None:
        """Do all passes; see `PhaseRun.train_epoch`, whose parameters and errors these are."""
        course, runner = self.course, self.course.runner
        torch.manual_seed(seed)
        asked = Paced(course.reporter, course.pace, Work("measure", course.own_px))
        features, rows = runner.features(course.data.pictures, course.rows, reporter=asked)
        places, numbers = np.arange(len(rows)), course.data.targets[rows]
        targets = torch.from_numpy(numbers).to(runner.device)
        n_images = len(course.order(places, numbers))
        size = min(course.batch_size, n_images)
        per_epoch = n_images // size
        schedule = _schedule_for(course, self.phase, per_epoch * self.phase.epochs)
        objective, scaler, head = course.objective, course.scaler, runner.model.head.train()
        reporter = Paced(course.reporter, course.pace, PASS)
        for done in range(1, self.phase.epochs + 1):
            reporter.check()
            order = torch.from_numpy(course.order(places, numbers)).to(runner.device)
            for chosen in torch.split(order[: per_epoch * size], size):
                logits = head(features[chosen])
                _take_step(schedule, logits, targets[chosen], objective, scaler, course.history)
            reporter(self.phase.stage, done, self.total)
        course.team.share(runner.model.state_dict().values())

    def state(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """Return nothing: after its one epoch there is none to go on with."""
        return {}, {}

    def resume(self, tensors: Mapping[str, Tensor], rest: Mapping[str, Any]) -> None:
        """Go on from a `state`."""


def begin(course: Course, phase: Phase) -> PhaseRun | HeadRun:
    """Begin a phase."""
    return (HeadRun if phase.on_features else PhaseRun)(course, phase)


def endless_batches(course: Course) -> Generator[Batch]:
    """Yield augmented batches of the images in random order, again and again."""
    augment = Augment(mirror=course.mirror)
    targets = course.data.targets[course.rows]
    while True:
        order = course.order(course.rows, targets)
        size = min(course.batch_size, len(order))
        yield from course.runner.training_batches(
            course.data.pictures, order[: len(order) // size * size], size, augment
        )


def _schedule_for(course: Course, phase: Phase, total_steps: int) -> OneCycleLR:
    optimizer, max_lrs = optimizer_for(course.runner.model, phase.lr, weight_decay=course.recipe.weight_decay)
    return one_cycle(optimizer, max_lrs, total_steps=total_steps, pct_start=phase.pct_start, div=phase.div)


def _take_step(
    schedule: OneCycleLR,
    logits: Tensor,
    targets: Tensor,
    objective: Objective,
    scaler: GradScaler,
    history: History,
) -> None:
    """Take one step, note its rate, and move on along the schedule, which ends with the last batch."""
    head = schedule.optimizer.param_groups[-1]
    history.steps.append((head["lr"], head["betas"][0]))
    scale = scaler.get_scale()
    loss = train_step(schedule.optimizer, logits, targets, objective, scaler)
    taken = scaler.get_scale() >= scale  # else the gradients overflowed, and the step was left out
    if taken and schedule.last_epoch + 1 < schedule.total_steps:
        schedule.step()
    if not math.isfinite(loss):
        raise DivergedError(f"Training diverged: the loss became {loss}.")
