"""The sentence that says why an image is on show, for every case of what model, neighbours and copies say."""

from __future__ import annotations

import pytest

from cleaner.ranking.reasons import Explanation, Witness
from cleaner.widgets.grid.text import why_text
from cleaner.widgets.sentences import say


def explanation(
    labels: str,
    *,
    given: str | None = "shirt",
    says: str = "longsleeve",
    probability: float = 0.87,
    copies: tuple[str | None, ...] = (),
) -> Explanation:
    """Make an explanation whose neighbours have labels that begin with these letters."""
    names = {"l": "longsleeve", "s": "shirt", "h": "hat", "k": "skirt", "-": None}
    neighbours = tuple(Witness(f"{i}.jpg", names[letter]) for i, letter in enumerate(labels))
    others = tuple(Witness(f"copy {i}.jpg", label) for i, label in enumerate(copies))
    return Explanation("x.jpg", given, says, probability, neighbours, others)


def votes(n: int, voters: int) -> str:
    return say("why.all_votes" if n == voters else "why.votes", n=n, voters=voters)


def shares(*more: str, n: int, label: str) -> str:
    return ", ".join([say("why.first_share", n=n, voters=20, label=label), *more])


def own(share: str) -> str:
    return say("why.own_share", share=share)


SEVEN = say("why.share", n=7, label="longsleeve")
FOUR_SHIRTS = own(say("why.share", n=4, label="shirt"))
NO_SHIRT = own(say("why.no_share", label="shirt"))
NINE_SHIRTS = own(say("why.first_share", n=9, voters=20, label="shirt"))


MOSTLY = {"label": "longsleeve", "given": "shirt", "votes": votes(18, 20)}
ALONE = {"label": "longsleeve", "given": "shirt", "probability": "87 %"}
UNSURE = {"label": "longsleeve", "probability": "32 %"}


@pytest.mark.parametrize(
    ("why", "sentence"),
    [
        (explanation("l" * 18 + "sh"), say("why.agree_other", **MOSTLY)),
        (explanation("l" * 20), say("why.agree_other", **MOSTLY | {"votes": votes(20, 20)})),
        (explanation("l" * 18 + "sh", given="longsleeve"), say("why.agree_same", votes=votes(18, 20))),
        (
            explanation("s" * 15 + "lllll", given="longsleeve"),
            say("why.agree_alone", **ALONE | {"votes": votes(15, 20), "other": "shirt"}),
        ),
        (explanation("l" * 18 + "sh", given=None), say("why.agree_unlabelled", **MOSTLY)),
        (explanation("s" * 15 + "lllll"), say("why.differ_same", **ALONE | {"votes": votes(15, 20)})),
        (
            explanation("h" * 15 + "lllll"),
            say("why.differ_other", **ALONE | {"votes": votes(15, 20), "other": "hat"}),
        ),
        (
            explanation("s" * 9 + "l" * 7 + "hhhh"),
            say("why.divided", **ALONE, shares=f"{NINE_SHIRTS}, {SEVEN}"),
        ),
        (
            explanation("h" * 9 + "l" * 7 + "ssss"),
            say("why.divided", **ALONE, shares=shares(SEVEN, FOUR_SHIRTS, n=9, label="hat")),
        ),
        (
            explanation("h" * 9 + "l" * 7 + "kkkk", probability=0.32),
            say("why.unclear_divided", **UNSURE, shares=shares(SEVEN, NO_SHIRT, n=9, label="hat")),
        ),
        (
            explanation("h" * 9 + "l" * 7 + "kkkk", given=None),
            say("why.divided", **ALONE, shares=shares(SEVEN, n=9, label="hat")),
        ),
        (
            explanation("h" * 15 + "lllll", probability=0.32),
            say("why.unclear_other", label="longsleeve", votes=votes(15, 20), other="hat", given="shirt"),
        ),
        (
            explanation("h" * 15 + "lllll", given=None, probability=0.32),
            say("why.unclear_unlabelled", label="longsleeve", votes=votes(15, 20), other="hat"),
        ),
        (
            explanation("h" * 15 + "lllll", given=None),
            say("why.differ_other", **ALONE | {"votes": votes(15, 20), "other": "hat"}),
        ),
        (
            explanation("s" * 15 + "lllll", probability=0.32),
            say("why.unclear_same", label="longsleeve", votes=votes(15, 20)),
        ),
        (explanation(""), say("why.model_other", **ALONE)),
        (explanation("ss--"), say("why.model_other", **ALONE)),  # two votes are none
        (explanation("", given="longsleeve"), say("why.model_same", **ALONE)),
        (explanation("", given=None), say("why.model_unlabelled", **ALONE)),
        (explanation("", probability=0.32), say("why.unclear", **UNSURE)),
    ],
)  # fmt: skip
def test_model_and_neighbours(why: Explanation, sentence: str) -> None:
    assert why_text(why) == sentence


@pytest.mark.parametrize(
    ("copies", "sentence"),
    [
        (("shirt",), say("why.copy_same")),
        (("longsleeve",), say("why.copy_other", label="longsleeve")),
        ((None,), say("why.copy_unlabelled")),
        (("shirt", "shirt"), say("why.copies_same", n=2)),
        (("longsleeve", "longsleeve"), say("why.copies_other", n=2, label="longsleeve")),
        ((None, None), say("why.copies_unlabelled", n=2)),
        (
            ("longsleeve", None, "longsleeve"),
            say("why.copies_differ", n=3, labels=f"longsleeve, {say('grid.no_label')}"),
        ),
    ],
)
def test_copies(copies: tuple[str | None, ...], sentence: str) -> None:
    assert why_text(explanation("l" * 18 + "sh", copies=copies)) == (
        f"{say('why.agree_other', **MOSTLY)} {sentence}"
    )


def test_neighbours_without_a_label_have_no_vote() -> None:
    assert explanation("ll-sl").votes == [("longsleeve", 3), ("shirt", 1)]
