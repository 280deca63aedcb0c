"""Sets whose images may have several labels: what one label text stands for, and how a table writes it.

Everywhere in cleaner, what an image is called is one text: its *label*. Where images have several classes,
the label is the set of them, sorted by their characters and joined by a separator: ``cat;dog``. The separator
alone is the label of an image that shows none of the classes, which is another thing than an image without a
label. So decisions, their history, undo, matching and ``cleaned.csv`` are the same for both kinds of sets;
whoever needs classes asks `LabelSets`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cleaner.errors import CatalogError

_SEPARATORS = "|;,/+&"
"""What can stand between the labels of an image, but blanks."""

ONES = frozenset({"1", "1.0", "true"})
"""What says in a column of 0 and 1 that an image is of its class."""


@dataclass(frozen=True)
class LabelSets:
    """How labels that are sets of classes are joined.

    Attributes
    ----------
    separator : str
        One character that is in no name of a class.
    """

    separator: str

    def split(self, label: str | None) -> tuple[str, ...]:
        """Return the classes of a label, sorted by their characters; none for an image without a label."""
        return () if label is None else _parts(label.split(self.separator))

    def join(self, classes: Iterable[str]) -> str:
        """Return the label of a set of classes; the separator alone if there are none."""
        return self.separator.join(sorted(set(classes))) or self.separator

    def bits(self, labels: Sequence[str | None], classes: Sequence[str]) -> NDArray[np.bool_]:
        """Return which classes each label has, shape (n, n_classes); none for an image without a label."""
        of = {label: frozenset(self.split(label)) for label in set(labels)}
        found = [[name in of[label] for name in classes] for label in labels]
        return np.array(found, dtype=bool).reshape(len(labels), len(classes))

    def canonical(self, label: str | None) -> str | None:
        """Return a label with its classes once each and in order; None stays None."""
        return None if label is None else self.join(self.split(label))

    def with_class(self, label: str | None, name: str, *, there: bool) -> str:
        """Return a label with a class, or without it."""
        classes = set(self.split(label))
        return self.join(classes | {name} if there else classes - {name})

    def renamed(self, label: str, now: Callable[[str], str]) -> str:
        """Return a label with the present names of its classes."""
        return self.join(map(now, self.split(label)))


def require_one_label(sets: LabelSets | None, what: str) -> None:
    """Refuse what takes each image to have one label.

    Parameters
    ----------
    sets : LabelSets or None
        Of the set; None: each image has one label.
    what : str
        What is asked for, as the beginning of a sentence.

    Raises
    ------
    CatalogError
        Images can have several labels.
    """
    if sets is not None:
        raise CatalogError(
            f"{what} needs one label for each image, but images of this set can have several. It is not "
            "possible for such sets yet."
        )


def classes_of(labels: Iterable[str | None], sets: LabelSets | None) -> set[str]:
    """Return the classes that occur in labels; without ``sets``, each label is a class."""
    there = {label for label in labels if label is not None}
    return there if sets is None else {name for label in there for name in sets.split(label)}


def free_separator(classes: Iterable[str]) -> str | None:
    """Return a separator that is in no name of a class; None if each is in one."""
    used = {character for name in classes for character in name}
    return next((each for each in _SEPARATORS if each not in used), None)


def is_none(text: str) -> bool:
    """Tell whether a cell says that an image shows no class: by separators alone, or an empty list."""
    plain = "".join(text.split())
    return bool(plain) and (plain in ("[]", "()", "{}", "set()") or not plain.strip(_SEPARATORS))


@dataclass(frozen=True, kw_only=True)
class LabelForm:
    """How a table writes labels, so that they can be written like that again.

    Attributes
    ----------
    columns : mapping of str to str
        From class to the column in which 1 stands for it; empty: labels are in one column.
    one, zero : str
        What such columns hold.
    slots : sequence of str
        Columns that hold one label of an image each; empty: there are none.
    glue : str
        What stands between the labels of an image in one column; empty: the separator of the labels.
    brackets : (str, str)
        What stands around them, as in a list of Python; empty texts: nothing.
    quote : str
        What stands around each of them in a list.
    texts : mapping of str to (str, str)
        From the names of images to their labels and how these were written, where that is another text.
    """

    columns: Mapping[str, str] = field(default_factory=dict)
    one: str = "1"
    zero: str = "0"
    slots: Sequence[str] = ()
    glue: str = ""
    brackets: tuple[str, str] = ("", "")
    quote: str = ""
    texts: Mapping[str, tuple[str, str]] = field(default_factory=dict)

    def write(self, table: pd.DataFrame, sets: LabelSets | None) -> pd.DataFrame:
        """Return the table of a catalog with its labels in this form; without ``sets``, each is one class."""
        labels = table["label"].tolist()
        classes = [(label,) if sets is None else sets.split(label) for label in labels]
        if sets is not None:
            texts = [
                label if label is None else self._text(name, label, of)
                for name, label, of in zip(table["name"].tolist(), labels, classes, strict=True)
            ]
            table = table.assign(label=_column(texts, table))
        if self.slots:
            table = self._with_slots(table, labels, classes)
        for name, column in self._columns_for(classes, table.columns).items():
            before = table[column].tolist() if column in table else [self.zero] * len(table)
            cells = [
                cell
                if label is None or (name in of) == is_one(str(cell))
                else self.one
                if name in of
                else self.zero
                for cell, label, of in zip(before, labels, classes, strict=True)
            ]
            table = table.assign(**{column: _column(cells, table)})
        return table

    def _text(self, name: str, label: str, classes: Sequence[str]) -> str:
        """Return the label of an image as it was written, or as others were if it is another one now."""
        before, written = self.texts.get(name, ("", ""))
        if before == label:
            return written
        if not (self.glue or self.brackets[0]) or not (classes or self.brackets[0]):
            return label
        quoted = [
            json.dumps(each, ensure_ascii=False) if self.quote == '"' else repr(each) if self.quote else each
            for each in classes
        ]
        return self.glue.join(quoted).join(self.brackets)

    def _with_slots(
        self, table: pd.DataFrame, labels: Sequence[str | None], classes: Sequence[Sequence[str | None]]
    ) -> pd.DataFrame:
        """Return the table with its labels in their columns; those that stay keep their order."""
        before = [table[column].tolist() for column in self.slots]
        rows = [
            list(cells) if label is None else _slots(cells, of, none=label)
            for *cells, label, of in zip(*before, labels, classes, strict=True)
        ]
        wanted = max(map(len, rows), default=0)
        columns = list(self.slots)
        while len(columns) < wanted:
            columns.append(_next_name(columns[-1], {*columns, *table.columns}))
        for place, column in enumerate(columns):
            cells = [row[place] if place < len(row) else "" for row in rows]
            table = table.assign(**{column: _column(cells, table)})
        return table

    def _columns_for(self, classes: Sequence[Sequence[str | None]], there: Collection[str]) -> dict[str, str]:
        """Return the columns of all classes; a new class has none if another column has its name."""
        if not self.columns:
            return {}
        used = {name for of in classes for name in of if name is not None}
        return {**self.columns, **{name: name for name in sorted(used - set(self.columns) - set(there))}}


def is_one(value: str) -> bool:
    """Tell whether a value of a column of 0 and 1 says that the image is of its class."""
    return value.strip().lower() in ONES


def _slots(cells: Sequence[object], classes: Sequence[str | None], *, none: str) -> list[object]:
    """Return the cells of a row with these classes; unchanged if they say so already."""
    there = ["" if pd.isna(cell) else str(cell).strip() for cell in cells]  # type: ignore[call-overload]
    said = [text for text in there if text and not is_none(text)]
    if set(said) == set(classes) and (classes or any(there)):
        return list(cells)
    kept = [name for name in dict.fromkeys(said) if name in classes]
    return [*kept, *(name for name in classes if name not in kept)] or [none]


def _next_name(column: str, taken: Collection[str]) -> str:
    """Return the name of a column after another one: ``label4`` after ``label3``."""
    stem = column.rstrip("0123456789")
    number = int(column[len(stem) :] or 1)
    while f"{stem}{number}" in taken:
        number += 1
    return f"{stem}{number}"


def _parts(parts: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted({stripped for part in parts if (stripped := part.strip())}))


def _column(values: Sequence[object], table: pd.DataFrame) -> pd.Series[Any]:
    return pd.Series(values, dtype=object, index=table.index)
