// A stand-in for the kernel: the model that anywidget would pass, with a small reviewer's desk behind it.

const JPEG = "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAAgGBgcGBQgHBwcJCQgKDBQNDAsLDBkSEw8UHRofHh0aHBwgJC4nICIsIxwcKDcpLDAxNDQ0Hyc5PTgyPC4zNDL/wAALCAAIAAgBAREA/8QAHwAAAQUBAQEBAQEAAAAAAAAAAAECAwQFBgcICQoL/8QAtRAAAgEDAwIEAwUFBAQAAAF9AQIDAAQRBRIhMUEGE1FhByJxFDKBkaEII0KxwRVS0fAkM2JyggkKFhcYGRolJicoKSo0NTY3ODk6Q0RFRkdISUpTVFVWV1hZWmNkZWZnaGlqc3R1dnd4eXqDhIWGh4iJipKTlJWWl5iZmqKjpKWmp6ipqrKztLW2t7i5usLDxMXGx8jJytLT1NXW19jZ2uHi4+Tl5ufo6erx8vP09fb3+Pn6/9oACAEBAAA/APn+v//Z";

/** @param {string} base64 */
function bytes_of(base64) {
  const raw = atob(base64);
  return new DataView(Uint8Array.from(raw, (c) => c.charCodeAt(0)).buffer);
}

export class FakeModel {
  constructor(setup) {
    this.traits = { mode: "review", problem: "", dismissed: "", words: setup.words, key_table: setup.key_table, ...setup.traits };
    this.classes = setup.classes;
    this.pages = setup.pages;
    this.thumbs = setup.thumbs ?? {};
    this.problems = setup.problems ?? {};
    this.options = setup.options ?? {};
    this.at = 0;
    this.open_page = ""; // id of the page that was sent last
    this.sent = [];
    this.acts = [];
    this.answering = true;
    this.mute_thumbs = false;
    this.texts = { ...setup.texts };
    this.listeners = {};
  }

  get(name) { return this.traits[name]; }

  set(name, value) {
    this.traits[name] = value;
    this.emit(`change:${name}`);
  }

  save_changes() {}

  on(name, listener) { (this.listeners[name] ??= []).push(listener); }

  off(name, listener) { this.listeners[name] = (this.listeners[name] ?? []).filter((each) => each !== listener); }

  emit(name, ...values) { for (const listener of [...(this.listeners[name] ?? [])]) listener(...values); }

  send(message) {
    this.sent.push(structuredClone(message));
    if (this.answering) setTimeout(() => this.answering && this.answer(message), 0);
  }

  reply(message, buffers = []) {
    if (message.kind === "page") this.open_page = message.page.id;
    this.emit("msg:custom", message, buffers);
  }

  of_kind(kind) { return this.sent.filter((message) => message.kind === kind); }

  page(at = this.at, focus = null) {
    const cells = this.pages[at] ?? [];
    return {
      id: `page-${at}`, title: `Page ${at + 1}`, summary: this.options.summary ?? "48 of 3,409 looked at",
      notice: this.options.notice ?? "", empty: cells.length ? "" : "Every picture in this view is decided.", focus,
      cells: structuredClone(cells), classes: this.classes, digits: this.options.digits ?? this.classes.map((_, i) => "1234567890"[i] ?? ""), can_go_back: at > 0, can_go_on: at < this.pages.length - 1,
      offer: "", same: null, separator: this.options.separator ?? "", purpose: this.options.purpose ?? "labels", groups: structuredClone(this.options.groups?.[at] ?? []),
    };
  }

  turn_to(at, extra = {}) {
    this.at = at;
    this.reply({ kind: "page", page: this.page(at, extra.focus ?? null), ...extra });
  }

  answer(message) {
    const { kind, id, names } = message;
    if (kind === "ping") this.reply({ kind: "pong", id, to: message.view });
    if (kind === "hello") this.reply({ kind: "page", id, to: message.view, page: this.page() });
    if (kind === "turn") { this.at += message.by; this.reply({ kind: "page", id, page: this.page() }); }
    if (kind === "thumbs" && !this.mute_thumbs) this.send_thumbs(id, names);
    if (kind === "next") this.reply({ kind: "next", id, page: message.page, names: (this.pages[this.at + 1] ?? []).map((c) => c.name) });
    if (kind === "image") {
      const data = bytes_of(this.thumbs[message.name] ?? JPEG);
      this.reply({ kind: "image", id, name: message.name, full: message.full, type: "image/jpeg", problem: this.options.no_image ?? "", width: this.options.width ?? 8, height: this.options.height ?? 8, frames: 1, levels: this.levels(message) }, [data]);
    }
    if (kind === "compare" && !this.options.mute_compare) this.compare(message);
    if (kind === "why") this.explain(message);
    if (kind === "heat") this.heat(message);
    if (kind === "describe") this.describe(message);
    if (kind === "decide") this.decide(message);
    if (kind === "undo") this.undo(message);
    if (kind === "redo") this.save(id, [], { said: "Redone." });
    if (kind === "givekey") this.give_key(message);
    if (kind === "resetkeys") this.reply({ kind: "keys", id, to: message.view, said: "Reset.", refused: false });
    if (kind === "confirm") this.confirm(message);
  }

  /** The levels of all images, if they were set up, through the window that was asked for. */
  levels({ window }) {
    const { levels = null } = this.options;
    return levels && { ...levels, ...(window?.kind === levels.kind ? { center: window.center, width: window.width } : {}) };
  }

  send_thumbs(id, names) {
    const problems = names.map((name) => this.problems[name] ?? "");
    const good = names.filter((name) => !this.problems[name]);
    this.reply({ kind: "thumbs", id, names, problems, last: true }, good.map((name) => bytes_of(this.thumbs[name] ?? JPEG)));
  }

  /** Two pictures for each class; one of them is not confirmed. */
  compare({ id, view, name, labels }) {
    const sides = labels.map((label) => ({
      label, text: this.texts[label] ?? "",
      pictures: [{ name: `${label}/one.jpg`, confirmed: true }, { name: `${label}/two.jpg`, confirmed: false }],
    }));
    const buffers = sides.flatMap((side) => side.pictures.map(() => bytes_of(JPEG)));
    this.reply({ kind: "compare", id, to: view, name, sides, problem: "", late: false }, buffers);
  }

  /** What was set up to be said of each image, and by which others. */
  explain({ id, view, name }) {
    const { text, witnesses } = this.options.why?.[name] ?? { text: "", witnesses: [] };
    this.reply({ kind: "why", id, to: view, name, text, witnesses }, witnesses.map(() => bytes_of(JPEG)));
  }

  /** A map whose left column speaks for the class. */
  heat({ id, view, name, label }) {
    const problem = this.options.no_heat ?? "";
    const values = new DataView(new Int8Array([127, 0, 127, -64]).buffer);
    this.reply({ kind: "heat", id, to: view, name, label, side: 2, text: `Seen: ${label}.`, problem }, problem ? [] : [values]);
  }

  describe({ id, label, text }) {
    if (text.length > 20) return this.refuse(id, "Not saved: Got 21 characters. Shorten it.");
    this.texts[label] = text.trim();
    this.save(id, []);
    this.reply({ kind: "described" });
  }

  save(id, names, told = {}) {
    this.reply({ kind: "saved", id, cells: this.cells(names), summary: "", said: "", focus: null, ...told });
  }

  /** Refuse an act; with a page, because that is not what was seen. */
  refuse(id, reason, page = null) {
    this.reply({ kind: "refused", id, reason, cells: [], page });
  }

  /** Suggest another label for an image, as after a new ranking, and tell nobody. */
  suggest(name, label) {
    this.pages.flat().find((cell) => cell.name === name).suggestion = label;
  }

  /** @returns {boolean} whether an act was meant for what is on show, as the kernel judges it */
  is_seen({ action, names, seen }) {
    if (seen.page !== this.open_page) return false;
    return action !== "suggest" || this.options.purpose === "copies" || this.cells(names).every((cell) => cell.suggestion === seen.suggestions[cell.name]);
  }

  cells(names) {
    const all = this.pages.flat();
    return names.map((name) => structuredClone(all.find((cell) => cell.name === name)));
  }

  put(name, decision) {
    const cell = this.pages.flat().find((each) => each.name === name);
    const before = cell.decision;
    cell.decision = decision;
    return before;
  }

  /** The rest of the groups that some cards belong to, if it is to be deleted. */
  rest_of(action, names) {
    const groups = this.cells(names).map((cell) => cell.group);
    const others = this.pages.flat().filter((cell) => groups.includes(cell.group));
    if (action === "only") return others.filter((cell) => !names.includes(cell.name)).map((cell) => cell.name);
    return others.filter((cell) => cell.advice === "delete").map((cell) => cell.name);
  }

  /** What an act on groups of copies comes to. */
  decide_groups({ id, action, names }) {
    const groups = this.cells(names).map((cell) => cell.group);
    const gone = action === "different" ? [] : this.rest_of(action, names);
    const before = gone.map((name) => [name, this.put(name, { action: "delete", label: null, reviewer: "Ana" })]);
    const page = this.options.groups[this.at];
    for (const group of page) if (groups.includes(group.id)) group.settled = gone.length ? "1 kept" : "not duplicates";
    this.acts.push({ before, page: this.at });
    this.save(id, gone);
    this.turn_to(this.at);
  }

  decide(message) {
    const { id, action, names, label } = message;
    if (!this.is_seen(message)) return this.refuse(id, "Not saved: it has changed.", this.page(this.at, names[0]));
    if (this.options.purpose === "copies" && ["only", "suggest", "different"].includes(action)) return this.decide_groups({ id, action, names });
    const before = names.map((name) => {
      const cell = this.cells([name])[0];
      const accepts = action === "suggest" || (action === "keep" && cell.given === null);
      if (action === "add" || action === "remove") return [name, this.put(name, { ...this.changed(cell, action, label), reviewer: "Ana" })];
      const to = accepts ? cell.suggestion : label;
      const kept = (action === "keep" && !accepts) || (to !== null && to === cell.given);
      const decision = kept ? { action: "keep", label: null } : { action: accepts ? "relabel" : action, label: to };
      return [name, this.put(name, action === "clear" ? null : { ...decision, reviewer: "Ana" })];
    });
    this.acts.push({ before, page: this.at });
    this.save(id, names, { summary: "49 of 3,409 looked at" });
  }

  /** What is decided on an image that gets one label more or less. */
  changed(cell, action, label) {
    const { separator } = this.options;
    const rest = (cell.decision?.label ?? cell.given).split(separator).filter((name) => name && name !== label);
    const now = (action === "add" ? [...rest, label].sort() : rest).join(separator) || separator;
    return now === cell.given ? { action: "keep", label: null } : { action: "relabel", label: now };
  }

  /** Give an act another key, as far as no other act has it. */
  give_key({ id, view, act, key }) {
    const keys = this.traits.key_table;
    const refused = Object.values(keys).some((each) => each.keys.includes(key));
    if (!refused) this.set("key_table", { ...keys, [act]: { keys: [key], printed: [key], chosen: true } });
    this.reply({ kind: "keys", id, to: view, said: refused ? "Taken." : "Saved.", refused });
  }

  confirm({ id, names }) {
    const before = names.map((name) => [name, this.put(name, { action: "keep", label: null, reviewer: "Ana" })]);
    this.acts.push({ before, page: this.at });
    this.save(id, names, { summary: "72 of 3,409 looked at", said: `${names.length} kept.` });
    this.turn_to(this.at + 1);
  }

  undo({ id }) {
    const act = this.acts.pop();
    if (!act) return this.save(id, [], { said: "There is nothing to undo." });
    for (const [name, decision] of act.before) this.put(name, decision);
    const names = act.before.map(([name]) => name);
    this.save(id, names, { said: "Undone.", focus: names[0] });
    if (act.page !== this.at) this.turn_to(act.page);
  }
}

/** Count the blob URLs that are alive. */
export function watch_blobs() {
  const alive = new Set();
  const make = URL.createObjectURL.bind(URL);
  const drop = URL.revokeObjectURL.bind(URL);
  URL.createObjectURL = (blob) => { const url = make(blob); alive.add(url); return url; };
  URL.revokeObjectURL = (url) => { alive.delete(url); drop(url); };
  return alive;
}
