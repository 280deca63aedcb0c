// @ts-check
// The scripts of this folder are joined, in the order that grid.py gives, into one module without imports.
// This one: the words, numbers and small elements that the others share.

/**
 * @typedef {{action: string, label: string | null, reviewer?: string | null, mine?: boolean}} Decision
 * @typedef {{
 *   name: string, given: string | null, suggestion: string | null, probability: number | null,
 *   loss: number | null, decision: Decision | null, problem: string | null, notes: string[],
 *   facts: [string, string][], sure?: boolean, likely?: string[], group?: string | null, advice?: string, remarks?: string[]
 * }} Cell one picture, as Python describes it
 * @typedef {{id: string, title: string, marks: string[], settled: string}} Group cells that stand in a row of their own
 * @typedef {{
 *   id: string, title: string, summary: string, notice: string, empty: string, focus: string | null,
 *   cells: Cell[], classes: string[], can_go_back: boolean, can_go_on: boolean,
 *   offer?: string, same?: Decision | null, purpose?: string, groups?: Group[]
 * }} Page what the grid shows at a time
 */

const DIGITS = ["1", "2", "3", "4", "5", "6", "7", "8", "9", "0"];
const MAC = /Mac|iPhone|iPad/.test(navigator.platform);

/** Every key, as the help shows it: [keys, what they do, only when classes are on the page]. */
const KEYS = /** @type {[string, string, boolean][]} */ ([
  ["← → ↑ ↓", "go to the next picture", false],
  ["Home, End", "first, last picture of the row; with Ctrl: of the page", false],
  ["Page Up, Page Down", "previous, next page, without confirming", false],
  ["Space", "select this picture, or no longer", false],
  ["Shift + arrows", "select a range", false],
  ["Ctrl + A, Esc", "select all, select none", false],
  ["k or a", "keep: the label, or the suggestion for a picture without one, is right", true],
  ["x or Del", "delete", false],
  ["1 … 9, 0", "relabel to the class with this number", true],
  [".", "put the likeliest classes of the picture on the digits, or all in their own order again; where there are over ten", true],
  ["y", "relabel to the suggestion", true],
  ["/", "relabel to a class by typing; also makes a new class", true],
  ["l", "look-alikes of what was just relabelled or deleted; there: the same decision for them", true],
  ["s", "unsure: set aside for a colleague", true],
  ["o", "among duplicates: keep only this one of its group, or only the selected", true],
  ["y, n", "among duplicates: do as advised; these are no duplicates", true],
  ["u, Backspace, Ctrl + Z", "undo the last act", false],
  ["Enter", "look at the picture large", false],
  ["Ctrl + Enter", "confirm the page, go to the next one", false],
  ["?", "this list", false],
]);

/** Keys of the large view. */
const LARGE_KEYS = /** @type {[string, string][]} */ ([
  ["← →", "previous, next picture"],
  ["+ −", "larger, smaller"],
  ["f", "fit into the window"],
  ["Shift + arrows", "move a picture that is larger than the window"],
  ["c", "compare the classes in question: descriptions, typical pictures"],
  ["Esc", "back to the page"],
]);

/**
 * @param {unknown} condition
 * @param {string} message
 */
function assert(condition, message) {
  if (!condition) throw new Error(`cleaner: ${message}`);
}

/**
 * Make an element. Texts become text nodes, never markup.
 * @param {string} tag
 * @param {string} classes
 * @param {Record<string, string>} attributes
 * @param {(Node | string)[]} children
 * @returns {any}
 */
function make(tag, classes = "", attributes = {}, ...children) {
  const element = document.createElement(tag);
  if (classes) element.className = classes;
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

/**
 * A button that says its key. Pressing it with the mouse leaves the focus where it was.
 * @param {string} text
 * @param {string} key as printed; empty if it has none
 * @param {(event: MouseEvent) => void} on_click
 * @param {string} classes
 */
function make_button(text, key, on_click, classes = "") {
  const button = make("button", `cleaner-button ${classes}`.trim(), { type: "button" }, make("span", "", {}, text));
  if (key) button.append(make("kbd", "", { "aria-hidden": "true" }, key));
  button.addEventListener("mousedown", (/** @type {MouseEvent} */ event) => event.preventDefault());
  button.addEventListener("click", (/** @type {MouseEvent} */ event) => {
    if (button.getAttribute("aria-disabled") !== "true") on_click(event);
  });
  return button;
}

/**
 * Switch a button off without taking the focus from it, as `disabled` would.
 * @param {HTMLElement} button
 * @param {boolean} enabled
 */
function enable(button, enabled) {
  button.setAttribute("aria-disabled", String(!enabled));
}

/** A random id; crypto.randomUUID is missing on pages that come without https. */
function make_id() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/**
 * @param {number} n
 * @param {string} one
 * @param {string} many
 */
function count(n, one, many) {
  return `${n.toLocaleString("en")} ${n === 1 ? one : many}`;
}

/** @param {number} probability */
function percent(probability) {
  const points = Math.round(100 * probability);
  if (points >= 100 && probability < 1) return "> 99\u00a0%";
  if (points <= 0 && probability > 0) return "< 1\u00a0%";
  return `${points}\u00a0%`;
}

/** @param {number} loss */
function loss_text(loss) {
  return loss >= 9.95 ? loss.toFixed(0) : loss.toFixed(1);
}

/**
 * @param {Decision | null} decision
 * @returns {string} what the badge says
 */
function badge_text(decision) {
  if (!decision) return "";
  if (decision.action === "relabel") return `→ ${decision.label}`;
  return decision.action === "keep" ? "kept" : decision.action;
}

/**
 * @param {Decision | null} decision
 * @returns {string} the decision as part of a sentence
 */
function decision_words(decision) {
  if (!decision) return "";
  if (decision.action === "relabel") return `relabelled ${decision.label}`;
  return { keep: "kept", delete: "marked delete", unsure: "marked unsure" }[decision.action] ?? decision.action;
}

/**
 * The name by which a screen reader, or a script, knows a card.
 * @param {Cell} cell
 * @param {boolean} saving
 */
function spoken_name(cell, saving) {
  const parts = [cell.name];
  if (cell.given !== null) parts.push(`labelled ${cell.given}`);
  if (cell.suggestion !== null) {
    parts.push(`predicted ${cell.suggestion}${cell.probability === null ? "" : ` ${cell.probability.toFixed(2)}`}`);
  }
  if (cell.loss !== null) parts.push(`loss ${cell.loss.toFixed(2)}`);
  parts.push(...cell.notes);
  if (cell.advice) parts.push(`advised: ${cell.advice}`);
  parts.push(...(cell.remarks ?? []));
  if (cell.problem) parts.push(`cannot be shown: ${cell.problem}`);
  if (cell.decision) parts.push(decision_words(cell.decision));
  if (saving) parts.push("saving");
  return parts.join(", ");
}

/**
 * @param {Decision | null} a
 * @param {Decision | null} b
 */
function same_decision(a, b) {
  return a === b || (a !== null && b !== null && a.action === b.action && a.label === b.label);
}

/** @param {number} width_px room for the cards @returns {number} columns that fit well */
function columns_for(width_px) {
  const most = width_px >= 1380 ? 8 : 6;
  return Math.max(2, Math.min(most, Math.floor((width_px + 12) / 140)));
}

/** @param {EventTarget | null} target @returns {boolean} whether keys belong to that element */
function takes_keys(target) {
  return target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|SELECT|TEXTAREA)$/.test(target.tagName));
}

/**
 * Keep Tab inside a dialog; the browser's own trap lets it out to the address bar.
 * @param {HTMLElement} dialog
 * @param {KeyboardEvent} event
 */
function trap_tab(dialog, event) {
  if (event.key !== "Tab") return;
  const all = /** @type {HTMLElement[]} */ ([...dialog.querySelectorAll("button, input, select, textarea, [tabindex='0']")]);
  const stops = all.filter((el) => el.tabIndex >= 0 && el.offsetParent !== null);
  if (!stops.length) return;
  const edge = event.shiftKey ? stops[0] : stops[stops.length - 1];
  if (document.activeElement !== edge && dialog.contains(document.activeElement)) return;
  event.preventDefault();
  (event.shiftKey ? stops[stops.length - 1] : stops[0]).focus();
}

function in_notebook() {
  const in_voila = document.body.hasAttribute("data-voila"); // whose page has a LabShell as well
  return !in_voila && document.querySelector(".jp-LabShell, .jp-NotebookShell") !== null;
}
