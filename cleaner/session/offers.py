"""The same decision for look-alikes: what is offered after a relabel or a delete."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from cleaner.errors import CleanerError
from cleaner.review import Event, Kind
from cleaner.util.wording import count

if TYPE_CHECKING:
    from cleaner.workspace import Workspace

__all__ = ["LookAlikes", "Offer"]

logger = logging.getLogger(__name__)

_MOST = 12


@dataclass(frozen=True, slots=True)
class Offer:
    """Undecided pictures that look like some that were just relabelled or deleted.

    Parameters
    ----------
    like : tuple of str
        Names of the decided pictures.
    given : str or None
        The label that they had, and that the look-alikes have.
    action : str
        ``relabel`` or ``delete``.
    label : str or None
        The new label of a relabel.
    names : tuple of str
        Nearest first.
    """

    like: tuple[str, ...]
    given: str | None
    action: str
    label: str | None
    names: tuple[str, ...] = ()

    @property
    def button(self) -> str:
        """What stands on the button that shows them."""
        return count(len(self.names), "look-alike")

    @property
    def question(self) -> str:
        """What is asked above them."""
        one = self.like[0].rpartition("/")[2]
        like = one if len(self.like) == 1 else f"the {len(self.like)} that you decided on"
        what = f"“{self.given}”" if self.given else "pictures without a label"
        asked = "delete them" if self.action == "delete" else f"relabel them to “{self.label}”"
        return (
            f"{count(len(self.names), 'picture')} of {what} that look most like {like}: {asked}, too? "
            "“Same decision” (l) does it for those that you select, or for all that are unmarked. "
            "“Confirm page” keeps the unmarked ones and goes back; “Previous page” goes back and leaves them."
        )


class LookAlikes:
    """Finds offers, from the embeddings that are on the disk.

    Parameters
    ----------
    workspace : Workspace
    """

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._hashes: dict[str, str] = {}

    def offer(
        self,
        events: Sequence[Event],
        *,
        given_of: Callable[[str], str | None],
        open_names: Callable[[str | None], Iterable[str]],
    ) -> Offer | None:
        """Return what can be offered after an act; None if nothing. Takes a while: for a thread of its own.

        Parameters
        ----------
        events : sequence of Event
            The rows of the act.
        given_of : callable
            The label that an image has without any decision.
        open_names : callable
            The images with a given label that are still undecided.
        """
        marks = [e for e in events if e.kind in (Kind.RELABEL, Kind.DELETE) and not e.detail.get("reason")]
        if not marks:
            return None
        first = marks[0]
        given = given_of(first.name)
        alike = [
            e.name
            for e in marks
            if (e.kind, e.new_label) == (first.kind, first.new_label) and given_of(e.name) == given
        ]
        if first.kind == Kind.RELABEL and first.new_label == given:
            return None
        made = Offer(tuple(alike), given, str(first.kind), first.new_label)
        try:
            names = self._find(made, list(open_names(given)))
        except CleanerError as exc:
            logger.warning("No look-alikes: %s", exc)
            return None
        return replace(made, names=tuple(names)) if names else None

    def _find(self, offer: Offer, among: list[str]) -> list[str]:
        from cleaner.embedding.cache import last_embeddings
        from cleaner.labelling.similar_images import find_similar

        cache = last_embeddings(self._workspace.state / "embeddings")
        if cache is None:
            return []
        if any(name not in self._hashes for name in (*offer.like, *among)):
            table = self._workspace.index.table()
            pairs = zip(table["name"], table["hash"], strict=True)
            self._hashes = {name: digest for name, digest in pairs if digest}
        return find_similar(cache, self._hashes, offer.like, among, most=_MOST)
