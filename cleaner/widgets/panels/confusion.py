"""What the model says, in the report: a confusion matrix whose numbers open images."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cleaner.analysis.confusions import Confusions
from cleaner.interpret.confusion_matrix import ConfusionMatrix, Share
from cleaner.session.view import GridView
from cleaner.util.wording import count
from cleaner.widgets.panels.base import Tree, button, buttons, cut_table, node, paragraph, scrolled, table
from cleaner.widgets.panels.text import share_text, share_words
from cleaner.widgets.sentences import say

_MOST_CLASSES = 24
"""Classes up to which all are shown at once; of more, those with errors."""

_MOST_PAIRS = 20
_TINTS = (0.02, 0.1, 0.25, 0.5)
"""Shares of a row from which its cell is darker."""


@dataclass(frozen=True)
class MatrixView:
    """How the matrix is shown.

    Attributes
    ----------
    normalised : bool
        Shares of the label instead of counts.
    whole : bool
        Also the classes without errors, where there are many.
    """

    normalised: bool = False
    whole: bool = False


def cell_view(value: str) -> GridView:
    """Return the view that a button of the matrix asks for: exactly the images that it counts."""
    label, predicted = json.loads(value)
    return GridView(now=str(label), predicted=str(predicted), show="all")


def matrix_trees(matrix: ConfusionMatrix | None, confusions: Confusions, view: MatrixView) -> list[Tree]:
    """Describe the matrix, the pairs that are confused most, and how well each class is told."""
    if matrix is None or not matrix.images:
        return [paragraph(say("confusions.none"))]
    shown = _shown_classes(matrix, view)
    return [
        paragraph(_summary(matrix)),
        buttons(*_toggles(matrix, view, hidden=len(matrix.classes) - len(shown))),
        _matrix(matrix, view, shown),
        paragraph(say("confusions.matrix.how"), "fine"),
        node("h3", say("confusions.pairs")),
        *_pairs(matrix, confusions),
        node("h3", say("confusions.quality")),
        *_quality(matrix),
        paragraph(say("confusions.quality.how"), "fine"),
    ]


def _summary(matrix: ConfusionMatrix) -> str:
    share = Share(matrix.agreeing, matrix.images)
    return say("confusions.summary", images=count(matrix.images, "image"), share=share_text(*share))


def _toggles(matrix: ConfusionMatrix, view: MatrixView, *, hidden: int) -> list[Tree]:
    shares = button(say("confusions.shares"), "shares", aria_pressed=str(view.normalised).lower())
    if len(matrix.classes) <= _MOST_CLASSES:
        return [shares]
    text = (
        say("confusions.errors_only")
        if view.whole
        else say("confusions.whole", classes=count(hidden, "class", "classes"))
    )
    return [shares, button(text, "whole")] if hidden or view.whole else [shares]


def _shown_classes(matrix: ConfusionMatrix, view: MatrixView) -> list[int]:
    """Return rows and columns to show: of many classes, those with errors, those with the most first."""
    everything = list(range(len(matrix.classes)))
    if len(everything) <= _MOST_CLASSES:
        return everything
    errors = matrix.errors
    order: list[int] = np.argsort(-(errors.sum(axis=1) + errors.sum(axis=0)), kind="stable").tolist()
    if view.whole:
        return order
    return [i for i in order if errors[i].any() or errors[:, i].any()]


def _matrix(matrix: ConfusionMatrix, view: MatrixView, shown: Sequence[int]) -> Tree:
    head = [
        say("confusions.matrix.corner"),
        *(matrix.classes[c] for c in shown),
        say("confusions.matrix.all"),
    ]
    first = _first_cell(matrix, shown)
    rows = []
    for r in shown:
        cells = [_cell(matrix, view, r, c, is_first=(r, c) == first) for c in shown]
        whole = node("td", f"{int(matrix.counts[r].sum()):,}", class_="is-number")
        rows.append(node("tr", node("th", matrix.classes[r], scope="row"), *cells, whole))
    drawn = node(
        "table",
        node("caption", say("confusions.matrix")),
        node("thead", node("tr", *(node("th", text, scope="col") for text in head))),
        node("tbody", *rows),
        class_="cleaner-table cleaner-matrix",
    )
    return node(
        "div", drawn, class_="cleaner-scroll", role="region", aria_label=say("confusions.matrix.name")
    )


def _first_cell(matrix: ConfusionMatrix, shown: Sequence[int]) -> tuple[int, int] | None:
    return next(((r, c) for r in shown for c in shown if matrix.counts[r, c]), None)


def _cell(matrix: ConfusionMatrix, view: MatrixView, row: int, column: int, *, is_first: bool) -> Tree:
    share = matrix.share(row, column)
    kind = "is-number is-same" if row == column else "is-number"
    if not share.part:
        return node("td", class_=kind)
    value = share.part / share.whole
    tint = sum(value >= least for least in _TINTS)
    label, predicted = matrix.classes[row], matrix.classes[column]
    said = say(
        "confusions.cell.right" if row == column else "confusions.cell",
        label=label,
        predicted=predicted,
        images=count(share.part, "image"),
        share=share_text(*share),
    )
    text = _percent(value) if view.normalised else f"{share.part:,}"
    opens = button(
        text,
        "cell",
        json.dumps([label, predicted]),
        class_=f"cleaner-cell is-tint-{tint}",
        aria_label=said,
        title=said,
        tabindex="0" if is_first else "-1",
    )
    return node("td", opens, class_=kind)


def _percent(share: float) -> str:
    """Say a share that is not zero, in whole per cent."""
    return f"{100 * share:.0f}" if share >= 0.005 else "< 1"


def _pairs(matrix: ConfusionMatrix, confusions: Confusions) -> list[Tree]:
    """Describe the pairs that are confused most, with what was corrected and what is expected of them."""
    index = {label: i for i, label in enumerate(confusions.classes)}
    rows = []
    for pair in matrix.most_confused(most=_MOST_PAIRS):
        at = index.get(pair.label), index.get(pair.predicted)
        known = None not in at
        estimated = None if confusions.estimated is None or not known else confusions.estimated[at]
        text = say("confusions.show", images=count(pair.share.part, "image"))
        rows.append(
            (
                pair.label,
                pair.predicted,
                f"{pair.share.part:,}",
                share_words(*pair.share),
                f"{int(confusions.corrected[at]):,}" if known else "–",
                "–" if estimated is None else f"{estimated:.0f}",
                button(text, "cell", json.dumps([pair.label, pair.predicted]), class_="cleaner-link"),
            )
        )
    if not rows:
        return [paragraph(say("confusions.no_pairs"))]
    name = say("confusions.pairs")
    return [scrolled(table(name, say("confusions.pairs.head").split("|"), rows, numbers={2, 3, 4, 5}), name)]


def _quality(matrix: ConfusionMatrix) -> list[Tree]:
    name = say("confusions.quality")
    rows = [
        (each.label, f"{each.recall.whole:,}", share_words(*each.recall), share_words(*each.precision))
        for each in matrix.quality()
    ]
    drawn, rest = cut_table(name, say("confusions.quality.head").split("|"), rows, numbers={1, 2, 3})
    return [scrolled(drawn, name), rest]
