"""What was told about a table of labels; the rest is guessed."""

from __future__ import annotations

import codecs
import json
import logging
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from cleaner.errors import TableError
from cleaner.util.atomic import write_atomically
from cleaner.util.csvfile import DELIMITERS
from cleaner.util.encodings import ENCODINGS

logger = logging.getLogger(__name__)

NO_COLUMN = "-"
"""In place of the name of the column of splits: there is none."""

NO_SEPARATOR = "-"
"""In place of what separates several labels: each image has one."""


@dataclass(frozen=True, kw_only=True)
class TableOptions:
    """How a table is to be read; an empty text leaves it to be guessed.

    Attributes
    ----------
    name_column, label_column, split_column : str
        The columns of image names, labels and splits. Several columns of labels, one for each class, are
        separated by commas; "-" as the column of splits: there is none. Columns without a name are called
        "column 1", "column 2", …
    delimiter : str
        What stands between the fields: one character, or its name ("tab", "comma", …).
    encoding : str
        Python's name of the encoding, such as "cp1251".
    label_separator : str
        What stands between several labels of an image; "-": each image has one.

    Raises
    ------
    TableError
        The delimiter is no single character, or there is no such encoding.
    """

    name_column: str = ""
    label_column: str = ""
    split_column: str = ""
    delimiter: str = ""
    encoding: str = ""
    label_separator: str = ""

    def __post_init__(self) -> None:
        if self.delimiter and len(self.character) != 1:
            known = ", ".join(DELIMITERS.values())
            msg = f"Got {self.delimiter!r} as the delimiter; expected one character, or one of {known}."
            raise TableError(msg)
        if len(self.label_separator) > 1:
            msg = (
                f"Got {self.label_separator!r} as the separator of labels; expected one character such as "
                "“;”, or “-” if each image has one label."
            )
            raise TableError(msg)
        if self.encoding:
            try:
                codecs.lookup(self.encoding)
            except LookupError:
                known = ", ".join(ENCODINGS)
                msg = f"There is no encoding {self.encoding!r}; expected one such as {known}."
                raise TableError(msg) from None

    @property
    def character(self) -> str:
        """The character that stands between the fields; empty: to be guessed."""
        named = {name: character for character, name in DELIMITERS.items()} | {"\\t": "\t"}
        return named.get(self.delimiter.lower(), self.delimiter)

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> TableOptions:
        """Take what is there of a mapping; None and what is not there is left to be guessed."""
        return cls(**{field.name: str(values.get(field.name) or "") for field in fields(cls)})

    def but(self, told: Mapping[str, str | None]) -> TableOptions:
        """Return the options with those that were told instead; None tells nothing, an empty text: guess."""
        return TableOptions(**asdict(self) | {name: v for name, v in told.items() if v is not None})

    def told(self) -> dict[str, str]:
        """Return what was told, without what is left to be guessed."""
        return {name: value for name, value in asdict(self).items() if value}


class RememberedOptions:
    """What was told about the tables of a set, kept in its state folder.

    Parameters
    ----------
    state : Path
        The state folder.
    table : Path
        The table that it is about; others of the same folder keep their own.
    """

    def __init__(self, state: Path, table: Path) -> None:
        self._path = state / "tables.json"
        self._key = table.name

    def load(self) -> TableOptions:
        """Return what was told; what cannot be read is guessed again, with a line in the log."""
        try:
            return TableOptions.of(self._all().get(self._key, {}))
        except (OSError, ValueError, TypeError, AttributeError, TableError) as exc:
            logger.warning("%s cannot be read: %s", self._path, exc)
            return TableOptions()

    def save(self, options: TableOptions) -> None:
        """Remember what was told; failing at it costs a log line."""
        if options == self.load():
            return
        try:
            tables = self._all() | {self._key: options.told()}
            write_atomically(self._path, json.dumps(tables, indent=1).encode())
        except (OSError, ValueError, TypeError) as exc:
            logger.warning("%s cannot be written: %s", self._path, exc)

    def _all(self) -> dict[str, Any]:
        try:
            return dict(json.loads(self._path.read_text("utf-8")))
        except FileNotFoundError:
            return {}
