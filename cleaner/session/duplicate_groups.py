"""Groups of duplicates as the page shows them, and what deciding on one comes to."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations, groupby
from typing import Any

from cleaner.dataset.splits import split_order
from cleaner.review import ReviewState
from cleaner.review.labels import PresentLabels
from cleaner.session.cells import DuplicateRemark, Group
from cleaner.session.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class Duplicate:
    """One image of a group.

    Parameters
    ----------
    name : str
    group : int
        1, 2, …
    advice : str
        ``keep``, ``delete`` or empty.
    remark : DuplicateRemark
    """

    name: str
    group: int
    advice: str
    remark: DuplicateRemark


@dataclass(frozen=True)
class DuplicateGroups:
    """The groups at one threshold, as they were when the view was opened.

    Parameters
    ----------
    threshold : float
        Similarity from which two images count as duplicates.
    by_name : mapping of str to Duplicate
        In the order of the view, groups one after the other.
    groups : mapping of int to Group
        Each group as it was before anything was decided on it.
    """

    threshold: float = 1.0
    by_name: Mapping[str, Duplicate] = field(default_factory=dict)
    groups: Mapping[int, Group] = field(default_factory=dict)

    @classmethod
    def find(cls, known: Snapshot, threshold: float | None) -> DuplicateGroups:
        """Form the groups of what is not deleted; pairs that somebody called different stay apart.

        For any thread: 50,000 images take half a second.

        Raises
        ------
        RankingError
            The threshold is out of range.
        """
        if known.checks is None:
            return cls()
        similar = known.checks.similar
        threshold = similar.suggested_threshold if threshold is None else threshold
        gone, labels = gone_and_labels(known)
        table = similar.groups(
            threshold, different=known.state.different_pairs(), labels=labels, without=gone
        )
        by_name: dict[str, Duplicate] = {}
        groups: dict[int, Group] = {}
        table = table.astype(object).where(table.notna(), None)  # a missing label came as NaN
        lines = [{str(key): value for key, value in line.items()} for line in table.to_dict("records")]
        for number, members in groupby(lines, key=lambda line: int(line["group"])):
            listed = list(members)
            groups[number] = _group(number, listed)
            by_name |= {line["name"]: _duplicate(line) for line in listed}
        return cls(threshold, by_name, groups)

    @property
    def names(self) -> list[str]:
        """All images, group by group."""
        return list(self.by_name)

    def group_of(self, name: str) -> int | None:
        """Return the number of the group of an image; None if it has none."""
        found = self.by_name.get(name)
        return None if found is None else found.group

    def members(self, group: int | None) -> list[str]:
        """Return the images of a group, the one to keep first."""
        return [name for name, each in self.by_name.items() if each.group == group]

    def others(self, kept: Sequence[str]) -> dict[str, str]:
        """Return what is left of the groups of some images, each with the one that is kept for it."""
        stays = set(kept)
        first = {self.group_of(name): name for name in reversed(kept)}
        every = self.by_name.values()
        return {c.name: first[c.group] for c in every if c.group in first and c.name not in stays}

    def superfluous(self, names: Iterable[str]) -> dict[str, str]:
        """Return the images that are the same as the first of their group, for the groups of ``names``."""
        groups = {self.group_of(name) for name in names} - {None}
        first = {group: self.members(group)[0] for group in groups}
        every = self.by_name.values()
        return {c.name: first[c.group] for c in every if c.group in first and c.advice == "delete"}

    def different(self, names: Sequence[str]) -> dict[str, list[str]]:
        """Return the pairs that are called different, each first name with its others.

        Where some of a group are named they are different from the rest of it, and from each other; where one
        alone is named, the whole group is no group.
        """
        pairs: dict[str, list[str]] = {}
        for group in dict.fromkeys(self.group_of(name) for name in names):
            members = self.members(group) if group is not None else []
            named = {name for name in names if name in set(members)}
            chosen = set(members) if len(named) == 1 else named
            for first, second in combinations(members, 2):
                if first in chosen or second in chosen:
                    pairs.setdefault(first, []).append(second)
        return pairs

    def page_groups(self, names: Iterable[str], state: ReviewState) -> tuple[Group, ...]:
        """Describe the groups of a page, in the order of ``names``, with what was decided on them since."""
        different = state.different_pairs()
        numbers = dict.fromkeys(number for name in names if (number := self.group_of(name)) is not None)
        return tuple(self._as_decided(number, state, different) for number in numbers)

    def _as_decided(self, number: int, state: ReviewState, different: Collection[frozenset[str]]) -> Group:
        group, members = self.groups[number], self.members(number)
        outcomes = (state.of(name) for name in members)
        gone = sum(decision is not None and decision.outcome == "delete" for decision in outcomes)
        if gone:
            return replace(group, kept=len(members) - gone)
        pairs = [frozenset(pair) for pair in combinations(members, 2)]
        apart = sum(pair in different for pair in pairs)
        return replace(group, different="" if not apart else "all" if apart == len(pairs) else "some")


def gone_and_labels(known: Snapshot) -> tuple[set[str], dict[str, str | None]]:
    """Return what is there no more, by decision or as a file, and the other labels as decided."""
    present = PresentLabels.of(known.catalog, known.state)
    gone = set(present.deleted)
    if known.checks is not None:
        gone |= set(known.checks.similar.names) - set(present.names)
    return gone, present.by_name()


def _group(number: int, members: Sequence[Mapping[str, Any]]) -> Group:
    splits = {str(line["split"]) for line in members} if members[0]["leak"] else set()
    labels = () if members[0]["same_label"] else tuple(dict.fromkeys(line["label"] for line in members))
    return Group(
        id=str(number),
        size=len(members),
        leak=tuple(sorted(splits, key=split_order)),
        labels=labels,
        only_alike=all(line["kind"] in ("original", "look-alike") for line in members),
    )


def _duplicate(line: Mapping[str, Any]) -> Duplicate:
    remark = DuplicateRemark(
        line["kind"], float(line["similarity"]), line["split"], int(line["width"]), int(line["height"])
    )
    return Duplicate(line["name"], int(line["group"]), line["suggested"], remark)
