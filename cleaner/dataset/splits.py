"""Which images train, validate and test: drawn once, and never changed by other files coming or going.

- The first draw is stratified by class. Units are taken into the validation set in the order of a seeded hash
  of their content, each one if it brings the classes nearer to their share.
- A unit is what must stay together: exact duplicates, and files of one group (patient, specimen, source).
- A file that comes later joins its unit; a new unit is for validation if its hash lies below the share.
- Splits given by folders or by a column are honoured. Where they name no validation set, one is drawn from
  what they call the training set; a test set is never touched.
"""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence

import pandas as pd

from cleaner.dataset.label_sets import LabelSets
from cleaner.errors import CatalogError
from cleaner.util.natural import Key, natural_key

SPLITS = ("train", "valid", "test")

HELD_OUT = ("valid", "test")
"""Splits that are never drawn anew where folders or a column give them."""

PENDING = "pending"
"""What stands for the split of a file whose content is not hashed yet."""


def split_order(split: str) -> tuple[int, Key]:
    """Return by what to sort splits: train, valid, test, then others by name."""
    return (SPLITS.index(split) if split in SPLITS else len(SPLITS), natural_key(split))


def assign(
    table: pd.DataFrame,
    known: Mapping[str, str],
    *,
    valid_pct: float = 0.2,
    seed: int = 0,
    sets: LabelSets | None = None,
) -> dict[str, str]:
    """Give every file a split.

    Parameters
    ----------
    table : DataFrame
        One row a file: ``name``, ``label`` (None: unlabelled), ``hash`` (of the content; None: not known yet)
        and optionally ``group`` (None: in no group) and ``split`` (given by folders or a column; None: not
        given). Files that are gone may be among them, so that a file that was moved joins what it was.
    known : mapping of str to str
        Splits drawn earlier; they are not changed, unless validation or test is given for that very file.
    valid_pct : float
        Share of the files of each class that is for validation, 0 ≤ ``valid_pct`` < 1.
    seed : int
        Of the draw.
    sets : LabelSets, optional
        How several labels of a file are joined; by default each has one.

    Returns
    -------
    dict of str to str
        From name to ``"train"``, ``"valid"`` or ``"test"``. Absent are files that must wait for hashes: those
        without one and, before the first draw, all that are to be drawn.

    Raises
    ------
    CatalogError
        ``valid_pct`` is out of range, or a given split is unknown.
    """
    if not 0 <= valid_pct < 1:
        msg = f"Got valid_pct={valid_pct}; expected a share of at least 0 and less than 1, such as 0.2."
        raise CatalogError(msg)
    names: list[str] = table["name"].tolist()
    hashes = _texts(table, "hash")
    groups = _texts(table, "group")
    given = _texts(table, "split")
    splits = _settled(names, given, known)
    waiting = [i for i, name in enumerate(names) if name not in splits]
    drawn = (name in known for name, split in zip(names, given, strict=True) if split in (None, "train"))
    first = not any(drawn)
    if not waiting or (first and any(hashes[i] is None for i in waiting)):
        return splits

    free: list[list[int]] = []
    for unit in _units(hashes, groups):
        new = [i for i in unit if names[i] not in splits and hashes[i] is not None]
        if not new:
            continue
        if any(names[i] in splits for i in unit):
            _join(unit, new, names=names, hashes=hashes, groups=groups, given=given, splits=splits)
        else:
            free.append(new)

    places = [_place(unit, hashes, groups, seed) for unit in free]
    if first:
        labels = _texts(table, "label")
        classes = [(label,) if sets is None else sets.split(label) or (None,) for label in labels]
        chosen = _first_draw(free, places, classes, valid_pct)
    else:
        chosen = {u for u, place in enumerate(places) if place < valid_pct}
    for u, unit in enumerate(free):
        for i in unit:
            splits[names[i]] = "valid" if u in chosen else "train"
    return splits


def divided_groups(groups: Iterable[str | None], splits: Iterable[str | None]) -> dict[str, list[str]]:
    """Return the groups that are in more than one split, with these splits.

    Parameters
    ----------
    groups, splits : iterable of str or None
        One each a file; None: in no group, in no split, or not known yet.
    """
    found: defaultdict[str, set[str]] = defaultdict(set)
    for group, split in zip(groups, splits, strict=True):
        if group is not None and split in SPLITS:
            found[group].add(split)
    return {group: sorted(of, key=SPLITS.index) for group, of in found.items() if len(of) > 1}


def _texts(table: pd.DataFrame, column: str) -> list[str | None]:
    if column not in table:
        return [None] * len(table)
    values = table[column].astype(object).where(table[column].notna(), None).tolist()
    return [None if value is None or value == "" else str(value) for value in values]


def _settled(names: Sequence[str], given: Sequence[str | None], known: Mapping[str, str]) -> dict[str, str]:
    """Return the splits that need no draw."""
    unknown = set(given) - {None, *SPLITS}
    if unknown:
        msg = f"Got split {min(str(split) for split in unknown)!r}; expected one of {', '.join(SPLITS)}."
        raise CatalogError(msg)
    has_valid = "valid" in given
    splits = {}
    for name, split in zip(names, given, strict=True):
        if split in HELD_OUT:
            splits[name] = split
        elif name in known:
            splits[name] = known[name]
        elif split == "train" and has_valid:
            splits[name] = split
    return splits


def _units(hashes: Sequence[str | None], groups: Sequence[str | None]) -> Iterable[list[int]]:
    """Return the rows that must stay together: the connected parts of equal hashes and equal groups."""
    parent = list(range(len(hashes)))

    def root(i: int) -> int:
        while parent[i] != i:
            parent[i] = i = parent[parent[i]]
        return i

    for column in (hashes, groups):
        seen: dict[str, int] = {}
        for i, value in enumerate(column):
            if value is not None:
                parent[root(i)] = root(seen.setdefault(value, i))
    units: defaultdict[int, list[int]] = defaultdict(list)
    for i in range(len(hashes)):
        units[root(i)].append(i)
    return units.values()


def _join(
    unit: Sequence[int],
    new: Sequence[int],
    *,
    names: Sequence[str],
    hashes: Sequence[str | None],
    groups: Sequence[str | None],
    given: Sequence[str | None],
    splits: dict[str, str],
) -> None:
    """Add the splits of new rows: each joins its group, or else its duplicates, or else its unit."""
    votes: defaultdict[tuple[str, str | None], Counter[str]] = defaultdict(Counter)

    def keys(i: int) -> list[tuple[str, str | None]]:
        alike = [("content", hashes[i]), ("unit", None)]
        return alike if groups[i] is None else [("group", groups[i]), *alike]

    def count(i: int) -> None:
        for key in keys(i):
            votes[key][splits[names[i]]] += 1

    for i in unit:
        if names[i] in splits:
            count(i)
    for i in new:
        counts = next(votes[key] for key in keys(i) if key in votes)
        split = max(SPLITS, key=counts.__getitem__)
        # What is given as training set may be divided, but its files never test.
        splits[names[i]] = "train" if split == "test" and given[i] == "train" else split
        count(i)


def _place(
    unit: Sequence[int], hashes: Sequence[str | None], groups: Sequence[str | None], seed: int
) -> float:
    """Return the unit's place from 0 to 1: a seeded hash of its first group or, without one, content."""
    identity = min((f"group:{groups[i]}" for i in unit if groups[i] is not None), default=None) or min(
        f"content:{hashes[i]}" for i in unit
    )
    digest = hashlib.sha256(f"{seed}:{identity}".encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64


def _first_draw(
    units: Sequence[Sequence[int]],
    places: Sequence[float],
    classes: Sequence[Sequence[str | None]],
    valid_pct: float,
) -> set[int]:
    """Choose the units for validation: by place, each if the classes come nearer to their share.

    "Nearer" is the sum over classes of the squared difference in files; for units of one class this leaves
    each class within half a unit of its share.
    """
    counts = [Counter(label for i in unit for label in classes[i]) for unit in units]
    missing: defaultdict[str | None, float] = defaultdict(float)
    for count in counts:
        for label, n in count.items():
            missing[label] += valid_pct * n
    chosen = set()
    for u in sorted(range(len(units)), key=places.__getitem__):
        if sum(n * n - 2 * n * missing[label] for label, n in counts[u].items()) < 0:
            chosen.add(u)
            for label, n in counts[u].items():
                missing[label] -= n
    return chosen
