"""The two rules on imports: downwards only, and no network library in the page (nor widgets below it)."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "cleaner"

LAYERS: tuple[tuple[str, ...], ...] = (
    ("errors", "files", "progress", "sniff"),
    (
        "catalog",
        "decode",
        "fileindex",
        "images",
        "jobs",
        "labelfile",
        "listing",
        "opening",
        "places",
        "splits",
        "workspace",
    ),
    ("collect", "export", "models", "review"),
    ("embedding", "ranking", "training"),
    ("demo", "tasks"),
    ("cli", "dashboard", "widgets"),
)
"""Rooms from the bottom up; a module imports its own layer and those below."""

LATE_UPWARDS = {
    ("workspace", "models"),
    ("workspace", "review"),
    ("workspace", "ranking"),
    ("workspace", "tasks"),
}
"""The few imports that look up, all inside functions: `Workspace` offers what the rooms above it do."""

ALWAYS_FREE = {"__init__", "__main__"}  # the package's face and the command's door


def modules() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def room(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def layer(name: str) -> int:
    for level, names in enumerate(LAYERS):
        if name in names:
            return level
    pytest.fail(f"cleaner/{name} has no place in LAYERS; put it where DESIGN would")


def is_type_checking(node: ast.If) -> bool:
    return ast.unparse(node.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING")


def imports(path: Path) -> Iterator[tuple[str, bool, int]]:
    """Yield (imported module, inside a function, line) for all imports that run."""

    def walk(nodes: Iterable[ast.AST], late: bool) -> Iterator[tuple[str, bool, int]]:
        for node in nodes:
            if isinstance(node, ast.If) and is_type_checking(node):
                yield from walk(node.orelse, late)
            elif isinstance(node, ast.Import):
                for alias in node.names:
                    yield alias.name, late, node.lineno
            elif isinstance(node, ast.ImportFrom):
                for name in absolute(path, node):
                    yield name, late, node.lineno
            else:
                function = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
                yield from walk(ast.iter_child_nodes(node), late or function)

    yield from walk([ast.parse(path.read_text(encoding="utf-8"))], False)


def absolute(path: Path, node: ast.ImportFrom) -> list[str]:
    package = ("cleaner", *path.relative_to(PACKAGE).parts[:-1])
    module = node.module or ""
    if node.level:
        module = ".".join((*package[: len(package) - node.level + 1], *filter(None, [module])))
    if module == "cleaner":
        return [f"cleaner.{alias.name}" for alias in node.names]
    return [module]


def imported_room(name: str) -> str | None:
    """Return the room of one of our modules; none for other people's, and for the package's face."""
    parts = name.split(".")
    if parts[0] != "cleaner" or len(parts) == 1 or parts[1].startswith("_") or parts[1][0].isupper():
        return None
    return parts[1]


def test_the_walker_sees_imports_of_every_kind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(globals(), "PACKAGE", tmp_path)
    path = tmp_path / "widgets" / "page.py"
    path.parent.mkdir()
    path.write_text(
        "import a\nfrom typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import b\nelse:\n    import c\n"
        "def f():\n    from cleaner import tasks\ntry:\n    from ..review import store\nexcept ImportError:\n"
        "    from .grid import g\n"
    )
    assert [(name, late) for name, late, _ in imports(path)] == [
        ("a", False),
        ("typing", False),
        ("c", False),
        ("cleaner.tasks", True),
        ("cleaner.review", False),
        ("cleaner.widgets.grid", False),
    ]


def test_imports_go_downwards_only() -> None:
    upwards = []
    for path in modules():
        here = room(path)
        if here in ALWAYS_FREE:
            continue
        for name, late, line in imports(path):
            there = imported_room(name)
            if there is None or layer(there) <= layer(here) or (late and (here, there) in LATE_UPWARDS):
                continue
            upwards.append(f"{path.relative_to(PACKAGE)}:{line} imports {name}")
    assert upwards == []


def test_every_late_exception_is_still_needed() -> None:
    used = {
        (room(path), imported_room(name)) for path in modules() for name, late, _ in imports(path) if late
    }
    assert used >= LATE_UPWARDS


def test_only_the_page_knows_widgets() -> None:
    found = [
        f"{path.relative_to(PACKAGE)}:{line} imports {name}"
        for path in modules()
        if room(path) != "widgets"
        for name, _, line in imports(path)
        if name.split(".")[0] in ("ipywidgets", "anywidget", "traitlets")
    ]
    assert found == []


def test_the_page_never_imports_torch_not_even_late_or_for_types() -> None:
    found = [
        f"{path.relative_to(PACKAGE)}:{node.lineno}"
        for path in modules()
        if room(path) == "widgets"
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in ([a.name for a in node.names] if isinstance(node, ast.Import) else [node.module or ""])
        if name.split(".")[0] in ("torch", "torchvision", "timm")
    ]
    assert found == []
