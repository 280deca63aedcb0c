"""PNG files with sound pixels can be used whatever their metadata is; TIFF files say what kind they are."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path

import pytest
from PIL import Image, PngImagePlugin

from cleaner.collect.verify import verify_folder
from cleaner.errors import ImageError
from cleaner.images.open import open_image, probe, verify
from cleaner.images.thumbnails import thumbnail

NOTE = "its metadata is damaged or too large, and was not used"


def png(mode: str = "RGB") -> bytes:
    out = io.BytesIO()
    Image.linear_gradient("L").resize((40, 30)).convert(mode).save(out, "PNG")
    return out.getvalue()


def chunk(kind: bytes, data: bytes, *, crc: int | None = None) -> bytes:
    check = zlib.crc32(kind + data) if crc is None else crc
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", check)


def with_chunk(added: bytes, *, after_pixels: bool = False, mode: str = "RGB") -> bytes:
    data = png(mode)
    at = data.index(b"IEND" if after_pixels else b"IDAT") - 4
    return data[:at] + added + data[at:]


BOMB = zlib.compress(bytes(80_000_000))
METADATA = {
    "text that unpacks to 80 MB": chunk(b"zTXt", b"comment\0\0" + BOMB),
    "international text that does": chunk(b"iTXt", b"comment\0\1\0\0\0" + BOMB),
    "profile that does": chunk(b"iCCP", b"icc\0\0" + BOMB),
    "a damaged profile": chunk(b"iCCP", b"icc\0\0nonsense"),
    "a profile of an unknown compression": chunk(b"iCCP", b"icc\0\x07" + zlib.compress(b"x")),
    "many large texts": chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(1_000_000))) * 80,
    "text with a wrong checksum": chunk(b"tEXt", b"a\0b", crc=1),
    "an unknown chunk with one": chunk(b"prVt", b"abc", crc=1),
    "resolution cut short": chunk(b"pHYs", b"\0\0"),
    "text of an unknown compression": chunk(b"zTXt", b"a\0\x09abc"),
    "damaged EXIF": chunk(b"eXIf", b"MM\0*\xff\xff", crc=1),
    "an animation's control cut short": chunk(b"acTL", b"\0"),
}


@pytest.mark.parametrize("added", METADATA.values(), ids=METADATA.keys())
@pytest.mark.parametrize("after_pixels", [False, True])
def test_sound_pixels_can_be_used_whatever_the_metadata_is(added: bytes, after_pixels: bool) -> None:
    data = with_chunk(added, after_pixels=after_pixels)
    assert open_image(data).tobytes() == open_image(png()).tobytes()
    assert thumbnail(data, size_px=16) == thumbnail(png(), size_px=16)
    found = verify(data)
    assert found.problem is None
    assert (found.width_px, found.height_px, found.format) == (40, 30, "PNG")
    assert set(found.notes) <= {NOTE, "its EXIF data is damaged and was not used"}


def test_what_was_not_used_is_remarked_on(tmp_path: Path) -> None:
    (tmp_path / "before.png").write_bytes(with_chunk(METADATA["text with a wrong checksum"]))
    (tmp_path / "after.png").write_bytes(
        with_chunk(METADATA["text that unpacks to 80 MB"], after_pixels=True)
    )
    (tmp_path / "fine.png").write_bytes(with_chunk(chunk(b"tEXt", b"a\0b")))
    report = verify_folder(tmp_path)
    assert {each.name: (each.verdict, each.reason) for each in report.verdicts} == {
        "after.png": ("note", NOTE),
        "before.png": ("note", NOTE),
        "fine.png": ("good", ""),
    }
    assert probe(tmp_path / "before.png").notes == (NOTE,)


def test_transparency_and_orientation_stay() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    turned = chunk(b"eXIf", exif.tobytes().removeprefix(b"Exif\0\0"))
    seen_through = chunk(b"tRNS", struct.pack(">HHH", 0, 0, 0))
    data = with_chunk(seen_through + turned + METADATA["text with a wrong checksum"])
    picture = open_image(data)
    assert picture.size == (30, 40)
    assert verify(data).width_px == 30
    assert picture.tobytes() == open_image(with_chunk(seen_through + turned)).tobytes()


@pytest.mark.parametrize("damage", [METADATA["text with a wrong checksum"], METADATA["a damaged profile"]])
def test_damaged_pixels_are_still_refused(damage: bytes) -> None:
    data = with_chunk(damage)
    at = data.index(b"IDAT")
    with pytest.raises(ImageError):
        open_image(data[: at + 20])
    assert verify(data[: at + 20]).problem is not None
    broken = data[: at + 30] + bytes(10) + data[at + 40 :]
    assert verify(broken).problem is not None


# ---------------------------------------------------------------- TIFF


def tiff(
    bits: int = 8,
    channels: int = 1,
    *,
    compression: int = 1,
    colours: int = 1,
    number: int = 1,
    planes: int = 1,
    tiles: bool = False,
    order: str = "<",
) -> bytes:
    """Eight by eight pixels, described by the tags alone."""
    tags: dict[int, int] = {256: 8, 257: 8, 258: bits, 259: compression, 262: colours}
    tags |= {277: channels, 284: planes, 339: number}
    tags |= {322: 16, 323: 16, 324: 8, 325: 1} if tiles else {273: 8, 278: 8, 279: 1}
    entries = b"".join(struct.pack(f"{order}HHII", tag, 4, 1, value) for tag, value in sorted(tags.items()))
    head = struct.pack(f"{order}2sHI", b"II" if order == "<" else b"MM", 42, 8)
    return head + struct.pack(f"{order}H", len(tags)) + entries + bytes(4 + 8 * 8 * channels * bits // 8)


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (tiff(32, 3, number=3, colours=2), "3 channels of 32-bit floating-point values, uncompressed"),
        (tiff(8, 5, colours=2), "5 channels of 8-bit integer values, uncompressed"),
        (tiff(10), "1 channel of 10-bit integer values, uncompressed"),
        (tiff(10, order=">"), "1 channel of 10-bit integer values, uncompressed"),
        (tiff(64, number=5), "1 channel of 64-bit complex values, uncompressed"),
        (tiff(compression=34887), "1 channel of 8-bit integer values, LERC compression"),
        (tiff(compression=50002), "1 channel of 8-bit integer values, JPEG XL compression"),
        (tiff(compression=65123), "1 channel of 8-bit integer values, compression 65123, which is unknown"),
        (tiff(16, colours=32803), "1 channel of 16-bit integer values, uncompressed, raw camera colours"),
        (
            tiff(32, 4, planes=2, tiles=True, compression=5),
            "4 channels of 32-bit integer values, LZW compression, channels in separate planes, in tiles",
        ),
    ],
)
def test_a_tiff_that_cannot_be_opened_says_of_what_kind_it_is(data: bytes, kind: str) -> None:
    with pytest.raises(ImageError) as caught:
        open_image(data)
    assert str(caught.value) == (
        f"a kind of TIFF that cannot be opened ({kind}); save it as 8-bit or 16-bit TIFF, or as PNG"
    )
    assert probe(data).problem == str(caught.value)


def test_a_tiff_without_tags_is_called_damaged() -> None:
    for data in (b"II*\0", b"II*\0\x08\0\0\0", b"MM\0+" + bytes(20), b"II*\0\xff\xff\xff\xff" + bytes(9)):
        with pytest.raises(ImageError, match=r"^damaged"):
            open_image(data)


def test_a_png_without_its_end_is_used_and_remarked() -> None:
    found = verify(png()[:-12], suffix=".png")
    assert found.problem is None
    assert found.notes == ("the end of the file is missing, but all of its pixels are there",)


@pytest.mark.parametrize("late", [False, True])
def test_an_orientation_counts_before_and_behind_the_pixels(late: bool) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    data = with_chunk(chunk(b"eXIf", exif.tobytes().removeprefix(b"Exif\0\0")), after_pixels=late)
    found = probe(data, suffix=".png")
    assert (found.width_px, found.height_px, found.notes) == (30, 40, ())
    assert open_image(data).size == (30, 40)


def test_the_header_of_a_png_is_read_without_its_pixels(monkeypatch: pytest.MonkeyPatch) -> None:
    def load(_image: Image.Image) -> None:
        raise AssertionError("the pixels were decoded")

    monkeypatch.setattr(PngImagePlugin.PngImageFile, "load", load)
    assert probe(png(), suffix=".png").width_px == 40
