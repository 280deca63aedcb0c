"""The learner: a network, the images of a catalog, and how the one is trained and measured on the others."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from cleaner.dataset.catalog import Catalog
from cleaner.errors import BackboneError, DivergedError, TrainingError
from cleaner.models.backbones import Backbone, load_backbone
from cleaner.models.heads import Classifier
from cleaner.models.scratch import SCRATCH
from cleaner.training.data import LabelledPictures, require_trainable
from cleaner.training.diagnosis import TARGET_ERROR, Diagnosis, diagnose, lower, worsened
from cleaner.training.history import History
from cleaner.training.loop import (
    Course,
    HeadRun,
    LearningRate,
    Phase,
    PhaseRun,
    begin,
    endless_batches,
    highest,
    optimizer_for,
    seeded,
    train_step,
)
from cleaner.training.lr_finder import LrSweep, sweep
from cleaner.training.network import Evaluation, Network, Picture, Prediction, evaluate, loss_table
from cleaner.training.pace import Pace, Paced, Work
from cleaner.training.recipe import BASE_LR, Recipe
from cleaner.training.rehearsal import rehearse, work_ahead
from cleaner.training.team import Team
from cleaner.training.unfinished import Standing, Unfinished, digest
from cleaner.util.progress import SILENT, Reporter, Stage, Untimed
from cleaner.util.wording import rate_words

CPU_BATCH = 16  # measured a fifth faster than 32, and small sets get more steps
GPU_BATCH = 64
_NO_NUMBERS = {"train_loss": math.nan, "valid_loss": math.nan, "error_rate": math.nan}


class Learner:
    """A network that learns the classes of a catalog.

    If its images can have several labels, it learns of each class whether it is there.

    Parameters
    ----------
    catalog : Catalog
        With splits; images without a label are left out.
    backbone : str, Path or Backbone, optional
        A torchvision network, ``timm/NAME``, "scratch", or a file that `save` wrote, whose body is taken over
        (and its head, if the classes are the same). See `cleaner.models.backbones.load_backbone`.
    weights : Path, optional
        Pretrained weights.
    from_scratch : bool
        Start from random weights.
    size_px : int, optional
        Side of the network's input; by default the size that its weights were made for. A saved model keeps
        its own.
    batch_size : int, optional
        By default 16 on a CPU and 64 on a GPU.
    mirror : bool, optional
        Mirror half of the training images left to right. False for digits, letters and the like; by default
        True, but False for the "scratch" backbone, whose features know left from right.
    seed : int
        Equal seeds give equal models on a CPU.
    device : str or torch.device, optional
        By default the GPU if there is one; "mps" is the one of a Mac.
    recipe : Recipe, optional
        What is done beyond plain training: mixup, weights of the classes, early stop and more.

    Attributes
    ----------
    network : Network
        The model with its classes and preprocessing.
    history : History
    frozen : bool
        Whether the next `fit_one_cycle` trains the head only; True at first if the backbone is pretrained.

    Raises
    ------
    TrainingError
        No training or validation images, or fewer than two classes.
    BackboneError
        The backbone cannot be loaded.
    """

    def __init__(
        self,
        catalog: Catalog,
        *,
        backbone: str | Path | Backbone | None = None,
        weights: Path | None = None,
        from_scratch: bool = False,
        size_px: int | None = None,
        batch_size: int | None = None,
        mirror: bool | None = None,
        seed: int = 0,
        device: str | torch.device | None = None,
        recipe: Recipe | None = None,
    ) -> None:
        require_trainable(catalog)
        Team()  # before a device is chosen
        saved = isinstance(backbone, Path) or str(backbone).endswith(".safetensors")
        if (saved or isinstance(backbone, Backbone)) and (weights is not None or from_scratch):
            msg = "Got a backbone that has its weights, and weights or from_scratch too; leave these out."
            raise BackboneError(msg)
        sets, loaded = catalog.label_sets, None
        with seeded(seed):
            if saved:
                loaded = Network.load(Path(str(backbone)), device=device)
                network = loaded.with_classes(catalog.classes, sets)
            else:
                if not isinstance(backbone, Backbone):
                    name = None if backbone is None else str(backbone)
                    backbone = load_backbone(name, weights=weights, from_scratch=from_scratch, device=device)
                network = Network.build(backbone.resized(size_px), catalog.classes, sets)
        self._begin(network, catalog, batch_size=batch_size, mirror=mirror, seed=seed, recipe=recipe)
        offsets = network.outputs.first_offsets(self.data.targets[self.data.indices("train")])
        if offsets is not None and network is not loaded:
            network.set_offsets(offsets)

    def _begin(
        self,
        network: Network,
        catalog: Catalog | None,
        *,
        batch_size: int | None,
        mirror: bool | None,
        seed: int,
        recipe: Recipe | None,
    ) -> None:
        self.recipe = recipe or Recipe()
        network.runner.use(self.recipe.precision)
        self.network = network
        self.history = History()
        self._data = None
        if catalog is not None:
            self._data = LabelledPictures(catalog, network.outputs, network.runner.preprocess)
        self._evaluations: dict[str, Evaluation] = {}
        self.mirror = network.backbone != SCRATCH if mirror is None else mirror
        self.seed = seed
        self.batch_size = batch_size or (GPU_BATCH if network.runner.device.type == "cuda" else CPU_BATCH)
        self.frozen = network.pretrained

    def __repr__(self) -> str:
        return f"<Learner: {self.network.backbone}, {len(self.classes)} classes, {self.history!r}>"

    @property
    def classes(self) -> list[str]:
        """Names of the classes, in the order of the probabilities."""
        return self.network.classes

    @property
    def model(self) -> Classifier:
        """The torch module, with ``body`` and ``head``."""
        return self.network.runner.model

    @property
    def data(self) -> LabelledPictures:
        """The images and their labels.

        Raises
        ------
        TrainingError
            The model was loaded without a catalog.
        """
        if self._data is None:
            msg = "This model was loaded without images; use Learner.load(path, catalog)."
            raise TrainingError(msg)
        return self._data

    @property
    def problems(self) -> dict[str, str]:
        """Name → reason, for the images that turned out to be unreadable and were skipped."""
        return self.data.problems

    def freeze(self) -> None:
        """Let only the head learn."""
        self.frozen = True

    def unfreeze(self) -> None:
        """Let all layers learn."""
        self.frozen = False

    def fit_one_cycle(
        self,
        epochs: int,
        lr: LearningRate = 1e-3,
        *,
        pct_start: float = 0.25,
        div: float = 25.0,
        checkpoint: Path | None = None,
        reporter: Reporter = SILENT,
    ) -> None:
        """Train for some epochs with one cycle of learning rate and momentum.

        Parameters
        ----------
        epochs : int
        lr : float or slice
            The highest rate. ``slice(low, high)``: from the first layers to the head; ``slice(high)``: a
            tenth of it below the head.
        pct_start : float
            Share of the run in which the rate rises.
        div : float
            The rate starts at ``lr / div``.
        checkpoint : Path, optional
            File that is renewed after every epoch and removed at the end. If it is there from a training
            that was interrupted, with the same images, labels and settings, that one goes on after its last
            epoch, and ends as if there had been no interruption.
        reporter : Reporter
            Hears of every batch. Asked to stop, it gives back the weights and the history from before.

        Raises
        ------
        DivergedError
            The loss is no number any more.
        TrainingError
            There are no readable images, a rate is not positive, or the network cannot have images of a size
            of the recipe.
        CheckpointError
            The checkpoint cannot be written.
        Cancelled
            The reporter asked to stop.
        """
        self._fit([Phase(epochs, lr, self.frozen, pct_start, div)], lr, checkpoint, reporter)

    def fine_tune(
        self,
        epochs: int,
        base_lr: LearningRate = BASE_LR,
        *,
        head_passes: int = 10,
        checkpoint: Path | None = None,
        reporter: Reporter = SILENT,
    ) -> None:
        """Train the head, then all layers with rates that rise a hundredfold from the first ones to the head.

        The head learns on features that the body computes once; a network with random weights (other than
        "scratch") has none worth learning on, and begins with all layers at one rate.

        Parameters
        ----------
        epochs : int
            Passes over the images with all layers.
        base_lr : float or slice
            Highest rate of the head alone; with all layers it has half of it. ``slice(low, high)``: ``high``
            for the head alone, then from ``low`` to ``high``.
        head_passes : int
            Passes of the head over the features.
        checkpoint, reporter
            See `fit_one_cycle`, which raises the same.
        """
        high = highest(base_lr)
        given = isinstance(base_lr, slice)
        if self.network.pretrained or self.network.backbone == SCRATCH:
            rates = base_lr if given else slice(high / 200, high / 2)
            phases = [
                Phase(head_passes, high, True, 0.25, 25.0, on_features=True),
                Phase(epochs, rates, False, 0.3, 5.0),
            ]
        else:
            phases = [Phase(epochs, base_lr, False, 0.25, 25.0)]
        self._fit(phases, base_lr, checkpoint, reporter)

    def lr_find(
        self, *, start_lr: float = 1e-7, end_lr: float = 10.0, n_steps: int = 100, reporter: Reporter = SILENT
    ) -> LrSweep:
        """Try rates from very low to very high, a batch each, and suggest one; weights are put back.

        It takes as long as training on ``n_steps`` batches.

        Raises
        ------
        TrainingError
            The loss explodes before anything can be read off the curve.
        Cancelled
            The reporter asked to stop.
        """
        before = self._weights()
        done = 0
        try:
            with seeded(self.seed, self.network.runner.device):
                course = self._course(self._readable(Untimed(reporter)), reporter)
                runner, objective, scaler = course.runner, course.objective, course.scaler
                self.model.set_frozen(self.frozen)
                optimizer, _ = optimizer_for(self.model, start_lr, weight_decay=self.recipe.weight_decay)
                batches = endless_batches(course)

                def step(lr: float) -> float:
                    nonlocal done
                    reporter.check()
                    for group in optimizer.param_groups:
                        group["lr"] = lr
                    self.model.train()
                    pictures, rows = next(batches)
                    targets = torch.from_numpy(self.data.targets[rows]).to(runner.device)
                    mixed, shares = objective.mix(pictures, targets)
                    loss = train_step(optimizer, runner.logits(mixed), shares, objective, scaler)
                    done += 1
                    reporter(Stage.LEARNING_RATE, done, n_steps, lr=lr, loss=loss)
                    return loss

                with closing(batches):
                    return sweep(step, start_lr=start_lr, end_lr=end_lr, n_steps=n_steps)
        finally:
            self.model.load_state_dict(before)

    def _course(self, train: NDArray[np.intp], reporter: Reporter) -> Course:
        on_cpu = self.network.runner.device.type == "cpu"
        return Course(
            runner=self.network.runner,
            outputs=self.network.outputs,
            data=self.data,
            rows=train,
            recipe=self.recipe,
            batch_size=self.batch_size,
            mirror=self.mirror,
            team=Team(),
            history=self.history,
            reporter=reporter,
            pace=Pace(work_clock=time.process_time if on_cpu else None),
        )

    def _fit(
        self, phases: Sequence[Phase], lr: LearningRate, checkpoint: Path | None, reporter: Reporter
    ) -> None:
        """Train through some phases; whatever ends it early, weights and history from before come back.

        ``lr`` is what was asked for, by which a diagnosis judges.
        """
        phases = [phase for phase in phases if phase.epochs > 0]
        if not phases:
            msg = "There is nothing to train: 0 epochs were asked for; expected 1 or more."
            raise TrainingError(msg)
        run: dict[str, Any] = {"lr": highest(lr), "epochs": phases[-1].epochs}
        with self._undone_on_error(run), seeded(self.seed, self.network.runner.device):
            self._require_sizes()
            course = self._course(self._readable(Untimed(reporter)), reporter)
            unfinished, plan = None, self._plan(phases, course)
            if checkpoint is not None:
                unfinished = Unfinished(Path(checkpoint), plan)
            standing = None if unfinished is None else unfinished.load()
            so_far = None if standing is None else (standing.phase, standing.epochs)
            course.team.require_same(digest([repr(plan), repr(so_far)]), self.network.runner.device)
            measured = self._train(course, phases, unfinished, standing, run)
        if unfinished is not None and course.team.leads:
            unfinished.remove()
        self.history.runs.append(run)
        self._evaluations = {} if measured is None else {"valid": measured}
        self.frozen = phases[-1].frozen

    def _train(
        self,
        course: Course,
        phases: Sequence[Phase],
        unfinished: Unfinished | None,
        standing: Standing | None,
        run: dict[str, Any],
    ) -> Evaluation | None:
        """Train epoch by epoch; return what the last one measured, None if it went back to an earlier one."""
        history, team, patience = self.history, course.team, self.recipe.patience
        before = len(history)
        best = {}
        if standing is not None:
            best = self._go_back_to(standing)
            run["resumed_after"] = len(history)
        measured: Evaluation | None = None
        self._look_ahead(course, phases, standing)
        for number, phase in enumerate(phases):
            if standing is not None and number < standing.phase:
                continue
            under_way, first = begin(course, phase), 0
            if standing is not None and number == standing.phase:
                under_way.resume(standing.optimizer, standing.rest)
                first = standing.epochs
            for epoch in range(first, under_way.epochs):
                measured = self._train_epoch(course, under_way, epoch)
                errors = [record["error_rate"] for record in history.epochs[before:]]
                if patience and errors[-1] < min(errors[:-1], default=math.inf):
                    best = self._weights()
                worse = worsened(errors, n_valid=measured.independent or measured.n, patience=patience)
                if team.agreed(worse, self.network.runner.device):
                    self.model.load_state_dict(best)
                    run |= {"epochs": epoch + 1, "kept_epoch": before + int(np.argmin(errors)) + 1}
                    return None
                if unfinished is not None and team.leads:
                    unfinished.save(self._standing(number, epoch + 1, best, under_way))
        return measured

    def _look_ahead(self, course: Course, phases: Sequence[Phase], standing: Standing | None) -> None:
        """Let the pace know what is to be done, and what it costs."""
        measured = sum(map(len, course.measured_rows(self.seed)))
        phase, epochs = (0, 0) if standing is None else (standing.phase, standing.epochs)
        course.pace.plan(work_ahead(course, phases[phase:], measured=measured, done=epochs))
        rehearse(course, phases[phase:])

    def _train_epoch(self, course: Course, under_way: PhaseRun | HeadRun, epoch: int) -> Evaluation:
        """Train through an epoch, measure the network, and note it in the history."""
        begun_s = time.monotonic()
        under_way.train_epoch(epoch, self._seed_of(len(self.history)))
        stage, done = under_way.phase.stage, under_way.done(epoch + 1)
        seen, measured = (
            evaluate(
                self.network,
                self.data,
                rows,
                reporter=Paced(
                    course.reporter,
                    course.pace,
                    Work("measure", course.own_px),
                    shown=(stage, done, under_way.total),
                ),
                stage=stage,
            )
            for rows in course.measured_rows(self.seed)
        )
        record = {
            "epoch": len(self.history) + 1,
            "train_loss": seen.loss,
            "valid_loss": measured.loss,
            "error_rate": measured.error_rate,
            "accuracy": measured.accuracy,
            "n_valid": measured.n,
            "seconds": time.monotonic() - begun_s,
        }
        if measured.independent is not None and measured.precision is not None:
            record |= {"n_independent": measured.independent, "precision": measured.precision}
        self.history.epochs.append({"phase": under_way.phase.name, **record})
        left_s = course.pace.seconds_left()
        course.reporter(stage, done, under_way.total, seconds_left=left_s, **record)
        return measured

    def _standing(
        self, phase: int, epochs: int, best: dict[str, torch.Tensor], under_way: PhaseRun | HeadRun
    ) -> Standing:
        tensors, rest = under_way.state()
        return Standing(
            phase=phase,
            epochs=epochs,
            model=self.model.state_dict(),
            optimizer=tensors,
            best=best,
            rest=rest,
            history=self.history.to_dict(),
        )

    def _go_back_to(self, standing: Standing) -> dict[str, torch.Tensor]:
        """Take over weights and history of an interrupted training; returns the weights of its best epoch."""
        self.model.load_state_dict(standing.model)
        earlier = History.from_dict(dict(standing.history))
        self.history.epochs[:], self.history.steps[:] = earlier.epochs, earlier.steps
        return dict(standing.best)

    def _seed_of(self, epoch: int) -> int:
        """Return the seed of an epoch: of its own, so that an interruption before it changes nothing."""
        return int(digest([self.seed, epoch])[:12], 16)

    def _plan(self, phases: Sequence[Phase], course: Course) -> dict[str, Any]:
        """Return all that the outcome of a training depends on."""
        data, rows = self.data, np.concatenate([course.rows, self.data.indices("valid")])
        return {
            "phases": [repr(phase) for phase in phases],
            "recipe": repr(self.recipe),
            "images": digest([*data.names[rows], *data.splits[rows], *data.targets[rows].tolist()]),
            "network": digest(self.model.state_dict().values()),
            "preprocess": repr(self.network.runner.preprocess),
            "settings": [self.classes, self.seed, self.batch_size, self.mirror, course.team.size],
            "history": len(self.history),
        }

    def _require_sizes(self) -> None:
        """Raise `TrainingError` unless the network can have images of the sizes of the recipe."""
        sizes, own = self.recipe.sizes, self.network.runner.preprocess.size_px
        if sizes and sizes[-1] != own:
            msg = (
                f"Got the sizes {', '.join(map(str, sizes))}; the last one must be that of the network. End "
                f"with {own}, or make the Learner with size_px={sizes[-1]}."
            )
            raise TrainingError(msg)
        for size_px in sizes:
            probe = torch.zeros(1, size_px, size_px, 3, dtype=torch.uint8)
            try:
                with torch.no_grad():
                    self.network.runner.logits(probe, model=self.model.eval())
            except (AssertionError, RuntimeError, ValueError) as exc:
                name = self.network.backbone
                msg = f"{name} does not take images of {size_px} pixels ({exc}); leave out the sizes."
                raise TrainingError(msg) from exc

    def _readable(self, reporter: Reporter) -> NDArray[np.intp]:
        """Read the images and return the rows to learn from."""
        self.data.pictures.warm(self.data.indices("train", "valid").tolist(), reporter=reporter)
        train = self.data.indices("train")
        if len(train) < 2 or not len(self.data.indices("valid")):
            msg = f"Too few images can be read to train on them; {self.data.first_problem()}."
            raise TrainingError(msg)
        return train

    def _weights(self) -> dict[str, torch.Tensor]:
        return {key: value.detach().to("cpu", copy=True) for key, value in self.model.state_dict().items()}

    @contextmanager
    def _undone_on_error(self, run: dict[str, Any]) -> Iterator[None]:
        weights, history = self._weights(), self.history
        n_epochs, n_steps = len(history.epochs), len(history.steps)
        try:
            yield
        except BaseException as exc:
            diverged = isinstance(exc, DivergedError)
            found = self._judged([*history.epochs, _NO_NUMBERS], run) if diverged else None
            self.model.load_state_dict(weights)
            del history.epochs[n_epochs:], history.steps[n_steps:]
            if found is None:
                raise
            lr = run["lr"]
            msg = (
                f"{str(exc).removesuffix('.')} at a learning rate of up to {rate_words(lr)}. The previous "
                f"weights were restored; try {rate_words(lower(lr))}."
            )
            raise DivergedError(msg, {"diagnosis": found.to_dict()}) from exc

    def evaluate(self, split: str = "valid", *, reporter: Reporter = SILENT) -> Evaluation:
        """Measure loss and error rate on one split; remembered until the weights change.

        Raises
        ------
        TrainingError
            The split has no labelled images that can be read.
        """
        if split not in self._evaluations:
            rows = self.data.indices(split)
            if not len(rows):
                msg = f"There are no labelled images in the split {split!r}."
                raise TrainingError(msg)
            self._evaluations[split] = evaluate(
                self.network, self.data, rows, reporter=reporter, stage=Stage.EVALUATE
            )
        return self._evaluations[split]

    @property
    def error_rate(self) -> float:
        """Share of wrong answers on the validation images, 0..1; see `Evaluation`."""
        return self.evaluate().error_rate

    @property
    def accuracy(self) -> float:
        """Share of right answers on the validation images, 0..1; see `Evaluation`."""
        return self.evaluate().accuracy

    def diagnose(
        self, *, target_error: float = TARGET_ERROR, previous_error: float | None = None
    ) -> Diagnosis:
        """Judge all training so far; print what comes to read it. See `cleaner.training.diagnosis`.

        Raises
        ------
        TrainingError
            Nothing was trained yet.
        """
        runs = self.history.runs
        return self._judged(
            self.history.epochs,
            runs[-1] if runs else {},
            target_error=target_error,
            previous_error=previous_error,
        )

    def _judged(self, epochs: Sequence[dict[str, Any]], run: dict[str, Any], **more: Any) -> Diagnosis:
        valid, outputs = self.data.indices("valid"), self.network.outputs
        guess = outputs.guess(self.data.targets[valid])
        return diagnose(
            [epoch["train_loss"] for epoch in epochs],
            [epoch["valid_loss"] for epoch in epochs],
            [epoch["error_rate"] for epoch in epochs],
            n_valid=len(valid),
            n_independent=epochs[-1].get("n_independent"),
            n_classes=len(self.classes),
            guess_loss=guess.loss,
            lr=run.get("lr"),
            epochs=run.get("epochs"),
            kept_epoch=run.get("kept_epoch"),
            guess_error=guess.error,
            **more,
        )

    def predict(self, pictures: Picture | Sequence[Picture]) -> list[Prediction]:
        """Name the class or classes of one or several images: files, contents of files, or Pillow images.

        Raises
        ------
        ImageError
            An image cannot be opened.
        """
        several = isinstance(pictures, Sequence) and not isinstance(pictures, str | bytes)
        return self.network.predict(pictures if several else [pictures])  # type: ignore[list-item, arg-type]

    def probabilities(self, catalog: Catalog, *, reporter: Reporter = SILENT) -> NDArray[np.float32]:
        """Return the probability of every class for every image of a catalog.

        Returns
        -------
        ndarray, float32, shape (len(catalog), n_classes)
            Rows in the catalog's order; rows of unreadable images are NaN.
        """
        return self.network.probabilities(catalog, reporter=reporter)

    def top_losses(self, k: int | None = None, *, reporter: Reporter = SILENT) -> pd.DataFrame:
        """Return the images of train and valid with the highest loss, as the lesson did it.

        This is the loss *in sample*: the model has seen the training images with these very labels and may
        have learnt their errors by heart. To find wrong labels, use `cleaner.ranking.rank`.

        Parameters
        ----------
        k : int, optional
            How many; by default all.

        Returns
        -------
        DataFrame
            ``name``, ``split``, ``given_label``, ``predicted_label``, ``probability`` (of the predicted
            label), ``loss`` (nats an answer, of the given label), highest loss first.
        """
        rows = self.data.indices("train", "valid")
        return loss_table(self.network, self.data, rows, reporter=reporter).head(
            len(rows) if k is None else k
        )

    def save(self, path: Path | str) -> None:
        """Write one safetensors file: weights, classes, preprocessing, metrics and history.

        Raises
        ------
        CheckpointError
            The file cannot be written.
        """
        valid = self._evaluations.get("valid")
        metrics = {} if valid is None else valid.numbers
        self.network.save(Path(path), metrics=metrics, history=self.history.to_dict())

    export = save  # the lesson's word

    @classmethod
    def load(
        cls,
        path: Path | str,
        catalog: Catalog | None = None,
        *,
        batch_size: int | None = None,
        mirror: bool | None = None,
        seed: int = 0,
        device: str | torch.device | None = None,
        recipe: Recipe | None = None,
    ) -> Learner:
        """Read a model that `save` wrote; without a catalog it can predict, with one also train and evaluate.

        Raises
        ------
        CheckpointError
            The file is missing, damaged, or not a saved model.
        """
        learner = cls.__new__(cls)
        network = Network.load(Path(path), device=device)
        learner._begin(network, catalog, batch_size=batch_size, mirror=mirror, seed=seed, recipe=recipe)
        learner.frozen = False
        learner.history = History.from_dict(network.manifest.get("history", {}))
        return learner


def load_learner(path: Path | str, *, device: str | torch.device | None = None) -> Learner:
    """Read an exported model, to predict with it; see `Learner.load`, which can also train it further.

    Parameters
    ----------
    path : Path or str
        A file that `Learner.export`, ``cleaner train``, ``cleaner export --model`` or the page wrote.
    device : str or torch.device, optional
        By default the GPU if there is one.

    Raises
    ------
    CheckpointError
        The file is missing, damaged, or not a saved model.
    """
    return Learner.load(path, device=device)
