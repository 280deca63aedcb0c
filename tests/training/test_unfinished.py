"""A training that is interrupted goes on from its last epoch, and ends as if nothing had happened."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from training_processes import EPOCHS, learner_on

from cleaner.errors import Cancelled
from cleaner.models.checkpoint import load_checkpoint
from cleaner.training.recipe import Recipe
from cleaner.util.progress import Reporter

RECIPE = Recipe(patience=3, mixup=0.4)


class Counter(Reporter):
    """Counts epochs, and stops after some."""

    def __init__(self, stop_after: int = 99) -> None:
        self.epochs, self.stop_after = 0, stop_after

    def __call__(self, stage, done, total, **values):
        self.epochs += "error_rate" in values

    def should_stop(self):
        return self.epochs >= self.stop_after


def tuned(root, checkpoint=None, *, epochs=EPOCHS, recipe=RECIPE, reporter=None):
    learner = learner_on(root, recipe=recipe)
    learner.fine_tune(epochs, head_passes=2, checkpoint=checkpoint, reporter=reporter or Counter())
    return learner


def same(one, other):
    one, other = one.model.state_dict(), other.model.state_dict()
    return all(torch.equal(one[key], other[key]) for key in one)


def test_a_training_that_was_killed_goes_on_and_ends_the_same(colour_set, tmp_path):
    checkpoint = tmp_path / "model.unfinished"
    script = str(Path(__file__).with_name("training_processes.py"))
    done = subprocess.run([sys.executable, script, "killed", str(colour_set), str(checkpoint)], check=False)
    assert done.returncode != 0
    _, manifest = load_checkpoint(checkpoint)
    assert (manifest["standing"]["phase"], manifest["standing"]["epochs"]) == (1, 1)

    count = Counter()
    resumed = tuned(colour_set, checkpoint, reporter=count)
    assert count.epochs == EPOCHS - 1
    assert not checkpoint.exists()
    whole = tuned(colour_set)
    assert same(resumed, whole)
    assert resumed.history.steps == whole.history.steps
    numbers = ["epoch", "train_loss", "valid_loss", "error_rate"]
    assert resumed.history.to_frame()[numbers].equals(whole.history.to_frame()[numbers])


@pytest.mark.parametrize("other", ["epochs", "recipe", "label", "damaged"])
def test_an_interrupted_training_with_other_settings_begins_anew(colour_set, tmp_path, other):
    checkpoint = tmp_path / "model.unfinished"
    with pytest.raises(Cancelled):
        tuned(colour_set, checkpoint, reporter=Counter(stop_after=1))
    assert checkpoint.exists()
    settings = {"epochs": {"epochs": 1}, "recipe": {"recipe": Recipe()}}.get(other, {})
    if other == "label":
        (colour_set / "red" / "red_001.png").rename(colour_set / "blue" / "red_001.png")
    elif other == "damaged":
        checkpoint.write_bytes(checkpoint.read_bytes()[:1000])
    count = Counter()
    tuned(colour_set, checkpoint, reporter=count, **settings)
    assert count.epochs == 1 + settings.get("epochs", EPOCHS)
    assert not checkpoint.exists()
