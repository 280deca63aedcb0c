"""“Agreement”: results as far as there are any, and the form."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cleaner.analysis.agreement import Agreement, Consistency, Kappa, Known, Pair
from cleaner.errors import StoreError
from cleaner.review.opinions import Shares
from cleaner.widgets.panels.agreement import BlindForm, agreement_section, agreement_trees
from cleaner.widgets.panels.base import text_of
from cleaner.widgets.sentences import say

TREE_JS = Path(__file__).parents[2] / "cleaner" / "widgets" / "panels" / "js" / "tree.js"
FOUND = Agreement(
    (Pair("Ann", "<b>Ben</b>", 50, 48, Kappa(0.871, 0.6, 0.96)), Pair("Ann", "Cat", 3, 3, None)),
    (Consistency("Ann", 20, 19, 0.76, 0.99),),
    (Known("Ben", wrong=10, missed=2, right=0, alarms=0),),
)


def tags(tree: Any) -> set[str]:
    if isinstance(tree, str):
        return set()
    return {tree[0]}.union(*map(tags, tree[2:]))


def test_what_was_found_is_told_with_its_interval() -> None:
    text = " ".join(map(text_of, agreement_trees(FOUND)))
    assert "48 of 50 0.87 (0.60 to 0.96)" in text and "<b>Ben</b>" in text
    assert f"3 of 3 {say('agreement.kappa.none')}" in text
    assert "19 of 20 76.0 % to 99.0 %" in text
    assert "2 of 10 (≤ " in text and text.split("(≤ ")[1].split(")")[1].strip().startswith("–")
    assert agreement_trees(Agreement()) == []


def test_a_panel_can_draw_all_of_it() -> None:
    known = TREE_JS.read_text(encoding="utf-8").partition("HTML_TAGS")[2].partition("]")[0]
    drawn = tags(agreement_section(FOUND, Shares(0.1, 0.0), BlindForm()))
    assert all(f'"{tag}"' in known for tag in drawn)


def test_the_form_shows_what_holds_and_takes_what_is_typed() -> None:
    form = BlindForm()
    assert form.shown(Shares(0.1, 0.05)) == ("10", "5")
    assert form.shares(Shares(0.1, 0.05)) == (0.1, 0.05)
    form.second = "12,5 %"
    assert form.shares(Shares(0.1, 0.05)) == (0.125, 0.05)
    form.again = "a few"
    with pytest.raises(StoreError, match="a few"):
        form.shares(Shares())
