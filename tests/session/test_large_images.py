"""Images for the large view: renditions, full sizes, windows."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cleaner.session import large_images
from cleaner.session.cells import ChosenWindow, Picture
from cleaner.session.large_images import LargeImages

RAMP = np.tile(np.linspace(0, 4000, 2000).astype(np.uint16), (10, 1))


@pytest.fixture
def scan(tmp_path: Path) -> Path:
    path = tmp_path / "scan.png"
    Image.fromarray(RAMP).save(path)
    return path


def levels(picture: Picture) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(picture.data)).convert("L")).astype(int)


def test_other_windows_show_other_values_and_decode_nothing_again(
    scan: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[Path] = []
    read = large_images.open_deep
    monkeypatch.setattr(large_images, "open_deep", lambda path: opened.append(path) or read(path))
    images = LargeImages()
    usual = images.picture(scan, full=False)
    narrow = images.picture(scan, full=False, window=ChosenWindow("16-bit", 1000, 100))
    whole = images.picture(scan, full=True, window=ChosenWindow("16-bit", 1000, 100))
    assert len(opened) == 1
    assert usual.levels is not None
    assert (usual.levels.window.center, usual.levels.window.width) == (2000, 4000)
    assert 100 < levels(usual)[5, 800] < 156
    assert narrow.levels is not None
    assert (narrow.levels.window.center, narrow.levels.window.width) == (1000, 100)
    assert (levels(narrow)[5, 300], levels(narrow)[5, 1000]) == (0, 255)
    assert (levels(narrow).shape, levels(whole).shape) == ((8, 1600), (10, 2000))


def test_a_window_of_another_kind_of_image_is_not_used(scan: Path) -> None:
    picture = LargeImages().picture(scan, full=False, window=ChosenWindow("CT HU", 40, 400))
    assert picture.levels is not None
    assert picture.levels.window == picture.levels.scale.windows[0]


def test_an_image_that_was_written_anew_is_read_anew(scan: Path) -> None:
    images = LargeImages()
    images.picture(scan, full=False)
    Image.fromarray(RAMP // 2).save(scan)
    picture = images.picture(scan, full=False)
    assert picture.levels is not None
    assert picture.levels.scale.high == 2000


def test_images_of_8_bits_have_no_levels(tmp_path: Path) -> None:
    path = tmp_path / "plain.jpg"
    Image.new("RGB", (30, 20), "red").save(path)
    picture = LargeImages().picture(path, full=True, window=ChosenWindow("16-bit", 1, 1))
    assert picture.levels is None
    assert picture.data == path.read_bytes()
