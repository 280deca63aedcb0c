"""`MapPanel`: the map on the page, without a browser."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from cleaner.embedding.cache import EmbeddingCache
from cleaner.errors import InterpretationError
from cleaner.pipelines.image_map import make_map
from cleaner.ranking import rank_probabilities
from cleaner.session.image_groups import Grouping
from cleaner.session.session import ReviewSession
from cleaner.session.view import GridView
from cleaner.widgets.panels import image_map
from cleaner.widgets.panels.base import Panel, text_of
from cleaner.widgets.panels.image_map import MapPanel, groups_by
from cleaner.widgets.sentences import say
from cleaner.workspace import Workspace

pytest.importorskip("openTSNE")
pytest.importorskip("jscatter")
BLUE = [f"blue/blue_{i:03d}.png" for i in range(8)]


@pytest.fixture
def workspace(colour_set: Path) -> Iterator[Workspace]:
    """Eight images each of blue, green and red, with features; the model takes all for green."""
    with Workspace(colour_set, reviewer="Ana") as made:
        catalog, hashes = made.scan(), made.index.hashes()
        cache = EmbeddingCache(made.state / "embeddings", "made", 8)
        cache.append([hashes[n] for n in catalog.names], np.random.default_rng(0).random((len(catalog), 8)))
        yield made


@pytest.fixture
def session(workspace: Workspace) -> Iterator[ReviewSession]:
    odds = np.tile([0.1, 0.8, 0.1], (len(workspace.catalog), 1))
    made = ReviewSession(workspace, ranking=rank_probabilities(workspace.catalog, odds), page_size=48)
    yield made
    made.close()


@pytest.fixture
def panel(workspace: Workspace, session: ReviewSession) -> Iterator[MapPanel]:
    made = MapPanel(workspace, session, session.set_view, lock=session.lock)
    yield made
    made.close()


def text(panel: Panel) -> str:
    return " ".join(text_of(tree) for tree in panel.tree)


def look(panel: MapPanel, session: ReviewSession) -> None:
    panel.look()
    assert session.wait()


def colour(panel: MapPanel, session: ReviewSession, by: Grouping) -> None:
    panel.do("colour", by)
    assert session.wait()


def test_it_is_made_in_another_process_and_then_shown(panel: MapPanel, session: ReviewSession) -> None:
    look(panel, session)
    assert say("map.none") in text(panel)
    assert panel.scatter is None
    panel.do("make")
    end = time.monotonic() + 120
    while say("map.choose") not in text(panel) and not panel.problem:
        assert time.monotonic() < end, text(panel)
        time.sleep(0.02)
    assert panel.problem == ""
    assert panel.scatter is not None
    assert panel.scatter.widget in panel.box.children
    assert say("map.make") not in text(panel)


def test_a_loop_opens_exactly_the_images_in_it(
    panel: MapPanel, session: ReviewSession, workspace: Workspace
) -> None:
    made = make_map(workspace, workspace.network)
    look(panel, session)
    assert panel.scatter is not None
    panel.scatter.widget.selection = np.array([0, 9, 23])
    groups = "blue 1, green 1 and red 1"
    assert say("map.chosen", images="3 images", groups=groups) in text(panel)
    panel.do("chosen")
    assert set(session.names) == {made.names[0], made.names[9], made.names[23]}
    assert session.view == GridView(chosen=session.view.chosen, show="all")
    panel.scatter.widget.selection = np.array([], dtype=np.int64)
    assert say("map.choose") in text(panel)


def test_groups_are_opened_from_the_list(
    panel: MapPanel, session: ReviewSession, workspace: Workspace
) -> None:
    make_map(workspace, workspace.network)
    look(panel, session)
    panel.legend.do("group", "0")
    assert sorted(session.names) == BLUE
    colour(panel, session, Grouping.SUGGESTION)
    assert text(panel.legend).split()[-3:] == ["green", "24", "images"]
    session.decide(BLUE[0], "delete")
    session.decide(BLUE[1], "relabel", "red")
    colour(panel, session, Grouping.DECISION)
    rows = [say(f"map.{what}") for what in ("undecided", "relabel", "delete")]
    assert [word for word in text(panel.legend).split() if word in rows] == rows
    panel.legend.do("group", "2")
    assert list(session.names) == [BLUE[0]]


def test_images_that_are_not_on_it_are_said(
    panel: MapPanel, session: ReviewSession, workspace: Workspace, picture: Callable[..., Path]
) -> None:
    make_map(workspace, workspace.network)
    picture(workspace.root / "red" / "new.png", (200, 40, 40), seed=99)
    workspace.scan()
    look(panel, session)
    assert say("map.missing", images="1 image") in text(panel)
    assert say("map.again") in text(panel)


def test_many_classes_share_the_colours() -> None:
    pairs = [(f"{i}-{j}.png", f"c{i:02d}") for i in range(30) for j in range(1 if i < 10 else 2)]
    groups = groups_by(Grouping.GIVEN, [*pairs, ("x.png", "")])
    assert len(groups) == 31
    own = {group.colour for group in groups[10:30]}
    assert len(own) == 20
    assert {group.colour for group in [*groups[:10], groups[30]]}.isdisjoint(own)
    assert groups[-1].text == say("map.no_given")


def test_without_the_extra_it_says_what_to_type(
    panel: MapPanel, session: ReviewSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse() -> None:
        raise InterpretationError("type this")

    monkeypatch.setattr(image_map, "require_map", refuse)
    look(panel, session)
    assert "type this" in text(panel)
    assert say("map.make") not in text(panel)
