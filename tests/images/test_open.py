from __future__ import annotations

import io
import os
import struct
import warnings
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFile

from cleaner.errors import ImageError
from cleaner.images.formats import SUFFIXES, is_candidate
from cleaner.images.open import Probe, open_image, probe, verify
from cleaner.images.thumbnails import rendition, thumbnail

ORIENTATION = 0x0112


def encoded(image: Image.Image, format_name: str, **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, format_name, **options)
    return out.getvalue()


def gradient(width_px: int = 32, height_px: int = 24) -> Image.Image:
    """Red grows to the right, green downwards: any turn or flip shows."""
    x = np.linspace(0, 255, width_px)[None, :].repeat(height_px, 0)
    y = np.linspace(0, 255, height_px)[:, None].repeat(width_px, 1)
    return Image.fromarray(np.stack([x, y, np.full_like(x, 90)], -1).astype(np.uint8))


def assert_like(image: Image.Image, wanted: Image.Image, *, tolerance: float = 6) -> None:
    assert image.mode == "RGB"
    assert image.size == wanted.size
    difference = np.abs(np.asarray(image, int) - np.asarray(wanted.convert("RGB"), int))
    assert difference.mean() < tolerance


@pytest.mark.parametrize(
    "format_name", ["JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF", "JPEG2000", "PPM", "AVIF", "HEIF"]
)
def test_every_format_opens_as_rgb(format_name: str) -> None:
    if format_name == "AVIF":
        pytest.importorskip("PIL.AvifImagePlugin")
    if format_name == "HEIF":
        pytest.importorskip("pillow_heif").register_heif_opener()
    data = encoded(gradient(), format_name)

    assert_like(open_image(data), gradient(), tolerance=12)
    assert probe(data).format == format_name
    assert (probe(data).width_px, probe(data).height_px) == (32, 24)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("format_name", ["JPEG", "PNG", "TIFF", "WEBP"])
def test_pictures_stand_upright(format_name: str, orientation: int) -> None:
    turns = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    stored = gradient().transpose(turns[orientation]) if orientation in turns else gradient()
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    data = encoded(stored, format_name, exif=exif)

    assert_like(open_image(data), gradient(), tolerance=12)
    assert_like(open_image(data, max_side_px=16), gradient(16, 12), tolerance=16)
    assert (probe(data).width_px, probe(data).height_px) == (32, 24)


def test_nothing_of_the_file_stays_with_the_picture() -> None:
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    data = encoded(gradient(), "JPEG", exif=exif, comment=b"secret")

    picture = open_image(data)

    assert picture.info == {}
    assert picture.getexif() == {}
    assert b"secret" not in thumbnail(data)


def test_sixteen_bit_grey_is_scaled_by_its_range_not_clipped() -> None:
    ramp = np.linspace(1000, 5000, 256).astype(np.uint16).reshape(16, 16)

    values = np.asarray(open_image(encoded(Image.fromarray(ramp), "PNG")))

    assert values[0, 0].tolist() == [0, 0, 0]
    assert values[-1, -1].tolist() == [255, 255, 255]
    assert np.abs(values[..., 0].ravel() - np.arange(256.0)).max() <= 1


def test_float_tiff_is_scaled_and_survives_infinities() -> None:
    ramp = np.linspace(-1, 3, 64, dtype=np.float32).reshape(8, 8)
    ramp[3, 3] = np.nan
    ramp[4, 4] = np.inf

    values = np.asarray(open_image(encoded(Image.fromarray(ramp), "TIFF")))

    assert values[0, 0, 0] == 0
    assert values[-1, -1, 0] == 255
    assert values[3, 3, 0] == values[4, 4, 0] == 0


def test_a_float_tiff_without_any_number_is_black() -> None:
    nothing = np.full((8, 8), np.nan, dtype=np.float32)

    assert open_image(encoded(Image.fromarray(nothing), "TIFF")).getextrema() == ((0, 0),) * 3


def test_extreme_float_values_do_not_overflow() -> None:
    values = np.full((8, 8), -3e38, dtype=np.float32)
    values[0, 0] = 3e38

    assert open_image(encoded(Image.fromarray(values), "TIFF")).getextrema() == ((0, 255),) * 3


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_transparency_comes_on_white(mode: str) -> None:
    image = Image.new(mode, (8, 8))

    assert open_image(encoded(image, "PNG")).getpixel((4, 4)) == (255, 255, 255)


def test_a_transparent_palette_colour_comes_on_white() -> None:
    image = Image.new("P", (8, 8), 1)
    image.putpalette([0, 0, 0, 200, 0, 0])
    image.putpixel((0, 0), 0)

    picture = open_image(encoded(image, "PNG", transparency=0))

    assert picture.getpixel((0, 0)) == (255, 255, 255)
    assert picture.getpixel((4, 4)) == (200, 0, 0)


@pytest.mark.parametrize(("mode", "transparency"), [("RGB", (0, 0, 0)), ("L", 0), ("1", 0)])
def test_a_transparent_colour_without_an_alpha_channel_comes_on_white(
    mode: str, transparency: object
) -> None:
    picture = open_image(encoded(Image.new(mode, (8, 8)), "PNG", transparency=transparency))

    assert picture.getpixel((4, 4)) == (255, 255, 255)


def test_cmyk_keeps_its_colours() -> None:
    data = encoded(gradient().convert("CMYK"), "JPEG")

    assert_like(open_image(data), gradient(), tolerance=12)


def test_of_a_phones_double_picture_the_first_is_shown_and_nothing_remarked_on(tmp_path: Path) -> None:
    path = tmp_path / "portrait.jpg"
    gradient().save(path, "MPO", save_all=True, append_images=[Image.new("RGB", (32, 24))])

    assert_like(open_image(path), gradient(), tolerance=12)
    assert verify(path) == Probe(width_px=32, height_px=24, format="MPO")


def test_of_an_animation_the_first_frame_is_shown() -> None:
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue")]
    data = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])

    assert open_image(data).getpixel((4, 4)) == (255, 0, 0)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty file"),
        (b"<!DOCTYPE html><html><body>404</body></html>", "not an image: HTML"),
        (b"\xef\xbb\xbf\n  <HTML>", "not an image: HTML"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "not an image that can be opened: SVG"),
        (b"<?xml version='1.0'?><svg/>", "not an image that can be opened: SVG"),
        (b"<?xml version='1.0'?><a/>", "not an image: XML"),
        (b'{"error": 404}', "not an image: JSON or other text"),
        (b"Not found\n", "not an image: text"),
        ("Größe 日本".encode(), "not an image: text"),
        (b"%PDF-1.4", "not an image: PDF"),
        (b"PK\x03\x04\x00", "not an image: a zip archive"),
        (b"%!PS-Adobe-3.0 EPSF-3.0", "not an image: PostScript"),
        (b"\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00", "not an image: a video"),
        (bytes(range(1, 64)), "not an image: data of an unknown kind"),
        (b"\x89PNG\r\n\x1a\n" + bytes(20), "damaged, or a kind of PNG that cannot be opened"),
        (b"\xff\xd8\xff\xe0" + bytes(4), "damaged, or a kind of JPEG that cannot be opened"),
    ],
)
def test_what_is_no_picture_is_refused_in_plain_words(data: bytes, reason: str) -> None:
    with pytest.raises(ImageError) as caught:
        open_image(data)

    assert str(caught.value) == reason
    assert probe(data) == verify(data) == Probe(problem=reason)


@pytest.mark.parametrize("format_name", ["JPEG", "PNG", "GIF", "WEBP", "BMP"])
@pytest.mark.parametrize("share", [0.5, 0.9])
def test_every_cut_file_is_named_and_nothing_but_image_errors_come(format_name: str, share: float) -> None:
    noise = Image.fromarray(np.random.default_rng(1).integers(0, 256, (48, 48, 3), dtype=np.uint8))
    whole = encoded(noise, format_name)
    cut = whole[: int(len(whole) * share)]

    assert verify(whole).problem is None
    assert verify(cut).problem is not None
    with pytest.raises(ImageError):
        open_image(cut, max_side_px=16)


def test_a_cut_jpeg_is_called_truncated() -> None:
    whole = encoded(gradient(), "JPEG")

    assert probe(whole[:-40]).problem is None
    assert verify(whole[:-40]).problem == "truncated: the file ends early"


@pytest.mark.parametrize("format_name", ["JPEG", "PNG", "GIF", "TIFF", "WEBP", "BMP", "JPEG2000", "PPM"])
def test_damaged_bytes_raise_image_errors_and_nothing_else(format_name: str) -> None:
    rng = np.random.default_rng(7)
    whole = encoded(gradient(), format_name)
    for _ in range(60):
        data = bytearray(whole)
        for at in rng.integers(0, len(data), 6):
            data[at] = rng.integers(0, 256)
        try:
            picture = open_image(bytes(data))
        except ImageError as exc:
            assert str(exc)
        else:
            assert picture.mode == "RGB"


def bomb(width_px: int, height_px: int) -> bytes:
    """A small PNG whose header promises many pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width_px, height_px, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", bytes(8)) + chunk(b"IEND", b"")


def test_a_decompression_bomb_is_refused_by_its_header() -> None:
    reason = "200 megapixels: larger than the limit of 178"

    assert probe(bomb(20_000, 10_000)).problem == reason
    with pytest.raises(ImageError, match="200 megapixels"):
        open_image(bomb(20_000, 10_000), max_side_px=100)


def test_a_bomb_is_refused_also_where_pillows_limit_is_lifted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", None)

    assert probe(bomb(20_000, 10_000)).problem == "200 megapixels: larger than the limit of 178"


def test_a_large_but_honest_picture_gives_no_warning() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert probe(bomb(10_000, 10_000)).width_px == 10_000  # Pillow alone warns beyond 89 megapixels


def test_pillows_settings_are_left_alone() -> None:
    limit = Image.MAX_IMAGE_PIXELS
    with pytest.raises(ImageError):
        open_image(encoded(gradient(), "JPEG")[:-40])

    assert ImageFile.LOAD_TRUNCATED_IMAGES is False
    assert limit == Image.MAX_IMAGE_PIXELS


def test_broken_exif_is_remarked_on_and_costs_nothing() -> None:
    plain = encoded(gradient(), "JPEG")
    rubbish = b"Exif\x00\x00II*\x00" + b"\xff" * 60
    data = plain[:2] + b"\xff\xe1" + struct.pack(">H", len(rubbish) + 2) + rubbish + plain[2:]

    assert_like(open_image(data), gradient(), tolerance=12)
    assert verify(data).notes == ("its EXIF data is damaged and was not used",)


@pytest.mark.parametrize("block", [b"", b"MM\0*\0\0\0\x08\0\0\0\0\0\0"])
def test_an_empty_exif_block_is_not_called_damaged(block: bytes) -> None:
    plain = encoded(gradient(), "JPEG")
    block = b"Exif\0\0" + block
    data = plain[:2] + b"\xff\xe1" + struct.pack(">H", len(block) + 2) + block + plain[2:]

    assert verify(data).notes == ()


def test_a_wrong_suffix_is_remarked_on(tmp_path: Path) -> None:
    path = tmp_path / "photo.PNG"
    path.write_bytes(encoded(gradient(), "JPEG"))

    assert probe(path).notes == ("named .png, but it is JPEG",)
    assert probe(path.rename(tmp_path / "photo.JPeG")).notes == ()


@pytest.mark.parametrize("format_name", ["JPEG", "PNG"])
def test_bytes_after_the_end_are_counted(format_name: str) -> None:
    whole = encoded(gradient(), format_name)

    assert verify(whole).notes == verify(whole + bytes(100)).notes == ()
    assert verify(whole + b"\xff\xd9" * 50).notes == (
        "100 bytes of something else after the end of the image",
    )


def test_a_thumbnail_inside_the_exif_is_not_taken_for_the_end() -> None:
    plain = encoded(gradient(), "JPEG")
    inner = b"Exif\x00\x00" + encoded(gradient(8, 8), "JPEG")
    data = plain[:2] + b"\xff\xe1" + struct.pack(">H", len(inner) + 2) + inner + plain[2:]

    assert not any("after the end" in note for note in verify(data).notes)


@pytest.mark.parametrize(
    ("size", "note"),
    [
        ((1, 1), "only 1 × 1 pixels"),
        ((300, 2), "very wide: 300 × 2 pixels"),
        ((2, 300), "very tall: 2 × 300 pixels"),
    ],
)
def test_odd_sizes_are_remarked_on(size: tuple[int, int], note: str) -> None:
    assert verify(encoded(gradient(*size), "PNG")).notes == (note,)


@pytest.mark.parametrize(
    ("colour", "note"), [((0, 0, 0), "all black"), ((120, 120, 121), "one colour only, no content")]
)
def test_pictures_without_content_are_remarked_on(colour: tuple[int, int, int], note: str) -> None:
    assert verify(encoded(Image.new("RGB", (20, 20), colour), "PNG")).notes == (note,)


def test_a_missing_file_and_a_folder_are_refused_in_words(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match=r"^there is no such file$"):
        open_image(tmp_path / "none.jpg")
    assert probe(tmp_path / "none.jpg").problem == "there is no such file"
    assert (verify(tmp_path).problem or "").startswith("cannot be read")


def test_a_file_that_may_not_be_read_is_refused_in_words(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(encoded(gradient(), "PNG"))
    path.chmod(0)
    if os.access(path, os.R_OK):
        pytest.skip("this user may read everything")

    assert probe(path).problem == "cannot be read: permission denied"


@pytest.mark.parametrize("size_px", [16, 64, 224])
def test_thumbnails_are_jpegs_of_the_size_asked_for_and_never_larger_than_the_picture(size_px: int) -> None:
    small = Image.open(io.BytesIO(thumbnail(encoded(gradient(400, 300), "JPEG"), size_px=size_px)))
    tiny = Image.open(io.BytesIO(thumbnail(encoded(gradient(), "JPEG"), size_px=size_px)))

    assert small.format == tiny.format == "JPEG"
    assert small.size == (size_px, size_px * 3 // 4)
    assert max(tiny.size) == min(size_px, 32)
    assert_like(small, gradient(400, 300).resize(small.size), tolerance=8)


def test_a_caller_that_scales_itself_gets_no_side_below_what_it_asked_for() -> None:
    picture = open_image(encoded(gradient(800, 400), "JPEG"), min_side_px=90)

    assert picture.size == (200, 100)
    assert open_image(encoded(gradient(), "JPEG"), min_side_px=90).size == (32, 24)


def test_a_rendition_is_at_most_as_large_as_asked() -> None:
    data = rendition(encoded(gradient(400, 300), "PNG"), max_side_px=200)

    assert Image.open(io.BytesIO(data)).size == (200, 150)


def test_a_needle_thin_picture_has_a_thumbnail() -> None:
    assert Image.open(io.BytesIO(thumbnail(encoded(gradient(3000, 2), "PNG")))).size == (224, 1)


def test_many_threads_open_odd_files_without_a_warning() -> None:
    exif = b"Exif\x00\x00II*\x00" + b"\xff" * 60
    plain = encoded(gradient(), "JPEG")
    broken = plain[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + plain[2:]
    with ThreadPoolExecutor(8) as pool:
        sizes = set(pool.map(lambda data: open_image(data).size, [broken, plain] * 100))

    assert sizes == {(32, 24)}


@pytest.mark.parametrize(
    ("name", "listed"),
    [
        ("a.jpg", True),
        ("A.JPEG", True),
        ("a.b.Tiff", True),
        ("-rf.jpg", True),
        ("a.jpg.txt", False),
        ("._a.jpg", False),
        (".hidden.jpg", False),
        ("Thumbs.db", False),
        (".DS_Store", False),
        ("a.csv", False),
    ],
)
def test_candidates_are_told_by_suffix(name: str, listed: bool) -> None:
    assert is_candidate(Path(name)) is listed


def test_hidden_files_are_candidates_when_asked_for() -> None:
    assert is_candidate(Path(".hidden.jpg"), hidden=True)
    assert not is_candidate(Path("._side.jpg"), hidden=True)


def test_files_without_a_suffix_are_told_by_their_first_bytes(tmp_path: Path) -> None:
    for format_name in ("JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF", "JPEG2000", "PPM"):
        (tmp_path / format_name).write_bytes(encoded(gradient(), format_name))
        assert is_candidate(tmp_path / format_name)
    (tmp_path / "README").write_text("BMW and other text")
    assert not is_candidate(tmp_path / "README")
    assert not is_candidate(tmp_path / "nothing")


def test_suffixes_are_small_and_have_a_dot() -> None:
    assert {".jpg", ".png", ".heic", ".tif"} <= SUFFIXES
    assert all(suffix == suffix.lower() and suffix[0] == "." for suffix in SUFFIXES)
