"""Zip and tar archives of any content, read like the standard library reads them."""

from __future__ import annotations

import io
import tarfile
import zipfile
from pathlib import Path, PurePosixPath

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cleaner.images import archives

# Names as they are in archives of every kind: long, deep, beyond ASCII; none with a backslash or a zero byte.
PARTS = st.text(
    st.characters(exclude_characters="/\\\0", exclude_categories=("Cs",)), min_size=1, max_size=90
)
NAMES = st.lists(PARTS.filter(lambda part: part not in (".", "..")), min_size=1, max_size=4).map("/".join)
FORMATS = st.sampled_from([tarfile.PAX_FORMAT, tarfile.GNU_FORMAT])
FILES = st.dictionaries(NAMES, st.binary(max_size=1500), min_size=1, max_size=6)
QUICK = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def read_all(path: Path) -> dict[str, bytes]:
    archive = archives.listing(path)
    assert archive.left_out == {}
    found = {name: archives.read_bytes(path / name) for name in archive.members}
    assert dict(archive.read_many(archive.members)) == found
    for name, data in found.items():
        assert archives.state_of(path / name).size_bytes == len(data)
        assert archives.read_bytes(path / name, 10) == data[:10]
        with archives.open_binary(path / name) as file:
            assert file.read() == data
    return found


@QUICK
@given(files=FILES, packed=st.sampled_from([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED]))
def test_any_zip_file_is_read_as_it_was_written(tmp_path: Path, files: dict[str, bytes], packed: int) -> None:
    path = tmp_path / "some.zip"
    with zipfile.ZipFile(path, "w", packed) as archive:
        for name, data in files.items():
            archive.writestr(zipfile.ZipInfo(name), data, packed)
    assert read_all(path) == files


@QUICK
@given(
    files=FILES,
    format=st.sampled_from([tarfile.PAX_FORMAT, tarfile.GNU_FORMAT]),
    front=st.sampled_from(["", "./"]),
)
def test_any_tar_file_is_read_as_it_was_written(
    tmp_path: Path, files: dict[str, bytes], format: int, front: str
) -> None:
    path = tmp_path / "some.tar"
    with tarfile.open(path, "w", format=format) as archive:
        for name, data in files.items():
            entry = tarfile.TarInfo(front + name)
            entry.size, entry.mtime = len(data), 1.5  # not whole: in PAX, a header of its own
            archive.addfile(entry, io.BytesIO(data))
    assert read_all(path) == files


def test_a_folder_that_is_called_like_an_archive_is_a_folder(tmp_path: Path) -> None:
    file = tmp_path / "old.zip" / "1.png"
    file.parent.mkdir()
    file.write_bytes(b"data")
    assert archives.read_bytes(file) == b"data"
    assert not archives.in_archive(file)
    assert not archives.is_archive(file.parent)
    with zipfile.ZipFile(tmp_path / "old.zip" / "inner.zip", "w") as archive:
        archive.writestr("2.png", b"more")
    assert archives.read_bytes(tmp_path / "old.zip" / "inner.zip" / "2.png") == b"more"


def test_a_path_in_an_archive_leads_nowhere_else(tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"secret")
    path = tmp_path / "some.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.png", b"data")
    for name in ("../secret", "/etc/passwd", "b.png", "a.png/x"):
        with pytest.raises(OSError):
            archives.read_bytes(Path(f"{path}/{PurePosixPath(name)}"))
        assert not archives.is_file(Path(f"{path}/{name}"))
    path.write_bytes(b"PK\x03\x04 nonsense")
    with pytest.raises(OSError, match="damaged"):
        archives.read_bytes(path / "a.png")
