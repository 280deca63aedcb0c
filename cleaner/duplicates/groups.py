"""`Similar`: the pairs of images that are alike; from them, groups of duplicates and leaks between splits."""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cleaner.duplicates.alignment import SAME
from cleaner.errors import RankingError
from cleaner.ranking.folds import components
from cleaner.util.arrays import load_arrays, save_arrays

LOOK_ALIKE = 0.94
"""The most that embeddings alone can give."""

FLOOR = 0.7
"""Pairs that are less similar are not kept: the lowest threshold."""

NOT_EXACT = 0.9999
"""The most that a pair can have that is not exact copies."""

_FORMAT = 1
_HIGHEST_SUGGESTION = 0.99
_WHOLE = 0.985  # overlap above which nothing was cropped; 3 of 300 pixels at each side leave .96
_SAME_SIZE = 0.01

GROUP_COLUMNS = (
    "group",
    "name",
    "label",
    "split",
    "kind",
    "similarity",
    "same_label",
    "leak",
    "width",
    "height",
    "suggested",
)
LEAK_COLUMNS = ("name", "split", "label", "twin", "twin_split", "twin_label", "kind", "similarity")

_SPLITS = frozenset({"train", "valid", "test"})
_LEARNT_FROM = {"valid": ("train",), "test": ("train", "valid")}
_HELD_OUT_FIRST = {"test": 0, "valid": 1}

Line = dict[str, Any]

Different = Collection[frozenset[str]]


@dataclass(frozen=True, kw_only=True)
class Similar:
    """Pairs of images that are alike. Make it with `cleaner.duplicates.pairs.find_similar`.

    Attributes
    ----------
    names : list of str
    labels : list of str or None
    splits : list of str or None
    contents : int64, shape (n,)
        Equal for exact copies.
    widths, heights : int64, shape (n,)
        Pixels.
    first, second : int64, shape (n_pairs,)
        Contents of each pair, ``first < second``.
    similarity : float32, shape (n_pairs,)
        `FLOOR` to `NOT_EXACT`, higher = more alike.
    overlap : float32, shape (n_pairs,)
        Share of the larger view that both show, 0..1; says something from `SAME` on.
    mirrored : bool, shape (n_pairs,)
    """

    names: list[str]
    labels: list[str | None]
    splits: list[str | None]
    contents: NDArray[np.int64]
    widths: NDArray[np.int64]
    heights: NDArray[np.int64]
    first: NDArray[np.int64]
    second: NDArray[np.int64]
    similarity: NDArray[np.float32]
    overlap: NDArray[np.float32]
    mirrored: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.names)

    def groups(
        self,
        threshold: float = SAME,
        *,
        different: Different = (),
        labels: Mapping[str, str | None] | None = None,
        without: Collection[str] = (),
    ) -> pd.DataFrame:
        """Join pairs into groups of which one image is to be kept.

        Parameters
        ----------
        threshold : float
            Similarity from which a pair counts, `FLOOR` to 1 (exact copies only).
        different : collection of frozenset of two str
            Pairs that somebody called different: ``store.state.different_pairs()``.
        labels : mapping of str to str or None, optional
            Labels that replace those of the catalog, such as an expert's corrections.
        without : collection of str
            Images to leave out, such as deleted ones.

        Returns
        -------
        DataFrame
            One row an image, groups one after the other: those across splits (leaks) first, then those with
            several labels, then by similarity. Columns:

            - ``group``: 1, 2, …
            - ``name``, ``label``, ``split``, ``width``, ``height`` (pixels)
            - ``kind``: "original" for the first of a group, which is the largest image, at equal size that
              of test, then valid; the others, as compared with it: "exact", "re-encoded" (or edited),
              "resized", "cropped", "mirrored", "look-alike"
            - ``similarity``: to the first of the group, or to whichever is nearest if they were not compared
            - ``same_label``, ``leak``: whether all of the group have one label; are of several splits
            - ``suggested``: "keep" for the first, "delete" for what is the same image as that, else ""; ""
              for all of a group with several labels: which one is right decides which image stays
        """
        here, rows_of = _present(self, labels, without)
        edges = self.edges(threshold, different, without)
        clusters = stars(self.first[edges], self.second[edges], self.similarity[edges], sure=SAME)
        seen = {content for cluster in clusters for content in cluster}
        clusters += [[c] for c, rows in rows_of.items() if len(rows) > 1 and c not in seen]
        apart = _apart(self, different)
        groups = []
        for cluster in clusters:
            rows = sorted((row for c in cluster for row in rows_of[c]), key=lambda row: _rank(self, row))
            parts = partition(rows, apart) if different else [rows]
            for part in parts:
                groups += [_group(self, own, here) for own in _hanging_together(self, part, rows)]
        groups.sort(
            key=lambda lines: (
                not lines[0]["leak"],
                lines[0]["same_label"],
                -min(line["similarity"] for line in lines),
            )
        )
        numbered = [{"group": g, **line} for g, lines in enumerate(groups, start=1) for line in lines]
        return pd.DataFrame(numbered, columns=list(GROUP_COLUMNS))

    def leaks(
        self,
        threshold: float = SAME,
        *,
        different: Different = (),
        labels: Mapping[str, str | None] | None = None,
        without: Collection[str] = (),
    ) -> pd.DataFrame:
        """Find images that a model is judged by and that it has seen in training, too.

        Parameters are those of `groups`.

        Returns
        -------
        DataFrame
            One row for each image of validation or test that has a twin in training, and each of test that
            has one in validation: ``name``, ``split``, ``label``, then of the most similar twin there
            ``twin``, ``twin_split``, ``twin_label``, ``kind`` and ``similarity``. Sorted by similarity, the
            highest first.
        """
        here, rows_of = _present(self, labels, without)
        near: defaultdict[int, list[tuple[int, float]]] = defaultdict(list)
        for pair in np.flatnonzero(self.edges(threshold, different, without)).tolist():
            first, second = int(self.first[pair]), int(self.second[pair])
            near[first].append((second, float(self.similarity[pair])))
            near[second].append((first, float(self.similarity[pair])))
        apart = _apart(self, different)
        lines = []
        for row in here:
            content = int(self.contents[row])
            for split in _LEARNT_FROM.get(self.splits[row] or "", ()):
                twins = [
                    (similarity, -twin)
                    for other, similarity in [(content, 1.0), *near[content]]
                    for twin in rows_of[other]
                    if self.splits[twin] == split and not apart(row, twin)
                ]
                if twins:
                    lines.append(_leak(self, row, -max(twins)[1], here))
        table = pd.DataFrame(lines, columns=list(LEAK_COLUMNS))
        return table.sort_values("similarity", ascending=False, kind="stable", ignore_index=True)

    def fold_groups(
        self, names: Sequence[str], threshold: float = SAME, *, different: Different = ()
    ) -> NDArray[np.int64]:
        """Give images that must stay in one fold the same number.

        Here chains count: no image may be judged by a model that saw a copy of it, however it is joined to
        the others. Exact copies always stay together.

        Parameters
        ----------
        names : sequence of str, length n
            In any order; images that are not known here stand alone.
        threshold, different
            See `groups`.

        Returns
        -------
        int64, shape (n,)
            The position of the first image of each group, fit for `cleaner.ranking.folds.make_folds`.
        """
        edges = self.edges(threshold, different)
        n = 1 + int(self.contents.max(initial=-1))
        home = components(n, self.first[edges], self.second[edges])
        position: dict[int, int] = {}
        units = np.arange(len(names), dtype=np.int64)
        for i, name in enumerate(names):
            row = self.row_of.get(name)
            if row is not None:
                units[i] = position.setdefault(int(home[self.contents[row]]), i)
        return units

    def edges(
        self, threshold: float = SAME, different: Different = (), gone: Collection[str] = ()
    ) -> NDArray[np.bool_]:
        """Tell which pairs count, bool, shape (n_pairs,): not those called different, nor those of the gone.

        Raises
        ------
        RankingError
            The threshold is out of range.
        """
        if not FLOOR <= threshold <= 1:
            msg = f"Got the similarity threshold {threshold}; expected {FLOOR} to 1, such as {SAME}."
            raise RankingError(msg)
        left = np.bincount(self.contents, minlength=1 + int(self.contents.max(initial=-1)))
        for name in set(gone) & self.row_of.keys():
            left[self.contents[self.row_of[name]]] -= 1
        counted = (
            (self.similarity >= np.float32(threshold)) & (left[self.first] > 0) & (left[self.second] > 0)
        )
        for first, second in self.apart(different):
            at = self.find(first, second)
            if at is not None:
                counted[at] = False
        return counted

    def apart(self, different: Different) -> set[tuple[int, int]]:
        """Return the pairs of contents, in order, of which some files were called different."""
        known = (pair for pair in different if pair <= self.row_of.keys())
        pairs = (sorted({int(self.contents[self.row_of[name]]) for name in pair}) for pair in known)
        return {(pair[0], pair[1]) for pair in pairs if len(pair) == 2}

    @cached_property
    def row_of(self) -> dict[str, int]:
        """Row of each name."""
        return {name: row for row, name in enumerate(self.names)}

    def find(self, first: int, second: int) -> int | None:
        """Return the place of a pair of contents; None if it was not compared, or is below `FLOOR`."""
        key = min(first, second) * len(self.names) + max(first, second)
        at = int(np.searchsorted(self._keys, key))
        return at if at < len(self._keys) and self._keys[at] == key else None

    @cached_property
    def _keys(self) -> NDArray[np.int64]:
        return self.first * len(self.names) + self.second

    def compare(self, reference: int, row: int) -> tuple[str, float] | None:
        """Return kind and similarity of an image as compared with another, both given by row.

        None if they were not compared, or are below `FLOOR`.
        """
        first, second = int(self.contents[reference]), int(self.contents[row])
        if first == second:
            return "exact", 1.0
        at = self.find(first, second)
        if at is None:
            return None
        similarity = float(self.similarity[at])
        if similarity < np.float32(SAME):
            return "look-alike", similarity
        if self.mirrored[at]:
            return "mirrored", similarity
        if self.overlap[at] < _WHOLE:
            return "cropped", similarity
        for sizes in (self.widths, self.heights):
            if abs(int(sizes[reference] - sizes[row])) > _SAME_SIZE * int(sizes[reference]):
                return "resized", similarity
        return "re-encoded", similarity

    @property
    def suggested_threshold(self) -> float:
        """`SAME` or, where different images of this set are as alike as copies (digits), more.

        It is the first of .95, .96, … .99 with few pairs within .01 below it, as compared with those above:
        there is a gap between copies and the rest. What embeddings alone say plays no part.
        """
        for threshold in np.arange(SAME, _HIGHEST_SUGGESTION, 0.01):
            above = int((self.similarity >= threshold).sum())
            below = (self.similarity > max(threshold - 0.01, LOOK_ALIKE)) & (self.similarity < threshold)
            if int(below.sum()) <= max(2, above // 8):
                return round(float(threshold), 2)
        return _HIGHEST_SUGGESTION

    def save(self, path: Path) -> Path:
        """Write everything to one ``.npz`` file, complete or not at all, and return its path."""
        head = {"format": _FORMAT, "names": self.names, "labels": self.labels, "splits": self.splits}
        save_arrays(path, head, {name: value for name, value in vars(self).items() if name in _ARRAYS})
        return path

    @classmethod
    def load(cls, path: Path) -> Similar:
        """Read what `save` wrote.

        Raises
        ------
        RankingError
            Nothing there, or a file this version cannot read.
        """
        head, arrays = load_arrays(
            path, required=_ARRAYS, format_number=_FORMAT, advice="Look for duplicates again."
        )
        known = {name: arrays[name] for name in _ARRAYS}
        return cls(names=head["names"], labels=head["labels"], splits=head["splits"], **known)


_ARRAYS = tuple(field.name for field in fields(Similar) if field.name not in ("names", "labels", "splits"))


def stars(
    i: NDArray[np.int64], j: NDArray[np.int64], similarity: NDArray[np.float32], *, sure: float
) -> list[list[int]]:
    """Group nodes around centres: whoever is in a group is alike to its centre, not just to somebody in it.

    Chains would join what is not alike at all (every frame of a film to the next one). The centre is the node
    that is most alike to those not yet in a group. A node whose neighbours all went to other centres joins
    its best one if that pair is sure, so that no sure pair stays unseen.

    Parameters
    ----------
    i, j : int64, shape (n_pairs,)
        The pairs that count.
    similarity : float32, shape (n_pairs,)
    sure : float
        Similarity from which a pair counts as the same image.

    Returns
    -------
    list of list of int
        Groups of two or more nodes, each with its centre first.
    """
    near: defaultdict[int, dict[int, float]] = defaultdict(dict)
    for a, b, s in zip(i.tolist(), j.tolist(), similarity.tolist(), strict=True):
        near[a][b] = near[b][a] = s
    home: dict[int, int] = {}
    groups: dict[int, list[int]] = {}
    heap = [(-sum(others.values()), node) for node, others in near.items()]
    heapq.heapify(heap)
    while heap:
        weight, node = heapq.heappop(heap)
        if node in home:
            continue
        free = {other: s for other, s in near[node].items() if other not in home}
        now = -sum(free.values())
        if now > weight + 1e-9:  # neighbours went elsewhere since
            if free:
                heapq.heappush(heap, (now, node))
            continue
        members = [node, *sorted(free, key=lambda other: (-free[other], other))]
        groups[node] = members
        home.update(dict.fromkeys(members, node))
    for node in sorted(near.keys() - home.keys()):
        best = max(near[node], key=lambda other: (near[node][other], -other))
        if near[node][best] >= sure:
            groups[home[best]].append(node)
    return list(groups.values())


def partition(members: Sequence[int], apart: Callable[[int, int], bool]) -> list[list[int]]:
    """Divide the members of a group so that no two stay together of whom ``apart`` is true.

    Each joins the first part that has room for it; parts of one are dropped.
    """
    parts: list[list[int]] = []
    for member in members:
        part = next((part for part in parts if not any(apart(member, other) for other in part)), None)
        if part is None:
            parts.append([member])
        else:
            part.append(member)
    return [part for part in parts if len(part) > 1]


def _present(
    similar: Similar, labels: Mapping[str, str | None] | None, without: Collection[str]
) -> tuple[dict[int, str | None], defaultdict[int, list[int]]]:
    """Return the labels, by row, and the rows, by content, of the images that are still there."""
    gone = set(without)
    here: dict[int, str | None] = {}
    rows_of: defaultdict[int, list[int]] = defaultdict(list)
    for row, (name, content) in enumerate(zip(similar.names, similar.contents.tolist(), strict=True)):
        if name not in gone:
            label = similar.labels[row]
            here[row] = label if labels is None else labels.get(name, label)
            rows_of[content].append(row)
    return here, rows_of


def _apart(similar: Similar, different: Different) -> Callable[[int, int], bool]:
    """Return the function that tells whether two images, by row, were called different."""
    names = set(different)
    contents = similar.apart(names)

    def apart(a: int, b: int) -> bool:
        first, second = sorted((int(similar.contents[a]), int(similar.contents[b])))
        return (first, second) in contents or frozenset((similar.names[a], similar.names[b])) in names

    return apart


def _hanging_together(similar: Similar, part: list[int], whole: Sequence[int]) -> list[list[int]]:
    """Divide a part of a group further where its members were alike only to one that is in another part."""
    if len(part) == len(whole):
        return [part]
    at = range(len(part))
    alike = [(i, j) for i in at for j in at[i + 1 :] if similar.compare(part[i], part[j])]
    first, second = np.array(alike, dtype=np.int64).reshape(-1, 2).T
    home = components(len(part), first, second).tolist()
    pieces = [[row for row, place in zip(part, home, strict=True) if place == i] for i in at]
    return [piece for piece in pieces if len(piece) > 1]


def _rank(similar: Similar, row: int) -> tuple[int, int, str]:
    """Which image of a group comes first: the largest; then one of test, then of validation."""
    area = int(similar.widths[row] * similar.heights[row])
    return -area, _HELD_OUT_FIRST.get(similar.splits[row] or "", 2), similar.names[row]


def _group(similar: Similar, rows: Sequence[int], labels: Mapping[int, str | None]) -> list[Line]:
    """Return the lines of one group, its first image first."""
    leak = len({similar.splits[row] for row in rows} & _SPLITS) > 1
    same_label = len({labels[row] for row in rows}) == 1
    lines = []
    for row in rows:
        kind, similarity, suggested = (
            ("original", 1.0, "keep") if row == rows[0] else _member(similar, rows, row)
        )
        lines.append(
            {
                "name": similar.names[row],
                "label": labels[row],
                "split": similar.splits[row],
                "kind": kind,
                "similarity": similarity,
                "same_label": same_label,
                "leak": leak,
                "width": int(similar.widths[row]),
                "height": int(similar.heights[row]),
                "suggested": suggested if same_label else "",
            }
        )
    return lines


def _member(similar: Similar, rows: Sequence[int], row: int) -> tuple[str, float, str]:
    """Return kind, similarity and suggestion for an image that is not the first of its group."""
    found = similar.compare(rows[0], row)
    if found is not None:
        return *found, "" if found[0] == "look-alike" else "delete"
    others = (similar.compare(other, row) for other in rows if other != row)
    kind, similarity = max((pair for pair in others if pair), key=lambda pair: pair[1])
    return kind, similarity, ""


def _leak(similar: Similar, row: int, twin: int, labels: Mapping[int, str | None]) -> Line:
    kind, similarity = similar.compare(twin, row) or ("look-alike", 0.0)
    return {
        "name": similar.names[row],
        "split": similar.splits[row],
        "label": labels[row],
        "twin": similar.names[twin],
        "twin_split": similar.splits[twin],
        "twin_label": labels[twin],
        "kind": kind,
        "similarity": similarity,
    }
