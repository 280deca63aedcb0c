"""The style sheets of the page: what holds for one browser's part of a control holds for the other's."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import cleaner

SHEETS = sorted((Path(cleaner.__file__).parent / "widgets").rglob("*.css"))
SAME = {
    "-webkit-progress-(?:bar|value)": "-moz-progress-bar",
    "-webkit-slider-runnable-track": "-moz-range-track",
    "-webkit-slider-thumb": "-moz-range-thumb",
}
"""Parts of a control as Chromium and Safari call them, and as Firefox does."""


def selectors(sheet: Path) -> list[str]:
    text = re.sub(r"/\*.*?\*/", "", sheet.read_text(encoding="utf-8"), flags=re.DOTALL)
    return [each.strip() for group in re.findall(r"([^{}]+)\{", text) for each in group.split(",")]


@pytest.mark.parametrize("part", SAME)
def test_each_part_that_is_styled_for_one_browser_is_for_the_others(part: str) -> None:
    styled: dict[str, set[str]] = {part: set(), SAME[part]: set()}
    for selector in (each for sheet in SHEETS for each in selectors(sheet)):
        for name, found in styled.items():
            if end := re.search(f"::{name}$", selector):
                found.add(selector[: end.start()])
    assert styled[part]
    assert styled[part] == styled[SAME[part]]
