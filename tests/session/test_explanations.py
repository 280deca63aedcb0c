"""Why an image is on show: what is told, by which labels, and where nothing is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from page_requests import answer_to, ask

from cleaner.ranking import Ranking, rank_probabilities
from cleaner.session.file_review import FileReview
from cleaner.session.orders import AUDIT
from cleaner.widgets.grid.text import why_text
from cleaner.widgets.sentences import say
from cleaner.workspace import Workspace

RED = [f"red/red_{i:03d}.png" for i in range(8)]
BLUE = [f"blue/blue_{i:03d}.png" for i in range(8)]


def ranked(workspace: Workspace, *, with_features: bool = True) -> Ranking:
    """Rank with features by the colour; the second red picture is a copy of the first."""
    catalog = workspace.catalog
    colours = np.array([catalog.classes.index(name.split("/")[0]) for name in catalog.names])
    rng = np.random.default_rng(0)
    vectors = np.eye(3, 8)[colours] + 0.2 * rng.normal(size=(len(colours), 8))
    hashes = [f"h{i}" for i in range(len(colours))]
    row = catalog.names.tolist().index
    hashes[row(RED[1])] = hashes[row(RED[0])]
    vectors[row(RED[1])] = vectors[row(RED[0])]
    features: Any = SimpleNamespace(
        names=catalog.names.tolist(), vectors=vectors.astype(np.float32), hashes=hashes, key="made"
    )
    odds = np.full((len(catalog), 3), 0.1)
    odds[np.arange(len(catalog)), colours] = 0.8
    return rank_probabilities(catalog, odds, *([features] if with_features else []))


@pytest.fixture
def cleaner(colours: Workspace, open_ranked: Callable[[Ranking], Any]) -> Any:
    return open_ranked(ranked(colours))


def answer(cleaner: Any, name: str) -> tuple[dict[str, Any], list[bytes]]:
    return answer_to(cleaner.sent, ask(cleaner.grid, cleaner.sent, "why", name=name))


def test_the_grid_gets_the_reason_with_the_copy_and_the_nearest_images(cleaner: Any) -> None:
    message, buffers = answer(cleaner, RED[0])
    assert (message["kind"], message["name"], message["to"]) == ("why", RED[0], "v")
    assert message["text"] == why_text(cleaner.session.explain(RED[0]))
    copy, *similar = message["witnesses"]
    assert copy == {"name": RED[1], "label": "red", "same": True, "copy": True}
    assert len(similar) == 5
    assert not any(each["copy"] for each in similar)
    assert {each["name"] for each in similar} <= set(RED[2:])
    assert len(buffers) == 6
    assert all(data.startswith(b"\xff\xd8") for data in buffers)


def test_the_others_count_with_the_labels_that_they_have_now(cleaner: Any, colours: Workspace) -> None:
    cleaner.decide(RED[1], "relabel", "blue")
    cleaner.decide(RED[2], "relabel", "green")
    cleaner.decide(RED[3], "delete")
    colours.store.class_event("class_rename", "red", "crimson")
    why = cleaner.session.explain(RED[0])
    assert (why.given, why.says) == ("crimson", "crimson")
    assert [(each.name, each.label) for each in why.copies] == [(RED[1], "blue")]
    labels = dict(why.neighbours)
    assert labels[RED[2]] == "green"
    assert RED[3] not in labels
    assert labels[RED[4]] == "crimson"
    assert labels[BLUE[0]] == "blue"


def test_an_image_shown_as_undecided_is_a_witness_with_its_given_label(
    cleaner: Any, colours: Workspace
) -> None:
    colours.store.share_blind(second=1.0, again=0.0)
    colours.store.decide(RED[2], "delete", reviewer="Ben")
    assert RED[2] not in dict(cleaner.session.explain(RED[0]).neighbours)
    cleaner.set_view(order="by file name", given="red")
    assert cleaner.session.shown_blind == {RED[2]}
    assert dict(cleaner.session.explain(RED[0]).neighbours)[RED[2]] == "red"


def test_an_audit_and_a_page_that_does_not_ask_for_labels_say_nothing(cleaner: Any) -> None:
    cleaner.start_audit()
    cleaner.set_view(order=AUDIT)
    message, buffers = answer(cleaner, RED[0])
    assert (message["text"], message["witnesses"], buffers) == ("", [], [])


def test_there_is_nothing_to_say_of_an_image_that_no_ranking_knows(cleaner: Any, colours: Workspace) -> None:
    assert cleaner.session.explain("elsewhere.png") is None
    cleaner.session.ranking.reasons = None
    assert cleaner.session.explain(RED[0]) is None
    assert answer(cleaner, RED[0])[0]["text"] == ""


def test_probabilities_without_features_have_no_similar_images(colours: Workspace) -> None:
    why = ranked(colours, with_features=False).why(RED[0])
    assert why is not None
    assert (why.says, why.neighbours, why.copies) == ("red", (), ())
    assert why.probability == pytest.approx(0.8, abs=1e-5)


def test_a_saved_ranking_tells_the_same(colours: Workspace, tmp_path: Path) -> None:
    ranking = ranked(colours)
    back = Ranking.load(ranking.save(tmp_path / "saved"))
    assert back.why(RED[0]) == ranking.why(RED[0])


def test_a_picture_that_cannot_be_shown_is_no_witness(cleaner: Any, colours: Workspace) -> None:
    (colours.root / RED[1]).write_bytes(b"no image")
    message, buffers = answer(cleaner, RED[0])
    assert RED[1] not in [each["name"] for each in message["witnesses"]]
    assert len(buffers) == len(message["witnesses"]) == 5


def test_files_without_a_model_have_no_reason(tmp_path: Path, colour_set: Path) -> None:
    review = FileReview([colour_set / RED[0]])
    assert review.explain(RED[0]) is None


def test_what_fails_is_said_and_the_image_can_still_be_decided(
    cleaner: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(cleaner.session, "explain", lambda name: 1 / 0)
    message, buffers = answer(cleaner, RED[0])
    assert (message["text"], message["witnesses"], buffers) == (say("why.failed"), [], [])
    assert "ZeroDivisionError" in caplog.text
