"""The header: data set, counts, who reviews, and what happened; and the steps below it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cleaner.dataset.splits import split_order
from cleaner.util.wording import count
from cleaner.widgets.panels.base import Tree, button, node, section
from cleaner.widgets.sentences import SENTENCES, say

STEPS = ("Files", "Labels", "Report")


@dataclass(frozen=True)
class Message:
    """Something that happened, for the user to know, and perhaps to do something about.

    Parameters
    ----------
    text : str
    acts : tuple of (str, str)
        Acts of the header that the message offers, each with what its button says.
    """

    text: str
    acts: tuple[tuple[str, str], ...] = ()


def header(
    *,
    name: str,
    summary: Mapping[str, Any],
    reviewer: str,
    notices: Sequence[str] = (),
    messages: Sequence[Message] = (),
    can_leave: bool = False,
) -> list[Tree]:
    """Describe the header: data set, counts, who decides, and that everything is saved.

    Parameters
    ----------
    name : str
        Of the data set.
    summary : mapping
        What `cleaner.Catalog.summary` returns.
    reviewer : str
    notices : sequence of str
        Sentences on what is unusual about the data set.
    messages : sequence of Message
        What happened since; each can be dismissed.
    can_leave : bool
        Whether another data set can be chosen on this page.
    """
    left_out = int(summary["left_out"])
    why = say("header.left_out", files=count(left_out, "file"))
    saved = node(
        "span",
        node("span", node("b", say("header.saved")), class_="cleaner-saved"),
        node("span", say("header.unsaved"), class_="cleaner-unsaved"),
        say("header.reviewer", reviewer=reviewer),
        class_="is-end",
    )
    notes = [node("li", notice) for notice in notices]
    for i, message in enumerate(messages):
        links = [*message.acts, ("dismiss", say("header.dismiss"))]
        found = [button(text, act, str(i), class_="cleaner-link") for act, text in links]
        notes.append(node("li", message.text, *(part for each in found for part in (" ", each))))
    return [
        node(
            "header",
            node("h1", name),
            node("span", " · ".join(_counts(summary)), class_="cleaner-quiet"),
            node("span", button(why, "files", class_="cleaner-link"), hidden=not left_out),
            node("span", button(say("header.leave"), "leave", class_="cleaner-link"), hidden=not can_leave),
            saved,
            class_="cleaner-header",
        ),
        node("ul", *notes, class_="cleaner-notes-list", role="status", hidden=not notes),
    ]


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


def fold(order: str, *, unfolded: bool) -> Tree:
    """Describe the button that, where the page is narrow, shows the filters and the other problems.

    Parameters
    ----------
    order : str
        The order on show, which the button names.
    unfolded : bool
        Whether they are on show.
    """
    text = say("app.unfold", order=SENTENCES.get(f"order.{order}", order))
    fold_class = "cleaner-button cleaner-fold"
    return button(text, "unfold", class_=fold_class, aria_expanded="true" if unfolded else "false")
