from __future__ import annotations

import hashlib
from pathlib import Path

import pandas as pd
from PIL import Image

from cleaner.pipelines.report import content_hash, report_facts
from cleaner.review.store import ReviewStore
from cleaner.workspace import Workspace


def small_set(root: Path) -> Workspace:
    for i in range(6):
        path = root / ("cat" if i % 2 else "dog") / f"{i}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (4, 4), (40 * i, 0, 0)).save(path)
    workspace = Workspace(root, reviewer="anna")
    workspace.scan()
    return workspace


def test_the_content_hash_can_be_checked_from_cleaned_csv_and_the_files_alone(tmp_path: Path) -> None:
    with small_set(tmp_path / "set") as workspace:
        workspace.store.decide("dog/0.png", "delete")
        workspace.store.decide("dog/2.png", "relabel", "cat")
        facts = report_facts(workspace, workspace.store, None)
        workspace.csv_writer().write_now()
        lines = []
        table = pd.read_csv(workspace.cleaned_csv, dtype=str, keep_default_na=False)
        for name, label in zip(table["name"], table["label"], strict=True):
            digest = hashlib.sha256((workspace.root / name).read_bytes()).hexdigest()
            lines.append(f"{name}\t{digest}\t{label}\n".encode())
    assert facts.cleaned.digest == hashlib.sha256(b"".join(sorted(lines))).hexdigest()
    assert (facts.given.images, facts.cleaned.images, facts.cleaned.unread) == (6, 5, 0)
    assert facts.given.digest != facts.cleaned.digest


def test_no_two_sets_have_the_same_lines() -> None:
    tabs = content_hash({"a\tb": "c"}, {"a\tb": "0"})
    assert tabs != content_hash({"a": "b\tc"}, {"a": "0"})
    assert content_hash({"a": "b\nc"}, {}) != content_hash({"a": "b\\nc"}, {})
    assert content_hash({"a": "x", "b": None}, {}) == content_hash({"b": None, "a": "x"}, {})
    assert content_hash({"a": "x", "b": None}, {"a": "0"}).unread == 1


def test_who_decided_and_how_far_they_agree(tmp_path: Path) -> None:
    with small_set(tmp_path / "set") as workspace:
        store = workspace.store
        for name in ("dog/0.png", "dog/2.png", "dog/4.png"):
            store.decide(name, "keep")
        with ReviewStore(
            workspace.store_url, dataset=workspace.name, reviewer="ben", images=store.state.images
        ) as other:
            other.decide("dog/0.png", "keep")
            other.decide("dog/2.png", "delete")
            facts = report_facts(workspace, other, None)
    assert [each.name for each in facts.reviewers] == ["anna", "ben"]
    assert (facts.several, facts.disagree) == (2, 1)
