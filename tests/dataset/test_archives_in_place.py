"""Sets in zip and tar archives, read where they are: the same set as in a folder, and nothing unpacked."""

from __future__ import annotations

import io
import os
import shutil
import stat
import tarfile
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import pytest
from pictures import COLOURS, make_picture

from cleaner import Workspace
from cleaner.dataset.dataset import Dataset
from cleaner.dataset.export import export_tree
from cleaner.dataset.formats.archives import members
from cleaner.errors import CatalogError, CleanerError, StoreError
from cleaner.images import archives
from cleaner.images.open import open_image
from cleaner.session.file_review import FileReview

Pack = Callable[[Path, Path], Path]


def zipped(folder: Path, to: Path) -> Path:
    """Put the files of a folder into a zip archive, every second one compressed."""
    with zipfile.ZipFile(to, "w") as archive:
        for i, path in enumerate(files_of(folder)):
            method = zipfile.ZIP_DEFLATED if i % 2 else zipfile.ZIP_STORED
            archive.write(path, path.relative_to(folder).as_posix(), compress_type=method)
    return to


def tarred(folder: Path, to: Path, *, format: int = tarfile.PAX_FORMAT, front: str = "./") -> Path:
    """Put a folder into a tar archive, as ``tar -cf`` does."""
    with tarfile.open(to, "w", format=format) as archive:
        for path in sorted(folder.rglob("*")):
            archive.add(path, front + path.relative_to(folder).as_posix(), recursive=False)
    return to


def files_of(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


@pytest.fixture
def nested_set(tmp_path: Path) -> Path:
    """A set in a wrapper folder with splits, a name beyond ASCII, and a long one."""
    root = tmp_path / "animals"
    for split, n in (("train", 3), ("val", 1)):
        for c, (label, colour) in enumerate(COLOURS.items()):
            for i in range(n):
                long = "x" * 80 if i == 1 else "ä" if i == 2 else ""
                path = root / "pictures" / split / label / f"{split}{label}{i}{long}.png"
                make_picture(path, colour, seed=100 * c + 10 * (split == "val") + i)
    (root / "readme.txt").write_text("hello")
    return root


def seen(dataset: Dataset) -> dict[str, tuple[object, ...]]:
    """Return what is known of each image: label, split, content, pixels."""
    catalog, hashes = dataset.scan(decode=True), dataset.index.hashes()
    return {
        name: (label, split, hashes[name], open_image(catalog.path(name)).tobytes())
        for name, label, split in zip(catalog.names, catalog.labels, catalog.splits, strict=True)
    }


@pytest.mark.parametrize("kind", ["zip", "pax", "gnu", "ustar"])
def test_an_archive_is_the_same_set_as_its_folder(nested_set: Path, tmp_path: Path, kind: str) -> None:
    formats = {"pax": tarfile.PAX_FORMAT, "gnu": tarfile.GNU_FORMAT, "ustar": tarfile.USTAR_FORMAT}
    if kind == "zip":
        archive = zipped(nested_set, tmp_path / "set.zip")
    else:
        archive = tarred(nested_set, tmp_path / "set.tar", format=formats[kind])
    before = archive.read_bytes()
    with Dataset(nested_set) as folder, Dataset(archive) as packed:
        assert seen(packed) == seen(folder)
        assert [f.text for f in packed.catalog.findings] == [f.text for f in folder.catalog.findings]
        assert packed.catalog.layout == folder.catalog.layout
        assert packed.thumbnails.get(packed.catalog.path(str(packed.catalog.names[0])))
    assert archive.read_bytes() == before
    there = {path.name for path in tmp_path.iterdir()}
    assert there == {"animals", archive.name, f"{archive.name}.cleaner"}


def test_odd_members_are_left_out_with_their_reason(tmp_path: Path) -> None:
    picture = make_picture(tmp_path / "p.png", COLOURS["red"])
    other = make_picture(tmp_path / "q.png", COLOURS["blue"])
    path = tmp_path / "odd.zip"
    link = zipfile.ZipInfo("cat/link.png")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(path, "w") as archive, pytest.warns(UserWarning, match="Duplicate name"):
        archive.write(other, "cat/a.png")
        archive.write(picture, "cat/a.png")
        archive.write(picture, "dog\\b.png")
        archive.write(picture, "dog/noname")
        archive.write(picture, "../out.png")
        archive.writestr("/etc/abs.png", picture.read_bytes())
        archive.write(picture, "__MACOSX/cat/._a.png")
        archive.write(picture, "cat/.hidden.png")
        archive.write(picture, "cat/._side.png")
        archive.writestr(link, "a.png")
        archive.writestr("cat/bomb.png", bytes(5_000_000), zipfile.ZIP_DEFLATED)
        archive.writestr("cat/squeezed.png", b"x" * 99, zipfile.ZIP_BZIP2)
        archive.writestr("more/inner.zip", b"PK\x03\x04")
    with Dataset(path) as dataset:
        assert list(dataset.catalog.names) == ["cat/a.png", "dog/b.png", "dog/noname"]
        assert dataset.index.hashes()["cat/a.png"] == dataset.index.hashes()["dog/b.png"]
        reasons = dict(dataset.catalog.left_out.itertuples(index=False))
        inner = next(f for f in dataset.catalog.findings if f.topic == "other_images")
    assert inner.examples == ("more/inner.zip",)
    assert "Unpack the archive" in inner.text
    expected = {
        "../out.png": "leads out",
        "/etc/abs.png": "absolute",
        "cat/a.png": "another file of this name",
        "cat/link.png": "a link",
        "cat/bomb.png": "unpacks to far more",
        "cat/squeezed.png": "compressed in a way",
    }
    assert reasons.keys() == expected.keys()
    assert all(part in reasons[name] for name, part in expected.items())


def test_links_and_holes_in_tar_files_are_left_out(tmp_path: Path) -> None:
    picture = make_picture(tmp_path / "cat" / "p.png", COLOURS["red"])
    path = tmp_path / "odd.tar"
    with tarfile.open(path, "w") as archive:
        archive.add(picture, "cat/p.png")
        for name, kind in (("cat/soft.png", tarfile.SYMTYPE), ("cat/hard.png", tarfile.LNKTYPE)):
            entry = tarfile.TarInfo(name)
            entry.type, entry.linkname = kind, "cat/p.png"
            archive.addfile(entry)
    whole = path.read_bytes()
    assert archives.listing(path).left_out.keys() == {"cat/soft.png", "cat/hard.png"}
    path.write_bytes(whole[: whole.find(b"IDAT")])
    assert all("cut off" in why for why in archives.listing(path).left_out.values())
    assert archives.listing(path).left_out.keys() == {"cat/p.png", "the rest of the archive"}
    path.write_bytes(b"nonsense" * 200)
    with pytest.raises(CatalogError, match="cannot be read"):
        Dataset(path).listed()


def test_what_is_in_a_large_tar_file_is_remembered_until_it_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    picture = make_picture(tmp_path / "p.png", COLOURS["red"])
    path = tmp_path / "data.tar"

    def pack(*labels: str) -> None:
        with tarfile.open(path, "w") as archive:
            archive.add(picture, "1.png")
            for i in range(500):
                entry = tarfile.TarInfo(f"{i}.cls")
                entry.size = 3
                archive.addfile(entry, io.BytesIO(labels[i % len(labels)].encode()))

    def labels() -> list[str]:
        with monkeypatch.context() as patch, Dataset(path) as dataset:
            patch.setattr(archives, "_listings", OrderedDict())  # as in a new process
            return dataset.catalog.classes

    def refuse(*_: object) -> None:
        raise AssertionError("the headers are read again")

    pack("cat", "dog")
    assert labels() == ["dog"]
    with monkeypatch.context() as patch:
        patch.setattr(archives, "_list_tar", refuse)
        assert labels() == ["dog"]
    pack("owl")
    os.utime(path, ns=(1, 1))
    assert labels() == ["owl"]


def test_encrypted_and_damaged_members_are_named(tmp_path: Path) -> None:
    folder = tmp_path / "set"
    for name in ("a", "b", "c"):
        make_picture(folder / "cat" / f"{name}.png", COLOURS["red"], seed=ord(name))
    path = zipped(folder, tmp_path / "set.zip")
    data = bytearray(path.read_bytes())
    for at in (data.find(b"PK\x01\x02"),):
        data[at + 8] |= 1  # the first member says that it is encrypted
    damaged = data.find(b"IDAT", data.find(b"cat/b.png")) if b"IDAT" in data else -1
    data[data.find(b"cat/c.png") + 60] ^= 0xFF
    assert damaged != 0
    path.write_bytes(bytes(data))
    with Dataset(path) as dataset:
        assert list(dataset.catalog.names) == ["cat/b.png"]
        reasons = dict(dataset.catalog.left_out.itertuples(index=False))
    assert reasons["cat/a.png"] == "protected by a password; unpack the archive first"
    assert "damaged" in reasons["cat/c.png"]


def rewritten(path: Path, *, local: int, central: int, value: int) -> None:
    """Put a 16-bit number into every header of a zip archive, beside the files and in the list."""
    data = bytearray(path.read_bytes())
    for mark, offset in ((b"PK\x03\x04", local), (b"PK\x01\x02", central)):
        at = data.find(mark)
        while at >= 0:
            data[at + offset : at + offset + 2] = value.to_bytes(2, "little")
            at = data.find(mark, at + 4)
    path.write_bytes(data)


@pytest.mark.parametrize(
    ("field", "reason"),
    [
        ({"local": 8, "central": 10, "value": 97}, "compressed in a way that cannot be read here"),
        ({"local": 4, "central": 6, "value": 99}, "version 9.9"),
    ],
)
def test_zip_archives_beyond_what_can_be_read_get_a_sentence(
    tmp_path: Path, field: dict[str, int], reason: str
) -> None:
    for name in ("a", "b"):
        make_picture(tmp_path / "set" / "cat" / f"{name}.png", COLOURS["red"])
    path = zipped(tmp_path / "set", tmp_path / "set.zip")
    rewritten(path, **field)
    # in place, and unpacked
    with pytest.raises(CatalogError, match=reason), Dataset(path) as dataset:
        dataset.scan()
    with pytest.raises(CatalogError, match=reason):
        for member in members(path):
            raise CatalogError(member.problem or "nothing is wrong")


def test_names_of_macos_are_read_as_they_were_written(tmp_path: Path) -> None:
    path = tmp_path / "mac.zip"
    picture = make_picture(tmp_path / "p.png", COLOURS["red"])
    with zipfile.ZipFile(path, "w") as archive:
        archive.write(picture, "Café/1.png")
    data = path.read_bytes()
    path.write_bytes(data.replace(b"\x00\x08", b"\x00\x00"))  # the flag that says: UTF-8
    assert zipfile.ZipFile(path).namelist() != ["Café/1.png"]
    assert list(archives.listing(path).members) == ["Café/1.png"]


def test_decisions_follow_the_content_into_a_new_archive(make_set: Callable[..., Path]) -> None:
    root = make_set(4)
    path = zipped(root, root.with_name("photos.zip"))
    with Workspace(path, reviewer="ada") as ws:
        ws.store.decide("red/red_000.png", "delete")
        ws.store.decide("red/red_001.png", "relabel", label="blue")
        assert ws.cleaned_csv == path.with_name("photos.zip.cleaned.csv")
        ws.csv_writer().close()
    (root / "red" / "red_000.png").rename(root / "red" / "other.png")
    shutil.copy(root / "green" / "green_000.png", root / "red" / "red_001.png")
    path.unlink()
    zipped(root, path)
    with Workspace(path) as ws:
        progress = ws.store.state.progress()
        assert "red/other.png" not in ws.cleaned().names
        assert (progress.decided, progress.asked_again) == (1, 1)


def test_a_renamed_archive_finds_its_decisions_again(make_set: Callable[..., Path]) -> None:
    root = make_set(4)
    path = zipped(root, root.with_name("photos.zip"))
    with Workspace(path) as ws:
        ws.store.decide("red/red_000.png", "delete")
    with Workspace(path.rename(path.with_name("images 2.zip"))) as ws:
        assert ws.store.state.progress().decided == 1
        assert ws.notices
    with Workspace(path.with_name("images 2.zip")) as ws:
        assert ws.store.state.progress().decided == 1


def test_nothing_in_an_archive_is_moved(make_set: Callable[..., Path]) -> None:
    path = zipped(root := make_set(4), root.with_name("photos.zip"))
    with Workspace(path) as ws:
        ws.store.decide("red/red_000.png", "delete")
        for dry_run in (True, False):
            with pytest.raises(StoreError, match="never changed"):
                ws.trash.apply(dry_run=dry_run)
        assert len(ws.trash.restore()) == 0
        with pytest.raises(CleanerError, match="never changed"):
            FileReview([ws.catalog.path(str(name)) for name in ws.catalog.names])


def test_a_cleaned_set_is_exported_from_archive_to_archive(make_set: Callable[..., Path]) -> None:
    path = zipped(root := make_set(4), root.with_name("photos.zip"))
    with Workspace(path) as ws:
        ws.store.decide("red/red_000.png", "delete")
        ws.store.decide("red/red_001.png", "relabel", label="blue")
        assert export_tree(ws.cleaned(), root.with_name("new"), link=True).copied == 11
        formats = ["zip", "webdataset", "huggingface", *(["parquet"] if find_spec("pyarrow") else [])]
        for format in formats:
            ws.export_as(format, root.with_name(format))
    expected = {
        path.read_bytes(): "blue" if path.name == "red_001.png" else path.parent.name
        for path in files_of(root)
        if path.name != "red_000.png"
    }
    for new in (root.with_name("new"), root.with_name("zip") / "images.zip", root.with_name("webdataset")):
        with Dataset(new) as dataset:
            catalog = dataset.catalog
            read = {
                archives.read_bytes(catalog.path(str(name))): catalog.label_of(name) for name in catalog.names
            }
        assert read == expected
    assert {path.read_bytes() for path in root.with_name("huggingface").rglob("*.png")} == expected.keys()


def test_a_table_in_an_archive_gives_the_labels(tmp_path: Path) -> None:
    root = tmp_path / "set"
    for i in range(4):
        make_picture(root / "images" / f"{i}.png", COLOURS["red"], seed=i)
    (root / "labels.csv").write_text("name,label\n" + "".join(f"{i},{'ab'[i % 2]}\n" for i in range(4)))
    path = zipped(root, tmp_path / "set.zip")
    with Dataset(path) as dataset:
        beside = next(f for f in dataset.catalog.findings if f.topic == "table_beside")
        assert str(path / "labels.csv") in beside.text
    with Dataset(path / "labels.csv") as dataset:
        assert dataset.root == path
        assert dataset.catalog.label_of("images/3.png") == "b"
        assert dataset.cleaned_csv.parent == tmp_path
    shutil.copy(root / "labels.csv", tmp_path / "set.zip.cleaned.csv")
    with Dataset(tmp_path / "set.zip.cleaned.csv") as dataset:  # what an earlier review wrote
        assert (dataset.root, len(dataset.catalog)) == (path, 4)


def test_a_read_only_folder_is_left_alone(
    make_set: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = zipped(root := make_set(2), root.with_name("photos.zip"))
    refused = path.with_name("photos.zip.cleaner")
    mkdir = Path.mkdir

    def mkdir_elsewhere(self: Path, *args: object, **kwargs: object) -> None:
        if self == refused:
            raise PermissionError(13, "Permission denied")
        mkdir(self, *args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(Path, "mkdir", mkdir_elsewhere)
    with Dataset(path) as dataset:
        assert len(dataset.catalog) == 6
        assert not dataset.state.is_relative_to(path.parent)


def test_a_compressed_tar_says_what_to_do(make_set: Callable[..., Path]) -> None:
    root = make_set(1)
    path = root.with_name("set.tar.gz")
    with tarfile.open(path, "w:gz") as archive:
        archive.add(root, "set")
    with pytest.raises(CatalogError, match="cleaner import"):
        Dataset(path)


def shards_of(folder: Path, to: Path, names: tuple[str, ...], parts: Callable[[int], int]) -> list[Path]:
    """Divide the files of a folder among tar archives."""
    to.mkdir()
    files = files_of(folder)
    for k, shard in enumerate(names):
        with tarfile.open(to / shard, "w") as archive:
            for i, path in enumerate(files):
                if parts(i) == k:
                    archive.add(path, path.relative_to(folder).as_posix())
    return [to / name for name in names]


def test_shards_are_one_set_by_their_folder_or_their_numbers(
    make_set: Callable[..., Path], tmp_path: Path
) -> None:
    root = make_set(4)
    names = ("data-08.tar", "data-09.tar", "data-10.tar")
    shards_of(root, tmp_path / "shards", names, lambda i: i % 3)
    with (
        Dataset(root) as plain,
        Dataset(tmp_path / "shards") as folder,
        Dataset(tmp_path / "shards" / "data-{08..10}.tar") as numbered,
    ):
        expected = sorted(row[:2] + row[2:] for row in seen(plain).values())
        for dataset in (folder, numbered):
            assert sorted(seen(dataset).values()) == expected
            assert {name.partition("/")[0] for name in dataset.catalog.names} == set(names)
        assert numbered.state == tmp_path / "shards" / "data-{08..10}.tar.cleaner"
        assert len(folder.listed()) == 12  # the state beside the archives is no part of the set
    with pytest.raises(CatalogError, match=r"data-11\.tar cannot be read"):
        Dataset(tmp_path / "shards" / "data-{08..11}.tar").listed()


def test_archives_named_like_splits_or_classes_are_those(
    tmp_path: Path, make_set: Callable[..., Path]
) -> None:
    root = make_set(4)
    for name, first in (("train.zip", 0), ("test.zip", 3)):
        part = tmp_path / "part" / name
        for path in files_of(root):
            if (int(path.stem[-3:]) >= 3) == bool(first):
                (part / path.parent.name).mkdir(parents=True, exist_ok=True)
                shutil.copy(path, part / path.parent.name)
        (tmp_path / "splits").mkdir(exist_ok=True)
        zipped(part, tmp_path / "splits" / name)
    (tmp_path / "classes").mkdir()
    for label in COLOURS:
        zipped(root / label, tmp_path / "classes" / f"{label}.zip")
    with Dataset(tmp_path / "splits") as dataset:
        counts = dataset.catalog.summary()
        assert counts["splits"]["test"] == 3
        assert set(counts["classes"]) == set(COLOURS)
    with Dataset(tmp_path / "classes") as dataset:
        assert set(dataset.catalog.classes) == set(COLOURS)


def test_a_layout_that_was_named_outweighs_the_labels_of_samples_until_it_is_forgotten(
    make_set: Callable[..., Path],
) -> None:
    root = make_set(2)
    for path in root.rglob("*.png"):
        path.with_suffix(".cls").write_text("same")
    path = tarred(root, root.with_name("set.tar"))

    def classes(**told: str) -> tuple[list[str], bool]:
        with Dataset(path, **told) as dataset:  # type: ignore[arg-type] # whatever is told
            found = dataset.catalog
            return found.classes, any(finding.topic == "samples_unused" for finding in found.findings)

    assert classes() == (["same"], False)
    assert classes(layout="class") == classes() == (["blue", "green", "red"], True)
    assert classes(layout="auto") == classes() == (["same"], False)
