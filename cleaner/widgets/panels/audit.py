"""The panel “Can I stop?”: a rule of thumb, and the certificate of the audit."""

from cleaner.analysis.summary import ReviewAnalysis
from cleaner.audit.audit import Certificate
from cleaner.util.wording import count, estimate
from cleaner.widgets.panels.acceptance import acceptance_trees
from cleaner.widgets.panels.base import Tree, button, buttons, node, paragraph, section
from cleaner.widgets.panels.text import (
    audit_progress,
    certificate_evidence,
    certificate_limits,
    certificate_text,
    rest_text,
)
from cleaner.widgets.sentences import say

_LOOKS = 100
_AUDIT = 300  # images that an audit takes


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
        parts = [paragraph(analysis.problem)]
    elif analysis.certificate is None:
        start = buttons(button(say("audit.start"), "audit"))
        left = analysis.forecast.undecided
        few = 0 < left <= _AUDIT
        offer = say("audit.offer_few", images=count(left, "image")) if few else say("audit.offer")
        parts = [*_rule_of_thumb(analysis), node("p", offer), start]
    else:
        plan = [] if analysis.acceptance is None else acceptance_trees(analysis.acceptance)
        running = _running(analysis.certificate, analysis.newcomers, auditing=auditing)
        parts = [*plan, *running]
    return section(say("audit"), node("div", *parts, class_="cleaner-box"), hidden=not parts)


def _rule_of_thumb(analysis: ReviewAnalysis) -> list[Tree]:
    """Say what the rule of thumb says: maybe, not yet, or that nobody can tell."""
    window, errors, ahead = analysis.window, analysis.window_errors, analysis.forecast
    figures = {}
    if ahead.next_page is not None and ahead.rest is not None:
        figures = {"next": estimate(*ahead.next_page), "rest": rest_text(ahead)}
    if analysis.is_rare:
        text = say("audit.rare", errors=errors, window=window, **figures)
        maybe = node("span", say("audit.maybe"), class_="cleaner-verdict is-amber")
        return [node("p", maybe, f" {text}"), paragraph(say("audit.rule"), "fine")]
    text, verdict = "", say("audit.not_yet")
    if window >= _LOOKS and errors > 2:
        text = say("audit.wrong", errors=errors, window=window)
    elif ahead.rest is not None and ahead.is_vague:
        verdict = say("audit.unknown")
        text = say("audit.vague", errors=rest_text(ahead))
    elif figures:
        text = say("audit.expected", **figures)
    return [node("p", node("span", verdict, class_="cleaner-verdict"), f" {text}")]


def _running(certificate: Certificate, newcomers: int, *, auditing: bool) -> list[Tree]:
    done = min(1.0, certificate.audited / certificate.planned)
    bar = {"value": f"{done:.3f}", "max": "1", "aria_label": say("audit.progress")}
    parts = [*certificate_trees(certificate), node("progress", hidden=done >= 1, **bar)]
    offered = [button(say("audit.suspicious"), "suspicious")]
    if not auditing:
        complete = certificate.audited == certificate.population
        offered = [button(say("audit.view" if complete else "audit.continue"), "audit")]
    if newcomers:
        parts.append(paragraph(say("audit.newcomers", images=count(newcomers, "image")), "fine"))
        offered.append(button(say("audit.join"), "join"))
    return [*parts, buttons(*offered)]


def certificate_trees(certificate: Certificate) -> list[Tree]:
    """Describe what an audit has shown: how far it is, the certificate, what it rests on, and its limits."""
    progress = audit_progress(certificate)
    if not certificate.audited:
        return [node("p", node("b", progress)), paragraph(say("audit.random"), "fine")]
    limits = paragraph(certificate_limits(certificate), "fine")
    return [
        node("p", node("b", certificate_text(certificate)), role="status"),
        paragraph(f"{progress}. {certificate_evidence(certificate)}", "fine"),
        node("details", node("summary", say("audit.limits")), limits),
    ]
