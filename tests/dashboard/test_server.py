"""Serving the dashboard: port, token, files, signals, and what the kernel is told."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.cookiejar import CookieJar
from pathlib import Path
from typing import Any

import psutil
import pytest

from cleaner.dashboard import ports, voila_folder
from cleaner.dashboard import server as server_module
from cleaner.dashboard.server import TOKEN_VARIABLE, Dashboard, cancel_jobs, serve
from cleaner.dashboard.voila_process import READY
from cleaner.errors import DashboardError
from cleaner.jobs import Job
from cleaner.widgets.page_settings import ENVIRONMENT_VARIABLE, PageSettings
from cleaner.workspace import Workspace

SOURCE = Path(__file__).resolve().parents[2]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of our own for logs and the list of recent sets."""
    folder = tmp_path / "home"
    monkeypatch.setenv("CLEANER_HOME", str(folder))
    return folder


@pytest.fixture
def taken_port() -> Iterator[int]:
    """A port on which somebody listens."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen(1)
        yield other.getsockname()[1]


@pytest.fixture
def started(home: Path, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What the folder of each dashboard is made from; no dashboard starts Voilà, and none waits for it."""
    made: list[dict[str, Any]] = []

    def write_folder(folder: Path, settings: PageSettings, **given: Any) -> Path:
        made.append(given)
        (folder / READY).touch()
        return voila_folder.write_folder(folder, settings, **given)

    class Process:
        """One that ends when it is waited for, by Ctrl-C."""

        stdin = None

        def __init__(self, command: list[str], *, env: dict[str, str], **_: Any) -> None:
            assert TOKEN_VARIABLE not in env
            assert not any(made[-1]["token"] in part for part in command)

        def poll(self) -> int | None:
            return None

        def terminate(self) -> None:
            pass

        def wait(self, timeout_s: float | None = None) -> int:
            if timeout_s is None:
                raise KeyboardInterrupt
            return 0

    monkeypatch.setattr(server_module, "write_folder", write_folder)
    monkeypatch.setattr(server_module.subprocess, "Popen", Process)
    return made


def answer(url: str, *, data: bytes | None = None) -> tuple[int, str, str]:
    """Return status, final address and text of a page, cookies and redirections followed."""
    opener = urllib.request.build_opener(
        urllib.request.ProxyHandler({}), urllib.request.HTTPCookieProcessor(CookieJar())
    )
    try:
        with opener.open(url, data=data, timeout=30) as reply:
            return reply.status, reply.geturl(), reply.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.geturl(), error.read().decode()


def test_paths_among_the_options_reach_the_kernel_as_absolute_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    settings = PageSettings.for_root(
        "bears", options={"weights": "w.safetensors", "reviewer": "Ana", "state": None}
    )
    told = PageSettings.from_environment({ENVIRONMENT_VARIABLE: settings.to_json()})
    assert told is not None
    assert told.workspace == {
        "root": str(tmp_path / "bears"),
        "weights": str(tmp_path / "w.safetensors"),
        "reviewer": "Ana",
        "state": None,
    }
    assert told.title == "bears"


def test_without_the_variable_there_are_no_settings() -> None:
    assert PageSettings.from_environment({}) is None


def test_an_option_that_is_not_json_is_refused_by_name() -> None:
    with pytest.raises(
        DashboardError, match=r"^Got options \{'seed': <object .*>\}; each must be text, a number"
    ):
        PageSettings.for_root("bears", options={"seed": object()})


def test_a_folder_to_choose_from_must_exist(tmp_path: Path) -> None:
    missing = tmp_path / "no"
    with pytest.raises(DashboardError) as caught:
        PageSettings.for_root(None, browse_root=missing)
    assert (
        str(caught.value) == f"Got {missing} as the folder to choose data sets from; there is no such folder."
    )


def test_stopping_cancels_the_work_of_the_sets_that_were_open(
    colour_set: Path, tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(SOURCE / "tests" / "job_tasks"))
    flag = str(tmp_path / "never")
    started = datetime.now(UTC)
    with Workspace(colour_set) as workspace:
        assert len(workspace.catalog) == 24
        job = Job.start(workspace.state, "job_tasks_for_tests:wait_for", {"flag": flag})
    assert cancel_jobs(started + timedelta(days=1)) == 0
    assert not job.status().finished
    assert cancel_jobs(started) == 1
    assert job.status().phase == "cancelled"
    assert cancel_jobs(started) == 0


def test_a_port_in_use_is_refused_with_advice(taken_port: int) -> None:
    with pytest.raises(DashboardError) as caught:
        ports.choose_port("127.0.0.1", taken_port)
    assert str(caught.value) == (
        f"Port {taken_port} on 127.0.0.1 is in use. Stop the program that uses it, "
        "or choose another port (0 for any free port)."
    )


def test_without_a_wish_the_next_free_port_is_taken(taken_port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ports, "DEFAULT_PORT", taken_port)
    assert taken_port < ports.choose_port("127.0.0.1", None) < taken_port + 50


def test_an_unknown_theme_and_an_empty_token_are_refused(tmp_path: Path, home: Path) -> None:
    settings = PageSettings.for_root(None, browse_root=tmp_path)
    with pytest.raises(DashboardError) as caught:
        Dashboard(settings, theme="blue")
    assert str(caught.value) == "Got theme 'blue'; expected 'light', 'dark', or None to follow the system."
    with pytest.raises(DashboardError, match=r"^Got an empty token. Give a token of at least one character"):
        Dashboard(settings, token=" ")


@pytest.mark.parametrize(
    ("given", "path"),
    [
        ("/", "/"),
        ("", "/"),
        ("cleaner", "/cleaner/"),
        ("/cleaner", "/cleaner/"),
        ("//a///b-c.d_~//", "/a/b-c.d_~/"),
        ("/user/anna%40x.org/cleaner/", "/user/anna%40x.org/cleaner/"),
    ],
)
def test_the_path_of_the_page_begins_and_ends_with_one_slash(
    started: list[dict[str, Any]], given: str, path: str
) -> None:
    with Dashboard(PageSettings.for_root(None), port=0, token="a b", base_url=given) as dashboard:
        assert dashboard.url == f"http://127.0.0.1:{dashboard.port}{path}?token=a%20b"
    assert started[0]["base_url"] == path


@pytest.mark.parametrize(
    "given", ["https://x.org/cleaner/", "/a b/", "/a?b", "/a#b", "/(x)/", "/a+b/", "/é/", "/a\\b", "/{x}"]
)
def test_what_is_more_than_a_path_is_refused(home: Path, given: str) -> None:
    with pytest.raises(DashboardError) as caught:
        Dashboard(PageSettings.for_root(None), port=0, base_url=given)
    assert str(caught.value) == (
        f"Got {given!r} as the path of the page; expected only a path, such as /cleaner/, of letters, "
        "digits and . _ ~ @ % -"
    )


@pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="there is no Unix socket")
def test_a_socket_is_the_address_and_goes_with_the_dashboard(
    started: list[dict[str, Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # the path of a socket has to be short
    place = Path("s.sock")
    with Dashboard(PageSettings.for_root(None), socket_path=place) as dashboard:
        assert (dashboard.url, dashboard.port) == ("s.sock", 0)
        assert dashboard.log_path.name == "dashboard-socket.log"
        assert place.is_socket()
    assert not place.exists()
    assert started[0]["port"] == 0


def told_by_serve(**given: Any) -> list[str]:
    """Return what somebody reads who serves a dashboard and stops it at once."""
    said: list[str] = []
    assert serve(None, port=0, say=said.append, **given) == 0
    return said


def test_the_token_of_the_environment_is_used_and_neither_printed_nor_passed_on(
    started: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(TOKEN_VARIABLE, "from a file\n")
    address, stopped = told_by_serve(browser=False)
    assert started[0]["token"] == "from a file"
    assert re.fullmatch(r"The dashboard is at http://127\.0\.0\.1:\d+/ \(press .*\)\.", address)
    assert stopped == "Stopped. All decisions are saved."
    assert TOKEN_VARIABLE not in os.environ


def test_where_it_listens_on_all_addresses_that_of_this_machine_is_told_too(
    started: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("socket.gethostname", lambda: "05cc720fd643")  # as in a container
    address = told_by_serve(browser=False, ip="0.0.0.0", token="a-secret")[0]
    there, here = r"http://05cc720fd643:(\d+)/\?token=a-secret", r"http://127\.0\.0\.1:\1/\?token=a-secret"
    said = rf"The dashboard is at {there} and, on this machine, at {here} \(press .*\)\."
    assert re.fullmatch(said, address)


@pytest.mark.parametrize("variable", ["", "  "])
def test_an_empty_token_in_the_environment_is_none(
    started: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setenv(TOKEN_VARIABLE, variable)
    address, _ = told_by_serve(browser=False)
    assert len(started[0]["token"]) >= 32
    assert f"?token={started[0]['token']}" in address


def test_a_token_that_is_given_is_used_before_that_of_the_environment(
    started: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(TOKEN_VARIABLE, "of the environment")
    address, _ = told_by_serve(browser=False, token="given")
    assert started[0]["token"] == "given"
    assert "/?token=given " in address


def test_the_browser_opens_the_page_with_its_token_but_not_past_a_proxy(
    started: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []
    monkeypatch.setattr(server_module.webbrowser, "open", lambda url: opened.append(url) or False)
    monkeypatch.setenv(TOKEN_VARIABLE, "secret")
    assert "No web browser could be opened." in told_by_serve()[1]
    assert [url.partition("/?")[2] for url in opened] == ["token=secret"]
    assert len(told_by_serve(reviewer_header="X-Forwarded-User")) == 2
    assert len(opened) == 1


def test_the_kernel_is_this_python_and_finds_this_package(tmp_path: Path) -> None:
    settings = PageSettings.for_root(None, browse_root=tmp_path)
    voila_folder.write_folder(tmp_path, settings, ip="127.0.0.1", port=1, token="t", theme=None)
    spec = json.loads((tmp_path / "share" / "kernels" / "python3" / "kernel.json").read_text("utf-8"))
    assert spec["argv"][0] == sys.executable
    environment = {**os.environ, **spec.get("env", {})}
    code = "import cleaner; print(cleaner.__file__)"
    found = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert Path(found.stdout.strip()).parent == Path(voila_folder.__file__).parents[1]


def test_the_served_folder_holds_nothing_but_the_notebook(tmp_path: Path) -> None:
    settings = PageSettings.for_root(tmp_path / "bears <b>")
    notebook = voila_folder.write_folder(tmp_path, settings, ip="127.0.0.1", port=1, token="t", theme="dark")
    assert [path.name for path in notebook.parent.iterdir()] == ["app.ipynb"]
    cells = json.loads(notebook.read_text("utf-8"))["cells"]
    assert len(cells) == 3


def test_a_server_that_cannot_start_says_why_and_leaves_nothing(
    tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = tmp_path / "voila"
    broken.mkdir()
    (broken / "__init__.py").touch()
    (broken / "app.py").write_text("raise SystemExit('no such thing today')", encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    before = set(Path(os.environ.get("TMPDIR", "/tmp")).glob("cleaner-dashboard-*"))
    with pytest.raises(
        DashboardError, match=r"(?s)^The dashboard's server stopped by itself.*no such thing today"
    ):
        Dashboard(PageSettings.for_root(None, browse_root=tmp_path), port=0)
    assert set(Path(os.environ.get("TMPDIR", "/tmp")).glob("cleaner-dashboard-*")) == before


def kernels(dashboard: Dashboard) -> list[psutil.Process]:
    """Return the processes that are kernels, or wait to be one, in which case they listen to nothing."""
    assert dashboard._process is not None
    started = psutil.Process(dashboard._process.pid).children()
    return [each for each in started if "cleaner.dashboard.kernel_process" in each.cmdline()]


def routes(folder: Path) -> list[str]:
    """Return a path for each route of the server, as the server itself lists them, and some files."""
    code = (
        "import json; from cleaner.dashboard.voila_process import server_class; server = server_class()();"
        "server.initialize(['page/app.ipynb']); server.setup_template_dirs(); server.init_settings();"
        "print(json.dumps([route[0] for route in server.init_handlers()]))"
    )
    environment = {**os.environ, "PYTHONPATH": str(SOURCE), "JUPYTER_PATH": str(voila_folder.SHARE)}
    command = [sys.executable, "-c", code]
    listed = subprocess.run(command, cwd=folder, env=environment, capture_output=True, check=True)
    patterns = json.loads(listed.stdout.splitlines()[-1])
    assert len(patterns) >= 10
    kernel = re.compile(r"\(\?P<\w+>[^)]*\)")
    paths = [kernel.sub("12345678-1234-1234-1234-123456789012", each) for each in patterns]
    files = ["/voila/static/voila.js", "/voila/templates/cleaner/static/page.css"]
    files += ["/voila/labextensions/anywidget/package.json", "/voila/files/app.ipynb"]
    return [path.replace("(.*)", "x") for path in paths] + files


def answers_anybody(base: str, path: str) -> bool:
    """Tell whether a request without the token gets anything, as a page or to open a websocket."""
    socket_headers = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13"}
    socket_headers["Sec-WebSocket-Key"] = "dGhlIHNhbXBsZSBub25jZQ=="
    for method, headers in (("GET", {}), ("POST", {}), ("DELETE", {}), ("GET", socket_headers)):
        connection = http.client.HTTPConnection(base.removeprefix("http://").rstrip("/"), timeout=30)
        connection.request(method, path, headers=headers)
        status = connection.getresponse().status
        connection.close()
        if status < 300:
            return True
    return False


@pytest.mark.slow
def test_the_page_needs_its_token_and_gives_no_file(tmp_path: Path, home: Path) -> None:
    settings = PageSettings.for_root(tmp_path / "bears <b>&")
    with Dashboard(settings, port=0, theme="dark") as dashboard:
        base = f"http://127.0.0.1:{dashboard.port}/"
        folder = dashboard._folder
        assert dashboard.token in dashboard.url
        assert folder.stat().st_mode & 0o077 == 0 or sys.platform == "win32"

        status, address, _ = answer(base)
        assert "/login" in address, (status, address)
        assert "/login" in answer(base + "?token=wrong")[1]
        for name in ("app.ipynb", "", "../voila.json", "..%2fvoila.json"):
            assert answer(base + "voila/files/" + name)[0] in (403, 404), name
        command = Path(f"/proc/{dashboard._process.pid}/cmdline") if dashboard._process else None
        if command is not None and command.exists():
            assert dashboard.token not in command.read_text()

        open_doors = [path for path in routes(folder) if answers_anybody(base, path)]
        assert open_doors == ["/login"]  # where the token is asked for

        ahead = [each.pid for each in kernels(dashboard)]
        status, _, text = answer(dashboard.url + "&template=classic&theme=light")
        assert status == 200
        if sys.platform != "win32":  # the page has got the kernel that was started before it was asked for
            assert len(ahead) == 1
            assert [each.pid for each in kernels(dashboard) if each.net_connections("tcp")] == ahead
        assert "<title>bears &lt;b&gt;&amp; · cleaner</title>" in text
        assert "Opening bears &lt;b&gt;&amp; …" in text
        assert 'content="dark"' in text
        assert "theme-light.css" not in text
        assert "cdn" not in text.lower()
        # Voilà takes every other path for a file's and sends the browser there, where nothing may be read.
        assert answer(f"{base}nothing?token={dashboard.token}")[:2] == (403, f"{base}voila/files/nothing")
        assert answer(f"{base}voila/static/none.js?token={dashboard.token}")[0] == 403
        assert "/nothing" in dashboard.log_path.read_text("utf-8")
        assert dashboard.token not in dashboard.log_path.read_text("utf-8")
    assert not folder.exists()


@pytest.mark.slow
def test_below_a_path_the_form_for_the_token_is_there_as_well(tmp_path: Path, home: Path) -> None:
    settings = PageSettings.for_root(None, browse_root=tmp_path)
    with Dashboard(settings, port=0, base_url="/sets/cleaner/") as dashboard:
        host = f"http://127.0.0.1:{dashboard.port}"
        page = f"{host}/sets/cleaner/"
        status, address, text = answer(page)
        assert (status, address) == (200, f"{page}login?next=%2Fsets%2Fcleaner%2F")
        assert 'type="password"' in text
        assert answer(f"{host}/login")[0] == 404
        status, address, text = answer(f"{page}?token={dashboard.token}")
        assert (status, address.partition("?")[0]) == (200, page)
        assert "/sets/cleaner/voila/static/" in text
        open_doors = [path for path in routes(dashboard._folder) if answers_anybody(host, path)]
        assert open_doors == ["/sets/cleaner/login"]


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="there, processes end in another way")
def test_nothing_is_left_running_when_the_command_is_killed(tmp_path: Path, home: Path) -> None:
    code = (
        "from cleaner.dashboard import serve; "
        f"serve(None, browse_root={str(tmp_path)!r}, port=0, browser=False)"
    )
    environment = {**os.environ, "PYTHONPATH": str(SOURCE)}
    command = [sys.executable, "-c", code]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout is not None
        url = process.stdout.readline().removeprefix("The dashboard is at ").partition(" ")[0]
        assert answer(url)[0] == 200  # lasts until Voilà answers
        assert answer(url)[0] == 200  # starts a kernel
        left = psutil.Process(process.pid).children(recursive=True)
        assert len(left) >= 2
        process.kill()
    _, alive = psutil.wait_procs(left, timeout=30)
    assert alive == []


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="signals are sent another way there")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_the_server_and_its_kernels_in_order(tmp_path: Path, home: Path, number: int) -> None:
    code = (
        "import sys; from cleaner.dashboard import serve; "
        f"sys.exit(serve(None, browse_root={str(tmp_path)!r}, port=0, browser=False))"
    )
    environment = {**os.environ, "PYTHONPATH": str(SOURCE)}
    command = [sys.executable, "-c", code]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout is not None
        said = process.stdout.readline()
        url = said.removeprefix("The dashboard is at ").partition(" ")[0]
        assert url.startswith("http://127.0.0.1:"), said
        assert answer(url)[0] == 200  # lasts until Voilà answers
        assert answer(url)[0] == 200  # starts a kernel
        log = next((home / "logs").iterdir()).read_text("utf-8")
        assert "Kernel started" in log
        process.send_signal(number)
        assert process.wait(30) == 0
        assert process.stdout.read() == "Stopped. All decisions are saved.\n"
    with pytest.raises(urllib.error.URLError):
        urllib.request.urlopen(url, timeout=5)
