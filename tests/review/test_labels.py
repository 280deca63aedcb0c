"""What label every image has after all decisions."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cleaner.dataset.catalog import Catalog
from cleaner.review.images import SetImages
from cleaner.review.labels import SET_ASIDE, LabelOfImage, PresentLabels
from cleaner.review.store import ReviewStore

GIVEN = {"a.png": "cat", "b.png": "cat", "c.png": "dog", "d.png": None, "e.png": "dog"}
CLASSES = ("cat", "dog", "fox")


def catalog() -> Catalog:
    table = pd.DataFrame({"name": list(GIVEN), "label": "", "split": "train"})
    return Catalog(table).with_labels(GIVEN)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[ReviewStore]:
    with open_store(tmp_path) as opened:
        yield opened


def open_store(folder: Path) -> ReviewStore:
    return ReviewStore(folder / "r.db", dataset="d", reviewer="Ana", images=SetImages(GIVEN, {}))


def test_without_decisions_every_image_has_its_given_label(store: ReviewStore) -> None:
    present = PresentLabels.of(catalog(), store.state)
    assert present.by_name() == GIVEN
    assert list(present)[3] == LabelOfImage("d.png", None, None, "")
    assert not any(image.decided for image in present)


def test_each_decision_counts_in_its_own_way(store: ReviewStore) -> None:
    store.decide("a.png", "delete")
    store.decide("b.png", "relabel", "fox")
    store.decide("c.png", "unsure")
    store.decide("d.png", "relabel", "dog")
    store.decide("e.png", "delete", reason="blurry")
    store.decide("gone.png", "delete")
    present = PresentLabels.of(catalog(), store.state)
    assert list(present) == [
        ("a.png", "cat", "cat", "delete"),
        ("b.png", "cat", "fox", "relabel"),
        ("c.png", "dog", "dog", "unsure"),
        ("d.png", None, "dog", "label"),
        ("e.png", "dog", "dog", "delete"),
    ]
    assert [image.decided for image in present] == [True, True, False, True, True]
    assert present.deleted == {"a.png", "e.png"}
    assert present.by_name() == {"b.png": "fox", "c.png": "dog", "d.png": "dog"}
    assert present.by_name(without=SET_ASIDE) == {"b.png": "fox", "d.png": "dog"}


def test_a_renamed_and_a_merged_class_change_what_was_given_and_what_was_chosen(store: ReviewStore) -> None:
    store.decide("c.png", "relabel", "cat")
    store.class_event("class_rename", "cat", "kitten")
    store.class_event("class_merge", "dog", "kitten")
    store.decide("e.png", "relabel", "dog")  # a new class that has the old name
    present = PresentLabels.of(catalog(), store.state)
    assert present.given == ["kitten", "kitten", "kitten", None, "kitten"]
    assert present.labels == ["kitten", "kitten", "kitten", None, "dog"]
    assert present.outcomes[2] == "keep"  # both of its labels are one class now


def test_it_stays_as_it_was(store: ReviewStore) -> None:
    present = PresentLabels.of(catalog(), store.state)
    store.decide("a.png", "delete")
    assert present.by_name() == GIVEN


ACTS = st.one_of(
    st.tuples(st.sampled_from(["keep", "delete", "unsure"]), st.sampled_from(list(GIVEN))),
    st.tuples(st.just("relabel"), st.sampled_from(list(GIVEN)), st.sampled_from(CLASSES)),
    st.tuples(
        st.sampled_from(["class_rename", "class_merge"]), st.permutations(CLASSES).map(lambda two: two[:2])
    ),
    st.just(("undo",)),
)


@given(st.lists(ACTS, max_size=12))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_it_says_what_the_state_says_of_each_image(
    tmp_path_factory: pytest.TempPathFactory, acts: list[tuple[object, ...]]
) -> None:
    with open_store(tmp_path_factory.mktemp("store")) as store:
        for kind, *rest in acts:
            if kind == "undo":
                store.undo()
            elif str(kind).startswith("class_"):
                store.class_event(str(kind), *rest[0])  # type: ignore[misc]
            else:
                store.decide(rest[0], str(kind), *rest[1:])  # type: ignore[arg-type]
        state = store.state
        for image in PresentLabels.of(catalog(), state):
            decision, before = state.of(image.name), GIVEN[image.name]
            assert image.given == (before and state.label_now(before))
            assert image.outcome == (decision.outcome if decision else "")
            chosen = decision.new_label if decision else None
            assert image.label == (chosen or image.given)
            assert image.deleted == (image.outcome == "delete")
