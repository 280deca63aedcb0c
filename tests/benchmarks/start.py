"""How long a person waits from ``cleaner app`` to the first images, and to those most suspicious.

    python tests/benchmarks/start.py [--runs N] [--folder FOLDER] [--warm]

Each run is a new process and a new page in Chromium, on the photos of ``../shared/data/clothing`` or on a
copy of a folder of class folders. In seconds from the command: *address*, when the page can be asked for;
*first image*; *ranked*, the first image with its loss; *can decide*, when the keys work, until when what is
on the screen is to look at only. Cold: the set was never open; ranked is then a first order, of 500 images,
on the page after the one that is open. Warm: it was open and ranked before, with all networks. Printed
are the median and the range of the runs, the limits, and the load of the machine, which makes everything
slower.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from beds import DATA, lay_out_clothing
from playwright.sync_api import Page, sync_playwright

from cleaner.widgets.sentences import say

LIMITS_S = {("cold", "first image"): 2.5, ("cold", "ranked"): 12.0, ("warm", "ranked"): 2.0}
LIMITS_S["warm", "first image"] = LIMITS_S["cold", "first image"]
_SEEN = {
    "first image": ".cleaner-card.has-picture",
    "ranked": ".cleaner-card.has-picture .cleaner-loss",
    "can decide": "#rendered_cells .cleaner-card.has-picture",
}
_LONGEST_MS = 900_000
_SETTLES_S = 3.0


def run(folder: Path, browser: Any) -> dict[str, float]:
    """Start the command, and return when what was seen."""
    began = time.monotonic()
    command = [sys.executable, "-m", "cleaner", "app", str(folder), "--no-browser", "--port", "0"]
    found: dict[str, float] = {}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            watch(process, browser, began, found)
        finally:
            process.terminate()
    return found


def watch(process: subprocess.Popen[str], browser: Any, began: float, found: dict[str, float]) -> None:
    """Look at the page until it has shown everything."""
    assert process.stdout is not None
    matches = (re.search(r"http://\S+", line) for line in process.stdout)
    address = next(match[0] for match in matches if match is not None)
    found["address"] = time.monotonic() - began
    page: Page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.goto(address, wait_until="commit")
    page.wait_for_selector(_SEEN["first image"], timeout=_LONGEST_MS)
    found["first image"] = time.monotonic() - began
    if page.query_selector(_SEEN["ranked"]):
        found["ranked"] = time.monotonic() - began
    page.wait_for_selector(_SEEN["can decide"], timeout=_LONGEST_MS)
    page.wait_for_selector("#cleaner-front", state="detached", timeout=_LONGEST_MS)
    found["can decide"] = time.monotonic() - began
    if "ranked" not in found:
        # The page that is open stays as it is: the first order, of a part of the images, is on the next one.
        page.get_by_text(say("review.new_order")).wait_for(timeout=_LONGEST_MS)
        page.get_by_role("button", name=say("grid.next_page")).click()
        page.wait_for_selector(_SEEN["ranked"], timeout=_LONGEST_MS)
        found["ranked"] = time.monotonic() - began
    time.sleep(_SETTLES_S)  # what the next start shows is kept a moment later
    page.close()


def main() -> None:
    """Run cold, then warm, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--warm", action="store_true", help="only warm: ranked once, which is not counted")
    told = parser.parse_args()
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None or not (told.folder or (DATA / "clothing").is_dir()):
        print("Skipped: it needs Chromium and photos.")
        return
    with tempfile.TemporaryDirectory() as temporary, sync_playwright() as playwright:
        os.environ["CLEANER_HOME"] = str(Path(temporary, "home"))
        folder = Path(temporary, "photos")
        if told.folder:
            shutil.copytree(told.folder, folder, ignore=shutil.ignore_patterns(".cleaner"))
        else:
            lay_out_clothing(folder)
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        images = sum(file.is_file() for file in folder.rglob("*"))
        print(f"{images:,} files, {os.cpu_count()} cores, load before: {os.getloadavg()[0]:.1f}")
        for kind in ("warm",) if told.warm else ("cold", "warm"):
            runs = []
            if kind == "warm":
                rank = [sys.executable, "-m", "cleaner", "rank", str(folder)]
                subprocess.run(rank, check=True, stdout=subprocess.DEVNULL)
                run(folder, browser)  # not counted: it keeps what the next start shows
            for _ in range(told.runs):
                if kind == "cold":
                    shutil.rmtree(folder / ".cleaner", ignore_errors=True)
                runs.append(run(folder, browser))
            print(f"\n{kind}, {told.runs} runs, load {os.getloadavg()[0]:.1f}")
            for what in ("address", "first image", "ranked", "can decide"):
                seconds = sorted(each[what] for each in runs)
                median = statistics.median(seconds)
                limit_s = LIMITS_S.get((kind, what))
                goal = f"  {median / limit_s:.2f} of the limit of {limit_s} s" if limit_s else ""
                print(f"  {what:12s}{median:6.1f} s  ({seconds[0]:.1f}–{seconds[-1]:.1f}){goal}")
        browser.close()


if __name__ == "__main__":
    main()
