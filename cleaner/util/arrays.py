"""Arrays and what belongs to them in one ``.npz`` file, without pickles."""

import io
import json
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from cleaner.errors import RankingError
from cleaner.util.atomic import write_atomically


def save_arrays(path: Path, head: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write arrays and a JSON-able head, which has a ``format``, complete or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    buffer = io.BytesIO()
    text = np.frombuffer(json.dumps(head).encode(), dtype=np.uint8)
    np.savez(buffer, **{"head": text, **arrays})  # type: ignore[arg-type]
    write_atomically(path, buffer.getvalue())


def load_arrays(
    path: Path, *, required: Collection[str], format_number: int, advice: str
) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Read what `save_arrays` wrote: the head, and the arrays.

    Raises
    ------
    RankingError
        There is no such file, or none that this version can read, or one without some of the ``required``
        arrays; the message ends with ``advice``.
    """
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
            arrays = {key: stored[key] for key in stored.files}
        head = json.loads(arrays.pop("head").tobytes())
        known = head["format"]
        if missing := set(required) - arrays.keys():
            raise KeyError(*sorted(missing))
    except (OSError, ValueError, KeyError, TypeError, EOFError, BadZipFile) as exc:
        msg = f"Cannot read {path}: {exc}. {advice}"
        raise RankingError(msg) from exc
    if known != format_number:
        msg = f"{path} has format {known}, but this version reads {format_number}. {advice}"
        raise RankingError(msg)
    return head, arrays
