"""`Ranking`: one row an image, most suspicious first."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, TypeGuard

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cleaner.errors import RankingError
from cleaner.ranking.clusters import Clusters
from cleaner.ranking.kept_heads import KeptHeads
from cleaner.ranking.logistic import LARGEST, logit
from cleaner.ranking.originals import Beliefs, Originals, Unseen, best_other
from cleaner.ranking.reasons import Explanation, Reasons, Witness
from cleaner.util.arrays import load_arrays, pack_texts, save_arrays, unpack_texts
from cleaner.util.atomic import write_atomically
from cleaner.util.places import Places

ORDERINGS = ("pooled", "loss", "self_confidence", "normalized_margin", "in_sample_loss", "least_confident")
"""Names of the orderings; ``pooled`` is the default one."""

_FORMAT = 2
_EARLIER = (1,)  # whose names, splits and labels are in the head
_BLOCK = 50_000
_TINY = np.float32(1e-6)
_CERTAIN = -60.0  # log odds that only labels reach that are known to be right


class Ranking:
    """Images ranked by the probability that their label is wrong.

    Parameters
    ----------
    names, splits, given : sequence of str, length n
        Name, split and given label of each image; a given label of ``None`` means unlabelled. Lists are kept
        and must not change.
    classes : sequence of str
        Order of the columns of ``posterior`` and ``predicted``.
    posterior : float32, shape (n, n_classes)
        Probability of each class being the true one, the given label taken into account.
    predicted : float32, shape (n, n_classes)
        Probability of each class from the image alone, out of sample.
    signals : mapping of str to float32, shape (n,)
        One column for each name in `ORDERINGS`, higher = more suspicious.
    features : mapping of str to float32 array, optional
        Per-image evidence that learning from decisions starts from: ``log_odds`` of a wrong label as the pool
        sees it, and ``probability``, see `scores`.
    model : str
        Identifies method, embeddings and labels.
    named_at : int
        Row of the review history at which the classes had these names; 0: the catalog's names.
    awaited : int
        Images that had not been looked at when it was made, which makes it preliminary; 0: it is of all.
    reasons : Reasons, optional
        What tells why an image stands where it does; None in a ranking that was saved without.
    clusters : Clusters, optional
        Which suspicious images lie together; None in a ranking without features, or saved without.
    originals : Originals, optional
        What it would think of the labels that were decided on before it was made; None in one saved without.

    Attributes
    ----------
    heads : KeptHeads or None
        The heads that made it; None where it was loaded (they are in a file of their own), or made without.
    table : DataFrame
        Most suspicious first, unlabelled images last. Columns ``name``, ``split``, ``given_label`` (missing
        when unlabelled), ``predicted_label``, ``probability`` (of the predicted label), ``loss`` (nats, of
        the given label, out of sample; higher = worse), ``score`` (probability that the given label is
        wrong; NaN when there is none), ``suggested_label`` (best class other than the given one).
    """

    def __init__(
        self,
        names: Sequence[str],
        splits: Sequence[str],
        given: Sequence[str | None],
        *,
        classes: Sequence[str],
        posterior: NDArray[np.floating],
        predicted: NDArray[np.floating],
        signals: Mapping[str, NDArray[np.floating]],
        features: Mapping[str, NDArray[np.floating]] | None = None,
        model: str,
        named_at: int = 0,
        awaited: int = 0,
        reasons: Reasons | None = None,
        clusters: Clusters | None = None,
        originals: Originals | None = None,
    ) -> None:
        self.names = _texts(names)
        self.splits = _texts(splits)
        self.given = (
            given
            if _are(given, str, type(None))
            else [label if label is None else str(label) for label in given]
        )
        self.classes = [str(c) for c in classes]
        self.posterior = np.asarray(posterior, dtype=np.float32)
        self.predicted = np.asarray(predicted, dtype=np.float32)
        self.signals = {k: np.asarray(v, dtype=np.float32) for k, v in signals.items()}
        self.features = {k: np.asarray(v, dtype=np.float32) for k, v in (features or {}).items()}
        self.model = model
        self.named_at = named_at
        self.awaited = awaited
        self.reasons = reasons
        self.clusters = clusters
        self.originals = originals
        self.heads: KeptHeads | None = None
        shape = (len(self.names), len(self.classes))
        if self.posterior.shape != shape or self.predicted.shape != shape:
            msg = (
                f"Got probabilities of shape {self.posterior.shape} and {self.predicted.shape} for "
                f"{shape[0]} images and {shape[1]} classes; give one row per image and one column per class."
            )
            raise RankingError(msg)

    @cached_property
    def table(self) -> pd.DataFrame:
        """The images, most suspicious first; made when it is first asked for."""
        best = self.predicted.argmax(axis=1)
        labels = np.array([*self.classes, None], dtype=object)
        table = pd.DataFrame(
            {
                "name": self.names,
                "split": self.splits,
                "given_label": self.given,
                "predicted_label": labels[best],
                "probability": self.predicted[np.arange(len(best)), best],
                "loss": self.signals["loss"],
                "score": self.scores,
                "suggested_label": labels[self.suggested],
            }
        )
        return table.iloc[self.rows("pooled")].reset_index(drop=True)

    @property
    def scores(self) -> NDArray[np.float32]:
        """Probability that each given label is wrong before anybody has looked, in the order of `names`.

        Averaged over the kinds of noise that there may be (`cleaner.ranking.prior`); NaN for images without a
        label. In a ranking that was saved without it, the pool's own.
        """
        return self.features.get("probability", self.signals["pooled"])

    @cached_property
    def codes(self) -> NDArray[np.int64]:
        """Column of the given label of each image, -1 when unlabelled, in the order of `names`."""
        index: dict[str | None, int] = {c: i for i, c in enumerate(self.classes)}
        column = {label: index.get(label, -1) for label in set(self.given)}
        return _fixed(np.fromiter(map(column.__getitem__, self.given), np.int64, len(self.given)))

    @cached_property
    def suggested(self) -> NDArray[np.int64]:
        """Column of the suggested class of each image, in the order of `names`; -1 if there is no other."""
        return _fixed(best_other(self.posterior, self.codes))

    @property
    def suggested_probability(self) -> NDArray[np.float32]:
        """Probability of the suggested class of each image, the given label taken into account; 0 if none."""
        suggested = self.suggested
        found = self.posterior[np.arange(len(self)), np.maximum(suggested, 0)]
        return np.where(suggested >= 0, found, 0).astype(np.float32)

    def unseen(self) -> Unseen:
        """Return the labels as if nobody had ever decided on any."""
        given, suggested, n_classes = self._asked()
        own = self.features.get("log_odds")
        odds = logit(self.signals["pooled"]) if own is None else own.astype(np.float64)
        is_open = (given >= 0) & ~(odds < _CERTAIN)
        given[~is_open] = -1
        before = self.originals
        if before is not None:
            given[before.rows], suggested[before.rows] = before.given, before.suggested
            odds[before.rows] = before.log_odds
        odds = np.clip(odds, -LARGEST, LARGEST)
        odds[given < 0] = np.nan
        return Unseen(given, suggested, odds, is_open, self._surprising(given), n_classes)

    def beliefs(self, asked: Unseen) -> Beliefs:
        """Return what is said of the labels that somebody asks about, from the images alone."""
        at = np.arange(len(self))
        given, suggested = (
            np.log(np.maximum(self.predicted[at, np.maximum(each, 0)], _TINY))
            for each in (asked.given, asked.suggested)
        )
        entropy = np.empty(len(self), dtype=np.float32)
        for begin in range(0, len(self), _BLOCK):  # all at once would take as much memory as the ranking
            some = self.predicted[begin : begin + _BLOCK]
            entropy[begin : begin + _BLOCK] = -(some * np.log(np.maximum(some, _TINY))).sum(axis=1)
        return Beliefs(given, suggested, entropy)

    def _asked(self) -> tuple[NDArray[np.int64], NDArray[np.int64], int]:
        """Return columns of what is given and what is suggested instead, and how many columns there are."""
        return self.codes.copy(), self.suggested.copy(), len(self.classes)

    def _surprising(self, given: NDArray[np.int64]) -> NDArray[np.bool_]:
        return np.asarray(self.predicted.argmax(axis=1) != given)

    def rows(self, by: str = "pooled") -> NDArray[np.int64]:
        """Return the rows of all images in the order of `order`; raises `RankingError` likewise."""
        if by not in self._ordered:
            self._ordered[by] = _fixed(self._positions(by))
        return self._ordered[by]

    @cached_property
    def _ordered(self) -> dict[str, NDArray[np.int64]]:
        return {}

    def _positions(self, by: str) -> NDArray[np.int64]:
        if by not in self.signals:
            msg = f"Got ordering {by!r}; expected one of {', '.join(sorted(self.signals))}."
            raise RankingError(msg)
        value = self.signals[by].astype(np.float64)
        last = np.where(np.isnan(value), -np.inf, value)
        if by != "pooled":
            return np.argsort(-last, kind="stable").astype(np.int64)
        # Saturated probabilities tie; the log odds behind the pooled score then decide.
        finer = self.features.get("log_odds", self.signals["loss"])
        finer = np.where(np.isnan(finer), -np.inf, finer)
        return np.lexsort((-finer, -last)).astype(np.int64)

    def order(self, by: str = "pooled") -> NDArray[np.object_]:
        """Return all names, most suspicious first, unlabelled last; equal values keep the order of names.

        Parameters
        ----------
        by : str
            One of `ORDERINGS`.

        Raises
        ------
        RankingError
            An unknown ordering.
        """
        return np.array(self.names, dtype=object)[self.rows(by)]

    def row(self, name: str) -> int:
        """Return the row of an image in ``posterior``, ``predicted``, ``signals`` and ``features``."""
        row = self.places.get(name)
        if row is None:
            msg = f"{name!r} is not in this ranking of {len(self.names)} images. Rank the images again."
            raise RankingError(msg)
        return row

    @cached_property
    def places(self) -> Places:
        """Where each name stands in `names`."""
        return Places(self.names)

    def at(
        self,
        rows: NDArray[np.int64],
        *,
        names: Sequence[str],
        given: Sequence[str | None],
        classes: Sequence[str],
    ) -> Ranking:
        """Return the ranking of some rows, with other names of these images, their labels and the classes.

        Parameters
        ----------
        rows : int64, shape (m,)
        names, given : sequence, length m
            Of these rows.
        classes : sequence of str
            In the order of ``self.classes``.
        """
        new_row = np.full(len(self), -1, dtype=np.int64)
        new_row[rows] = np.arange(len(rows))
        return Ranking(
            names,
            [self.splits[row] for row in rows.tolist()],
            given,
            classes=classes,
            posterior=self.posterior[rows],
            predicted=self.predicted[rows],
            signals={name: values[rows] for name, values in self.signals.items()},
            features={name: values[rows] for name, values in self.features.items()},
            model=self.model,
            named_at=self.named_at,
            awaited=self.awaited,
            reasons=None if self.reasons is None else self.reasons.at(rows, new_row),
            clusters=None if self.clusters is None else self.clusters.at(rows),
            originals=None if self.originals is None else self.originals.at(new_row),
        )

    def why(self, name: str, labels: Mapping[str, str | None] | None = None) -> Explanation | None:
        """Return why an image stands where it does; None in a ranking that was saved without reasons.

        Parameters
        ----------
        name : str
        labels : mapping of str to (str or None), optional
            The labels that the images have now, without those that are gone; default: the labels that were
            ranked.

        Raises
        ------
        RankingError
            The ranking does not know the image.
        """
        row, reasons = self.row(name), self.reasons
        if reasons is None:
            return None

        def witnesses(rows: Iterable[int]) -> tuple[Witness, ...]:
            names = [(other, self.names[other]) for other in rows if other >= 0]
            if labels is None:
                return tuple(Witness(each, self.given[other]) for other, each in names)
            return tuple(Witness(each, labels[each]) for _, each in names if each in labels)

        return Explanation(
            name=name,
            given=self.given[row],
            says=self.classes[reasons.heads[row]],
            probability=float(reasons.probability[row]),
            neighbours=witnesses(reasons.neighbours[row].tolist()),
            copies=witnesses(reasons.copies(row)),
        )

    def __len__(self) -> int:
        return len(self.names)

    def __repr__(self) -> str:
        return f"Ranking({len(self)} images, {len(self.classes)} classes, model={self.model!r})"

    def to_csv(self, path: Path | str) -> Path:
        """Write `table` as a CSV file (complete or not at all) and return its path."""
        path = Path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        # One line an image, whatever a file name contains: pandas quotes commas, quotes and line breaks.
        write_atomically(path, self.table.to_csv(index=False, lineterminator="\n").encode())
        return path

    def save(self, folder: Path | str) -> Path:
        """Write ``ranking.npz``, ``ranking.csv`` (the table) and the heads into a folder and return it."""
        folder = Path(folder)
        save_arrays(folder / "ranking.npz", *self._stored())
        if self.heads is not None:
            self.heads.save(folder)
        self.to_csv(folder / "ranking.csv")
        return folder

    def _stored(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """Return what is saved: the head of the file, and arrays by name."""
        head = {
            "format": _FORMAT,
            "classes": self.classes,
            "model": self.model,
            "info": {"named_at": self.named_at, "awaited": self.awaited},
        }
        arrays: dict[str, NDArray[Any]] = {"posterior": self.posterior, "predicted": self.predicted}
        for what, texts in (("names", self.names), ("splits", self.splits), ("given", self.given)):
            arrays |= pack_texts(what, texts)
        arrays |= {f"signal:{k}": v for k, v in self.signals.items()}
        arrays |= {f"feature:{k}": v for k, v in self.features.items()}
        for part in (self.reasons, self.clusters, self.originals):
            arrays |= {} if part is None else part.arrays()
        return head, arrays

    @classmethod
    def load(cls, folder: Path | str) -> Ranking:
        """Read what `save` wrote.

        Raises
        ------
        RankingError
            Nothing there, or a file this version cannot read.
        """
        return cls.of_stored(*load_stored(folder))

    @classmethod
    def of_stored(cls, head: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> Ranking:
        """Make a ranking of what `save` wrote."""
        return cls(
            head["names"],
            head["splits"],
            head["given"],
            classes=head["classes"],
            posterior=arrays["posterior"],
            predicted=arrays["predicted"],
            signals={k.removeprefix("signal:"): v for k, v in arrays.items() if k.startswith("signal:")},
            features={k.removeprefix("feature:"): v for k, v in arrays.items() if k.startswith("feature:")},
            model=head["model"],
            named_at=int(head["info"].get("named_at", 0)),
            awaited=int(head["info"].get("awaited", 0)),
            reasons=Reasons.from_arrays(arrays),
            clusters=Clusters.from_arrays(arrays),
            originals=Originals.from_arrays(arrays),
        )


def load_stored(folder: Path | str) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Read the file that `Ranking.save` wrote: its head, and arrays by name; raises `RankingError`."""
    path = Path(folder) / "ranking.npz"
    if not path.exists():
        msg = f"There is no ranking in {path.parent}. Rank the images first."
        raise RankingError(msg)
    head, arrays = load_arrays(
        path,
        required=("posterior", "predicted"),
        format_number=_FORMAT,
        earlier=_EARLIER,
        advice="Rank the images again.",
    )
    if head["format"] not in _EARLIER:
        head |= {what: unpack_texts(what, arrays).tolist() for what in ("names", "splits", "given")}
    return head, arrays


def model_id(method: str, *parts: object) -> str:
    """Return a short name for a ranking: the method and a digest of everything it depends on."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part.tobytes() if isinstance(part, np.ndarray) else repr(part).encode())
        digest.update(b"\0")
    return f"{method}-{digest.hexdigest()[:12]}"


def _are(values: object, *kinds: type) -> TypeGuard[list[Any]]:
    """Tell whether something is a list of some types, which need not be copied."""
    return isinstance(values, list) and set(map(type, values)) <= set(kinds)


def _texts(values: Sequence[str]) -> list[str]:
    return values if _are(values, str) else [str(value) for value in values]


def _labels(given: Sequence[str | None]) -> list[str | None]:
    if _are(given, str, type(None)):
        return given
    return [label if label is None else str(label) for label in given]


def _fixed(array: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return an array that several share, so that nobody changes it."""
    array.flags.writeable = False
    return array
