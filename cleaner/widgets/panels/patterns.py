"""What the errors have in common: the patterns in words."""

import json

from cleaner.analysis.confusions import Confusions
from cleaner.analysis.patterns import FIRST_ERRORS, Pattern
from cleaner.analysis.summary import ReviewAnalysis
from cleaner.util.wording import count
from cleaner.widgets.panels.base import Tree, button, node, paragraph, section
from cleaner.widgets.panels.text import pattern_details, pattern_parts
from cleaner.widgets.sentences import say

_MOST_IN_PANEL = 2


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
