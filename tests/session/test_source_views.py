"""Looking at the images of one annotator, camera or date, the most suspicious first."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cleaner.ranking import Ranking, rank_probabilities
from cleaner.session.view import GridView
from cleaner.widgets.image_cleaner import ImageCleaner
from cleaner.widgets.panels.analysis import AnalysisPanels
from cleaner.widgets.sentences import say
from cleaner.workspace import Workspace

BEN = [f"{colour}/{colour}_{i:03d}.png" for colour in ("blue", "green", "red") for i in (1, 3, 5, 7)]


@pytest.fixture
def workspace(colour_set: Path) -> Iterator[Workspace]:
    """Eight images each of blue, green and red; every second one was labelled by Ben."""
    lines = ["name,label,annotator"]
    for path in sorted(colour_set.rglob("*.png")):
        who = "Ben" if int(path.stem[-3:]) % 2 else "Zoë"
        lines.append(f"{path.relative_to(colour_set).as_posix()},{path.parent.name},{who}")
    (colour_set / "labels.csv").write_text("\n".join(lines), encoding="utf-8")
    with Workspace(colour_set, labels=colour_set / "labels.csv", reviewer="Ana") as made:
        made.scan()
        yield made


def ranked(workspace: Workspace) -> Ranking:
    """Rank as a model would that doubts an image the more, the lower its number."""
    catalog = workspace.catalog
    odds = np.full((len(catalog), 3), 0.1)
    for row, name in enumerate(catalog.names):
        right = 0.5 + 0.04 * int(name[-7:-4])
        odds[row] = (1 - right) / 2
        odds[row, catalog.classes.index(name.split("/")[0])] = right
    return rank_probabilities(catalog, odds)


@pytest.fixture
def cleaner(workspace: Workspace) -> Iterator[ImageCleaner]:
    made = ImageCleaner(ranked(workspace), workspace=workspace, page_size=24)
    yield made
    made.close()


def test_the_images_of_one_annotator_come_alone_and_most_suspicious_first(cleaner: ImageCleaner) -> None:
    cleaner.set_view(source=("annotator", "Ben"))
    assert sorted(cleaner.names) == BEN
    assert [name[-7:-4] for name in cleaner.names] == ["001"] * 3 + ["003"] * 3 + ["005"] * 3 + ["007"] * 3


def test_a_source_goes_with_the_other_filters(cleaner: ImageCleaner) -> None:
    cleaner.set_view(source=("annotator", "Ben"), given="red", order="by file name")
    assert list(cleaner.names) == [name for name in BEN if name.startswith("red")]


@pytest.mark.parametrize("source", [("annotator", "Cleo"), ("camera", "Ben")])
def test_a_source_that_is_not_there_shows_nothing(cleaner: ImageCleaner, source: tuple[str, str]) -> None:
    cleaner.set_view(source=source)
    assert cleaner.names == ()


def test_certain_images_come_alone_also_those_without_a_label(workspace: Workspace) -> None:
    table = workspace.root / "labels.csv"
    table.write_text(
        table.read_text(encoding="utf-8").replace("red_001.png,red,", "red_001.png,,"), encoding="utf-8"
    )
    workspace.refresh()
    cleaner = ImageCleaner(ranked(workspace), workspace=workspace, page_size=24)
    chosen = ("red/red_001.png", "blue/blue_003.png", "gone.png")
    cleaner.set_view(GridView(chosen=chosen, show="all"))
    assert set(cleaner.names) == set(chosen[:2])
    (choice,) = [each for each in cleaner.filters.children if each.description == say("filters.chosen")]
    assert (choice.value, choice.label) == (chosen, "3 images")
    cleaner.set_view(GridView(show="all"))
    assert len(cleaner.names) == 23
    cleaner.close()


def test_a_view_of_a_present_label_leaves_the_others_as_they_are(cleaner: ImageCleaner) -> None:
    cleaner.set_view(GridView(now="red", show="all"))
    cleaner.session.set_ranking(cleaner.ranking)
    assert len(cleaner.names) == 8
    cleaner.set_view(GridView(show="all"))
    assert len(cleaner.names) == 24


def test_pages_without_a_source_are_remembered_as_before() -> None:
    assert not {"source", "now", "chosen"} & json.loads(GridView().key).keys()
    assert GridView(chosen=("a", "b")).key != GridView(chosen=("a", "c")).key
    assert GridView(source=("annotator", "Ben")).key != GridView(source=("annotator", "Zoë")).key


def test_the_filters_offer_every_annotator_once_the_images_were_analysed(cleaner: ImageCleaner) -> None:
    (choice,) = [each for each in cleaner.filters.children if each.description == say("filters.source")]
    cleaner.session.analyse()
    assert cleaner.session.wait()
    offered = dict(choice.options)
    assert offered[say("filters.source_of", source="annotator", group="Ben")] == ("annotator", "Ben")
    assert choice.layout.display == ""
    choice.value = ("annotator", "Ben")
    assert cleaner.session.wait()
    assert sorted(cleaner.names) == BEN
    assert cleaner.view.source == ("annotator", "Ben")


def test_the_button_of_a_finding_opens_its_images(cleaner: ImageCleaner) -> None:
    steps: list[str] = []
    focused: list[Any] = []
    panels = AnalysisPanels(
        cleaner.session, go_to=steps.append, take_focus=lambda: focused.append(True), redraw=list
    )
    panels.patterns.do("source", '["annotator", "Ben"]')
    assert (panels.patterns.problem, steps, focused) == ("", ["Labels"], [True])
    assert sorted(cleaner.names) == BEN
    panels.close()
