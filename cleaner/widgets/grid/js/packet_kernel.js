// The kernel of a review packet: answers the grid inside the page, and keeps the decisions in the browser.

import { DIGITS } from "./actions.js";
import { with_class } from "./label_sets.js";
import { speaker } from "./words.js";

/**
 * @import { Cell, Confirm, Decide, Key, Message, Page, Request } from "./protocol.js"
 * @import { Say } from "./words.js"
 * @typedef {Record<string, string | number | null>} Row a row of decisions.csv, by column
 * @typedef {{cell: Cell, row: Row, detail: Record<string, unknown>, picture: string}} PacketImage
 *   `row` is what the set knows of the image; the picture is a JPEG in base64
 * @typedef {{
 *   id: string, title: string, classes: string[], digits: string[], separator: string, page_size: number,
 *   columns: string[], images: PacketImage[], words: Record<string, string>, key_table: Record<string, Key>
 * }} Packet
 * @typedef {{action: string, label: string | null, detail: Record<string, unknown>}} Choice
 * @typedef {{
 *   act: string, action: string, name: string, label: string | null, undoes: string, reviewer: string, time: string,
 *   page: number, detail: Record<string, unknown>
 * }} Event a row of the history, oldest first; never changed, as in the review database
 * @typedef {{reviewer: string, events: Event[], exported: number}} Kept `exported`: how many events are in a file by now
 */

const MOST_LABEL_CHARS = 200;

/** @param {string} base64 */
function bytes_of(base64) {
  return new DataView(Uint8Array.from(atob(base64), (char) => char.charCodeAt(0)).buffer);
}

/** What takes the place of a kernel behind the grid: a `Model`. */
export class PacketKernel {
  /**
   * @param {Packet} packet
   * @param {Storage | null} storage null: the browser keeps nothing
   */
  constructor(packet, storage) {
    this.packet = packet;
    this.storage = storage;
    this.key = `cleaner-packet-${packet.id}`;
    this.images = new Map(packet.images.map((image) => [image.cell.name, image]));
    /** @type {Say} */
    this.say = speaker(packet.words, (act) => packet.key_table[act].printed[0] ?? "");
    /** @type {Kept} */
    this.kept = { reviewer: "", events: [], exported: 0 };
    /** @type {Map<string, Event>} what holds of each image */
    this.decisions = new Map();
    /** @type {Record<string, any>} */
    this.traits = { mode: "packet", problem: "", dismissed: "", words: packet.words, key_table: packet.key_table };
    /** @type {Map<string, ((...values: any[]) => void)[]>} */
    this.listeners = new Map();
    this.load();
    this.at = this.next_open(0);
  }

  // ---- the model

  /** @param {string} name @returns {any} */
  get(name) {
    return this.traits[name];
  }

  /**
   * @param {string} name
   * @param {string} value
   */
  set(name, value) {
    this.traits[name] = value;
    this.emit(`change:${name}`);
  }

  save_changes() {}

  /**
   * @param {string} event
   * @param {(...values: any[]) => void} listener
   */
  on(event, listener) {
    this.listeners.set(event, [...(this.listeners.get(event) ?? []), listener]);
  }

  /**
   * @param {string} event
   * @param {(...values: any[]) => void} listener
   */
  off(event, listener) {
    this.listeners.set(event, (this.listeners.get(event) ?? []).filter((each) => each !== listener));
  }

  /**
   * @param {string} event
   * @param {unknown[]} values
   */
  emit(event, ...values) {
    for (const listener of this.listeners.get(event) ?? []) listener(...values);
  }

  /** As from a real kernel, the answer comes after `send` has returned. @param {Request} message */
  send(message) {
    setTimeout(() => this.answer(message), 0);
  }

  /**
   * @param {Message} message
   * @param {DataView[]} buffers
   */
  reply(message, buffers = []) {
    this.emit("msg:custom", message, buffers);
  }

  // ---- what is kept

  /** Take what is kept, which another tab may have added to. */
  load() {
    if (!this.storage) return this.complain();
    try {
      const text = this.storage.getItem(this.key);
      if (text) this.kept = JSON.parse(text);
    } catch (error) {
      // What cannot be read must not be written over either.
      console.debug("cleaner: what the browser keeps cannot be read", error);
      this.storage = null;
      this.complain();
    }
    this.replay();
  }

  keep() {
    try {
      this.storage?.setItem(this.key, JSON.stringify(this.kept));
    } catch (error) {
      console.debug("cleaner: the browser does not keep the decisions", error);
      this.storage = null;
      this.complain();
    }
  }

  complain() {
    this.set("problem", this.say("packet.not_kept"));
  }

  /** Another tab has decided something. */
  refresh() {
    this.load();
    this.reply({ kind: "page", page: this.page() });
    this.emit("kept");
  }

  get reviewer() {
    return this.kept.reviewer;
  }

  /** @param {string} name */
  set_reviewer(name) {
    if (this.storage) this.load();
    this.kept.reviewer = name;
    this.keep();
    this.emit("kept");
  }

  /** Work out what holds: the last event of each image that was not undone. */
  replay() {
    const undone = new Set();
    for (const { action, undoes } of this.kept.events) {
      if (action === "undo") undone.add(undoes);
      if (action === "redo") undone.delete(undoes);
    }
    this.undone = undone;
    const standing = this.kept.events.filter(({ act, name }) => name && !undone.has(act));
    this.decisions = new Map(standing.map((event) => [event.name, event]));
  }

  /** @param {string} action undo or redo @returns {string} the act of this reviewer that it is about; empty if there is none */
  target_of(action) {
    /** @type {string[]} */
    const done = [];
    /** @type {string[]} */
    let taken_back = [];
    for (const event of this.kept.events) {
      if (event.reviewer !== this.reviewer) continue;
      if (event.action === "undo") taken_back.push(done.pop() ?? "");
      else if (event.action === "redo") done.push(taken_back.pop() ?? "");
      else if (done.at(-1) !== event.act) {
        done.push(event.act);
        taken_back = [];
      }
    }
    return (action === "undo" ? done : taken_back).at(-1) ?? "";
  }

  /**
   * Keep an act before it is answered; one that comes again is kept once.
   * @param {string} act
   * @param {{name: string, choice: Choice, undoes?: string}[]} rows
   */
  commit(act, rows) {
    if (this.kept.events.some((event) => event.act === act)) return;
    const shared = { act, reviewer: this.reviewer, time: new Date().toISOString(), page: this.at + 1 };
    this.kept.events.push(...rows.map(({ name, choice, undoes = "" }) => ({ ...shared, name, undoes, ...choice })));
    this.keep();
    this.replay();
    this.emit("kept");
  }

  // ---- what is shown

  get pages() {
    return Math.ceil(this.packet.images.length / this.packet.page_size);
  }

  /** @param {number} at @returns {PacketImage[]} those of a page */
  images_of(at) {
    const { images, page_size } = this.packet;
    return images.slice(at * page_size, (at + 1) * page_size);
  }

  /** @param {number} from @returns {number} the next page with something to decide; behind the last one if there is none */
  next_open(from) {
    for (let step = 0; step < this.pages; step++) {
      const at = (from + step) % this.pages;
      if (this.images_of(at).some(({ cell }) => !this.decisions.has(cell.name))) return at;
    }
    return this.pages;
  }

  /** @param {PacketImage} image @returns {Cell} */
  cell(image) {
    const event = this.decisions.get(image.cell.name);
    if (!event) return image.cell;
    const { action, label, reviewer } = event;
    return { ...image.cell, decision: { action, label, reviewer, mine: reviewer === this.reviewer } };
  }

  /** @param {string[]} names */
  cells(names) {
    return names.flatMap((name) => this.images.get(name) ?? []).map((image) => this.cell(image));
  }

  /** @returns {string[]} those of the set, then those made here */
  get classes() {
    const { classes, separator } = this.packet;
    const labels = [...this.decisions.values()].flatMap(({ label }) => (label === null ? [] : separator ? label.split(separator) : [label]));
    return [...new Set([...classes, ...labels.filter(Boolean)])];
  }

  get summary() {
    return this.say("packet.summary", { n: this.decisions.size, all: this.images.size });
  }

  /** @param {string | null} focus @returns {Page} */
  page(focus = null) {
    const { at, packet, classes } = this;
    const free = [...DIGITS].filter((digit) => !packet.digits.includes(digit));
    const ended = at >= this.pages;
    return {
      id: `${packet.id}-${at}`, cells: this.images_of(at).map((image) => this.cell(image)), classes,
      digits: classes.map((_, i) => packet.digits[i] ?? free[i - packet.digits.length] ?? ""), separator: packet.separator,
      title: ended ? "" : this.say("review.title_of", { number: at + 1, of: this.pages }), summary: this.summary, notice: "",
      empty: ended ? this.say("packet.all_decided") : "", focus, can_go_back: at > 0, can_go_on: at + 1 < this.pages, offer: "",
      same: null, purpose: "labels", groups: [],
    };
  }

  // ---- what the grid asks

  /** @param {Request} message */
  answer(message) {
    const { id } = message;
    switch (message.kind) {
      case "ping": return this.reply({ kind: "pong", id });
      case "hello": return this.reply({ kind: "page", id, page: this.page() });
      case "turn":
        this.at = Math.max(0, Math.min(this.pages - 1, this.at + message.by));
        return this.reply({ kind: "page", id, page: this.page() });
      case "next": return this.reply({ kind: "next", id, page: message.page, names: this.images_of(this.at + 1).map(({ cell }) => cell.name) });
      case "thumbs": return this.send_thumbs(id, message.names);
      case "image": return this.send_image(id, message.name, message.full);
      case "decide": return this.decide(message);
      case "confirm": return this.confirm(message);
      case "undo": case "redo": return this.go_back(id, message.kind);
      default: return this.refuse(id, this.say("grid.not_offered"));
    }
  }

  /**
   * @param {string} id
   * @param {string[]} asked
   */
  send_thumbs(id, asked) {
    const found = asked.flatMap((name) => this.images.get(name) ?? []);
    const names = found.map(({ cell }) => cell.name);
    this.reply({ kind: "thumbs", id, names, problems: names.map(() => ""), last: true }, found.map(({ picture }) => bytes_of(picture)));
  }

  /**
   * @param {string} id
   * @param {string} name
   * @param {boolean} full
   */
  send_image(id, name, full) {
    const image = this.images.get(name);
    if (!image) return;
    // Without the size of the file, the grid takes the picture for all that there is.
    const what = { name, full, problem: "", type: "image/jpeg", width: 0, height: 0, frames: 1, levels: null };
    this.reply({ kind: "image", id, ...what }, [bytes_of(image.picture)]);
  }

  /**
   * @param {string} id
   * @param {string[]} names
   * @param {{said?: string, focus?: string | null, page?: Page | null}} told
   */
  saved(id, names, { said = "", focus = null, page = null } = {}) {
    this.reply({ kind: "saved", id, cells: this.cells(names), summary: this.summary, said, focus, page });
  }

  /**
   * @param {string} id
   * @param {string} reason
   */
  refuse(id, reason) {
    this.reply({ kind: "refused", id, reason, cells: [], page: null });
  }

  /** @param {Decide} message */
  decide({ id, names, action, label, new_class }) {
    if (this.storage) this.load();
    const problem = label !== null && new_class ? this.problem_of(label) : "";
    if (problem) return this.refuse(id, this.say("guard.not_saved", { reason: problem }));
    const before = this.classes.length;
    const rows = names.flatMap((name) => {
      const image = this.images.get(name);
      const choice = image && this.choice(image, action, label);
      return choice ? [{ name, choice }] : [];
    });
    this.commit(id, rows);
    this.saved(id, names, { page: this.classes.length === before ? null : this.page() });
  }

  /** @param {string} label that somebody has typed @returns {string} why it can be none; the review database would refuse it */
  problem_of(label) {
    const { separator } = this.packet;
    if (!label.trim() || /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}]/u.test(label)) return this.say("packet.odd_label");
    if ([...label].length > MOST_LABEL_CHARS) return this.say("packet.long_label", { n: MOST_LABEL_CHARS });
    return separator && label.includes(separator) ? this.say("packet.separator_in_label", { separator }) : "";
  }

  /**
   * @param {PacketImage} image
   * @param {string} action
   * @param {string | null} label
   * @returns {Choice | null} what an act says of an image; null if it needs a suggestion and there is none
   */
  choice(image, action, label) {
    const { given, suggestion } = image.cell;
    let to = label;
    if (action === "suggest" || (action === "keep" && given === null)) {
      if (suggestion === null) return null;
      to = suggestion;
    } else if (action === "add" || action === "remove") {
      const now = this.decisions.get(image.cell.name)?.label ?? given;
      to = with_class(now, label ?? "", this.packet.separator, action === "add");
    }
    if (to === null) return { action, label: null, detail: {} };
    return to === given ? { action: "keep", label: null, detail: {} } : { action: "relabel", label: to, detail: {} };
  }

  /** What is unmarked was seen and is right; what the model is not sure of stays undecided. @param {Confirm} message */
  confirm({ id, names }) {
    if (this.storage) this.load();
    const rows = names.flatMap((name) => {
      const image = this.images.get(name);
      if (!image || this.decisions.has(name) || (image.cell.given === null && !image.cell.sure)) return [];
      const choice = this.choice(image, "keep", null);
      return choice ? [{ name, choice: { ...choice, detail: { confirm: true } } }] : [];
    });
    if (rows.length) this.commit(id, rows);
    const labelled = rows.filter(({ choice }) => choice.action === "relabel").length;
    const kept = rows.length - labelled;
    const parts = [...(labelled ? [this.say("review.labelled", { n: labelled })] : []), ...(kept ? [this.say("review.kept", { n: kept })] : [])];
    const open = this.next_open(this.at + 1);
    // Images that nobody can confirm, as the model is not sure, must not hold the reviewer on their page.
    this.at = open === this.at && this.at + 1 < this.pages ? this.at + 1 : open;
    this.saved(id, names, { said: parts.length ? `${parts.join(", ")}.` : "", page: this.page() });
  }

  /**
   * @param {string} id
   * @param {"undo" | "redo"} action
   */
  go_back(id, action) {
    if (this.storage) this.load();
    const target = this.target_of(action);
    if (!target) return this.saved(id, [], { said: this.say(action === "undo" ? "review.nothing_to_undo" : "review.nothing_to_redo") });
    const before = this.classes.length;
    this.commit(id, [{ name: "", choice: { action, label: null, detail: {} }, undoes: target }]);
    const names = this.kept.events.filter(({ act }) => act === target).map(({ name }) => name);
    const what = this.say(names.length === 1 ? "packet.images_one" : "packet.images_many", { n: names.length });
    const said = this.say(action === "undo" ? "review.undone" : "review.redone", { what });
    const at = Math.floor(this.packet.images.findIndex(({ cell }) => cell.name === names[0]) / this.packet.page_size);
    const moved = at !== this.at || this.classes.length !== before;
    this.at = at;
    this.saved(id, names, { said, focus: names[0], page: moved ? this.page(names[0]) : null });
  }

  // ---- decisions.csv

  /** @returns {number} events that are in no file yet */
  get unexported() {
    return this.kept.events.length - this.kept.exported;
  }

  /** @returns {string} the whole history, as `cleaner merge` takes it */
  csv() {
    const { columns } = this.packet;
    const lines = this.kept.events.map((event, i) => {
      const image = this.images.get(event.name);
      const detail = { ...image?.detail, ...event.detail };
      /** @type {Row} */
      const row = {
        ...image?.row, name: event.name, action: event.action, new_label: event.label, reviewer: event.reviewer, time: event.time,
        page: event.page, act: event.act, undoes: event.undoes, detail: Object.keys(detail).length ? JSON.stringify(detail) : "",
        seq: i + 1, stands: this.undone?.has(event.act) ? "False" : "True", image: event.name,
      };
      return columns.map((column) => field(row[column] ?? ""));
    });
    this.kept.exported = this.kept.events.length;
    this.keep();
    this.emit("kept");
    return [columns, ...lines].map((line) => `${line.join(",")}\n`).join("");
  }
}

/** The dialect of cleaner.util.csvfile. @param {string | number} value */
function field(value) {
  const text = String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
