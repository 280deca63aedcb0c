"""Hugging Face's ``imagefolder`` with metadata: images, and ``metadata.csv``, ``.jsonl`` or ``.parquet``.

What is relied on (https://huggingface.co/docs/datasets/image_dataset): each metadata file has a column
``file_name`` with paths relative to it; a folder called like a split is one. Which column is the label is up
to the author: ``label`` or another usual name, or ``--label-column``; without one, the folders are the
labels.

An export copies the images, and writes the metadata files with the labels that were decided on. A column for
who decided is there only if the file has Camtrap DP's ``classifiedBy`` and the like, or is new.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cleaner.advice import Advice
from cleaner.dataset.folders import list_images
from cleaner.dataset.formats.documents import CsvDocument, JsonLines, new_csv, read_bytes
from cleaner.dataset.formats.entries import (
    Entry,
    Opinion,
    Reading,
    ReadOptions,
    Reviewed,
    Writing,
    as_text,
    merged,
    number,
)
from cleaner.dataset.formats.parquet import ParquetRows
from cleaner.dataset.layout_guess import guess_layout
from cleaner.dataset.split_words import split_of_word
from cleaner.errors import CatalogError

_NAMES = ("metadata.csv", "metadata.jsonl", "metadata.parquet")
_FILE = "file_name"
_FOLDERS = {"train": "train", "valid": "validation", "test": "test"}
_USUAL_LABELS = ("label", "labels", "class", "category", "target")
_WHO = ("classificationMethod", "classifiedBy", "classificationTimestamp", "classificationProbability")


def recognises(source: Path) -> bool:
    """Tell whether a folder has metadata files."""
    return source.is_dir() and bool(_documents(source))


def _documents(source: Path) -> list[Path]:
    folders = [source, *sorted({(source / name).parent for name in list_images(source).names})]
    inner = [parent for folder in folders for parent in (folder, folder.parent)]
    inside = dict.fromkeys(f for f in inner if f == source or source in f.parents)
    return [folder / name for folder in sorted(inside) for name in _NAMES if (folder / name).is_file()]


def _opened(path: Path) -> CsvDocument | JsonLines | ParquetRows:
    data = read_bytes(path)
    if path.suffix == ".parquet":
        return ParquetRows(data, str(path))
    return JsonLines(data, str(path)) if path.suffix == ".jsonl" else CsvDocument(data, str(path))


def read(source: Path, options: ReadOptions) -> Reading:
    """Read the rows of all metadata files."""
    paths = _documents(source)
    if not paths:
        raise CatalogError(f"{source} has no {' or '.join(_NAMES)}.")
    rows: list[tuple[str, Mapping[str, Any]]] = []
    for path in paths:
        folder = path.parent.relative_to(source).as_posix()
        prefix = "" if folder == "." else folder + "/"
        for i, row in enumerate(_opened(path).rows, start=1):
            if not isinstance(row.get(_FILE), str) or not row[_FILE]:
                raise CatalogError(f"{path}: row {i} has no {_FILE!r}, which the format needs.")
            rows.append((prefix + row[_FILE].removeprefix("./"), row))
    column = _label_column(rows, options.label_column, source)
    names = [name for name, _ in rows]
    folder_labels, splits = guess_layout(names).layout.read(names)
    entries = []
    for (name, fields), folder_label, split in zip(rows, folder_labels, splits, strict=True):
        labels = _labels(fields.get(column)) if column else ((folder_label,) if folder_label else ())
        who = [as_text(fields.get(key)) for key in _WHO]
        opinion = Opinion(
            labels=labels,
            method=who[0] if who[0] in ("human", "machine") else "",  # type: ignore[arg-type] # just checked
            by=who[1],
            time=who[2],
            probability=number(who[3]),
        )
        columns = {str(k): as_text(v) for k, v in fields.items() if k and k not in (_FILE, column, *_WHO)}
        entries.append(
            Entry(
                name=name,
                source_name=name,
                opinions=[opinion] if labels else [],
                split=split,
                columns=columns,
            )
        )
    return Reading(root=source.resolve(), entries=merged(entries), base=source, documents=tuple(paths))


def columns(source: Path) -> list[str]:
    """List the columns of the metadata."""
    rows = [row for path in _documents(source) for row in _opened(path).rows]
    return list(dict.fromkeys(str(key) for row in rows for key in row if key != _FILE))


def _labels(value: Any) -> tuple[str, ...]:
    listed = value if isinstance(value, list) else [value]
    return tuple(dict.fromkeys(text for item in listed if (text := as_text(item))))


def _label_column(rows: list[tuple[str, Mapping[str, Any]]], asked: str | None, source: Path) -> str | None:
    columns = list(dict.fromkeys(str(key) for _, row in rows for key in row))
    if asked is not None and asked not in columns:
        raise CatalogError(f"The metadata of {source} has no {asked!r}; it has {', '.join(columns)}.")
    return asked or next((usual for usual in _USUAL_LABELS if usual in columns), None)


def write(job: Writing) -> None:
    """Write the images, and the metadata that the set came from or a new ``metadata.csv``."""
    if job.source is None:
        _write_new(job)
        return
    changes = job.changes()
    rows: list[tuple[str, Mapping[str, Any]]] = []
    opened = {name: _opened(job.source / name) for name in job.documents}
    for document in opened.values():
        rows += [("", row) for row in document.rows]
    column = _label_column(rows, job.label_column, job.source)
    for name, document in opened.items():
        prefix = name.rpartition("/")[0]
        for i, row in enumerate(document.rows):
            called = row[_FILE].removeprefix("./")
            for reviewed in changes.get(f"{prefix}/{called}" if prefix else called, []):
                _edit(document, i, reviewed, column)
        target = job.folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(document.to_bytes())
    for reviewed in job.images:
        if not reviewed.deleted:
            job.place(reviewed.name, reviewed.name)
    if column is None and any(image.label != image.given for image in job.images):
        job.notes.append(
            Advice(
                "The metadata has no column of labels, so that new labels are not written.",
                "Export without --format for folders with the new labels.",
                "Export folders of classes to have the new labels.",
            )
        )


def _edit(
    document: CsvDocument | JsonLines | ParquetRows, at: int, reviewed: Reviewed, column: str | None
) -> None:
    if reviewed.deleted:
        document.remove(at)
        return
    row = document.rows[at]
    if column is None or reviewed.label is None:
        return
    values: dict[str, Any] = {}
    if isinstance(row.get(column), list):
        values[column] = [*dict.fromkeys((*row[column], reviewed.label))]  # nothing is taken away
    elif as_text(row.get(column)) != reviewed.label:
        as_number = isinstance(row.get(column), int) and reviewed.label.isdigit()
        values[column] = int(reviewed.label) if as_number else reviewed.label
    if any(key in row for key in _WHO):
        values |= dict(zip(_WHO, _who(reviewed.opinion), strict=True))
    document.set(at, values)


def _who(opinion: Opinion) -> tuple[str, str, str, str]:
    probability = "" if opinion.probability is None else f"{opinion.probability:g}"
    return opinion.method, opinion.by, opinion.time, probability


def _write_new(job: Writing) -> None:
    more = dict.fromkeys(key for image in job.images for key in image.columns)
    ours = (_FILE, "label", *_WHO)
    table = new_csv([*ours, *(key for key in more if key not in ours)])
    for reviewed in job.images:
        if reviewed.deleted:
            continue
        folder = _FOLDERS.get(reviewed.split or "")
        has_it = split_of_word(reviewed.name.partition("/")[0]) == reviewed.split
        name = f"{folder}/{reviewed.name}" if folder and not has_it else reviewed.name
        if job.place(reviewed.name, name):
            who = dict(zip(_WHO, _who(reviewed.opinion), strict=True))
            table.append(dict(reviewed.columns) | {_FILE: name, "label": reviewed.label or ""} | who)
    (job.folder / "metadata.csv").write_bytes(table.to_bytes())
