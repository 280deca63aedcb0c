"""Images that belong to no class."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from cleaner.dataset.catalog import Catalog
from cleaner.errors import Cancelled, RankingError
from cleaner.quality import outliers as outliers_module
from cleaner.quality.outliers import THRESHOLD, Outliers, class_distances, find_outliers, outlier_scores
from cleaner.ranking.features import unit_length
from cleaner.util.progress import Reporter

CLASSES = ("bear", "dog", "cat")


def make(
    per_class: int = 40, *, planted: int = 0, seed: int = 0, wrong: float = 0.1
) -> tuple[np.ndarray, list[str | None]]:
    """Draw three clusters with some labels wrong; ``planted`` rows of a fourth kind come last."""
    rng = np.random.default_rng(seed)
    centres = 3 * rng.normal(size=(4, 24))
    kinds = np.repeat([0, 1, 2, 3], [per_class, per_class, per_class, planted])
    vectors = centres[kinds] + rng.normal(size=(len(kinds), 24))
    labels: list[str | None] = [
        CLASSES[k] if k < 3 and rng.random() > wrong else CLASSES[rng.integers(3)] for k in kinds
    ]
    return vectors.astype(np.float32), labels


def find(vectors: np.ndarray, given: list[str | None], **options: object) -> Outliers:
    names = [f"{k:03d}" for k in range(len(given))]
    catalog = Catalog(pd.DataFrame({"name": names, "label": given}))
    embeddings = SimpleNamespace(names=names, vectors=vectors, hashes=names, key="k")
    return find_outliers(catalog, embeddings, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("planted", [1, 3, 25])
def test_what_belongs_to_no_class_comes_first_though_there_are_many_of_it(planted: int) -> None:
    found = find(*make(planted=planted))
    assert set(found.flagged(0.0)[:planted]) == {f"{k:03d}" for k in range(120, 120 + planted)}


def test_a_wrong_label_makes_no_outlier() -> None:
    vectors, labels = make(planted=2, wrong=0.0)
    before = find(vectors, labels).table
    labels[5] = "cat"
    after = find(vectors, labels).table
    assert after["nearest"][5] == "bear"
    assert after["score"][5] == pytest.approx(before["score"][5], abs=0.03)
    assert set(after["name"][after["score"].nlargest(2).index]) == {"120", "121"}


def test_unlabelled_images_are_judged_but_do_not_vouch() -> None:
    vectors, labels = make(planted=30)
    labels[120:] = [None] * 30
    labels[7] = None
    found = find(vectors, labels)
    assert set(found.flagged(0.0)[:30]) == {f"{k:03d}" for k in range(120, 150)}
    assert found.table["nearest"].tolist()[7] == "bear"


def test_without_any_label_the_set_is_one_class() -> None:
    vectors, _ = make(planted=2)
    found = find(vectors, [None] * 122)
    assert set(found.flagged(0.0)[:2]) == {"120", "121"}
    assert found.table["nearest"].tolist() == [None] * 122


def test_small_classes_do_not_vouch_for_their_own() -> None:
    vectors, labels = make(planted=3)
    labels[120:] = ["odd"] * 3
    assert set(find(vectors, labels).flagged(0.0)[:3]) == {"120", "121", "122"}


def test_labels_can_be_replaced() -> None:
    vectors, labels = make(planted=30)
    labels[120:] = ["fish"] * 30
    assert not set(find(vectors, labels).flagged(0.0)[:10]) & {f"{k:03d}" for k in range(120, 150)}
    gone = {f"{k:03d}": None for k in range(120, 150)}
    assert set(find(vectors, labels, labels=gone).flagged(0.0)[:30]) == set(gone)


def test_images_without_embedding_are_left_out() -> None:
    catalog = Catalog(pd.DataFrame({"name": ["a", "b"], "label": ["x", "x"]}))
    embeddings = SimpleNamespace(names=["b"], vectors=np.ones((1, 4), np.float32), hashes=["b"], key="k")
    found = find_outliers(catalog, embeddings)
    assert found.table["name"].tolist() == ["b"]
    assert found.table["score"].tolist() == [0.0]


def test_an_empty_set_has_no_outliers() -> None:
    found = find(np.zeros((0, 4), np.float32), [])
    assert len(found) == 0 and found.flagged() == [] and found.flagged(0.0) == []


def test_blocks_and_representatives_change_little(monkeypatch: pytest.MonkeyPatch) -> None:
    vectors, labels = make(60, planted=10)
    X = unit_length(vectors)
    codes = np.array([CLASSES.index(label) if label else -1 for label in labels])
    whole, nearest = class_distances(X, codes)
    monkeypatch.setattr(outliers_module, "_BLOCK", 1000)
    in_blocks, same = class_distances(X, codes)
    np.testing.assert_allclose(in_blocks, whole, rtol=1e-6)
    assert (nearest == same).all()
    monkeypatch.setattr(outliers_module, "PER_CLASS", 30)
    some, _ = class_distances(X, codes)
    assert not np.allclose(some, whole)
    assert np.corrcoef(some, whole)[0, 1] > 0.99


def test_an_image_is_not_near_because_of_itself() -> None:
    X = unit_length(np.eye(6, dtype=np.float32))
    distance, _ = class_distances(X, np.zeros(6, dtype=np.int64))
    assert distance.tolist() == pytest.approx([1.0] * 6)


def test_the_score_is_a_half_at_the_fence() -> None:
    distance = np.array([0.0, 1.0, 2.0, 3.0, 4.0, 6.0])
    q1, median, q3 = np.percentile(distance, [25, 50, 75])
    fence = q3 + 1.5 * (q3 - q1)
    scores = outlier_scores(np.append(distance, []))
    x = (6.0 - median) / (fence - median)
    assert scores[-1] == pytest.approx(x / (1 + x))
    assert scores[0] == 0 and (np.diff(scores) >= 0).all() and scores.max() < 1
    assert outlier_scores(np.ones(4)).tolist() == [0] * 4


def test_a_search_can_be_stopped() -> None:
    class Stop(Reporter):
        def should_stop(self) -> bool:
            return True

    with pytest.raises(Cancelled):
        find(*make(), reporter=Stop())


def test_the_table_is_read_as_it_was_saved(tmp_path: Path) -> None:
    found = find(*make(planted=2))
    found.table.loc[0, "nearest"] = None
    again = Outliers.load(found.save(tmp_path / "deep" / "outliers.csv"))
    pd.testing.assert_frame_equal(again.table, found.table, atol=1e-5)
    assert again.flagged(THRESHOLD) == found.flagged()
    with pytest.raises(RankingError, match="Look for outliers again"):
        Outliers.load(tmp_path / "absent.csv")
