"""Small grey pictures and measures of every content, and the scores of picture problems."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image, ImageFilter

from cleaner.dataset.catalog import Catalog
from cleaner.dataset.file_index import FileIndex
from cleaner.errors import Cancelled, CatalogError, RankingError, StoreError
from cleaner.quality import pixels as pixels_module
from cleaner.quality.pixels import GREY_SIDE_PX, MEASURES, Pixels, blur_effect, measure, read_pixels
from cleaner.quality.problems import (
    PROBLEMS,
    THRESHOLDS,
    Quality,
    grey_among_colour,
    odd_aspect_ratio,
    odd_size,
    quality,
)
from cleaner.util.progress import Reporter, Stage


def photo(seed: int = 0, *, size: tuple[int, int] = (120, 90)) -> Image.Image:
    """Draw a picture with soft and hard parts in many colours."""
    rng = np.random.default_rng(seed)
    soft = Image.fromarray(rng.integers(0, 256, (6, 8, 3), dtype=np.uint8)).resize(size)
    pixels = np.asarray(soft).astype(np.int16)
    hard = np.kron(rng.integers(-90, 91, (size[1] // 6, size[0] // 6, 1)), np.ones((6, 6, 1), dtype=np.int64))
    pixels[: hard.shape[0], : hard.shape[1]] += hard.astype(np.int16)
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


@pytest.fixture
def see(tmp_path: Path) -> Callable[..., Pixels]:
    """Return the function that looks at the pictures below ``root``."""

    def look(root: Path, reporter: Reporter | None = None) -> Pixels:
        index = FileIndex(tmp_path / "index.db")
        try:
            catalog = Catalog.from_folder(root)
            return read_pixels(
                catalog, index=index, db=tmp_path / "pixels.db", reporter=reporter or Reporter()
            )
        finally:
            index.close()

    return look


# ---------------------------------------------------------------- looking


def test_every_content_is_looked_at_once(tmp_path: Path, see: Callable[..., Pixels]) -> None:
    root = tmp_path / "set" / "a"
    root.mkdir(parents=True)
    photo(1).save(root / "one.png")
    (root / "copy.png").write_bytes((root / "one.png").read_bytes())
    photo(2, size=(50, 100)).save(root / "two.png")
    seen = see(root.parent)
    assert seen.names == ["a/copy.png", "a/one.png", "a/two.png"]
    assert seen.hashes[0] == seen.hashes[1] != seen.hashes[2]
    assert len(seen.contents) == 2
    assert seen.grey.shape == (2, GREY_SIDE_PX, GREY_SIDE_PX) and seen.grey.dtype == np.uint8
    assert seen.widths.tolist() == [120, 120, 50] and seen.heights.tolist() == [90, 90, 100]
    assert set(seen.measures) == set(MEASURES)
    assert [seen.contents[row] for row in seen.rows] == seen.hashes


def test_a_second_look_opens_no_picture(
    colour_set: Path, see: Callable[..., Pixels], monkeypatch: pytest.MonkeyPatch
) -> None:
    first = see(colour_set)

    def never(*args: object, **more: object) -> Image.Image:
        pytest.fail("opened a picture again")

    monkeypatch.setattr(pixels_module, "open_image", never)
    second = see(colour_set)
    np.testing.assert_array_equal(first.grey, second.grey)
    for name in MEASURES:
        np.testing.assert_array_equal(first.measures[name], second.measures[name])


def test_a_look_that_was_stopped_goes_on(
    colour_set: Path, see: Callable[..., Pixels], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pixels_module, "_BATCH", 10)

    class StopAfterOne(Reporter):
        done = 0

        def __call__(self, stage: str, done: int, total: int, **values: float) -> None:
            if stage == Stage.PIXELS:
                self.done, self.total = done, total

        def should_stop(self) -> bool:
            return self.done > 0

    with pytest.raises(Cancelled):
        see(colour_set, StopAfterOne())
    again = StopAfterOne()
    again.should_stop = lambda: False  # type: ignore[method-assign]
    assert len(see(colour_set, again).contents) == 24
    assert again.total == 14


def test_files_that_cannot_be_used_are_named_with_the_reason(
    colour_set: Path, see: Callable[..., Pixels]
) -> None:
    bad = colour_set / "red" / "early_end.jpg"
    photo().save(bad, quality=95)
    bad.write_bytes(bad.read_bytes()[:1500])
    twin = bad.with_name("twin.jpg")
    twin.write_bytes(bad.read_bytes())
    seen = see(colour_set)
    assert set(seen.problems) == {"red/early_end.jpg", "red/twin.jpg"}
    assert all("truncated" in reason for reason in seen.problems.values())
    assert len(seen.names) == 24
    assert see(colour_set).problems == seen.problems


def test_a_file_that_changes_meanwhile_is_looked_at_next_time(
    colour_set: Path, see: Callable[..., Pixels], monkeypatch: pytest.MonkeyPatch
) -> None:
    name = "red/red_000.png"
    scan = FileIndex.scan

    def scan_then_change(self: FileIndex, *args: object, **more: object) -> None:
        scan(self, *args, **more)  # type: ignore[arg-type]
        photo(5).save(colour_set / name)

    monkeypatch.setattr(FileIndex, "scan", scan_then_change)
    assert see(colour_set).problems == {name: "changed while it was being read; open the data set again"}
    monkeypatch.setattr(FileIndex, "scan", scan)
    seen = see(colour_set)
    assert seen.problems == {} and name in seen.names


def test_a_damaged_cache_is_made_anew(colour_set: Path, see: Callable[..., Pixels], tmp_path: Path) -> None:
    (tmp_path / "pixels.db").write_bytes(b"no database at all, but long enough to be looked at" * 40)
    assert len(see(colour_set).names) == 24
    with sqlite3.connect(tmp_path / "pixels.db") as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    assert len(see(colour_set).names) == 24


def test_a_cache_that_cannot_be_made_is_an_error_of_ours(colour_set: Path, tmp_path: Path) -> None:
    index = FileIndex(tmp_path / "index.db")
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(StoreError, match="This file can be deleted; it is made again when needed"):
        read_pixels(Catalog.from_folder(colour_set), index=index, db=tmp_path / "file" / "pixels.db")
    index.close()


def test_a_catalog_without_a_folder_is_refused(tmp_path: Path) -> None:
    index = FileIndex(tmp_path / "index.db")
    catalog = Catalog(pd.DataFrame({"name": ["a.png"], "label": ["a"]}))
    with pytest.raises(CatalogError) as caught:
        read_pixels(catalog, index=index, db=tmp_path / "pixels.db")
    assert str(caught.value) == (
        "This catalog has no root, so its images cannot be read. Make it with root=."
    )
    index.close()


# ---------------------------------------------------------------- measures


def test_blur_grows_with_blurring_and_not_with_brightness() -> None:
    sharp = photo(3)
    blurs = [measure(sharp.filter(ImageFilter.GaussianBlur(r)))["blur"] for r in (0, 1, 2, 4)]
    assert blurs == sorted(blurs) and blurs[0] < 0.4 < 0.7 < blurs[2]
    darker = sharp.point([value // 2 for value in range(256)] * 3)
    assert measure(darker)["blur"] == pytest.approx(blurs[0], abs=0.02)


def test_blur_in_one_direction_is_blur() -> None:
    rng = np.random.default_rng(0)
    across = np.repeat(rng.integers(0, 256, (80, 10)), 8, axis=1).astype(np.float32)
    streaks = np.apply_along_axis(lambda line: np.convolve(line, np.ones(9) / 9, mode="same"), 1, across)
    assert blur_effect(streaks.astype(np.float32)) > blur_effect(across) + 0.3
    assert blur_effect(streaks.T.astype(np.float32)) == pytest.approx(
        blur_effect(streaks.astype(np.float32)), abs=1e-5
    )


@pytest.mark.parametrize("shape", [(40, 60), (1, 50), (50, 1), (1, 1)])
def test_a_picture_without_differences_is_blurred_and_empty(shape: tuple[int, int]) -> None:
    plain = measure(Image.new("RGB", shape, (90, 90, 90)))
    assert plain["blur"] == 1.0
    assert plain["entropy_bits"] == 0.0
    assert plain["highlight"] == plain["shadow"] == pytest.approx(90 / 255)


def test_red_is_not_dark_and_yellow_not_washed_out() -> None:
    assert measure(Image.new("RGB", (20, 20), (255, 0, 0)))["highlight"] == 1.0
    assert measure(Image.new("RGB", (20, 20), (255, 255, 0)))["shadow"] == 0.0


def test_one_lamp_is_enough_not_to_be_dark() -> None:
    night = np.zeros((50, 50, 3), dtype=np.uint8)
    assert measure(Image.fromarray(night))["highlight"] == 0
    night[:6, :6] = 240
    assert measure(Image.fromarray(night))["highlight"] > 0.9


def test_entropy_counts_what_can_be_told_apart() -> None:
    halves = np.zeros((16, 16, 3), dtype=np.uint8)
    halves[:8] = 200
    assert measure(Image.fromarray(halves))["entropy_bits"] == pytest.approx(1.0)
    ramp = np.repeat(np.arange(256, dtype=np.uint8).reshape(16, 16, 1), 3, axis=2)
    assert measure(Image.fromarray(ramp))["entropy_bits"] == pytest.approx(8.0)


# ---------------------------------------------------------------- scores


def test_every_problem_is_found_in_its_picture(tmp_path: Path, see: Callable[..., Pixels]) -> None:
    root = tmp_path / "set"
    root.mkdir()
    for k in range(12):
        photo(k).save(root / f"good{k:02d}.png")
    photo(20).point([value // 8 for value in range(256)] * 3).save(root / "dark.png")
    photo(21).point([220 + value // 8 for value in range(256)] * 3).save(root / "bright.png")
    photo(22).filter(ImageFilter.GaussianBlur(4)).save(root / "blurry.png")
    Image.new("RGB", (120, 90), (200, 60, 60)).save(root / "low_information.png")
    photo(24, size=(600, 60)).save(root / "odd_aspect_ratio.png")
    photo(25, size=(12, 12)).resize((16, 12)).save(root / "odd_size.png")
    photo(26).convert("L").save(root / "grey.png")
    found = quality(see(root))
    for problem in PROBLEMS:
        assert found.flagged(problem, threshold=0.0)[0] in (f"{problem}.png", "low_information.png")
        assert f"{problem}.png" in found.flagged(problem)
        assert not [name for name in found.flagged(problem) if name.startswith("good")]
    assert found.table[list(PROBLEMS)].to_numpy().min() >= 0
    assert found.table[list(PROBLEMS)].to_numpy().max() <= 1
    assert found.counts()["grey"] == 1
    worst = found.worst()
    assert set(worst["problem"]) == set(PROBLEMS)
    assert not worst["name"].str.startswith("good").any()


def test_sizes_and_shapes_are_judged_by_those_of_the_set() -> None:
    widths, heights = np.array([100, 100, 100, 100, 400]), np.array([100, 100, 100, 100, 400])
    assert odd_size(widths, heights).tolist() == pytest.approx([0, 0, 0, 0, 0.75])
    mixed = np.array([10, 40, 160, 640, 2560])  # a set of all sizes: none of them is odd
    assert odd_size(mixed, mixed).max() < THRESHOLDS["odd_size"]
    tall, wide = np.array([100, 100, 200, 100]), np.array([200, 200, 100, 100])
    assert odd_aspect_ratio(tall, wide).tolist() == pytest.approx([0, 0, 0, 0.5])


def test_grey_is_odd_only_among_colours() -> None:
    assert grey_among_colour(np.array([0.0, 0.5, 0.5, 0.5]))[0] == pytest.approx(0.75)
    assert grey_among_colour(np.zeros(5)).tolist() == [0] * 5


def test_what_most_pictures_have_is_no_problem() -> None:
    columns = {problem: np.linspace(0.1, 0.2, 40) for problem in PROBLEMS}
    columns["dark"] = np.concatenate([np.linspace(0.8, 0.85, 39), [0.99]])
    columns["bright"] = np.concatenate([np.zeros(37), [0.8, 0.8, 0.8]])
    night = Quality(pd.DataFrame({"name": [f"{k:02d}" for k in range(40)], **columns}))
    assert night.flagged("dark") == ["39"]
    assert night.counts()["dark"] == 1
    assert night.counts()["bright"] == 3
    assert 0.85 < night.thresholds["dark"] < 0.99
    assert {**night.thresholds, "dark": THRESHOLDS["dark"]} == dict(THRESHOLDS)


def test_an_empty_set_has_no_scores() -> None:
    none = np.zeros(0, dtype=np.int64)
    empty = Pixels(
        names=[],
        hashes=[],
        widths=none,
        heights=none,
        contents=[],
        grey=np.zeros((0, 64, 64), dtype=np.uint8),
        measures={name: np.zeros(0, dtype=np.float32) for name in MEASURES},
    )
    found = quality(empty)
    assert len(found) == 0
    assert found.counts() == dict.fromkeys(PROBLEMS, 0)
    assert found.worst().empty


@pytest.fixture
def scored() -> Quality:
    columns = {problem: [0.1, 0.7, 0.7, 1.0] for problem in PROBLEMS}
    return Quality(pd.DataFrame({"name": ["a", "b", "NA", "d"], **columns}))


def test_the_order_is_worst_first_and_stable(scored: Quality) -> None:
    assert scored.flagged("dark", threshold=0.7) == ["d", "b", "NA"]
    assert scored.flagged("dark", threshold=0.0) == ["d", "b", "NA", "a"]


@pytest.mark.parametrize("ask", ["scores", "flagged"])
def test_an_unknown_problem_is_refused(scored: Quality, ask: str) -> None:
    with pytest.raises(RankingError) as caught:
        getattr(scored, ask)("ugly")
    assert str(caught.value) == (
        "Got the image problem 'ugly'; expected one of dark, bright, blurry, low_information, "
        "odd_aspect_ratio, odd_size, grey."
    )


def test_scores_are_read_as_they_were_saved(scored: Quality, tmp_path: Path) -> None:
    again = Quality.load(scored.save(tmp_path / "deep" / "quality.csv"))
    pd.testing.assert_frame_equal(again.table, scored.table)
    with pytest.raises(RankingError, match="Look for poor images again"):
        Quality.load(tmp_path / "absent.csv")
    (tmp_path / "other.csv").write_text("name,dark\na,1\n")
    with pytest.raises(RankingError, match="Look for poor images again"):
        Quality.load(tmp_path / "other.csv")
