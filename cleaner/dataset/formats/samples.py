"""Samples of a WebDataset: files of a tar archive that share a name up to its first dot.

What is relied on (https://github.com/webdataset/webdataset): a sample is an image and, beside it, a class in
``KEY.cls`` or ``KEY.cls.txt``, a text in ``KEY.txt``, or an object in ``KEY.json``. The label is the class;
or the field ``label``, ``class``, ``category`` or ``cls`` of the object; or the file (``txt``) or field that
``--label-column`` names; or the image's folder. A shard that is called like a split is one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

from cleaner.dataset.findings import Finding
from cleaner.dataset.formats.documents import parse_json
from cleaner.dataset.formats.entries import Entry, Opinion, as_text, label_rows, scalars, split_of_shard
from cleaner.errors import CatalogError
from cleaner.images import archives
from cleaner.images.archives import Archive
from cleaner.images.formats import SUFFIXES
from cleaner.util.natural import naturally
from cleaner.util.wording import count, listed

TEXTS = frozenset({"cls", "cls.txt", "txt", "json"})
"""What the names of the files end in that say something about an image."""

MOST_TEXT_BYTES = 10**7

_CLASS_FILES = ("cls", "cls.txt")
_FIELDS = ("label", "class", "category", "cls")
_SURE = TEXTS - {"txt"}  # text files beside images are as often boxes, or notes


def split_name(name: str) -> tuple[str, str]:
    """Return the key of a sample and what follows the dot, in small letters."""
    folder, slash, file = name.removeprefix("./").rpartition("/")
    stem, _, ending = file.partition(".")
    return f"{folder}{slash}{stem}", ending.lower()


def is_image(ending: str) -> bool:
    """Tell whether a file of a sample is an image, by what follows the dot."""
    return "." + ending.rpartition(".")[2] in SUFFIXES


def place_of_label(texts: Mapping[str, bytes], document: Mapping[str, Any], asked: str | None) -> str | None:
    """Return the file or field of a sample that holds its label."""
    if asked is not None:
        return asked if asked in texts or asked in document else None
    found = next((ending for ending in _CLASS_FILES if ending in texts), None)
    return found or next((name for name in _FIELDS if name in document), None)


def entry_of(
    name: str, called: str, texts: Mapping[str, bytes], *, split: str | None, label_column: str | None
) -> Entry:
    """Return what a sample says of its image.

    Parameters
    ----------
    name : str
        Of the image, in the set.
    called : str
        The name of the shard, "#", and the key of the sample.
    texts : mapping of str to bytes
        The files of the sample that say something, by what follows the dot.
    split : str, optional
        For which the shard is, see `split_of_shard`.
    label_column : str, optional
        The file or field that holds the label.

    Raises
    ------
    CatalogError
        The sample's JSON is damaged.
    """
    document = parse_json(texts["json"], f"{called}.json") if "json" in texts else {}
    document = document if isinstance(document, dict) else {}
    place = place_of_label(texts, document, label_column)
    label = ""
    if place is not None:
        in_file = place in texts
        label = texts[place].decode("utf-8", "replace").strip() if in_file else as_text(document[place])
    who = [document.get(k) for k in ("label_method", "label_by", "label_time")]
    opinion = Opinion(
        labels=(label,) if label else (),
        method=who[0] if who[0] in ("human", "machine") else "",
        by=as_text(who[1]),
        time=as_text(who[2]),
    )
    return Entry(
        name=name,
        source_name=called,
        opinions=[opinion] if label else [],
        split=split,
        columns=scalars(document, without=(*_FIELDS, "label_method", "label_by", "label_time")),
    )


# ---------------------------------------------------------------- read where they are


@dataclass(kw_only=True)
class Samples:
    """What the samples of a set say of its images.

    Attributes
    ----------
    columns, rows : list
        The names of the columns (``name``, ``label``, ``split``, who gave the label, then those of the
        documents), and the rows.
    left_out : dict of str to str
        Images that are not taken, with the reason.
    used : set of str
        The files that were read.
    findings : list of Finding
    """

    columns: list[str] = field(default_factory=list)
    rows: list[list[str]] = field(default_factory=list)
    left_out: dict[str, str] = field(default_factory=dict)
    used: set[str] = field(default_factory=set)
    findings: list[Finding] = field(default_factory=list)


def read_samples(root: Path, names: Sequence[str], *, label_column: str | None = None) -> Samples | None:
    """Read the labels of images in tar archives; None if no file beside them gives any.

    Parameters
    ----------
    root : Path
        The folder or archive of the set.
    names : sequence of str
        Its images.
    label_column : str, optional
        The file or field that holds the labels.

    Raises
    ------
    CatalogError
        An archive cannot be read.
    """
    found = Samples()
    entries: list[Entry] = []
    damaged: list[str] = []
    try:
        for shard, front, inside in _by_archive(root, names):
            texts = _texts(archives.listing(shard), always=label_column is not None)
            split, called = split_of_shard(shard.stem), front.rstrip("/") or shard.name
            first: dict[str, str] = {}
            for name in inside:
                key, _ = split_name(name)
                said = texts.get(key, {})
                if said and first.setdefault(key, name) != name:
                    found.left_out[front + name] = f"another image of the sample with {first[key]}"
                    continue
                found.used.update(front + used for used, _ in said.values())
                data = {ending: content for ending, (_, content) in said.items()}
                sample = partial(
                    entry_of, front + name, f"{called}#{key}", split=split, label_column=label_column
                )
                try:
                    entries.append(sample(data))
                except CatalogError:  # a document that is none
                    damaged.append(front + name)
                    entries.append(sample({ending: data[ending] for ending in data if ending != "json"}))
    except OSError as exc:
        raise CatalogError(f"The archive {shard} cannot be read: {exc.strerror or exc}.") from exc
    if not any(entry.foremost.labels for entry in entries):
        return None
    labels = {entry.name: entry.label for entry in entries}
    found.columns, found.rows = label_rows(entries)
    found.findings = list(_findings(labels, found.left_out, damaged))
    return found


def _findings(
    labels: Mapping[str, str | None], left_out: Mapping[str, str], damaged: Sequence[str]
) -> Iterable[Finding]:
    classes = naturally({label for label in labels.values() if label is not None})
    without = tuple(name for name, label in labels.items() if label is None)
    yield Finding(
        topic="samples",
        text="The labels are taken from the files beside the images, as in a WebDataset: "
        f"{count(len(classes), 'class', 'classes')}, {listed(classes)}.",
    )
    if without:
        text = f"Images without a label beside them: {len(without):,}."
        yield Finding(topic="unlabelled", text=text, examples=without)
    if left_out:
        yield Finding(
            topic="several images",
            text="Of samples with several images, only the first is taken. "
            f"Left out: {count(len(left_out), 'image')}.",
            doubtful=True,
            examples=tuple(left_out),
        )
    if damaged:
        yield Finding(
            topic="damaged documents",
            text=f"Images whose json file is damaged and was not used: {len(damaged):,}.",
            doubtful=True,
            examples=tuple(damaged),
        )


def _by_archive(root: Path, names: Sequence[str]) -> Iterable[tuple[Path, str, list[str]]]:
    """Divide images by tar file: yield it, what their names in the set begin with, and their names in it."""
    if root.is_file():
        if root.suffix.lower() == ".tar":
            yield root, "", list(names)
        return
    found: dict[tuple[Path, str], list[str]] = {}
    if ".tar" not in str(root).lower():  # a million names are looked at quickly
        names = [name for name in names if ".tar" in name.lower()]
    for name in names:
        place = archives.divided(f"{root}/{name}")
        if place is not None and place[0].suffix.lower() == ".tar":
            shard, inside = place
            found.setdefault((shard, name.removesuffix(inside)), []).append(inside)
    for (shard, front), inside_names in found.items():
        yield shard, front, inside_names


_Texts = dict[str, dict[str, tuple[str, bytes]]]
_known: WeakKeyDictionary[Archive, _Texts] = WeakKeyDictionary()


def _texts(archive: Archive, *, always: bool) -> _Texts:
    """Return the files of an archive that say something of images: by key and by what follows the dot."""
    if archive not in _known or (always and not _known[archive]):
        found: _Texts = {}
        wanted: dict[str, tuple[str, str]] = {}
        for name, member in archive.members.items():
            key, ending = split_name(name)
            if ending in TEXTS and member.size_bytes < MOST_TEXT_BYTES:
                wanted[name] = key, ending
        if always or any(ending in _SURE for _, ending in wanted.values()):
            for name, content in archive.read_many(wanted):
                key, ending = wanted[name]
                found.setdefault(key, {})[ending] = name, content
        _known[archive] = found
    return _known[archive]
