"""Prints the packages of this environment with a known weakness, by pip-audit, and how many it does not know.

What is found fails no test, since an advisory of tomorrow says nothing about the code of today. Advisories
that do not concern cleaner are named in `EXPLAINED`, with the reason.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

EXPLAINED: dict[str, str] = {}
"""Ids of advisories, and why what they are about cannot happen here."""


def told(packages: Sequence[Mapping[str, Any]], explained: Mapping[str, str]) -> Iterator[str]:
    """Yield what is to be said of packages, as pip-audit lists them."""
    for package in packages:
        for found in package.get("vulns", ()):
            ids = [found["id"], *found.get("aliases", ())]
            reason = next((explained[each] for each in ids if each in explained), None)
            mended = ", ".join(found.get("fix_versions", ())) or "no version yet"
            line = (
                f"{package['name']} {package['version']} has a known weakness, {ids[0]}, mended in {mended}"
            )
            yield line if reason is None else f"{line}; it does not concern cleaner: {reason}"
    unknown = sum("skip_reason" in package for package in packages)
    if unknown:
        yield f"pip-audit could not find out about {unknown} of {len(packages)} packages"


def main() -> None:
    asked = [sys.executable, "-m", "pip_audit", "--local", "--skip-editable", "--format=json"]
    try:
        ran = subprocess.run(
            [*asked, "--progress-spinner=off"], capture_output=True, text=True, timeout=180, check=False
        )
        packages = json.loads(ran.stdout)["dependencies"]
    except (subprocess.TimeoutExpired, ValueError, KeyError):  # as without network
        print("pip-audit gave no answer, so known weaknesses were not looked for")
        return
    for line in told(packages, EXPLAINED):
        print(line)


if __name__ == "__main__":
    main()
