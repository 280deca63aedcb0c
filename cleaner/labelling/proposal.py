"""What to label next: images without a label in the order in which labels teach most, with suggestions.

The order. Images are picked one at a time, each so that it adds most to

    Σ_j u_j · max over picked and labelled i of k(x_i, x_j),   k(x, y) = exp(−|x − y|² / σ²),

the sum over images j without a label: images that stand for many others come first (*typical*), and none
that resembles one picked or labelled before (*diverse*). Without a model all u_j are 1, and a cold start
shows the kinds of image that there are. With one, u_j is the square root of 1 − (difference of the two
largest probabilities): what the model knows already counts little (*uncertain*). This is the greedy coverage
of Bae et al., *Generalized coverage for more robust low-budget active learning* (MaxHerding), ECCV 2024, with
the weights of Bae et al., *Uncertainty herding: one active learning method for all label budgets*, ICLR 2025;
the square root and σ are our choice, by ``tests/benchmarks/labelling.py``. The sum is submodular, so that a
bound from an earlier round holds on, and few images are looked at again for each pick (Minoux 1978).

What it brings (that benchmark: photos of clothing on two backbones, digits): with 24 to 48 labels, 5 to 18
points of accuracy over an order at random, where uncertainty alone brings nothing, and clusters of uncertain
images (Zhdanov 2019) as much at first and then less; with 150 to 250 labels 2 to 5 points, as much as
uncertainty alone. It saves no corrections to somebody who labels all: what comes early is hard, so that
suggestions are right less often than at random while it is shown, and more often on what is left. With the
weights u_j left out, 2 to 9 % fewer corrections were needed in all, and 1 to 2 points of accuracy were lost.

The suggestions come from a linear head on the labelled images (`cleaner.ranking.heads`). With its penalty,
probabilities need no calibration: on photos they are right as often as they say, on digits more often. They
know nothing of classes that have no label yet. The probability that an image belongs to one is estimated by
the share of labelled images that are the only one of their class (Good 1953), at most one half, and is
taken off.

Where a machine has suggested labels elsewhere (`cleaner.labelling.imported`), these are the suggestions,
until the head is right more often: both are compared on the labelled images that have a machine's word, the
head by five-fold cross-validation. For classes that have no label yet, the machine's word stays in any case.
"""

from __future__ import annotations

import heapq
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from cleaner.dataset.catalog import Catalog
from cleaner.embedding.cache import EmbeddingCache
from cleaner.errors import RankingError
from cleaner.labelling.imported import ImportedSuggestions, imported_suggestions
from cleaner.ranking.features import FeatureMap, Floats, unit_length
from cleaner.ranking.heads import fit_heads, softmax
from cleaner.review import ReviewState
from cleaner.review.labels import SET_ASIDE, PresentLabels

DIVERSE = 240
"""Images at the head of the order that are chosen to differ: ten pages. The rest follow by uncertainty."""

_WIDTH = 1.3  # σ, for rows of unit length; between 0.8 and 1.6 little changes
_POWER = 0.5  # of the uncertainty in u
_STRENGTH = 30.0  # inverse penalty on the summed loss
_CANDIDATES = 3000  # the kernel of these among themselves is 36 MB
_COVERING = 5000
_BLOCK = 1024
_SAMPLE = 8192  # embeddings that the feature map is learnt from
_READ = 4096  # embeddings in memory at once
_ROWS = 10_000
_CELLS = 5_000_000
_QUICK_CELLS = 500_000
_PASSES, _PASSES_LARGE = 60, 12
_LEAST = 1e-3
_FOLDS = 5
_COMPARED, _LEAST_COMPARED = 2000, 24  # labelled images that a machine's word is compared on
_FEW_A_CLASS = 20  # below so many labels of each class the hard ones, which come first, are often wrong


@dataclass(frozen=True)
class Comparison:
    """How many of some labelled images the learnt suggestions fit, and those that came with the set."""

    learnt: int
    imported: int
    of: int

    @property
    def is_learnt_better(self) -> bool:
        """Whether the learnt suggestions fit more often."""
        return self.learnt > self.imported


@dataclass(frozen=True, eq=False)
class Proposal:
    """Images without a label, most informative first.

    Attributes
    ----------
    names : object array, shape (n,)
        Every image without a label, once.
    suggestion : object array, shape (n,)
        The likeliest class of each; None where there is no model yet.
    probability : float32, shape (n,)
        That the suggestion is right, 0 to 1; NaN where there is none.
    classes : tuple of str
        The classes that have a label, sorted: what is suggested is one of these.
    labelled : int
        Images that the suggestions were learnt from, or would be.
    named_at : int
        Row of the history at which the classes had these names; two of them may swap theirs later.
    imported : int
        Images whose suggestion came with the set.
    comparison : Comparison or None
        Of the suggestions that were learnt and those that came with the set; None: there are too few of both.
    is_embedded : bool
        The order goes by what the images show; False: by the probabilities that came with the set.
    """

    names: NDArray[np.object_]
    suggestion: NDArray[np.object_]
    probability: Floats
    classes: tuple[str, ...]
    labelled: int
    named_at: int = 0
    imported: int = 0
    comparison: Comparison | None = None
    is_embedded: bool = True

    def __len__(self) -> int:
        return len(self.names)

    @property
    def has_model(self) -> bool:
        """Whether suggestions were learnt."""
        return len(self.classes) > 1

    @property
    def is_early(self) -> bool:
        """Whether labels are so few that suggestions for the images that come first are often wrong."""
        return self.labelled < _FEW_A_CLASS * len(self.classes)

    def and_then(self, names: Sequence[str], imported: ImportedSuggestions) -> Proposal:
        """Return the proposal with further images behind, of which only what came with the set is known."""
        known = [imported.get(name, (None, np.nan)) for name in names]
        more = np.array([*names], dtype=object)
        labels = np.array([label for label, _ in known], dtype=object)
        sure = np.array([probability for _, probability in known], dtype=np.float32)
        return replace(
            self,
            names=np.concatenate([self.names, more]),
            suggestion=np.concatenate([self.suggestion, labels]),
            probability=np.concatenate([self.probability, sure]),
            imported=self.imported + sum(label is not None for label in labels),
        )

    @classmethod
    def not_embedded(cls, names: Sequence[str], imported: ImportedSuggestions) -> Proposal:
        """Return some images with what came with the set, those first of which that is least certain."""
        none = np.array([], dtype=object)
        empty = cls(none, none, np.array([], dtype=np.float32), (), 0, is_embedded=False)
        return empty.and_then(sorted(names, key=lambda name: (_sure(imported, name), name)), imported)


def propose_labels(
    catalog: Catalog,
    state: ReviewState,
    *,
    cache: EmbeddingCache | None,
    hashes: Mapping[str, str],
    seed: int = 0,
) -> Proposal | None:
    """Order the images without a label, most informative first, with a suggestion for each.

    Takes a second or two, and one core: for a thread of its own. Images whose embedding is not there yet
    stand at the end, by name, with no suggestion but that which came with the set.

    Parameters
    ----------
    catalog : Catalog
    state : ReviewState
    cache : EmbeddingCache or None
        The embeddings that were computed last.
    hashes : mapping of str to str
        Content of each image: name → SHA-256, hexadecimal.
    seed : int
        Of the samples.

    Returns
    -------
    Proposal or None
        None if no image needs a label, or neither an embedding nor a suggestion of this set is there yet.

    Raises
    ------
    EmbeddingError
        The embeddings cannot be read.
    """
    from threadpoolctl import threadpool_limits

    named_at = state.last_seq
    # The labels of deleted and unsure images teach nothing, and it is not for this page to ask again.
    labels = PresentLabels.of(catalog, state).by_name(without=SET_ASIDE)
    if all(labels.values()):
        return None
    imported = imported_suggestions(catalog, state)
    names = [] if cache is None else [n for n in labels if (digest := hashes.get(n)) and digest in cache]
    if cache is None or not names:
        left = [name for name, label in labels.items() if not label]
        return replace(Proposal.not_embedded(left, imported), named_at=named_at) if imported else None
    with threadpool_limits(limits=1):  # the other core is for whoever looks at the page
        features = _features(cache, [hashes[name] for name in names], seed)
        made = propose(names, features, [labels[name] for name in names], imported=imported, seed=seed)
    made = replace(made, named_at=named_at)
    known = set(names)
    rest = sorted(name for name, label in labels.items() if not label and name not in known)
    return made.and_then(rest, imported)


def _sure(imported: ImportedSuggestions, name: str) -> float:
    """Return how sure a suggestion is that came with the set; -1 where that is not known."""
    probability = imported[name][1] if name in imported else np.nan
    return -1.0 if np.isnan(probability) else probability


def _features(cache: EmbeddingCache, hashes: Sequence[str], seed: int) -> Floats:
    """Read embeddings block by block; in memory are at most 256 numbers an image, and a block."""
    sample = list(hashes)
    if len(sample) > _SAMPLE:
        drawn = np.random.default_rng(seed).choice(len(sample), _SAMPLE, replace=False)
        sample = [hashes[i] for i in np.sort(drawn)]
    mapped = FeatureMap.fit(cache.get(sample)[0])
    features = np.empty((len(hashes), mapped.dim), dtype=np.float32)
    for at in range(0, len(hashes), _READ):
        features[at : at + _READ] = unit_length(mapped(cache.get(hashes[at : at + _READ])[0]))
    return features


def propose(
    names: Sequence[str],
    Z: Floats,
    labels: Sequence[str | None],
    *,
    imported: ImportedSuggestions = MappingProxyType({}),
    first: int = DIVERSE,
    seed: int = 0,
) -> Proposal:
    """Order the images without a label, and suggest one for each.

    The same arguments give the same order, whatever the order of the rows; equals stand by name. Beyond
    3,000 images without a label, those that are chosen to differ are chosen from a sample in which the
    uncertain ones are frequent; beyond 10,000 labelled images (or 5,000,000 images times classes), the
    head is fitted on a sample of them.

    Parameters
    ----------
    names : sequence of str, length n
        Labelled images and others.
    Z : float32, shape (n, d)
        Rows of length 1; see `cleaner.ranking.features.FeatureMap`.
    labels : sequence of str or None, length n
        None: to be labelled.
    imported : mapping, optional
        Suggestions that came with the set.
    first : int
        So many are chosen to differ from each other; the rest follow, the most uncertain (before there is a
        model: the most typical) first.
    seed : int
        Of the samples.

    Raises
    ------
    RankingError
        The arguments differ in length.
    """
    if not len(names) == len(Z) == len(labels):
        msg = f"Got {len(names)} names, {len(Z)} rows and {len(labels)} labels; give one of each per image."
        raise RankingError(msg)
    by_name = sorted(range(len(names)), key=names.__getitem__)
    todo = np.array([i for i in by_name if not labels[i]], dtype=np.intp)
    known = np.array([i for i in by_name if labels[i]], dtype=np.intp)
    of_known = [str(labels[i]) for i in known]
    classes = tuple(sorted(set(of_known)))
    rng = np.random.default_rng(seed)
    suggestion = np.full(len(todo), None, dtype=object)
    probability = np.full(len(todo), np.nan, dtype=np.float32)
    doubt = comparison = None
    if len(classes) > 1 and len(todo):
        index = {label: c for c, label in enumerate(classes)}
        codes = np.array([index[label] for label in of_known], dtype=np.int64)
        best, probability, doubt = _judge(Z, known, codes, todo, rng)
        suggestion[:] = [classes[c] for c in best]
        words = [imported.get(names[i], ("", 0.0))[0] for i in known]
        said = np.array([index.get(word, -2) if word else -1 for word in words])
        comparison = _compare(Z, known, codes, said, rng)
    taken = 0
    for at, i in enumerate(todo):
        label, sure = imported.get(names[i], ("", 0.0))
        if label and not (comparison and comparison.is_learnt_better and label in classes):
            suggestion[at], probability[at] = label, sure
            taken += 1
    order = _order(Z[todo], Z[known], doubt, first, rng)
    listed = np.array([names[i] for i in todo[order]], dtype=object)
    return Proposal(
        listed,
        suggestion[order],
        probability[order],
        classes,
        len(known),
        imported=taken,
        comparison=comparison,
    )


def _judge(
    Z: Floats,
    known: NDArray[np.intp],
    codes: NDArray[np.int64],
    todo: NDArray[np.intp],
    rng: np.random.Generator,
) -> tuple[NDArray[np.int64], Floats, Floats]:
    """Return the likeliest class of each row to do, its probability, and 1 − margin."""
    counts = np.bincount(codes)
    k = len(counts)
    chosen = _teachers(codes, k, rng)
    evidence = np.eye(k, dtype=np.float32)[codes[chosen]]
    weights = np.ones((1, len(chosen)), dtype=np.float32)
    passes = _PASSES if evidence.size <= _QUICK_CELLS else _PASSES_LARGE
    fits = fit_heads(Z[known[chosen]], evidence, weights, l2=1 / (_STRENGTH * len(chosen)), max_passes=passes)
    best = np.empty(len(todo), dtype=np.int64)
    top = np.empty((len(todo), 2), dtype=np.float32)
    for at in range(0, len(todo), _BLOCK):
        rows = slice(at, at + _BLOCK)
        p = softmax(fits.logits(0, Z[todo[rows]]))
        best[rows] = p.argmax(axis=1)
        top[rows] = np.partition(p, k - 2, axis=1)[:, k - 2 :]
    elsewhere = min(float((counts == 1).sum()) / (len(codes) + 1), 0.5)
    doubt: Floats = 1 - (top[:, 1] - top[:, 0])
    return best, top[:, 1] * np.float32(1 - elsewhere), doubt


def _compare(
    Z: Floats,
    known: NDArray[np.intp],
    codes: NDArray[np.int64],
    words: NDArray[np.int64],
    rng: np.random.Generator,
) -> Comparison | None:
    """Compare heads that have not seen an image with a machine's word; None where too few have one.

    ``words`` are codes of classes; -1 stands for no word, -2 for one that is no class.
    """
    heard = np.flatnonzero(words != -1)
    if len(heard) < _LEAST_COMPARED:
        return None
    chosen = rng.permutation(heard)[:_COMPARED]
    others = rng.permutation(np.flatnonzero(words == -1))[: _COMPARED - len(chosen)]
    rows = np.concatenate([chosen, others])
    k, n = int(codes.max()) + 1, len(rows)
    fold = np.arange(n) % _FOLDS  # the rows are shuffled
    weights = (fold[None] != np.arange(_FOLDS)[:, None]).astype(np.float32)
    evidence = np.eye(k, dtype=np.float32)[codes[rows]]
    fits = fit_heads(Z[known[rows]], evidence, weights, l2=1 / (_STRENGTH * n), max_passes=_PASSES_LARGE)
    learnt = np.empty(n, dtype=np.int64)
    for f in range(_FOLDS):
        learnt[fold == f] = fits.logits(f, Z[known[rows[fold == f]]]).argmax(axis=1)
    m = len(chosen)
    return Comparison(
        learnt=int((learnt[:m] == codes[chosen]).sum()),
        imported=int((words[chosen] == codes[chosen]).sum()),
        of=m,
    )


def _teachers(codes: NDArray[np.int64], k: int, rng: np.random.Generator) -> NDArray[np.intp]:
    """Return the labelled rows to learn from: all, or a sample in which no class is missing."""
    most = max(2 * k, min(_ROWS, _CELLS // k))
    if len(codes) <= most:
        return np.arange(len(codes))
    drawn = rng.permutation(len(codes))
    _, first = np.unique(codes[drawn], return_index=True)
    others = np.delete(drawn, first)[: most - len(first)]
    return np.sort(np.concatenate([drawn[first], others]))


def _order(
    free: Floats, known: Floats, doubt: Floats | None, first: int, rng: np.random.Generator
) -> NDArray[np.intp]:
    """Return the positions of the rows without a label, most informative first."""
    n = len(free)
    if doubt is not None and not first:
        return np.argsort(-doubt, kind="stable")
    u = np.ones(n, dtype=np.float32) if doubt is None else np.maximum(doubt, _LEAST) ** np.float32(_POWER)
    chosen = np.arange(n)
    if n > _CANDIDATES:  # drawn in proportion to u, which then counts in the sum by their number
        chosen = np.sort(np.argsort(-np.log(rng.random(n)) / u, kind="stable")[:_CANDIDATES])
        weight = np.ones(_CANDIDATES, dtype=np.float32)
    else:
        weight = u
    if len(known) > _COVERING:
        known = known[np.sort(rng.choice(len(known), _COVERING, replace=False))]
    picked, gains = _cover(free[chosen], known, weight, first)
    last = np.zeros(n, dtype=np.float32) if doubt is None else doubt
    if doubt is None:
        last[chosen] = gains
    last = last.copy()
    last[chosen[picked]] = np.inf
    rest = np.argsort(-last, kind="stable")[len(picked) :]
    return np.concatenate([chosen[picked], rest]).astype(np.intp)


def _cover(rows: Floats, known: Floats, weight: Floats, most: int) -> tuple[NDArray[np.intp], Floats]:
    """Pick rows greedily by the coverage that they add; also return what each would add as the first."""
    m = len(rows)
    near = np.full(m, -np.inf, dtype=np.float32)
    for at in range(0, len(known), _BLOCK):
        np.maximum(near, (rows @ known[at : at + _BLOCK].T).max(axis=1), out=near)
    covered = _kernel(near)
    kernel = _kernel(rows @ rows.T)
    gains = np.empty(m, dtype=np.float32)
    for at in range(0, m, _BLOCK):
        gains[at : at + _BLOCK] = np.maximum(kernel[at : at + _BLOCK] - covered, 0) @ weight
    # What a row adds can only fall as others are picked: a bound that is no longer the largest can wait.
    heap = [(-float(gain), i) for i, gain in enumerate(gains)]
    heapq.heapify(heap)
    fresh = np.zeros(m, dtype=np.int64)
    picked: list[int] = []
    while heap and len(picked) < most:
        _, i = heap[0]
        if fresh[i] == len(picked):
            heapq.heappop(heap)
            picked.append(i)
            np.maximum(covered, kernel[i], out=covered)
        else:
            fresh[i] = len(picked)
            heapq.heapreplace(heap, (-float(np.maximum(kernel[i] - covered, 0) @ weight), i))
    return np.array(picked, dtype=np.intp), gains


def _kernel(cosine: Floats) -> Floats:
    """Turn cosines of rows of length 1 into values of the kernel, in place."""
    cosine -= 1
    cosine *= np.float32(2 / _WIDTH**2)
    return np.exp(cosine, out=cosine)
