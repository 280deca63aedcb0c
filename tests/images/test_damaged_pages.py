"""Files that are damaged behind what is used of them."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from cleaner.images.open import open_image, probe, verify


def test_damaged_pages_behind_the_first_one_do_not_matter() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (24, 32, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, format="TIFF")
    data = bytearray(file.getvalue())
    entries = int.from_bytes(data[4:8], "little")
    at = entries + 2 + 12 * int.from_bytes(data[entries : entries + 2], "little")
    data[at : at + 4] = (8 if entries != 8 else 12).to_bytes(4, "little")  # a second page that is none
    damaged = bytes(data)
    assert probe(damaged).problem is None
    assert verify(damaged).problem is None
    assert np.array_equal(open_image(damaged), pixels)
