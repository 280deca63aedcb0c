"""Folders of classes can be seen, and are read back as the same class."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cleaner.dataset.class_folders import folder_beside, folder_of, folders_of, label_of, same_folder
from cleaner.dataset.folders import is_ignored


@pytest.mark.parametrize(
    ("label", "folder"),
    [
        ("bear", "bear"), ("ü 日本", "ü 日本"), ("100%", "100%"), ("50%20off", "50%20off"),
        ("steam_train", "steam_train"),
        (".NET logo", "%2ENET logo"), ("@eaDir", "%40eaDir"), ("__MACOSX", "%5F_MACOSX"),
        ("train", "%74rain"),
        ("unlabelled", "%75nlabelled"), ("CON", "%43ON"), ("aux.jpg", "%61ux.jpg"), ("a.", "a%2E"),
        ("..", "%2E%2E"),
        ("a/b", "a%2Fb"), ("a\\b", "a%5Cb"), ("%2Ex", "%252Ex"), ("fold1", "%66old1"), ("what?", "what%3F"),
    ],
)  # fmt: skip
def test_a_folder_is_named_like_its_class_where_that_can_be(label: str, folder: str) -> None:
    assert folder_of(label) == folder
    assert label_of(folder) == label


@pytest.mark.parametrize("folder", ["50%20off", "100%", "%", "%zz", "%2e", "%41bc%42", "a%2Fb%20c", "%FF"])
def test_a_folder_of_other_people_is_its_own_class(folder: str) -> None:
    assert label_of(folder) == folder


@given(st.text(min_size=1, max_size=30) | st.text(alphabet="%.0123ABCDEFab /", min_size=1, max_size=8))
def test_every_label_comes_back_and_its_folder_can_be_seen(label: str) -> None:
    refused: set[str] = set()
    while (folder := folder_beside(label, refused.__contains__)) is not None:
        refused.add(folder)
        assert label_of(folder) == label
        assert not is_ignored(folder)
        assert not set(folder) & set('<>:"/\\|?*')
        assert folder == folder.strip(". ")


@given(st.lists(st.text(alphabet="aAbB%é", min_size=1, max_size=4), unique=True, max_size=8))
def test_no_two_classes_have_one_folder_on_any_system(labels: list[str]) -> None:
    folders = [folder for folder in folders_of(labels).values() if folder is not None]
    assert not any(same_folder(a, b) for i, a in enumerate(folders) for b in folders[i + 1 :])


def test_a_label_that_is_too_long_has_no_folder() -> None:
    assert folder_of("x" * 200) == "x" * 200
    assert folder_of("x" * 201) is None
    assert folder_of("ü" * 101) is None
    assert folders_of(["Cat", "cat", "x" * 201]) == {"Cat": "Cat", "cat": "%63at", "x" * 201: None}


def test_three_classes_that_differ_in_case_alone_have_three_folders_that_are_read_back() -> None:
    folders = folders_of(["bA", "BA", "Ba"])
    assert folders == {"bA": "bA", "BA": "%42A", "Ba": "%42%61"}
    assert [label_of(str(folder)) for folder in folders.values()] == ["bA", "BA", "Ba"]
