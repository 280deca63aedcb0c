"""The images that are ranked, as arrays: labels, copies, features and neighbours."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cleaner.dataset.catalog import Catalog
from cleaner.embedding.pipeline import Embeddings
from cleaner.errors import RankingError
from cleaner.ranking.features import FeatureMap, Floats
from cleaner.ranking.folds import join_units, units_of
from cleaner.ranking.neighbours import Voters, find_voters
from cleaner.util.progress import Reporter


@dataclass(frozen=True)
class Items:
    """The images to rank, as arrays.

    ``codes`` are columns of their labels, ``origin`` of those before the expert's corrections, ``places``
    their rows in the catalog, ``before`` the labels in the catalog, ``sure`` marks labels known to be right.
    """

    names: list[str]
    splits: list[str]
    given: list[str | None]
    before: list[str | None]
    classes: list[str]
    codes: NDArray[np.int64]
    origin: NDArray[np.int64]
    places: list[int]
    sure: NDArray[np.bool_]

    @property
    def learn(self) -> NDArray[np.bool_]:
        """Labelled images outside the test split; all labelled ones if there are no others."""
        labelled = self.codes >= 0
        learn = labelled & (np.array(self.splits, dtype=object) != "test")
        return learn if learn.any() else labelled


def seen_by_all(views: Sequence[Embeddings]) -> set[str]:
    """Return the images that every network has seen."""
    return set.intersection(*(set(view.names) for view in views))


def items_of(
    catalog: Catalog, usable: Collection[str], labels: Mapping[str, str | None], trusted: set[str]
) -> Items:
    """Gather the usable images."""
    names, splits, given, before, places = [], [], [], [], []
    columns = zip(catalog.names, catalog.labels, catalog.splits, strict=True)
    for place, (name, label, split) in enumerate(columns):
        if name in usable:
            names.append(str(name))
            splits.append(str(split))
            before.append(_label(label))
            given.append(_label(labels.get(name, label)))
            places.append(place)
    classes = sorted({label for label in given if label is not None})
    index: dict[str | None, int] = {c: i for i, c in enumerate(classes)}
    codes = np.array([index.get(label, -1) for label in given], dtype=np.int64)
    origin = np.array([index.get(label, -1) for label in before], dtype=np.int64)
    sure = np.array(
        [name in trusted or new != old for name, new, old in zip(names, given, before, strict=True)],
        dtype=bool,
    )
    return Items(names, splits, given, before, classes, codes, origin, places, sure & (codes >= 0))


def _label(label: object) -> str | None:
    return label if isinstance(label, str) and label else None


def joined_units(
    copies: NDArray[np.int64], items: Items, units: NDArray[np.int64] | None, n: int
) -> NDArray[np.int64]:
    """Join exact copies with the units of a catalog of ``n`` images."""
    if units is None:
        return copies
    if np.shape(units) != (n,):
        msg = f"Got units of shape {np.shape(units)} for {n} images; give one per image of the catalog."
        raise RankingError(msg)
    return join_units(copies, np.asarray(units, dtype=np.int64)[items.places])


def prepare(
    items: Items, embeddings: Embeddings, units: NDArray[np.int64], reporter: Reporter
) -> tuple[FeatureMap, Floats, Voters]:
    """Return how features are mapped, the features, and neighbours, as one network sees the images."""
    reporter.check()
    vectors, rows = embeddings.vectors, np.array(_rows(items, embeddings), dtype=np.int64)
    if not np.array_equal(rows, np.arange(len(vectors))):
        vectors = vectors.take(rows, axis=0)
    mapped = FeatureMap.fit(vectors, items.learn)
    Z = mapped(vectors)
    return mapped, Z, find_voters(Z, units, items.learn, reporter=reporter)


def _rows(items: Items, embeddings: Embeddings) -> list[int]:
    at = {name: row for row, name in enumerate(embeddings.names)}
    return [at[name] for name in items.names]


def copies_of(items: Items, embeddings: Embeddings) -> NDArray[np.int64]:
    """Return equal numbers for exact copies."""
    return units_of([embeddings.hashes[row] for row in _rows(items, embeddings)])
