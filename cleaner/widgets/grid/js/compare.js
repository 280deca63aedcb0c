// Beside the large picture, on demand: what each class in question is said to be, and a few typical pictures of it.

/**
 * @typedef {{label: string, text: string, pictures: {name: string, confirmed: boolean}[]}} SideData
 * @typedef {{
 *   ask: (name: string, labels: string[]) => string, describe: (label: string, text: string) => string,
 *   can_save: () => boolean
 * }} CompareHost both send a message, and return its id
 */

/**
 * @param {Card} card
 * @returns {{label: string, role: string}[]} the classes between which one decides, each once
 */
function classes_in_question(card) {
  const { cell, decision } = card;
  const roles = /** @type {Map<string, string[]>} */ (new Map());
  const add = (/** @type {string | null | undefined} */ label, /** @type {string} */ role) => {
    if (label !== null && label !== undefined) roles.set(label, [...(roles.get(label) ?? []), role]);
  };
  add(cell.given, "given label");
  add(cell.suggestion, "suggestion");
  if (decision?.action === "relabel") add(decision.label, "chosen");
  return [...roles].map(([label, each]) => ({ label, role: each.join(", ") }));
}

/** One class: its name, its description, which can be edited, and its pictures. */
class CompareSide {
  /**
   * @param {string} label
   * @param {CompareHost} host
   * @param {Map<string, string>} drafts texts begun and not saved, by class
   */
  constructor(label, host, drafts) {
    this.label = label;
    this.host = host;
    this.drafts = drafts;
    this.saving = "";
    /** @type {SideData | null} */
    this.data = null;
    const id = `cleaner-${make_id()}`;
    this.role = make("span", "cleaner-role");
    this.text = make("p", "cleaner-description");
    this.edit = make_button("", "", () => this.begin(), "is-small");
    this.input = make("textarea", "cleaner-input", { rows: "5", "aria-label": `Description of ${label}` });
    this.complaint = make("p", "cleaner-complaint", { role: "alert" });
    this.save_button = make_button("Save", MAC ? "⌘ ↵" : "Ctrl ↵", () => this.save(), "is-small");
    this.leave_button = make_button("Cancel", "Esc", () => this.leave(), "is-small");
    this.state = make("span", "cleaner-hint", { role: "status" });
    this.form = make("div", "cleaner-describe", {}, this.input, this.complaint,
      make("div", "cleaner-buttons", {}, this.save_button, this.leave_button, this.state));
    this.form.hidden = true;
    this.form.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => this.on_key(event));
    this.pictures = make("div", "cleaner-typical");
    this.el = make("section", "cleaner-compared", { "aria-labelledby": id },
      make("h3", "", { id }, make("b", "", {}, label), " ", this.role), this.text, this.edit, this.form, this.pictures);
  }

  /** @param {string} role @param {boolean} waiting */
  draw(role, waiting) {
    this.role.textContent = role;
    const editing = !this.form.hidden;
    const text = this.data?.text ?? "";
    this.text.hidden = editing || !text;
    this.text.textContent = text;
    this.edit.hidden = editing || this.data === null;
    const fresh = text ? "Change the description …" : "Describe this class …";
    this.edit.firstChild.textContent = this.drafts.has(this.label) ? "Finish the description …" : fresh;
    enable(this.save_button, !this.saving);
    this.state.textContent = this.saving ? "saving …" : "";
    this.el.setAttribute("aria-busy", String(waiting));
  }

  /** @param {Map<string, string>} urls of the pictures, by name */
  draw_pictures(urls) {
    const shown = (this.data?.pictures ?? []).filter(({ name }) => urls.has(name));
    this.pictures.replaceChildren(...shown.map(({ name, confirmed }) => {
      const image = make("img", "", { alt: `typical ${this.label}: ${name}`, title: name, decoding: "async", draggable: "false" });
      image.src = urls.get(name);
      const caption = confirmed ? [] : [make("figcaption", "", {}, "not confirmed yet")];
      return make("figure", confirmed ? "" : "is-likely", {}, image, ...caption);
    }));
    if (!shown.length) {
      const waiting = this.el.getAttribute("aria-busy") === "true" ? "Loading …" : "";
      const why = this.data ? "No typical picture yet: none other is confirmed in this class." : waiting;
      this.pictures.append(make("p", "cleaner-hint", {}, why));
    }
  }

  // ---- the description

  begin() {
    this.input.value = this.drafts.get(this.label) ?? this.data?.text ?? "";
    this.complaint.textContent = "";
    this.form.hidden = false;
    this.draw(this.role.textContent, false);
    this.input.focus();
  }

  leave() {
    this.drafts.delete(this.label);
    this.end();
  }

  end() {
    const inside = this.form.contains(document.activeElement);
    this.form.hidden = true;
    this.draw(this.role.textContent, false);
    if (inside) this.edit.focus();
  }

  save() {
    if (this.saving || !this.host.can_save()) return;
    this.complaint.textContent = "";
    this.drafts.set(this.label, this.input.value);
    this.saving = this.host.describe(this.label, this.input.value);
    this.draw(this.role.textContent, false);
  }

  /** Keep what was typed, as far as it is not saved. */
  put_aside() {
    if (!this.form.hidden && this.input.value.trim() !== (this.data?.text ?? "")) this.drafts.set(this.label, this.input.value);
  }

  /** @param {any} message saved or refused */
  on_answer(message) {
    this.saving = "";
    if (message.kind === "refused") {
      this.complaint.textContent = message.message;
      this.draw(this.role.textContent, false);
    } else {
      // Only what was sent is saved; more may have been typed since.
      const { text } = message.asked;
      if (this.data) this.data.text = text.trim();
      if (this.input.value === text) this.end();
      else this.draw(this.role.textContent, false);
    }
  }

  /** @param {KeyboardEvent} event */
  on_key(event) {
    if (event.isComposing) return;
    if (event.key === "Escape") this.leave();
    else if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) this.save();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }
}

class Compare {
  /** @param {CompareHost} host */
  constructor(host) {
    this.host = host;
    this.open = false;
    this.asked = this.key = "";
    /** @type {Card | undefined} */
    this.card = undefined;
    /** @type {Map<string, CompareSide>} */
    this.sides = new Map();
    /** @type {Map<string, string>} */
    this.urls = new Map();
    /** @type {Map<string, string>} */
    this.drafts = new Map();
    this.hint = make("p", "cleaner-hint", { role: "status" });
    this.el = make("section", "cleaner-compare", { id: `cleaner-${make_id()}`, "aria-label": "Compare the classes" }, this.hint);
    this.el.hidden = true;
    this.button = make_button("Compare", "c", () => this.toggle(), "is-small");
    this.button.setAttribute("aria-keyshortcuts", "c");
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

  /** Follow the picture in view, and what is decided on it. @param {Card} card */
  show(card) {
    this.card = card;
    if (!this.open) return;
    const wanted = classes_in_question(card);
    const key = JSON.stringify([card.cell.name, wanted]);
    if (key === this.key) return;
    this.key = key;
    this.hint.textContent = wanted.length ? "" : "This picture has neither a label nor a suggestion to compare.";
    this.keep_sides(wanted.map(({ label }) => label));
    this.ask();
    wanted.forEach(({ label, role }, i) => {
      const side = /** @type {CompareSide} */ (this.sides.get(label));
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
      if (!this.sides.has(label)) this.sides.set(label, new CompareSide(label, this.host, this.drafts));
    }
    this.drop_urls();
  }

  /** Ask for the sides; an answer to an earlier question no longer counts. */
  ask() {
    const labels = [...this.sides.keys()];
    this.asked = this.open && this.card && labels.length ? this.host.ask(this.card.cell.name, labels) : "";
  }

  /**
   * @param {{id: string, sides: SideData[], problem: string, late?: boolean}} message late: something else was asked since
   * @param {DataView[]} buffers the pictures of all sides
   */
  receive({ id, sides, problem, late }, buffers) {
    if (!this.open || !this.asked || id !== this.asked) return;
    if (late) return this.ask();
    this.asked = "";
    if (problem) this.hint.textContent = `Cannot be shown: ${problem}`;
    const names = sides.flatMap((data) => data.pictures.map(({ name }) => name));
    names.forEach((name, i) => {
      const picture = new Blob([/** @type {any} */ (buffers[i])], { type: "image/jpeg" });
      if (!this.urls.has(name)) this.urls.set(name, URL.createObjectURL(picture));
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

  /** Free the pictures that no side shows. */
  drop_urls() {
    const shown = new Set([...this.sides.values()].flatMap((side) => side.data?.pictures ?? []).map(({ name }) => name));
    for (const [name, url] of this.urls) {
      if (shown.has(name)) continue;
      URL.revokeObjectURL(url);
      this.urls.delete(name);
    }
  }

  /** @param {any} message saved or refused @returns {boolean} whether it is seen here */
  on_answer(message) {
    if (message.kind === "saved" && this.drafts.get(message.asked.label) === message.asked.text) {
      this.drafts.delete(message.asked.label);
    }
    const side = [...this.sides.values()].find((each) => each.saving === message.id);
    side?.on_answer(message);
    return side !== undefined;
  }

  /** The large view is closed, or this is: keep no picture. */
  forget() {
    this.asked = this.key = "";
    this.keep_sides([]);
  }
}
