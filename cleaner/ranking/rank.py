"""`rank`: from embeddings and given labels to a `Ranking`.

1. Features: square root, centre, unit length, 256 principal axes (`cleaner.ranking.features`).
2. Neighbours' votes, the image and its copies excluded (`cleaner.ranking.neighbours`). Near duplicates
   count as copies if they are known: wrong labels often come with a copy that has the same wrong label.
3. Heads over five folds, two penalties averaged (`cleaner.ranking.crossfit`): first plain; from these a noise
   matrix; then once more through that matrix, so that they learn true classes.
4. The pool of heads and votes with its noise matrix (`cleaner.ranking.ensemble`).
5. The mean over kinds of noise (`cleaner.ranking.kinds`), which orders the images by its log odds that the
   given label is wrong. The score is the probability of that, as it has been found on sets with known errors
   (`cleaner.ranking.posterior`).
6. Clusters of suspicious images of one given and one suggested label (`cleaner.ranking.clusters`).

Labels that somebody decided on count as right in all of this. What the ranking would have thought of them is
kept beside it (`cleaner.ranking.originals`): the decisions go on teaching how often it is right.

Steps 3 and 4 are done from two noise matrices, one that expects evenly spread errors and one that expects
strong pairs. In a small set much depends on which images share a fold: steps 3 to 5 are done several times,
with new folds each time, and averaged.

Of several networks, each has features, neighbours and heads of its own, over the same folds. In the pool, the
heads and the votes of each have a weight of their own, learnt like all others; what the plain heads say is
averaged. Explanations and clusters go by the first network.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cleaner.dataset.catalog import Catalog
from cleaner.dataset.label_sets import require_one_label
from cleaner.embedding.pipeline import Embeddings
from cleaner.errors import RankingError
from cleaner.ranking.clusters import Clusters
from cleaner.ranking.crossfit import CrossFit, plan_folds
from cleaner.ranking.ensemble import Evidence, Pool, decided_rows, fit_pool
from cleaner.ranking.features import Floats
from cleaner.ranking.heads import mean_log_probabilities
from cleaner.ranking.items import Items, copies_of, items_of, joined_units, prepare, seen_by_all
from cleaner.ranking.kept_heads import KeptHeads
from cleaner.ranking.kinds import Judgement, believe, merge
from cleaner.ranking.noise import NoiseMatrix, anchor_noise
from cleaner.ranking.originals import Originals, log_odds
from cleaner.ranking.posterior import first_probability
from cleaner.ranking.reasons import Reasons
from cleaner.ranking.result import Ranking, model_id
from cleaner.util.progress import SILENT, Reporter, Stage

REPEATS = 3
"""Times that a small set is dealt to folds."""

FEW_CELLS = 10_000
"""Images times classes up to which a set is small in this sense: 1,000 images of 10 classes."""

_FLOOR = 1e-6
_TINY = np.float32(1e-12)


class _Deal(NamedTuple):
    """What comes of one deal of folds.

    ``outside`` and ``inside`` are log probabilities of the plain ``heads``, out of fold and in sample.
    """

    judgement: Judgement
    outside: Floats
    inside: Floats
    heads: Sequence[CrossFit]


def rank(
    catalog: Catalog,
    embeddings: Embeddings,
    *more: Embeddings,
    seed: int = 0,
    reporter: Reporter = SILENT,
    labels: Mapping[str, str | None] | None = None,
    trusted: Collection[str] = (),
    units: NDArray[np.int64] | None = None,
) -> Ranking:
    """Rank images by the probability that their given label is wrong.

    Every image is judged by heads and neighbours that exclude it and its copies; train and valid share one
    set of folds, the test split is judged by the mean of all heads. Unlabelled images get a suggestion and no
    score.

    Parameters
    ----------
    catalog : Catalog
        Names, given labels and splits. Images without an embedding are left out.
    embeddings : Embeddings
        ``names``, ``vectors`` (float32, shape (n, dim)), ``hashes`` and ``key``.
    *more : Embeddings
        The same images as further networks see them; an image that one of them lacks is left out.
    seed : int
        Seed of the folds.
    reporter : Reporter
        Hears about the stages; may stop at any pass over the embeddings.
    labels : mapping of str to str, optional
        An expert's corrections: labels that replace those of the catalog and count as true. None takes the
        label away.
    trusted : collection of str
        Names of images whose label the expert confirmed: it counts as true, too.
    units : int64, shape (len(catalog),), optional
        Equal for images that must stay in one fold, such as near duplicates:
        ``similar.fold_groups(catalog.names)``. Exact copies always stay together.

    Raises
    ------
    RankingError
        No image has both a label and an embedding, or ``units`` do not fit the catalog.
    """
    require_one_label(catalog.label_sets, "This ranking")
    views = (embeddings, *more)
    items = items_of(catalog, seen_by_all(views), labels or {}, set(trusted))
    if not items.classes:
        msg = (
            f"None of the {len(items.names)} images with an embedding has a label. "
            "Label some images of every class first."
        )
        raise RankingError(msg)
    copies = copies_of(items, embeddings)
    joined = joined_units(copies, items, units, len(catalog))
    prepared = [prepare(items, view, joined, reporter) for view in views]
    features = [Z for _, Z, _ in prepared]
    votes = tuple(voters.votes(items.codes, len(items.classes)) for *_, voters in prepared)
    found = []
    repeats = REPEATS if len(items.names) * len(items.classes) <= FEW_CELLS else 1
    for repeat in range(repeats):
        reporter(Stage.FIT_HEADS, repeat, repeats)
        found.append(_judge(_cross_fits(items, features, joined, seed + repeat), votes, items, reporter))
    reporter(Stage.FIT_HEADS, repeats, repeats)
    judgement = merge([each.judgement for each in found])
    plain = np.mean([each.outside for each in found], axis=0)
    inside = np.mean([each.inside for each in found], axis=0)
    keys = "+".join(view.key for view in views)
    parts = [keys, seed, items.codes, items.origin, items.names, items.sure]
    model = model_id("pool", *parts, *([] if (joined == copies).all() else [joined]))
    reasons = Reasons.of([judgement.models], prepared[0][2], joined)
    ranking = _assemble(items, judgement, np.exp(plain), np.exp(inside), model, reasons)
    ranking.heads = KeptHeads.of(
        [[one.fold_weights for one in each.heads] for each in found],
        [each.heads[0].judges for each in found],
        [mapped for mapped, *_ in prepared],
        keys=[view.key for view in views],
        names=items.names,
        classes=items.classes,
        model=model,
    )
    return _clustered(ranking, features[0])


def _cross_fits(
    items: Items, features: Sequence[Floats], units: NDArray[np.int64], seed: int
) -> list[CrossFit]:
    """Return the heads of each network ready to be fitted, all over the same folds."""
    folds, judges = plan_folds(items.codes, units, items.learn, seed)
    return [CrossFit(Z, items.codes, folds, judges, items.sure, len(items.classes)) for Z in features]


def _judge(heads: Sequence[CrossFit], votes: tuple[Floats, ...], items: Items, reporter: Reporter) -> _Deal:
    """Judge the images by heads over one deal of folds."""
    heads = [one.fit(reporter=reporter) for one in heads]
    outside = tuple(one.out_of_fold() for one in heads)
    plain = mean_log_probabilities(outside)
    inside = mean_log_probabilities([one.in_sample() for one in heads])
    first = _pool(items, Evidence(outside, (), heads[0].folds), None, reporter)
    pools = {"even": _pool_through(first.noise, heads, votes, items, reporter)}
    if not heads[0].large:
        pools["pairs"] = _pool_through(anchor_noise(np.exp(plain)), heads, votes, items, reporter)
    return _Deal(believe(pools, plain, items.codes, items.sure, items.origin), plain, inside, heads)


def _pool_through(
    noise: NoiseMatrix, heads: Sequence[CrossFit], votes: tuple[Floats, ...], items: Items, reporter: Reporter
) -> Pool:
    """Fit heads through a noise matrix, and the pool of them and the votes, starting from that matrix."""
    true = tuple(one.fit(noise, reporter=reporter).out_of_fold() for one in heads)
    evidence = Evidence(true, votes, heads[0].folds)
    return _pool(items, evidence, noise, reporter)


def _assemble(
    items: Items, judgement: Judgement, out: Floats, inside: Floats, model: str, reasons: Reasons
) -> Ranking:
    signals, features = named_signals(judgement, out, inside, items.codes)
    decided = decided_rows(items.codes, items.origin, items.sure)
    ranking = Ranking(
        items.names,
        items.splits,
        items.given,
        classes=items.classes,
        posterior=judgement.posterior[:, :-1],
        predicted=judgement.predicted,
        signals=signals,
        features=features,
        model=model,
        reasons=reasons,
        originals=Originals.of(decided, items.origin[decided], judgement.unseen),
    )
    ranking.features["probability"] = first_probability(ranking)
    return ranking


def _clustered(ranking: Ranking, features: Floats) -> Ranking:
    ranking.clusters = Clusters.find(
        features, ranking.codes, ranking.suggested, ranking.suggested_probability
    )
    return ranking


def _pool(items: Items, evidence: Evidence, noise: NoiseMatrix | None, reporter: Reporter) -> Pool:
    """Fit the pool to the labels."""
    return fit_pool(
        evidence, items.codes, sure=items.sure, origin=items.origin, noise=noise, reporter=reporter
    )


def named_signals(
    judgement: Judgement, out: Floats, inside: Floats, codes: NDArray[np.int64]
) -> tuple[dict[str, Floats], dict[str, Floats]]:
    """Return signals (one for each ordering, higher = worse) and features (evidence to learn from).

    Parameters
    ----------
    judgement : Judgement
    out : float32, shape (n, k)
        Probabilities of plain heads that have not seen the image: loss, self-confidence and margin.
    inside : float32, shape (n, k)
        Probabilities of a head that has.
    codes : int64, shape (n,)
        Column of the given label, -1 for none.
    """
    at = (np.arange(len(codes)), np.maximum(codes, 0))
    other = out.copy()
    other[at] = -1
    rival = np.maximum(other.max(axis=1), 0)
    odds = log_odds(judgement.posterior, codes)
    score = 1 / (1 + np.exp(-odds.astype(np.float64)))
    signals = {
        "pooled": score.astype(np.float32),
        "loss": -np.log(np.maximum(out[at], _TINY)),
        "self_confidence": 1 - out[at],
        "normalized_margin": (1 + rival - out[at]) / 2,
        "in_sample_loss": -np.log(np.maximum(inside[at], _TINY)),
        "least_confident": 1 - judgement.predicted.max(axis=1),
    }
    for name, column in signals.items():
        if name != "least_confident":
            column[codes < 0] = np.nan
    return signals, {"log_odds": odds}


def rank_probabilities(
    catalog: Catalog,
    pred_probs: NDArray[np.floating],
    *embeddings: Embeddings,
    seed: int = 0,
    units: NDArray[np.int64] | None = None,
) -> Ranking:
    """Rank by class probabilities from a model of your own.

    Parameters
    ----------
    catalog : Catalog
    pred_probs : float array, shape (len(catalog), n_classes)
        Out-of-sample probabilities; rows in the order of ``catalog.table``, columns in that of
        ``catalog.classes``.
    *embeddings : Embeddings
        Of one network, of several or of none: heads and neighbours on them are pooled with ``pred_probs``.
    seed : int
        Seed of the folds.
    units : int64, shape (len(catalog),), optional
        Equal for images that must stay in one fold; see `rank`.

    Raises
    ------
    RankingError
        A wrong shape, or numbers that are no probabilities.
    """
    require_one_label(catalog.label_sets, "Ranking by probabilities of your own")
    P = _checked(catalog, np.asarray(pred_probs, dtype=np.float32))
    usable = seen_by_all(embeddings) if embeddings else set(map(str, catalog.names))
    items = items_of(catalog, usable, {}, set())
    # An unlabelled class would lose its column: keep those of the catalog.
    columns = [list(catalog.classes).index(c) for c in items.classes]
    P = np.maximum(P[items.places][:, columns], _FLOOR)
    sources = [np.log(P / P.sum(axis=1, keepdims=True))]
    copies = copies_of(items, embeddings[0]) if embeddings else np.arange(len(items.codes))
    joined = joined_units(copies, items, units, len(catalog))
    prepared = [prepare(items, view, joined, SILENT) for view in embeddings]
    votes = tuple(voters.votes(items.codes, len(items.classes)) for *_, voters in prepared)
    folds, _ = plan_folds(items.codes, joined, items.learn, seed)
    if prepared:
        first = fit_pool(Evidence(tuple(sources), (), folds), items.codes)
        heads = _cross_fits(items, [Z for _, Z, _ in prepared], joined, seed)
        sources += [one.fit(first.noise).out_of_fold() for one in heads]
    pool = fit_pool(Evidence(tuple(sources), votes, folds), items.codes)
    judgement = believe({"even": pool}, sources[0], items.codes, items.sure, items.origin)
    P = np.exp(sources[0])
    keys = "+".join(view.key for view in embeddings) or None
    model = model_id("given", P, items.codes, seed, keys)
    voters = prepared[0][2] if prepared else None
    reasons = Reasons.of([judgement.models], voters, joined)
    ranking = _assemble(items, judgement, P, P, model, reasons)
    return _clustered(ranking, prepared[0][1]) if prepared else ranking


def _checked(catalog: Catalog, P: Floats) -> Floats:
    """Return probabilities that fit the catalog."""
    if P.shape != (len(catalog), len(catalog.classes)):
        turned = " They look transposed." if P.shape == (len(catalog.classes), len(catalog)) else ""
        msg = (
            f"Got probabilities of shape {P.shape} for {len(catalog)} images and {len(catalog.classes)} "
            f"classes; give one row per image (sorted by name) and one column per class (sorted).{turned}"
        )
        raise RankingError(msg)
    sums = P.sum(axis=1)
    for wrong, what, advice in (
        (~np.isfinite(P).all(axis=1), "have NaN or infinity", "Every image needs a number for every class."),
        ((P < 0).any(axis=1), "have negative numbers", "Apply a softmax to what the model gives (logits)."),
        (np.abs(sums - 100) <= 1, "are percentages", "Divide them by 100."),
        (np.abs(sums - 1) > 1e-2, "do not sum to 1", "Apply a softmax, so that each row sums to 1."),
    ):
        if wrong.any():
            first = int(np.flatnonzero(wrong)[0])
            raise RankingError(
                f"These are no probabilities: {int(wrong.sum()):,} of {len(P):,} rows {what}, the first "
                f"that of {catalog.names[first]}. {advice}"
            )
    return P
