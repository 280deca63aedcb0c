"""Trainings that tests run in processes of their own: one that kills itself, and one of a team of two.

``python training_processes.py KIND ROOT OUT``
"""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path

import torch

from cleaner.dataset.catalog import Catalog
from cleaner.training.learner import Learner
from cleaner.training.recipe import Recipe
from cleaner.util.progress import Reporter

EPOCHS = 3


def learner_on(root: Path, **more) -> Learner:
    """Return a learner on a made set, every fourth image of a class for validation.

    It has one thread, in whichever process: sums of several can differ in the last digit.
    """
    torch.set_num_threads(1)
    catalog = Catalog.from_folder(root)
    splits = {}
    for label in catalog.classes:
        for i, name in enumerate(catalog.where(label=label).names):
            splits[name] = "valid" if i % 4 == 0 else "train"
    return Learner(catalog.with_splits(splits), from_scratch=True, device="cpu", batch_size=6, **more)


class Killer(Reporter):
    """Kills its process in the middle of the third epoch: that of the head, one with all layers, and now."""

    epochs = 0

    def __call__(self, stage, done, total, **values):
        self.epochs += "error_rate" in values
        if self.epochs == 2 and done > total / 3:
            os.kill(os.getpid(), signal.SIGTERM if sys.platform == "win32" else signal.SIGKILL)


def killed(root: Path, out: Path) -> None:
    learner = learner_on(root, recipe=Recipe(patience=3, mixup=0.4))
    learner.fine_tune(EPOCHS, head_passes=2, checkpoint=out, reporter=Killer())


def team(root: Path, out: Path) -> None:
    learner = learner_on(root)
    rank = int(os.environ["RANK"])
    seen = []
    made = learner.network.runner.training_batches

    def listening(*args):
        for batch, rows in made(*args):
            seen.append(rows.tolist())
            yield batch, rows

    learner.network.runner.training_batches = listening
    learner.fine_tune(1, head_passes=2)
    learner.save(out / f"{rank}.safetensors")
    (out / f"{rank}.json").write_text(json.dumps(seen))


if __name__ == "__main__":
    torch.set_num_threads(1)
    {"killed": killed, "team": team}[sys.argv[1]](Path(sys.argv[2]), Path(sys.argv[3]))
