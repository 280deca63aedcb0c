"""`rank_sets`: from embeddings and labels of several classes to a `SetRanking`.

Features, copies, folds and neighbours are those of `cleaner.ranking.rank`; heads, neighbours and noise come
together in `cleaner.ranking.bits`. Folds are balanced by the rarest class of each image. In a small set much
depends on which images share a fold: all is done several times with new folds, and averaged.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

import numpy as np
from numpy.typing import NDArray

from cleaner.dataset.catalog import Catalog
from cleaner.dataset.label_sets import classes_of
from cleaner.embedding.pipeline import Embeddings
from cleaner.errors import RankingError
from cleaner.ranking.bits import BitNoise, Bits, judge
from cleaner.ranking.crossfit import plan_folds
from cleaner.ranking.features import Floats
from cleaner.ranking.folds import rarest_class
from cleaner.ranking.items import Items, copies_of, items_of, joined_units, prepare, seen_by_all
from cleaner.ranking.kept_heads import KeptHeads
from cleaner.ranking.originals import Originals
from cleaner.ranking.rank import FEW_CELLS, REPEATS
from cleaner.ranking.result import model_id
from cleaner.ranking.set_ranking import SetRanking, any_wrong, most_doubtful
from cleaner.util.progress import SILENT, Reporter, Stage


def rank_sets(
    catalog: Catalog,
    embeddings: Embeddings,
    *more: Embeddings,
    seed: int = 0,
    reporter: Reporter = SILENT,
    labels: Mapping[str, str | None] | None = None,
    trusted: Collection[str] = (),
    units: NDArray[np.int64] | None = None,
) -> SetRanking:
    """Rank images that may have several labels; parameters and errors as in `cleaner.ranking.rank.rank`."""
    sets = catalog.label_sets
    if sets is None:
        raise RankingError("Each image of this set has one label. Rank it with cleaner.ranking.rank.")
    views = (embeddings, *more)
    items = items_of(catalog, seen_by_all(views), labels or {}, set(trusted))
    classes = sorted(classes_of(items.given, sets))
    if not classes:
        raise RankingError(
            f"None of the {len(items.names)} images with an embedding has a label. Label some images of "
            "every class first."
        )
    units_ = joined_units(copies_of(items, embeddings), items, units, len(catalog))
    prepared = [prepare(items, view, units_, reporter) for view in views]
    given, origin = sets.bits(items.given, classes), sets.bits(items.before, classes)
    votes = [voters.shares(given) for *_, voters in prepared]
    repeats = REPEATS if len(items.names) * len(classes) <= FEW_CELLS else 1
    found, deals = [], []
    for repeat in range(repeats):
        reporter(Stage.FIT_HEADS, repeat, repeats)
        folds, judges = plan_folds(rarest_class(given, items.codes >= 0), units_, items.learn, seed + repeat)
        bits = Bits(given, origin, items.sure, folds, judges)
        deals.append(judges)
        found.append(judge(bits, [Z for _, Z, _ in prepared], votes, reporter=reporter))
    reporter(Stage.FIT_HEADS, repeats, repeats)
    noise = BitNoise(
        *(np.mean([getattr(j.noise, name) for j in found], axis=0) for name in ("missing", "extra"))
    )
    predicted = np.asarray(np.mean([j.predicted for j in found], axis=0), dtype=np.float32)
    believed = [bits.posterior(j.predicted, j.noise) for j in found]
    posterior = np.asarray(np.mean(believed, axis=0), dtype=np.float32)
    unlabelled = items.codes < 0
    posterior[unlabelled] = predicted[unlabelled]
    unseen = np.asarray(np.mean([j.noise.posterior(j.predicted, origin) for j in found], axis=0))
    keys = "+".join(view.key for view in views)
    ranking = SetRanking(
        items.names,
        items.splits,
        items.given,
        classes=classes,
        sets=sets,
        posterior=posterior,
        predicted=predicted,
        plain=np.asarray(np.mean([j.plain for j in found], axis=0)),
        missing=noise.missing,
        extra=noise.extra,
        model=model_id("bits", keys, seed, given, origin, items.names, items.sure, units_),
        originals=_originals(items, origin, unseen),
    )
    ranking.heads = KeptHeads.of(
        [each.weights for each in found],
        deals,
        [mapped for mapped, *_ in prepared],
        keys=[view.key for view in views],
        names=items.names,
        classes=classes,
        model=ranking.model,
    )
    return ranking


def _originals(items: Items, origin: NDArray[np.bool_], posterior: Floats) -> Originals:
    """Keep labels from before decisions, and how probably they were wrong as if nobody had decided."""
    decided = items.sure | (items.codes < 0)
    rows = np.flatnonzero(decided & [label is not None for label in items.before])
    bits, there = origin[rows], posterior[rows]
    wrong = np.where(bits, 1 - there, there)
    given, suggested = most_doubtful(wrong, bits)
    parts = (rows.astype(np.int32), given.astype(np.int32), suggested.astype(np.int32))
    return Originals(*parts, any_wrong(wrong)[1].astype(np.float32))
