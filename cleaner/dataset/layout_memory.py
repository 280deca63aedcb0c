"""How the folders of a set were read before: decisions were made under that reading, so it stays."""

import logging
from collections.abc import Collection, Sequence
from pathlib import Path

from cleaner.advice import Advice
from cleaner.dataset.findings import Finding
from cleaner.dataset.layout import Layout
from cleaner.dataset.layout_guess import Guess, guess_layout
from cleaner.util.atomic import write_atomically
from cleaner.util.wording import count

logger = logging.getLogger(__name__)

AUTO = "auto"
"""What is asked for to forget the reading, and to guess anew."""


_OFFERED = ("class", "*/class", "split/class", "class/split", "*/split/class", "*/*/class")


def other_layouts(layout: Layout, names: Sequence[str]) -> dict[str, list[str]]:
    """Return what else the folders may mean: from `AUTO` and patterns to the classes that there would be.

    Only readings that differ from the present one and from each other, and have two classes at least, are
    among them.

    Parameters
    ----------
    layout : Layout
        The present one.
    names : sequence of str
        The files.
    """
    one_each = [f"{folder}/x" if folder else "x" for folder in {name.rpartition("/")[0] for name in names}]
    found: dict[str, list[str]] = {}
    seen = [layout.read(one_each)]
    offered = {AUTO: guess_layout(names).layout}
    offered |= {pattern: Layout.of_pattern(pattern, names) for pattern in _OFFERED}
    for pattern, other in offered.items():
        reading = other.read(one_each)
        classes = sorted({label for label in reading[0] if label is not None})
        if reading not in seen and len(classes) > 1:
            seen.append(reading)
            found[pattern] = classes
    return found


class LayoutMemory:
    """The layout of a set, kept in its state folder.

    Parameters
    ----------
    state : Path
        The state folder.
    """

    def __init__(self, state: Path) -> None:
        self._path = state / "layout.json"

    def settle(self, names: Sequence[str], known: Collection[str], *, reviewed: bool) -> Guess:
        """Return the layout that names are to be read with.

        A layout that somebody named stays. A guess may change as files come, but not what it says of files
        that are known: else the remembered one stays, and that is said.

        Parameters
        ----------
        names : sequence of str
            All files.
        known : collection of str
            Those that were there when the layout was remembered.
        reviewed : bool
            Decisions may have been made before a layout was remembered, as in a set of version 0.1.
        """
        before = self._read()
        if before is not None and before.pattern is not None:
            return Guess(Layout.of_pattern(before.pattern, names))
        guess = guess_layout(names)
        if before == guess.layout:
            return guess
        if not known or (before is None and not reviewed):
            return guess
        if before is None:
            before = Layout.of_first_folders(known)
        old = list(zip(names, *before.read(names), strict=True))
        new = list(zip(names, *guess.layout.read(names), strict=True))
        changed = tuple(was[0] for was, now in zip(old, new, strict=True) if was != now and was[0] in known)
        return self._kept(before, changed) if changed else guess

    def is_named(self) -> bool:
        """Tell whether somebody has named the layout."""
        before = self._read()
        return before is not None and before.pattern is not None

    def forget(self) -> bool:
        """Forget the layout, and tell whether somebody had named it; failing at it costs a log line."""
        if not self.is_named():
            return False
        try:
            self._path.unlink()
        except OSError as exc:
            logger.warning("%s cannot be removed: %s", self._path, exc)
        return True

    def write(self, layout: Layout) -> bool:
        """Remember a layout, and tell whether it is another than before; failing at it costs a log line."""
        if self._read() == layout:
            return False
        try:
            write_atomically(self._path, layout.to_json().encode())
        except OSError as exc:
            logger.warning("%s cannot be written: %s", self._path, exc)
        return True

    def _read(self) -> Layout | None:
        try:
            return Layout.from_json(self._path.read_text("utf-8"))
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as exc:
            logger.warning("%s cannot be read: %s", self._path, exc)
            return None

    def _kept(self, before: Layout, changed: tuple[str, ...]) -> Guess:
        text = Advice(
            "The classes and splits are read from the folders as when this set was first opened, so that "
            f"decisions keep their meaning. In a new set, {count(len(changed), 'image')} would be read "
            "otherwise.",
            "To read the folders anew, choose so under Files, or use --layout auto.",
            "To read the folders anew, choose so under Files.",
        )
        return Guess(before, (Finding(topic="layout_kept", text=text, doubtful=True, examples=changed),))
