"""What a training will have to do, and a rehearsal of a few batches that tells how long that takes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import torch

from cleaner.training.data import Augment
from cleaner.training.loop import Course, Phase, optimizer_for, train_step
from cleaner.training.pace import PASS, Work
from cleaner.training.runner import EVAL_BATCH

TIMED_BATCHES = 2
"""Batches of each size that are timed, after one that is not: memory and kernels are set up in the first."""

LEAST_BATCHES = 40
"""A training of fewer batches is not rehearsed: it is over before that was worth the time."""


def work_ahead(course: Course, phases: Sequence[Phase], *, measured: int, done: int = 0) -> Counter[Work]:
    """Return how many units of each kind of work some phases have.

    Parameters
    ----------
    course : Course
    phases : sequence of Phase
    measured : int
        Images that are measured after every epoch.
    done : int
        Epochs of the first phase that are over.
    """
    ask, work = Work("measure", course.own_px), Counter[Work]()
    size, batches = course.epoch_shape()
    for number, phase in enumerate(phases):
        over = done if number == 0 else 0
        if phase.on_features:
            if not over:
                work[ask] += len(course.rows) + measured
                work[PASS] += phase.epochs
            continue
        for size_px in course.sizes_px(phase)[over:]:
            work[Work("learn", size_px)] += batches * size * course.team.size
            work[ask] += measured
    return work


def rehearse(course: Course, phases: Sequence[Phase]) -> None:
    """Let the pace of a course know what images cost, by a few batches; the network stays as it was.

    How much more it costs to learn from an image than to ask about it, and how that grows with its area, is
    another thing for each network; and a quarter of a training can be over before the first is learnt from.
    """
    learning = [phase for phase in phases if not phase.on_features]
    _, batches = course.epoch_shape()
    if sum(phase.epochs for phase in learning) * batches < LEAST_BATCHES:
        return
    before = {name: value.clone() for name, value in course.runner.model.state_dict().items()}
    try:
        for phase in learning:
            for size_px in sorted(set(course.sizes_px(phase))):
                _learn(course, phase, size_px)
        _ask(course)
    finally:
        course.runner.model.load_state_dict(before)


def _learn(course: Course, phase: Phase, size_px: int) -> None:
    runner, data, team = course.runner, course.data, course.team
    size, _ = course.epoch_shape()
    runner.model.set_frozen(phase.frozen)
    runner.model.train()
    optimizer, _ = optimizer_for(runner.model, phase.lr, weight_decay=course.recipe.weight_decay)
    objective, scaler = course.objective, course.scaler
    order = course.rows[: size * (1 + TIMED_BATCHES)]
    pictures, augment = data.pictures_of(size_px), Augment(mirror=course.mirror)
    course.pace.begin()
    for number, (batch, kept) in enumerate(runner.training_batches(pictures, order, size, augment)):
        course.reporter.check()
        targets = torch.from_numpy(data.targets[kept]).to(runner.device)
        mixed, shares = objective.mix(batch, targets)
        train_step(optimizer, runner.logits(mixed), shares, objective, scaler)
        if number:
            course.pace.did(Work("learn", size_px), len(kept) * team.size, planned=False)
        else:
            course.pace.begin()


def _ask(course: Course) -> None:
    for number in range(2):
        course.reporter.check()
        course.pace.begin()
        rows = course.rows[:EVAL_BATCH]
        course.runner.all_logits(course.data.pictures, rows)
        if number:
            course.pace.did(Work("measure", course.own_px), len(rows), planned=False)
