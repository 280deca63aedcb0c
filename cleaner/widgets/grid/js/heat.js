// Heat maps over the large image, on demand: what speaks for a class (orange) and against it (blue), two colours that
// colour-blind people tell apart.

import { make, make_act_button, make_id } from "./elements.js";
import { chips, split } from "./label_sets.js";

/**
 * @import { Card } from "./card.js"
 * @import { HeatMessage } from "./protocol.js"
 * @import { Say } from "./words.js"
 * @typedef {{ask: (name: string, label: string) => string, classes: () => string[]}} HeatHost
 *   ask sends the question, and returns its id
 */

const FOR = [230, 97, 1];
const AGAINST = [94, 60, 153];
const HIGHEST = 127;
const USUAL_OPACITY = "70";

export class Heat {
  /**
   * @param {Say} say
   * @param {HeatHost} host
   */
  constructor(say, host) {
    this.say = say;
    this.host = host;
    this.open = false;
    this.asked = this.name = "";
    this.on_show = ""; // the image that is looked at, whether or not with its map
    /** @type {string | null} the class that is on show */
    this.label = null;
    /** The class that was chosen, or a role that follows the image: its label or its suggestion. */
    this.wanted = "suggestion";
    /** @type {Card | undefined} */
    this.card = undefined;
    this.cover = make("canvas", "cleaner-heat", { "aria-hidden": "true" });
    this.cover.hidden = true;
    this.text = make("p", "cleaner-hint", { role: "status" });
    this.choice = make("select", "cleaner-input");
    this.choice.addEventListener("change", () => this.choose(this.choice.value));
    this.opacity = make("input", "", { type: "range", min: "10", max: "100", value: USUAL_OPACITY });
    this.opacity.addEventListener("input", () => this.draw_opacity());
    this.el = make("section", "cleaner-heat-box", { id: `cleaner-${make_id()}`, "aria-label": say("grid.heat") },
      make("label", "cleaner-slider", {}, say("grid.heat.class"), this.choice),
      make("label", "cleaner-slider", {}, say("grid.heat.opacity"), this.opacity), this.text);
    this.el.hidden = true;
    this.button = make_act_button(say("grid.heat"), "heat", () => this.toggle(), "is-small");
    this.button.setAttribute("aria-pressed", "false");
    this.button.setAttribute("aria-controls", this.el.id);
    this.draw_opacity();
  }

  toggle() {
    this.open = !this.open;
    this.el.hidden = !this.open;
    this.button.setAttribute("aria-pressed", String(this.open));
    if (!this.open) return this.forget();
    if (this.card) this.show(this.card, this.on_show);
    this.el.scrollIntoView({ block: "nearest" });
  }

  /**
   * Follow the image in view.
   * @param {Card} card what is decided on
   * @param {string} name of the image that is on show, which may be a similar one
   */
  show(card, name) {
    this.card = card;
    this.on_show = name;
    if (!this.open) return;
    this.draw_choice(card);
    const label = this.label_of(card);
    if (name === this.name && label === this.label) return;
    this.forget();
    this.name = name;
    this.label = label;
    this.text.textContent = this.say(label === null ? "grid.heat.no_class" : "grid.loading");
    if (label !== null) this.asked = this.host.ask(name, label);
  }

  /** @param {Card} card @returns {string | null} the class to show */
  label_of(card) {
    const { suggestion, given } = roles_of(card);
    if (this.wanted === "suggestion") return suggestion ?? given;
    return this.wanted === "given" ? given ?? suggestion : this.wanted.slice(1);
  }

  /** The image's label and suggestion, then all classes, whose values begin with a mark that no role has. @param {Card} card */
  draw_choice(card) {
    const { suggestion, given } = roles_of(card);
    const roles = [["suggestion", suggestion, "grid.heat.suggestion"], ["given", given, "grid.heat.given"]]
      .filter(([, label]) => label !== null)
      .map(([value, label, key]) => make("option", "", { value: `${value}` }, this.say(`${key}`, { label: `${label}` })));
    const classes = this.host.classes().map((label) => make("option", "", { value: `=${label}` }, label));
    this.choice.replaceChildren(...roles, ...classes);
    const there = [...this.choice.options].some(({ value }) => value === this.wanted);
    this.choice.value = there ? this.wanted : this.choice.options[0]?.value ?? "";
  }

  /** @param {string} value */
  choose(value) {
    this.wanted = value;
    if (this.card) this.show(this.card, this.on_show);
  }

  /**
   * @param {HeatMessage} message
   * @param {DataView[]} buffers one: the values, row by row
   */
  receive({ id, side, text, problem }, buffers) {
    if (!this.open || !this.asked || id !== this.asked) return;
    this.asked = "";
    this.text.textContent = problem || text;
    this.cover.hidden = problem !== "";
    if (!problem) this.paint(buffers[0], side);
  }

  /**
   * @param {DataView} values
   * @param {number} side
   */
  paint(values, side) {
    this.cover.width = this.cover.height = side;
    const drawn = this.cover.getContext("2d");
    if (!drawn) return;
    const picture = drawn.createImageData(side, side);
    for (let i = 0; i < side * side; i++) {
      const value = values.getInt8(i) / HIGHEST;
      picture.data.set([...(value > 0 ? FOR : AGAINST), Math.round(255 * Math.abs(value))], 4 * i);
    }
    drawn.putImageData(picture, 0, 0);
  }

  draw_opacity() {
    this.cover.style.opacity = `${Number(this.opacity.value) / 100}`;
  }

  /** Show no map; an answer to an earlier question no longer counts. */
  forget() {
    this.asked = this.name = "";
    this.label = null;
    this.cover.hidden = true;
    this.text.textContent = "";
  }
}

/**
 * The class of an image's suggestion, and that of its label; of several, the first that is to change, and the first.
 * @param {Card} card
 * @returns {{suggestion: string | null, given: string | null}}
 */
function roles_of({ cell: { given, suggestion }, separator }) {
  if (!separator) return { suggestion, given };
  const changed = chips(given, suggestion, null, separator).find(({ mark }) => mark !== "");
  return { suggestion: changed?.name ?? null, given: split(given, separator)[0] ?? null };
}
