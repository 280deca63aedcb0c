"""What went wrong in training, if anything: the lesson's rules in a form that a machine can check.

Rules, in this order; C classes, T epochs, n validation images, e error rate, v validation loss, u training
loss in eval mode, chance = 1 − share of the largest class, SE(e) = √(e(1−e)/n):

1. ``diverged``: a loss is not finite, or v_T > 3·ln C, or (e_T ≥ chance − 2·SE and v_T > ln C).
2. ``lr_too_low``: u_T ≥ .9·v_T, v falls by less than 5 % an epoch, and v_T > .5·ln C.
3. ``too_few_epochs``: T = 1, or v_T < .9·(lowest v before), or e_T < (lowest e before) − SE.
4. ``overfit``: the mean of the last three e > e_m + 2·SE(e_m), m the best epoch, while u falls. Never because
   u < v, which is normal, nor because v rises alone.
5. ``not_enough_data``: none of these, e_m above the target, u about 0. ``plateau_noise``: none of these, and
   the change since the run before is below 2·SE.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from cleaner.errors import TrainingError

_NEARLY_ZERO_NATS = 0.05


@dataclass(frozen=True)
class Diagnosis:
    """A verdict on a run.

    Attributes
    ----------
    code : str
        "ok", "diverged", "lr_too_low", "too_few_epochs", "overfit", "not_enough_data" or "plateau_noise".
    sentence : str
        What was seen.
    advice : str
        What to do; empty if nothing is to be done.
    best_epoch : int
        The epoch with the lowest error rate, from 1; the earliest of several.
    """

    code: str
    sentence: str
    advice: str
    best_epoch: int


def diagnose(
    train_losses: Sequence[float],
    valid_losses: Sequence[float],
    error_rates: Sequence[float],
    *,
    n_valid: int,
    n_classes: int,
    largest_share: float | None = None,
    target_error: float | None = None,
    previous_error: float | None = None,
) -> Diagnosis:
    """Judge a whole run, all its stages together.

    Parameters
    ----------
    train_losses, valid_losses : sequence of float, nats
        One an epoch; the training loss in eval mode on a fixed subset.
    error_rates : sequence of float, 0..1
        On the validation set, one an epoch.
    n_valid : int
        Validation images.
    n_classes : int
    largest_share : float, optional
        Share of the largest class in the validation set; by default all classes are taken as equally large.
    target_error : float, optional
        The error rate that was hoped for; without it "not_enough_data" is never said.
    previous_error : float, optional
        The last error rate of the run before, on the same images; without it "plateau_noise" is never said.

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
    chance = 1 - (largest_share or 1 / n_classes)
    best = min(range(len(e)), key=lambda t: (math.isnan(e[t]), e[t]))

    def verdict(code: str, sentence: str, advice: str = "") -> Diagnosis:
        return Diagnosis(code, sentence, advice, best + 1)

    if _diverged(u, v, e, n_valid=n_valid, n_classes=n_classes, chance=chance):
        return verdict(
            "diverged",
            f"Training diverged: the validation loss is {v[-1]:.3g}; guessing has {math.log(n_classes):.2f}.",
            "Go back to the weights before this run and use a learning rate ten times lower.",
        )
    if _too_slow(u, v, n_classes=n_classes):
        return verdict(
            "lr_too_low",
            f"The validation loss hardly falls ({v[0]:.2f} to {v[-1]:.2f} in {len(v)} epochs).",
            "Use a learning rate ten times higher.",
        )
    if len(e) == 1 or v[-1] < 0.9 * min(v[:-1]) or e[-1] < min(e[:-1]) - _standard_error(e[-1], n_valid):
        return verdict(
            "too_few_epochs",
            "The model was still getting better when training ended.",
            "Train for twice as many epochs.",
        )
    tail = sum(e[-3:]) / 3
    if len(e) >= 3 and tail > e[best] + 2 * _standard_error(e[best], n_valid) and u[-1] < u[best]:
        return verdict(
            "overfit",
            f"The error rate was {100 * e[best]:.1f} % after epoch {best + 1} and is {100 * tail:.1f} % now.",
            f"Train for {best + 1} epochs only.",
        )
    if target_error is not None and e[best] > target_error and u[-1] < _NEARLY_ZERO_NATS:
        return verdict(
            "not_enough_data",
            f"The training images are learnt by heart, and {100 * e[best]:.1f} % of the others are wrong.",
            "More images would help; so may cleaning those that are there.",
        )
    if previous_error is not None and abs(e[-1] - previous_error) < 2 * _standard_error(e[-1], n_valid):
        return verdict("plateau_noise", "There is no measurable difference to the run before.")
    return verdict("ok", "Training went well.")


def _standard_error(error: float, n: int) -> float:
    """Return SE(e); 0 and 1 count as one image more or less, for an SE of 0 would mean certainty."""
    inside = min(max(error, 1 / (n + 1)), n / (n + 1))
    return math.sqrt(inside * (1 - inside) / n)


def _diverged(
    u: Sequence[float], v: Sequence[float], e: Sequence[float], *, n_valid: int, n_classes: int, chance: float
) -> bool:
    if not all(map(math.isfinite, (*u, *v, *e))) or v[-1] > 3 * math.log(n_classes):
        return True
    at_chance = e[-1] >= chance - 2 * _standard_error(e[-1], n_valid)
    return at_chance and v[-1] > math.log(n_classes)


def _too_slow(u: Sequence[float], v: Sequence[float], *, n_classes: int) -> bool:
    if len(v) < 2 or v[0] <= 0:
        return False
    fall = 1 - (v[-1] / v[0]) ** (1 / (len(v) - 1))
    return u[-1] >= 0.9 * v[-1] and fall < 0.05 and v[-1] > 0.5 * math.log(n_classes)
