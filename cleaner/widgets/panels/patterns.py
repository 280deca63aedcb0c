"""What the errors have in common: the findings in words, and the table of classes mistaken for each other."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from cleaner.analysis.patterns import FIRST_ERRORS
from cleaner.util.wording import count
from cleaner.widgets.panels.audit import certificate
from cleaner.widgets.panels.base import Tree, button, node
from cleaner.widgets.panels.text import pattern_details, pattern_parts
from cleaner.widgets.sentences import say

if TYPE_CHECKING:
    from cleaner.analysis.confusions import Confusions
    from cleaner.analysis.patterns import Pattern
    from cleaner.analysis.summary import ReviewAnalysis

__all__ = ["pair_of", "report_parts", "seen_section"]

_MOST_IN_PANEL = 2
_MOST_PAIRS = 20
_MOST_CLASSES = 14
_LEVEL = (
    "Each question (pairs, directions, sources, classes) is asked so that chance alone gives a false alarm "
    "in at most 1 of 20 data sets, however often you look."
)


def pair_of(value: str) -> tuple[str, str]:
    """Return the given label and the suggestion that a “Review all” button asks for."""
    given, right = json.loads(value)
    return str(given), str(right)


def seen_section(analysis: ReviewAnalysis | None) -> Tree:
    """Describe the clearest findings, for the side of the page."""
    parts: list[Tree] = []
    if analysis is not None and analysis.patterns.confirmed:
        for finding in analysis.patterns.found[:_MOST_IN_PANEL]:
            parts += [node("p", *pattern_parts(finding)), *_review(analysis.confusions, finding)]
        if not parts:
            parts.append(node("p", _nothing(analysis), class_="cleaner-note"))
        parts.append(node("p", button("All findings", "report", class_="cleaner-link")))
    box = node("div", *parts, class_="cleaner-box")
    return node(
        "section",
        node("h2", "Seen so far"),
        box,
        class_="cleaner-section",
        aria_label="Seen so far",
        hidden=not parts,
    )


def report_parts(analysis: ReviewAnalysis | None) -> list[Tree]:
    """Describe audit, findings and confusions, for the report."""
    if analysis is None:
        return [node("p", "Looking …", class_="cleaner-note")]
    audit = [node("p", "No audit was begun.", class_="cleaner-note")]
    if analysis.problem:
        audit = [node("p", analysis.problem, class_="cleaner-note")]
    elif analysis.certificate is not None:
        audit = certificate(analysis.certificate)
    return [
        node("h3", "How many errors are left"),
        node("div", *audit),
        node("h3", "Biased or random?"),
        node("div", *_findings(analysis)),
        node("h3", "Which class is mistaken for which"),
        node("div", *_confusions(analysis.confusions)),
    ]


def _findings(analysis: ReviewAnalysis) -> list[Tree]:
    patterns = analysis.patterns
    parts: list[Tree] = []
    for finding in patterns.found:
        said = [
            node("p", *pattern_parts(finding)),
            node("p", pattern_details(finding), class_="cleaner-fine"),
        ]
        parts.append(node("li", *said, *_review(analysis.confusions, finding)))
    rest = [node("p", _nothing(analysis), class_="cleaner-note")] if not parts else []
    if patterns.top_share is not None and not patterns.is_early:
        share = f"The three commonest mistakes make up {100 * patterns.top_share:.0f} % of the corrections."
        rest.append(node("p", share, class_="cleaner-note"))
    if not patterns.audited:
        rest.append(
            node("p", "Whether classes differ in their errors needs an audit.", class_="cleaner-fine")
        )
    rest.append(node("p", _LEVEL, class_="cleaner-fine"))
    return [node("ul", *parts, class_="cleaner-findings", hidden=not parts), *rest]


def _nothing(analysis: ReviewAnalysis) -> str:
    patterns = analysis.patterns
    if patterns.is_early:
        return say("analysis.too_few", errors=count(patterns.confirmed, "error"), least=FIRST_ERRORS)
    return say("analysis.no_pattern")


def _review(confusions: Confusions, finding: Pattern) -> list[Tree]:
    if finding.given is None or finding.right is None:
        return []
    classes = confusions.classes
    if finding.given not in classes or finding.right not in classes:
        return []
    link = _link(confusions, classes.index(finding.given), classes.index(finding.right))
    return [node("p", link)] if link else []


def _link(confusions: Confusions, given: int, right: int) -> Tree | None:
    number = int(confusions.open[given, right])
    if not number:
        return None
    first, second = confusions.classes[given], confusions.classes[right]
    value = json.dumps([first, second])
    return button(f"Review all {first} → {second} ({number:,})", "review", value, class_="cleaner-link")


def _confusions(confusions: Confusions) -> list[Tree]:
    pairs = confusions.pairs(most=_MOST_PAIRS)
    if not pairs:
        return [node("p", "No class was mistaken for another yet.", class_="cleaner-note")]
    small = len(confusions.classes) <= _MOST_CLASSES
    return [*([_matrix(confusions)] if small else []), _pairs(confusions, pairs)]


def _matrix(confusions: Confusions) -> Tree:
    """Describe the noise matrix: rows given, columns right; corrections, then the model's estimate."""
    k = len(confusions.classes)
    head = [
        node("th", "given ↓ right →", scope="col"),
        *(node("th", c, scope="col") for c in confusions.classes),
    ]
    head.append(node("th", "deleted", scope="col"))
    rows = []
    for g in range(k):
        cells = [_cell(confusions, g, c) for c in range(k)]
        gone = int(confusions.deleted[g])
        cells.append(node("td", node("b", f"{gone:,}" if gone else ""), class_="is-number"))
        rows.append(node("tr", node("th", confusions.classes[g], scope="row"), *cells))
    table = node(
        "table",
        node("caption", "Corrected by you, and in brackets the model's estimate for the whole set"),
        node("thead", node("tr", *head)),
        node("tbody", *rows),
        class_="cleaner-table cleaner-matrix",
    )
    return node("div", table, class_="cleaner-scroll", tabindex="0", role="region", aria_label="Noise matrix")


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


def _pairs(confusions: Confusions, pairs: list[tuple[int, int]]) -> Tree:
    head = ("given label", "right label", "corrected", "estimated", "still to review")
    rows = []
    for g, c in pairs:
        guess = "–" if confusions.estimated is None else f"{confusions.estimated[g, c]:.0f}"
        rows.append(
            node(
                "tr",
                node("td", confusions.classes[g]),
                node("td", confusions.classes[c]),
                node("td", f"{int(confusions.corrected[g, c]):,}", class_="is-number"),
                node("td", guess, class_="is-number"),
                node("td", _link(confusions, g, c)),
            )
        )
    numbers = (None, None, "is-number", "is-number", None)
    titles = (node("th", text, scope="col", class_=kind) for text, kind in zip(head, numbers, strict=True))
    return node(
        "table",
        node("caption", "The commonest mistakes", class_="cleaner-hidden"),
        node("thead", node("tr", *titles)),
        node("tbody", *rows),
        class_="cleaner-table",
    )
