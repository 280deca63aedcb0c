"""Blind opinions: images that are decided already, shown once more as if they were not.

The rules, for the rows on one image that stand and speak of its label:

- A *second opinion* is asked of a reviewer who has said nothing about the image. It is a vote like the first
  decision. Two votes that agree settle the image. If they differ, a third reviewer is asked, likewise blind,
  and two of three settle it. Until then the first decision holds, and the image is among the conflicts.
- Whoever is *asked again* about an own decision changes nothing by the answer. If it is another one, the
  image is among the conflicts.
- A decision made in sight of the others replaces the same reviewer's earlier opinions. One that *settles*
  overrules all that was said before it, and the image is not shown blind any more.
- *Unsure* is no vote. A reviewer who was unsure is not asked a second time.
- Of an image whose right label an expert fixed beforehand (*known*), blind opinions are answers to be held
  against it. They never count as votes.

Which images are asked about is drawn by a hash of the image and a seed, and so depends on nothing that was
decided. The seed is the act that first set the shares, which nobody knows beforehand.
"""

import hashlib
from collections import Counter
from collections.abc import Callable, Sequence
from typing import NamedTuple

from cleaner.review.events import Blind, Event, Kind

AGAIN_AFTER = 96
"""Decisions of a reviewer after which an image of theirs may be shown to them again: four pages of 24."""

_MOST_VOTES = 3

Stance = tuple[str, str | None]
"""What a row comes to: keep, delete, or label and which one; for answers also unsure."""


class Shares(NamedTuple):
    """How many of the decided images are shown blind.

    Attributes
    ----------
    second : float
        Share, 0..1, of the images that another reviewer has decided.
    again : float
        Share, 0..1, of the images that the same reviewer has decided.
    """

    second: float = 0.0
    again: float = 0.0


class Due(NamedTuple):
    """An image that is to be shown blind to some reviewer.

    Attributes
    ----------
    name : str
    why : Blind
    unaided : bool
        To be shown where the model's opinion is not shown either, in an audit.
    """

    name: str
    why: Blind
    unaided: bool = False


class Answer(NamedTuple):
    """A blind opinion, and what it is to be held against.

    Attributes
    ----------
    name : str
    reviewer : str
    why : Blind
    says : (str, str or None)
    other : str
        Who said the other thing: a reviewer, for `Blind.AGAIN` the same one.
    other_says : (str, str or None)
    known : bool
        Whether that is what an expert fixed beforehand.
    unaided : bool
        Whether the model's opinion was not shown either.
    """

    name: str
    reviewer: str
    why: Blind
    says: Stance
    other: str
    other_says: Stance
    known: bool
    unaided: bool


class Weighed(NamedTuple):
    """What open decisions and blind opinions on one image come to.

    Attributes
    ----------
    holds : Event or None
        The row that holds.
    votes : list of Event
        Every reviewer's choice that is not unsure.
    beside : list of Event
        Other answers of reviewers who were asked again.
    disputed : bool
        Whether the image is among the conflicts.
    settled : bool
        Whether nobody needs to be asked any more.
    """

    holds: Event | None
    votes: list[Event]
    beside: list[Event]
    disputed: bool
    settled: bool


def draw(seed: str, what: str, key: str) -> float:
    """Return a number in 0..1 that looks random and is always the same."""
    number = hashlib.sha256(f"{seed}\0{what}\0{key}".encode("utf-8", "surrogateescape")).digest()[:8]
    return int.from_bytes(number, "big") / 2**64


def has_opinions(rows: Sequence[Event]) -> bool:
    """Tell whether any of the rows on an image needs these rules."""
    return any(event.detail and event.blind is not None for event in rows)


def weigh(rows: Sequence[Event], stance: Callable[[Event], Stance]) -> Weighed:
    """Return what the rows on one image come to, which stand, speak of its label, and are in order.

    Parameters
    ----------
    rows : sequence of Event
        None of which is known beforehand.
    stance : callable
        Returns what a row comes to.
    """
    overruled = max((event.seq for event in rows if event.detail.get("settles")), default=0)
    last: dict[str, Event] = {}
    again: dict[str, Event] = {}
    for event in rows:
        if event.seq < overruled:
            continue
        if event.blind is Blind.AGAIN:
            again[event.reviewer] = event
        else:
            last[event.reviewer] = event
            again.pop(event.reviewer, None)
    votes = [event for event in last.values() if event.kind != Kind.UNSURE]
    if not votes:
        return Weighed(max(last.values(), key=_seq, default=None), [], [], disputed=False, settled=False)
    beside = [
        event
        for event in again.values()
        if event.kind != Kind.UNSURE
        and event.reviewer in last
        and last[event.reviewer].kind != Kind.UNSURE
        and stance(event) != stance(last[event.reviewer])
    ]
    said = [(event, stance(event)) for event in votes]
    in_sight = [pair for pair in said if pair[0].blind is None]
    first = max(in_sight, key=lambda pair: pair[0].seq) if in_sight else min(said, key=lambda p: p[0].seq)
    ranked = Counter(each for _, each in said).most_common(2)
    most, number = ranked[0]
    voted = any(event.blind is Blind.SECOND for event in votes)
    agreed = voted and number > 1 and (len(ranked) < 2 or ranked[1][1] < number)
    if agreed and first[1] != most:
        first = min((pair for pair in said if pair[1] == most), key=lambda pair: pair[0].seq)
    disputed = not agreed and (len(ranked) > 1 or bool(beside))
    settled = agreed or bool(overruled) or len(votes) >= _MOST_VOTES
    return Weighed(first[0], votes, beside, disputed, settled)


def question(
    rows: Sequence[Event], stance: Callable[[Event], Stance], reviewer: str, shares: tuple[bool, bool]
) -> Blind | None:
    """Return why a reviewer is to be shown an image blind; None if not.

    Parameters
    ----------
    rows : sequence of Event
        As in `weigh`; also with what is known beforehand.
    stance : callable
    reviewer : str
    shares : (bool, bool)
        Whether the image was drawn for second opinions, and to be asked again.
    """
    own = [event for event in rows if event.reviewer == reviewer]
    truth = known(rows)
    if truth is not None:
        return None if own else Blind.SECOND
    if not own:
        found = weigh(rows, stance) if shares[0] else None
        return Blind.SECOND if found is not None and found.votes and not found.settled else None
    if not shares[1] or own[-1].kind == Kind.UNSURE or any(event.blind is Blind.AGAIN for event in own):
        return None
    found = weigh(rows, stance)
    overruled = any(event.detail.get("settles") and event.seq > own[-1].seq for event in rows)
    return None if found.disputed or overruled else Blind.AGAIN


def known(rows: Sequence[Event]) -> Event | None:
    """Return what an expert fixed beforehand on an image; None if nothing was."""
    return next((event for event in reversed(rows) if event.is_truth), None)


def answers(name: str, rows: Sequence[Event], stance: Callable[[Event], Stance]) -> list[Answer]:
    """Return the blind opinions on one image, each with what it is to be held against.

    Of a second opinion these are the decisions and opinions of others that were there before, one a reviewer:
    what was decided later was decided in sight of it. Unsure is held against nothing, but for what is known.
    """
    found: list[Answer] = []
    truth = known(rows)
    mine: dict[tuple[str, Blind], Event] = {}
    for event in rows:
        if event.blind is not None:
            mine[event.reviewer, event.blind] = event
    for (reviewer, why), event in mine.items():
        if truth is not None:
            against = [truth] if reviewer != truth.reviewer else []
        else:
            earlier = [e for e in rows if e.seq < event.seq and e.blind is not Blind.AGAIN]
            last = {e.reviewer: e for e in earlier}
            against = [
                e
                for e in last.values()
                if e.kind != Kind.UNSURE and (e.reviewer == reviewer) == (why is Blind.AGAIN)
            ]
            if event.kind == Kind.UNSURE:
                continue
        unaided = event.detail.get("unaided") is True
        found += [
            Answer(
                name, reviewer, why, stance(event), e.reviewer, stance(e), known=e is truth, unaided=unaided
            )
            for e in against
        ]
    return found


def _seq(event: Event) -> int:
    return event.seq
