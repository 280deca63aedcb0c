"""The messages from the kernel to the grid's scripts, made from the data of a session."""

from __future__ import annotations

from typing import TypedDict

from cleaner.session.cells import Cell, Group, Page
from cleaner.widgets.grid.text import (
    detail_lines,
    empty_text,
    group_marks,
    group_settled,
    group_title,
    note_text,
    notice_text,
    offer_text,
    remark_lines,
    summary_text,
    title_text,
)


class DecisionMessage(TypedDict):
    """What was decided on an image; ``mine``: by whoever looks at the page."""

    action: str
    label: str | None
    reviewer: str | None
    mine: bool


class CellMessage(TypedDict):
    """One image; see `cleaner.session.cells.Cell`."""

    name: str
    given: str | None
    suggestion: str | None
    probability: float | None
    sure: bool
    loss: float | None
    decision: DecisionMessage | None
    problem: str | None
    notes: list[str]
    facts: list[list[str]]
    group: str | None
    advice: str
    remarks: list[str]
    likely: list[str]


class GroupMessage(TypedDict):
    """Cells that stand in a row of their own; see `cleaner.session.cells.Group`."""

    id: str
    title: str
    marks: list[str]
    settled: str


class SameMessage(TypedDict):
    """The decision that is proposed for all images of a page."""

    action: str
    label: str | None


class PageMessage(TypedDict):
    """One page; see `cleaner.session.cells.Page`."""

    id: str
    cells: list[CellMessage]
    classes: list[str]
    title: str
    summary: str
    notice: str
    empty: str
    focus: str | None
    can_go_back: bool
    can_go_on: bool
    offer: str
    same: SameMessage | None
    purpose: str
    groups: list[GroupMessage]


def cell_message(cell: Cell) -> CellMessage:
    """Return a cell for the page."""
    decision: DecisionMessage | None = None
    if cell.action is not None:
        decision = {
            "action": cell.action,
            "label": cell.label,
            "reviewer": cell.reviewer,
            "mine": cell.mine,
        }
    return {
        "name": cell.name,
        "given": cell.given,
        "suggestion": cell.suggestion,
        "probability": cell.probability,
        "sure": cell.sure,
        "loss": cell.loss,
        "decision": decision,
        "problem": None,
        "notes": [note_text(note) for note in cell.notes],
        "facts": [list(line) for line in detail_lines(cell.details)],
        "group": cell.group,
        "advice": cell.advice,
        "remarks": remark_lines(cell.remark),
        "likely": list(cell.likely),
    }


def group_message(group: Group) -> GroupMessage:
    """Return a group of cells for the page."""
    return {
        "id": group.id,
        "title": group_title(group),
        "marks": group_marks(group),
        "settled": group_settled(group),
    }


def page_message(page: Page) -> PageMessage:
    """Return a page for the browser."""
    return {
        "id": page.id,
        "cells": [cell_message(cell) for cell in page.cells],
        "classes": list(page.classes),
        "title": title_text(page),
        "summary": summary_text(page.summary),
        "notice": " ".join(notice_text(notice) for notice in page.notices),
        "empty": empty_text(page),
        "focus": page.focus,
        "can_go_back": page.can_go_back,
        "can_go_on": page.can_go_on,
        "offer": offer_text(page.offer),
        "same": None if page.same is None else {"action": page.same[0], "label": page.same[1]},
        "purpose": page.purpose,
        "groups": [group_message(group) for group in page.groups],
    }
