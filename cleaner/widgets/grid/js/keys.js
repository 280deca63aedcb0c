// The keyboard: which key asks for which act, and which one moves.

import { takes_keys } from "./elements.js";

/** @import { View } from "./view.js" */

/** The keys of the first ten classes. */
export const DIGITS = Object.freeze(["1", "2", "3", "4", "5", "6", "7", "8", "9", "0"]);

/** Keys of acts that are about a group of images. @type {Record<string, string>} */
const GROUP_KEYS = { o: "only", n: "different", g: "group" };

export class Keys {
  /** @param {View} view */
  constructor(view) {
    this.view = view;
  }

  /** @param {KeyboardEvent} event */
  on_key(event) {
    if (event.defaultPrevented || event.isComposing || takes_keys(event.target)) return;
    const on_button = event.target instanceof Element && event.target.closest("button");
    if (on_button && (event.key === "Enter" || event.key === " ") && !event.ctrlKey && !event.metaKey) return;
    if (this.act_key(event) || this.move_key(event)) event.preventDefault();
  }

  /** @param {KeyboardEvent} event @returns {boolean} whether the key was an act; the large view uses it too */
  act_key(event) {
    const ctrl = event.ctrlKey || event.metaKey;
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    if (event.altKey) return false;
    const act = ctrl ? this.ctrl_act(key, event.shiftKey) : this.plain_act(key, event);
    // Holding a key down must not run through the page.
    if (act && !event.repeat) act();
    return act !== undefined;
  }

  /**
   * @param {string} key
   * @param {boolean} shift
   * @returns {(() => void) | undefined}
   */
  ctrl_act(key, shift) {
    const { acts, large } = this.view;
    if (key === "Enter") return () => (large.open ? undefined : acts.confirm());
    return key === "z" && !shift ? () => acts.undo() : undefined;
  }

  /**
   * @param {string} key
   * @param {KeyboardEvent} event
   * @returns {(() => void) | undefined}
   */
  plain_act(key, event) {
    const { view } = this;
    const { acts } = view;
    if (key === "?") return () => view.help.showModal();
    if (key === "u" || key === "Backspace") return () => acts.undo();
    if (key === "x" || key === "Delete") return () => acts.decide("delete");
    if (!view.reviewing) return undefined;
    if (key === "k" || key === "a") return () => acts.decide("keep");
    if (key === "s") return () => acts.decide("unsure");
    if (key === "l") return () => acts.similar();
    const on_group = GROUP_KEYS[key];
    if (view.purpose.on_groups.includes(on_group)) return () => acts.decide(on_group);
    if (key === "y") return () => acts.decide("suggest");
    if (key === "/") return () => view.type_class();
    if (key === ".") return () => view.toggle_likelihood();
    // On some keyboards the digits need Shift; the key itself still is the digit's.
    const plain = !event.shiftKey && /^Digit\d$/.test(event.code) ? event.code[5] : "";
    const index = DIGITS.indexOf(DIGITS.includes(key) ? key : plain);
    return index < 0 ? undefined : () => this.relabel_by_digit(index);
  }

  /** @param {number} index */
  relabel_by_digit(index) {
    const label = this.view.legend[index];
    if (label === undefined) this.view.tell("grid.no_such_digit", { digit: DIGITS[index] });
    else this.view.acts.decide("relabel", label);
  }

  /** @param {KeyboardEvent} event @returns {boolean} */
  move_key(event) {
    const { cards } = this.view;
    const ctrl = event.ctrlKey || event.metaKey;
    const { key } = event;
    if (event.altKey) return false;
    if (ctrl && key.toLowerCase() === "a") cards.select_all(true);
    else if (/^Arrow/.test(key) && !ctrl) cards.move(cards.target_of(key), { extend: event.shiftKey });
    else if (key === "Home" || key === "End") cards.move(cards.target_of(key, ctrl), { extend: event.shiftKey });
    else if (ctrl) return false;
    else if (key === "PageUp" || key === "PageDown") this.view.acts.turn(key === "PageUp" ? -1 : 1);
    else if (key === " ") cards.current && cards.toggle(cards.current);
    else if (key === "Enter") this.view.enlarge();
    else if (key === "Escape" && cards.selected.length) cards.select_all(false);
    else return false;
    return true;
  }
}
