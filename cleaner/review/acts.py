"""The acts of a history: their rows, which of them stand, and what each reviewer can undo and redo."""

from collections.abc import Collection, Iterator

from cleaner.dataset.label_sets import LabelSets
from cleaner.review.events import CLASS_KINDS, Event, Kind

NOT_UNDOABLE = frozenset({Kind.UNDO, Kind.REDO, Kind.FILE_MOVED, Kind.BLIND_SHARES})


class Acts:
    """Acts by their ids, in the order in which they were begun.

    Attributes
    ----------
    undone : set of str
        The acts that do not stand.
    """

    def __init__(self) -> None:
        self._rows: dict[str, list[Event]] = {}
        self._on_classes: list[Event] = []
        self.undone: set[str] = set()
        self._done_by: dict[str, list[str]] = {}
        self._redo_by: dict[str, list[str]] = {}

    def rows(self, act: str) -> tuple[Event, ...]:
        """Return the rows of one act; empty if there is none of that id."""
        return tuple(self._rows.get(act, ()))

    def stands(self, act: str) -> bool:
        """Tell whether an act is in force, that is, was not undone."""
        return act not in self.undone

    def on_classes(self, kinds: Collection[str] = CLASS_KINDS) -> Iterator[Event]:
        """Yield the rows of acts on classes that stand, of some kinds."""
        return (row for row in self._on_classes if row.kind in kinds and row.act not in self.undone)

    def add(self, event: Event) -> tuple[Event, ...]:
        """Take in a row; returns the rows that it takes back or brings back."""
        rows = self._rows.setdefault(event.act, [])
        rows.append(event)
        if event.kind in CLASS_KINDS:
            self._on_classes.append(event)
        if event.kind == Kind.UNDO:
            return self._undo(event.undoes or "")
        if event.kind == Kind.REDO:
            return self._redo(event.undoes or "")
        if len(rows) == 1 and event.kind not in NOT_UNDOABLE:
            self._done_by.setdefault(event.reviewer, []).append(event.act)
            self._redo_by.pop(event.reviewer, None)  # what was undone before a new act stays undone
        return ()

    def _undo(self, act: str) -> tuple[Event, ...]:
        rows = self.rows(act)
        if not rows or act in self.undone or rows[0].kind in NOT_UNDOABLE:
            return ()
        owner = rows[0].reviewer
        self.undone.add(act)
        self._done_by[owner].remove(act)
        self._redo_by.setdefault(owner, []).append(act)
        return rows

    def _redo(self, act: str) -> tuple[Event, ...]:
        if act not in self.undone:
            return ()
        rows = self.rows(act)
        owner = rows[0].reviewer
        self.undone.discard(act)
        waiting = self._redo_by.get(owner, [])
        if act in waiting:
            waiting.remove(act)
        self._done_by.setdefault(owner, []).append(act)
        return rows

    def undoable(self, reviewer: str) -> str | None:
        """Return the reviewer's latest act that still stands."""
        return next(reversed(self._done_by.get(reviewer, [])), None)

    def redoable(self, reviewer: str) -> str | None:
        """Return the act that the reviewer undid last, unless the reviewer did something since."""
        return next(reversed(self._redo_by.get(reviewer, [])), None)


class ClassNames:
    """What classes are called now, by the acts that renamed or merged them.

    Parameters
    ----------
    sets : LabelSets, optional
        How several labels of an image are joined; by default each image has one.
    """

    def __init__(self, sets: LabelSets | None = None) -> None:
        self._sets = sets
        self._renames: list[tuple[int, str, str]] = []
        self._merges: frozenset[int] = frozenset()  # which of those are merges

    def update(self, acts: Acts) -> None:
        """Take in that an act on classes came, was undone or was brought back."""
        changes = list(acts.on_classes(CLASS_KINDS - {Kind.CLASS_NEW}))
        self._renames = sorted((row.seq, row.given_label or "", row.new_label or "") for row in changes)
        self._merges = frozenset(row.seq for row in changes if row.kind == Kind.CLASS_MERGE)

    def now(self, label: str, *, since_seq: int = 0) -> str:
        """Return the present name of a class that was called ``label`` after row ``since_seq``.

        Where an image can have several, ``label`` may be several classes.
        """
        if self._sets is not None:
            return self._sets.renamed(label, lambda name: self._now(name, since_seq))
        return self._now(label, since_seq)

    def _now(self, name: str, since_seq: int) -> str:
        for seq, old, new in self._renames:
            if seq > since_seq and name == old:
                name = new
        return name

    def changed(self) -> dict[str, str]:
        """Return the names that a class has no more, and what it is called now."""
        olds = dict.fromkeys(old for _, old, _ in self._renames)
        return {old: now for old in olds if (now := self._now(old, 0)) != old}

    def described(self, event: Event) -> str | None:
        """Return the present name of the class that a description belongs to; None if it was merged away."""
        label = event.given_label or ""
        for seq, old, new in self._renames:
            if seq > event.seq and label == old:
                if seq in self._merges:
                    return None
                label = new
        return label
