"""Embedding mapped over workers: the same features, once each, whatever happens to whoever computes."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path

import fsspec
import numpy as np
import pytest

from cleaner.dataset.catalog import Catalog
from cleaner.dataset.file_index import FileIndex
from cleaner.dataset.storage import FolderStorage, UrlStorage, is_url
from cleaner.embedding import embed, mapping
from cleaner.embedding.cache import DIGEST_BYTES
from cleaner.embedding.mapping import Mapped, Portion, Work, Worker, embed_files, here
from cleaner.errors import Cancelled, CatalogError, EmbeddingError
from cleaner.models.backbones import Backbone, load_backbone
from cleaner.util.progress import SILENT, Reporter


@pytest.fixture(scope="module")
def backbone() -> Backbone:
    return load_backbone(from_scratch=True, device="cpu")


@pytest.fixture
def index(tmp_path: Path) -> Iterator[FileIndex]:
    opened = FileIndex(tmp_path / "state" / "index.db")
    yield opened
    opened.close()


Run = Callable[..., Mapped]


@pytest.fixture
def run(colour_set: Path, tmp_path: Path, index: FileIndex, backbone: Backbone, monkeypatch) -> Run:
    """Embed the coloured pictures, eight at a time."""
    monkeypatch.setattr(mapping, "PORTION", 8)

    def embed_set(engine: mapping.Engine = here, reporter: Reporter = SILENT) -> Mapped:
        storage = FolderStorage(colour_set)
        states = storage.states(Catalog.from_folder(colour_set).names.tolist())
        where = {"index": index, "cache_root": tmp_path / "state" / "embeddings"}
        return embed_files(storage, states, backbone, **where, engine=engine, reporter=reporter)

    return embed_set


def rows(tmp_path: Path) -> list[bytes]:
    """Return what the cache has, row by row."""
    (path,) = tmp_path.glob("state/embeddings/*/digests.bin")
    data = path.read_bytes()
    return [data[at : at + DIGEST_BYTES] for at in range(0, len(data), DIGEST_BYTES)]


def nothing(_work: Work, names: Sequence[str]) -> Generator[Portion]:
    """An engine that must not be asked."""
    yield from ()
    pytest.fail(f"computed again: {names}")


def test_workers_give_the_features_and_contents_that_embedding_here_gives(
    run: Run, colour_set: Path, tmp_path: Path, index: FileIndex, backbone: Backbone
) -> None:
    found = run()
    assert (found.computed, found.kept, found.problems, found.unread) == (24, 0, {}, {})
    catalog = Catalog.from_folder(colour_set)
    assert index.stale(colour_set, catalog.names).names == []
    where = {"index": index, "cache_root": tmp_path / "state" / "embeddings"}
    mapped = embed(catalog, backbone, **where)
    assert len(rows(tmp_path)) == 24  # so nothing was added
    plain = embed(catalog, backbone, index=index, cache_root=tmp_path / "plain")
    one, other = np.asarray(mapped.vectors), np.asarray(plain.vectors)
    cosine = (one * other).sum(axis=1) / (np.linalg.norm(one, axis=1) * np.linalg.norm(other, axis=1))
    assert mapped.names == plain.names
    assert cosine.min() > 0.9999


def test_what_is_known_is_not_computed_again_and_a_changed_file_is(
    run: Run, colour_set: Path, picture: Callable[..., Path]
) -> None:
    run()
    shutil.copy(colour_set / "red" / "red_000.png", colour_set / "blue" / "copy.png")
    picture(colour_set / "green" / "green_000.png", (10, 10, 10), seed=77)
    asked: list[str] = []

    def listening(work: Work, names: Sequence[str]) -> Generator[Portion]:
        asked.extend(names)
        return here(work, names)

    assert run(listening).computed == 2
    assert asked == ["blue/copy.png", "green/green_000.png"]
    assert run(nothing).kept == 25


@pytest.mark.parametrize("how", ["error", "stop"])
def test_a_run_that_ends_early_keeps_what_came_and_the_next_one_goes_on(
    run: Run, tmp_path: Path, how: str
) -> None:
    class Stop(Reporter):
        def should_stop(self) -> bool:
            return how == "stop"

    def breaking(work: Work, names: Sequence[str]) -> Generator[Portion]:
        yield from islice(here(work, names), 1)
        raise EmbeddingError("the cluster is gone")

    with pytest.raises((EmbeddingError, Cancelled)):
        run(breaking, Stop())
    assert len(rows(tmp_path)) == 8
    assert run().computed == 16
    assert len(set(rows(tmp_path))) == len(rows(tmp_path)) == 24


def test_portions_in_any_order_and_twice_leave_each_content_once(run: Run, tmp_path: Path) -> None:
    def stuttering(work: Work, names: Sequence[str]) -> Generator[Portion]:
        portions = [*here(work, names)]
        yield from portions[::-1]
        yield from portions

    assert run(stuttering).computed == 24
    assert len(set(rows(tmp_path))) == len(rows(tmp_path)) == 24


def test_bad_images_are_remembered_and_files_that_cannot_be_read_now_are_not(
    run: Run, colour_set: Path
) -> None:
    whole = (colour_set / "red" / "red_000.png").read_bytes()
    (colour_set / "red" / "cut.png").write_bytes(whole[: len(whole) // 2])
    (colour_set / "red" / "page.jpg").write_text("<!DOCTYPE html><html><body>404</body></html>")

    def losing(work: Work, names: Sequence[str]) -> Generator[Portion]:
        (colour_set / "red" / "red_001.png").rename(colour_set / "away.png")
        yield from here(work, names)

    found = run(losing)
    assert found.problems["red/cut.png"] == "truncated: the file ends early"
    assert sorted(found.problems) == ["red/cut.png", "red/page.jpg"]
    assert found.unread == {"red/red_001.png": "cannot be read: No such file or directory"}
    (colour_set / "away.png").rename(colour_set / "red" / "red_001.png")
    again = run()
    assert (again.computed, again.kept, again.unread) == (1, 25, {})


def test_a_machine_that_cannot_work_says_why(
    run: Run, colour_set: Path, backbone: Backbone, tmp_path: Path
) -> None:
    def elsewhere(**changed: object) -> mapping.Engine:
        return lambda work, names: here(replace(work, **changed), names)

    with pytest.raises(EmbeddingError, match=r"has no .*away\. Every machine needs the images"):
        run(elsewhere(storage=FolderStorage(tmp_path / "away")))
    with pytest.raises(EmbeddingError, match=r"not 0\.0\.1\. Install the same version on all machines"):
        run(elsewhere(version="0.0.1"))


@pytest.fixture
def url(colour_set: Path) -> Iterator[str]:
    """The coloured pictures, in a file system of fsspec that is in memory."""
    memory = fsspec.filesystem("memory")
    for path in colour_set.rglob("*.png"):
        memory.pipe(f"/bucket/bears/{path.relative_to(colour_set).as_posix()}", path.read_bytes())
    for name in ("notes.txt", ".cleaner/thumb.png", "red/._red.png"):
        memory.pipe(f"/bucket/bears/{name}", b"no image of the set")
    yield "memory://bucket/bears"
    memory.rm("/bucket", recursive=True)


def test_images_below_a_url_are_listed_and_read_by_their_names(url: str, colour_set: Path) -> None:
    storage = UrlStorage(url)
    states = storage.listed()
    assert [*states] == Catalog.from_folder(colour_set).names.tolist()
    path = colour_set / "red" / "red_003.png"
    assert storage.read("red/red_003.png") == path.read_bytes()
    assert states["red/red_003.png"].size_bytes == path.stat().st_size
    with pytest.raises(OSError, match="red_999"):
        storage.read("red/red_999.png")
    fsspec.filesystem("memory").pipe("/bucket/bears/red/red_003.png", b"other")
    changed = storage.listed()
    assert [name for name in states if changed[name] != states[name]] == ["red/red_003.png"]


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("memory://bucket/empty", "There are no images below memory://bucket/empty. Check the address."),
        ("nowhere://bucket/bears", "Cannot use nowhere://bucket/bears: Protocol not known: nowhere."),
    ],
)
def test_a_url_that_gives_no_images_is_refused(url: str, said: str) -> None:
    with pytest.raises(CatalogError) as refusal:
        UrlStorage(url).listed()
    assert str(refusal.value).startswith(said)


def test_a_url_is_told_from_a_path() -> None:
    assert all(map(is_url, ["s3://bucket/a", "gs://b", Path("s3://bucket/a"), "file:///x"]))
    assert not any(map(is_url, ["bears", "C:/bears", "a:b", "/data/x", r"C:\bears"]))


def test_a_worker_that_was_closed_has_no_threads_left(colour_set: Path, backbone: Backbone) -> None:
    import threading

    before = threading.active_count()
    worker = Worker(Work(FolderStorage(colour_set), backbone, 1))
    assert len(worker(["red/red_000.png"]).digests) == 1
    worker.close()
    assert threading.active_count() == before
