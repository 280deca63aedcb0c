// One picture, large: zoom, pan, contrast and brightness for the eye only; the keys of the page decide here too.

const ZOOM_STEP = 1.25;

class Large {
  /**
   * @param {{
   *   cards: Cards, actions: HTMLElement,
   *   compare: Compare | null, ask: (name: string, full: boolean) => void, on_key: (event: KeyboardEvent) => boolean
   * }} host
   */
  constructor(host) {
    this.host = host;
    this.index = 0;
    this.asked = "";
    /** @type {Map<string, {url: string, full: boolean, width: number, height: number}>} this picture and its neighbours */
    this.pictures = new Map();
    this.zoom = 1;
    this.x = this.y = 0;
    this.image = make("img", "", { alt: "", draggable: "false" });
    this.wait = make("span", "cleaner-wait");
    this.stage = make("div", "cleaner-stage", { tabindex: "0", role: "img" }, this.image, this.wait);
    this.facts = make("dl", "cleaner-facts");
    this.place = make("p", "cleaner-place", { role: "status" });
    this.alerts = make("div", "cleaner-alerts", { role: "alert" });
    this.zoom_text = make("span", "cleaner-zoom");
    this.el = make_dialog("Large view", "cleaner-large");
    this.el.append(this.draw_frame());
    this.el.addEventListener("keydown", (event) => this.on_key(event));
    this.el.addEventListener("close", () => this.on_close());
    this.listen_to_stage();
    this.observer = new ResizeObserver(() => requestAnimationFrame(() => this.place_image()));
    this.observer.observe(this.stage);
  }

  draw_frame() {
    const slider = (/** @type {string} */ text) => {
      const input = make("input", "", { type: "range", min: "30", max: "300", value: "100" });
      input.addEventListener("input", () => this.draw_light());
      return { input, label: make("label", "cleaner-slider", {}, text, input) };
    };
    this.bright = slider("Brightness");
    this.contrast = slider("Contrast");
    const step = (/** @type {string} */ text, /** @type {string} */ key, /** @type {() => void} */ act) =>
      make_button(text, key, act, "is-small");
    const zoom = make("div", "cleaner-buttons", {},
      step("Smaller", "−", () => this.zoom_by(1 / ZOOM_STEP)), step("Larger", "+", () => this.zoom_by(ZOOM_STEP)),
      step("Fit", "f", () => this.fit()), this.zoom_text);
    const light = make("div", "cleaner-light", {}, this.bright.label, this.contrast.label,
      step("As it is", "", () => this.reset_light()), make("p", "cleaner-hint", {}, "For the eye only: the file stays as it is."));
    const walk = make("div", "cleaner-buttons", {},
      step("Previous", "←", () => this.go(this.index - 1)), step("Next", "→", () => this.go(this.index + 1)),
      make_button("Close", "Esc", () => this.el.close(), "is-small is-end"));
    const { compare } = this.host;
    const where = make("div", "cleaner-where", {}, walk, make("div", "cleaner-buttons", {}, this.place, ...(compare ? [compare.button] : [])));
    const side = make("div", "cleaner-side", {}, where, ...(compare ? [compare.el] : []), make("div", "", {}, this.facts, zoom, light));
    return make("div", "cleaner-sheet", {}, this.alerts, this.stage, side, this.host.actions);
  }

  close() {
    this.observer.disconnect();
    if (this.el.open) this.el.close();
    this.forget([]);
    this.host.compare?.forget();
  }

  get open() {
    return this.el.open;
  }

  /** @returns {Card | undefined} */
  get card() {
    return this.host.cards.list[this.index];
  }

  /** @param {number} index */
  show(index) {
    this.index = index;
    if (!this.el.open) {
      this.reset_light();
      this.el.showModal();
      this.stage.focus();
    }
    this.host.cards.move(index, { focus: false });
    this.asked = "";
    this.fit();
    this.load();
    this.draw();
  }

  /** @param {number} index */
  go(index) {
    if (index >= 0 && index < this.host.cards.list.length) this.show(index);
    else this.say(index < 0 ? "This is the first picture of the page." : "This is the last picture of the page.");
  }

  on_close() {
    this.forget([]);
    this.host.compare?.forget();
    // The browser has given the focus back to where it was before; the picture looked at last is where we are.
    this.host.cards.move(this.index);
  }

  /** Show the best picture at hand, ask for what is missing, and for the next one. */
  load() {
    const list = this.host.cards.list;
    const near = [this.index, this.index + 1, this.index - 1].filter((i) => list[i]).map((i) => list[i].cell.name);
    this.forget(near);
    const card = this.card;
    if (!card) return;
    for (const name of near.slice(0, 2)) {
      if (!this.pictures.has(name) && !this.host.cards.find(name)?.cell.problem) this.host.ask(name, false);
    }
    this.draw_picture();
  }

  draw_picture() {
    const card = this.card;
    if (!card) return;
    const picture = this.pictures.get(card.cell.name);
    const url = picture?.url ?? this.host.cards.urls.get(card.cell.name);
    this.wait.textContent = card.cell.problem ? `Cannot be shown: ${card.cell.problem}` : picture ? "" : "Loading …";
    this.image.hidden = !url || Boolean(card.cell.problem);
    if (!url) return;
    this.image.onload = () => {
      this.place_image();
      if (this.zoom > 1) this.ask_full_size(); // somebody was quicker than the picture
    };
    if (this.image.src !== url) this.image.src = url;
    this.place_image();
  }

  /** @param {string[]} names the only ones to keep */
  forget(names) {
    for (const [name, picture] of this.pictures) {
      if (names.includes(name)) continue;
      URL.revokeObjectURL(picture.url);
      this.pictures.delete(name);
    }
  }

  /**
   * @param {any} message
   * @param {DataView[]} buffers
   */
  receive(message, buffers) {
    const list = this.host.cards.list;
    const near = [this.index - 1, this.index, this.index + 1].some((i) => list[i]?.cell.name === message.name);
    if (!this.el.open || !near) return;
    if (message.problem) {
      if (this.card?.cell.name === message.name) this.wait.textContent = `Cannot be shown: ${message.problem}`;
      return;
    }
    const old = this.pictures.get(message.name);
    if (old?.full && !message.full) return;
    const url = URL.createObjectURL(new Blob([/** @type {any} */ (buffers[0])], { type: message.type }));
    this.pictures.set(message.name, { url, full: message.full, width: message.width, height: message.height });
    if (this.card?.cell.name === message.name) {
      this.draw_picture();
      this.draw();
    }
    if (old) URL.revokeObjectURL(old.url);
  }

  draw() {
    const card = this.card;
    if (!card) return;
    const { cell, decision } = card;
    const facts = /** @type {[string, string][]} */ ([["File", cell.name]]);
    if (cell.given !== null) facts.push(["Given label", cell.given]);
    if (cell.suggestion !== null) {
      facts.push(["Suggestion", cell.suggestion + (cell.probability === null ? "" : ` ${percent(cell.probability)}`)]);
    }
    if (cell.loss !== null) facts.push(["Loss", cell.loss.toFixed(2)]);
    const picture = this.pictures.get(cell.name);
    if (picture?.width) facts.push(["Size", `${picture.width} × ${picture.height} pixels`]);
    facts.push(...cell.facts, ...cell.notes.map((note) => /** @type {[string, string]} */ (["Note", note])));
    const by = decision?.reviewer ? ` (${decision.reviewer})` : "";
    facts.push(["Decision", decision ? badge_text(decision) + (card.saving ? ", saving" : by) : "none yet"]);
    this.facts.replaceChildren(...facts.flatMap(([term, text]) => [make("dt", "", {}, term), make("dd", "", {}, text)]));
    this.el.dataset.decision = decision?.action ?? "";
    this.host.compare?.show(card);
    this.stage.setAttribute("aria-label", spoken_name(card.named(), Boolean(card.saving)));
    this.say(decision ? `${decision_words(decision)[0].toUpperCase()}${decision_words(decision).slice(1)}.` : "");
  }

  /** @param {string} text */
  say(text) {
    const of = `Picture ${this.index + 1} of ${this.host.cards.list.length}`;
    const full = text ? `${of}. ${text}` : of;
    if (this.place.textContent !== full) this.place.textContent = full;
  }

  draw_light() {
    this.image.style.filter = `brightness(${this.bright?.input.value}%) contrast(${this.contrast?.input.value}%)`;
  }

  reset_light() {
    for (const slider of [this.bright, this.contrast]) if (slider) slider.input.value = "100";
    this.image.style.filter = "";
  }

  /** @returns {{width: number, height: number, fit: number}} the original's pixels, and screen pixels for each of them */
  get size() {
    const picture = this.pictures.get(this.card?.cell.name ?? "");
    const width = picture?.width || this.image.naturalWidth || 1;
    const height = (width * this.image.naturalHeight) / this.image.naturalWidth || picture?.height || width;
    return { width, height, fit: Math.min(this.stage.clientWidth / width, this.stage.clientHeight / height) };
  }

  fit() {
    this.zoom = 1;
    this.x = this.y = 0;
    this.place_image();
  }

  /**
   * @param {number} factor
   * @param {number} at_x where the point is that stays, from the middle of the stage
   * @param {number} at_y
   */
  zoom_by(factor, at_x = 0, at_y = 0) {
    const most = Math.max(8, 8 / this.size.fit);
    const zoom = Math.max(1, Math.min(most, this.zoom * factor));
    this.x = at_x - (at_x - this.x) * (zoom / this.zoom);
    this.y = at_y - (at_y - this.y) * (zoom / this.zoom);
    this.zoom = zoom;
    this.place_image();
    this.ask_full_size();
  }

  /** The rendition serves until its pixels would be stretched; then the original is fetched. */
  ask_full_size() {
    const card = this.card;
    const picture = card && this.pictures.get(card.cell.name);
    if (!card || !picture || picture.full || !this.image.naturalWidth) return;
    const shown_px = this.size.width * this.size.fit * this.zoom * (window.devicePixelRatio || 1);
    if (picture.width <= this.image.naturalWidth || shown_px <= this.image.naturalWidth) return;
    this.wait.textContent = "Loading the full size …";
    if (this.asked !== card.cell.name) this.host.ask(card.cell.name, true);
    this.asked = card.cell.name;
  }

  place_image() {
    const { width, height, fit } = this.size;
    const scale = fit * this.zoom;
    const room_x = Math.max(0, (width * scale - this.stage.clientWidth) / 2);
    const room_y = Math.max(0, (height * scale - this.stage.clientHeight) / 2);
    this.x = Math.max(-room_x, Math.min(room_x, this.x));
    this.y = Math.max(-room_y, Math.min(room_y, this.y));
    this.image.style.width = `${width * scale}px`;
    this.image.style.height = `${height * scale}px`;
    this.image.style.transform = `translate(-50%, -50%) translate(${this.x}px, ${this.y}px)`;
    this.image.classList.toggle("is-coarse", scale >= 4);
    this.stage.classList.toggle("can-move", this.zoom > 1);
    this.zoom_text.textContent = `${Math.round(100 * scale)}\u00a0%`;
  }

  listen_to_stage() {
    this.stage.addEventListener("wheel", (/** @type {WheelEvent} */ event) => {
      event.preventDefault();
      const box = this.stage.getBoundingClientRect();
      const at_x = event.clientX - box.left - box.width / 2;
      this.zoom_by(event.deltaY < 0 ? ZOOM_STEP : 1 / ZOOM_STEP, at_x, event.clientY - box.top - box.height / 2);
    }, { passive: false });
    this.stage.addEventListener("dblclick", () => (this.zoom > 1 ? this.fit() : this.zoom_by(Math.max(2, 1 / this.size.fit))));
    this.stage.addEventListener("pointerdown", (/** @type {PointerEvent} */ event) => {
      this.stage.setPointerCapture(event.pointerId);
    });
    this.stage.addEventListener("pointermove", (/** @type {PointerEvent} */ event) => {
      if (!this.stage.hasPointerCapture(event.pointerId)) return;
      this.pan(event.movementX, event.movementY);
    });
  }

  /**
   * @param {number} dx
   * @param {number} dy
   */
  pan(dx, dy) {
    this.x += dx;
    this.y += dy;
    this.place_image();
  }

  /** @param {KeyboardEvent} event */
  on_key(event) {
    event.stopPropagation();
    if (takes_keys(event.target) || event.defaultPrevented) return;
    if (this.own_key(event) || this.host.on_key(event)) event.preventDefault();
  }

  /** @param {KeyboardEvent} event @returns {boolean} whether the key was one of this view */
  own_key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return false;
    const step = { ArrowLeft: [1, 0], ArrowRight: [-1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key];
    if (step && event.shiftKey) this.pan(60 * step[0], 60 * step[1]);
    else if (event.key === "ArrowLeft" || event.key === "ArrowUp") this.go(this.index - 1);
    else if (event.key === "ArrowRight" || event.key === "ArrowDown") this.go(this.index + 1);
    else if (event.key === "+" || event.key === "=") this.zoom_by(ZOOM_STEP);
    else if (event.key === "-") this.zoom_by(1 / ZOOM_STEP);
    else if (event.key === "f") this.fit();
    else if (event.key.toLowerCase() === "c" && this.host.compare) event.repeat || this.host.compare.toggle();
    else if (event.key === "Enter" && event.target === this.stage) this.el.close();
    else return false;
    return true;
  }
}
