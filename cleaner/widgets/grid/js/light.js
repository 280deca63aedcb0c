// Brightness and contrast of the large image. With 8 bits, the browser changes the picture. With more, the kernel draws
// other values of the file, its window; until that is here, the browser makes do with the picture at hand.

import { make, make_act_button, make_button } from "./elements.js";

/**
 * @import { ChosenWindow, FileWindow, Levels } from "./protocol.js"
 * @import { Say } from "./words.js"
 * @typedef {{center: number, width: number}} Window
 */

const STEPS = 200; // of the sliders of a window
const NARROWEST = 1 / 1024; // of the range of the values
const USUAL = "100"; // per cent

export class Light {
  /**
   * @param {Say} say
   * @param {HTMLImageElement} image
   * @param {() => void} on_window another window is wanted
   */
  constructor(say, image, on_window) {
    this.say = say;
    this.image = image;
    this.on_window = on_window;
    /** What the reviewer wants to see of images of a kind; kept from image to image. @type {ChosenWindow | null} */
    this.chosen = null;
    /** Of the picture that is on show, and of the one that is being loaded; null: it has 8 bits. @type {Levels | null} */
    this.levels = null;
    /** @type {Levels | null} */
    this.coming = null;
    this.bright = make("input", "", { type: "range" });
    this.contrast = make("input", "", { type: "range" });
    for (const input of [this.bright, this.contrast]) input.addEventListener("input", () => this.on_slider());
    this.values = make("p", "cleaner-window");
    this.windows = make("div", "cleaner-buttons cleaner-windows");
    this.el = make("div", "cleaner-light", {},
      make("label", "cleaner-slider", {}, say("grid.brightness"), this.bright),
      make("label", "cleaner-slider", {}, say("grid.contrast"), this.contrast), this.values, this.windows,
      make_act_button(say("grid.reset"), "reset_light", () => this.reset(), "is-small"),
      make("p", "cleaner-hint", {}, say("grid.eye_only")));
    this.show(null);
    this.reset();
  }

  /**
   * @param {Levels | null | undefined} levels of the picture that is shown as soon as it is loaded; undefined: it is a
   *   thumbnail, which most probably is like the picture before, and seen as usual
   */
  show(levels) {
    this.coming = levels === undefined ? this.levels && { ...this.levels, ...this.levels.windows[0] } : levels;
    if (this.image.complete) this.settle();
  }

  /** The picture is on show: what was done to the one before is done. */
  settle() {
    const was_deep = this.levels !== null;
    this.levels = this.coming;
    for (const input of [this.bright, this.contrast]) {
      Object.assign(input, this.levels ? { min: "0", max: `${STEPS}` } : { min: "30", max: "300" });
      if (was_deep && !this.levels) input.value = USUAL;
    }
    const { levels } = this;
    const named = levels && levels.windows.length > 1 ? levels.windows : [];
    this.windows.replaceChildren(...named.map((each, i) => this.make_window(each, i)));
    this.draw();
  }

  /**
   * @param {FileWindow} window
   * @param {number} i
   */
  make_window(window, i) {
    const name = window.name || this.say("grid.window_n", { n: i + 1 });
    const button = make_button(name, "", () => this.choose(window), "is-small");
    button.title = this.words(window);
    return button;
  }

  // ---- the window

  /** @param {Levels} levels of an image @returns {Window} what is to be seen of it */
  wanted(levels) {
    return this.chosen?.kind === levels.kind ? this.chosen : levels.windows[0];
  }

  /** @param {Levels | null} levels of a picture @returns {boolean} whether it shows what is to be seen */
  is_wanted(levels) {
    const wanted = levels && this.wanted(levels);
    return !levels || !wanted || (levels.center === wanted.center && levels.width === wanted.width);
  }

  /** @returns {{dark: number, bright: number, widest: number}} the least and greatest level, and the greatest window */
  get reach() {
    const { low, high, windows } = /** @type {Levels} */ (this.levels);
    const dark = Math.min(low, ...windows.map(({ center, width }) => center - width / 2));
    const bright = Math.max(high, ...windows.map(({ center, width }) => center + width / 2));
    return { dark, bright, widest: 2 * (bright - dark) };
  }

  /** @param {Window} window */
  choose({ center, width }) {
    if (!this.levels) return;
    const { dark, bright, widest } = this.reach;
    this.chosen = {
      kind: this.levels.kind, center: Math.max(dark, Math.min(bright, center)),
      width: Math.max(widest * NARROWEST, Math.min(widest, width)),
    };
    this.draw();
    this.on_window();
  }

  /** @param {Window} window @returns {string} what is seen, in the unit of the file */
  words({ center, width }) {
    const unit = this.levels?.unit ?? "";
    const number = (/** @type {number} */ value) => {
      const digits = Math.max(0, 2 - Math.floor(Math.log10(width || 1)));
      return value.toLocaleString("en", { maximumFractionDigits: Math.min(digits, 12) }) + (unit && `\u00a0${unit}`);
    };
    return this.say("grid.window", { width: number(width), level: number(center) });
  }

  // ---- the controls

  on_slider() {
    if (!this.levels) return this.draw();
    const { dark, bright, widest } = this.reach;
    this.choose({
      center: bright - (Number(this.bright.value) / STEPS) * (bright - dark),
      width: widest * NARROWEST ** (Number(this.contrast.value) / STEPS),
    });
  }

  /**
   * Right drag, as in viewers of medical images: contrast to the right, brightness upwards, a per cent a pixel.
   * @param {number} dx
   * @param {number} dy
   */
  drag(dx, dy) {
    if (this.levels) {
      const { center, width } = this.wanted(this.levels);
      const brighter = this.levels.inverted ? -dy : dy;
      return this.choose({ center: center + (brighter * width) / 200, width: width * 0.99 ** dx });
    }
    for (const [slider, by] of /** @type {[HTMLInputElement, number][]} */ ([[this.contrast, dx], [this.bright, -dy]])) {
      slider.value = `${Number(slider.value) + by}`;
    }
    this.draw();
  }

  reset() {
    this.chosen = null;
    if (this.levels) this.on_window();
    this.reopen();
  }

  /** Show images of 8 bits as usual again; a window stays. */
  reopen() {
    if (!this.levels) this.bright.value = this.contrast.value = USUAL;
    this.draw();
  }

  // ---- drawing

  draw() {
    const { levels } = this;
    this.values.hidden = this.windows.hidden = !levels;
    if (!levels) {
      const plain = this.bright.value === USUAL && this.contrast.value === USUAL;
      this.image.style.filter = plain ? "" : `brightness(${this.bright.value}%) contrast(${this.contrast.value}%)`;
      return;
    }
    const { center, width } = this.wanted(levels);
    const { dark, bright, widest } = this.reach;
    this.bright.value = `${Math.round((STEPS * (bright - center)) / (bright - dark || 1))}`;
    this.contrast.value = `${Math.round((STEPS * Math.log(width / widest)) / Math.log(NARROWEST))}`;
    this.values.textContent = this.words({ center, width });
    this.bright.setAttribute("aria-valuetext", this.values.textContent);
    this.contrast.setAttribute("aria-valuetext", this.values.textContent);
    this.image.style.filter = this.is_wanted(levels) ? "" : preview(levels, { center, width });
  }
}

/**
 * What the browser makes of a picture with one window so that it looks about like another one: a straight line, which
 * CSS has only as a product (brightness) and a stretch about the middle (contrast).
 * @param {Levels} levels of the picture
 * @param {Window} wanted
 */
function preview({ center, width, inverted }, wanted) {
  const slope = width / wanted.width;
  const shift = (center - wanted.center) / wanted.width;
  const black = 0.5 - slope / 2 + (inverted ? -shift : shift);
  const contrast = Math.max(0.01, 1 - 2 * black);
  return `brightness(${slope / contrast}) contrast(${contrast})`;
}
