"""Which digit gives which class."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from cleaner.review import ReviewStore
from cleaner.session.legend import Legend


@pytest.fixture
def store(tmp_path: Path) -> Iterator[ReviewStore]:
    with ReviewStore(tmp_path / "review.db", dataset="set", reviewer="Ana") as made:
        yield made


def numbers(*numbers: int) -> list[str]:
    return [str(number) for number in numbers]


@pytest.mark.parametrize(
    ("classes", "digits"),
    [
        (["cat", "bird"], {"bird": "1", "cat": "2"}),
        (numbers(*range(10)), {str(n): str(n) for n in range(10)}),
        (["1", "0"], {"0": "0", "1": "1"}),
        (["00", "01", "09"], {"00": "0", "01": "1", "09": "9"}),
        (["c1", "c0", "c2"], {"c0": "0", "c1": "1", "c2": "2"}),
        (["class_3", "class_5", "other"], {"class_3": "3", "class_5": "5", "other": "1"}),
        (["-1", "1"], {"-1": "2", "1": "1"}),
        (["2019", "2020"], {"2019": "1", "2020": "2"}),
        (["a1", "b2"], {"a1": "1", "b2": "2"}),
        (["1", "01"], {"01": "1", "1": ""}),
        (numbers(*range(1, 12)), {str(n): str(n % 10) if n < 11 else "" for n in range(1, 12)}),
        (numbers(*range(43)), {str(n): str(n) if n < 10 else "" for n in range(43)}),
    ],
)
def test_numbered_classes_have_their_own_digit_and_others_those_left(
    store: ReviewStore, classes: list[str], digits: dict[str, str]
) -> None:
    assert Legend(classes, store.state).digits() == digits


def test_classes_come_in_their_natural_order(store: ReviewStore) -> None:
    assert list(Legend(["10", "9", "b", "A"], store.state).digits()) == ["9", "10", "A", "b"]


def test_a_class_made_later_takes_no_digit_from_another_one(store: ReviewStore) -> None:
    legend = Legend(["0", "1"], store.state)
    assert legend.digits() == {"0": "0", "1": "1"}
    for name in ("blurred", "2", "3", "12"):
        store.class_event("class_new", name)
        legend.digits()
    assert legend.digits() == {"0": "0", "1": "1", "blurred": "2", "2": "", "3": "3", "12": ""}


def test_a_class_keeps_its_digit_under_another_name_and_when_others_go(store: ReviewStore) -> None:
    legend = Legend(["bird", "cat", "dog"], store.state)
    store.class_event("class_rename", "dog", "ape")
    store.class_event("class_merge", "bird", "cat")
    assert legend.digits() == {"cat": "2", "ape": "3"}
