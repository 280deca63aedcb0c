// The dialog that lists every key.

import { CTRL, make, make_button, make_dialog } from "./elements.js";

/** @import { Say } from "./words.js" */

/** Every key: [keys, the sentence that says what they do, only where there are classes]. @type {[string, string, boolean][]} */
const KEYS = [
  ["← → ↑ ↓", "grid.key.arrows", false],
  ["Home, End", "grid.key.home_end", false],
  ["Page Up, Page Down", "grid.key.pages", false],
  ["Space", "grid.key.space", false],
  ["Shift + ← → ↑ ↓", "grid.key.range", false],
  [`${CTRL} + A, Esc`, "grid.key.all", false],
  ["k, a", "grid.key.keep", true],
  ["x, Del", "grid.key.delete", true],
  ["1 … 9, 0", "grid.key.digits", true],
  [".", "grid.key.likely", true],
  ["y", "grid.key.suggestion", true],
  ["/", "grid.key.type", true],
  ["l", "grid.key.similar", true],
  ["s", "grid.key.unsure", true],
  ["g", "grid.key.group", true],
  ["o", "grid.key.only", true],
  ["y, n", "grid.key.advice", true],
  [`u, Backspace, ${CTRL} + Z`, "grid.key.undo", false],
  ["Enter", "grid.key.enlarge", false],
  [`${CTRL} + Enter`, "grid.key.confirm", false],
  ["?", "grid.key.help", false],
];

/** What x does where there are no classes. @type {[string, string, boolean]} */
const MARK = ["x, Del", "grid.key.mark", false];

/** Keys of the large view, in the same form. @type {[string, string, boolean][]} */
const LARGE_KEYS = [
  ["← →", "grid.key.large.arrows", false],
  ["+ −", "grid.key.large.zoom", false],
  ["f", "grid.key.large.fit", false],
  ["Shift + ← → ↑ ↓", "grid.key.large.move", false],
  ["c", "grid.key.large.compare", true],
  ["Esc", "grid.key.large.close", false],
];

/**
 * @param {Say} say
 * @param {boolean} with_classes
 */
export function make_help(say, with_classes) {
  const dialog = make_dialog(say("grid.keys"), "cleaner-help");
  const table = (/** @type {[string, string, boolean][]} */ keys) => {
    const shown = keys.filter(([, , classes]) => with_classes || !classes);
    const rows = shown.map(([key, what]) =>
      make("tr", "", {}, make("th", "", { scope: "row" }, make("kbd", "", {}, key)), make("td", "", {}, say(what))));
    return make("table", "", {}, make("tbody", "", {}, ...rows));
  };
  const page = with_classes ? KEYS : KEYS.map((row) => (row[1] === "grid.key.delete" ? MARK : row));
  const close = make_button(say("grid.close"), "Esc", () => dialog.close());
  dialog.append(make("div", "cleaner-sheet", {},
    make("h2", "", {}, say("grid.keys")), make("p", "", {}, say("grid.keys_act_on")), table(page),
    make("h3", "", {}, say("grid.keys_large")), table(LARGE_KEYS), make("div", "cleaner-buttons", {}, close)));
  dialog.addEventListener("keydown", (event) => {
    if (event.key === "?") dialog.close();
    event.stopPropagation();
  });
  return dialog;
}
