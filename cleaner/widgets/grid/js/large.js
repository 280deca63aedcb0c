// One image, large, with all that is known of it; the keys of the page decide here too.

import { badge_text, decision_words, percent } from "./cell.js";
import { make, make_button, make_dialog, make_url, takes_keys } from "./elements.js";
import { Explanation } from "./explanation.js";
import { printed } from "./label_sets.js";
import { Stage } from "./stage.js";

/**
 * @import { Card } from "./card.js"
 * @import { Cards } from "./cards.js"
 * @import { Compare } from "./compare.js"
 * @import { Heat } from "./heat.js"
 * @import { Keymap } from "./keymap.js"
 * @import { ChosenWindow, ImageMessage, Levels, Witness } from "./protocol.js"
 * @import { Say } from "./words.js"
 * @typedef {{
 *   cards: Cards, actions: HTMLElement, compare: Compare | null, heat: Heat, explains: boolean,
 *   ask: (name: string, full: boolean, window: ChosenWindow | null) => void, ask_why: (name: string) => string, on_key: (event: KeyboardEvent) => boolean,
 *   keymap: Keymap
 * }} LargeHost
 * @typedef {{url: string, full: boolean, width: number, height: number, frames: number, levels: Levels | null}} Rendition
 *   width, height and frames are the file's
 */

const SETTLED_MS = 400; // after the last change of the window, the full size is worth its time

export class Large {
  /**
   * @param {Say} say
   * @param {LargeHost} host
   */
  constructor(say, host) {
    this.say = say;
    this.host = host;
    this.index = 0;
    this.is_left = true;
    this.asked = ""; // the image of which the full size was asked for
    /** @type {Map<string, Rendition>} of this image and its neighbours */
    this.pictures = new Map();
    this.waiting = ""; // the image of which another window was asked for
    this.settling = 0;
    this.stage = new Stage(say, host.heat.cover, () => this.ask_full_size(), () => this.on_window());
    this.facts = make("dl", "cleaner-facts");
    this.explanation = new Explanation(say, { ask: host.ask_why, open: (witness) => this.on_witness(witness) });
    this.back = make_button(say("grid.back"), "Esc", () => this.explanation.look_at(null), "is-small is-end");
    this.back.hidden = true;
    this.leave = make_button(say("grid.close"), "Esc", () => this.leave_now(), "is-small is-end");
    this.place = make("p", "cleaner-place", { role: "status" });
    this.alerts = make("div", "cleaner-alerts", { role: "alert" });
    this.el = make_dialog(say("grid.large_view"), "cleaner-large");
    this.el.append(this.draw_frame());
    host.keymap.label(this.el);
    this.el.addEventListener("keydown", (event) => this.on_key(event));
    this.el.addEventListener("close", () => this.on_close());
  }

  draw_frame() {
    const { say, stage } = this;
    const { compare, heat } = this.host;
    const walk = make("div", "cleaner-buttons", {},
      make_button(say("grid.previous"), "←", () => this.go(this.index - 1), "is-small"),
      make_button(say("grid.next"), "→", () => this.go(this.index + 1), "is-small"), this.leave, this.back);
    const place = make("div", "cleaner-buttons", {}, this.place, ...(this.host.explains ? [heat.button] : []), ...(compare ? [compare.button] : []));
    const side = make("div", "cleaner-side", {}, make("div", "cleaner-where", {}, walk, place),
      ...(compare ? [compare.el] : []), make("div", "", {}, heat.el, this.explanation.el, this.facts, stage.zoom_buttons, stage.light.el));
    return make("div", "cleaner-sheet", {}, this.alerts, stage.el, side, this.host.actions);
  }

  close() {
    this.stage.close();
    if (this.el.open) this.el.close();
    clearTimeout(this.settling);
    this.forget([]);
    this.explanation.forget();
    this.host.heat.forget();
    this.host.compare?.forget();
  }

  get open() {
    return this.el.open;
  }

  /** @returns {Card | undefined} */
  get card() {
    return this.host.cards.list[this.index];
  }

  /** @returns {string} name of the image that is on show: the card's, or one that helps to explain it */
  get name() {
    return this.explanation.open?.name ?? this.card?.cell.name ?? "";
  }

  /** @param {number} index */
  show(index) {
    if (this.explanation.open) this.explanation.look_at(null);
    this.index = index;
    if (!this.el.open) {
      this.is_left = false;
      this.stage.light.reopen();
      this.el.showModal();
      this.stage.el.focus();
    }
    this.host.cards.move(index, { focus: false });
    this.asked = "";
    this.stage.fit();
    this.load();
    this.draw();
  }

  /**
   * Nothing can be decided while another image is looked at than the one that it would be decided on.
   * @param {Witness | null} witness
   */
  on_witness(witness) {
    this.back.hidden = witness === null;
    this.leave.hidden = this.host.actions.inert = witness !== null;
    this.keep_focus();
    this.asked = "";
    this.stage.fit();
    this.load();
    this.draw();
  }

  /** An element that goes, or falls asleep, takes the focus along: the keys would go nowhere. */
  keep_focus() {
    const focused = document.activeElement;
    const awake = focused instanceof HTMLElement && this.el.contains(focused) && !focused.closest("[hidden], [inert]");
    if (!awake && this.el.open) this.stage.el.focus();
  }

  /** @param {number} index */
  go(index) {
    if (this.explanation.open) return this.explanation.walk(index - this.index);
    if (index >= 0 && index < this.host.cards.list.length) this.show(index);
    else this.tell(this.say(index < 0 ? "grid.first_image" : "grid.last_image"));
  }

  /** Not left to the browser's own event, which comes late: the next key may be quicker. */
  leave_now() {
    this.el.close();
    this.on_close();
  }

  on_close() {
    if (this.el.open || this.is_left) return;
    this.is_left = true;
    if (this.explanation.open) this.explanation.look_at(null);
    this.forget([]);
    this.explanation.forget();
    this.host.heat.forget();
    this.host.compare?.forget();
    // The browser has given the focus back to where it was before; the image looked at last is where we are.
    this.host.cards.move(this.index);
  }

  /** Show the best image at hand, ask for what is missing, and for the next one. */
  load() {
    const list = this.host.cards.list;
    const near = [this.index, this.index + 1, this.index - 1].filter((i) => list[i]).map((i) => list[i].cell.name);
    if (this.explanation.open) near.unshift(this.name);
    this.forget(near);
    if (!this.card) return;
    for (const name of near.slice(0, 2)) {
      const picture = this.pictures.get(name);
      const is_here = picture && this.stage.light.is_wanted(picture.levels);
      if (!is_here && !this.host.cards.find(name)?.problem) this.ask(name, false);
    }
    this.draw_picture();
  }

  /**
   * @param {string} name
   * @param {boolean} full
   */
  ask(name, full) {
    this.host.ask(name, full, this.stage.light.chosen);
  }

  /** Other values are to be seen: ask for them, for one window at a time. */
  on_window() {
    clearTimeout(this.settling);
    this.settling = setTimeout(() => {
      this.settling = 0;
      this.ask_full_size();
    }, SETTLED_MS);
    if (this.waiting === this.name) return;
    this.waiting = this.name;
    this.ask(this.name, false);
  }

  draw_picture() {
    const card = this.card;
    if (!card) return;
    const { name } = this;
    const picture = this.pictures.get(name);
    const problem = this.explanation.open ? "" : card.problem;
    const waiting = picture ? "" : this.say("grid.loading");
    this.stage.wait.textContent = problem ? this.say("grid.problem", { problem }) : waiting;
    const small = this.host.cards.pictures.get(name)?.src ?? this.explanation.urls.get(name);
    this.stage.show(problem ? undefined : picture?.url ?? small, picture);
  }

  /** @param {string[]} names the only ones to keep */
  forget(names) {
    for (const [name, picture] of this.pictures) {
      if (names.includes(name)) continue;
      URL.revokeObjectURL(picture.url);
      this.pictures.delete(name);
    }
  }

  /**
   * @param {ImageMessage} message
   * @param {DataView[]} buffers
   */
  receive(message, buffers) {
    const { name, full, problem, width, height, frames, levels } = message;
    const { light } = this.stage;
    const list = this.host.cards.list;
    const in_view = this.name === name;
    const near = in_view || [this.index - 1, this.index, this.index + 1].some((i) => list[i]?.cell.name === name);
    if (this.waiting === name && !full) this.waiting = "";
    if (!this.el.open || !near) return;
    if (problem) {
      const key = this.stage.image.hidden ? "grid.problem" : "grid.only_small";
      if (in_view) this.stage.wait.textContent = this.say(key, { problem });
      return;
    }
    const old = this.pictures.get(name);
    if (old?.full && !full && light.is_wanted(old.levels)) return;
    this.pictures.set(name, { url: make_url(buffers[0], message.type), full, width, height, frames, levels });
    if (in_view && old?.full) this.asked = "";
    if (in_view && !light.is_wanted(levels)) this.on_window();
    if (in_view) {
      this.draw_picture();
      this.draw();
    }
    if (old) URL.revokeObjectURL(old.url);
  }

  draw() {
    const { card } = this;
    if (!card) return;
    if (this.host.explains) this.explanation.show(card);
    if (this.explanation.open) this.draw_witness(this.explanation.open);
    else this.draw_card(card);
    this.host.compare?.show(card);
    this.host.heat.show(card, this.name);
  }

  /** @param {Witness} witness */
  draw_witness(witness) {
    const { explanation, say } = this;
    const { name, label, copy } = witness;
    this.draw_facts([[say("grid.fact.file"), name], [say("grid.fact.label"), label]]);
    this.el.dataset.decision = "";
    this.stage.el.setAttribute("aria-label", say(copy ? "grid.witness.copy" : "grid.witness.similar", { label, name }));
    const of = { n: explanation.place + 1, all: explanation.witnesses.length };
    this.put_place(say("grid.witness_of", of));
  }

  /** @param {string[][]} facts what each says, and its value */
  draw_facts(facts) {
    this.facts.replaceChildren(...facts.flatMap(([term, text]) => [make("dt", "", {}, term), make("dd", "", {}, text)]));
  }

  /** @param {Card} card */
  draw_card(card) {
    const { say } = this;
    const { cell, decision, separator } = card;
    const facts = [[say("grid.fact.file"), cell.name]];
    if (cell.given !== null) facts.push([say("grid.fact.given"), printed(say, cell.given, separator)]);
    if (cell.suggestion !== null) {
      facts.push([say("grid.fact.suggestion"), printed(say, cell.suggestion, separator) + (cell.probability === null ? "" : ` ${percent(cell.probability)}`)]);
    }
    if (cell.loss !== null) facts.push([say("grid.fact.loss"), cell.loss.toFixed(2)]);
    const picture = this.pictures.get(cell.name);
    if (picture?.width) facts.push([say("grid.fact.size"), say("grid.pixels", { width: String(picture.width), height: String(picture.height) })]);
    if (picture && picture.frames > 1) facts.push([say("grid.fact.frames"), say("grid.frames", { n: picture.frames })]);
    facts.push(...cell.facts, ...cell.notes.map((note) => [say("grid.fact.note"), note]));
    facts.push([say("grid.fact.decision"), this.decided(card)]);
    this.draw_facts(facts);
    this.el.dataset.decision = decision?.action ?? "";
    this.stage.el.setAttribute("aria-label", card.spoken);
    const words = decision_words(say, decision, separator);
    this.tell(words && `${words[0].toUpperCase()}${words.slice(1)}.`);
  }

  /** @param {Card} card @returns {string} its decision, and whose it is */
  decided({ cell, decision, saving, separator }) {
    if (!decision) return this.say("grid.undecided");
    const badge = badge_text(this.say, decision, separator);
    if (saving) return this.say("grid.badge_saving", { badge });
    const reviewer = cell.decision?.reviewer;
    return reviewer ? this.say("grid.badge_by", { badge, reviewer }) : badge;
  }

  /** @param {string} text */
  tell(text) {
    const of = this.say("grid.image_of", { n: this.index + 1, all: this.host.cards.list.length });
    this.put_place(text ? `${of}. ${text}` : of);
  }

  /** @param {string} text for the eye, and for a screen reader whenever it is another one */
  put_place(text) {
    if (this.place.textContent !== text) this.place.textContent = text;
  }

  /** The rendition serves until its pixels would be stretched; then the original is fetched. */
  ask_full_size() {
    const { name } = this;
    const picture = this.pictures.get(name);
    if (!picture || picture.full || !this.stage.is_stretched || this.settling) return;
    this.stage.wait.textContent = this.say("grid.loading_full");
    if (this.asked !== name) this.ask(name, true);
    this.asked = name;
  }

  /** @param {KeyboardEvent} event */
  on_key(event) {
    event.stopPropagation();
    if (takes_keys(event.target) || event.defaultPrevented) return;
    const done = this.explanation.open
      ? this.witness_key(event) || this.own_key(event) || this.refused_key(event)
      : this.own_key(event) || this.host.on_key(event);
    if (done) event.preventDefault();
  }

  /** @param {KeyboardEvent} event @returns {boolean} whether the key led back to the image that is explained */
  witness_key(event) {
    const back = event.key === "Escape" || (event.key === "Enter" && event.target === this.stage.el);
    if (back) this.explanation.look_at(null);
    return back;
  }

  /** @param {KeyboardEvent} event @returns {boolean} whether the key would have decided on an image that is not on show */
  refused_key(event) {
    const writes = event.key === "Backspace" || event.key === "Delete" || (event.key.length === 1 && event.key !== " ");
    if (!writes || event.ctrlKey || event.metaKey || event.altKey) return false;
    this.put_place(this.say("grid.back_first"));
    return true;
  }

  /** @param {KeyboardEvent} event @returns {boolean} whether the key was one of this view */
  own_key(event) {
    const act = this.host.keymap.act_of(event);
    if (act === "compare" && this.host.compare) {
      if (!event.repeat) this.host.compare.toggle();
      return true;
    }
    if (act === "heat" && this.host.explains) {
      if (!event.repeat) this.host.heat.toggle();
      return true;
    }
    if (this.stage.on_key(event, act)) return true;
    if (event.ctrlKey || event.metaKey || event.altKey) return false;
    if (event.key === "ArrowLeft" || event.key === "ArrowUp") this.go(this.index - 1);
    else if (event.key === "ArrowRight" || event.key === "ArrowDown") this.go(this.index + 1);
    else if (event.key === "Escape" || (event.key === "Enter" && event.target === this.stage.el)) this.leave_now();
    else return false;
    return true;
  }
}
