// Selecting with the mouse held down, or with a finger: the cards below a frame that is drawn over them.

import { make } from "./elements.js";

/**
 * @import { Card } from "./card.js"
 * @import { Cards } from "./cards.js"
 * @typedef {{x: number, y: number}} Point
 * @typedef {{
 *   id: number, touch: boolean, from: Point, at: Point, adds: boolean, before: Set<Card>, hold: number
 * }} Stroke from: where it began, within the grid; at: where it is now, in the window;
 *   before: what was selected when it began; hold: timer after which a finger selects instead of scrolling
 */

const START_PX = 6; // a hand that clicks shakes less
const HOLD_MS = 400; // shorter than the menu that a phone opens
const EDGE_PX = 40;
const SCROLL_PX = 12; // a frame of the screen

/** @param {Element} element @returns {Element} what scrolls it */
function scroller_of(element) {
  for (let at = element.parentElement; at; at = at.parentElement) {
    if (at.scrollHeight > at.clientHeight && /auto|scroll/.test(getComputedStyle(at).overflowY)) return at;
  }
  return document.scrollingElement ?? document.documentElement;
}

export class Drag {
  /** @param {Cards} cards */
  constructor(cards) {
    this.cards = cards;
    /** @type {Stroke | null} */
    this.stroke = null;
    this.selecting = false;
    /** @type {number | undefined} the pointer whose stroke was given up, while it is still down */
    this.dropped = undefined;
    this.el = make("div", "cleaner-drag", { "aria-hidden": "true" });
    this.stop = new AbortController();
    const { signal } = this.stop;
    const { el } = cards;
    el.addEventListener("pointerdown", (event) => this.on_down(event));
    // A finger that selects must not scroll as well; nobody can say so once the browser has begun to scroll.
    el.addEventListener("touchmove", (event) => this.selecting && event.cancelable && event.preventDefault(), { passive: false });
    el.addEventListener("contextmenu", (event) => this.stroke?.touch && event.preventDefault());
    el.addEventListener("selectstart", (event) => this.stroke && event.preventDefault());
    window.addEventListener("pointermove", (event) => this.on_move(event), { signal });
    window.addEventListener("pointerup", (event) => this.on_up(event), { signal });
    window.addEventListener("pointercancel", () => this.end(), { signal });
    window.addEventListener("blur", () => this.end(), { signal });
    window.addEventListener("keydown", (event) => this.on_key(event), { signal, capture: true });
  }

  close() {
    this.end();
    this.stop.abort();
  }

  /** @param {PointerEvent} event */
  on_down(event) {
    const is_control = event.target instanceof Element && event.target.closest("button, .cleaner-corner");
    if (!event.isPrimary) return this.cancel(); // a second finger: that is a pinch
    if (event.button !== 0 || is_control || !this.cards.list.length) return;
    const touch = event.pointerType === "touch";
    const at = { x: event.clientX, y: event.clientY };
    this.stroke = {
      id: event.pointerId, touch, from: this.within(at), at, before: new Set(this.cards.selected),
      adds: touch || event.shiftKey || event.ctrlKey || event.metaKey,
      hold: touch ? window.setTimeout(() => this.begin(), HOLD_MS) : 0,
    };
  }

  /** @param {Point} point in the window @returns {Point} the same within the grid, wherever that is scrolled to */
  within({ x, y }) {
    const { left, top } = this.cards.el.getBoundingClientRect();
    return { x: x - left, y: y - top };
  }

  begin() {
    if (!this.stroke) return;
    this.selecting = true;
    this.cards.el.classList.add("is-dragging");
    this.cards.el.append(this.el);
    this.draw();
    requestAnimationFrame(() => this.scroll());
  }

  /** @param {PointerEvent} event */
  on_move(event) {
    const { stroke } = this;
    if (!stroke || event.pointerId !== stroke.id) return;
    const far = Math.hypot(event.clientX - stroke.at.x, event.clientY - stroke.at.y) >= START_PX;
    if (!this.selecting && !far) return;
    if (!this.selecting && stroke.touch) return this.end(); // it scrolls
    stroke.at = { x: event.clientX, y: event.clientY };
    if (this.selecting) this.draw();
    else this.begin();
  }

  /** @param {PointerEvent} event */
  on_up(event) {
    if (event.pointerId === this.dropped) {
      this.dropped = undefined;
      return this.swallow_click();
    }
    if (event.pointerId !== this.stroke?.id) return;
    if (this.selecting) {
      this.swallow_click();
      const near = this.nearest();
      this.end();
      if (near) this.cards.move(near.index);
      return;
    }
    this.end();
  }

  /** What the browser takes for a click would select that card alone. */
  swallow_click() {
    const swallow = (/** @type {Event} */ event) => event.stopPropagation();
    window.addEventListener("click", swallow, { capture: true, once: true });
    setTimeout(() => window.removeEventListener("click", swallow, { capture: true }));
  }

  /** @param {KeyboardEvent} event */
  on_key(event) {
    if (!this.selecting || event.key !== "Escape") return;
    event.preventDefault();
    event.stopPropagation();
    this.dropped = this.stroke?.id;
    this.cancel();
  }

  /** Leave everything selected as it was. */
  cancel() {
    const { stroke } = this;
    if (stroke && this.selecting) this.select((card) => stroke.before.has(card));
    this.end();
  }

  end() {
    if (this.stroke) clearTimeout(this.stroke.hold);
    this.stroke = null;
    this.selecting = false;
    this.el.remove();
    this.cards.el.classList.remove("is-dragging");
  }

  /** @returns {{left: number, top: number, right: number, bottom: number} | null} the frame, within the grid */
  get frame() {
    if (!this.stroke) return null;
    const { from } = this.stroke;
    const at = this.within(this.stroke.at);
    return {
      left: Math.min(from.x, at.x), right: Math.max(from.x, at.x), top: Math.min(from.y, at.y), bottom: Math.max(from.y, at.y),
    };
  }

  draw() {
    const { stroke, frame } = this;
    if (!stroke || !frame) return;
    const { clientWidth, clientHeight } = this.cards.el;
    const [left, right] = [Math.max(0, frame.left), Math.min(clientWidth, frame.right)];
    const [top, bottom] = [Math.max(0, frame.top), Math.min(clientHeight, frame.bottom)];
    Object.assign(this.el.style, {
      left: `${left}px`, top: `${top}px`, width: `${Math.max(0, right - left)}px`, height: `${Math.max(0, bottom - top)}px`,
    });
    const place = this.cards.el.getBoundingClientRect();
    this.select((card) => {
      const box = card.el.getBoundingClientRect();
      const apart = box.right - place.left < frame.left || box.left - place.left > frame.right
        || box.bottom - place.top < frame.top || box.top - place.top > frame.bottom;
      return !apart || (stroke.adds && stroke.before.has(card));
    });
  }

  /** @param {(card: Card) => boolean} is_in */
  select(is_in) {
    const changed = this.cards.list.filter((card) => card.selected !== is_in(card));
    for (const card of changed) {
      card.selected = !card.selected;
      card.draw();
    }
    if (changed.length) this.cards.hooks.on_change();
  }

  /** @returns {Card | undefined} the selected card that is nearest to where the stroke ended */
  nearest() {
    const { stroke } = this;
    if (!stroke) return undefined;
    const distance = (/** @type {Card} */ card) => {
      const { left, right, top, bottom } = card.el.getBoundingClientRect();
      return Math.hypot(stroke.at.x - (left + right) / 2, stroke.at.y - (top + bottom) / 2);
    };
    return this.cards.selected.sort((a, b) => distance(a) - distance(b))[0];
  }

  /** Near the upper or lower edge the page goes along. */
  scroll() {
    if (!this.selecting || !this.stroke) return;
    const scroller = scroller_of(this.cards.el);
    const { top } = scroller === document.scrollingElement ? { top: 0 } : scroller.getBoundingClientRect();
    const bar = parseFloat(getComputedStyle(this.cards.el).getPropertyValue("--cleaner-bar")) || 0;
    const bottom = Math.min(window.innerHeight, top + scroller.clientHeight) - bar;
    const { y } = this.stroke.at;
    const step = y < top + EDGE_PX ? -SCROLL_PX : y > bottom - EDGE_PX ? SCROLL_PX : 0;
    const before = scroller.scrollTop;
    scroller.scrollTop += step;
    if (scroller.scrollTop !== before) this.draw();
    requestAnimationFrame(() => this.scroll());
  }
}
