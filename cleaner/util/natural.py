"""The order in which people expect names: 2 before 10, and capitals among the other letters."""

import re
import sys
from collections.abc import Iterable

_NUMBER = re.compile(r"[-+]?[0-9]+(?:\.[0-9]+)?")
_DIGITS = re.compile(r"[0-9]+")

Key = tuple[int, float, str, str]


def natural_key(name: str) -> Key:
    """Return by what to sort a name.

    Numbers come first, by their value (-1, 0, 0.5, 2, 10); then everything else, letters without regard to
    case and the numbers in it by their value (class_2, class_10). Different names never compare as equal.
    """
    if _NUMBER.fullmatch(name):
        return 0, float(name), "", name
    return 1, 0.0, _DIGITS.sub(_value, name.casefold()), name


def _value(found: re.Match[str]) -> str:
    """Return a text for a number that sorts by its value, and before all letters.

    Without int(), which refuses a number of thousands of digits. One text a name: for a million names, tuples
    take several times the memory.
    """
    plain = found[0].lstrip("0")
    return f"\0{chr(min(len(plain), sys.maxunicode))}{plain}"


def naturally(names: Iterable[str]) -> list[str]:
    """Return names in the order of `natural_key`."""
    return sorted(names, key=natural_key)
