"""The long tasks on tiny sets: ranking, retraining, training, and what a stop leaves behind."""

from __future__ import annotations

import hashlib
import itertools
import json
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pictures import make_picture

from cleaner.dataset.catalog import Catalog
from cleaner.dataset.class_findings import refuse_splits
from cleaner.embedding.cache import last_embeddings
from cleaner.errors import Cancelled, CatalogError, TooFewLabelsError, TrainingError
from cleaner.jobs import Job
from cleaner.pipelines import preliminary
from cleaner.pipelines.entries import job_prepare
from cleaner.pipelines.model_file import latest_model, model_path, take_away
from cleaner.pipelines.rank import prepare
from cleaner.pipelines.train import (
    HEAD_CLEANED,
    HEAD_GIVEN,
    TUNED_CLEANED,
    TUNED_EARLIER,
    retrain_full,
    retrain_quick,
    train,
)
from cleaner.ranking import sample
from cleaner.review.events import Action
from cleaner.training.learner import load_learner
from cleaner.training.network import Network
from cleaner.util.progress import Reporter
from cleaner.workspace import Workspace

ENTRIES = "cleaner.pipelines.entries"
LONG_S = 120.0


def run(task: Callable[..., Any], space: Workspace, **more: Any) -> Any:
    """Run a pipeline on a workspace as it is now."""
    return task(space, space.store.state, space.network, **more)


class Notes(Reporter):
    """Remembers stages and numbers; asks to stop once a stage whose name begins so has been heard."""

    def __init__(self, *, stop_at: str | None = None) -> None:
        self.stages: list[str] = []
        self.points: list[dict[str, float]] = []
        self.stop_at = stop_at

    def __call__(self, stage: str, done: int, total: int, **values: float) -> None:
        self.stages.append(stage)
        if "error_rate" in values:
            self.points.append(values)

    def should_stop(self) -> bool:
        return self.stop_at is not None and any(stage.startswith(self.stop_at) for stage in self.stages)


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Callable[..., Workspace]]:
    """Open a folder as a workspace whose network needs no pretrained weights."""
    spaces = []

    def open_folder(root: Path, **options: object) -> Workspace:
        settings = {"state": tmp_path / "state", "reviewer": "tester", "from_scratch": True} | options
        spaces.append(Workspace(root, **settings))  # type: ignore[arg-type]
        return spaces[-1]

    yield open_folder
    for space in spaces:
        space.close()


@pytest.fixture
def space(make_set: Callable[..., Path], opened: Callable[..., Workspace]) -> Workspace:
    """Sixty pictures; the first three of every class are filed under another one."""
    return opened(make_set(20, wrong=3))


def wrong_names(catalog: Catalog) -> set[str]:
    """The pictures whose file name tells another class than their folder."""
    return {name for name in catalog.names if name.split("/")[1].split("_")[0] != name.split("/")[0]}


def correct(space: Workspace) -> None:
    """Decide as an expert would: give every wrong picture its right label."""
    for name in sorted(wrong_names(space.catalog)):
        space.store.decide(name, Action.RELABEL, label=name.split("/")[1].split("_")[0])


def results(space: Workspace) -> dict[str, str]:
    """Digests of the saved models and the saved ranking."""
    folders = (space.state / "models", space.ranking_folder)
    files = [path for folder in folders if folder.is_dir() for path in sorted(folder.iterdir())]
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_prepare_finds_the_wrong_labels_first_and_saves_the_ranking(space: Workspace) -> None:
    ranking = run(prepare, space)
    wrong = wrong_names(space.catalog)
    assert len(wrong) == 9
    assert set(ranking.table["name"][:9]) == wrong
    assert len(ranking) == 60
    saved = space.ranking()
    assert saved is not None
    assert saved.model == ranking.model
    assert list(saved.table["name"]) == list(ranking.table["name"])


class Found(Reporter):
    """Remembers what is told of preliminary rankings, and the saved one; stops at the first if asked to."""

    def __init__(self, space: Workspace, *, stop: bool = False) -> None:
        self.space, self.stop = space, stop
        self.told: list[dict[str, Any]] = []
        self.saved: list[Any] = []

    def result_so_far(self, result: Mapping[str, Any]) -> None:
        self.told.append(dict(result))
        self.saved.append(self.space.preliminary_ranking())

    def should_stop(self) -> bool:
        return self.stop and bool(self.told)


@pytest.fixture
def in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rank first parts of small sets, too."""
    monkeypatch.setattr(sample, "FIRST", 20)
    monkeypatch.setattr(sample, "FEW", 3)
    monkeypatch.setattr(preliminary, "_WORTH", 0)


@pytest.mark.usefixtures("in_parts")
def test_the_first_images_are_ranked_while_others_are_embedded_and_the_last_ranking_is_the_same(
    space: Workspace, opened: Callable[..., Workspace], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    found = Found(space)
    done = job_prepare(workspace=space.options(), reporter=found)
    assert [(told["n"], told["awaited"]) for told in found.told] == [(20, 40), (40, 20)]
    for told, ranking in zip(found.told, found.saved, strict=True):
        assert (ranking.model, ranking.awaited) == (told["preliminary"], told["awaited"])
        wrong = wrong_names(space.catalog) & set(ranking.names)
        assert wrong
        assert set(ranking.order()[: len(wrong)]) == wrong
    assert space.preliminary_ranking() is None  # there is one of all
    ranking = space.ranking()
    assert ranking is not None
    assert (ranking.awaited, ranking.model) == (0, done["ranking"])
    plain = run(prepare, opened(space.root, state=tmp_path / "plain"))
    assert ranking.names == plain.names
    assert ranking.model == plain.model
    assert list(ranking.order()) == list(plain.order())
    np.testing.assert_allclose(ranking.scores, plain.scores, atol=1e-3)
    again = Found(space)
    job_prepare(workspace=space.options(), reporter=again)
    assert again.told == []
    assert not caplog.records


@pytest.mark.usefixtures("in_parts")
def test_a_cancelled_first_ranking_leaves_the_preliminary_one_and_goes_on_from_there(
    space: Workspace,
) -> None:
    with pytest.raises(Cancelled):
        job_prepare(workspace=space.options(), reporter=Found(space, stop=True))
    kept = space.preliminary_ranking()
    assert kept is not None
    assert kept.awaited == 40
    assert space.ranking() is None
    assert job_prepare(workspace=space.options(), reporter=Reporter())["n"] == 60
    assert space.preliminary_ranking() is None


def test_a_second_prepare_computes_no_embedding_and_ranks_the_same(space: Workspace) -> None:
    first = run(prepare, space)
    notes = Notes()
    again = run(prepare, space, reporter=notes)
    assert list(again.table["score"]) == list(first.table["score"])
    assert "embedding" not in notes.stages


def test_a_file_that_cannot_be_decoded_is_left_out_with_its_reason(
    make_set: Callable[..., Path], opened: Callable[..., Workspace]
) -> None:
    root = make_set(10)
    whole = (root / "red" / "red_000.png").read_bytes()
    (root / "red" / "cut.png").write_bytes(whole[: len(whole) // 2])
    space = opened(root)
    ranking = run(prepare, space)
    assert len(ranking) == 30
    left_out = dict(zip(space.catalog.left_out["name"], space.catalog.left_out["reason"], strict=True))
    assert left_out == {"red/cut.png": "truncated: the file ends early"}


def test_a_ranking_takes_decided_labels_and_shows_given_ones_for_the_rest(space: Workspace) -> None:
    space.store.decide("green/red_000.png", Action.RELABEL, label="red")
    space.store.decide("green/red_001.png", Action.DELETE)
    space.store.decide("green/red_002.png", Action.UNSURE)
    table = run(prepare, space).table.set_index("name")
    assert table["given_label"]["green/red_000.png"] == "red"
    assert table["score"]["green/red_000.png"] < 0.5
    assert table["given_label"]["green/red_002.png"] == "green"
    assert table["score"]["green/red_002.png"] > 0.5
    assert table.index[-1] == "green/red_001.png"
    assert table["given_label"].isna()["green/red_001.png"]
    assert space.catalog.label_of("green/red_000.png") == "green"


@pytest.fixture
def flat(make_set: Callable[..., Path], opened: Callable[..., Workspace], tmp_path: Path) -> Workspace:
    """Twenty-four pictures in one folder, without a label."""
    (tmp_path / "flat").mkdir()
    for path in make_set(8).rglob("*.png"):
        path.rename(tmp_path / "flat" / path.name)
    return opened(tmp_path / "flat")


def test_preparing_pictures_without_labels_embeds_them_all_and_says_why_there_is_no_ranking(
    flat: Workspace,
) -> None:
    result = job_prepare(workspace=flat.options(), reporter=Notes())
    assert result == {
        "ranking": None,
        "n": 0,
        "left_out": 0,
        "reason": "None of the 24 images has a label. Finding wrong labels needs labels of two classes or "
        "more. Label some images first, in the dashboard or in a CSV file.",
    }
    assert flat.ranking() is None
    cache = last_embeddings(flat.state / "embeddings", flat.index.hashes().values())
    assert cache is not None
    assert len(cache) == 24


def test_one_class_is_too_few_and_two_labels_of_two_classes_are_enough(flat: Workspace) -> None:
    flat.store.decide("red_000.png", Action.RELABEL, label="red")
    with pytest.raises(
        TooFewLabelsError, match=r"^The only label is “red” \(on 1 image\)\. Finding wrong labels"
    ):
        run(prepare, flat)
    flat.store.decide("blue_000.png", Action.RELABEL, label="blue")
    ranking = run(prepare, flat)
    assert ranking.classes == ["blue", "red"]
    table = ranking.table.set_index("name")
    assert table["given_label"].dropna().to_dict() == {"blue_000.png": "blue", "red_000.png": "red"}
    assert table["score"].notna().sum() == 2
    saved = flat.ranking()
    assert saved is not None
    assert saved.model == ranking.model


def test_a_set_with_labels_for_some_pictures_is_ranked_and_the_rest_gets_suggestions(
    make_set: Callable[..., Path], opened: Callable[..., Workspace]
) -> None:
    root = make_set(10)
    (root / "unlabelled").mkdir()
    for path in sorted((root / "red").glob("*.png"))[:4]:
        path.rename(root / "unlabelled" / path.name)
    table = run(prepare, opened(root)).table.set_index("name")
    assert len(table) == 30
    assert table.index[-4:].to_list() == [f"unlabelled/red_{i:03d}.png" for i in range(4)]
    assert table["suggested_label"][-4:].to_list() == ["red"] * 4
    assert table["score"].isna().sum() == 4


@pytest.mark.parametrize("stage", ["looking", "loading", "embedding", "fitting"])
def test_a_stopped_prepare_leaves_the_ranking_from_before(space: Workspace, stage: str) -> None:
    run(prepare, space)
    before = results(space)
    correct(space)
    make_picture(space.root / "red" / "red_new.png", (255, 0, 0))
    with pytest.raises(Cancelled):
        run(prepare, space, reporter=Notes(stop_at=stage))
    assert results(space) == before
    run(prepare, space)
    assert results(space) != before


def test_a_quick_retraining_compares_on_the_validation_images_with_cleaned_labels(space: Workspace) -> None:
    correct(space)
    space.store.decide("red/red_010.png", Action.DELETE)
    retrained = run(retrain_quick, space)
    result = retrained.result
    cleaned = space.cleaned()
    assert result.n == len(cleaned.where(split="valid"))
    assert (result.before_name, result.after_name) == (HEAD_GIVEN, HEAD_CLEANED)
    assert result.after == 0.0
    assert result.after <= result.before
    assert json.loads(json.dumps(retrained.to_dict()))["worth"] == asdict(space.worth())


def test_what_cleaning_is_worth_counts_decisions_and_what_comes_next(space: Workspace) -> None:
    untouched = space.worth()
    assert (untouched.images, untouched.decided, untouched.changed, untouched.looks) == (60, 0, 0, 60)
    assert untouched.so_far is None
    assert untouched.ahead is not None
    assert 7 < untouched.errors < 12

    correct(space)
    space.store.decide("red/red_010.png", Action.DELETE)
    space.store.decide("red/red_011.png", Action.KEEP)
    space.store.decide("red/red_012.png", Action.UNSURE)
    done = space.worth()
    assert (done.images, done.decided, done.changed, done.looks) == (59, 11, 10, 49)
    # Heads on so easy a set pass over wrong labels: there is no mistake to be saved.
    for change in (done.so_far, done.ahead):
        assert change is not None
        assert change.low <= 0 <= change.high


def test_learning_from_many_corrections_is_a_measurable_gain(
    make_set: Callable[..., Path], opened: Callable[..., Workspace]
) -> None:
    space = opened(make_set(40, wrong=25), valid_pct=0.5)
    correct(space)
    result = run(retrain_quick, space).result
    assert result.sentence.startswith("Fewer errors: ")
    assert result.high < 0


def test_the_quick_model_can_be_loaded_and_predicts_from_pictures(space: Workspace) -> None:
    correct(space)
    run(retrain_quick, space)
    network = Network.load(model_path(space, "quick"), device="cpu")
    assert network.classes == ["blue", "green", "red"]
    names = ["red/red_010.png", "green/green_011.png", "blue/blue_012.png", "green/red_000.png"]
    said = network.predict([space.root / name for name in names])
    assert [prediction.label for prediction in said] == ["red", "green", "blue", "red"]


def test_the_last_model_is_taken_away_and_says_the_same(space: Workspace, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="No model has been trained"):
        latest_model(space)
    correct(space)
    run(retrain_quick, space)
    copy = take_away(space)
    assert copy == space.cleaned_csv.with_name("cleaned.safetensors")
    picture = space.root / "red/red_010.png"
    (own,), (said,) = (
        load_learner(path, device="cpu").predict(picture) for path in (latest_model(space), copy)
    )
    assert (said.label, said.probabilities.tolist()) == (own.label, own.probabilities.tolist())
    assert take_away(space) == copy
    copy.write_bytes(b"mine")
    assert take_away(space) == copy.with_name("cleaned-2.safetensors")
    assert copy.read_bytes() == b"mine"
    assert take_away(space, tmp_path / "new/model.safetensors").is_file()


def test_retraining_renews_the_ranking(space: Workspace) -> None:
    old = run(prepare, space)
    correct(space)
    run(retrain_quick, space)
    new = space.ranking()
    assert new is not None
    assert new.model != old.model
    assert new.table["score"].max() < 0.5


@pytest.mark.parametrize("stage", ["looking", "embedding", "training the head", "fitting"])
def test_a_stopped_quick_retraining_leaves_model_and_ranking_from_before(
    space: Workspace, stage: str
) -> None:
    run(retrain_quick, space)
    before = results(space)
    files = {"ranking.npz", "ranking.csv", "heads.npz", "network.json", "contents.npz"}
    assert set(before) == {"quick.safetensors", *files}
    correct(space)
    make_picture(space.root / "red" / "red_new.png", (255, 0, 0))
    with pytest.raises(Cancelled):
        run(retrain_quick, space, reporter=Notes(stop_at=stage))
    assert results(space) == before


def test_a_renamed_class_makes_no_model_wrong(
    make_set: Callable[..., Path], opened: Callable[..., Workspace]
) -> None:
    space = opened(make_set(20))
    space.store.class_event("class_rename", "red", "crimson")
    result = run(retrain_quick, space).result
    assert (result.before, result.after) == (0.0, 0.0)
    assert Network.load(model_path(space, "quick")).classes == ["blue", "crimson", "green"]
    ranking = space.ranking()
    assert ranking is not None
    assert set(ranking.table["given_label"]) == {"blue", "crimson", "green"}


def test_a_new_class_is_learnt(space: Workspace) -> None:
    correct(space)
    for name in sorted(space.catalog.names):
        if name.startswith("blue/blue"):
            space.store.decide(name, Action.RELABEL, label="navy")
    result = run(retrain_quick, space).result
    assert result.after < result.before
    assert "navy" in Network.load(model_path(space, "quick")).classes


def test_without_validation_images_retraining_says_what_is_missing(
    make_set: Callable[..., Path], opened: Callable[..., Workspace]
) -> None:
    space = opened(make_set(10))
    for name in space.catalog.where(split="valid").names:
        space.store.decide(name, Action.DELETE)
    with pytest.raises(TrainingError) as caught:
        run(retrain_quick, space)
    assert str(caught.value) == (
        "There are no labelled validation images, so nothing can be compared. Put some into a folder "
        "“valid”, or give them that split in the CSV file."
    )
    with pytest.raises(TrainingError, match=r"^There are no labelled validation images"):
        run(retrain_full, space, epochs=1)


def test_one_class_alone_cannot_be_trained_on(
    make_set: Callable[..., Path], opened: Callable[..., Workspace]
) -> None:
    root = make_set(10)
    for folder in ("green", "blue"):
        for path in (root / folder).iterdir():
            path.unlink()
    with pytest.raises(
        TrainingError, match=r"^The labelled training images are of 1 classes; training needs two or more\.$"
    ):
        run(retrain_quick, opened(root))


def test_a_full_retraining_compares_with_the_head_first_and_then_with_the_network_before(
    make_set: Callable[..., Path], opened: Callable[..., Workspace]
) -> None:
    space = opened(make_set(16, wrong=2))
    notes = Notes()
    first = run(retrain_full, space, epochs=1, reporter=notes).result
    assert (first.before_name, first.after_name) == (HEAD_GIVEN, TUNED_CLEANED)
    assert all({"train_loss", "valid_loss", "error_rate"} <= set(point) for point in notes.points)
    assert len(notes.points) >= 1
    assert first.n == len(space.catalog.where(split="valid"))
    assert {"full.safetensors", "ranking.npz", "ranking.csv", "network.json"} <= set(results(space))
    correct(space)
    second = run(retrain_full, space, epochs=1).result
    assert second.before_name == TUNED_EARLIER
    assert TUNED_EARLIER in second.sentence
    ranking = space.ranking()
    assert ranking is not None
    assert ranking.table["given_label"].notna().all()


@pytest.mark.parametrize("stage", ["training all layers", "fitting"])
def test_a_stopped_full_retraining_leaves_model_and_ranking_from_before(
    make_set: Callable[..., Path], opened: Callable[..., Workspace], stage: str
) -> None:
    space = opened(make_set(10, wrong=1))
    run(retrain_full, space, epochs=1)
    before = results(space)
    correct(space)
    with pytest.raises(Cancelled):
        run(retrain_full, space, epochs=2, reporter=Notes(stop_at=stage))
    after = results(space)
    after.pop("full.safetensors.unfinished", None)  # from which the same training would go on
    assert after == before


def test_a_damaged_earlier_network_is_passed_over(
    make_set: Callable[..., Path], opened: Callable[..., Workspace]
) -> None:
    space = opened(make_set(10))
    path = model_path(space, "full")
    path.parent.mkdir(parents=True)
    path.write_bytes(b"not a model")
    result = run(retrain_full, space, epochs=1).result
    assert result.before_name == HEAD_GIVEN
    assert Network.load(path).classes == ["blue", "green", "red"]


@pytest.mark.parametrize("task", [retrain_full, train])
def test_no_epochs_are_refused(space: Workspace, tmp_path: Path, task: Callable[..., object]) -> None:
    more = {"out": tmp_path / "m.safetensors"} if task is train else {}
    with pytest.raises(TrainingError, match=r"^Got 0 epochs; training takes at least one\.$"):
        run(task, space, epochs=0, **more)


def test_training_reports_error_rates_on_valid_and_test(
    picture: Callable[..., Path], opened: Callable[..., Workspace], tmp_path: Path
) -> None:
    root = tmp_path / "split"
    seeds = itertools.count()
    for split, count in (("train", 10), ("valid", 4), ("test", 3)):
        for label, colour in (("red", (200, 40, 40)), ("blue", (40, 60, 200))):
            for i in range(count):
                picture(root / split / label / f"{i}.png", colour, seed=next(seeds))
    out = tmp_path / "out" / "model.safetensors"
    report = run(train, opened(root), out=out, epochs=2)
    assert report.test is not None
    assert (report.n_train, report.valid.n, report.test.n) == (20, 8, 6)
    assert report.classes == ["blue", "red"]
    assert 0 <= report.valid.error_rate <= 1
    assert Network.load(out).classes == ["blue", "red"]


def test_training_without_a_test_split_reports_none(space: Workspace, tmp_path: Path) -> None:
    report = run(train, space, out=tmp_path / "model.safetensors", epochs=1)
    assert report.test is None


def test_stopped_training_writes_no_model(space: Workspace, tmp_path: Path) -> None:
    out = tmp_path / "model.safetensors"
    with pytest.raises(Cancelled):
        run(train, space, out=out, epochs=1, reporter=Notes(stop_at="training"))
    assert not out.exists()


def test_an_archive_is_ranked_like_its_folder(
    make_set: Callable[..., Path], opened: Callable[..., Workspace], tmp_path: Path
) -> None:
    root = make_set(6, wrong=1)
    tables = []
    for packed in (root, *(Path(shutil.make_archive(str(root), kind, root)) for kind in ("zip", "tar"))):
        space = opened(packed, state=tmp_path / f"state-{packed.suffix}")
        job_prepare(workspace=space.options(), reporter=Notes())
        ranking = space.ranking()
        assert ranking is not None
        tables.append(ranking.table)
    for table in tables[1:]:
        pd.testing.assert_frame_equal(table, tables[0])


@pytest.mark.slow
def test_jobs_do_the_same_in_another_process(space: Workspace) -> None:
    job = Job.start(space.state, ENTRIES + ":job_prepare", {"workspace": space.options()})
    status = job.wait(LONG_S)
    assert status.error is None
    ranking = space.ranking()
    assert ranking is not None
    assert status.result == {"ranking": ranking.model, "n": 60, "left_out": 0}
    correct(space)
    job = Job.start(space.state, ENTRIES + ":job_retrain_quick", {"workspace": space.options()})
    status = job.wait(LONG_S)
    assert status.error is None
    assert status.result is not None
    assert status.result["n"] == len(space.catalog.where(split="valid"))
    assert status.result["after"] == 0.0
    assert Path(status.result["model"]).is_file()
    arguments = {"workspace": space.options(), "epochs": 1}
    job = Job.start(space.state, ENTRIES + ":job_retrain_full", arguments)
    status = job.wait(LONG_S)
    assert status.error is None
    assert [point["error_rate"] for point in status.series if "error_rate" in point]


def test_a_job_whose_weights_do_not_exist_says_so(
    make_set: Callable[..., Path], opened: Callable[..., Workspace], tmp_path: Path
) -> None:
    space = opened(make_set(4), from_scratch=False, weights=tmp_path / "absent.safetensors")
    job = Job.start(space.state, ENTRIES + ":job_prepare", {"workspace": space.options()})
    status = job.wait(LONG_S)
    assert status.phase == "failed"
    assert "absent.safetensors" in str(status.error)
    assert status.error_type in {"BackboneError", "WeightsUnavailableError"}
    assert space.ranking() is None


@pytest.mark.parametrize("task", [prepare, retrain_quick, retrain_full, train])
def test_classes_that_are_splits_are_nothing_to_learn(
    make_set: Callable[..., Path], opened: Callable[..., Workspace], tmp_path: Path, task: Callable[..., Any]
) -> None:
    root = make_set(3)
    table = tmp_path / "labels.csv"
    lines = [f"{path.relative_to(root).as_posix()},{path.parent.name}" for path in root.rglob("*.png")]
    text = "\n".join(["name,label", *lines]).replace(",red", ",train").replace(",blue", ",val")
    table.write_text(text.replace(",green", ",fold1"))
    more = {"out": tmp_path / "m.safetensors"} if task is train else {}
    with pytest.raises(CatalogError, match=r"are fold1, train and val\. These are names"):
        run(task, opened(root, labels=table), **more)
    assert not (tmp_path / "m.safetensors").exists()


@pytest.mark.parametrize(
    "classes", [["train", "bus"], ["extra", "eval"], ["train"], ["steam train", "test"], []]
)
def test_other_classes_may_be_called_like_a_split(classes: list[str]) -> None:
    refuse_splits(classes)
