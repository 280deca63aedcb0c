"""The catalog of a large set as it was when it was open last, in columns that are read at once.

It stands as long as everything is as it was that a catalog is made of: the names, sizes and times of all
files (`cleaner.dataset.fingerprint`), the table of labels, the index of files, and what was told of them.
Else the catalog is made anew. It is a copy: whoever deletes it loses nothing but time.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cleaner.dataset.catalog import Catalog
from cleaner.dataset.file_index import FileIndex
from cleaner.dataset.findings import Finding
from cleaner.dataset.folders import is_ignored
from cleaner.dataset.hashes import Hashes
from cleaner.dataset.label_sets import LabelForm, LabelSets
from cleaner.dataset.layout import Layout
from cleaner.errors import RankingError
from cleaner.util.arrays import load_arrays, pack_texts, save_arrays, unpack_texts

logger = logging.getLogger(__name__)

_FORMAT = 1


class Recalled(NamedTuple):
    """What was remembered.

    Attributes
    ----------
    catalog : Catalog
    hashes : Hashes
        The contents of all files that the index knew.
    """

    catalog: Catalog
    hashes: Hashes


class CatalogMemory:
    """The catalog of the set that was open last, in a state folder.

    Parameters
    ----------
    state : Path
        The state folder.
    """

    def __init__(self, state: Path) -> None:
        self._path = state / "catalog.npz"

    def recall(self, made_of: Mapping[str, Any], root: Path) -> Recalled | None:
        """Return what was remembered, if it was made of the same.

        Parameters
        ----------
        made_of : mapping
            Fit for JSON; see `Dataset`.
        root : Path
            The folder of the set.
        """
        if not self._path.exists():
            return None
        try:
            head, arrays = load_arrays(self._path, required=(), format_number=_FORMAT, advice="")
            if head["made_of"] != _as_read(made_of):
                return None
            return _unpacked(head, arrays, root)
        except (RankingError, ValueError, KeyError, TypeError) as exc:
            logger.warning("%s cannot be read, so the catalog is made anew: %s", self._path, exc)
            return None

    def write(self, made_of: Mapping[str, Any], catalog: Catalog, index: FileIndex) -> Hashes | None:
        """Remember a catalog, if the index says the same of each image; failing at it costs a log line.

        Returns
        -------
        Hashes or None
            The contents of all files; None if nothing is remembered.
        """
        stamp = made_of["index"]
        hashes = _agreed(catalog, index)
        if hashes is None or not _can_be_seen(catalog) or index.stamp() != stamp:
            return None
        try:
            head, arrays = _packed(catalog, hashes)
            save_arrays(self._path, {"format": _FORMAT, "made_of": made_of, **head}, arrays)
        except (OSError, ValueError, TypeError) as exc:
            logger.warning("%s cannot be written: %s", self._path, exc)
            return None
        return hashes


def _as_read(value: Any) -> Any:
    return json.loads(json.dumps(value))


def _agreed(catalog: Catalog, index: FileIndex) -> Hashes | None:
    """Return the contents of all files; None unless the index knows all of the set as the catalog does."""
    splits = dict(zip(catalog.names.tolist(), catalog.splits.tolist(), strict=True))
    left_out = set(catalog.left_out["name"])
    names: list[str] = []
    digests: list[str] = []
    agreed = 0
    for name, digest, split, problem in index.facts():
        if digest is None and (name in splits or name in left_out):
            return None  # it is tried again each time
        if digest is not None:
            names.append(name)
            digests.append(digest)
        if name in splits and split == splits[name] and problem is None:
            agreed += 1
    if agreed < len(splits):
        return None
    own = catalog.names.tolist()
    return Hashes(own if own == names else names, np.array(digests, dtype="S"))


def _can_be_seen(catalog: Catalog) -> bool:
    """Whether no name leads where a fingerprint does not look, as a table may."""
    if catalog.layout is not None:
        return True
    folders = {name.rpartition("/")[0] for name in (*catalog.names, *map(str, catalog.left_out["name"]))}
    return not any(is_ignored(part) for folder in folders for part in folder.replace("\\", "/").split("/"))


# ---------------------------------------------------------------- columns


def _packed(catalog: Catalog, hashes: Hashes) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Return a catalog as a head and arrays; raises `ValueError` or `TypeError` where that cannot be."""
    columns = [str(column) for column in catalog.table.columns]
    arrays: dict[str, NDArray[Any]] = {}
    for at, column in enumerate(columns):
        texts = catalog.table[column]
        arrays |= pack_texts(f"column {at}", texts.astype(object).where(texts.notna(), None).tolist())
    for column in catalog.left_out.columns:
        arrays |= pack_texts(f"left out {column}", catalog.left_out[column].tolist())
    own = hashes.names == catalog.names.tolist()
    if not own:
        arrays |= pack_texts("hashed", hashes.names)
    sets, form = catalog.label_sets, catalog.label_form
    head = {
        "columns": columns,
        "dtypes": [str(dtype) for dtype in catalog.table.dtypes],
        "findings": [finding.record(len(finding.examples)) for finding in catalog.findings],
        "layout": None if catalog.layout is None else catalog.layout.to_json(),
        "label_sets": None if sets is None else asdict(sets),
        "label_form": None if form is None else asdict(form),
        "group_column": catalog.group_column,
        "follow_links": catalog.follow_links,
        "own_names": own,
    }
    return head, arrays | {"digests": hashes.digests}


def _unpacked(head: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]], root: Path) -> Recalled:
    """Return what `_packed` was given."""
    columns = {
        column: pd.Series(unpack_texts(f"column {at}", arrays), dtype=object).astype(dtype)
        for at, (column, dtype) in enumerate(zip(head["columns"], head["dtypes"], strict=True))
    }
    left_out = {column: unpack_texts(f"left out {column}", arrays) for column in ("name", "reason")}
    sets, form, layout = (head[key] for key in ("label_sets", "label_form", "layout"))
    catalog = Catalog.of_checked(
        pd.DataFrame(columns),
        root=root,
        left_out=pd.DataFrame(left_out, dtype=object),
        group_column=head["group_column"],
        follow_links=head["follow_links"],
        findings=[Finding.of_record(record) for record in head["findings"]],
        layout=None if layout is None else Layout.from_json(layout),
        label_sets=None if sets is None else LabelSets(**sets),
        label_form=None if form is None else _form(form),
    )
    names = catalog.names if head["own_names"] else unpack_texts("hashed", arrays)
    return Recalled(catalog, Hashes(names.tolist(), arrays["digests"]))


def _form(record: Mapping[str, Any]) -> LabelForm:
    texts = {name: tuple(pair) for name, pair in record["texts"].items()}
    return LabelForm(**{**record, "brackets": tuple(record["brackets"]), "texts": texts})
