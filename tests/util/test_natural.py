"""Names come in the order that people expect."""

from hypothesis import given
from hypothesis import strategies as st

from cleaner.util.natural import natural_key, naturally


def test_numbers_come_by_their_value() -> None:
    assert naturally(["10", "2", "00", "1.5", "-1", "b", "1.25"]) == [
        "-1",
        "00",
        "1.25",
        "1.5",
        "2",
        "10",
        "b",
    ]


def test_numbers_within_a_name_come_by_their_value() -> None:
    assert naturally(["class_10", "class_2", "class_1b", "fold"]) == [
        "class_1b",
        "class_2",
        "class_10",
        "fold",
    ]


def test_capitals_come_among_the_other_letters() -> None:
    assert naturally(["cat", "Dog", "bird", "Cat"]) == ["bird", "Cat", "cat", "Dog"]


def test_a_name_of_thousands_of_digits_is_a_name_like_any_other() -> None:
    long = "9" * 5000
    assert naturally([f"x{long}", "x8", long, "8"]) == ["8", long, "x8", f"x{long}"]
    longer = "1" * 5001
    assert naturally([f"x{longer}", f"x{long}"]) == [f"x{long}", f"x{longer}"]


@given(st.lists(st.tuples(st.sampled_from("xyé"), st.integers(0, 10**12), st.sampled_from(["", "-", "b"]))))
def test_numbers_within_names_come_by_their_value_whatever_follows(parts: list[tuple[str, int, str]]) -> None:
    names = {f"{letter}{number}{rest}": (letter, number, rest) for letter, number, rest in parts}
    assert naturally(names) == sorted(names, key=names.__getitem__)


@given(st.lists(st.text(alphabet="0129.-+aB é", max_size=6), unique=True))
def test_the_order_never_depends_on_the_order_before(names: list[str]) -> None:
    assert naturally(names) == naturally(reversed(names))
    assert len({natural_key(name) for name in names}) == len(names)
