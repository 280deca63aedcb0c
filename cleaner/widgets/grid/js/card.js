// One card: an image, the words below it, its decision, and whether that is saved.

import { advice_text, badge_text, loss_text, percent, spoken_name } from "./cell.js";
import { make } from "./elements.js";
import { chips } from "./label_sets.js";

/**
 * @import { Cell } from "./protocol.js"
 * @import { Wish } from "./cell.js"
 * @import { Say } from "./words.js"
 */

export class Card {
  /**
   * @param {Cell} cell
   * @param {number} index
   * @param {Say} say
   * @param {string} separator of several labels of an image; empty where each has one
   */
  constructor(cell, index, say, separator) {
    this.separator = separator;
    this.cell = cell;
    this.index = index;
    this.say = say;
    this.selected = false;
    this.saving = ""; // id of the act that is on its way
    /** @type {Wish | null} shown at once, while Python has not answered */
    this.wanted = null;
    this.problem = ""; // why it cannot be shown
    this.arrived = false;
    this.picture = make("div", "cleaner-picture");
    this.image = make("img", "", { alt: "" }); // until there is one
    this.badge = make("span", "cleaner-badge");
    this.corner = make("span", "cleaner-corner", { "aria-hidden": "true", title: say("grid.select") }, "✓");
    this.notes = make("span", "cleaner-notes");
    this.el = make("div", "cleaner-card", { role: "gridcell", tabindex: "-1" }, this.picture);
    this.picture.append(this.image, this.badge, this.notes, this.corner);
    this.update(cell);
  }

  /** @param {Cell} cell the image as it is now */
  update(cell) {
    this.cell = cell;
    this.notes.replaceChildren(...cell.notes.map((note) => make("span", "", {}, note)));
    this.el.replaceChildren(this.picture, ...this.draw_words());
    this.draw();
  }

  /** @returns {string | null} the label that it has now, with the decision on show */
  get label() {
    return this.decision?.label ?? this.cell.given;
  }

  draw_words() {
    const { say, cell, separator } = this;
    return separator ? draw_set(say, cell, this.decision, separator) : draw_words(say, cell);
  }

  /** @returns {Wish | null} the decision that is on show */
  get decision() {
    return this.saving ? this.wanted : this.cell.decision;
  }

  /** @returns {string} what a screen reader says */
  get spoken() {
    const { decision, problem } = this;
    return spoken_name(this.say, this.cell, { decision, saving: Boolean(this.saving), problem, separator: this.separator });
  }

  draw() {
    const { decision } = this;
    this.el.dataset.decision = decision?.action ?? "";
    this.el.classList.toggle("is-saving", Boolean(this.saving));
    this.el.classList.toggle("is-selected", this.selected);
    this.el.setAttribute("aria-selected", String(this.selected));
    this.el.setAttribute("aria-label", this.spoken);
    this.badge.textContent = badge_text(this.say, decision, this.separator);
    if (this.separator) this.el.replaceChildren(this.picture, ...this.draw_words());
    this.badge.hidden = !decision;
  }

  /** @param {string} problem why there is no image */
  draw_problem(problem) {
    this.problem = problem;
    this.arrived = true;
    this.image.remove();
    this.picture.querySelector(".cleaner-bad")?.remove();
    const title = make("b", "", {}, this.say("grid.cannot_be_shown"));
    this.picture.prepend(make("span", "cleaner-bad", {}, title, make("span", "", {}, problem)));
    this.draw();
  }
}

/**
 * The lines below the image: given label, loss, suggestion with its probability. None of them is cut.
 * @param {Say} say
 * @param {Cell} cell
 */
function draw_words(say, cell) {
  const first = make("div", "cleaner-label");
  if (cell.given !== null) first.append(make("b", "", {}, cell.given));
  else if (cell.loss !== null || cell.suggestion !== null) first.append(make("i", "", {}, say("grid.no_label")));
  if (cell.loss !== null) first.append(make("span", "cleaner-loss", {}, say("grid.loss", { loss: loss_text(cell.loss) })));
  const lines = [first];
  if (cell.suggestion !== null) {
    const agrees = cell.suggestion === cell.given;
    const doubt = cell.given === null && !cell.sure ? " ?" : "";
    const quiet = agrees || doubt ? " is-same" : "";
    const second = make("div", `cleaner-suggestion${quiet}`, {}, make("span", "", {}, cell.suggestion + doubt));
    if (cell.probability !== null) second.append(" ", make("span", "cleaner-odds", {}, percent(cell.probability)));
    lines.push(second);
  }
  return [...lines, ...draw_remarks(say, cell)];
}

/**
 * The lines below an image that can have several labels: a chip for each, and what is changed or suggested of them.
 * @param {Say} say
 * @param {Cell} cell
 * @param {Wish | null} decision
 * @param {string} separator
 */
function draw_set(say, cell, decision, separator) {
  const first = make("div", "cleaner-label");
  const chosen = decision === null || decision.action === "unsure" ? null : decision.label ?? cell.given;
  const shown = chips(cell.given, cell.suggestion, chosen, separator);
  const words = { added: "+ ", missing: "+ ", removed: "− ", extra: "− ", "": "" };
  const drawn = shown.map(({ name, mark }) => {
    const doubt = mark === "missing" || mark === "extra" ? " ?" : "";
    return make("span", `cleaner-class${mark && ` is-${mark}`}`, {}, words[mark] + name + doubt);
  });
  if (cell.given === null && !shown.length) drawn.push(make("i", "", {}, say("grid.no_label")));
  else if (!shown.some(({ mark }) => mark === "" || mark === "added" || mark === "missing")) {
    drawn.push(make("i", "", {}, say("grid.no_class")));
  }
  first.append(make("span", "cleaner-classes", {}, ...drawn));
  if (cell.loss !== null) first.append(make("span", "cleaner-loss", {}, say("grid.loss", { loss: loss_text(cell.loss) })));
  return [first, ...draw_remarks(say, cell)];
}

/**
 * @param {Say} say
 * @param {Cell} cell
 */
function draw_remarks(say, cell) {
  const lines = cell.remarks.map((remark) => make("div", "cleaner-remark", {}, remark));
  if (!cell.advice) return lines;
  const text = cell.advice === "keep" ? say("grid.keep_this") : advice_text(say, cell.advice);
  return [make("div", `cleaner-advice is-${cell.advice}`, {}, text), ...lines];
}
