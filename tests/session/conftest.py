"""A set with duplicates and a poor image, and one without any label."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pictures import make_copies

from cleaner.duplicates.pairs import find_similar
from cleaner.pipelines.checks import Checks, checks_folder
from cleaner.quality.pixels import read_pixels
from cleaner.quality.problems import quality
from cleaner.ranking import Ranking
from cleaner.widgets.image_cleaner import ImageCleaner
from cleaner.workspace import Workspace


@pytest.fixture
def space(tmp_path: Path) -> Iterator[Workspace]:
    """A set with two pairs of duplicates and a black image, which were looked for and found."""
    with Workspace(make_copies(tmp_path / "set"), from_scratch=True, reviewer="Ana") as workspace:
        catalog = workspace.scan()
        pixels = read_pixels(catalog, index=workspace.index, db=workspace.state / "pixels.db")
        made = Checks(similar=find_similar(catalog, pixels), quality=quality(pixels))
        made.save(checks_folder(workspace))
        yield workspace


@pytest.fixture
def colours(colour_set: Path) -> Iterator[Workspace]:
    """Eight images each of blue, green and red."""
    with Workspace(colour_set, reviewer="Ana") as workspace:
        workspace.scan()
        yield workspace


@pytest.fixture
def open_ranked(colours: Workspace) -> Iterator[Callable[[Ranking], Any]]:
    """Return a function that shows those with a ranking; ``sent`` has what its grid sends, with buffers."""
    opened: list[Any] = []

    def build(ranking: Ranking) -> Any:
        cleaner: Any = ImageCleaner(ranking, workspace=colours, page_size=6)
        opened.append(cleaner)
        cleaner.sent = []
        cleaner.grid.send = lambda message, buffers=None: cleaner.sent.append((message, list(buffers or [])))
        return cleaner

    yield build
    for cleaner in opened:
        cleaner.close()


@pytest.fixture
def open_order(space: Workspace) -> Iterator[Callable[..., ImageCleaner]]:
    """Return a function that shows this set in some order."""
    opened: list[ImageCleaner] = []

    def build(order: str, *, page_size: int = 24) -> ImageCleaner:
        cleaner = ImageCleaner(space, page_size=page_size)
        opened.append(cleaner)
        cleaner.session.set_checks(Checks.load(checks_folder(space)))
        cleaner.set_view(order=order)
        return cleaner

    yield build
    for cleaner in opened:
        cleaner.close()


@pytest.fixture
def bare(tmp_path: Path, picture: Callable[..., Path]) -> Iterator[ImageCleaner]:
    """Thirty images without any label, six on a page."""
    for i in range(30):
        picture(tmp_path / "flat" / f"{i:02d}.png", (200, 40, 40), seed=i, size_px=16)
    with Workspace(tmp_path / "flat", from_scratch=True, reviewer="Ana") as workspace:
        cleaner = ImageCleaner(workspace, page_size=6)
        yield cleaner
        cleaner.close()
