"""The groups with one fix that a reviewer has seen, so that what was begun goes on after a restart."""

import json
import logging
from collections.abc import Iterable
from pathlib import Path

from cleaner.session.fix_groups import FixGroup
from cleaner.session.pages import NamesNow
from cleaner.util.atomic import write_atomically

logger = logging.getLogger(__name__)

_MOST = 200


class BegunGroups:
    """Remembers groups as they were shown: their images, and which of these are to be looked at first.

    Without them a group of which some images are decided would be formed anew, with other images to look at.

    Parameters
    ----------
    saved : Path or None
        The file; None: nothing is remembered beyond this object.
    names_now : callable
        Gives the present names of images that were in a group.
    """

    def __init__(self, saved: Path | None, names_now: NamesNow = list) -> None:
        self._saved = saved
        self._names_now = names_now
        self._model = ""
        self._groups: dict[str, FixGroup] = {}

    def of(self, model: str) -> list[FixGroup]:
        """Return those that come of a ranking, by its id."""
        if self._model != model:
            self._model, self._groups = model, {group.id: group for group in self._load(model)}
        return list(self._groups.values())

    def add(self, groups: Iterable[FixGroup], model: str) -> None:
        """Remember groups of a ranking, the last ones first to be kept."""
        self.of(model)
        fresh = {group.id: group for group in groups if group.id not in self._groups}
        if fresh:
            self._groups = dict([*self._groups.items(), *fresh.items()][-_MOST:])
            self._save()

    def _load(self, model: str) -> list[FixGroup]:
        if self._saved is None:
            return []
        try:
            found = json.loads(self._saved.read_text(encoding="utf-8"))
            groups = [_group(entry) for entry in found["groups"]] if found["model"] == model else []
            names = list(dict.fromkeys(name for group in groups for name in group.names))
            now = dict(zip(names, self._names_now(names), strict=True))
            return [group.named(now) for group in groups]
        except FileNotFoundError:
            return []
        except (OSError, ValueError, KeyError, TypeError) as exc:
            logger.warning("Groups that were begun are formed anew: %s cannot be read (%s)", self._saved, exc)
            return []

    def _save(self) -> None:
        if self._saved is None:
            return
        content = {"model": self._model, "groups": [_entry(group) for group in self._groups.values()]}
        try:
            write_atomically(self._saved, json.dumps(content, ensure_ascii=False).encode("utf-8"))
        except OSError as exc:  # the decisions are elsewhere
            logger.warning("The groups on show cannot be remembered in %s: %s", self._saved, exc)


def _entry(group: FixGroup) -> dict[str, object]:
    return {
        "id": group.id,
        "given": group.given,
        "label": group.label,
        "looks": group.looks,
        "others": group.others,
        "expected": group.expected,
        "probability": dict(group.probability),
    }


def _group(entry: dict[str, object]) -> FixGroup:
    looks, others, probability = entry["looks"], entry["others"], entry["probability"]
    if not isinstance(looks, list) or not isinstance(others, list) or not isinstance(probability, dict):
        raise TypeError("expected lists of images, and a probability for each")
    return FixGroup(
        id=str(entry["id"]),
        given=str(entry["given"]),
        label=str(entry["label"]),
        looks=tuple(map(str, looks)),
        others=tuple(map(str, others)),
        expected=float(str(entry["expected"])),
        probability={str(name): float(share) for name, share in probability.items()},
    )
