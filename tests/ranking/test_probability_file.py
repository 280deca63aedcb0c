"""Probabilities from elsewhere are read from what people have, and refused in words."""

from __future__ import annotations

import io
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from cleaner.dataset.catalog import Catalog
from cleaner.errors import RankingError
from cleaner.ranking import rank_probabilities
from cleaner.ranking.probability_file import read_probabilities

NAMES = [f"{i}.png" for i in range(6)]
CATALOG = Catalog(pd.DataFrame({"name": NAMES, "label": ["a", "b", "a", "b", "a", "c"]}))
P = np.array(
    [[0.8, 0.1, 0.1], [0.1, 0.8, 0.1], [0.2, 0.7, 0.1], [0.1, 0.8, 0.1], [0.8, 0.1, 0.1], [0.1, 0.1, 0.8]]
)
TABLE = pd.DataFrame(P, columns=list("abc")).assign(name=NAMES)
OBJECTS = np.array([{}], dtype=object)


def packed(write: Callable[..., None], *arrays: Any, **named: Any) -> bytes:
    out = io.BytesIO()
    write(out, *arrays, **named)
    return out.getvalue()


Write = Callable[[Path], Any]


@pytest.mark.parametrize(
    "write",
    [
        lambda path: path.write_bytes(packed(np.save, P)),
        lambda path: path.write_bytes(packed(np.save, P.astype(np.float16))),
        lambda path: path.write_bytes(packed(np.savez, P)),
        lambda path: path.write_bytes(packed(np.savez_compressed, odds=P, labels=np.zeros(6))),
        lambda path: path.write_bytes(packed(np.savez, other=P[::-1], probs=P)),
        lambda path: TABLE.to_csv(path, index=False),
        lambda path: TABLE[::-1][["c", "name", "a", "b"]].to_csv(path, index=False, sep=";"),
        lambda path: TABLE[["b", "c", "a"]].to_csv(path, index=False),
        lambda path: pd.DataFrame(P).to_csv(path, index=False, header=False),
    ],
)
def test_the_content_counts_and_names_are_followed(tmp_path: Path, write: Write) -> None:
    write(tmp_path / "file")
    found = read_probabilities(tmp_path / "file", CATALOG)
    np.testing.assert_allclose(found, P, atol=1e-3)


@pytest.mark.parametrize(
    ("write", "said"),
    [
        (lambda path: None, "Cannot read .*: No such file or directory"),
        (lambda path: path.mkdir(), "Cannot read .*"),
        (lambda path: path.touch(), "file is empty"),
        (lambda path: path.write_bytes(packed(np.save, OBJECTS)), "holds Python objects, not numbers"),
        (lambda path: path.write_bytes(packed(np.savez, OBJECTS)), "holds Python objects, not numbers"),
        (lambda path: path.write_bytes(pickle.dumps(P)), "pickles are not read"),
        (lambda path: path.write_bytes(packed(np.save, P.astype(str))), "not numbers"),
        (lambda path: path.write_bytes(b"\x93NUMPY\x01\x00"), "file is damaged"),
        (lambda path: path.write_bytes(b"PK\x03\x04"), "file is damaged"),
        (lambda path: path.write_bytes(packed(np.savez, x=P, y=P)), r"2 arrays \(x \(6, 3\), y \(6, 3\)\)"),
        (lambda path: path.write_bytes(packed(np.savez)), r"0 arrays"),
        (lambda path: TABLE[:4].to_csv(path, index=False), "no row for 2 of 6 images, such as '4.png'"),
        (lambda path: TABLE.drop(columns="b").to_csv(path, index=False), "no column for 'b'"),
        (lambda path: TABLE.replace(0.7, "?").to_csv(path, index=False), "has '[?]' for 2.png; expected"),
        (lambda path: path.write_text("0.5,0.5\n0.1\n"), "has '' for row 2; expected a number"),
    ],
)
def test_what_cannot_be_read_is_said(tmp_path: Path, write: Write, said: str) -> None:
    write(tmp_path / "file")
    with pytest.raises(RankingError, match=said):
        read_probabilities(tmp_path / "file", CATALOG)


@pytest.mark.parametrize("name", ["p.npy", "p.NPZ"])
def test_a_file_that_is_numpy_by_name_only_is_said_to_be_none(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"abc")
    with pytest.raises(RankingError, match=f"{name} is neither a NumPy file nor a CSV file"):
        read_probabilities(tmp_path / name, CATALOG)


@pytest.mark.parametrize(
    ("numbers", "said"),
    [
        (P[:5], r"shape \(5, 3\) for 6 images and 3 classes"),
        (P[:, :2], r"shape \(6, 2\)"),
        (np.log(P), "6 of 6 rows have negative numbers, the first that of 0.png. Apply a softmax"),
        (P * 100, "are percentages, .* Divide them by 100"),
        (P * 1.5, "do not sum to 1"),
        (np.where(P == 0.7, np.nan, P), "1 of 6 rows have NaN or infinity, the first that of 2.png"),
        (np.where(P == 0.7, np.inf, P), "1 of 6 rows have NaN or infinity"),
    ],
)
def test_what_is_no_probability_is_said(numbers: np.ndarray[Any, Any], said: str) -> None:
    with pytest.raises(RankingError, match=said):
        rank_probabilities(CATALOG, numbers)
