"""A set of another tool in the browser: imported, and written out again, with the keyboard."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cleaner.dataset.formats.registry import FORMATS
from cleaner.widgets.sentences import say

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def test_a_set_of_another_tool_is_imported_and_exported(
    visit: Callable[..., Any], make_set: Callable[..., Path], tmp_path: Path, expect: Any
) -> None:
    root = make_set(4, size_px=32)
    names = sorted(path.relative_to(root).as_posix() for path in root.rglob("*.png"))
    labels = sorted({name.split("/")[0] for name in names})
    document = {
        "images": [{"id": i, "file_name": name} for i, name in enumerate(names)],
        "categories": [{"id": i, "name": label} for i, label in enumerate(labels)],
        "annotations": [
            {"id": i, "image_id": i, "category_id": labels.index(name.split("/")[0])}
            for i, name in enumerate(names)
        ],
    }
    (root / "all.json").write_text(json.dumps(document))
    page = visit(None, browse_root=tmp_path, from_scratch=True).page
    page.get_by_role("button", name="set", exact=True).click()
    page.get_by_role("button", name=say("start.open.name", name="all.json")).press("Enter")
    title = FORMATS["coco"].title
    expect(page.get_by_text(say("import.recognised", name="all.json", format=title))).to_be_visible()
    page.get_by_role("button", name=say("import.do"), exact=True).press("Enter")
    expect(page.get_by_role("grid", name="Images to review")).to_be_visible(timeout=60_000)

    page.get_by_role("tab", name=say("files")).click()
    page.get_by_label(say("export.format")).select_option(title)
    page.get_by_role("button", name=say("export.do"), exact=True).press("Enter")
    folder = tmp_path / "set-coco"
    expect(page.get_by_text(say("export.done", folder=str(folder)))).to_be_visible(timeout=60_000)
    assert (folder / "all.json").read_bytes() == (root / "all.json").read_bytes()


def test_why_an_import_failed_stands_below_the_field_that_it_asks_to_change(
    visit: Callable[..., Any], make_set: Callable[..., Path], tmp_path: Path, expect: Any
) -> None:
    root = make_set(4, size_px=32)
    document = {
        "images": [{"id": 1, "file_name": "elsewhere/a.png"}],
        "categories": [{"id": 1, "name": "red"}],
        "annotations": [{"id": 1, "image_id": 1, "category_id": 1}],
    }
    (root / "all.json").write_text(json.dumps(document))
    page = visit(None, browse_root=tmp_path, from_scratch=True).page
    page.get_by_role("button", name="set", exact=True).click()
    page.get_by_role("button", name=say("start.open.name", name="all.json")).press("Enter")
    page.get_by_role("button", name=say("import.do"), exact=True).press("Enter")
    alert = page.get_by_role("alert").filter(has_text="Choose the folder of the images above.")
    expect(alert).to_be_visible(timeout=60_000)
    dialog = page.get_by_role("region", name=say("import", name="all.json"))
    for width in (1280, 700):
        page.set_viewport_size({"width": width, "height": 800})
        field = dialog.get_by_label(say("import.images")).bounding_box()
        told, around = alert.bounding_box(), dialog.bounding_box()
        assert told["y"] > field["y"] + field["height"]
        assert around["x"] <= told["x"]
        assert told["x"] + told["width"] <= around["x"] + around["width"]
