"""Real servers for the browser tests: the dashboard, and JupyterLab."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import subprocess
import sys
import time
import tomllib
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil
import pytest

from cleaner.dashboard.ports import choose_port
from cleaner.dashboard.server import Dashboard
from cleaner.jobs import Job
from cleaner.widgets.page_settings import PageSettings

__all__ = ["Lab", "Visit", "halted", "kernels_of", "lab", "serve_dashboard", "visit", "wait_until"]

SOURCE = Path(__file__).resolve().parents[2]
START_S = 90.0


@dataclass
class Visit:
    """A browser's page on a dashboard."""

    page: Any
    dashboard: Dashboard
    requests: list[str]

    def wait_until_open(self) -> None:
        """Wait until the first paint has made way for the application."""
        self.page.wait_for_selector("#loading", state="detached", timeout=60_000)

    def wait_for_pictures(self) -> None:
        """Wait until every card of the page has its picture."""
        self.page.wait_for_function(
            "() => { const all = document.querySelectorAll('.cleaner-card').length;"
            " return all > 0 && all === document.querySelectorAll('.has-picture, .cleaner-bad').length; }",
            timeout=30_000,
        )

    def reload(self) -> None:
        self.page.reload()
        self.wait_until_open()

    def kernels(self) -> list[psutil.Process]:
        """Return the processes of the kernels that the server has started and not ended."""
        return kernels_of(self.dashboard)

    def foreign_requests(self) -> list[str]:
        """Return the addresses of other hosts that the page asked for something."""
        here = f"127.0.0.1:{self.dashboard.port}"
        return [
            url for url in self.requests if urlsplit(url).scheme not in ("data", "blob") and here not in url
        ]


def kernels_of(dashboard: Dashboard) -> list[psutil.Process]:
    """Return the kernels of a dashboard that have, or had, a page; one that waits listens to nothing."""
    assert dashboard._process is not None
    found = []
    for child in psutil.Process(dashboard._process.pid).children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):  # it ends just now; a zombie counts as such
            if "cleaner.dashboard.kernel_process" in child.cmdline() and child.net_connections("tcp"):
                found.append(child)
    return found


@pytest.fixture
def serve_dashboard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Dashboard]]:
    """Return a function that serves a dashboard; all are stopped at the end."""
    monkeypatch.setenv("CLEANER_HOME", str(tmp_path / "home"))
    running: list[Dashboard] = []

    def build(
        root: Path | None,
        *,
        browse_root: Path | None = None,
        theme: str | None = None,
        base_url: str = "/",
        **options: Any,
    ) -> Dashboard:
        settings = PageSettings.for_root(root, options=options, browse_root=browse_root or tmp_path)
        running.append(Dashboard(settings, port=0, theme=theme, base_url=base_url))
        return running[-1]

    yield build
    for dashboard in running:
        dashboard.stop()


@pytest.fixture
def visit(serve_dashboard: Callable[..., Dashboard], new_page: Callable[..., Any]) -> Callable[..., Visit]:
    """Return a function that serves a dashboard and opens its page."""

    def build(root: Path | None, *, page: Any = None, **options: Any) -> Visit:
        dashboard = serve_dashboard(root, **options)
        opened = Visit(page or new_page(), dashboard, [])
        opened.page.on("request", lambda request: opened.requests.append(request.url))
        opened.page.goto(dashboard.url)
        opened.wait_until_open()
        return opened

    return build


@dataclass(frozen=True)
class Lab:
    """A running JupyterLab."""

    url: str
    token: str
    folder: Path

    def open_notebook(self, page: Any, name: str, cells: list[str]) -> None:
        """Write a notebook of code cells, open it alone in the page, and wait for its kernel."""
        notebook = {
            "cells": [
                {
                    "cell_type": "code",
                    "execution_count": None,
                    "id": f"cell-{i}",
                    "metadata": {},
                    "outputs": [],
                    "source": source,
                }
                for i, source in enumerate(cells)
            ],
            "metadata": {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}},
            "nbformat": 4,
            "nbformat_minor": 5,
        }
        (self.folder / name).write_text(json.dumps(notebook), encoding="utf-8")
        page.goto(f"{self.url}doc/tree/{name}?token={self.token}&reset")
        page.wait_for_selector(".jp-Notebook .jp-Cell", timeout=60_000)
        # The indicator begins with "idle", without a kernel. A cell that is run then is dropped, or opens the
        # dialog "Select Kernel", which stays in front of everything.
        page.locator(".jp-Toolbar-kernelName").filter(has_text="Python 3").wait_for(timeout=60_000)
        page.wait_for_selector(".jp-Notebook-ExecutionIndicator[data-status='idle']", timeout=60_000)


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """One JupyterLab for all tests, without the question about news, which would ask another host."""
    pytest.importorskip("jupyterlab")
    base = tmp_path_factory.mktemp("lab")
    folder = base / "notebooks"
    folder.mkdir()
    config = base / "config"
    (config / "labconfig").mkdir(parents=True)
    quiet = {"disabledExtensions": {"@jupyterlab/apputils-extension:announcements": True}}
    (config / "labconfig" / "page_config.json").write_text(json.dumps(quiet), encoding="utf-8")
    port = choose_port("127.0.0.1", 0)
    token = secrets.token_hex(8)
    environment = {
        **os.environ,
        "JUPYTER_CONFIG_DIR": str(config),
        "CLEANER_HOME": str(base / "home"),
        "PYTHONPATH": os.pathsep.join(
            filter(None, [str(SOURCE), str(entry_points(base)), os.environ.get("PYTHONPATH")])
        ),
    }
    settings = [
        "--no-browser",
        "--allow-root",
        f"--ServerApp.port={port}",
        "--ServerApp.port_retries=0",
        f"--ServerApp.root_dir={folder}",
        f"--IdentityProvider.token={token}",
    ]
    with (base / "log.txt").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "jupyterlab", *settings], env=environment, stdout=log, stderr=log
        )
        url = f"http://127.0.0.1:{port}/"
        try:
            wait_until_it_answers(f"{url}api/status?token={token}", process, base / "log.txt")
            yield Lab(url, token, folder)
        finally:
            process.terminate()
            process.wait(30)


def entry_points(folder: Path) -> Path:
    """Write the entry points of this source into a folder for ``PYTHONPATH``, as an installation would."""
    project = tomllib.loads((SOURCE / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    lines = []
    for group, entries in project["entry-points"].items():
        lines += [f"[{group}]", *(f"{name} = {place}" for name, place in entries.items())]
    installed = folder / "installed" / "cleaner-0.dist-info"
    installed.mkdir(parents=True)
    (installed / "entry_points.txt").write_text("\n".join(lines), encoding="utf-8")
    (installed / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: cleaner\nVersion: 0\n", encoding="utf-8"
    )
    return installed.parent


def wait_until_it_answers(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    end = time.monotonic() + START_S
    while time.monotonic() < end and process.poll() is None:
        try:
            opener.open(url, timeout=5).close()
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.1)
        else:
            return
    pytest.fail(f"JupyterLab does not answer:\n{log.read_text(errors='replace')[-3000:]}")


def wait_until(condition: Callable[[], object], what: str, limit_s: float = 60) -> Any:
    """Wait for something outside of the page; return what it is."""
    end = time.monotonic() + limit_s
    while not (found := condition()):
        assert time.monotonic() < end, what
        time.sleep(0.05)
    return found


def halted(state: Path) -> tuple[Job, psutil.Process]:
    """Wait for a job's worker and halt it, so that it cannot be faster than what is to happen meanwhile."""
    job = wait_until(lambda: Job.current(state), "the job began")
    pid = wait_until(lambda: job.status().pid, "the job has a worker")
    worker = psutil.Process(pid)
    worker.suspend()
    assert not job.status().finished
    return job, worker
