// The keyboard: which key asks for which act, and which one moves.

import { takes_keys } from "./elements.js";

/** @import { View } from "./view.js" */


/** Acts that there are also where there are no classes. */
const ON_FILES = ["help", "undo", "redo", "delete", "confirm"];

/** Acts that are about a group of images. */
const ON_GROUPS = ["only", "different", "group"];

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
    const act = this.meaning_of(this.view.keymap.act_of(event));
    // Holding a key down must not run through the page.
    if (act && !event.repeat) act();
    return act !== undefined;
  }

  /**
   * @param {string} name of an act, or empty
   * @returns {(() => void) | undefined} what it does here
   */
  meaning_of(name) {
    const { view } = this;
    const { acts, large } = view;
    if (!view.reviewing && !ON_FILES.includes(name)) return undefined;
    if (!view.has_set && name === "similar") return undefined;
    if (name.startsWith("digit_")) return () => this.relabel_by_digit(name.slice(-1));
    if (ON_GROUPS.includes(name)) return view.purpose.on_groups.includes(name) ? () => acts.decide(name) : undefined;
    const meanings = /** @type {Record<string, () => void>} */ ({
      help: () => view.help.open(), undo: () => acts.undo(), redo: () => acts.redo(),
      confirm: () => (large.open ? undefined : acts.confirm()), delete: () => acts.decide("delete"),
      keep: () => acts.decide("keep"), unsure: () => acts.decide("unsure"), suggest: () => acts.decide("suggest"),
      similar: () => acts.similar(), type: () => view.type_class(), likely: () => view.toggle_likelihood(),
    });
    return meanings[name];
  }

  /** @param {string} digit */
  relabel_by_digit(digit) {
    const entry = this.view.legend.find((each) => each.digit === digit);
    if (entry) this.view.acts.relabel(entry.label);
    else this.view.tell("grid.no_such_digit", { digit: this.view.keymap.printed(`digit_${digit}`) });
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
