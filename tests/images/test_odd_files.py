from __future__ import annotations

import csv
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cleaner.images.formats import is_candidate
from cleaner.images.open import open_image, verify
from cleaner.images.thumbnails import rendition, thumbnail
from cleaner.workspace import Workspace

pytestmark = pytest.mark.data

REASONS = {
    "truncated_half.jpg": "truncated: the file ends early",
    "truncated_last_bytes.jpg": "truncated: the file ends early",
    "html_saved_as.jpg": "not an image: HTML",
    "zero_bytes.jpg": "empty file",
    "text_as.png": "not an image: text",
    "huge_dimensions.png": "200 megapixels: larger than the limit of 178",
}
REMARKS = {
    "broken_exif.jpg": "its EXIF data is damaged and was not used",
    "jpeg_inside.png": "named .png, but it is JPEG",
    "png_inside.jpg": "named .jpg, but it is PNG",
    "trailing_garbage.jpg": "1004 bytes of something else after the end of the image",
    "one_pixel.png": "only 1 × 1 pixels",
    "very_wide.jpg": "very wide: 3000 × 2 pixels",
    "all_black.jpg": "all black",
}


@pytest.fixture
def odd(data_dir: Path, tmp_path: Path) -> Path:
    with zipfile.ZipFile(data_dir / "odd" / "odd.zip") as packed:
        packed.extractall(tmp_path / "odd")
    return tmp_path / "odd"


@pytest.fixture
def verdicts(data_dir: Path) -> list[dict[str, str]]:
    with (data_dir / "odd" / "odd.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.fixture
def originals(data_dir: Path) -> zipfile.ZipFile:
    return zipfile.ZipFile(data_dir / "clothing" / "images.zip")


def names_with(verdicts: list[dict[str, str]], *wanted: str) -> set[str]:
    return {row["name"] for row in verdicts if row["verdict"] in wanted}


def test_the_folder_opens_and_names_what_cannot_be_used(odd: Path, verdicts: list[dict[str, str]]) -> None:
    with Workspace(odd) as workspace:
        assert len(workspace.catalog) > 30  # by header alone; the two truncated ones are found by decoding
        catalog = workspace.scan(decode=True)

        assert dict(zip(catalog.left_out["name"], catalog.left_out["reason"], strict=True)) == REASONS
        assert set(REASONS) == names_with(verdicts, "bad")
        assert set(catalog.names) == names_with(verdicts, "good", "note")
        assert set(catalog.splits) == {"train", "valid"}


def test_files_to_be_ignored_are_no_candidates(odd: Path, verdicts: list[dict[str, str]]) -> None:
    assert {row["name"] for row in verdicts if not is_candidate(odd / row["name"])} == names_with(
        verdicts, "ignore"
    )
    with Workspace(odd, hidden=True) as workspace:
        assert ".hidden.jpg" in set(workspace.catalog.names)


def test_odd_but_usable_files_are_remarked_on_and_good_ones_are_not(
    odd: Path, verdicts: list[dict[str, str]]
) -> None:
    with Workspace(odd) as workspace:
        workspace.scan(decode=True)
        remarks = workspace.remarks()

    found = dict(zip(remarks["name"], remarks["remark"], strict=True))
    assert found == REMARKS
    assert set(REMARKS) == names_with(verdicts, "note") - {"garbled_middle.jpg"}


def test_what_an_embedding_finds_broken_is_left_out_after_a_refresh(odd: Path) -> None:
    with Workspace(odd) as workspace:
        assert "truncated_half.jpg" in set(workspace.catalog.names)
        workspace.index.set_problems({"truncated_half.jpg": "truncated: the file ends early"})

        assert "truncated_half.jpg" not in set(workspace.refresh().names)


def test_good_files_are_shown_upright_and_in_the_right_tones(
    odd: Path, verdicts: list[dict[str, str]], originals: zipfile.ZipFile
) -> None:
    checked = 0
    for row in verdicts:
        if row["verdict"] != "good" or not row["made_from"]:
            continue
        shown = open_image(odd / row["name"])
        original = open_image(originals.read(row["made_from"]))
        assert shown.width * original.height == pytest.approx(shown.height * original.width, rel=0.02)
        values = np.asarray(shown.resize((24, 24)).convert("L"), float)
        wanted = np.asarray(original.resize((24, 24)).convert("L"), float)
        if row["name"] == "alpha.png":  # its border is transparent: only the middle can be compared
            values, wanted = values[8:16, 8:16], wanted[8:16, 8:16]
        tolerance = 45 if row["name"] == "one_bit.png" else 20
        assert np.abs(values - wanted).mean() < tolerance, row["name"]
        checked += 1
    assert checked == len(names_with(verdicts, "good")) - 1  # large_photo.jpg was made from nothing


def test_every_usable_file_has_thumbnail_and_rendition(odd: Path, verdicts: list[dict[str, str]]) -> None:
    for name in names_with(verdicts, "good", "note"):
        for data in (thumbnail(odd / name), rendition(odd / name)):
            assert data[:3] == b"\xff\xd8\xff"


def test_the_transparent_border_is_white(odd: Path) -> None:
    assert open_image(odd / "alpha.png").getpixel((0, 0)) == (255, 255, 255)


def test_a_large_photo_is_decoded_at_a_fraction_of_its_size(odd: Path) -> None:
    with Image.open(odd / "large_photo.jpg") as photo:
        assert photo.size == (4000, 5300)
    assert max(open_image(odd / "large_photo.jpg", max_side_px=224).size) == 224
    assert verify(odd / "large_photo.jpg").problem is None
