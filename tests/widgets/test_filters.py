from __future__ import annotations

from traitlets import Bunch

from cleaner.session.view import GridView
from cleaner.widgets.panels.filters import FilterBox


def test_a_choice_counts_though_an_earlier_one_is_shown_as_chosen_meanwhile() -> None:
    chosen: list[GridView] = []
    box = FilterBox(chosen.append)
    shown = GridView(given="green")
    box.offer(shown, orders=["most suspicious"], splits=[], given=["green", "red"], predicted=["cat"])
    given = next(each for each in box.children if each.value == "green")
    # Somebody chose “red”; before this is heard of, the thread that shows “green” set the list back to it.
    box._on_value(Bunch(owner=given, new="red"))
    assert chosen == [GridView(given="red")]
    box.close()
