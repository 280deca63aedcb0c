"""Figures for notebooks, by matplotlib's `Figure` alone: unlike pyplot, several threads may draw at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from matplotlib.figure import Figure

from cleaner.errors import ImageError
from cleaner.images.open import open_image
from cleaner.interpret.confusion_matrix import ConfusionMatrix
from cleaner.interpret.image_map import ImageMap
from cleaner.interpret.predictions import Predictions
from cleaner.interpret.reliability import Reliability
from cleaner.interpret.top_losses import top_losses
from cleaner.util.figure import NotebookFigure
from cleaner.util.natural import naturally

_THUMBNAIL_PX = 224
_INCH_PER_CLASS = 0.42


def plot_confusion_matrix(matrix: ConfusionMatrix, *, normalised: bool = False) -> Figure:
    """Draw labels (rows) and predictions (columns), darker where more of a label's images are."""
    k = len(matrix.classes)
    side = 2.5 + _INCH_PER_CLASS * k
    figure = NotebookFigure(figsize=(side, side), layout="constrained")
    axes = figure.subplots()
    shares = matrix.normalised()
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    axes.set(xlabel="predicted", ylabel="label")
    axes.set_xticks(range(k), matrix.classes, rotation=90)
    axes.set_yticks(range(k), matrix.classes)
    for row in range(k):
        for column in range(k):
            if matrix.counts[row, column]:
                share = shares[row, column]
                text = f"{100 * share:.0f} %" if normalised else f"{matrix.counts[row, column]:,}"
                colour = "white" if share > 0.5 else "black"
                axes.text(column, row, text, ha="center", va="center", color=colour, fontsize=8)
    return figure


def plot_reliability(reliability: Reliability) -> Figure:
    """Draw what was said against what is right, with 95 % intervals; one to be trusted is on the diagonal."""
    figure = NotebookFigure(figsize=(4.5, 4.5), layout="constrained")
    axes = figure.subplots()
    axes.plot([0, 1], [0, 1], color="0.6", linestyle="--")
    for each in reliability.bins:
        low, high = each.interval
        axes.plot([each.said, each.said], [low, high], color="C0")
        axes.plot(each.said, each.right.part / each.right.whole, "o", color="C0")
    axes.set(xlim=(0, 1), ylim=(0, 1), xlabel="probability of the prediction", ylabel="share that is right")
    axes.set_title(f"expected calibration error {100 * reliability.error:.1f} %")
    return figure


def plot_map(image_map: ImageMap, labels: Mapping[str, str | None]) -> Figure:
    """Draw each image as a point in the colour of its label; those without one are grey.

    Parameters
    ----------
    image_map : ImageMap
    labels : mapping of str to (str or None)
        Label of each image.
    """
    figure = NotebookFigure(figsize=(7, 7), layout="constrained")
    axes = figure.subplots()
    label_of = [labels.get(name) for name in image_map.names]
    for label in [None, *naturally({label for label in label_of if label is not None})]:
        points = image_map.points[[each == label for each in label_of]]
        axes.plot(*points.T, ".", markersize=3, label=label, color="0.7" if label is None else None)
    axes.set(aspect="equal", xticks=[], yticks=[])
    axes.legend(loc="center left", bbox_to_anchor=(1, 0.5), markerscale=3, frameon=False)
    return figure


def plot_top_losses(
    seen: Predictions, path_of: Callable[[str], Path], *, most: int = 9, columns: int = 3
) -> Figure:
    """Draw the images with the highest losses, each with its label, prediction, loss and probability.

    Parameters
    ----------
    seen : Predictions
    path_of : callable
        Gives where an image is, such as `cleaner.Catalog.path`.
    most : int
        Images to draw.
    columns : int
        Of the figure.
    """
    table = top_losses(seen, most)
    rows = max(1, -(-len(table) // columns))
    figure = NotebookFigure(figsize=(2.6 * columns, 2.9 * rows), layout="constrained")
    places = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes in places:
        axes.axis("off")
    for axes, each in zip(places, table.to_dict("records"), strict=False):
        try:
            axes.imshow(open_image(path_of(str(each["name"])), max_side_px=_THUMBNAIL_PX))
        except ImageError as exc:
            axes.text(0.5, 0.5, str(exc), ha="center", va="center", wrap=True)
        numbers = f"loss {each['loss']:.2f}, {100 * each['probability']:.0f} %"
        axes.set_title(f"{each['label']} → {each['predicted']}\n{numbers}", fontsize=9)
    return figure
