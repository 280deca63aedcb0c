// What the reviewer does: decide, confirm, undo, turn the page. Each act says what was seen when it was asked for.

import { same_decision } from "./cell.js";
import { split, with_class } from "./label_sets.js";
import { bereft_groups, is_offered, superfluous } from "./purposes.js";

/**
 * @import { Card } from "./card.js"
 * @import { Wish } from "./cell.js"
 * @import { Seen } from "./protocol.js"
 * @import { View } from "./view.js"
 */

const NEW_PAGE_MS = 300; // nobody can have looked at a page that fast
const RENEWED_MS = 500; // nor taken in a card that has changed under the fingers

/**
 * @param {Card} card
 * @param {string} action
 * @returns {boolean} whether the act takes the suggestion, which is also what is kept where there is no label
 */
function accepts(card, action) {
  return action === "suggest" || (action === "keep" && card.cell.given === null);
}

/**
 * @param {Card} card
 * @param {string} action
 * @param {string | null} label
 * @returns {Wish | null} what the card will show
 */
function wish(card, action, label) {
  const { given, suggestion } = card.cell;
  if (action === "clear") return null;
  if (action === "add" || action === "remove") {
    const now = with_class(card.label, label ?? "", card.separator, action === "add");
    return now === given ? { action: "keep", label: null } : { action: "relabel", label: now };
  }
  const takes_suggestion = accepts(card, action);
  if (takes_suggestion && suggestion === null) return card.decision;
  const to = takes_suggestion ? suggestion : label;
  if ((action === "keep" && !takes_suggestion) || (to !== null && to === given)) return { action: "keep", label: null };
  return { action: takes_suggestion ? "relabel" : action, label: to };
}

export class Acts {
  /** @param {View} view */
  constructor(view) {
    this.view = view;
    this.confirming = ""; // id of the Confirm that is on its way
    this.shown_ms = 0; // when the page came
    this.renewed_ms = 0; // when a card was shown anew because an act was meant for what it showed before
  }

  /** @returns {boolean} whether nothing may be decided now */
  get blocked() {
    return this.view.link.frozen || !this.view.page || Boolean(this.confirming);
  }

  /** @returns {boolean} whether the keys could be meant for what is no longer, or not yet, on show */
  get is_changing() {
    return this.view.link.is_turning || Date.now() - this.renewed_ms < RENEWED_MS;
  }

  /** @param {Card[]} cards of which the suggestion is to be told @returns {Seen} */
  seen(cards = []) {
    const suggestions = cards.map((card) => [card.cell.name, card.cell.suggestion]);
    return { page: this.view.page?.id ?? "", suggestions: Object.fromEntries(suggestions) };
  }

  /** Another page is on show. */
  on_new_page() {
    this.confirming = "";
    this.shown_ms = Date.now();
  }

  // ---- deciding

  /**
   * Give the images in hand a label; where an image can have several, one that all of them have is taken away.
   * @param {string} label
   * @param {boolean} is_new it is a class that does not exist yet
   */
  relabel(label, is_new = false) {
    const { page } = this.view;
    if (!page?.separator) return this.decide("relabel", label, is_new);
    const has = (/** @type {Card} */ card) => split(card.label, card.separator).includes(label);
    this.decide(this.targets.every(has) ? "remove" : "add", label, is_new);
  }

  /** @returns {Card[]} the images in hand: those selected, or the one in focus */
  get targets() {
    const { cards, large } = this.view;
    const selected = large.open ? [] : cards.selected;
    return selected.length ? selected : cards.current ? [cards.current] : [];
  }

  /**
   * @param {string} asked keep, delete, relabel, suggest, unsure, add or remove
   * @param {string | null} label
   * @param {boolean} is_new the label is a class that does not exist yet
   */
  decide(asked, label = null, is_new = false) {
    const { view } = this;
    const { cards, purpose } = view;
    if (this.blocked || this.is_changing) return;
    const { targets } = this;
    if (!targets.length) return;
    // One label more or less is the same act whatever came before it: keys may follow each other fast.
    const one_by_one = asked === "add" || asked === "remove";
    if (!one_by_one && targets.some((card) => card.saving)) return view.tell("grid.still_saving");
    if (!is_offered(purpose, asked)) return view.tell("grid.not_offered");
    if (asked === "group") return this.relabel_group();
    if (purpose.on_groups.includes(asked)) return this.decide_groups(asked, targets);
    const lacks = (/** @type {Card} */ card) => card.cell.suggestion === null && accepts(card, asked);
    if (targets.every(lacks)) return view.tell(asked === "keep" ? "grid.no_label_to_keep" : "grid.no_suggestion");
    // Where delete is all there is, a second x takes the first one back.
    const action = !view.reviewing && targets.every((card) => card.decision) ? "clear" : asked;
    // What a colleague decided, and what two disagree on, can be decided again in the same way.
    const settled = (/** @type {Card} */ card) => (card.saving || card.cell.decision?.mine !== false) && !card.cell.notes.length;
    const changed = targets.filter((card) => !settled(card) || !same_decision(wish(card, action, label), card.decision));
    if (changed.length) {
      const names = changed.map((card) => card.cell.name);
      const seen = this.seen(changed.filter((card) => accepts(card, action)));
      const id = view.link.send({ kind: "decide", seen, action, names, label, new_class: is_new });
      for (const card of changed) this.expect(card, wish(card, action, label), id);
    }
    // The image stays in hand until all of its labels are right, and so do several that are selected.
    const stays = one_by_one || (!view.large.open && cards.selected.length > 0);
    this.after_act(targets, stays ? null : cards.active + 1, { keep: one_by_one });
  }

  /**
   * Keep one of a group of duplicates, do what is advised for it, or say that it is none.
   * @param {string} act only, suggest or different
   * @param {Card[]} targets
   */
  decide_groups(act, targets) {
    const { view } = this;
    const { list } = view.cards;
    const gone = superfluous(act, targets, list);
    const back = act === "only" ? targets.filter((card) => card.decision?.action === "delete") : [];
    if (!gone.length && !back.length && act !== "different") {
      const bereft = targets.some((card) => bereft_groups(list).has(card.cell.group));
      if (act === "only") return view.tell("grid.rest_is_deleted");
      return view.tell(bereft ? "grid.kept_is_deleted" : "grid.no_advice");
    }
    const names = targets.map((card) => card.cell.name);
    const id = view.link.send({ kind: "decide", seen: this.seen(), action: act, names, label: null, new_class: false });
    for (const card of gone) this.expect(card, { action: "delete", label: null }, id);
    for (const card of back) this.expect(card, null, id);
    const last = targets[targets.length - 1];
    const next = list.findIndex((card) => card.index > last.index && card.cell.group !== last.cell.group);
    this.after_act([...targets, ...gone], next < 0 ? null : next);
  }

  /** Give the suggested label to all that is left of the group in focus, and was seen. */
  relabel_group() {
    const { view } = this;
    const { cards, large } = view;
    const group = cards.current?.cell.group ?? "";
    const members = cards.list.filter((card) => card.cell.group === group);
    const rest = members.filter((card) => !card.decision && !card.problem);
    if (large.open || Date.now() - this.shown_ms < NEW_PAGE_MS) return view.tell("grid.look_at_group");
    if (members.some((card) => card.saving)) return view.tell("grid.still_saving");
    if (!rest.length) return view.tell("grid.group_is_decided");
    if (!cards.heads.get(group)?.ready) return view.tell("grid.look_at_these_first");
    const awaited = rest.filter((card) => !card.arrived).length;
    if (awaited) return view.tell(awaited === 1 ? "grid.awaited_one" : "grid.awaited_many", { n: awaited });
    const label = rest[0].cell.suggestion;
    const names = rest.map((card) => card.cell.name);
    const id = view.link.send({ kind: "decide", seen: this.seen(rest), action: "group", names, label, new_class: false });
    for (const card of rest) this.expect(card, { action: "relabel", label }, id);
    const last = members[members.length - 1].index;
    this.after_act(members, last + 1 < cards.list.length ? last + 1 : null);
  }

  /**
   * @param {string} act
   * @param {string} group
   */
  act_on_group(act, group) {
    const { cards } = this.view;
    const members = cards.list.filter((card) => card.cell.group === group);
    if (this.blocked || !members.length) return;
    cards.select_all(false);
    cards.move(members[0].index);
    this.decide(act);
  }

  /**
   * Show a decision that is on its way.
   * @param {Card} card
   * @param {Wish | null} decision
   * @param {string} id of the act
   */
  expect(card, decision, id) {
    card.wanted = decision;
    card.saving = id;
  }

  /**
   * @param {Card[]} touched
   * @param {number | null} next where to go: after one image comes the next, as with a pile of cards
   * @param {{keep?: boolean}} options whether they stay selected
   */
  after_act(touched, next, { keep = false } = {}) {
    const { view } = this;
    view.said = "";
    for (const card of touched) {
      card.selected &&= keep;
      card.draw();
    }
    if (view.large.open) view.large.draw();
    if (next !== null && next < view.cards.list.length) {
      if (view.large.open) view.large.show(next);
      else view.cards.move(next, { focus: view.cards.focused });
    }
    view.draw();
  }

  /**
   * Describe a class.
   * @param {string} label
   * @param {string} text
   * @returns {string} id of the act
   */
  describe(label, text) {
    return this.view.link.send({ kind: "describe", seen: this.seen(), label, text });
  }

  undo() {
    if (!this.view.link.frozen) this.view.link.send({ kind: "undo", seen: this.seen() });
  }

  redo() {
    if (!this.view.link.frozen) this.view.link.send({ kind: "redo", seen: this.seen() });
  }

  // ---- pages

  confirm() {
    const { view } = this;
    const { cards, page } = view;
    if (this.blocked || this.is_changing || !page || !page.cells.length) return;
    if (cards.awaited) return view.tell(cards.awaited === 1 ? "grid.awaited_one" : "grid.awaited_many", { n: cards.awaited });
    if (Date.now() - this.shown_ms < NEW_PAGE_MS) return view.tell("grid.look_first");
    const open = cards.list.filter((card) => !card.decision && !card.problem);
    const judged = view.purpose.judges ? open : [];
    const seen = this.seen(judged.filter((card) => accepts(card, "keep")));
    this.confirming = view.link.send({ kind: "confirm", seen, names: judged.map((card) => card.cell.name) });
    view.said = "";
    view.draw();
  }

  /** @param {number} by */
  turn(by) {
    const { view } = this;
    if (this.blocked) return;
    if (by < 0 ? !view.page?.can_go_back : !view.page?.can_go_on) {
      return view.tell(by < 0 ? "grid.first_page" : "grid.last_page");
    }
    view.said = "";
    view.link.send({ kind: "turn", by }, { quiet: true });
  }

  /** Show images similar to what was just decided; among those, decide the same on all that are unmarked. */
  similar() {
    const { view } = this;
    const { cards, large, page } = view;
    if (this.blocked || this.is_changing || !page) return;
    const { offer, same } = page;
    if (same) {
      const open = cards.list.filter((card) => !card.decision && !card.saving);
      if (!large.open && !cards.selected.length) for (const card of open) card.selected = true;
      if (large.open || cards.selected.length) this.decide(same.action, same.label);
      else view.tell("grid.all_similar_decided");
    } else if (offer) {
      if (large.open) large.el.close();
      view.said = "";
      view.link.send({ kind: "similar" }, { quiet: true });
    } else {
      view.tell("grid.none_similar");
    }
  }
}
