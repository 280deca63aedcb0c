// The cards of one page: rows and cells, groups, focus, selection, images.

import { Card } from "./card.js";
import { Drag } from "./drag.js";
import { focus_in_view, make, make_url } from "./elements.js";
import { GroupHead } from "./group_head.js";

/**
 * @import { Cell, Group } from "./protocol.js"
 * @import { Purpose } from "./purposes.js"
 * @import { Say } from "./words.js"
 * @typedef {{
 *   on_change: () => void, on_open: (index: number) => void, on_group: (act: string, group: string) => void
 * }} CardHooks
 */

const WIDE_PX = 700;
const HEAD_PX = 252;
const MOST_BESIDE = 4; // most groups are pairs: let their images be large

/** @param {number} width_px room for the cards @returns {number} columns that fit well */
function columns_for(width_px) {
  const most = width_px >= 1380 ? 8 : 6;
  return Math.max(2, Math.min(most, Math.floor((width_px + 12) / 140)));
}

export class Cards {
  /**
   * @param {Say} say
   * @param {CardHooks} hooks
   */
  constructor(say, hooks) {
    this.say = say;
    this.hooks = hooks;
    /** @type {Card[]} */
    this.list = [];
    /** @type {Map<string, GroupHead>} */
    this.heads = new Map();
    /** @type {Card[][]} the cards as they stand in rows */
    this.rows = [];
    /** @type {Map<string, HTMLImageElement>} those of this page and, loaded ahead, of the next, by name */
    this.pictures = new Map();
    /** @type {Set<string>} */
    this.next_names = new Set();
    this.active = 0;
    this.anchor = 0;
    this.columns = 0;
    this.may_stand_beside = false;
    this.beside = false; // whether the heads of groups stand beside their cards
    this.el = make("div", "cleaner-cards", {
      role: "grid", "aria-label": say("grid.images_to_review"), "aria-multiselectable": "true",
    });
    this.el.addEventListener("click", (event) => this.on_click(event));
    this.el.addEventListener("dblclick", (event) => this.on_double_click(event));
    this.el.addEventListener("focusin", (event) => this.on_focus(event));
    this.drag = new Drag(this);
    this.observer = new ResizeObserver(() => requestAnimationFrame(() => this.flow()));
    this.observer.observe(this.el);
  }

  close() {
    this.observer.disconnect();
    this.drag.close();
    for (const { src } of this.pictures.values()) URL.revokeObjectURL(src);
    this.pictures.clear();
    this.list = [];
  }

  /** @returns {Card | undefined} */
  get current() {
    return this.list[this.active];
  }

  get selected() {
    return this.list.filter((card) => card.selected);
  }

  get focused() {
    return this.el.contains(document.activeElement);
  }

  /** @returns {number} images that have not come yet */
  get awaited() {
    return this.list.filter((card) => !card.arrived).length;
  }

  /**
   * @param {Cell[]} cells
   * @param {Group[]} groups
   * @param {Purpose} purpose
   * @param {string} separator of several labels of an image; empty where each has one
   */
  show(cells, groups, purpose, separator) {
    this.drag.end();
    const width_px = this.el.clientWidth; // before anything is changed, or all of it would be laid out once more
    const head = (/** @type {Group} */ group) => new GroupHead(group, this.say, purpose.head, this.hooks.on_group);
    this.heads = new Map(groups.map((group) => [group.id, head(group)]));
    this.may_stand_beside = purpose.beside;
    this.list = cells.map((cell, index) => new Card(cell, index, this.say, separator));
    this.active = this.anchor = 0;
    this.columns = 0;
    this.forget_pictures();
    for (const card of this.list) {
      const picture = this.pictures.get(card.cell.name);
      if (picture) this.load(card, picture);
    }
    this.flow(width_px);
  }

  /** @param {Group[]} groups as they are now */
  update_groups(groups) {
    for (const group of groups) this.heads.get(group.id)?.update(group);
  }

  /**
   * Lay the cells out in rows, again whenever the number of columns that fit changes; a group has rows of its own.
   * @param {number} width
   */
  flow(width = this.el.clientWidth) {
    const beside = this.may_stand_beside && this.heads.size > 0 && width >= WIDE_PX;
    const fit = beside ? Math.min(MOST_BESIDE, columns_for(width - HEAD_PX)) : columns_for(width);
    const columns = Math.max(1, Math.min(fit, this.list.length || 1));
    const full = Math.max(columns, beside ? columns : columns_for(width));
    if (columns === this.columns && beside === this.beside) return;
    this.columns = columns;
    this.beside = beside;
    const had_focus = this.focused;
    this.rows = [];
    for (const card of this.list) {
      const last = this.rows.at(-1);
      const joins = last && last.length < columns && (last[0].cell.group ?? null) === (card.cell.group ?? null);
      if (last && joins) last.push(card);
      else this.rows.push([card]);
    }
    this.el.replaceChildren(...this.rows.map((cards, i) => this.draw_row(cards, i)));
    this.el.classList.toggle("is-beside", beside);
    this.el.style.setProperty("--cleaner-columns", String(full));
    this.el.setAttribute("aria-rowcount", String(this.rows.length));
    const heads = this.heads.size ? 1 : 0;
    this.el.setAttribute("aria-colcount", String(this.list.length ? columns + heads : 0));
    this.mark_active();
    if (had_focus) this.current?.el.focus({ preventScroll: true });
  }

  /**
   * @param {Card[]} cards
   * @param {number} index
   */
  draw_row(cards, index) {
    const before = this.heads.size ? 2 : 1; // the head of a group is the first column, also where it stands above
    cards.forEach((card, i) => card.el.setAttribute("aria-colindex", String(i + before)));
    const group = cards[0].cell.group ?? "";
    const first = Boolean(group) && this.rows[index - 1]?.[0].cell.group !== group;
    const head = first ? this.heads.get(group) : undefined;
    return make("div", `cleaner-row${first ? " is-first" : ""}`, { role: "row", "aria-rowindex": String(index + 1) },
      ...(head ? [head.el] : []), ...cards.map((card) => card.el));
  }

  mark_active() {
    for (const card of this.list) {
      card.el.tabIndex = card.index === this.active ? 0 : -1;
      card.el.classList.toggle("is-active", card.index === this.active);
    }
  }

  /**
   * @param {number} index
   * @param {{focus?: boolean, extend?: boolean, keep_anchor?: boolean}} options
   */
  move(index, { focus = true, extend = false, keep_anchor = false } = {}) {
    if (!this.list.length) return;
    this.active = Math.max(0, Math.min(this.list.length - 1, index));
    if (extend) this.select_range(this.anchor, this.active);
    else if (!keep_anchor) this.anchor = this.active;
    this.mark_active();
    if (focus && this.current) focus_in_view(this.current.el);
    this.hooks.on_change();
  }

  /**
   * @param {string} key
   * @param {boolean} whole_page Ctrl with Home or End
   * @returns {number} where that key leads from the active cell
   */
  target_of(key, whole_page = false) {
    const at = this.rows.findIndex((row) => row.some((card) => card.index === this.active));
    const row = this.rows[at] ?? [];
    const place = row.findIndex((card) => card.index === this.active);
    const beside = (/** @type {Card[] | undefined} */ other) => other?.[Math.min(place, other.length - 1)].index ?? this.active;
    switch (key) {
      case "ArrowLeft": return this.active - 1;
      case "ArrowRight": return this.active + 1;
      case "ArrowUp": return beside(this.rows[at - 1]);
      case "ArrowDown": return beside(this.rows[at + 1]);
      case "Home": return whole_page ? 0 : row[0]?.index ?? 0;
      default: return whole_page ? this.list.length - 1 : row.at(-1)?.index ?? 0;
    }
  }

  /**
   * @param {number} from
   * @param {number} to
   */
  select_range(from, to) {
    const [low, high] = from < to ? [from, to] : [to, from];
    for (const card of this.list) card.selected = card.index >= low && card.index <= high;
    this.list.forEach((card) => card.draw());
  }

  /** @param {boolean} selected */
  select_all(selected) {
    for (const card of this.list) {
      card.selected = selected;
      card.draw();
    }
    this.hooks.on_change();
  }

  /** @param {Card} card */
  toggle(card) {
    card.selected = !card.selected;
    this.anchor = card.index;
    card.draw();
    this.hooks.on_change();
  }

  /** Whatever moved the focus here, a screen reader for one, that card is the active one now. @param {FocusEvent} event */
  on_focus(event) {
    const card = this.card_at(event);
    if (card && card.index !== this.active) this.move(card.index, { focus: false, keep_anchor: true });
  }

  /** @param {Event} event @returns {Card | undefined} */
  card_at(event) {
    const el = event.target instanceof Element ? event.target.closest(".cleaner-card") : null;
    return this.list.find((card) => card.el === el);
  }

  /** @param {MouseEvent} event */
  on_click(event) {
    const card = this.card_at(event);
    if (!card) return;
    if (event.shiftKey) return this.move(card.index, { extend: true });
    const toggles = event.ctrlKey || event.metaKey || event.target === card.corner;
    this.move(card.index);
    if (toggles) this.toggle(card);
  }

  /** @param {MouseEvent} event */
  on_double_click(event) {
    const card = this.card_at(event);
    if (card && event.target !== card.corner && !event.shiftKey && !event.ctrlKey) this.hooks.on_open(card.index);
  }

  /** @param {string} name */
  find(name) {
    return this.list.find((card) => card.cell.name === name);
  }

  /** @returns {string[]} names on this page whose image is not here */
  missing() {
    return this.list.filter((card) => !card.arrived && !this.pictures.has(card.cell.name)).map((card) => card.cell.name);
  }

  /** @param {string[]} names the images that may be kept beside those of this page */
  expect_next(names) {
    this.next_names = new Set(names);
    this.forget_pictures();
  }

  forget_pictures() {
    const wanted = new Set(this.list.map((card) => card.cell.name));
    for (const [name, { src }] of this.pictures) {
      if (wanted.has(name) || this.next_names.has(name)) continue;
      URL.revokeObjectURL(src);
      this.pictures.delete(name);
    }
  }

  /**
   * @param {string} name
   * @param {DataView | null} bytes
   * @param {string} problem why there are none
   */
  receive(name, bytes, problem) {
    const card = this.find(name);
    if (problem) {
      card?.draw_problem(problem);
      return this.hooks.on_change();
    }
    if (!bytes || this.pictures.has(name) || (!card && !this.next_names.has(name))) return;
    const picture = make("img", "", { alt: "", draggable: "false", decoding: "async", src: make_url(bytes) });
    this.pictures.set(name, picture);
    if (card) this.load(card, picture);
  }

  /**
   * @param {Card} card
   * @param {HTMLImageElement} picture that may be there already
   */
  load(card, picture) {
    card.image.replaceWith(picture);
    card.image = picture;
    const arrive = () => {
      card.arrived = true;
      card.el.classList.add("has-picture");
    };
    if (picture.complete && picture.naturalWidth) return arrive();
    picture.onload = () => {
      arrive();
      if (this.awaited === 0) this.hooks.on_change();
    };
    picture.onerror = () => {
      card.draw_problem(this.say("grid.undrawable"));
      this.hooks.on_change();
    };
    // What could not be loaded ahead has told so already, to nobody.
    if (picture.complete) picture.src += "";
  }
}
