"""The header: data set, counts and who reviews; and the steps below it."""

from collections.abc import Mapping
from typing import Any

from cleaner.dataset.splits import split_order
from cleaner.session.view import GridView
from cleaner.util.wording import count
from cleaner.widgets.panels.base import Tree, button, node, section
from cleaner.widgets.sentences import SENTENCES, say

STEPS = ("Files", "Labels", "Map", "Report")


def header(*, name: str, summary: Mapping[str, Any], reviewer: str, can_leave: bool = False) -> Tree:
    """Describe the header: data set, counts, who decides, and that everything is saved.

    Parameters
    ----------
    name : str
        Of the data set.
    summary : mapping
        What `cleaner.Catalog.summary` returns.
    reviewer : str
    can_leave : bool
        Whether another data set can be chosen on this page.
    """
    left_out = int(summary["left_out"])
    why = say("header.left_out", files=count(left_out, "file"))
    saved = node(
        "span",
        node("span", node("b", say("header.saved")), class_="cleaner-saved"),
        node("span", say("header.unsaved"), class_="cleaner-unsaved"),
        node("span", say("header.refused"), class_="cleaner-refused"),
        say("header.reviewer", reviewer=reviewer),
        class_="is-end",
    )
    return node(
        "header",
        node("h1", name),
        node("span", " · ".join(_counts(summary)), class_="cleaner-quiet"),
        node("span", button(why, "files", class_="cleaner-link"), hidden=not left_out),
        node("span", button(say("header.leave"), "leave", class_="cleaner-link"), hidden=not can_leave),
        saved,
        class_="cleaner-header",
    )


def _counts(summary: Mapping[str, Any]) -> list[str]:
    found = summary["splits"]
    splits = [f"{split} {found[split]:,}" for split in sorted(found, key=split_order) if split != "none"]
    parts = [count(summary["total"], "image"), count(len(summary["classes"]), "class", "classes")]
    if splits:
        parts.append(", ".join(splits))
    if summary["unlabelled"]:
        parts.append(say("header.unlabelled", number=f"{summary['unlabelled']:,}"))
    return parts


def steps(chosen: str, hints: Mapping[str, str]) -> Tree:
    """Describe the steps as tabs; ``hints`` are short remarks behind their names."""
    tabs = [
        node(
            "button",
            name,
            node("span", hints.get(name, "")),
            do="step",
            data_value=name,
            type="button",
            role="tab",
            class_="cleaner-step",
            aria_selected="true" if name == chosen else "false",
            tabindex="0" if name == chosen else "-1",
        )
        for name in STEPS
    ]
    return section(
        say("steps"), node("div", *tabs, class_="cleaner-steps", role="tablist", aria_label=say("steps"))
    )


def fold(view: GridView, *, unfolded: bool) -> Tree:
    """Describe the button that, where the page is narrow, shows the filters and the other problems.

    Parameters
    ----------
    view : GridView
        What is on show: the button names its order, and how many filters are set.
    unfolded : bool
        Whether they are on show.
    """
    shown = SENTENCES.get(f"order.{view.order}", view.order)
    if view.n_filters:
        shown = say("app.filtered", order=shown, filters=count(view.n_filters, "filter"))
    text = say("app.unfold", order=shown)
    fold_class = "cleaner-button cleaner-fold"
    return button(text, "unfold", class_=fold_class, aria_expanded="true" if unfolded else "false")
