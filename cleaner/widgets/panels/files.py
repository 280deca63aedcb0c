"""The files: which images are left out of the set, and where the results of the review are."""

from collections.abc import Sequence
from pathlib import Path

from cleaner.widgets.panels.base import Tree, button, buttons, cut_table, node, paragraph, said, section
from cleaner.widgets.sentences import say


def files_page(left_out: Sequence[tuple[str, str]]) -> Tree:
    """Describe which files are left out, and why; the panel of the classes tells of the others."""
    title = say("files")
    return node(
        "div",
        node("h3", title),
        paragraph("" if left_out else say("files.none")),
        *cut_table(title, say("files.head").split("|"), left_out),
        class_="cleaner-sheet-page",
        role="region",
        aria_label=title,
    )


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
