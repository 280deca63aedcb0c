// Which key asks for which act. The table comes from Python; it changes when the user chooses other keys.

import { CTRL } from "./elements.js";

/** @import { Key, Model } from "./protocol.js" */

const IS_MAC = CTRL !== "Ctrl";

/**
 * How the table spells the key that was pressed: by its character, so that it is the same on every keyboard layout.
 * @param {KeyboardEvent} event
 * @param {string} name what the key is called
 * @returns {string} empty if it can be no key of an act
 */
export function spelling_of(event, name = event.key) {
  const is_character = name.length === 1;
  // Windows reports AltGr as Ctrl and Alt, a Mac what its Option key gives as Alt: those only made the character.
  const is_third_level = is_character && (event.getModifierState("AltGraph") || (IS_MAC && event.altKey && !event.ctrlKey && !event.metaKey));
  if (event.altKey && !is_third_level) return "";
  const ctrl = (event.ctrlKey || event.metaKey) && !is_third_level;
  const key = is_character ? name.toLowerCase() : name;
  // Without Ctrl, Shift makes no difference: it belongs to the character, or Caps Lock is on.
  const shift = ctrl && event.shiftKey && key !== key.toUpperCase() && is_character;
  return `${ctrl ? "Ctrl+" : ""}${shift ? "Shift+" : ""}${key}`;
}

/** Where other letters than Latin ones are written, the keys of the Latin ones are meant. @param {KeyboardEvent} event */
function letter_of({ key, code }) {
  const is_foreign = /\p{L}/u.test(key) && !/\p{Script=Latin}/u.test(key);
  return is_foreign && /^Key[A-Z]$/.test(code) ? code[3] : "";
}

/** On some keyboards the digits need Shift; the key itself still is the digit's. @param {KeyboardEvent} event */
function digit_of({ code, shiftKey, ctrlKey, metaKey, altKey }) {
  const is_held = shiftKey || ctrlKey || metaKey || altKey;
  return /^Digit\d$/.test(code) && !is_held ? code[5] : "";
}

export class Keymap {
  /** @param {Model} model */
  constructor(model) {
    this.model = model;
    /** @type {Record<string, Key>} */
    this.table = {};
    /** @type {Map<string, string>} */
    this.acts = new Map();
    this.read();
  }

  /** Take the keys as they are now. */
  read() {
    this.table = this.model.get("key_table");
    const pairs = Object.entries(this.table).flatMap(([act, { keys }]) => keys.map((key) => /** @type {[string, string]} */ ([key, act])));
    this.acts = new Map(pairs);
  }

  /** @param {KeyboardEvent} event @returns {string} the act that the key asks for; empty if none */
  act_of(event) {
    const found = this.acts.get(spelling_of(event));
    if (found || event.key.length !== 1) return found ?? "";
    return this.acts.get(spelling_of(event, letter_of(event) || digit_of(event))) ?? "";
  }

  /** @param {string} act @returns {string[]} all its keys, as people read them */
  all(act) {
    return this.table[act].printed.map((key) => key.replace(/^Ctrl/, CTRL));
  }

  /** @param {string} act @returns {string} the key that buttons and sentences show */
  printed(act) {
    return this.all(act)[0] ?? "";
  }

  /**
   * Let a button show the key of an act, or all buttons below an element those of theirs.
   * @param {Element} root
   */
  label(root) {
    for (const button of root.matches("[data-act]") ? [root] : root.querySelectorAll("[data-act]")) {
      const act = button.getAttribute("data-act") ?? "";
      const kbd = button.querySelector("kbd");
      if (kbd) kbd.textContent = this.printed(act);
      const spelt = this.table[act].keys.map((key) => key.replace(/^Ctrl/, "Control").replace(/^\+$/, "Plus"));
      button.setAttribute("aria-keyshortcuts", spelt.join(" "));
    }
  }
}
