// The strip of classes and the buttons for every key; once below the cards, once more in the large view.

import { enable, make, make_act_button, make_button, set_text } from "./elements.js";
import { PURPOSES } from "./purposes.js";

/**
 * @import { Keymap } from "./keymap.js"
 * @import { Purpose } from "./purposes.js"
 * @import { Say } from "./words.js"
 * @typedef {{
 *   decide: (action: string) => void, relabel: (label: string) => void, undo: () => void, redo: () => void, confirm: () => void, similar: () => void,
 *   enlarge: () => void, help: () => void, type_class: () => void, toggle_likelihood: () => void
 * }} ActionHost
 * @typedef {{label: string, digit: string}} LegendEntry a class, and the digit that gives it, if any does
 * @typedef {{offered: boolean, on: boolean}} Likelihood whether the digits can follow the image in focus, and do
 */

const MOST_CHIPS = 60;
// Where a name is too long for its chip: its start, which may be cut, and the last words, which often alone tell it from others.
const LONG_NAME = /^(.{12,}?)(\s.{1,16})$/su;

/** The digits as they stand on the keyboard. */
export const DIGITS = "1234567890";

export class Actions {
  /**
   * @param {Say} say
   * @param {Keymap} keymap
   * @param {ActionHost} host
   * @param {{with_classes: boolean, in_large_view: boolean}} options
   */
  constructor(say, keymap, host, { with_classes, in_large_view }) {
    this.say = say;
    this.keymap = keymap;
    this.host = host;
    this.with_classes = with_classes;
    this.drawn = ""; // the legend that is on show
    this.legend = make("div", "cleaner-legend", { role: "toolbar", "aria-label": say("grid.relabel_to") });
    this.legend.addEventListener("keydown", (event) => this.on_legend_key(event));
    /** @type {Record<string, HTMLButtonElement>} by the name of the act */
    this.deciders = {
      only: make_act_button(say("grid.keep_only"), "only", () => host.decide("only")),
      suggest: make_act_button(say("grid.follow_advice"), "suggest", () => host.decide("suggest")),
      different: make_act_button(say("grid.not_duplicates"), "different", () => host.decide("different")),
      group: make_act_button(say("grid.relabel_group"), "group", () => host.decide("group")),
      keep: make_act_button(say("grid.keep"), "keep", () => host.decide("keep")),
      delete: make_act_button(say("grid.delete"), "delete", () => host.decide("delete"), "is-delete"),
      unsure: make_act_button(say("grid.unsure"), "unsure", () => host.decide("unsure"), "is-unsure"),
      undo: make_act_button(say("grid.undo"), "undo", () => host.undo()),
      redo: make_act_button(say("grid.redo"), "redo", () => host.redo()),
    };
    this.buttons = make("div", "cleaner-buttons", {}, ...Object.values(this.deciders));
    this.confirm = make_act_button("", "confirm", (event) => {
      // The second click of a double click was meant for the page that is gone.
      if (event.detail < 2) host.confirm();
    }, "is-go");
    this.similar = make_act_button("", "similar", () => host.similar(), "is-similar");
    this.similar.hidden = true;
    this.enlarge = in_large_view ? null : make_button(say("grid.enlarge"), "↵", () => host.enlarge(), "", "Enter");
    if (this.enlarge) this.buttons.append(this.enlarge, make_act_button(say("grid.show_keys"), "help", () => host.help()));
    this.el = make("div", "cleaner-actions", {}, ...(with_classes ? [this.legend] : []), this.buttons);
    this.show_purpose(with_classes ? PURPOSES.labels : PURPOSES.files);
    for (const button of [this.buttons, this.confirm, this.similar]) keymap.label(button);
  }

  /** @param {Purpose} purpose */
  show_purpose(purpose) {
    for (const [name, button] of Object.entries(this.deciders)) button.hidden = !purpose.acts.includes(name);
    set_text(this.confirm, this.say(purpose.go));
  }

  /**
   * @param {LegendEntry[]} classes
   * @param {{suggests: boolean, several: boolean}} page whether it has suggestions (an audit shows none), and whether an
   *   image can have several labels
   * @param {Likelihood} likelihood
   */
  show_classes(classes, { suggests, several }, likelihood) {
    const drawn = JSON.stringify([classes.slice(0, MOST_CHIPS), classes.length, suggests, several, likelihood]);
    if (!this.with_classes || drawn === this.drawn) return;
    this.drawn = drawn;
    const { say, host } = this;
    const focused = this.chips.find((chip) => chip === document.activeElement)?.dataset.chip;
    const shown = classes.slice(0, MOST_CHIPS);
    const chips = shown.map(({ label, digit }) =>
      make_chip(`label ${label}`, digit && `digit_${digit}`, label, () => host.relabel(label), say(several ? "grid.toggle_label" : "grid.relabel_to_label", { label })));
    if (suggests) {
      chips.unshift(make_chip("suggestion", "suggest", say("grid.suggestion"), () => host.decide("suggest"), say("grid.relabel_to_suggestion")));
    }
    const rest = classes.length - shown.length;
    const type_text = rest > 0 ? say("grid.type_one_of", { n: rest }) : say("grid.type_class");
    const type = make_chip("type", "type", type_text, () => host.type_class());
    const by = make_chip("likely", "likely", say("grid.likeliest_first"), () => host.toggle_likelihood());
    by.setAttribute("aria-pressed", String(likelihood.on));
    by.hidden = !likelihood.offered;
    (chips[0] ?? type).tabIndex = 0;
    const caption = say(several ? "grid.toggle" : "grid.relabel_to");
    this.legend.setAttribute("aria-label", caption);
    this.legend.replaceChildren(make("span", "cleaner-caption", { "aria-hidden": "true" }, caption),
      make("div", "cleaner-chips", {}, ...chips), by, type);
    this.keymap.label(this.legend);
    // Whoever walks along the strip stays on it.
    if (focused !== undefined) this.chips.find((chip) => chip.dataset.chip === focused)?.focus();
  }

  /** @returns {HTMLButtonElement[]} the buttons of the strip */
  get chips() {
    return [...this.legend.querySelectorAll("button")];
  }

  /** One tab stop; the arrows walk along the strip. @param {KeyboardEvent} event */
  on_legend_key(event) {
    const { chips } = this;
    const at = chips.findIndex((chip) => chip === event.target);
    const steps = /** @type {Record<string, number>} */ ({ ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: chips.length - 1 });
    const to = steps[event.key];
    if (at < 0 || to === undefined || event.ctrlKey || event.shiftKey) return;
    event.preventDefault();
    const next = chips[Math.max(0, Math.min(chips.length - 1, to))];
    for (const chip of chips) chip.tabIndex = chip === next ? 0 : -1;
    next.focus();
  }

  /** @param {{can_decide: boolean, can_undo: boolean, can_confirm: boolean, has_cards: boolean}} state */
  enable({ can_decide, can_undo, can_confirm, has_cards }) {
    for (const button of Object.values(this.deciders)) enable(button, can_decide);
    enable(this.deciders.undo, can_undo);
    enable(this.deciders.redo, can_undo);
    for (const chip of this.chips) enable(chip, can_decide);
    enable(this.confirm, can_confirm);
    if (this.enlarge) enable(this.enlarge, has_cards);
  }
}

/**
 * @param {string} name tells it from the other chips
 * @param {string} act that its key asks for; empty if it has none
 * @param {string} text
 * @param {() => void} on_click
 * @param {string} spoken its name for a screen reader, if its text does not say enough
 */
function make_chip(name, act, text, on_click, spoken = "") {
  const chip = act ? make_act_button(text, act, on_click, "cleaner-chip") : make_button(text, "", on_click, "cleaner-chip");
  const [, start, end] = LONG_NAME.exec(text) ?? [];
  if (end) {
    chip.querySelector("span")?.replaceWith(make("span", "is-long", { dir: "auto" }, make("span", "", {}, start), make("span", "", {}, end)));
    chip.title = text;
  }
  chip.prepend(...chip.querySelectorAll("kbd"));
  if (spoken) chip.setAttribute("aria-label", spoken);
  chip.dataset.chip = name;
  chip.tabIndex = -1;
  return chip;
}
