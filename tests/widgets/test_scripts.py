"""Joining ES modules into one script."""

from __future__ import annotations

import json
import shutil
import subprocess
from graphlib import CycleError
from pathlib import Path

import pytest

from cleaner.widgets.scripts import joined


def write(folder: Path, **modules: str) -> Path:
    """Write modules, and return the first one."""
    for name, text in modules.items():
        (folder / f"{name}.js").write_text(text, encoding="utf-8")
    return folder / f"{next(iter(modules))}.js"


def run(script: str) -> object:
    """Return what a module exports by default, as node finds it."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("no node on this machine")
    code = "const m = await import(process.argv[1]); console.log(JSON.stringify(m.default));"
    url = "data:text/javascript," + script.replace("%", "%25").replace("#", "%23")
    done = subprocess.run(
        [node, "--input-type=module", "-e", code, url], capture_output=True, text=True, check=True
    )
    return json.loads(done.stdout)


def test_modules_keep_their_own_names(tmp_path: Path) -> None:
    entry = write(
        tmp_path,
        main='import { double } from "./sums.js";\nimport {\n  Counter,\n  ONE,\n} from "./counter.js";\n'
        "const hidden = 5;\nexport default [double(hidden), new Counter().n, ONE];\n",
        sums='import { ONE } from "./counter.js";\nconst hidden = 2;\n'
        "/** Not an import. */\nexport function double(n) { return hidden * n * ONE; }\n",
        counter="const hidden = 7;\nexport class Counter { n = hidden; }\nexport const ONE = 1;\n",
    )
    script = joined(entry)
    assert script.index("class Counter") < script.index("function double") < script.index("export default")
    assert run(script) == [10, 7, 1]


def test_module_that_two_import_is_there_once(tmp_path: Path) -> None:
    entry = write(
        tmp_path,
        main='import { a } from "./a.js";\nimport { b } from "./b.js";\nexport default [a, b];\n',
        a='import { made } from "./c.js";\nexport const a = made;\n',
        b='import { made } from "./c.js";\nexport const b = made;\n',
        c="export const made = 3;\n",
    )
    script = joined(entry)
    assert script.count("const made = 3") == 1
    assert run(script) == [3, 3]


@pytest.mark.parametrize(
    "line",
    [
        'import all from "./other.js";',
        'import * as all from "./other.js";',
        'import { a as b } from "./other.js";',
        'import "./other.js";',
        'import { a } from "https://somewhere.test/other.js";',
        "export { a };",
        "export let a = 1;",
        'export * from "./other.js";',
    ],
)
def test_other_forms_are_refused_by_name(tmp_path: Path, line: str) -> None:
    entry = write(tmp_path, main=f"{line}\nexport default 1;\n", other="export const a = 1;\n")
    with pytest.raises(ValueError, match=r"main\.js has the line"):
        joined(entry)


def test_name_that_is_not_exported_is_refused(tmp_path: Path) -> None:
    entry = write(
        tmp_path,
        main='import { a, b } from "./other.js";\nexport default 1;\n',
        other="export const a = 1;\nconst b = 2;\n",
    )
    with pytest.raises(ValueError, match=r"main\.js imports b from other\.js"):
        joined(entry)


def test_default_of_an_imported_module_is_refused(tmp_path: Path) -> None:
    entry = write(
        tmp_path,
        main='import { a } from "./other.js";\nexport default a;\n',
        other="export const a = 1;\nexport default a;\n",
    )
    with pytest.raises(ValueError, match=r"other\.js has the line"):
        joined(entry)


def test_circle_is_refused(tmp_path: Path) -> None:
    entry = write(
        tmp_path,
        main='import { a } from "./a.js";\nexport default a;\n',
        a='import { b } from "./b.js";\nexport const a = 1;\n',
        b='import { a } from "./a.js";\nexport const b = 1;\n',
    )
    with pytest.raises(CycleError):
        joined(entry)
