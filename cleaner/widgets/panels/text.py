"""Sentences about what the analysis, the audit and the models found: from their data to what is read."""

import math

from cleaner.analysis.forecast import Forecast
from cleaner.analysis.patterns import Pattern
from cleaner.audit.audit import Certificate
from cleaner.labelling.proposal import Proposal
from cleaner.ranking.feedback import MovedGroup, Reordered
from cleaner.util.intervals import wilson
from cleaner.util.wording import count, estimate, outwards, p_value, percent
from cleaner.widgets.panels.base import Tree, node, said
from cleaner.widgets.sentences import say


def pattern_parts(pattern: Pattern) -> list[Tree | str]:
    """Say what pattern the errors follow, with the classes, or the source, in bold: texts and trees."""
    return said(
        f"analysis.{pattern.kind}",
        part=f"{pattern.part:,}",
        whole=f"{pattern.whole:,}",
        other_part=f"{pattern.other_part:,}",
        other_whole=f"{pattern.other_whole:,}",
        expected=f"{pattern.expected:.0f}",
        source=pattern.source,
        group=node("b", pattern.group),
        images=f"{pattern.images:,}",
        estimate=_whole_percent(pattern.share),
        other_estimate=_whole_percent(pattern.other_share),
        p=p_value(pattern.p),
        given=node("b", pattern.given or ""),
        right=node("b", pattern.right or ""),
    )


def pattern_details(pattern: Pattern) -> str:
    """Say what a pattern is compared with, and what to do about it."""
    values = {
        "share": share_text(pattern.part, pattern.whole),
        "other_share": share_text(pattern.other_part, pattern.other_whole),
        "expected": f"{100 * pattern.expected / max(1, pattern.whole):.0f} %",
        "part": count(pattern.part, "image") if pattern.kind == "order" else f"{pattern.part:,}",
        "whole": f"{pattern.whole:,}",
        "first": pattern.first,
        "last": pattern.last,
        "given": pattern.given,
        "right": pattern.right,
    }
    keys = (f"analysis.{pattern.kind}.details", f"analysis.{pattern.kind}.advice")
    return " ".join(say(key, **values) for key in keys)


def _whole_percent(share: float) -> str:
    return f"{100 * share:.0f} %" if share >= 0.01 else "less than 1 %"


def share_text(part: int, whole: int) -> str:
    """Say a share and how sure it is: "5 % (95 % interval 3–8 %)"."""
    low, high = wilson(part, whole)
    return f"{100 * part / max(1, whole):.0f} % (95 % interval {100 * low:.0f}–{100 * high:.0f} %)"


def share_words(part: int, whole: int) -> str:
    """Say the same in few words, for a table whose head names the interval: "5 % (3–8)"."""
    return interval_words(part / whole, wilson(part, whole)) if whole else "–"


def interval_words(share: float, interval: tuple[float, float]) -> str:
    """Say a share, 0..1, and its interval in the same way."""
    low, high = interval
    return f"{100 * share:.0f} % ({100 * low:.0f}–{100 * high:.0f})"


def certificate_text(certificate: Certificate) -> str:
    """Say how many errors are left at most: "At most 31 errors have not been found yet …"."""
    if certificate.left == 0:
        return say("analysis.certificate.none_left")
    errors = "1 error has" if certificate.left == 1 else f"{certificate.left:,} errors have"
    values = {"errors": errors, "sure": f"{100 * certificate.confidence:.0f} %"}
    if not certificate.found or certificate.recall is None:
        return say("analysis.certificate", **values)
    share = math.floor(100 * certificate.recall)  # never rounded up: it is a bound
    return say("analysis.certificate.recall", **values, share=f"{share} %")


def certificate_evidence(certificate: Certificate) -> str:
    """Say what a certificate rests on: "2 of 300 random images were wrong."."""
    was = "was" if certificate.errors == 1 else "were"
    said = say(
        "analysis.certificate.evidence",
        errors=f"{certificate.errors:,}",
        audited=f"{certificate.audited:,}",
        was=was,
    )
    if certificate.misses is not None:
        said = f"{said} {say('analysis.certificate.misses', misses=percent(certificate.misses))}"
    if not certificate.open:
        return said
    are = "1 more is" if certificate.open == 1 else f"{certificate.open:,} more are"
    return f"{said} {say('analysis.certificate.open', are=are)}"


def certificate_limits(certificate: Certificate) -> str:
    """Say what a certificate does not cover."""
    without = ""
    if certificate.discarded:
        some = count(certificate.discarded, "duplicate or poor image", "duplicates and poor images")
        without = say("analysis.certificate.discarded", some=some)
    return say("analysis.certificate.limits", population=f"{certificate.population:,}", without=without)


def audit_progress(certificate: Certificate) -> str:
    """Say how far an audit is: "120 of about 300 audited"."""
    all_there = certificate.population - certificate.discarded
    aim = f"{all_there:,}" if certificate.audited >= certificate.planned else f"{certificate.planned:,}"
    about = "about " if certificate.audited < certificate.planned < all_there else ""
    return say("analysis.audited", audited=f"{certificate.audited:,}", aim=f"{about}{aim}")


def learnt_text(learnt: Reordered) -> str:
    """Say why the order changed; empty if it did not."""
    if not learnt.is_changed:
        return ""
    moved = learnt.moved
    if moved is None:
        return say("analysis.learnt", decisions=f"{learnt.decisions:,}", errors=count(learnt.errors, "error"))
    return say(
        "analysis.learnt.earlier" if moved.is_raised else "analysis.learnt.later",
        images=count(moved.decided, "image"),
        given=_moved_by_label(moved),
        suggested="" if moved.suggested is None else f" that look like {moved.suggested}",
        wrong=f"{moved.wrong:,}",
        was="was" if moved.wrong == 1 else "were",
    )


def _moved_by_label(moved: MovedGroup) -> str:
    if moved.doubt:
        key = f"analysis.learnt.{moved.doubt}"
        return say(f"{key}_any") if moved.given is None else say(key, label=moved.given)
    return "" if moved.given is None else f" labelled {moved.given}"


def proposal_text(proposal: Proposal) -> str:
    """Say which unlabelled images come first, and where the suggestions come from."""
    labelled = count(proposal.labelled, "label")
    compared = proposal.comparison
    fits = (
        {"n": f"{compared.of:,}", "learnt": compared.learnt, "imported": compared.imported}
        if compared
        else {}
    )
    if not proposal.is_embedded:
        return say("analysis.proposal.imported_first")
    if proposal.imported and not (compared and compared.is_learnt_better):
        return say(f"analysis.proposal.{'imported_compared' if compared else 'imported'}", **fits)
    if not proposal.labelled:
        return say("analysis.proposal.no_labels")
    if not proposal.has_model:
        return say("analysis.proposal.one_class", labelled=labelled, label=proposal.classes[0])
    text = say(f"analysis.proposal.{'early' if proposal.is_early else 'ready'}", labelled=labelled)
    better = compared is not None and compared.is_learnt_better
    return f"{text} {say('analysis.proposal.learnt_compared', **fits)}" if better else text


def rest_text(forecast: Forecast) -> str:
    """Say how many errors have not been found yet; without a middle where nobody can tell."""
    if forecast.rest is None:
        return ""
    if not forecast.is_vague:
        return estimate(*forecast.rest)
    low, high = outwards(forecast.rest.low, forecast.rest.high)
    return say("progress.rest.vague", low=f"{low:,}", high=f"{high:,}")
