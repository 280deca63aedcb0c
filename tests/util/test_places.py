"""At which place of a list a name stands."""

from __future__ import annotations

import pytest

from cleaner.util.places import Named, Places


@pytest.mark.parametrize("names", [["a", "b", "é", "z"], ["z", "a", "é", "b"], ["a"], []])
def test_each_name_is_found_where_it_is_and_no_other(names: list[str]) -> None:
    places = Places(names)
    assert [places.get(name) for name in names] == list(range(len(names)))
    assert [places.get(name) for name in ("", "aa", "zz", None, 3)] == [None] * 5
    assert "aa" not in places


@pytest.mark.parametrize("longest", [3, 100_000])
@pytest.mark.parametrize("names", [["a", "b", "é", "z"], ["z", "a", "é", "b"], []])
def test_several_names_are_found_as_one_by_one(
    monkeypatch: pytest.MonkeyPatch, names: list[str], longest: int
) -> None:
    monkeypatch.setattr("cleaner.util.places._SMALL", longest)
    places = Places(names)
    for wanted in ([], ["b"], ["zz", *reversed(names), "", "b"]):
        assert places.find(wanted).tolist() == [names.index(n) if n in names else -1 for n in wanted]


@pytest.mark.parametrize("names", [["a", "b", "é"], ["z", "a"], []])
def test_values_by_name_are_what_a_dictionary_holds(names: list[str]) -> None:
    values = list(range(len(names)))
    named, known = Named(names, values), dict(zip(names, values, strict=True))
    assert named == known
    assert (list(named), list(named.values()), list(named.items())) == (names, values, list(known.items()))
    assert [named.get(name) for name in ("a", "aa")] == [known.get("a"), None]
    assert "aa" not in named
