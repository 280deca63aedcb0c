"""Which columns of a table mean what: as told, by their usual names, or by what is in them."""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from cleaner.advice import Advice
from cleaner.dataset.findings import Finding
from cleaner.dataset.label_sets import ONES, is_none, is_one
from cleaner.dataset.split_words import split_name
from cleaner.dataset.tables.options import NO_COLUMN, TableOptions
from cleaner.errors import TableError
from cleaner.images.formats import SUFFIXES

NAMES = ("name", "path", "file", "filename", "file_name", "fname", "image", "image_path", "img")
LABELS = ("label", "labels", "class", "category", "target", "given_label", "y")
SPLITS = ("split", "subset", "partition", "set", "is_valid")
_SPEAKS_OF_SPLITS = re.compile(
    r"(?:is|in|for)[ _-]?(?:train|valid|val|test)\w*|train|test|usage|phase|(?:k[ _-]?)?folds?", re.IGNORECASE
)

_LIKE_A_LABEL = re.compile(
    r"label|class|categor|target|species|breed|diagnos|(^|_)(dx|tags?|kind|truth)($|_)"
)
# Words in the names of columns that are rather about the image than what is on it.
_ABOUT_IMAGES = frozenset(
    {"sex", "gender", "age", "date", "time", "day", "year", "patient", "subject"}
    | {"site", "source", "camera", "view", "position", "width", "height", "size", "url", "user"}
    | {"location", "localization", "place", "lat", "lon", "folder", "fold", "id", "part"}
)
# Words in the names of columns about the work of labelling: never labels, unless somebody chooses them.
_ABOUT_WORK = frozenset({"annotator", "annotators", "rater", "labeler", "labeller", "reviewer", "annotation"})
_BY_MACHINES = frozenset({"pred", "predicted", "prediction", "predictions", "model", "ai"})
BOXES = frozenset(
    {"xmin", "ymin", "xmax", "ymax", "x_min", "y_min", "x_max", "y_max"}
    | {"bbox", "bbox_x", "bbox_y", "x1", "y1", "region_id", "region_count", "region_shape_attributes"}
)
_WORK_ENDS = frozenset({"id", "ids", "by", "time", "date", "count"})
_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+|\d+")
_NUMBER_BEHIND = re.compile(r"(.*?)[ _.-]?(\d{0,2})", re.DOTALL)
_SHARED_CLASSES = 0.3  # of the labels in numbered columns, those whose class is in two of the columns
_NUMBERED = re.compile(r"column (\d+)")
_DECIMAL = re.compile(r"[+-]?\d*\.\d*[1-9]\d*(e[+-]?\d+)?", re.IGNORECASE)
ZEROS = frozenset({"0", "0.0", "false", ""})
MINUS_ONES = frozenset({"-1", "-1.0"})
_TRUE_FALSE = ONES | ZEROS | {"yes", "t", "no", "f"}
_GOOD_SHARE = 0.3  # of a column's values that name files, for its usual name to count
_SAMPLE = 500  # rows
_RIVAL = 0.95  # of that share, for another column to be as likely; a name without suffix counts 0.9
_MOST_SPLITS = 50  # different values of a column that may be splits
_MANY_VALUES = 0.3  # likewise, from which on it is less likely
_FEW_VALUES = 0.6  # distinct values by rows, at most, in a column that may be labels

Texts = Mapping[str, Sequence[str]]
"""The values of each column, as stripped text."""


@dataclass(frozen=True, kw_only=True)
class Columns:
    """Which columns of a table mean what.

    Attributes
    ----------
    name : str
        Of the images' names.
    labels : tuple of str
        Of the labels: one; or one for each class, in which 1 stands for "it is"; or several that hold a label
        each.
    split : str or None
        Of the splits; None: there is none.
    """

    name: str
    labels: tuple[str, ...]
    split: str | None


@dataclass(kw_only=True)
class Guess:
    """What was found out about the columns.

    Attributes
    ----------
    columns : Columns
        The likeliest meaning.
    names, labels, splits : list of str
        What else they may be, the likeliest first; several columns of labels are joined by commas.
    findings : list of Finding
        What was taken, and how sure that is.
    """

    columns: Columns
    names: list[str]
    labels: list[str]
    splits: list[str]
    findings: list[Finding] = field(default_factory=list)


def has_header(rows: Sequence[Sequence[str]], options: TableOptions, is_file: Callable[[str], bool]) -> bool:
    """Tell whether the first row of a table holds the names of the columns.

    It does not if something in it is a file or named like one, or if a label of other rows is in it. Columns
    that were told decide it.
    """
    first = [value.strip() for value in rows[0]]
    asked = [options.name_column, *_separate(options.label_column, first), options.split_column]
    told = [column for column in asked if column and column != NO_COLUMN]
    if told:
        return any(column in first for column in told) or not any(map(_NUMBERED.fullmatch, told))
    small = [value.lower() for value in first]
    if any(value in NAMES for value in small) and any(value in (*LABELS, *SPLITS) for value in small):
        return True
    if any(value.endswith(tuple(SUFFIXES)) or (value and is_file(value)) for value in small):
        return False
    for at, value in enumerate(first):
        below = [row[at].strip() for row in rows[1:] if at < len(row)]
        if value and value in below and len(set(below)) < len(below):
            return False
    return True


def columns_of(
    table: Texts, source: str, options: TableOptions, share: Callable[[Sequence[str]], float]
) -> Guess:
    """Find out which columns mean what.

    Parameters
    ----------
    table : mapping
        The values of each column, as stripped text.
    source : str
        What to call the table in sentences.
    options : TableOptions
        Columns that were told.
    share : callable
        Says which share of some values name images.

    Raises
    ------
    TableError
        A column that was told is absent, or none can be the one of names or of labels.
    """
    _check_told(table, source, options)
    shares = {column: share(values) for column, values in table.items()}
    names = _name_candidates(table, shares)
    name = options.name_column or _first(names)
    if not name:
        raise TableError(_no_column(table, source, "name"))
    names = [column for column in names if column != name]
    splits = [column for column in _split_candidates(table) if column != name]
    told = options.split_column or _first(splits)
    split = None if told in ("", NO_COLUMN) else told
    rest = {column: values for column, values in table.items() if column not in (name, split)}
    labels = _label_candidates(rest)
    label = options.label_column or _first(labels)
    if not label:
        taken = _quoted([name, *([split] if split else [])])
        raise TableError(_no_column(rest, source, "label", taken))
    chosen = Columns(name=name, labels=_separate(label, table), split=split)
    guess = Guess(
        columns=chosen,
        names=names,
        labels=[column for column in labels if column != label],
        splits=[column for column in splits if column != split],
    )
    guess.findings = list(_told(table, shares, guess, source, options))
    return guess


def choose(text: str, what: str) -> Advice:
    """Say how another column is chosen, of names, labels or splits (``what``: "name", "label" or "split")."""
    return Advice(
        text,
        f"If so, choose that column: on the page under Files, or with --{what}-column.",
        "If so, choose that column under Files.",
    )


def _first(columns: Sequence[str]) -> str:
    return columns[0] if columns else ""


def _separate(label: str, columns: Iterable[str]) -> tuple[str, ...]:
    """Take several columns of labels apart, which are separated by commas."""
    known = set(columns)
    if label in known or "," not in label:
        return (label,)
    return tuple(part.strip() for part in label.split(","))


def _check_told(table: Texts, source: str, options: TableOptions) -> None:
    if options.name_column and options.name_column in (options.label_column, options.split_column):
        msg = f"Got the column {options.name_column!r} of {source} for two things; choose two columns."
        raise TableError(msg)
    told = [("name", options.name_column), ("split", options.split_column)]
    told += [("label", column) for column in _separate(options.label_column, table)]
    for what, column in told:
        if column and column != NO_COLUMN and column not in table:
            listed = ", ".join(map(repr, table))
            raise TableError(
                Advice(
                    f"{source} has no column {column!r}; its columns are {listed}.",
                    f"Choose another one with --{what}-column.",
                    "Choose another one above.",
                )
            )


def _no_column(table: Texts, source: str, part: str, taken: str = "") -> str:
    what = {"name": "image names", "label": "labels"}[part]
    if not table:
        return (
            f"{source} has no column of {what} beside {taken}. Add one, or put the images into one folder "
            "per class and open the folder."
        )
    listed = ", ".join(map(repr, table))
    if what == "labels" and any(map(_is_about_work, table)):
        problem = f"only {listed}, of which some say who labelled the images"
        problem = f"{source} has no column of labels that can be recognised, {problem}."
    else:
        why = "fits a file in the folder" if what == "image names" else "has a few values that repeat"
        problem = (
            f"{source} has no column of {what} that can be recognised: none of its columns ({listed}) {why}."
        )
    ask = "Choose the right one"
    return Advice(problem, f"{ask}: on the page, or with --{part}-column.", f"{ask} above.")


def _name_candidates(table: Texts, shares: Mapping[str, float]) -> list[str]:
    """Return columns that may hold the images' names: those whose values are files, or with a usual name."""
    best = max(shares.values(), default=0.0)
    named = sorted((c for c in table if _place(c, NAMES) < len(NAMES)), key=lambda c: _place(c, NAMES))
    surely = [column for column in named if shares[column] >= max(_GOOD_SHARE, 0.7 * best)]
    fitting = sorted((c for c in table if shares[c] > 0), key=lambda column: -shares[column])
    return list(dict.fromkeys([*surely, *fitting, *named]))


def _place(column: str, names: Sequence[str]) -> int:
    small = column.lower()
    return names.index(small) if small in names else len(names)


def _split_candidates(table: Texts) -> list[str]:
    """Return columns that hold splits: by name if a value is one, others if all values are."""
    found: list[tuple[int, str]] = []
    for column, values in table.items():
        there = {value for value in values if value}
        place = _place(column, SPLITS)
        if column.lower() in ("is_valid", "split"):
            is_split = True
        elif len(there) > _MOST_SPLITS:
            is_split = False
        else:
            splits = {value: split_of(value) for value in there if value != "pending"}
            if place < len(SPLITS):
                is_split = not splits or any(splits.values())
            else:
                named = all(splits.values()) and len(set(splits.values())) > 1
                is_split = named and _place(column, LABELS) == len(LABELS)
        if is_split:
            found.append((place, column))
    return [column for _, column in sorted(found, key=lambda pair: pair[0])]


def split_of(text: str) -> str | None:
    """Return the split that a value stands for: "val" and "my_valid" are "valid", "PublicTest" is "test"."""
    said = split_name(text)
    return None if said is None or (said.weak and said.stem) else said.split


def _label_candidates(table: Texts) -> list[str]:
    """Return columns that may hold the labels: by their usual names, then by their values."""
    table = {column: values for column, values in table.items() if column.lower() not in BOXES}
    one_hot, numbered = ",".join(_one_hot(table)), numbered_labels(table)
    usual = sorted((c for c in table if _place(c, LABELS) < len(LABELS)), key=lambda c: _place(c, LABELS))
    worth = {column: _like_labels(column, values) for column, values in table.items() if column not in usual}
    others = sorted((c for c in worth if worth[c] > 0), key=lambda c: (_named_like_splits(c), -worth[c]))
    if one_hot:
        hot = set(one_hot.split(","))
        others = [one_hot, *(column for column in others if column not in hot)]
    only = [
        column
        for column, values in table.items()
        if len(table) == 1 and any(values) and not _counts_rows(values) and not _is_about_work(column)
    ]
    if numbered:
        others = [",".join(numbered), *(column for column in others if column not in numbered)]
        usual = [column for column in usual if column not in numbered]
    filled = [column for column in usual if any(table[column])]
    empty = [column for column in usual if column not in filled]
    return [*filled, *others, *empty] or only


def _like_labels(column: str, values: Sequence[str]) -> float:
    """Say how much a column looks like labels, from 0 (not at all)."""
    there = [value for value in values if value]
    different = len(set(there))
    if not there or _is_about_work(column) or any(map(_DECIMAL.fullmatch, there)):
        return 0.0
    named = named_like_labels(column)
    if not named and (different == 1 or different > max(2, _FEW_VALUES * len(there))):
        return 0.0
    numbers = all(value.replace(".", "").replace("-", "").isdecimal() for value in there)
    yes_no = {value.lower() for value in there} <= _TRUE_FALSE
    return (
        3.0 * named
        + 0.5 * (_LIKE_A_LABEL.sub("", column.lower()) == "")
        + 1.0 * (not numbers)
        + 0.5 * (not yes_no)
        + 0.5 * len(there) / len(values)
        - 1.0 * max(0.0, different / len(there) - _MANY_VALUES)
        - 1.0 * any(word in _ABOUT_IMAGES for word in _words(column))
        - 1.0 * any(word in _BY_MACHINES for word in _words(column))
    )


def _words(column: str) -> list[str]:
    return [word.lower() for word in _WORD.findall(column)]


def _is_about_work(column: str) -> bool:
    """Tell whether a column says who labelled an image or in which act: "annotator", "annotation_id"."""
    words = _words(column)
    work = [word for word in words if word in _ABOUT_WORK]
    return bool(work) and (work != ["annotation"] or words[-1] in _WORK_ENDS)


def _counts_rows(values: Sequence[str]) -> bool:
    return len(set(values)) == len(values) > 1 and all(value.isdecimal() for value in values)


def _one_hot(table: Texts) -> list[str]:
    """Return columns that stand side by side, hold 0 and 1 alone, and say a class of nearly every row.

    Several that hold -1, too, are findings: see `cleaner.dataset.tables.labels`.
    """
    runs: list[list[str]] = [[]]
    for column, values in table.items():
        small = {value.lower() for value in values}
        if "," not in column and small <= ONES | ZEROS | MINUS_ONES and small - {""}:
            runs[-1].append(column)
        else:
            runs.append([])
    run = max(runs, key=len)
    if len(run) < 2 or any(MINUS_ONES.intersection(table[column]) for column in run):
        return run if len(run) > 1 else []
    exclusive = _exclusive(run, table)
    if exclusive:
        return exclusive
    sums = Counter(sum(v.lower() in ONES for v in row) for row in zip(*(table[c] for c in run), strict=True))
    rows = sum(sums.values())
    said = rows - sums[0]
    return run if said >= rows / 2 and (sums[1] >= 0.9 * said or len(run) > 3) else []


def are_slots(columns: Mapping[str, Sequence[str]]) -> bool:
    """Tell whether several columns of labels hold names of classes, and not 1 and 0 for a class each."""
    return all(
        any(value.strip().lower() not in ONES | ZEROS | MINUS_ONES for value in values)
        for values in columns.values()
    )


def numbered_labels(table: Texts) -> list[str]:
    """Return columns such as ``label1``, ``label2`` that hold one label of an image each; empty: none do.

    Their classes are the same, and no image has one twice. Else they are opinions of several people, which
    agree on most images, or levels of a taxonomy, which have names of their own.
    """
    runs: dict[str, dict[int, str]] = {}
    for column in table:
        stem, number = _NUMBER_BEHIND.fullmatch(column).groups()  # type: ignore[union-attr] # fits any text
        if named_like_labels(stem) and not _is_about_work(stem) and stem:
            runs.setdefault(stem.lower(), {})[int(number or 1)] = column
    for run in runs.values():
        columns = {run[number]: table[run[number]] for number in sorted(run)}
        first = min(run)
        if len(run) < 2 or first > 1 or sorted(run) != list(range(first, first + len(run))):
            continue
        named = [[value for value in values if value and not is_none(value)] for values in columns.values()]
        rows = [[value for value in row if value] for row in zip(*columns.values(), strict=True)]
        counts = Counter(value for values in named for value in values)
        own = Counter(value for values in named for value in set(values))
        shared = sum(n for value, n in counts.items() if own[value] > 1)
        twice = any(len(set(row)) < len(row) for row in rows)
        repeat = len(counts) <= _FEW_VALUES * sum(counts.values())
        alike = shared >= _SHARED_CLASSES * sum(counts.values())
        if are_slots(columns) and any(len(row) > 1 for row in rows) and not twice and repeat and alike:
            return list(columns)
    return []


def _exclusive(run: Sequence[str], table: Texts) -> list[str]:
    """Return the longest part of a run of columns in which each row has a single 1; empty: there is none."""
    step = max(1, len(table[run[0]]) // _SAMPLE)
    ones = [[is_one(value) for value in table[column][::step]] for column in run]
    for length in range(len(run), 1, -1):
        for start in range(len(run) - length + 1):
            part = ones[start : start + length]
            if all(sum(row) == 1 for row in zip(*part, strict=True)):
                return list(run[start : start + length])
    return []


def _told(
    table: Texts, shares: Mapping[str, float], guess: Guess, source: str, options: TableOptions
) -> Iterable[Finding]:
    """Say what was taken for what and, where something else is as likely, ask."""
    columns = guess.columns
    names = _quoted([columns.name])
    labels = _quoted(columns.labels)
    text = f"In {source}, image names are read from the column {names}"
    if len(columns.labels) > 1:
        slots = are_slots({column: table[column] for column in columns.labels})
        text += f", labels from the columns {labels}, one {'label in each' if slots else 'for each class'}"
    else:
        text += f", labels from {labels}"
    if columns.split:
        text += f", splits from {_quoted([columns.split])}"
    text += "."
    taken = {columns.name, *columns.labels, columns.split}
    rest = [column for column in table if column not in taken]
    if rest:
        text += f" Other columns: {_quoted(rest)}."
    yield Finding(topic="columns", text=text)
    boxes = [column for column in rest if column.lower() in BOXES]
    if len(boxes) > 1:
        text = Advice(
            f"{source} seems to hold boxes ({_quoted(boxes)}). cleaner reviews whole images with one label "
            "each.",
            "To review boxes as images, import the set in its own format: cleaner import FILE --crops.",
            "To review boxes as images, open the set in its own format, such as COCO.",
        )
        yield Finding(topic="boxes", text=text, doubtful=True)
    rival = next((c for c in guess.names if shares[c] >= _RIVAL * shares[columns.name] > 0), None)
    if not options.name_column and rival and table[rival] != table[columns.name]:
        yield _ask(choose(f"Image names may instead be in {_quoted([rival])}.", "name"))
    if not options.label_column:
        yield from _ask_for_label(table, guess)
    if not options.split_column:
        for column in table:
            known = (*columns.labels, columns.split, *guess.splits)
            if column not in known and _named_like_splits(column):
                yield _ask(
                    f"{_quoted([column])} is not read as splits, because its values are not train, valid or "
                    "test. To use it, write these words there."
                )
        if guess.splits:
            yield _ask(choose(f"Splits may instead be in {_quoted(guess.splits[:3])}.", "split"))


def _ask(text: str) -> Finding:
    return Finding(topic="choice of columns", text=text, doubtful=True)


def _ask_for_label(table: Texts, guess: Guess) -> Iterator[Finding]:
    columns, rivals = guess.columns, guess.labels
    if len(columns.labels) == 1 and named_like_labels(columns.labels[0]):
        rivals = [column for column in rivals if named_like_labels(column)]
    if len(columns.labels) == 1:
        own = table[columns.labels[0]]
        rivals = [c for c in rivals if c not in table or not _same_classes(own, table[c])]
    if rivals:
        yield _ask(choose(f"Labels may instead be in {_quoted(rivals[:5])}.", "label"))


def _named_like_splits(column: str) -> bool:
    return column.lower() in SPLITS or _SPEAKS_OF_SPLITS.fullmatch(column) is not None


def named_like_labels(column: str) -> bool:
    """Tell whether a column is named as one of labels."""
    return column.lower() in LABELS or bool(_LIKE_A_LABEL.search(column.lower()))


def _same_classes(one: Sequence[str], other: Sequence[str]) -> bool:
    """Tell whether two columns divide the rows alike, as numbers and names of the same classes do."""
    pairs = set(zip(one, other, strict=True))
    return len(pairs) == len(set(one)) == len(set(other))


def _quoted(columns: Sequence[str]) -> str:
    shown = ", ".join(f"“{column}”" for column in columns[:8])
    return shown + (f" and {len(columns) - 8} more" if len(columns) > 8 else "")
