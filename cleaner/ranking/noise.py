"""The noise matrix T[c, g] = p(given label g | true class c), trusted no further than the data show.

Estimated from soft counts by empirical Bayes: how far the classes may differ in their error rates, and how
far the wrong labels of a class may prefer certain other classes, are both decided by the marginal likelihood
of the counts. Evenly spread errors therefore give a plain symmetric matrix, a few strong pairs a sparse one,
and no threshold says which.

Sources: Dempster, Laird & Rubin, JRSS-B 39 (1977), for EM; Minka, *Estimating a Dirichlet distribution*
(2000), for the evidence of the Dirichlet-multinomial; Northcutt et al., *Confident learning*, JAIR 70 (2021),
and Liu & Tao, IEEE TPAMI 38 (2016), for counting on images whose class is clear ("anchors").
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cleaner.ranking.features import Floats

Doubles = NDArray[np.float64]

FLOOR = 0.01
"""Smallest share of wrong labels assumed: with less, every ambiguous image would be called right."""

_ANCHORS_LEAST = 5
_ANCHORS_SHARE = 0.3
_SPREADS = np.geomspace(10, 3000, 8)
_CONCENTRATIONS = np.geomspace(1, 3000, 16)


@dataclass(frozen=True)
class NoiseMatrix:
    """What the given labels say about the true classes.

    Attributes
    ----------
    T : float64, shape (n_classes, n_classes)
        Rows are true classes and sum to one.
    concentration : float
        Strength of the prior behind the off-diagonal shape: small = strong class pairs, large = even.
    spread : float
        The same for the error rates of the classes: small = they differ, large = all alike.
    """

    T: Doubles
    concentration: float
    spread: float


def symmetric_noise(n_classes: int, rate: float = 0.1) -> NoiseMatrix:
    """Return the matrix in which a label is wrong with ``rate``, evenly over the other classes."""
    T = np.full((n_classes, n_classes), rate / max(n_classes - 1, 1))
    np.fill_diagonal(T, 1 - rate if n_classes > 1 else 1)
    return NoiseMatrix(T, float(_CONCENTRATIONS[-1]), float(_SPREADS[-1]))


def anchor_noise(p: Floats) -> NoiseMatrix:
    """Read a noise matrix off the images whose class is surest (Patrini et al., CVPR 2017).

    Heads fitted to given labels predict given labels: where 40 % of the images of a class are called
    something else, they say 60 : 40 even of the clearest of them. EM that starts from evenly spread noise
    takes this for ambiguity; starting from here, it takes it for noise.

    Parameters
    ----------
    p : float32, shape (n, n_classes)
        Probabilities of the *given* label from heads that have not seen the image.
    """
    k = p.shape[1]
    T = symmetric_noise(k).T.copy()
    best = p.argmax(axis=1)
    for c in range(k):
        rows = np.flatnonzero(best == c)
        if len(rows) >= _ANCHORS_LEAST:
            sure = rows[np.argsort(-p[rows, c], kind="stable")]
            T[c] = p[sure[: max(_ANCHORS_LEAST, int(_ANCHORS_SHARE * len(rows)))]].mean(axis=0)
    T /= T.sum(axis=1, keepdims=True)
    return NoiseMatrix(T, float(_CONCENTRATIONS[0]), float(_SPREADS[0]))


def soft_counts(q: Floats, codes: NDArray[np.int64], n_classes: int) -> Doubles:
    """Return C[c, g] = Σ of q[i, c] over the rows i with code g, shape (columns of q, n_classes)."""
    if len(codes) == 0:
        return np.zeros((q.shape[1], n_classes))
    order = np.argsort(codes, kind="stable")
    present, first = np.unique(codes[order], return_index=True)
    C = np.zeros((q.shape[1], n_classes))
    C[:, present] = np.add.reduceat(q[order].astype(np.float64), first, axis=0).T
    return C


def estimate_noise(
    counts: Doubles, given_counts: NDArray[np.int64], previous: NoiseMatrix | None = None
) -> NoiseMatrix:
    """Estimate a noise matrix from soft counts of (true class, given label).

    Parameters
    ----------
    counts : float64, shape (n_classes, n_classes)
    given_counts : int64, shape (n_classes,)
        Images of each given label.
    previous : NoiseMatrix, optional
        Take spread and concentration from here instead of weighing the evidence again.
    """
    k = len(counts)
    if k == 1:
        return symmetric_noise(1)
    off = counts.copy()
    np.fill_diagonal(off, 0)
    wrong, total = off.sum(axis=1), counts.sum(axis=1)
    # Below 1: the beta prior of a rate that is certain has no density.
    rate = min(max(float(wrong.sum() / max(total.sum(), 1e-9)), FLOOR), 1 - 1e-9)
    spread = previous.spread if previous is not None else best_spread(wrong, total, rate)
    rates = (wrong + spread * rate) / (total + spread)
    shapes = _shapes(off, wrong, given_counts)
    if previous is not None:
        concentration = previous.concentration
        shape = max(shapes, key=lambda s: _shape_evidence(off, wrong, s[0], concentration) - s[1])[0]
    else:
        _, concentration, shape = max(
            (
                (_shape_evidence(off, wrong, s, float(a)) - cost, float(a), s)
                for s, cost in shapes
                for a in _CONCENTRATIONS
            ),
            key=lambda found: found[0],
        )
    T = (off + concentration * shape) / (wrong + concentration)[:, None] * rates[:, None]
    np.fill_diagonal(T, 1 - rates)
    return NoiseMatrix(T, concentration, spread)


def best_spread(wrong: Doubles, total: Doubles, rate: float) -> float:
    """Return the strength of the beta prior on the error rates that the counts make most likely."""
    from scipy.special import betaln

    def evidence(s: float) -> float:
        a, b = s * rate, s * (1 - rate)
        return float((betaln(a + wrong, b + total - wrong) - betaln(a, b)).sum())

    return float(max(_SPREADS, key=evidence))


def _shapes(off: Doubles, wrong: Doubles, given_counts: NDArray[np.int64]) -> list[tuple[Doubles, float]]:
    """Return candidates for where wrong labels go, each with the price of its free parameters (BIC-like).

    Evenly; in proportion to class sizes; or with a popularity of each class learnt from the counts, as when
    one class is the default of a labelling form.
    """
    k = len(off)

    def spread_out(popularity: Doubles) -> Doubles:
        m = np.tile(popularity, (k, 1))
        np.fill_diagonal(m, 0)
        rows: Doubles = m / m.sum(axis=1, keepdims=True)
        return rows

    learnt = np.full(k, 1 / k)
    for _ in range(5):
        exposure = (wrong[:, None] * spread_out(learnt) / learnt).sum(axis=0)
        learnt = (off.sum(axis=0) + 1) / (exposure + k)
        learnt /= learnt.sum()
    sizes = (given_counts + 0.5) / (given_counts + 0.5).sum()
    return [(spread_out(np.full(k, 1 / k)), 0.0), (spread_out(sizes), 0.0), (spread_out(learnt), (k - 1) / 2)]


def _shape_evidence(off: Doubles, wrong: Doubles, shape: Doubles, concentration: float) -> float:
    """Return the log evidence of the off-diagonal counts under Dirichlet rows."""
    from scipy.special import gammaln

    seen = off > 1e-6
    prior = concentration * shape[seen]
    rows = gammaln(concentration) - gammaln(concentration + wrong)
    return float(rows.sum() + (gammaln(prior + off[seen]) - gammaln(prior)).sum())
