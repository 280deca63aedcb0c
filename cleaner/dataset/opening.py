"""Make a listing into a catalog: leave out what is broken, and give every image its split."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from cleaner.dataset.catalog import Catalog
from cleaner.dataset.file_index import FileIndex
from cleaner.dataset.splits import PENDING, assign
from cleaner.errors import CatalogError

__all__ = ["leave_out_broken", "with_splits"]

logger = logging.getLogger(__name__)


def leave_out_broken(listed: Catalog, index: FileIndex) -> Catalog:
    """Leave out the files that cannot be used, as far as the index knows.

    Raises
    ------
    CatalogError
        None can be used.
    """
    known = index.table().set_index("name")["problem"].reindex(listed.names)
    problems = {
        name: problem for name, problem in zip(listed.names, known, strict=True) if isinstance(problem, str)
    }
    usable = listed.leave_out(problems)
    if not len(usable):
        name, problem = next(iter(problems.items()))
        msg = f"None of the {len(listed)} pictures in {listed.root} can be used; {name}: {problem}."
        raise CatalogError(msg)
    return usable


def with_splits(catalog: Catalog, index: FileIndex, *, earlier: Path, valid_pct: float, seed: int) -> Catalog:
    """Give every image its split: as remembered, given, or drawn; "pending" before its content is known.

    Parameters
    ----------
    catalog : Catalog
        The usable images, with the splits that folders or a column give.
    index : FileIndex
        Knows contents and earlier splits, and remembers new ones.
    earlier : Path
        The result of earlier work (``cleaned.csv``): source of splits if the index has none. Need not exist.
    valid_pct : float
        Share of validation images in each class.
    seed : int
        Of the draw.
    """
    given = dict(zip(catalog.names, catalog.splits, strict=True))
    known = _known(catalog, index, given, earlier)
    hashes = index.table().set_index("name")["hash"]
    # Files that are gone take part, so that one that was moved joins what it was.
    gone = [name for name in known if name not in given and name in hashes.index]
    none = [None] * len(gone)
    groups = [None] * len(catalog) if catalog.groups is None else catalog.groups
    rows = {
        "name": [*catalog.names, *gone],
        "label": [*catalog.labels, *none],
        "split": [*catalog.splits, *none],
        "hash": hashes.reindex([*catalog.names, *gone]).tolist(),
        "group": [*groups, *none],
    }
    splits = assign(pd.DataFrame(rows, dtype=object), known, valid_pct=valid_pct, seed=seed)
    new = {name: split for name, split in splits.items() if name in given and known.get(name) != split}
    if new:
        index.set_splits(new, given=given)
        stored = index.splits()
        splits |= {name: stored[name][0] for name in new}  # another process may have been first
    return catalog.with_splits({name: splits.get(name, PENDING) for name in given})


def _known(
    catalog: Catalog, index: FileIndex, given: Mapping[str, str | None], earlier: Path
) -> dict[str, str]:
    """Return the splits drawn earlier, as far as what is given for the file is what it was then."""
    remembered = index.splits()
    if remembered or not earlier.is_file():
        return {
            name: split
            for name, (split, was_given) in remembered.items()
            if name not in given or given[name] == was_given
        }
    try:  # the state is lost, the result of earlier work is not
        result = Catalog.from_csv(earlier, root=catalog.root, follow_links=catalog.follow_links)
    except CatalogError as exc:
        logger.warning("Cannot take the earlier splits from %s: %s", earlier, exc)
        return {}
    found = {
        name: split
        for name, split in zip(result.names, result.splits, strict=True)
        if split is not None and given.get(name) not in ("valid", "test")
    }
    index.set_splits(found, given=given)
    return found
