"""What happened in training: one record an epoch, rates and momenta of every batch, and the plots of both."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLUMNS = ("phase", "epoch", "train_loss", "valid_loss", "error_rate", "accuracy", "n_valid", "seconds")


class History:
    """The record of all training of one model.

    Attributes
    ----------
    epochs : list of dict
        ``phase`` ("the head", "all layers"), ``epoch`` (from 1, over all phases), ``train_loss`` (nats, in
        eval mode on a fixed subset), ``valid_loss`` (nats), ``error_rate`` and ``accuracy`` (0..1,
        validation), ``n_valid`` (images that these are measured on), ``seconds``. Where images can have
        several labels, also ``precision`` (mean average precision of the classes, 0..1) and
        ``n_independent``; see `cleaner.training.network.Evaluation`.
    steps : list of (float, float)
        Learning rate of the head and momentum, for every batch.
    runs : list of dict
        For every call that trained: ``lr`` (the highest rate that was asked for) and ``epochs`` (how many the
        last of its phases had, the one with all layers after the head); ``resumed_after``, if it had been
        interrupted, and ``kept_epoch``, if it stopped early (epochs, from 1, over all phases). Saved models
        of earlier versions have none.
    """

    def __init__(self) -> None:
        self.epochs: list[dict[str, Any]] = []
        self.steps: list[tuple[float, float]] = []
        self.runs: list[dict[str, Any]] = []

    def __len__(self) -> int:
        return len(self.epochs)

    def __repr__(self) -> str:
        if not self.epochs:
            return "<History: not trained yet>"
        last = self.epochs[-1]
        return f"<History of {len(self)} epochs: error rate {100 * last['error_rate']:.1f} % after the last>"

    def to_frame(self) -> pd.DataFrame:
        """Return the epochs as a DataFrame, one row each."""
        return pd.DataFrame(self.epochs, columns=list(COLUMNS))

    def to_dict(self) -> dict[str, Any]:
        """Return all of it as JSON can hold it."""
        steps = [list(step) for step in self.steps]
        return {"epochs": self.epochs, "steps": steps, "runs": self.runs}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> History:
        """Make a history from what `to_dict` gave."""
        history = cls()
        history.epochs = [dict(epoch) for epoch in data.get("epochs", [])]
        history.steps = [(float(lr), float(momentum)) for lr, momentum in data.get("steps", [])]
        history.runs = [dict(run) for run in data.get("runs", [])]
        return history

    def plot(self) -> Figure:
        """Draw both losses (left) and the error rate (right) over the epochs."""
        from matplotlib.ticker import MaxNLocator

        from cleaner.util.figure import NotebookFigure

        figure = NotebookFigure(figsize=(9, 3.5), layout="constrained")
        losses, errors = figure.subplots(1, 2)
        epochs = [record["epoch"] for record in self.epochs]
        for key, label in (("train_loss", "train"), ("valid_loss", "valid")):
            losses.plot(epochs, [record[key] for record in self.epochs], marker="o", label=label)
        losses.set(xlabel="epoch", ylabel="loss (nats)")
        losses.legend()
        percent = [100 * record["error_rate"] for record in self.epochs]
        errors.plot(epochs, percent, marker="o", color="tab:red")
        errors.set(xlabel="epoch", ylabel="error rate, valid (%)")
        errors.set_ylim(0, 1.1 * max([*percent, 1.0]))
        for axes in (losses, errors):
            axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        return figure

    def plot_lr(self) -> Figure:
        """Draw the learning rate (left) and the momentum (right) over the batches."""
        from cleaner.util.figure import NotebookFigure

        figure = NotebookFigure(figsize=(9, 3.5), layout="constrained")
        for axes, values, label in zip(
            figure.subplots(1, 2),
            zip(*self.steps, strict=True) if self.steps else ((), ()),
            ("learning rate", "momentum"),
            strict=True,
        ):
            axes.plot(values)
            axes.set(xlabel="batch", ylabel=label)
        return figure
