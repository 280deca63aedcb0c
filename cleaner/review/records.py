"""What the rows on each image come to.

The rules, in the order in which they apply:

- A row is about the image that has the content which was decided on, see `cleaner.review.matching`. Rows on
  what is not there any more, and on a given label that the image has no more, come to nothing.
- A row counts once, in the order of its sequence number; the clock plays no part.
- An act that was undone counts as if it had never been; redo brings it back at its old place.
- A reviewer's *choice* for an image is that reviewer's last standing row on it.
- *Unsure* is no decision: it takes back the reviewer's own earlier choice, and never a colleague's. The
  *effective* decision is the last choice, over all reviewers, that is not unsure; if every choice is unsure,
  the image is set aside and not reviewed.
- Two choices with different outcomes are a conflict, and both stay. It ends when one reviewer comes round, or
  by a decision made with ``settles=True``, which overrules what was there before it.
- Opinions that were given blind, without a sight of earlier decisions: see `cleaner.review.opinions`.
- Renaming and merging classes change the given labels and the labels chosen before, never those chosen after.
- The description of a class is its last standing one, and follows the class when that is renamed. A class
  that is merged into another one loses its description; that of the other one stays as it is.
- A relabel to the label that the image already has is a keep.
- A delete with a reason (duplicate, blurry …) is a *discard*. For the image it is a decision like any other:
  the later one holds. About the label it says nothing: it is no look, finds no error, contradicts nobody, and
  leaves what was said about the label before, by the same reviewer or by another, as it was. A keep that
  *restores* takes back the discards before it, whoever made them, and is nothing else.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable
from functools import partial
from typing import NamedTuple

from cleaner.review.acts import Acts, ClassNames
from cleaner.review.events import Blind, Event, Kind
from cleaner.review.matching import Matching, Place, Where
from cleaner.review.opinions import Answer, Due, Shares, answers, draw, has_opinions, known, question, weigh

_UNAIDED = 0.5  # of the images whose right label is known: shown in an audit, the rest on other pages


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

    ``place`` is the image, ``names`` what the file was called before and is called (the last one),
    ``effective`` the row that holds, ``outcome`` its result ("" if none), ``label`` the label that it gives.
    ``judging`` is the row that holds about the label, which is another one only if ``effective`` is a
    discard, ``judged`` what that comes to, and ``look`` the sequence number of the first look at the label
    (0 before it). ``moved``: some row is about another given label than the image has now.
    """

    __slots__ = (
        "effective",
        "events",
        "judged",
        "judging",
        "label",
        "look",
        "moved",
        "names",
        "outcome",
        "place",
    )

    def __init__(self, place: Place) -> None:
        self.place = place
        self.names: tuple[str, ...] = (place.name,)
        self.events: tuple[Event, ...] = ()
        self.effective: Event | None = None
        self.outcome = ""
        self.label: str | None = None
        self.judging: Event | None = None
        self.judged = ""
        self.look = 0
        self.moved = False

    @property
    def reason(self) -> str | None:
        """Why the image was discarded; None if it was not."""
        return None if self.effective is None else self.effective.reason


class _Question(NamedTuple):
    """What a reviewer is to be asked about an image."""

    place: float  # in the random order, 0..1
    due: Due
    since: int  # sequence number of the reviewer's last decision on it; 0: it may be asked at once


class Records:
    """All images that a history speaks of, and the counts over them.

    Parameters
    ----------
    acts : Acts
    classes : ClassNames
    matching : Matching

    Attributes
    ----------
    by_name : dict of str to Record
        Those of known images, by all names that the files have and had.
    counts : Counter of str
        Images by what was decided on their label; ``unsure``, ``discarded``, and ``discarded unseen``, those
        of the discarded whose label nobody looked at; ``aside``, those decided on that the catalog has not.
    used : Counter of str
        Images by the label that a decision gives them.
    conflicts : dict of Record to None
        Images on which reviewers disagree, in the order in which they came to.
    looks : list of Record
        Images whose label was looked at, in the order of the first look.
    relabelled : dict of Record to None
        Undecided images of which a given label was decided on that they have no more.
    gone, changed : dict of Record to None
        What was decided on and is not there; of ``changed``, another content has the name.
    decided_by : Counter of str
        Images by the reviewer whose decision holds.
    reopened : int
        How often an image had a decision, or an *unsure*, and then none, or only *unsure*.
    drawn : dict of Record to (bool, bool)
        Images that may be shown blind: whether for second opinions, and whether to be asked again.
    blind : dict of Record to None
        Images that were.
    """

    def __init__(self, acts: Acts, classes: ClassNames, matching: Matching) -> None:
        self._acts = acts
        self._classes = classes
        self._matching = matching
        self._all: dict[Place, Record] = {}
        self._look_seqs: list[int] = []  # in step with ``looks``
        self.by_name: dict[str, Record] = {}
        self.counts: Counter[str] = Counter()
        self.used: Counter[str] = Counter()
        self.decided_by: Counter[str] = Counter()
        self.reopened = 0
        self.conflicts: dict[Record, None] = {}
        self.looks: list[Record] = []
        self.relabelled: dict[Record, None] = {}
        self.gone: dict[Record, None] = {}
        self.changed: dict[Record, None] = {}
        self.drawn: dict[Record, tuple[bool, bool]] = {}
        self.blind: dict[Record, None] = {}
        self._shares, self._seed = Shares(), ""
        self._questions: dict[str, dict[Record, _Question | None]] = {}  # of each reviewer who was asked for

    def get(self, name: str, content: str | None = None, *, seq: int = 0) -> Record:
        """Return the record of the image that a row is about; a new one if there is none."""
        place, names = self._matching.place(name, content, seq=seq)
        record = self.by_name.get(name) if self._matching.images is None else self._all.get(place)
        if record is None:
            record = self._all[place] = Record(place)
        if place.known:
            self._name(record, names)
        return record

    def _name(self, record: Record, names: Iterable[str]) -> None:
        """Let names stand for an image, but those of other images of the set."""
        images = self._matching.images
        for name in (record.place.name, *names):
            if name not in record.names:
                record.names = (name, *record.names)
            own = record.place.content is None and name == record.place.name
            if own or images is None or name not in images:
                self.by_name[name] = record

    def aside(self) -> dict[str, str]:
        """Return the contents (SHA-256) that were decided on and set aside, and the names of their images."""
        records = (record for record in self._all.values() if record.place.where is Where.ASIDE)
        return {e.content: r.place.name for r in records for e in r.events if e.content is not None}

    def rename(self, old: str, new: str) -> None:
        """Let a file's new name stand for the same image as the old one, where only names tell images apart.

        The old name goes on to mean it too: a colleague's copy of the set may still have it, and so may a
        ranking made before. A name that has a history of its own keeps it.
        """
        if self._matching.images is None:
            record = self.get(old)
            if new and new not in self.by_name:
                self.by_name[new] = record
                record.names += (new,)

    def with_classes(self) -> Iterable[Record]:
        """Yield the images whose outcome may change when a class is renamed or merged."""
        # one row without a label on the label that the image has: no class in it
        return (
            r
            for r in self._all.values()
            if r.label is not None or len(r.events) > 1 or not r.outcome or r.moved
        )

    def settle(self, record: Record) -> None:
        """Find out what the rows on an image come to, after one of them came or was taken back."""
        for asked in self._questions.values():
            asked.pop(record, None)
        all_standing = self.standing(record)
        says_something = any(event.kind != Kind.UNSURE for event in all_standing)
        if not record.place.known:
            self._note(
                self.changed if record.place.where is Where.CHANGED else self.gone, record, says_something
            )
            return
        standing = [event for event in all_standing if self._speaks(record, event)]
        of_label = [event for event in standing if event.reason is None]
        special = any(e.detail and (e.blind is not None or e.is_truth) for e in of_label)
        if special:
            judging, real, disputed = self._with_opinions(record, of_label)
        else:
            judging, real = _that_holds(of_label)
            disputed = len(real) > 1 and self._differ(record, standing, real)
        last = judging
        if len(of_label) < len(standing):
            last = _that_holds([e for e in standing if e.blind is None] if special else standing)[0]
            last = judging if special and (last is None or last.reason is None) else last
        record.moved = self._matching.has_moved(record.events, record.place)
        self._count(record, -1)
        self._place_look(record, next((e.seq for e in of_label if e.kind != Kind.UNSURE), 0) if real else 0)
        before = record.outcome
        record.effective, record.judging = last, judging
        record.outcome, record.label = self.outcome(record, last) if last is not None else ("", None)
        record.judged = self.outcome(record, judging)[0] if judging is not None else ""
        self._count(record, 1)
        self.reopened += bool(before) and record.outcome in ("", "unsure")
        self._note(self.conflicts, record, disputed)
        self._note(self.relabelled, record, says_something and not record.outcome)
        self._note(self.blind, record, special and any(event.blind is not None for event in of_label))
        self._draw(record, is_known=special and known(of_label) is not None)

    def _with_opinions(self, record: Record, of_label: list[Event]) -> tuple[Event | None, list[Event], bool]:
        """Return the row that holds about a label, the choices, and whether they are a conflict."""
        if known(of_label) is not None:
            seen = [event for event in of_label if event.blind is None]
            judging, real = _that_holds(seen)
            return judging, real, len(real) > 1 and self._differ(record, seen, real)
        found = weigh(of_label, partial(self._stance, record))
        return found.holds, found.votes, found.disputed

    @staticmethod
    def _note(notes: dict[Record, None], record: Record, holds: bool) -> None:
        if holds:
            notes[record] = None
        else:
            notes.pop(record, None)

    def in_force(self, record: Record) -> list[Event]:
        """Return the rows on an image that count: about its label, and not taken back in any way."""
        return [event for event in self.standing(record) if self._speaks(record, event)]

    def standing(self, record: Record) -> list[Event]:
        """Return the rows on an image that were not taken back, neither by undo nor by restoring it."""
        undone = self._acts.undone
        standing = [event for event in record.events if event.act not in undone]
        restored = max((event.seq for event in standing if event.restores), default=0)
        if not restored:
            return standing
        return [e for e in standing if not e.restores and (e.reason is None or e.seq > restored)]

    def given(self, record: Record) -> str | None:
        """Return the first label known for an image; later rows may speak of one that an earlier one gave."""
        labels = (e.given_label for e in record.events if self._speaks(record, e))
        return next((label for label in labels if label is not None), None)

    def choices(self, record: Record) -> list[Event]:
        """Return what reviewers chose for an image, unsure left out; with what they said when asked again."""
        rows = self._of_label(record)
        if has_opinions(rows) and known(rows) is None:
            found = weigh(rows, partial(self._stance, record))
            return sorted([*found.votes, *found.beside], key=_seq)
        last = {event.reviewer: event for event in rows if event.blind is None}
        return sorted((event for event in last.values() if event.kind != Kind.UNSURE), key=_seq)

    def _of_label(self, record: Record) -> list[Event]:
        return [event for event in self.in_force(record) if event.reason is None]

    # ---------------------------------------------------------------- shown blind

    def share(self, shares: Shares, seed: str) -> None:
        """Draw anew which images may be shown blind."""
        self._shares, self._seed = shares, seed
        self._questions.clear()
        for record in self._all.values():
            if record.outcome:
                self._draw(record, is_known=known(self._of_label(record)) is not None)

    def _draw(self, record: Record, *, is_known: bool) -> None:
        first = record.events[0] if record.events else None
        if not (is_known or any(self._shares)) or first is None or not record.outcome:
            self.drawn.pop(record, None)
            return
        key = first.content or first.name
        drawn = [draw(self._seed, what, key) < share for what, share in self._shares._asdict().items()]
        if is_known or any(drawn):
            self.drawn[record] = (drawn[0], drawn[1])
        else:
            self.drawn.pop(record, None)

    def due(self, reviewer: str, *, decided_before: int) -> list[Due]:
        """Return the images that a reviewer is to be shown blind, in random order.

        Parameters
        ----------
        reviewer : str
        decided_before : int
            Sequence number; own decisions after it are too fresh to be asked about again.
        """
        asked = self._questions.setdefault(reviewer, {})
        for record, shares in self.drawn.items():
            if record not in asked:
                asked[record] = self._question(record, shares, reviewer)
        found = [each for each in asked.values() if each is not None and each.since <= decided_before]
        return [each.due for each in sorted(found)]

    def _question(self, record: Record, shares: tuple[bool, bool], reviewer: str) -> _Question | None:
        if record.place.where is not Where.HERE or record.reason is not None:
            return None
        rows = self._of_label(record)
        why = question(rows, partial(self._stance, record), reviewer, shares)
        if why is None:
            return None
        truth, key = known(rows), rows[0].content or rows[0].name
        unaided = truth is not None and draw(truth.act, "unaided", key) < _UNAIDED
        last = max((event.seq for event in rows if event.reviewer == reviewer), default=0)
        since = last if why is Blind.AGAIN else 0
        return _Question(draw(self._seed, "order", key), Due(record.place.name, why, unaided), since)

    def answers(self) -> list[Answer]:
        """Return all blind opinions that stand, each with what it is to be held against."""
        return [
            answer
            for record in self.blind
            for answer in answers(record.place.name, self._of_label(record), partial(self._stance, record))
        ]

    def _speaks(self, record: Record, event: Event) -> bool:
        return self._matching.speaks_of(event, record.place, self._classes)

    def outcome(self, record: Record, event: Event) -> tuple[str, str | None]:
        """Return what a row comes to, and the label it gives (None where it gives none)."""
        if event.kind != Kind.RELABEL:
            return str(event.kind), None
        label = self._classes.now(event.new_label or "", since_seq=event.seq)
        given = self.given(record)
        if given is None:
            return "label", label
        return ("keep" if label == self._classes.now(given) else "relabel"), label

    def judgement(self, record: Record) -> tuple[str, str | None]:
        """Return what holds about an image's label, and the label that it gives."""
        if record.judging is record.effective:
            return record.outcome, record.label
        return ("discard", None) if record.judging is None else self.outcome(record, record.judging)

    def _count(self, record: Record, by: int) -> None:
        """Count what an image comes to, or take it back."""
        if record.look:
            self.counts[record.judged] += by
        if record.outcome == "unsure":
            self.counts["unsure"] += by
        elif record.outcome and record.effective is not None:
            self.decided_by[record.effective.reviewer] += by
            self.counts["aside"] += by if record.place.where is Where.ASIDE else 0
        if record.reason is not None:
            self.counts["discarded"] += by
            self.counts["discarded unseen"] += 0 if record.look else by
        if record.label is not None:
            self.used[record.label] += by

    def _differ(self, record: Record, standing: list[Event], real: list[Event]) -> bool:
        overruled = max((event.seq for event in standing if event.detail.get("settles")), default=0)
        return len({self._stance(record, event) for event in real if event.seq >= overruled}) > 1

    def _stance(self, record: Record, event: Event) -> tuple[str, str | None]:
        outcome, label = self.outcome(record, event)
        return ("label", label) if outcome in ("relabel", "label") else (outcome, None)

    def _place_look(self, record: Record, seq: int) -> None:
        """Keep the order of first looks, so that a change of mind is no new look."""
        if record.look == seq:
            return
        if record.look:
            at = bisect_left(self._look_seqs, record.look)
            del self._look_seqs[at], self.looks[at]
        if seq:
            at = bisect_left(self._look_seqs, seq)
            self._look_seqs.insert(at, seq)
            self.looks.insert(at, record)
        record.look = seq
