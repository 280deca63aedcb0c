"""Reliability, top losses, and the figures of both."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from cleaner.interpret.confusion_matrix import ConfusionMatrix, Share
from cleaner.interpret.image_map import ImageMap
from cleaner.interpret.plots import plot_confusion_matrix, plot_map, plot_reliability, plot_top_losses
from cleaner.interpret.predictions import Predictions
from cleaner.interpret.reliability import Reliability
from cleaner.interpret.top_losses import top_losses


def made(odds: list[float], labels: list[int]) -> Predictions:
    """Return two classes; ``odds`` is the probability of the first."""
    first = np.array(odds, dtype=np.float32)
    names = [f"{i}.png" for i in range(len(odds))]
    return Predictions(names, ["cat", "dog"], np.array(labels), np.stack([first, 1 - first], axis=1))


SEEN = made([0.93, 0.92, 0.05, 0.55, 0.0], [0, 1, 1, 0, 0])


def test_probabilities_are_compared_with_the_share_that_is_right() -> None:
    found = Reliability.of(SEEN)
    assert [each.right for each in found.bins] == [Share(1, 1), Share(2, 4)]
    assert found.bins[1].said == pytest.approx(0.95)
    assert found.error == pytest.approx(0.45)
    assert Reliability.of(made([], [])).bins == []


def test_the_highest_losses_come_first() -> None:
    table = top_losses(SEEN, 2)
    assert table["name"].tolist() == ["4.png", "1.png"]
    assert table["predicted"].tolist() == ["dog", "cat"]
    assert table["loss"][1] == pytest.approx(-np.log(0.08), abs=1e-4)
    assert len(top_losses(SEEN)) == 5


def drawn(figure: Figure) -> int:
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=40)
    return len(np.unique(np.asarray(Image.open(file).convert("L"))))


def test_the_figures_are_drawn_without_pyplot(tmp_path: Path) -> None:
    for i in range(4):  # the fifth is missing: its place says so
        Image.new("RGB", (20, 30), (200, 30 * i, 0)).save(tmp_path / f"{i}.png")
    matrix = ConfusionMatrix.of(SEEN)
    for figure in (
        plot_confusion_matrix(matrix),
        plot_confusion_matrix(matrix, normalised=True),
        plot_reliability(Reliability.of(SEEN)),
        plot_map(ImageMap(["a", "b", "c"], np.eye(3, 2, dtype=np.float32)), {"a": "cat", "b": None}),
        plot_top_losses(SEEN, lambda name: tmp_path / name),
    ):
        assert drawn(figure) > 10
