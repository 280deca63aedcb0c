"""Which images are looked at first, so that a ranking of few of them already serves.

A random sample, with every class in it as often as in the whole set: what comes first by name is often one
class, one camera or one day. A few images of every class come before all others, as nothing can be learnt
of a class without them.
"""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cleaner.dataset.catalog import Catalog
from cleaner.dataset.label_sets import classes_of

FIRST = 500
"""Images of the first part; of the first 24 by its order, 20 to 24 were errors (photographs, ten classes)."""

FEW = 8
"""Images of a class, or all that there are, that are always in the first part."""

_MOST_SHARE = 0.75  # what is known of more than this is soon known of all


def parts_of(catalog: Catalog, *, seed: int) -> list[list[str]]:
    """Return names of labelled images in parts, the first to be looked at first; the rest has no order.

    With every part, the number of images doubles. Within a part they come as in the catalog: files are read
    fastest as they lie. None where the whole set is hardly larger than the first part.

    Parameters
    ----------
    catalog : Catalog
    seed : int

    Returns
    -------
    list of list of str
    """
    codes, n_classes = _classes(catalog)
    rows = _sampled(codes, np.random.default_rng(seed))
    begin, end, parts = 0, max(FIRST, 2 * FEW * n_classes), []
    while end <= _MOST_SHARE * len(rows):
        parts.append(catalog.names[np.sort(rows[begin:end])].tolist())
        begin, end = end, 2 * end
    return parts


def _classes(catalog: Catalog) -> tuple[NDArray[np.int64], int]:
    """Return the class of each image, the rarest if it has several, -1 for none, and how many there are."""
    codes, labels = pd.factorize(catalog.labels)
    sets = catalog.label_sets
    if sets is not None and len(labels):
        images = pd.Series(np.bincount(codes[codes >= 0], minlength=len(labels)))
        of = pd.Series([sorted(classes_of([label], sets)) or [""] for label in labels]).explode()
        counts = images[of.index].groupby(of.to_numpy()).sum()
        rarest = [min(each, key=counts.__getitem__) for each in of.groupby(level=0).agg(list)]
        classes, merged = np.unique(rarest, return_inverse=True)
        return np.where(codes >= 0, merged[codes], -1), len(classes)
    return codes.astype(np.int64), len(labels)


def _sampled(codes: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int64]:
    """Return the rows that have a class: a few of each, then all classes evenly mixed."""
    rows = rng.permutation(np.flatnonzero(codes >= 0))
    rows = rows[np.argsort(codes[rows], kind="stable")]
    of = codes[rows]
    sizes = np.bincount(of)
    place = np.arange(len(rows)) - (np.cumsum(sizes) - sizes)[of]
    due = np.where(place < FEW, -1, (place + rng.random(len(sizes))[of]) / sizes[of])
    return rows[np.argsort(due, kind="stable")]
