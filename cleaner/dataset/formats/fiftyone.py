"""FiftyOne's image classification export: a folder ``data`` of images, and ``labels.json``.

What is relied on (``fiftyone.types.FiftyOneImageClassificationDataset``): ``labels`` maps the path of an
image in ``data``, without its suffix, to a target; with ``classes``, a target is an index into that list,
else the label itself, and null for an unlabelled image. A target may be a list of several, or an object with
``label``, ``confidence`` and ``attributes``. A folder of such exports, one for each split, is read as one
set.

``ImageClassificationDirectoryTree`` is a folder for each class, with ``_unlabeled`` beside them: cleaner
opens such a folder as it is, and ``cleaner export --flat`` writes one.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

from cleaner.dataset.folders import list_images
from cleaner.dataset.formats.documents import read_json, write_json
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
from cleaner.dataset.split_words import split_of_word
from cleaner.errors import CatalogError

_LABELS, _DATA = "labels.json", "data"


def recognises(source: Path) -> bool:
    """Tell whether a folder is such an export, or holds one for each split."""
    return source.is_dir() and bool(_parts(source)) and _has_labels(_parts(source)[0] / _LABELS)


def _has_labels(path: Path) -> bool:
    document = read_json(path)
    return isinstance(document, dict) and isinstance(document.get("labels"), dict)


def _parts(source: Path) -> list[Path]:
    """Return the folders that hold ``data`` and ``labels.json``."""
    folders = [source, *sorted(child for child in source.iterdir() if child.is_dir())]
    return [folder for folder in folders if (folder / _DATA).is_dir() and (folder / _LABELS).is_file()]


def read(source: Path, options: ReadOptions) -> Reading:
    """Read the labels of all parts."""
    parts = _parts(source)
    if not parts:
        raise CatalogError(f"{source} has no folder {_DATA!r} beside a {_LABELS}.")
    entries = [entry for part in parts for entry in _entries(source, part)]
    return Reading(
        root=source.resolve(),
        entries=merged(entries),
        base=source,
        documents=tuple(part / _LABELS for part in parts),
    )


def _document(path: Path) -> dict[str, Any]:
    document = read_json(path)
    if not isinstance(document, dict) or not isinstance(document.get("labels"), dict):
        raise CatalogError(f"{path}: expected an object with 'labels'.")
    if not isinstance(document.get("classes"), (list, type(None))):
        raise CatalogError(f"{path}: expected 'classes' to be a list.")
    return document


def _entries(source: Path, part: Path) -> Iterator[Entry]:
    document = _document(part / _LABELS)
    prefix = "" if part == source else part.name + "/"
    files = {str(PurePosixPath(n).with_suffix("")): n for n in list_images(part / _DATA).names}
    for key, target in document["labels"].items():
        file = files.get(key) or files.get(str(PurePosixPath(key).with_suffix(""))) or key
        opinion, columns = _opinion(target, document, part / _LABELS)
        yield Entry(
            name=f"{prefix}{_DATA}/{file}",
            source_name=f"{prefix}{key}",
            opinions=[opinion] if opinion.labels else [],
            split=split_of_word(part.name) if prefix else None,
            columns=columns,
        )


def _opinion(target: Any, document: dict[str, Any], path: Path) -> tuple[Opinion, dict[str, str]]:
    several = target if isinstance(target, list) else [target]
    labels = [_label(item, document.get("classes"), path) for item in several if item is not None]
    first = several[0] if len(several) == 1 and isinstance(several[0], dict) else {}
    attributes = first.get("attributes")
    columns = {str(k): as_text(v) for k, v in attributes.items()} if isinstance(attributes, dict) else {}
    return Opinion(labels=tuple(dict.fromkeys(labels)), probability=number(first.get("confidence"))), columns


def _label(target: Any, classes: list[Any] | None, path: Path) -> str:
    value = target.get("label") if isinstance(target, dict) else target
    if isinstance(value, int) and not isinstance(value, bool) and classes:
        if 0 <= value < len(classes):
            return str(classes[value])
        raise CatalogError(f"{path}: got class {value}, but there are {len(classes)} classes.")
    return as_text(value)


def write(job: Writing) -> None:
    """Write the images and their labels, in the parts that the set came from or as one."""
    changes = job.changes()
    present: set[str] = set()
    for name in job.documents:
        original = (job.source or job.folder) / name
        document = _document(original)
        prefix = name.removesuffix(_LABELS)
        present |= {prefix + key for key in document["labels"]}
        for key in list(document["labels"]):
            for reviewed in changes.get(prefix + key, []):
                if reviewed.deleted:
                    del document["labels"][key]
                else:
                    document["labels"][key] = _target(document, document["labels"][key], reviewed)
        write_json(job.folder / name, document, like=original)
    new: dict[str, Any] = {"classes": [], "labels": {}}
    for reviewed in job.images:
        if reviewed.deleted:
            continue
        if reviewed.source_name in present:
            job.place(reviewed.name, reviewed.name)
            continue
        if job.place(reviewed.name, f"{_DATA}/{reviewed.name}"):
            key = str(PurePosixPath(reviewed.name).with_suffix(""))
            key = key if key not in new["labels"] else reviewed.name
            new["labels"][key] = _target(new, None, reviewed)
    if job.source is None:
        write_json(job.folder / _LABELS, new, like=None)


def _target(document: dict[str, Any], old: Any, reviewed: Reviewed) -> Any:
    """Return the target that says the label, in the way in which the old one was written."""
    label = reviewed.label
    if label is None:
        return old
    classes = document.get("classes")
    if reviewed.classes is not None:
        return _targets(classes, old, reviewed)
    if isinstance(old, list):
        known = [_label(item, classes, Path(_LABELS)) for item in old if item is not None]
        return old if label in known else [*old, _index(classes, label)]  # nothing is taken away
    if isinstance(old, dict):
        changed = _label(old, classes, Path(_LABELS)) != label
        rest = {k: v for k, v in old.items() if not (changed and k == "confidence")}
        return rest | {"label": _index(classes, label)}
    return _index(classes, label)


def _targets(classes: list[Any] | None, old: Any, reviewed: Reviewed) -> Any:
    """Return the target of several classes; one that stays is as it was, with confidence and attributes."""
    items = [item for item in (old if isinstance(old, list) else [old]) if item is not None]
    known: dict[str, Any] = {}
    for item in items:
        label = _label(item, classes, Path(_LABELS))
        known.setdefault(reviewed.renamed.get(label, label), item)
    kept = []
    for label, item in known.items():
        now = reviewed.instead_of(label, known)
        if now is not None and now == _label(item, classes, Path(_LABELS)):
            kept.append(item)
        elif now is not None:
            rest = {k: v for k, v in item.items() if k != "confidence"} if isinstance(item, dict) else None
            kept.append(_index(classes, now) if rest is None else rest | {"label": _index(classes, now)})
    found = [*kept, *(_index(classes, each) for each in reviewed.new_beside(known))]
    return found if old is None or isinstance(old, list) or len(found) != 1 else found[0]


def _index(classes: list[Any] | None, label: str) -> int | str:
    if classes is None:
        return label
    if label not in classes:
        classes.append(label)
    return classes.index(label)
