// Where the large image stands: zoom and pan; how bright it is, is up to its light. For the eye only.

import { make, make_act_button } from "./elements.js";
import { Light } from "./light.js";

/**
 * @import { Levels } from "./protocol.js"
 * @import { Say } from "./words.js"
 */

const ZOOM_STEP = 1.25;
const PAN_PX = 60;
const RIGHT_BUTTONS = 2; // in PointerEvent.buttons
const NOTCH_PX = 90; // a notch of a mouse wheel is a little more in all browsers
const PINCH = 10; // browsers tell two fingers on a touch pad as Ctrl and a wheel that turns by very little

/**
 * How much a turn of the wheel enlarges: a step for each notch, less for the many small turns that a touch pad makes of
 * one movement, and nothing for a turn sideways.
 * @param {WheelEvent} event
 */
function zoom_of(event) {
  const notches = (-event.deltaY * (event.ctrlKey ? PINCH : 1)) / NOTCH_PX;
  return ZOOM_STEP ** Math.max(-1, Math.min(1, notches));
}

export class Stage {
  /**
   * @param {Say} say
   * @param {HTMLElement} cover lies over the image, wherever that is
   * @param {() => void} on_stretched the image is shown larger than its pixels, or may be
   * @param {() => void} on_window other values of the file are to be seen
   */
  constructor(say, cover, on_stretched, on_window) {
    this.cover = cover;
    this.on_stretched = on_stretched;
    this.zoom = 1;
    this.x = this.y = 0;
    this.dragged_to = { x: 0, y: 0 };
    /** pixels of the file that is shown, which the image at hand may be a smaller rendition of; 0: not known */
    this.width_px = this.height_px = 0;
    /** What the acts of this view do. @type {Record<string, () => void>} */
    this.acts = {
      zoom_out: () => this.zoom_by(1 / ZOOM_STEP), zoom_in: () => this.zoom_by(ZOOM_STEP), fit: () => this.fit(),
      reset_light: () => this.light.reset(),
    };
    this.image = make("img", "", { alt: "", draggable: "false" });
    this.image.onload = () => {
      this.light.settle();
      this.place();
      if (this.zoom > 1) this.on_stretched(); // somebody was quicker than the image
    };
    this.wait = make("span", "cleaner-wait");
    this.el = make("div", "cleaner-stage", { tabindex: "0", role: "img" }, this.image, cover, this.wait);
    this.zoom_text = make("span", "cleaner-zoom");
    const step = (/** @type {string} */ key, /** @type {string} */ act) => make_act_button(say(key), act, this.acts[act], "is-small");
    this.zoom_buttons = make("div", "cleaner-buttons", {},
      step("grid.zoom_out", "zoom_out"), step("grid.zoom_in", "zoom_in"), step("grid.fit", "fit"), this.zoom_text);
    this.light = new Light(say, this.image, on_window);
    this.listen();
    this.observer = new ResizeObserver(() => requestAnimationFrame(() => this.place()));
    this.observer.observe(this.el);
  }

  close() {
    this.observer.disconnect();
  }

  /**
   * @param {string | undefined} url of the image; undefined: there is none
   * @param {{width: number, height: number, levels: Levels | null} | undefined} file what is known of the file
   */
  show(url, file) {
    this.width_px = file?.width ?? 0;
    this.height_px = file?.height ?? 0;
    this.image.hidden = !url;
    if (!url) return this.place();
    if (this.image.src !== url) this.image.src = url;
    this.light.show(file?.levels);
    this.place();
  }

  // ---- zoom

  /** @returns {{width: number, height: number, fit: number}} pixels of the file, and screen pixels for each of them */
  get size() {
    const width = this.width_px || this.image.naturalWidth || 1;
    const height = (width * this.image.naturalHeight) / this.image.naturalWidth || this.height_px || width;
    return { width, height, fit: Math.min(this.el.clientWidth / width, this.el.clientHeight / height) };
  }

  /** @returns {boolean} whether the file has more pixels than the image at hand, and the screen shows more */
  get is_stretched() {
    const { width, fit } = this.size;
    const shown_px = width * fit * this.zoom * (window.devicePixelRatio || 1);
    const here_px = this.image.naturalWidth;
    return here_px > 0 && this.width_px > here_px && shown_px > here_px;
  }

  fit() {
    this.zoom = 1;
    this.x = this.y = 0;
    this.place();
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
    this.place();
    this.on_stretched();
  }

  /**
   * @param {number} dx
   * @param {number} dy
   */
  pan(dx, dy) {
    this.x += dx;
    this.y += dy;
    this.place();
  }

  place() {
    const { width, height, fit } = this.size;
    const scale = fit * this.zoom;
    const room_x = Math.max(0, (width * scale - this.el.clientWidth) / 2);
    const room_y = Math.max(0, (height * scale - this.el.clientHeight) / 2);
    this.x = Math.max(-room_x, Math.min(room_x, this.x));
    this.y = Math.max(-room_y, Math.min(room_y, this.y));
    for (const { style } of [this.image, this.cover]) {
      style.width = `${width * scale}px`;
      style.height = `${height * scale}px`;
      style.transform = `translate(-50%, -50%) translate(${this.x}px, ${this.y}px)`;
    }
    this.image.classList.toggle("is-coarse", scale >= 4);
    this.el.classList.toggle("can-move", this.zoom > 1);
    this.zoom_text.textContent = this.image.hidden ? "" : `${Math.round(100 * scale)}\u00a0%`;
  }

  listen() {
    this.el.addEventListener("wheel", (event) => {
      event.preventDefault();
      const box = this.el.getBoundingClientRect();
      const at_x = event.clientX - box.left - box.width / 2;
      this.zoom_by(zoom_of(event), at_x, event.clientY - box.top - box.height / 2);
    }, { passive: false });
    this.el.addEventListener("dblclick", () => (this.zoom > 1 ? this.fit() : this.zoom_by(Math.max(2, 1 / this.size.fit))));
    this.el.addEventListener("pointerdown", (event) => {
      this.el.setPointerCapture(event.pointerId);
      this.dragged_to = { x: event.clientX, y: event.clientY };
    });
    this.el.addEventListener("pointermove", (event) => {
      if (!this.el.hasPointerCapture(event.pointerId)) return;
      // Not movementX and movementY: of moves that it joins into one event, WebKit tells the last one there alone.
      const { x, y } = this.dragged_to;
      const [dx, dy] = [event.clientX - x, event.clientY - y];
      this.dragged_to = { x: event.clientX, y: event.clientY };
      if (event.buttons & RIGHT_BUTTONS) this.light.drag(dx, dy);
      else this.pan(dx, dy);
    });
    this.el.addEventListener("contextmenu", (event) => event.preventDefault()); // the right button is for light
  }

  /**
   * @param {KeyboardEvent} event
   * @param {string} act that the key asks for
   * @returns {boolean} whether the key changed how the image is seen
   */
  on_key(event, act) {
    const steps = /** @type {Record<string, [number, number]>} */ ({
      ArrowLeft: [PAN_PX, 0], ArrowRight: [-PAN_PX, 0], ArrowUp: [0, PAN_PX], ArrowDown: [0, -PAN_PX],
    });
    const step = steps[event.key];
    const is_plain = !event.ctrlKey && !event.metaKey && !event.altKey;
    if (step && event.shiftKey && is_plain) this.pan(...step);
    else if (this.acts[act]) this.acts[act]();
    else return false;
    return true;
  }
}
