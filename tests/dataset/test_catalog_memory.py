"""The catalog that is remembered from one opening to the next: it stands until anything has changed."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from cleaner import Workspace
from cleaner.dataset import dataset
from cleaner.dataset.catalog import Catalog
from cleaner.errors import CatalogError
from tests.pictures import make_picture

Change = Callable[[Path], object]


@pytest.fixture(autouse=True)
def _small_sets_are_remembered_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dataset, "_LARGE_INDEX_BYTES", 0)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "set"
    for at in range(12):
        make_picture(root / "ab"[at % 2] / f"{at}.png", (20 * at, 7, 9))
    (root / "notes.txt").write_text("nothing")
    for _ in range(2):  # the first time there is no index yet
        opened(root)
    assert (root / ".cleaner" / "catalog.npz").is_file()
    return root


def opened(root: Path, **options: object) -> Catalog:
    with Workspace(root, **options) as workspace:  # type: ignore[arg-type]
        assert workspace.store.state.images is not None
        assert dict(workspace.store.state.images.contents) == dict(workspace.index.hashes())
        return workspace.catalog


def assert_same(a: Catalog, b: Catalog) -> None:
    assert_frame_equal(a.table, b.table)
    assert_frame_equal(a.left_out, b.left_out)
    assert [f.on_page for f in a.findings] == [f.on_page for f in b.findings]
    assert (a.root, a.layout, a.label_sets, a.label_form) == (b.root, b.layout, b.label_sets, b.label_form)


def test_nothing_is_listed_again_while_nothing_has_changed(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (root / ".cleaner" / "catalog.npz").rename(root / ".cleaner" / "aside")
    anew, listed = opened(root), Workspace.listed
    monkeypatch.setattr(Workspace, "listed", lambda _: pytest.fail("listed again"))
    assert_same(opened(root), anew)
    (root / "cleaned.csv").write_text("name,label\n")  # a name that was not there
    with pytest.raises(pytest.fail.Exception):
        opened(root)
    monkeypatch.setattr(Workspace, "listed", listed)
    anew = opened(root)
    monkeypatch.setattr(Workspace, "listed", lambda _: pytest.fail("listed again"))
    (root / "cleaned.csv").write_text("name,label\na/0.png,b\n")  # our own: that it changed says nothing
    assert_same(opened(root), anew)


def _swap(root: Path) -> None:
    a, b, between = root / "a/0.png", root / "a/2.png", root / "a/between"
    a.rename(between)
    b.rename(a)
    between.rename(b)


CHANGES: dict[str, Change] = {
    "a new image": lambda root: make_picture(root / "a/new.png", (1, 2, 3)),
    "a new class": lambda root: make_picture(root / "c/new.png", (1, 2, 3)),
    "an image goes": lambda root: (root / "a/0.png").unlink(),
    "an image is renamed": lambda root: (root / "a/0.png").rename(root / "a/other.png"),
    "an image moves to another class": lambda root: (root / "a/0.png").rename(root / "b/0.png"),
    "two images are swapped": _swap,
    "another content": lambda root: make_picture(root / "a/0.png", (1, 2, 3)),
    "a broken image": lambda root: (root / "a/0.png").write_bytes(b"no image"),
    "a class has another name": lambda root: (root / "a").rename(root / "z"),
    "a link that leads out": lambda root: (root / "a/link.png").symlink_to(root.parent / "out.png"),
    "a table beside": lambda root: (root / "labels.csv").write_text("name,label\n0.png,a\n1.png,b\n"),
    "a table above": lambda root: (root.parent / "labels.csv").write_text("name,label\n0.png,a\n1.png,b\n"),
    "another layout": lambda root: (root / ".cleaner/layout.json").unlink(),
    "another index": lambda root: (root / ".cleaner/index.db").unlink(),
    "a damaged memory": lambda root: (root / ".cleaner/catalog.npz").write_bytes(b"PK no archive"),
}


@pytest.mark.parametrize("what", CHANGES)
def test_whatever_changes_is_seen(root: Path, what: str) -> None:
    make_picture(root.parent / "out.png", (1, 2, 3))
    CHANGES[what](root)
    found = opened(root)
    again = opened(root)
    (root / ".cleaner" / "catalog.npz").unlink(missing_ok=True)
    anew = opened(root)
    assert_same(found, anew)
    assert_same(again, anew)


def test_what_another_process_finds_out_is_seen(root: Path) -> None:
    with Workspace(root) as other:
        other.index.set_problems({"a/0.png": "it ends early"})
    found = opened(root)
    assert "a/0.png" not in set(found.names)
    assert list(found.left_out["reason"]) == ["it ends early"]
    assert_same(opened(root), found)


def test_files_of_one_size_and_time_that_were_swapped_are_told_apart(root: Path) -> None:
    one, two = root / "a/0.png", root / "b/1.png"
    for path in (one, two):
        path.write_bytes(one.read_bytes()[:60] + os.urandom(40))
        os.utime(path, ns=(10**18, 10**18))
    before = opened(root), opened(root)
    assert_same(*before)
    with Workspace(root) as workspace:
        hashes = dict(workspace.index.hashes())
    between = root.parent / "between"
    one.rename(between)
    two.rename(one)
    between.rename(two)
    opened(root)
    with Workspace(root) as workspace:
        now = dict(workspace.index.hashes())
    assert (now["a/0.png"], now["b/1.png"]) == (hashes["b/1.png"], hashes["a/0.png"])


def test_other_options_make_another_catalog(root: Path) -> None:
    make_picture(root / ".hidden.png", (1, 2, 3))
    assert ".hidden.png" not in set(opened(root).names)
    assert ".hidden.png" in set(opened(root, hidden=True).names)
    assert ".hidden.png" not in set(opened(root).names)


def test_a_table_of_labels_is_remembered_until_it_changes(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = root / "labels.csv"
    rows = [f"{at}.png,{'ab'[at % 2]},s{at % 3}" for at in range(10)]
    table.write_text("\n".join(["name,label,site", *rows, "gone.png,a,s0"]))
    anew = opened(table, group="site")
    opened(table, group="site")
    with monkeypatch.context() as patched:
        patched.setattr(Workspace, "listed", lambda _: pytest.fail("listed again"))
        found = opened(table, group="site")
    assert_same(found, anew)
    assert found.group_column == "site"
    assert found.groups is not None and list(found.groups) == list(anew.table["site"])
    table.write_text(table.read_text().replace("0.png,a", "0.png,c"))
    assert "c" in opened(table, group="site").classes


def test_a_folder_without_images_is_left_as_it_is(tmp_path: Path) -> None:
    with pytest.raises(CatalogError):
        assert Workspace(tmp_path).catalog
    assert not list(tmp_path.iterdir())


def test_columns_of_other_things_than_texts_are_not_remembered(root: Path) -> None:
    with Workspace(root) as workspace:
        memory = dataset.CatalogMemory(workspace.state)
        table = workspace.catalog.table.assign(number=pd.Series(range(12), dtype=object))
        catalog = Catalog(table, root=root)
        assert memory.write({"index": workspace.index.stamp()}, catalog, workspace.index) is None
