"""What the reviewers have decided: the fold of the history, kept up to date one row at a time.

The rules are those of `cleaner.review.records`. Only what is about an image of the set is counted and used,
see `cleaner.review.matching`; the rest stays in the history.
"""

from __future__ import annotations

import threading
from array import array
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from itertools import pairwise, product
from typing import NamedTuple

from cleaner.dataset.label_sets import LabelSets, classes_of
from cleaner.review.acts import Acts, ClassNames
from cleaner.review.events import CLASS_KINDS, Action, Blind, Event, Kind
from cleaner.review.images import SetImages
from cleaner.review.matching import Matching, others_of
from cleaner.review.opinions import AGAIN_AFTER, Answer, Due, Shares
from cleaner.review.records import Record, Records
from cleaner.util.natural import naturally

_PAUSE_S = 120.0
_PACE_ROWS = 400
_PACE_LEAST = 10


@dataclass(frozen=True, slots=True)
class Decision:
    """What holds for one image now.

    Parameters
    ----------
    name : str
        The image, by its present name.
    action : Action
        As the reviewer chose it; see `outcome` for the result.
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
    reason : str or None
        Why the image goes though nothing is said about its label ("duplicate", "blurry" …); None unless it is
        such a discard.
    content : str or None
        SHA-256 of the file that was decided on, hexadecimal; None if it is not known.
    blind : Blind or None
        Why the image was shown as if nobody had decided on it; None if it was not.
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
    reason: str | None = None
    content: str | None = None
    blind: Blind | None = None

    @property
    def reviewed(self) -> bool:
        """Whether somebody decided; unsure is no decision."""
        return self.action is not Action.UNSURE


class Look(NamedTuple):
    """What holds about the label of one image.

    Attributes
    ----------
    name : str
        The image, by its present name.
    outcome : str
        ``keep``, ``delete``, ``relabel`` or ``label``, as `Decision.outcome`.
    new_label : str or None
        As `Decision.new_label`.
    seq : int
        Sequence number of the decision that holds.
    """

    name: str
    outcome: str
    new_label: str | None
    seq: int


class AskedAgain(StrEnum):
    """Why an image that was decided on counts as undecided."""

    IMAGE = "image"
    """Another image has come under its name."""
    LABEL = "label"
    """It has another given label now."""


@dataclass(frozen=True, slots=True)
class Progress:
    """Counts of images by what was decided on them.

    Parameters
    ----------
    looked_at : int
        Images with a decision on their label; unsure ones are not among them.
    kept, deleted, relabelled : int
        What was decided on the labels of those; discarded images are no deleted ones.
    labelled : int
        Unlabelled images that got their first label; no errors.
    unsure : int
        Set aside for a colleague.
    conflicts : int
        Images on which reviewers disagree.
    window, window_errors : int
        The last images looked at (at most 100 unless asked otherwise), and the errors among them.
    discarded : int
        Images that go for a reason that says nothing about their label, such as duplicates.
    decided : int
        Images of the catalog with nothing left to decide: looked at, or discarded, or both.
    aside : int
        Decided images that the catalog has no more: in the trash, or files that cannot be used.
    gone : int
        Images that were decided on and are not in the set any more; they are in no other count.
    asked_again : int
        Images that were decided on before another image or another given label came in the place.
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
    discarded: int = 0
    decided: int = 0
    aside: int = 0
    gone: int = 0
    asked_again: int = 0

    @property
    def errors(self) -> int:
        """Wrong images found: the deleted and those that got another label."""
        return self.deleted + self.relabelled


class ReviewState:
    """The fold of the history; safe to read from several threads while it grows.

    It is a live object: it changes as decisions come in. Each method answers for one moment; `snapshot` gives
    a copy that stays as it is.
    """

    def __init__(self, images: SetImages | None = None) -> None:
        self._lock = threading.RLock()
        self._events: list[Event] = []
        self._matching = Matching(images)
        self._acts = Acts()
        self._classes = ClassNames(None if images is None else images.sets)
        self._records = Records(self._acts, self._classes, self._matching)
        self._dirty: dict[Record, None] | None = None
        self._described: list[Event] = []
        self._pairs: list[tuple[str, Record, Record]] = []
        self._times_by: dict[str, array[float]] = {}
        self._decided_by: dict[str, array[int]] = {}
        self._shares: Event | None = None
        self._seed = ""
        self._foldings = 0

    @classmethod
    def fold(cls, events: Iterable[Event], images: SetImages | None = None) -> ReviewState:
        """Build the state from a whole history, in the order of the sequence numbers."""
        state = cls(images)
        state.extend(sorted(events, key=lambda event: event.seq))
        return state

    def snapshot(self) -> ReviewState:
        """Copy the state as it is now; the copy does not follow the store."""
        with self._lock:
            return ReviewState.fold(self._events, self.images)

    @property
    def images(self) -> SetImages | None:
        """The images that decisions are matched with; None: names are images."""
        return self._matching.images

    @property
    def label_sets(self) -> LabelSets | None:
        """How several labels of an image are joined; None: each image has one."""
        return None if self.images is None else self.images.sets

    def match(self, images: SetImages | None) -> None:
        """Match the whole history with the images of the set as they are now."""
        with self._lock:
            self._become(ReviewState.fold(self._events, images))

    def unpinned(self) -> dict[int, str]:
        """Return the decisions that were made without knowing the content of their image, which is known now.

        From sequence number to content (SHA-256); only those that count.
        """
        with self._lock:
            images = self.images
            if images is None:
                return {}
            found: dict[int, str] = {}
            for event in self._events:
                name = self.image_of(event) if event.content is None and event.is_decision else None
                if name is not None and name in images.contents:
                    found[event.seq] = images.contents[name]
            return found

    def pin(self, contents: Mapping[int, str]) -> None:
        """Take in the contents of what was decided on, by sequence number."""
        with self._lock:
            events = [replace(e, content=contents.get(e.seq, e.content)) for e in self._events]
            self._become(ReviewState.fold(events, self.images))

    def _become(self, other: ReviewState) -> None:
        """Take over what another state has found; readers without the lock see the old or the new."""
        own = ("_lock", "_dirty", "_foldings")
        vars(self).update({name: value for name, value in vars(other).items() if name not in own})
        self._foldings += 1

    # ---------------------------------------------------------------- taking rows in

    @property
    def last_seq(self) -> int:
        """Sequence number of the last row taken in; 0 before the first."""
        return self._events[-1].seq if self._events else 0

    @property
    def last_act(self) -> str:
        """Id of the act of that row; empty before the first."""
        return self._events[-1].act if self._events else ""

    def extend(self, events: Iterable[Event]) -> None:
        """Take in several rows, in order; those that are already in have no effect."""
        with self._lock:
            last = self.last_seq
            fresh = [event for event in events if event.seq > last]
            if self._matching.take(fresh):  # earlier rows are about other images than they seemed to be
                self._become(ReviewState.fold([*self._events, *fresh], self.images))
                return
            self._dirty = {}  # settle each image once, after its last row
            try:
                for event in fresh:
                    self._apply(event)
            finally:
                dirty, self._dirty = self._dirty, None
                for record in dirty:
                    self._records.settle(record)

    def apply(self, event: Event) -> None:
        """Take in one row."""
        self.extend((event,))

    def _apply(self, event: Event) -> None:
        self._events.append(event)
        for row in self._acts.add(event):  # taken back, or brought back
            if row.is_decision:
                self._changed(self._record(row))
            elif row.kind in CLASS_KINDS:
                self._classes_changed()
        if event.is_decision:
            self._decide(event)
        elif event.kind in CLASS_KINDS:
            self._classes_changed()
        elif event.kind == Kind.CLASS_DESCRIBE:
            self._described.append(event)
        elif event.kind == Kind.FILE_MOVED:
            self._records.rename(event.name, str(event.detail.get("to", "")))
        elif event.kind == Kind.BLIND_SHARES:
            self._seed = self._seed or event.act
            self._shares = event
            self._records.share(self.blind_shares, self._seed)
        elif event.kind == Kind.PAIR_DIFFERENT:
            first = self._record(event)
            for name, content in others_of(event):
                self._pairs.append((event.act, first, self._records.get(name, content, seq=event.seq)))

    def _record(self, row: Event) -> Record:
        return self._records.get(row.name, row.content, seq=row.seq)

    def _decide(self, event: Event) -> None:
        record = self._record(event)
        record.events += (event,)
        if event.reason is None and not event.in_bulk:  # the pace is that of looking at single labels
            self._times_by.setdefault(event.reviewer, array("d")).append(event.time.timestamp())
        self._decided_by.setdefault(event.reviewer, array("q")).append(event.seq)
        self._changed(record)

    def _classes_changed(self) -> None:
        self._classes.update(self._acts)
        for record in self._records.with_classes():
            self._changed(record)

    def _changed(self, record: Record) -> None:
        if self._dirty is None:
            self._records.settle(record)
        else:
            self._dirty[record] = None

    def _decision(self, record: Record, event: Event, name: str | None = None) -> Decision:
        given = self._records.given(record)
        outcome, label = self._records.outcome(record, event)
        return Decision(
            name=name or record.names[-1],
            action=Action(event.kind),
            given=None if given is None else self.label_now(given),
            new_label=label,
            reviewer=event.reviewer,
            seq=event.seq,
            time=event.time,
            act=event.act,
            outcome=outcome,
            reason=event.reason,
            content=event.content,
            blind=event.blind,
        )

    # ---------------------------------------------------------------- asking about images

    @property
    def events(self) -> tuple[Event, ...]:
        """The whole history, in order."""
        with self._lock:
            return tuple(self._events)

    def of(self, name: str, *, reviewer: str | None = None) -> Decision | None:
        """Return what holds for an image, or one reviewer's own choice; None if there is none."""
        with self._lock:
            record = self._records.by_name.get(name)
            if record is None:
                return None
            event = record.effective
            if reviewer is not None:
                rows = reversed(self._records.in_force(record))
                own = (e for e in rows if e.reviewer == reviewer and e.blind is not Blind.AGAIN)
                event = next(own, None)
            return None if event is None else self._decision(record, event, name)

    def is_decided(self, name: str) -> bool:
        """Tell whether an image has a decision; unsure is none."""
        record = self._records.by_name.get(name)
        return record is not None and record.outcome not in ("", "unsure")

    @property
    def reopened(self) -> tuple[int, int]:
        """Another value than before once an image that was decided, by whomever, may be undecided again."""
        return self._foldings, self._records.reopened

    def decisions(self) -> dict[str, Decision]:
        """Return what holds for every image that somebody marked, unsure ones included."""
        with self._lock:
            return {
                name: self._decision(record, record.effective, name)
                for name, record in self._records.by_name.items()
                if record.effective is not None
            }

    def outcomes(self) -> dict[str, tuple[str, str | None]]:
        """Return for every marked image what holds and the label it gives: as `decisions`, but quicker.

        The label is None where the decision gives none (keep, delete, unsure). A discard is a delete; see
        `judgements` for what was decided on the labels.
        """
        with self._lock:
            return {
                name: (record.outcome, record.label)
                for name, record in self._records.by_name.items()
                if record.outcome
            }

    def judgements(self) -> dict[str, tuple[str, str | None]]:
        """Return for every marked image what holds about its label: as `outcomes`, but for discarded images.

        Those have what was decided on their label otherwise, or ``discard`` if nothing was.
        """
        with self._lock:
            return {
                name: self._records.judgement(r) for name, r in self._records.by_name.items() if r.outcome
            }

    def judgement(self, name: str) -> tuple[str, str | None] | None:
        """Return what `judgements` holds for one image; None if nobody marked it."""
        with self._lock:
            record = self._records.by_name.get(name)
            return None if record is None or not record.outcome else self._records.judgement(record)

    def discarded(self) -> dict[str, str]:
        """Return the images that go for a reason that says nothing about their label, and that reason."""
        with self._lock:
            reasons = ((name, record.reason) for name, record in self._records.by_name.items())
            return {name: reason for name, reason in reasons if reason is not None}

    def unsure(self) -> list[str]:
        """Return the images that are set aside for a colleague."""
        with self._lock:
            return [name for name, record in self._records.by_name.items() if record.outcome == "unsure"]

    def conflicts(self, among: Iterable[str] | None = None) -> dict[str, tuple[Decision, ...]]:
        """Return the images on which reviewers disagree, each with every reviewer's choice, oldest first.

        Parameters
        ----------
        among : iterable of str, optional
            Only those of these images; default: of all.
        """
        with self._lock:
            disputed, by_name = self._records.conflicts, self._records.by_name
            if among is None:
                found = [(name, record) for record in disputed for name in record.names]
            else:
                found = [(name, by_name[name]) for name in among if by_name.get(name) in disputed]
            return {
                name: tuple(self._decision(record, event, name) for event in self._records.choices(record))
                for name, record in found
            }

    # ---------------------------------------------------------------- shown blind

    @property
    def blind_shares(self) -> Shares:
        """How many of the decided images are shown blind, as it was set last."""
        if self._shares is None:
            return Shares()
        found = (self._shares.detail.get(key) for key in Shares._fields)
        return Shares(*(float(x) if isinstance(x, int | float) and 0 <= x <= 1 else 0.0 for x in found))

    @property
    def may_show_blind(self) -> bool:
        """Whether any decided image may be shown to somebody as if it were not."""
        return any(self.blind_shares) or bool(self._records.drawn)

    def due(self, reviewer: str, *, again_after: int = AGAIN_AFTER) -> list[Due]:
        """Return the decided images that a reviewer is to be shown as if they were not, in random order.

        See `cleaner.review.opinions` for which these are.

        Parameters
        ----------
        reviewer : str
        again_after : int
            Own decisions after which an image may be asked about again.
        """
        with self._lock:
            own = self._decided_by.get(reviewer, ())
            before = own[-again_after - 1] if len(own) > again_after else 0
            return self._records.due(reviewer, decided_before=before)

    def blind_answer(self, name: str, reviewer: str, why: Blind) -> Decision | None:
        """Return what a reviewer said of an image that was shown blind; None if nothing."""
        with self._lock:
            record = self._records.by_name.get(name)
            rows = () if record is None else self._records.in_force(record)
            own = [event for event in rows if event.reviewer == reviewer and event.blind is why]
            return self._decision(record, own[-1], name) if record is not None and own else None

    def blind_answers(self) -> list[Answer]:
        """Return all blind opinions that stand, each with what it is to be held against."""
        with self._lock:
            return self._records.answers()

    # ---------------------------------------------------------------- what is not about an image of the set

    def gone(self) -> list[str]:
        """Return the images that were decided on and are not in the set any more, by the names they had."""
        with self._lock:
            return [record.place.name for record in self._records.gone]

    def asked_again(self) -> dict[str, AskedAgain]:
        """Return the undecided images on which a decision is no more valid, and why not."""
        with self._lock:
            labels = dict.fromkeys((r.place.name for r in self._records.relabelled), AskedAgain.LABEL)
            return labels | dict.fromkeys(self._replaced(), AskedAgain.IMAGE)

    def _replaced(self) -> list[str]:
        """Return the undecided images under whose names others were decided on."""
        by_name, relabelled = self._records.by_name, self._records.relabelled
        found: list[str] = []
        for name in dict.fromkeys(record.place.name for record in self._records.changed):
            record = by_name.get(name)
            if record is None or not (record.outcome or record in relabelled):
                found.append(name)
        return found

    def image_of(self, event: Event) -> str | None:
        """Return the image of the set that a row is about, by its present name; None if there is none."""
        with self._lock:
            if not event.is_decision:
                return None
            record = self._record(event)
            counts = record.place.known and self._matching.speaks_of(event, record.place, self._classes)
            return record.place.name if counts else None

    def names_now(self, then: Mapping[str, str | None]) -> Mapping[str, str | None]:
        """Return what files of an earlier time are called now, as `SetImages.names_now`.

        A file that is in the trash has the name under which its decision is known.
        """
        if self.images is None:
            return {name: name for name in then}
        found = self.images.names_now(then)
        lost = [name for name, now in found.items() if now is None]
        if lost:
            found = dict(found)
            with self._lock:
                aside = self._records.aside()
            contents = self.images.contents
            for name in lost:
                content = then[name] or (None if name in self.images else contents.get(name))
                known = self._records.by_name.get(name)
                if content in aside:
                    found[name] = aside[content]
                elif content is None and known is not None and name not in self.images:
                    found[name] = name
        return found

    def latest_names(self, names: Sequence[str]) -> list[str]:
        """Return what files are called now; of those that are gone, what they were called."""
        return [now or name for name, now in self.names_now(dict.fromkeys(names)).items()]

    # ---------------------------------------------------------------- classes and pairs

    def label_now(self, label: str, *, since_seq: int = 0) -> str:
        """Return the present name of a class that was called ``label`` after row ``since_seq``.

        Where an image can have several, ``label`` may be several classes.
        """
        return self._classes.now(label, since_seq=since_seq)

    @property
    def label_map(self) -> dict[str, str]:
        """Given labels whose class was renamed or merged, and what they are now."""
        with self._lock:
            return self._classes.changed()

    @property
    def new_classes(self) -> list[str]:
        """Classes made by reviewers (also those that still have no image), under their present names."""
        with self._lock:
            made = self._acts.on_classes({Kind.CLASS_NEW})
            return list(dict.fromkeys(self.label_now(row.new_label or "", since_seq=row.seq) for row in made))

    def classes(self, given: Iterable[str]) -> list[str]:
        """Return all classes as they stand, given, made or chosen, in their natural order."""
        with self._lock:
            used = classes_of((label for label, n in self._records.used.items() if n > 0), self.label_sets)
            return naturally({*map(self.label_now, given), *self.new_classes, *used})

    def descriptions(self) -> dict[str, str]:
        """Return the classes that have a description, by their present names, and the texts."""
        with self._lock:
            found: dict[str, str] = {}
            for event in self._described:
                label = self._classes.described(event) if self._acts.stands(event.act) else None
                if label is not None:
                    found[label] = str(event.detail.get("text", ""))
            return {label: text for label, text in found.items() if text}

    def description(self, label: str) -> str:
        """Return the description of a class, given by its present name; empty if it has none."""
        return self.descriptions().get(label, "")

    def different_pairs(self) -> frozenset[frozenset[str]]:
        """Return the pairs of images that a reviewer called different (no duplicates)."""
        with self._lock:
            return frozenset(
                frozenset(pair)
                for act, first, second in self._pairs
                if self._acts.stands(act) and first.place.known and second.place.known
                for pair in product(first.names, second.names)
            )

    # ---------------------------------------------------------------- undo

    def act(self, act: str) -> tuple[Event, ...]:
        """Return the rows of one act; empty if there is none of that id."""
        with self._lock:
            return self._acts.rows(act)

    def names_of(self, act: str) -> tuple[str, ...]:
        """Return the images that an act touches, by all names they had; for an undo those of its target."""
        with self._lock:
            rows = self._acts.rows(act)
            if rows and rows[0].undoes:
                return self.names_of(rows[0].undoes)
            groups = (self._record(row).names if row.is_decision else (row.name,) for row in rows)
            return tuple(dict.fromkeys(name for group in groups for name in group if name))

    def stands(self, act: str) -> bool:
        """Tell whether an act is in force, that is, was not undone."""
        return self._acts.stands(act)

    def undoable(self, reviewer: str) -> str | None:
        """Return the reviewer's latest act that still stands."""
        with self._lock:
            return self._acts.undoable(reviewer)

    def redoable(self, reviewer: str) -> str | None:
        """Return the act that the reviewer undid last, unless the reviewer did something since."""
        with self._lock:
            return self._acts.redoable(reviewer)

    # ---------------------------------------------------------------- progress

    def progress(self, *, window: int = 100) -> Progress:
        """Count what was decided; ``window`` is the number of last looks to count errors in.

        Looks are ordered by the first standing decision on each label, so a change of mind is no new look.
        """
        with self._lock:
            count = self._records.counts
            last = self._records.looks[-window:] if window > 0 else []
            errors = sum(record.judged in ("delete", "relabel") for record in last)
            return Progress(
                looked_at=len(self._records.looks),
                kept=count["keep"],
                deleted=count["delete"],
                relabelled=count["relabel"],
                labelled=count["label"],
                unsure=count["unsure"],
                conflicts=len(self._records.conflicts),
                window=len(last),
                window_errors=errors,
                discarded=count["discarded"],
                decided=len(self._records.looks) + count["discarded unseen"] - count["aside"],
                aside=count["aside"],
                gone=len(self._records.gone),
                asked_again=len(self._records.relabelled) + len(self._replaced()),
            )

    def judgements_of(self, names: Iterable[str]) -> Counter[str]:
        """Count some images by what holds about their labels: keep, delete, relabel, label."""
        with self._lock:
            records = (self._records.by_name.get(name) for name in names)
            return Counter(record.judged for record in records if record is not None and record.judged)

    def looks(self) -> list[Look]:
        """Return what holds about each label, in the order in which the labels were first looked at.

        A discard is no look, and takes none back.
        """
        label_of = self._records.judgement
        with self._lock:
            return [
                Look(r.names[-1], r.judged, label_of(r)[1], r.judging.seq)
                for r in self._records.looks
                if r.judging is not None
            ]

    def decided_by(self) -> dict[str, int]:
        """Return how many images each reviewer has decided, by whose decision holds; unsure is none."""
        with self._lock:
            return {reviewer: n for reviewer, n in self._records.decided_by.items() if n}

    def pace_per_min(self, reviewer: str) -> float | None:
        """Return a reviewer's recent pace in images a minute, pauses of over two minutes left out.

        None before there are enough looks to tell.
        """
        with self._lock:
            times = list(self._times_by.get(reviewer, ()))[-_PACE_ROWS:]
        gaps_s = [gap_s for a, b in pairwise(times) if 0 <= (gap_s := b - a) <= _PAUSE_S]
        return 60.0 * len(gaps_s) / sum(gaps_s) if len(gaps_s) >= _PACE_LEAST and sum(gaps_s) > 0 else None
