// The dialog that lists every key, and where other keys are chosen.

import { CTRL, enable, make, make_button, make_dialog } from "./elements.js";
import { spelling_of } from "./keymap.js";

/**
 * @import { Keymap } from "./keymap.js"
 * @import { KeysMessage } from "./protocol.js"
 * @import { Say } from "./words.js"
 * @typedef {{with_classes: boolean, in_packet: boolean, give: (act: string, key: string) => void, reset: () => void}} HelpHost
 * @typedef {[what: string, says: string, with_classes: boolean]} Line
 *   the keys, or in ACTS an act; the sentence that says what they do; whether only where there are classes
 */

/** Keys that move and select, which are the same for everybody. @type {Line[]} */
const MOVES = [
  ["← → ↑ ↓", "grid.key.arrows", false],
  ["Home, End", "grid.key.home_end", false],
  ["Page Up, Page Down", "grid.key.pages", false],
  ["Space", "grid.key.space", false],
  ["Shift + ← → ↑ ↓", "grid.key.range", false],
  [`${CTRL} + A, Esc`, "grid.key.all", false],
  ["Enter", "grid.key.enlarge", false],
];

/** Acts, whose keys can be other ones. @type {Line[]} */
const ACTS = [
  ["keep", "grid.key.keep", true],
  ["delete", "grid.key.delete", false],
  ["likely", "grid.key.likely", true],
  ["suggest", "grid.key.suggest", true],
  ["type", "grid.key.type", true],
  ["similar", "grid.key.similar", true],
  ["unsure", "grid.key.unsure", true],
  ["group", "grid.key.group", true],
  ["only", "grid.key.only", true],
  ["different", "grid.key.different", true],
  ["undo", "grid.key.undo", false],
  ["redo", "grid.key.redo", false],
  ["confirm", "grid.key.confirm", false],
  ["help", "grid.key.help", false],
];

/** Acts that need more of the set than a packet has. */
const NOT_IN_PACKET = ["similar", "group", "only", "different", "heat", "compare"];

const DIGITS = [..."1234567890"];

/** What is done without keys. @type {Line[]} */
const MOUSE = [
  ["grid.mouse.click", "grid.key.click", false],
  ["grid.mouse.shift_click", "grid.key.shift_click", false],
  ["grid.mouse.drag", "grid.key.drag", false],
  ["grid.mouse.hold", "grid.key.hold", false],
  ["grid.mouse.double_click", "grid.key.enlarge", false],
];

/** Keys of the large view that are the same for everybody. @type {Line[]} */
const LARGE_MOVES = [
  ["← →", "grid.key.large.arrows", false],
  ["Shift + ← → ↑ ↓", "grid.key.large.move", false],
  ["Esc", "grid.key.large.close", false],
];

/** Acts of the large view. @type {Line[]} */
const LARGE_ACTS = [
  ["zoom_in", "grid.key.zoom_in", false],
  ["zoom_out", "grid.key.zoom_out", false],
  ["fit", "grid.key.fit", false],
  ["reset_light", "grid.key.reset_light", false],
  ["heat", "grid.key.heat", true],
  ["compare", "grid.key.compare", true],
];

export class Help {
  /**
   * @param {Say} say
   * @param {Keymap} keymap
   * @param {HelpHost} host
   */
  constructor(say, keymap, host) {
    this.say = say;
    this.keymap = keymap;
    this.host = host;
    this.listening = ""; // the act that the next key is for
    this.shows_digits = false;
    this.said = make("p", "cleaner-said", { role: "status" });
    this.tables = make("div", "cleaner-key-tables", { tabindex: "0", role: "region", "aria-label": say("grid.keys") });
    this.reset = make_button(say("grid.reset_keys"), "", () => host.reset());
    this.reset.hidden = host.in_packet;
    const close = make_button(say("grid.close"), "Esc", () => this.el.close());
    this.el = make_dialog(say("grid.keys"), "cleaner-help");
    this.el.append(make("div", "cleaner-sheet", {},
      make("h2", "", {}, say("grid.keys")), make("p", "", {}, host.in_packet ? say("grid.keys_act_on") : `${say("grid.keys_act_on")} ${say("grid.keys_yours")}`),
      this.tables, make("div", "cleaner-key-foot", {}, this.said, make("div", "cleaner-buttons", {}, this.reset, close))));
    this.el.addEventListener("keydown", (event) => this.on_key(event), true);
    this.el.addEventListener("keydown", (event) => event.stopPropagation()); // nothing here is decided
    this.el.addEventListener("close", () => this.stop_listening());
    this.draw();
  }

  open() {
    this.said.textContent = "";
    this.draw();
    this.el.showModal();
  }

  draw() {
    const { say } = this;
    const focused = document.activeElement instanceof HTMLElement ? document.activeElement.dataset.change : undefined;
    const acts = ACTS.flatMap((line) => [this.draw_act(line), ...(line[0] === "delete" ? this.draw_digits() : [])]).flat();
    this.tables.replaceChildren(
      table(...MOVES.map((line) => draw_row(line[0].split(", "), say(line[1])))), table(...acts),
      make("h3", "", {}, say("grid.keys_mouse")), table(...MOUSE.map((line) => draw_row([say(line[0])], say(line[1])))),
      make("h3", "", {}, say("grid.keys_large")),
      table(...LARGE_MOVES.map((line) => draw_row([line[0]], say(line[1]))), ...LARGE_ACTS.flatMap((line) => this.draw_act(line))));
    enable(this.reset, Object.values(this.keymap.table).some(({ chosen }) => chosen));
    if (focused) this.button(focused)?.focus();
  }

  /** @param {Line} line @returns {HTMLElement[]} its row; none where it means nothing */
  draw_act([act, says, with_classes]) {
    if (with_classes && !this.host.with_classes) return [];
    if (this.host.in_packet && NOT_IN_PACKET.includes(act)) return [];
    const { say } = this;
    const what = say(act === "delete" && !this.host.with_classes ? "grid.key.mark" : says);
    return [this.draw_changeable(act, what)];
  }

  /** The keys of the classes: one row, or on demand one for each. @returns {HTMLElement[]} */
  draw_digits() {
    if (!this.host.with_classes) return [];
    const { say } = this;
    const keys = DIGITS.map((digit) => this.keymap.printed(`digit_${digit}`));
    const more = make_button(say("grid.change_digits"), "", () => {
      this.shows_digits = !this.shows_digits;
      this.draw();
    }, "is-small");
    more.dataset.change = "digits";
    more.setAttribute("aria-expanded", String(this.shows_digits));
    more.setAttribute("aria-label", say("grid.change_key_of", { what: say("grid.key.digits") }));
    const rows = this.shows_digits ? DIGITS.map((digit) => this.draw_changeable(`digit_${digit}`, say("grid.key.digit", { digit }))) : [];
    return [draw_row(keys, say("grid.key.digits"), ...(this.host.in_packet ? [] : [more])), ...rows];
  }

  /**
   * @param {string} act
   * @param {string} what it does
   */
  draw_changeable(act, what) {
    const { say } = this;
    const change = make_button(say("grid.change_key"), "", () => this.listen(act), "is-small");
    change.dataset.change = act;
    change.setAttribute("aria-label", say("grid.change_key_of", { what }));
    const is_waiting = this.listening === act;
    const row = draw_row(is_waiting ? [say("grid.press_key")] : this.keymap.all(act), what, ...(this.host.in_packet ? [] : [change]));
    row.classList.toggle("is-waiting", is_waiting);
    row.classList.toggle("is-chosen", this.keymap.table[act].chosen);
    return row;
  }

  /** @param {string} act @returns {HTMLElement | null} */
  button(act) {
    return this.tables.querySelector(`[data-change="${act}"]`);
  }

  // ---- choosing

  /** Wait for a key. @param {string} act */
  listen(act) {
    this.listening = act;
    this.said.textContent = this.say("grid.press_key_now");
    this.draw();
    this.button(act)?.focus();
  }

  stop_listening() {
    if (!this.listening) return;
    this.listening = "";
    this.draw();
  }

  /** @param {KeyboardEvent} event */
  on_key(event) {
    if (this.listening) this.take_key(event);
    else if (this.keymap.act_of(event) === "help") this.el.close();
    else return; // the dialog's own keys: Tab, Esc, Enter on a button
    event.preventDefault();
    event.stopPropagation();
  }

  /** @param {KeyboardEvent} event */
  take_key(event) {
    if (/^(Shift|Control|Alt|AltGraph|Meta|CapsLock|NumLock|Dead|Process|Unidentified)$/.test(event.key)) return;
    const act = this.listening;
    const key = spelling_of(event);
    this.stop_listening();
    this.button(act)?.focus();
    if (key === "Escape" || key === "Tab" || !key) this.said.textContent = this.say("grid.key_kept");
    else this.host.give(act, key);
  }

  /** @param {KeysMessage} message */
  receive({ said, refused }) {
    this.said.textContent = said;
    this.said.classList.toggle("is-refused", refused);
  }
}

/** @param {HTMLElement[]} rows */
function table(...rows) {
  return make("table", "", {}, make("tbody", "", {}, ...rows));
}

/**
 * @param {string[]} keys
 * @param {string} what
 * @param {HTMLElement[]} change
 */
function draw_row(keys, what, ...change) {
  const names = keys.flatMap((key) => [" ", make("kbd", "", {}, key)]);
  return make("tr", "", {}, make("th", "", { scope: "row" }, ...names), make("td", "", {}, what), make("td", "", {}, ...change));
}
