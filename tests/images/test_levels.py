"""Windows of images with more than 8 bits."""

from __future__ import annotations

import io

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from cleaner.images.deep import open_deep
from cleaner.images.levels import DeepImage, Scale, Window, scale_of
from cleaner.images.open import open_image

RAMP = np.linspace(0, 4000, 64 * 48).reshape(48, 64).astype(np.uint16)


def saved(values: npt.NDArray[np.generic], kind: str) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(values).save(stream, kind)
    return stream.getvalue()


def deep(data: bytes) -> DeepImage:
    found = open_deep(data)
    assert found is not None
    return found


def grey(image: Image.Image) -> npt.NDArray[np.int64]:
    return np.asarray(image)[..., 0].astype(np.int64)


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (saved(RAMP, "PNG"), "16-bit"),
        (saved(RAMP, "TIFF"), "16-bit"),
        (saved(RAMP.astype(np.int32), "TIFF"), "16-bit"),
        (saved(RAMP.astype(np.float32) / 1000, "TIFF"), "float"),
    ],
)
def test_what_is_shown_without_a_window_is_what_is_shown_everywhere(data: bytes, kind: str) -> None:
    found = deep(data)
    assert found.scale.kind == kind
    assert np.abs(grey(found.shown()) - grey(open_image(data))).max() <= 1


def test_values_below_a_window_are_black_and_above_white() -> None:
    seen = grey(deep(saved(RAMP, "PNG")).shown(Window(1000, 200)))
    assert (seen[RAMP <= 900] == 0).all()
    assert (seen[RAMP >= 1100] == 255).all()
    assert np.abs(seen[np.abs(RAMP.astype(int) - 1000) <= 1] - 127).max() <= 3


def test_values_that_are_no_numbers_are_black_and_do_not_count_for_the_range() -> None:
    values = RAMP.astype(np.float32)
    values[0, :2] = np.nan, np.inf
    found = deep(saved(values, "TIFF"))
    assert found.scale.high == 4000
    assert (grey(found.shown())[0, :2] == 0).all()


@pytest.mark.parametrize("mode", ["L", "RGBA", "1", "P"])
def test_images_of_8_bits_have_no_values(mode: str) -> None:
    stream = io.BytesIO()
    Image.new(mode, (9, 9)).save(stream, "PNG")
    assert open_deep(stream.getvalue()) is None


def test_one_colour_is_shown_at_all() -> None:
    found = deep(saved(np.full((9, 9), 700, np.uint16), "PNG"))
    assert found.scale.windows[0].width > 0
    assert grey(found.shown()).max() == 0


@pytest.mark.parametrize("curve", ["exact", "linear", "sigmoid"])
@pytest.mark.parametrize("dtype", [np.uint16, np.int16, np.float32])
def test_values_of_every_kind_get_the_same_levels(curve: str, dtype: type) -> None:
    values = np.arange(-50, 50, dtype=np.int16).astype(dtype)[None]
    scale = Scale(kind="x", unit="", low=0, high=1, windows=(Window(0, 1),))
    made = DeepImage(values=values, scale=scale, slope=-2, intercept=5, curve=curve)  # type: ignore[arg-type]
    means = values[0].astype(np.float64) * -2 + 5
    shares = {
        "exact": (means - 20) / 60 + 0.5,
        "linear": (means - 19.5) / 59 + 0.5,  # PS3.3 C.11.2.1.2.1
        "sigmoid": 1 / (1 + np.exp((-4 * (means - 20) / 60).clip(-20, 20))),  # PS3.3 C.11.2.1.3.1
    }[curve]
    expected = 255 * shares.clip(0, 1)
    assert np.abs(grey(made.shown(Window(20, 60)))[0] - expected).max() <= 0.51


def test_a_range_of_nothing_but_gaps_is_a_range() -> None:
    assert scale_of(np.full((4, 4), np.nan, np.float32)).windows[0].width > 0


def test_a_deep_tiff_whose_zero_is_white_is_shown_so() -> None:
    stream = io.BytesIO()
    Image.fromarray(RAMP).save(stream, "TIFF", tiffinfo={262: 0})
    for seen in (grey(open_image(stream.getvalue())), grey(deep(stream.getvalue()).shown())):
        assert (seen[0, 0], seen[-1, -1]) == (255, 0)
