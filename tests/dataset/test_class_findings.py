"""What is odd about the classes of a set; above all, which names are one class in two spellings."""

from __future__ import annotations

import pytest

from cleaner.dataset.class_findings import class_findings, similar_names


@pytest.mark.parametrize(
    "names",
    [
        ("Cat", "cat"),
        ("cat", "cats"),
        ("red fox", "red-fox"),
        ("red_fox", "redfox"),
        ("caf\u00e9", "cafe\u0301"),
        ("grizly", "grizzly"),
        ("beagel", "beagle"),
        ("dalmatian", "dalmation"),
        ("cat ", "cat"),
        ("Mel. nevus", "mel nevus"),
    ],
)
def test_one_class_in_two_spellings_is_noticed(names: tuple[str, str]) -> None:
    assert similar_names(names) == [tuple(sorted(names))]


@pytest.mark.parametrize(
    "names",
    [
        ("cat1", "cat2"),
        ("1", "10"),
        ("0", "00"),
        ("1 2", "12"),
        ("A", "B"),
        ("A", "As"),
        ("type A", "type B"),
        ("type_a", "type_as_is"),
        ("cat", "bat"),
        ("horse", "house"),
        ("shirt", "skirt"),
        ("male", "female"),
        ("left", "right"),
        ("lower", "flower"),
        ("plane", "planet"),
        ("maple", "ample"),
        ("v1", "v1s"),
        ("+", "-"),
        ("c", "c++"),
        ("healthy", "unhealthy"),
        ("\u30cf", "\u30d0"),
    ],
)
def test_different_classes_are_not_taken_for_one(names: tuple[str, str]) -> None:
    assert similar_names(names) == []


def test_many_spellings_are_chained_not_multiplied() -> None:
    assert similar_names(["Cat", "cat", "CAT", "dog"]) == [("CAT", "Cat"), ("Cat", "cat")]


def topics(**classes: dict[str, int]) -> dict[str, bool]:
    return {finding.topic: finding.doubtful for finding in class_findings(classes)}


def test_ordinary_classes_are_not_remarked_on() -> None:
    assert topics(cat={"train": 9, "valid": 3}, dog={"train": 9, "valid": 3}) == {}
    assert topics() == {}


def test_a_class_alone_is_doubtful() -> None:
    assert topics(cat={"train": 9}) == {"one_class": True}


def test_a_class_with_two_images_is_told_and_one_without_training_images_is_doubtful() -> None:
    found = topics(cat={"train": 9}, dog={"train": 1, "valid": 1}, fox={"valid": 4, "test": 4})
    assert found == {"few_images": False, "not_trained": True}


def test_a_set_without_training_images_says_nothing_of_each_class() -> None:
    assert topics(cat={"test": 9}, dog={"test": 9}) == {}


def test_splits_that_are_not_known_yet_say_nothing() -> None:
    assert topics(cat={"train": 9}, dog={"pending": 9}) == {}
