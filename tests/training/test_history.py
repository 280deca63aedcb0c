"""The record of training, its file and its plots."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from PIL import Image

from cleaner.training.history import COLUMNS, History


@pytest.fixture
def history():
    history = History()
    for epoch in range(1, 4):
        history.epochs.append(
            {
                "phase": "all layers",
                "epoch": epoch,
                "train_loss": 1 / epoch,
                "valid_loss": 1.5 / epoch,
                "error_rate": 0.3 / epoch,
                "accuracy": 1 - 0.3 / epoch,
                "seconds": 2.0,
            }
        )
    history.steps.extend([(1e-3, 0.95), (2e-3, 0.85), (1e-5, 0.95)])
    return history


def test_the_frame_has_one_row_an_epoch(history):
    frame = history.to_frame()
    assert list(frame.columns) == list(COLUMNS)
    assert list(frame["epoch"]) == [1, 2, 3]
    assert list(History().to_frame().columns) == list(COLUMNS)


def test_a_history_survives_as_json(history):
    again = History.from_dict(json.loads(json.dumps(history.to_dict())))
    assert again.epochs == history.epochs
    assert again.steps == history.steps


def test_the_plot_shows_both_losses_and_the_error_rate_in_percent(history):
    losses, errors = history.plot().axes
    assert {line.get_label(): list(line.get_ydata()) for line in losses.lines} == {
        "train": [1, 1 / 2, 1 / 3],
        "valid": [1.5, 0.75, 0.5],
    }
    assert list(errors.lines[0].get_ydata()) == pytest.approx([30, 15, 10])


def test_the_plot_of_the_rates_shows_every_batch(history):
    rates, momenta = history.plot_lr().axes
    assert list(rates.lines[0].get_ydata()) == [1e-3, 2e-3, 1e-5]
    assert list(momenta.lines[0].get_ydata()) == [0.95, 0.85, 0.95]


def test_an_empty_history_can_be_drawn(tmp_path):
    for name, figure in (("epochs", History().plot()), ("rates", History().plot_lr())):
        figure.savefig(tmp_path / f"{name}.png")
        with Image.open(tmp_path / f"{name}.png") as drawn:
            assert min(drawn.size) > 100
        assert [line for axes in figure.axes for line in axes.lines if len(line.get_ydata())] == []


def test_plots_do_not_use_pyplot():
    # In a process of its own: here, another test may have left pyplot as an attribute of matplotlib.
    code = (
        "import sys; from cleaner.training.history import History\n"
        "History().plot(); History().plot_lr()\n"
        "print('matplotlib.figure' in sys.modules, 'matplotlib.pyplot' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "True False\n"


def test_the_last_error_rate_is_in_the_repr(history):
    assert repr(history) == "<History of 3 epochs: error rate 10.0 % after the last>"
    assert repr(History()) == "<History: not trained yet>"
