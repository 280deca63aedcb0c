"""The table of the page's sentences: every key is used, and every key that is used is there."""

from __future__ import annotations

import re
from pathlib import Path

import cleaner
from cleaner.widgets.sentences import SENTENCES, say

SOURCES = [Path(cleaner.__file__).parent / room for room in ("widgets", "dashboard")]


def code() -> str:
    files = [path for source in SOURCES for kind in ("*.py", "*.js") for path in source.rglob(kind)]
    return "\n".join(path.read_text(encoding="utf-8") for path in files)


def test_every_key_that_is_said_by_name_has_its_sentence() -> None:
    said = set(re.findall(r'\bsay\(\s*"([a-z_.]+)"', code()))
    assert len(said) > 100
    assert said - set(SENTENCES) == set()


def test_every_sentence_is_said_somewhere() -> None:
    """Of keys that are put together, the beginning stands in the code; the grid has a test of its own."""
    text = code().replace("'", '"')
    beginnings = tuple({found[1] for found in re.finditer(r'f"([a-z_.]{4,})\{', text)})
    unused = [
        key
        for key in SENTENCES
        if not key.startswith(("grid.", *beginnings))
        and f'"{key}"' not in text
        and f'"{key.partition(".")[2]}"' not in text
    ]
    assert unused == []


def test_what_a_sentence_sends_people_to_has_that_name_on_the_page() -> None:
    names = set(SENTENCES.values())
    quoted = {name for text in SENTENCES.values() for name in re.findall("“([^“”{]+)”", text)}
    assert {name for name in quoted - names if not name.startswith("cleaner ")} == set()


def test_values_are_put_in() -> None:
    assert say("review.title", number=3) == "Page 3"
