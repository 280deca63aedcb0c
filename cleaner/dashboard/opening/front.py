"""The front: what is on the screen until the page is there, to look at only."""

import base64
import json
import logging
from collections.abc import Iterator
from functools import cached_property
from html import escape
from pathlib import Path
from string import Template
from typing import Any

from cleaner.dataset.folders import list_images, name_problem, own_state, place_of
from cleaner.errors import CleanerError, ImageError
from cleaner.images.archives import is_archive
from cleaner.widgets.keys import KEYS, key_table
from cleaner.widgets.page_copy import PageCopy
from cleaner.widgets.page_settings import PageSettings
from cleaner.widgets.scripts import joined
from cleaner.widgets.sentences import SENTENCES, say

logger = logging.getLogger(__name__)

_HERE = Path(__file__).parent
_WIDGETS = _HERE.parents[1] / "widgets"
_SHEETS = (
    _HERE.parent / "share" / "nbconvert" / "templates" / "cleaner" / "static" / "page.css",
    _HERE / "opening.css",
    _WIDGETS / "panels" / "app.css",
    _WIDGETS / "grid" / "grid.css",
)
_SCRIPTS = {"grid": _WIDGETS / "grid" / "js" / "grid.js", "panel": _WIDGETS / "panels" / "js" / "panel.js"}
_IMAGES = 24
_THUMBNAIL_PX = 256
_UNKNOWN = "\N{NO-BREAK SPACE}"  # takes as much room as a label
_OTHER_SETS = frozenset({"labels", "layout", "group", "store", "hidden", "follow_links"})


class Front:
    """The copy of the page, or of a set that is opened for the first time the first images; or neither.

    Parameters
    ----------
    settings : PageSettings
        What the page will open.
    theme : str or None
        Colours; None follows the visitor's system.
    """

    def __init__(self, settings: PageSettings, theme: str | None) -> None:
        self._settings = settings
        self._theme = theme or "auto"
        options = dict(settings.workspace or {})
        root = Path(options.get("root") or ".")
        self._root = root if root.is_dir() or is_archive(root) else root.parent
        self._state = Path(options.get("state") or own_state(self._root))
        self._options = options

    @cached_property
    def _shown(self) -> dict[str, Any] | None:
        if self._settings.workspace is None or self._settings.reviewer_header is not None:
            return None  # there is no set yet, or nobody to whom it belongs
        copy = PageCopy(self._state, self._options).read()
        if copy is not None or self._state.is_dir():
            return copy
        return self._first_images()

    @cached_property
    def html(self) -> str:
        """The page without its images; the document stays open."""
        said = say("page.opening", name=self._settings.title or "cleaner")
        shown = self._shown or {}
        data = {
            **shown,
            "message": said,
            "theme": self._theme,
            "scripts": {name: joined(path) for name, path in _SCRIPTS.items()} if shown else {},
        }
        return Template((_HERE / "opening.html").read_text(encoding="utf-8")).substitute(
            title=escape(f"{self._settings.title} · cleaner" if self._settings.title else "cleaner"),
            scheme="light dark" if self._theme == "auto" else self._theme,
            style="\n".join(sheet.read_text(encoding="utf-8") for sheet in _SHEETS),
            opening=escape(say("page.look_only") if shown else said),
            data=in_script(data),
            script=(_HERE / "opening.js").read_text(encoding="utf-8"),
        )

    def images(self) -> Iterator[tuple[str, bytes]]:
        """Yield the images that are shown, by name, as small JPEGs; empty for one that cannot be shown."""
        from cleaner.images.thumbnails import ThumbnailCache, thumbnail  # numpy and Pillow: 0.3 s

        cells = (self._shown or {}).get("page", {}).get("cells", [])
        kept = ThumbnailCache(self._state / "thumbnails") if self._state.is_dir() else None
        for name in (str(cell["name"]) for cell in cells):
            path = self._root / name
            try:
                # A copy can have come with the folder from somebody else.
                if name_problem(name) or place_of(self._root, name):
                    yield name, b""
                elif kept is not None:
                    yield name, kept.get(path, size_px=_THUMBNAIL_PX)
                else:  # opened for the first time: nothing is written before it is
                    yield name, thumbnail(path, size_px=_THUMBNAIL_PX)
            except ImageError:
                yield name, b""

    def _first_images(self) -> dict[str, Any] | None:
        """Describe the first page of a folder that is opened for the first time."""
        if not self._root.is_dir() or self._settings.workspace is None:
            return None
        if any(self._options.get(name) for name in _OTHER_SETS) or not Path(self._options["root"]).is_dir():
            return None  # which images there are, and in which order, takes more than a list of files
        try:
            names = list_images(self._root).names[:_IMAGES]
        except CleanerError:
            return None  # the page will say so
        return _first_page(self._settings.title, names) if names else None


def in_script(data: object) -> str:
    """Return data as JSON that can stand in a script of a page."""
    return json.dumps(data, ensure_ascii=False).replace("<", "\\u003c").replace("\u2028", "\\u2028")


def image_script(name: str, data: bytes) -> str:
    """Return the script that shows an image on the front."""
    return f"<script>cleaner_front.image({in_script(name)}, '{base64.b64encode(data).decode()}')</script>\n"


def _box(*inner: dict[str, Any], classes: tuple[str, ...]) -> dict[str, Any]:
    return {"kind": "box", "classes": list(classes), "style": {}, "inner": list(inner)}


def _panel(*tree: object, classes: tuple[str, ...] = ()) -> dict[str, Any]:
    return {"kind": "panel", "tree": list(tree), "classes": list(classes), "style": {}}


def _first_page(title: str, names: list[str]) -> dict[str, Any]:
    """Describe what a page looks like that has no ranking yet, with room for what is not known yet."""
    header = _panel(["header", {"class": "cleaner-header"}, ["h1", {}, title]])
    button = ["button", {"class": "cleaner-button", "disabled": True}, say("prepare.cancel")]
    work = ["div", {"class": "cleaner-work"}, ["p", {}, ""], ["div", {"class": "cleaner-buttons"}, button]]
    columns = [
        _box(classes=("widget-vbox", "cleaner-left")),
        _box({"kind": "grid", "classes": [], "style": {}}, classes=("widget-vbox", "cleaner-middle")),
        _box(classes=("widget-vbox", "cleaner-right")),
    ]
    cell = {
        **dict.fromkeys(("suggestion", "probability", "loss", "decision", "group")),
        **{"given": _UNKNOWN, "sure": False, "advice": ""},
        **{"notes": [], "facts": [], "remarks": [], "likely": []},
    }
    page = {
        **dict.fromkeys(("id", "separator", "summary", "empty", "offer"), ""),
        **{"title": say("review.title", number=1), "notice": say("review.no_ranking"), "purpose": "labels"},
        "cells": [{"name": name, **cell} for name in names],
        **{"classes": [_UNKNOWN], "digits": [""], "groups": [], "focus": None, "same": None},
        **{"can_go_back": False, "can_go_on": False},
    }
    words = {key: text for key, text in SENTENCES.items() if key.startswith("grid.")}
    below = [_panel(work, classes=("cleaner-work-panel",)), _box(*columns, classes=("cleaner-columns",))]
    return {
        "page": page,
        "grid": {"mode": "review", "words": words, "key_table": key_table(KEYS)},
        "frame": _box(header, *below, classes=("widget-vbox", "cleaner-app")),
    }
