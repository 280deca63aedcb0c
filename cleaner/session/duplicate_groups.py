"""Groups of copies as the page shows them, and what deciding on one comes to."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations, groupby
from typing import TYPE_CHECKING, Any

from cleaner.review.labels import PresentLabels
from cleaner.session.cells import Group
from cleaner.util.wording import count

if TYPE_CHECKING:
    from cleaner.review import ReviewState
    from cleaner.session.findings import Findings

__all__ = ["Copies", "Copy", "gone_and_labels"]

_KINDS = {
    "exact": "exact copy",
    "re-encoded": "saved again or edited",
    "resized": "resized",
    "cropped": "cropped",
    "mirrored": "mirrored",
    "look-alike": "looks alike",
}


@dataclass(frozen=True, slots=True)
class Copy:
    """One picture of a group.

    Parameters
    ----------
    name : str
    group : int
        1, 2, …
    advice : str
        ``keep``, ``delete`` or empty.
    remarks : tuple of str
        How it is like the first of its group, its split, its size.
    """

    name: str
    group: int
    advice: str
    remarks: tuple[str, ...]


@dataclass(frozen=True)
class Copies:
    """The groups at one threshold, as they were when the view was opened.

    Parameters
    ----------
    threshold : float
        Similarity from which two pictures count as copies.
    by_name : mapping of str to Copy
        In the order of the view, groups one after the other.
    titles : mapping of int to (str, tuple of str)
        What stands beside each group: how many pictures, and what is to be known about them.
    """

    threshold: float
    by_name: Mapping[str, Copy] = field(default_factory=dict)
    titles: Mapping[int, tuple[str, tuple[str, ...]]] = field(default_factory=dict)

    @classmethod
    def find(cls, found: Findings, threshold: float | None) -> Copies:
        """Form the groups of what is not deleted; pairs that somebody called different stay apart.

        Raises
        ------
        RankingError
            The threshold is out of range.
        """
        if found.checks is None:
            return cls(1.0)
        similar = found.checks.similar
        threshold = similar.suggested_threshold if threshold is None else threshold
        gone, labels = gone_and_labels(found)
        table = similar.groups(
            threshold, different=found.state.different_pairs(), labels=labels, without=gone
        )
        by_name: dict[str, Copy] = {}
        titles: dict[int, tuple[str, tuple[str, ...]]] = {}
        table = table.astype(object).where(table.notna(), None)  # which makes a NaN of a label that is none
        lines = [{str(key): value for key, value in line.items()} for line in table.to_dict("records")]
        for group, members in groupby(lines, key=lambda line: int(line["group"])):
            listed = list(members)
            titles[group] = _title(listed)
            by_name |= {line["name"]: _copy(line) for line in listed}
        return cls(threshold, by_name, titles)

    @property
    def names(self) -> list[str]:
        """All pictures, group by group."""
        return list(self.by_name)

    def group_of(self, name: str) -> int | None:
        """Return the number of the group of a picture; None if it has none."""
        copy = self.by_name.get(name)
        return None if copy is None else copy.group

    def members(self, group: int | None) -> list[str]:
        """Return the pictures of a group, the one to keep first."""
        return [name for name, copy in self.by_name.items() if copy.group == group]

    def others(self, kept: Sequence[str]) -> dict[str, str]:
        """Return what is left of the groups of some pictures, each with the picture that is kept for it."""
        stays = set(kept)
        first = {self.group_of(name): name for name in reversed(kept)}
        copies = self.by_name.values()
        return {c.name: first[c.group] for c in copies if c.group in first and c.name not in stays}

    def superfluous(self, names: Iterable[str]) -> dict[str, str]:
        """Return the pictures that are the same as the first of their group, for the groups of ``names``."""
        groups = {self.group_of(name) for name in names} - {None}
        first = {group: self.members(group)[0] for group in groups}
        copies = self.by_name.values()
        return {c.name: first[c.group] for c in copies if c.group in first and c.advice == "delete"}

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

    def group_cells(self, names: Iterable[str], state: ReviewState) -> tuple[Group, ...]:
        """Describe the groups of a page, in the order of ``names``, with what was decided on them since."""
        different = state.different_pairs()
        groups = dict.fromkeys(self.group_of(name) for name in names)
        return tuple(
            Group(
                id=str(group),
                title=self.titles[group][0],
                marks=self.titles[group][1],
                settled=self._settled(self.members(group), state, different),
            )
            for group in groups
            if group is not None
        )

    @staticmethod
    def _settled(members: Sequence[str], state: ReviewState, different: Collection[frozenset[str]]) -> str:
        outcomes = (state.of(name) for name in members)
        gone = sum(decision is not None and decision.outcome == "delete" for decision in outcomes)
        if gone:
            left = len(members) - gone
            return f"{left} of {len(members)} kept" if left else "all deleted"
        pairs = [frozenset(pair) for pair in combinations(members, 2)]
        apart = sum(pair in different for pair in pairs)
        if not apart:
            return ""
        return "not duplicates" if apart == len(pairs) else "some are not duplicates"


def gone_and_labels(found: Findings) -> tuple[set[str], dict[str, str | None]]:
    """Return what is there no more, by decision or as a file, and the other labels as decided."""
    present = PresentLabels.of(found.catalog, found.state)
    gone = set(present.deleted)
    if found.checks is not None:
        gone |= set(found.checks.similar.names) - set(present.names)
    return gone, present.by_name()


def _title(members: Sequence[Mapping[str, Any]]) -> tuple[str, tuple[str, ...]]:
    marks = []
    if members[0]["leak"]:
        splits = sorted({str(line["split"]) for line in members}, key=_place_of_split)
        marks.append(f"leak: {' and '.join(splits)}")
    if not members[0]["same_label"]:
        labels = dict.fromkeys(line["label"] or "no label" for line in members)
        marks.append(f"{len(labels)} labels: {' or '.join(labels)}?")
    if not any(line["suggested"] == "delete" for line in members):
        marks.append("only look alike")
    return count(len(members), "picture"), tuple(marks)


def _place_of_split(split: str) -> tuple[int, str]:
    known = ("train", "valid", "test")
    return (known.index(split) if split in known else len(known)), split


def _copy(line: Mapping[str, Any]) -> Copy:
    size = f"{line['width']:,} × {line['height']:,}"
    where = f"{line['split']} · {size}" if line["split"] else size
    remarks = [where]
    # Which of two labels is right is for the reviewer to say, and with it which picture stays.
    advice = line["suggested"] if line["same_label"] else ""
    if line["kind"] != "original":
        share = "" if line["kind"] == "exact" else f" · {100 * line['similarity']:.0f} %"
        remarks.insert(0, f"{_KINDS[line['kind']]}{share}")
    return Copy(line["name"], int(line["group"]), advice, tuple(remarks))
