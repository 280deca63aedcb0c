"""What the documentation names is there: files, folders, commands and rooms."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from cleaner.cli import COMMANDS, name_of
from cleaner.version import __version__

ROOT = Path(__file__).resolve().parents[1]
PAGES = (
    "README.md",
    "CONTRIBUTING.md",
    "docs/architecture.md",
    "docs/formats.md",
    "docs/large.md",
    "docs/layouts.md",
    "docs/scale.md",
)


def text_of(page: str) -> str:
    return (ROOT / page).read_text(encoding="utf-8")


@pytest.mark.parametrize("page", PAGES)
def test_paths_in_the_text_exist(page: str) -> None:
    paths = re.findall(r"`((?:cleaner|tests|docs|notebooks|\.github)/[\w./-]*)`", text_of(page))
    assert paths
    assert [path for path in paths if not (ROOT / path).exists()] == []


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page: str) -> None:
    links = re.findall(r"\]\(([^)#:]+)\)", text_of(page))
    assert links
    assert [link for link in links if not (ROOT / page).parent.joinpath(link).is_file()] == []


def test_the_readme_lists_every_command_without_a_browser() -> None:
    listed = re.findall(r"^\| `cleaner ([a-z]+)", text_of("README.md"), re.MULTILINE)
    names = {name_of(function) for commands in COMMANDS.values() for function in commands}
    assert set(listed) == names - {"app", "demo"}


def test_the_picture_and_the_readme_show_every_room() -> None:
    rooms = {path.parent.name for path in (ROOT / "cleaner").glob("*/__init__.py")}
    assert {room for room in rooms if f">{room}<" not in text_of("docs/rooms.svg")} == set()
    assert {
        room for room in rooms if f"`{room}/`" not in text_of("README.md").replace("`cleaner/", "`")
    } == set()


def test_this_version_is_in_the_changelog_with_its_date() -> None:
    assert re.search(
        rf"^## \[{re.escape(__version__)}\] - \d{{4}}-\d\d-\d\d$", text_of("CHANGELOG.md"), re.MULTILINE
    )
