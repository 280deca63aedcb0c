// A panel: draws the tree that Python describes, and tells Python what is clicked, chosen and typed there.

import { Matrices } from "./matrix.js";
import { Sliders } from "./slider.js";
import { Drawing } from "./tree.js";

/**
 * @import { Tree } from "./tree.js"
 * @typedef {{kind: "do", name: string, value: string} | {kind: "file", name: string, value: string}} PanelMessage
 * @typedef {{kind: "save", name: string}} SaveMessage
 * @typedef {{
 *   get(name: "tree"): Tree[], get(name: "problem"): string, get(name: "address"): Record<string, string>,
 *   on(event: string, listener: Listener): void, off(event: string, listener: Listener): void,
 *   send(message: PanelMessage, callbacks?: unknown, buffers?: ArrayBuffer[]): void
 * }} Model
 * @typedef {(message?: any, buffers?: DataView[]) => void} Listener
 */

const TYPING_MS = 200;
const MOST_BYTES = 8e6; // the server takes messages of 10 MB
const KEPT_MS = 60_000;

/** Tabs: one tab stop, arrows walk and choose. @param {KeyboardEvent} event */
function on_tab_key(event) {
  if (!(event.target instanceof HTMLElement)) return;
  const list = event.target.closest("[role=tablist]");
  if (!list) return;
  const tabs = /** @type {HTMLElement[]} */ ([...list.querySelectorAll("[role=tab]")]);
  const at = tabs.indexOf(event.target);
  const steps = { ArrowUp: at - 1, ArrowLeft: at - 1, ArrowDown: at + 1, ArrowRight: at + 1, Home: 0, End: tabs.length - 1 };
  const to = /** @type {Record<string, number>} */ (steps)[event.key];
  if (at < 0 || to === undefined) return;
  event.preventDefault();
  const tab = tabs[(to + tabs.length) % tabs.length];
  tab.focus();
  tab.click();
}

class PanelView {
  /**
   * @param {Model} model
   * @param {HTMLElement} el
   */
  constructor(model, el) {
    this.model = model;
    this.typing = 0;
    this.pressed = false; // what was asked for here is saved here, and not where the panel is shown as well
    this.root = document.createElement("div");
    this.root.className = "cleaner-panel";
    this.root.dataset.lmSuppressShortcuts = "true";
    this.problem = document.createElement("div");
    this.problem.className = "cleaner-problem";
    this.problem.setAttribute("role", "alert");
    const body = document.createElement("div");
    this.root.append(this.problem, body);
    el.append(this.root);
    this.listen();
    this.matrices = new Matrices(this.root);
    this.sliders = new Sliders(this.root, (slider) => this.send(slider, slider.value));
    this.drawing = new Drawing(body, (element, value) => this.sliders.keeps(element, value));
    /** @param {SaveMessage} message @param {DataView[]} [buffers] */
    this.on_custom = (message, buffers = []) => this.on_message(message, buffers);
    model.on("msg:custom", this.on_custom);
    this.watched = /** @type {[string, () => void][]} */ ([
      ["change:tree", () => this.draw()], ["change:problem", () => this.draw_problem()],
      ["change:address", () => this.set_address()],
    ]);
    for (const [event, listener] of this.watched) {
      model.on(event, listener);
      listener();
    }
  }

  listen() {
    const { root } = this;
    root.addEventListener("click", (event) => this.on_click(event));
    root.addEventListener("input", (event) => this.on_input(event));
    root.addEventListener("change", (event) => this.on_change(event));
    root.addEventListener("keydown", on_tab_key);
    root.addEventListener("keydown", (event) => this.on_key(event));
    // JupyterLab tries its shortcuts on the element in focus before it looks at what that is in; so each needs the mark.
    root.addEventListener("focusin", (event) => {
      if (event.target instanceof HTMLElement) event.target.dataset.lmSuppressShortcuts = "true";
    });
  }

  close() {
    window.clearTimeout(this.typing);
    this.model.off("msg:custom", this.on_custom);
    for (const [event, listener] of this.watched) this.model.off(event, listener);
    this.sliders.send_move();
    this.root.remove();
  }

  // ---- what Python says

  draw() {
    const focused = document.activeElement;
    const inside = this.root.contains(focused);
    this.drawing.draw(this.model.get("tree"));
    this.sliders.draw();
    this.matrices.draw();
    // What was moved loses the focus.
    if (inside && focused !== document.activeElement && focused instanceof HTMLElement) focused.focus();
    const lost = !this.root.contains(focused) || focused?.matches(":disabled, [hidden], [hidden] *");
    if (inside && lost) this.hand_focus_on();
  }

  /** A button that was pressed and is gone hands the focus on, so that the keyboard user is not sent to the top. */
  hand_focus_on() {
    const heirs = /** @type {HTMLElement[]} */ ([...this.root.querySelectorAll("[data-heir]:not(:disabled)")]);
    const heir = heirs.find((one) => !one.closest("[hidden]"));
    heir?.focus();
    if (heir instanceof HTMLInputElement && heir.type === "text") heir.select();
  }

  draw_problem() {
    this.problem.textContent = this.model.get("problem");
    this.problem.hidden = !this.model.get("problem");
  }

  set_address() {
    const wanted = this.model.get("address");
    if (!wanted || !document.body.classList.contains("cleaner-page")) return;
    const url = new URL(window.location.href);
    for (const [name, value] of Object.entries(wanted)) {
      if (value) url.searchParams.set(name, value);
      else url.searchParams.delete(name);
    }
    window.history.replaceState(null, "", url);
  }

  /** Save a file that was asked for. @param {SaveMessage} message @param {DataView[]} buffers */
  on_message(message, buffers) {
    if (message?.kind !== "save" || !this.pressed) return;
    this.pressed = false;
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([/** @type {any} */ (buffers[0])]));
    link.download = message.name;
    link.click();
    window.setTimeout(() => URL.revokeObjectURL(link.href), KEPT_MS);
  }

  // ---- what the user does

  /** @param {HTMLElement | null} from @param {string} [value] */
  send(from, value) {
    const name = from?.dataset.do;
    if (name) this.model.send({ kind: "do", name, value: value ?? from.dataset.value ?? "" });
  }

  /** @param {Event} event */
  on_click({ target }) {
    const from = target instanceof Element ? target.closest("button[data-do]") : null;
    if (!(from instanceof HTMLElement)) return;
    this.pressed = true;
    const field = from.dataset.from; // a button that stands for a field sends what is in that
    const fields = /** @type {HTMLInputElement[]} */ ([...this.root.querySelectorAll("[data-field]")]);
    this.send(from, field === undefined ? undefined : fields.find((one) => one.dataset.field === field)?.value);
  }

  /** @param {Event} event */
  on_input({ target }) {
    if (!(target instanceof HTMLInputElement) || !target.dataset.typed) return;
    const name = target.dataset.typed;
    window.clearTimeout(this.typing);
    this.typing = window.setTimeout(() => this.model.send({ kind: "do", name, value: target.value }), TYPING_MS);
  }

  /** @param {Event} event */
  on_change({ target }) {
    if (target instanceof HTMLInputElement && target.type === "file") {
      this.send_file(target);
      return;
    }
    const chooses = target instanceof HTMLSelectElement || (target instanceof HTMLInputElement && target.type !== "range");
    if (chooses) this.send(target, target.value);
  }

  /** @param {HTMLInputElement} field */
  async send_file(field) {
    const [file] = field.files ?? [];
    const name = field.dataset.do;
    if (!file || !name) return;
    const buffers = file.size > MOST_BYTES ? [] : [await file.arrayBuffer()];
    field.value = ""; // so that the same file can be chosen again
    this.model.send({ kind: "file", name, value: file.name }, undefined, buffers);
  }

  /** Enter in a field does what its button does, Escape leaves it. @param {KeyboardEvent} event */
  on_key(event) {
    const { target } = event;
    if (event.isComposing || !(target instanceof HTMLElement)) return;
    if (event.key === "Enter" && target instanceof HTMLInputElement && target.dataset.enter) {
      event.preventDefault();
      this.model.send({ kind: "do", name: target.dataset.enter, value: target.value });
    } else if (event.key === "Escape") {
      const left = target.closest("[data-escape]");
      if (!(left instanceof HTMLElement)) return;
      event.preventDefault();
      this.model.send({ kind: "do", name: left.dataset.escape ?? "", value: "" });
    }
  }
}

/** @param {{model: Model, el: HTMLElement}} context */
function render({ model, el }) {
  const view = new PanelView(model, el);
  return () => view.close();
}

export default { render };
