"""Duplicates: candidates, matching, groups, leaks, folds."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from itertools import combinations
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageEnhance, ImageOps

from cleaner.dataset.catalog import Catalog
from cleaner.duplicates.alignment import SAME, match
from cleaner.duplicates.groups import LOOK_ALIKE, Similar, partition, stars
from cleaner.duplicates.pairs import find_similar, perceptual
from cleaner.errors import Cancelled, RankingError
from cleaner.quality.pixels import GREY_SIDE_PX, Pixels
from cleaner.ranking.features import unit_length
from cleaner.ranking.folds import components
from cleaner.ranking.neighbours import nearest_pairs
from cleaner.util.progress import Reporter


def scene(seed: int, *, width: int = 160, height: int = 120) -> Image.Image:
    """Draw a picture of its own: soft hills of light with a few hard things on them."""
    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.integers(40, 216, (5, 6, 3), dtype=np.uint8))
    pixels = np.asarray(coarse.resize((width, height), Image.Resampling.BICUBIC)).copy()
    for _ in range(12):
        x, y = rng.integers(0, width - 20), rng.integers(0, height - 20)
        w, h = rng.integers(6, 30, 2)
        pixels[y : y + h, x : x + w] = rng.integers(0, 256, 3)
    return Image.fromarray(pixels)


def jpeg(picture: Image.Image, quality: int = 85) -> Image.Image:
    data = io.BytesIO()
    picture.save(data, "JPEG", quality=quality)
    return Image.open(io.BytesIO(data.getvalue())).convert("RGB")


def cropped(picture: Image.Image, share: float) -> Image.Image:
    x, y = picture.width * share, picture.height * share
    return picture.crop((round(x), round(1.5 * y), round(picture.width - 1.2 * x), round(picture.height - y)))


EDITS: dict[str, Callable[[Image.Image], Image.Image]] = {
    "re-encoded": lambda p: jpeg(p, 40),
    "resized": lambda p: jpeg(p.resize((p.width * 3 // 4, p.height * 3 // 4))),
    "cropped": lambda p: jpeg(cropped(p, 0.05)),
    "much cropped": lambda p: jpeg(cropped(p, 0.12)),
    "one side cropped": lambda p: jpeg(p.crop((0, 0, round(0.75 * p.width), p.height))),
    "corner": lambda p: jpeg(p.crop((p.width // 4, p.height // 4, p.width, p.height))),
    "darker": lambda p: jpeg(ImageEnhance.Brightness(p).enhance(0.6)),
    "grey": lambda p: jpeg(p.convert("L").convert("RGB")),
}


def grey(picture: Image.Image) -> np.ndarray:
    side = (GREY_SIDE_PX, GREY_SIDE_PX)
    return np.asarray(picture.convert("L").resize(side, Image.Resampling.BILINEAR))


def pixels_of(pictures: dict[str, Image.Image], *, same: dict[str, str] | None = None) -> Pixels:
    """Make what `read_pixels` would; ``same`` names the file of which a file is an exact copy."""
    hashes = {name: f"{k:064x}" for k, name in enumerate(pictures)}
    for copy, original in (same or {}).items():
        hashes[copy] = hashes[original]
    contents = sorted(set(hashes.values()))
    first = {digest: name for name, digest in reversed(hashes.items())}
    return Pixels(
        names=sorted(pictures),
        hashes=[hashes[name] for name in sorted(pictures)],
        widths=np.array([pictures[name].width for name in sorted(pictures)]),
        heights=np.array([pictures[name].height for name in sorted(pictures)]),
        contents=contents,
        grey=np.stack([grey(pictures[first[digest]]) for digest in contents]),
        measures={},
    )


def catalog_of(
    names: list[str], *, labels: dict[str, str] | None = None, splits: dict[str, str] | None = None
) -> Catalog:
    table = pd.DataFrame({"name": names})
    table["label"] = [(labels or {}).get(name, "a") for name in names]
    table["split"] = [(splits or {}).get(name, "train") for name in names]
    return Catalog(table)


def find(
    pictures: dict[str, Image.Image], *, same: dict[str, str] | None = None, **columns: dict[str, str]
) -> Similar:
    return find_similar(catalog_of(sorted(pictures), **columns), pixels_of(pictures, same=same))


def groups_of(table: pd.DataFrame) -> list[set[str]]:
    return [set(names) for _, names in table.groupby("group")["name"]]


def hand_made(
    pairs: dict[tuple[str, str], float],
    *,
    names: str = "abcdef",
    splits: dict[str, str] | None = None,
    exact: str = "",
) -> Similar:
    """Make a `Similar` from similarities; the names in ``exact`` are copies of one file."""
    contents = [names.index(exact[0]) if name in exact else k for k, name in enumerate(names)]
    keys = sorted((contents[names.index(a)], contents[names.index(b)]) for a, b in pairs)
    values = {
        tuple(sorted((contents[names.index(a)], contents[names.index(b)]))): s for (a, b), s in pairs.items()
    }
    return Similar(
        names=list(names),
        labels=["x"] * len(names),
        splits=[(splits or {}).get(name, "train") for name in names],
        contents=np.array(contents),
        widths=np.full(len(names), 100),
        heights=np.full(len(names), 100),
        first=np.array([a for a, _ in keys], dtype=np.int64),
        second=np.array([b for _, b in keys], dtype=np.int64),
        similarity=np.array([values[key] for key in keys], dtype=np.float32),
        overlap=np.ones(len(keys), dtype=np.float32),
        mirrored=np.zeros(len(keys), dtype=bool),
    )


# ---------------------------------------------------------------- neighbours


@pytest.mark.parametrize(
    ("k", "floor", "block_rows"), [(5, 0.2, 64), (3, -2.0, 100), (40, 0.1, 33), (300, -2.0, 50)]
)
def test_nearest_pairs_are_those_of_all_pairs(k: int, floor: float, block_rows: int) -> None:
    rows = unit_length(np.random.default_rng(1).normal(size=(200, 8)))
    i, j, cosine = nearest_pairs(rows, k=k, floor=floor, block_rows=block_rows)
    every = rows @ rows.T
    np.fill_diagonal(every, -9)
    expected = {
        (min(a, b), max(a, b))
        for a in range(200)
        for b in np.argsort(-every[a])[:k].tolist()
        if every[a, b] > max(floor, -5)
    }
    assert set(zip(i.tolist(), j.tolist(), strict=True)) == expected
    np.testing.assert_allclose(cosine, every[i, j], atol=1e-6)


def test_nearly_all_nearest_pairs_of_many_rows_are_found() -> None:
    rng = np.random.default_rng(2)
    rows = rng.normal(size=(3000, 16))
    rows[1500:] = rows[:1500] + 0.3 * rng.normal(size=(1500, 16))  # each has a twin
    rows = unit_length(rows)
    exact = nearest_pairs(rows, k=3, floor=0.7)
    quick = nearest_pairs(rows, k=3, floor=0.7, exact_rows=100)
    wanted, found = (set(zip(i.tolist(), j.tolist(), strict=True)) for i, j, _ in (exact, quick))
    assert found <= wanted
    assert len(found) > 0.97 * len(wanted)
    i, j, cosine = quick
    np.testing.assert_allclose(cosine, (unit_length(rows)[i] * unit_length(rows)[j]).sum(axis=1), atol=1e-5)


def test_nearest_pairs_of_nothing_are_none() -> None:
    for n in (0, 1):
        i, j, cosine = nearest_pairs(np.ones((n, 4), dtype=np.float32), k=3, floor=0)
        assert len(i) == len(j) == len(cosine) == 0


def test_nearest_pairs_can_be_stopped() -> None:
    class Stop(Reporter):
        def should_stop(self) -> bool:
            return True

    with pytest.raises(Cancelled):
        nearest_pairs(np.ones((5, 2), dtype=np.float32), k=1, floor=0, reporter=Stop())


# ---------------------------------------------------------------- matching


@pytest.mark.parametrize("edit", EDITS)
def test_an_edited_copy_is_the_same_picture_either_way_round(edit: str) -> None:
    originals = [scene(seed) for seed in range(12)]
    first = np.stack([grey(picture) for picture in originals])
    second = np.stack([grey(EDITS[edit](picture)) for picture in originals])
    assert (match(first, second).agreement >= SAME).all()
    assert (match(second, first).agreement >= SAME).all()


def test_different_pictures_are_not_the_same() -> None:
    pictures = np.stack([grey(scene(seed)) for seed in range(30)])
    i, j = np.triu_indices(30, 1)
    assert match(pictures[i], pictures[j]).agreement.max() < 0.8


def test_overlap_tells_how_much_was_cropped() -> None:
    picture = scene(3)
    part = picture.crop((16, 12, 144, 108))  # 80 % of each side
    found = match(grey(picture)[None], grey(part)[None])
    assert found.overlap[0] == pytest.approx(0.64, abs=0.04)
    whole = match(grey(picture)[None], grey(jpeg(picture))[None])
    assert whole.overlap[0] > 0.985


def test_a_copy_of_a_picture_with_little_to_see_is_the_same() -> None:
    clouds = Image.fromarray(np.random.default_rng(2).integers(150, 166, (5, 6, 3), dtype=np.uint8))
    sky = clouds.resize((128, 96), Image.Resampling.BICUBIC)
    other = ImageOps.mirror(sky)
    pictures = [np.stack([grey(p)]) for p in (sky, jpeg(sky, 50), other)]
    assert match(pictures[0], pictures[1]).agreement[0] >= SAME
    assert match(pictures[0], pictures[2]).agreement[0] < SAME


def test_pictures_of_one_colour_match_nothing() -> None:
    plain = np.full((2, GREY_SIDE_PX, GREY_SIDE_PX), 120, dtype=np.uint8)
    assert match(plain[:1], plain[1:]).agreement[0] == 0
    assert not perceptual(plain).any()


# ---------------------------------------------------------------- groups of real pictures


def test_every_kind_of_copy_is_found_and_named() -> None:
    pictures = {f"{k:02d}.png": scene(k) for k in range(12)}
    pictures["copy.png"] = pictures["00.png"]
    for k, edit in enumerate(["re-encoded", "resized", "cropped"], start=1):
        pictures[f"edit{k}.png"] = EDITS[edit](pictures[f"{k:02d}.png"])
    table = find(pictures, same={"copy.png": "00.png"}).groups()
    assert sorted(map(sorted, groups_of(table))) == [
        ["00.png", "copy.png"],
        ["01.png", "edit1.png"],
        ["02.png", "edit2.png"],
        ["03.png", "edit3.png"],
    ]
    kinds = dict(zip(table["name"], table["kind"], strict=True))
    assert kinds["copy.png"] == "exact"
    assert kinds["01.png"] == "original" and kinds["edit1.png"] == "re-encoded"
    assert kinds["edit2.png"] == "resized"
    assert kinds["edit3.png"] == "cropped"
    assert (table["suggested"] == np.where(table["kind"] == "original", "keep", "delete")).all()


def test_a_mirrored_copy_is_found_by_its_embedding() -> None:
    pictures = {f"{k:02d}.png": scene(k) for k in range(30)}
    pictures["m.png"] = ImageOps.mirror(pictures["07.png"])
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(31, 16)).astype(np.float32)
    pixels = pixels_of(pictures)
    at = dict(zip(pixels.names, pixels.hashes, strict=True))
    hashes = sorted(pixels.hashes)
    vectors[hashes.index(at["m.png"])] = vectors[hashes.index(at["07.png"])] + 0.2 * rng.normal(size=16)
    embeddings = SimpleNamespace(names=[], vectors=vectors, hashes=hashes, key="k")
    catalog = catalog_of(sorted(pictures))
    assert find_similar(catalog, pixels).groups().empty
    table = find_similar(catalog, pixels, embeddings=embeddings).groups()
    assert set(table["name"]) == {"07.png", "m.png"}
    assert set(table["kind"]) == {"original", "mirrored"}


def test_embeddings_alone_give_look_alikes_below_the_default_threshold() -> None:
    pictures = {f"{k:02d}.png": scene(k) for k in range(30)}
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(30, 16)).astype(np.float32)
    vectors[5] = vectors[9]
    pixels = pixels_of(pictures)
    embeddings = SimpleNamespace(names=[], vectors=vectors, hashes=sorted(pixels.hashes), key="k")
    similar = find_similar(catalog_of(sorted(pictures)), pixels, embeddings=embeddings)
    assert similar.groups().empty
    table = similar.groups(0.9)
    assert table["name"].tolist() == ["05.png", "09.png"]
    assert table["kind"].tolist() == ["original", "look-alike"]
    assert table["similarity"].iloc[1] == pytest.approx(LOOK_ALIKE)
    assert table["suggested"].tolist() == ["keep", ""]


def test_copies_of_a_copy_form_one_group() -> None:
    picture = scene(1)
    pictures = {f"{k:02d}.png": scene(k) for k in range(5, 15)} | {"a.png": picture}
    for k in range(9):  # more than the neighbours that are looked at
        pictures[f"b{k}.png"] = jpeg(picture, 40 + 5 * k)
    assert groups_of(find(pictures).groups()) == [{"a.png", *(f"b{k}.png" for k in range(9))}]


def test_too_few_pictures_are_no_problem() -> None:
    for n in (0, 1, 2):
        pictures = {f"{k}.png": scene(k) for k in range(n)}
        if n == 0:
            pixels = Pixels(
                names=[],
                hashes=[],
                widths=np.zeros(0, np.int64),
                heights=np.zeros(0, np.int64),
                contents=[],
                grey=np.zeros((0, 64, 64), np.uint8),
                measures={},
            )
            similar = find_similar(catalog_of([]), pixels)
        else:
            similar = find(pictures)
        assert similar.groups().empty
        assert similar.leaks().empty
        assert similar.suggested_threshold == SAME


def test_images_outside_the_catalog_are_left_out() -> None:
    picture = scene(1)
    pictures = {"a.png": picture, "b.png": jpeg(picture), "c.png": jpeg(picture, 60)}
    similar = find_similar(catalog_of(["a.png", "c.png"]), pixels_of(pictures))
    assert groups_of(similar.groups()) == [{"a.png", "c.png"}]


# ---------------------------------------------------------------- what follows from pairs


def test_the_threshold_decides_without_comparing_again() -> None:
    similar = hand_made({("a", "b"): 0.99, ("c", "d"): 0.96, ("e", "f"): 0.8})
    assert groups_of(similar.groups(0.98)) == [{"a", "b"}]
    assert groups_of(similar.groups(0.95)) == [{"a", "b"}, {"c", "d"}]
    assert groups_of(similar.groups(0.75)) == [{"a", "b"}, {"c", "d"}, {"e", "f"}]
    assert similar.groups(1.0).empty


@pytest.mark.parametrize("threshold", [0.5, 1.1])
def test_a_threshold_out_of_range_is_refused(threshold: float) -> None:
    with pytest.raises(RankingError) as caught:
        hand_made({("a", "b"): 0.99}).groups(threshold)
    assert str(caught.value) == (
        f"Got the similarity threshold {threshold}; expected 0.7 to 1, such as 0.95."
    )


def test_a_chain_of_look_alikes_is_not_one_group() -> None:
    chain = {("a", "b"): 0.85, ("b", "c"): 0.86, ("c", "d"): 0.85, ("d", "e"): 0.86, ("e", "f"): 0.85}
    sizes = [len(group) for group in groups_of(hand_made(chain).groups(0.8))]
    assert max(sizes) == 3
    assert hand_made(chain).fold_groups("abcdef", 0.8).tolist() == [0] * 6


def test_a_sure_pair_is_never_left_out_though_its_group_has_another_centre() -> None:
    pairs = {("a", "b"): 0.99, ("a", "c"): 0.99, ("c", "d"): 0.96}
    table = hand_made(pairs).groups()
    assert groups_of(table) == [{"a", "b", "c", "d"}]
    suggested = dict(zip(table["name"], table["suggested"], strict=True))
    assert suggested == {"a": "keep", "b": "delete", "c": "delete", "d": ""}


def test_the_largest_picture_is_the_one_to_keep_then_the_held_out_one() -> None:
    similar = hand_made({("a", "b"): 0.99, ("c", "d"): 0.99}, splits={"b": "valid", "d": "test"})
    similar.widths[0] = 300
    table = similar.groups()
    assert table.loc[table["suggested"] == "keep", "name"].tolist() == ["a", "d"]


def test_groups_across_splits_come_first_then_those_with_two_labels() -> None:
    similar = hand_made({("a", "b"): 0.99, ("c", "d"): 0.98, ("e", "f"): 0.97}, splits={"f": "valid"})
    table = similar.groups(labels={"d": "y"})
    firsts = table.groupby("group").first()
    assert firsts["name"].tolist() == ["f", "c", "a"]
    assert firsts["leak"].tolist() == [True, False, False]
    assert firsts["same_label"].tolist() == [True, False, True]
    # which of two labels is right is for people to say, and with it which image stays
    assert table["suggested"].tolist() == ["keep", "delete", "", "", "keep", "delete"]


def test_pairs_called_different_are_remembered() -> None:
    similar = hand_made({("a", "b"): 0.99, ("a", "c"): 0.99, ("b", "c"): 0.99}, exact="ef")
    everyone = frozenset("ab"), frozenset("ac"), frozenset("bc")
    assert groups_of(similar.groups(different=everyone)) == [{"e", "f"}]
    two = frozenset("ab"), frozenset("ac")
    assert groups_of(similar.groups(different=two)) == [{"e", "f"}, {"b", "c"}]
    assert groups_of(similar.groups(different=two[:1])) == [{"e", "f"}, {"a", "c"}]
    assert groups_of(similar.groups(different=[*everyone, frozenset("ef")])) == []
    assert similar.fold_groups("abc", different=everyone).tolist() == [0, 1, 2]


def test_what_differs_from_an_image_differs_from_its_exact_copies() -> None:
    similar = hand_made({("a", "e"): 0.99}, exact="ef", splits={"a": "valid"})
    different = [frozenset("ae")]
    assert groups_of(similar.groups(different=different)) == [{"e", "f"}]
    assert similar.leaks(different=different).empty


def test_deleted_images_are_in_no_group() -> None:
    similar = hand_made({("a", "b"): 0.99, ("b", "c"): 0.99}, exact="ef", splits={"a": "valid"})
    assert groups_of(similar.groups(without={"b", "f"})) == []
    assert similar.leaks(without={"b"}).empty


def test_unknown_names_are_passed_over() -> None:
    similar = hand_made({("a", "b"): 0.99})
    table = similar.groups(different=[frozenset(("a", "gone"))], without={"gone"}, labels={"gone": "y"})
    assert groups_of(table) == [{"a", "b"}]


def test_leaks_name_the_nearest_twin_in_each_split_that_was_learnt_from() -> None:
    splits = {"a": "valid", "b": "test", "c": "train", "d": "train"}
    pairs = {("a", "c"): 0.96, ("a", "d"): 0.99, ("b", "c"): 0.97, ("a", "b"): 0.98, ("e", "f"): 0.99}
    table = hand_made(pairs, splits=splits).leaks()
    assert list(zip(table["name"], table["twin"], table["twin_split"], strict=True)) == [
        ("a", "d", "train"),
        ("b", "a", "valid"),
        ("b", "c", "train"),
    ]
    assert table["kind"].tolist() == ["re-encoded"] * 3
    assert table["similarity"].tolist() == pytest.approx([0.99, 0.98, 0.97])


def test_an_exact_copy_in_another_split_is_a_leak_unless_called_different() -> None:
    similar = hand_made({}, exact="ab", splits={"b": "valid"})
    assert similar.leaks()[["name", "twin", "kind"]].values.tolist() == [["b", "a", "exact"]]
    assert similar.leaks(different=[frozenset("ab")]).empty


def test_images_without_a_split_leak_nothing() -> None:
    similar = hand_made({("a", "b"): 0.99}, splits={"a": "pending", "b": "valid"})
    assert similar.leaks().empty
    assert similar.groups()["leak"].tolist() == [False, False]


def test_fold_groups_are_by_position_of_the_names_asked_for() -> None:
    similar = hand_made({("a", "b"): 0.99, ("b", "c"): 0.96}, exact="ef")
    assert similar.fold_groups(["d", "c", "zzz", "a", "f", "e"]).tolist() == [0, 1, 2, 1, 4, 4]


def test_the_suggested_threshold_is_where_the_gap_is() -> None:
    copies = dict.fromkeys(zip("acegikmoqs", "bdfhjlnprt", strict=True), 0.99)
    assert hand_made(copies, names="abcdefghijklmnopqrst").suggested_threshold == SAME
    crowd = {(a, b): s for s, (a, b) in zip(np.linspace(0.941, 0.969, 10), copies, strict=True)}
    assert hand_made(crowd, names="abcdefghijklmnopqrst").suggested_threshold == 0.98


def test_what_was_saved_is_read_again(tmp_path: Path) -> None:
    similar = hand_made({("a", "b"): 0.99}, names='aböd"f', exact='d"')
    path = similar.save(tmp_path / "deep" / "similar.npz")
    again = Similar.load(path)
    pd.testing.assert_frame_equal(again.groups(), similar.groups())
    assert again.names == similar.names
    assert len(again) == 6


def test_a_file_that_is_none_is_named(tmp_path: Path) -> None:
    path = tmp_path / "similar.npz"
    with pytest.raises(RankingError, match="Look for duplicates again"):
        Similar.load(path)
    path.write_bytes(b"PK no zip")
    with pytest.raises(RankingError, match="Look for duplicates again"):
        Similar.load(path)


# ---------------------------------------------------------------- clusters


def test_components_follow_chains() -> None:
    found = components(6, np.array([0, 1, 4]), np.array([1, 2, 5]))
    assert found.tolist() == [0, 0, 0, 3, 4, 4]


def test_a_star_has_its_most_connected_node_first() -> None:
    i, j = np.array([0, 0, 0, 1]), np.array([1, 2, 3, 2])
    assert stars(i, j, np.array([0.8, 0.9, 0.8, 0.8], np.float32), sure=0.95) == [[0, 2, 1, 3]]


def test_a_group_is_divided_so_that_different_ones_are_apart() -> None:
    assert partition([1, 2, 3, 4], lambda a, b: {a, b} == {1, 2}) == [[1, 3, 4]]
    assert partition([1, 2, 3, 4], lambda a, b: {a, b} in ({1, 2}, {1, 3})) == [[1, 4], [2, 3]]
    assert partition([1, 2], lambda a, b: True) == []


PAIRS_OF_SIX = list(combinations("abcdef", 2))


@settings(max_examples=150, deadline=None)
@given(near=st.sets(st.sampled_from(PAIRS_OF_SIX), min_size=1), apart=st.sets(st.sampled_from(PAIRS_OF_SIX)))
def test_whoever_stands_in_a_group_is_alike_to_another_one_there(
    near: set[tuple[str, str]], apart: set[tuple[str, str]]
) -> None:
    table = hand_made(dict.fromkeys(near, 0.97)).groups(different={frozenset(pair) for pair in apart})
    alike = {frozenset(pair) for pair in near}
    assert table["name"].is_unique
    for group in groups_of(table):
        assert not any(set(pair) <= group for pair in apart)
        assert all(any({a, b} in alike for b in group) for a in group)


@pytest.mark.data
def test_all_known_copies_among_photos_are_found_and_no_other(data_dir: Path, tmp_path: Path) -> None:
    known = pd.read_csv(data_dir / "clothing" / "duplicates.csv")
    pictures: dict[str, Image.Image] = {}
    same = {}
    for archive in ("images.zip", "duplicates.zip"):
        with zipfile.ZipFile(data_dir / "clothing" / archive) as packed:
            members = {Path(name).name: name for name in packed.namelist()}
            wanted = set(known["original"]) | set(known["duplicate"]) | set(sorted(members)[::8])
            for name in sorted(wanted & members.keys()):
                pictures[name] = Image.open(io.BytesIO(packed.read(members[name]))).convert("RGB")
    for row in known[known["kind"] == "exact"].itertuples():
        same[str(row.duplicate)] = str(row.original)
    splits = dict(zip(known["original"], known["original_split"], strict=True))
    splits |= dict(zip(known["duplicate"], known["duplicate_split"], strict=True))
    similar = find(pictures, same=same, splits=splits)
    assert similar.suggested_threshold == SAME
    table = similar.groups()
    expected = {frozenset(pair) for pair in zip(known["original"], known["duplicate"], strict=True)}
    found = {frozenset(group) for group in groups_of(table)}
    assert expected <= found
    assert len(found - expected) <= 2  # the source has two copies of its own
    crossing = known[known["original_split"] != known["duplicate_split"]]
    leaks = similar.leaks()
    pairs = {frozenset(pair) for pair in zip(leaks["name"], leaks["twin"], strict=True)}
    assert pairs >= {
        frozenset(pair) for pair in zip(crossing["original"], crossing["duplicate"], strict=True)
    }
    kinds = dict(zip(table["name"], table["kind"], strict=True))
    named = {
        "exact": "exact",
        "reencoded_q60": "re-encoded",
        "resized_75pct": "resized",
        "cropped_3to6px": "cropped",
    }
    for row in known.itertuples():
        assert {kinds[str(row.original)], kinds[str(row.duplicate)]} == {"original", named[str(row.kind)]}
