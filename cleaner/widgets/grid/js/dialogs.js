// Two small dialogs: the list of keys, and choosing a class by typing.

/**
 * A modal dialog inside the widget; Esc closes it and gives the focus back.
 * @param {string} label
 * @param {string} classes
 */
function make_dialog(label, classes) {
  const dialog = make("dialog", `cleaner-dialog ${classes}`, { "aria-label": label });
  dialog.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => trap_tab(dialog, event));
  dialog.addEventListener("mousedown", (/** @type {MouseEvent} */ event) => {
    if (event.target === dialog) dialog.close();
  });
  return /** @type {HTMLDialogElement} */ (dialog);
}

/**
 * @param {boolean} with_classes
 * @param {string} unmarks what a second x does, when there are no classes
 */
function make_help(with_classes, unmarks) {
  const dialog = make_dialog("Keys", "cleaner-help");
  const rows = (/** @type {[string, string][]} */ pairs) => pairs.map(([keys, text]) =>
    make("tr", "", {}, make("th", "", { scope: "row" }, make("kbd", "", {}, keys)), make("td", "", {}, text)));
  const shown = KEYS.filter(([, , classes]) => with_classes || !classes);
  const page = /** @type {[string, string][]} */ (shown.map(([keys, text]) =>
    [keys, !with_classes && text === "delete" ? unmarks : text]));
  const close = make_button("Close", "Esc", () => dialog.close());
  dialog.append(make("div", "cleaner-sheet", {},
    make("h2", "", {}, "Keys"),
    make("p", "", {}, "They act on what is selected, or else on the picture in focus."),
    make("table", "", {}, make("tbody", "", {}, ...rows(page))),
    make("h3", "", {}, "In the large view, also"),
    make("table", "", {}, make("tbody", "", {}, ...rows(LARGE_KEYS.filter(([keys]) => with_classes || keys !== "c")))),
    make("div", "cleaner-buttons", {}, close)));
  dialog.addEventListener("keydown", (event) => {
    if (event.key === "?") dialog.close();
    event.stopPropagation();
  });
  return dialog;
}

/** Type to find a class; a name that is none yet can become one, after a choice that says so. */
class ClassChooser {
  /** @param {(label: string, is_new: boolean) => void} on_choose */
  constructor(on_choose) {
    this.on_choose = on_choose;
    /** @type {string[]} */
    this.classes = [];
    /** @type {{label: string, is_new: boolean}[]} */
    this.options = [];
    this.active = -1;
    const list_id = `cleaner-${make_id()}`;
    this.input = make("input", "cleaner-input", {
      type: "text", role: "combobox", "aria-label": "Class", "aria-expanded": "true", "aria-autocomplete": "list",
      "aria-controls": list_id, autocomplete: "off", spellcheck: "false", placeholder: "Type a class",
    });
    this.list = make("div", "cleaner-options", { role: "listbox", id: list_id, "aria-label": "Classes" });
    this.hint = make("p", "cleaner-hint", { "aria-live": "polite" });
    this.el = make_dialog("Relabel to a class", "cleaner-chooser");
    const cancel = make_button("Cancel", "Esc", () => this.el.close());
    this.el.append(make("div", "cleaner-sheet", {},
      make("h2", "", {}, "Relabel to"), this.input, this.list, this.hint, make("div", "cleaner-buttons", {}, cancel)));
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
    this.options = found.slice(0, 200).map((label) => ({ label, is_new: false }));
    const known = this.classes.some((label) => label === typed);
    if (typed && !known) this.options.push({ label: typed, is_new: true });
    // A new class is never chosen by Enter alone: a slip of the finger must not make one.
    this.active = found.length ? 0 : -1;
    this.hint.textContent = found.length || !typed ? "" :
      `No class is called “${typed}”. To make it, press ↓ and then Enter, or click on it.`;
    this.draw();
  }

  draw() {
    this.list.replaceChildren(...this.options.map((option, i) => {
      const text = option.is_new ? `Make new class “${option.label}” …` : option.label;
      const el = make("div", `cleaner-option${option.is_new ? " is-new" : ""}`, {
        role: "option", id: `${this.list.id}-${i}`, "aria-selected": String(i === this.active),
      }, text);
      el.addEventListener("mousedown", (/** @type {MouseEvent} */ event) => event.preventDefault());
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
