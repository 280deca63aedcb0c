"""The cache of embeddings: nothing wrong comes out of it, whatever happened to process or disk."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from cleaner.embedding import EmbeddingCache
from cleaner.errors import EmbeddingError

DIM = 4


def digest(i: int) -> str:
    return hashlib.sha256(str(i).encode()).hexdigest()


def vector(i: int) -> list[float]:
    return [i, i + 0.5, -i, 1.0]


def vectors(*items: int) -> np.ndarray:
    return np.array([vector(i) for i in items], dtype=np.float32)


def fill(root: Path, *items: int) -> EmbeddingCache:
    cache = EmbeddingCache(root, "net", DIM)
    cache.append([digest(i) for i in items], vectors(*items))
    return cache


def assert_right(cache: EmbeddingCache, *items: int) -> None:
    got, found = cache.get([digest(i) for i in items])
    assert found.all()
    np.testing.assert_array_equal(got, vectors(*items))


def test_what_was_put_in_comes_out_in_the_order_asked_for(tmp_path: Path) -> None:
    cache = fill(tmp_path, 1, 2, 3)
    assert len(cache) == 3
    assert_right(cache, 3, 1, 3)
    assert_right(EmbeddingCache(tmp_path, "net", DIM), 2, 3)


def test_unknown_content_is_not_found_and_gives_zeros(tmp_path: Path) -> None:
    got, found = fill(tmp_path, 1).get([digest(9), digest(1)])
    assert found.tolist() == [False, True]
    assert got.dtype == np.float32
    np.testing.assert_array_equal(got, [[0, 0, 0, 0], vector(1)])


def test_an_empty_cache_answers(tmp_path: Path) -> None:
    cache = EmbeddingCache(tmp_path, "net", DIM)
    got, found = cache.get([digest(1)])
    assert not found.any()
    assert got.shape == (1, DIM)
    assert cache.get([])[0].shape == (0, DIM)


def test_the_first_embedding_of_a_content_stays(tmp_path: Path) -> None:
    cache = fill(tmp_path, 1)
    cache.append([digest(1), digest(2), digest(2)], np.array([vector(7), vector(2), vector(2)]))
    assert len(cache) == 2
    assert_right(cache, 1, 2)


def test_another_key_is_another_cache(tmp_path: Path) -> None:
    fill(tmp_path, 1)
    assert digest(1) not in EmbeddingCache(tmp_path, "other", DIM)


def test_a_second_handle_sees_what_the_first_added_after_a_refresh(tmp_path: Path) -> None:
    first, second = fill(tmp_path, 1), EmbeddingCache(tmp_path, "net", DIM)
    first.append([digest(2)], vectors(2))
    assert digest(2) not in second
    second.append([digest(3)], vectors(3))  # which takes notice of row 2 by itself
    assert_right(second, 1, 2, 3)
    first.refresh()
    assert_right(first, 1, 2, 3)


def test_death_after_the_vectors_but_before_the_digests_loses_only_that_batch(tmp_path: Path) -> None:
    fill(tmp_path, 1, 2)
    with (tmp_path / "net" / "vectors.f16").open("ab") as file:
        file.write(vectors(8, 9, 10).astype("<f2").tobytes())
    again = fill(tmp_path, 3)
    assert_right(again, 1, 2, 3)
    assert len(again) == 3


@pytest.mark.parametrize("cut_bytes", [1, 31, 32, 33])
def test_digests_that_are_cut_anywhere_never_point_to_a_wrong_vector(tmp_path: Path, cut_bytes: int) -> None:
    fill(tmp_path, 1, 2, 3)
    path = tmp_path / "net" / "digests.bin"
    os.truncate(path, path.stat().st_size - cut_bytes)
    n_left = 2 if cut_bytes <= 32 else 1
    again = EmbeddingCache(tmp_path, "net", DIM)
    assert len(again) == n_left
    again.append([digest(5), digest(6)], vectors(5, 6))
    assert_right(again, 1, 5, 6)
    assert_right(EmbeddingCache(tmp_path, "net", DIM), 1, 5, 6)


def test_vectors_that_a_disk_lost_are_forgotten_and_their_digests_too(tmp_path: Path) -> None:
    fill(tmp_path, 1, 2, 3)
    os.truncate(tmp_path / "net" / "vectors.f16", 2 * DIM * 1 + 3)
    again = EmbeddingCache(tmp_path, "net", DIM)
    assert len(again) == 1
    again.append([digest(5)], vectors(5))
    with (tmp_path / "net" / "vectors.f16").open("ab") as file:  # and now a death before the digests
        file.write(vectors(8).astype("<f2").tobytes())
    last = EmbeddingCache(tmp_path, "net", DIM)
    assert len(last) == 2
    assert_right(last, 1, 5)


def test_a_folder_that_was_emptied_under_an_open_cache_is_filled_anew(tmp_path: Path) -> None:
    cache = fill(tmp_path, 1, 2)
    for name in ("vectors.f16", "digests.bin"):
        (tmp_path / "net" / name).unlink()
    cache.refresh()
    assert len(cache) == 0
    cache.append([digest(3)], vectors(3))
    assert_right(cache, 3)


def test_several_processes_write_at_once_and_all_rows_are_right(tmp_path: Path) -> None:
    program = (
        "import sys, hashlib, numpy as np; from pathlib import Path\n"
        "from cleaner.embedding import EmbeddingCache\n"
        "cache = EmbeddingCache(Path(sys.argv[1]), 'net', 4); who = int(sys.argv[2])\n"
        "for i in range(who, who + 40):\n"
        "    d = hashlib.sha256(str(i).encode()).hexdigest()\n"
        "    cache.append([d], np.array([[i, i + 0.5, -i, 1.0]], dtype=np.float32))\n"
    )
    # They overlap by half, so that the same content comes from two sides.
    workers = [
        subprocess.Popen(
            [sys.executable, "-c", program, str(tmp_path), str(start)], cwd=Path(__file__).parents[2]
        )
        for start in (0, 20, 40)
    ]
    assert [worker.wait(timeout=60) for worker in workers] == [0, 0, 0]
    cache = EmbeddingCache(tmp_path, "net", DIM)
    assert len(cache) == 80
    assert_right(cache, *range(80))
    assert (tmp_path / "net" / "digests.bin").stat().st_size == 80 * 32


def test_large_values_are_clipped_to_what_half_precision_holds(tmp_path: Path) -> None:
    cache = EmbeddingCache(tmp_path, "net", 2)
    cache.append([digest(1)], np.array([[1e9, -1e9]], dtype=np.float32))
    np.testing.assert_array_equal(cache.get([digest(1)])[0], [[65504, -65504]])


def test_values_that_are_no_numbers_are_refused_with_a_hint(tmp_path: Path) -> None:
    cache = EmbeddingCache(tmp_path, "net", 2)
    with pytest.raises(EmbeddingError) as caught:
        cache.append([digest(1), digest(2)], np.array([[1, np.nan], [1, 2]]))
    assert str(caught.value) == (
        "The network gave values that are not numbers for 1 of 2 images. Its weights are damaged, or belong "
        "to another network. Give another weights file."
    )
    assert len(cache) == 0


def test_a_wrong_shape_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EmbeddingError, match=r"^Got embeddings of shape \(1, 3\); expected \(1, 4\)\.$"):
        EmbeddingCache(tmp_path, "net", DIM).append([digest(1)], np.zeros((1, 3)))


def test_another_length_under_the_same_key_is_refused(tmp_path: Path) -> None:
    fill(tmp_path, 1)
    with pytest.raises(EmbeddingError, match=r"holds embeddings of length 4, not 5\. Delete this folder\.$"):
        EmbeddingCache(tmp_path, "net", 5)


def test_a_state_folder_that_is_a_file_is_an_error_in_words(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(
        EmbeddingError, match=r"cannot be read or written: .+ Check the disk\. This folder can be deleted"
    ):
        EmbeddingCache(tmp_path / "file", "net", DIM)
