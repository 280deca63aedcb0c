// The view: joins the cards, the bar, the dialogs and the wire; turns keys into acts and answers into pictures.

const NEW_PAGE_MS = 300;
const SAID_MS = 1000; // what is said with an act comes just before the page that it leads to


class View {
  /**
   * @param {any} model
   * @param {HTMLElement} el
   */
  constructor(model, el) {
    this.model = model;
    this.reviewing = model.get("mode") !== "delete";
    /** @type {Page | null} */
    this.page = null;
    this.confirming = "";
    this.by_likelihood = false; // whether the digits follow the picture in focus
    this.shown_ms = 0;
    this.said = "";
    this.said_ms = 0;
    this.keys = new Keys(this);
    this.link = new Link(model, {
      on_message: (message, buffers) => this.on_message(message, buffers),
      on_change: () => this.draw(),
      on_back: () => this.ask_page(),
    });
    this.cards = new Cards({
      on_change: () => this.draw(), on_open: (index) => this.large.show(index),
      on_group: (act, group) => this.act_on_group(act, group),
    });
    const host = {
      decide: (/** @type {string} */ action, /** @type {string | null} */ label = null) => this.decide(action, label),
      undo: () => this.undo(), confirm: () => this.confirm(), help: () => this.help.showModal(),
      alike: () => this.alike(), enlarge: () => this.enlarge(), type_class: () => this.type_class(),
      toggle_likelihood: () => this.toggle_likelihood(),
    };
    this.actions = new Actions(host, { with_classes: this.reviewing, in_large_view: false });
    this.large_actions = new Actions(host, { with_classes: this.reviewing, in_large_view: true });
    this.compare = this.reviewing ? new Compare({
      ask: (name, labels) => this.link.send({ kind: "compare", name, labels }, { quiet: true }),
      describe: (label, text) => this.link.send({ kind: "describe", label, text }), can_save: () => !this.blocked,
    }) : null;
    this.large = new Large({
      cards: this.cards, actions: this.large_actions.el, compare: this.compare,
      ask: (name, full) => this.link.send({ kind: "image", name, full }, { quiet: true }),
      on_key: (event) => this.keys.act_key(event),
    });
    this.chooser = new ClassChooser((label, is_new) => this.decide("relabel", label, is_new));
    this.help = make_help(this.reviewing, "mark to delete; once more: do not");
    this.root = this.draw_frame();
    el.append(this.root);
    this.stop = new AbortController();
    this.root.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => this.keys.on_key(event));
    // JupyterLab tries its shortcuts on the element in focus before it looks at what that is in; so each needs the mark.
    document.addEventListener("focusin", ({ target }) => {
      const ours = target instanceof HTMLElement && target.closest(".cleaner-root, .cleaner-filters");
      if (ours) target.dataset.lmSuppressShortcuts = "true";
    }, { signal: this.stop.signal });
    this.root.addEventListener("pointerdown", (/** @type {PointerEvent} */ event) => this.on_pointer(event));
    window.addEventListener("beforeunload", (event) => {
      if (this.link.unsaved.length && !this.link.lost) event.preventDefault();
    }, { signal: this.stop.signal });
    this.on_problem = () => this.draw();
    model.on("change:problem", this.on_problem);
    this.draw();
    this.ask_page();
  }

  draw_frame() {
    const alerts = make("div", "cleaner-alerts", { role: "alert" });
    this.alerts = new Alerts(this.model, this.link, {
      regions: [alerts, this.large.alerts], on_dismiss: (forget) => this.dismiss(forget),
    });
    this.title = make("b", "cleaner-title");
    this.summary = make("span", "cleaner-summary");
    this.notice = make("p", "cleaner-notice");
    this.back = make_button("Previous page", "", () => this.turn(-1), "is-small");
    this.on = make_button("Next page", "", () => this.turn(1), "is-small");
    this.all = make_button("Select all", "", () => this.cards.select_all(true), "is-small");
    this.none = make_button("Select none", "", () => this.cards.select_all(false), "is-small");
    const head = make("div", "cleaner-head", {}, this.title, this.summary,
      make("div", "cleaner-buttons is-end", {}, this.all, this.none, this.back, this.on));
    this.empty = make("p", "cleaner-empty", { tabindex: "-1" });
    this.marked = make("b");
    this.rest = make("span");
    this.said_el = make("span", "cleaner-said");
    this.status = make("div", "cleaner-status", { role: "status" }, this.said_el, this.marked, this.rest);
    this.file = make("div", "cleaner-file");
    this.actions.buttons.append(make("div", "cleaner-words", {}, this.status, this.file), this.actions.alike, this.actions.confirm);
    const bar = make("div", "cleaner-bar", {}, this.actions.el);
    // The browser scrolls a card in focus into view, but would leave it under the bar.
    this.bar_observer = new ResizeObserver(() => this.root.style.setProperty("--cleaner-bar", `${bar.offsetHeight}px`));
    this.bar_observer.observe(bar);
    return make("div", "cleaner-root", { "data-lm-suppress-shortcuts": "true" },
      alerts, head, this.notice, this.cards.el, this.empty, bar, this.large.el, this.chooser.el, this.help);
  }

  close() {
    this.stop.abort();
    this.bar_observer?.disconnect();
    this.model.off("change:problem", this.on_problem);
    this.large.close();
    this.cards.close();
    this.link.close();
    this.root.remove();
  }

  // ---- what Python says

  ask_page() {
    this.link.send({ kind: "hello" }, { quiet: true });
  }

  /**
   * @param {any} message
   * @param {DataView[]} buffers
   */
  on_message(message, buffers) {
    if (message.kind === "page") this.on_page(message.page);
    else if (message.kind === "thumbs") this.on_thumbs(message, buffers);
    else if (message.kind === "next") this.on_next(message);
    else if (message.kind === "image") this.large.receive(message, buffers);
    else if (message.kind === "compare") this.compare?.receive(message, buffers);
    else if (message.kind === "described") this.compare?.ask();
    else if (message.kind === "saved" || message.kind === "refused") this.on_answer(message);
    else if (message.kind === "cells") this.on_cells(message);
    else if (message.kind === "say") this.say(message.text);
    else if (message.kind === "offer") this.on_offer(message.text);
    else if (message.kind === "focus") this.take_focus();
  }

  /** @param {Page} page */
  on_page(page) {
    const again = this.page?.id === page.id;
    const first = this.page === null;
    const focus = this.root.contains(document.activeElement) || (first && this.may_take_focus());
    this.page = page;
    if (!again && Date.now() - this.said_ms > SAID_MS) this.said = ""; // it was about another page
    if (again) {
      this.on_cells({ cells: page.cells });
    } else {
      this.confirming = "";
      this.shown_ms = Date.now();
      this.cards.show(page.cells, page.groups);
    }
    this.cards.update_groups(page.groups ?? []);
    for (const actions of [this.actions, this.large_actions]) actions.show_purpose(this.purpose);
    const open = page.cells.findIndex((cell) => !cell.decision);
    const asked = page.cells.findIndex((cell) => cell.name === page.focus);
    if (asked >= 0 || !again) {
      const in_dialog = this.large.open || this.chooser.el.open || this.help.open;
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
    (this.cards.current?.el ?? this.empty).focus();
  }

  /** In a notebook the focus belongs to the notebook; alone on a page, the keys should work at once. */
  may_take_focus() {
    const free = document.activeElement === document.body || document.activeElement === null;
    return free && !in_notebook() && this.root.offsetParent !== null;
  }

  ask_pictures() {
    const names = this.cards.missing();
    if (names.length) this.link.send({ kind: "thumbs", names }, { quiet: true });
    else if (this.page) this.link.send({ kind: "next", page: this.page.id }, { quiet: true });
  }

  /** @param {{page: string, names: string[]}} message the page that will probably follow */
  on_next({ page, names }) {
    if (page !== this.page?.id) return;
    this.cards.expect_next(names);
    const missing = names.filter((name) => !this.cards.urls.has(name));
    if (missing.length) this.link.send({ kind: "thumbs", names: missing }, { quiet: true });
  }

  /**
   * @param {{names: string[], problems: string[], last: boolean, asked?: any}} message
   * @param {DataView[]} buffers one for each name without a problem
   */
  on_thumbs(message, buffers) {
    let used = 0;
    message.names.forEach((name, i) => {
      const problem = message.problems[i];
      this.cards.receive(name, problem ? null : buffers[used++], problem);
    });
    if (message.asked && message.names.some((name) => this.cards.find(name))) this.ask_pictures();
  }

  /** @param {{cells: Cell[], summary?: string}} message */
  on_cells({ cells, summary }) {
    for (const cell of cells) {
      this.cards.find(cell.name)?.update(cell);
    }
    if (summary && this.page) this.page.summary = summary;
    if (this.large.open) this.large.draw();
    this.draw();
  }

  /** @param {string} text what the button for look-alikes says; empty if there are none */
  on_offer(text) {
    if (this.page) this.page.offer = text;
    this.draw();
  }

  /** @param {any} message saved or refused, with the id of the act */
  on_answer(message) {
    for (const card of this.cards.list) {
      if (card.saving !== message.id) continue;
      card.saving = "";
      card.draw();
    }
    if (this.confirming === message.id) this.confirming = "";
    const told = message.asked?.kind === "describe" && this.compare?.on_answer(message);
    if (message.asked) {
      this.alerts.refused = message.kind === "refused" && !told ? message.message : "";
      this.said = message.said ?? "";
    }
    this.on_cells({ cells: message.cells ?? [], summary: message.summary });
    const to = message.asked && message.focus ? this.cards.find(message.focus) : undefined;
    if (to && this.large.open) this.large.show(to.index);
    else if (to) this.cards.move(to.index, { focus: this.root.contains(document.activeElement) });
  }

  // ---- what the reviewer does

  get purpose() {
    return PURPOSES[this.reviewing ? (this.page?.purpose ?? "labels") : "files"];
  }

  /** @returns {boolean} whether nothing may be decided now */
  get blocked() {
    return this.link.frozen || !this.page || Boolean(this.confirming);
  }

  /**
   * @param {Card} card
   * @param {string} action
   * @param {string | null} label
   * @returns {Decision | null} what the card will show
   */
  wish(card, action, label) {
    const { given, suggestion } = card.cell;
    if (action === "clear") return null;
    const accepts = action === "suggest" || (action === "keep" && given === null);
    if (accepts && suggestion === null) return card.decision;
    const to = accepts ? suggestion : label;
    if ((action === "keep" && !accepts) || (to !== null && to === given)) return { action: "keep", label: null };
    return { action: accepts ? "relabel" : action, label: to };
  }

  /**
   * @param {string} asked keep, delete, relabel, suggest or unsure
   * @param {string | null} label
   * @param {boolean} is_new the label is a class that does not exist yet
   */
  decide(asked, label = null, is_new = false) {
    if (this.blocked) return;
    const selected = this.large.open ? [] : this.cards.selected;
    const targets = selected.length ? selected : this.cards.current ? [this.cards.current] : [];
    if (!targets.length) return;
    if (targets.some((card) => card.saving)) return this.say("Still saving; one moment.");
    if (!is_offered(this.purpose, asked)) return this.say("That is not asked here; the buttons below say what can be done.");
    if (this.purpose === PURPOSES.copies && GROUP_ACTS.includes(asked)) return this.decide_groups(asked, targets);
    const bare = (/** @type {Card} */ card) => card.cell.suggestion === null && (asked === "suggest" || card.cell.given === null);
    if ((asked === "suggest" || asked === "keep") && targets.every(bare)) {
      return this.say(asked === "keep" ? "It has no label to keep: give it one." : "There is no suggestion here.");
    }
    // Where delete is all there is, a second x takes the first one back.
    const action = !this.reviewing && targets.every((card) => card.decision) ? "clear" : asked;
    // What a colleague decided, and what two disagree on, can be decided again in the same way.
    const settled = (/** @type {Card} */ card) => card.decision?.mine !== false && !card.cell.notes.length;
    const changed = targets.filter((card) => !settled(card) || !same_decision(this.wish(card, action, label), card.decision));
    if (changed.length) {
      const names = changed.map((card) => card.cell.name);
      const id = this.link.send({ kind: "decide", page: this.page?.id, action, names, label, new_class: is_new });
      for (const card of changed) {
        card.wanted = this.wish(card, action, label);
        card.saving = id;
      }
    }
    this.after_act(targets, selected.length ? null : this.cards.active + 1);
  }

  /**
   * Keep one of a group of copies, do what is advised for it, or say that it is none.
   * @param {string} act one of GROUP_ACTS
   * @param {Card[]} targets
   */
  decide_groups(act, targets) {
    const gone = superfluous(act, targets, this.cards.list);
    const back = act === "only" ? targets.filter((card) => card.decision?.action === "delete") : [];
    if (!gone.length && !back.length && act !== "different") {
      const bereft = targets.some((card) => bereft_groups(this.cards.list).has(card.cell.group));
      const why = bereft ? "The one that was to be kept is deleted" : "Nothing is advised where they only look alike, or where labels differ";
      return this.say(act === "only" ? "The rest of its group is deleted already." : `${why}. Compare them; then o or n.`);
    }
    const id = this.link.send({ kind: "decide", page: this.page?.id, action: act, names: targets.map((card) => card.cell.name), label: null });
    for (const card of [...gone, ...back]) {
      card.wanted = back.includes(card) ? null : { action: "delete", label: null };
      card.saving = id;
    }
    const last = targets[targets.length - 1];
    const next = this.cards.list.findIndex((card) => card.index > last.index && card.cell.group !== last.cell.group);
    this.after_act([...targets, ...gone], next < 0 ? null : next);
  }

  /**
   * @param {string} act
   * @param {string} group
   */
  act_on_group(act, group) {
    const cards = this.cards.list.filter((card) => card.cell.group === group);
    if (this.blocked || !cards.length) return;
    this.cards.select_all(false);
    this.cards.move(cards[0].index);
    this.decide(act);
  }

  /**
   * @param {Card[]} touched
   * @param {number | null} next where to go: after one picture comes the next, as with a pile of cards
   */
  after_act(touched, next) {
    this.said = "";
    for (const card of touched) {
      card.selected = false;
      card.draw();
    }
    if (this.large.open) this.large.draw();
    if (next !== null) this.advance(next);
    this.draw();
  }

  /** @param {number} next */
  advance(next) {
    if (next >= this.cards.list.length) return;
    if (this.large.open) this.large.show(next);
    else this.cards.move(next, { focus: this.cards.focused });
  }

  undo() {
    if (this.link.frozen) return;
    this.link.send({ kind: "undo" });
  }

  confirm() {
    const page = this.page;
    if (this.blocked || !page || !page.cells.length) return;
    if (this.cards.awaited) {
      return this.say(`${count(this.cards.awaited, "picture is", "pictures are")} still on the way; confirm when you have seen them.`);
    }
    if (Date.now() - this.shown_ms < NEW_PAGE_MS) return this.say("This page has only just come; look at it before you confirm.");
    const open = this.cards.list.filter((card) => !card.decision && !card.cell.problem);
    const names = this.purpose.judges ? open.map((card) => card.cell.name) : [];
    this.confirming = this.link.send({ kind: "confirm", page: page.id, names });
    this.said = "";
    this.draw();
  }

  /** @param {number} by */
  turn(by) {
    if (this.blocked || (by < 0 ? !this.page?.can_go_back : !this.page?.can_go_on)) {
      if (!this.blocked) this.say(by < 0 ? "This is the first page." : "This is the last page.");
      return;
    }
    this.said = "";
    this.link.send({ kind: "turn", page: this.page?.id, by }, { quiet: true });
  }

  /** Show pictures that look like what was just decided; among those, decide the same on all that are unmarked. */
  alike() {
    if (this.blocked) return;
    const { offer, same } = /** @type {Page} */ (this.page);
    if (same) {
      const open = this.cards.list.filter((card) => !card.decision && !card.saving);
      if (!this.large.open && !this.cards.selected.length) for (const card of open) card.selected = true;
      if (this.large.open || this.cards.selected.length) this.decide(same.action, same.label);
      else this.say("Everything here is decided; Confirm page goes back.");
    } else if (offer) {
      if (this.large.open) this.large.el.close();
      this.said = "";
      this.link.send({ kind: "alike", page: this.page?.id }, { quiet: true });
    } else {
      this.say("There are no look-alikes on offer; relabel or delete a picture first.");
    }
  }

  enlarge() {
    if (this.cards.current) this.large.show(this.cards.active);
  }

  /** @returns {string[]} the classes in the order of their keys; by likelihood those of the picture in focus come first */
  get legend() {
    const classes = this.page?.classes ?? [];
    if (!this.by_likelihood) return classes;
    const likely = (this.cards.current?.cell.likely ?? []).filter((label) => classes.includes(label));
    return [...likely, ...classes.filter((label) => !likely.includes(label))];
  }

  toggle_likelihood() {
    if (!this.cards.list.some((card) => card.cell.likely?.length)) {
      return this.say("The digits go by likelihood only where there are more than ten classes and a ranking.");
    }
    this.by_likelihood = !this.by_likelihood;
    this.draw();
  }

  draw_legend() {
    const cells = this.cards.list.map((card) => card.cell);
    const likelihood = { offered: cells.some((cell) => cell.likely?.length), on: this.by_likelihood };
    const suggests = cells.some((cell) => cell.suggestion !== null);
    for (const actions of [this.actions, this.large_actions]) actions.show_classes(this.legend, suggests, likelihood);
  }

  type_class() {
    if (!this.blocked && this.page && this.cards.current) this.chooser.open(this.page.classes);
  }

  // ---- mouse

  /** @param {PointerEvent} event a click between the cards must not take the keys away */
  on_pointer(event) {
    const inside = event.target instanceof Element && event.target.closest(".cleaner-card, button, input, dialog");
    if (inside || !this.cards.current) return;
    requestAnimationFrame(() => {
      if (document.activeElement === document.body) this.cards.current?.el.focus({ preventScroll: true });
    });
  }

  // ---- what is on show

  /** @param {string} text */
  say(text) {
    this.said = text;
    this.draw();
  }

  draw() {
    if (!this.root) return;
    const { page, cards, link } = this;
    const many = cards.list.length;
    this.title.textContent = page?.title ?? "";
    this.summary.textContent = page?.summary ?? "";
    this.notice.textContent = page?.notice ?? "";
    this.notice.hidden = !page?.notice;
    this.empty.textContent = page ? page.empty : "Loading the page …";
    this.empty.hidden = many > 0;
    enable(this.all, many > 0 && cards.selected.length < many);
    enable(this.none, cards.selected.length > 0);
    enable(this.back, Boolean(page?.can_go_back) && !this.blocked);
    enable(this.on, Boolean(page?.can_go_on) && !this.blocked);
    if (page) this.draw_legend();
    const can_decide = many > 0 && !this.blocked;
    this.actions.enable(can_decide, page !== null && !link.frozen, can_decide && cards.awaited === 0, many > 0);
    this.large_actions.enable(can_decide, page !== null && !link.frozen, false);
    this.actions.alike.hidden = !page?.offer && !page?.same;
    this.actions.alike.firstChild.textContent = page?.same ? "Same decision" : (page?.offer ?? "");
    enable(this.actions.alike, !this.blocked);
    this.root.dataset.purpose = page?.purpose ?? "";
    this.root.classList.toggle("is-frozen", link.frozen);
    this.root.setAttribute("aria-busy", String(!page || Boolean(this.confirming)));
    this.file.textContent = cards.current?.cell.name ?? "";
    this.draw_status();
    this.alerts.draw();
  }

  /** @param {() => void} forget what takes an alert off the page, and with it the button that had the focus */
  dismiss(forget) {
    const focus = this.root.contains(document.activeElement);
    forget();
    this.draw();
    if (focus && !this.large.open) this.take_focus();
  }

  draw_status() {
    const set = (/** @type {HTMLElement} */ el, /** @type {string} */ text) => {
      if (el.textContent !== text) el.textContent = text;
    };
    const list = this.cards.list;
    const selected = this.cards.selected.length;
    const words = this.purpose.words(list);
    if (this.said !== this.said_el.textContent.trim()) this.said_ms = Date.now();
    set(this.said_el, this.said ? `${this.said} ` : "");
    set(this.marked, list.length ? words[0] : "");
    const chosen = selected ? `, ${selected} selected` : "";
    set(this.rest, list.length ? `${words[1]}${chosen} · ${this.confirming ? "saving the page …" : words[2]}` : "");
  }
}

/** @param {{model: any, el: HTMLElement}} context */
function render({ model, el }) {
  const view = new View(model, el);
  return () => view.close();
}

export default { render };
