"""What JupyterLab's launcher is told: how the dashboard is started, where it listens, and its secret."""

from __future__ import annotations

import importlib.metadata
import shlex
import sys
import tomllib
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from cleaner.cli import app
from cleaner.dashboard.launcher import ARGUMENTS_VARIABLE, command, launcher
from cleaner.dashboard.server import TOKEN_VARIABLE
from cleaner.errors import DashboardError

SOURCE = Path(__file__).resolve().parents[2]


def arguments(**given: Any) -> list[str]:
    """Return what the dashboard is started with, after the template was filled in."""
    told = {"base_url": "/user/anna/", "port": 4711, "unix_socket": "/run/x/socket", **given}
    python, *rest = [part.format(**told) for part in command(**told)]
    assert (python, rest[:3]) == (sys.executable, ["-m", "cleaner", "app"])
    return rest[3:]


def test_the_entry_point_names_the_launcher() -> None:
    project = tomllib.loads((SOURCE / "pyproject.toml").read_text("utf-8"))["project"]
    [(name, place)] = project["entry-points"]["jupyter_serverproxy_servers"].items()
    point = importlib.metadata.EntryPoint(name, place, "jupyter_serverproxy_servers")
    assert point.load() is launcher
    assert launcher()["launcher_entry"]["title"] == name  # the path below which its users find it


def test_the_tile_has_a_picture_that_loads_nothing() -> None:
    icon = Path(launcher()["launcher_entry"]["icon_path"])
    assert icon.is_absolute()
    tree = ET.fromstring(icon.read_text("utf-8"))
    assert tree.tag == "{http://www.w3.org/2000/svg}svg"
    assert not [key for part in tree.iter() for key in part.attrib if key.endswith("href")]


def test_proxy_and_dashboard_share_a_secret_that_is_new_each_time() -> None:
    told, again = launcher(), launcher()
    token = told["environment"][TOKEN_VARIABLE]
    assert told["request_headers_override"] == {"Authorization": f"token {token}"}
    assert len(token) >= 32
    assert token != again["environment"][TOKEN_VARIABLE]
    assert "{" not in token  # the environment is a template
    assert not any(token in part for part in told["command"]("/", 0, "/s"))
    assert told["unix_socket"] is (sys.platform != "win32")


def test_the_proxy_understands_each_setting() -> None:
    config = pytest.importorskip("jupyter_server_proxy.config", reason="the extra “hub” is not installed")
    process = config.ServerProcess(name="cleaner", **launcher())
    assert process.launcher_entry.title == "cleaner"
    assert (process.command, process.timeout) == (command, 60)


def test_it_listens_on_the_socket_below_the_path_of_the_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(ARGUMENTS_VARIABLE, raising=False)
    monkeypatch.chdir(tmp_path)
    where = ["--no-browser", "--socket", "/run/x/socket", "--base-url", "/user/anna/cleaner/"]
    assert arguments() == ["--root", str(tmp_path), *where]
    assert arguments(unix_socket="")[2:5] == ["--no-browser", "--port", "4711"]
    assert arguments(base_url="/")[-1] == "/cleaner/"
    assert arguments(base_url="/user/anna%40x.org")[-1] == "/user/anna%40x.org/cleaner/"


def test_what_the_variable_holds_is_passed_on_word_by_word(monkeypatch: pytest.MonkeyPatch) -> None:
    words = ["/srv/brown {bears}", "--store", "postgresql://db/reviews", "#1", "it's"]
    monkeypatch.setenv(ARGUMENTS_VARIABLE, shlex.join(words))
    assert arguments()[:5] == words
    assert "--root" not in arguments()
    monkeypatch.setenv(ARGUMENTS_VARIABLE, "  ")
    assert arguments()[0] == "--root"


def test_on_windows_a_backslash_is_part_of_a_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ARGUMENTS_VARIABLE, r'C:\data\bears --state "D:\my state"')
    monkeypatch.setattr(sys, "platform", "win32")
    assert arguments()[:3] == [r"C:\data\bears", "--state", r"D:\my state"]


def test_a_quotation_without_an_end_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ARGUMENTS_VARIABLE, "'/srv/bears")
    with pytest.raises(DashboardError, match="CLEANER_APP is '/srv/bears, in which a quotation"):
        arguments()


def test_the_command_takes_all_that_it_is_started_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    served: list[dict[str, Any]] = []
    monkeypatch.setattr("cleaner.dashboard.server.serve", lambda *_, **given: served.append(given) or 0)
    monkeypatch.setenv(ARGUMENTS_VARIABLE, shlex.join([str(tmp_path)]))
    done = CliRunner().invoke(app, ["app", *arguments()])
    assert done.exit_code == 0, done.output
    [given] = served
    assert (str(given["socket_path"]), given["base_url"]) == ("/run/x/socket", "/user/anna/cleaner/")
    assert (given["browser"], given["token"]) == (False, None)
