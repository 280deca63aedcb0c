"""What is in a review packet, and what is not."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from pathlib import Path

import pytest
from pictures import draw_pattern

from cleaner import Workspace
from cleaner.errors import StoreError
from cleaner.widgets.packet import make_packet

MARKUP = "</script><script>alert(1)</script>"


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    for i in range(6):
        draw_pattern(tmp_path / f"{i}.png", i)
    (tmp_path / "broken.png").write_bytes(b"no image")
    names = [f"{i}.png" for i in range(6)]
    rows = [f'{name},"{MARKUP}"' for name in names]
    (tmp_path / "labels.csv").write_text("name,label\n" + "\n".join(rows), encoding="utf-8")
    return Workspace(tmp_path, labels="labels.csv", reviewer="Bo")


def test_markup_in_names_and_labels_stays_text_and_the_policy_names_the_script(workspace: Workspace) -> None:
    page = make_packet(workspace, None, title=MARKUP).html.decode()
    assert page.count("</script") == 2
    assert "<script>alert" not in page
    script = re.search(r'<script type="module">(.*)</script>', page, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script[1].encode()).digest()).decode()
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page)[1]
    assert f"script-src &#x27;sha256-{digest}&#x27;" in policy
    assert "default-src &#x27;none&#x27;" in policy
    assert "http" not in policy


def test_a_packet_has_the_first_undecided_images_and_leaves_no_trace_in_the_set(workspace: Workspace) -> None:
    workspace.store.decide("1.png", "keep")
    workspace.store.decide("2.png", "unsure")
    before = workspace.store.state.last_seq, sorted(workspace.state.glob("*.json"))
    page = make_packet(workspace, None, title="set", top=3).html.decode()
    data = json.loads(re.search(r'id="packet">(.*?)</script>', page)[1])
    cells = [image["cell"] for image in data["images"]]
    assert [cell["name"] for cell in cells] == ["0.png", "2.png", "3.png"]
    assert [cell["decision"] for cell in cells] == [None] * 3
    assert len(cells[1]["notes"]) == 1  # what Bo thinks of it
    assert re.fullmatch("[0-9a-f]{64}", data["images"][0]["row"]["content"])
    assert (workspace.store.state.last_seq, sorted(workspace.state.glob("*.json"))) == before


def test_what_cannot_be_shown_is_left_out_by_name(workspace: Workspace) -> None:
    assert "0.png" in workspace.catalog.names
    (workspace.root / "0.png").write_bytes(b"no image any more")
    made = make_packet(workspace, None, title="set")
    assert made.images == 5
    assert [name for name, _ in made.left_out] == ["0.png"]


def test_without_anything_undecided_there_is_no_packet(workspace: Workspace) -> None:
    workspace.store.decide(workspace.catalog.names.tolist(), "keep")
    with pytest.raises(StoreError, match="nothing for a packet"):
        make_packet(workspace, None, title="set")
