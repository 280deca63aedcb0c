from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from cleaner.dataset import state_folder as places
from cleaner.dataset.state_folder import is_network, place_state
from cleaner.dataset.user import home

MOUNTS = r"""/dev/vda / ext4 rw,relatime 0 0
server:/export /mnt/photos nfs4 rw 0 0
//server/share /mnt/with\040space cifs rw 0 0
me@host:/ /mnt/photos/remote fuse.sshfs rw 0 0
tmpfs /mnt/photos/fast tmpfs rw 0 0
"""


def test_the_state_is_in_the_root_and_hidden_from_git(tmp_path: Path) -> None:
    folder, notices = place_state(tmp_path, state=None, shared_store=False)

    assert (folder, notices) == (tmp_path / ".cleaner", [])
    assert (folder / ".gitignore").read_text() == "*\n"
    assert place_state(tmp_path, state=None, shared_store=False)[0] == folder
    assert [path.name for path in folder.iterdir()] == [".gitignore"]


def test_a_root_that_cannot_be_written_to_has_its_state_with_the_user(tmp_path: Path) -> None:
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / ".cleaner").write_text("a file is in the way")

    folder, notices = place_state(tmp_path / "set", state=None, shared_store=False)

    assert folder.parent == home() / "sets"
    assert folder.name.startswith("set-")
    assert folder.is_dir()
    assert notices == [
        f"{tmp_path / 'set'} cannot be written to: decisions and cleaned.csv are kept in {folder}."
    ]


def test_a_root_on_a_network_drive_has_its_state_with_the_user_unless_the_store_is_shared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(places, "is_network", lambda path: True)

    folder, notices = place_state(tmp_path, state=None, shared_store=False)

    assert folder.parent == home() / "sets"
    assert notices == [
        f"{tmp_path} is on a network drive, where the database is not safe. "
        f"Decisions are kept on this computer, in {folder}. To share them, use --store."
    ]
    assert not (tmp_path / ".cleaner").exists()
    assert place_state(tmp_path, state=None, shared_store=True) == (tmp_path / ".cleaner", [])


def test_a_state_that_was_asked_for_is_taken_and_a_network_drive_remarked_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = tmp_path / "a" / "b"
    assert place_state(tmp_path, state=asked, shared_store=False) == (asked, [])
    monkeypatch.setattr(places, "is_network", lambda path: True)

    folder, notices = place_state(tmp_path, state=asked, shared_store=False)

    assert folder == asked
    assert notices == [
        f"The state folder {asked} is on a network drive, where the database can be damaged. "
        "Use a local folder, or a database server with --store."
    ]


def mounted(monkeypatch: pytest.MonkeyPatch, *mounts: tuple[str, str]) -> None:
    """Let the system say that these places are mounted, each with its type of file system."""
    found = [
        SimpleNamespace(mountpoint=place, fstype=kind, opts="rw,remote" if kind == "" else "rw")
        for place, kind in mounts
    ]
    monkeypatch.setattr(places.psutil, "disk_partitions", lambda all: found)


@pytest.mark.parametrize(
    ("path", "network"),
    [
        ("/home/me", False),
        ("/mnt/photos", True),
        ("/mnt/photos/a/b", True),
        ("/mnt/photosynthesis", False),
        ("/mnt/with space/a", True),
        ("/mnt/photos/remote/x", True),
        ("/mnt/photos/fast/x", False),
        ("/mnt/drive/x", True),
    ],
)
def test_network_drives_are_told_by_the_longest_mount(
    monkeypatch: pytest.MonkeyPatch, path: str, network: bool
) -> None:
    mounted(
        monkeypatch,
        ("/", "ext4"),
        ("/mnt/photos", "autofs"),
        ("/mnt/photos", "nfs4"),  # mounted over the one before
        ("/mnt/with space", "cifs"),
        ("/mnt/photos/remote", "fuse.sshfs"),
        ("/mnt/photos/fast", "xfs"),
        ("/mnt/drive", ""),  # Windows says only that it is remote
    )
    assert is_network(Path(path)) is network


def test_a_system_that_does_not_tell_its_drives_is_taken_for_local(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(all: bool) -> None:
        raise OSError(2, "no /proc here")

    mounted(monkeypatch)
    assert not is_network(Path("/"))
    monkeypatch.setattr(places.psutil, "disk_partitions", fails)
    assert not is_network(Path("/"))
