"""A few batches tell how long a training will take, and leave no trace."""

from __future__ import annotations

import math

import pytest
import torch
from training_processes import learner_on

from cleaner.errors import Cancelled
from cleaner.training import rehearsal
from cleaner.training.recipe import Recipe
from cleaner.util.progress import Reporter, Stage


class Listener(Reporter):
    """Keeps stages and the time left, and stops after some epochs."""

    def __init__(self, stop_after: int = 99) -> None:
        self.heard: list[tuple[str, float]] = []
        self.epochs, self.stop_after = 0, stop_after

    def __call__(self, stage, done, total, *, seconds_left=None, **values):
        self.heard.append((stage, seconds_left))
        self.epochs += "error_rate" in values

    def should_stop(self):
        return self.epochs >= self.stop_after


def train(root, checkpoint=None, *, reporter=None, recipe=None):
    learner = learner_on(root, recipe=recipe or Recipe())
    learner.fine_tune(4, head_passes=2, checkpoint=checkpoint, reporter=reporter or Listener())
    return learner.model.state_dict()


def test_the_time_left_is_known_from_the_first_features_to_the_end_and_the_model_is_the_same(
    colour_set, monkeypatch
):
    without = train(colour_set)  # too short to be rehearsed
    monkeypatch.setattr(rehearsal, "LEAST_BATCHES", 1)
    listener = Listener()
    rehearsed = train(colour_set, reporter=listener)
    assert all(torch.equal(without[name], value) for name, value in rehearsed.items())
    early = {left_s for stage, left_s in listener.heard if stage == Stage.READ}
    later = [left_s for stage, left_s in listener.heard if stage != Stage.READ]
    assert early == {math.inf}
    assert all(0 <= left_s < math.inf for left_s in later)
    assert later[0] > 0
    assert later[-1] == 0  # all that was planned was done, and nothing else


@pytest.mark.parametrize("stop_after", [1, 3])
def test_a_training_that_goes_on_counts_what_is_left_of_it(colour_set, tmp_path, monkeypatch, stop_after):
    monkeypatch.setattr(rehearsal, "LEAST_BATCHES", 1)
    checkpoint, recipe = tmp_path / "model.unfinished", Recipe(sizes=(32, 64))
    with pytest.raises(Cancelled):
        train(colour_set, checkpoint, reporter=Listener(stop_after), recipe=recipe)
    listener = Listener()
    train(colour_set, checkpoint, reporter=listener, recipe=recipe)
    assert listener.epochs == 5 - stop_after
    later = [left_s for stage, left_s in listener.heard if stage != Stage.READ]
    assert all(left_s < math.inf for left_s in later)
    assert later[-1] == 0
