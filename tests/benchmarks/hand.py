"""How long a person waits for the page: a decision, the next page, the large view; alone and while it trains.

    python tests/benchmarks/hand.py [--images N] [--large] [--rounds N] [--only originals | photos]

A real dashboard and a real browser (Chromium, as ``tests/run`` finds it) on this machine, with photos of
``../shared/data/clothing`` (``--large``: scaled up to 12 megapixels) and a made ranking. Measured in the
page, from the key press on: until a decision is acknowledged, which is when it is stored; until the first
and the last picture of the next page is drawn, after three seconds on the page before, in which its
thumbnails were made ahead, or *at once*, as soon as the page lets itself be confirmed; until the large view
shows the image. All of it is done once more while the whole network is trained in the background.

Before that, the same of photos of 12 megapixels with the grain of a camera (about 4 MB each), of which there
is no thumbnail yet: the next page, three seconds after the page before, and a *jump* to a page that nobody
could foresee, by the choice of a class in the filters. Medians, and the range, in milliseconds.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from beds import DATA, clothing_photos
from embedding import LARGE_PX, lay_out
from PIL import Image

from cleaner import Workspace
from cleaner.dashboard.server import Dashboard
from cleaner.jobs import Job
from cleaner.ranking import rank_probabilities
from cleaner.widgets.page_settings import PageSettings
from cleaner.widgets.panels.job import TASKS
from cleaner.widgets.sentences import say

LIMITS_MS = {
    "decision": 30,
    "next page after 3 s: whole": 80,
    "next page at once: first picture": 150,
    "next page at once: whole": 1000,
    "large view": 300,
}
ORIGINALS_LIMITS_MS = {
    "next page after 3 s: whole": 80,
    "jump, no thumbnails: first picture": 150,
    "jump, no thumbnails: whole": 1000,
}
TRAINING_FACTOR = 2
AT_ONCE_MS = 700  # a page that has just opened cannot be confirmed sooner (NEW_PAGE_MS in acts.js)
CLASSES = ("a", "b", "c", "d")
PAGE = 24
GRAIN = 6  # standard deviation of the grain, in levels of 255

# Resolves to the milliseconds from the next key press to the moment at which each condition holds.
MEASURE = """
(conditions) => {
  const first = () => document.querySelector("[role=gridcell]")?.getAttribute("aria-label").split(",")[0];
  const before = first();
  let begun = 0, seen = false;
  const cards = (kind) => document.querySelectorAll(".cleaner-card" + kind).length;
  const large = () => document.querySelector(".cleaner-large[open] .cleaner-stage img");
  const tests = {
    saved: () => (seen ||= cards(".is-saving") > 0) && cards(".is-saving") === 0,
    first: () => first() !== before && cards(".has-picture") > 0,
    whole: () => first() !== before && cards("") > 0 && cards("") === cards(".has-picture"),
    large: () => large()?.complete && large().naturalWidth > 0,
  };
  window.measured = new Promise((resolve, reject) => {
    const found = {};
    const late = setTimeout(() => reject(new Error(`waited 20 s for ${conditions}`)), 20000);
    const look = () => {
      if (!begun) return;
      for (const name of conditions) {
        if (!(name in found) && tests[name]()) found[name] = performance.now() - begun;
      }
      if (Object.keys(found).length < conditions.length) return;
      clearInterval(timer);
      clearTimeout(late);
      watch.disconnect();
      resolve(found);
    };
    const watch = new MutationObserver(look), timer = setInterval(look, 2);
    watch.observe(document.body, { subtree: true, childList: true, attributes: true });
    const begin = (event) => { if (event.key !== "Control") begun ||= performance.now(); };
    for (const kind of ["keydown", "change"]) window.addEventListener(kind, begin, { capture: true });
  });
}
"""


def made_set(root: Path, images: int, *, large: bool) -> None:
    """Write photos in some classes, and save a made ranking of them."""
    flat = root.parent / "flat"
    flat.mkdir()
    for i, path in enumerate(lay_out(flat, images, large=large)):
        folder = root / CLASSES[i % len(CLASSES)]
        folder.mkdir(parents=True, exist_ok=True)
        path.rename(folder / path.name)
    with Workspace(root) as workspace:
        catalog = workspace.scan()
        odds = np.random.default_rng(0).dirichlet(np.ones(len(catalog.classes)), len(catalog))
        rank_probabilities(catalog, odds.astype(np.float32)).save(workspace.ranking_folder)


def camera_set(root: Path, jumps: int) -> None:
    """Write originals of a camera: one class for pages that follow each other, one page each to jump to.

    A made ranking puts the images of the first class, ``a``, before all others.
    """
    rng = np.random.default_rng(0)
    grain = rng.normal(0, GRAIN, (LARGE_PX[1], LARGE_PX[0], 1)).astype(np.float32)
    places = ["a"] * PAGE * (jumps + 2) + [f"jump {i}" for i in range(jumps) for _ in range(PAGE)]
    for i, (label, photo) in enumerate(zip(places, clothing_photos(len(places), 0), strict=True)):
        pixels = np.asarray(photo.convert("RGB").resize(LARGE_PX), dtype=np.float32)
        pixels = np.clip(pixels + np.roll(grain, 7 * i, axis=0), 0, 255).astype(np.uint8)
        (root / label).mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(root / label / f"{i:03}.jpg", quality=92)
    with Workspace(root) as workspace:
        catalog = workspace.scan()
        odds = np.full((len(catalog), len(catalog.classes)), 0.01, dtype=np.float32)
        for row, label in enumerate(catalog.labels):
            odds[row, catalog.classes.index("jump 0" if label == "a" else label)] = 0.9
        odds /= odds.sum(1, keepdims=True)
        rank_probabilities(catalog, odds).save(workspace.ranking_folder)


def measured(page: Any, act: str | Callable[[], object], *conditions: str) -> dict[str, float]:
    """Press a key, or do something; return the milliseconds until each of the conditions held."""
    page.evaluate(MEASURE, list(conditions))
    page.keyboard.press(act) if isinstance(act, str) else act()
    found: dict[str, float] = page.evaluate("window.measured")
    return found


def work(page: Any, rounds: int) -> dict[str, list[float]]:
    """Decide, look and turn pages; return what each took."""
    taken: dict[str, list[float]] = defaultdict(list)
    for _ in range(rounds):
        page.get_by_role("gridcell").first.focus()
        for _decision in range(4):
            taken["decision"].append(measured(page, "k", "saved")["saved"])
            page.wait_for_timeout(100)
        page.get_by_role("gridcell").nth(6).focus()
        taken["large view"].append(measured(page, "Enter", "large")["large"])
        page.keyboard.press("Escape")
        page.wait_for_timeout(3000)
        taken["next page after 3 s: whole"].append(measured(page, "Control+Enter", "whole")["whole"])
        page.wait_for_timeout(AT_ONCE_MS)
        found = measured(page, "Control+Enter", "first", "whole")
        taken["next page at once: first picture"].append(found["first"])
        taken["next page at once: whole"].append(found["whole"])
    return taken


def work_on_originals(page: Any, root: Path, rounds: int) -> dict[str, list[float]]:
    """Turn pages, and jump to others, of images that have no thumbnails; return what each took."""
    taken: dict[str, list[float]] = defaultdict(list)
    made = root / ".cleaner" / "thumbnails"
    page.get_by_role("gridcell").first.focus()
    for _ in range(rounds):
        page.wait_for_timeout(3000)
        taken["next page after 3 s: whole"].append(measured(page, "Control+Enter", "whole")["whole"])
    given = page.locator(".cleaner-filters").get_by_label(say("filters.given"))
    for i in range(rounds):
        page.wait_for_timeout(3000)
        before = len(list(made.glob("*/*.jpg")))
        found = measured(page, lambda i=i: given.select_option(f"jump {i}"), "first", "whole")
        page.wait_for_timeout(1000)
        if len(list(made.glob("*/*.jpg"))) != before + PAGE:
            msg = f"The thumbnails of class “jump {i}” were there already, or were not made."
            raise RuntimeError(msg)
        taken["jump, no thumbnails: first picture"].append(found["first"])
        taken["jump, no thumbnails: whole"].append(found["whole"])
    return taken


def report(
    title: str, taken: dict[str, list[float]], limits_ms: dict[str, int] = LIMITS_MS, factor: float = 1
) -> bool:
    """Print medians and ranges beside their limits; return whether these hold."""
    held = True
    print(title)
    for name, limit in limits_ms.items():
        values, limit_ms = taken[name], limit * factor
        found = median(values)
        held = held and found <= limit_ms
        print(
            f"  {name:34}{found:7.0f} ms ({min(values):.0f}-{max(values):.0f}, n={len(values)})"
            f"   limit {limit_ms:5.0f}   ratio {found / limit_ms:.2f}",
            flush=True,
        )
    return held


def on_dashboard(browser: Any, root: Path, use: Callable[[Any], bool]) -> bool:
    """Open a set in a dashboard, let what is done once come to its end, and use its page."""
    settings = PageSettings.for_root(root, browse_root=str(root.parent))
    with Dashboard(settings, port=0) as dashboard:
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.goto(dashboard.url)
        page.wait_for_selector(".has-picture", timeout=60_000)
        page.wait_for_timeout(30_000)
        held = use(page)
        page.close()
    return held


def on_photos(page: Any, root: Path, images: int, rounds: int) -> bool:
    """Work alone, and while the whole network is trained."""
    held = report(f"{images} photos", work(page, rounds))
    with Workspace(root) as workspace:
        arguments = {"workspace": workspace.options(), "epochs": 50}
        if (other := Job.current(workspace.state)) is not None:
            other.cancel()
            other.wait()
        job = Job.start(workspace.state, TASKS["full"], arguments)
        page.wait_for_timeout(60_000)
        training = job.status()
        title = f"while it trains ({training.stage})"
        held &= report(title, work(page, rounds), factor=TRAINING_FACTOR)
        job.cancel()
        job.wait(60)
    return held


def main() -> int:
    """Print all of it, and tell by the exit code whether the limits hold."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--images", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--large", action="store_true")
    parser.add_argument("--only", choices=("originals", "photos"))
    options = parser.parse_args()
    if options.images < (least := 4 * PAGE * options.rounds):
        parser.error(f"Got {options.images} images; {options.rounds} rounds of four pages need {least}.")
    if not (DATA / "clothing" / "images.zip").exists():
        print(f"skipped: there is no {DATA / 'clothing'}")
        return 0
    from playwright.sync_api import sync_playwright

    browser_path = os.environ.get("CLEANER_BROWSER") or shutil.which("chromium")
    held = True
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        os.environ["CLEANER_HOME"] = str(Path(folder) / "home")
        browser = playwright.chromium.launch(executable_path=browser_path, args=["--no-sandbox"])
        if options.only != "photos":
            root = Path(folder) / "camera" / "photos"
            camera_set(root, options.rounds)
            title = "photos of 12 megapixels, without thumbnails"
            held &= on_dashboard(
                browser,
                root,
                lambda page: report(
                    title, work_on_originals(page, root, options.rounds), ORIGINALS_LIMITS_MS
                ),
            )
        if options.only != "originals":
            root = Path(folder) / "photos"
            made_set(root, options.images, large=options.large)
            held &= on_dashboard(
                browser, root, lambda page: on_photos(page, root, options.images, options.rounds)
            )
        browser.close()
    return int(not held)


if __name__ == "__main__":
    sys.exit(main())
