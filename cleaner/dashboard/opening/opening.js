// While the server starts: show the page as it stood last, or the first images of the folder; nothing can be done
// with it. Then let the page itself come behind it, and go away when that has its images.

/**
 * @typedef {{kind: "panel", tree: unknown[], classes: string[], style: Record<string, string>}} Panel
 * @typedef {{kind: "list", title: string, chosen: string, classes: string[], style: Record<string, string>}} List
 * @typedef {{kind: "box", inner: Widget[], classes: string[], style: Record<string, string>}} Box
 * @typedef {{kind: "grid" | "other", classes: string[], style: Record<string, string>}} Other
 * @typedef {Panel | List | Box | Other} Widget
 * @typedef {{render: (context: {model: Model, el: HTMLElement}) => () => void}} Script
 * @typedef {{kind: string, id?: string, names?: string[]}} Asked
 * @typedef {(message: object, buffers?: DataView[]) => void} Reply
 * @typedef {{
 *   page?: object, grid?: object, frame?: Widget, scripts: Record<string, string>, message: string, theme: string
 * }} Shown
 */

/** What a widget's script sees of the kernel. */
class Model {
  /** @param {object} traits @param {(asked: Asked, reply: Reply) => void} answer */
  constructor(traits, answer = () => {}) {
    this.traits = /** @type {Record<string, unknown>} */ (traits);
    this.answer = answer;
    /** @type {Map<string, Function[]>} */
    this.listeners = new Map();
  }

  /** @param {string} name */
  get(name) { return this.traits[name]; }
  set() {}
  save_changes() {}
  /** @param {string} name @param {Function} listener */
  on(name, listener) { this.listeners.set(name, [...(this.listeners.get(name) ?? []), listener]); }
  off() {}
  /** @type {Reply} */
  tell(message, buffers = []) { for (const listener of this.listeners.get("msg:custom") ?? []) listener(message, buffers); }
  /** @param {Asked} asked */
  send(asked) { setTimeout(() => this.answer(asked, (message, buffers) => this.tell(message, buffers))); }
}

class Front {
  static LATE_MS = 2500; // for images that come late, or never
  static THERE = ".cleaner-ready, [data-mime-type='application/vnd.jupyter.stderr']";

  constructor() {
    this.el = Front.find("#cleaner-front");
    this.bar = Front.find(".cleaner-front-bar");
    this.room = Front.find(".cleaner-front-page");
    this.shown = /** @type {Shown} */ (JSON.parse(Front.find("#cleaner-front-data").textContent ?? ""));
    /** @type {Map<string, DataView | null>} */
    this.images = new Map();
    /** @type {(() => void)[]} */
    this.closers = [];
    /** @type {Model | null} */
    this.grid = null;
    this.follow_theme();
    this.draw();
  }

  /** @param {string} selector @returns {HTMLElement} */
  static find(selector) {
    const found = document.querySelector(selector);
    if (!(found instanceof HTMLElement)) throw new Error(`There is no ${selector}.`);
    return found;
  }

  /** @param {HTMLElement} parent @param {string} tag @param {string} classes @param {string} text */
  static add(parent, tag, classes, text = "") {
    const el = document.createElement(tag);
    el.className = classes;
    el.textContent = text;
    parent.append(el);
    return el;
  }

  // ---- what the server says, as it comes

  /** @param {string} name @param {string} base64 empty: the file cannot be shown */
  image(name, base64) {
    const bytes = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
    this.images.set(name, base64 ? new DataView(bytes.buffer) : null);
    this.send_image(name);
  }

  /** The page itself can be asked for. */
  ready() {
    this.go_on().catch(() => window.location.reload());
  }

  /** @param {string} text why there will be no page */
  failed(text) {
    this.bar.remove();
    this.room.replaceChildren();
    this.room.inert = false;
    Front.add(this.room, "p", "cleaner-front-message is-failed", text).setAttribute("role", "alert");
  }

  // ---- drawing

  follow_theme() {
    const { theme } = this.shown;
    const dark = theme === "dark" || (theme === "auto" && matchMedia("(prefers-color-scheme: dark)").matches);
    for (const el of [this.el, document.body]) el.classList.toggle("theme-dark", dark);
    document.body.dataset.jpThemeLight = String(!dark);
  }

  async draw() {
    const { frame, scripts, message } = this.shown;
    if (!frame) {
      Front.add(this.room, "p", "cleaner-front-message", message);
      return;
    }
    const loaded = await Promise.all(Object.entries(scripts).map(async ([name, text]) => {
      const url = URL.createObjectURL(new Blob([text], { type: "text/javascript" }));
      const script = await import(url);
      URL.revokeObjectURL(url);
      return /** @type {[string, Script]} */ ([name, script.default]);
    }));
    this.draw_widget(frame, this.room, Object.fromEntries(loaded));
  }

  /** The elements and classes are those that the host gives its widgets. @param {Widget} widget @param {HTMLElement} parent @param {Record<string, Script>} scripts */
  draw_widget(widget, parent, scripts) {
    const host = { box: "lm-Panel jupyter-widgets widget-container widget-box", list: "jupyter-widgets widget-dropdown", panel: "", grid: "", other: "" };
    const el = Front.add(parent, "div", ["lm-Widget", host[widget.kind], ...widget.classes].join(" "));
    for (const [name, value] of Object.entries(widget.style)) el.style.setProperty(name, value);
    if (widget.kind === "box") {
      for (const inner of widget.inner) this.draw_widget(inner, el, scripts);
    } else if (widget.kind === "list") {
      Front.add(el, "label", "widget-label", widget.title);
      Front.add(Front.add(el, "select", ""), "option", "", widget.chosen);
    } else if (widget.kind === "panel") {
      const model = new Model({ tree: widget.tree, problem: "", address: {} });
      this.closers.push(scripts.panel.render({ model, el }));
    } else if (widget.kind === "grid") {
      this.grid = new Model({ problem: "", dismissed: "", ...this.shown.grid }, (asked, reply) => this.answer(asked, reply));
      this.closers.push(scripts.grid.render({ model: this.grid, el }));
    }
  }

  /** @type {(asked: Asked, reply: Reply) => void} */
  answer({ kind, id, names = [] }, reply) {
    if (kind === "hello") reply({ kind: "page", id, page: this.shown.page });
    else if (kind === "ping") reply({ kind: "pong", id });
    else if (kind === "thumbs") names.filter((name) => this.images.has(name)).forEach((name) => this.send_image(name));
  }

  /** @param {string} name */
  send_image(name) {
    const data = this.images.get(name);
    this.grid?.tell({ kind: "thumbs", id: "", names: [name], problems: [data ? "" : " "], last: false }, data ? [data] : []);
  }

  // ---- making way

  /** Let the page come in the same document, so that what is on the screen stays there. */
  async go_on() {
    const answer = await fetch(window.location.href, { cache: "no-store" });
    const text = await answer.text();
    document.open();
    document.write(text);
    document.close();
    if (!answer.ok) return this.leave();
    if (document.body) document.body.append(this.el);
    this.watch();
  }

  watch() {
    let late = 0;
    const look = () => {
      if (document.body && !this.el.isConnected) document.body.append(this.el);
      const cells = document.getElementById("rendered_cells");
      if (!cells?.querySelector(Front.THERE)) return;
      late ||= window.setTimeout(done, Front.LATE_MS);
      const [all, drawn] = ["", ":is(.has-picture, .cleaner-bad)"].map((kind) => cells.querySelectorAll(`.cleaner-card${kind}`).length);
      if (all > 0 && all === drawn) done();
    };
    const watcher = new MutationObserver(look);
    const done = () => {
      window.clearTimeout(late);
      watcher.disconnect();
      this.leave();
    };
    watcher.observe(document, { childList: true, subtree: true, attributes: true, attributeFilter: ["class"] });
    look();
  }

  leave() {
    for (const close of this.closers) close();
    this.el.remove();
  }
}

const cleaner_front = new Front();
