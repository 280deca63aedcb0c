"""Keys that the user has chosen instead of the usual ones."""

from __future__ import annotations

import gc
import json
import logging
from pathlib import Path

import pytest

from cleaner.dataset.user import home
from cleaner.widgets.keys import BINDINGS, KEYS, Keys, Refusal, print_key
from cleaner.widgets.sentences import SENTENCES, say


@pytest.fixture
def keys() -> Keys:
    return Keys()


def test_no_two_acts_have_the_same_usual_key(keys: Keys) -> None:
    every = [key for each in keys.table().values() for key in each]
    assert len(set(every)) == len(every)
    assert all(binding.name in SENTENCES for binding in BINDINGS.values())


def test_a_chosen_key_replaces_the_usual_ones_but_not_the_fixed_ones(keys: Keys) -> None:
    assert keys.give("undo", "z") is None
    assert keys.table()["undo"] == ["z", "Ctrl+z"]
    assert keys.printed("undo") == "z"
    assert keys.table()["keep"] == ["k", "a"]


def test_a_key_that_another_act_has_is_refused(keys: Keys) -> None:
    assert keys.give("keep", "x") == Refusal("x", "delete")
    assert keys.give("keep", "Ctrl+z") == Refusal("Ctrl + Z", "undo")
    assert keys.chosen == {}


@pytest.mark.parametrize("key", ["", " ", "Enter", "Tab", "ArrowLeft", "F5", "Ctrl+w", "Ctrl+Shift+t"])
def test_a_key_that_does_something_else_is_refused(keys: Keys, key: str) -> None:
    assert keys.give("keep", key) == Refusal(print_key(key))
    assert keys.chosen == {}


@pytest.mark.parametrize("key", ["ü", "é", "@", "\\", "я", "Insert", "F8", "+"])
def test_any_other_character_can_be_a_key(keys: Keys, key: str) -> None:
    if key == "+":
        assert keys.give("zoom_in", "*") is None
    assert keys.give("keep", key) is None
    assert keys.table()["keep"] == [key]


def test_a_key_that_is_free_again_can_be_given_to_another_act(keys: Keys) -> None:
    keys.give("keep", "j")
    assert keys.give("delete", "k") is None
    assert keys.table()["delete"] == ["k"]


def test_the_key_of_a_class_can_be_another_one(keys: Keys) -> None:
    keys.give("digit_1", "q")
    assert keys.table()["digit_1"] == ["q"]
    assert keys.give("keep", "1") is None


def test_what_was_chosen_is_there_in_the_next_process_until_it_is_reset(keys: Keys) -> None:
    keys.give("keep", "ü")
    other = Keys()
    other.load()
    assert other.table()["keep"] == ["ü"]
    keys.reset()
    other.load()
    assert other.table() == Keys().table()


def test_a_key_that_a_later_version_uses_stays_with_who_chose_it(keys: Keys) -> None:
    home().joinpath("keys.json").write_text(
        json.dumps({"keep": "x", "unsure": "x", "gone": "j", "undo": "Tab"})
    )
    keys.load()
    assert keys.chosen == {"keep": "x"}
    assert keys.table()["delete"] == ["Delete"]
    assert keys.table()["unsure"] == ["s"]


@pytest.mark.parametrize("text", ["{", "[1]", "null"])
def test_a_file_that_cannot_be_read_leaves_the_usual_keys(
    keys: Keys, text: str, caplog: pytest.LogCaptureFixture
) -> None:
    home().joinpath("keys.json").write_text(text)
    with caplog.at_level(logging.WARNING):
        keys.load()
    assert keys.table() == Keys().table()
    assert "keys.json" in caplog.text


def test_a_choice_that_cannot_be_written_holds_for_now(
    keys: Keys, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("CLEANER_HOME", str(tmp_path / "file"))
    with pytest.raises(OSError, match="file"):
        keys.give("keep", "j")
    assert keys.table()["keep"] == ["j"]


def test_who_listens_hears_of_every_change_as_long_as_it_lives(keys: Keys) -> None:
    class Listener:
        heard = 0

        def hear(self) -> None:
            Listener.heard += 1

    listener = Listener()
    keys.subscribe(listener.hear)
    keys.give("keep", "j")
    keys.give("keep", "x")  # refused: nothing changes
    keys.reset()
    assert Listener.heard == 2
    del listener
    gc.collect()
    keys.give("keep", "j")
    assert Listener.heard == 2


def test_sentences_name_the_present_key() -> None:
    usual = say("review.no_labels")
    KEYS.give("type", "ö")
    try:
        assert say("review.no_labels") == usual.replace("/", "ö")
    finally:
        KEYS.reset()
