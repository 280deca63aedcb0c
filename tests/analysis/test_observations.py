from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cleaner.analysis.confusions import confusions
from cleaner.analysis.observations import Observations, Provenance, file_days, observe
from cleaner.audit.audit import Audit
from cleaner.dataset.catalog import Catalog
from cleaner.dataset.file_index import FileIndex
from cleaner.ranking import Ranking
from cleaner.review import Choice, ReviewStore
from cleaner.review.images import SetImages

LABELS = {
    "a/img2.jpg": "shirt",
    "a/img10.jpg": "shirt",
    "b/img1.jpg": "shirt",
    "b/img3.jpg": "hat",
    "b/img4.jpg": None,
}


def catalog_of(table: pd.DataFrame, *, root: Path) -> Catalog:
    for name in table["name"]:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    return Catalog.from_dataframe(table, root=root)


@pytest.fixture
def catalog(tmp_path: Path) -> Catalog:
    return catalog_of(
        pd.DataFrame(
            {
                "name": list(LABELS),
                "label": list(LABELS.values()),
                "annotator": ["Ann", "Ben", "Ann", None, "Ben"],
                "id": [1, 2, 3, 4, 5],
            }
        ),
        root=tmp_path,
    )


@pytest.fixture
def store(open_store: Callable[..., ReviewStore]) -> ReviewStore:
    return open_store(images=SetImages(LABELS, {}))


def of(seen: Observations, name: str) -> int:
    return seen.names.index(name)


def ranking_of(catalog: Catalog, suggested: dict[str, str], *, score: float = 0.8) -> Ranking:
    """Make a ranking that gives a label to each image and doubts every given one alike."""
    classes = catalog.classes
    odds = np.full((len(catalog), len(classes)), 0.1, dtype=np.float32)
    for row, name in enumerate(catalog.names):
        odds[row, classes.index(suggested.get(name, "hat"))] = 0.9
    scores = np.array([np.nan if label is None else score for label in catalog.labels])
    names = list(catalog.names)
    return Ranking(
        names,
        ["train"] * len(names),
        list(catalog.labels),
        classes=classes,
        posterior=odds,
        predicted=odds,
        signals={"pooled": scores, "loss": scores},
        model="made",
    )


def test_files_stand_in_the_order_in_which_cameras_count(catalog: Catalog) -> None:
    assert Provenance.of(catalog).names == [
        "a/img2.jpg",
        "a/img10.jpg",
        "b/img1.jpg",
        "b/img3.jpg",
        "b/img4.jpg",
    ]


def test_looks_errors_and_right_labels_are_those_of_the_decisions(
    catalog: Catalog, store: ReviewStore
) -> None:
    store.decide("b/img1.jpg", "relabel", "hat")
    store.decide("a/img2.jpg", "delete")
    store.decide("a/img10.jpg", "keep")
    store.decide("b/img3.jpg", "unsure")
    seen = observe(Provenance.of(catalog), store.state)
    assert seen.classes == ["hat", "shirt"]
    assert seen.look.tolist() == [2, 3, 1, 0, 0]
    assert seen.wrong.tolist() == [True, False, True, False, False]
    assert seen.right.tolist() == [-1, -1, 0, -1, -1]
    assert seen.given.tolist() == [1, 1, 1, 0, -1]
    assert seen.moves().tolist() == [[0, 0], [1, 0]]
    assert (seen.confirmed, seen.sizes.tolist()) == (2, [1, 3])


def test_a_discard_is_no_look_no_error_and_no_correction(catalog: Catalog, store: ReviewStore) -> None:
    store.decide("b/img1.jpg", "relabel", "hat")
    provenance, ranking = Provenance.of(catalog), ranking_of(catalog, {})
    audit = Audit.begun([name for name, label in LABELS.items() if label], seed="a")
    before = observe(provenance, store.state, ranking=ranking, audit=audit)
    store.decide(["a/img2.jpg", "b/img1.jpg"], "delete", reason="duplicate")
    after = observe(provenance, store.state, ranking=ranking, audit=audit)
    for column in ("look", "wrong", "right", "audited"):
        assert getattr(after, column).tolist() == getattr(before, column).tolist(), column
    assert after.confirmed == 1
    table = confusions(after, store.state, ranking)
    assert table.open.tolist() == [[0, 0], [1, 0]]  # a/img10 alone is still to be looked at


def test_until_an_error_leaves_out_what_came_later(catalog: Catalog, store: ReviewStore) -> None:
    store.decide("b/img1.jpg", "relabel", "hat")
    store.decide("a/img10.jpg", "keep")
    store.decide("a/img2.jpg", "delete")
    seen = observe(Provenance.of(catalog), store.state).until(1)
    assert (seen.confirmed, seen.look.max()) == (1, 1)


def test_a_first_label_for_an_unlabelled_picture_is_no_error(catalog: Catalog, store: ReviewStore) -> None:
    store.decide("b/img4.jpg", "relabel", "hat")
    seen = observe(Provenance.of(catalog), store.state)
    assert seen.confirmed == 0
    assert not seen.wrong.any()


def test_renamed_and_merged_classes_count_as_they_are_now(catalog: Catalog, store: ReviewStore) -> None:
    store.decide("b/img1.jpg", "relabel", "hat")
    store.class_event("class_rename", "hat", "cap")
    seen = observe(Provenance.of(catalog), store.state)
    assert seen.classes == ["cap", "shirt"]
    assert seen.right[of(seen, "b/img1.jpg")] == 0


def test_a_class_that_nobody_was_given_has_no_index(catalog: Catalog, store: ReviewStore) -> None:
    store.decide("b/img1.jpg", "relabel", "sari")
    seen = observe(Provenance.of(catalog), store.state)
    assert seen.wrong[of(seen, "b/img1.jpg")]
    assert seen.right[of(seen, "b/img1.jpg")] == -1


def test_sources_are_folders_dates_and_columns_that_tell_images_of_a_class_apart(catalog: Catalog) -> None:
    dates = dict.fromkeys(LABELS, "2024-01-01") | {"a/img2.jpg": "2024-01-02"}
    sources = Provenance.of(catalog, days=[dates[name] for name in catalog.names]).sources
    assert sources["folder"].groups == ["a", "b"]
    assert sources["date"].groups == ["2024-01-01", "2024-01-02"]
    assert sources["date"].codes.tolist() == [1, 0, 0, 0, 0]
    assert sources["annotator"].codes.tolist() == [0, 1, 0, -1, 1]
    same_day = Provenance.of(catalog, days=["2024-01-01"] * len(catalog)).sources
    assert set(same_day) == {"folder", "annotator", "id"}


def test_a_folder_for_each_class_is_no_source(tmp_path: Path) -> None:
    table = pd.DataFrame(
        {"name": ["hat/1.jpg", "hat/2.jpg", "shirt/1.jpg"], "label": ["hat", "hat", "shirt"]}
    )
    assert Provenance.of(catalog_of(table, root=tmp_path)).sources == {}


def test_a_column_with_too_many_values_is_no_source(tmp_path: Path) -> None:
    names = [f"{i}.jpg" for i in range(60)]
    table = pd.DataFrame({"name": names, "label": "hat", "id": range(60)})
    assert Provenance.of(catalog_of(table, root=tmp_path)).sources == {}


def test_suggestions_and_the_random_sample_are_found_by_name(catalog: Catalog, store: ReviewStore) -> None:
    audit = Audit.begun([name for name, label in LABELS.items() if label], seed="a")
    for name in audit.sequence[:2]:
        store.decide(name, "keep")
    seen = observe(
        Provenance.of(catalog), store.state, ranking=ranking_of(catalog, {"a/img2.jpg": "shirt"}), audit=audit
    )
    assert seen.suggested.tolist() == [1, 0, 0, 0, 0]
    assert [seen.audited[of(seen, name)] for name in audit.sequence] == [1, 2, 0, 0]


def test_scores_are_those_of_before_the_decision(catalog: Catalog, store: ReviewStore) -> None:
    ranking = ranking_of(catalog, {}, score=0.8)
    seen_by_reviewer = Choice(name="a/img2.jpg", action="relabel", label="hat", given="shirt", score=0.3)
    store.record([seen_by_reviewer], model="earlier")
    store.decide("a/img10.jpg", "keep")  # with no ranking: what it says now knows the decision
    store.record([Choice(name="b/img1.jpg", action="keep", given="shirt", score=0.3)], model=ranking.model)
    seen = observe(Provenance.of(catalog), store.state, ranking=ranking, scores=ranking.signals["pooled"])
    assert seen.score.tolist() == pytest.approx([0.3, np.nan, 0.8, 0.8, np.nan], nan_ok=True)
    alone = observe(Provenance.of(catalog), store.state).score
    assert alone.tolist() == pytest.approx([0.3, np.nan, 0.3, np.nan, np.nan], nan_ok=True)


def test_what_only_the_ranking_the_audit_or_the_history_knows_is_taken_for_no_other_image(
    tmp_path: Path, open_store: Callable[..., ReviewStore]
) -> None:
    names = ["1.jpg", "2.jpg", "9.jpg", "gone.jpg"]
    table = pd.DataFrame({"name": names, "label": ["hat", "shirt", "hat", "shirt"]})
    whole = catalog_of(table, root=tmp_path)
    catalog, store = whole.subset(names[:3]), open_store()
    score = {"1.jpg": 0.8, "2.jpg": 0.8, "9.jpg": 0.1, "gone.jpg": 0.9}
    ranking = ranking_of(whole, {"gone.jpg": "shirt"})
    ranking = ranking.at(np.arange(1, 4), names=names[1:], given=ranking.given[1:], classes=ranking.classes)
    store.record([Choice(name="gone.jpg", action="delete", given="shirt", score=0.7)], model="earlier")
    store.record([Choice(name="2.jpg", action="relabel", label="hat", given="shirt")])
    store.record([Choice(name="9.jpg", action="keep", given="hat")], model=ranking.model)
    audit = next(
        each
        for each in (Audit.begun(["2.jpg", "gone.jpg"], seed=str(i)) for i in range(20))
        if each.sequence[0] == "gone.jpg"
    )
    seen = observe(
        Provenance.of(catalog),
        store.state,
        ranking=ranking,
        scores=np.array([score[name] for name in ranking.names]),
        audit=audit,
    )
    assert seen.names == names[:3]
    assert seen.look.tolist() == [0, 2, 3]
    assert seen.wrong.tolist() == [False, True, False]
    assert seen.suggested.tolist() == [-1, 0, 0]
    assert seen.audited.tolist() == [0, 2, 0]
    assert seen.score.tolist() == pytest.approx([np.nan, np.nan, 0.1], nan_ok=True)
    estimated = confusions(seen, store.state, ranking).estimated
    assert estimated is not None
    assert estimated.tolist() == [[0, pytest.approx(0.8)], [pytest.approx(0.8), 0]]


@pytest.mark.parametrize("first", ["a", "b"])
def test_files_are_of_the_day_on_which_they_were_written_to_its_last_nanosecond(
    tmp_path: Path, first: str
) -> None:
    midnight_ns = 1_717_200_000 * 10**9  # the first second of June 2024
    names = ["a.jpg", "b.jpg", "june.jpg"]
    catalog = catalog_of(pd.DataFrame({"name": [*names, "new.jpg"], "label": "hat"}), root=tmp_path)
    written = {"a.jpg": midnight_ns - 10**12, "b.jpg": midnight_ns - 10**12, "june.jpg": midnight_ns}
    written[f"{first}.jpg"] = midnight_ns - 1
    for name, time_ns in written.items():
        os.utime(tmp_path / name, ns=(time_ns, time_ns))
    index = FileIndex(tmp_path / "index.db")
    index.scan(tmp_path, [*names])
    assert file_days(catalog, index) == ["2024-05-31", "2024-05-31", "2024-06-01", None]
    (tmp_path / "a.jpg").unlink()
    assert file_days(catalog.subset(names[1:]), index) == ["2024-05-31", "2024-06-01"]
    index.close()


# -------------------------------------------------------------------- confusions


def test_many_images_are_estimated_block_by_block_and_alike(
    catalog: Catalog, store: ReviewStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    ranking = ranking_of(catalog, {"a/img2.jpg": "shirt", "b/img3.jpg": "shirt"})
    ranking.scores[:] = np.linspace(0.1, 0.5, len(catalog))
    seen = observe(Provenance.of(catalog), store.state, ranking=ranking)
    whole = confusions(seen, store.state, ranking).estimated
    monkeypatch.setattr("cleaner.analysis.confusions._BLOCK", 2)
    assert whole is not None
    np.testing.assert_allclose(confusions(seen, store.state, ranking).estimated, whole)
    assert (whole[1, 0], whole[0, 1]) == (pytest.approx(0.6), pytest.approx(0.4))


def test_the_model_s_estimate_stands_beside_the_corrections(catalog: Catalog, store: ReviewStore) -> None:
    store.decide("b/img1.jpg", "relabel", "hat")
    ranking = ranking_of(catalog, {})
    seen = observe(Provenance.of(catalog), store.state, ranking=ranking)
    table = confusions(seen, store.state, ranking)
    hat, shirt = 0, 1
    assert table.estimated is not None
    assert table.estimated[shirt, hat] == pytest.approx(2.4)
    assert table.corrected[shirt, hat] == 1
    assert table.open.tolist() == [[0, 0], [2, 0]]


def test_what_a_later_ranking_was_told_counts_as_one(catalog: Catalog, store: ReviewStore) -> None:
    three = catalog.with_labels({"b/img4.jpg": "scarf"})
    store.decide("b/img1.jpg", "relabel", "hat")
    ranking = ranking_of(three, {"b/img1.jpg": "scarf"}, score=0.0)  # whatever it predicts itself
    ranking.given = ["hat" if name == "b/img1.jpg" else three.label_of(name) for name in ranking.names]
    table = confusions(observe(Provenance.of(three), store.state, ranking=ranking), store.state, ranking)
    assert table.estimated is not None
    assert table.estimated.tolist() == [[0, 0, 0], [0, 0, 0], [1, 0, 0]]


def test_without_a_ranking_there_are_only_corrections(catalog: Catalog, store: ReviewStore) -> None:
    table = confusions(observe(Provenance.of(catalog), store.state), store.state, None)
    assert table.estimated is None
    assert not table.corrected.any()
