from __future__ import annotations

from cleaner.analysis.confusions import ClassChanges, class_changes, label_moves

GIVEN = {"a": "cat", "b": "cat", "c": "dog", "d": None, "e": "dog"}
OUTCOMES = {
    "a": ("keep", None),
    "b": ("relabel", "dog"),
    "c": ("unsure", None),
    "d": ("label", "dog"),
    "e": ("discard", None),
    "gone": ("delete", None),
}


def test_decisions_are_counted_by_given_class() -> None:
    assert class_changes(GIVEN, OUTCOMES) == [
        ClassChanges(None, 1, 1, 0, 0),
        ClassChanges("cat", 2, 2, 1, 0),
        ClassChanges("dog", 2, 0, 0, 1),
    ]


def test_new_labels_are_counted_by_where_they_came_from() -> None:
    moved = {"a": ("relabel", "dog"), "b": ("relabel", "dog"), "d": ("label", "cat")}
    assert label_moves(GIVEN, moved) == [("cat", "dog", 2), (None, "cat", 1)]
    assert label_moves(GIVEN, {}) == []
