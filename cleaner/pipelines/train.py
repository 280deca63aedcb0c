"""Train a model to take away."""

from dataclasses import dataclass
from pathlib import Path

from cleaner.dataset.dataset import Dataset
from cleaner.pipelines.network import NetworkOptions
from cleaner.pipelines.retrain import check_epochs
from cleaner.review.labels import cleaned_catalog
from cleaner.review.state import ReviewState
from cleaner.util.progress import SILENT, Reporter


@dataclass(frozen=True, kw_only=True)
class TrainReport:
    """How well a newly trained model does on images that it has not seen.

    Attributes
    ----------
    path : Path
        The saved model.
    classes : list of str
    n_train, n_valid, n_test : int
        Labelled images of each split that could be read.
    error_rate : float
        On the validation images, 0..1.
    test_error_rate : float or None
        On the test images; None if there are none.
    """

    path: Path
    classes: list[str]
    n_train: int
    n_valid: int
    n_test: int
    error_rate: float
    test_error_rate: float | None


def train(
    dataset: Dataset,
    review: ReviewState,
    network: NetworkOptions,
    *,
    out: Path,
    epochs: int = 4,
    reporter: Reporter = SILENT,
) -> TrainReport:
    """Fine-tune a network on the set after all decisions, save it, and measure it.

    Parameters
    ----------
    dataset : Dataset
    review : ReviewState
    network : NetworkOptions
    out : Path
        Where to write the model; written last, in one step.
    epochs : int
        Passes over the training images with all layers, after one with the head alone.
    reporter : Reporter

    Raises
    ------
    TrainingError
        ``epochs`` below 1, no labelled training or validation images, fewer than two classes, or the loss is
        no number any more.
    Cancelled, CleanerError
        See `cleaner.pipelines.rank.prepare`.
    """
    check_epochs(epochs)
    catalog = dataset.scan(reporter=reporter)
    learner = network.learner(cleaned_catalog(catalog, review), seed=dataset.seed)
    learner.fine_tune(epochs, reporter=reporter)
    valid = learner.evaluate("valid", reporter=reporter)
    test = learner.evaluate("test", reporter=reporter) if len(learner.data.indices("test")) else None
    reporter.check()
    learner.save(out)
    return TrainReport(
        path=Path(out),
        classes=learner.classes,
        n_train=len(learner.data.indices("train")),
        n_valid=valid.n,
        n_test=0 if test is None else test.n,
        error_rate=valid.error_rate,
        test_error_rate=None if test is None else test.error_rate,
    )
