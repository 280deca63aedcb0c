"""Training where images can have several labels, from the table of labels to a model that is taken away."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from pictures import make_collages

from cleaner.dataset.catalog import Catalog
from cleaner.errors import InterpretationError, TrainingError
from cleaner.interpret.predictions import Predictions, SetPredictions
from cleaner.pipelines.model_file import model_path
from cleaner.pipelines.train import TUNED_EARLIER, find_rate, retrain_full, retrain_quick, train
from cleaner.ranking.set_ranking import SetRanking
from cleaner.training.learner import Learner, load_learner
from cleaner.training.network import Network
from cleaner.training.recipe import Recipe
from cleaner.workspace import Workspace

CLASSES = ["blue", "green", "red"]
MISSING = 8


@pytest.fixture
def right(tmp_path: Path) -> dict[str, str]:
    """Right labels of collages, some of whose labels in the table lack a class."""
    return make_collages(tmp_path / "set", missing=MISSING)


@pytest.fixture
def space(right: dict[str, str], tmp_path: Path) -> Iterator[Workspace]:
    root = tmp_path / "set"
    with Workspace(root, labels=root / "labels.csv", from_scratch=True, reviewer="Ana") as made:
        yield made


@pytest.fixture
def catalog(tmp_path: Path) -> Catalog:
    root = tmp_path / "clean"
    make_collages(root)
    with Workspace(root, labels=root / "labels.csv") as made:
        return made.scan()


def correct(space: Workspace, right: dict[str, str]) -> None:
    given = dict(zip(space.catalog.names, space.catalog.labels, strict=True))
    wrong = [name for name, label in right.items() if given[name] != label]
    assert len(wrong) == MISSING
    for name in wrong:
        space.store.decide(name, "relabel", label=right[name])


def learner_on(catalog: Catalog, **options: object) -> Learner:
    recipe = Recipe(**options)  # type: ignore[arg-type]
    return Learner(catalog, from_scratch=True, device="cpu", batch_size=8, recipe=recipe)


def test_a_learner_says_of_each_class_whether_it_is_there(catalog: Catalog, tmp_path: Path) -> None:
    learner = learner_on(catalog)
    guess = learner.network.outputs.guess(learner.data.targets[learner.data.indices("valid")])
    assert learner.evaluate().loss < 1.5 * guess.loss  # it begins with how frequent the classes are
    learner.fine_tune(2, 1e-2)
    found = learner.evaluate()
    assert found.precision is not None and found.precision > 0.95
    assert found.error_rate < 0.5 * guess.error
    assert found.independent is not None and found.n <= found.independent <= 3 * found.n
    last = learner.history.epochs[-1]
    assert (last["precision"], last["n_independent"]) == (found.precision, found.independent)
    assert learner.diagnose().by_class
    assert " answers on " in learner.diagnose().sentence
    assert learner.lr_find(n_steps=20).suggestions
    table = learner.top_losses()
    assert set(table["given_label"]) <= set(catalog.labels)

    learner.export(tmp_path / "model.safetensors")
    back = load_learner(tmp_path / "model.safetensors", device="cpu")
    paths = [catalog.path(str(name)) for name in catalog.names]
    said = back.predict(paths)
    probabilities = learner.probabilities(catalog)
    assert np.stack([each.probabilities for each in said]) == pytest.approx(probabilities, abs=1e-5)
    alike = [each.label == label for each, label in zip(said, catalog.labels, strict=True)]
    assert np.mean(alike) > 0.7
    again = Learner(catalog, backbone=tmp_path / "model.safetensors", device="cpu")
    assert again.evaluate().loss == pytest.approx(found.loss, abs=1e-4)  # the head was taken over
    with pytest.raises(InterpretationError, match="Use SetPredictions"):
        Predictions.of_learner(learner)
    seen = SetPredictions.of_learner(learner)
    assert seen.probabilities == pytest.approx(learner.probabilities(catalog.subset(seen.names)), abs=1e-5)
    assert [catalog.label_sets.join(np.array(seen.classes)[row]) for row in seen.labels] == [
        catalog.label_of(name) for name in seen.names
    ]


@pytest.mark.parametrize(
    "options",
    [
        {"label_smoothing": 0.2, "mixup": 0.4, "cutmix": 1.0, "patience": 2},
        {"balance": "weights"},
        {"balance": "oversample", "sizes": (32, 64)},
    ],
)
def test_every_option_of_a_recipe_trains_on_sets_of_labels(
    catalog: Catalog, options: dict[str, object], tmp_path: Path
) -> None:
    learner = learner_on(catalog, **options)
    learner.freeze()
    learner.fit_one_cycle(2, 1e-2, checkpoint=tmp_path / "unfinished")
    losses = [record["train_loss"] for record in learner.history.epochs]
    assert losses[1] < losses[0]


def test_a_model_for_one_label_is_not_used_for_sets_of_labels(
    catalog: Catalog, make_set: Callable[..., Path], tmp_path: Path
) -> None:
    one = Catalog.from_folder(make_set(4))
    one = one.with_splits({name: ("train", "valid")[i % 2] for i, name in enumerate(one.names)})
    learner = Learner(one, from_scratch=True, device="cpu")
    learner.save(tmp_path / "one.safetensors")
    with pytest.raises(
        TrainingError, match="gives an image exactly one label, but images of this catalog have"
    ):
        Learner.load(tmp_path / "one.safetensors", catalog)
    taken = Learner(catalog, backbone=tmp_path / "one.safetensors", device="cpu")  # with a new head
    assert taken.network.outputs.sets is not None


def test_quick_retraining_compares_answers_on_each_class_and_renews_model_and_ranking(
    space: Workspace, right: dict[str, str]
) -> None:
    correct(space, right)
    found = retrain_quick(space, space.store.state, space.network)
    result = found.result
    n = len(space.catalog.where(split="valid"))
    assert (result.n, result.answers) == (n, 3)
    assert result.after < result.before
    assert result.precision is not None
    assert result.precision.after > result.precision.before
    assert result.precision.low <= result.precision.after - result.precision.before <= result.precision.high
    assert found.worth is not None
    assert (found.worth.images, found.worth.changed) == (len(space.catalog), 8)
    assert json.loads(json.dumps(found.to_dict()))["precision"]["after"] == result.precision.after
    network = Network.load(model_path(space, "quick"), device="cpu")
    assert network.classes == CLASSES
    assert network.outputs.sets == space.catalog.label_sets
    name = next(name for name, label in right.items() if label == "blue;red")
    (said,) = network.predict([space.catalog.path(name)])
    assert said.label == "blue;red"
    assert isinstance(space.ranking(), SetRanking)


def test_full_retraining_compares_with_the_network_before(space: Workspace, right: dict[str, str]) -> None:
    correct(space, right)
    retrain_full(space, space.store.state, space.network, epochs=1, lr=1e-2)
    found = retrain_full(space, space.store.state, space.network, epochs=1, lr=1e-2)
    assert found.result.before_name == TUNED_EARLIER
    assert found.result.low <= 0 <= found.result.high
    assert found.diagnosis is not None and found.diagnosis.by_class
    assert find_rate(space, space.store.state, space.network).suggestions


def test_a_trained_model_is_reported_by_class(space: Workspace, tmp_path: Path) -> None:
    report = train(space, space.store.state, space.network, out=tmp_path / "m.safetensors", epochs=1, lr=1e-2)
    assert report.answers == 3
    assert report.valid.precision is not None and report.valid.precision > 0.8
    assert Network.load(report.path, device="cpu").outputs.answers == 3
