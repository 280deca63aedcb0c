"""What a label table was imported from, kept in the state folder: documents, and what was said of them."""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cleaner.dataset.findings import Finding
from cleaner.dataset.new_folder import place_file
from cleaner.errors import CatalogError
from cleaner.util.atomic import write_atomically

logger = logging.getLogger(__name__)

_RECORD = "import.json"
_SOURCE = "source"
_EXAMPLES = 1000


@dataclass(frozen=True, kw_only=True)
class Kept:
    """What a set was imported from: its format, its documents and the folder they are in."""

    format: str
    folder: Path
    documents: tuple[str, ...]
    label_column: str | None


class ImportMemory:
    """The import of one label table, in ``imports/`` of the state folder.

    Parameters
    ----------
    state : Path
        The state folder.
    table : Path
        The label table; others of the same folder keep their own.
    """

    def __init__(self, state: Path, table: Path) -> None:
        self._folder = state / "imports" / table.name

    def save(
        self,
        documents: Iterable[Path],
        *,
        base: Path,
        format: str,
        in_place: bool,
        label_column: str | None,
        findings: Iterable[Finding],
    ) -> None:
        """Remember an import, with copies of its documents.

        Parameters
        ----------
        documents : iterable of Path
            The files that an export edits.
        base : Path
            The folder that they are in.
        format : str
            The name of their format.
        in_place : bool
            They hold the images, so that they stay where they are; only their place and size are remembered.
        label_column : str, optional
            What was said to be the label.
        findings : iterable of Finding
            What was said of the source.
        """
        shutil.rmtree(self._folder, ignore_errors=True)
        self._folder.mkdir(parents=True)
        base = base.resolve()
        names = [document.resolve().relative_to(base).as_posix() for document in documents]
        record = {
            "format": format,
            "base": str(base),
            "documents": {name: (base / name).stat().st_size for name in names},
            "in_place": in_place,
            "label_column": label_column,
            "findings": [finding.record(_EXAMPLES) for finding in findings],
        }
        if not in_place:
            for name in names:
                place_file(base / name, self._folder / _SOURCE / name, link=False)
        write_atomically(self._folder / _RECORD, json.dumps(record, indent=1).encode())

    def source(self) -> Kept | None:
        """Return what the table was imported from; None if it was not.

        Raises
        ------
        CatalogError
            Documents that hold the images were moved or changed.
        """
        record = self._record()
        if record is None:
            return None
        home = Path(record["base"]) if record["in_place"] else self._folder / _SOURCE
        for name, size in record["documents"].items():
            there = home / name
            if not there.is_file() or there.stat().st_size != size:
                raise CatalogError(
                    f"{there}, from which the set was imported, is not there any more or has changed. Put it "
                    "back, or import the set again."
                )
        return Kept(
            format=record["format"],
            folder=home,
            documents=tuple(record["documents"]),
            label_column=record["label_column"],
        )

    @property
    def format(self) -> str | None:
        """The name of the format that the table was imported from; None if it was not."""
        record = self._record()
        return None if record is None else str(record["format"])

    def findings(self) -> list[Finding]:
        """Return what was said of the source when it was imported."""
        record = self._record() or {}
        return [Finding.of_record(finding) for finding in record.get("findings", [])]

    def _record(self) -> dict[str, Any] | None:
        try:
            record: dict[str, Any] = json.loads((self._folder / _RECORD).read_text("utf-8"))
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as exc:
            logger.warning("%s cannot be read: %s", self._folder / _RECORD, exc)
            return None
        return record
