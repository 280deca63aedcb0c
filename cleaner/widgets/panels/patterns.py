"""What the errors have in common: the patterns in words, and the table of classes that are mixed up."""

import json

from cleaner.analysis.confusions import Confusions
from cleaner.analysis.patterns import FIRST_ERRORS, Pattern
from cleaner.analysis.summary import ReviewAnalysis
from cleaner.util.wording import count
from cleaner.widgets.panels.base import Tree, button, node, paragraph, section, table
from cleaner.widgets.panels.text import pattern_details, pattern_parts
from cleaner.widgets.sentences import say

_MOST_IN_PANEL = 2
_MOST_PAIRS = 20
_MOST_CLASSES = 14


def pair_of(value: str) -> tuple[str, str]:
    """Return the given label and the suggestion that a “Review all” button asks for."""
    given, right = json.loads(value)
    return str(given), str(right)


def patterns_section(analysis: ReviewAnalysis | None) -> Tree:
    """Describe the clearest patterns, for the side of the page."""
    parts: list[Tree] = []
    if analysis is not None and (analysis.patterns.confirmed or analysis.patterns.found):
        for pattern in analysis.patterns.found[:_MOST_IN_PANEL]:
            parts += [node("p", *pattern_parts(pattern)), *_review(analysis.confusions, pattern)]
        if not parts:
            parts.append(paragraph(_no_pattern(analysis)))
        parts.append(node("p", button(say("patterns.report"), "report", class_="cleaner-link")))
    return section(say("patterns"), node("div", *parts, class_="cleaner-box"), hidden=not parts)


def pattern_trees(analysis: ReviewAnalysis) -> list[Tree]:
    """Describe all patterns, for the report."""
    patterns = analysis.patterns
    parts: list[Tree] = []
    for pattern in patterns.found:
        details = paragraph(pattern_details(pattern), "fine")
        review = _review(analysis.confusions, pattern)
        parts.append(node("li", node("p", *pattern_parts(pattern)), details, *review))
    rest = [] if parts else [paragraph(_no_pattern(analysis))]
    if patterns.top_share is not None and not patterns.is_early:
        share = f"{100 * patterns.top_share:.0f} %"
        rest.append(paragraph(say("patterns.top_share", share=share)))
    if not patterns.audited:
        rest.append(paragraph(say("patterns.needs_audit"), "fine"))
    rest.append(paragraph(say("patterns.level"), "fine"))
    return [node("ul", *parts, class_="cleaner-findings", hidden=not parts), *rest]


def _no_pattern(analysis: ReviewAnalysis) -> str:
    patterns = analysis.patterns
    if patterns.is_early:
        return say("analysis.too_few", errors=count(patterns.confirmed, "error"), least=FIRST_ERRORS)
    return say("analysis.no_pattern")


def source_of(value: str) -> tuple[str, str]:
    """Return the source and its group that a “Review images” button asks for."""
    source, group = json.loads(value)
    return str(source), str(group)


def _review(confusions: Confusions, pattern: Pattern) -> list[Tree]:
    if pattern.source:
        text = say("patterns.review_source", source=pattern.source, group=pattern.group)
        value = json.dumps([pattern.source, pattern.group])
        return [node("p", button(text, "source", value, class_="cleaner-link"))]
    classes = confusions.classes
    if pattern.given not in classes or pattern.right not in classes:
        return []
    link = _link(confusions, classes.index(pattern.given), classes.index(pattern.right))
    return [node("p", link)] if link else []


def _link(confusions: Confusions, given: int, right: int) -> Tree | None:
    number = int(confusions.open[given, right])
    if not number:
        return None
    first, second = confusions.classes[given], confusions.classes[right]
    text = say("patterns.review", given=first, right=second, number=f"{number:,}")
    return button(text, "review", json.dumps([first, second]), class_="cleaner-link")


def confusion_trees(confusions: Confusions) -> list[Tree]:
    """Describe which classes are mixed up: a matrix if they are few, and the commonest pairs."""
    pairs = confusions.pairs(most=_MOST_PAIRS)
    if not pairs:
        return [paragraph(say("confusions.none"))]
    rows = [
        (
            confusions.classes[g],
            confusions.classes[c],
            f"{int(confusions.corrected[g, c]):,}",
            "–" if confusions.estimated is None else f"{confusions.estimated[g, c]:.0f}",
            _link(confusions, g, c),
        )
        for g, c in pairs
    ]
    listed = table(say("confusions.pairs"), say("confusions.pairs.head").split("|"), rows, numbers={2, 3})
    return [*([_matrix(confusions)] if len(confusions.classes) <= _MOST_CLASSES else []), listed]


def _matrix(confusions: Confusions) -> Tree:
    """Describe the noise matrix: rows given, columns right; corrections, then the model's estimate."""
    corner, deleted = say("confusions.matrix.corner"), say("confusions.matrix.deleted")
    rows = []
    for g, label in enumerate(confusions.classes):
        gone = int(confusions.deleted[g])
        cells = [_cell(confusions, g, c) for c in range(len(confusions.classes))]
        cells.append(node("td", node("b", f"{gone:,}" if gone else ""), class_="is-number"))
        rows.append(node("tr", node("th", label, scope="row"), *cells))
    head = (node("th", text, scope="col") for text in (corner, *confusions.classes, deleted))
    matrix = node(
        "table",
        node("caption", say("confusions.matrix")),
        node("thead", node("tr", *head)),
        node("tbody", *rows),
        class_="cleaner-table cleaner-matrix",
    )
    name = say("confusions.matrix.name")
    return node("div", matrix, class_="cleaner-scroll", tabindex="0", role="region", aria_label=name)


def _cell(confusions: Confusions, given: int, right: int) -> Tree:
    if given == right:
        return node("td", "·", class_="is-number is-same")
    corrected = int(confusions.corrected[given, right])
    guess = 0.0 if confusions.estimated is None else float(confusions.estimated[given, right])
    return node(
        "td",
        node("b", f"{corrected:,}" if corrected else ""),
        node("span", f" ({guess:.0f})" if guess >= 0.5 else ""),
        class_="is-number",
    )
