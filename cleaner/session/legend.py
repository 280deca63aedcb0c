"""The classes to choose from, each at a place and on a digit that stay its own."""

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from cleaner.dataset.label_sets import classes_of
from cleaner.review import ReviewState
from cleaner.util.natural import naturally

DIGITS = "1234567890"
"""The digits in the order of their keys."""

_NUMBERED = re.compile(r"(.*?)0*([0-9]+)", re.DOTALL)


class _Place(NamedTuple):
    label: str
    seq: int  # when the class was called so
    digit: str  # empty: it has none


class Legend:
    """Follows the classes of a set while they are made, renamed and merged.

    Parameters
    ----------
    given : sequence of str
        The classes of the catalog.
    state : ReviewState
        The decisions; a live object.
    """

    def __init__(self, given: Sequence[str], state: ReviewState) -> None:
        self._given = given
        self._state = state
        self._places: list[_Place] = []
        first = self._first()
        self._prefix = _common_prefix(first)
        self._add(first, taken=())

    def digits(self) -> dict[str, str]:
        """Return all classes and the digit of each, empty where it has none.

        The given classes come first, in their natural order, then those made, in the order of their making. A
        class keeps its place and its digit, also under another name. Classes that are numbered, such as 0 to
        9, 00 to 42 or c0 to c9, have their own digit; to the others the digits go in the order of the keys.
        """
        state = self._state
        present = dict.fromkeys(state.classes(self._given))
        named = [(place, state.label_now(place.label, since_seq=place.seq)) for place in self._places]
        own = {now for place, now in named if place.label == now}
        kept: dict[str, str] = {}
        for place, now in named:
            if now in present and (now == place.label or now not in own):
                kept.setdefault(now, place.digit)
        fresh = [label for label in present if label not in kept]
        return kept | self._add(fresh, taken=kept.values())

    def _add(self, labels: Sequence[str], *, taken: Iterable[str]) -> dict[str, str]:
        """Give places to new classes, and digits as far as they go."""
        free = [digit for digit in DIGITS if digit not in set(taken)]
        digit_of: dict[str, str] = {}
        numbers = {label: _number(label, self._prefix) for label in labels}
        tenth = {
            label: "0" for label, number in numbers.items() if number == "10"
        }  # the tenth key, if it is free
        for label, number in [*numbers.items(), *tenth.items()]:
            if number in free and label not in digit_of:
                digit_of[label] = number
                free.remove(number)
        before = (_number(place.label, self._prefix) for place in self._places)
        is_numbered = any(len(number) == 1 for number in (*before, *numbers.values()))
        for label, number in numbers.items():
            # Where 1 to 9 have their own keys, another key for 12 would be taken for that number's.
            if label not in digit_of and free and not (is_numbered and number):
                digit_of[label] = free.pop(0)
        seq = self._state.last_seq
        self._places += [_Place(label, seq, digit_of.get(label, "")) for label in labels]
        return {label: digit_of.get(label, "") for label in labels}

    def _first(self) -> list[str]:
        state = self._state
        made = dict.fromkeys(naturally({state.label_now(label) for label in self._given}))
        for event in state.events:
            if event.new_label is not None:
                now = state.label_now(event.new_label, since_seq=event.seq)
                made.update(dict.fromkeys(sorted(classes_of([now], state.label_sets))))
        return list(made)


def _common_prefix(labels: Sequence[str]) -> str:
    """Return what stands before the numbers of all classes that end with one, as in c0 … c9."""
    prefixes = {match[1] for match in map(_NUMBERED.fullmatch, labels) if match}
    return prefixes.pop() if len(prefixes) == 1 else ""


def _number(label: str, prefix: str) -> str:
    """Return the number of a class without leading zeros; empty if it has none."""
    match = _NUMBERED.fullmatch(label)
    return match[2] if match and match[1] == prefix else ""
