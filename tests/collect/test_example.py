"""The built-in example: what is wrong in it, and that it is made once."""

from __future__ import annotations

import re
from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest
from PIL import Image

from cleaner.collect.example import TRUTH, make_example, true_labels, wrong_names
from cleaner.errors import CleanerError


@pytest.fixture(scope="module")
def example(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The pictures of the example; not to be changed."""
    return make_example(tmp_path_factory.mktemp("demo"))


def test_one_in_twenty_labels_is_wrong_half_of_them_between_digits_that_look_alike(example: Path) -> None:
    truth = true_labels(example)
    wrong = wrong_names(example, truth)
    assert len(truth) == 1797
    assert len(wrong) == 90
    pairs = Counter((truth[name], name.split("/")[0]) for name in wrong)
    alike = pairs["1", "7"] + pairs["4", "9"] + pairs["3", "8"]
    assert 45 <= alike <= 50
    assert len(pairs) > 25


def test_the_pictures_are_where_the_truth_says_and_nothing_else_is_among_them(example: Path) -> None:
    found = {path.relative_to(example).as_posix() for path in example.rglob("*") if path.is_file()}
    assert found == set(true_labels(example))
    with Image.open(example / next(iter(found))) as picture:
        assert picture.size == (64, 64)


def test_the_names_do_not_put_images_of_one_digit_together(example: Path) -> None:
    truth = true_labels(example)
    in_order = [truth[name] for name in sorted(truth, key=lambda name: name.split("/")[1])]
    assert sum(this == following for this, following in pairwise(in_order)) < 0.2 * len(in_order)
    assert all(re.fullmatch(r"[0-9]/digit_[0-9]{4}\.png", name) for name in truth)


def test_a_second_start_changes_nothing(example: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in example.rglob("*.png")}
    assert make_example(example.parent) == example
    assert {path: path.stat().st_mtime_ns for path in example.rglob("*.png")} == before


def test_an_interrupted_start_is_made_good(tmp_path: Path) -> None:
    root = make_example(tmp_path)
    truth = true_labels(root)
    (tmp_path / TRUTH).unlink()
    lost = next(iter(truth))
    (root / lost).unlink()
    (root / ".cleaner").mkdir()
    (root / ".cleaner" / "review.db").touch()
    make_example(tmp_path)
    assert true_labels(root) == truth
    assert (root / lost).is_file()


def test_a_folder_with_other_files_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "digits").mkdir()
    (tmp_path / "digits" / "holiday.png").touch()
    with pytest.raises(CleanerError) as caught:
        make_example(tmp_path)
    assert str(caught.value) == (
        f"{tmp_path / 'digits'} contains holiday.png, which is not part of the example. Give another folder."
    )
    assert [path.name for path in (tmp_path / "digits").iterdir()] == ["holiday.png"]


def test_other_folders_have_no_truth(tmp_path: Path) -> None:
    with pytest.raises(CleanerError, match=r"is not the built-in example: truth\.csv is missing beside it"):
        true_labels(tmp_path)
