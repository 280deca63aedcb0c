"""What is said of a heat map, for those who do not see it."""

from __future__ import annotations

import numpy as np
import pytest

from cleaner.session.heat_maps import HeatMap
from cleaner.widgets.grid.text import heat_text
from cleaner.widgets.sentences import say


def text_of(values: np.ndarray, *, estimated: bool = False) -> str:
    return heat_text("shirt", HeatMap(values.astype(np.int8).tobytes(), len(values), estimated))


@pytest.mark.parametrize(("row", "column", "place"), [(1, 30, "02"), (16, 16, "11"), (31, 2, "20")])
def test_it_says_where_most_is_that_speaks_for_the_class(row: int, column: int, place: str) -> None:
    values = np.full((32, 32), -90)
    values[row, column] = 120
    said = say("heat.where", label="shirt", where=say(f"heat.place_{place}"))
    assert text_of(values) == f"{said} {say('heat.colours', label='shirt')}"


def test_it_says_if_little_speaks_for_the_class_or_if_it_is_an_estimate() -> None:
    assert text_of(np.full((32, 32), 9)).startswith(say("heat.nothing", label="shirt"))
    assert text_of(np.full((32, 32), 99), estimated=True).endswith(say("heat.estimated"))
