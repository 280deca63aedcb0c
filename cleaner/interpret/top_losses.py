"""The images whose labels surprise the model most."""

from __future__ import annotations

import numpy as np
import pandas as pd

from cleaner.interpret.predictions import Predictions


def top_losses(seen: Predictions, most: int | None = None) -> pd.DataFrame:
    """Return the images with the highest losses, those first; equal losses by name.

    Parameters
    ----------
    seen : Predictions
        Out of sample; the losses of images that a model has learnt from tell little about their labels.
    most : int, optional
        Rows to return; default: all.

    Returns
    -------
    DataFrame
        ``name``, ``label``, ``predicted``, ``probability`` (of the predicted class), ``loss`` (of the label,
        nats).
    """
    classes = np.array(seen.classes, dtype=object)
    table = pd.DataFrame(
        {
            "name": list(seen.names),
            "label": classes[seen.labels],
            "predicted": classes[seen.predicted],
            "probability": seen.probabilities.max(axis=1, initial=0),
            "loss": seen.losses,
        }
    )
    return table.sort_values(["loss", "name"], ascending=[False, True], ignore_index=True).head(
        len(table) if most is None else most
    )
