"""Which key asks for what: the usual keys, and those that the user has chosen instead.

A key is spelled as the browser calls the character or key (``event.key``), so that it is the same on every
keyboard layout: ``k``, ``ü``, ``/``, ``Delete``, ``F2``; with Ctrl, or ⌘ on a Mac, ``Ctrl+z``. Letters are
small, as Shift makes no difference to them without Ctrl. What was chosen is kept in the user's folder, and so
holds for all data sets.
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict
from weakref import WeakMethod

from cleaner.dataset.user import home
from cleaner.util.atomic import write_atomically

logger = logging.getLogger(__name__)

_NAMED = frozenset({"Delete", "Backspace", "Insert", "F2", "F4", "F8", "F9"})
_PRINTED = {"Delete": "Del", "Insert": "Ins", "Enter": "↵", " ": "Space", "-": "−"}
_NO_KEY = "–"


@dataclass(frozen=True, slots=True)
class Binding:
    """The keys of one act.

    Parameters
    ----------
    name : str
        Key of the sentence that names the act.
    usual : tuple of str
        Keys that another one can replace, the first of which is shown on the button.
    fixed : tuple of str
        Keys that it always has.
    """

    name: str
    usual: tuple[str, ...] = ()
    fixed: tuple[str, ...] = ()


class KeyData(TypedDict):
    """The keys of an act, as the browser calls them and as people read them, and whether they were chosen."""

    keys: list[str]
    printed: list[str]
    chosen: bool


BINDINGS: Mapping[str, Binding] = {
    "keep": Binding("grid.keep", ("k", "a")),
    "delete": Binding("grid.delete", ("x", "Delete")),
    **{f"digit_{digit}": Binding("keys.class_on_digit", (digit,)) for digit in "1234567890"},
    "likely": Binding("grid.likeliest_first", (".",)),
    "suggest": Binding("grid.relabel_to_suggestion", ("y",)),
    "type": Binding("grid.relabel_dialog", ("/",)),
    "similar": Binding("keys.similar_images", ("l",)),
    "unsure": Binding("grid.unsure", ("s",)),
    "group": Binding("grid.relabel_group", ("g",)),
    "only": Binding("grid.keep_only", ("o",)),
    "different": Binding("grid.not_duplicates", ("n",)),
    "undo": Binding("grid.undo", ("u", "Backspace"), ("Ctrl+z",)),
    "redo": Binding("grid.redo", ("r",), ("Ctrl+Shift+z", "Ctrl+y")),
    "confirm": Binding("grid.confirm_page", (), ("Ctrl+Enter",)),
    "help": Binding("grid.show_keys", ("?",)),
    "zoom_in": Binding("grid.zoom_in", ("+", "=")),
    "zoom_out": Binding("grid.zoom_out", ("-",)),
    "fit": Binding("grid.fit", ("f",)),
    "reset_light": Binding("keys.reset_light", ("w",)),
    "heat": Binding("grid.heat", ("h",)),
    "compare": Binding("grid.compare", ("c",)),
}
"""By the name of the act, in the order of the list that the page shows."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a key was not given to an act.

    Parameters
    ----------
    key : str
        As printed.
    taken_by : str or None
        The act that has it; None: no act can have it.
    """

    key: str
    taken_by: str | None = None


class Keys:
    """The keys as they are now, for all pages of this process; see the head of this module."""

    def __init__(self) -> None:
        self._chosen: dict[str, str] = {}
        self._listeners: list[WeakMethod[Callable[[], None]]] = []
        self._lock = threading.RLock()

    def table(self) -> dict[str, list[str]]:
        """Return all keys of every act, the one to be shown first.

        Where a usual key was given to another act, its own act has it no more.
        """
        with self._lock:
            taken = set(self._chosen.values())
            table = {}
            for act, binding in BINDINGS.items():
                usual = [key for key in binding.usual if key not in taken]
                own = [self._chosen[act]] if act in self._chosen else usual
                table[act] = [*own, *binding.fixed]
            return table

    @property
    def chosen(self) -> dict[str, str]:
        """The keys that the user has chosen instead of the usual ones, by act."""
        with self._lock:
            return dict(self._chosen)

    def printed(self, act: str) -> str:
        """Return the key of an act as sentences and buttons show it."""
        keys = self.table()[act]
        return print_key(keys[0]) if keys else _NO_KEY

    # ---------------------------------------------------------------- choosing

    def give(self, act: str, key: str) -> Refusal | None:
        """Give an act another key instead of its usual ones; returns why not, if it cannot be.

        Raises
        ------
        KeyError
            There is no such act.
        OSError
            The choice cannot be written; then it holds only as long as this process.
        """
        with self._lock:
            table = self.table()
            own = BINDINGS[act]
            taken_by = next((other for other, keys in table.items() if key in keys and other != act), None)
            if taken_by is not None:
                return Refusal(print_key(key), taken_by)
            if key not in own.fixed and not _can_be_given(key):
                return Refusal(print_key(key))
            self._chosen.pop(act, None)
            if (key,) != own.usual and key not in own.fixed:
                self._chosen[act] = key
        self._changed()
        return None

    def reset(self) -> None:
        """Take the usual keys again; raises `OSError` as `give` does."""
        with self._lock:
            self._chosen.clear()
        self._changed()

    def subscribe(self, listener: Callable[[], None]) -> None:
        """Call a method when the keys are other ones, as long as its object lives."""
        self._listeners.append(WeakMethod(listener))

    def _changed(self) -> None:
        try:
            self._save()
        finally:
            for reference in tuple(self._listeners):
                listener = reference()
                if listener is None:
                    self._listeners.remove(reference)
                else:
                    listener()

    # ---------------------------------------------------------------- remembering

    def load(self) -> None:
        """Read what the user has chosen, as a page does when it opens."""
        try:
            found = json.loads(_file().read_text("utf-8"))
            pairs = [(str(act), str(key)) for act, key in found.items()]
        except FileNotFoundError:
            pairs = []
        except (OSError, ValueError, AttributeError) as exc:
            logger.warning("The usual keys are used: %s cannot be read (%s)", _file(), exc)
            pairs = []
        fixed = {key for binding in BINDINGS.values() for key in binding.fixed}
        chosen: dict[str, str] = {}
        for act, key in pairs:
            if act in BINDINGS and _can_be_given(key) and key not in {*fixed, *chosen.values()}:
                chosen[act] = key
        with self._lock:
            self._chosen = chosen

    def _save(self) -> None:
        text = json.dumps(self.chosen, ensure_ascii=False, indent=1)
        _file().parent.mkdir(parents=True, exist_ok=True)
        write_atomically(_file(), text.encode("utf-8"))


def key_table(keys: Keys) -> dict[str, KeyData]:
    """Return the keys of every act as they are sent."""
    chosen = keys.chosen
    return {
        act: {"keys": each, "printed": [print_key(key) for key in each], "chosen": act in chosen}
        for act, each in keys.table().items()
    }


def print_key(key: str) -> str:
    """Return a key as people read it: ``Del``, ``Ctrl + Z``."""
    *held, last = [key] if len(key) == 1 else key.split("+")
    last = last.upper() if held and len(last) == 1 else _PRINTED.get(last, last)
    return " + ".join([*held, last])


def _can_be_given(key: str) -> bool:
    """Tell whether a key does nothing else in the page or the browser."""
    return key in _NAMED or (len(key) == 1 and key.isprintable() and not key.isspace())


def _file() -> Path:
    return home() / "keys.json"


KEYS = Keys()
"""Those of this process: one user sits before it."""
