// A dialog to find a class by typing. It offers to make a new class if no class has that name.

import { make, make_button, make_dialog, make_id } from "./elements.js";

/** @import { Say } from "./words.js" */

const MOST_OPTIONS = 200;

export class ClassChooser {
  /**
   * @param {Say} say
   * @param {(label: string, is_new: boolean) => void} on_choose
   */
  constructor(say, on_choose) {
    this.say = say;
    this.on_choose = on_choose;
    /** @type {string[]} */
    this.classes = [];
    /** @type {{label: string, is_new: boolean}[]} */
    this.options = [];
    this.active = -1;
    const list_id = `cleaner-${make_id()}`;
    this.input = make("input", "cleaner-input", {
      type: "text", role: "combobox", "aria-label": say("grid.class"), "aria-expanded": "true", "aria-autocomplete": "list",
      "aria-controls": list_id, autocomplete: "off", spellcheck: "false", placeholder: say("grid.type_here"),
    });
    this.list = make("div", "cleaner-options", { role: "listbox", id: list_id, "aria-label": say("grid.classes") });
    this.hint = make("p", "cleaner-hint", { "aria-live": "polite" });
    this.el = make_dialog(say("grid.relabel_dialog"), "cleaner-chooser");
    const cancel = make_button(say("grid.cancel"), "Esc", () => this.el.close());
    this.el.append(make("div", "cleaner-sheet", {},
      make("h2", "", {}, say("grid.relabel_to")), this.input, this.list, this.hint, make("div", "cleaner-buttons", {}, cancel)));
    this.input.addEventListener("input", () => this.search());
    this.el.addEventListener("keydown", (event) => this.on_key(event));
  }

  /** @param {string[]} classes */
  open(classes) {
    this.classes = classes;
    this.input.value = "";
    this.search();
    this.el.showModal();
    this.input.focus();
  }

  search() {
    const typed = this.input.value.trim().replace(/\s+/g, " ");
    const low = typed.toLocaleLowerCase();
    const found = this.classes.filter((label) => label.toLocaleLowerCase().includes(low));
    const rank = (/** @type {string} */ label) => (label.toLocaleLowerCase().startsWith(low) ? 0 : 1);
    found.sort((a, b) => rank(a) - rank(b));
    this.options = found.slice(0, MOST_OPTIONS).map((label) => ({ label, is_new: false }));
    const known = this.classes.some((label) => label === typed);
    if (typed && !known) this.options.push({ label: typed, is_new: true });
    // A new class is never chosen by Enter alone: a slip of the finger must not make one.
    this.active = found.length ? 0 : -1;
    this.hint.textContent = found.length || !typed ? "" : this.say("grid.no_such_class", { label: typed });
    this.draw();
  }

  draw() {
    this.list.replaceChildren(...this.options.map((option, i) => {
      const text = option.is_new ? this.say("grid.make_class", { label: option.label }) : option.label;
      const el = make("div", `cleaner-option${option.is_new ? " is-new" : ""}`, {
        role: "option", id: `${this.list.id}-${i}`, "aria-selected": String(i === this.active),
      }, text);
      el.addEventListener("mousedown", (event) => event.preventDefault());
      el.addEventListener("click", () => this.choose(i));
      return el;
    }));
    if (this.active >= 0) this.input.setAttribute("aria-activedescendant", `${this.list.id}-${this.active}`);
    else this.input.removeAttribute("aria-activedescendant");
    this.list.children[this.active]?.scrollIntoView({ block: "nearest" });
  }

  /** @param {number} index */
  choose(index) {
    const option = this.options[index];
    if (!option) return;
    this.el.close();
    this.on_choose(option.label, option.is_new);
  }

  /** @param {KeyboardEvent} event */
  on_key(event) {
    event.stopPropagation();
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      const step = event.key === "ArrowDown" ? 1 : -1;
      this.active = Math.max(0, Math.min(this.options.length - 1, this.active + step));
      this.draw();
    } else if (event.key === "Enter" && event.target === this.input && !event.isComposing) {
      this.choose(this.active);
    } else {
      return;
    }
    event.preventDefault();
  }
}
