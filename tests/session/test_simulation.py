"""The simulated expert: what is counted, the lag of a page, mistakes, the audit, and the command."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pictures import make_collages
from rankings import make_ranking, make_set_ranking
from typer.testing import CliRunner

from cleaner.cli import app
from cleaner.errors import RankingError
from cleaner.ranking import Ranking
from cleaner.ranking.clusters import Clusters
from cleaner.session.simulation import COLUMNS, GROUPS, LEARNING, RANDOM, _steps, simulate


def truth_of(ranking: Ranking, wrong: np.ndarray) -> dict[str, str | None]:
    pairs = zip(ranking.names, ranking.given, wrong, strict=True)
    return {name: "hat" if error else label for name, label, error in pairs}


@pytest.fixture(scope="module")
def played() -> pd.DataFrame:
    ranking, wrong = make_ranking()
    return simulate(ranking, truth_of(ranking, wrong), looks=240)


def test_every_ordering_has_a_row_a_page_and_one_before_the_first(played: pd.DataFrame) -> None:
    assert tuple(played.columns) == COLUMNS
    for ordering in (LEARNING, "pooled", RANDOM):
        rows = played[played["ordering"] == ordering]
        assert rows["looks"].tolist() == list(range(0, 241, 24))
        assert rows["page"].tolist() == list(range(11))
        assert rows["errors_found"].iloc[0] == 0


def test_without_learning_the_static_order_is_played(played: pd.DataFrame) -> None:
    ranking, wrong = make_ranking()
    hits = np.cumsum([wrong[ranking.row(name)] for name in ranking.order()])
    rows = played[played["ordering"] == "pooled"].iloc[1:]
    assert rows["errors_found"].tolist() == [int(hits[n - 1]) for n in rows["looks"]]
    np.testing.assert_allclose(rows["recall"], rows["errors_found"] / wrong.sum())


def test_learning_starts_one_page_late_and_finds_structured_errors_sooner(played: pd.DataFrame) -> None:
    learning = played[played["ordering"] == LEARNING]["errors_found"].to_numpy()
    static = played[played["ordering"] == "pooled"]["errors_found"].to_numpy()
    # Page 3 brings the decisions over 50; page 4 was open by then.
    assert learning[:5].tolist() == static[:5].tolist()
    assert learning[5] > static[5]
    assert (learning[-1], static[-1]) == (59, 49)


def test_the_expectation_is_fitted_to_the_decisions(played: pd.DataFrame) -> None:
    rows = played[played["ordering"] == LEARNING]
    came = rows["errors_found"].diff().shift(-1)[4:-1]
    told = rows["expected_next"][4:-1]
    assert abs(told.sum() - came.sum()) < 0.25 * came.sum()
    came = rows["errors_found"].diff().shift(-1)[:-1]
    assert (rows["next_low"][:-1] <= came).mean() >= 0.9
    assert (came <= rows["next_high"][:-1]).mean() >= 0.9
    assert (rows["left"] <= rows["left_high"]).all()
    assert played[played["ordering"] == RANDOM]["expected_next"].isna().all()


def test_a_whole_review_finds_all_and_a_fallible_expert_does_not() -> None:
    ranking, wrong = make_ranking(200)
    truth = truth_of(ranking, wrong)
    sure = simulate(ranking, truth, orderings=["loss"]).iloc[-1]
    assert (sure["looks"], sure["errors_found"], sure["recall"], sure["mistakes"]) == (200, wrong.sum(), 1, 0)
    rows = simulate(ranking, truth, orderings=["loss"], reviewer_error=0.2).iloc[-1]
    assert 20 < rows["mistakes"] < 60
    assert rows["errors_found"] < wrong.sum()
    again = simulate(ranking, truth, orderings=["loss"], reviewer_error=0.2).iloc[-1]
    assert again["mistakes"] == rows["mistakes"]


def test_what_belongs_to_no_class_is_an_error_found() -> None:
    ranking, wrong = make_ranking(60)
    truth = dict(truth_of(ranking, wrong))
    truth[ranking.names[0]] = None
    last = simulate(ranking, truth, orderings=[RANDOM]).iloc[-1]
    assert last["errors_found"] == wrong.sum() + (not wrong[0])


def test_the_audit_bounds_what_is_left() -> None:
    ranking, wrong = make_ranking()
    table = simulate(ranking, truth_of(ranking, wrong), orderings=[LEARNING], looks=240, audit=120)
    assert table["left_at_most"].isna().tolist() == [True] * 11 + [False] * 5
    last = table.iloc[-1]
    assert (last["audited"], last["looks"]) == (120, 360)
    assert wrong.sum() - last["errors_found"] <= last["left_at_most"] < 30
    assert last["recall_at_least"] == last["errors_found"] / (last["errors_found"] + last["left_at_most"])


def grouped_ranking(n: int = 600) -> tuple[Ranking, np.ndarray]:
    """Return a ranking whose suspects are likely enough for groups, a tenth of which would be wrong."""
    ranking, suspect = make_ranking(n)
    rng = np.random.default_rng(5)
    chance = np.where(suspect, 0.9, 0.02)
    posterior = np.full((n, 3), 1e-4)
    posterior[np.arange(n), ranking.codes] = 1 - chance
    posterior[np.arange(n), (ranking.codes + 2) % 3] += chance
    ranking.posterior = posterior.astype(np.float32)
    ranking.signals["pooled"] = chance.astype(np.float32)
    ranking.clusters = Clusters(np.where(suspect, 0, -1).astype(np.int32), np.arange(n, dtype=np.int32))
    return ranking, suspect & (rng.random(n) < 0.9)


def test_whole_groups_take_fewer_keys_to_the_same_labels() -> None:
    ranking, wrong = grouped_ranking()
    truth = truth_of(ranking, wrong)
    table = simulate(ranking, truth, orderings=[LEARNING, GROUPS])
    groups, single = (table[table["ordering"] == ordering] for ordering in (GROUPS, LEARNING))
    assert groups["groups"].max() >= 2
    end = groups[groups["groups"] == groups["groups"].max()].iloc[0]
    assert end["mistakes"] == 0
    assert end["wrong_left"] == wrong.sum() - end["errors_found"]
    one_by_one = single[single["wrong_left"] <= end["wrong_left"]].iloc[0]
    assert end["keys"] * 2 < one_by_one["keys"]
    assert groups.iloc[-1]["wrong_left"] == single.iloc[-1]["wrong_left"] == 0


def test_what_is_overlooked_in_a_group_is_a_mistake_that_stays_in_the_labels() -> None:
    ranking, wrong = grouped_ranking()
    table = simulate(ranking, truth_of(ranking, wrong), orderings=[GROUPS], overlooked=1.0)
    last = table.iloc[-1]
    assert last["mistakes"] == last["wrong_left"] > 0


def test_several_labels_are_reviewed_and_learnt_from() -> None:
    ranking, truth = make_set_ranking()
    truth |= {ranking.names[0]: None}  # to be deleted
    turned = {name: label and ";".join(reversed(label.split(";"))) for name, label in truth.items()}
    table = simulate(ranking, turned, orderings=[LEARNING, "pooled"])
    wrong = sum(truth[name] != given for name, given in zip(ranking.names, ranking.given, strict=True))
    learning, static = (table[table["ordering"] == ordering] for ordering in (LEARNING, "pooled"))
    assert learning["errors_found"].iloc[10] > static["errors_found"].iloc[10] > 0
    for rows in (learning, static):
        last = rows.iloc[-1]
        assert (last["errors_found"], last["wrong_left"], last["mistakes"]) == (wrong, 0, 0)
    assert (learning["left"] <= learning["left_high"]).mean() > 0.9


def test_a_key_gives_or_takes_one_label_and_one_takes_a_suggestion_as_a_whole() -> None:
    ranking, _ = make_set_ranking(24)
    known = {name: ranking.suggestion(ranking.row(name))[0] for name in ranking.names}
    given = dict(zip(ranking.names, ranking.given, strict=True))

    def keys(truth: dict[str, str | None]) -> int:
        return int(simulate(ranking, truth, orderings=["loss"]).iloc[-1]["keys"])

    assert keys(given) == 1  # the page is confirmed
    first = ranking.order("loss")[0]
    assert keys({**given, first: known[first]}) == (2 if known[first] != given[first] else 1)
    sets, label = ranking.sets, given[first]
    assert label is not None
    other = label
    for name in ("hat", "shirt"):
        other = sets.with_class(other, name, there=name not in sets.split(other))
    assert other != known[first]
    assert keys({**given, first: other}) == 3


def test_a_reviewer_who_errs_changes_one_class_of_several() -> None:
    ranking, truth = make_set_ranking(200)
    last = simulate(ranking, truth, orderings=["loss"], reviewer_error=0.2).iloc[-1]
    assert 20 < last["mistakes"] < 60
    assert last["wrong_left"] == last["mistakes"]


def test_groups_need_one_label_an_image() -> None:
    ranking, truth = make_set_ranking(60)
    with pytest.raises(RankingError, match="need one label for each image"):
        simulate(ranking, truth, orderings=[GROUPS])


def test_groups_need_to_know_what_lies_together() -> None:
    ranking, wrong = make_ranking(60)
    with pytest.raises(RankingError, match=r"^This ranking has no groups"):
        simulate(ranking, truth_of(ranking, wrong), orderings=[GROUPS])


@pytest.mark.parametrize(("forward", "keys"), [(0, 0), (1, 1), (3, 3), (5, 2), (6, 1), (7, 2), (12, 2)])
def test_arrows_go_down_and_along(forward: int, keys: int) -> None:
    assert _steps(forward) == keys


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"orderings": ["best"]}, "Got the ordering 'best'; expected one of learning, groups, random, "),
        ({"looks": 0}, "Got 0 looks, pages of 24 and a reviewer's error of 0.0; expected at least one look"),
        ({"reviewer_error": 1.0}, "Got None looks, pages of 24 and a reviewer's error of 1.0; expected"),
    ],
)
def test_what_cannot_be_is_refused(change: dict[str, object], message: str) -> None:
    ranking, wrong = make_ranking(30)
    with pytest.raises(RankingError, match=re.escape(message)):
        simulate(ranking, truth_of(ranking, wrong), **change)


def test_every_image_needs_its_truth() -> None:
    ranking, _ = make_ranking(30)
    with pytest.raises(RankingError, match=r"^The truth of 30 images is missing \('0000\.png', "):
        simulate(ranking, {})


# ---------------------------------------------------------------- the command


def write_truth(root: Path, **columns: list[str]) -> Path:
    names = sorted(path.relative_to(root).as_posix() for path in root.rglob("*.png"))
    true = [name.split("/")[1].split("_")[0] for name in names]
    path = root.parent / "truth.csv"
    pd.DataFrame({"name": names, "label": true, **columns}).to_csv(path, index=False)
    return path


def run(root: Path, *options: str) -> tuple[int, str]:
    ran = CliRunner().invoke(app, ["simulate", str(root), "--from-scratch", *options])
    return ran.exit_code, ran.output


def test_the_command_plays_the_labels_of_the_folders(make_set: Callable[..., Path], tmp_path: Path) -> None:
    root = make_set(wrong=1)
    out = tmp_path / "out.csv"
    code, said = run(root, "--truth", str(write_truth(root)), "--page", "6", "--csv", str(out))
    assert code == 0, said
    table = pd.read_csv(out)
    assert table[table["looks"] == 24]["errors_found"].tolist() == [3, 3, 3]
    assert not (root / "cleaned.csv").exists()


def test_the_command_takes_given_labels_from_a_column(make_set: Callable[..., Path], tmp_path: Path) -> None:
    root = make_set()
    out = tmp_path / "out.csv"
    noisy = ["red"] * 10 + ["green"] * 7 + ["blue"] * 7
    truth = write_truth(root, noisy=noisy)
    wrong = (pd.read_csv(truth)["label"] != noisy).sum()
    code, said = run(root, "--truth", str(truth), "--labels", "noisy", "--looks", "12", "--csv", str(out))
    assert code == 0, said
    assert pd.read_csv(out)["looks"].max() == 24
    assert pd.read_csv(out)["errors_found"].max() == wrong


def test_the_command_plays_sets_with_several_labels(tmp_path: Path) -> None:
    root = tmp_path / "set"
    right = make_collages(root, missing=5)
    truth, out = tmp_path / "truth.csv", tmp_path / "out.csv"
    pd.DataFrame({"name": list(right), "label": list(right.values())}).to_csv(truth, index=False)
    code, said = run(root / "labels.csv", "--truth", str(truth), "--csv", str(out))
    assert code == 0, said
    assert pd.read_csv(out).groupby("ordering")["errors_found"].max().tolist() == [5, 5, 5]


def test_the_command_says_what_is_wrong_with_the_truth(make_set: Callable[..., Path], tmp_path: Path) -> None:
    root = make_set()
    path = tmp_path / "truth.csv"
    path.write_text("name,colour\na.png,red\n")
    assert "it lacks label" in run(root, "--truth", str(path))[1].replace("\n", " ")
    path.write_text("name,label\nelsewhere.png,red\n")
    code, said = run(root, "--truth", str(path))
    assert code == 1
    assert "knows none of the 24 images" in " ".join(said.split())
