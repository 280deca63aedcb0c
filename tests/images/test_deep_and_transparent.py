"""Images of more than 8 bits a colour, hot pixels, and what is white on transparency."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from cleaner.images.deep import open_deep
from cleaner.images.open import open_image

Deep = npt.NDArray[np.uint16]


def png16(pixels: Deep) -> bytes:
    """Write a PNG of 16 bits a colour, which Pillow cannot."""
    height, width, bands = pixels.shape

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 16, {3: 2, 4: 6}[bands], 0, 0, 0)
    lines = b"".join(b"\0" + line.astype(">u2").tobytes() for line in pixels)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(lines)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def tiff16(pixels: Deep) -> bytes:
    """Write an uncompressed TIFF of 16 bits a colour."""
    height, width, bands = pixels.shape
    data = pixels.astype("<u2").tobytes()
    shorts = {256: width, 257: height, 259: 1, 262: 2, 277: bands, 278: height, 284: 1}
    entries = {tag: struct.pack("<HHIHH", tag, 3, 1, value, 0) for tag, value in shorts.items()}
    entries |= {273: struct.pack("<HHII", 273, 4, 1, 8), 279: struct.pack("<HHII", 279, 4, 1, len(data))}
    entries[258] = struct.pack("<HHII", 258, 3, bands, 8 + len(data))
    if bands == 4:
        entries[338] = struct.pack("<HHIHH", 338, 3, 1, 2, 0)
    body = data + struct.pack(f"<{bands}H", *[16] * bands)
    directory = struct.pack("<H", len(entries)) + b"".join(entries[tag] for tag in sorted(entries))
    return b"II*\0" + struct.pack("<I", 8 + len(body)) + body + directory + struct.pack("<I", 0)


def grey_tiff(values: npt.NDArray[Any]) -> bytes:
    """Write an uncompressed TIFF of one channel, with the kind of its numbers."""
    height, width = values.shape
    number = {"u": 1, "i": 2, "f": 3}[values.dtype.kind]
    shorts = {
        256: width,
        257: height,
        258: 8 * values.itemsize,
        259: 1,
        262: 1,
        277: 1,
        278: height,
        339: number,
    }
    entries = {tag: struct.pack("<HHIHH", tag, 3, 1, value, 0) for tag, value in shorts.items()}
    entries |= {273: struct.pack("<HHII", 273, 4, 1, 8), 279: struct.pack("<HHII", 279, 4, 1, values.nbytes)}
    directory = struct.pack("<H", len(entries)) + b"".join(entries[tag] for tag in sorted(entries))
    return b"II*\0" + struct.pack("<I", 8 + values.nbytes) + values.tobytes() + directory + bytes(4)


@pytest.mark.parametrize(
    ("dtype", "low", "high"),
    [("i1", -128, 127), ("<i2", -32768, 32767), ("<i4", -(2**31), 2**31 - 256), ("<u4", 0, 2**32 - 256)],
)
def test_grey_values_do_not_wrap_at_their_sign(dtype: str, low: int, high: int) -> None:
    values = np.linspace(low, high, 1024).reshape(32, 32).astype(dtype)
    data = grey_tiff(values)
    shown = np.asarray(open_image(data).convert("L")).astype(int).ravel()
    assert (shown[0], shown[-1]) == (0, 255)
    assert (np.diff(shown) >= 0).all()
    deep = open_deep(data)
    assert deep is not None
    np.testing.assert_allclose(deep.values, values, rtol=1e-6)


def ramp(bands: int, most: int) -> Deep:
    """Red grows to the right, green downwards, blue stays."""
    x = np.linspace(0, most, 64)[None, :].repeat(48, 0)
    y = np.linspace(0, most, 48)[:, None].repeat(64, 1)
    layers = [x, y, np.full_like(x, most / 2), np.full_like(x, 65535)]
    return np.stack(layers[:bands], -1).astype(np.uint16)


@pytest.mark.parametrize("bands", [3, 4])
@pytest.mark.parametrize("write", [png16, tiff16])
def test_twelve_bits_in_sixteen_are_stretched(write: Callable[[Deep], bytes], bands: int) -> None:
    deep = ramp(bands, 4095)
    seen = np.asarray(open_image(write(deep))).astype(float)
    assert np.abs(seen - deep[..., :3] * (255 / 4095)).max() <= 1


@pytest.mark.parametrize("write", [png16, tiff16])
def test_full_sixteen_bits_look_as_other_programs_show_them(write: Callable[[Deep], bytes]) -> None:
    deep = ramp(3, 60000)
    assert np.array_equal(np.asarray(open_image(write(deep))), deep >> 8)


def test_a_file_on_the_disk_is_stretched_as_bytes_are(tmp_path: Path) -> None:
    path = tmp_path / "deep.png"
    path.write_bytes(png16(ramp(3, 4095)))
    assert open_image(path).getextrema()[0] == (0, 255)


@pytest.mark.parametrize("hot", [65535, 0])
def test_a_single_hot_or_dead_pixel_does_not_set_the_range_of_colours(hot: int) -> None:
    deep = ramp(3, 3000) + 800
    deep[5, 5] = hot
    seen = np.asarray(open_image(png16(deep)))
    assert seen[-1, -1, :2].min() > 240
    assert seen[0, 0, :2].max() < 15


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_a_single_hot_pixel_does_not_set_the_range_of_grey(kind: str) -> None:
    grey = ramp(1, 1000)[..., 0] + 500
    values = grey if kind == "PNG" else grey.astype(np.float32)
    values[7, 7] = 60000
    stream = io.BytesIO()
    Image.fromarray(values).save(stream, kind)
    seen = np.asarray(open_image(stream.getvalue()))
    assert seen[0, -1, 0] > 240
    assert seen[0, 0, 0] < 15
    assert seen[7, 7, 0] == 255


def logo(colour: tuple[int, int, int]) -> bytes:
    picture = Image.new("RGBA", (64, 48), (0, 0, 0, 0))
    picture.paste((*colour, 255), (16, 12, 48, 36))
    stream = io.BytesIO()
    picture.save(stream, "PNG")
    return stream.getvalue()


def test_a_white_logo_on_transparency_is_seen() -> None:
    seen = np.asarray(open_image(logo((255, 255, 255))))
    assert (seen[12:36, 16:48] == 255).all()
    around = np.unique(np.concatenate([seen[:12].ravel(), seen[36:].ravel()]))
    assert len(around) == 2
    assert around.max() < 220


def test_other_transparent_images_stay_on_white() -> None:
    seen = np.asarray(open_image(logo((200, 30, 30))))
    assert (seen[:12] == 255).all()


def test_a_white_image_without_transparency_stays_white() -> None:
    stream = io.BytesIO()
    Image.new("RGBA", (32, 32), (255, 255, 255, 255)).save(stream, "PNG")
    assert open_image(stream.getvalue()).getextrema() == ((255, 255),) * 3


def test_nothing_visible_stays_white() -> None:
    stream = io.BytesIO()
    Image.new("RGBA", (32, 32), (255, 255, 255, 0)).save(stream, "PNG")
    assert open_image(stream.getvalue()).getextrema() == ((255, 255),) * 3
