"""Heat maps by the heads of a ranking, and the process that makes them for a session."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pictures import make_collages
from PIL import Image

from cleaner.errors import InterpretationError
from cleaner.pipelines.heat_maps import SIDE, HeatMapper, serve
from cleaner.pipelines.rank import look, rank_seen, save_ranking
from cleaner.ranking import Ranking, SetRanking
from cleaner.ranking.heads import log_softmax
from cleaner.ranking.kept_heads import KeptHeads
from cleaner.ranking.logistic import sigmoid
from cleaner.session.session import ReviewSession
from cleaner.util.progress import SILENT
from cleaner.workspace import Workspace


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Forty images, half of them bright at the left and half at the right, which is their class."""
    root = tmp_path_factory.mktemp("sides")
    rng = np.random.default_rng(0)
    for side in ("left", "right"):
        (root / side).mkdir()
        for i in range(20):
            picture = rng.integers(0, 40, (64, 64, 3), dtype=np.uint8)
            half = slice(0, 32) if side == "left" else slice(32, 64)
            picture[:, half] += rng.integers(0, 200, (64, 32, 3), dtype=np.uint8)
            Image.fromarray(picture).save(root / side / f"{i}.png")
    return root


@pytest.fixture(scope="module")
def made(folder: Path) -> Iterator[tuple[Workspace, Ranking, HeatMapper]]:
    with Workspace(folder, from_scratch=True, reviewer="Ana") as workspace:
        seen = look(workspace, workspace.store.state, workspace.network, reporter=SILENT)
        ranking = rank_seen(seen, reporter=SILENT)
        save_ranking(workspace, seen, ranking)
        yield workspace, ranking, HeatMapper(workspace.ranking_folder, [seen.backbone])


def test_the_kept_heads_are_those_that_rank(made: tuple[Workspace, Ranking, HeatMapper]) -> None:
    workspace, ranking, _ = made
    heads = KeptHeads.load(workspace.ranking_folder)
    embeddings = look(workspace, workspace.store.state, workspace.network, reporter=SILENT).embeddings
    at = {name: row for row, name in enumerate(embeddings.names)}
    for name in ranking.names[::7]:
        (head,) = heads.of_image(name)
        logits = head.features(embeddings.vectors[[at[name]]]) @ head.weight + head.offset
        row = ranking.row(name)
        assert -log_softmax(logits)[0, ranking.codes[row]] == pytest.approx(
            ranking.signals["loss"][row], abs=2e-3
        )


def test_the_map_shows_which_half_speaks_for_the_class(made: tuple[Workspace, Ranking, HeatMapper]) -> None:
    workspace, ranking, mapper = made
    for side, other in (("left", "right"), ("right", "left")):
        name = f"{side}/3.png"
        values = mapper.make(workspace.root / name, name, ranking.model, [side]).values.astype(int)
        halves = {"left": values[:, : SIDE // 2].sum(), "right": values[:, SIDE // 2 :].sum()}
        assert halves[side] > halves[other]
        against = mapper.make(workspace.root / name, name, ranking.model, [other]).values
        assert against.astype(int).sum() < values.sum()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"classes": ["top"]}, "does not know this class"),
        ({"name": "left/new.png"}, "came after the ranking"),
        ({"model": "another"}, "has just changed"),
    ],
)
def test_what_there_is_no_map_of_is_said(
    made: tuple[Workspace, Ranking, HeatMapper], change: dict[str, Any], reason: str
) -> None:
    workspace, ranking, mapper = made
    asked = {
        "path": workspace.root / "left/3.png",
        "name": "left/3.png",
        "model": ranking.model,
        "classes": ["left"],
    }
    with pytest.raises(InterpretationError, match=reason):
        mapper.make(**asked | change)


def test_the_process_answers_line_by_line(made: tuple[Workspace, Ranking, HeatMapper]) -> None:
    workspace, ranking, _ = made
    asked = {"path": str(workspace.root / "left/3.png"), "name": "left/3.png", "model": ranking.model}
    lines = [
        {"workspace": workspace.options()},
        asked | {"classes": ["left"]},
        asked | {"classes": ["top"]},
        {},
    ]
    answers = io.StringIO()
    serve(io.StringIO("\n".join(map(json.dumps, lines))), answers)
    first, second, third = map(json.loads, answers.getvalue().splitlines())
    assert (first["side"], first["estimated"]) == (SIDE, False)
    assert "does not know this class" in second["problem"]
    assert "KeyError" in third["problem"]


def test_a_session_asks_a_process_once_for_each_map(made: tuple[Workspace, Ranking, HeatMapper]) -> None:
    workspace, ranking, mapper = made
    session = ReviewSession(workspace, ranking=ranking, in_background=False)
    try:
        heat = session.heat_map("left/3.png", "left")
        own = mapper.make(workspace.root / "left/3.png", "left/3.png", ranking.model, ["left"]).values
        assert np.abs(np.frombuffer(heat.values, np.int8).reshape(SIDE, SIDE).astype(int) - own).max() <= 1
        assert session.heat_map("left/3.png", "left") is heat
        with pytest.raises(InterpretationError, match="“top”"):
            session.heat_map("left/3.png", "top")
        session.start_audit()
        with pytest.raises(InterpretationError, match="audit"):
            session.heat_map("left/3.png", "left")
    finally:
        session.close()


def test_where_images_have_several_labels_each_class_has_its_map(tmp_path: Path) -> None:
    right = make_collages(tmp_path / "set")
    with Workspace(tmp_path / "set", labels=tmp_path / "set" / "labels.csv", from_scratch=True) as workspace:
        seen = look(workspace, workspace.store.state, workspace.network, reporter=SILENT)
        ranking = rank_seen(seen, reporter=SILENT)
        save_ranking(workspace, seen, ranking)
        assert isinstance(ranking, SetRanking)
        heads, vectors = KeptHeads.load(workspace.ranking_folder), seen.embeddings.vectors
        for name in ranking.names[::9]:
            (head,) = heads.of_image(name)
            row = seen.embeddings.names.index(name)
            logits = head.features(vectors[[row]]) @ head.weight + head.offset
            assert sigmoid(logits)[0] == pytest.approx(ranking.plain[ranking.row(name)], abs=0.05)
        mapper = HeatMapper(workspace.ranking_folder, [seen.backbone])
        sides = []
        for name in [name for name, label in right.items() if label == "blue;red"]:
            pixels = np.asarray(Image.open(workspace.root / name))
            left_is_red = pixels[:, :12, 0].mean() > pixels[:, 12:, 0].mean()
            values = mapper.make(workspace.root / name, name, ranking.model, ["red"]).values.astype(int)
            sides.append((values[:, : SIDE // 2].sum() > values[:, SIDE // 2 :].sum()) == left_is_red)
        assert np.mean(sides) > 0.8
