"""Typical pictures of a class: whom they are chosen from, in what order, and that no two are alike."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cleaner.dataset.catalog import Catalog
from cleaner.embedding.cache import EmbeddingCache
from cleaner.labelling.examples import class_members, find_typical
from cleaner.review import ReviewStore


def content(names: Sequence[str]) -> Mapping[str, str]:
    return {name: hashlib.sha256(name.encode()).hexdigest() for name in names}


def cache_of(folder: Path, angles: Mapping[str, float]) -> EmbeddingCache:
    """Give each picture a direction in the plane."""
    cache = EmbeddingCache(folder, "net", 2)
    vectors = [[np.cos(a), np.sin(a)] for a in angles.values()]
    cache.append(list(content(list(angles)).values()), np.array(vectors).reshape(-1, 2))
    return cache


def chosen(
    confirmed: Sequence[str],
    likely: Sequence[str] = (),
    *,
    cache: EmbeddingCache | None = None,
    most: int = 4,
) -> list[str]:
    found = find_typical(confirmed, likely, hashes_of=content, cache_of=lambda _: cache, most=most)
    return [each.name if each.confirmed else f"{each.name}?" for each in found]


# ---------------------------------------------------------------- which of them


def test_the_nearest_to_the_middle_come_first(tmp_path: Path) -> None:
    cache = cache_of(tmp_path, {"a": -1.4, "b": -0.68, "c": -0.1, "d": 0.5, "e": 1.1})
    assert chosen("abcde", "x", cache=cache) == ["c", "b", "d", "e"]
    assert chosen("abcde", "x", cache=cache, most=2) == ["c", "b"]


def test_near_copies_are_passed_over(tmp_path: Path) -> None:
    cache = cache_of(tmp_path, {"a": 0.0, "b": 0.02, "c": 0.6, "d": -0.7, "e": 1.2, "f": -1.4})
    assert chosen("abcdef", cache=cache) == ["a", "c", "d", "e"]
    one, *rest = chosen("ab", "cdef", cache=cache)
    assert (one in "ab", rest) == (True, ["c?", "d?", "e?"])


def test_what_a_near_copy_is_depends_on_how_far_apart_the_others_are(tmp_path: Path) -> None:
    # a backbone that never learnt anything finds all pictures much alike
    angles = {name: i / 50 for i, name in enumerate("abcdef")}
    assert len(chosen("abcdef", cache=cache_of(tmp_path, angles))) == 4


def test_the_same_content_is_shown_once_also_without_embeddings() -> None:
    def same(names: Sequence[str]) -> Mapping[str, str]:
        return {name: "ab" * 32 if name in "ac" else name for name in names}

    found = find_typical("abcd", "ef", hashes_of=same)
    assert [each.name for each in found] == ["a", "b", "d", "e"]


def test_without_embeddings_the_confirmed_come_by_name_and_then_the_surest() -> None:
    assert chosen(["a", "b"], ["z", "c", "y"]) == ["a", "b", "z?", "c?"]
    assert [each.name for each in find_typical(["a", "b"], ["z"])] == ["a", "b", "z"]
    assert chosen([], []) == []


def test_those_without_an_embedding_come_after_those_with_one(tmp_path: Path) -> None:
    cache = cache_of(tmp_path, {"c": 0.0, "d": 0.7})
    assert chosen("abcd", "x", cache=cache) == ["c", "d", "a", "b"]


def test_of_very_many_only_some_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = [f"{i:05d}" for i in range(20_000)]
    cache = cache_of(tmp_path, dict(zip(names[:50], np.linspace(0, 1, 50), strict=True)))
    read: list[int] = []
    whole = EmbeddingCache.get
    monkeypatch.setattr(
        EmbeddingCache, "get", lambda self, digests: read.append(len(digests)) or whole(self, digests)
    )
    assert len(chosen(names, names[::-1], cache=cache)) == 4
    assert sum(read) <= 540


NAMES = st.lists(st.text("abcdefgh", min_size=1, max_size=2), unique=True, max_size=12)


@given(NAMES, st.integers(0, 12), st.lists(st.floats(-3, 3), min_size=12, max_size=12), st.integers(1, 5))
@settings(max_examples=60, deadline=None)
def test_any_choice_is_small_without_repetition_and_puts_the_confirmed_first(
    tmp_path_factory: pytest.TempPathFactory, names: list[str], cut: int, angles: list[float], most: int
) -> None:
    cache = cache_of(tmp_path_factory.mktemp("cache"), dict(zip(names[::2], angles, strict=False)))
    confirmed, likely = sorted(names[:cut]), names[cut:]
    found = find_typical(confirmed, likely, hashes_of=content, cache_of=lambda _: cache, most=most)
    assert len(found) <= most
    assert len({each.name for each in found}) == len(found)
    assert all((each.name in confirmed) == each.confirmed for each in found)
    assert [each.confirmed for each in found] == sorted((each.confirmed for each in found), reverse=True)
    assert bool(found) == bool(names)
    likely_found = [each.name for each in found if not each.confirmed]
    assert likely_found == sorted(likely_found, key=likely.index)


# ---------------------------------------------------------------- from whom


@pytest.fixture
def catalog() -> Catalog:
    names = [f"{i}.png" for i in range(10)]
    labels = ["cat"] * 7 + ["dog"] * 2 + [None]
    return Catalog(pd.DataFrame({"name": names, "label": labels, "split": None}))


def test_members_are_what_reviewers_agree_on_and_what_the_ranking_is_sure_of(
    open_store: Callable[..., ReviewStore], catalog: Catalog
) -> None:
    store = open_store()
    store.decide("0.png", "keep", given={"0.png": "cat"})
    store.decide("1.png", "delete", given={"1.png": "cat"})
    store.decide("2.png", "unsure", given={"2.png": "cat"})
    store.decide("3.png", "relabel", "dog", given={"3.png": "cat"})
    store.decide("7.png", "relabel", "cat", given={"7.png": "dog"})
    store.decide("9.png", "relabel", "cat")
    store.decide("gone.png", "relabel", "cat", given={"gone.png": "dog"})
    scores = {"4.png": 0.3, "5.png": 0.1, "6.png": float("nan"), "8.png": 0.0}
    members = class_members(catalog, store.state, "cat", score_of=scores.get)
    assert members == (["0.png", "7.png", "9.png"], ["5.png", "4.png"])
    assert class_members(catalog, store.state, "dog", score_of=scores.get) == (["3.png"], ["8.png"])
    assert class_members(catalog, store.state, "cat")[1] == []


def test_discarded_and_contested_pictures_are_no_examples(
    open_store: Callable[..., ReviewStore], catalog: Catalog
) -> None:
    store = open_store()
    for name in ("0.png", "1.png", "2.png"):
        store.decide(name, "keep", given={name: "cat"})
    store.decide("1.png", "delete", reason="duplicate")
    store.decide("2.png", "relabel", "dog", given={"2.png": "cat"}, reviewer="bob")
    assert class_members(catalog, store.state, "cat") == (["0.png"], [])
    assert class_members(catalog, store.state, "dog") == ([], [])


def test_members_are_found_by_the_present_name(
    open_store: Callable[..., ReviewStore], catalog: Catalog
) -> None:
    store = open_store()
    store.decide(["0.png", "7.png"], "keep", given={"0.png": "cat", "7.png": "dog"})
    store.class_event("class_rename", "cat", "kitten")
    store.class_event("class_merge", "dog", "kitten")
    scores = dict.fromkeys(catalog.names.tolist(), 0.5)
    confirmed, likely = class_members(catalog, store.state, "kitten", score_of=scores.get)
    assert (confirmed, likely) == (["0.png", "7.png"], [f"{i}.png" for i in (1, 2, 3, 4, 5, 6, 8)])
    assert class_members(catalog, store.state, "cat", score_of=scores.get) == ([], [])


def test_choosing_them_imports_no_torch() -> None:
    code = (
        "import sys, cleaner.labelling.examples, "
        "cleaner.session.class_examples; print('torch' in sys.modules)"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "False"
