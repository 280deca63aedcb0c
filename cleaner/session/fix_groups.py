"""Groups of images that probably need the same new label, and how many of a group would get it wrongly."""

from __future__ import annotations

import hashlib
import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from cleaner.analysis.relabels import Looks, Pair, RelabelModel
from cleaner.errors import OutdatedError, StoreError
from cleaner.ranking.clusters import LEAST_PROBABLE, Clusters
from cleaner.ranking.posterior import SURE
from cleaner.ranking.result import Ranking
from cleaner.review import Choice, ReviewState
from cleaner.session.cells import OneFix
from cleaner.session.snapshot import Snapshot

LEAST = 6
"""Images of the smallest group: for fewer, single keys are as quick."""

MOST = 40
"""Images of the largest group: as many as can be looked over at once."""

_MOST_LOOKS, _LEAST_LOOKS = 4, 2
_FEW = 0.1  # share of wrong ones up to which a group needs no more looks

LOOK, GROUP = "look", "group"
"""Keys of an event's detail, with the group: one of the random looks, or another decision among groups."""

_PROBABLE = 0.6


@dataclass(frozen=True, slots=True)
class FixGroup:
    """Images that have one label and probably need another one, the same for all.

    Parameters
    ----------
    id : str
    given, label : str
        The label that they have, and the one that they probably need.
    looks : tuple of str
        Some of them, drawn at random, which have to be decided one by one before the rest.
    others : tuple of str
        The rest, the most doubtful first.
    expected : float
        Share, 0..1, of which ``label`` is not the right label, by the ranking.
    probability : mapping of str to float
        Of ``label``, for each image, by the ranking.
    """

    id: str
    given: str
    label: str
    looks: tuple[str, ...]
    others: tuple[str, ...]
    expected: float
    probability: Mapping[str, float]

    @property
    def names(self) -> tuple[str, ...]:
        """All images, in the order in which they are shown."""
        return self.looks + self.others

    def named(self, now: Mapping[str, str]) -> FixGroup:
        """Return the group under the present names of its images."""
        return replace(
            self,
            looks=tuple(now[name] for name in self.looks),
            others=tuple(now[name] for name in self.others),
            probability={now[name]: share for name, share in self.probability.items()},
        )

    @property
    def pair(self) -> Pair:
        """The label that the images have, and the one that they probably need."""
        return self.given, self.label


@dataclass(frozen=True)
class FixGroups:
    """The groups as they were when the view was opened, the largest expected gain first.

    Parameters
    ----------
    groups : mapping of str to FixGroup
        By id, in the order of the view.
    is_open : callable
        Tells whether the reviewer still has to decide on an image.
    """

    groups: Mapping[str, FixGroup] = field(default_factory=dict)
    is_open: Callable[[str], bool] = lambda _: True

    @classmethod
    def find(cls, known: Snapshot, is_open: Callable[[str], bool]) -> FixGroups:
        """Form the groups of what is still to be decided.

        Parameters
        ----------
        known : Snapshot
        is_open : callable
            Tells whether the reviewer still has to decide on an image.
        """
        ranking = known.ranking
        if ranking is None or ranking.clusters is None:
            return cls()
        looked = _looked(known, ranking)
        model = RelabelModel({pair: list(by_group.values()) for pair, by_group in looked.items()})
        found = list(_form(known, ranking, ranking.clusters, is_open, model))
        gain = {group.id: _gain(group, model) for group in found}
        found.sort(key=lambda group: -gain[group.id])
        return cls({group.id: group for group in found}, is_open)

    @classmethod
    def resumed(
        cls, known: Snapshot, is_open: Callable[[str], bool], before: Iterable[FixGroup]
    ) -> FixGroups:
        """Form the groups of what is still to be decided, but for those that were begun before.

        Parameters
        ----------
        known : Snapshot
        is_open : callable
            Tells whether the reviewer still has to decide on an image.
        before : iterable of FixGroup
            Groups of the same ranking that were shown. One is begun if some of its random images are decided
            and others of its images are not; if it still holds, it comes again as it was, and first.
        """
        ranking = known.ranking
        if ranking is None:
            return cls()
        suspects = _Suspects.of(ranking)

        def holds(group: FixGroup) -> bool:
            left = [name for name in group.names if name in known and is_open(name)]
            pairs = {suspects.pair(name, known) if name in suspects.label else None for name in left}
            return pairs == {group.pair} and not all(map(is_open, group.looks))

        begun = {group.id: group for group in before if holds(group)}
        done = {name for group in begun.values() for name in group.names}
        fresh = cls.find(known, lambda name: name not in done and is_open(name))
        return cls({**begun, **fresh.groups}, is_open)

    @property
    def names(self) -> list[str]:
        """All images, group by group."""
        return [name for group in self.groups.values() for name in group.names]

    def group_of(self, name: str) -> str | None:
        """Return the id of the group of an image; None if it has none."""
        group = self.by_name.get(name)
        return None if group is None else group.id

    @cached_property
    def by_name(self) -> dict[str, FixGroup]:
        """The group of each image."""
        return {name: group for group in self.groups.values() for name in group.names}

    def page_groups(self, names: Iterable[str], known: Snapshot) -> tuple[OneFix, ...]:
        """Describe the groups of a page, in the order of ``names``, with what was decided on them since."""
        ids = dict.fromkeys(group for name in names if (group := self.group_of(name)) is not None)
        if not ids:
            return ()
        looked = _looked(known, known.ranking)
        return tuple(self._as_decided(self.groups[each], known.state, looked) for each in ids)

    def relabels(self, known: Snapshot, names: Iterable[str], label: str | None) -> list[Choice]:
        """Turn the relabelling of a group, or of what a reviewer left in it, into choices.

        Parameters
        ----------
        known : Snapshot
        names : iterable of str
            Those images of one group that nobody has decided on, as the reviewer saw them.
        label : str or None
            The new label, as the reviewer saw it; None: the group's.

        Raises
        ------
        StoreError
            They are not of one group, or some of its random images have still to be looked at.
        OutdatedError
            Somebody has decided on one of them, or another label is meant.
        """
        listed = list(names)
        groups = {self.group_of(name) for name in listed}
        group = self.groups.get(groups.pop() or "") if len(groups) == 1 else None
        if group is None:
            msg = (
                "Only the images of one group can be relabelled together. Choose “groups with one fix” first."
            )
            raise StoreError(msg)
        if label not in (None, group.label):
            msg = "The group has another suggestion than the one you saw. Look at it, and decide again."
            raise OutdatedError(msg)
        if not all(map(self.is_open, listed)):
            msg = "Some of these images have been decided since you saw them. Look at them, and decide again."
            raise OutdatedError(msg)
        now = self._as_decided(group, known.state, _looked(known, known.ranking))
        if now.to_look:
            msg = f"Decide on the first {len(group.looks)} images of the group one by one, then on the rest."
            raise StoreError(msg)
        detail = {
            GROUP: group.id,
            "sure": SURE,
            "at_most": now.at_most,
            "looks": now.looks,
            "wrong": now.wrong,
        }
        return [known.choice(name, "relabel", group.label, detail=detail) for name in listed]

    def detail(self, name: str) -> dict[str, str] | None:
        """Return what to remember of a decision on one image: whether it was a random look, and of what."""
        group = self.by_name.get(name)
        return None if group is None else {LOOK if name in group.looks else GROUP: group.id}

    def _as_decided(
        self, group: FixGroup, state: ReviewState, looked: Mapping[Pair, Mapping[str, Looks]]
    ) -> OneFix:
        """Describe a group after what was decided on it."""
        decided = {name for name in group.names if not self.is_open(name)}
        right = {name for name in decided if _is_relabelled(state, name, group.label)}
        to_look = sum(name not in decided for name in group.looks)
        rest = sum(name not in decided for name in group.others)
        wrong = sum(name in decided - right for name in group.looks)
        found = sum(name in decided - right for name in group.others)
        at_most = None
        if not to_look and rest:
            before = {
                pair: [each for of, each in by_group.items() if of != group.id]
                for pair, by_group in looked.items()
            }
            own = Looks(group.expected, len(group.looks), wrong)
            at_most = RelabelModel(before).at_most(group.pair, own, rest=rest, found=found)
        return OneFix(
            id=group.id,
            size=len(group.names),
            given=group.given,
            label=group.label,
            looks=len(group.looks),
            to_look=to_look,
            wrong=wrong,
            rest=rest,
            at_most=at_most,
            relabelled=len(right),
        )


@dataclass(frozen=True)
class _Suspects:
    """What a ranking suggests, worked out once for each ranking: with many images that takes a while.

    ``probability`` is that of the suggested label, in the order of the ranking's names; ``likely`` the same
    by name, and ``label`` the suggested label, where it is probable enough for a cluster.
    """

    probability: NDArray[np.float32]
    likely: Mapping[str, float]
    label: Mapping[str, str]
    named_at: int

    @classmethod
    def of(cls, ranking: Ranking) -> _Suspects:
        found = _SUSPECTS.get(ranking)
        if found is None:
            probability, suggested = ranking.suggested_probability, ranking.suggested
            rows = np.flatnonzero(probability >= LEAST_PROBABLE).tolist()
            likely = {ranking.names[row]: float(probability[row]) for row in rows}
            label = {ranking.names[row]: ranking.classes[int(suggested[row])] for row in rows}
            found = _SUSPECTS[ranking] = cls(probability, likely, label, ranking.named_at)
        return found

    def pair(self, name: str, known: Snapshot) -> Pair | None:
        """Return the given and the suggested label of an image, under their present names, if they differ."""
        given = known.given(name)
        label = known.state.label_now(self.label[name], since_seq=self.named_at)
        return None if given is None or given == label else (given, label)


_SUSPECTS: WeakKeyDictionary[Ranking, _Suspects] = WeakKeyDictionary()


def _form(
    known: Snapshot, ranking: Ranking, clusters: Clusters, is_open: Callable[[str], bool], model: RelabelModel
) -> Iterable[FixGroup]:
    """Yield the groups: each cluster without what is decided or hardly probable, cut where it is too long."""
    suspects = _Suspects.of(ranking)
    rows = np.flatnonzero(
        (clusters.number >= 0) & (_present_probability(known, ranking, suspects) >= _PROBABLE)
    )
    rows = rows[[name in known and is_open(name) for name in (ranking.names[row] for row in rows)]]
    rows = rows[np.lexsort((clusters.place[rows], clusters.number[rows]))]
    ends = np.flatnonzero(np.diff(clusters.number[rows])) + 1
    for cluster in np.split(rows, ends):
        for part in np.array_split(cluster, math.ceil(len(cluster) / MOST)) if len(cluster) >= LEAST else ():
            names = [ranking.names[row] for row in part]
            pair = suspects.pair(names[0], known)
            if pair is not None:
                share = dict(zip(names, suspects.probability[part].tolist(), strict=True))
                yield _group(pair, share, model)


def _group(pair: Pair, probability: dict[str, float], model: RelabelModel) -> FixGroup:
    names = sorted(probability)
    expected = 1 - sum(probability.values()) / len(names)
    digest = hashlib.sha256("\0".join([*pair, *names]).encode("utf-8", "surrogateescape")).digest()
    # The same group has the same random images, however often it is shown.
    drawn = np.random.default_rng(list(digest)).permutation(len(names))
    drawn = drawn[: _looks_needed(pair, expected, len(names), model)]
    looks = tuple(names[i] for i in drawn)
    others = sorted(set(names) - set(looks), key=lambda name: (probability[name], name))
    return FixGroup(digest.hex()[:16], *pair, looks, tuple(others), expected, probability)


def _looks_needed(pair: Pair, expected: float, n: int, model: RelabelModel) -> int:
    """Return how many images to look at: so many that, all of them right, few of the rest can be wrong."""
    for looks in range(_LEAST_LOOKS, _MOST_LOOKS):
        own = Looks(expected, looks, 0)
        if model.at_most(pair, own, rest=n - looks) <= _FEW * (n - looks):
            return looks
    return _MOST_LOOKS


def _present_probability(known: Snapshot, ranking: Ranking, suspects: _Suspects) -> NDArray[np.float64]:
    """Return the probability of each suggested label in the light of the decisions."""
    probable = suspects.probability.astype(np.float64)
    _, now = known.scores()
    if now is None:
        return probable
    before = np.maximum(ranking.signals["pooled"].astype(np.float64), 1e-9)
    # What was learnt says how probable an error is, and nothing of which label is right if it is one.
    return np.asarray(np.nan_to_num(np.minimum(probable / before, 1) * now))


def _gain(group: FixGroup, model: RelabelModel) -> float:
    """Return how many more right labels there are expected to be when all of the group is relabelled."""
    return len(group.names) * (1 - 2 * model.share(group.pair, Looks(group.expected, 0, 0)))


# ---------------------------------------------------------------- what was decided


def _looked(known: Snapshot, ranking: Ranking | None) -> dict[Pair, dict[str, Looks]]:
    """Return what was decided one by one on images that a group may have had, by pair and by group.

    Random looks count for their group. What was decided on ordinary pages counts as one more group of its
    pair, with the empty id. What reviewers took out of a group was chosen for being wrong: it does not count.
    """
    if ranking is None:
        return {}
    suspects, state = _Suspects.of(ranking), known.state
    last = {
        event.name: event.detail
        for event in state.events
        if event.name in suspects.likely and event.model == ranking.model and event.is_decision
        if state.stands(event.act)
    }
    counts: dict[tuple[Pair, str], list[tuple[float, bool]]] = defaultdict(list)
    for name, detail in last.items():
        outcome, new_label = state.judgement(name) or ("", None)
        pair = suspects.pair(name, known)
        probable = suspects.likely[name] >= _PROBABLE
        if GROUP not in detail and pair is not None and probable and outcome in ("keep", "delete", "relabel"):
            right = outcome == "relabel" and new_label == pair[1]
            counts[pair, str(detail.get(LOOK, ""))].append((1 - suspects.likely[name], not right))
    looked: dict[Pair, dict[str, Looks]] = defaultdict(dict)
    for (pair, group), each in counts.items():
        expected = sum(share for share, _ in each) / len(each)
        looked[pair][group] = Looks(expected, len(each), sum(wrong for _, wrong in each))
    return looked


def _is_relabelled(state: ReviewState, name: str, label: str) -> bool:
    decision = state.of(name)
    return decision is not None and decision.outcome == "relabel" and decision.new_label == label
