from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from cleaner.errors import ImageError
from cleaner.images.thumbnails import ThumbnailCache, thumbnail


def test_the_cache_gives_what_was_made_before(
    tmp_path: Path, picture: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = picture(tmp_path / "a.png", (200, 0, 0))
    first = ThumbnailCache(tmp_path / "thumbs").get(path, size_px=16)
    monkeypatch.setattr("cleaner.images.thumbnails.thumbnail", None)  # made anew it would fail

    again = ThumbnailCache(tmp_path / "thumbs")

    assert again.get(path, size_px=16) == again.get(path, size_px=16) == first


def test_the_cache_notices_a_changed_file_and_another_size(
    tmp_path: Path, picture: Callable[..., Path]
) -> None:
    cache = ThumbnailCache(tmp_path / "thumbs")
    path = picture(tmp_path / "a.png", (200, 0, 0))
    red = cache.get(path, size_px=16)
    assert cache.get(path, size_px=8) != red
    picture(path, (0, 0, 200), size_px=40)

    assert cache.get(path, size_px=16) != red


def test_the_cache_is_bounded_in_memory_and_on_disk(tmp_path: Path, picture: Callable[..., Path]) -> None:
    cache = ThumbnailCache(tmp_path / "thumbs", memory_bytes=3000, disk_bytes=6000)
    for i in range(20):
        cache.get(picture(tmp_path / f"{i}.png", (10 * i, 0, 0), seed=i), size_px=24)

    on_disk = sum(file.stat().st_size for file in (tmp_path / "thumbs").rglob("*.jpg"))
    assert 0 < on_disk <= 6000
    assert 0 < cache.memory_used_bytes <= 3000


def test_a_folder_that_cannot_be_written_costs_no_thumbnail(
    tmp_path: Path, picture: Callable[..., Path]
) -> None:
    (tmp_path / "thumbs").write_text("a file is in the way")
    cache = ThumbnailCache(tmp_path / "thumbs")

    assert cache.get(picture(tmp_path / "a.png", (1, 2, 3)), size_px=16)[:2] == b"\xff\xd8"


def test_the_cache_names_what_cannot_be_shown(tmp_path: Path) -> None:
    cache = ThumbnailCache(tmp_path / "thumbs")
    (tmp_path / "a.jpg").write_bytes(b"")

    with pytest.raises(ImageError, match=r"^empty file$"):
        cache.get(tmp_path / "a.jpg", size_px=16)
    with pytest.raises(ImageError, match=r"^there is no such file$"):
        cache.get(tmp_path / "b.jpg", size_px=16)


def test_many_threads_share_a_cache(tmp_path: Path, picture: Callable[..., Path]) -> None:
    cache = ThumbnailCache(tmp_path / "thumbs", memory_bytes=2000, disk_bytes=4000)
    paths = [picture(tmp_path / f"{i}.png", (10 * i, 0, 0), seed=i) for i in range(12)]
    alone = [thumbnail(path, size_px=16) for path in paths]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda path: cache.get(path, size_px=16), paths * 10))

    assert together == alone * 10
