"""What label and model say of each class, in the report, where images can have several labels."""

import json

import numpy as np

from cleaner.interpret.confusion_matrix import ClassQuality, Share
from cleaner.interpret.label_matrix import Agreement, LabelMatrix
from cleaner.session.view import GridView
from cleaner.util.wording import count
from cleaner.widgets.panels.base import Tree, button, node, paragraph, scrolled, table
from cleaner.widgets.panels.text import share_text, share_words
from cleaner.widgets.sentences import say

_MOST_CLASSES = 200
_MOST_PAIRS = 20
_TINTS = (0.02, 0.1, 0.25, 0.5)
"""Shares of the images with a label or a finding from which a cell is darker."""


def agreement_view(value: str) -> GridView:
    """Return the view that a button of the matrix asks for: exactly the images that it counts."""
    pairs = tuple((str(label), Agreement(agreement)) for label, agreement in json.loads(value))
    return GridView(agreement=pairs, show="all")


def label_matrix_trees(matrix: LabelMatrix | None) -> list[Tree]:
    """Describe the matrix, and the classes that are taken for each other most."""
    if matrix is None or not matrix.images:
        return [paragraph(say("confusions.none"))]
    share = share_text(*Share(matrix.agreeing, matrix.images))
    rows = _shown_classes(matrix)
    cut = len(rows) < len(matrix.classes)
    return [
        paragraph(say("confusions.labels.summary", images=count(matrix.images, "image"), share=share)),
        _matrix(matrix, rows),
        paragraph(say("report.first", shown=len(rows), all=f"{len(matrix.classes):,}") if cut else ""),
        paragraph(say("confusions.labels.how"), "fine"),
        paragraph(say("confusions.labels.quality"), "fine"),
        node("h3", say("confusions.pairs")),
        *_pairs(matrix),
    ]


def _shown_classes(matrix: LabelMatrix) -> list[int]:
    """Return the rows to show: of very many classes, those with most disagreements first."""
    everything = list(range(len(matrix.classes)))
    if len(everything) <= _MOST_CLASSES:
        return everything
    apart = matrix.counts[:, 0, 1] + matrix.counts[:, 1, 0]
    order: list[int] = np.argsort(-apart, kind="stable").tolist()
    return order[:_MOST_CLASSES]


def _matrix(matrix: LabelMatrix, rows: list[int]) -> Tree:
    cells = [(row, each) for row in rows for each in Agreement]
    first = next((cell for cell in cells if matrix.count(*cell)), None)
    quality = matrix.quality()
    body = [
        node(
            "tr",
            node("th", matrix.classes[row], scope="row"),
            *(_cell(matrix, row, each, is_first=(row, each) == first) for each in Agreement),
            *_numbers(quality[row]),
        )
        for row in rows
    ]
    head = say("confusions.labels.head").split("|")
    drawn = node(
        "table",
        node("caption", say("confusions.matrix")),
        node("thead", node("tr", *(node("th", text, scope="col") for text in head))),
        node("tbody", *body),
        class_="cleaner-table cleaner-matrix is-wordy",
    )
    return node(
        "div", drawn, class_="cleaner-scroll", role="region", aria_label=say("confusions.matrix.name")
    )


def _cell(matrix: LabelMatrix, row: int, agreement: Agreement, *, is_first: bool) -> Tree:
    number, label = matrix.count(row, agreement), matrix.classes[row]
    same = agreement is Agreement.BOTH
    kind = "is-number is-same" if same else "is-number"
    if not number:
        return node("td", class_=kind)
    of = matrix.counts[row, 1].sum() if agreement is Agreement.LABEL_ONLY else matrix.counts[row, :, 1].sum()
    tint = sum(number / of >= least for least in _TINTS)
    text = say(f"confusions.labels.{agreement}", images=count(number, "image"), label=label)
    opens = button(
        f"{number:,}",
        "agreement",
        json.dumps([[label, agreement]]),
        class_=f"cleaner-cell is-tint-{tint}",
        aria_label=text,
        title=text,
        tabindex="0" if is_first else "-1",
    )
    return node("td", opens, class_=kind)


def _numbers(quality: ClassQuality) -> list[Tree]:
    texts = (f"{quality.recall.whole:,}", share_words(*quality.recall), share_words(*quality.precision))
    return [node("td", text, class_="is-number is-plain") for text in texts]


def _pairs(matrix: LabelMatrix) -> list[Tree]:
    """Describe the classes of which one is in the label, and another one found instead."""
    rows = []
    for pair in matrix.most_confused(most=_MOST_PAIRS):
        value = [[pair.label, Agreement.LABEL_ONLY], [pair.predicted, Agreement.MODEL_ONLY]]
        text = say("confusions.show", images=count(pair.share.part, "image"))
        opens = button(text, "agreement", json.dumps(value), class_="cleaner-link")
        words = (pair.label, pair.predicted, f"{pair.share.part:,}", share_words(*pair.share))
        rows.append((*words, opens))
    if not rows:
        return [paragraph(say("confusions.labels.no_pairs"))]
    name = say("confusions.pairs")
    head = say("confusions.labels.pairs.head").split("|")
    drawn = scrolled(table(name, head, rows, numbers={2, 3}), name)
    return [drawn, paragraph(say("confusions.labels.pairs.how"), "fine")]
