"""Arrays and what belongs to them in one ``.npz`` file, without pickles."""

import io
import json
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from cleaner.errors import RankingError
from cleaner.util.atomic import write_atomically

_REPEATED = 4  # times that each text occurs on average, so that numbers stand for it
_BETWEEN = "\0"


def save_arrays(path: Path, head: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write arrays and a JSON-able head, which has a ``format``, complete or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    buffer = io.BytesIO()
    text = np.frombuffer(json.dumps(head).encode(), dtype=np.uint8)
    np.savez(buffer, **{"head": text, **arrays})  # type: ignore[arg-type]
    write_atomically(path, buffer.getvalue())


def load_arrays(
    path: Path, *, required: Collection[str], format_number: int, advice: str, earlier: Collection[int] = ()
) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Read what `save_arrays` wrote: the head, and the arrays.

    Raises
    ------
    RankingError
        There is no such file, or none that this version can read, or one without some of the ``required``
        arrays; the message ends with ``advice``. Formats that are ``earlier`` are read, too.
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
    if known != format_number and known not in earlier:
        msg = f"{path} has format {known}, but this version reads {format_number}. {advice}"
        raise RankingError(msg)
    return head, arrays


def pack_texts(what: str, values: Sequence[str | None]) -> dict[str, NDArray[Any]]:
    """Return texts as arrays for `save_arrays`: all in one, with numbers for those that repeat.

    Parameters
    ----------
    what : str
        Begins the names of the arrays.
    values : sequence of str or None

    Raises
    ------
    TypeError
        There is something else among them.
    ValueError
        A text has a zero byte.
    """
    if not all(value is None or isinstance(value, str) for value in values):
        raise TypeError(f"{what} holds other things than texts")
    codes, texts = _numbered(values)
    if len(texts) * _REPEATED <= len(values):
        return {f"{what}: codes": codes, f"{what}: texts": _joined(texts)}
    missing = np.array([value is None for value in values], dtype=bool)
    return {f"{what}: missing": missing, f"{what}: texts": _joined([value or "" for value in values])}


def unpack_texts(what: str, arrays: Mapping[str, NDArray[Any]]) -> NDArray[np.object_]:
    """Return the texts that `pack_texts` was given."""
    text = arrays[f"{what}: texts"].tobytes().decode("utf-8", "surrogatepass")
    joined: list[str | None] = [*text.split(_BETWEEN)]
    codes = arrays.get(f"{what}: codes")
    if codes is not None:
        joined[-1] = None  # code -1
        found: NDArray[np.object_] = np.array(joined, dtype=object)[codes]
        return found
    texts = np.array(joined, dtype=object)[:-1]
    texts[arrays[f"{what}: missing"]] = None
    return texts


def _numbered(values: Sequence[str | None]) -> tuple[NDArray[np.int32], list[str]]:
    """Return the number of each text, -1 for None, and the texts by number."""
    number = {
        value: at for at, value in enumerate(dict.fromkeys(value for value in values if value is not None))
    }
    codes = np.array([-1 if value is None else number[value] for value in values], dtype=np.int32)
    return codes, list(number)


def _joined(texts: Sequence[str]) -> NDArray[np.uint8]:
    """Return texts in one, each with an end."""
    if any(_BETWEEN in text for text in texts):
        raise ValueError("a text has a zero byte")
    joined = "".join(f"{text}{_BETWEEN}" for text in texts)
    return np.frombuffer(joined.encode("utf-8", "surrogatepass"), dtype=np.uint8)
