"""What helps to decide between two classes: their descriptions, and a few typical images of each."""

import logging
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable
from pathlib import Path

from cleaner.dataset.file_index import FileIndex
from cleaner.embedding.cache import EmbeddingCache, last_embeddings
from cleaner.errors import CleanerError, RankingError
from cleaner.labelling.examples import Typical, class_members, find_typical
from cleaner.session.cells import ClassExamples
from cleaner.session.snapshot import Snapshot

logger = logging.getLogger(__name__)

_SHOWN = 4
_REMEMBERED = 32


class ExampleChooser:
    """Chooses examples of classes, from the embeddings that are on the disk; safe to use in several threads.

    Of each class the names of a few images are kept, until something is decided.

    Parameters
    ----------
    index : callable
        Gives the index of files.
    embeddings : Path
        Folder of the embedding cache.
    """

    def __init__(self, index: Callable[[], FileIndex], embeddings: Path) -> None:
        self._index = index
        self._embeddings = embeddings
        self._lock = threading.Lock()
        self._made: OrderedDict[tuple[str, bool], tuple[int, frozenset[str], list[Typical]]] = OrderedDict()

    def forget(self) -> None:
        """Choose all images anew, as for a new ranking."""
        with self._lock:
            self._made.clear()

    def of(
        self,
        label: str,
        known: Snapshot,
        *,
        but: str,
        hidden: frozenset[str] = frozenset(),
        blind: bool = False,
    ) -> ClassExamples:
        """Return the examples of a class. Takes a while: for a thread of its own.

        Parameters
        ----------
        label : str
            Present name of the class.
        known : Snapshot
        but : str
            Image to leave out: the one to be decided on.
        hidden : frozenset of str
            Likewise, those shown as if they were undecided: who sees one as an example knows what was
            decided.
        blind : bool
            Show only what was confirmed, and nothing that the model thinks.

        Raises
        ------
        CleanerError
            The index of files cannot be read.
        """
        as_of, key = (known.state.last_seq, hidden), (label, blind)
        with self._lock:
            *made_as_of, chosen = self._made.get(key, (-1, hidden, []))
        if tuple(made_as_of) != as_of:
            chosen = self._choose(label, known, hidden, blind=blind)
            with self._lock:
                self._made[key] = (*as_of, chosen)
                self._made.move_to_end(key)
                while len(self._made) > _REMEMBERED:
                    self._made.popitem(last=False)
        examples = [example for example in chosen if example.name != but][:_SHOWN]
        return ClassExamples(label=label, text=known.state.description(label), examples=tuple(examples))

    def _choose(self, label: str, known: Snapshot, hidden: frozenset[str], *, blind: bool) -> list[Typical]:
        score_of = None if blind else _scores(known)
        confirmed, likely = class_members(known.catalog, known.state, label, score_of=score_of)
        confirmed = [name for name in confirmed if name not in hidden]
        if not confirmed and not likely:
            return []
        hashes_of = self._index().hashes_of
        return find_typical(confirmed, likely, hashes_of=hashes_of, cache_of=self._embedded, most=_SHOWN + 1)

    def _embedded(self, digests: Iterable[str]) -> EmbeddingCache | None:
        try:
            return last_embeddings(self._embeddings, digests)
        except CleanerError as exc:
            logger.warning("Typical images are chosen without embeddings: %s", exc)
            return None


def _scores(known: Snapshot) -> Callable[[str], float | None] | None:
    """Return what gives how suspicious an image is, 0..1, as the pool sees it; None without a ranking.

    The averaged probability does not tell the least suspicious images apart.
    """
    ranking = known.ranking
    if ranking is None:
        return None
    scores = ranking.signals["pooled"]

    def score_of(name: str) -> float | None:
        try:
            return float(scores[ranking.row(name)])
        except RankingError:  # a file that came after it
            return None

    return score_of
