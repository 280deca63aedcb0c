"""The images of a view in their order, as rows of the catalog."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cleaner.errors import StoreError
from cleaner.session.name_order import NameOrder
from cleaner.util.places import Places

NAMES = [f"{at:02d}.jpg" for at in range(9)]
ARRAY = np.array(NAMES, dtype=object)
ROWS = st.lists(st.integers(0, 8), unique=True)


def order(rows: list[int]) -> NameOrder:
    return NameOrder(ARRAY, np.array(rows, dtype=np.int64), Places(NAMES))


@given(ROWS, ROWS)
def test_it_is_what_a_list_of_names_is(first: list[int], second: list[int]) -> None:
    names, others = [NAMES[row] for row in first], [NAMES[row] for row in second]
    joined = [*names, *(name for name in others if name not in names)]
    for made, more in ((order(first), order(second)), (NameOrder.of(iter(names)), NameOrder.of(others))):
        assert list(made) == names
        assert [made[at] for at in range(len(made))] == names
        assert list(made[1:]) == list(made.beginning_at(1)) == names[1:]
        assert [name in made for name in (*NAMES, "none", 3)] == [name in names for name in (*NAMES, "", 3)]
        assert list(made.followed_by(more)) == joined
    assert list(order(first).followed_by(NameOrder.of(others))) == joined


def test_an_image_twice_is_refused() -> None:
    for rows in ([1, 2, 1], [0, 0]):
        with pytest.raises(StoreError):
            order(rows)
        with pytest.raises(StoreError):
            NameOrder.of(NAMES[row] for row in rows)
