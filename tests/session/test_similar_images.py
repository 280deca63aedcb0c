"""The same decision for look-alikes: what is found, what is offered, and that nothing happens by itself."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from page_requests import ask

from cleaner.embedding.cache import EmbeddingCache, last_embeddings
from cleaner.errors import StoreError
from cleaner.labelling.similar_images import find_similar
from cleaner.session import background
from cleaner.session.messages import Change, SimilarImages, Topic
from cleaner.session.view import GridView
from cleaner.widgets.grid.text import notice_text, offer_text
from cleaner.widgets.image_cleaner import ImageCleaner
from cleaner.widgets.sentences import say
from cleaner.workspace import Workspace

PER_CLASS = 10


def hashes_of(workspace: Workspace) -> dict[str, str]:
    table = workspace.index.table()
    return dict(zip(table["name"], table["hash"], strict=True))


def fill(workspace: Workspace) -> EmbeddingCache:
    """Give each picture an embedding: the higher its number, the less it looks like number 0."""
    cache = EmbeddingCache(workspace.state / "embeddings", "net", 2)
    hashes = hashes_of(workspace)
    angles = [int(name.split("_")[1][:3]) / 10 for name in hashes]
    cache.append(list(hashes.values()), np.array([[np.cos(a), np.sin(a)] for a in angles]))
    return cache


@pytest.fixture
def workspace(make_set: Callable[..., Path]) -> Iterator[Workspace]:
    with Workspace(make_set(PER_CLASS), reviewer="Ana") as made:
        made.scan()
        yield made


@pytest.fixture
def open_cleaner(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Any]]:
    opened: list[ImageCleaner] = []

    def build() -> ImageCleaner:
        made: Any = ImageCleaner(workspace, page_size=6)
        made.sent = []
        monkeypatch.setattr(made.grid, "send", lambda message, buffers=None: made.sent.append(message))
        opened.append(made)
        return made

    yield build
    for made in opened:
        made.close()


@pytest.fixture
def cleaner(workspace: Workspace, open_cleaner: Callable[..., Any]) -> Any:
    fill(workspace)
    return open_cleaner()


def offered(cleaner: Any, images: int) -> None:
    """Wait until nothing is looked for any more; so many similar images must be on offer then."""
    assert cleaner.session.wait()
    told = [message["text"] for message in cleaner.sent if message["kind"] == "offer"]
    assert told[-1] == offer_text(images)
    assert cleaner.session.page().offer == images


def undone(of: str) -> str:
    return say("review.undone", what=say("review.act_relabel_to", of=of, label="blue"))


def send(cleaner: Any, kind: str, **fields: Any) -> dict[str, Any]:
    asked = ask(cleaner.grid, cleaner.sent, kind, **fields)
    return next(message for message in cleaner.sent if message.get("id") == asked)


# ---------------------------------------------------------------- finding them


def test_the_nearest_come_first_and_only_those_that_are_asked_about(workspace: Workspace) -> None:
    cache, hashes = fill(workspace), hashes_of(workspace)
    names = [f"red/red_{i:03d}.png" for i in range(PER_CLASS)]
    assert find_similar(cache, hashes, [names[4]], names[:8][::-1], most=4) == [
        names[5],
        names[3],
        names[6],
        names[2],
    ]
    assert find_similar(cache, hashes, [names[0], names[9]], names, most=2) == [names[1], names[8]]


def test_images_without_embedding_are_passed_over(workspace: Workspace) -> None:
    cache = fill(workspace)
    names = [f"red/red_{i:03d}.png" for i in range(3)]
    hashes = {**hashes_of(workspace), names[1]: "0" * 64}
    assert find_similar(cache, hashes, [names[0]], [*names, "elsewhere.png"]) == [names[2]]
    assert find_similar(cache, hashes, [names[1]], names) == []


def test_embeddings_are_those_that_know_the_most_and_of_these_the_last(tmp_path: Path) -> None:
    folder, contents = tmp_path / "embeddings", ["ab" * 32, "cd" * 32]
    assert last_embeddings(folder, contents) is None
    known = {"first": contents, "second": contents, "begun": contents[:1], "of others": ["ef" * 32] * 9}
    for dim, (key, some) in enumerate(known.items(), start=2):
        EmbeddingCache(folder, key, dim).append(some, np.ones((len(some), dim)))
        time.sleep(0.02)
    EmbeddingCache(folder, "empty", 9)
    found = last_embeddings(folder, contents)
    assert found is not None
    assert (found.folder.name, found.dim, len(found)) == ("second", 3, 2)
    found = last_embeddings(folder, contents[:1])
    assert found is not None
    assert found.folder.name == "begun"


def test_finding_them_imports_no_torch() -> None:
    code = (
        "import sys, cleaner.labelling.similar_images, cleaner.session.session; print('torch' in sys.modules)"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "False"


# ---------------------------------------------------------------- on the page


def test_a_relabel_offers_undecided_pictures_of_the_old_label(cleaner: Any) -> None:
    cleaner.decide("red/red_001.png", "keep")
    cleaner.decide("red/red_000.png", "relabel", "blue")
    offered(cleaner, 8)
    page = send(cleaner, "similar")["page"]
    assert [cell["name"] for cell in page["cells"]] == [f"red/red_{i:03d}.png" for i in range(2, 10)]
    assert page["same"] == {"action": "relabel", "label": "blue"}
    (notice,) = cleaner.session.page().notices
    assert notice == SimilarImages(("red/red_000.png",), "red", "relabel", "blue", cleaner.names)
    assert page["notice"] == notice_text(notice)
    assert say("review.similar_relabel", label="blue") in page["notice"]
    assert cleaner.store.state.progress().looked_at == 2
    assert [cell["decision"] for cell in page["cells"]] == [None] * 8


def test_a_delete_offers_the_same_and_says_so(cleaner: Any) -> None:
    cleaner.decide("green/green_009.png", "delete")
    offered(cleaner, 9)
    cleaner.show_similar()
    assert cleaner.names[:2] == ("green/green_008.png", "green/green_007.png")
    page = cleaner.session.page()
    assert page.same == ("delete", None)
    assert say("review.similar_delete") in notice_text(page.notices[0])


def test_the_same_decision_is_one_act_and_one_undo(cleaner: Any) -> None:
    before = cleaner.names
    cleaner.decide("red/red_000.png", "relabel", "blue")
    offered(cleaner, 9)
    cleaner.show_similar()
    cleaner.decide(cleaner.names[:5], "relabel", "blue")
    assert cleaner.store.state.progress().relabelled == 6
    assert cleaner.undo() == undone("5 images")
    assert cleaner.store.state.progress().relabelled == 1
    assert len(cleaner.names) == 9
    assert cleaner.undo() == undone("red_000.png")
    assert cleaner.store.state.progress().looked_at == 0
    assert ("red/red_000.png" in cleaner.names, cleaner.names == before) == (
        True,
        "red/red_000.png" in before,
    )


def test_confirm_keeps_the_unmarked_and_goes_back_to_the_page(cleaner: Any) -> None:
    before = cleaner.names
    cleaner.decide("red/red_000.png", "relabel", "blue")
    offered(cleaner, 9)
    page = send(cleaner, "similar")["page"]
    cleaner.decide(cleaner.names[:2], "relabel", "blue")
    rest = list(cleaner.names[2:])
    assert send(cleaner, "confirm", page=page["id"], names=rest)["said"] == f"{say('review.kept', n=7)}."
    assert cleaner.names == before
    assert [cleaner.store.state.of(name).outcome for name in rest] == ["keep"] * 7


def test_going_back_leaves_them_undecided(cleaner: Any) -> None:
    before = cleaner.names
    cleaner.decide("red/red_000.png", "relabel", "blue")
    offered(cleaner, 9)
    cleaner.show_similar()
    assert cleaner.session.page().can_go_back
    cleaner.previous_page()
    assert cleaner.names == before
    assert cleaner.store.state.progress().looked_at == 1


def test_what_was_decided_meanwhile_is_not_shown(cleaner: Any) -> None:
    cleaner.decide("red/red_000.png", "relabel", "blue")
    offered(cleaner, 9)
    cleaner.store.decide("red/red_001.png", "keep", reviewer="Ben")
    cleaner.show_similar()
    assert cleaner.names[0] == "red/red_002.png"


@pytest.mark.parametrize(("action", "label"), [("keep", None), ("unsure", None), ("relabel", "red")])
def test_other_decisions_withdraw_the_offer(cleaner: Any, action: str, label: str | None) -> None:
    cleaner.decide("red/red_000.png", "relabel", "blue")
    offered(cleaner, 9)
    cleaner.decide("red/red_005.png", action, label)
    offered(cleaner, 0)
    refused = send(cleaner, "similar")
    assert refused["reason"] == "No similar images are on offer. Relabel or delete an image first."


def test_an_undo_withdraws_the_offer(cleaner: Any) -> None:
    cleaner.decide("red/red_000.png", "relabel", "blue")
    offered(cleaner, 9)
    cleaner.undo()
    offered(cleaner, 0)


def test_without_embeddings_nothing_is_offered(open_cleaner: Callable[..., Any]) -> None:
    cleaner = open_cleaner()
    cleaner.decide("red/red_000.png", "relabel", "blue")
    assert cleaner.session.wait()
    assert cleaner.session.offer is None
    with pytest.raises(StoreError, match="No similar images are on offer"):
        cleaner.show_similar()


def test_a_page_that_is_drawn_anew_still_offers_them(cleaner: Any) -> None:
    cleaner.decide("red/red_000.png", "relabel", "blue")
    offered(cleaner, 9)
    assert send(cleaner, "hello")["page"]["offer"] == offer_text(9)
    send(cleaner, "similar")
    again = send(cleaner, "hello")["page"]
    assert (again["title"], again["offer"], len(again["cells"])) == (say("review.title_similar"), "", 9)


def test_an_answer_that_comes_late_does_not_withdraw_a_newer_offer(
    cleaner: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    look, asked, go_on = background.similar_to_decided, threading.Event(), threading.Event()

    def slow_for_keeps(events: Any, *known: Any, **how: Any) -> Any:
        if events[0].kind == "keep":
            asked.set()
            assert go_on.wait(10)
        return look(events, *known, **how)

    monkeypatch.setattr(background, "similar_to_decided", slow_for_keeps)
    offers: list[SimilarImages | None] = []
    told = threading.Event()

    def hear(change: Change) -> None:
        if change.topic is Topic.OFFER:
            offers.append(cleaner.session.offer)
            told.set()

    cleaner.session.subscribe(hear)
    cleaner.decide("red/red_001.png", "keep")
    assert asked.wait(10)
    cleaner.decide("red/red_000.png", "relabel", "blue")
    assert told.wait(10)
    go_on.set()
    offered(cleaner, 8)
    assert [offer and len(offer.names) for offer in offers] == [8]


def test_the_view_that_was_chosen_stays_while_similar_images_are_shown(cleaner: Any) -> None:
    cleaner.set_view(order="by file name", show="all")
    cleaner.decide("red/red_000.png", "relabel", "blue")
    offered(cleaner, 9)
    cleaner.show_similar()
    assert cleaner.view == GridView(order="by file name", show="all")
    cleaner.set_view(given="green")
    assert cleaner.view == GridView(order="by file name", show="all", given="green")
    assert cleaner.order == "by file name"
