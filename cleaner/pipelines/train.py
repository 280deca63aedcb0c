"""Train again on the cleaned set and compare before with after; or train a model to take away."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from cleaner.analysis.worth import Worth
from cleaner.dataset.catalog import Catalog
from cleaner.dataset.class_findings import refuse_splits
from cleaner.dataset.dataset import Dataset
from cleaner.dataset.label_sets import classes_of
from cleaner.errors import CheckpointError, DivergedError, TrainingError
from cleaner.pipelines.model_file import model_path
from cleaner.pipelines.network import NetworkOptions
from cleaner.pipelines.rank import Seen, look, rank_seen, save_ranking
from cleaner.pipelines.worth import worth_seen
from cleaner.ranking.feedback import judged
from cleaner.review.labels import cleaned_catalog
from cleaner.review.state import ReviewState
from cleaner.training.compare import RetrainResult, compare, compare_classes
from cleaner.training.diagnosis import Diagnosis, Verdict
from cleaner.training.recipe import BASE_LR, Recipe
from cleaner.util.progress import SILENT, Reporter, Stage, Untimed

if TYPE_CHECKING:
    from cleaner.ranking.heads import LinearHead
    from cleaner.ranking.result import Ranking
    from cleaner.training.learner import Learner
    from cleaner.training.lr_finder import LrSweep
    from cleaner.training.network import Evaluation

logger = logging.getLogger(__name__)

HEAD_GIVEN = "last layer, labels as given"
HEAD_CLEANED = "last layer, cleaned labels"
TUNED_EARLIER = "the network tuned last time"
TUNED_CLEANED = "tuned network, cleaned labels"


@dataclass(frozen=True, kw_only=True)
class Retrained:
    """What a training on the cleaned set has shown.

    Attributes
    ----------
    result : RetrainResult
        Before and after, on the validation images.
    worth : Worth or None
        What cleaning has brought, and what more of it is expected to bring, on all images; None where images
        can have several labels.
    diagnosis : Diagnosis or None
        How the training itself went; None if only a last layer was fitted.
    """

    result: RetrainResult
    worth: Worth | None
    diagnosis: Diagnosis | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return what JSON can hold: the fields of ``result``, and those of the others below their names."""
        diagnosis = None if self.diagnosis is None else self.diagnosis.to_dict()
        worth = None if self.worth is None else asdict(self.worth)
        return {**self.result.to_dict(), "worth": worth, "diagnosis": diagnosis}


def retrain_quick(
    dataset: Dataset, review: ReviewState, network: NetworkOptions, *, reporter: Reporter = SILENT
) -> Retrained:
    """Fit a linear head on the cached embeddings with the cleaned labels; renew model and ranking.

    Where images can have several labels, it says of each class whether it is there.

    *Before* is such a head on the labels as given. Both are judged on the same validation images by their
    cleaned labels. The reporter hears of that first: ranking and `Worth` take several times as long.

    Raises
    ------
    TrainingError
        No labelled validation images, or fewer than two classes to learn.
    Cancelled, CleanerError
        See `cleaner.pipelines.rank.prepare`.
    """
    seen = look(dataset, review, network, reporter=reporter)
    _, vectors, truth = _validation(seen)
    sets = seen.cleaned.label_sets
    reporter.check()
    reporter(Stage.TRAIN_HEAD, 0, 2)
    axes = _axes(seen)
    before = _fit_head(seen, seen.given, axes)
    reporter.check()
    reporter(Stage.TRAIN_HEAD, 1, 2)
    after = _fit_head(seen, seen.cleaned, axes)
    result = _compared(
        seen, truth, _Said.by_head(HEAD_GIVEN, before, vectors), _Said.by_head(HEAD_CLEANED, after, vectors)
    )
    reporter(Stage.TRAIN_HEAD, 2, 2, error_rate=result.after)
    reporter.result_so_far(result.to_dict())
    ranking = rank_seen(seen, reporter=reporter)
    worth = _worth(seen, ranking, review, reporter)
    reporter.check()
    from cleaner.training.network import Network  # torch, 2 to 4 s: only now that there is a model to save

    metrics = {"n": result.n, "error_rate": result.after}
    fitted = Network.from_linear_head(
        seen.backbone, after.classes, weight=after.weight, offset=after.offset, sets=sets
    )
    fitted.save(model_path(dataset, "quick"), metrics=metrics)
    save_ranking(dataset, seen, ranking)
    return Retrained(result=result, worth=worth)


def retrain_full(
    dataset: Dataset,
    review: ReviewState,
    network: NetworkOptions,
    *,
    epochs: int = 4,
    lr: float = BASE_LR,
    reporter: Reporter = SILENT,
) -> Retrained:
    """Fine-tune the whole network on the cleaned set; renew model and ranking.

    *Before* is the network tuned last time if there is one, else a linear head on the labels as given; the
    result says which.

    A training that was interrupted goes on after its last epoch, if decisions and settings are the same.

    What takes time that nobody can tell beforehand, the ranking above all, comes first. From the first
    batches on, the reporter then hears how long the whole of it will still take.

    Parameters
    ----------
    dataset : Dataset
    review : ReviewState
    network : NetworkOptions
    epochs : int
        Passes over the training images with all layers, after one with the head alone.
    lr : float
        Highest rate of the head; see `Learner.fine_tune`.
    reporter : Reporter
        Hears ``train_loss``, ``valid_loss`` and ``error_rate`` after every epoch.

    Raises
    ------
    DivergedError
        The rate was too high; what was there before is kept.
    TrainingError
        ``epochs`` below 1, no labelled validation images, or fewer than two classes to learn.
    Cancelled, CleanerError
        See `cleaner.pipelines.rank.prepare`.
    """
    from cleaner.training.learner import Learner  # torch: 2 to 4 s

    check_epochs(epochs)
    early = Untimed(reporter)
    seen = look(dataset, review, network, reporter=early)
    names, vectors, truth = _validation(seen)
    path = model_path(dataset, "full")
    before = _tuned_earlier(path, seen.cleaned.subset(names), seen.renamed, early)
    if before is None:
        before = _Said.by_head(HEAD_GIVEN, _fit_head(seen, seen.given), vectors)
    ranking = rank_seen(seen, reporter=early)
    worth = _worth(seen, ranking, review, early)
    usable = seen.cleaned.subset(set(seen.cleaned.names) & set(seen.embeddings.names))
    learner = Learner(usable, backbone=seen.backbone, seed=dataset.seed)
    learner.fine_tune(epochs, lr, checkpoint=_unfinished(path), reporter=reporter)
    _diagnosed(learner)
    result = _compared(seen, truth, before, _Said.by_network(TUNED_CLEANED, learner, names))
    # The comparison image by image sees smaller differences than two error rates do; it must not be denied.
    same = result.low <= 0 <= result.high
    diagnosis = learner.diagnose(previous_error=result.before if same else None)
    reporter.check()
    learner.save(path)
    save_ranking(dataset, seen, ranking)
    return Retrained(result=result, worth=worth, diagnosis=diagnosis)


def find_rate(
    dataset: Dataset, review: ReviewState, network: NetworkOptions, *, reporter: Reporter = SILENT
) -> LrSweep:
    """Try learning rates on the cleaned set, as `retrain_full` would train on it; no model is changed.

    Raises
    ------
    TrainingError
        No labelled training or validation images, fewer than two classes, or a loss that explodes at once.
    Cancelled, CleanerError
        See `cleaner.pipelines.rank.prepare`.
    """
    return _learner(dataset, review, network, Recipe(), Untimed(reporter)).lr_find(reporter=reporter)


def _learner(
    dataset: Dataset, review: ReviewState, network: NetworkOptions, recipe: Recipe, reporter: Reporter
) -> Learner:
    """Return a learner on the set after all decisions."""
    from cleaner.training.learner import Learner  # torch: 2 to 4 s

    catalog = cleaned_catalog(dataset.scan(reporter=reporter), review)
    refuse_splits(catalog.classes)
    backbone, *_ = network.load(dataset)[0]
    size_px = recipe.sizes[-1] if recipe.sizes else None
    return Learner(catalog, backbone=backbone, size_px=size_px, seed=dataset.seed, recipe=recipe)


@dataclass(frozen=True, kw_only=True)
class TrainReport:
    """How well a newly trained model does on images that it has not seen.

    Attributes
    ----------
    path : Path
        The saved model.
    classes : list of str
    answers : int
        On each image, each of which can be wrong: one, or one for each class, where images can have several
        labels.
    n_train : int
        Labelled training images that could be read.
    valid : Evaluation
        On the validation images.
    test : Evaluation or None
        On the test images; None if there are none.
    diagnosis : Diagnosis
        How the training went.
    resumed_after : int or None
        The epoch, from 1, after which it was interrupted and went on; None if it was not.
    leads : bool
        Whether this process of a team is the one to tell of it; True for one that trained alone.
    """

    path: Path
    classes: list[str]
    answers: int
    n_train: int
    valid: Evaluation
    test: Evaluation | None
    diagnosis: Diagnosis
    resumed_after: int | None
    leads: bool


def train(
    dataset: Dataset,
    review: ReviewState,
    network: NetworkOptions,
    *,
    out: Path,
    epochs: int = 4,
    lr: float | slice = BASE_LR,
    recipe: Recipe | None = None,
    reporter: Reporter = SILENT,
) -> TrainReport:
    """Fine-tune a network on the set after all decisions, save it, and measure it.

    A training that was interrupted goes on after its last epoch, if images, labels and settings are the same.
    Several processes that ``torchrun`` has started train together; the first one saves the model.

    Parameters
    ----------
    dataset : Dataset
    review : ReviewState
    network : NetworkOptions
    out : Path
        Where to write the model; written last, in one step.
    epochs : int
        Passes over the training images with all layers, after one with the head alone.
    lr : float or slice
        Highest rate of the head, or from the first layers to the head; see `Learner.fine_tune`.
    recipe : Recipe, optional
        What is done beyond plain training.
    reporter : Reporter

    Raises
    ------
    DivergedError
        The rate was too high; no model is written.
    TrainingError
        ``epochs`` below 1, no labelled training or validation images, or fewer than two classes.
    Cancelled, CleanerError
        See `cleaner.pipelines.rank.prepare`.
    """
    from cleaner.training.team import Team  # torch: 2 to 4 s

    check_epochs(epochs)
    team = Team()  # before a network is put on its device
    learner = _learner(dataset, review, network, recipe or Recipe(), reporter)
    learner.fine_tune(epochs, lr, checkpoint=_unfinished(out), reporter=reporter)
    diagnosis = _diagnosed(learner)
    valid = learner.evaluate("valid", reporter=reporter)
    test = learner.evaluate("test", reporter=reporter) if len(learner.data.indices("test")) else None
    reporter.check()
    if team.leads:
        learner.save(out)
    return TrainReport(
        path=Path(out),
        classes=learner.classes,
        answers=learner.network.outputs.answers,
        n_train=len(learner.data.indices("train")),
        valid=valid,
        test=test,
        diagnosis=diagnosis,
        resumed_after=learner.history.runs[-1].get("resumed_after"),
        leads=team.leads,
    )


def _unfinished(model: Path) -> Path:
    """Return where a training keeps how far it is, beside the model that it makes."""
    return model.with_name(f"{model.name}.unfinished")


def check_epochs(epochs: int) -> None:
    """Raise `TrainingError` unless there is at least one epoch to train."""
    if epochs < 1:
        raise TrainingError(f"Got {epochs} epochs; training takes at least one.")


def _diagnosed(learner: Learner) -> Diagnosis:
    """Judge a training; one that diverged without a loss that is no number is refused like the others."""
    found = learner.diagnose()
    if found.verdict == Verdict.DIVERGED:
        raise DivergedError(str(found), {"diagnosis": found.to_dict()})
    return found


def _validation(seen: Seen) -> tuple[list[str], NDArray[np.float32], list[str]]:
    names, vectors, truth = seen.rows(seen.cleaned, "valid")
    if not names:
        raise TrainingError(
            "There are no labelled validation images, so nothing can be compared. Put some into a folder "
            "“valid”, or give them that split in the CSV file."
        )
    return names, vectors, truth


def _worth(seen: Seen, ranking: Ranking, review: ReviewState, reporter: Reporter) -> Worth:
    return worth_seen(seen, ranking, judged(review, ranking), reporter=reporter)


def _axes(seen: Seen) -> NDArray[np.float32] | None:
    """Return axes for heads on the training images, whose labels differ, which takes longer than a head.

    None where they are few: a head then has the axes of its own rows.
    """
    from cleaner.ranking.features import AXES, head_axes, unit_length

    _, vectors, _ = seen.rows(seen.given, "train")
    return head_axes(unit_length(vectors)) if len(vectors) > AXES else None


def _fit_head(seen: Seen, catalog: Catalog, axes: NDArray[np.float32] | None = None) -> LinearHead:
    from cleaner.ranking.heads import LinearHead

    _, vectors, labels = seen.rows(catalog, "train")
    sets = catalog.label_sets
    classes = sorted(classes_of(labels, sets))
    if sets is None and len(classes) < 2:
        msg = f"The labelled training images are of {len(classes)} classes; training needs two or more."
        raise TrainingError(msg)
    if not classes:
        msg = "No training image has a class; training needs one or more. Label some images first."
        raise TrainingError(msg)
    if sets is None:
        return LinearHead.fit(vectors, labels, classes, axes=axes)
    return LinearHead.fit_several(vectors, sets.bits(labels, classes), classes)


@dataclass(frozen=True)
class _Said:
    """What a model says of the validation images.

    ``name`` is what it is, for a reader; ``classes`` are the columns of ``probabilities``, whose rows are NaN
    for unreadable images.
    """

    name: str
    classes: Sequence[str]
    probabilities: NDArray[np.float32]

    @classmethod
    def by_head(cls, name: str, head: LinearHead, vectors: NDArray[np.float32]) -> _Said:
        return cls(name, head.classes, head.predict_proba(vectors))

    @classmethod
    def by_network(cls, name: str, learner: Learner, names: Sequence[str]) -> _Said:
        """Take what it said when it was measured last."""
        said = {learner.data.names[row]: found for row, found in learner.evaluate("valid").said.items()}
        unknown = np.full(len(learner.classes), np.nan, dtype=np.float32)
        return cls(name, learner.classes, np.stack([said.get(image, unknown) for image in names]))

    def best(self) -> list[str | None]:
        """Return the most probable class of each image; None, which is never right, for an unreadable one."""
        rows = self.probabilities
        return [None if np.isnan(row).any() else self.classes[int(row.argmax())] for row in rows]

    def of(self, classes: Sequence[str]) -> NDArray[np.float32]:
        """Return the probability of each of some classes; one that the model does not know is not there."""
        found = np.zeros((len(self.probabilities), len(classes)), dtype=np.float32)
        for column, name in enumerate(classes):
            own = [
                i for i, known in enumerate(self.classes) if known == name
            ]  # several, if classes were merged
            if own:
                found[:, column] = self.probabilities[:, own].max(axis=1)
        return found


def _compared(seen: Seen, truth: Sequence[str], before: _Said, after: _Said) -> RetrainResult:
    names = {"before_name": before.name, "after_name": after.name}
    sets, classes = seen.cleaned.label_sets, seen.cleaned.classes
    if sets is None:
        return compare(truth, before.best(), after.best(), **names)
    return compare_classes(sets.bits(truth, classes), before.of(classes), after.of(classes), **names)


def _tuned_earlier(
    path: Path, valid: Catalog, renamed: Mapping[str, str], reporter: Reporter
) -> _Said | None:
    from cleaner.training.learner import Learner

    if not path.exists():
        return None
    try:
        earlier = Learner.load(path)
    except CheckpointError as exc:
        logger.warning("The network tuned last time cannot be compared with: %s", exc)
        return None
    if (earlier.network.outputs.sets is None) != (valid.label_sets is None):
        return None  # since then, the table of labels is read in another way
    classes = [renamed.get(label, label) for label in earlier.classes]
    return _Said(TUNED_EARLIER, classes, earlier.probabilities(valid, reporter=reporter))
