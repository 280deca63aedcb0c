"""What a person gets from ``pip install``: the assets are in the wheel, nothing else of the repository is."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import cleaner

ROOT = Path(__file__).resolve().parents[1]

pytest.importorskip("hatchling", reason="the build backend is not installed")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """Build the wheel as pip would, without asking a network for the build backend."""
    out = tmp_path_factory.mktemp("wheel")
    code = f"from hatchling.build import build_wheel; build_wheel({str(out)!r})"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True)
    (path,) = out.glob("*.whl")
    return zipfile.ZipFile(path)


def test_the_wheel_is_of_this_version(wheel: zipfile.ZipFile) -> None:
    assert Path(str(wheel.filename)).name == f"cleaner-{cleaner.__version__}-py3-none-any.whl"


def test_the_wheel_holds_every_file_of_the_package(wheel: zipfile.ZipFile) -> None:
    tracked = subprocess.run(
        ["git", "ls-files", "cleaner"], cwd=ROOT, capture_output=True, text=True, check=False
    ).stdout.splitlines()
    wanted = tracked or [str(p.relative_to(ROOT)) for p in (ROOT / "cleaner").rglob("*.py")]
    assert set(wanted) <= set(wheel.namelist())


@pytest.mark.parametrize(
    "name",
    [
        "cleaner/py.typed",
        "cleaner/widgets/grid/js/grid.js",
        "cleaner/widgets/grid/grid.css",
        "cleaner/widgets/sentences.toml",
        "cleaner/dashboard/app.ipynb",
    ],
)
def test_the_wheel_holds_what_is_no_python(wheel: zipfile.ZipFile, name: str) -> None:
    assert wheel.getinfo(name).file_size == 0 if name.endswith("py.typed") else wheel.read(name)


def test_the_wheel_holds_the_page_template_that_asks_no_other_host(wheel: zipfile.ZipFile) -> None:
    templates = [n for n in wheel.namelist() if n.startswith("cleaner/dashboard/") and n.endswith(".j2")]
    assert templates
    for name in templates:
        assert b"https://" not in wheel.read(name)


def test_the_dashboard_notebook_in_the_wheel_is_that_of_the_repository(wheel: zipfile.ZipFile) -> None:
    assert wheel.read("cleaner/dashboard/app.ipynb") == (ROOT / "notebooks" / "app.ipynb").read_bytes()


def test_the_wheel_holds_no_tests_and_no_state(wheel: zipfile.ZipFile) -> None:
    tops = {name.split("/")[0] for name in wheel.namelist()}
    assert tops == {"cleaner", f"cleaner-{cleaner.__version__}.dist-info"}
    assert not [n for n in wheel.namelist() if ".cleaner/" in n or "__pycache__" in n]


def test_the_wheel_brings_the_command_and_the_licence(wheel: zipfile.ZipFile) -> None:
    info = f"cleaner-{cleaner.__version__}.dist-info"
    assert "cleaner = cleaner.cli:main" in wheel.read(f"{info}/entry_points.txt").decode()
    assert wheel.read(f"{info}/licenses/LICENSE") == (ROOT / "LICENSE").read_bytes()
