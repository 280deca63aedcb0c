"""Unix sockets: who can connect, and what lies there already."""

from __future__ import annotations

import os
import socket
import stat
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from cleaner.dashboard.ports import listen_at
from cleaner.errors import DashboardError

pytestmark = pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="there is no Unix socket")


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A short path for a socket: the system allows about a hundred bytes."""
    monkeypatch.chdir(tmp_path)
    return Path("s.sock")


def is_answered(place: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as asking:
        try:
            asking.connect(str(place))
        except ConnectionRefusedError:
            return False
        return True


def test_only_the_owner_can_connect_and_the_mask_of_other_files_stays(place: Path) -> None:
    before = os.umask(0o022)
    try:
        with listen_at(place):
            assert is_answered(place)
            assert stat.S_IMODE(place.stat().st_mode) == 0o600
            assert os.umask(0o022) == 0o022
    finally:
        os.umask(before)


def test_a_socket_that_nobody_listens_on_any_more_is_taken_over(place: Path) -> None:
    listen_at(place).close()  # leaves the file, as a killed server does
    assert not is_answered(place)
    with listen_at(place):
        assert is_answered(place)


def test_a_socket_on_which_somebody_listens_stays_theirs(place: Path) -> None:
    with listen_at(place):
        with pytest.raises(DashboardError) as caught:
            listen_at(place)
        assert str(caught.value) == (
            f"Nothing can listen on the socket {place}: Address already in use. Choose another path."
        )
        assert is_answered(place)


def test_a_server_that_is_too_busy_to_answer_is_not_waited_for(place: Path) -> None:
    with socket.socket(socket.AF_UNIX) as busy:
        busy.bind(str(place))
        busy.listen(0)
        waiting = []
        while True:  # until the next one would have to wait
            one = socket.socket(socket.AF_UNIX)
            waiting.append(one)
            one.setblocking(False)
            try:
                one.connect(str(place))
            except BlockingIOError:
                break
        refused = threading.Event()

        def ask() -> None:
            with pytest.raises(DashboardError, match="Address already in use"):
                listen_at(place)
            refused.set()

        threading.Thread(target=ask, daemon=True).start()
        assert refused.wait(20)
        for one in waiting:
            one.close()
        assert place.is_socket()


@pytest.mark.parametrize("kind", ["file", "folder", "link"])
def test_what_is_no_socket_is_left_alone(place: Path, kind: str) -> None:
    if kind == "file":
        place.write_text("precious", encoding="utf-8")
    elif kind == "folder":
        place.mkdir()
    else:
        Path("precious").write_text("precious", encoding="utf-8")
        place.symlink_to("precious")
    with pytest.raises(DashboardError, match=r"on the socket s.sock: Address already in use"):
        listen_at(place)
    assert place.is_dir() if kind == "folder" else place.read_text("utf-8") == "precious"


def test_a_path_that_cannot_be_one_is_refused_with_its_reason(place: Path) -> None:
    with pytest.raises(DashboardError, match=r"No such file or directory. Choose another path."):
        listen_at(Path("none") / "s.sock")
    with pytest.raises(DashboardError, match=r"path too long. Choose another path."):
        listen_at(Path("s" * 200))


def test_a_system_without_such_sockets_says_so(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(socket, "AF_UNIX")
    with pytest.raises(DashboardError, match=r"this system has no Unix sockets. Choose a port."):
        listen_at(place)
