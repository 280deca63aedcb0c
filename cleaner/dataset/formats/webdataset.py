"""WebDataset's tar files as a foreign format: images unpacked from them, and labels written into them.

See `cleaner.dataset.formats.samples` for what a sample is, and for reading samples where they are. An export
reads the tar files, and writes them again with the labels replaced and without the deleted samples; a shard
without a change is copied as it is.
"""

from __future__ import annotations

import io
import json
import shutil
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from cleaner.dataset.catalog import Catalog
from cleaner.dataset.findings import Finding
from cleaner.dataset.formats.archives import Unpacker, home_of, members, where_it_is
from cleaner.dataset.formats.entries import (
    SOURCE_NAME,
    Entry,
    Opinion,
    Reading,
    ReadOptions,
    Reviewed,
    Writing,
    merged,
    split_of_shard,
)
from cleaner.dataset.formats.memory import Kept
from cleaner.dataset.formats.samples import (
    MOST_TEXT_BYTES,
    TEXTS,
    entry_of,
    is_image,
    place_of_label,
    split_name,
)
from cleaner.dataset.layout_guess import guess_layout
from cleaner.dataset.new_folder import new_folder
from cleaner.errors import CatalogError
from cleaner.images import archives
from cleaner.util.wording import count

_LOOK_AT = 200  # members


def recognises(source: Path) -> bool:
    """Tell whether a tar file, or the first of a folder's, has images with a label beside them."""
    shards = _shards(source)
    if not shards:
        return False
    kinds: dict[str, set[str]] = {}
    for number, member in enumerate(members(shards[0])):
        key, ending = split_name(member.name)
        kinds.setdefault(key, set()).add("image" if is_image(ending) else ending)
        if number >= _LOOK_AT:
            break
    return any("image" in kind and kind & TEXTS for kind in kinds.values())


def _shards(source: Path) -> list[Path]:
    if source.is_dir():
        return sorted(source.glob("*.tar"))
    return [source] if source.suffix == ".tar" and source.is_file() and tarfile.is_tarfile(source) else []


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
                    called = f"{shard.name}#{key}"
                    entries.append(
                        entry_of(
                            sample.image,
                            called,
                            sample.texts,
                            split=split_of_shard(shard.stem),
                            label_column=options.label_column,
                        )
                    )
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
        findings=list(_findings(source, to, len(entries), more, unpacker.left_out)),
    )


def _findings(source: Path, to: Path, images: int, more: int, left_out: list[str]) -> Iterator[Finding]:
    yield Finding(topic="unpacked", text=f"Images unpacked into {to}: {images:,}.")
    yield from where_it_is(source)
    if more:
        text = f"Of samples with several images, only the first is taken. Left out: {count(more, 'image')}."
        yield Finding(topic="several images", text=text, doubtful=True)
    if left_out:
        text = f"Left out: {count(len(left_out), 'file')}."
        yield Finding(topic="left out", text=text, doubtful=True, examples=tuple(left_out))


def _samples(shard: Path, prefix: str, unpacker: Unpacker) -> dict[str, _Sample]:
    samples: dict[str, _Sample] = {}
    for member in members(shard):
        key, ending = split_name(member.name)
        sample = samples.setdefault(key, _Sample())
        if ending in TEXTS and member.problem is None and member.size_bytes < MOST_TEXT_BYTES:
            with member.open() as stream:
                sample.texts[ending] = stream.read()
        elif is_image(ending) and sample.image is None:
            sample.image = unpacker.unpack(member, name=prefix + member.name.removeprefix("./"))
        elif is_image(ending):
            sample.more += 1
    return samples


def shards_in_place(catalog: Catalog, label_column: str | None) -> Kept | None:
    """Return the shards whose samples are the images of a set; None if it has none."""
    if catalog.root is None or SOURCE_NAME not in catalog.table.columns:
        return None
    shards = {str(called).partition("#")[0] for called in catalog.table[SOURCE_NAME]}
    folder = catalog.root if catalog.root.is_dir() else catalog.root.parent
    return Kept(
        format="webdataset", folder=folder, documents=tuple(sorted(shards)), label_column=label_column
    )


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
        key, ending = split_name(member.name)
        if key in changes and ending in TEXTS and member.size_bytes < MOST_TEXT_BYTES:
            with member.open() as stream:
                texts.setdefault(key, {})[ending] = stream.read()
    unplaced: list[str] = []
    done: set[str] = set()
    with tarfile.open(source) as old, tarfile.open(target, "w", format=tarfile.PAX_FORMAT) as new:
        for entry in old:
            key, ending = split_name(entry.name)
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
    return place_of_label(texts, document if isinstance(document, dict) else {}, asked)


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
                if not archives.is_file(path):
                    continue
                suffix = PurePosixPath(reviewed.name).suffix.lower()
                plain = str(PurePosixPath(reviewed.name).with_suffix("")).replace(".", "_")
                key = plain if plain not in keys else f"{plain}_{len(keys)}"
                keys.add(key)
                if archives.in_archive(path):
                    _add(tar, key + suffix, archives.read_bytes(path))
                else:
                    tar.add(path, arcname=key + suffix, recursive=False)
                if reviewed.label is not None:
                    _add(tar, f"{key}.cls", reviewed.label.encode())
                more = {k: v for k, v in reviewed.columns.items() if v} | _who(reviewed)
                if more:
                    _add(tar, f"{key}.json", json.dumps(more, ensure_ascii=False).encode())
