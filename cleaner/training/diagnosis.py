"""What went wrong in training, if anything: the lesson's rules in a form that a machine can check.

Rules, in this order; C classes, T epochs, n validation images, e error rate, v validation loss, u training
loss in eval mode, chance = 1 − share of the largest class, SE(e) = √(e(1−e)/n). Where images can have several
labels, e and losses are those of an answer (an image and a class), n is how many independent answers would be
as certain, and chance and ln C become the error and loss of somebody who knows only how frequent classes are:

1. ``diverged``: a loss is not finite, or v_T > 3·ln C, or (e_T ≥ chance − 2·SE, v_T > ln C, and v_T > 1.2
   times ln C or the lowest v: who has learnt nothing at a tiny rate is at chance and at ln C, too).
2. ``lr_too_low``: u_T ≥ .9·v_T, v falls by less than 5 % an epoch, and v_T > .5·ln C.
3. ``too_few_epochs``: T = 1, or v_T < .9·(lowest v before), or e_T < (lowest e before) − SE.
4. ``overfit``: the mean of the last three e > e_m + 2·SE(e_m), m the best epoch, while u falls. Never because
   u < v, which is normal, nor because v rises alone.
5. ``not_enough_data``: none of these, e_m above the target, u about 0. ``within_noise``: none of these, and
   the change since the run before is below 2·SE.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from cleaner.errors import TrainingError
from cleaner.util.wording import count, percent, rate_words

TARGET_ERROR = 0.05
"""Error rate above which a set whose training images are learnt by heart is called too small, unless told."""

_NEARLY_ZERO_NATS = 0.05
_RATE_STEP = 10.0


class Verdict(StrEnum):
    """What a training was like. Job folders and saved results keep these values, so they never change."""

    OK = "ok"
    DIVERGED = "diverged"
    LR_TOO_LOW = "lr_too_low"
    TOO_FEW_EPOCHS = "too_few_epochs"
    OVERFIT = "overfit"
    NOT_ENOUGH_DATA = "not_enough_data"
    WITHIN_NOISE = "within_noise"


@dataclass(frozen=True)
class Remedy:
    """What to train with next; one of the two, the other stays as it was.

    Attributes
    ----------
    lr : float or None
        Highest learning rate of the head.
    epochs : int or None
        Passes over the images with all layers.
    """

    lr: float | None = None
    epochs: int | None = None


@dataclass(frozen=True, kw_only=True)
class Diagnosis:
    """A verdict on a training, and the numbers that it rests on.

    Attributes
    ----------
    verdict : Verdict
    remedy : Remedy or None
        None if nothing is to be done, if no setting would help, or if the settings are not known.
    n_epochs : int
        All epochs that were judged, those of the head alone among them.
    n_valid : int
        Validation images.
    best_epoch : int
        The epoch with the lowest error rate, from 1; the earliest of several.
    best_error, last_error : float
        Error rates of the best epoch, and of the last one; after overfitting, the mean of the last three.
    train_loss, first_loss, last_loss : float
        The last training loss, and the first and last validation loss, nats.
    guess_loss : float
        Loss of guessing, nats.
    previous_error : float or None
        Last error rate of the training before, on the same images.
    kept_epoch : int or None
        The epoch, from 1, whose weights the model has, if training stopped early.
    by_class : bool
        Whether error rates are shares of answers, of which each class of each image gets one; else of images.
    """

    verdict: Verdict
    remedy: Remedy | None = None
    n_epochs: int
    n_valid: int
    best_epoch: int
    best_error: float
    last_error: float
    train_loss: float
    first_loss: float
    last_loss: float
    guess_loss: float
    previous_error: float | None = None
    kept_epoch: int | None = None
    by_class: bool = False

    def __str__(self) -> str:
        return " ".join(filter(None, (self.sentence, self.advice)))

    @property
    def _whole(self) -> str:
        """What error rates are shares of."""
        return "answers on the validation images" if self.by_class else "validation images"

    @property
    def _counted(self) -> str:
        images = count(self.n_valid, "validation image")
        return f"the answers on {images}" if self.by_class else images

    @property
    def sentence(self) -> str:
        """What was seen, for a reader who has never trained a network."""
        match self.verdict:
            case Verdict.DIVERGED:
                if not math.isfinite(self.last_loss):
                    return "The learning rate was too high: the loss is no number any more."
                return (
                    f"The learning rate was too high: the validation loss is {self.last_loss:.3g}; guessing "
                    f"would give {self.guess_loss:.2f}."
                )
            case Verdict.LR_TOO_LOW:
                return (
                    f"The learning rate was too low: in {count(self.n_epochs, 'epoch')}, the validation loss "
                    f"only fell from {self.first_loss:.2f} to {self.last_loss:.2f}."
                )
            case Verdict.TOO_FEW_EPOCHS:
                return (
                    f"Training stopped too early: after {count(self.n_epochs, 'epoch')}, with "
                    f"{percent(self.last_error)} of the {self._whole} wrong, the model was still getting "
                    "better."
                )
            case Verdict.OVERFIT:
                return (
                    f"Training went on for too long: {percent(self.best_error)} of the {self._whole} were "
                    f"wrong after epoch {self.best_epoch}, and {percent(self.last_error)} at the end."
                )
            case Verdict.NOT_ENOUGH_DATA:
                return (
                    "There are too few images, or too many wrong labels: the model knows the training images "
                    f"by heart (loss {self.train_loss:.2f}), but gets {percent(self.best_error)} of the "
                    f"{self._whole} wrong."
                )
            case Verdict.WITHIN_NOISE:
                return (
                    "No measurable difference from the training before: "
                    f"{percent(self.previous_error or 0)} of {self._counted} were wrong then, "
                    f"{percent(self.last_error)} are now."
                )
        return (
            f"Training went well: {percent(self.last_error)} of {self._counted} are wrong, and more epochs "
            "would hardly change that."
        )

    @property
    def advice(self) -> str:
        """What to do; empty if nothing is to be done."""
        lr, epochs = (None, None) if self.remedy is None else (self.remedy.lr, self.remedy.epochs)
        match self.verdict:
            case Verdict.DIVERGED:
                return f"Train again with {'a tenth of the rate' if lr is None else rate_words(lr)}."
            case Verdict.LR_TOO_LOW:
                return f"Train again with {'ten times the rate' if lr is None else rate_words(lr)}."
            case Verdict.TOO_FEW_EPOCHS:
                return f"Train for {'twice as many' if epochs is None else epochs} epochs."
            case Verdict.OVERFIT if self.kept_epoch is not None:
                return f"It was stopped early, and the model of epoch {self.kept_epoch} is kept."
            case Verdict.OVERFIT:
                return f"Train for {'fewer epochs' if epochs is None else count(epochs, 'epoch')}."
            case Verdict.NOT_ENOUGH_DATA:
                return "Clean more labels, or add images."
        return ""

    def to_dict(self) -> dict[str, Any]:
        """Return what JSON can hold."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Diagnosis:
        """Make a diagnosis from what `to_dict` gave."""
        remedy = data["remedy"]
        known = {"verdict": Verdict(data["verdict"]), "remedy": None if remedy is None else Remedy(**remedy)}
        return cls(**{**data, **known})


def diagnose(
    train_losses: Sequence[float],
    valid_losses: Sequence[float],
    error_rates: Sequence[float],
    *,
    n_valid: int,
    n_classes: int,
    lr: float | None = None,
    epochs: int | None = None,
    n_independent: int | None = None,
    guess_error: float | None = None,
    guess_loss: float | None = None,
    target_error: float = TARGET_ERROR,
    previous_error: float | None = None,
    kept_epoch: int | None = None,
) -> Diagnosis:
    """Judge a whole training, all its stages together.

    Parameters
    ----------
    train_losses, valid_losses : sequence of float, nats
        One an epoch; the training loss in eval mode on a fixed subset.
    error_rates : sequence of float, 0..1
        On the validation set, one an epoch.
    n_valid : int
        Validation images.
    n_classes : int
    lr : float, optional
        Highest rate of the last run, from which that of the remedy is made.
    epochs : int, optional
        How many of the epochs, the last ones, a next training is to have more or fewer of: those with all
        layers in the last run. The remedy is made from it.
    n_independent : int, optional
        Where images can have several labels, how many independent answers would be as certain; the error
        rates are then shares of answers.
    guess_error, guess_loss : float, optional
        What guessing gives; by default all classes are taken as equally large.
    target_error : float
        The error rate that was hoped for; "not_enough_data" is said above it only.
    previous_error : float, optional
        The last error rate of the training before, on the same images; without it "within_noise" is never
        said.
    kept_epoch : int, optional
        The epoch, from 1, to which a training that was stopped early went back; nothing is to be done then.

    Raises
    ------
    TrainingError
        There is no epoch, or the three series differ in length.
    """
    lengths = {len(train_losses), len(valid_losses), len(error_rates)}
    if len(lengths) > 1 or not error_rates or n_valid < 1:
        msg = (
            f"Got {len(train_losses)} training losses, {len(valid_losses)} validation losses and "
            f"{len(error_rates)} error rates on {n_valid} images; expected one each for every epoch, "
            "of one or more."
        )
        raise TrainingError(msg)
    u, v, e = train_losses, valid_losses, error_rates
    best = min(range(len(e)), key=lambda t: (math.isnan(e[t]), e[t]))
    chance = 1 - 1 / n_classes if guess_error is None else guess_error
    guess = math.log(n_classes) if guess_loss is None else guess_loss
    n = n_independent or n_valid
    verdict = Verdict.OK
    if _diverged(u, v, e, n=n, guess=guess, chance=chance):
        verdict = Verdict.DIVERGED
    elif _too_slow(u, v, guess=guess):
        verdict = Verdict.LR_TOO_LOW
    elif len(e) == 1 or v[-1] < 0.9 * min(v[:-1]) or e[-1] < min(e[:-1]) - standard_error(e[-1], n):
        verdict = Verdict.TOO_FEW_EPOCHS
    elif overfits(u, e, n_valid=n):
        verdict = Verdict.OVERFIT
    elif e[best] > target_error and u[-1] < _NEARLY_ZERO_NATS:
        verdict = Verdict.NOT_ENOUGH_DATA
    elif previous_error is not None and abs(e[-1] - previous_error) < 2 * standard_error(e[-1], n):
        verdict = Verdict.WITHIN_NOISE
    return Diagnosis(
        verdict=verdict,
        remedy=None if kept_epoch else _remedy(verdict, lr, epochs, best=best - len(e) + (epochs or 0) + 1),
        n_epochs=len(e),
        n_valid=n_valid,
        best_epoch=best + 1,
        best_error=e[best],
        last_error=_tail(e) if verdict == Verdict.OVERFIT else e[-1],
        train_loss=u[-1],
        first_loss=v[0],
        last_loss=v[-1],
        guess_loss=guess,
        previous_error=previous_error,
        kept_epoch=kept_epoch,
        by_class=n_independent is not None,
    )


def lower(lr: float) -> float:
    """Return what to try instead of a rate that was too high."""
    return lr / _RATE_STEP


def overfits(train_losses: Sequence[float], error_rates: Sequence[float], *, n_valid: int) -> bool:
    """Tell whether the error has risen beyond chance since its best epoch, and the training loss fell."""
    best = min(range(len(error_rates)), key=error_rates.__getitem__)
    limit = error_rates[best] + 2 * standard_error(error_rates[best], n_valid)
    return len(error_rates) >= 3 and _tail(error_rates) > limit and train_losses[-1] < train_losses[best]


def worsened(error_rates: Sequence[float], *, n_valid: int, patience: int) -> bool:
    """Tell whether each of the last ``patience`` epochs was worse than the best one beyond noise.

    Beyond noise: by more than two standard errors of the best. A mere pause, or a bounce by a few images,
    never counts.
    """
    if not 0 < patience < len(error_rates):
        return False
    best = min(error_rates)
    return min(error_rates[-patience:]) > best + 2 * standard_error(best, n_valid)


def standard_error(error: float, n: int) -> float:
    """Return SE(e); 0 and 1 count as one image more or less, for an SE of 0 would mean certainty."""
    inside = min(max(error, 1 / (n + 1)), n / (n + 1))
    return math.sqrt(inside * (1 - inside) / n)


def _tail(error_rates: Sequence[float]) -> float:
    return sum(error_rates[-3:]) / 3


def _remedy(verdict: Verdict, lr: float | None, epochs: int | None, *, best: int) -> Remedy | None:
    """Return what to do next; ``best`` is the best of the ``epochs``, from 1, below that if it was before."""
    if lr is not None and verdict == Verdict.DIVERGED:
        return Remedy(lr=lower(lr))
    if lr is not None and verdict == Verdict.LR_TOO_LOW:
        return Remedy(lr=lr * _RATE_STEP)
    if epochs is not None and verdict == Verdict.TOO_FEW_EPOCHS:
        return Remedy(epochs=2 * epochs)
    if epochs is not None and verdict == Verdict.OVERFIT:
        return Remedy(epochs=max(best, 1))
    return None


def _diverged(
    u: Sequence[float], v: Sequence[float], e: Sequence[float], *, n: int, guess: float, chance: float
) -> bool:
    if not all(map(math.isfinite, (*u, *v, *e))) or v[-1] > 3 * guess:
        return True
    at_chance = e[-1] >= chance - 2 * standard_error(e[-1], n)
    return at_chance and v[-1] > guess and v[-1] > 1.2 * min(guess, *v)


def _too_slow(u: Sequence[float], v: Sequence[float], *, guess: float) -> bool:
    if len(v) < 2 or v[0] <= 0:
        return False
    fall = 1 - (v[-1] / v[0]) ** (1 / (len(v) - 1))
    return u[-1] >= 0.9 * v[-1] and fall < 0.05 and v[-1] > 0.5 * guess
