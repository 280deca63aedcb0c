"""The graph of all imports, late ones and those for types included: one direction, no circle."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "cleaner"

ORDER: tuple[tuple[str, ...], ...] = (
    ("advice", "errors", "version"),
    ("util",),
    ("images",),
    ("dataset",),
    ("review",),
    ("collect", "embedding", "jobs", "models", "training"),
    ("ranking",),
    ("duplicates", "quality"),
    ("audit",),
    ("interpret",),
    ("analysis",),
    ("labelling",),
    ("pipelines",),
    ("workspace",),
    ("session",),
    ("widgets",),
    ("cli", "dashboard", "serving"),
)
"""Rooms from the bottom up; rooms of one line may know each other, but not both ways."""

FACE = {"cleaner", "cleaner.__main__"}  # what users import, and ``python -m cleaner``: nothing imports them


@cache
def modules() -> dict[str, Path]:
    """Return every module of the package by its dotted name."""
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


@cache
def tree_of(module: str) -> ast.Module:
    return ast.parse(modules()[module].read_text(encoding="utf-8"))


def imports(module: str) -> Iterator[tuple[str, int]]:
    """Yield (imported module, line) for every import statement, wherever in the file it stands."""
    package = module if modules()[module].name == "__init__.py" else module.rpartition(".")[0]
    for node in ast.walk(tree_of(module)):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                above = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join([*above, *filter(None, [node.module])])
            for alias in node.names:
                inner = f"{base}.{alias.name}"
                yield (inner if inner in modules() else base), node.lineno


def graph() -> dict[str, set[str]]:
    return {m: {t for t, _ in imports(m) if t in modules() and t != m} for m in modules()}


def room(module: str) -> str:
    return module.split(".")[1]


def level(name: str) -> int:
    for height, names in enumerate(ORDER):
        if name in names:
            return height
    pytest.fail(f"cleaner/{name} has no place in ORDER; put it where the architecture would.")


def circle(arrows: dict[str, set[str]]) -> list[str]:
    try:
        TopologicalSorter(arrows).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def test_a_circle_is_found_and_a_tree_is_none() -> None:
    assert circle({"a": {"b"}, "b": {"c"}, "c": {"a"}})
    assert circle({"a": {"b", "c"}, "b": {"c"}, "c": set()}) == []


def test_no_modules_import_each_other() -> None:
    assert circle(graph()) == []


def test_no_rooms_import_each_other() -> None:
    rooms: dict[str, set[str]] = {}
    for module, targets in graph().items():
        if module not in FACE:
            rooms.setdefault(room(module), set()).update(room(t) for t in targets if t not in FACE)
    assert circle({name: below - {name} for name, below in rooms.items()}) == []


def test_imports_go_downwards_only() -> None:
    upwards = [
        f"{modules()[module].relative_to(PACKAGE)}:{line} imports {target}"
        for module in modules()
        if module not in FACE
        for target, line in imports(module)
        if target in modules() and (target in FACE or level(room(target)) > level(room(module)))
    ]
    assert upwards == []


@pytest.mark.parametrize(
    ("names", "rooms"),
    [
        (("ipywidgets", "anywidget", "traitlets"), {r for line in ORDER for r in line} - {"widgets"}),
        (("torch", "torchvision", "timm"), {"review", "session", "widgets"}),
    ],
    ids=["widgets", "torch"],
)
def test_some_libraries_stay_out_of_some_rooms(names: tuple[str, ...], rooms: set[str]) -> None:
    found = [
        f"{modules()[module].relative_to(PACKAGE)}:{line} imports {target}"
        for module in modules()
        if module not in FACE and room(module) in rooms
        for target, line in imports(module)
        if target.split(".")[0] in names
    ]
    assert found == []
