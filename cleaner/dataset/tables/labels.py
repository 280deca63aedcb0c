"""What is written in a column of labels: numbers, lists, words for nothing, spellings of one class."""

import ast
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from cleaner.advice import Advice
from cleaner.dataset.findings import Finding
from cleaner.dataset.label_sets import ONES, LabelForm, LabelSets, free_separator, is_none, is_one
from cleaner.dataset.tables.columns import MINUS_ONES, ZEROS, are_slots, choose
from cleaner.dataset.tables.options import NO_SEPARATOR
from cleaner.errors import TableError
from cleaner.util.wording import count

_WHOLE = re.compile(r"([+-]?(?:0|[1-9]\d*))(?:[.,]0+)?")
_DECIMAL = re.compile(r"[+-]?\d*\.\d+(?:e[+-]?\d+)?", re.IGNORECASE)
_LIST = re.compile(r"[\[({].*[\])}]", re.DOTALL)
_NOTHING = frozenset(
    {"na", "n/a", "nan", "none", "null", "nil", "#n/a", "?", "-", "--", "unknown", "unlabeled", "unlabelled"}
)
_BY_SPREADSHEET = re.compile(
    r"#(?:REF!|NAME\?|VALUE!|DIV/0!|NUM!|NULL!|#+)|\d{1,2}-[A-Z][a-z]{2}|[A-Z][a-z]{2}-\d\d|"
    r"\d(?:[.,]\d+)?E[+-]\d+"
)
SEPARATORS = "|;,/+& "
"""What may stand between several labels of an image in one column."""

_INVISIBLE = "\u200b\u200c\u200d\u2060\ufeff"
_OF_COLUMNS = ONES | ZEROS | MINUS_ONES
_MANY = 8  # examples in one sentence


@dataclass(frozen=True, kw_only=True)
class Labels:
    """The labels of a table.

    Attributes
    ----------
    texts : list of str
        One a row; an empty one is no label.
    sets : LabelSets or None
        How they are joined, if an image can have several.
    form : LabelForm or None
        How they are written, if that is more than one label in a column; without the single rows.
    findings : list of Finding
        What was changed, and what is odd.
    """

    texts: list[str]
    sets: LabelSets | None = None
    form: LabelForm | None = None
    findings: list[Finding] = field(default_factory=list)


def read_labels(columns: Mapping[str, Sequence[str]], source: str, *, separator: str = "") -> Labels:
    """Take labels as they are written; blanks around them and lists of one are undone, 3.0 is 3.

    Parameters
    ----------
    columns : mapping of str to sequence of str
        What is written in the column of labels; of several columns, each is of one class, and holds 1 or 0,
        or each holds one of the labels.
    source : str
        What to call the table in sentences.
    separator : str
        What stands between several labels of an image; ``-``: each image has one; empty: to be found out.

    Raises
    ------
    TableError
        Only some of several columns hold 1 and 0.
    """
    if len(columns) > 1 and are_slots(columns):
        read = _of_slots(columns, source, several=separator != NO_SEPARATOR)
    elif len(columns) > 1:
        read = _of_columns(columns, source, several=separator != NO_SEPARATOR)
    else:
        read = _of_column(next(iter(columns.values())), source, separator)
    counts = Counter(read.texts)
    del counts[""]
    if read.sets is not None:
        read.findings.append(_several(read, counts, source))
        counts = Counter(
            name for text, n in counts.items() for name in read.sets.split(text) for _ in range(n)
        )
    else:
        read.findings.extend(_numerous(counts, source))
    read.findings.extend(_remarks(counts, source))
    return read


def _of_columns(columns: Mapping[str, Sequence[str]], source: str, *, several: bool) -> Labels:
    """Read columns of 1 and 0: a row of zeros shows none of the classes, an empty row has no label.

    Beside 0 or empty fields, -1 stands for "uncertain" (CheXpert), which is no label; without them for 0.
    """
    for column, values in columns.items():
        odd = next((value for value in values if value.strip().lower() not in _OF_COLUMNS), None)
        if odd is not None:
            raise TableError(
                f"Several columns of {source} were chosen for the labels, and “{column}” holds "
                f"“{odd.strip()}”, others 1 and 0. Such columns are one for each class, with 1 where an "
                "image shows it and 0 elsewhere, or all of them hold names of classes. Choose one column of "
                "labels, or columns of one kind."
            )
    rows = list(zip(*columns.values(), strict=True))
    classes = [[c for c, value in zip(columns, row, strict=True) if is_one(value)] for row in rows]
    written = Counter(value.strip() for values in columns.values() for value in values)
    ones = [value for value, _ in written.most_common() if is_one(value)]
    zeros = [value for value, _ in written.most_common() if value and not is_one(value)]
    unsure = MINUS_ONES if any(value.lower() in ZEROS for value in written) else frozenset()
    findings = list(_minus_ones(rows, source, uncertain=bool(unsure)))
    zeros = [value for value in zeros if value not in unsure]
    form = LabelForm(
        columns={column: column for column in columns}, one=(ones or ["1"])[0], zero=(zeros or [""])[0]
    )
    most = max(map(len, classes), default=0)
    if most < 2:
        return Labels(texts=[of[0] if of else "" for of in classes], form=form, findings=findings)
    if not several:
        return Labels(texts=["|".join(of) for of in classes], findings=findings)
    sets = _sets_for(columns, source)
    said = [any({value.strip() for value in row} - {""} - unsure) for row in rows]
    return Labels(
        texts=[sets.join(of) if is_said else "" for of, is_said in zip(classes, said, strict=True)],
        sets=sets,
        form=form,
        findings=findings,
    )


def _of_slots(columns: Mapping[str, Sequence[str]], source: str, *, several: bool) -> Labels:
    """Read columns that hold one label each: ``label1``, ``label2``; empty cells are no labels."""
    plain = [[_plain(value) for value in values] for values in columns.values()]
    rows = [[value for value in row if value] for row in zip(*plain, strict=True)]
    names = [[value for value in row if not is_none(value)] for row in rows]
    if not several:
        return Labels(texts=["|".join(of) for of in names])
    sets = _sets_for((value for of in names for value in of), source)
    texts = [sets.join(of) if row else "" for of, row in zip(names, rows, strict=True)]
    return Labels(texts=texts, sets=sets, form=LabelForm(slots=tuple(columns)))


def _minus_ones(rows: Sequence[Sequence[str]], source: str, *, uncertain: bool) -> Iterator[Finding]:
    """Say what -1 is taken for in columns of 1 and 0."""
    number = sum(any(value.strip() in MINUS_ONES for value in row) for row in rows)
    if number and uncertain:
        one = "To review one finding with all that is said of it, choose its column"
        text = Advice(
            f"In {source}, -1 is taken for “uncertain” ({count(number, 'row')}), which is no label.",
            f"{one}: on the page under Files, or with --label-column.",
            f"{one} under Files.",
        )
        yield Finding(topic="uncertain labels", text=text, doubtful=True)
    elif number:
        plain = f"In {source}, -1 is taken for “no”: only 1 says that a label holds."
        yield Finding(topic="labels of 1 and -1", text=plain)


def _of_column(written: Sequence[str], source: str, separator: str) -> Labels:
    findings: list[Finding] = []
    plain = {value: _plain(value) for value in set(written)}
    labels = [plain[value] for value in written]
    padded = sorted({label for value, label in plain.items() if label and value != label})
    if padded:
        text = f"Blanks and line breaks around labels in {source} are left out: {_listed(padded)}."
        findings.append(Finding(topic="blanks around labels", text=text, examples=tuple(padded)))
    if separator != NO_SEPARATOR:
        read = _lists(labels, source) or _joined(labels, source, separator)
        if read is not None:
            return replace(read, findings=findings)
    labels = _lists_undone(labels)
    labels, whole = _whole_numbers(labels)
    if whole:
        text = f"Labels in {source} such as {whole[0]} are whole numbers and are read as {_int(whole[0])}."
        findings.append(Finding(topic="labels written as decimals", text=text, examples=tuple(whole)))
    return Labels(texts=labels, findings=findings)


def _sets_for(classes: Iterable[str], source: str, separator: str = "") -> LabelSets:
    """Return how to join classes: by the separator that they came with, or another one that is in no name."""
    found = separator.strip() or free_separator(classes)
    if found is None:
        raise TableError(
            f"The names of the classes in {source} contain every character that could stand between several "
            "labels of one image. Rename a class there, so that none has “;” in it."
        )
    return LabelSets(found)


def _lists(labels: Sequence[str], source: str) -> Labels | None:
    """Read lists of labels, such as ``['a', 'b']``; None unless all are lists, one of several items."""
    parsed = _parsed_lists(labels)
    if parsed is None or all(len(set(items)) < 2 for items in parsed.values()):
        return None
    sets = _sets_for((item for items in parsed.values() for item in items), source)
    first = next(label for label, items in parsed.items() if len(items) > 1)
    inner = first[1:-1].lstrip()
    glue = ", " if ", " in first else ","
    form = LabelForm(glue=glue, brackets=(first[0], first[-1]), quote=inner[0] if inner[0] in "\"'" else "")
    return Labels(texts=[sets.join(parsed[label]) if label else "" for label in labels], sets=sets, form=form)


def _joined(labels: Sequence[str], source: str, separator: str) -> Labels | None:
    """Read labels with separators between them, such as ``a;b``; None if there are none."""
    counts = Counter(label for label in labels if label)
    found = separator or next((s for s in SEPARATORS if _separates(s, counts)), None)
    found = found or next((s for s in SEPARATORS[:3] if any(not label.strip(s) for label in counts)), None)
    if found is None:
        return None
    parts = {label: () if is_none(label) else tuple(label.split(found)) for label in counts}
    sets = _sets_for((part for each in parts.values() for part in each), source, found)
    around = Counter(
        match
        for label in counts
        if not is_none(label)
        for match in re.findall(rf"\s*{re.escape(found)}\s*", label)
    )
    glue = around.most_common(1)[0][0] if around else found
    texts = [sets.join(map(str.strip, filter(str.strip, parts[label]))) if label else "" for label in labels]
    return Labels(texts=texts, sets=sets, form=LabelForm(glue=glue))


def _plain(value: str) -> str:
    """Return a label without blanks and invisible characters around it, in one line."""
    return " ".join(part.strip() for part in value.strip().strip(_INVISIBLE).strip().splitlines())


def read_label(text: str, sets: LabelSets, form: LabelForm | None) -> str:
    """Return the label that a text stands for, by the form in which a table writes labels; "" stays "".

    What is in another form, as one class or joined by the separator, is understood, too.
    """
    plain = _plain(text)
    if not plain or is_none(plain):
        return plain and sets.join(())
    items = _items(plain) if form is not None and form.brackets[0] and _LIST.fullmatch(plain) else None
    if items is None:
        items = plain.split((form.glue.strip() or " ") if form is not None and form.glue else sets.separator)
    return sets.join(part for item in items for part in sets.split(item))


def _parsed_lists(labels: Sequence[str]) -> dict[str, list[str]] | None:
    """Return the items of all labels, if all of them are lists."""
    there = {label for label in labels if label}
    if not there or not all(_LIST.fullmatch(label) for label in there):
        return None
    parsed = {label: _items(label) for label in there}
    return (
        {label: items for label, items in parsed.items() if items is not None}
        if None not in parsed.values()
        else None
    )


def _lists_undone(labels: list[str]) -> list[str]:
    """Read ``['cat']`` as cat and ``['a', 'b']`` as a|b, if all labels are such lists."""
    parsed = _parsed_lists(labels)
    return labels if parsed is None else ["|".join(parsed.get(label) or ()) for label in labels]


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


def _several(read: Labels, counts: Counter[str], source: str) -> Finding:
    """Say that images can have several labels, and how many do."""
    assert read.sets is not None
    assert read.form is not None
    of = {label: read.sets.split(label) for label in counts}
    several = [label for label, classes in of.items() if len(classes) > 1]
    images, none = (
        sum(counts[label] for label in several),
        sum(counts[label] for label, c in of.items() if not c),
    )
    have = count(images, "image has", "images have")
    text = f"Images in {source} can have several labels: {have} more than one"
    text += f", such as {_listed(sorted(several)[:3])}" if several else ""
    text += f", and {count(none, 'image has', 'images have')} none of the classes." if none else "."
    form = read.form
    unsure = not (form.columns or form.slots or form.brackets[0]) and form.glue.strip() not in ("|", ";")
    if unsure:
        one = "If these are names of single classes, say that each image has one label"
        text = Advice(
            text, f"{one}: on the page under Files, or with --label-separator -.", f"{one}, under Files."
        )
    return Finding(topic="several labels", text=text, doubtful=unsure)


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
            "Perhaps the labels are in another column."
        )
        yield Finding(topic="a class per image", text=choose(text, "label"), doubtful=True)


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
            "measurements, and the labels are in another column."
        )
        yield Finding(topic="labels that may be measurements", text=choose(text, "label"), doubtful=True)
    rewritten = sorted(label for label in counts if _BY_SPREADSHEET.fullmatch(label))
    if rewritten:
        text = (
            f"Labels in {source} such as {_listed(rewritten[:3])} look as if a spreadsheet program had "
            "rewritten them: 1-3 as 3-Jan, 1e5 as 1E+05, a formula as #REF!. Correct them in the table."
        )
        examples = tuple(rewritten)
        found = Finding(topic="labels of a spreadsheet", text=text, doubtful=True, examples=examples)
        yield found
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
