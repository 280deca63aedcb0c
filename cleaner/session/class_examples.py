"""What helps to decide between two classes: what each is said to be, and a few typical pictures of it."""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from typing import TYPE_CHECKING

from cleaner.errors import CleanerError, RankingError
from cleaner.session.cells import Portrait

if TYPE_CHECKING:
    from collections.abc import Callable

    from cleaner.labelling.examples import Typical
    from cleaner.session.facts import Facts
    from cleaner.workspace import Workspace

__all__ = ["Portraits"]

logger = logging.getLogger(__name__)

_SHOWN = 4
_REMEMBERED = 32


class Portraits:
    """Makes portraits of classes, from the embeddings that are on the disk; safe to use in several threads.

    Of each class the names of a few pictures are kept, until something is decided.

    Parameters
    ----------
    workspace : Workspace
    """

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._lock = threading.Lock()
        self._made: OrderedDict[tuple[str, bool], tuple[int, list[Typical]]] = OrderedDict()

    def forget(self) -> None:
        """Choose all pictures anew, as for a new ranking."""
        with self._lock:
            self._made.clear()

    def of(self, label: str, facts: Facts, *, but: str = "", blind: bool = False) -> Portrait:
        """Return the portrait of a class. Takes a while: for a thread of its own.

        Parameters
        ----------
        label : str
            Present name of the class.
        facts : Facts
        but : str
            An image that is none of the typical ones: the one that is to be decided on.
        blind : bool
            Show only what was confirmed, and nothing that the model thinks.

        Raises
        ------
        CleanerError
            The index of files cannot be read.
        """
        seq, key = facts.state.last_seq, (label, blind)
        with self._lock:
            made_at, chosen = self._made.get(key, (-1, []))
        if made_at != seq:
            chosen = self._choose(label, facts, blind=blind)
            with self._lock:
                self._made[key] = (seq, chosen)
                self._made.move_to_end(key)
                while len(self._made) > _REMEMBERED:
                    self._made.popitem(last=False)
        examples = [example for example in chosen if example.name != but][:_SHOWN]
        return Portrait(label=label, text=facts.state.description(label), examples=tuple(examples))

    def _choose(self, label: str, facts: Facts, *, blind: bool) -> list[Typical]:
        from cleaner.embedding.cache import last_embeddings
        from cleaner.labelling.examples import class_members, find_typical

        score_of = None if blind else _scores(facts)
        confirmed, likely = class_members(facts.catalog, facts.state, label, score_of=score_of)
        if not confirmed and not likely:
            return []
        try:
            cache = last_embeddings(self._workspace.state / "embeddings")
        except CleanerError as exc:
            logger.warning("Typical pictures are chosen without embeddings: %s", exc)
            cache = None
        return find_typical(
            confirmed, likely, hashes_of=self._workspace.index.hashes_of, cache=cache, most=_SHOWN + 1
        )


def _scores(facts: Facts) -> Callable[[str], float | None] | None:
    """Return what gives the probability that the label of an image is wrong; None without a ranking."""
    ranking, (_, scores) = facts.ranking, facts.scores()
    if ranking is None or scores is None:
        return None

    def score_of(name: str) -> float | None:
        try:
            return float(scores[ranking.row(name)])
        except RankingError:  # a file that came after it
            return None

    return score_of
