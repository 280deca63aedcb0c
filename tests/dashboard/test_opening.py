"""What a browser gets before Voilà answers: the front, for whoever knows the token."""

from __future__ import annotations

import json
import re
import socket
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from PIL import Image

from cleaner.dashboard.opening.front import Front, image_script, in_script
from cleaner.dashboard.opening.server import OpeningServer
from cleaner.dashboard.ports import listen, listen_at
from cleaner.widgets.page_copy import PageCopy
from cleaner.widgets.page_settings import PageSettings
from cleaner.widgets.sentences import say

TOKEN = "secret & é"


@pytest.fixture
def photos(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two classes with two images each, opened never."""
    monkeypatch.setenv("CLEANER_HOME", str(tmp_path / "home"))
    root = tmp_path / "photos <b>"
    for name in ("cat/b.png", "cat/a.png", "dog/d.png"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (8, 8)).save(root / name)
    (root / "dog" / "no.png").write_bytes(b"no image")
    return root


@pytest.fixture
def serve(photos: Path) -> Iterator[Callable[[], tuple[OpeningServer, str]]]:
    """Return a function that serves a front until the end of the test."""
    servers: list[OpeningServer] = []

    def build() -> tuple[OpeningServer, str]:
        listening = listen("127.0.0.1", 0)
        address = f"http://127.0.0.1:{listening.getsockname()[1]}/"
        front = Front(PageSettings.for_root(photos), None)
        servers.append(
            OpeningServer(listening, front, token=TOKEN, headers={"Referrer-Policy": "no-referrer"})
        )
        return servers[-1], address

    yield build
    for server in servers:
        server.stop()


def shown(front: Front) -> dict[str, Any]:
    """Return what the front draws."""
    found = re.search(r'id="cleaner-front-data">(.*?)</script>', front.html, re.DOTALL)
    assert found is not None
    data: dict[str, Any] = json.loads(found[1])
    return data


def names_of(front: Front) -> list[str]:
    return [cell["name"] for cell in shown(front)["page"]["cells"]]


def ask(address: str) -> tuple[int, str]:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(address, timeout=20) as reply:
            return reply.status, reply.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            assert error.headers["Refresh"] == "1"
            return error.code, error.read().decode()


def test_a_folder_that_was_never_open_shows_its_first_images_and_nothing_is_written(photos: Path) -> None:
    front = Front(PageSettings.for_root(photos), None)
    images = dict(front.images())
    assert names_of(front) == list(images) == ["cat/a.png", "cat/b.png", "dog/d.png", "dog/no.png"]
    assert [name for name, data in images.items() if not data] == ["dog/no.png"]
    assert images["cat/a.png"].startswith(b"\xff\xd8")
    assert not (photos / ".cleaner").exists()


def test_a_copy_is_shown_while_it_holds_and_no_image_outside_of_the_set(photos: Path, tmp_path: Path) -> None:
    Image.new("RGB", (8, 8)).save(tmp_path / "secret.png")
    (photos / ".cleaner").mkdir()
    settings = PageSettings.for_root(photos)
    assert settings.workspace is not None
    assert "page" not in shown(Front(settings, None))  # it was open: which images come is not known
    names = ["dog/d.png", "../secret.png", str(tmp_path / "secret.png")]
    page = {"page": {"cells": [{"name": name} for name in names]}, "grid": {}, "frame": {"kind": "other"}}
    PageCopy(photos / ".cleaner", settings.workspace).write(page)
    front = Front(settings, None)
    assert names_of(front) == names
    assert [bool(data) for _, data in front.images()] == [True, False, False]


@pytest.mark.parametrize(
    "options", [{"labels": "labels.csv"}, {"group": "patient"}, {"layout": "class/name"}]
)
def test_a_set_that_is_more_than_its_folder_shows_only_what_is_opened(
    photos: Path, options: dict[str, str]
) -> None:
    front = Front(PageSettings.for_root(photos, options=options), None)
    assert shown(front)["message"] == say("page.opening", name=photos.name)
    assert list(front.images()) == []


def test_names_and_titles_are_no_markup(photos: Path) -> None:
    front = Front(PageSettings.for_root(photos), None)
    assert "<b>" not in front.html.replace("<body", "")
    assert "photos &lt;b&gt; · cleaner" in front.html
    assert in_script("</script><!--\u2028") == '"\\u003c/script>\\u003c!--\\u2028"'
    assert image_script("'</script>", b"").count("</script>") == 1


def test_the_front_needs_the_token_and_ends_when_the_page_is_there(
    serve: Callable[[], tuple[OpeningServer, str]],
) -> None:
    server, address = serve()
    ahead = socket.create_connection(("127.0.0.1", urlsplit(address).port or 0), timeout=20)
    for without in ("", "?token=", "?token=secret", "voila/static/voila.js?token=secret%20%26%20%C3%A9"):
        assert ask(address + without) == (503, "")
    answers: list[tuple[int, str]] = []
    asking = threading.Thread(target=lambda: answers.append(ask(address + "?token=secret%20%26%20%C3%A9")))
    asking.start()
    asking.join(0.5)
    assert asking.is_alive()  # the end of the answer is the sign to go on
    server.stop()
    asking.join(20)
    status, text = answers[0]
    assert status == 200
    assert text.count("cleaner_front.image(") == 4
    assert text.endswith("<script>cleaner_front.ready()</script>\n")
    with pytest.raises(urllib.error.URLError):
        ask(address)
    with ahead:  # browsers connect ahead of what they ask for
        ahead.sendall(b"GET //else.where/?token=x HTTP/1.1\r\n\r\n")
        lines = ahead.makefile().read().splitlines()
    assert lines[0] == "HTTP/1.0 307 Temporary Redirect"
    assert "Location: /else.where/?token=x" in lines


def test_below_a_path_only_that_path_is_the_page(photos: Path) -> None:
    listening = listen("127.0.0.1", 0)
    host = f"http://127.0.0.1:{listening.getsockname()[1]}"
    front = Front(PageSettings.for_root(photos), None)
    server = OpeningServer(listening, front, token=TOKEN, headers={}, base_url="/sets/a%40b/")
    token = "?token=secret%20%26%20%C3%A9"
    for elsewhere in ("/", "/sets/a%40b", "/sets/a@b/", "/sets/a%40b/x", "/sets/a%40b//"):
        assert ask(f"{host}{elsewhere}{token}") == (503, "")
    answers: list[tuple[int, str]] = []
    asking = threading.Thread(target=lambda: answers.append(ask(f"{host}/sets/a%40b/{token}")))
    asking.start()
    asking.join(0.5)
    server.stop()
    asking.join(20)
    assert answers[0][0] == 200
    assert answers[0][1].endswith("<script>cleaner_front.ready()</script>\n")


@pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="there is no Unix socket")
@pytest.mark.parametrize(
    ("sent", "line"),
    [
        ("Authorization: token a b", "HTTP/1.0 200 OK"),
        ("Authorization: BEARER a b ", "HTTP/1.0 200 OK"),
        ("Authorization: Basic a b", "HTTP/1.0 503 Service Unavailable"),
        ("Authorization: token a", "HTTP/1.0 503 Service Unavailable"),
        ("Cookie: token=a b", "HTTP/1.0 503 Service Unavailable"),
    ],
)
def test_on_a_unix_socket_the_proxy_adds_the_token(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sent: str, line: str
) -> None:
    monkeypatch.chdir(tmp_path)  # the path of a socket has to be short
    front = Front(PageSettings.for_root(photos), None)
    server = OpeningServer(listen_at(Path("s.sock")), front, token="a b", headers={})
    with socket.socket(socket.AF_UNIX) as asking:
        asking.settimeout(20)
        asking.connect("s.sock")
        asking.sendall(f"GET / HTTP/1.1\r\nHost: x\r\n{sent}\r\n\r\n".encode())
        with asking.makefile() as reply:
            assert reply.readline().strip() == line
    server.stop()


def test_a_start_that_failed_is_said_on_the_front(serve: Callable[[], tuple[OpeningServer, str]]) -> None:
    server, _ = serve()
    server.stop(failed=True)
    assert say("page.not_started") in server.last_script()
