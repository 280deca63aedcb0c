"""What is said about patterns, certificates, a new order and proposed labels."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from cleaner.analysis.patterns import Pattern
from cleaner.audit.audit import Certificate
from cleaner.labelling.proposal import Proposal, propose
from cleaner.ranking.feedback import MovedGroup, Reordered
from cleaner.util.wording import p_value
from cleaner.widgets.panels import text
from cleaner.widgets.panels.base import node, text_of
from cleaner.widgets.sentences import SENTENCES, say

PATTERN = {"p": 0.002, "part": 14, "whole": 48, "expected": 5.76}


def said(**figures: int) -> Certificate:
    return Certificate(
        **{"population": 2929, "audited": 300, "errors": 0, "open": 0, "found": 400, "left": 31} | figures
    )


# -------------------------------------------------------------------- patterns


def test_the_classes_of_a_pattern_stand_out_whatever_they_are_called() -> None:
    parts = text.pattern_parts(Pattern(kind="pair", given="t-shirt", right="shirt", **PATTERN))
    assert [part for part in parts if not isinstance(part, str)] == [["b", {}, "t-shirt"], ["b", {}, "shirt"]]
    assert text_of(node("p", *parts)).startswith("14 of 48 images wrongly labelled t-shirt belong to shirt")
    assert "(p = 0.002)" in text_of(node("p", *parts))


@pytest.mark.parametrize("kind", ["source", "suspicion"])
def test_a_source_is_named_with_the_estimated_shares(kind: Any) -> None:
    pattern = Pattern(
        kind=kind,
        p=0.002,
        part=14,
        whole=60,
        images=330,
        share=0.18,
        other_share=0.004,
        source="annotator",
        group="Ben",
    )
    parts = text.pattern_parts(pattern)
    assert [part for part in parts if not isinstance(part, str)] == [["b", {}, "Ben"]]
    expected = {"estimate": "18 %", "images": "330", "other_estimate": "less than 1 %", "p": "p = 0.002"}
    assert text_of(node("p", *parts)).replace(" :", ":") == say(
        f"analysis.{kind}", source="annotator", group="Ben", **expected
    )
    assert text.pattern_details(pattern).startswith(say(f"analysis.{kind}.details", part="14", whole="60"))


def test_a_share_comes_with_its_interval_and_what_chance_would_do() -> None:
    details = text.pattern_details(Pattern(kind="pair", given="a", right="b", **PATTERN))
    assert details.startswith("29 % (95 % interval 18–43 %). ")
    assert "12 %" in details
    assert details.endswith(say("analysis.pair.advice"))


@pytest.mark.parametrize("kind", ["pair", "direction", "source", "order", "class"])
def test_every_kind_of_pattern_is_said_in_full(kind: str) -> None:
    names = {"given": "a", "right": "b", "source": "folder", "group": "g", "first": "1", "last": "2"}
    pattern = Pattern(kind=kind, **names, **PATTERN)
    sentence = text_of(node("p", *text.pattern_parts(pattern))) + text.pattern_details(pattern)
    assert "{" not in sentence
    assert "(p = 0.002)" in sentence


@pytest.mark.parametrize(
    ("p", "said"), [(0.0004, "p < 0.001"), (0.0042, "p = 0.004"), (0.0123, "p = 0.01"), (0.05, "p = 0.05")]
)
def test_p_values_are_said_no_more_precisely_than_they_matter(p: float, said: str) -> None:
    assert p_value(p) == said


# -------------------------------------------------------------------- the certificate


def test_the_certificate_in_words() -> None:
    assert text.certificate_text(said()) == (
        "At most 31 errors have not been found yet (95 % sure); at least 92 % of all errors are found."
    )
    one = text.certificate_text(said(left=1, found=0))
    assert one == "At most 1 error has not been found yet (95 % sure)."
    assert text.certificate_text(said(left=0)) == say("analysis.certificate.none_left")


def test_a_bound_is_never_rounded_in_its_own_favour() -> None:
    assert "at least 92 %" in text.certificate_text(said(left=7, found=93 - 1))
    assert "at least 99 %" in text.certificate_text(said(left=1, found=199))


def test_what_the_certificate_rests_on_and_does_not_cover() -> None:
    assert text.certificate_evidence(said(errors=1)) == "1 of 300 random images was wrong."
    assert text.certificate_evidence(said(errors=2, open=1)) == (
        "2 of 300 random images were wrong. 1 more is unsure or missing. The limit counts these as wrong."
    )
    limits = text.certificate_limits(said())
    assert limits == say("analysis.certificate.limits", population="2,929", without="")


def test_what_was_removed_is_named() -> None:
    assert "began, without the 1 duplicate or poor image removed" in text.certificate_limits(
        said(discarded=1)
    )
    assert "without the 1,200 duplicates and poor images" in text.certificate_limits(said(discarded=1200))


def test_how_far_the_audit_is() -> None:
    assert text.audit_progress(said(population=80, audited=20, discarded=5)) == "20 of 75 audited"
    assert text.audit_progress(said(audited=340, discarded=29)) == "340 of 2,900 audited"
    assert text.audit_progress(said(audited=120)) == "120 of about 300 audited"
    assert text.audit_progress(said(population=80, audited=20)) == "20 of 80 audited"
    assert text.audit_progress(said(audited=340)) == "340 of 2,929 audited"


# -------------------------------------------------------------------- orders and proposals


def learnt(moved: MovedGroup | None = None, *, is_changed: bool = True) -> Reordered:
    nothing = np.zeros(0, dtype=np.float32)
    return Reordered(nothing, is_changed, 1200, 1, 0.9, moved)


def test_the_group_that_moved_most_is_named() -> None:
    earlier = MovedGroup(given="shirt", suggested="hat", decided=12, wrong=11, is_raised=True)
    assert text.learnt_text(learnt(earlier)) == (
        "New order: of 12 images labelled shirt that look like hat, 11 were wrong, "
        "so more of these come first."
    )
    later = MovedGroup(given=None, suggested="hat", decided=9, wrong=1, is_raised=False)
    assert text.learnt_text(learnt(later)) == (
        "New order: of 9 images that look like hat, only 1 was wrong, so these come later."
    )
    assert text.learnt_text(learnt()) == say("analysis.learnt", decisions="1,200", errors="1 error")
    assert text.learnt_text(learnt(is_changed=False)) == ""


@pytest.mark.parametrize(
    ("labels", "key"),
    [
        ([None] * 4, "analysis.proposal.no_labels"),
        (["a", "a", None, None], "analysis.proposal.one_class"),
        (["a", "b", None, None], "analysis.proposal.early"),
    ],
)
def test_the_page_can_say_which_images_come_first(labels: list[str | None], key: str) -> None:
    proposal = propose(["1", "2", "3", "4"], np.eye(4, dtype=np.float32), labels)
    assert text.proposal_text(proposal) == say(key, labelled="2 labels", label="a")


def test_where_suggestions_come_from_is_said() -> None:
    names, n = [str(i) for i in range(60)], 60
    rows = np.eye(2, dtype=np.float32)[[i % 2 for i in range(n)]]
    labels = ["ab"[i % 2] if i < 50 else None for i in range(n)]
    right = {name: ("ab"[i % 2], 0.9) for i, name in enumerate(names)}
    wrong = dict.fromkeys(names, ("b", 0.9))
    ready = say("analysis.proposal.ready", labelled="50 labels")
    fits = {"n": "50", "learnt": 50}
    assert text.proposal_text(propose(names, rows, [None] * n, imported=right)) == say(
        "analysis.proposal.imported"
    )
    assert text.proposal_text(propose(names, rows, labels, imported=right)) == say(
        "analysis.proposal.imported_compared", **fits, imported=50
    )
    assert text.proposal_text(propose(names, rows, labels, imported=wrong)) == (
        f"{ready} {say('analysis.proposal.learnt_compared', **fits, imported=25)}"
    )
    first = Proposal.not_embedded(names, right)
    assert text.proposal_text(first) == say("analysis.proposal.imported_first")


def test_no_sentence_of_the_analysis_speaks_of_pictures() -> None:
    assert not [key for key, said in SENTENCES.items() if key.startswith("analysis") and "picture" in said]
