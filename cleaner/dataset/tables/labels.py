"""What is written in a column of labels: numbers, lists, words for nothing, spellings of one class."""

import ast
import re
from collections import Counter
from collections.abc import Iterator, Sequence

from cleaner.dataset.findings import Finding
from cleaner.dataset.tables.columns import choose, is_one
from cleaner.util.wording import count

_WHOLE = re.compile(r"([+-]?(?:0|[1-9]\d*))(?:[.,]0+)?")
_DECIMAL = re.compile(r"[+-]?\d*\.\d+(?:e[+-]?\d+)?", re.IGNORECASE)
_LIST = re.compile(r"[\[({].*[\])}]", re.DOTALL)
_NOTHING = frozenset(
    {"na", "n/a", "nan", "none", "null", "nil", "#n/a", "?", "-", "--", "unknown", "unlabeled", "unlabelled"}
)
_SEPARATORS = "|;,/+& "
_INVISIBLE = "\u200b\u200c\u200d\u2060\ufeff"
_MANY = 8  # examples in one sentence


def one_hot_labels(columns: dict[str, Sequence[str]]) -> list[str]:
    """Return one label a row from columns that hold 1 where it is theirs; several are joined by ``|``.

    Parameters
    ----------
    columns : dict
        From each class to its values, as text.
    """
    rows = zip(*columns.values(), strict=True)
    return ["|".join(c for c, value in zip(columns, row, strict=True) if is_one(value)) for row in rows]


def read_labels(written: Sequence[str], source: str) -> tuple[list[str], list[Finding]]:
    """Take labels as they are written; blanks around them and lists of one are undone, 3.0 is 3.

    Parameters
    ----------
    written : sequence of str
        One a row; an empty one is no label.
    source : str
        What to call the table in sentences.

    Returns
    -------
    labels : list of str
    findings : list of Finding
        What was changed, and what is odd.
    """
    findings: list[Finding] = []
    plain = {value: _plain(value) for value in set(written)}
    labels = [plain[value] for value in written]
    padded = sorted({label for value, label in plain.items() if label and value != label})
    if padded:
        text = f"Blanks and line breaks around labels in {source} are left out: {_listed(padded)}."
        findings.append(Finding(topic="blanks around labels", text=text, examples=tuple(padded)))
    labels = _lists_undone(labels)
    labels, whole = _whole_numbers(labels)
    if whole:
        text = f"Labels in {source} such as {whole[0]} are whole numbers and are read as {_int(whole[0])}."
        findings.append(Finding(topic="labels written as decimals", text=text, examples=tuple(whole)))
    counts = Counter(label for label in labels if label)
    several = list(_several(counts, source))
    findings += several or _numerous(counts, source)
    findings += _remarks(counts, source)
    return labels, findings


def _plain(value: str) -> str:
    """Return a label without blanks and invisible characters around it, in one line."""
    return " ".join(part.strip() for part in value.strip().strip(_INVISIBLE).strip().splitlines())


def _lists_undone(labels: list[str]) -> list[str]:
    """Read ``['cat']`` as cat and ``['a', 'b']`` as a|b, if all labels are such lists."""
    there = [label for label in labels if label]
    if not there or not all(_LIST.fullmatch(label) for label in there):
        return labels
    parsed = {label: _items(label) for label in set(there)}
    if any(items is None for items in parsed.values()):
        return labels
    return ["|".join(parsed.get(label) or ()) for label in labels]


def _items(text: str) -> list[str] | None:
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        inner = text[1:-1]
        value = [part.strip().strip("\"'") for part in inner.split(",")] if inner.strip() else []
    if not isinstance(value, (list, tuple, set)):
        return None
    return [str(item) for item in (sorted(value, key=str) if isinstance(value, set) else value)]


def _whole_numbers(labels: list[str]) -> tuple[list[str], list[str]]:
    """Write 3.0 as 3 if all labels are whole numbers; returns the labels, and those that were changed.

    Numbers with zeros in front (007) are texts.
    """
    found = {label: _WHOLE.fullmatch(label) for label in set(labels) if label}
    changed = sorted(label for label in found if "." in label or "," in label)
    if not changed or not all(found.values()):
        return labels, []
    return [_int(label) if label else "" for label in labels], changed


def _int(label: str) -> str:
    return re.split("[.,]", label)[0]


def _several(counts: Counter[str], source: str) -> Iterator[Finding]:
    """Say that images have several labels, and what is done with them."""
    separator = next((s for s in _SEPARATORS if _separates(s, counts)), None)
    if separator is None:
        return
    several = [label for label in counts if separator in label]
    images = sum(counts[label] for label in several)
    text = (
        f"It seems that {count(images, 'image')} in {source} got several labels, such as "
        f"{_listed(several[:3])}. Each combination counts as a class of its own, because cleaner reviews one "
        "label per image. To review one of the labels, make a column for it and choose that."
    )
    yield Finding(topic="several labels", text=text, doubtful=True, examples=tuple(sorted(several)))


def _separates(separator: str, counts: Counter[str]) -> bool:
    """Tell whether labels with this in them are several labels: their parts are labels themselves."""
    several = [label for label in counts if separator in label.strip(separator)]
    if not several:
        return False
    parts = Counter(part.strip() for label in counts for part in label.split(separator))
    own = [part.strip() for label in several for part in label.split(separator)]
    again = sum(part in counts or parts[part] > 1 for part in own) / len(own)
    if separator in "|;":
        return "" not in own and (again >= 0.5 or len(several) == len(counts) > 1)
    if separator == ",":
        return "" not in own and again >= 0.8
    alone = sum(part in counts for part in own) / len(own)
    lengths = {label.count(separator) for label in counts}
    tags = separator == " " and again >= 0.9 and len(parts) < len(counts) and len(lengths) > 1
    return "" not in own and (alone >= 0.8 or tags)


def _numerous(counts: Counter[str], source: str) -> Iterator[Finding]:
    if len(counts) > 4 and len(counts) > 0.9 * sum(counts.values()):
        text = (
            f"Nearly every image in {source} has a label of its own ({len(counts):,} classes). "
            f"Perhaps the labels are in another column. {choose('label')}"
        )
        yield Finding(topic="a class per image", text=text, doubtful=True)


def _remarks(counts: Counter[str], source: str) -> Iterator[Finding]:
    nothing = sorted(label for label in counts if label.lower() in _NOTHING)
    if nothing:
        images = sum(counts[label] for label in nothing)
        text = (
            f"{_listed(nothing)} ({count(images, 'image')}) counts as a class, as it is written in {source}. "
            "If it means that there is no label, empty these cells."
        )
        yield Finding(topic="labels that may mean none", text=text, doubtful=True, examples=tuple(nothing))
    decimals = [label for label in counts if _DECIMAL.fullmatch(label)]
    if decimals and len(decimals) >= len(counts) / 2 and len(counts) > 2:
        text = (
            f"The labels in {source} are numbers such as {_listed(sorted(decimals)[:3])}. Perhaps these are "
            f"measurements, and the labels are in another column. {choose('label')}"
        )
        yield Finding(topic="labels that may be measurements", text=text, doubtful=True)
    garbled = sorted(label for label in counts if _is_garbled(label))
    if garbled:
        text = (
            f"Labels in {source} such as {_listed(garbled[:3])} look as if a program had read the table in "
            "the wrong encoding and saved it again. Correct them in the program that wrote the table."
        )
        yield Finding(topic="garbled labels", text=text, doubtful=True, examples=tuple(garbled))


def _is_garbled(label: str) -> bool:
    """Tell whether a label is UTF-8 that was read as Windows' code page: Ã¤ for ä."""
    try:
        return not label.isascii() and label.encode("cp1252").decode("utf-8") != label
    except UnicodeError:
        return False


def _listed(labels: Sequence[str]) -> str:
    more = f" and {len(labels) - _MANY} more" if len(labels) > _MANY else ""
    return ", ".join(f"“{label}”" for label in labels[:_MANY]) + more
