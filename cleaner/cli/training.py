"""``cleaner train`` and ``cleaner predict``."""

from __future__ import annotations

import csv as csv_module
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cleaner.cli import options as o
from cleaner.cli.console import ask_without_weights, progress, result, say
from cleaner.dataset.folders import list_images
from cleaner.errors import CheckpointError, ImageError
from cleaner.util.progress import Stage

if TYPE_CHECKING:
    from cleaner.pipelines import TrainReport
    from cleaner.training.learner import Learner
    from cleaner.training.network import Prediction

__all__ = ["predict", "train"]

_BATCH = 32


def train(
    folder: o.Folder,
    *,
    out: Annotated[Path, typer.Option(metavar="FILE", help="Where to write the model (safetensors).")] = Path(
        "model.safetensors"
    ),
    epochs: Annotated[int, typer.Option(min=1, help="Rounds over the training images.")] = 4,
    csv: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Train on this list, e.g. cleaned.csv, instead of the set's own."),
    ] = None,
    weights: o.Weights = None,
    backbone: o.Backbone = None,
    from_scratch: o.FromScratch = False,
    seed: o.Seed = 0,
    labels: o.Labels = None,
    state: o.State = None,
    store: o.Store = None,
    group: o.Group = None,
    follow_links: o.FollowLinks = False,
) -> None:
    """Train a classifier on the set after all decisions, and print its error rates.

    First the head is trained, then all layers. The error rate is that of the images set aside for validation
    and, if there is one, of the test split: images that the model has not seen.
    """
    if not out.absolute().parent.is_dir():  # said before the work, not after it
        msg = (
            f"Cannot write {out}: there is no folder {out.absolute().parent}. Make it, or give another file."
        )
        raise CheckpointError(msg)

    def compute(scratch: bool) -> TrainReport:
        from cleaner.models.reach import require_weights

        require_weights(backbone, weights=weights, from_scratch=scratch)
        from cleaner.pipelines import train as train_on

        with (
            o.opened(
                folder,
                weights=weights,
                backbone=backbone,
                from_scratch=scratch,
                seed=seed,
                labels=csv or labels,
                state=state,
                store=store,
                group=group,
                follow_links=follow_links,
            ) as workspace,
            progress() as reporter,
        ):
            return train_on(workspace, out=out, epochs=epochs, reporter=reporter)

    report = ask_without_weights(compute, from_scratch=from_scratch)
    _show_error("valid", report.error_rate, report.n_valid)
    if report.test_error_rate is not None:
        _show_error("test", report.test_error_rate, report.n_test)
    say(f"Written: {out} ({len(report.classes)} classes, trained on {report.n_train:,} images)")


def _show_error(split: str, rate: float, count: int) -> None:
    result(f"error rate on {split}: {rate:.2%} ({round(rate * count):,} of {count:,} images)")


def predict(
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="A model that “train” or the page wrote.")],
    files: Annotated[list[Path], typer.Argument(metavar="FILES…", help="Pictures, or folders of pictures.")],
) -> None:
    """Say what is in pictures, as CSV: name, label, probability.

    A picture that cannot be opened is named on the standard error with the reason, and the exit code is 1.
    """
    from cleaner.training.learner import Learner

    learner = Learner.load(model)
    pictures = list(_pictures(files))
    bad = 0
    lines = csv_module.writer(sys.stdout, lineterminator="\n")
    lines.writerow(["name", "label", "probability"])
    with progress() as reporter:
        for start in range(0, len(pictures), _BATCH):
            reporter(Stage.PREDICT, start, len(pictures))
            for path, found in _predicted(learner, pictures[start : start + _BATCH]):
                if isinstance(found, ImageError):
                    bad += 1
                    say(str(found))
                else:
                    lines.writerow([path, found.label, f"{found.probability:.4f}"])
    if bad:
        msg = f"{bad:,} of {len(pictures):,} pictures could not be opened; the reasons stand above."
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


def _pictures(files: list[Path]) -> Iterator[Path]:
    for path in files:
        if path.is_dir():
            yield from (path / name for name in list_images(path).names)
        else:
            yield path
