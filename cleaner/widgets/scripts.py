"""ES modules joined into the one script that anywidget takes, which cannot import files of its own."""

import json
import re
from graphlib import TopologicalSorter
from pathlib import Path

_IMPORT = re.compile(r'^import \{\s*(\w+(?:,\s*\w+)*),?\s*\} from "\./(\w+)\.js";$', re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(?:async )?(?:function|class|const) (\w+))", re.MULTILINE)
_OTHER = re.compile(r"^(?:import|export)\b.*$", re.MULTILINE)

# anywidget would add a sheet once for every class of widgets, and lay the page out anew for every widget.
_SHEET = """{
  const text = %(text)s;
  let style = document.head.querySelector("style[data-cleaner='%(name)s']");
  if (!style) {
    style = document.createElement("style");
    style.dataset.cleaner = "%(name)s";
    document.head.append(style);
  }
  if (style.textContent !== text) style.textContent = text;
}"""


def joined(entry: Path, sheet: Path | None = None) -> str:
    """Join a module with all that it imports, in one text that exports what the module exports by default.

    Each imported module becomes a function that is called once and returns what the module exports, so that
    names of one module never meet those of another. Only the forms ``import { a, b } from "./name.js";`` and
    ``export function``, ``class`` or ``const`` are understood, ``export default`` in the entry alone, and
    modules must not import each other in a circle.

    Parameters
    ----------
    entry : Path
        A module; the others lie in the same folder.
    sheet : Path, optional
        A style sheet that the script adds to its document, once.

    Raises
    ------
    ValueError
        A module imports or exports in another form, a name that is not there, or in a circle.
    """
    texts: dict[str, str] = {}
    needed: dict[str, set[str]] = {}
    waiting = [entry.stem]
    while waiting:
        name = waiting.pop()
        if name not in texts:
            texts[name] = entry.with_name(f"{name}.js").read_text(encoding="utf-8")
            needed[name] = {found[2] for found in _IMPORT.finditer(texts[name])}
            waiting += needed[name]
    exported = {name: _EXPORT.findall(text) for name, text in texts.items()}
    parts = []
    if sheet is not None:
        text = json.dumps(sheet.read_text(encoding="utf-8"))
        parts.append(_SHEET % {"text": text, "name": sheet.stem})
    for name in TopologicalSorter(needed).static_order():
        body = _body(name, texts[name], exported, is_entry=name == entry.stem)
        if name != entry.stem:
            body = f"const ${name} = (() => {{\n{body}\nreturn {{ {', '.join(exported[name])} }};\n}})();"
        parts.append(body)
    return "\n".join(parts)


def _body(name: str, text: str, exported: dict[str, list[str]], *, is_entry: bool) -> str:
    """Return a module with plain statements for its imports and exports."""

    def imported(found: re.Match[str]) -> str:
        names = re.split(r",\s*", found[1])
        missing = sorted(set(names) - set(exported[found[2]]))
        if missing:
            msg = f"{name}.js imports {', '.join(missing)} from {found[2]}.js, which does not export that."
            raise ValueError(msg)
        return f"const {{ {', '.join(names)} }} = ${found[2]};"

    body = _EXPORT.sub("", _IMPORT.sub(imported, text))
    for other in _OTHER.finditer(body):
        if is_entry and other[0].startswith("export default "):
            continue
        msg = f"{name}.js has the line {other[0]!r}; see joined() for the forms that can be joined."
        raise ValueError(msg)
    return body
