"""`SetRanking`: a ranking of images that may have several labels."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cleaner.dataset.label_sets import LabelSets
from cleaner.errors import RankingError
from cleaner.ranking.features import Floats
from cleaner.ranking.originals import Beliefs, Doubles, Longs, Originals, Unseen
from cleaner.ranking.result import Ranking, load_stored
from cleaner.util.atomic import write_atomically

_WRONG = 0.5
_MOST_WRITTEN = 100_000


class SetRanking(Ranking):
    """Images ranked by the probability that any of their labels is missing or extra.

    A *bit* is one class of one image: it is there or not. The score of an image is::

        score = 1 - Π_k (1 - P(bit k is wrong))

    which takes the bits of one image to be wrong independently of each other. Where errors come together, as
    where an image got the labels of another one, it is too high; `cleaner.ranking.posterior` corrects that.

    Parameters
    ----------
    names, splits, given
        As in `Ranking`; a given label is the joined set of classes.
    classes : sequence of str
        Order of the columns.
    sets : LabelSets
        How labels are joined.
    posterior : float32, shape (n, n_classes)
        Probability that each class is there, the given label taken into account. Columns are independent.
    predicted : float32, shape (n, n_classes)
        Probability that each class is there from the image alone, out of sample.
    plain : float32, shape (n, n_classes)
        Probability that the label has each class, by heads that have not seen the image.
    missing, extra : float32, shape (n_classes,)
        Rates of noise: P(the label lacks the class | it is there), P(the label has it | it is not there).
    model : str
    named_at : int
    originals : Originals, optional
        The decided images with the labels from before; columns as `unseen` has them.

    Attributes
    ----------
    wrong : float32, shape (n, n_classes)
        Probability that each bit is wrong; 0 for images without a label.
    """

    def __init__(
        self,
        names: Sequence[str],
        splits: Sequence[str],
        given: Sequence[str | None],
        *,
        classes: Sequence[str],
        sets: LabelSets,
        posterior: NDArray[np.floating],
        predicted: NDArray[np.floating],
        plain: NDArray[np.floating],
        missing: NDArray[np.floating],
        extra: NDArray[np.floating],
        model: str,
        named_at: int = 0,
        awaited: int = 0,
        originals: Originals | None = None,
    ) -> None:
        self.sets = sets
        self.plain = np.asarray(plain, dtype=np.float32)
        self.missing = np.asarray(missing, dtype=np.float32)
        self.extra = np.asarray(extra, dtype=np.float32)
        self.bits = sets.bits(given, classes)
        labelled = np.array([label is not None for label in given], dtype=bool)
        self.wrong = np.where(self.bits, 1 - np.asarray(posterior), posterior).astype(np.float32)
        self.wrong[~labelled] = 0
        signals, features = _signals(self.wrong, self.plain, np.asarray(predicted), self.bits, labelled)
        super().__init__(
            names,
            splits,
            given,
            classes=classes,
            posterior=posterior,
            predicted=predicted,
            signals=signals,
            features=features,
            model=model,
            named_at=named_at,
            awaited=awaited,
            originals=originals,
        )

    @cached_property
    def pairs(self) -> pd.DataFrame:
        """All bits of labelled images, most suspicious first.

        Columns ``image``, ``label`` (the class), ``given`` ("present" or "absent"), ``probability`` (that the
        class is there, from the image alone, out of sample) and ``score`` (that the bit is wrong).
        """
        rows = np.flatnonzero([label is not None for label in self.given])
        k, score = len(self.classes), self.wrong[rows].ravel()
        order = np.argsort(-score, kind="stable")
        return pd.DataFrame(
            {
                "image": np.repeat(np.array(self.names, dtype=object)[rows], k)[order],
                "label": np.tile(np.array(self.classes, dtype=object), len(rows))[order],
                "given": np.where(self.bits[rows].ravel(), "present", "absent")[order],
                "probability": self.predicted[rows].ravel()[order],
                "score": score[order],
            }
        )

    @property
    def noise(self) -> pd.DataFrame:
        """Rates of noise: ``label``, ``missing`` (of images that show it), ``extra`` (of the others)."""
        return pd.DataFrame({"label": self.classes, "missing": self.missing, "extra": self.extra})

    @cached_property
    def table(self) -> pd.DataFrame:
        """The images, most suspicious first; columns as in `Ranking`, with joined labels."""
        rows = self.rows("pooled")
        suggested = [self.suggestion(row) for row in rows.tolist()]
        given = np.array(self.given, dtype=object)[rows]
        return pd.DataFrame(
            {
                "name": np.array(self.names, dtype=object)[rows],
                "split": np.array(self.splits, dtype=object)[rows],
                "given_label": given,
                "predicted_label": [label for label, _ in suggested],
                "probability": np.array([odds for _, odds in suggested], dtype=np.float32),
                "loss": self.signals["loss"][rows],
                "score": self.scores[rows],
                "suggested_label": [
                    None if label == before else label
                    for (label, _), before in zip(suggested, given, strict=True)
                ],
            }
        )

    @cached_property
    def suggested_bits(self) -> NDArray[np.bool_]:
        """Which classes the suggestion for each image has, shape (n, n_classes); see `suggestion`."""
        change = self.wrong > _WRONG
        doubtful = np.flatnonzero(~change.any(axis=1) & (self.signals["pooled"] > _WRONG))
        change[doubtful, self.wrong[doubtful].argmax(axis=1)] = True
        unlabelled = np.array([label is None for label in self.given], dtype=bool)[:, None]
        return np.where(unlabelled, self.posterior > _WRONG, self.bits ^ change)

    def suggestion(self, row: int) -> tuple[str, float]:
        """Return the most probable label of an image, and how probable it is, if its bits are independent.

        It is the given label with each bit changed that is more probably wrong than right; where the image is
        more probably wrong than right, at least the most suspicious one is.
        """
        there = self.suggested_bits[row]
        odds = np.where(there, self.posterior[row], 1 - self.posterior[row]).astype(np.float64)
        label = self.sets.join(name for name, is_there in zip(self.classes, there, strict=True) if is_there)
        return label, float(np.prod(odds))

    def at(
        self,
        rows: NDArray[np.int64],
        *,
        names: Sequence[str],
        given: Sequence[str | None],
        classes: Sequence[str],
    ) -> SetRanking:
        """Return the ranking of some rows; see `Ranking.at`."""
        new_row = np.full(len(self), -1, dtype=np.int64)
        new_row[rows] = np.arange(len(rows))
        return SetRanking(
            names,
            [self.splits[row] for row in rows.tolist()],
            given,
            classes=classes,
            sets=self.sets,
            posterior=self.posterior[rows],
            predicted=self.predicted[rows],
            plain=self.plain[rows],
            missing=self.missing,
            extra=self.extra,
            model=self.model,
            named_at=self.named_at,
            awaited=self.awaited,
            originals=None if self.originals is None else self.originals.at(new_row),
        )

    def under_names(self, label_now: Callable[[str], str], *, named_at: int | None = None) -> SetRanking:
        """Return the ranking with other names of its classes; the same object if all are called as before.

        Of classes that became one, one is there if any of them is, taken as independent of each other.

        Parameters
        ----------
        label_now : callable
            Gives the present name of a class, or of several that are joined.
        named_at : int, optional
            Row of the history up to which ``label_now`` knows it.
        """
        names = [label_now(name) for name in self.classes]
        given = [None if label is None else label_now(label) for label in self.given]
        if names == self.classes and given == self.given:
            return self
        classes = sorted(set(names))
        columns = [[i for i, name in enumerate(names) if name == each] for each in classes]

        now = np.array([*map(classes.index, names), len(classes)], dtype=np.int64)  # the last one is none

        def any_of(p: Floats) -> Floats:
            merged = [1 - np.prod(1 - p[..., own], axis=-1) for own in columns]
            return np.stack(merged, axis=-1).astype(np.float32)

        return SetRanking(
            self.names,
            self.splits,
            given,
            classes=classes,
            sets=self.sets,
            posterior=any_of(self.posterior),
            predicted=any_of(self.predicted),
            plain=any_of(self.plain),
            missing=np.array([self.missing[own].mean() for own in columns]),
            extra=any_of(self.extra),
            model=self.model,
            named_at=self.named_at if named_at is None else named_at,
            awaited=self.awaited,
            originals=None if self.originals is None else self.originals.merged(now),
        )

    def beliefs(self, asked: Unseen) -> Beliefs:
        """Return what is said of the most doubtful bits; see `Ranking.beliefs`."""
        none = len(self.classes)
        is_missing = asked.given == none
        doubtful = np.clip(np.where(is_missing, asked.suggested, asked.given), 0, none - 1)
        p = self.predicted[np.arange(len(self)), doubtful]
        there, absent = (np.log(np.maximum(each, 1e-6)) for each in (p, 1 - p))
        both = np.stack([self.predicted, 1 - self.predicted])
        entropy = -(both * np.log(np.maximum(both, 1e-6))).sum(axis=(0, 2))
        return Beliefs(np.where(is_missing, absent, there), np.where(is_missing, there, absent), entropy)

    def _asked(self) -> tuple[Longs, Longs, int]:
        given, suggested = most_doubtful(self.wrong, self.bits)
        given[[label is None for label in self.given]] = -1
        return given, suggested, len(self.classes) + 1

    def _surprising(self, given: Longs) -> NDArray[np.bool_]:
        return np.asarray(((self.predicted > 0.5) != self.bits).any(axis=1))

    # ---------------------------------------------------------------- what there is for single labels only

    @property
    def codes(self) -> NDArray[np.int64]:
        """A label of several classes has no single column; raises `RankingError`."""
        _refuse()

    @property
    def suggested(self) -> NDArray[np.int64]:
        """A suggestion is no single class; raises `RankingError`. See `suggestion`."""
        _refuse()

    # ---------------------------------------------------------------- on the disk

    def save(self, folder: Path | str) -> Path:
        """Write what `Ranking.save` writes, and ``pairs.csv``: the 100,000 most suspicious bits."""
        folder = super().save(folder)
        text = self.pairs.head(_MOST_WRITTEN).to_csv(index=False, lineterminator="\n")
        write_atomically(folder / "pairs.csv", text.encode())
        return folder

    def _stored(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        head, arrays = super()._stored()
        arrays |= {"plain": self.plain, "missing": self.missing, "extra": self.extra}
        return head | {"separator": self.sets.separator}, arrays

    @classmethod
    def of_stored(cls, head: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> SetRanking:
        """Make a ranking of what `save` wrote."""
        return cls(
            head["names"],
            head["splits"],
            head["given"],
            classes=head["classes"],
            sets=LabelSets(head["separator"]),
            **{name: arrays[name] for name in ("posterior", "predicted", "plain", "missing", "extra")},
            model=head["model"],
            named_at=int(head["info"].get("named_at", 0)),
            awaited=int(head["info"].get("awaited", 0)),
            originals=Originals.from_arrays(arrays),
        )


def load_ranking(folder: Path | str) -> Ranking:
    """Read the ranking that was saved in a folder, of either kind.

    Raises
    ------
    RankingError
        Nothing there, or a file this version cannot read.
    """
    head, arrays = load_stored(folder)
    return (SetRanking if "separator" in head else Ranking).of_stored(head, arrays)


def any_wrong(wrong: NDArray[np.floating]) -> tuple[Doubles, Doubles]:
    """Return how probably any bit of an image is wrong, and the log odds, from those of its bits."""
    right = np.log1p(-np.clip(wrong.astype(np.float64), 0, 1 - 1e-7)).sum(axis=1)  # log Π (1 - wrong)
    score = -np.expm1(right)
    return score, np.log(np.maximum(score, 1e-300)) - right


def most_doubtful(wrong: NDArray[np.floating], bits: NDArray[np.bool_]) -> tuple[Longs, Longs]:
    """Return what is given and what is suggested instead, in the bit of each image that is most doubtful.

    Columns: the class and, after the last class, none. An extra label is a class for which none is suggested,
    a missing one is none for which a class is.
    """
    worst, none = wrong.argmax(axis=1), wrong.shape[1]
    extra = bits[np.arange(len(bits)), worst]
    return np.where(extra, worst, none).astype(np.int64), np.where(extra, none, worst).astype(np.int64)


def _signals(
    wrong: Floats,
    plain: Floats,
    predicted: NDArray[np.floating],
    bits: NDArray[np.bool_],
    labelled: NDArray[np.bool_],
) -> tuple[dict[str, Floats], dict[str, Floats]]:
    """Return signals and features as `Ranking` has them, higher = more suspicious."""
    score, odds = any_wrong(wrong)
    own = np.where(bits, plain, 1 - plain)
    signals = {
        "pooled": score,
        "loss": -np.log(np.maximum(own.astype(np.float64), 1e-12)).sum(axis=1),
        "self_confidence": 1 - own.min(axis=1, initial=1),
        "least_confident": np.minimum(predicted, 1 - predicted).max(axis=1, initial=0),
    }
    for name, column in signals.items():
        if name != "least_confident":
            column[~labelled] = np.nan
    odds[~labelled] = np.nan
    return (
        {name: column.astype(np.float32) for name, column in signals.items()},
        {"log_odds": odds.astype(np.float32)},
    )


def _refuse() -> NoReturn:
    raise RankingError(
        "This cannot be worked out where images have several labels. Use ranking.pairs, which has one row "
        "for each image and class."
    )
