"""The container: what its file names is there, and what the page about it says is what it does."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
import threading
import tomllib
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from cleaner.cli import app
from cleaner.dashboard.server import TOKEN_VARIABLE
from cleaner.dataset import user

ROOT = Path(__file__).resolve().parents[1]
FILE = "docs/deployment/Containerfile"
KNOWN = {"FROM", "WORKDIR", "COPY", "RUN", "ENV", "USER", "EXPOSE", "HEALTHCHECK", "ENTRYPOINT"}


def lines(name: str) -> list[str]:
    """Return what follows an instruction, wherever it stands."""
    text = (ROOT / FILE).read_text("utf-8").replace("\\\n", " ")
    found = [line.split(maxsplit=1) for line in text.splitlines() if line and not line.startswith("#")]
    assert {word for word, _ in found} <= KNOWN
    return [rest for word, rest in found if word == name]


def entry_point() -> list[str]:
    [line] = lines("ENTRYPOINT")
    said: list[str] = json.loads(line)  # without a shell, which would keep signals from the command
    return said


def served(monkeypatch: pytest.MonkeyPatch, arguments: list[str]) -> dict[str, Any]:
    """Return what the dashboard is started with."""
    given: list[dict[str, Any]] = []
    monkeypatch.setattr(
        "cleaner.dashboard.server.serve", lambda root, **how: given.append({"root": root, **how}) or 0
    )
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 0, done.output
    return given[0]


def documented(start: str) -> list[list[str]]:
    """Return the commands of the page about deployment that begin so, as words."""
    text = (ROOT / "docs" / "deployment.md").read_text("utf-8").replace("\\\n", " ")
    return [shlex.split(line) for line in text.splitlines() if line.startswith(start)]


def test_all_that_is_copied_exists_and_suffices_to_build() -> None:
    copied = [line.split()[:-1] for line in lines("COPY") if not line.startswith("--from=")]
    paths = {path for each in copied for path in each}
    assert [path for path in paths if not (ROOT / path).exists()] == []
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    wheel = project["tool"]["hatch"]["build"]["targets"]["wheel"]
    needed = {"pyproject.toml", project["project"]["readme"], *project["project"]["license-files"]}
    needed |= {*wheel["packages"], *wheel["force-include"]}
    assert paths == needed


def test_python_is_one_that_the_package_says_it_runs_on() -> None:
    stages = [re.fullmatch(r"python:([\d.]+)-slim(?: AS build)?", line) for line in lines("FROM")]
    versions = {stage[1] for stage in stages if stage is not None}
    assert len(stages) == 2
    assert len(versions) == 1
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert f"Programming Language :: Python :: {versions.pop()}" in project["classifiers"]


def test_what_is_installed_is_the_wheel_with_extras_that_exist_after_a_torch_without_cuda() -> None:
    torch, wheel = (line for line in lines("RUN") if line.startswith("pip install"))
    workflow = (ROOT / ".github" / "workflows" / "tests.yml").read_text("utf-8")
    assert torch.replace("--no-cache-dir ", "") in workflow
    found = re.search(r"/wheels/cleaner-\*\.whl\)\[([a-z,0-9]+)\]", wheel)
    assert found is not None
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert set(found[1].split(",")) <= project["optional-dependencies"].keys()


def test_it_is_not_root_and_holds_no_secret() -> None:
    assert lines("USER") == ["cleaner"]
    [made] = [line for line in lines("RUN") if "useradd" in line]
    assert "--uid 1000 " in made
    assert "cleaner && install -d -m 1777 /data /state" in made
    assert not re.search("token|password|secret", " ".join(lines("ENV") + lines("RUN")), re.IGNORECASE)
    assert TOKEN_VARIABLE not in (ROOT / FILE).read_text("utf-8")


def test_what_the_user_may_write_needs_no_home(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = dict(pair.split("=") for pair in lines("ENV")[0].split())
    assert settings == {"HOME": "/tmp", "CLEANER_HOME": "/tmp/cleaner"}
    monkeypatch.setenv("CLEANER_HOME", settings["CLEANER_HOME"])
    assert user.home() == Path("/tmp/cleaner")


@pytest.mark.skipif(sys.platform == "win32", reason="the paths are those of the container")
def test_the_command_takes_its_options_and_those_of_the_page_about_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    name, *started = entry_point()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert name in project["scripts"]
    given = served(monkeypatch, started)
    assert (given["root"], given["ip"], given["port"], given["browser"]) == (None, "0.0.0.0", 8866, False)
    assert (given["token"], str(given["browse_root"])) == (None, "/data")

    runs = documented("docker run ")
    assert len(runs) == 2
    for words in runs:
        options = words[words.index("cleaner") + 1 :]
        assert options[0].startswith("/data/")
        given = served(monkeypatch, [*started, str(tmp_path), *options[1:]])
        assert given["root"] == tmp_path


def test_the_page_about_it_publishes_the_port_on_this_machine_only_and_builds_this_file() -> None:
    [build] = documented("docker build ")
    assert build == ["docker", "build", "-f", FILE, "-t", "cleaner", "."]
    assert " ".join(build) in (ROOT / FILE).read_text("utf-8")
    [port] = lines("EXPOSE")
    words = documented("docker run ")[0]
    assert words[words.index("--publish") + 1] == f"127.0.0.1:{port}:{port}"
    assert words[words.index("--env") + 1] == TOKEN_VARIABLE  # its value is in no list of processes
    assert words[words.index("--volume") + 1].endswith(":/data")
    assert documented("export CLEANER_TOKEN=")


@pytest.mark.parametrize(
    ("status", "code"), [(200, 0), (302, 0), (403, 0), (404, 0), (503, 1), (500, 1), (None, 1)]
)
def test_it_is_healthy_as_long_as_the_page_can_be_opened(status: int | None, code: int) -> None:
    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(status or 0)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    asked: list[str] = []
    server = HTTPServer(("127.0.0.1", 0), Answer)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    if status is None:
        server.shutdown()
        server.server_close()
    [line] = lines("HEALTHCHECK")
    python, *rest = json.loads(line[line.index("[") :])
    assert python == "python"
    [port] = lines("EXPOSE")
    told = [part.replace(port, str(server.server_address[1])) for part in rest]
    done = subprocess.run([sys.executable, *told], capture_output=True, timeout=60, check=False)
    assert done.returncode == code, done.stderr
    if status is not None:
        assert asked == ["/login"]
        server.shutdown()
        server.server_close()
    thread.join()
