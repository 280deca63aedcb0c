"""The panel “May I stop?”: a rule of thumb, and the certificate of the audit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cleaner.util.wording import about, count
from cleaner.widgets.panels.base import Tree, button, node
from cleaner.widgets.panels.text import (
    audit_progress,
    certificate_evidence,
    certificate_limits,
    certificate_text,
)

if TYPE_CHECKING:
    from cleaner.analysis.summary import ReviewAnalysis
    from cleaner.audit.certificate import Certificate

__all__ = ["certificate", "stopping_section"]

_LOOKS = 100
_OFFER = "An audit of about 300 random pictures would tell how many errors are left at most."


def stopping_section(analysis: ReviewAnalysis | None, *, auditing: bool) -> Tree:
    """Describe whether one may stop.

    Parameters
    ----------
    analysis : ReviewAnalysis or None
        None before anything was found out.
    auditing : bool
        Whether the grid shows the audit's pages.
    """
    if analysis is None:
        parts: list[Tree] = []
    elif analysis.problem:
        parts = [node("p", analysis.problem, class_="cleaner-note")]
    elif analysis.certificate is None:
        parts = [*_light(analysis), node("p", _OFFER), _buttons(button("Start the audit", "audit"))]
    else:
        parts = _running(analysis.certificate, analysis.newcomers, auditing=auditing)
    box = node("div", *parts, class_="cleaner-box", hidden=not parts)
    return node("section", node("h2", "May I stop?"), box, class_="cleaner-section", aria_label="May I stop?")


def _light(analysis: ReviewAnalysis) -> list[Tree]:
    """Say what the rule of thumb says: amber, or not yet."""
    if analysis.is_rare:
        low = f"{analysis.window_errors} in the last {analysis.window}"
        said = f"Errors have become rare: {low}, {about(analysis.forecast.next_page or 0)} expected next."
        return [
            node("p", node("span", "Perhaps.", class_="cleaner-verdict is-amber"), f" {said}"),
            node("p", "This is a rule of thumb and proves nothing.", class_="cleaner-fine"),
        ]
    said = ""
    if analysis.window >= _LOOKS and analysis.window_errors > 2:
        said = f" {analysis.window_errors} of the last {analysis.window} were wrong."
    elif analysis.forecast.next_page is not None and analysis.forecast.next_page >= 0.5:
        said = (
            f" {about(analysis.forecast.next_page).capitalize()} expected on a page of the most suspicious."
        )
    return [node("p", node("span", "Not yet.", class_="cleaner-verdict"), said)]


def _running(statement: Certificate, newcomers: int, *, auditing: bool) -> list[Tree]:
    done = min(1.0, statement.audited / statement.planned)
    parts = [
        *certificate(statement),
        node("progress", value=f"{done:.3f}", max="1", aria_label="Audit", hidden=done >= 1),
    ]
    buttons = [button("Back to the suspicious ones", "suspicious")]
    if not auditing:
        goes_on = "Look at the audit" if statement.audited == statement.population else "Go on with the audit"
        buttons = [button(goes_on, "audit")]
    if newcomers:
        came = (
            f"{count(newcomers, 'picture')} came later and {'is' if newcomers == 1 else 'are'} not covered."
        )
        parts.append(node("p", came, class_="cleaner-fine"))
        buttons.append(button("Let them join", "join"))
    return [*parts, _buttons(*buttons)]


def certificate(statement: Certificate) -> list[Tree]:
    """Describe what an audit has shown: how far it is, the certificate, what it rests on, and its limits."""
    if not statement.audited:
        return [
            node("p", node("b", audit_progress(statement))),
            node(
                "p", "Random pictures, without score and suggestion: judge every one.", class_="cleaner-fine"
            ),
        ]
    return [
        node("p", node("b", certificate_text(statement)), role="status"),
        node("p", f"{audit_progress(statement)}. {certificate_evidence(statement)}", class_="cleaner-fine"),
        node(
            "details",
            node("summary", "What this does not cover"),
            node("p", certificate_limits(statement), class_="cleaner-fine"),
        ),
    ]


def _buttons(*buttons: Tree) -> Tree:
    return node("div", *buttons, class_="cleaner-buttons")
