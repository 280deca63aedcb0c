"""What spreadsheet programs make of text when a CSV file goes through them.

They take fields for numbers (007 becomes 7), dates (1-2 becomes 02. Jan, MARCH1 becomes 1-Mar), times, truth
values and formulas, and may read or write the file in another encoding. What was there before cannot be
worked out from what is left, but whether a text may have become another one can.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from decimal import Decimal

_NUMBER = re.compile(r"([+-]?)(\d+(?:[.,\s']\d+)*|[.,]\d+)(?:[eE]([+-]?\d{1,3}))?\s*(%?)")
_DIGITS_KEPT = 15
_TIME = re.compile(r"(\d{1,3}):(\d\d)(?::(\d\d))?(?:[.,]\d+)?\s*([AaPp]\.?[Mm]\.?)?")
_DATE_PART = re.compile(r"\d+|[^\W\d_]+")
_DATE_GAP = re.compile(r"[\s./,-]*")
_MONTHS = (  # as programs in English, German, French, Spanish, Portuguese, Italian and Dutch begin them
    ("jan", "jän", "ene", "gen"),
    ("feb", "fév", "fev"),
    ("mar", "mär", "mrz", "mrt", "maa"),
    ("apr", "avr", "abr"),
    ("may", "mai", "mei", "mag"),
    ("jun", "juin", "giu"),
    ("jul", "juil", "lug"),
    ("aug", "aoû", "aou", "ago"),
    ("sep", "set"),
    ("oct", "okt", "ott", "out"),
    ("nov",),
    ("dec", "dez", "déc", "dic"),
)
_TRUE = frozenset({"true", "wahr", "vrai", "verdadero", "verdadeiro", "vero", "waar"})
_FALSE = frozenset({"false", "falsch", "faux", "falso", "onwaar"})
_ENCODINGS = ("cp1252", "latin-1", "mac_roman", "cp850", "cp437")
Date = tuple[int | None, int, int | None]
"""Year, month and day."""


def may_become(text: str, other: str) -> bool:
    """Tell whether a spreadsheet program may have written ``other`` where ``text`` was."""
    if text == other:
        return False
    return (
        other in misread(text)
        or _same_truth(text, other)
        or (text[:1] in ("=", "+", "-", "@") and other.startswith("#"))
        or _same_number(text, other)
        or _same_time(text, other)
        or _same_date(text, other)
    )


def is_at_risk(text: str) -> bool:
    """Tell whether a program may write another text at all: plain words stay as they are."""
    plain = text.isascii() and not any(character.isdigit() for character in text)
    return not plain or text[:1] in ("=", "+", "-", "@") or text.lower() in _TRUE | _FALSE


def misread(text: str) -> set[str]:
    """Return what text that is not plain ASCII becomes if programs disagree about its encoding."""
    if text.isascii():
        return set()
    found = {unicodedata.normalize(form, text) for form in ("NFC", "NFD")}
    for encoding in _ENCODINGS:
        found.add(text.encode("utf-8").decode(encoding, "replace"))
        written = text.encode(encoding, "replace")
        found.add(written.decode(encoding))
        found.add(written.decode("cp1252", "replace"))  # as `decode_csv` reads what is no UTF-8
        found.add("".join(c if c.encode(encoding, "ignore") else "_" for c in text))
    return found - {text}


def _same_truth(text: str, other: str) -> bool:
    small = text.lower()
    kind = _TRUE if small in _TRUE else _FALSE if small in _FALSE else frozenset[str]()
    return other.isupper() and other.lower() in kind


def number_of(text: str) -> Decimal | None:
    """Return the number for which a program takes a text, None for other text."""
    return next(iter(_numbers(text)), None)


def _numbers(text: str) -> list[Decimal]:
    """Return the numbers that a text may be: a point or a comma is a decimal sign, or groups thousands."""
    match = _NUMBER.fullmatch(text.strip())
    if match is None:
        return []
    sign, digits, exponent, percent = match.groups()
    marks = re.findall(r"[.,\s']", digits)
    whole = re.sub(r"[.,\s']", "", digits)
    grouped = all(len(part) == 3 for part in re.split(r"[.,\s']", digits)[1:])
    found = []
    if not marks or grouped:
        found.append(whole)
    if marks and marks[-1] in ".," and marks.count(marks[-1]) == 1:
        after = len(re.split(r"[.,\s']", digits)[-1])
        found.insert(0, f"{whole[:-after] or '0'}.{whole[-after:]}")
    scale = Decimal(1).scaleb(int(exponent or 0) - (2 if percent else 0))
    return [Decimal(f"{sign}{each}") * scale for each in found]


def _same_number(text: str, other: str) -> bool:
    shown = _NUMBER.fullmatch(other.strip())
    if shown is None:
        return False
    unit = Decimal(0)
    if shown[3]:  # a long number is shown as 1.23457E+19: then as many digits agree as there are
        decimals = len(re.split(r"[.,]", shown[2])[-1]) if re.search(r"[.,]", shown[2]) else 0
        unit = Decimal(1).scaleb(int(shown[3]) - decimals)
    lost = Decimal(1).scaleb(1 - _DIGITS_KEPT)
    return any(abs(a - b) <= max(abs(b) * lost, unit / 2) for a in _numbers(text) for b in _numbers(other))


def _same_time(text: str, other: str) -> bool:
    first, second = _TIME.fullmatch(text.strip()), _TIME.fullmatch(other.strip())
    return first is not None and second is not None and _seconds(first) == _seconds(second)


def _seconds(match: re.Match[str]) -> int:
    hours, minutes, seconds, half = match.groups()
    late = bool(half) and half[0] in "Pp" and int(hours) < 12
    return (int(hours) + 12 * late) * 3600 + int(minutes) * 60 + int(seconds or 0)


def _same_date(text: str, other: str) -> bool:
    theirs = set(_dates(other))
    return any(_agree(date, found) for date in _dates(text) for found in theirs)


def _agree(first: Date, second: Date) -> bool:
    pairs = [(a, b) for a, b in zip(first, second, strict=True) if a is not None and b is not None]
    return len(pairs) >= 2 and all(a == b for a, b in pairs)


def _dates(text: str) -> Iterator[Date]:
    """Yield the dates that a text may be, such as 3-4 for the third of April, and for March 2004."""
    text = re.sub(r"[\sT]\d\d?:\d\d(:\d\d)?$", "", text.strip())
    parts = _DATE_PART.findall(text)
    if len(parts) not in (2, 3) or any(not _DATE_GAP.fullmatch(gap) for gap in _DATE_PART.split(text)):
        return
    if len(parts) == 3 and not any(part.isdigit() and len(part) <= 2 for part in parts):
        return
    roles = ("ymd", "mdy", "dmy") if len(parts) == 3 else ("md", "dm", "my", "ym")
    for order in roles:
        year, month, day = (_part(parts, order, role) for role in "ymd")
        if month and (day or year) and 0 not in (year, day):
            yield year, month, day


def _part(parts: list[str], order: str, role: str) -> int | None:
    """Return one part of a date in that order of parts; None if the order has none, 0 if it cannot be."""
    if role not in order:
        return None
    text = parts[order.index(role)]
    if role == "m" and not text.isdigit():
        small = text.lower()
        found = (i for i, names in enumerate(_MONTHS, start=1) if small.startswith(names))
        return next(found, 0)
    if not text.isdecimal() or len(text) > 4:
        return 0
    value = int(text)
    if role == "y":
        return value + (2000 if value < 30 else 1900) if len(text) == 2 else value if len(text) == 4 else 0
    return value if 1 <= value <= (12 if role == "m" else 31) and len(text) <= 2 else 0


def originals(missing: Iterable[str], strange: Iterable[str]) -> dict[str, str]:
    """Find out which of the ``strange`` texts of a column stand for which ``missing`` ones.

    Returns
    -------
    dict
        From strange to missing, where exactly one fits.
    """
    forms: dict[str | Decimal, set[str]] = {}
    for text in missing:
        number = number_of(text)
        written: set[str | Decimal] = {*misread(text)} if number is None else {*misread(text), number}
        for form in written:
            forms.setdefault(form, set()).add(text)
    found = {}
    for text in strange:
        number = number_of(text)
        fitting = forms.get(text) or (forms.get(number) if number is not None else None) or set()
        if len(fitting) == 1:
            found[text] = next(iter(fitting))
    return found
