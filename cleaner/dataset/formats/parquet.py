"""Parquet files with images inside, as Hugging Face keeps them; needs pyarrow (the extra ``parquet``).

What is relied on (https://huggingface.co/docs/datasets/image_dataset and the ``Image`` and ``ClassLabel``
features): a column of ``struct<bytes, path>`` with the images; a column of labels, whose numbers are named in
the schema's metadata under ``huggingface`` (``info.features.COLUMN.names``); a file that is called like a
split is one (``train-00000-of-00002.parquet``).

The images are unpacked into a new folder, as for other archives. An export reads the files where they are,
and writes them again with the labels replaced and without the deleted rows; a file without a change is
copied.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from cleaner.advice import Advice
from cleaner.dataset.export import safe_name
from cleaner.dataset.findings import Finding
from cleaner.dataset.formats.archives import Unpacker, home_of
from cleaner.dataset.formats.entries import (
    LABEL_COLUMNS,
    Entry,
    Opinion,
    Reading,
    ReadOptions,
    Reviewed,
    Writing,
    as_text,
    merged,
    opinion_of_row,
    split_of_shard,
)
from cleaner.dataset.new_folder import new_folder
from cleaner.dataset.split_words import split_of_word
from cleaner.errors import CatalogError
from cleaner.images.archives import is_file, read_bytes
from cleaner.images.formats import FORMAT_SUFFIXES, kind_of

_USUAL_LABELS = ("label", "labels", "class", "category", "target", "fine_label")
_USUAL_IMAGES = ("image", "img", "picture", "jpg", "png")
_SPLIT_NAMES = {"train": "train", "valid": "validation", "test": "test"}
_SUFFIX_OF = {kind: min(suffixes, key=lambda s: (len(s), s)) for kind, suffixes in FORMAT_SUFFIXES.items()}
_SUFFIX_OF |= {"JPEG": ".jpg", "PNG": ".png"}


def recognises(source: Path) -> bool:
    """Tell whether a source is a parquet file, or a folder that holds some."""
    return bool(_files(source))


def _files(source: Path) -> list[Path]:
    if source.is_dir():
        return sorted(path for path in source.rglob("*.parquet") if path.name != "metadata.parquet")
    return [source] if source.suffix.lower() == ".parquet" and source.is_file() else []


class ParquetRows:
    """The rows of a parquet file without images, of which some values are changed.

    Attributes
    ----------
    rows : list of dict

    Raises
    ------
    CatalogError
        pyarrow is not installed, or the file is damaged.
    """

    def __init__(self, data: bytes, where: str) -> None:
        arrow = _pyarrow(where)
        try:
            table = arrow.parquet.read_table(arrow.BufferReader(data))
        except (arrow.ArrowException, OSError) as exc:
            raise CatalogError(f"{where} is not a valid Parquet file: {exc}.") from exc
        self._data, self._table = data, table
        self._changed: dict[int, dict[str, Any] | None] = {}
        self.rows: list[dict[str, Any]] = table.to_pylist()

    def set(self, row: int, values: Mapping[str, object]) -> None:
        """Change values of a row; columns that the file does not have are passed over."""
        new = {c: v for c, v in values.items() if c in self.rows[row] and self.rows[row][c] != v}
        if new:
            self.rows[row] |= new
            self._changed[row] = self.rows[row]

    def remove(self, row: int) -> None:
        """Take a row out."""
        self._changed[row] = None

    def to_bytes(self) -> bytes:
        """Return the file as it is now: the same bytes if nothing was changed."""
        if not self._changed:
            return self._data
        arrow = _pyarrow("metadata.parquet")
        kept = [row for i, row in enumerate(self.rows) if self._changed.get(i, row) is not None]
        sink = arrow.BufferOutputStream()
        arrow.parquet.write_table(arrow.Table.from_pylist(kept, schema=self._table.schema), sink)
        return bytes(sink.getvalue().to_pybytes())


def _pyarrow(source: Path | str) -> Any:
    try:
        import pyarrow.parquet  # an extra, and 0.3 s
    except ImportError as exc:
        msg = f"{source} is in the Parquet format, which needs pyarrow: pip install 'cleaner[parquet]'."
        raise CatalogError(msg) from exc
    return pyarrow


class _Columns:
    """Which columns of a parquet file mean what."""

    def __init__(self, schema: Any, asked: str | None, where: Path) -> None:
        names = list(schema.names)
        self.features = _features(schema)
        images = [n for n in names if _is_image(schema.field(n).type, self.features.get(n))]
        images += [n for n in _USUAL_IMAGES if n in names and "binary" in str(schema.field(n).type)]
        if not images:
            listed = ", ".join(names)
            raise CatalogError(f"{where} has no column with images in it; its columns are {listed}.")
        if asked is not None and asked not in names:
            raise CatalogError(f"{where} has no column {asked!r}; its columns are {', '.join(names)}.")
        self.image = images[0]
        self.label = asked or next((usual for usual in _USUAL_LABELS if usual in names), None)
        self.others = [n for n in names if n not in (self.image, self.label) and n not in images]

    @property
    def classes(self) -> list[str] | None:
        feature = self.features.get(self.label or "")
        feature = feature.get("feature", feature) if isinstance(feature, dict) else {}
        names = feature.get("names") if isinstance(feature, dict) else None
        return [str(name) for name in names] if isinstance(names, list) else None


def _is_image(kind: Any, feature: Any) -> bool:
    if isinstance(feature, dict) and feature.get("_type") == "Image":
        return True
    return str(kind).startswith("struct<") and {kind.field(i).name for i in range(kind.num_fields)} == {
        "bytes",
        "path",
    }


def _features(schema: Any) -> dict[str, Any]:
    try:
        known = json.loads((schema.metadata or {})[b"huggingface"])["info"]["features"]
    except (KeyError, TypeError, ValueError):
        return {}
    return known if isinstance(known, dict) else {}


def columns(source: Path) -> list[str]:
    """List the columns that hold no images, of the first file."""
    first = next(iter(_files(source)), None)
    if first is None:
        return []
    found = _Columns(_pyarrow(first).parquet.read_schema(first), None, first)
    return [*([found.label] if found.label else []), *found.others]


def read(source: Path, options: ReadOptions) -> Reading:
    """Unpack the images, and read their labels."""
    files = _files(source)
    if not files:
        raise CatalogError(f"{source} is no parquet file, and holds none.")
    base = source if source.is_dir() else source.parent
    to = home_of(source, options)
    entries: list[Entry] = []
    failed: list[str] = []
    with new_folder(to, apart_from=None) as folder:
        unpacker = Unpacker(folder)
        for path in files:
            entries += _entries(path, base, options.label_column, unpacker, failed)
        if not entries:
            raise CatalogError(f"There is no image in {source}.")
    text = f"Parquet files cannot be reviewed where they are. Images unpacked into {to}: {len(entries):,}."
    findings = [Finding(topic="unpacked", text=text)]
    if failed:
        text = f"Rows without an image that can be read: {len(failed):,}."
        findings.append(Finding(topic="left out", text=text, doubtful=True, examples=tuple(failed)))
    return Reading(
        root=to.expanduser().resolve(),
        entries=merged(entries),
        base=base,
        documents=tuple(files),
        in_place=True,
        findings=findings,
    )


def _entries(
    path: Path, base: Path, asked: str | None, unpacker: Unpacker, failed: list[str]
) -> Iterator[Entry]:
    called = path.relative_to(base).as_posix()
    split = split_of_shard(path.stem) or split_of_word(path.parent.name)
    for columns, number, row in _rows(path, asked):
        value = row[columns.image]
        data = value.get("bytes") if isinstance(value, dict) else value
        kind = kind_of(data[:512]) if isinstance(data, bytes) else None
        if kind is None or not isinstance(data, bytes):
            failed.append(f"{called}, row {number}")
            continue
        inner = value.get("path") if isinstance(value, dict) else None
        stem = PurePosixPath(str(inner)).stem if inner else f"{path.stem}-{number:06d}"
        wanted = safe_name(stem) + _SUFFIX_OF[kind]
        name = unpacker.write(f"{split}/{wanted}" if split else wanted, data)
        labels = _labels(row.get(columns.label or ""), columns.classes)
        who = opinion_of_row({key: as_text(row.get(key)) for key in LABEL_COLUMNS})
        opinion = Opinion(
            labels=labels, method=who.method, by=who.by, time=who.time, probability=who.probability
        )
        others = {n: as_text(_plain(row[n])) for n in columns.others if n not in LABEL_COLUMNS}
        yield Entry(
            name=name,
            source_name=f"{called}#{number}",
            opinions=[opinion] if labels else [],
            split=split,
            columns=others,
        )


def _rows(path: Path, asked: str | None) -> Iterator[tuple[_Columns, int, dict[str, Any]]]:
    pyarrow = _pyarrow(path)
    try:
        file = pyarrow.parquet.ParquetFile(path)
        columns = _Columns(file.schema_arrow, asked, path)
        number = 0
        for batch in file.iter_batches(batch_size=64):
            for row in batch.to_pylist():
                yield columns, number, row
                number += 1
    except (pyarrow.ArrowException, OSError) as exc:
        raise CatalogError(f"{path} is not a valid Parquet file: {exc}.") from exc


def _plain(value: Any) -> Any:
    """Return a value that JSON has, too."""
    return value if isinstance(value, (str, int, float, bool, list, dict, type(None))) else str(value)


def _labels(value: Any, classes: list[str] | None) -> tuple[str, ...]:
    listed = value if isinstance(value, list) else [value]
    found = []
    for item in listed:
        is_index = isinstance(item, int) and classes is not None and 0 <= item < len(classes)
        text = classes[item] if is_index and classes is not None else as_text(_plain(item))
        if text and not (item == -1 and classes is not None):  # Hugging Face's sign for no label
            found.append(text)
    return tuple(dict.fromkeys(found))


def write(job: Writing) -> None:
    """Write the files that the set came from with the present labels, or a new one."""
    if job.source is None:
        _write_new(job)
        return
    changes: dict[str, dict[int, Reviewed]] = {}
    for called, said in job.changes().items():
        name, _, row = called.rpartition("#")
        changes.setdefault(name, {})[int(row)] = said[0]
    labels = [r.label for of_file in changes.values() for r in of_file.values() if r.label and not r.deleted]
    for name in job.documents:
        target = job.folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if not _edit(job.source / name, target, changes.get(name, {}), labels, job.label_column):
            shutil.copyfile(job.source / name, target)
    if changes and any(r.decided for of_file in changes.values() for r in of_file.values()):
        job.notes.append("The files have no columns for who decided and when; only the labels are written.")


def _edit(
    source: Path, target: Path, changes: Mapping[int, Reviewed], labels: list[str], asked: str | None
) -> bool:
    """Write a file with changes; return whether there were any. Without changes no file is written."""
    pyarrow = _pyarrow(source)
    file = pyarrow.parquet.ParquetFile(source)
    columns = _Columns(file.schema_arrow, asked, source)
    if columns.label is None:
        raise CatalogError(
            Advice(
                f"{source} has no column of labels.",
                "Import it again with --label-column.",
                "Import it again, and choose its column of labels.",
            )
        )
    classes = columns.classes
    more = [] if classes is None else [label for label in dict.fromkeys(labels) if label not in classes]
    if not changes and not more:
        return False
    schema = file.schema_arrow
    if classes is not None and more:
        classes = [*classes, *more]
        schema = _with_classes(schema, columns.label, classes)
    at = schema.names.index(columns.label)
    kind = schema.field(at).type
    first = 0
    with pyarrow.parquet.ParquetWriter(target, schema) as writer:
        for group in range(file.num_row_groups):
            table = file.read_row_group(group).cast(schema)
            values = table.column(at).to_pylist()
            rows = range(first, first + len(values))
            first += len(values)
            new = [
                _value(v, changes[row].label, classes) if row in changes else v
                for row, v in zip(rows, values, strict=True)
            ]
            table = table.set_column(at, schema.field(at), pyarrow.array(new, type=kind))
            keep = [not (row in changes and changes[row].deleted) for row in rows]
            writer.write_table(table.filter(pyarrow.array(keep)).replace_schema_metadata(schema.metadata))
    return True


def _value(old: Any, label: str | None, classes: list[str] | None) -> Any:
    if label is None or label in _labels(old, classes):
        return old
    if classes is not None:
        new: Any = classes.index(label)
    elif isinstance(old, int):
        if not label.lstrip("-").isdigit():
            raise CatalogError(
                Advice(
                    f"The labels of the Parquet file are numbers without names; {label!r} cannot be written.",
                    "Export without --format.",
                    "Export folders of classes.",
                )
            )
        new = int(label)
    else:
        new = label
    return [*old, new] if isinstance(old, list) else new  # nothing is taken away


def _with_classes(schema: Any, column: str, classes: list[str]) -> Any:
    known = json.loads(schema.metadata[b"huggingface"])
    feature = known["info"]["features"][column]
    (feature["feature"] if isinstance(feature.get("feature"), dict) else feature)["names"] = classes
    return schema.with_metadata(dict(schema.metadata) | {b"huggingface": json.dumps(known).encode()})


def _write_new(job: Writing) -> None:
    pyarrow = _pyarrow(job.folder)
    images = [image for image in job.images if not image.deleted and is_file(job.path(image.name))]
    classes = sorted({image.label for image in images if image.label is not None})
    more = list(dict.fromkeys(key for image in images for key in image.columns))
    more = [key for key in more if key not in ("image", "label", *LABEL_COLUMNS)]
    text = {"dtype": "string", "_type": "Value"}
    features = {"image": {"_type": "Image"}, "label": {"names": classes, "_type": "ClassLabel"}}
    features |= {key: dict(text) for key in (*LABEL_COLUMNS, *more)}
    schema = pyarrow.schema(
        [
            ("image", pyarrow.struct([("bytes", pyarrow.binary()), ("path", pyarrow.string())])),
            ("label", pyarrow.int64()),
            *((key, pyarrow.string()) for key in (*LABEL_COLUMNS, *more)),
        ],
        metadata={b"huggingface": json.dumps({"info": {"features": features}}).encode()},
    )
    by_split: dict[str, list[Reviewed]] = {}
    for image in images:
        by_split.setdefault(_SPLIT_NAMES.get(image.split or "", "train"), []).append(image)
    for split, of_split in by_split.items():
        with pyarrow.parquet.ParquetWriter(job.folder / f"{split}-00000-of-00001.parquet", schema) as writer:
            for start in range(0, len(of_split), 64):
                rows = [_row(image, job, classes, more) for image in of_split[start : start + 64]]
                writer.write_table(pyarrow.Table.from_pylist(rows, schema=schema))


def _row(image: Reviewed, job: Writing, classes: list[str], more: list[str]) -> dict[str, Any]:
    said = image.opinion
    sure = "" if said.probability is None else f"{said.probability:g}"
    who = dict(zip(LABEL_COLUMNS, (said.method, said.by, said.time, sure), strict=True))
    return {
        "image": {"bytes": read_bytes(job.path(image.name)), "path": image.name},
        "label": None if image.label is None else classes.index(image.label),
        **{key: value or None for key, value in who.items()},
        **{key: image.columns.get(key) or None for key in more},
    }
