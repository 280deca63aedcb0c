"""The messages between page and kernel: Python and the scripts agree on fields and sentences."""

from __future__ import annotations

import dataclasses
import re
import typing
from pathlib import Path
from typing import Any

import pytest

from cleaner.session.cells import ChosenWindow
from cleaner.widgets.grid import protocol
from cleaner.widgets.keys import KeyData
from cleaner.widgets.sentences import SENTENCES

SCRIPTS = Path(protocol.__file__).parent / "js"
REQUESTS = [
    kind
    for kind in vars(protocol).values()
    if isinstance(kind, type)
    and issubclass(kind, protocol.Request)
    and kind not in (protocol.Request, protocol.Act)
]
MESSAGES = list(typing.get_args(protocol.Message))
PARTS = {
    "Decision": protocol.DecisionData,
    "Cell": protocol.CellData,
    "Group": protocol.GroupData,
    "Proposal": protocol.ProposalData,
    "Page": protocol.PageData,
    "Example": protocol.ExampleData,
    "Side": protocol.SideData,
    "Witness": protocol.WitnessData,
    "Key": KeyData,
    "FileWindow": protocol.FileWindowData,
    "Levels": protocol.LevelsData,
    "ChosenWindow": ChosenWindow,
}
PLAIN = {str: "string", bool: "boolean", int: "number", float: "number", type(None): "null"}


def interfaces() -> dict[str, dict[str, str]]:
    """Return the fields and types of every interface of the scripts."""
    text = (SCRIPTS / "protocol.d.ts").read_text(encoding="utf-8")
    found = re.findall(r"^export interface (\w+) \{\n(.*?)^\}", text, re.MULTILINE | re.DOTALL)
    return {name: dict(re.findall(r"^  (\w+\??): (.+);$", body, re.MULTILINE)) for name, body in found}


def in_typescript(kind: Any) -> str:
    """Write a type of Python as the scripts do."""
    if kind in PLAIN:
        return PLAIN[kind]
    if isinstance(kind, type) and hasattr(kind, "__annotations__"):
        return kind.__name__.removesuffix("Data")
    origin, inner = typing.get_origin(kind), typing.get_args(kind)
    if origin is list:
        return f"{in_typescript(inner[0])}[]"
    if origin is typing.Literal:
        return " | ".join(f'"{value}"' if isinstance(value, str) else "number" for value in inner[:1])
    return " | ".join(map(in_typescript, inner))


def as_interface(kind: type) -> dict[str, str]:
    hints = typing.get_type_hints(kind)
    optional = getattr(kind, "__optional_keys__", frozenset())
    return {f"{name}?" if name in optional else name: in_typescript(hint) for name, hint in hints.items()}


@pytest.mark.parametrize("name", PARTS)
def test_what_is_shown_is_the_same_in_both(name: str) -> None:
    assert interfaces()[name] == as_interface(PARTS[name])


@pytest.mark.parametrize("message", MESSAGES, ids=lambda kind: kind.__name__)
def test_messages_are_the_same_in_both(message: type) -> None:
    assert interfaces()[message.__name__] == as_interface(message)


@pytest.mark.parametrize("request_", REQUESTS, ids=lambda kind: kind.__name__)
def test_requests_are_the_same_in_both(request_: type) -> None:
    kind = {"kind": f'"{request_.__name__.lower()}"'}
    assert interfaces()[request_.__name__] == kind | as_interface(request_)


def test_no_message_of_the_scripts_is_missing_here() -> None:
    own = {
        "Asked",
        "Model",
        "Seen",
        "Message",
        "Request",
    }  # what the scripts make of them; Seen is read by hand
    known = {*PARTS, *(kind.__name__ for kind in [*REQUESTS, *MESSAGES])}
    assert set(interfaces()) - own == known


@pytest.mark.parametrize("request_", REQUESTS, ids=lambda kind: kind.__name__)
def test_every_request_is_read_as_what_it_is(request_: type[protocol.Request]) -> None:
    usual = {
        "names": ["a.jpg", "a.jpg", "b.jpg"],
        "labels": ["cat"],
        "seen": {"page": "one", "suggestions": {"a.jpg": None}},
        "by": -1,
        "full": True,
        "new_class": False,
        "label": "cat",
        "window": {"kind": "CT HU", "center": 40, "width": 400.5},
    }
    fields = [field.name for field in dataclasses.fields(request_)]
    content = {name: usual.get(name, name) for name in fields}
    read = protocol.read({"kind": request_.__name__.lower(), **content})
    assert type(read) is request_
    assert (read.id, read.view) == ("id", "view")
    if isinstance(read, protocol.Decide):
        assert read.names == ["a.jpg", "b.jpg"]
    if isinstance(read, protocol.Image):
        assert read.window == ChosenWindow("CT HU", 40, 400.5)
    if isinstance(read, protocol.Act):
        assert (read.seen.page_id, dict(read.seen.suggestions)) == ("one", {"a.jpg": None})


def test_the_scripts_show_every_sentence_of_the_grid_and_no_other() -> None:
    text = "\n".join(path.read_text(encoding="utf-8") for path in SCRIPTS.glob("*.js"))
    used = set()
    for key in re.findall(r'"(grid\.[\w.]+)"', text):
        used |= {key} if key in SENTENCES else {f"{key}_one", f"{key}_many"}
    assert used == {key for key in SENTENCES if key.startswith("grid.")}
    for key in used:
        assert not re.search(r"[{}]", re.sub(r"\{\w+\}", "", SENTENCES[key])), "only plain values are put in"
