// Beside the large image, on demand: what each class in question is said to be, and a few typical images of it.

import { ComparedClass } from "./compared_class.js";
import { make, make_act_button, make_id, make_url } from "./elements.js";
import { split } from "./label_sets.js";

/**
 * @import { Card } from "./card.js"
 * @import { CompareMessage, Describe, RefusedMessage, SavedMessage } from "./protocol.js"
 * @import { Say } from "./words.js"
 * @typedef {{
 *   ask: (name: string, labels: string[]) => string, describe: (label: string, text: string) => string,
 *   can_save: () => boolean
 * }} CompareHost both send a message, and return its id
 */

/**
 * @param {Card} card
 * @param {Say} say
 * @returns {{label: string, role: string}[]} the classes between which one decides, each once
 */
function classes_in_question({ cell, decision, separator }, say) {
  const roles = /** @type {Map<string, string[]>} */ (new Map());
  const add = (/** @type {string | null} */ label, /** @type {string} */ role) => {
    for (const name of split(label, separator)) roles.set(name, [...(roles.get(name) ?? []), role]);
  };
  add(cell.given, say("grid.role.given"));
  add(cell.suggestion, say("grid.role.suggestion"));
  if (decision?.action === "relabel") add(decision.label, say("grid.role.chosen"));
  return [...roles].map(([label, each]) => ({ label, role: each.join(", ") }));
}

export class Compare {
  /**
   * @param {Say} say
   * @param {CompareHost} host
   */
  constructor(say, host) {
    this.say = say;
    this.host = host;
    this.open = false;
    this.asked = this.key = "";
    /** @type {Card | undefined} */
    this.card = undefined;
    /** @type {Map<string, ComparedClass>} */
    this.sides = new Map();
    /** @type {Map<string, string>} */
    this.urls = new Map();
    /** @type {Map<string, string>} */
    this.drafts = new Map();
    this.hint = make("p", "cleaner-hint", { role: "status" });
    this.el = make("section", "cleaner-compare", { id: `cleaner-${make_id()}`, "aria-label": say("grid.compare_classes") }, this.hint);
    this.el.hidden = true;
    this.button = make_act_button(say("grid.compare"), "compare", () => this.toggle(), "is-small");
    this.button.setAttribute("aria-expanded", "false");
    this.button.setAttribute("aria-controls", this.el.id);
  }

  toggle() {
    this.open = !this.open;
    this.el.hidden = !this.open;
    this.button.setAttribute("aria-expanded", String(this.open));
    if (!this.open) return this.forget();
    if (this.card) this.show(this.card);
    this.el.scrollIntoView({ block: "nearest" });
  }

  /** Follow the image in view, and what is decided on it. @param {Card} card */
  show(card) {
    this.card = card;
    if (!this.open) return;
    const wanted = classes_in_question(card, this.say);
    const key = JSON.stringify([card.cell.name, wanted]);
    if (key === this.key) return;
    this.key = key;
    this.hint.textContent = wanted.length ? "" : this.say("grid.nothing_to_compare");
    this.keep_sides(wanted.map(({ label }) => label));
    this.ask();
    wanted.forEach(({ label, role }, i) => {
      const side = /** @type {ComparedClass} */ (this.sides.get(label));
      if (this.el.children[i + 1] !== side.el) this.el.insertBefore(side.el, this.el.children[i + 1] ?? null);
      side.draw(role, this.asked !== "");
      side.draw_pictures(this.urls);
    });
  }

  /** @param {string[]} labels of the only sides to be there */
  keep_sides(labels) {
    for (const [label, side] of this.sides) {
      if (labels.includes(label)) continue;
      side.put_aside();
      side.el.remove();
      this.sides.delete(label);
    }
    for (const label of labels) {
      if (!this.sides.has(label)) this.sides.set(label, new ComparedClass(label, this.host, this.drafts, this.say));
    }
    this.drop_urls();
  }

  /** Ask for the sides; an answer to an earlier question no longer counts. */
  ask() {
    const labels = [...this.sides.keys()];
    this.asked = this.open && this.card && labels.length ? this.host.ask(this.card.cell.name, labels) : "";
  }

  /**
   * @param {CompareMessage} message late: something else was asked since
   * @param {DataView[]} buffers the images of all sides
   */
  receive({ id, sides, problem, late }, buffers) {
    if (!this.open || !this.asked || id !== this.asked) return;
    if (late) return this.ask();
    this.asked = "";
    if (problem) this.hint.textContent = this.say("grid.problem", { problem });
    const names = sides.flatMap((data) => data.pictures.map(({ name }) => name));
    names.forEach((name, i) => {
      if (!this.urls.has(name)) this.urls.set(name, make_url(buffers[i]));
    });
    for (const data of sides) {
      const side = this.sides.get(data.label);
      if (side) side.data = data;
    }
    for (const side of this.sides.values()) {
      side.draw(side.role.textContent, false);
      side.draw_pictures(this.urls);
    }
    this.drop_urls();
  }

  /** Free the images that no side shows. */
  drop_urls() {
    const shown = new Set([...this.sides.values()].flatMap((side) => side.data?.pictures ?? []).map(({ name }) => name));
    for (const [name, url] of this.urls) {
      if (shown.has(name)) continue;
      URL.revokeObjectURL(url);
      this.urls.delete(name);
    }
  }

  /**
   * @param {SavedMessage | RefusedMessage} message
   * @param {Describe} asked what it answers
   * @returns {boolean} whether it is seen here
   */
  on_answer(message, asked) {
    if (message.kind === "saved" && this.drafts.get(asked.label) === asked.text) this.drafts.delete(asked.label);
    const side = [...this.sides.values()].find((each) => each.saving === message.id);
    side?.on_answer(message, asked.text);
    return side !== undefined;
  }

  /** The large view is closed, or this is: keep no image. */
  forget() {
    this.asked = this.key = "";
    this.keep_sides([]);
  }
}
