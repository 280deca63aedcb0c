"""What every foreign format is read into, and written from: images with labels, and who or what gave them."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from cleaner.advice import Advice
from cleaner.dataset.findings import Finding
from cleaner.dataset.label_sets import LabelSets, free_separator
from cleaner.dataset.split_words import split_of_word
from cleaner.errors import CatalogError
from cleaner.util.csvfile import csv_text
from cleaner.util.natural import naturally
from cleaner.util.progress import SILENT, Reporter
from cleaner.util.wording import listed

Method = Literal["human", "machine", ""]

LABEL_COLUMNS = ("label_method", "label_by", "label_time", "label_probability")
"""Columns of a label table that say who or what gave the label, when, and with which probability."""

SUGGESTED, SUGGESTED_SURE = "suggested_label", "suggestion_probability"
SUGGESTION_COLUMNS = (SUGGESTED, "suggestion_by", "suggestion_time", SUGGESTED_SURE)
"""Columns of a label table with the label that a machine gave: which, what gave it, when, and how sure."""

SOURCE_NAME = "source_name"
"""Column with what the foreign file calls the image, where that is not its name in the set."""

ALL_LABELS = "all_labels"
"""Column with the labels of images that have several where the set has one each; as a JSON list."""

SEVERAL = "several labels"
"""Topic of what is said of them; also by whoever reads a label table."""

SEVERAL_SHARE = 0.05
"""Share of labelled images with several labels from which the images of a set can have several."""

_SPLIT_COLUMNS = ("split", "subset")
BOX = "box"
"""Column of cropped boxes: which box of the source image it is, counted from 0."""


@dataclass(frozen=True, kw_only=True)
class Opinion:
    """Who or what gave an image its labels, when, and how sure.

    The fields are those of Camtrap DP's observations (``classificationMethod``, ``classifiedBy``,
    ``classificationTimestamp``, ``classificationProbability``), which are the only ones among all formats
    here that say it in full.

    Attributes
    ----------
    labels : tuple of str
        Usually one; several where an image shows several things; none for "not this, and nothing else".
    method : str
        "human", "machine", or "" if the format does not say.
    by : str
        The person or the model.
    time : str
        ISO 8601, as it was written; or "".
    probability : float or None
        0 to 1, 1 = certain.
    """

    labels: tuple[str, ...] = ()
    method: Method = ""
    by: str = ""
    time: str = ""
    probability: float | None = None


@dataclass(kw_only=True)
class Entry:
    """One image of a foreign file.

    Attributes
    ----------
    name : str
        POSIX path relative to the root of the images.
    source_name : str
        What the file calls it.
    opinions : list of Opinion
        All that was ever said of it, oldest first.
    split : str or None
        "train", "valid" or "test".
    columns : dict
        What else the file says of it, as text; kept in the label table.
    deleted : bool
        The file marks the image as one that is to go.
    """

    name: str
    source_name: str
    opinions: list[Opinion] = field(default_factory=list)
    split: str | None = None
    columns: dict[str, str] = field(default_factory=dict)
    deleted: bool = False

    @property
    def standing(self) -> Opinion:
        """The opinion that gives the label: the latest that is not a machine's; an empty one without any."""
        people = [opinion for opinion in self.opinions if opinion.method != "machine"]
        return max(enumerate(people), key=lambda pair: (pair[1].time, pair[0]), default=(0, Opinion()))[1]

    @property
    def suggested(self) -> Opinion:
        """The most certain opinion of a machine, which is a suggestion; an empty one without any."""
        machines = [opinion for opinion in self.opinions if opinion.method == "machine"]
        return max(machines, key=lambda opinion: opinion.probability or 0.0, default=Opinion())

    @property
    def foremost(self) -> Opinion:
        """What the file says of the image: the label, or the suggestion where there is none."""
        return self.standing if self.standing.labels else self.suggested

    @property
    def label(self) -> str | None:
        """The label to review where each image has one; None for an image with no label, or with several."""
        labels = self.standing.labels
        return labels[0] if len(labels) == 1 else None

    def label_in(self, sets: LabelSets | None) -> str | None:
        """Return the label to review in a set whose images can have several labels; without one, `label`."""
        labels = self.standing.labels
        return self.label if sets is None else sets.join(labels) if labels else None


@dataclass(kw_only=True)
class Reading:
    """What was read from a foreign source.

    Attributes
    ----------
    root : Path
        The folder to which names are relative.
    entries : list of Entry
        The images; empty where folders alone give the labels.
    documents : tuple of Path
        The files that an export edits, and their ``base``, the folder to which they are relative.
    base : Path
    in_place : bool
        The documents hold the images, and are too large to be copied: an export reads them where they are.
    findings : list of Finding
        What was inferred, and what could not be taken over.
    """

    root: Path
    entries: list[Entry]
    base: Path
    documents: tuple[Path, ...] = ()
    in_place: bool = False
    findings: list[Finding] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class ReadOptions:
    """How to read a foreign source.

    Attributes
    ----------
    images : Path or None
        The folder of the images; None: where the format has it.
    to : Path or None
        New folder for images that are unpacked or cut out; None: beside the source.
    label_column : str or None
        Which column or field is the label, where the format leaves that open.
    crops : bool
        Cut out the boxes, and make them the images of the set.
    several : bool or None
        Whether images can have several labels, if the format allows it; None: if at least `SEVERAL_SHARE` of
        the labelled ones have.
    min_confidence : float
        Boxes of a detector below this are no boxes.
    reporter : Reporter
        Hears how far long work is, and may stop it.
    """

    images: Path | None = None
    to: Path | None = None
    label_column: str | None = None
    crops: bool = False
    several: bool | None = None
    min_confidence: float = 0.2
    reporter: Reporter = SILENT


@dataclass(frozen=True, kw_only=True)
class Reviewed:
    """One image as it is to be written to a foreign format.

    Attributes
    ----------
    name, source_name : str
        In the set, and in the file that the set was imported from.
    label, given : str or None
        After all decisions, and as it was imported.
    classes : tuple of str or None
        Of the label, where images can have several; None: each image has one label.
    renamed : Mapping
        Where images can have several labels: present names of the given classes that were renamed or merged.
    split : str or None
    deleted : bool
        The image goes.
    decided : bool
        A reviewer decided on it here; ``opinion`` is then theirs.
    opinion : Opinion
        Who or what gave the label.
    columns : Mapping
        The other columns of the label table.
    box : int or None
        Of a cropped box: which one of the source image it is.
    suggested : Opinion
        What a machine suggested, elsewhere; without labels if none did.
    """

    name: str
    source_name: str
    label: str | None
    given: str | None
    classes: tuple[str, ...] | None = None
    renamed: Mapping[str, str] = field(default_factory=dict)
    split: str | None = None
    deleted: bool = False
    decided: bool = False
    opinion: Opinion = Opinion()
    columns: Mapping[str, str] = field(default_factory=dict)
    box: int | None = None
    suggested: Opinion = Opinion()

    @property
    def labels(self) -> tuple[str, ...]:
        """The classes of the image: several, one, or none."""
        return self.classes if self.classes is not None else (() if self.label is None else (self.label,))

    @property
    def is_suggestion(self) -> bool:
        """Whether the image has no label, but a suggestion of a machine."""
        return self.label is None and not self.deleted and bool(self.suggested.labels)

    def instead_of(self, label: str, old: Collection[str]) -> str | None:
        """Return what a label in the source becomes; None if it goes.

        Where one class went and one came, what was called the one is called the other: so a box stays.

        Parameters
        ----------
        label : str
            One of ``old``.
        old : collection of str
            The classes that the source has for the image, under their present names.
        """
        if label in self.labels:
            return label
        gone, come = (set(old) - set(self.labels), set(self.labels) - set(old))
        return next(iter(come)) if len(gone) == len(come) == 1 else None

    def new_beside(self, old: Collection[str]) -> list[str]:
        """Return the classes that nothing in the source stands for; see `instead_of`."""
        kept = {self.instead_of(label, old) for label in old}
        return [label for label in self.labels if label not in kept]

    @property
    def changed(self) -> bool:
        """Whether the source has to be edited for it."""
        return self.decided or self.deleted or self.label != self.given


@dataclass(kw_only=True)
class Writing:
    """What a writer is given, and what it tells.

    Attributes
    ----------
    folder : Path
        The new folder that it fills.
    images : sequence of Reviewed
        All images of the set, the deleted ones included.
    source : Path or None
        The folder of the documents that the set was imported from, if it was in this very format.
    documents : tuple of str
        Their names below it.
    label_column : str or None
        Which column or field is the label, if that was said at the import.
    place : callable
        Puts the file of an image at a path below ``folder``, and says whether it was there to be put.
    path : callable
        Gives the file of an image.
    notes : list of str
        Sentences on what could not be written; filled by the writer.
    """

    folder: Path
    images: Sequence[Reviewed]
    source: Path | None
    documents: tuple[str, ...]
    place: Callable[[str, str], bool]
    path: Callable[[str], Path]
    label_column: str | None = None
    notes: list[str] = field(default_factory=list)

    def changes(self) -> dict[str, list[Reviewed]]:
        """Return the images for which the source is edited, by what it calls them; several are its boxes."""
        found: dict[str, list[Reviewed]] = {}
        for image in self.images:
            if image.changed:
                found.setdefault(image.source_name, []).append(image)
        return found

    def note_classless(self) -> None:
        """Note how many images show no class, where the format does not tell them from unlabelled ones."""
        none = sum(i.label is not None and not i.labels and not i.deleted for i in self.images)
        if none:
            self.notes.append(
                f"Images that show none of the classes: {none:,}. The format does not tell them from images "
                "without a label."
            )

    def added(self, present: Collection[str]) -> list[Reviewed]:
        """Return the images that stay and that the source does not name."""
        return [i for i in self.images if i.source_name not in present and not i.deleted]


def merged(entries: Iterable[Entry]) -> list[Entry]:
    """Make one entry of all that have the same name, sorted by name.

    Rows of one image that come from the same hand are one opinion with several labels. Columns that differ
    are joined with " | ". A column "split" or "subset" with the name of a split outweighs folders and files.
    """
    by_name: dict[str, Entry] = {}
    for entry in entries:
        words = (entry.columns.get(column, "") for column in _SPLIT_COLUMNS)
        entry.split = next(filter(None, map(split_of_word, words)), entry.split)
        first = by_name.setdefault(entry.name, entry)
        if first is entry:
            continue
        for opinion in entry.opinions:
            _join_opinion(first.opinions, opinion)
        for column, value in entry.columns.items():
            there = first.columns.get(column, "")
            if value and value not in there.split(" | "):
                first.columns[column] = f"{there} | {value}" if there else value
        first.split = first.split or entry.split
        first.deleted = first.deleted and entry.deleted
    return [by_name[name] for name in sorted(by_name)]


def _join_opinion(opinions: list[Opinion], new: Opinion) -> None:
    for i, old in enumerate(opinions):
        if (old.method, old.by, old.time) == (new.method, new.by, new.time):
            labels = tuple(dict.fromkeys((*old.labels, *new.labels)))
            known = [p for p in (old.probability, new.probability) if p is not None]
            opinions[i] = replace(old, labels=labels, probability=min(known) if known else None)
            return
    opinions.append(new)


def as_text(value: object) -> str:
    """Return a value of a JSON document as the text of a cell; what is nested stays JSON."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False)


def scalars(record: Mapping[str, object], *, without: Iterable[str] = ()) -> dict[str, str]:
    """Return the fields of a JSON object as columns, without some."""
    left = set(without)
    return {key: as_text(value) for key, value in record.items() if key not in left}


def split_of_shard(text: str) -> str | None:
    """Return the split that a file is named after ("train-00000-of-00002"); None if it is none."""
    splits = map(split_of_word, text.replace("_", "-").split("-"))
    return next(filter(None, splits), None)


def sets_of(entries: Sequence[Entry], several: bool | None) -> LabelSets | None:
    """Return how the labels of images are joined, where images can have several; None: each has one.

    Parameters
    ----------
    entries : sequence of Entry
    several : bool or None
        See `ReadOptions`.

    Raises
    ------
    CatalogError
        The names of the classes leave no character to stand between labels.
    """
    labels = [entry.standing.labels for entry in entries if entry.standing.labels]
    more = sum(len(each) > 1 for each in labels)
    if not (0 < more >= SEVERAL_SHARE * len(labels) if several is None else several):
        return None
    separator = free_separator(label for each in labels for label in each)
    if separator is None:
        raise CatalogError(
            "The names of the classes contain every character that could stand between several labels of one "
            "image. Rename a class in the source, so that none has “;” in it."
        )
    return LabelSets(separator)


def label_table(entries: Sequence[Entry], sets: LabelSets | None = None) -> str:
    """Return the label table of a set as the text of a CSV file; see `label_rows`."""
    return csv_text(*label_rows(entries, sets))


def label_rows(entries: Sequence[Entry], sets: LabelSets | None = None) -> tuple[list[str], list[list[str]]]:
    """Return columns and rows of a set; with ``sets``, images can have several labels.

    These are name, label, split, who gave the label, what a machine suggests, then the foreign columns.

    Columns without any value are left out. A foreign column that is called like one of ours gets ``_given``
    after it.
    """
    rows = [_row(entry, sets) for entry in entries]
    order = dict.fromkeys(("name", "label", "split", *LABEL_COLUMNS, *SUGGESTION_COLUMNS, ALL_LABELS))
    for row in rows:
        order |= dict.fromkeys(row)
    filled = [c for c in order if c in ("name", "label") or any(row.get(c) for row in rows)]
    if all(entry.source_name == entry.name for entry in entries):
        filled = [column for column in filled if column != SOURCE_NAME]
    return filled, [[row.get(column, "") for column in filled] for row in rows]


def _row(entry: Entry, sets: LabelSets | None) -> dict[str, str]:
    given, seen = entry.standing, entry.suggested
    several = () if sets is not None and given.labels else entry.foremost.labels
    row = {"name": entry.name, "label": entry.label_in(sets) or "", "split": entry.split or ""}
    row |= dict(zip(LABEL_COLUMNS, (given.method, given.by, given.time, _sure(given)), strict=True))
    if len(seen.labels) == 1:
        row |= dict(zip(SUGGESTION_COLUMNS, (seen.labels[0], seen.by, seen.time, _sure(seen)), strict=True))
    row |= {ALL_LABELS: as_text(list(several)) if len(several) > 1 else "", SOURCE_NAME: entry.source_name}
    taken = {*row, *SUGGESTION_COLUMNS} - {SOURCE_NAME, ALL_LABELS}
    return row | {f"{key}_given" if key in taken else key: value for key, value in entry.columns.items()}


def _sure(opinion: Opinion) -> str:
    return "" if opinion.probability is None else f"{opinion.probability:g}"


def opinion_of_row(row: Mapping[str, str]) -> Opinion:
    """Return who or what gave the label of a row of a label table."""
    method, by, time, probability = (row.get(column, "") for column in LABEL_COLUMNS)
    label = row.get("label", "")
    return Opinion(
        labels=(label,) if label else (),
        method=method if method in ("human", "machine") else "",  # type: ignore[arg-type] # just checked
        by=by,
        time=time,
        probability=number(probability),
    )


def suggestion_of_row(row: Mapping[str, str]) -> Opinion:
    """Return the suggestion of a machine in a row of a label table; one without labels if there is none."""
    label, by, time, probability = (row.get(column, "") for column in SUGGESTION_COLUMNS)
    labels = (label,) if label else ()
    return Opinion(labels=labels, method="machine", by=by, time=time, probability=number(probability))


def _told_sets(entries: Sequence[Entry]) -> Iterator[Finding]:
    labelled = [e for e in entries if e.standing.labels]
    several = [e for e in labelled if len(e.standing.labels) > 1]
    yield Finding(
        topic=SEVERAL,
        text=Advice(
            f"Images of this set can have several labels: {len(several):,} of the {len(labelled):,} labelled "
            "ones do. Images about which the source says nothing have no label.",
            "If each image shows one thing, import it again with --one-label.",
            "If each image shows one thing, import it on the command line (cleaner import --one-label).",
        ),
        examples=tuple(e.name for e in several),
    )


def number(value: object) -> float | None:
    """Return a value as a probability, 0 to 1; None if it is none."""
    try:
        found = float(value)  # type: ignore[arg-type] # whatever a foreign file holds
    except (TypeError, ValueError):
        return None
    return found if 0 <= found <= 1 else None


def told(entries: Sequence[Entry], sets: LabelSets | None = None, *, able: bool = True) -> Iterator[Finding]:
    """Yield what is to be said of the entries of any format.

    Parameters
    ----------
    entries : sequence of Entry
    sets : LabelSets, optional
        Images can have several labels.
    able : bool
        They could, in sets of this format.
    """
    suggested = [e for e in entries if not e.standing.labels and len(e.suggested.labels) == 1]
    if suggested:
        makers = naturally({e.suggested.by for e in suggested} - {""})
        yield Finding(
            topic="suggestions",
            text=f"Images with a label that a machine gave{f' ({listed(makers)})' if makers else ''}, and "
            f"nobody else: {len(suggested):,} of {len(entries):,}. These labels are suggestions: the images "
            "have no label until you accept one, in the order “to label”.",
        )
    if sets is not None:
        yield from _told_sets(entries)
    elif several := [e for e in entries if len(e.foremost.labels) > 1]:
        there = (
            f"Images with several labels: {len(several):,} of {len(entries):,}. They are listed as "
            f"unlabelled, with all their labels in the column {ALL_LABELS}. An export leaves their labels as "
            "they are."
        )
        yield Finding(
            topic=SEVERAL,
            text=Advice(
                there,
                "To review all labels of an image, import the set again with --several-labels.",
                "To review all labels of an image, import the set on the command line (cleaner import "
                "--several-labels).",
            )
            if able
            else f"{there} Of this format, cleaner cannot review several labels of an image yet.",
            doubtful=True,
            examples=tuple(e.name for e in several),
        )
    flagged = [e.name for e in entries if e.deleted]
    if flagged:
        yield Finding(
            topic="marked for deletion",
            text=Advice(
                f"Images that the source marks for deletion: {len(flagged):,}. They are part of the set.",
                "With --as-decisions, they are deleted in it.",
                "To have them deleted in it, import it again with the labels of people as their decisions.",
            ),
            examples=tuple(flagged),
        )
