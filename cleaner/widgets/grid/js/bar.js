// The strip of classes and the buttons for every key; once below the cards, once more in the large view.

const MOST_CHIPS = 60;

class Actions {
  /**
   * @param {{
   *   decide: (action: string, label?: string | null) => void, undo: () => void, confirm: () => void, alike: () => void,
   *   enlarge: () => void, help: () => void, type_class: () => void, toggle_likelihood: () => void
   * }} host
   * @param {{with_classes: boolean, in_large_view: boolean}} options
   */
  constructor(host, { with_classes, in_large_view }) {
    this.host = host;
    this.with_classes = with_classes;
    this.drawn = ""; // the legend that is on show
    this.legend = make("div", "cleaner-legend", { role: "toolbar", "aria-label": "Relabel to" });
    this.legend.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => this.on_legend_key(event));
    this.buttons = make("div", "cleaner-buttons");
    this.deciders = /** @type {Record<string, any>} */ ({
      only: make_button("Keep only this", "o", () => host.decide("only")),
      suggest: make_button("As advised", "y", () => host.decide("suggest")),
      different: make_button("Not duplicates", "n", () => host.decide("different")),
      keep: make_button("Keep", "k", () => host.decide("keep")),
      delete: make_button("Delete", "x", () => host.decide("delete"), "is-delete"),
      unsure: make_button("Unsure", "s", () => host.decide("unsure"), "is-unsure"),
      undo: make_button("Undo", "u", () => host.undo()),
    });
    this.buttons.append(...Object.values(this.deciders));
    this.confirm = make_button("", MAC ? "⌘ ↵" : "Ctrl ↵", (event) => {
      // The second click of a double click was meant for the page that is gone.
      if (event.detail < 2) host.confirm();
    }, "is-go");
    this.alike = make_button("", "l", () => host.alike(), "is-alike");
    this.alike.setAttribute("aria-keyshortcuts", "l");
    this.alike.hidden = true;
    this.enlarge = /** @type {HTMLElement | null} */ (null);
    if (!in_large_view) {
      this.enlarge = make_button("Enlarge", "↵", () => host.enlarge());
      this.buttons.append(this.enlarge, make_button("Keys", "?", () => host.help()));
    }
    const key_of = /** @type {Record<string, string>} */ ({
      k: "k", x: "x Delete", s: "s", o: "o", y: "y", n: "n", u: "u Backspace Control+z", "↵": "Enter", "?": "?",
    });
    for (const button of this.buttons.children) {
      const keys = key_of[button.querySelector("kbd")?.textContent ?? ""];
      if (keys) button.setAttribute("aria-keyshortcuts", keys);
    }
    this.confirm.setAttribute("aria-keyshortcuts", "Control+Enter");
    this.el = make("div", "cleaner-actions", {}, ...(with_classes ? [this.legend] : []), this.buttons);
    this.show_purpose(with_classes ? PURPOSES.labels : PURPOSES.files);
  }

  /** @param {Purpose} purpose */
  show_purpose(purpose) {
    for (const [name, button] of Object.entries(this.deciders)) button.hidden = !purpose.acts.includes(name);
    this.confirm.firstChild.textContent = purpose.go;
  }

  /**
   * @param {string[]} classes
   * @param {boolean} suggests whether the page has suggestions; an audit shows none
   * @param {{offered: boolean, on: boolean}} likelihood whether the digits can follow the picture in focus, and do
   */
  show_classes(classes, suggests, likelihood) {
    const drawn = JSON.stringify([classes.slice(0, MOST_CHIPS), classes.length, suggests, likelihood]);
    if (!this.with_classes || drawn === this.drawn) return;
    this.drawn = drawn;
    const focus = this.legend.contains(document.activeElement) ? document.activeElement?.textContent : null;
    const chip = (/** @type {string} */ key, /** @type {string} */ text, /** @type {() => void} */ act) => {
      const button = make_button(text, "", act, "cleaner-chip");
      if (key) button.prepend(make("kbd", "", { "aria-hidden": "true" }, key));
      if (key) button.setAttribute("aria-keyshortcuts", key);
      button.tabIndex = -1;
      return button;
    };
    const chips = classes.slice(0, MOST_CHIPS).map((label, i) => {
      const button = chip(DIGITS[i] ?? "", label, () => this.host.decide("relabel", label));
      button.setAttribute("aria-label", `Relabel to ${label}`);
      return button;
    });
    const suggestion = chip("y", "suggestion", () => this.host.decide("suggest"));
    suggestion.setAttribute("aria-label", "Relabel to the suggestion");
    const rest = classes.length - chips.length;
    const type = chip("/", rest > 0 ? `type one of ${rest} more …` : "type a class …", () => this.host.type_class());
    const by = chip(".", "likeliest first", () => this.host.toggle_likelihood());
    by.setAttribute("aria-pressed", String(likelihood.on));
    by.hidden = !likelihood.offered;
    const shown = suggests ? [suggestion, ...chips] : chips;
    (shown[0] ?? type).tabIndex = 0;
    this.legend.replaceChildren(make("span", "cleaner-caption", { "aria-hidden": "true" }, "Relabel to"),
      make("div", "cleaner-chips", {}, ...shown), by, type);
    // Whoever walks along the strip stays on it.
    const again = focus === null ? null : [...this.legend.querySelectorAll("button")].find((each) => each.textContent === focus);
    again?.focus();
  }

  /** One tab stop; the arrows walk along the strip. @param {KeyboardEvent} event */
  on_legend_key(event) {
    const chips = /** @type {HTMLElement[]} */ ([...this.legend.querySelectorAll("button")]);
    const at = chips.indexOf(/** @type {HTMLElement} */ (event.target));
    const to = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: chips.length - 1 }[event.key];
    if (at < 0 || to === undefined || event.ctrlKey || event.shiftKey) return;
    event.preventDefault();
    const next = chips[Math.max(0, Math.min(chips.length - 1, to))];
    for (const chip of chips) chip.tabIndex = chip === next ? 0 : -1;
    next.focus();
  }

  /**
   * @param {boolean} can_decide
   * @param {boolean} can_undo
   * @param {boolean} can_confirm
   * @param {boolean} has_cards
   */
  enable(can_decide, can_undo, can_confirm, has_cards = true) {
    for (const button of Object.values(this.deciders)) enable(button, can_decide);
    enable(this.deciders.undo, can_undo);
    for (const chip of this.legend.querySelectorAll("button")) enable(chip, can_decide);
    enable(this.confirm, can_confirm);
    if (this.enlarge) enable(this.enlarge, has_cards);
  }
}
