"""The labels of a list of addresses are kept beside its images."""

from __future__ import annotations

from pathlib import Path

import pytest

from cleaner.collect.labels import keep_labels
from cleaner.collect.urls import UrlList
from cleaner.errors import DownloadError

URLS = UrlList(
    ("u1", "u2", "u3"),
    ("id", "url", "class", "name"),
    {"u1": ["1", "u1", "cat", "Tom"], "u2": ["2", "u2", "dog, big", "Rex"], "u3": ["3", "u3", "cat", "Tim"]},
    label=2,
)


def test_labels_and_other_columns_are_kept_for_the_images_that_came(tmp_path: Path) -> None:
    kept = keep_labels(tmp_path, URLS, [("u2", "b.jpg"), ("u1", "a.jpg")])
    assert kept is not None
    assert (kept.path, kept.images, kept.disputed) == (tmp_path / "labels.csv", 2, ())
    assert kept.path.read_text() == (
        'name,label,id,url,name_given\nb.jpg,"dog, big",2,u2,Rex\na.jpg,cat,1,u1,Tom\n'
    )


def test_a_second_run_adds_rows_and_changes_none(tmp_path: Path) -> None:
    keep_labels(tmp_path, URLS, [("u1", "a.jpg")])
    path = tmp_path / "labels.csv"
    path.write_text(path.read_text().replace("cat", "tiger"))  # by hand
    kept = keep_labels(tmp_path, URLS, [("u1", "a.jpg"), ("u3", "c.jpg")])
    assert kept is not None
    assert kept.images == 2
    assert path.read_text().splitlines()[1:] == ["a.jpg,tiger,1,u1,Tom", "c.jpg,cat,3,u3,Tim"]


@pytest.mark.parametrize("text", ["name,label\nmine.jpg,cat\n", "notes\n", ""])
def test_a_table_of_other_columns_is_left_alone(tmp_path: Path, text: str) -> None:
    (tmp_path / "labels.csv").write_text(text)
    kept = keep_labels(tmp_path, URLS, [("u1", "a.jpg")])
    assert kept is not None
    assert kept.path == tmp_path / "labels-2.csv"
    assert (tmp_path / "labels.csv").read_text() == text


def test_an_image_with_two_labels_keeps_the_first_and_is_named(tmp_path: Path) -> None:
    kept = keep_labels(tmp_path, URLS, [("u1", "a.jpg"), ("u2", "a.jpg"), ("u3", "a.jpg")])
    assert kept is not None
    assert kept.disputed == ("a.jpg",)
    assert kept.path.read_text().splitlines()[1:] == ["a.jpg,cat,1,u1,Tom"]


def test_without_labels_or_images_nothing_is_written(tmp_path: Path) -> None:
    assert keep_labels(tmp_path, UrlList(("u1",)), [("u1", "a.jpg")]) is None
    assert keep_labels(tmp_path, URLS, []) is None
    assert list(tmp_path.iterdir()) == []


def test_a_table_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(DownloadError, match=r"^The labels cannot be written to .*labels\.csv: "):
        keep_labels(tmp_path / "gone", URLS, [("u1", "a.jpg")])
