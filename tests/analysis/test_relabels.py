"""How many of a group would be relabelled wrongly."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cleaner.analysis.relabels import Looks, RelabelModel
from cleaner.ranking.posterior import SURE

PAIR, OTHER = ("shirt", "longsleeve"), ("hat", "shoes")
NOTHING = RelabelModel({})


def most(model: RelabelModel, own: Looks, rest: int = 20, found: int = 0) -> int:
    return model.at_most(PAIR, own, rest=rest, found=found)


def test_right_looks_lower_the_bound_and_wrong_ones_raise_it() -> None:
    bounds = [most(NOTHING, Looks(0.2, 5, wrong)) for wrong in range(6)]
    assert bounds == sorted(bounds)
    assert bounds[0] < bounds[5]
    assert most(NOTHING, Looks(0.2, 20, 0)) < most(NOTHING, Looks(0.2, 5, 0))


def test_what_was_seen_of_the_pair_counts_more_than_what_was_seen_of_another_one() -> None:
    bad = [Looks(0.1, 10, 8), Looks(0.1, 10, 9)]
    own = Looks(0.1, 4, 0)
    nothing = NOTHING.share(PAIR, own)
    other = RelabelModel({OTHER: bad}).share(PAIR, own)
    same = RelabelModel({PAIR: bad}).share(PAIR, own)
    assert nothing < other < same


def test_with_nothing_left_nothing_can_be_wrong() -> None:
    assert most(NOTHING, Looks(0.2, 4, 2), rest=0) == 0


def test_wrong_ones_that_were_taken_out_are_not_in_the_rest_any_more() -> None:
    own = Looks(0.3, 4, 1)
    assert most(NOTHING, own, rest=17, found=3) <= most(NOTHING, own, rest=20)


@given(
    q=st.floats(0, 1),
    looks=st.integers(0, 12),
    share=st.floats(0, 1),
    rest=st.integers(0, 60),
    found=st.integers(0, 5),
)
def test_a_bound_is_a_number_of_images(q: float, looks: int, share: float, rest: int, found: int) -> None:
    own = Looks(q, looks, round(share * looks))
    assert 0 <= NOTHING.at_most(PAIR, own, rest=rest, found=found) <= rest
    assert 0 <= NOTHING.share(PAIR, own) <= 1 + 1e-9


@pytest.mark.parametrize(("offset", "concentration"), [(0.0, 3.0), (1.0, 10.0), (-1.0, 40.0)])
def test_the_bound_holds_in_reviews_drawn_from_the_model(offset: float, concentration: float) -> None:
    rng = np.random.default_rng([int(10 * offset) + 50, int(concentration)])
    held = []
    for _ in range(40):
        seen: dict[tuple[str, str], list[Looks]] = {}
        shift = {pair: rng.normal(offset, 0.5) for pair in (PAIR, OTHER)}
        for _ in range(6):
            pair = (PAIR, OTHER)[rng.integers(2)]
            q = rng.uniform(0.03, 0.4)
            mean = 1 / (1 + np.exp(-(np.log(q / (1 - q)) + shift[pair])))
            p = rng.beta(mean * concentration, (1 - mean) * concentration)
            group = rng.random(25) < p
            own = Looks(q, 5, int(group[:5].sum()))
            bound = RelabelModel(seen).at_most(pair, own, rest=20)
            held.append(group[5:].sum() <= bound)
            seen.setdefault(pair, []).append(own)
    assert np.mean(held) > SURE - 0.03
