"""A few typical images of a class: what its reviewers agreed on, near its middle, and no two alike."""

import heapq
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cleaner.dataset.catalog import Catalog
from cleaner.dataset.label_sets import classes_of
from cleaner.embedding.cache import EmbeddingCache
from cleaner.ranking.features import unit_length
from cleaner.review import ReviewState
from cleaner.review.labels import PresentLabels

_MOST_READ = 500
_MOST_LIKELY = 40
_MOST_PAIRED = 100
_NEAR = 0.2
"""Two images are near copies if they are nearer than this share of what two of the class are apart."""


@dataclass(frozen=True, slots=True)
class Typical:
    """A typical image of a class.

    Parameters
    ----------
    name : str
    confirmed : bool
        Whether a reviewer gave it that label, or kept it; else it is only probably right.
    """

    name: str
    confirmed: bool


def class_members(
    catalog: Catalog, state: ReviewState, label: str, *, score_of: Callable[[str], float | None] | None = None
) -> tuple[list[str], list[str]]:
    """Return the images that are surely, and those that are probably, of a class.

    Parameters
    ----------
    catalog : Catalog
        The labels as given.
    state : ReviewState
    label : str
        Present name of the class.
    score_of : callable, optional
        Probability that the label of an image is wrong, higher = more suspicious; None where it is unknown.

    Returns
    -------
    confirmed : list of str
        Kept with that label, relabelled or labelled to it; by name. Those that reviewers disagree on are not
        among them.
    likely : list of str
        The undecided of that label with the lowest scores, lowest first: at most 40, and none without scores.
    """
    contested = state.conflicts()
    confirmed, likely = [], []
    for image in PresentLabels.of(catalog, state):
        if image.label != label and label not in classes_of([image.label], catalog.label_sets):
            continue
        if image.decided and not image.deleted and image.name not in contested:
            confirmed.append(image.name)
        elif not image.outcome and score_of is not None:
            score = score_of(image.name)
            if score is not None and math.isfinite(score):
                likely.append((score, image.name))
    return sorted(confirmed), [name for _, name in heapq.nsmallest(_MOST_LIKELY, likely)]


def find_typical(
    confirmed: Sequence[str],
    likely: Sequence[str],
    *,
    hashes_of: Callable[[Sequence[str]], Mapping[str, str]] | None = None,
    cache_of: Callable[[Iterable[str]], EmbeddingCache | None] | None = None,
    most: int = 4,
) -> list[Typical]:
    """Choose typical images of a class, the most typical first.

    The confirmed ones come in the order of the cosine between their embeddings and the mean of all of them;
    those without an embedding after the others, by name. A near copy of one already chosen is passed over:
    one minus the cosine is below a fifth of its median over all pairs, since backbones differ much in that,
    or the content is the same. The likely ones only fill up.

    Parameters
    ----------
    confirmed : sequence of str
        By name. Of more than 500, as many are looked at, evenly spread.
    likely : sequence of str
        The surest first.
    hashes_of : callable, optional
        Gives the content of images: name → SHA-256, hexadecimal.
    cache_of : callable, optional
        Gives the embeddings to compare some contents by. Without any, the images come in the order in which
        they are given.
    most : int
        How many at most.
    """
    sure = _spread(confirmed)
    names = [*sure, *likely[:_MOST_LIKELY]]
    known = {} if hashes_of is None else hashes_of(names)
    vectors, found = _look_up(names, known, None if cache_of is None else cache_of(known.values()))
    order = [*_nearest_first(vectors[: len(sure)], found[: len(sure)]), *range(len(sure), len(names))]
    nearest = _near_copies_from(vectors[found])
    chosen: list[int] = []
    for row in order:
        if len(chosen) >= most:
            break
        content = known.get(names[row])
        same = content is not None and any(known.get(names[other]) == content for other in chosen)
        alike = bool(chosen) and float((vectors[chosen] @ vectors[row]).max()) > nearest
        if not same and not alike:
            chosen.append(row)
    return [Typical(names[row], row < len(sure)) for row in chosen]


def _spread(names: Sequence[str]) -> list[str]:
    if len(names) <= _MOST_READ:
        return list(names)
    return [names[i] for i in np.linspace(0, len(names) - 1, _MOST_READ).astype(int)]


def _look_up(
    names: Sequence[str], hashes: Mapping[str, str], cache: EmbeddingCache | None
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Return embeddings of length one, zeros where there is none, and where there is one."""
    vectors = np.zeros((len(names), 1 if cache is None else cache.dim), dtype=np.float32)
    found = np.zeros(len(names), dtype=bool)
    read = [row for row, name in enumerate(names) if name in hashes]
    if cache is not None and read:
        there, found[read] = cache.get([hashes[names[row]] for row in read])
        vectors[read] = unit_length(there)
    return vectors, found


def _nearest_first(vectors: NDArray[np.float32], found: NDArray[np.bool_]) -> list[int]:
    if not found.any():
        return list(range(len(found)))
    cosine = vectors @ unit_length(vectors[found].mean(axis=0, keepdims=True))[0]
    order: list[int] = np.argsort(np.where(found, -cosine, np.inf), kind="stable").tolist()
    return order


def _near_copies_from(vectors: NDArray[np.float32]) -> float:
    """Return the cosine above which two images of these are near copies; backbones differ much in that."""
    if len(vectors) < 2:
        return 1.0
    some = vectors[np.linspace(0, len(vectors) - 1, min(len(vectors), _MOST_PAIRED)).astype(int)]
    apart = 1 - (some @ some.T)[np.triu_indices(len(some), 1)]
    return 1 - _NEAR * float(np.median(apart))
