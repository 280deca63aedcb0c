"""The report: errors left, patterns, confusion matrix, other problems, and what the reviewer changed."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from cleaner.analysis.bit_changes import bit_changes
from cleaner.analysis.confusions import class_changes, label_moves
from cleaner.analysis.summary import ReviewAnalysis
from cleaner.dataset.label_sets import LabelSets
from cleaner.interpret.label_matrix import LabelMatrix
from cleaner.widgets.panels.acceptance import acceptance_trees
from cleaner.widgets.panels.audit import certificate_trees
from cleaner.widgets.panels.base import Tree, button, buttons, cut_table, node, paragraph
from cleaner.widgets.panels.confusion import MatrixView, matrix_trees
from cleaner.widgets.panels.label_matrix import label_matrix_trees
from cleaner.widgets.panels.patterns import pattern_trees
from cleaner.widgets.panels.reliability import reliability_trees
from cleaner.widgets.sentences import say


def report_page(
    given: Mapping[str, str | None],
    outcomes: Mapping[str, tuple[str, str | None]],
    more: Sequence[Tree] = (),
    *,
    sets: LabelSets | None = None,
) -> Tree:
    """Describe the report.

    Parameters
    ----------
    given, outcomes
        See `cleaner.analysis.confusions.class_changes`.
    more : sequence of list
        What else belongs into the report, to stand before the tables.
    sets : LabelSets, optional
        How several labels of an image are joined; by default each has one.
    """
    none = say("report.no_label")
    rows = []
    if sets is None:
        for each in class_changes(given, outcomes):
            numbers = (each.images, each.looked_at, each.wrong, each.unsure)
            rows.append([each.label or none, *(f"{number:,}" for number in numbers)])
        head, how = say("report.classes.head"), say("report.wrong")
    else:
        for one in bit_changes(given, outcomes, sets):
            numbers = (one.images, one.looked_at, one.extra, one.missing)
            rows.append([one.label, *(f"{number:,}" for number in numbers)])
        head, how = say("report.bits.head"), say("report.bits.how")
    changes = [(was or none, now, f"{number:,}") for was, now, number in label_moves(given, outcomes)]
    changed, by_class = say("report.changes"), say("report.classes")
    return node(
        "div",
        *more,
        node("h3", changed),
        paragraph("" if changes else say("report.changes.none")),
        *cut_table(changed, say("report.changes.head").split("|"), changes, numbers={2}),
        node("h3", by_class),
        *cut_table(by_class, head.split("|"), rows, numbers=range(1, 5)),
        paragraph(how, "fine"),
        class_="cleaner-sheet-page",
        role="region",
        aria_label=say("report"),
    )


def export_trees(written: Sequence[Path]) -> list[Tree]:
    """Describe what can be taken away, and where what was exported is."""
    csv, model = (button(say(f"report.export.{what}"), f"export-{what}") for what in ("csv", "model"))
    report = button(say("report.export.report"), "export-report")
    files = [node("p", say("report.exported"), node("code", str(path))) for path in written]
    return [
        node("h3", say("report.export")),
        paragraph(say("report.export.what")),
        buttons(csv, model, report),
        node("div", *files, role="status"),
    ]


def analysis_trees(analysis: ReviewAnalysis | None, view: MatrixView) -> list[Tree]:
    """Describe audit, patterns and what the model says beside the labels, for the report."""
    if analysis is None:
        return [paragraph(say("report.loading"))]
    audit = [paragraph(analysis.problem or say("report.audit.none"))]
    if analysis.certificate is not None and not analysis.problem:
        plan = [] if analysis.acceptance is None else acceptance_trees(analysis.acceptance)
        audit = [*plan, *certificate_trees(analysis.certificate)]
    matrix, several = analysis.matrix, isinstance(analysis.matrix, LabelMatrix)
    counted = (
        label_matrix_trees(matrix)
        if isinstance(matrix, LabelMatrix)
        else matrix_trees(matrix, analysis.confusions, view)
    )
    return [
        node("h3", say("report.audit")),
        node("div", *audit),
        node("h3", say("report.patterns")),
        node("div", *pattern_trees(analysis)),
        node("h3", say("report.confusions")),
        node("div", *counted),
        *reliability_trees(analysis.reliability, several=several),
    ]
