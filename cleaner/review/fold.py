"""How the rows of the history come together, one at a time.

The rules, in the order in which they apply:

- A row counts once, in the order of its sequence number; the clock plays no part.
- An act that was undone counts as if it had never been; redo brings it back at its old place.
- A reviewer's *choice* for an image is that reviewer's last standing row on it.
- *Unsure* is no decision: it takes back the reviewer's own earlier choice, and never a colleague's. The
  *effective* decision is the last choice, over all reviewers, that is not unsure; if every choice is unsure,
  the image is set aside and not reviewed.
- Two choices with different outcomes are a conflict, and both stay. It ends when one reviewer comes round, or
  by a decision made with ``settles=True``, which overrules what was there before it.
- Renaming and merging classes change the given labels and the labels chosen before, never those chosen after.
- The description of a class is its last standing one, and follows the class when that is renamed. A class
  that is merged into another one loses its description; that of the other one stays as it is.
- A relabel to the label that the image already has is a keep.
- A delete with a reason (duplicate, blurry …) is a *discard*. For the image it is a decision like any other:
  the later one holds. About the label it says nothing: it is no look, finds no error, contradicts nobody, and
  leaves what was said about the label before, by the same reviewer or by another, as it was. A keep that
  *restores* takes back the discards before it, whoever made them, and is nothing else.
"""

from __future__ import annotations

import threading
from array import array
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable

from cleaner.review.events import CLASS_KINDS, Event, Kind

__all__ = ["Fold", "Record"]

_NOT_UNDOABLE = frozenset({Kind.UNDO, Kind.REDO, Kind.FILE_MOVED})


def _seq(event: Event) -> int:
    return event.seq


def _that_holds(standing: list[Event]) -> tuple[Event | None, list[Event]]:
    """Return the row that holds, and every reviewer's choice that is not unsure."""
    if len(standing) == 1:  # by far the most
        return standing[0], [] if standing[0].kind == Kind.UNSURE else standing
    choices = {event.reviewer: event for event in standing}
    real = [event for event in choices.values() if event.kind != Kind.UNSURE]
    return max(real or choices.values(), key=_seq, default=None), real


class Record:
    """The rows on one image, and what they come to.

    ``names`` is what the file is called and was called before, ``effective`` the row that holds, ``outcome``
    what it comes to ("" if none), ``label`` the label that it gives. ``judging`` is the row that holds about
    the label, which is another one only if ``effective`` is a discard, ``judged`` what that comes to, and
    ``look`` the sequence number of the first look at the label (0 before it).
    """

    __slots__ = ("effective", "events", "judged", "judging", "label", "look", "names", "outcome")

    def __init__(self, name: str) -> None:
        self.names: tuple[str, ...] = (name,)
        self.events: tuple[Event, ...] = ()
        self.effective: Event | None = None
        self.outcome = ""
        self.label: str | None = None
        self.judging: Event | None = None
        self.judged = ""
        self.look = 0

    @property
    def given(self) -> str | None:
        """The first label known for the image; later rows may speak of a label that an earlier one gave."""
        return next((e.given_label for e in self.events if e.given_label is not None), None)

    @property
    def reason(self) -> str | None:
        """Why the image was discarded; None if it was not."""
        return None if self.effective is None else self.effective.reason


class Fold:
    """What all rows up to now come to; `ReviewState` answers questions about it."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._events: list[Event] = []
        self._acts: dict[str, list[Event]] = {}
        self._undone: set[str] = set()
        self._done_by: dict[str, list[str]] = {}
        self._redo_by: dict[str, list[str]] = {}
        self._records: dict[str, Record] = {}
        self._all: list[Record] = []
        self._dirty: dict[Record, None] | None = None
        self._renames: list[tuple[int, str, str]] = []
        self._merges: frozenset[int] = frozenset()  # which of those are merges
        self._described: list[Event] = []
        self._counts: Counter[str] = Counter()
        self._used: Counter[str] = Counter()
        self._conflicts: dict[Record, None] = {}  # a set that keeps its order
        self._pairs: list[tuple[str, Record, Record]] = []
        self._look_seqs: list[int] = []
        self._looks: list[Record] = []  # in step with the line above
        self._times_by: dict[str, array[float]] = {}

    @property
    def last_seq(self) -> int:
        """Sequence number of the last row taken in; 0 before the first."""
        return self._events[-1].seq if self._events else 0

    # ---------------------------------------------------------------- taking rows in

    def extend(self, events: Iterable[Event]) -> None:
        """Take in several rows, in order."""
        with self._lock:
            self._dirty = {}  # settle each image once, after its last row
            try:
                for event in events:
                    self.apply(event)
            finally:
                dirty, self._dirty = self._dirty, None
                for record in dirty:
                    self._settle(record)

    def apply(self, event: Event) -> None:
        """Take in one row; a row that is already in has no effect."""
        with self._lock:
            if event.seq <= self.last_seq:
                return
            self._events.append(event)
            if event.kind not in _NOT_UNDOABLE:
                self._act(event)
                return
            self._acts.setdefault(event.act, []).append(event)
            if event.kind == Kind.UNDO:
                self._undo(event)
            elif event.kind == Kind.REDO:
                self._redo(event)
            else:
                self._move(event)

    def _act(self, event: Event) -> None:
        rows = self._acts.setdefault(event.act, [])
        rows.append(event)
        if len(rows) == 1:
            self._done_by.setdefault(event.reviewer, []).append(event.act)
            self._redo_by.pop(event.reviewer, None)  # what was undone before a new act stays undone
        if not event.is_decision:
            if event.kind in CLASS_KINDS:
                self._classes_changed()
            elif event.kind == Kind.CLASS_DESCRIBE:
                self._described.append(event)
            elif event.kind == Kind.PAIR_DIFFERENT:
                first = self._record(event.name)
                for other in event.detail.get("others", ()):
                    self._pairs.append((event.act, first, self._record(str(other))))
            return
        record = self._record(event.name)
        record.events += (event,)
        if event.reason is None:  # the pace is that of looking at labels
            self._times_by.setdefault(event.reviewer, array("d")).append(event.time.timestamp())
        self._changed(record)

    def _record(self, name: str) -> Record:
        record = self._records.get(name)
        if record is None:
            record = self._records[name] = Record(name)
            self._all.append(record)
        return record

    def _undo(self, event: Event) -> None:
        act = event.undoes or ""
        rows = self._acts.get(act)
        if rows is None or act in self._undone or rows[0].kind in _NOT_UNDOABLE:
            return
        owner = rows[0].reviewer
        self._undone.add(act)
        self._done_by[owner].remove(act)
        self._redo_by.setdefault(owner, []).append(act)
        self._touch(act)

    def _redo(self, event: Event) -> None:
        act = event.undoes or ""
        if act not in self._undone:
            return
        owner = self._acts[act][0].reviewer
        self._undone.discard(act)
        waiting = self._redo_by.get(owner, [])
        if act in waiting:
            waiting.remove(act)
        self._done_by.setdefault(owner, []).append(act)
        self._touch(act)

    def _touch(self, act: str) -> None:
        for row in self._acts[act]:
            if row.is_decision:
                self._changed(self._records[row.name])
            elif row.kind in CLASS_KINDS:
                self._classes_changed()

    def _move(self, event: Event) -> None:
        """Let a file's new name stand for the same image as the old one.

        The old name goes on to mean it too: a colleague's copy of the set may still have it, and so may a
        ranking made before. A name that has a history of its own keeps it.
        """
        target = str(event.detail.get("to", ""))
        record = self._record(event.name)
        if target and target not in self._records:
            self._records[target] = record
            record.names += (target,)

    def _classes_changed(self) -> None:
        changes = [
            row
            for rows in self._acts.values()
            for row in rows
            if row.kind in (Kind.CLASS_RENAME, Kind.CLASS_MERGE) and row.act not in self._undone
        ]
        self._renames = sorted((row.seq, row.given_label or "", row.new_label or "") for row in changes)
        self._merges = frozenset(row.seq for row in changes if row.kind == Kind.CLASS_MERGE)
        for record in self._all:
            if record.label is not None or len(record.events) > 1:  # one row without a label: no class in it
                self._changed(record)

    def _changed(self, record: Record) -> None:
        if self._dirty is None:
            self._settle(record)
        else:
            self._dirty[record] = None

    # ---------------------------------------------------------------- what one image's rows come to

    def _settle(self, record: Record) -> None:
        standing = self._in_force(record)
        of_label = [event for event in standing if event.reason is None]
        judging, real = _that_holds(of_label)
        last = judging if len(of_label) == len(standing) else _that_holds(standing)[0]
        self._count(record, -1)
        self._place_look(record, next((e.seq for e in of_label if e.kind != Kind.UNSURE), 0) if real else 0)
        record.effective, record.judging = last, judging
        record.outcome, record.label = self._outcome(record, last) if last is not None else ("", None)
        record.judged = self._outcome(record, judging)[0] if judging is not None else ""
        self._count(record, 1)
        if len(real) > 1 and self._differ(record, standing, real):
            self._conflicts[record] = None
        else:
            self._conflicts.pop(record, None)

    def _in_force(self, record: Record) -> list[Event]:
        """Return the rows on an image that were not taken back, neither by undo nor by restoring it."""
        standing = [event for event in record.events if event.act not in self._undone]
        restored = max((event.seq for event in standing if event.restores), default=0)
        if not restored:
            return standing
        return [e for e in standing if not e.restores and (e.reason is None or e.seq > restored)]

    def _count(self, record: Record, by: int) -> None:
        """Count what an image comes to, or take it back."""
        if record.look:
            self._counts[record.judged] += by
        if record.outcome == "unsure":
            self._counts["unsure"] += by
        if record.reason is not None:
            self._counts["discarded"] += by
            self._counts["discarded unseen"] += 0 if record.look else by
        if record.label is not None:
            self._used[record.label] += by

    def _differ(self, record: Record, standing: list[Event], real: list[Event]) -> bool:
        overruled = max((event.seq for event in standing if event.detail.get("settles")), default=0)
        return len({self._stance(record, event) for event in real if event.seq >= overruled}) > 1

    def _outcome(self, record: Record, event: Event) -> tuple[str, str | None]:
        """Return what a row comes to, and the label it gives (None where it gives none)."""
        if event.kind != Kind.RELABEL:
            return str(event.kind), None
        label = self.label_now(event.new_label or "", since_seq=event.seq)
        given = record.given
        if given is None:
            return "label", label
        return ("keep" if label == self.label_now(given) else "relabel"), label

    def _stance(self, record: Record, event: Event) -> tuple[str, str | None]:
        outcome, label = self._outcome(record, event)
        return (outcome, None) if outcome in ("keep", "delete") else ("label", label)

    def _place_look(self, record: Record, seq: int) -> None:
        """Keep the order of first looks, so that a change of mind is no new look."""
        if record.look == seq:
            return
        if record.look:
            at = bisect_left(self._look_seqs, record.look)
            del self._look_seqs[at], self._looks[at]
        if seq:
            at = bisect_left(self._look_seqs, seq)
            self._look_seqs.insert(at, seq)
            self._looks.insert(at, record)
        record.look = seq

    def label_now(self, label: str, *, since_seq: int = 0) -> str:
        """Return the present name of a class that was called ``label`` after row ``since_seq``."""
        for seq, old, new in self._renames:
            if seq > since_seq and label == old:
                label = new
        return label

    def _described_class(self, event: Event) -> str | None:
        """Return the present name of the class that a description belongs to; None if it was merged away."""
        label = event.given_label or ""
        for seq, old, new in self._renames:
            if seq > event.seq and label == old:
                if seq in self._merges:
                    return None
                label = new
        return label
