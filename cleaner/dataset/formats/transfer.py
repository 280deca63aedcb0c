"""Bring a foreign set in (`import_set`), and write a reviewed set out (`export_set`).

An import makes a label table over the images (``NAME.labels.csv``), and keeps the documents that it read in
the state folder, below ``imports/``, so that an export can edit them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from cleaner.advice import Advice
from cleaner.dataset.catalog import Catalog
from cleaner.dataset.findings import Finding
from cleaner.dataset.formats.archives import unpacked, where_it_is
from cleaner.dataset.formats.entries import (
    ALL_LABELS,
    LABEL_COLUMNS,
    SEVERAL,
    Reading,
    ReadOptions,
    Reviewed,
    Writing,
    label_table,
    sets_of,
    told,
)
from cleaner.dataset.formats.memory import ImportMemory, Kept
from cleaner.dataset.formats.names import absent, unnamed
from cleaner.dataset.formats.registry import FORMATS, Format, found
from cleaner.dataset.label_sets import LabelSets
from cleaner.dataset.new_folder import new_folder, place_file
from cleaner.dataset.tables.options import NO_COLUMN, NO_SEPARATOR, RememberedOptions, TableOptions
from cleaner.errors import CatalogError
from cleaner.util.atomic import write_atomically
from cleaner.util.progress import SILENT, Reporter, Stage

_TOLD_ANYWAY = ("missing files", "unnamed files")  # by whoever reads the label table


@dataclass(frozen=True, kw_only=True)
class Imported:
    """What an import made.

    Attributes
    ----------
    format : Format
        What the source is.
    reading : Reading
        What was read.
    table : Path or None
        The label table; None where folders are the labels, and the root is to be opened.
    findings : tuple of Finding
        What was inferred, and what could not be taken over.
    sets : LabelSets or None
        How labels are joined, where images can have several; None: each has one.
    """

    format: Format
    reading: Reading
    table: Path | None
    findings: tuple[Finding, ...]
    sets: LabelSets | None = None


def import_set(
    source: Path | str,
    *,
    format: str | None = None,
    table: Path | str | None = None,
    options: ReadOptions | None = None,
) -> Imported:
    """Read a foreign set, and write its label table.

    Parameters
    ----------
    source : Path or str
        A document, an archive, or a folder.
    format : str, optional
        A name of `FORMATS`; default: what the source looks like.
    table : Path or str, optional
        Where to write the label table; default: ``NAME.labels.csv`` in the root of the images.
    options : ReadOptions, optional
        How to read.

    Raises
    ------
    CatalogError
        The source cannot be read, or a label table that says something else is there already.
    """
    options = options or ReadOptions()
    source = Path(source).expanduser()
    kind, path = found(source) if format is None else (_named(format), source)
    if options.crops and not kind.crops:
        able = ", ".join(name for name, each in FORMATS.items() if each.crops)
        raise CatalogError(f"{source.name} is {kind.title}, which has no boxes to cut out; only {able} have.")
    if options.crops and options.several:
        raise CatalogError("With --crops, each box is an image with one label. Leave out --several-labels.")
    kind, reading = _read(kind, path, options)
    if not reading.entries:
        return Imported(format=kind, reading=reading, table=None, findings=tuple(reading.findings))
    if options.several and not kind.several:
        able = ", ".join(name for name, each in FORMATS.items() if each.several and not each.opens)
        raise CatalogError(
            f"{source.name} was read as {kind.title}. Several labels of an image can only be reviewed in "
            f"{able}. Leave out --several-labels."
        )
    sets = sets_of(reading.entries, options.several) if kind.several and not options.crops else None
    names = [entry.name for entry in reading.entries]
    findings = [
        Finding(topic="format", text=f"{source.name} was read as {kind.title}."),
        *reading.findings,
        *told(reading.entries, sets, able=kind.several),
        *absent(reading.root, names, len(names)),
        *unnamed(reading.root, names),
    ]
    stem = path.stem if path.is_file() else path.resolve().name
    target = reading.root / f"{stem}.labels.csv" if table is None else Path(table).expanduser()
    _write_table(target, label_table(reading.entries, sets).encode("utf-8", "surrogateescape"))
    return Imported(format=kind, reading=reading, table=target, findings=tuple(findings), sets=sets)


def _named(name: str) -> Format:
    if name not in FORMATS:
        raise CatalogError(f"There is no format {name!r}; expected one of {', '.join(FORMATS)}.")
    return FORMATS[name]


def _read(kind: Format, path: Path, options: ReadOptions) -> tuple[Format, Reading]:
    """Read a source; an archive is unpacked, and read as what is in it."""
    if kind.name != "zip":
        return kind, kind.read(path, options)
    root, findings = unpacked(path, options)
    try:
        inner, inside = found(root)
    except CatalogError:  # folders are the labels
        findings += where_it_is(path)
        return kind, Reading(root=root, entries=[], base=root, findings=findings)
    reading = inner.read(inside, replace(options, to=None, images=options.images))
    reading.findings = [*findings, *reading.findings]
    return inner, reading


def _write_table(target: Path, data: bytes) -> None:
    if target.is_file() and target.read_bytes() != data:
        raise CatalogError(
            Advice(
                f"{target} is there already and says something else.",
                "Move it away, or give another place with --table.",
                "Move it away, or open it instead.",
            )
        )
    try:
        write_atomically(target, data)
    except OSError as exc:
        raise CatalogError(
            Advice(
                f"The label table cannot be written to {target.parent}: {exc.strerror}.",
                "Give another place with --table.",
                "Allow writing there, or copy the images and their file to a folder where you may write.",
            )
        ) from exc


def keep_source(state: Path, done: Imported, options: ReadOptions) -> None:
    """Remember in the state folder what a set was imported from, and how its label table is read."""
    if done.table is None:
        return
    reading = done.reading
    told_anyway = (*_TOLD_ANYWAY, *([] if done.sets is None else [SEVERAL]))
    ImportMemory(state, done.table).save(
        reading.documents,
        base=reading.base,
        format=done.format.name,
        in_place=reading.in_place,
        label_column=options.label_column,
        findings=[finding for finding in done.findings if finding.topic not in told_anyway],
    )
    has_split = any(entry.split for entry in reading.entries)
    known = TableOptions(
        name_column="name",
        label_column="label",
        label_separator=NO_SEPARATOR if done.sets is None else done.sets.separator,
        split_column="split" if has_split else NO_COLUMN,
        delimiter=",",
        encoding="utf-8",
    )
    RememberedOptions(state, done.table).save(known)  # nothing is to be guessed about our own table


@dataclass(frozen=True, kw_only=True)
class Exported:
    """What an export wrote.

    Attributes
    ----------
    folder : Path
        The new folder.
    edited : bool
        The documents that the set came from were edited; else new ones were made.
    changed, deleted : int
        Images with another label than before, and images that go.
    missing : tuple of str
        Images whose file is not there.
    notes : tuple of str
        Sentences on what could not be written.
    """

    folder: Path
    edited: bool
    changed: int
    deleted: int
    missing: tuple[str, ...]
    notes: tuple[str, ...]


def export_set(
    images: Sequence[Reviewed],
    catalog: Catalog,
    to: Path | str,
    *,
    format: str,
    kept: Kept | None = None,
    link: bool = False,
    reporter: Reporter = SILENT,
) -> Exported:
    """Write a reviewed set in a foreign format, into a new folder.

    Parameters
    ----------
    images : sequence of Reviewed
        All images, those that go included.
    catalog : Catalog
        Knows the files.
    to : Path or str
        The new folder, outside the data set.
    format : str
        A name of `FORMATS`.
    kept : Kept, optional
        What the set was imported from. If it is of that format, its documents are edited, and what nobody
        decided on stays as it was; else new documents are made of the label table.
    link : bool
        Make hard links of images instead of copies.
    reporter : Reporter
        Hears about every image.

    Raises
    ------
    CatalogError
        There is no such format, or the folder is not usable.
    """
    kind = _named(format)
    if link and not kind.places_images:
        raise CatalogError(
            f"There is no file to link: {kind.title} holds the images, or none. Leave out --link."
        )
    edits = kept is not None and kept.format == format
    if catalog.label_sets is not None and not kind.several:
        others = ", ".join(each.name for each in FORMATS.values() if each.several)
        raise CatalogError(
            Advice(
                "Images of this set can have several labels, and cleaner cannot write them as "
                f"{kind.title} yet.",
                f"Export without --format, or as {others}.",
                "Choose another format.",
            )
        )
    done: list[str] = []
    missing: list[str] = []
    with new_folder(to, apart_from=catalog.root) as folder:

        def place(name: str, target: str) -> bool:
            reporter.check()
            try:
                place_file(catalog.path(name), folder / target, link=link)
            except FileNotFoundError:
                missing.append(name)
                return False
            done.append(name)
            reporter(Stage.EXPORT, len(done), len(images))
            return True

        job = Writing(
            folder=folder,
            images=images if edits else [_apart(image, kind) for image in images],
            source=kept.folder if kept is not None and edits else None,
            documents=kept.documents if kept is not None and edits else (),
            place=place,
            path=catalog.path,
            label_column=kept.label_column if kept is not None and edits else None,
        )
        if edits and not kind.places_images and not any(image.changed for image in images):
            for name in job.documents:  # nothing to say: byte by byte what it was
                place_file(kept.folder / name, folder / name, link=False)  # type: ignore[union-attr] # edits
        else:
            kind.write(job)
        if not edits:
            _note_suggestions(job, kind)
    return Exported(
        folder=Path(to).expanduser().resolve(),
        edited=edits,
        changed=sum(image.label != image.given and not image.deleted for image in images),
        deleted=sum(image.deleted for image in images),
        missing=tuple(missing),
        notes=tuple(job.notes),
    )


def _apart(image: Reviewed, kind: Format) -> Reviewed:
    """Return an image as one of a set that came from nowhere: under its own name, without boxes.

    What a machine suggested becomes its label where the format can say that a machine gave it.
    """
    ours = {ALL_LABELS, *LABEL_COLUMNS}
    columns = {key: value for key, value in image.columns.items() if key not in ours}
    image = replace(image, source_name=image.name, box=None, columns=columns)
    if kind.machines and image.is_suggestion:
        label = image.suggested.labels[0]
        classes = None if image.classes is None else (label,)
        return replace(image, label=label, classes=classes, opinion=image.suggested)
    return image


def _note_suggestions(job: Writing, kind: Format) -> None:
    left = sum(image.is_suggestion for image in job.images)
    if left:
        job.notes.append(
            f"Images with nothing but a suggestion of a machine: {left:,}. They are written without a label, "
            f"as {kind.title} would not tell it from one that somebody gave."
        )
