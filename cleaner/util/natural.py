"""The order in which people expect names: 2 before 10, and capitals among the other letters."""

import re
from collections.abc import Iterable

_NUMBER = re.compile(r"[-+]?[0-9]+(?:\.[0-9]+)?")
_DIGITS = re.compile(r"([0-9]+)")

Key = tuple[int, float, tuple[str | tuple[int, str], ...], str]


def natural_key(name: str) -> Key:
    """Return by what to sort a name.

    Numbers come first, by their value (-1, 0, 0.5, 2, 10); then everything else, letters without regard to
    case and the numbers in it by their value (class_2, class_10). Different names never compare as equal.
    """
    if _NUMBER.fullmatch(name):
        return 0, float(name), (), name
    # Without int(), which refuses a number of thousands of digits.
    parts = (_value(part) if i % 2 else part.casefold() for i, part in enumerate(_DIGITS.split(name)))
    return 1, 0.0, tuple(parts), name


def _value(digits: str) -> tuple[int, str]:
    plain = digits.lstrip("0")
    return len(plain), plain


def naturally(names: Iterable[str]) -> list[str]:
    """Return names in the order of `natural_key`."""
    return sorted(names, key=natural_key)
