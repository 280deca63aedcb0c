"""From files to embeddings: once for each content, and whatever happens to the files meanwhile."""

from __future__ import annotations

import errno
import json
import math
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from cleaner.dataset.catalog import Catalog
from cleaner.dataset.file_index import FileIndex
from cleaner.embedding import Embeddings, Parts, embed
from cleaner.embedding import pipeline as module
from cleaner.errors import Cancelled, CatalogError, EmbeddingError
from cleaner.models.backbones import Backbone, load_backbone
from cleaner.util.progress import Reporter, Stage


class Notes(Reporter):
    """Remembers the reports on embedding, and asks to stop after some of them."""

    def __init__(self, *, stop_after: int | None = None) -> None:
        self.heard: list[tuple[int, int]] = []
        self.stop_after = stop_after

    def __call__(self, stage: str, done: int, total: int, **values: float) -> None:
        if stage == Stage.EMBED:
            self.heard.append((done, total))

    def should_stop(self) -> bool:
        return self.stop_after is not None and len(self.heard) > self.stop_after


@pytest.fixture(scope="module")
def backbone() -> Backbone:
    return load_backbone(from_scratch=True, device="cpu")


@pytest.fixture
def index(tmp_path: Path) -> Iterator[FileIndex]:
    opened = FileIndex(tmp_path / "state" / "index.db")
    yield opened
    opened.close()


@pytest.fixture
def run(tmp_path: Path, backbone: Backbone, index: FileIndex) -> Callable[..., Embeddings]:
    """Embed a folder."""

    def embed_folder(root: Path, reporter: Reporter | None = None) -> Embeddings:
        catalog = Catalog.from_folder(root)
        cache_root = tmp_path / "state" / "embeddings"
        return embed(catalog, backbone, index=index, cache_root=cache_root, reporter=reporter or Reporter())

    return embed_folder


def expected(backbone: Backbone, path: Path) -> np.ndarray:
    """One image by the plain network, in float32."""
    with torch.inference_mode():
        pixels = torch.from_numpy(backbone.preprocess.read(path).copy())[None]
        return backbone.module(backbone.preprocess.normalise(pixels))[0].numpy()


def test_each_image_gets_what_the_plain_network_gives(
    colour_set: Path, run: Callable[..., Embeddings], backbone: Backbone
) -> None:
    found = run(colour_set)
    assert len(found.names) == 24
    assert found.names == sorted(found.names)
    assert found.vectors.shape == (24, backbone.feature_dim)
    assert found.vectors.dtype == np.float32
    assert found.key == backbone.key
    assert found.problems == {}
    for i in (0, 11, 23):
        truth = expected(backbone, colour_set / found.names[i])
        np.testing.assert_allclose(found.vectors[i], truth, rtol=2e-3, atol=2e-3)


def test_the_second_run_computes_nothing_and_returns_the_same(
    colour_set: Path, run: Callable[..., Embeddings], monkeypatch: pytest.MonkeyPatch
) -> None:
    first = run(colour_set)
    monkeypatch.setattr(module, "embed_batch", lambda *_: pytest.fail("an image was embedded again"))
    notes = Notes()
    second = run(colour_set, notes)
    np.testing.assert_array_equal(first.vectors, second.vectors)
    assert notes.heard == [(24, 24)]


def test_exact_copies_are_embedded_once(colour_set: Path, run: Callable[..., Embeddings]) -> None:
    shutil.copy(colour_set / "red" / "red_000.png", colour_set / "blue" / "copy.png")
    notes = Notes()
    found = run(colour_set, notes)
    assert len(found.names) == 25
    assert notes.heard[-1] == (24, 24)
    at = {name: i for i, name in enumerate(found.names)}
    twins = at["blue/copy.png"], at["red/red_000.png"]
    assert found.hashes[twins[0]] == found.hashes[twins[1]]
    np.testing.assert_array_equal(found.vectors[twins[0]], found.vectors[twins[1]])


def test_a_moved_file_is_not_embedded_again_and_a_changed_one_is(
    colour_set: Path, run: Callable[..., Embeddings], picture: Callable[..., Path], backbone: Backbone
) -> None:
    run(colour_set)
    (colour_set / "red" / "red_000.png").rename(colour_set / "blue" / "moved.png")
    picture(colour_set / "green" / "green_000.png", (10, 10, 10), seed=77)
    notes = Notes()
    found = run(colour_set, notes)
    assert notes.heard == [(23, 24), (24, 24)]
    at = found.names.index("green/green_000.png")
    truth = expected(backbone, colour_set / "green" / "green_000.png")
    np.testing.assert_allclose(found.vectors[at], truth, rtol=2e-3, atol=2e-3)


def test_only_images_that_are_decoded_otherwise_than_before_are_embedded_again(
    colour_set: Path, run: Callable[..., Embeddings], tmp_path: Path, backbone: Backbone
) -> None:
    deep = colour_set / "red" / "deep.png"
    Image.fromarray(np.linspace(0, 60_000, 400).astype(np.uint16).reshape(20, 20)).save(deep)
    cache = tmp_path / "state" / "embeddings" / backbone.key
    first = run(colour_set)
    meta = json.loads((cache / "meta.json").read_text())
    (cache / "meta.json").write_text(json.dumps({"key": meta["key"], "dim": meta["dim"]}))  # of version 0.2
    row = first.names.index("red/deep.png")
    before = first.vectors[row]
    vectors = np.fromfile(cache / "vectors.f16", dtype="<f2").reshape(-1, backbone.feature_dim)
    wrong = np.flatnonzero(np.isclose(vectors, before, atol=1e-3).all(axis=1))
    vectors[wrong] = 0
    vectors.tofile(cache / "vectors.f16")
    notes = Notes()
    assert np.array_equal(run(colour_set, notes).vectors[row], before)
    assert notes.heard == [(24, 25), (25, 25)]
    notes = Notes()
    run(colour_set, notes)
    assert notes.heard == [(25, 25)]


def test_unreadable_files_are_named_remembered_and_left_out(
    colour_set: Path, run: Callable[..., Embeddings], index: FileIndex
) -> None:
    whole = (colour_set / "red" / "red_000.png").read_bytes()
    (colour_set / "red" / "cut.png").write_bytes(whole[: len(whole) // 2])
    (colour_set / "red" / "twin.png").write_bytes(whole[: len(whole) // 2])
    (colour_set / "red" / "page.jpg").write_text("<!DOCTYPE html><html><body>404</body></html>")
    (colour_set / "red" / "empty.png").touch()
    found = run(colour_set)
    truncated = "truncated: the file ends early"
    assert found.problems["red/cut.png"] == truncated
    assert found.problems["red/twin.png"] == truncated
    assert sorted(found.problems) == ["red/cut.png", "red/empty.png", "red/page.jpg", "red/twin.png"]
    assert len(found.names) == len(found.vectors) == 24
    table = index.table().set_index("name")
    assert table["problem"]["red/cut.png"] == truncated
    assert run(colour_set).problems == found.problems


def test_a_set_without_any_readable_image_gives_no_rows(
    tmp_path: Path, run: Callable[..., Embeddings], backbone: Backbone
) -> None:
    root = tmp_path / "broken"
    (root / "a").mkdir(parents=True)
    (root / "a" / "x.jpg").write_bytes(b"\xff\xd8\xff\xe0 nothing more")
    found = run(root)
    assert found.vectors.shape == (0, backbone.feature_dim)
    assert list(found.problems) == ["a/x.jpg"]


def test_a_file_that_changes_while_it_is_read_is_not_kept_under_its_old_content(
    colour_set: Path,
    run: Callable[..., Embeddings],
    picture: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    victim = colour_set / "red" / "red_000.png"

    honest = module.embed_batch

    def slow_batch(*arguments: Any) -> Any:
        picture(victim, (0, 0, 0), seed=5)
        os.utime(victim, ns=(1, 1))
        return honest(*arguments)

    monkeypatch.setattr(module, "embed_batch", slow_batch)
    found = run(colour_set)
    assert found.problems == {"red/red_000.png": "changed while it was being read; open the data set again"}
    assert len(found.names) == 23
    monkeypatch.setattr(module, "embed_batch", honest)
    again = run(colour_set)
    assert again.problems == {}
    assert len(again.names) == 24


def test_a_drive_that_fails_for_a_moment_leaves_no_mark_on_the_file(
    colour_set: Path, run: Callable[..., Embeddings], index: FileIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    victim = colour_set / "red" / "red_000.png"
    honest = module.embed_batch

    read_bytes = Path.read_bytes

    def read(path: Path) -> bytes:
        if path == victim:
            raise OSError(errno.EIO, "Input/output error")
        return read_bytes(path)

    def batch_while_the_drive_is_away(*arguments: Any) -> Any:
        monkeypatch.setattr(Path, "read_bytes", read)
        return honest(*arguments)

    monkeypatch.setattr(module, "embed_batch", batch_while_the_drive_is_away)
    assert run(colour_set).problems == {"red/red_000.png": "cannot be read: Input/output error"}
    assert index.table()["problem"].isna().all()
    monkeypatch.undo()
    assert run(colour_set).problems == {}


def test_a_cache_that_vanishes_while_it_is_filled_gives_an_error_and_no_zeros(
    colour_set: Path, run: Callable[..., Embeddings], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest = module._run

    def run_and_lose(*arguments: Any, **options: Any) -> Any:
        found = honest(*arguments, **options)
        folder = arguments[2].folder
        for name in ("vectors.f16", "digests.bin"):
            (folder / name).unlink()
        arguments[2].refresh()
        return found

    monkeypatch.setattr(module, "_run", run_and_lose)
    with pytest.raises(EmbeddingError, match=r"were deleted while they were being computed\. Start again\.$"):
        run(colour_set)


def test_a_stopped_run_keeps_what_it_has_and_goes_on_from_there(
    make_set: Callable[..., Path], run: Callable[..., Embeddings], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch, "get_num_threads", lambda: 2)  # more would have all batches in hand by then
    root = make_set(40)
    stopped = Notes(stop_after=4)
    with pytest.raises(Cancelled):
        run(root, stopped)
    kept = stopped.heard[-1][0]
    assert 0 < kept < 120
    notes = Notes()
    found = run(root, notes)
    assert notes.heard[0] == (kept, 120)
    assert notes.heard[-1] == (120, 120)
    assert len(found.names) == 120
    assert np.abs(found.vectors).sum(axis=1).min() > 0


def test_a_failure_in_the_network_keeps_what_was_done(
    make_set: Callable[..., Path], run: Callable[..., Embeddings], monkeypatch: pytest.MonkeyPatch
) -> None:
    root = make_set(40)
    honest, calls = module.embed_batch, []

    def failing(*arguments: object) -> object:
        calls.append(arguments)
        if len(calls) > 8:
            raise RuntimeError("out of memory")
        return honest(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(module, "embed_batch", failing)
    with pytest.raises(RuntimeError, match="out of memory"):
        run(root)
    monkeypatch.undo()
    notes = Notes()
    run(root, notes)
    assert notes.heard[0][0] > 0


def test_the_number_of_torch_threads_is_given_back(colour_set: Path, run: Callable[..., Embeddings]) -> None:
    before = torch.get_num_threads()
    run(colour_set)
    assert torch.get_num_threads() == before


def test_pictures_of_any_kind_and_size_come_through(tmp_path: Path, run: Callable[..., Embeddings]) -> None:
    root = tmp_path / "mixed" / "a"
    root.mkdir(parents=True)
    Image.new("L", (1, 1), 7).save(root / "one_pixel.png")
    Image.new("RGBA", (300, 20), (1, 2, 3, 100)).save(root / "wide_alpha.png")
    Image.new("CMYK", (900, 700), (1, 2, 3, 4)).save(root / "large_cmyk.jpg")
    Image.new("I;16", (40, 40), 40000).save(root / "deep.png")
    found = run(root.parent)
    assert found.problems == {}
    assert np.isfinite(found.vectors).all()


def test_a_catalog_without_a_folder_is_refused(
    colour_set: Path, backbone: Backbone, index: FileIndex, tmp_path: Path
) -> None:
    catalog = Catalog(Catalog.from_folder(colour_set).table)
    with pytest.raises(
        CatalogError, match=r"^This catalog has no root, so its images cannot be read\. Make it"
    ):
        embed(catalog, backbone, index=index, cache_root=tmp_path)


def test_importing_the_package_does_not_import_torch() -> None:
    import subprocess
    import sys

    program = "import sys, cleaner.embedding; sys.exit('torch' in sys.modules)"
    folder = Path(__file__).parents[2]
    assert (
        subprocess.run([sys.executable, "-c", program], cwd=folder, check=False, timeout=60).returncode == 0
    )


def test_parts_are_embedded_first_and_told_of_until_the_last_image(
    make_set: Callable[..., Path], tmp_path: Path, backbone: Backbone, index: FileIndex
) -> None:
    catalog = Catalog.from_folder(make_set(8))
    names = list(map(str, catalog.names))
    parts, told = [names[::5], names[1::5]], []

    def on_part(found: Embeddings, seconds_left: float) -> None:
        told.append((found.names, seconds_left))

    where: dict[str, Any] = {"index": index, "reporter": Notes(stop_after=1)}
    with pytest.raises(Cancelled):
        embed(catalog, backbone, cache_root=tmp_path / "some", parts=Parts(parts, on_part), **where)
    assert told == []  # it was stopped within the first part
    where["reporter"] = Notes()
    found = embed(catalog, backbone, cache_root=tmp_path / "some", parts=Parts(parts, on_part), **where)
    assert len(told) == 2
    assert set(told[0][0]) >= set(parts[0])
    assert set(told[1][0]) >= {*parts[0], *parts[1]}
    assert len(told[1][0]) < len(names)
    assert all(0 < left < 600 for _, left in told)
    plain = embed(catalog, backbone, cache_root=tmp_path / "plain", **where)
    assert found.names == plain.names == names
    np.testing.assert_allclose(found.vectors, plain.vectors, rtol=2e-3, atol=1e-4)


def test_a_part_that_was_embedded_before_is_told_of_at_the_beginning(
    make_set: Callable[..., Path], tmp_path: Path, backbone: Backbone, index: FileIndex
) -> None:
    catalog = Catalog.from_folder(make_set(4))
    part = list(map(str, catalog.names[:6]))
    where: dict[str, Any] = {"index": index, "cache_root": tmp_path / "cache"}
    embed(catalog.subset(part), backbone, **where)
    told: list[tuple[list[str], float]] = []
    parts = Parts([part[:3], part], lambda found, left: told.append((found.names, left)))
    embed(catalog, backbone, parts=parts, **where)
    assert told == [(part, math.inf)]
    embed(catalog, backbone, parts=parts, **where)
    assert len(told) == 1  # all is there: nobody has to be content with less
