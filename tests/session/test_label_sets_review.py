"""A review of images that can have several labels: what is changed, shown, counted and written."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from cleaner.analysis.bit_changes import BitChanges, bit_changes
from cleaner.errors import StoreError
from cleaner.interpret.label_matrix import Agreement, LabelMatrix
from cleaner.ranking import SetRanking
from cleaner.review.classes import class_counts, make_class, merge_classes, rename_class
from cleaner.session.session import ReviewSession
from cleaner.session.view import GridView
from cleaner.workspace import Workspace

CLASSES = ["cat", "dog", "fox"]
ROWS = ["1,1,0", "0,1,0", "0,0,1", "0,0,0", "1,0,1", "0,1,0"]
NAMES = [f"{i}.png" for i in range(6)]


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    """Six images with a column of 1 and 0 for each of four classes, of which none shows an owl."""
    for i, name in enumerate(NAMES):
        Image.new("RGB", (8, 8), (40 * i, 0, 0)).save(tmp_path / name)
    rows = "".join(f"{name},{row},0,s{i}\n" for i, (name, row) in enumerate(zip(NAMES, ROWS, strict=True)))
    (tmp_path / "labels.csv").write_text("image,cat,dog,fox,owl,site\n" + rows)
    with Workspace(tmp_path, labels=tmp_path / "labels.csv", reviewer="Ana") as made:
        made.scan()
        yield made


def ranking_of(workspace: Workspace) -> SetRanking:
    """Say of the first image that it shows no cat but a fox, and of the others that they are right."""
    catalog = workspace.catalog
    sets = catalog.label_sets
    assert sets is not None
    bits = np.array([[name in sets.split(label) for name in CLASSES] for label in catalog.labels])
    believed = np.where(bits, 0.9, 0.1)
    believed[0] = [0.2, 0.9, 0.7]
    return SetRanking(
        catalog.names.tolist(),
        ["train"] * 6,
        catalog.labels.tolist(),
        classes=CLASSES,
        sets=sets,
        posterior=believed,
        predicted=believed,
        plain=believed,
        missing=np.full(3, 0.1),
        extra=np.full(3, 0.05),
        model="bits-test",
    )


@pytest.fixture
def session(workspace: Workspace) -> Iterator[ReviewSession]:
    made = ReviewSession(workspace, ranking=ranking_of(workspace), in_background=False)
    yield made
    made.close()


def label_of(session: ReviewSession, name: str) -> str | None:
    return session.known.label(name)


def test_the_page_shows_sets_of_labels_and_suggests_one(session: ReviewSession) -> None:
    page = session.page()
    assert page.separator == "|"
    assert page.classes == tuple(CLASSES)
    first = page.cells[0]
    assert (first.name, first.given, first.suggestion) == ("0.png", "cat|dog", "dog|fox")
    assert first.probability == pytest.approx(0.8 * 0.9 * 0.7, rel=1e-3)
    assert next(cell for cell in page.cells if cell.name == "3.png").given == "|"
    assert page.summary.progress["expected_next"] is None  # no interval is known


def test_labels_are_given_and_taken_one_by_one_and_undone(session: ReviewSession) -> None:
    session.decide("0.png", "add", "fox")
    session.decide("0.png", "remove", "cat")
    assert label_of(session, "0.png") == "dog|fox"
    session.decide(["1.png", "2.png"], "add", "cat")
    assert (label_of(session, "1.png"), label_of(session, "2.png")) == ("cat|dog", "cat|fox")
    session.decide("1.png", "remove", "cat")
    assert session.cells(["1.png"])[0].action == "keep"  # it has the labels that it came with
    for _ in range(4):
        session.undo()
    assert not session.store.state.outcomes()


def test_the_suggestion_is_taken_as_a_whole_and_confirm_keeps_the_rest(session: ReviewSession) -> None:
    session.decide("0.png", "suggest")
    session.confirm()
    progress = session.progress()
    assert (progress["errors"], progress["looked_at"]) == (1, 6)
    assert label_of(session, "0.png") == "dog|fox"


def test_a_label_must_be_a_class_and_a_new_one_is_asked_for(session: ReviewSession) -> None:
    with pytest.raises(StoreError, match="'owl', which is no class"):
        session.decide("0.png", "add", "owl")
    with pytest.raises(StoreError, match="stands between the labels"):
        session.decide("0.png", "add", "owl|bat", new_class=True)
    session.decide("0.png", "add", "owl", new_class=True)
    assert label_of(session, "0.png") == "cat|dog|owl"
    assert session.classes == [*CLASSES, "owl"]


def test_filters_are_by_class(session: ReviewSession) -> None:
    def shown(**view: str) -> list[str]:
        session.set_view(GridView(show="all", order="by file name", **view))
        return list(session.names)

    session.decide("3.png", "add", "fox")
    assert shown(given="cat") == ["0.png", "4.png"]
    assert shown(predicted="fox") == ["0.png", "2.png", "4.png"]
    assert shown(now="fox") == ["2.png", "3.png", "4.png"]
    assert session.filters()["given"] == CLASSES


def test_the_result_keeps_its_columns_of_one_and_zero(session: ReviewSession, workspace: Workspace) -> None:
    session.decide("0.png", "suggest")
    session.decide("1.png", "remove", "dog")
    session.decide("5.png", "delete")
    with closing(workspace.csv_writer()) as writer:
        table = pd.read_csv(writer.write_now(), dtype=str)
    assert table["label"].tolist() == ["dog|fox", "|", "fox", "|", "cat|fox"]
    changed = ["0,1,1", "0,0,0", *ROWS[2:5]]
    assert [",".join(row) for row in table[CLASSES].to_numpy()] == changed
    assert table["site"].tolist() == ["s0", "s1", "s2", "s3", "s4"]


def test_classes_are_renamed_merged_and_counted_one_by_one(
    session: ReviewSession, workspace: Workspace
) -> None:
    catalog, store = workspace.catalog, workspace.store
    session.decide("3.png", "add", "dog")
    rename_class(catalog, store, "cat", "puma")
    session.refresh()
    assert label_of(session, "0.png") == "dog|puma"
    assert session.page().classes == ("puma", "dog", "fox")
    merge_classes(catalog, store, "dog", "fox")
    session.refresh()
    assert label_of(session, "0.png") == "fox|puma"
    assert label_of(session, "3.png") == "fox"
    counts = {each.label: each.images for each in class_counts(catalog, store.state)}
    assert counts == {"fox": 6, "puma": 2}
    assert workspace.cleaned().labels.tolist() == ["fox|puma", "fox", "fox", "fox", "fox|puma", "fox"]
    with pytest.raises(StoreError, match="stands between the labels"):
        make_class(catalog, store, "a|b")


def test_errors_are_counted_and_no_class_is_accused(session: ReviewSession) -> None:
    session.decide("0.png", "suggest")
    session.confirm()
    session.analyse()
    analysis = session.analysis
    assert analysis is not None
    assert (analysis.patterns.confirmed, analysis.patterns.found) == (1, ())
    assert analysis.forecast.rest is not None  # images with any wrong label
    matrix = analysis.matrix
    assert isinstance(matrix, LabelMatrix)
    assert (matrix.images, matrix.agreeing) == (6, 6)  # by the labels after all decisions


def test_each_number_of_the_matrix_opens_the_images_that_it_counts(
    session: ReviewSession, workspace: Workspace
) -> None:
    session.decide("1.png", "add", "cat")
    session.decide("4.png", "delete")
    rename_class(workspace.catalog, workspace.store, "dog", "hound")
    session.refresh()
    session.watch_patterns = True
    session.analyse()
    analysis = session.analysis
    assert analysis is not None
    matrix = analysis.matrix
    assert isinstance(matrix, LabelMatrix)
    assert list(matrix.classes) == ["cat", "fox", "hound"]
    cases = {
        ((label, each),): matrix.count(k, each)
        for k, label in enumerate(matrix.classes)
        for each in Agreement
    }
    for pair in matrix.most_confused():
        views = (pair.label, Agreement.LABEL_ONLY), (pair.predicted, Agreement.MODEL_ONLY)
        cases[views] = pair.share.part
    for agreement, number in cases.items():
        session.set_view(GridView(agreement=agreement, show="all"))
        assert len(session.names) == number, agreement
    shown = {}
    for agreement in cases:
        session.set_view(GridView(agreement=agreement, show="all"))
        shown[" ".join(f"{label} {each}" for label, each in agreement)] = sorted(session.names)
    assert shown == {
        "cat both": [],
        "cat label_only": ["0.png", "1.png"],
        "cat model_only": [],
        "fox both": ["2.png"],
        "fox label_only": [],
        "fox model_only": ["0.png"],
        "hound both": ["0.png", "1.png", "5.png"],
        "hound label_only": [],
        "hound model_only": [],
        "cat label_only fox model_only": ["0.png"],
    }


def test_an_image_that_came_without_a_label_counts_and_is_shown_when_it_has_one(tmp_path: Path) -> None:
    for name in NAMES:
        Image.new("RGB", (8, 8), "red").save(tmp_path / name)
    texts = ["cat;dog", "dog", "fox", "cat;fox", "cat", ""]
    rows = "".join(f"{name},{label}\n" for name, label in zip(NAMES, texts, strict=True))
    (tmp_path / "labels.csv").write_text("image,label\n" + rows)
    with Workspace(tmp_path, labels=tmp_path / "labels.csv", reviewer="Ana") as made:
        made.scan()
        made.store.decide("5.png", "relabel", "fox")
        session = ReviewSession(made, ranking=ranking_of(made), in_background=False)
        session.analyse()
        assert session.analysis is not None
        matrix = session.analysis.matrix
        assert isinstance(matrix, LabelMatrix)
        assert matrix.images == 6
        session.set_view(GridView(agreement=(("fox", Agreement.LABEL_ONLY),), show="all"))
        assert list(session.names) == ["5.png"]
        assert matrix.count(2, Agreement.LABEL_ONLY) == 1
        session.close()


def test_a_filter_by_what_label_and_model_say_follows_a_class_that_is_renamed(
    session: ReviewSession, workspace: Workspace
) -> None:
    session.set_view(GridView(agreement=(("cat", Agreement.LABEL_ONLY),), show="all"))
    rename_class(workspace.catalog, workspace.store, "cat", "puss")
    session.refresh()
    assert session.view.agreement == (("puss", Agreement.LABEL_ONLY),)
    assert list(session.names) == ["0.png"]


def test_missing_and_extra_labels_are_counted_by_class(session: ReviewSession, workspace: Workspace) -> None:
    session.decide("0.png", "suggest")
    session.decide("1.png", "keep")
    catalog = workspace.catalog
    given = dict(zip(catalog.names, catalog.labels, strict=True))
    assert catalog.label_sets is not None
    found = bit_changes(given, workspace.store.state.judgements(), catalog.label_sets)
    assert found == [
        BitChanges("cat", 2, 2, 1, 0),
        BitChanges("dog", 3, 2, 0, 0),
        BitChanges("fox", 2, 2, 0, 1),
    ]


def test_hand_edits_of_the_result_come_back_as_sets(session: ReviewSession, workspace: Workspace) -> None:
    session.decide("0.png", "suggest")
    with closing(workspace.csv_writer()) as writer:
        path = writer.write_now()
        path.write_text(path.read_text().replace("1.png,dog,", "1.png,fox| dog,"))
        writer.import_hand_edits()
    assert workspace.cleaned().label_of("1.png") == "dog|fox"


def test_a_ranking_of_single_labels_is_none_of_a_set_with_several(workspace: Workspace) -> None:
    ranking_of(workspace).save(workspace.ranking_folder)
    assert isinstance(workspace.ranking(), SetRanking)
    with Workspace(workspace.root, labels=workspace.labels, label_separator="-") as other:
        assert other.catalog.label_sets is None
        assert other.ranking() is None
