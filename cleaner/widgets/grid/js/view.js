// The view: joins the cards, the bar, the dialogs and the wire, and turns what Python says into what is shown.

import { Actions, DIGITS } from "./actions.js";
import { Acts } from "./acts.js";
import { Alerts } from "./alerts.js";
import { Cards } from "./cards.js";
import { ClassChooser } from "./class_chooser.js";
import { Compare } from "./compare.js";
import { focus_in_view, in_notebook } from "./elements.js";
import { Frame } from "./frame.js";
import { Heat } from "./heat.js";
import { Help } from "./help.js";
import { Keymap } from "./keymap.js";
import { Keys } from "./keys.js";
import { Large } from "./large.js";
import { Link } from "./link.js";
import { purpose_of } from "./purposes.js";
import { speaker } from "./words.js";

/**
 * @import { Asked, Message, Model, NextMessage, Page, RefusedMessage, SavedMessage, ThumbsMessage } from "./protocol.js"
 * @import { Cell } from "./protocol.js"
 * @import { LegendEntry } from "./actions.js"
 * @import { Purpose } from "./purposes.js"
 */

const SAID_MS = 1000; // what is said with an act comes just before the page that it leads to

export class View {
  /**
   * @param {Model} model
   * @param {HTMLElement} el
   */
  constructor(model, el) {
    this.model = model;
    this.keymap = new Keymap(model);
    this.say = speaker(model.get("words"), (act) => this.keymap.printed(act));
    this.reviewing = model.get("mode") !== "delete";
    this.has_set = model.get("mode") === "review"; // behind the page: a packet knows its own images alone
    /** @type {Page | null} */
    this.page = null;
    this.by_likelihood = false; // whether the digits follow the image in focus
    this.said = ""; // what the status line begins with
    this.said_ms = 0;
    this.refused_ms = 0;
    this.acts = new Acts(this);
    this.keys = new Keys(this);
    this.link = new Link(model, {
      on_message: (message, buffers, asked) => this.on_message(message, buffers, asked),
      on_change: () => this.draw(), on_back: () => this.ask_page(),
    });
    this.cards = new Cards(this.say, {
      on_change: () => this.draw(), on_open: (index) => this.large.show(index),
      on_group: (act, group) => this.acts.act_on_group(act, group),
    });
    const host = {
      decide: (/** @type {string} */ action) => this.acts.decide(action),
      relabel: (/** @type {string} */ label) => this.acts.relabel(label),
      undo: () => this.acts.undo(), redo: () => this.acts.redo(), confirm: () => this.acts.confirm(), help: () => this.help.open(),
      similar: () => this.acts.similar(), enlarge: () => this.enlarge(), type_class: () => this.type_class(),
      toggle_likelihood: () => this.toggle_likelihood(),
    };
    this.actions = new Actions(this.say, this.keymap, host, { with_classes: this.reviewing, in_large_view: false });
    this.large_actions = new Actions(this.say, this.keymap, host, { with_classes: this.reviewing, in_large_view: true });
    this.compare = this.has_set ? new Compare(this.say, {
      ask: (name, labels) => this.link.send({ kind: "compare", name, labels }, { quiet: true }),
      describe: (label, text) => this.acts.describe(label, text), can_save: () => !this.acts.blocked,
    }) : null;
    this.heat = new Heat(this.say, {
      ask: (name, label) => this.link.send({ kind: "heat", name, label }, { quiet: true }), classes: () => this.page?.classes ?? [],
    });
    this.large = new Large(this.say, {
      cards: this.cards, actions: this.large_actions.el, compare: this.compare, heat: this.heat, explains: this.has_set,
      ask: (name, full, window) => this.link.send({ kind: "image", name, full, window }, { quiet: true }),
      ask_why: (name) => this.link.send({ kind: "why", name }, { quiet: true }),
      on_key: (event) => this.keys.act_key(event), keymap: this.keymap,
    });
    this.chooser = new ClassChooser(this.say, (label, is_new) => this.acts.relabel(label, is_new));
    this.help = new Help(this.say, this.keymap, {
      with_classes: this.reviewing, in_packet: this.reviewing && !this.has_set, give: (act, key) => this.link.send({ kind: "givekey", act, key }, { quiet: true }),
      reset: () => this.link.send({ kind: "resetkeys" }, { quiet: true }),
    });
    this.frame = new Frame(this);
    this.alerts = new Alerts(this.say, model, this.link, {
      regions: [this.frame.alerts, this.large.alerts], on_dismiss: (forget) => this.dismiss(forget),
    });
    el.append(this.frame.root);
    this.stop = new AbortController();
    this.on_problem = () => this.draw();
    this.on_keys = () => this.take_keys();
    this.listen();
    this.draw();
    this.ask_page();
  }

  listen() {
    const { signal } = this.stop;
    const { root } = this.frame;
    root.addEventListener("keydown", (event) => this.keys.on_key(event));
    root.addEventListener("pointerdown", (event) => this.on_pointer(event));
    // JupyterLab tries its shortcuts on the element in focus before it looks at what that is in; so each needs the mark.
    document.addEventListener("focusin", ({ target }) => {
      const ours = target instanceof HTMLElement && target.closest(".cleaner-root, .cleaner-filters");
      if (ours) target.dataset.lmSuppressShortcuts = "true";
    }, { signal });
    window.addEventListener("beforeunload", (event) => {
      if (this.link.unsaved.length && !this.link.lost) event.preventDefault();
    }, { signal });
    this.model.on("change:problem", this.on_problem);
    this.model.on("change:dismissed", this.on_problem);
    this.model.on("change:key_table", this.on_keys);
  }

  close() {
    this.stop.abort();
    this.model.off("change:problem", this.on_problem);
    this.model.off("change:dismissed", this.on_problem);
    this.model.off("change:key_table", this.on_keys);
    this.large.close();
    this.cards.close();
    this.link.close();
    this.frame.close();
  }

  /** The user has chosen other keys. */
  take_keys() {
    this.keymap.read();
    this.keymap.label(this.frame.root);
    this.help.draw();
    this.draw();
  }

  /** @returns {Purpose} */
  get purpose() {
    return purpose_of(this.reviewing ? (this.page?.purpose ?? "labels") : "files");
  }

  /** @returns {boolean} whether the focus is somewhere in this view */
  get has_focus() {
    return this.frame.root.contains(document.activeElement);
  }

  // ---- what Python says

  ask_page() {
    this.link.send({ kind: "hello" }, { quiet: true });
  }

  /**
   * @param {Message} message
   * @param {DataView[]} buffers
   * @param {Asked | undefined} asked what it answers, if this view has asked
   */
  on_message(message, buffers, asked) {
    switch (message.kind) {
      case "page": return this.on_page(message.page);
      case "thumbs": return this.on_thumbs(message, buffers, asked);
      case "next": return this.on_next(message);
      case "image": return this.large.receive(message, buffers);
      case "compare": return this.compare?.receive(message, buffers);
      case "why": return this.large.explanation.receive(message, buffers);
      case "heat": return this.heat.receive(message, buffers);
      case "keys": return this.help.receive(message);
      case "described": return this.compare?.ask();
      case "saved": return this.on_saved(message, asked);
      case "refused": return this.on_refused(message, asked);
      case "cells": return this.on_cells(message.cells, message.summary);
      case "say": return this.tell_text(message.text);
      case "offer": return this.on_offer(message.text);
      case "focus": return this.take_focus();
      case "pong":
    }
  }

  /** @param {Page} page */
  on_page(page) {
    const again = this.page?.id === page.id;
    const first = this.page === null;
    const focus = this.has_focus || (first && this.may_take_focus());
    this.page = page;
    if (!again && Date.now() - this.said_ms > SAID_MS) this.said = ""; // it was about another page
    if (again) {
      this.on_cells(page.cells);
    } else {
      this.acts.on_new_page();
      this.cards.show(page.cells, page.groups, this.purpose, page.separator);
    }
    this.cards.update_groups(page.groups);
    for (const actions of [this.actions, this.large_actions]) actions.show_purpose(this.purpose);
    const open = page.cells.findIndex((cell) => !cell.decision);
    const asked = page.cells.findIndex((cell) => cell.name === page.focus);
    if (asked >= 0 || !again) {
      const in_dialog = this.large.open || this.chooser.el.open || this.help.el.open;
      this.cards.move(Math.max(0, asked >= 0 ? asked : open), { focus: focus && !in_dialog });
    }
    if (this.large.open && !again) {
      if (page.cells.length) this.large.show(this.cards.active);
      else this.large.el.close();
    }
    this.ask_pictures();
    this.draw();
    // Where nothing is left to show, the keys must go on working: undo, above all.
    if (focus && !page.cells.length) this.take_focus();
  }

  take_focus() {
    focus_in_view(this.cards.current?.el ?? this.frame.empty);
  }

  /** In a notebook the focus belongs to the notebook; alone on a page, the keys should work at once. */
  may_take_focus() {
    const free = document.activeElement === document.body || document.activeElement === null;
    return free && !in_notebook() && this.frame.root.offsetParent !== null;
  }

  ask_pictures() {
    const names = this.cards.missing();
    if (names.length) this.link.send({ kind: "thumbs", names }, { quiet: true });
    else if (this.page) this.link.send({ kind: "next", page: this.page.id }, { quiet: true });
  }

  /** @param {NextMessage} message the page that will probably follow */
  on_next({ page, names }) {
    if (page !== this.page?.id) return;
    this.cards.expect_next(names);
    if (this.cards.missing().length) return; // this page goes first, and asks again when it is whole
    const missing = names.filter((name) => !this.cards.pictures.has(name));
    if (missing.length) this.link.send({ kind: "thumbs", names: missing }, { quiet: true });
  }

  /**
   * @param {ThumbsMessage} message
   * @param {DataView[]} buffers one for each name without a problem
   * @param {Asked | undefined} asked
   */
  on_thumbs(message, buffers, asked) {
    let used = 0;
    message.names.forEach((name, i) => {
      const problem = message.problems[i];
      this.cards.receive(name, problem ? null : buffers[used++], problem);
    });
    if (asked && message.names.some((name) => this.cards.find(name))) this.ask_pictures();
  }

  /**
   * @param {Cell[]} cells as they are now
   * @param {string} summary empty: the same as before
   */
  on_cells(cells, summary = "") {
    for (const cell of cells) this.cards.find(cell.name)?.update(cell);
    if (summary && this.page) this.page.summary = summary;
    if (this.large.open) this.large.draw();
    this.draw();
  }

  /** @param {string} text what the button for similar images says; empty if there are none */
  on_offer(text) {
    if (this.page) this.page.offer = text;
    this.draw();
  }

  /** @param {string} id of an act that is answered */
  end_saving(id) {
    for (const card of this.cards.list) {
      if (card.saving !== id) continue;
      card.saving = "";
      card.draw();
    }
    if (this.acts.confirming === id) this.acts.confirming = "";
  }

  /**
   * @param {SavedMessage} message
   * @param {Asked | undefined} asked
   */
  on_saved(message, asked) {
    this.end_saving(message.id ?? "");
    if (asked?.message.kind === "describe") this.compare?.on_answer(message, asked.message);
    if (asked) {
      // An act that was on its way when another one was refused says nothing of the refusal.
      if (asked.sent_ms > this.refused_ms) this.alerts.refused = "";
      this.said = message.said;
      this.said_ms = Date.now();
    }
    if (message.page) this.on_page(message.page);
    else this.on_cells(message.cells, message.summary);
    if (asked) this.go_to(message.focus);
  }

  /**
   * @param {RefusedMessage} message with the page as it is now, if the act was meant for what is no longer on show
   * @param {Asked | undefined} asked
   */
  on_refused(message, asked) {
    this.end_saving(message.id ?? "");
    const told = asked?.message.kind === "describe" && this.compare?.on_answer(message, asked.message);
    if (asked && !told) {
      this.alerts.refused = message.reason;
      this.refused_ms = Date.now();
      this.said = "";
    }
    this.on_cells(message.cells);
    if (!message.page) return;
    const { focus } = message.page;
    this.on_page({ ...message.page, focus: null });
    if (asked && !this.acts.is_changing) this.go_to(focus);
    this.acts.renewed_ms = Date.now();
  }

  /** @param {string | null} name of the image that is to be in focus */
  go_to(name) {
    const card = name === null ? undefined : this.cards.find(name);
    if (card && this.large.open) this.large.show(card.index);
    else if (card) this.cards.move(card.index, { focus: this.has_focus });
  }

  // ---- what the reviewer looks at

  enlarge() {
    if (this.cards.current) this.large.show(this.cards.active);
  }

  /** @returns {LegendEntry[]} the classes and their digits; by likelihood those of the image in focus come first */
  get legend() {
    const { classes = [], digits = [] } = this.page ?? {};
    if (!this.by_likelihood) return classes.map((label, i) => ({ label, digit: digits[i] }));
    const likely = (this.cards.current?.cell.likely ?? []).filter((label) => classes.includes(label));
    const sorted = [...likely, ...classes.filter((label) => !likely.includes(label))];
    return sorted.map((label, i) => ({ label, digit: DIGITS[i] ?? "" }));
  }

  toggle_likelihood() {
    if (!this.cards.list.some((card) => card.cell.likely.length)) return this.tell("grid.no_likelihood");
    this.by_likelihood = !this.by_likelihood;
    this.draw();
  }

  type_class() {
    if (!this.acts.blocked && this.page && this.cards.current) this.chooser.open(this.page.classes);
  }

  /** @param {PointerEvent} event a click between the cards must not take the keys away */
  on_pointer(event) {
    const inside = event.target instanceof Element && event.target.closest(".cleaner-card, button, input, dialog");
    if (inside || !this.cards.current) return;
    requestAnimationFrame(() => {
      if (document.activeElement === document.body) this.cards.current?.el.focus({ preventScroll: true });
    });
  }

  /** @param {() => void} forget what takes an alert off the page, and with it the button that had the focus */
  dismiss(forget) {
    const focus = this.has_focus;
    forget();
    this.draw();
    if (focus && !this.large.open) this.take_focus();
  }

  // ---- what is on show

  /**
   * Put a sentence in the status line.
   * @param {string} key
   * @param {Record<string, string | number>} values
   */
  tell(key, values = {}) {
    this.tell_text(this.say(key, values));
  }

  /** @param {string} text */
  tell_text(text) {
    this.said = text;
    this.said_ms = Date.now();
    this.draw();
  }

  draw() {
    if (!this.alerts) return; // it is being made
    if (this.page) this.draw_legend();
    this.frame.draw();
    this.alerts.draw();
  }

  draw_legend() {
    const cells = this.cards.list.map((card) => card.cell);
    const likelihood = { offered: cells.some((cell) => cell.likely.length), on: this.by_likelihood };
    const suggests = cells.some((cell) => cell.suggestion !== null);
    const several = Boolean(this.page?.separator);
    for (const actions of [this.actions, this.large_actions]) {
      actions.show_classes(this.legend, { suggests, several }, likelihood);
    }
  }
}
