"""Noticing that somebody edited ``cleaned.csv`` by hand, and taking the edits over."""

import hashlib
import json
import logging
from collections.abc import Collection, Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from cleaner.dataset.catalog import Catalog
from cleaner.errors import StoreError
from cleaner.review.events import Action, Choice
from cleaner.review.output.spreadsheet import is_at_risk, may_become, originals
from cleaner.review.state import ReviewState
from cleaner.util.atomic import write_atomically
from cleaner.util.csvfile import decode_csv, read_csv

logger = logging.getLogger(__name__)


SPREADSHEET = "spreadsheet"
"""The change of an image whose name or label a spreadsheet program has rewritten; nothing was decided."""


_MOST_COMPARED = 20_000


class Written:
    """What is remembered of the file as we wrote it last, in the state folder.

    Parameters
    ----------
    state : Path
        The state folder.
    stem : str
        Name of the file without its suffix.
    owner : str
        The set whose result it is: what another set wrote under that name is not ours.
    """

    def __init__(self, state: Path, stem: str, *, owner: str) -> None:
        self._owner = owner
        self._note = state / f"{stem}-written.json"
        self._copy = state / f"{stem}-written.csv"
        self._values = self._load()

    def _load(self) -> dict[str, Any]:
        try:
            values = json.loads(self._note.read_text(encoding="utf-8"))
            if values.get("owner", self._owner) == self._owner:  # 0.2 did not write down whose it is
                act = str(values.get("act", ""))
                beside = {str(name): str(digest) for name, digest in values.get("beside", {}).items()}
                known = {"sha256": list(values["sha256"]), "seq": int(values["seq"]), "act": act}
                return known | {"beside": beside}
            self._copy.unlink(missing_ok=True)
        except FileNotFoundError:
            pass
        except (OSError, ValueError, KeyError, TypeError) as exc:
            # The worst that follows is one needless backup.
            logger.warning("%s cannot be read (%s)", self._note, exc)
        return {"sha256": [], "seq": 0, "act": "", "beside": {}}

    @property
    def seq(self) -> int:
        """The last row of the history that the file shows; 0 if it was never written."""
        return int(self._values["seq"])

    def is_continued_by(self, state: ReviewState) -> bool:
        """Tell whether a history goes on from the one that the file shows; else decisions were lost."""
        act = self._values["act"]
        return bool(state.act(act)) if act else state.last_seq >= self.seq

    def knows(self, data: bytes) -> bool:
        """Tell whether ``data`` is what we wrote last, or were about to write when we were killed."""
        return _digest(data) in self._values["sha256"]

    def last(self) -> bytes | None:
        """Return what we wrote last; None if nothing is known of it."""
        try:
            return self._copy.read_bytes()
        except OSError:
            return None

    def announce(self, data: bytes, *, over: bytes | None) -> None:
        """Remember ``data`` before it is swapped in: a kill right after must not look like a hand edit.

        Until it is, ``over``, which is in its place now, stays known if it is.
        """
        known = [] if over is None or not self.knows(over) else [_digest(over)]
        self._values["sha256"] = [*known, _digest(data)]
        self._save()

    def remember(self, data: bytes, *, seq: int, act: str) -> None:
        """Remember ``data`` as what is on the disk now, and the last row and act that it shows."""
        write_atomically(self._copy, data)
        self._values |= {"sha256": [_digest(data)], "seq": seq, "act": act}
        self._save()

    def is_beside(self, path: Path) -> bool:
        """Tell whether a file is what we wrote beside the result while that was locked."""
        try:
            return bool(self._values["beside"].get(path.name) == _digest(path.read_bytes()))
        except OSError:
            return False

    def remember_beside(self, path: Path, data: bytes | None) -> None:
        """Remember that ``data`` was written beside the result; None: nothing is there any more."""
        others = {name: digest for name, digest in self._values["beside"].items() if name != path.name}
        self._values["beside"] = others | ({} if data is None else {path.name: _digest(data)})
        self._save()

    def _save(self) -> None:
        write_atomically(self._note, json.dumps(self._values | {"owner": self._owner}).encode("utf-8"))


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def backup(data: bytes, folder: Path, path: Path) -> Path | None:
    """Keep ``data`` under a name of its own; None if the same content is kept already."""
    folder.mkdir(parents=True, exist_ok=True)
    digest = _digest(data)[:8]
    if any(folder.glob(f"{path.stem}-*-{digest}{path.suffix}")):
        return None
    kept = folder / f"{path.stem}-{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{digest}{path.suffix}"
    write_atomically(kept, data, durable=True)
    return kept


class _Row(NamedTuple):
    label: str
    split: str


def _rows(data: bytes, file: str) -> dict[str, _Row]:
    header, lines = read_csv(decode_csv(data))
    missing = [column for column in ("name", "label") if column not in header]
    if missing:
        raise StoreError(
            f"{file} has no column {missing[0]!r}, only {', '.join(header) or 'none'}; "
            "expected name,label,split as cleaner writes them."
        )
    at = {column: header.index(column) for column in header}
    split = at.get("split")
    return {line[at["name"]]: _Row(line[at["label"]], "" if split is None else line[split]) for line in lines}


def differences(
    found: bytes, *, base: bytes, present: bytes, images: frozenset[str], file: str
) -> pd.DataFrame:
    """Compare an edited file with what we wrote (``base``), leaving out what holds at ``present`` anyway.

    Returns
    -------
    DataFrame
        As described at `cleaner.review.output.cleaned_csv.CleanedCsv.hand_edits`.

    Raises
    ------
    StoreError
        If the file has no name or no label column.
    """
    ours, now = _rows(base, file), _rows(present, file)
    theirs, damage = _repaired(found, ours, now, file)
    rows = [
        (name, *change)
        for name in sorted(theirs.keys() | ours.keys())
        for change in _changes(theirs.get(name), ours.get(name), now.get(name), known=name in images)
    ]
    rows += [(name, SPREADSHEET, was, written) for name, was, written in damage]
    return pd.DataFrame(rows, columns=["name", "change", "ours", "theirs"], dtype=object)


def _repaired(
    found: bytes, ours: dict[str, _Row], now: dict[str, _Row], file: str
) -> tuple[dict[str, _Row], list[tuple[str, str, str]]]:
    """Read an edited file, and undo what a spreadsheet program did to names and labels.

    A label that became another one is taken for rewritten by the program, not by a person, only where all of
    its images have it no more: a program rewrites a whole column.

    Returns
    -------
    rows : dict
        From name to row, as they were meant.
    damage : list of (str, str, str)
        Name; what it or its label was, and how that is written in the file.
    """
    rows = _rows(found, file)
    missing = [name for name in ours if name not in rows]
    names = originals(missing, (name for name in rows if name not in ours and name not in now))
    damage = [(was, was, written) for written, was in names.items()]
    rows = {names.get(name, name): row for name, row in rows.items()}
    pairs = {(ours[name].label, row.label) for name, row in rows.items() if name in ours}
    kept = {was for was, written in pairs if was == written}
    labels = {row.label for table in (ours, now) for row in table.values()} - {""}
    rewritten = {(a, b) for a, b in pairs if a not in kept and may_become(a, b)}
    if not (damage or _resaved(found) or any(written not in labels for _, written in rewritten)):
        return rows, damage  # if one class became another, a person did that
    meant = _labels_meant(labels - kept, {b for a, b in pairs - rewritten if b not in labels})
    for name, row in rows.items():
        was = ours[name].label if name in ours else None
        label = was if (was, row.label) in rewritten else meant.get(row.label)
        if label is not None:
            damage.append((name, label, row.label))
            rows[name] = row._replace(label=label)
    return rows, damage


def _resaved(found: bytes) -> bool:
    """Tell whether a file is not written as we write it, in its line ends, its marks or its separators."""
    return b"\r\n" in found or not found.startswith(b"name,label")


def _labels_meant(labels: Collection[str], written: Iterable[str]) -> dict[str, str]:
    """Return from written text to label, where exactly one label may have become it."""
    at_risk, written = [label for label in labels if is_at_risk(label)], list(written)
    if len(at_risk) * len(written) > _MOST_COMPARED:  # seconds; and who renames hundreds of classes means it
        return {}
    fitting = {text: [label for label in at_risk if may_become(label, text)] for text in written}
    return {text: found[0] for text, found in fitting.items() if len(found) == 1}


def _changes(
    theirs: _Row | None, ours: _Row | None, now: _Row | None, *, known: bool
) -> Iterator[tuple[str, str | None, str | None]]:
    if theirs == ours:
        return
    if theirs is None:
        if known and now is not None:
            yield "deleted", now.label, None
        return
    if not known:
        yield "unknown", None, theirs.label
        return
    if now is None:
        if ours is None:
            yield "restored", None, theirs.label
        return
    label_before = now.label if ours is None else ours.label
    if theirs.label not in (label_before, now.label):
        yield ("label" if theirs.label else "no label"), now.label, theirs.label
    split_before = now.split if ours is None else ours.split
    if theirs.split not in (split_before, now.split):
        yield "split", now.split, theirs.split


def is_edit_of(found: bytes, base: bytes) -> bool:
    """Tell whether a file is what we wrote (``base``) with edits in it, not another file of that name."""
    try:
        ours = _rows(base, "")
        theirs, _ = _repaired(found, ours, ours, "")
    except StoreError:  # it has no names or no labels
        return not found.strip()
    return 2 * len(theirs.keys() & ours.keys()) >= len(theirs)


def says_no_more_than(found: bytes, *, given: bytes, present: bytes) -> bool:
    """Tell whether all that a file says is also in the table as given, or in the one after all decisions."""
    header, lines = read_csv(decode_csv(found))
    known_columns = read_csv(decode_csv(present))[0]
    if not set(header) <= set(known_columns):
        return False
    if not lines:
        return True
    if "name" not in header:
        return False
    at = header.index("name")
    theirs = {line[at]: dict(zip(header, line, strict=False)) for line in lines}
    before, after = (_by_name(table) for table in (given, present))
    if theirs.keys() - before.keys() or after.keys() - theirs.keys():
        return False
    return all(
        cell in ("", before[name].get(column), after.get(name, {}).get(column))
        for name, row in theirs.items()
        for column, cell in row.items()
    )


def _by_name(table: bytes) -> dict[str, dict[str, str]]:
    header, lines = read_csv(decode_csv(table))
    rows = (dict(zip(header, line, strict=False)) for line in lines)
    return {row["name"]: row for row in rows}


def to_choices(edits: pd.DataFrame, catalog: Catalog, state: ReviewState) -> list[Choice]:
    """Turn hand edits into decisions; those that cannot be decisions are left out."""
    choices = []
    for name, change, theirs in zip(edits["name"], edits["change"], edits["theirs"], strict=True):
        given, theirs = catalog.label_of(name), catalog.read_label(theirs)
        same = not theirs or theirs == (given and state.label_now(given))
        if change == "deleted":
            action, label = Action.DELETE, None
        elif change == "restored" and same:
            action, label = Action.KEEP, None
        elif change in ("label", "restored"):
            action, label = Action.RELABEL, theirs
        else:
            continue
        detail = {"from": "cleaned.csv"}
        choices.append(Choice(name=name, action=action, label=label, given=given, detail=detail))
    return choices
