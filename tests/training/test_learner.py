"""The learner: it learns, it can be stopped and repeated, and says what is wrong with what it was given."""

from __future__ import annotations

import threading

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from cleaner.dataset.catalog import Catalog
from cleaner.errors import (
    BackboneError,
    Cancelled,
    CatalogError,
    CheckpointError,
    DivergedError,
    ImageError,
    TrainingError,
)
from cleaner.models.backbones import Preprocess, load_backbone
from cleaner.training.data import Augment, LabelledPictures, Pictures, prefetch
from cleaner.training.diagnosis import Diagnosis, Verdict
from cleaner.training.learner import Learner
from cleaner.training.network import Network, evaluate
from cleaner.training.outputs import outputs_for
from cleaner.util.progress import Reporter


class Listener(Reporter):
    """Writes down what it hears and stops at a given report."""

    def __init__(self, stop_at: int | None = None) -> None:
        self.heard: list[tuple[str, int, int, dict[str, float]]] = []
        self.stop_at = stop_at

    def __call__(self, stage, done, total, **values):
        self.heard.append((stage, done, total, values))

    def should_stop(self):
        return self.stop_at is not None and len(self.heard) >= self.stop_at


def split_up(root, *, every=4):
    """Every fourth picture of a class is for validation."""
    catalog = Catalog.from_folder(root)
    splits = {}
    for label in catalog.classes:
        for i, name in enumerate(catalog.where(label=label).names):
            splits[name] = "valid" if i % every == 0 else "train"
    return catalog.with_splits(splits)


@pytest.fixture
def catalog(colour_set):
    return split_up(colour_set)


@pytest.fixture
def learner(catalog):
    return Learner(catalog, from_scratch=True, device="cpu", batch_size=6)


def weights(learner):
    return {key: value.clone() for key, value in learner.model.state_dict().items()}


def same(one, other):
    return one.keys() == other.keys() and all(torch.equal(one[key], other[key]) for key in one)


def test_fine_tuning_learns_to_tell_colours(learner):
    learner.fine_tune(1)
    assert learner.error_rate == 0
    assert learner.accuracy == 1
    assert [record["phase"] for record in learner.history.epochs] == ["the head", "all layers"]
    assert [record["epoch"] for record in learner.history.epochs] == [1, 2]


def test_equal_seeds_give_equal_models_and_other_seeds_others(catalog):
    models = []
    for seed in (1, 1, 2):
        learner = Learner(catalog, from_scratch=True, device="cpu", batch_size=6, seed=seed)
        torch.manual_seed(len(models))  # whatever the state was before
        learner.fine_tune(1, head_passes=2)
        models.append(weights(learner))
    assert same(models[0], models[1])
    assert not same(models[0], models[2])


def test_training_leaves_the_random_state_alone(learner):
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    learner.fit_one_cycle(1)
    assert torch.equal(torch.rand(1), expected)


def test_frozen_training_changes_the_head_only(learner):
    before = weights(learner)
    learner.freeze()
    learner.fit_one_cycle(1)
    after = weights(learner)
    assert {key.split(".")[0] for key in after if not torch.equal(after[key], before[key])} == {"head"}
    learner.unfreeze()
    learner.fit_one_cycle(1)
    assert any(not torch.equal(weights(learner)[key], after[key]) for key in after if key.startswith("body"))


def test_the_rate_of_the_head_reaches_the_top_of_the_slice(learner):
    learner.fit_one_cycle(3, slice(1e-5, 1e-2))
    rates, momenta = zip(*learner.history.steps, strict=True)
    assert len(rates) == 3 * (18 // 6)
    assert max(rates) == pytest.approx(1e-2, rel=0.1)
    assert momenta[0] == pytest.approx(0.95) and min(momenta) == pytest.approx(0.85, abs=0.02)


def test_a_network_with_random_weights_begins_with_all_layers(catalog):
    learner = Learner(
        catalog, backbone="shufflenet_v2_x0_5", from_scratch=True, size_px=32, device="cpu", batch_size=6
    )
    learner.fine_tune(1)
    assert [record["phase"] for record in learner.history.epochs] == ["all layers"]
    assert not learner.frozen


def test_the_reporter_hears_pictures_and_the_numbers_of_every_epoch(learner):
    listener = Listener()
    learner.fit_one_cycle(2, reporter=listener)
    stages = list(dict.fromkeys(stage for stage, *_ in listener.heard))
    assert stages == ["reading pictures", "training all layers"]
    numbers = [(done, total, values) for _, done, total, values in listener.heard if "epoch" in values]
    assert [(done, total, values["epoch"]) for done, total, values in numbers] == [(18, 36, 1), (36, 36, 2)]
    said = {
        "epoch",
        "train_loss",
        "valid_loss",
        "error_rate",
        "accuracy",
        "n_valid",
        "seconds",
        "seconds_left",
    }
    assert set(numbers[0][2]) == said
    rates = [values["lr"] for *_, values in listener.heard if "lr" in values]
    assert rates == [rate for rate, _ in learner.history.steps]


def test_the_training_loss_shown_is_that_of_the_model_in_eval_mode(learner):
    learner.fit_one_cycle(2)
    train = learner.data.indices("train")
    measured = evaluate(learner.network, learner.data, train)
    assert learner.history.epochs[-1]["train_loss"] == pytest.approx(measured.loss, rel=1e-5)


@pytest.mark.parametrize("stop_at", [1, 20, 26, 28, 30, 33])
def test_stopping_at_any_batch_leaves_the_previous_model(learner, stop_at):
    learner.fit_one_cycle(1)
    before, epochs, error = weights(learner), list(learner.history.epochs), learner.error_rate
    kept = learner.data.pictures
    learner.data.pictures = Pictures(kept.paths, kept.preprocess)  # which has read nothing yet
    with pytest.raises(Cancelled):
        learner.fine_tune(3, head_passes=2, reporter=Listener(stop_at))
    assert same(weights(learner), before)
    assert learner.history.epochs == epochs
    assert learner.error_rate == error
    assert learner.frozen is False


def test_an_interrupt_leaves_the_previous_model(learner, monkeypatch):
    before = weights(learner)

    class Interrupting(Reporter):
        def __call__(self, stage, done, total, **values):
            if "epoch" in values:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        learner.fine_tune(1, reporter=Interrupting())
    assert same(weights(learner), before)
    assert len(learner.history) == 0


def test_a_loss_that_is_no_number_stops_training_and_brings_the_weights_back(learner):
    before = weights(learner)
    with pytest.raises(DivergedError) as caught:
        learner.fit_one_cycle(20, 1e25)
    assert str(caught.value) == (
        "Training diverged: the loss became nan at a learning rate of up to 1e25. "
        "The previous weights were restored; try 1e24."
    )
    found = Diagnosis.from_dict(caught.value.details["diagnosis"])
    assert found.verdict == Verdict.DIVERGED
    assert found.remedy.lr == pytest.approx(1e24)
    assert same(weights(learner), before)
    assert len(learner.history) == 0


def test_the_remedy_of_a_training_counts_from_its_own_rate_and_epochs(learner):
    learner.fine_tune(2, 1e-6, head_passes=1)
    assert learner.diagnose().remedy.lr == pytest.approx(1e-5)
    learner.fit_one_cycle(1, slice(1e-6, 1e-2))
    assert learner.history.runs == [{"lr": 1e-6, "epochs": 2}, {"lr": 1e-2, "epochs": 1}]


def test_a_saved_model_predicts_the_same_without_the_images(learner, catalog, tmp_path):
    learner.fine_tune(1)
    path = tmp_path / "model.safetensors"
    learner.save(path)
    loaded = Learner.load(path, device="cpu")
    files = [catalog.path(name) for name in catalog.names]
    assert loaded.classes == ["blue", "green", "red"]
    assert [p.label for p in loaded.predict(files)] == list(catalog.labels)
    expected = learner.probabilities(catalog)
    assert np.allclose([p.probabilities for p in loaded.predict(files)], expected, atol=1e-5)
    assert loaded.history.epochs == learner.history.epochs
    assert loaded.network.manifest["metrics"] == {
        "n": 6,
        "loss": pytest.approx(learner.evaluate().loss),
        "error_rate": 0.0,
    }


def test_a_saved_model_can_be_trained_on(learner, catalog, tmp_path):
    learner.fine_tune(1)
    learner.export(tmp_path / "m.safetensors")
    again = Learner.load(tmp_path / "m.safetensors", catalog, device="cpu", batch_size=6)
    assert again.error_rate == 0
    again.fit_one_cycle(1, 1e-4)
    assert len(again.history) == 3


def test_a_model_loaded_without_images_says_so_when_it_should_train(learner, tmp_path):
    learner.save(tmp_path / "m.safetensors")
    loaded = Learner.load(tmp_path / "m.safetensors", device="cpu")
    with pytest.raises(TrainingError) as caught:
        loaded.fine_tune(1)
    assert str(caught.value) == "This model was loaded without images; use Learner.load(path, catalog)."


def test_a_model_does_not_take_labels_that_it_does_not_know(learner, catalog, tmp_path):
    learner.save(tmp_path / "m.safetensors")
    other = catalog.with_labels({catalog.names[0]: "violet"})
    with pytest.raises(TrainingError) as caught:
        Learner.load(tmp_path / "m.safetensors", other, device="cpu")
    assert str(caught.value) == (
        "The model does not know the label 'violet' (it has 'blue', 'green', 'red'); "
        "make a new Learner for this catalog, with the model as its backbone."
    )


def test_a_saved_model_as_backbone_keeps_its_head_for_the_same_classes_only(learner, catalog, tmp_path):
    learner.fine_tune(1)
    path = tmp_path / "m.safetensors"
    learner.save(path)
    assert Learner(catalog, backbone=path, device="cpu").error_rate == 0
    other = catalog.with_labels({catalog.names[0]: "violet"})
    renewed = Learner(other, backbone=str(path), device="cpu")
    assert renewed.classes == ["blue", "green", "red", "violet"]
    assert renewed.model.n_classes == 4
    assert torch.equal(renewed.model.body.filters.weight, learner.model.body.filters.weight)


def test_a_saved_model_with_a_part_missing_is_refused(learner, tmp_path):
    from cleaner.models.checkpoint import load_checkpoint, save_checkpoint

    path = tmp_path / "m.safetensors"
    learner.save(path)
    state, manifest = load_checkpoint(path)
    save_checkpoint(path, state, {**manifest, "classes": ["only one"]})
    with pytest.raises(CheckpointError, match="is a saved model whose parts do not fit together"):
        Network.load(path)


def test_a_backbone_with_its_weights_takes_no_others(catalog):
    backbone = load_backbone(from_scratch=True, device="cpu")
    with pytest.raises(BackboneError) as caught:
        Learner(catalog, backbone=backbone, from_scratch=True)
    assert str(caught.value) == (
        "Got a backbone that has its weights, and weights or from_scratch too; leave these out."
    )


def test_the_backbone_that_was_given_is_not_changed(catalog):
    backbone = load_backbone(from_scratch=True, device="cpu")
    before = {key: value.clone() for key, value in backbone.module.state_dict().items()}
    learner = Learner(catalog, backbone=backbone, batch_size=6)
    learner.fit_one_cycle(1)
    assert same(before, backbone.module.state_dict())


def test_a_catalog_without_validation_images_is_refused(catalog):
    with pytest.raises(TrainingError) as caught:
        Learner(catalog.where(split="train"), from_scratch=True)
    assert str(caught.value) == (
        "Got 0 labelled images in the split 'valid', expected 1 or more. Open the images as a Workspace, "
        "which draws a split, or add a column split."
    )


def test_a_single_class_is_refused(catalog):
    with pytest.raises(TrainingError) as caught:
        Learner(catalog.where(label="red"), from_scratch=True)
    assert str(caught.value) == (
        "All images with a label have the label “red”. Training needs two classes or more. "
        "Give more images a label."
    )


def test_a_catalog_without_files_is_refused(catalog):
    with pytest.raises(CatalogError, match="this catalog has no root"):
        Learner(Catalog(catalog.table), from_scratch=True)


def test_nothing_to_train_is_refused(learner):
    with pytest.raises(TrainingError) as caught:
        learner.fine_tune(0, head_passes=0)
    assert str(caught.value) == "There is nothing to train: 0 epochs were asked for; expected 1 or more."


def test_unlabelled_images_are_left_out(catalog):
    first = catalog.where(split="train").names[0]
    learner = Learner(catalog.with_labels({first: None}), from_scratch=True, device="cpu", batch_size=6)
    assert len(learner.data.indices("train")) == 17
    learner.fit_one_cycle(1)
    assert first not in set(learner.top_losses()["name"])


def test_a_broken_image_is_skipped_and_named(catalog):
    broken = catalog.where(split="train").names[0]
    catalog.path(broken).write_bytes(b"<html>")
    learner = Learner(catalog, from_scratch=True, device="cpu", batch_size=6)
    learner.fit_one_cycle(1)
    assert list(learner.problems) == [broken]
    assert "HTML" in learner.problems[broken]
    assert np.isnan(learner.probabilities(catalog)[list(catalog.names).index(broken)]).all()
    assert len(learner.top_losses()) == len(catalog) - 1


def test_an_image_that_breaks_while_training_is_skipped_and_named(catalog):
    learner = Learner(catalog, from_scratch=True, device="cpu", batch_size=6)
    learner.data.pictures = Pictures(
        learner.data.pictures.paths, learner.network.runner.preprocess, max_cache_bytes=0
    )
    victim = catalog.where(split="train").names[3]

    class Vandal(Reporter):
        def __call__(self, stage, done, total, **values):
            if values.get("epoch") == 1:
                catalog.path(victim).write_bytes(b"")

    learner.fit_one_cycle(2, reporter=Vandal())
    assert learner.problems == {victim: "empty file"}
    assert len(learner.history) == 2


def test_a_set_whose_images_are_all_broken_is_refused(catalog):
    for name in catalog.names:
        catalog.path(name).write_bytes(b"")
    learner = Learner(catalog, from_scratch=True, device="cpu")
    with pytest.raises(TrainingError) as caught:
        learner.fit_one_cycle(1)
    assert str(caught.value) == (
        "Too few images can be read to train on them; the first problem: blue/blue_000.png, empty file."
    )


def test_top_losses_show_the_wrong_label_of_a_model_that_did_not_learn_it(make_set):
    root = make_set(12, wrong=0)
    catalog = split_up(root)
    learner = Learner(catalog, from_scratch=True, device="cpu", batch_size=6)
    learner.fine_tune(1)
    victim = catalog.where(split="train", label="red").names[0]
    row = list(catalog.names).index(victim)
    learner.data.labels = np.where(catalog.names == victim, "green", catalog.labels)
    learner.data.targets[row] = learner.classes.index("green")
    table = learner.top_losses(5)
    assert list(table.columns) == ["name", "split", "given_label", "predicted_label", "probability", "loss"]
    assert table["name"][0] == victim
    assert (table["given_label"][0], table["predicted_label"][0]) == ("green", "red")
    assert table["loss"].is_monotonic_decreasing
    assert len(table) == 5 and len(learner.top_losses()) == len(catalog)


def test_one_picture_or_several_can_be_predicted_in_any_form(learner, catalog):
    learner.fine_tune(1)
    path = catalog.path(catalog.where(label="red").names[0])
    forms = [path, str(path), path.read_bytes(), Image.open(path)]
    found = learner.predict(forms)
    assert [p.label for p in found] == ["red"] * 4
    assert found[0].probability == pytest.approx(found[0].probabilities.max())
    assert found[0].probabilities.sum() == pytest.approx(1, abs=1e-5)
    assert all(np.allclose(p.probabilities, found[0].probabilities, atol=1e-6) for p in found)
    assert learner.predict(path)[0].label == "red"
    assert learner.predict([]) == []


def test_a_picture_that_cannot_be_predicted_is_named(learner, tmp_path):
    with pytest.raises(ImageError) as caught:
        learner.predict([tmp_path / "none.png"])
    assert str(caught.value) == f"{tmp_path / 'none.png'} cannot be used: there is no such file."


def test_the_finder_suggests_rates_and_puts_everything_back(learner):
    learner.fit_one_cycle(1)
    before, steps, random = weights(learner), list(learner.history.steps), torch.random.get_rng_state()
    found = learner.lr_find(n_steps=40, start_lr=1e-5)
    assert same(weights(learner), before)
    assert learner.history.steps == steps
    assert torch.equal(torch.random.get_rng_state(), random)
    assert set(found.suggestions) == {"valley", "slide", "minimum", "steep"}
    assert all(1e-6 < lr < 10 for lr in found.suggestions.values())


def test_a_training_after_the_finder_is_as_without_it(catalog):
    models = []
    for search in (True, False):
        learner = Learner(catalog, from_scratch=True, device="cpu", batch_size=6)
        if search:
            learner.lr_find(n_steps=30, start_lr=1e-5)
        learner.fit_one_cycle(1)
        models.append((weights(learner), learner.history.steps))
    assert same(models[0][0], models[1][0]) and models[0][1] == models[1][1]


def test_stopping_the_finder_puts_the_weights_back(learner):
    before = weights(learner)
    with pytest.raises(Cancelled):
        learner.lr_find(reporter=Listener(stop_at=30))
    assert same(weights(learner), before)


def test_the_diagnosis_looks_at_the_whole_history(learner):
    for train_loss, valid_loss, error in ((1.0, 1.0, 0.6), (0.5, 0.5, 0.5), (0.4, 0.49, 0.5)):
        learner.history.epochs.append(
            {"train_loss": train_loss, "valid_loss": valid_loss, "error_rate": error}
        )
    assert learner.diagnose().verdict == "ok"
    del learner.history.epochs[2:]
    assert learner.diagnose().verdict == "too_few_epochs"


def test_evaluating_a_split_without_images_is_refused(learner):
    with pytest.raises(TrainingError) as caught:
        learner.evaluate("test")
    assert str(caught.value) == "There are no labelled images in the split 'test'."


def test_the_repr_names_network_classes_and_result(learner):
    assert repr(learner) == "<Learner: scratch, 3 classes, <History: not trained yet>>"


def test_pictures_are_read_once_and_shrunk_as_for_embeddings(catalog):
    pictures = Pictures([catalog.path(name) for name in catalog.names], Preprocess(16))
    pictures.warm(range(len(pictures.paths)))
    first = catalog.path(catalog.names[0])
    expected = Preprocess(16).read(first)
    first.unlink()
    [(batch, rows)] = pictures.batches([0], 4)
    assert np.array_equal(batch[0].numpy(), expected)
    assert list(rows) == [0]


def test_memory_for_pictures_is_bounded(catalog, monkeypatch):
    paths = [catalog.path(name) for name in catalog.names]
    pictures = Pictures(paths, Preprocess(16), max_cache_bytes=5 * 16 * 16 * 3)
    pictures.warm(range(len(pictures.paths)))
    read = []
    grey = np.zeros((16, 16, 3), np.uint8)
    monkeypatch.setattr(Preprocess, "read", lambda _, path: read.append(path) or grey)
    list(pictures.batches(range(len(pictures.paths)), 4))
    assert read == paths[5:]


def test_rows_keep_their_order_and_their_targets(catalog):
    data = LabelledPictures(catalog, outputs_for(["red", "green", "blue"], None), Preprocess(8))
    assert [["red", "green", "blue"][t] for t in data.targets] == list(catalog.labels)
    assert set(data.splits[data.indices("valid")]) == {"valid"}
    assert len(data.indices("train", "valid")) == len(catalog)


def test_augmentation_keeps_shape_and_type_and_mirrors_only_when_told():
    picture = torch.zeros(64, 16, 16, 3, dtype=torch.uint8)
    picture[:, :, :8] = 255
    torch.manual_seed(0)
    changed = Augment()(picture)
    assert changed.shape == picture.shape and changed.dtype == torch.uint8
    mirrored = (changed[:, 8, 2, 0] < changed[:, 8, 13, 0]).float().mean()
    assert 0.3 < mirrored < 0.7
    kept = Augment(mirror=False)(picture)
    assert (kept[:, 8, 2, 0] > kept[:, 8, 13, 0]).all()
    assert not torch.equal(kept, picture)


def test_augmentation_that_draws_no_change_gives_the_image_back(monkeypatch):
    picture = torch.randint(0, 256, (3, 20, 30, 3), dtype=torch.uint8)
    monkeypatch.setattr(torch, "rand", lambda *shape: torch.full(shape, 0.9))
    assert torch.equal(Augment()(picture), picture)


def test_items_made_ahead_come_in_order():
    assert list(prefetch(lambda: iter(range(50)))) == list(range(50))


def test_an_error_in_the_thread_comes_out_where_the_items_are_used():
    def items():
        yield 1
        raise ImageError("truncated")

    found = prefetch(items)
    assert next(found) == 1
    with pytest.raises(ImageError, match="truncated"):
        next(found)


def test_closing_early_ends_the_thread():
    n_before = threading.active_count()
    found = prefetch(lambda: iter(range(10**9)))
    assert next(found) == 0
    found.close()
    assert threading.active_count() == n_before


def test_fine_tuning_real_photographs_beats_guessing_by_far(data_dir, tmp_path):
    from zipfile import ZipFile

    labels = pd.read_csv(data_dir / "clothing" / "labels.csv")
    table = pd.concat(
        [
            labels[(labels["split"] == "train") & (labels["true_label"] == label)].head(12)
            for label in ("dress", "hat", "shoes")
        ]
    )
    table["split"] = ["valid" if i % 3 == 0 else "train" for i in range(len(table))]
    with ZipFile(data_dir / "clothing" / "images.zip") as photographs:
        places = {name.rpartition("/")[2]: name for name in photographs.namelist()}
        for name in table["name"]:
            photographs.extract(places[name.rpartition("/")[2]], tmp_path)
    table["name"] = [places[name.rpartition("/")[2]] for name in table["name"]]
    catalog = Catalog(
        table.rename(columns={"true_label": "label"})[["name", "label", "split"]], root=tmp_path
    )
    file = data_dir / "weights" / "mobilenet_v2.safetensors"
    learner = Learner(catalog, weights=file, size_px=128, device="cpu")
    learner.fine_tune(1)
    assert learner.error_rate <= 2 / 12


def test_the_built_in_network_trains_saves_and_loads(catalog, tmp_path):
    learner = Learner(catalog, size_px=64, device="cpu", batch_size=6, seed=2)
    assert repr(learner) == "<Learner: lite0, 3 classes, <History: not trained yet>>"
    before = weights(learner)
    learner.fine_tune(2)
    after = weights(learner)
    assert learner.error_rate == 0
    statistics = [key for key in before if "running" in key]
    assert statistics and all(torch.equal(before[key], after[key]) for key in statistics)
    assert not torch.equal(before["body.net.conv_stem.weight"], after["body.net.conv_stem.weight"])

    learner.save(tmp_path / "m.safetensors")
    loaded = Learner.load(tmp_path / "m.safetensors", device="cpu")
    assert loaded.network.backbone == "lite0"
    files = [catalog.path(name) for name in catalog.names]
    shares = [prediction.probabilities for prediction in loaded.predict(files)]
    assert np.allclose(shares, learner.probabilities(catalog), atol=1e-5)
