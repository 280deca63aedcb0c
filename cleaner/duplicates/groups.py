"""Tables of duplicates: groups of which one image is to be kept, and leaks between splits."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from cleaner.duplicates.alignment import SAME
from cleaner.ranking.clusters import components, partition, stars

if TYPE_CHECKING:
    from cleaner.duplicates.similar import Similar

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


@dataclass
class _Present:
    """The images that are still there."""

    labels: dict[int, str | None] = field(default_factory=dict)  # by row
    rows: defaultdict[int, list[int]] = field(default_factory=lambda: defaultdict(list))  # by content


def group_table(
    similar: Similar,
    threshold: float,
    different: Collection[frozenset[str]],
    labels: Mapping[str, str | None] | None,
    without: Collection[str],
) -> pd.DataFrame:
    """Do the work of `Similar.groups`."""
    present = _present(similar, labels, without)
    edges = similar.edges(threshold, different, without)
    clusters = stars(similar.first[edges], similar.second[edges], similar.similarity[edges], sure=SAME)
    seen = {content for cluster in clusters for content in cluster}
    clusters += [[c] for c, rows in present.rows.items() if len(rows) > 1 and c not in seen]
    apart = _apart(similar, different)
    groups = []
    for cluster in clusters:
        rows = sorted((row for c in cluster for row in present.rows[c]), key=lambda row: _rank(similar, row))
        parts = partition(rows, apart) if different else [rows]
        for part in parts:
            groups += [_group(similar, own, present.labels) for own in _hanging_together(similar, part, rows)]
    groups.sort(key=lambda lines: (not lines[0]["leak"], lines[0]["same_label"], -_least(lines)))
    numbered = [{"group": g, **line} for g, lines in enumerate(groups, start=1) for line in lines]
    return pd.DataFrame(numbered, columns=list(GROUP_COLUMNS))


def leak_table(
    similar: Similar,
    threshold: float,
    different: Collection[frozenset[str]],
    labels: Mapping[str, str | None] | None,
    without: Collection[str],
) -> pd.DataFrame:
    """Do the work of `Similar.leaks`."""
    present = _present(similar, labels, without)
    near: defaultdict[int, list[tuple[int, float]]] = defaultdict(list)
    for pair in np.flatnonzero(similar.edges(threshold, different, without)).tolist():
        first, second = int(similar.first[pair]), int(similar.second[pair])
        near[first].append((second, float(similar.similarity[pair])))
        near[second].append((first, float(similar.similarity[pair])))
    apart = _apart(similar, different)
    lines = []
    for row in present.labels:
        content = int(similar.contents[row])
        for split in _LEARNT_FROM.get(similar.splits[row] or "", ()):
            twins = [
                (similarity, -twin)
                for other, similarity in [(content, 1.0), *near[content]]
                for twin in present.rows[other]
                if similar.splits[twin] == split and not apart(row, twin)
            ]
            if twins:
                lines.append(_leak(similar, row, -max(twins)[1], present.labels))
    table = pd.DataFrame(lines, columns=list(LEAK_COLUMNS))
    return table.sort_values("similarity", ascending=False, kind="stable", ignore_index=True)


def _present(similar: Similar, labels: Mapping[str, str | None] | None, without: Collection[str]) -> _Present:
    gone = set(without)
    present = _Present()
    for row, (name, content) in enumerate(zip(similar.names, similar.contents.tolist(), strict=True)):
        if name not in gone:
            label = similar.labels[row]
            present.labels[row] = label if labels is None else labels.get(name, label)
            present.rows[content].append(row)
    return present


def _apart(similar: Similar, different: Collection[frozenset[str]]) -> Callable[[int, int], bool]:
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
        line = {
            "name": similar.names[row],
            "label": labels[row],
            "split": similar.splits[row],
            "kind": kind,
            "similarity": similarity,
            "same_label": same_label,
            "leak": leak,
            "width": int(similar.widths[row]),
            "height": int(similar.heights[row]),
            "suggested": suggested,
        }
        lines.append(line)
    return lines


def _member(similar: Similar, rows: Sequence[int], row: int) -> tuple[str, float, str]:
    """Return kind, similarity and suggestion for an image that is not the first of its group."""
    found = similar.compare(rows[0], row)
    if found is not None:
        return *found, "" if found[0] == "look-alike" else "delete"
    others = (similar.compare(other, row) for other in rows if other != row)
    kind, similarity = max((pair for pair in others if pair), key=lambda pair: pair[1])
    return kind, similarity, ""


def _least(lines: Sequence[Line]) -> float:
    return float(min(line["similarity"] for line in lines))


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
