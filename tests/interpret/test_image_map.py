"""Maps of images: what is alike lies together, the same way every time."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest

from cleaner.embedding import Embeddings
from cleaner.errors import Cancelled, InterpretationError
from cleaner.interpret.image_map import ImageMap, leading_axes, place
from cleaner.util.progress import Reporter

pytest.importorskip("openTSNE")
pytest.importorskip("jscatter")


def clusters(n: int, dim: int = 300) -> tuple[Embeddings, np.ndarray]:
    """Embeddings of three kinds, and the kind of each."""
    rng = np.random.default_rng(0)
    kinds = np.arange(n) % 3
    vectors = rng.random((3, dim))[kinds] + 0.1 * rng.random((n, dim))
    names = [f"{i}.png" for i in range(n)]
    return Embeddings(names=names, vectors=vectors.astype(np.float32), hashes=names, key="made"), kinds


@pytest.mark.parametrize("n", [30, 120])  # the axes alone, and with joins
def test_images_of_a_kind_lie_together_the_same_way_every_time(n: int) -> None:
    embeddings, kinds = clusters(n)
    made = ImageMap.of(embeddings)
    assert list(made.names) == embeddings.names
    assert made.points.dtype == np.float32
    assert np.abs(made.points).max() == pytest.approx(1)
    apart = np.linalg.norm(made.points[:, None] - made.points, axis=2)
    np.fill_diagonal(apart, np.inf)
    assert (kinds[apart.argmin(axis=1)] == kinds).all()
    assert ImageMap.of(embeddings).same_as(made)


def test_each_of_two_networks_counts() -> None:
    embeddings, kinds = clusters(90)
    blind = Embeddings(names=embeddings.names, vectors=np.ones((90, 4), dtype=np.float32), hashes=[], key="b")
    made = ImageMap.of(blind, embeddings)
    apart = np.linalg.norm(made.points[:, None] - made.points, axis=2)
    np.fill_diagonal(apart, np.inf)
    assert (kinds[apart.argmin(axis=1)] == kinds).mean() > 0.9


def test_axes_read_block_by_block_are_those_of_all_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    embeddings, _ = clusters(90)
    whole = leading_axes(embeddings.vectors.__getitem__, 90)
    monkeypatch.setattr("cleaner.interpret.image_map._BLOCK", 7)
    assert leading_axes(embeddings.vectors.__getitem__, 90) == pytest.approx(whole, abs=1e-5)


@pytest.mark.parametrize("n", [1, 2, 60])
def test_images_that_are_all_the_same_have_one_place(n: int) -> None:
    points = place([np.ones((n, 1), dtype=np.float32)])
    assert points.shape == (n, 2)
    assert np.isfinite(points).all()
    assert not np.ptp(points, axis=0).any()


def test_it_stops_when_asked() -> None:
    class Impatient(Reporter):
        def should_stop(self) -> bool:
            return True

    with pytest.raises(Cancelled):
        place([clusters(90)[0].vectors], reporter=Impatient())


def test_without_the_extra_it_says_what_to_type(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "openTSNE" else object())
    with pytest.raises(InterpretationError, match=r"pip install 'cleaner\[map\]'"):
        place([np.ones((3, 2), dtype=np.float32)])
