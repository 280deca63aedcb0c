"""``cleaner train`` and ``cleaner predict``."""

from __future__ import annotations

import csv as csv_module
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cleaner.cli import options as o
from cleaner.cli.console import command_again, progress, result, say
from cleaner.dataset.folders import list_images
from cleaner.errors import DivergedError, ImageError
from cleaner.training.diagnosis import Diagnosis
from cleaner.util.progress import Stage

if TYPE_CHECKING:
    from cleaner.training.learner import Learner
    from cleaner.training.network import Evaluation, Prediction

_BATCH = 32


def train(
    context: typer.Context,
    folder: o.Folder,
    images: o.SetOptions,
    network: o.NetworkOptions,
    training: o.TrainingOptions,
    *,
    out: Annotated[
        Path, typer.Option(metavar="FILE", help="File for the trained model (safetensors)."), o.TARGET
    ] = Path("model.safetensors"),
    epochs: Annotated[int, typer.Option(min=1, help="Number of passes over the training images.")] = 4,
    csv: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Train on this list (such as cleaned.csv) instead of the set."),
    ] = None,
) -> None:
    """Train a classifier on the set after all decisions, and print its error rates.

    The head is trained first, then all layers. The error rates are those of the validation images and, if
    there are any, of the test images. The model has seen neither of them. In the end, it says how the
    training went, and what to type if another rate or number of epochs would be better.

    A training that was interrupted goes on after its last epoch when the same command is typed again. On
    several GPUs: torchrun --nproc-per-node 4 -m cleaner train DIR.
    """
    rate, recipe = training.rate, training.recipe
    with o.opened(folder, images, network, labels=csv or images.labels) as workspace, progress() as reporter:
        workspace.network.require()  # before torch is loaded
        from cleaner.pipelines.train import train as train_on

        review = workspace.store.state
        try:
            report = train_on(
                workspace,
                review,
                workspace.network,
                out=out,
                epochs=epochs,
                lr=rate,
                recipe=recipe,
                reporter=reporter,
            )
        except DivergedError as exc:
            told = _what_to_type(context, Diagnosis.from_dict(exc.details["diagnosis"]))
            raise DivergedError(f"{exc} {told}", exc.details) from exc
    if not report.leads:
        return
    if report.resumed_after is not None:
        say(f"The training had been interrupted; it went on after epoch {report.resumed_after}.")
    _show_error("valid", report.valid, report.answers)
    if report.test is not None:
        _show_error("test", report.test, report.answers)
    say(f"Written: {out} ({len(report.classes)} classes, trained on {report.n_train:,} images)")
    say(" ".join(filter(None, (str(report.diagnosis), _what_to_type(context, report.diagnosis)))))


def _what_to_type(context: typer.Context, diagnosis: Diagnosis) -> str:
    """Say the command that carries out a remedy; empty if there is none."""
    if diagnosis.remedy is None:
        return ""
    settings = {name: value for name, value in asdict(diagnosis.remedy).items() if value is not None}
    return f"Type: {command_again(context, **settings)}"


def _show_error(split: str, found: Evaluation, answers: int) -> None:
    of, more = f"{found.n:,} images", ""
    if found.precision is not None:
        of = f"{found.n * answers:,} answers: {answers:,} classes of {of}"
        more = f"; mean average precision {found.precision:.3f}"
    wrong = round(found.error_rate * found.n * answers)
    result(f"error rate on {split}: {found.error_rate:.2%} ({wrong:,} of {of}){more}")


def predict(
    model: Annotated[
        Path, typer.Argument(metavar="MODEL", help="A model written by “train” or by the page.")
    ],
    files: Annotated[list[Path], typer.Argument(metavar="FILES…", help="Images, or folders of images.")],
) -> None:
    """Predict the class of images and print it as CSV: name, label, probability.

    Images that cannot be opened are listed on the standard error with the reason; the exit code is then 1.
    """
    from cleaner.training.learner import Learner

    learner = Learner.load(model)
    images = list(_images_of(files))
    bad = 0
    lines = csv_module.writer(sys.stdout, lineterminator="\n")
    lines.writerow(["name", "label", "probability"])
    with progress() as reporter:
        for start in range(0, len(images), _BATCH):
            reporter(Stage.PREDICT, start, len(images))
            for path, found in _predicted(learner, images[start : start + _BATCH]):
                if isinstance(found, ImageError):
                    bad += 1
                    say(str(found))
                else:
                    lines.writerow([path, found.label, f"{found.probability:.4f}"])
    if bad:
        msg = f"{bad:,} of {len(images):,} images could not be opened; see the reasons above."
        raise ImageError(msg)


def _predicted(learner: Learner, paths: list[Path]) -> Iterator[tuple[Path, Prediction | ImageError]]:
    """Predict together, and one by one where one of them cannot be opened."""
    try:
        yield from zip(paths, learner.predict(paths), strict=True)
    except ImageError as exc:
        if len(paths) == 1:
            yield paths[0], exc
            return
        for path in paths:
            yield from _predicted(learner, [path])


def _images_of(files: list[Path]) -> Iterator[Path]:
    for path in files:
        if path.is_dir():
            yield from (path / name for name in list_images(path).names)
        else:
            yield path
