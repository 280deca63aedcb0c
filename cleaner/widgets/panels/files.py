"""The files: how they were understood, which are left out, and where the results of the review are."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from cleaner.dataset.findings import Finding
from cleaner.util.wording import count, listed
from cleaner.widgets.panels.base import Tree, button, buttons, cut_table, node, paragraph, said, section
from cleaner.widgets.sentences import say

_MOST_EXAMPLES = 200
_MOST_DOUBTS = 4


def files_page(
    findings: Sequence[Finding],
    left_out: Sequence[tuple[str, str]],
    *,
    table: str | None = None,
    layouts: Mapping[str, Sequence[str]] | None = None,
    documents: Sequence[tuple[str, str]] = (),
) -> Tree:
    """Describe how the files were understood, which are left out, and why; the panel of the classes follows.

    Parameters
    ----------
    findings : sequence of Finding
        What was inferred; the doubtful ones come first, and are marked.
    left_out : sequence of (str, str)
        Name and reason.
    table : str or None
        Name of the table of labels, if the user can change how it is read.
    layouts : mapping of str to sequence of str
        What else the folders may mean, with the classes that there would be.
    documents : sequence of (str, str)
        Files beside the images that hold the labels of another tool: their names, and what they are.
    """
    understood, left = say("files.understood"), say("files.left_out")
    ordered = sorted(findings, key=lambda finding: not finding.doubtful)
    return node(
        "div",
        node("h3", understood, hidden=not ordered),
        *([] if table is None else [buttons(button(say("files.table", name=table), "table"))]),
        *(_finding(finding) for finding in ordered),
        *([_layouts(layouts)] if layouts else []),
        node("h3", say("files.documents"), hidden=not documents),
        *(_document(i, name, title) for i, (name, title) in enumerate(documents)),
        node("h3", left),
        paragraph("" if left_out else say("files.none")),
        *cut_table(left, say("files.head").split("|"), left_out),
        class_="cleaner-sheet-page",
        role="region",
        aria_label=say("files"),
    )


def _layouts(layouts: Mapping[str, Sequence[str]]) -> Tree:
    """Offer the other readings of the folders."""
    choices = [
        button(
            say(
                "files.layout",
                classes=listed(classes, most=4),
                number=count(len(classes), "class", "classes"),
            ),
            "layout",
            pattern,
        )
        for pattern, classes in layouts.items()
    ]
    return node(
        "details",
        node("summary", say("files.layouts")),
        paragraph(say("files.layouts.what")),
        node("div", *(buttons(choice) for choice in choices)),
        class_="cleaner-finding",
    )


def _document(at: int, name: str, title: str) -> Tree:
    offer = button(say("files.import", name=name), "import", str(at))
    return node("div", node("p", say("files.document", name=name, format=title)), buttons(offer))


def _finding(finding: Finding) -> Tree:
    text = node("p", node("b", say("files.doubtful")) if finding.doubtful else None, finding.on_page)
    if not finding.unsaid:
        return text
    names = [node("li", name) for name in finding.unsaid[:_MOST_EXAMPLES]]
    more = len(finding.unsaid) - len(names)
    if more:
        names.append(node("li", say("files.more", number=f"{more:,}")))
    summary = node("summary", say("files.examples", number=f"{len(finding.unsaid):,}"))
    return node("div", text, node("details", summary, node("ul", *names)), class_="cleaner-finding")


def doubts(findings: Sequence[Finding]) -> list[Tree]:
    """Describe the alert above the grid on what may have been misread; nothing if that is nothing."""
    if not findings:
        return []
    return [
        node(
            "div",
            node("b", say("doubts")),
            node("ul", *(node("li", finding.on_page) for finding in findings[:_MOST_DOUBTS])),
            buttons(
                button(say("doubts.files"), "files"),
                button(say("messages.dismiss"), "dismiss", aria_label=say("doubts.dismiss")),
            ),
            class_="cleaner-doubts",
            role="alert",
        )
    ]


def results_section(cleaned: Path, decisions: Path | None, model: str | None, *, begun: bool) -> Tree:
    """Describe where the results are: the cleaned table, the history, the model."""
    key = "results.follows" if begun else "results.begins"
    history = paragraph(say("results.history"), "fine")
    if decisions is not None:
        history = node("p", node("code", str(decisions)))
    parts = [
        node("p", *said(key, name=node("b", cleaned.name))),
        node("p", node("code", str(cleaned))),
        buttons(button(say("results.export"), "export")),
        history,
    ]
    if model:
        parts.append(node("p", *said("results.model", name=node("b", say("results.model.name")))))
        parts.append(node("p", node("code", model)))
    return section(say("results"), *parts)
