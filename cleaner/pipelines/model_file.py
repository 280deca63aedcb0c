"""The trained model of a data set, as a file to take away."""

from __future__ import annotations

from pathlib import Path

from cleaner.dataset.dataset import Dataset
from cleaner.errors import CheckpointError, TrainingError
from cleaner.util.atomic import free_name, write_atomically

KINDS = ("quick", "full")


def model_path(dataset: Dataset, kind: str) -> Path:
    """Return where the model of the last "quick" or "full" retraining is kept."""
    return dataset.state / "models" / f"{kind}.safetensors"


def latest_model(dataset: Dataset) -> Path:
    """Return the model that was trained last.

    Raises
    ------
    TrainingError
        None was trained yet.
    """
    trained = [path for path in (model_path(dataset, kind) for kind in KINDS) if path.is_file()]
    if not trained:
        msg = "No model has been trained on this set yet. Retrain on the page first, or run “cleaner train”."
        raise TrainingError(msg)
    return max(trained, key=lambda path: path.stat().st_mtime_ns)


def take_away(dataset: Dataset, to: Path | None = None) -> Path:
    """Copy the model that was trained last, and return the copy.

    Parameters
    ----------
    dataset : Dataset
    to : Path, optional
        A file of this name is replaced. By default a new name beside the result: ``cleaned.safetensors``, or
        with a number where another file has that name.

    Raises
    ------
    TrainingError
        None was trained yet.
    CheckpointError
        The copy cannot be written.
    """
    data = latest_model(dataset).read_bytes()
    place = free_name(dataset.result.path.with_suffix(".safetensors"), data) if to is None else to
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(place, data, durable=True)
    except OSError as exc:
        msg = f"The model cannot be written to {place} ({exc}); choose another place."
        raise CheckpointError(msg) from exc
    return place
