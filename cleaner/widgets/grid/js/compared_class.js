// One of the classes that are compared: its name, its description, which can be edited, and typical images of it.

import { CTRL, enable, make, make_button, make_id, set_text } from "./elements.js";

/**
 * @import { RefusedMessage, SavedMessage, Side } from "./protocol.js"
 * @import { CompareHost } from "./compare.js"
 * @import { Say } from "./words.js"
 */

export class ComparedClass {
  /**
   * @param {string} label
   * @param {CompareHost} host
   * @param {Map<string, string>} drafts texts begun and not saved, by class
   * @param {Say} say
   */
  constructor(label, host, drafts, say) {
    this.label = label;
    this.say = say;
    this.host = host;
    this.drafts = drafts;
    this.saving = "";
    /** @type {Side | null} */
    this.data = null;
    const id = `cleaner-${make_id()}`;
    this.role = make("span", "cleaner-role");
    this.text = make("p", "cleaner-description");
    this.edit = make_button("", "", () => this.begin(), "is-small");
    this.input = make("textarea", "cleaner-input", { rows: "5", "aria-label": say("grid.description_of", { label }) });
    this.complaint = make("p", "cleaner-complaint", { role: "alert" });
    this.save_button = make_button(say("grid.save"), `${CTRL} ↵`, () => this.save(), "is-small");
    this.leave_button = make_button(say("grid.cancel"), "Esc", () => this.leave(), "is-small");
    this.state = make("span", "cleaner-hint", { role: "status" });
    this.form = make("div", "cleaner-describe", {}, this.input, this.complaint,
      make("div", "cleaner-buttons", {}, this.save_button, this.leave_button, this.state));
    this.form.hidden = true;
    this.form.addEventListener("keydown", (event) => this.on_key(event));
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
    const fresh = text ? "grid.change_description" : "grid.describe_class";
    set_text(this.edit, this.say(this.drafts.has(this.label) ? "grid.finish_description" : fresh));
    enable(this.save_button, !this.saving);
    this.state.textContent = this.saving ? this.say("grid.saving") : "";
    this.el.setAttribute("aria-busy", String(waiting));
  }

  /** @param {Map<string, string>} urls of the images, by name */
  draw_pictures(urls) {
    const shown = (this.data?.pictures ?? []).filter(({ name }) => urls.has(name));
    this.pictures.replaceChildren(...shown.map(({ name, confirmed }) => {
      const image = make("img", "", { alt: this.say("grid.typical", { label: this.label, name }), title: name, decoding: "async", draggable: "false" });
      image.src = urls.get(name) ?? "";
      const caption = confirmed ? [] : [make("figcaption", "", {}, this.say("grid.unconfirmed"))];
      return make("figure", confirmed ? "" : "is-likely", {}, image, ...caption);
    }));
    if (!shown.length) {
      const waiting = this.el.getAttribute("aria-busy") === "true" ? this.say("grid.loading") : "";
      const why = this.data ? this.say("grid.none_typical") : waiting;
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

  /**
   * @param {SavedMessage | RefusedMessage} message
   * @param {string} text that was sent
   */
  on_answer(message, text) {
    this.saving = "";
    if (message.kind === "refused") {
      this.complaint.textContent = message.reason;
      this.draw(this.role.textContent, false);
    } else {
      // Only what was sent is saved; more may have been typed since.
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
