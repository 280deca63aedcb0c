"""How long a person waits for the page: a decision, the next page, the large view; alone and while it trains.

    python tests/benchmarks/hand.py [--images N] [--large] [--rounds N]

A real dashboard and a real browser (Chromium, as ``tests/run`` finds it) on this machine, with photos of
``../shared/data/clothing`` (``--large``: scaled up to 12 megapixels) and a made ranking. Measured in the
page, from the key press on: until a decision is acknowledged, which is when it is stored; until the first
and the last picture of the next page is drawn, after three seconds on the page before, in which its
thumbnails were made ahead, or *at once*, as soon as the page lets itself be confirmed; until the large view
shows the image. All of it is done once more while the whole network is trained in the background. Medians,
and the range, in milliseconds.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
from collections import defaultdict
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from embedding import DATA, lay_out

from cleaner import Workspace
from cleaner.dashboard.server import Dashboard
from cleaner.jobs import Job
from cleaner.ranking import rank_probabilities
from cleaner.widgets.page_settings import PageSettings
from cleaner.widgets.panels.job import TASKS

LIMITS_MS = {
    "decision": 30,
    "next page after 3 s: whole": 80,
    "next page at once: first picture": 150,
    "next page at once: whole": 1000,
    "large view": 300,
}
TRAINING_FACTOR = 2
AT_ONCE_MS = 700  # a page that has just opened cannot be confirmed sooner (NEW_PAGE_MS in acts.js)
CLASSES = ("a", "b", "c", "d")

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
    window.addEventListener("keydown", begin, { capture: true });
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


def measured(page: Any, key: str, *conditions: str) -> dict[str, float]:
    """Press a key; return the milliseconds until each of the conditions held."""
    page.evaluate(MEASURE, list(conditions))
    page.keyboard.press(key)
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


def report(title: str, taken: dict[str, list[float]], factor: float) -> bool:
    """Print medians and ranges beside their limits; return whether these hold."""
    held = True
    print(title)
    for name, limit in LIMITS_MS.items():
        values, limit_ms = taken[name], limit * factor
        found = median(values)
        held = held and found <= limit_ms
        print(
            f"  {name:34}{found:7.0f} ms ({min(values):.0f}-{max(values):.0f}, n={len(values)})"
            f"   limit {limit_ms:5.0f}   ratio {found / limit_ms:.2f}",
            flush=True,
        )
    return held


def main() -> int:
    """Print all of it, and tell by the exit code whether the limits hold."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--images", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--large", action="store_true")
    options = parser.parse_args()
    if options.images < (least := 4 * 24 * options.rounds):
        parser.error(f"Got {options.images} images; {options.rounds} rounds of four pages need {least}.")
    if not (DATA / "clothing" / "images.zip").exists():
        print(f"skipped: there is no {DATA / 'clothing'}")
        return 0
    from playwright.sync_api import sync_playwright

    browser_path = os.environ.get("CLEANER_BROWSER") or shutil.which("chromium")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        os.environ["CLEANER_HOME"] = str(Path(folder) / "home")
        root = Path(folder) / "photos"
        made_set(root, options.images, large=options.large)
        settings = PageSettings.for_root(root, browse_root=folder)
        browser = playwright.chromium.launch(executable_path=browser_path, args=["--no-sandbox"])
        with Dashboard(settings, port=0) as dashboard:
            page = browser.new_page(viewport={"width": 1280, "height": 900})
            page.goto(dashboard.url)
            page.wait_for_selector(".has-picture", timeout=60_000)
            page.wait_for_timeout(30_000)  # what is done once after the page was opened
            held = report(f"{options.images} photos", work(page, options.rounds), 1)
            with Workspace(root) as workspace:
                arguments = {"workspace": workspace.options(), "epochs": 50}
                if (other := Job.current(workspace.state)) is not None:
                    other.cancel()
                    other.wait()
                job = Job.start(workspace.state, TASKS["full"], arguments)
                page.wait_for_timeout(60_000)
                training = job.status()
                held &= report(
                    f"while it trains ({training.stage})", work(page, options.rounds), TRAINING_FACTOR
                )
                job.cancel()
                job.wait(60)
        browser.close()
    return int(not held)


if __name__ == "__main__":
    sys.exit(main())
