"""What the reviewers have decided: the fold of the history, kept up to date one row at a time.

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
- A relabel to the label that the image already has is a keep.
"""

from __future__ import annotations

import threading
from bisect import bisect_left, insort
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import combinations

from cleaner.review.events import Action, Event, Kind, check_label

__all__ = ["Action", "Decision", "Event", "Kind", "Progress", "ReviewState", "check_label"]

_PAUSE_S = 120.0
_PACE_ROWS = 400


@dataclass(frozen=True, slots=True)
class Decision:
    """What holds for one image now.

    Parameters
    ----------
    name : str
        The image, by its present name.
    action : Action
        As the reviewer chose it; see `outcome` for what it comes to.
    given : str or None
        The label that the image had when it was first decided on, under its present class name.
    new_label : str or None
        The label chosen, under its present class name; None unless ``action`` is relabel.
    reviewer : str
    seq : int
        Sequence number in the store, higher = later.
    time : datetime
        UTC.
    act : str
        The act that it belongs to.
    outcome : str
        ``keep``, ``delete``, ``relabel``, ``label`` (a first label for an unlabelled image) or ``unsure``. A
        relabel to the label that the image has is a ``keep``.
    """

    name: str
    action: Action
    given: str | None
    new_label: str | None
    reviewer: str
    seq: int
    time: datetime
    act: str
    outcome: str

    @property
    def reviewed(self) -> bool:
        """Whether somebody decided; unsure is no decision."""
        return self.action is not Action.UNSURE


@dataclass(frozen=True, slots=True)
class Progress:
    """Counts of images by what was decided on them.

    Parameters
    ----------
    looked_at : int
        Images with a decision; unsure ones are not among them.
    kept, deleted, relabelled : int
    labelled : int
        Unlabelled images that got their first label; no errors.
    unsure : int
        Set aside for a colleague.
    conflicts : int
        Images on which reviewers disagree.
    window, window_errors : int
        The last images looked at (at most 100 unless asked otherwise), and the errors among them.
    """

    looked_at: int
    kept: int
    deleted: int
    relabelled: int
    labelled: int
    unsure: int
    conflicts: int
    window: int
    window_errors: int

    @property
    def errors(self) -> int:
        """Wrong images found: the deleted and those that got another label."""
        return self.deleted + self.relabelled


class _Record:
    """The rows on one image, and what they come to."""

    __slots__ = ("effective", "events", "label", "look", "name", "outcome")

    def __init__(self, name: str) -> None:
        self.name = name
        self.events: list[Event] = []
        self.effective: Event | None = None
        self.outcome = ""
        self.label: str | None = None
        self.look = 0

    @property
    def given(self) -> str | None:
        return next((e.given_label for e in self.events if e.given_label is not None), None)


class ReviewState:
    """The fold of the history; safe to read from several threads while it grows.

    It is a live object: it changes as decisions come in. Each method answers for one moment; `snapshot` gives
    a copy that stays as it is.
    """

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._events: list[Event] = []
        self._acts: dict[str, list[Event]] = {}
        self._undone: set[str] = set()
        self._done_by: dict[str, list[str]] = {}
        self._redo_by: dict[str, list[str]] = {}
        self._records: dict[str, _Record] = {}
        self._by_act: dict[str, list[_Record]] = {}
        self._all: list[_Record] = []
        self._renames: list[tuple[int, str, str]] = []
        self._counts: Counter[str] = Counter()
        self._used: Counter[str] = Counter()
        self._conflicts: dict[_Record, None] = {}  # a set that keeps its order
        self._pairs: list[tuple[str, _Record, _Record]] = []
        self._looks: list[int] = []
        self._look_at: dict[int, _Record] = {}
        self._times_by: dict[str, list[float]] = {}

    @classmethod
    def fold(cls, events: Iterable[Event]) -> ReviewState:
        """Build the state from a whole history, in the order of the sequence numbers."""
        state = cls()
        state.extend(sorted(events, key=lambda event: event.seq))
        return state

    def snapshot(self) -> ReviewState:
        """Copy the state as it is now; the copy does not follow the store."""
        with self._lock:
            return ReviewState.fold(self._events)

    # ---------------------------------------------------------------- taking rows in

    def extend(self, events: Iterable[Event]) -> None:
        """Take in several rows, in order."""
        with self._lock:
            for event in events:
                self.apply(event)

    def apply(self, event: Event) -> None:
        """Take in one row; a row that is already in has no effect."""
        with self._lock:
            if event.seq <= self.last_seq:
                return
            self._events.append(event)
            if event.kind == Kind.UNDO:
                self._undo(event)
            elif event.kind == Kind.REDO:
                self._redo(event)
            elif event.kind == Kind.FILE_MOVED:
                self._acts.setdefault(event.act, []).append(event)
                self._move(event)
            else:
                self._act(event)

    def _act(self, event: Event) -> None:
        rows = self._acts.setdefault(event.act, [])
        rows.append(event)
        if len(rows) == 1:
            self._done_by.setdefault(event.reviewer, []).append(event.act)
            self._redo_by.pop(event.reviewer, None)  # what was undone before a new act stays undone
        if event.action is None:
            if event.kind in (Kind.CLASS_NEW, Kind.CLASS_RENAME, Kind.CLASS_MERGE):
                self._classes_changed()
            elif event.kind == Kind.PAIR_DIFFERENT:
                first = self._record(event.name)
                for other in event.detail.get("others", ()):
                    self._pairs.append((event.act, first, self._record(str(other))))
            return
        record = self._record(event.name)
        record.events.append(event)
        self._by_act.setdefault(event.act, []).append(record)
        self._times_by.setdefault(event.reviewer, []).append(event.time.timestamp())
        self._settle(record)

    def _record(self, name: str) -> _Record:
        record = self._records.get(name)
        if record is None:
            record = self._records[name] = _Record(name)
            self._all.append(record)
        return record

    def _undo(self, event: Event) -> None:
        act = event.undoes or ""
        rows = self._acts.get(act)
        if rows is None or act in self._undone or rows[0].kind == Kind.FILE_MOVED:
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
        for record in self._by_act.get(act, ()):
            self._settle(record)
        if any(row.kind in (Kind.CLASS_NEW, Kind.CLASS_RENAME, Kind.CLASS_MERGE) for row in self._acts[act]):
            self._classes_changed()

    def _move(self, event: Event) -> None:
        """Let the decisions on a file follow it to its new name; another file may then take the old one."""
        target = str(event.detail.get("to", ""))
        record = self._records.pop(event.name, None)
        if not target or record is None:
            return
        record.name = target
        self._records[target] = record

    def _classes_changed(self) -> None:
        self._renames = [
            (row.seq, row.given_label or "", row.new_label or "")
            for rows in self._acts.values()
            for row in rows
            if row.kind in (Kind.CLASS_RENAME, Kind.CLASS_MERGE) and row.act not in self._undone
        ]
        self._renames.sort()
        for record in self._all:
            self._settle(record)

    # ---------------------------------------------------------------- what one image's rows come to

    def _settle(self, record: _Record) -> None:
        choices: dict[str, Event] = {}
        first_look = overruled = 0
        for event in record.events:
            if event.act in self._undone:
                continue
            choices[event.reviewer] = event
            if not first_look and event.kind != Kind.UNSURE:
                first_look = event.seq
            if event.detail and event.detail.get("settles"):
                overruled = event.seq
        real = [event for event in choices.values() if event.kind != Kind.UNSURE]
        last = max(real or choices.values(), key=lambda event: event.seq, default=None)
        outcome, label = self._outcome(record, last) if last is not None else ("", None)
        if record.outcome:
            self._counts[record.outcome] -= 1
        if record.label is not None:
            self._used[record.label] -= 1
        self._place_look(record, first_look if real else 0)
        record.effective, record.outcome, record.label = last, outcome, label
        if outcome:
            self._counts[outcome] += 1
        if label is not None:
            self._used[label] += 1
        outcomes = {self._stance(record, event) for event in real if event.seq >= overruled}
        if len(outcomes) > 1:
            self._conflicts[record] = None
        else:
            self._conflicts.pop(record, None)

    def _outcome(self, record: _Record, event: Event) -> tuple[str, str | None]:
        """Return what a row comes to, and the label it gives (None where it gives none)."""
        if event.kind != Kind.RELABEL:
            return str(event.kind), None
        label = self.label_now(event.new_label or "", since_seq=event.seq)
        given = record.given
        if given is None:
            return "label", label
        return ("keep" if label == self.label_now(given) else "relabel"), label

    def _stance(self, record: _Record, event: Event) -> tuple[str, str | None]:
        outcome, label = self._outcome(record, event)
        return (outcome, None) if outcome in ("keep", "delete") else ("label", label)

    def _place_look(self, record: _Record, seq: int) -> None:
        """Keep the order of first looks, so that a change of mind is no new look."""
        if record.look == seq:
            return
        if record.look:
            del self._looks[bisect_left(self._looks, record.look)]
            del self._look_at[record.look]
        if seq:
            insort(self._looks, seq)
            self._look_at[seq] = record
        record.look = seq

    def _decision(self, record: _Record, event: Event) -> Decision:
        given = record.given
        outcome, label = self._outcome(record, event)
        return Decision(
            name=record.name,
            action=Action(event.kind),
            given=None if given is None else self.label_now(given),
            new_label=label,
            reviewer=event.reviewer,
            seq=event.seq,
            time=event.time,
            act=event.act,
            outcome=outcome,
        )

    # ---------------------------------------------------------------- asking about images

    @property
    def last_seq(self) -> int:
        """Sequence number of the last row taken in; 0 before the first."""
        return self._events[-1].seq if self._events else 0

    @property
    def events(self) -> tuple[Event, ...]:
        """The whole history, in order."""
        with self._lock:
            return tuple(self._events)

    def of(self, name: str, *, reviewer: str | None = None) -> Decision | None:
        """Return what holds for an image, or one reviewer's own choice; None if there is none."""
        with self._lock:
            record = self._records.get(name)
            if record is None:
                return None
            event = record.effective
            if reviewer is not None:
                own = (e for e in reversed(record.events) if e.reviewer == reviewer)
                event = next((e for e in own if e.act not in self._undone), None)
            return None if event is None else self._decision(record, event)

    def is_decided(self, name: str) -> bool:
        """Tell whether an image has a decision; unsure is none."""
        record = self._records.get(name)
        return record is not None and record.look > 0

    def decisions(self) -> dict[str, Decision]:
        """Return what holds for every image that somebody marked, unsure ones included."""
        with self._lock:
            return {
                name: self._decision(record, record.effective)
                for name, record in self._records.items()
                if record.effective is not None
            }

    def unsure(self) -> list[str]:
        """Return the images that are set aside for a colleague."""
        with self._lock:
            return [name for name, record in self._records.items() if record.outcome == "unsure"]

    def conflicts(self) -> dict[str, tuple[Decision, ...]]:
        """Return the images on which reviewers disagree, each with every reviewer's choice, oldest first."""
        with self._lock:
            out = {}
            for record in self._conflicts:
                choices = {e.reviewer: e for e in record.events if e.act not in self._undone}
                ordered = sorted(choices.values(), key=lambda event: event.seq)
                out[record.name] = tuple(self._decision(record, e) for e in ordered if e.kind != Kind.UNSURE)
            return out

    # ---------------------------------------------------------------- classes and pairs

    def label_now(self, label: str, *, since_seq: int = 0) -> str:
        """Return the present name of a class that was called ``label`` after row ``since_seq``."""
        for seq, old, new in self._renames:
            if seq > since_seq and label == old:
                label = new
        return label

    @property
    def label_map(self) -> dict[str, str]:
        """Given labels whose class was renamed or merged, and what they are now."""
        with self._lock:
            olds = dict.fromkeys(old for _, old, _ in self._renames)
            return {old: now for old in olds if (now := self.label_now(old)) != old}

    @property
    def new_classes(self) -> list[str]:
        """Classes made by reviewers (also those that still have no image), under their present names."""
        with self._lock:
            made = (
                self.label_now(row.new_label or "", since_seq=row.seq)
                for act, rows in self._acts.items()
                if act not in self._undone
                for row in rows
                if row.kind == Kind.CLASS_NEW
            )
            return list(dict.fromkeys(made))

    def classes(self, given: Iterable[str]) -> list[str]:
        """Return all classes as they stand, sorted: the given ones, those made, and those chosen."""
        with self._lock:
            used = (label for label, n in self._used.items() if n > 0)
            return sorted({*map(self.label_now, given), *self.new_classes, *used})

    def different_pairs(self) -> frozenset[frozenset[str]]:
        """Return the pairs of images that a reviewer called different (no duplicates)."""
        with self._lock:
            return frozenset(
                frozenset((first.name, second.name))
                for act, first, second in self._pairs
                if act not in self._undone
            )

    # ---------------------------------------------------------------- undo

    def act(self, act: str) -> tuple[Event, ...]:
        """Return the rows of one act; empty if there is none of that id."""
        with self._lock:
            return tuple(self._acts.get(act, ()))

    def stands(self, act: str) -> bool:
        """Tell whether an act is in force, that is, was not undone."""
        return act not in self._undone

    def undoable(self, reviewer: str) -> str | None:
        """Return the reviewer's latest act that still stands."""
        with self._lock:
            return next(reversed(self._done_by.get(reviewer, [])), None)

    def redoable(self, reviewer: str) -> str | None:
        """Return the act that the reviewer undid last, unless the reviewer did something since."""
        with self._lock:
            return next(reversed(self._redo_by.get(reviewer, [])), None)

    # ---------------------------------------------------------------- progress

    def progress(self, *, window: int = 100) -> Progress:
        """Count what was decided; ``window`` is the number of last looks to count errors in.

        Looks are ordered by the first standing decision on each image, so a change of mind is no new look.
        """
        with self._lock:
            count = self._counts
            last = self._looks[-window:] if window > 0 else []
            errors = sum(self._look_at[seq].outcome in ("delete", "relabel") for seq in last)
            return Progress(
                looked_at=len(self._looks),
                kept=count["keep"],
                deleted=count["delete"],
                relabelled=count["relabel"],
                labelled=count["label"],
                unsure=count["unsure"],
                conflicts=len(self._conflicts),
                window=len(last),
                window_errors=errors,
            )

    def looks(self) -> list[Decision]:
        """Return the decided images in the order in which they were first looked at."""
        with self._lock:
            records = (self._look_at[seq] for seq in self._looks)
            return [self._decision(r, r.effective) for r in records if r.effective is not None]

    def times_s(self, reviewer: str) -> list[float]:
        """Return when a reviewer decided, one Unix time in seconds for every row, in order."""
        with self._lock:
            return list(self._times_by.get(reviewer, ()))

    def pace_per_min(self, reviewer: str) -> float | None:
        """Return a reviewer's recent pace in images a minute, pauses of over two minutes left out.

        None until there are two acts to measure between.
        """
        with self._lock:
            times = self._times_by.get(reviewer, [])[-_PACE_ROWS:]
        active_s, images = 0.0, 0
        for i in range(1, len(times)):
            gap_s = times[i] - times[i - 1]
            if 0 <= gap_s <= _PAUSE_S:
                active_s += gap_s
                images += 1
        return 60.0 * images / active_s if active_s > 0 else None


def all_pairs(names: Iterable[str]) -> list[tuple[str, list[str]]]:
    """Write every pair of ``names`` once: each name with those after it."""
    grouped: dict[str, list[str]] = {}
    for first, second in combinations(dict.fromkeys(names), 2):
        grouped.setdefault(first, []).append(second)
    return list(grouped.items())
