// The wire to the kernel: acts with ids that are sent again until they are answered, and a heartbeat.

import { make_id } from "./elements.js";

/**
 * @import { Asked, Message, Model, Request, Unsent } from "./protocol.js"
 * @typedef {{
 *   on_message: (message: Message, buffers: DataView[], asked: Asked | undefined) => void,
 *   on_change: () => void, on_back: () => void
 * }} LinkHooks
 * @typedef {Asked & {quiet: boolean, overdue: boolean}} Pending
 */

const PING_MS = 3000;
const LOST_MS = 10000;
const OVERDUE_MS = 5000;
const TICK_MS = 500;

export class Link {
  /**
   * @param {Model} model
   * @param {LinkHooks} hooks
   */
  constructor(model, hooks) {
    this.model = model;
    this.hooks = hooks;
    this.view = make_id();
    this.lost = false;
    /** @type {Map<string, Pending>} */
    this.pending = new Map();
    this.heard_ms = this.ticked_ms = Date.now();
    this.pinged_ms = 0;
    this.on_custom = (/** @type {Message} */ message, /** @type {DataView[]} */ buffers) => this.receive(message, buffers);
    this.on_visible = () => this.wake();
    model.on("msg:custom", this.on_custom);
    document.addEventListener("visibilitychange", this.on_visible);
    this.timer = setInterval(() => this.tick(), TICK_MS);
  }

  close() {
    clearInterval(this.timer);
    document.removeEventListener("visibilitychange", this.on_visible);
    this.model.off("msg:custom", this.on_custom);
  }

  /** @param {Request} message */
  post(message) {
    try {
      this.model.send(message);
    } catch (error) {
      // A closed comm throws; the heartbeat will say so on the page.
      console.debug("cleaner: the message could not be sent", error);
    }
  }

  /**
   * Send something that Python answers with the same id.
   * @param {Unsent} message
   * @param {{quiet?: boolean}} options quiet: no banner if the answer takes long
   * @returns {string} the id
   */
  send(message, { quiet = false } = {}) {
    const id = make_id();
    const full = /** @type {Request} */ ({ ...message, id, view: this.view });
    this.pending.set(id, { message: full, quiet, sent_ms: Date.now(), overdue: false });
    this.post(full);
    return id;
  }

  /** @returns {Request[]} acts without an answer, oldest first */
  get unsaved() {
    return [...this.pending.values()].filter((entry) => !entry.quiet).map((entry) => entry.message);
  }

  /** @returns {boolean} whether another page was asked for and has not come */
  get is_turning() {
    return [...this.pending.values()].some(({ message }) => message.kind === "turn" || message.kind === "similar");
  }

  get overdue() {
    return [...this.pending.values()].some((entry) => entry.overdue && !entry.quiet);
  }

  get frozen() {
    return this.lost || this.overdue;
  }

  /**
   * @param {Message} message
   * @param {DataView[]} buffers
   */
  receive(message, buffers) {
    const was_lost = this.lost;
    this.heard_ms = Date.now();
    this.lost = false;
    const is_part = message.kind === "thumbs" && !message.last;
    const entry = is_part ? undefined : this.pending.get(message.id ?? "");
    if (entry) this.pending.delete(entry.message.id);
    if (message.kind === "pong") this.send_again(was_lost);
    if (!message.to || message.to === this.view) this.hooks.on_message(message, buffers, entry);
    if (was_lost) this.hooks.on_back();
    if (was_lost || entry?.overdue) this.hooks.on_change();
  }

  /** Python knows every id that it has carried out, so sending an act twice does it once. @param {boolean} all */
  send_again(all) {
    for (const entry of this.pending.values()) {
      if (!all && Date.now() - entry.sent_ms < OVERDUE_MS) continue;
      entry.sent_ms = Date.now();
      this.post(entry.message);
    }
  }

  wake() {
    this.heard_ms = this.ticked_ms = Date.now();
    if (!document.hidden) this.ping();
  }

  ping() {
    this.pinged_ms = Date.now();
    this.post({ kind: "ping", id: make_id(), view: this.view });
  }

  tick() {
    const now = Date.now();
    // A hidden page, or a machine that slept, says nothing about the kernel.
    if (document.hidden || now - this.ticked_ms > LOST_MS) this.heard_ms = now;
    this.ticked_ms = now;
    if (document.hidden) return;
    const before = `${this.lost} ${this.overdue}`;
    for (const entry of this.pending.values()) {
      if (now - entry.sent_ms >= OVERDUE_MS) entry.overdue = true;
    }
    const silent_ms = now - this.heard_ms;
    this.lost = silent_ms >= LOST_MS;
    // Pings that nobody hears pile up in the browser's queue: fewer of them after a while.
    if (now - this.pinged_ms >= (silent_ms > 60000 ? 5 * PING_MS : PING_MS)) this.ping();
    if (before !== `${this.lost} ${this.overdue}`) this.hooks.on_change();
  }
}
