"""The review history as a table and as ``decisions.csv``, which another machine can take in without loss.

Columns, in the order of the file:

``name``, ``action``, ``given_label``, ``new_label``, ``reviewer``, ``time``
    What was decided. ``action`` is the kind of the row: keep, delete, relabel, unsure, or an act on classes
    (class_new, class_rename, class_merge: from ``given_label`` to ``new_label``; class_describe: the text of
    ``given_label`` is in ``detail``), pair_different, file_moved, undo, redo. ``time`` is UTC in ISO 8601.
``rank``, ``loss``, ``model``, ``score``, ``page``
    What the reviewer saw: place (0 = most suspicious), loss in nats, ranking, probability that the label is
    wrong (higher = more suspicious), page.
``act``, ``undoes``, ``detail``
    Which rows belong to one act, which act an undo or a redo speaks of, and what else there is, as JSON.
``seq``, ``stands``
    The order, and whether the row's act is in force; ``stands`` is for readers, and ignored on import.
``content``, ``image``
    SHA-256 of the file that was decided on, and the present name of that image in this set: empty if it is
    not there any more, or has another given label now; ``image`` is for readers, and ignored on import.

Only ``name`` and ``action`` are needed to import a file.
"""

import hashlib
import itertools
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd

from cleaner.errors import StoreError
from cleaner.review.events import (
    Action,
    Kind,
    as_json,
    check_act,
    check_content,
    check_description,
    check_given,
    check_label,
    check_name,
    check_reviewer,
)
from cleaner.review.state import ReviewState
from cleaner.util import csvfile
from cleaner.util.atomic import write_atomically

COLUMNS = (
    "name", "action", "given_label", "new_label", "reviewer", "time", "rank", "loss", "model", "score",
    "page", "act", "undoes", "detail", "seq", "stands", "content", "image",
)  # fmt: skip
_ABOUT_IMAGES = frozenset({*map(str, Action), Kind.PAIR_DIFFERENT, Kind.FILE_MOVED})
_TEXTS = (
    "name", "action", "given_label", "new_label", "reviewer", "time", "model", "act", "undoes", "detail",
)  # fmt: skip
_MORE_TEXTS = ("content", "image")
_MOST_NAMED = 200  # characters: another file may be one long line


def _rows(state: ReviewState) -> list[tuple[object, ...]]:
    return [
        (
            event.name,
            str(event.kind),
            event.given_label,
            event.new_label,
            event.reviewer,
            event.time.astimezone(UTC).isoformat(timespec="microseconds"),
            event.rank,
            event.loss,
            event.model,
            event.score,
            event.page,
            event.act,
            event.undoes,
            as_json(event.detail),
            event.seq,
            state.stands(event.act),
            event.content,
            state.image_of(event),
        )
        for event in state.events
    ]


def table(state: ReviewState) -> pd.DataFrame:
    """Return the history as a DataFrame, oldest first, with the columns of this module."""
    frame = pd.DataFrame(_rows(state), columns=list(COLUMNS))
    numbers = {"rank": "Int64", "page": "Int64", "loss": "float64", "score": "float64", "seq": "int64"}
    return frame.astype({**dict.fromkeys([*_TEXTS, *_MORE_TEXTS], "object"), **numbers, "stands": "bool"})


def write_csv(state: ReviewState, path: Path) -> Path:
    """Write the history to ``path``, complete or not at all.

    Raises
    ------
    StoreError
        If the file cannot be written.
    """
    path = Path(path)
    text = csvfile.csv_text(COLUMNS, _rows(state))
    try:
        write_atomically(path, text.encode("utf-8"), durable=True)
    except OSError as exc:
        msg = f"The history cannot be written to {path}: {exc.strerror or exc}. Choose another place."
        raise StoreError(msg) from exc
    return path


def place_for(state: ReviewState, path: Path) -> Path:
    """Return ``path``, or the first of ``…-2.csv``, ``…-3.csv``, … over which nothing would be lost.

    A file may be written over if all its rows are in this history: ours of earlier, or a colleague's that
    was taken in.
    """
    there = {(event.act, event.name) for event in state.events}
    names = (f"{path.stem}-{number}{path.suffix}" for number in itertools.count(2))
    for place in itertools.chain([path], map(path.with_name, names)):
        if not place.exists():
            return place
        try:
            if all((row["act"], row["name"]) in there for row in read_rows(place)):
                return place
        except StoreError:  # another file of that name
            continue
    raise AssertionError  # the names never end


def read_rows(source: pd.DataFrame | Path | str | bytes) -> list[dict[str, Any]]:
    """Read a history (DataFrame, CSV file, or the content of one) into rows for the store, in their order.

    A column that the file does not have is left to the store. Rows without an act get one made from their
    content, so that importing the file again finds them.

    Raises
    ------
    StoreError
        With the line, what it holds and what is expected; nothing is imported then.
    """
    if isinstance(source, pd.DataFrame):
        columns, lines = _from_frame(source)
    else:
        columns, lines = _from_csv(source if isinstance(source, bytes) else _content(Path(source)))
    missing = [column for column in ("name", "action") if column not in columns]
    if missing:
        there = ", ".join(columns)[:_MOST_NAMED]
        raise StoreError(
            f"The history has no column {missing[0]!r}, only {there or 'none'}; "
            "expected a decisions.csv as cleaner exports it."
        )
    ordered = []
    for number, line in enumerate(lines, start=2):
        try:
            seq = _whole(line.get("seq"))
            ordered.append((number if seq is None else seq, number, _row(line)))
        except (StoreError, ValueError) as exc:
            msg = f"Line {number} of the history cannot be imported, so nothing was imported. {exc}"
            raise StoreError(msg) from exc
    return [row for _, _, row in sorted(ordered, key=lambda item: item[:2])]


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as exc:
        raise StoreError(f"The history {path} cannot be read: {exc.strerror or exc}.") from exc


def _from_csv(data: bytes) -> tuple[list[str], Sequence[Mapping[str, str | None]]]:
    header, rows = csvfile.read_csv(csvfile.decode_csv(data))
    return header, [{c: v or None for c, v in zip(header, row, strict=False)} for row in rows]


def _from_frame(frame: pd.DataFrame) -> tuple[list[str], Sequence[Mapping[str, str | None]]]:
    columns = [str(column) for column in frame.columns]
    values = frame.astype(object).where(frame.notna(), None).to_numpy().tolist()
    texts = [{c: None if v is None else str(v) for c, v in zip(columns, row, strict=True)} for row in values]
    return columns, texts


def _row(line: Mapping[str, str | None]) -> dict[str, Any]:
    kind = Kind(line.get("action") or "")
    name = line.get("name") or ""
    old, new, undoes = (line.get(column) for column in ("given_label", "new_label", "undoes"))
    if kind in _ABOUT_IMAGES:
        check_name(name)
    if kind in (Kind.RELABEL, Kind.CLASS_NEW, Kind.CLASS_RENAME, Kind.CLASS_MERGE):
        check_label(new)
    detail = _json(line.get("detail"))
    if kind == Kind.CLASS_DESCRIBE:
        check_label(old)
        check_description(json.loads(detail or "{}").get("text"))
    if kind in (Kind.UNDO, Kind.REDO) and not undoes:
        raise StoreError(f"Got {kind} without the act that it refers to; expected it in the column 'undoes'.")
    row = {
        "kind": str(kind),
        "name": name,
        "given_label": check_given(old),
        "new_label": new,
        "rank": _whole(line.get("rank")),
        "loss": _real(line.get("loss")),
        "score": _real(line.get("score")),
        "model": line.get("model"),
        "page": _whole(line.get("page")),
        "detail": detail,
        "undoes": undoes,
        "content": check_content(line.get("content")),
        "act": check_act(line.get("act") or _made_up_act(line)),
    }
    if reviewer := line.get("reviewer"):
        row["reviewer"] = check_reviewer(reviewer)
    if time := line.get("time"):
        moment = datetime.fromisoformat(time)
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        row["time"] = moment.astimezone(UTC).isoformat(timespec="microseconds")
    return row


def _made_up_act(line: Mapping[str, str | None]) -> str:
    content = json.dumps([line.get(column) for column in _TEXTS], ensure_ascii=False)
    return hashlib.sha256(content.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def _whole(text: str | None) -> int | None:
    return None if not text else int(float(text)) if "." in text else int(text)


def _real(text: str | None) -> float | None:
    return float(text) if text else None


def _json(text: str | None) -> str | None:
    if not text:
        return None
    value = json.loads(text)
    if not isinstance(value, dict):
        raise StoreError(f"Got {text[:60]!r} as detail; expected a JSON object.")
    return json.dumps(value, ensure_ascii=False, sort_keys=True)
