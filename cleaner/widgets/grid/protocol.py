"""Every message between the page and the kernel; ``js/protocol.d.ts`` has the same, and a test compares them.

What the page sends is read by `read` into a request, or refused; what it is sent is built here from what the
host gives (`cleaner.session.cells`). Acts are requests that change something: they say what their reviewer
saw, and are answered with ``saved`` or ``refused``. An answer carries the id of what it answers; ``to`` names
the view that asked, where the others need not hear it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Literal, TypedDict

from cleaner.errors import CleanerError
from cleaner.ranking.reasons import Witness
from cleaner.session.cells import (
    Cell,
    ChosenWindow,
    ClassExamples,
    Group,
    Levels,
    OneFix,
    Outcome,
    Page,
    Picture,
    Seen,
)
from cleaner.session.heat_maps import HeatMap
from cleaner.session.messages import Summary
from cleaner.widgets.grid.text import (
    again_lines,
    detail_lines,
    empty_text,
    group_marks,
    group_settled,
    group_title,
    heat_text,
    note_text,
    notice_text,
    offer_text,
    remark_lines,
    said_text,
    summary_text,
    title_text,
)
from cleaner.widgets.sentences import say

_MOST_NAMES = 2000


class RequestError(CleanerError):
    """A message of the page that cannot be understood.

    Parameters
    ----------
    kind : str
        What it calls itself.
    id : str or None
        What an answer has to carry; None: nobody waits for one.
    """

    def __init__(self, kind: str, id: str | None = None) -> None:
        super().__init__(say("guard.not_understood"))
        self.kind = kind
        self.id = id


# ---------------------------------------------------------------- what is shown, as it is sent


class DecisionData(TypedDict):
    """A decision on an image."""

    action: str
    label: str | None
    reviewer: str | None
    mine: bool


class CellData(TypedDict):
    """A `Cell`."""

    name: str
    given: str | None
    suggestion: str | None
    probability: float | None
    sure: bool
    loss: float | None
    decision: DecisionData | None
    notes: list[str]
    facts: list[list[str]]
    group: str | None
    advice: str
    remarks: list[str]
    likely: list[str]


class GroupData(TypedDict):
    """A `Group`."""

    id: str
    title: str
    marks: list[str]
    settled: str
    ready: bool


class ProposalData(TypedDict):
    """What is proposed for all images of a page of similar ones."""

    action: str
    label: str | None


class PageData(TypedDict):
    """A `Page`."""

    id: str
    cells: list[CellData]
    classes: list[str]
    digits: list[str]
    separator: str
    title: str
    summary: str
    notice: str
    empty: str
    focus: str | None
    can_go_back: bool
    can_go_on: bool
    offer: str
    same: ProposalData | None
    purpose: str
    groups: list[GroupData]


class ExampleData(TypedDict):
    """A typical image of a class."""

    name: str
    confirmed: bool


class SideData(TypedDict):
    """A `ClassExamples`."""

    label: str
    text: str
    pictures: list[ExampleData]


class WitnessData(TypedDict):
    """An image that tells something about another one: its name, its label in words, and what it is."""

    name: str
    label: str
    same: bool
    copy: bool


class FileWindowData(TypedDict):
    """A `Window` that a file names."""

    name: str
    center: float
    width: float


class LevelsData(TypedDict):
    """A `Levels`: which values of a deep image are shown, and which there are."""

    kind: str
    unit: str
    low: float
    high: float
    center: float
    width: float
    inverted: bool
    windows: list[FileWindowData]


# ---------------------------------------------------------------- from the page to the kernel


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What a view asks for; its answer carries ``id``."""

    id: str
    view: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Ping(Request):
    """Tell that somebody is there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hello(Request):
    """Show the page that is open."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn(Request):
    """Go to the next (1) or the previous (-1) page."""

    by: Literal[1, -1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Similar(Request):
    """Show images similar to what was just decided."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Next(Request):
    """Tell which images come after a page."""

    page: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Thumbs(Request):
    """Send thumbnails."""

    names: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Image(Request):
    """Send an image for the large view, or in its full size; a deep one through a window, if it is chosen."""

    name: str
    full: bool
    window: ChosenWindow | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Compare(Request):
    """Describe classes, with typical images other than ``name``."""

    name: str
    labels: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Why(Request):
    """Say why an image is on show."""

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Heat(Request):
    """Say how much each part of an image speaks for a class."""

    name: str
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GiveKey(Request):
    """Give an act another key; see `cleaner.widgets.keys.Keys.give`."""

    act: str
    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ResetKeys(Request):
    """Take the usual keys again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Act(Request):
    """Something that changes what is recorded."""

    seen: Seen


@dataclass(frozen=True, slots=True, kw_only=True)
class Decide(Act):
    """See `GridHost.decide`."""

    names: list[str]
    action: str
    label: str | None
    new_class: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirm(Act):
    """See `GridHost.confirm`."""

    names: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Undo(Act):
    """See `GridHost.undo`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Redo(Act):
    """See `GridHost.redo`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Describe(Act):
    """See `GridHost.describe`."""

    label: str
    text: str


_REQUESTS: dict[str, type[Request]] = {
    kind.__name__.lower(): kind
    for kind in (
        Ping,
        Hello,
        Turn,
        Similar,
        Next,
        Thumbs,
        Image,
        Compare,
        Why,
        Heat,
        GiveKey,
        ResetKeys,
        Decide,
        Confirm,
        Undo,
        Redo,
        Describe,
    )
}


def read(content: Mapping[str, object]) -> Request:
    """Turn a message of the page into a request.

    Raises
    ------
    RequestError
        The message is of an unknown kind, lacks something, or holds what cannot be.
    """
    kind, asked = str(content.get("kind")), content.get("id")
    if kind not in _REQUESTS or not isinstance(asked, str) or not asked:
        raise RequestError(kind)
    request = _REQUESTS[kind]
    try:
        return request(**{f.name: _READERS[str(f.type)](content[f.name]) for f in fields(request)})
    except (KeyError, TypeError, ValueError) as exc:
        raise RequestError(kind, asked) from exc


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _text_or_none(value: object) -> str | None:
    return None if value is None else _text(value)


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise TypeError
    return value


def _direction(value: object) -> Literal[1, -1]:
    if value not in (1, -1):
        raise ValueError
    return 1 if value == 1 else -1


def _names(value: object) -> list[str]:
    if not isinstance(value, list) or len(value) > _MOST_NAMES:
        raise TypeError
    return list(dict.fromkeys(map(_text, value)))


def _seen(value: object) -> Seen:
    if not isinstance(value, dict) or not isinstance(suggestions := value["suggestions"], dict):
        raise TypeError
    shown = {_text(name): _text_or_none(label) for name, label in suggestions.items()}
    return Seen(_text(value["page"]), shown)


def _window(value: object) -> ChosenWindow | None:
    if value is None:
        return None
    if not isinstance(value, dict):
        raise TypeError
    numbers = value["center"], value["width"]
    if not all(isinstance(n, (int, float)) and not isinstance(n, bool) and math.isfinite(n) for n in numbers):
        raise ValueError
    if numbers[1] <= 0:
        raise ValueError
    return ChosenWindow(_text(value["kind"]), *map(float, numbers))


_READERS: dict[str, Callable[[object], Any]] = {
    "str": _text,
    "str | None": _text_or_none,
    "bool": _flag,
    "list[str]": _names,
    "Literal[1, -1]": _direction,
    "Seen": _seen,
    "ChosenWindow | None": _window,
}
"""How a field of a request is read, by its type as it is written above."""


# ---------------------------------------------------------------- from the kernel to the page


class _Head(TypedDict, total=False):
    id: str
    to: str


class PongMessage(_Head):
    """Somebody is there."""

    kind: Literal["pong"]


class PageMessage(_Head):
    """Show a page."""

    kind: Literal["page"]
    page: PageData


class NextMessage(_Head):
    """Which images come after a page."""

    kind: Literal["next"]
    page: str
    names: list[str]


class ThumbsMessage(_Head):
    """Thumbnails, in the buffers: one for each name without a problem."""

    kind: Literal["thumbs"]
    names: list[str]
    problems: list[str]
    last: bool


class ImageMessage(_Head):
    """An image, in the buffer, with size, frames and levels of its file; or why there is none."""

    kind: Literal["image"]
    name: str
    full: bool
    problem: str
    type: str
    width: int
    height: int
    frames: int
    levels: LevelsData | None


class CompareMessage(_Head):
    """What classes are, their typical images in the buffers; ``late``: the view has asked again since."""

    kind: Literal["compare"]
    name: str
    sides: list[SideData]
    problem: str
    late: bool


class WhyMessage(_Head):
    """Why an image is on show, and the images that tell it, in the buffers; no text: nothing to say."""

    kind: Literal["why"]
    name: str
    text: str
    witnesses: list[WitnessData]


class HeatMessage(_Head):
    """How much each part of an image speaks for a class, in the buffer: int8, row by row; or why not."""

    kind: Literal["heat"]
    name: str
    label: str
    side: int
    text: str
    problem: str


class KeysMessage(_Head):
    """What became of the wish for other keys; the keys themselves are a trait."""

    kind: Literal["keys"]
    said: str
    refused: bool


class SavedMessage(_Head):
    """An act was committed; with the page that is on show now, if that is another one."""

    kind: Literal["saved"]
    cells: list[CellData]
    summary: str
    said: str
    focus: str | None
    page: PageData | None


class RefusedMessage(_Head):
    """Something was not done, and why; with the page as it is, if that is not what the reviewer saw."""

    kind: Literal["refused"]
    reason: str
    cells: list[CellData]
    page: PageData | None


class CellsMessage(_Head):
    """Cells as they are now."""

    kind: Literal["cells"]
    cells: list[CellData]
    summary: str


class SayMessage(_Head):
    """A sentence for the status line."""

    kind: Literal["say"]
    text: str


class OfferMessage(_Head):
    """What the button for similar images says; empty: none are offered."""

    kind: Literal["offer"]
    text: str


class DescribedMessage(_Head):
    """The description of some class is another one."""

    kind: Literal["described"]


class FocusMessage(_Head):
    """The keys belong to the cards."""

    kind: Literal["focus"]


Message = (
    PongMessage
    | PageMessage
    | NextMessage
    | ThumbsMessage
    | ImageMessage
    | CompareMessage
    | WhyMessage
    | HeatMessage
    | KeysMessage
    | SavedMessage
    | RefusedMessage
    | CellsMessage
    | SayMessage
    | OfferMessage
    | DescribedMessage
    | FocusMessage
)


def cell_data(cell: Cell) -> CellData:
    """Return a cell as it is sent."""
    decision: DecisionData | None = None
    if cell.action is not None:
        decision = {"action": cell.action, "label": cell.label, "reviewer": cell.reviewer, "mine": cell.mine}
    return {
        "name": cell.name,
        "given": cell.given,
        "suggestion": cell.suggestion,
        "probability": cell.probability,
        "sure": cell.sure,
        "loss": cell.loss,
        "decision": decision,
        "notes": [note_text(note) for note in cell.notes],
        "facts": [list(line) for line in detail_lines(cell.details)],
        "group": cell.group,
        "advice": cell.advice,
        "remarks": [*remark_lines(cell.remark), *again_lines(cell.again)],
        "likely": list(cell.likely),
    }


def _group_data(group: Group | OneFix) -> GroupData:
    return {
        "id": group.id,
        "title": group_title(group),
        "marks": group_marks(group),
        "settled": group_settled(group),
        "ready": isinstance(group, Group) or group.at_most is not None,
    }


def page_data(page: Page, *, focus: str | None = None) -> PageData:
    """Return a page as it is sent.

    Parameters
    ----------
    page : Page
    focus : str, optional
        Name of the cell to go to; default: what the page says.
    """
    return {
        "id": page.id,
        "cells": [cell_data(cell) for cell in page.cells],
        "classes": list(page.classes),
        "digits": list(page.digits),
        "separator": page.separator,
        "title": title_text(page),
        "summary": summary_text(page.summary),
        "notice": " ".join(map(notice_text, page.notices)),
        "empty": empty_text(page),
        "focus": page.focus if focus is None else focus,
        "can_go_back": page.can_go_back,
        "can_go_on": page.can_go_on,
        "offer": offer_text(page.offer),
        "same": None if page.same is None else {"action": page.same[0], "label": page.same[1]},
        "purpose": page.purpose,
        "groups": [_group_data(group) for group in page.groups],
    }


def keys_message(request: Request, said: str, *, refused: bool) -> KeysMessage:
    """Tell what became of the wish for other keys."""
    return {"kind": "keys", "id": request.id, "to": request.view, "said": said, "refused": refused}


def page_message(page: Page) -> PageMessage:
    """Tell to show a page."""
    return {"kind": "page", "page": page_data(page)}


def cells_message(cells: Sequence[Cell], summary: Summary | None) -> CellsMessage:
    """Tell how cells are now, and where the work stands if that is another place than before."""
    text = "" if summary is None else summary_text(summary)
    return {"kind": "cells", "cells": [cell_data(cell) for cell in cells], "summary": text}


def saved_message(outcome: Outcome) -> SavedMessage:
    """Tell what an act came to."""
    return {
        "kind": "saved",
        "cells": [cell_data(cell) for cell in outcome.cells],
        "summary": summary_text(outcome.summary),
        "said": said_text(outcome.said),
        "focus": outcome.focus,
        "page": None if outcome.page is None else page_data(outcome.page),
    }


def image_message(request: Image, picture: Picture) -> ImageMessage:
    """Tell what is in the buffer."""
    return {
        "kind": "image",
        "name": request.name,
        "full": request.full,
        "problem": "",
        "type": picture.media_type,
        "width": picture.width_px,
        "height": picture.height_px,
        "frames": picture.frames,
        "levels": None if picture.levels is None else _levels_data(picture.levels),
    }


def _levels_data(levels: Levels) -> LevelsData:
    scale, window = levels.scale, levels.window
    return {
        "kind": scale.kind,
        "unit": scale.unit,
        "low": scale.low,
        "high": scale.high,
        "center": window.center,
        "width": window.width,
        "inverted": levels.inverted,
        "windows": [{"name": w.name, "center": w.center, "width": w.width} for w in scale.windows],
    }


def no_image_message(request: Image, problem: str) -> ImageMessage:
    """Tell why an image cannot be shown."""
    return {
        "kind": "image",
        "name": request.name,
        "full": request.full,
        "problem": problem,
        "type": "",
        "width": 0,
        "height": 0,
        "frames": 1,
        "levels": None,
    }


def side_data(examples: ClassExamples, shown: Sequence[str]) -> SideData:
    """Return a class as it is sent, with those of its typical images that could be read."""
    there = set(shown)
    pictures: list[ExampleData] = [
        {"name": example.name, "confirmed": example.confirmed}
        for example in examples.examples
        if example.name in there
    ]
    return {"label": examples.label, "text": examples.text, "pictures": pictures}


def compare_message(
    request: Compare, sides: Sequence[SideData] = (), *, problem: str = "", late: bool = False
) -> CompareMessage:
    """Tell what classes are, or why that cannot be told."""
    return {"kind": "compare", "name": request.name, "sides": list(sides), "problem": problem, "late": late}


def witness_data(given: str | None, witness: Witness, *, copy: bool) -> WitnessData:
    """Return an image that tells something about one with the label ``given``, as it is sent."""
    return {
        "name": witness.name,
        "label": witness.label or say("grid.no_label"),
        "same": witness.label == given,
        "copy": copy,
    }


def why_message(request: Why, text: str = "", witnesses: Sequence[WitnessData] = ()) -> WhyMessage:
    """Tell why an image is on show."""
    return {"kind": "why", "name": request.name, "text": text, "witnesses": list(witnesses)}


def heat_message(request: Heat, heat: HeatMap) -> HeatMessage:
    """Tell what is in the buffer."""
    return {
        "kind": "heat",
        "name": request.name,
        "label": request.label,
        "side": heat.side,
        "text": heat_text(request.label, heat),
        "problem": "",
    }


def no_heat_message(request: Heat, problem: str) -> HeatMessage:
    """Tell why there is no heat map."""
    return {
        "kind": "heat",
        "name": request.name,
        "label": request.label,
        "side": 0,
        "text": "",
        "problem": problem,
    }
