from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import average_precision_score

from cleaner.dataset.catalog import Catalog
from cleaner.dataset.label_sets import LabelSets
from cleaner.embedding.pipeline import Embeddings
from cleaner.errors import RankingError
from cleaner.ranking import SetRanking, load_ranking, rank_sets
from cleaner.ranking.posterior import Posterior

SETS = LabelSets(";")
CLASSES = np.array([f"c{k}" for k in range(6)])
N = 400


def made(seed: int = 0) -> tuple[np.ndarray, np.ndarray, Embeddings]:
    """Return right bits, given bits with 15 % missing and 8 % extra labels, and embeddings of the images."""
    rng = np.random.default_rng(seed)
    truth = rng.random((N, 6)) < 0.25
    vectors = truth @ rng.normal(size=(6, 24)) + 1.2 * rng.normal(size=(N, 24))
    given = truth & (rng.random(truth.shape) > 0.15)
    given |= ~truth & (rng.random(truth.shape) < 0.03)
    names = [f"{i:03d}" for i in range(N)]
    return truth, given, Embeddings(names=names, vectors=vectors.astype(np.float32), hashes=names, key="k")


def catalog_of(bits: np.ndarray) -> Catalog:
    labels = [SETS.join(CLASSES[row]) for row in bits]
    names = [f"{i:03d}" for i in range(len(bits))]
    return Catalog(pd.DataFrame({"name": names, "label": labels, "split": "train"}), label_sets=SETS)


@pytest.fixture(scope="module")
def ranked() -> tuple[np.ndarray, np.ndarray, SetRanking]:
    truth, given, embeddings = made()
    return truth, given, rank_sets(catalog_of(given), embeddings)


def test_wrong_bits_come_first_and_before_what_the_heads_alone_say(
    ranked: tuple[np.ndarray, np.ndarray, SetRanking],
) -> None:
    truth, given, ranking = ranked
    wrong = truth != given
    own = np.where(given, 1 - ranking.plain, ranking.plain)
    found = average_precision_score(wrong.ravel(), ranking.wrong.ravel())
    assert found > average_precision_score(wrong.ravel(), own.ravel()) + 0.05
    first = ranking.pairs.iloc[0]
    assert first["score"] == ranking.wrong.max()
    assert set(ranking.pairs["given"]) == {"present", "absent"}
    assert ranking.missing.mean() == pytest.approx(0.15, abs=0.06)
    assert ranking.extra.mean() == pytest.approx(0.03, abs=0.025)


def test_the_score_of_an_image_is_that_any_of_its_bits_is_wrong(
    ranked: tuple[np.ndarray, np.ndarray, SetRanking],
) -> None:
    _, given, ranking = ranked
    assert ranking.scores == pytest.approx(1 - np.prod(1 - ranking.wrong, axis=1), abs=1e-5)
    table = ranking.table
    assert table["score"].is_monotonic_decreasing
    assert table["suggested_label"][0] not in (None, table["given_label"][0])
    row = ranking.row(table["name"][0])
    assert (ranking.suggested_bits[row] != given[row]).any()
    assert table["suggested_label"].isna().iloc[-1]


def test_what_a_reviewer_has_said_counts_as_right() -> None:
    truth, given, embeddings = made()
    names = catalog_of(given).names.tolist()
    corrected = {name: SETS.join(CLASSES[row]) for name, row in zip(names[:200], truth[:200], strict=True)}
    ranking = rank_sets(catalog_of(given), embeddings, labels=corrected, trusted=names[:200])
    assert ranking.wrong[:200].max() == 0
    left = average_precision_score((truth != given)[200:].ravel(), ranking.wrong[200:].ravel())
    assert left > 0.6
    assert ranking.missing.mean() == pytest.approx(0.15, abs=0.06)


def test_how_many_images_are_wrong_is_told_with_an_interval_that_decisions_make_narrower(
    ranked: tuple[np.ndarray, np.ndarray, SetRanking],
) -> None:
    truth, given, ranking = ranked
    names = ranking.names
    wrong = dict(zip(names, (truth != given).any(axis=1).tolist(), strict=True))
    done = ranking.order()[:120].tolist()
    corrected = {name: SETS.join(CLASSES[truth[names.index(name)]]) for name in done if wrong[name]}
    later = rank_sets(catalog_of(given), made()[2], labels=corrected, trusted=done)
    widths = []
    for made_now, decided in ((ranking, []), (ranking, done), (later, done)):
        posterior = Posterior(made_now, {name: wrong[name] for name in decided})
        assert posterior.decisions == len(decided)  # those from before a ranking teach, too
        left = [name for name in names if name not in decided]
        count = posterior.count(left)
        assert count.low <= sum(wrong[name] for name in left) <= count.high
        widths.append(count.high - count.low)
    assert max(widths[1:]) < widths[0]


def test_what_was_doubtful_before_decisions_follows_classes_that_become_one(tmp_path: Path) -> None:
    _, given, embeddings = made()
    names = embeddings.names[:40]
    ranking = rank_sets(catalog_of(given), embeddings, trusted=names)
    before = ranking.unseen()
    assert not before.is_open[:40].any() and np.isfinite(before.odds[:40]).all()
    assert ((before.given == 6) ^ (before.suggested == 6)).all()  # a missing class, or an extra one
    read = load_ranking(ranking.save(tmp_path))
    merged = read.under_names(lambda text: text.replace("c1", "c0")).unseen()
    assert merged.n_classes == 6
    assert ((merged.given == 5) == (before.given == 6))[:40].all()
    assert read.at(np.arange(20), names=names[:20], given=ranking.given[:20], classes=read.classes).originals


def test_it_comes_back_from_the_disk_as_it_was(
    ranked: tuple[np.ndarray, np.ndarray, SetRanking], tmp_path: Path
) -> None:
    _, _, ranking = ranked
    back = load_ranking(ranking.save(tmp_path))
    assert isinstance(back, SetRanking)
    assert back.sets == SETS
    pd.testing.assert_frame_equal(back.table, ranking.table)
    assert len(pd.read_csv(tmp_path / "pairs.csv")) == N * 6


def test_figures_for_single_labels_are_refused(ranked: tuple[np.ndarray, np.ndarray, SetRanking]) -> None:
    for figure in ("codes", "suggested"):
        with pytest.raises(RankingError, match="several labels"):
            getattr(ranked[2], figure)


def test_images_without_a_label_are_asked_nothing_and_get_a_suggestion() -> None:
    _, given, embeddings = made()
    catalog = catalog_of(given).with_labels({"000": None})
    ranking = rank_sets(catalog, embeddings)
    assert np.isnan(ranking.scores[0])
    assert ranking.order()[-1] == "000"
    assert ranking.suggestion(0)[0]
