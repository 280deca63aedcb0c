"""WebDataset: tar files in which the files of one sample share a name up to its first dot.

What is relied on (https://github.com/webdataset/webdataset): a sample is an image and, beside it, a class in
``KEY.cls`` or ``KEY.cls.txt``, a text in ``KEY.txt``, or an object in ``KEY.json``. The label is the class;
or the field ``label``, ``class``, ``category`` or ``cls`` of the object; or the file (``txt``) or field that
``--label-column`` names; or the image's folder. A shard that is called like a split is one.

The images are unpacked into a new folder. An export reads the tar files where they are, and writes them again
with the labels replaced and without the deleted samples; a shard without a change is copied as it is.
"""

from __future__ import annotations

import io
import json
import shutil
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from cleaner.dataset.findings import Finding
from cleaner.dataset.formats.archives import Unpacker, home_of, members
from cleaner.dataset.formats.documents import parse_json
from cleaner.dataset.formats.entries import (
    Entry,
    Opinion,
    Reading,
    ReadOptions,
    Reviewed,
    Writing,
    as_text,
    merged,
    scalars,
    split_of_shard,
)
from cleaner.dataset.layout_guess import guess_layout
from cleaner.dataset.new_folder import new_folder
from cleaner.errors import CatalogError
from cleaner.images.formats import SUFFIXES
from cleaner.util.wording import count

_CLASS_FILES = ("cls", "cls.txt")
_FIELDS = ("label", "class", "category", "cls")
_TEXTS = frozenset({*_CLASS_FILES, "txt", "json"})
_LOOK_AT = 200  # members
_MOST_TEXT_BYTES = 10**7


def recognises(source: Path) -> bool:
    """Tell whether a tar file, or the first of a folder's, has images with a label beside them."""
    shards = _shards(source)
    if not shards:
        return False
    kinds: dict[str, set[str]] = {}
    for number, member in enumerate(members(shards[0])):
        key, ending = _split_name(member.name)
        kinds.setdefault(key, set()).add("image" if _is_image(ending) else ending)
        if number >= _LOOK_AT:
            break
    return any("image" in kind and kind & _TEXTS for kind in kinds.values())


def _shards(source: Path) -> list[Path]:
    if source.is_dir():
        return sorted(source.glob("*.tar"))
    return [source] if source.suffix == ".tar" and source.is_file() and tarfile.is_tarfile(source) else []


def _split_name(name: str) -> tuple[str, str]:
    """Return the key of a sample and what follows the dot, in small letters."""
    folder, slash, file = name.removeprefix("./").rpartition("/")
    stem, _, ending = file.partition(".")
    return f"{folder}{slash}{stem}", ending.lower()


def _is_image(ending: str) -> bool:
    return "." + ending.rpartition(".")[2] in SUFFIXES


@dataclass
class _Sample:
    image: str | None = None
    more: int = 0
    texts: dict[str, bytes] = field(default_factory=dict)


def read(source: Path, options: ReadOptions) -> Reading:
    """Unpack the images of all shards, and read their labels."""
    shards = _shards(source)
    if not shards:
        raise CatalogError(f"{source} is no tar file, and holds none.")
    to = home_of(source, options)
    entries: list[Entry] = []
    more = 0
    with new_folder(to, apart_from=None) as folder:
        unpacker = Unpacker(folder)
        for shard in shards:
            prefix = f"{shard.stem}/" if len(shards) > 1 else ""
            for key, sample in _samples(shard, prefix, unpacker).items():
                more += sample.more
                if sample.image is not None:
                    entries.append(_entry(shard, key, sample, options.label_column))
        if not entries:
            raise CatalogError(f"There is no image in {source}.")
    if not any(entry.opinions for entry in entries):
        keys = [entry.source_name.partition("#")[2] for entry in entries]
        folders, _ = guess_layout(keys).layout.read(keys)
        for entry, label in zip(entries, folders, strict=True):
            entry.opinions = [Opinion(labels=(label,))] if label else []
    return Reading(
        root=to.expanduser().resolve(),
        entries=merged(entries),
        base=shards[0].parent,
        documents=tuple(shards),
        in_place=True,
        findings=list(_findings(to, len(entries), more, unpacker.left_out)),
    )


def _findings(to: Path, images: int, more: int, left_out: list[str]) -> Iterator[Finding]:
    text = f"Tar files cannot be reviewed where they are. Images unpacked into {to}: {images:,}."
    yield Finding(topic="unpacked", text=text)
    if more:
        text = f"Of samples with several images, only the first is taken. Left out: {count(more, 'image')}."
        yield Finding(topic="several images", text=text, doubtful=True)
    if left_out:
        text = f"Left out: {count(len(left_out), 'file')}."
        yield Finding(topic="left out", text=text, doubtful=True, examples=tuple(left_out))


def _samples(shard: Path, prefix: str, unpacker: Unpacker) -> dict[str, _Sample]:
    samples: dict[str, _Sample] = {}
    for member in members(shard):
        key, ending = _split_name(member.name)
        sample = samples.setdefault(key, _Sample())
        if ending in _TEXTS and member.problem is None and member.size_bytes < _MOST_TEXT_BYTES:
            with member.open() as stream:
                sample.texts[ending] = stream.read()
        elif _is_image(ending) and sample.image is None:
            sample.image = unpacker.unpack(member, name=prefix + member.name.removeprefix("./"))
        elif _is_image(ending):
            sample.more += 1
    return samples


def _entry(shard: Path, key: str, sample: _Sample, asked: str | None) -> Entry:
    where = f"{shard}, {key}.json"
    document = parse_json(sample.texts["json"], where) if "json" in sample.texts else {}
    document = document if isinstance(document, dict) else {}
    place = _place(sample.texts, document, asked)
    label = _label(sample.texts, document, place)
    who = [document.get(k) for k in ("label_method", "label_by", "label_time")]
    opinion = Opinion(
        labels=(label,) if label else (),
        method=who[0] if who[0] in ("human", "machine") else "",
        by=as_text(who[1]),
        time=as_text(who[2]),
    )
    return Entry(
        name=sample.image or "",
        source_name=f"{shard.name}#{key}",
        opinions=[opinion] if label else [],
        split=split_of_shard(shard.stem),
        columns=scalars(document, without=(*_FIELDS, "label_method", "label_by", "label_time")),
    )


def _place(texts: dict[str, bytes], document: dict[str, Any], asked: str | None) -> str | None:
    """Return the file or field of a sample that holds its label."""
    if asked is not None:
        return asked if asked in texts or asked in document else None
    found = next((ending for ending in _CLASS_FILES if ending in texts), None)
    return found or next((name for name in _FIELDS if name in document), None)


def _label(texts: dict[str, bytes], document: dict[str, Any], place: str | None) -> str:
    if place is None:
        return ""
    if place in texts:
        return texts[place].decode("utf-8", "replace").strip()
    return as_text(document[place])


def write(job: Writing) -> None:
    """Write the tar files that the set came from with the present labels, or a new one."""
    if job.source is None:
        _write_new(job)
        return
    changes: dict[str, dict[str, Reviewed]] = {}
    for called, said in job.changes().items():
        shard, _, key = called.partition("#")
        changes.setdefault(shard, {})[key] = said[0]
    unplaced: list[str] = []
    for name in job.documents:
        if name not in changes:
            shutil.copyfile(job.source / name, job.folder / name)
        else:
            unplaced += _edit(job.source / name, job.folder / name, changes[name], job.label_column)
    if unplaced:
        job.notes.append(
            f"Samples without a place for a label, which got a file named “cls”: {len(unplaced):,}."
        )


def _edit(source: Path, target: Path, changes: dict[str, Reviewed], asked: str | None) -> list[str]:
    """Copy a shard with changes; return the keys of samples that got a new file for the label."""
    texts: dict[str, dict[str, bytes]] = {}
    for member in members(source):
        key, ending = _split_name(member.name)
        if key in changes and ending in _TEXTS and member.size_bytes < _MOST_TEXT_BYTES:
            with member.open() as stream:
                texts.setdefault(key, {})[ending] = stream.read()
    unplaced: list[str] = []
    done: set[str] = set()
    with tarfile.open(source) as old, tarfile.open(target, "w", format=tarfile.PAX_FORMAT) as new:
        for entry in old:
            key, ending = _split_name(entry.name)
            reviewed = changes.get(key)
            if reviewed is not None and reviewed.deleted:
                continue
            if reviewed is None or reviewed.label is None or not entry.isreg():
                new.addfile(entry, old.extractfile(entry) if entry.isreg() else None)
                continue
            data = _replaced(texts.get(key, {}), ending, reviewed, asked)
            if data is None:
                new.addfile(entry, old.extractfile(entry))
            else:
                entry.size = len(data)
                new.addfile(entry, io.BytesIO(data))
            if key not in done and _place_of(texts.get(key, {}), asked) is None:
                _add(new, f"{key}.cls", reviewed.label.encode())
                unplaced.append(key)
            done.add(key)
    return unplaced


def _place_of(texts: dict[str, bytes], asked: str | None) -> str | None:
    document = json.loads(texts["json"]) if "json" in texts else {}
    return _place(texts, document if isinstance(document, dict) else {}, asked)


def _replaced(texts: dict[str, bytes], ending: str, reviewed: Reviewed, asked: str | None) -> bytes | None:
    """Return the new content of one file of a sample; None if it stays as it is."""
    place, label = _place_of(texts, asked), reviewed.label or ""
    if ending == place:
        old = texts[ending]
        if old.decode("utf-8", "replace").strip() == label:
            return None
        return label.encode() + (b"\n" if old.endswith(b"\n") else b"")
    if ending == "json":
        document = json.loads(texts["json"])
        if not isinstance(document, dict):
            return None
        if place in document:
            as_number = isinstance(document[place], int) and label.isdigit()
            document[place] = int(label) if as_number else label
        if reviewed.decided:
            document |= _who(reviewed)
        return json.dumps(document, ensure_ascii=False).encode()
    return None


def _who(reviewed: Reviewed) -> dict[str, str]:
    opinion = reviewed.opinion
    said = {"label_method": opinion.method, "label_by": opinion.by, "label_time": opinion.time}
    return {key: value for key, value in said.items() if value}


def _add(tar: tarfile.TarFile, name: str, data: bytes) -> None:
    entry = tarfile.TarInfo(name)
    entry.size = len(data)
    tar.addfile(entry, io.BytesIO(data))


def _write_new(job: Writing) -> None:
    by_split: dict[str, list[Reviewed]] = {}
    for reviewed in job.images:
        if not reviewed.deleted:
            by_split.setdefault(reviewed.split or "images", []).append(reviewed)
    for split, images in by_split.items():
        keys: set[str] = set()
        with tarfile.open(job.folder / f"{split}-000000.tar", "w") as tar:
            for reviewed in images:
                path = job.path(reviewed.name)
                if not path.is_file():
                    continue
                suffix = PurePosixPath(reviewed.name).suffix.lower()
                plain = str(PurePosixPath(reviewed.name).with_suffix("")).replace(".", "_")
                key = plain if plain not in keys else f"{plain}_{len(keys)}"
                keys.add(key)
                tar.add(path, arcname=key + suffix, recursive=False)
                if reviewed.label is not None:
                    _add(tar, f"{key}.cls", reviewed.label.encode())
                more = {k: v for k, v in reviewed.columns.items() if v} | _who(reviewed)
                if more:
                    _add(tar, f"{key}.json", json.dumps(more, ensure_ascii=False).encode())
