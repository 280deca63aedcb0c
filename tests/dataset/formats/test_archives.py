"""Archives: WebDataset there and back, zip files of folders and documents, and dangerous ones."""

from __future__ import annotations

import io
import json
import stat
import tarfile
import zipfile
from pathlib import Path

import pytest
from foreign import DELETE, REVIEWER, bring_in, decide, labels, photos, rows, topics, write_out

from cleaner import Workspace
from cleaner.dataset.formats import archives
from cleaner.errors import CatalogError


def add(tar: tarfile.TarFile, name: str, data: bytes) -> None:
    info = tarfile.TarInfo(name)
    info.size, info.mtime = len(data), 7
    tar.addfile(info, io.BytesIO(data))


def members(path: Path) -> dict[str, bytes]:
    with tarfile.open(path) as tar:
        return {entry.name: (tar.extractfile(entry) or io.BytesIO()).read() for entry in tar}


@pytest.fixture
def picture_bytes(tmp_path: Path) -> list[bytes]:
    folder = photos(tmp_path / "photos", [f"{i}.png" for i in range(4)])
    return [path.read_bytes() for path in sorted(folder.iterdir())]


@pytest.fixture
def shard(tmp_path: Path, picture_bytes: list[bytes]) -> Path:
    path = tmp_path / "train-000.tar"
    with tarfile.open(path, "w") as tar:
        for i, data in enumerate(picture_bytes):
            add(tar, f"x/{i}.png", data)
            if i < 3:
                add(tar, f"x/{i}.cls", b"3\n" if i else b"4\n")
            add(tar, f"x/{i}.json", json.dumps({"site": f"s{i}", "n": i}).encode())
            add(tar, f"x/{i}.npy", b"kept")
    return path


def test_samples_of_a_web_dataset_are_images_with_labels(shard: Path, picture_bytes: list[bytes]) -> None:
    done = bring_in(shard)
    assert done.format.name == "webdataset"
    assert labels(done) == {"x/0.png": "4", "x/1.png": "3", "x/2.png": "3", "x/3.png": None}
    assert rows(done)["x/1.png"]["site"] == "s1"
    assert {row["split"] for row in rows(done).values()} == {"train"}
    assert (done.reading.root / "x" / "0.png").read_bytes() == picture_bytes[0]
    assert "unpacked" in topics(done)


def test_a_shard_without_a_decision_is_the_same_byte_by_byte(shard: Path, tmp_path: Path) -> None:
    write_out(bring_in(shard), tmp_path / "out")
    assert (tmp_path / "out" / shard.name).read_bytes() == shard.read_bytes()


def test_decisions_are_written_into_the_samples(shard: Path, tmp_path: Path) -> None:
    done = bring_in(shard)
    decide(done, {"x/0.png": "fox", "x/1.png": DELETE, "x/3.png": "3"})
    told = write_out(done, tmp_path / "out")
    old, new = members(shard), members(tmp_path / "out" / shard.name)
    expected = {name: data for name, data in old.items() if not name.startswith("x/1.")}
    expected |= {"x/0.cls": b"fox\n", "x/3.cls": b"3"}
    for name in ("x/0.json", "x/3.json"):
        said = json.loads(new[name])
        assert (said["label_by"], said.pop("label_method")) == (REVIEWER, "human")
        assert said["site"] == json.loads(old[name])["site"]
        expected[name] = new[name]
    assert new == expected
    assert "cls" in told.notes[0]


def test_a_label_can_be_a_field_of_the_json(tmp_path: Path, picture_bytes: list[bytes]) -> None:
    path = tmp_path / "s.tar"
    with tarfile.open(path, "w") as tar:
        add(tar, "0.png", picture_bytes[0])
        add(tar, "0.json", b'{"animal": "fox", "label": 5}')
    done = bring_in(path, label_column="animal")
    assert labels(done) == {"0.png": "fox"}
    decide(done, {"0.png": "bear"})
    write_out(done, tmp_path / "out")
    said = json.loads(members(tmp_path / "out" / path.name)["0.json"])
    assert (said["animal"], said["label"]) == ("bear", 5)


def test_samples_are_read_where_they_are_like_those_that_were_unpacked(shard: Path, tmp_path: Path) -> None:
    done = bring_in(shard, to=tmp_path / "unpacked")
    for_both = {"x/0.png": "fox", "x/1.png": DELETE, "x/3.png": "3"}
    decide(done, for_both)
    write_out(done, tmp_path / "of-import")
    before = sorted(p.name for p in tmp_path.iterdir())
    with Workspace(shard, reviewer=REVIEWER) as ws:
        table = ws.catalog.table.set_index("name")
        assert dict(table["label"]) == labels(done)
        assert table["site"]["x/1.png"] == "s1"
        assert "samples" in {f.topic for f in ws.catalog.findings}
        for name, label in for_both.items():
            act = ("delete", None) if label is DELETE else ("relabel", label)
            ws.store.decide(name, act[0], label=act[1])
        told = ws.export_as("webdataset", tmp_path / "in-place")
        ws.csv_writer().close()
    assert told.edited
    new, old = (members(tmp_path / to / shard.name) for to in ("in-place", "of-import"))
    assert new.keys() == old.keys()
    assert all(new[name] == old[name] for name in new if not name.endswith(".json"))
    assert json.loads(new["x/0.json"])["label_by"] == REVIEWER
    added = {f"{shard.name}.cleaner", f"{shard.name}.cleaned.csv", "in-place"}
    assert {p.name for p in tmp_path.iterdir()} - set(before) <= added


def test_what_of_a_sample_is_the_label_is_told_once(tmp_path: Path, picture_bytes: list[bytes]) -> None:
    path = tmp_path / "data-1.tar"
    with tarfile.open(path, "w") as tar:
        for i, data in enumerate(picture_bytes[:3]):
            add(tar, f"{i}.png", data)
            add(tar, f"{i}.txt", b"a word")
            add(tar, f"{i}.json", [b'{"animal": "fox", "label": 5}', b"nonsense", b"[]"][i])
        add(tar, "0.second.png", picture_bytes[3])
    with Workspace(path) as ws:
        assert dict(zip(ws.catalog.names, ws.catalog.labels, strict=True)) == {
            "0.png": "5",
            "1.png": None,
            "2.png": None,
        }
        left_out = dict(ws.catalog.left_out.itertuples(index=False))
        assert left_out["0.second.png"] == "another image of the sample with 0.png"
        assert {"several images", "damaged documents", "unlabelled"} <= {
            f.topic for f in ws.catalog.findings if f.doubtful or f.topic == "unlabelled"
        }
    for told in ("animal", None):
        with Workspace(path, label_column=told) as ws:
            assert ws.catalog.classes == ["fox"]
    with Workspace(path, label_column="txt") as ws:
        assert ws.catalog.classes == ["a word"]


def test_a_folder_of_shards_is_exported_shard_by_shard(tmp_path: Path, picture_bytes: list[bytes]) -> None:
    folder = tmp_path / "shards"
    folder.mkdir()
    for k, split in enumerate(("train", "val")):
        with tarfile.open(folder / f"{split}-000.tar", "w") as tar:
            for i in range(2):
                add(tar, f"{i}.png", picture_bytes[2 * k + i])
                add(tar, f"{i}.cls", b"%d" % i)
    with Workspace(folder) as ws:
        given = dict(
            zip(ws.catalog.names, zip(ws.catalog.labels, ws.catalog.splits, strict=True), strict=True)
        )
        assert given["val-000.tar/1.png"] == ("1", "valid")
        ws.store.decide("val-000.tar/1.png", "relabel", label="0")
        ws.export_as("webdataset", tmp_path / "out")
    assert (tmp_path / "out" / "train-000.tar").read_bytes() == (folder / "train-000.tar").read_bytes()
    assert members(tmp_path / "out" / "val-000.tar")["1.cls"] == b"0"


def test_a_set_from_elsewhere_becomes_new_shards(shard: Path, tmp_path: Path) -> None:
    write_out(bring_in(shard), tmp_path / "hf", format="huggingface")
    write_out(bring_in(tmp_path / "hf"), tmp_path / "new", format="webdataset")
    again = bring_in(tmp_path / "new", to=tmp_path / "unpacked")
    assert sorted(filter(None, labels(again).values())) == ["3", "3", "4"]
    assert len(labels(again)) == 4


def test_a_zip_file_of_class_folders_is_unpacked_and_opens_as_it_is(
    tmp_path: Path, picture_bytes: list[bytes]
) -> None:
    path = tmp_path / "bears.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("black/1.png", picture_bytes[0])
        archive.writestr("grizzly/1.png", picture_bytes[1])
        archive.writestr("__MACOSX/black/._1.png", b"junk")
        archive.writestr("run.sh", b"rm -rf /")
    done = bring_in(path)
    assert done.table is None
    assert "in place" in topics(done)
    with Workspace(done.reading.root) as workspace:
        assert workspace.catalog.classes == ["black", "grizzly"]
    files = {p.name for p in done.reading.root.rglob("*") if p.is_file() and ".cleaner" not in p.parts}
    assert files == {"1.png"}


def test_a_zip_file_with_a_document_is_read_as_that(tmp_path: Path, picture_bytes: list[bytes]) -> None:
    path = tmp_path / "task.zip"
    xml = '<annotations><image id="0" name="a.png"><tag label="fox" source="manual"/></image></annotations>'
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("images/a.png", picture_bytes[0])
        archive.writestr("annotations.xml", xml)
    done = bring_in(path)
    assert (done.format.name, labels(done)) == ("cvat", {"a.png": "fox"})
    assert "unpacked" in topics(done)
    decide(done, {"a.png": "bear"})
    write_out(done, tmp_path / "out")
    assert 'label="bear"' in (tmp_path / "out" / "annotations.xml").read_text()


@pytest.mark.parametrize(
    "name", ["../evil.png", "/etc/evil.png", "a/../../evil.png", "..\\evil.png", "C:\\evil.png"]
)
def test_names_that_lead_out_are_not_unpacked(tmp_path: Path, picture_bytes: list[bytes], name: str) -> None:
    path = tmp_path / "deep" / "bad.zip"
    path.parent.mkdir()
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("good/1.png", picture_bytes[0])
        archive.writestr(name, picture_bytes[1])
    done = bring_in(path)
    assert "left out" in topics(done)
    assert not list(tmp_path.rglob("evil.png"))


def test_links_and_devices_are_not_unpacked(tmp_path: Path, picture_bytes: list[bytes]) -> None:
    path = tmp_path / "bad.tar"
    with tarfile.open(path, "w") as tar:
        add(tar, "good/1.png", picture_bytes[0])
        link = tarfile.TarInfo("good/2.png")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(link)
        pipe = tarfile.TarInfo("good/3.png")
        pipe.type = tarfile.FIFOTYPE
        tar.addfile(pipe)
    done = bring_in(path)
    assert sorted(p.name for p in done.reading.root.rglob("*.png")) == ["1.png"]


def test_links_in_zip_files_and_bombs_are_not_unpacked(tmp_path: Path, picture_bytes: list[bytes]) -> None:
    path = tmp_path / "bad.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("good/1.png", picture_bytes[0])
        link = zipfile.ZipInfo("good/2.png")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/passwd")
        archive.writestr("good/3.png", bytes(30_000_000))
    done = bring_in(path)
    assert sorted(p.name for p in done.reading.root.rglob("*.png")) == ["1.png"]
    (left_out,) = [finding for finding in done.findings if finding.topic == "left out"]
    assert len(left_out.examples) == 2


def test_an_archive_larger_than_the_disk_is_refused(
    tmp_path: Path, picture_bytes: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a/1.png", picture_bytes[0])
    monkeypatch.setattr("shutil.disk_usage", lambda _path: type("Usage", (), {"free": 10**9 + 5})())
    with pytest.raises(CatalogError, match="no room"):
        bring_in(path)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.zip", "photos"]


def test_names_that_differ_in_case_only_do_not_overwrite_each_other(
    tmp_path: Path, picture_bytes: list[bytes]
) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a/1.png", picture_bytes[0])
        archive.writestr("A/1.PNG", picture_bytes[1])
    assert len(list(bring_in(path).reading.root.rglob("*.[pP][nN][gG]"))) == 2


@pytest.mark.parametrize("data", [b"PK\x03\x04", b"", b"ustar no"])
def test_what_is_no_archive_gets_a_sentence(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "x.zip"
    path.write_bytes(data)
    with pytest.raises(CatalogError):
        bring_in(path)


def test_an_archive_without_images_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.txt", "x")
    with pytest.raises(CatalogError, match="no image in the archive"):
        bring_in(path)


def test_damaged_files_of_a_zip_archive_are_left_out_with_a_sentence(
    tmp_path: Path, picture_bytes: list[bytes]
) -> None:
    path = tmp_path / "set.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for i, data in enumerate(picture_bytes[:2]):
            archive.writestr(f"{i}.png", data)
    packed = bytearray(path.read_bytes())
    packed[packed.find(b"0.png") + 40] ^= 0xFF
    path.write_bytes(packed)
    unpacker = archives.Unpacker(tmp_path)
    assert [unpacker.unpack(member) for member in archives.members(path)] == [None, "1.png"]
    assert unpacker.left_out[0].startswith("0.png: damaged")
    assert not (tmp_path / "0.png").exists()
