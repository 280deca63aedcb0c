// The keyboard: which key asks for which act, and which one moves.

class Keys {
  /** @param {View} view */
  constructor(view) {
    this.view = view;
  }

  /** @param {KeyboardEvent} event */
  on_key(event) {
    if (event.defaultPrevented || event.isComposing || takes_keys(event.target)) return;
    const on_button = event.target instanceof Element && event.target.closest("button");
    if (on_button && (event.key === "Enter" || event.key === " ") && !event.ctrlKey && !event.metaKey) return;
    if (this.act_key(event) || this.move_key(event)) event.preventDefault();
  }

  /** @param {KeyboardEvent} event @returns {boolean} whether the key was an act; the large view uses it too */
  act_key(event) {
    const ctrl = event.ctrlKey || event.metaKey;
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    if (event.altKey) return false;
    const act = ctrl ? this.ctrl_act(key, event.shiftKey) : this.plain_act(key, event);
    // Holding a key down must not run through the page.
    if (act && !event.repeat) act();
    return act !== undefined;
  }

  /**
   * @param {string} key
   * @param {boolean} shift
   * @returns {(() => void) | undefined}
   */
  ctrl_act(key, shift) {
    if (key === "Enter") return () => (this.view.large.open ? undefined : this.view.confirm());
    return key === "z" && !shift ? () => this.view.undo() : undefined;
  }

  /**
   * @param {string} key
   * @param {KeyboardEvent} event
   * @returns {(() => void) | undefined}
   */
  plain_act(key, event) {
    if (key === "?") return () => this.view.help.showModal();
    if (key === "u" || key === "Backspace") return () => this.view.undo();
    if (key === "x" || key === "Delete") return () => this.view.decide("delete");
    if (!this.view.reviewing) return undefined;
    if (key === "k" || key === "a") return () => this.view.decide("keep");
    if (key === "s") return () => this.view.decide("unsure");
    if (key === "l") return () => this.view.alike();
    if (this.view.purpose === PURPOSES.copies && key === "o") return () => this.view.decide("only");
    if (this.view.purpose === PURPOSES.copies && key === "n") return () => this.view.decide("different");
    if (key === "y") return () => this.view.decide("suggest");
    if (key === "/") return () => this.view.type_class();
    if (key === ".") return () => this.view.toggle_likelihood();
    // On some keyboards the digits need Shift; the key itself still is the digit's.
    const plain = !event.shiftKey && /^Digit\d$/.test(event.code) ? event.code[5] : "";
    const index = DIGITS.indexOf(DIGITS.includes(key) ? key : plain);
    return index < 0 ? undefined : () => this.relabel_by_digit(index);
  }

  /** @param {number} index */
  relabel_by_digit(index) {
    const label = this.view.legend[index];
    if (label === undefined) this.view.say(`No class has the number ${DIGITS[index]}.`);
    else this.view.decide("relabel", label);
  }

  /** @param {KeyboardEvent} event @returns {boolean} */
  move_key(event) {
    const ctrl = event.ctrlKey || event.metaKey;
    const { key } = event;
    if (event.altKey) return false;
    if (ctrl && key.toLowerCase() === "a") this.view.cards.select_all(true);
    else if (/^Arrow/.test(key) && !ctrl) this.view.cards.move(this.view.cards.target_of(key), { extend: event.shiftKey });
    else if (key === "Home" || key === "End") this.view.cards.move(this.view.cards.target_of(key, ctrl), { extend: event.shiftKey });
    else if (ctrl) return false;
    else if (key === "PageUp" || key === "PageDown") this.view.turn(key === "PageUp" ? -1 : 1);
    else if (key === " ") this.view.cards.current && this.view.cards.toggle(this.view.cards.current);
    else if (key === "Enter") this.view.enlarge();
    else if (key === "Escape" && this.view.cards.selected.length) this.view.cards.select_all(false);
    else return false;
    return true;
  }
}
