"""Advice: on the command line with its options, on the page without them."""

from __future__ import annotations

import ast
import copy
import json
import re
from collections.abc import Iterator
from pathlib import Path

import cleaner
from cleaner.advice import Advice, on_page
from cleaner.dataset.findings import Finding
from cleaner.errors import CatalogError

_PACKAGE = Path(cleaner.__file__).parent
_OPTION = re.compile(r"(?<![\w-])--[a-z]|\s--$")
_TERMINAL = ("cli", "dashboard", "serving")
_FOR_TERMINALS = {  # said to whoever used an option or a command, or asked there
    "dataset/formats/transfer.py": 3,  # --link and --several-labels, which the page does not have
    "dataset/tables/text.py": 1,  # the encodings, one by one: part of an Advice
    "embedding/over_ray.py": 1,  # to whoever chose --engine ray
    "jobs/process.py": 1,  # how a process is started: no sentence
    "jobs/worker.py": 1,  # likewise
    "models/efficientnet_lite.py": 1,  # an option of pip
    "training/team.py": 1,  # to whoever started training by torchrun
    "workspace.py": 1,  # a command to be run after the database was lost
}


def test_a_page_does_not_hear_of_options() -> None:
    told = Advice("There is no such file.", "Use --root.", "Choose a folder.")
    assert told == "There is no such file. Use --root."
    assert on_page(told) == CatalogError(told).on_page == "There is no such file. Choose a folder."
    assert on_page("Plain.") == CatalogError("Plain.").on_page == "Plain."
    assert copy.deepcopy(told).on_page == told.on_page
    finding = Finding(topic="x", text=told, examples=("a", "b"))
    again = Finding.of_record(json.loads(json.dumps(finding.record(1))))
    assert (again.text, again.on_page, again.bare) == (told, told.on_page, "There is no such file.")
    assert (again.key, again.examples) == (finding.key, ("a",))


def test_sentences_that_name_options_say_what_to_do_on_the_page() -> None:
    found = {}
    for path in sorted(_PACKAGE.rglob("*.py")):
        name = path.relative_to(_PACKAGE).as_posix()
        if name.partition("/")[0] not in _TERMINAL:
            lines = list(_said(ast.parse(path.read_text("utf-8")), inside=False))
            found |= {name: len(lines)} if lines else {}
    assert found == _FOR_TERMINALS


def _said(tree: ast.AST, *, inside: bool) -> Iterator[int]:
    """Yield the lines of texts that name an option outside of any `Advice` (and of what it is made of)."""
    if isinstance(tree, ast.Expr) and isinstance(tree.value, ast.Constant):  # a docstring
        return
    if isinstance(tree, ast.Constant) and isinstance(tree.value, str):
        if not inside and _OPTION.search(tree.value):
            yield tree.lineno
        return
    if isinstance(tree, ast.Call) and isinstance(tree.func, ast.Name) and tree.func.id == "Advice":
        inside = True
    if isinstance(tree, ast.Assign) and isinstance(tree.value, ast.Tuple):  # what is unpacked into it
        inside = True
    for child in ast.iter_child_nodes(tree):
        yield from _said(child, inside=inside)
