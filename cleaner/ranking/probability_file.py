"""Probabilities from a model elsewhere: ``.npy``, ``.npz`` or CSV; each row an image, each column a class."""

import csv
import io
import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from cleaner.dataset.catalog import Catalog
from cleaner.errors import RankingError
from cleaner.util.csvfile import decode_csv, read_csv

_NAMES = ("name", "path", "file", "filename", "image")
_USUAL_ARRAYS = ("pred_probs", "probabilities", "probs", "y_prob", "predictions", "preds")
_NPY, _ZIP = b"\x93NUMPY", b"PK"
_NUMPY = (".npy", ".npz")
_MANY = 5


def read_probabilities(path: Path, catalog: Catalog) -> npt.NDArray[np.floating]:
    """Read the probabilities of a catalog's images and classes.

    Parameters
    ----------
    path : Path
        A ``.npy`` file, a ``.npz`` file, or CSV: with a column ``name`` and one for each class, in any order,
        or numbers alone. The content counts, not the suffix.
    catalog : Catalog
        In the order of whose names and classes the rows and columns are, where the file names neither.

    Returns
    -------
    float array, shape (images, classes)
        As the file has them: whether they are probabilities is for `rank_probabilities` to say.

    Raises
    ------
    RankingError
        The file cannot be read, is of another kind, or does not say which array or which row is meant.
    """
    try:
        data = path.read_bytes()
    except OSError as exc:
        raise RankingError(f"Cannot read {path}: {exc.strerror or exc}.") from exc
    if data.startswith(_NPY):
        return _numbers(_load(data, path.name), path.name)
    if data.startswith(_ZIP):
        return _of_archive(data, path.name, catalog)
    if b"\0" in data[:4096] or path.suffix.lower() in _NUMPY:
        raise RankingError(
            f"{path.name} is neither a NumPy file nor a CSV file. Write the probabilities with "
            "numpy.save('probs.npy', probs); pickles are not read, because they can run code."
        )
    return _of_csv(data, path.name, catalog)


def _load(data: bytes, name: str) -> npt.NDArray[np.generic]:
    try:
        return np.asarray(np.load(io.BytesIO(data), allow_pickle=False))
    except (OSError, ValueError, EOFError) as exc:
        raise _unreadable(name, exc) from exc


def _unreadable(name: str, exc: Exception) -> RankingError:
    if "pickle" in str(exc) or "Object arrays" in str(exc):
        return RankingError(
            f"{name} holds Python objects, not numbers. They are not read, because they can run code. Write "
            "the probabilities as numbers: numpy.save('probs.npy', probs.astype('float32'))."
        )
    return RankingError(f"{name} is damaged ({exc}). Write it again with numpy.save.")


def _of_archive(data: bytes, name: str, catalog: Catalog) -> npt.NDArray[np.floating]:
    """Return the one array of a ``.npz`` file that fits, by its name if several do."""
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as stored:
            arrays = {each: np.asarray(stored[each]) for each in stored.files}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as exc:
        raise _unreadable(name, exc) from exc
    shape = (len(catalog), len(catalog.classes))
    chosen = list(arrays)
    if len(chosen) > 1:
        chosen = [each for each, array in arrays.items() if array.shape == shape and array.dtype.kind == "f"]
    if len(chosen) > 1:
        chosen = [each for each in _USUAL_ARRAYS if each in chosen][:1]
    if len(chosen) != 1:
        listed = ", ".join(f"{each} {array.shape}" for each, array in list(arrays.items())[:_MANY])
        raise RankingError(
            f"{name} holds {len(arrays)} arrays ({listed}), and which one is meant is not clear. "
            f"Expected one of shape {shape}, for {shape[0]:,} images and {shape[1]} classes; write that one "
            f"alone, or name it {_USUAL_ARRAYS[0]}."
        )
    return _numbers(arrays[chosen[0]], name)


def _numbers(array: npt.NDArray[np.generic], name: str) -> npt.NDArray[np.floating]:
    if array.dtype.kind not in "fiub":
        msg = f"{name} holds {array.dtype}, not numbers. Write the probabilities as floating-point numbers."
        raise RankingError(msg)
    return array.astype(np.float64)


def _of_csv(data: bytes, name: str, catalog: Catalog) -> npt.NDArray[np.floating]:
    try:
        header, rows = read_csv(decode_csv(data))
    except csv.Error as exc:
        raise RankingError(f"{name} cannot be read as CSV: {exc}.") from exc
    if not header:
        raise RankingError(f"{name} is empty; expected a row of probabilities for each image.")
    classes = list(catalog.classes)
    if all(_is_number(cell) for cell in header) and not set(header) & set(classes):
        return _as_numbers([header, *rows], name, [f"row {n + 1}" for n in range(len(rows) + 1)])
    named = next((i for i, column in enumerate(header) if column.lower() in _NAMES), None)
    missing = [label for label in classes if label not in header]
    if missing:
        raise RankingError(
            f"{name} has no column for {_some(missing)}. Expected a column name, and one for each class: "
            f"{_some(classes)}."
        )
    at = [header.index(label) for label in classes]
    if named is not None:
        rows = _by_name({row[named]: row for row in rows}, catalog, name)
    places = [f"row {number}" for number in range(2, len(rows) + 2)] if named is None else list(catalog.names)
    return _as_numbers([[row[i] for i in at] for row in rows], name, places)


def _by_name(rows: dict[str, list[str]], catalog: Catalog, name: str) -> list[list[str]]:
    missing = [image for image in catalog.names if image not in rows]
    if missing:
        raise RankingError(
            f"{name} has no row for {len(missing):,} of {len(catalog):,} images, such as {missing[0]!r}. "
            "Names must be relative to the folder of the set."
        )
    return [rows[image] for image in catalog.names]


def _as_numbers(rows: list[list[str]], name: str, places: Sequence[str]) -> npt.NDArray[np.float64]:
    """Return rows of numbers; ``places`` says where each row is, for messages."""
    width = len(rows[0]) if rows else 0
    for place, row in zip(places, rows, strict=True):
        if len(row) != width:
            raise RankingError(f"{name} has {len(row)} numbers for {place}, and {width} in the first row.")
        wrong = next((cell for cell in row if not _is_number(cell)), None)
        if wrong is not None:
            raise RankingError(f"{name} has {wrong!r} for {place}; expected a number.")
    return np.array([[float(cell) for cell in row] for row in rows])


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _some(labels: list[str]) -> str:
    more = f" and {len(labels) - _MANY} more" if len(labels) > _MANY else ""
    return ", ".join(map(repr, labels[:_MANY])) + more
