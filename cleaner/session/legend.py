"""The classes to choose from, each at a place, and so at a key, that stays its own."""

from collections.abc import Sequence

from cleaner.review import ReviewState


class Legend:
    """Follows the classes of a set while they are made, renamed and merged.

    Parameters
    ----------
    given : sequence of str
        The classes of the catalog.
    state : ReviewState
        The decisions; a live object.
    """

    def __init__(self, given: Sequence[str], state: ReviewState) -> None:
        self._given = given
        self._state = state
        seq = state.last_seq
        self._places = [(label, seq) for label in self._first()]  # and when the class was called so

    def labels(self) -> list[str]:
        """Return all classes: the given ones, sorted, then those made, in the order of their making.

        A class keeps its place, also under another name.
        """
        state = self._state
        present = dict.fromkeys(state.classes(self._given))
        named = [(label, state.label_now(label, since_seq=seq)) for label, seq in self._places]
        own = {label for label, now in named if label == now}
        kept = dict.fromkeys(
            now for label, now in named if now in present and (now == label or now not in own)
        )
        fresh = [label for label in present if label not in kept]
        self._places += [(label, state.last_seq) for label in fresh]
        return [*kept, *fresh]

    def _first(self) -> list[str]:
        state = self._state
        given = sorted({state.label_now(label) for label in self._given})
        if given == list("0123456789"):
            given = list("1234567890")  # so that each digit's key is the digit
        made: dict[str, None] = dict.fromkeys(given)
        for event in state.events:
            if event.new_label is not None:
                made.setdefault(state.label_now(event.new_label, since_seq=event.seq))
        return list(made)
